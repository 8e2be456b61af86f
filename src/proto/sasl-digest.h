/* sasl-digest: digests of a login computed anew from a known password, to prove that a client's answer was made from it (or was not).
 * CRAM-MD5 (RFC 2195), APOP (RFC 1939 section 7), DIGEST-MD5 (RFC 2831), SCRAM (RFC 5802). libgsasl makes logins of its own (sasl-make.h) but does not
 * take another client's nonce, so these are done here on OpenSSL's primitives; SCRAM's key derivation is libgsasl's. */
#ifndef TT_PROTO_SASL_DIGEST_H
#define TT_PROTO_SASL_DIGEST_H

#include "base/arena.h"

#define MD5_BYTES 16u

/* Lower-case hex of HMAC-MD5(key password, challenge). All of these: empty when the primitive is not to be had (FIPS). */
struct slice cram_md5_digest(struct arena *a, struct slice password, struct slice challenge);
/* Lower-case hex of MD5(challenge password). */
struct slice apop_digest(struct arena *a, struct slice challenge, struct slice password);
/* The response value for a client's DIGEST-MD5 message (its own realm, nonces, uri and qop); empty too when the message lacks one of them. */
struct slice digest_md5_response(struct arena *a, struct slice message, struct slice password);

/* PBKDF2 rounds a hostile server may ask for here; RFC 7677 wants 4096, large sites use some hundred thousand. */
#define SCRAM_ROUNDS_MAX 1000000u
/* Rounds that a server's first message asks for; 0 if it names none, or more than that. */
uint64_t scram_rounds(struct slice server_first);

enum scram_verdict { SCRAM_CANNOT, SCRAM_MATCHES, SCRAM_DIFFERS };
struct scram_dialogue {
	struct slice hash;         /* "SHA-1", "SHA-256"; empty: told by the length of the proof */
	struct slice client_first, server_first, client_final;
	struct slice server_final; /* may be empty */
};
/* Client's proof against the password. *ret_server: the same for the server's signature (SCRAM_CANNOT without one). */
enum scram_verdict scram_check(struct arena *a, const struct scram_dialogue *d, struct slice password, enum scram_verdict *ret_server);

/* The value of key in a comma separated list of key=value or key="value"; quotes respected and removed. */
struct slice sasl_attribute(struct slice list, struct slice key);

#endif
