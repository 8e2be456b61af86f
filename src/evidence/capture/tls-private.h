/* What the TLS files share; for src/evidence/capture/tls*.c only. */
#ifndef TT_EVIDENCE_CAPTURE_TLS_PRIVATE_H
#define TT_EVIDENCE_CAPTURE_TLS_PRIVATE_H

#include <openssl/evp.h>

#include "evidence/capture/tls.h"
#include "proto/tls_facts.h"

#define TLS_MASTER 48u
#define TLS_SECRET_MAX 64u
/* RFC 8446 section 5.2: 2^14 of text, and what protection may add (RFC 5246 allows 2048). */
#define TLS_RECORD_MAX (16384u + 2048u)
/* Longest handshake message that is put together: certificate chains reach some ten KiB; the format allows 16 MiB. */
#define TLS_HANDSHAKE_MAX (128u * 1024u)
/* Handshake bytes hashed for the extended master secret. */
#define TLS_TRANSCRIPT_MAX (256u * 1024u)

/* --- secrets ----------------------------------------------------------------------------------------------------------------------------- */

enum tls_label {
	LABEL_MASTER, LABEL_PREMASTER_RSA, LABEL_CLIENT_HANDSHAKE, LABEL_SERVER_HANDSHAKE, LABEL_CLIENT_TRAFFIC, LABEL_SERVER_TRAFFIC, LABEL_CLIENT_EARLY,
	LABEL_COUNT,
};

struct tls_secret {
	uint8_t bytes[TLS_SECRET_MAX];
	size_t n;
};

/* From key logs, by client random (or, for LABEL_PREMASTER_RSA, the first 8 bytes of the encrypted premaster). */
bool tls_keys_find(const struct tls_keys *k, enum tls_label label, struct slice by, struct tls_secret *ret);
bool tls_keys_have_rsa(const struct tls_keys *k);
bool tls_keys_empty(const struct tls_keys *k);
/* Premaster out of a ClientKeyExchange; tries every key. version: what the client offered, which the premaster must begin with. */
bool tls_keys_rsa_decrypt(const struct tls_keys *k, struct slice encrypted, unsigned version, struct tls_secret *ret);
/* Master secrets of this capture, by session id or ticket, for resumption. */
void tls_keys_remember(struct tls_keys *k, struct slice id, const struct tls_secret *master);
bool tls_keys_recall(const struct tls_keys *k, struct slice id, struct tls_secret *ret);

/* --- keys of one direction ---------------------------------------------------------------------------------------------------------------- */

struct tls_direction {
	const struct tls_suite *suite;
	unsigned version;
	bool etm, active;
	EVP_CIPHER_CTX *ctx;
	uint8_t iv[16];
	uint64_t seq;
	struct tls_secret traffic; /* TLS 1.3: for KeyUpdate */
};

void tls_direction_clear(struct tls_direction *d);
/* Keys from the master secret (up to TLS 1.2): one key block for both. */
bool tls_keys_from_master(unsigned version, const struct tls_suite *s, const struct tls_secret *master, const uint8_t *client_random,
			  const uint8_t *server_random, bool etm, struct tls_direction *client, struct tls_direction *server);
bool tls_keys_from_traffic(const struct tls_suite *s, const struct tls_secret *traffic, struct tls_direction *d);
bool tls_update_traffic(struct tls_direction *d);
bool tls_master_from_premaster(unsigned version, const struct tls_suite *s, const struct tls_secret *premaster, const uint8_t *client_random,
			       const uint8_t *server_random, struct tls_secret *ret);
/* session_hash: of the handshake up to and with ClientKeyExchange (RFC 7627). */
bool tls_master_extended(unsigned version, const struct tls_suite *s, const struct tls_secret *premaster, struct slice handshake, struct tls_secret *ret);
/* One record. out has room for body.n + 64 bytes. Returns the length of the text, or -1 when it cannot be (wrong key, damage). *ret_type: the inner type of TLS 1.3. */
long tls_decrypt(struct tls_direction *d, unsigned type, unsigned record_version, struct slice body, uint8_t *out, unsigned *ret_type);

#endif
