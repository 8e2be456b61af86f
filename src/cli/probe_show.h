/* probe_show: the scoreboard of telltale probe: tables of what was tried, as text and as JSON. */
#ifndef TT_CLI_PROBE_SHOW_H
#define TT_CLI_PROBE_SHOW_H

#include "probe/probe.h"
#include "report/report.h"

struct json_t;

void probe_show_text(struct buf *out, const struct probe_report *r, const struct report_options *o);
/* The object "probe" of the JSON document. */
struct json_t *probe_show_json(const struct probe_report *r, const struct report_options *o);

#endif
