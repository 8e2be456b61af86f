/* draft: findings while they are being made; private to src/diagnose/{engine,summary}.c. */
#ifndef TT_DIAGNOSE_DRAFT_H
#define TT_DIAGNOSE_DRAFT_H

#include "diagnose/match.h"
#include "diagnose/rule.h"
#include "diagnose/thin.h"
#include "model/mask.h"
#include "proto/dialogue.h"

#define DRAFT_VALUES_MAX 12u
/* A value of the evidence in a sentence. */
#define DRAFT_SHOWN_MAX 80u
/* Findings less sure than this are not shown: they would be guesses. */
#define FINDING_MIN 0.25
/* More lines than this that no form knows are a document, not an account; what single lines of it say is taken down to this part at most. */
#define DOCUMENT_LINES 120u
#define DOCUMENT_FLOOR 0.25
/* A cause must be this sure to explain another away, and not much less sure than that one. */
#define EXPLAINS_MIN 0.5
#define EXPLAINS_SLACK 0.25
/* What is left of a wording's confidence that counts after certain commands only, where it is not known which command it answers. */
#define BLIND_FACTOR 0.85
/* A person who retells a message, or denies it ("it is not greylisting"), is a weaker witness than the program itself. */
#define RETOLD_FACTOR 0.8

struct diagnoser {
	const struct knowledge *knowledge;
	struct matcher *matcher;
};

struct draft {
	struct dx *dx;
	const struct cause *cause;
	double confidence;
	const struct event *events[FINDING_EVIDENCE_MAX];
	size_t n_events;
	struct slice summary;  /* given by a rule */
	const char *template;  /* given by a pattern */
	struct match_value values[DRAFT_VALUES_MAX];
	size_t n_values;
	const char *rule;
	size_t order;
	bool keep, dropped, explained;
};

/* What is known of a cause while drafts come in. */
struct tally {
	double confidence;           /* highest so far */
	const struct draft *best;    /* of those that count in the end */
	const struct session *last;  /* session counted last */
	uint64_t count;
};

/* Answers of dx_search from the beginning, by the address of the expression: rules ask the same for every session. */
#define SEARCH_SLOTS 1024u
struct search_slot {
	const char *regex;
	unsigned kinds;
	const struct event *found;
	size_t position;
};

/* With more sessions than this a cause explains only what was found in its own session; a paste of a few is one story. */
#define STORY_SESSIONS 12u

/* Drafts of one story that are looked at as possible explanations of the others. */
#define EXPLAIN_RANGE 400u

/* Whether an expression matches anywhere in the transcript, once it was asked. */
struct anywhere {
	const char *regex;
	bool yes;
};

struct dx {
	struct diagnoser *diagnoser;
	const struct transcript *transcript;
	struct diagnosis *out;
	const struct thin *thin;
	struct arena *arena; /* of this transcript's diagnosis */
	VEC(struct draft *) drafts;
	VEC(struct anywhere) asked;
	struct draft spare;  /* what dx_find gives when memory is out */
	const char *rule_name;
	struct tally *tallies;  /* one per cause, in the order of the knowledge */
	struct search_slot *searches;
	uint64_t software;      /* seen, a bit each; 0: not looked for yet */
};

/* The sentence for a draft: its own, or its template with the placeholders filled. In the draft's arena. */
struct slice draft_summary(const struct draft *d);

#endif
