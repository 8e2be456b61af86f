/* filter: the options that narrow an answer down: --client, --server, --session, --cause. */
#ifndef TT_CLI_FILTER_H
#define TT_CLI_FILTER_H

#include "diagnose/diagnose.h"
#include "diagnose/verdict.h"
#include "model/select.h"
#include "report/report.h"

/* More numbers than anybody types. */
#define FILTER_SESSIONS_MAX 64u

struct filter {
	struct selection selection;
	unsigned sessions[FILTER_SESSIONS_MAX];
	const char *cause_id; /* as given */
	const struct cause *cause;
	struct report_left_out left_out;
};

/* "3" or "3,5,8"; false (a message was printed) if it is neither. */
bool filter_set_sessions(struct filter *f, const char *list);
/* Looks the cause up; false (a message was printed) if there is none of that name. */
bool filter_set_cause(struct filter *f, const struct knowledge *k);
/* Before the diagnosis: only the sessions asked for. */
void filter_sessions(struct filter *f, struct transcript *t);
/* After it: of these, only the ones that the cause asked for rests on (if one was asked for). */
void filter_evidence(const struct filter *f, struct transcript *t, const struct diagnosis *d);
/* At the end: only the cause asked for; settles the verdict on it. */
void filter_findings(struct filter *f, struct diagnosis *d, struct verdict *v);
/* Were sessions asked for and none of them there? Then a message was printed. */
bool filter_found_nothing(const struct filter *f, const struct verdict *v);

#endif
