/* sasl-doctor: looks at the messages, tokens and passwords of a login without any network, and says what is wrong with them: base64 faults, a broken
 * structure, a token for another purpose, a password with a stray blank; and, the password being known, whether a digest was made from it. Never prints.
 * Texts are translated and safe to show, and never hold a secret. */
#ifndef TT_DIAGNOSE_SASL_DOCTOR_H
#define TT_DIAGNOSE_SASL_DOCTOR_H

#include "proto/event.h"
#include "proto/sasl-guess.h"

enum advice_level {
	ADVICE_GOOD,  /* proven right */
	ADVICE_NOTE,  /* worth knowing */
	ADVICE_FAULT,
};
/* "good", "note", "fault" */
const char *advice_level_key(enum advice_level l);

struct advice {
	enum advice_level level;
	const char *cause; /* id of the catalogue, or "" */
	struct slice text, fix; /* fix may be empty */
};

struct sasl_checkup {
	struct arena *arena;
	struct slice user;      /* the account that is meant; may be empty */
	struct slice password;  /* for the proofs and its own check; p NULL: none given */
	enum protocol protocol; /* for the scope of a token; PROTOCOL_UNKNOWN: any */
	int64_t now;            /* Unix seconds */
	VEC(struct advice) advice;
};

/* One message: its base64, its structure, its token. */
void sasl_check_item(struct sasl_checkup *c, const struct sasl_item *it);
/* The messages of a dialogue in order against the password: CRAM-MD5, APOP, DIGEST-MD5, SCRAM, and PLAIN and LOGIN by plain comparison. */
void sasl_check_proof(struct sasl_checkup *c, const struct sasl_item *items, size_t n);
/* The password itself, for an account of that name. */
void sasl_check_password(struct sasl_checkup *c, struct slice user, struct slice password);
/* A token for an account of that name (may be empty). */
void sasl_check_token(struct sasl_checkup *c, struct slice user, struct slice token);

/* Adds a piece of advice; text and fix are copied as they are. */
void sasl_add(struct sasl_checkup *c, enum advice_level level, const char *cause, struct slice text, const char *fix);

#endif
