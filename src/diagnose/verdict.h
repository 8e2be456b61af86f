/* verdict: the overall answer of one run. Where nothing was found, it tells "all went well" from "something failed and I do not know why". */
#ifndef TT_DIAGNOSE_VERDICT_H
#define TT_DIAGNOSE_VERDICT_H

#include "diagnose/diagnose.h"

/* Failures that nothing explains which are kept for showing. */
#define VERDICT_KEEP 3u

enum verdict_kind {
	VERDICT_FAULT,         /* there are findings */
	VERDICT_NOTHING_WRONG, /* what was seen went well */
	VERDICT_CANNOT_TELL,   /* something failed, or nothing could be recognised */
	VERDICT_NO_EVIDENCE,   /* the inputs were empty */
	VERDICT_NOT_FOUND,     /* there are findings, but not the cause that was asked for */
};

/* What is known of a failure that no rule explains. */
enum unexplained {
	UNEXPLAINED_REFUSED, UNEXPLAINED_DEFERRED, UNEXPLAINED_NO_ANSWER, UNEXPLAINED_CLOSED, UNEXPLAINED_TLS, UNEXPLAINED_NOT_CONNECTED, UNEXPLAINED_ERROR,
	UNEXPLAINED_INCOMPLETE, UNEXPLAINED_COUNT,
};

struct failure {
	enum unexplained what;
	unsigned session;
	struct evidence evidence; /* the last thing said, or the error text */
};

struct verdict {
	enum verdict_kind kind;
	struct arena *arena;
	uint64_t sessions, well;
	uint64_t lines, unused; /* of the inputs */
	bool recognised;        /* something that says how it went: a session, a log, an error, another tool's output */
	struct failure failures[VERDICT_KEEP];
	size_t n_failures;
	uint64_t failed;        /* all of them */
	uint64_t opaque;        /* sessions with TLS that could not be read */
	struct slice opaque_why; /* of the first of them, untranslated */
	uint64_t incomplete;    /* sessions of which a capture lacks bytes */
	struct slice incomplete_why; /* of the first of them */
};

/* Looks at a transcript (finished); call it again for every batch of a stream. Quotes are kept in v->arena, masked. */
void verdict_add(struct verdict *v, const struct transcript *t);
/* Settles v->kind. */
void verdict_settle(struct verdict *v, const struct transcript *t, const struct diagnosis *d);

#endif
