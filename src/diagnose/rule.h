/* rule: what an inference needs. An inference is a small C function over the transcript that finds what words alone cannot tell. Each file
 * src/diagnose/rules/NAME.c defines exactly one table
 *
 *     const struct rule rules_NAME[] = { {"helo-then-auth", "helo-instead-of-ehlo", RULE_SESSION, find_helo_then_auth}, ..., {0} };
 *
 * and the build collects the tables by file name. A RULE_SESSION function runs once per session; a RULE_INPUT function once per transcript with
 * s == NULL (compares sessions, reads context: settings, prose, other tools' output). Functions emit at most a few findings and never loop over events
 * quadratically. See docs/RULES.md. */
#ifndef TT_DIAGNOSE_RULE_H
#define TT_DIAGNOSE_RULE_H

#include "diagnose/diagnose.h"

struct dx; /* a diagnosis in progress */
struct draft; /* one emitted finding */

enum rule_scope { RULE_SESSION, RULE_INPUT };

struct rule {
	const char *name;  /* unique, for --verbose and tests */
	const char *cause; /* main cause it finds, for coverage; it may emit others */
	enum rule_scope scope;
	void (*run)(struct dx *x, const struct session *s);
};

const struct transcript *dx_transcript(const struct dx *x);
struct arena *dx_arena(struct dx *x);

/* Emits a finding. confidence: 0.95 proven by the dialogue; 0.8 what an expert would say; 0.6 likely; 0.4 a hint. e is the decisive event.
 * The cause's own summary is used, with placeholders filled from the session; dx_summary replaces it. Never NULL. */
struct draft *dx_find(struct dx *x, const char *cause, double confidence, const struct event *e);
/* One more piece of evidence (NULL is ignored). */
void dx_evidence(struct draft *d, const struct event *e);
/* One sentence, already translated by _(); the values in it must come from dx_shown. */
void dx_summary(struct draft *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Value for a placeholder of the cause's summary: "ehlo", "mech", "value", ... */
void dx_value(struct draft *d, const char *name, struct slice value);
/* The finding holds although the session later succeeded (by default a refusal that the session recovered from is dropped). */
void dx_keep(struct draft *d);
/* A value of the evidence made fit for a sentence (shortened, cleaned), as a C string in the diagnosis' arena. */
const char *dx_shown(struct dx *x, struct slice value);

/* Does an event of one of these kinds (bits 1u << EV_…; 0 = all) match this PCRE2 pattern (caseless, compiled once by address, so pass a literal)?
 * Returns the first such event of the whole transcript at or after *position in t->events (position may be NULL), else NULL. */
const struct event *dx_search(struct dx *x, unsigned kinds, const char *regex, size_t *position);
/* The same within one session's events. */
const struct event *dx_search_session(struct dx *x, const struct session *s, unsigned kinds, const char *regex);
/* Does this text match? */
bool dx_match(struct dx *x, struct slice text, const char *regex);
/* As dx_match; the first capture group in *ret_group. */
bool dx_capture(struct dx *x, struct slice text, const char *regex, struct slice *ret_group);
/* A cause already found in this transcript with at least that confidence (patterns run before inferences, tables in file name order). */
bool dx_has(const struct dx *x, const char *cause, double confidence);

#define KIND(k) (1u << (k))
#define KINDS_SAID (KIND(EV_GREETING) | KIND(EV_COMMAND) | KIND(EV_REPLY) | KIND(EV_UNTAGGED) | KIND(EV_CHALLENGE) | KIND(EV_RESPONSE))
#define KINDS_TOLD (KIND(EV_LOG) | KIND(EV_ERROR) | KIND(EV_BOUNCE))
#define KINDS_AROUND (KIND(EV_CONFIG) | KIND(EV_TOOL) | KIND(EV_PROSE))

#endif
