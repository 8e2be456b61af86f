/* diagnose: reads a transcript, says what is wrong. Never prints. Findings are sorted, the most likely root cause of the whole input first; none when
 * nothing is wrong. The same transcript always gives the same findings. */
#ifndef TT_DIAGNOSE_DIAGNOSE_H
#define TT_DIAGNOSE_DIAGNOSE_H

#include "diagnose/knowledge.h"
#include "model/transcript.h"

/* Pieces of evidence kept per finding: the first, and a few more. */
#define FINDING_EVIDENCE_MAX 6u
/* Longest quote of the evidence in a finding, in bytes. */
#define FINDING_QUOTE_MAX 600u

struct evidence {
	unsigned session;    /* 0: context */
	unsigned event;
	struct where where;
	enum event_kind kind;
	enum side side;
	struct slice quote;  /* raw words of the event (secrets already masked), at most FINDING_QUOTE_MAX; may hold LF */
};

struct finding_fix {
	const char *product; /* key: "exim", "client", ... */
	const char *text;    /* untranslated */
	bool relevant;       /* the product was seen in the evidence, or it is a general one */
};

struct finding {
	const struct cause *cause;
	double confidence;
	struct slice summary;      /* translated, placeholders filled, safe to show */
	VEC(struct evidence) evidence;
	VEC(struct finding_fix) fixes; /* relevant first */
	uint64_t count;            /* sessions (or events without session) it was found in */
	uint64_t first_line;       /* of the first example */
	struct slice rule;         /* name of the rule or the pattern that weighed most, for --verbose */
};

struct diagnosis {
	struct arena *arena;
	VEC(struct finding *) findings;
	uint64_t sessions, sessions_ok; /* looked at, and gone well */
};

struct diagnoser; /* compiled patterns; reusable for many transcripts */

/* NULL and *reterr on failure (a pattern of an overlay that does not compile). k must outlive it. */
struct diagnoser *diagnoser_new(const struct knowledge *k, struct err *reterr);
void diagnoser_free(struct diagnoser *dr);

/* Diagnoses a whole transcript (transcript_finish was called). Owned by its own arena; diagnosis_free. NULL when memory is out. */
struct diagnosis *diagnose(struct diagnoser *dr, const struct transcript *t);
/* For streams: adds a transcript's findings to those gathered so far (grouped by cause, counted, first example kept). */
bool diagnose_add(struct diagnoser *dr, const struct transcript *t, struct diagnosis *sum);
struct diagnosis *diagnosis_new(void);
/* Adds the findings of one diagnosis (of one session, say) to a sum, which keeps copies: counted by cause, the most frequent first. */
bool diagnosis_merge(struct diagnosis *sum, const struct diagnosis *d);
void diagnosis_free(struct diagnosis *d);

/* The text alone, as one reply of that protocol (PROTOCOL_UNKNOWN: any): what `explain` asks. */
struct diagnosis *diagnose_text(struct diagnoser *dr, enum protocol p, struct slice text);

#endif
