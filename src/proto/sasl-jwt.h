/* sasl-jwt: what a JSON web token (RFC 7519) says about itself. Nothing is verified: the signature is for the one who takes the token. */
#ifndef TT_PROTO_SASL_JWT_H
#define TT_PROTO_SASL_JWT_H

#include "base/arena.h"

/* Longest token looked at: real ones have some kilobytes. */
#define JWT_MAX 65536u

enum jwt_fault {
	JWT_OK = 0,
	JWT_NOT_THREE_PARTS = 1 << 0, /* five parts: an encrypted token, not readable */
	JWT_BAD_BASE64 = 1 << 1,
	JWT_BAD_JSON = 1 << 2,
	JWT_SPACE = 1 << 3,           /* blanks or line ends inside */
	JWT_SIGNATURE_CUT = 1 << 4,   /* shorter than its algorithm makes it */
	JWT_TOO_LONG = 1 << 5,
};

struct jwt {
	struct slice algorithm, issuer, tenant, client; /* client: appid or azp */
	struct slice audience;  /* several joined by a blank */
	struct slice scope;     /* scp or scope, joined by blanks */
	struct slice roles;     /* joined by blanks */
	struct slice user;      /* upn, unique_name, preferred_username or email */
	struct slice user_claim; /* which of them */
	bool has_exp, has_nbf, has_iat, has_nonce;
	int64_t exp, nbf, iat;  /* Unix seconds */
	unsigned faults;        /* set of enum jwt_fault */
};

/* True if header and claims could be read; *ret is filled as far as possible anyway. */
bool jwt_read(struct arena *a, struct slice token, struct jwt *ret);

#endif
