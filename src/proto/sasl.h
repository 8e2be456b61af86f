/* sasl: SASL exchanges looked at from outside, step by step: what each side said, decoded. PLAIN (RFC 4616), LOGIN (draft), CRAM-MD5 (RFC 2195),
 * DIGEST-MD5 (RFC 2831), SCRAM-* (RFC 5802), NTLM ([MS-NLMP]), XOAUTH2 (Google), OAUTHBEARER (RFC 7628), EXTERNAL, ANONYMOUS, GSSAPI (opaque), and POP3's
 * APOP (RFC 1939) which is no SASL but belongs here. Nothing is computed or judged here; the views point into the arena. */
#ifndef TT_PROTO_SASL_H
#define TT_PROTO_SASL_H

#include "proto/event.h"

struct sasl {
	struct arena *arena;
	struct slice mech;  /* capitals */
	unsigned step;      /* steps seen so far, either side */
	unsigned responses; /* client steps so far */
	bool login_password_next; /* LOGIN: the next client step is the password */
	bool challenge_is_user_prompt, challenge_is_password_prompt; /* LOGIN: what the last challenge asked */
};

void sasl_begin(struct sasl *x, struct arena *a, struct slice mech);
/* One step without line end: base64 text ("" or "=" for an empty one, "*" for cancel). Fills *ret. */
void sasl_step(struct sasl *x, enum side side, struct slice line, bool initial, struct sasl_view *ret);

/* A decoded step cut into its named parts, for showing ("user", "authzid", "nonce", "token", ...); secret parts are marked. */
struct sasl_field {
	const char *name;
	struct slice value;
	bool secret;
};
/* Number of fields written (at most max). */
size_t sasl_fields(struct arena *a, struct slice mech, enum side side, unsigned client_step, struct slice decoded, struct sasl_field *ret,
		   size_t max);

/* Parts of a PLAIN message: authzid NUL authcid NUL password. False if there are not exactly two NULs (parts found are still set). */
bool sasl_plain_split(struct slice decoded, struct slice *authzid, struct slice *authcid, struct slice *password);
/* user and token of an XOAUTH2 or OAUTHBEARER message; false if the ^A structure is wrong. */
bool sasl_oauth_split(struct slice decoded, struct slice *user, struct slice *token);

#endif
