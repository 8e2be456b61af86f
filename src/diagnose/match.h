/* match: the patterns of the knowledge, compiled, over events. */
#ifndef TT_DIAGNOSE_MATCH_H
#define TT_DIAGNOSE_MATCH_H

#include "diagnose/knowledge.h"
#include "model/transcript.h"

/* Backtracking steps one match may take; beyond, it counts as no match (an evil text cannot hang us). */
#define MATCH_STEPS 200000u
/* An event's text is matched up to here. */
#define MATCH_TEXT_MAX (32u * 1024u)

struct matcher;

struct match_value {
	const char *name;
	struct slice value; /* in the event's text */
};

#define MATCH_VALUES_MAX 8u

struct match {
	const struct pattern *pattern;
	struct match_value values[MATCH_VALUES_MAX];
	size_t n_values;
};

/* k must outlive it. NULL and *reterr when a pattern does not compile (checked at build time; an overlay's may fail here). */
struct matcher *matcher_new(const struct knowledge *k, struct err *reterr);
void matcher_free(struct matcher *m);

/* Calls take for every pattern that fits the event and matches its text, as it stands or unwrapped (in a, where the values then point); `needs` and `unless` are the caller's business. */
void matcher_run(struct matcher *m, struct arena *a, const struct event *e, enum protocol p, void (*take)(void *user, const struct match *hit), void *user);

/* Any regular expression, compiled once per address of its text; caseless, dot matches newline. False also when it does not compile. */
bool matcher_regex(struct matcher *m, struct slice text, const char *regex, struct slice *ret_group);

/* The verb that a reply answers as patterns name it ("RCPT", "CONNECT", "DOT"); empty when not known. */
struct slice match_after(const struct event *e);

#endif
