/* sasl-make: the client's side of a login, computed step by step: through libgsasl, and beside it XOAUTH2, OAUTHBEARER (which it lacks) and POP3's APOP.
 * No sockets: the caller carries the messages. */
#ifndef TT_PROTO_SASL_MAKE_H
#define TT_PROTO_SASL_MAKE_H

#include "base/arena.h"
#include "base/err.h"

struct sasl_account {
	struct slice user, authzid, realm;
	struct slice password; /* or the token */
	struct slice service;  /* "smtp", "imap", "pop" */
	struct slice host;
	unsigned port;
};

enum sasl_made { SASL_MADE_FAILED, SASL_MADE_MORE, SASL_MADE_LAST };

struct sasl_maker;

/* NULL and *reterr when the mechanism is not known here. mech in capitals. Everything is copied; free with sasl_maker_free, which accepts NULL. */
struct sasl_maker *sasl_maker_new(struct arena *a, struct slice mech, const struct sasl_account *account, struct err *reterr);
void sasl_maker_free(struct sasl_maker *m);
/* The mechanism says nothing before the server has sent a challenge. */
bool sasl_maker_waits(const struct sasl_maker *m);
/* One step: the server's decoded challenge in (empty at the start), the client's message out (not yet base64). */
enum sasl_made sasl_maker_step(struct sasl_maker *m, struct slice challenge, struct slice *ret, struct err *reterr);

#endif
