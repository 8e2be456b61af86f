/* explain: how telltale explain shows what it found. */
#ifndef TT_CLI_EXPLAIN_H
#define TT_CLI_EXPLAIN_H

#include "base/buf.h"
#include "diagnose/diagnose.h"
#include "diagnose/explain.h"

struct explain_shown {
	struct arena *arena;
	const struct knowledge *knowledge;
	struct slice query;
	bool colour;
	unsigned width;
};

/* d may be NULL: the patterns were not asked. */
void explain_show_text(struct buf *out, const struct explanation *e, const struct diagnosis *d, const char *nearest, const struct explain_shown *o);
void explain_show_json(struct buf *out, const struct explanation *e, const struct diagnosis *d, const char *nearest, const struct explain_shown *o);
/* --list: what is "causes" or "codes". */
void explain_list_text(struct buf *out, bool codes, const struct explain_shown *o);
void explain_list_json(struct buf *out, bool codes, const struct explain_shown *o);

/* Findings as sure as this are told first, as the likely cause. */
#define EXPLAIN_SURE 0.25
#define EXPLAIN_FINDINGS_MAX 3u

#endif
