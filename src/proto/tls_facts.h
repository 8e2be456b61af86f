/* tls_facts: what a TLS handshake shows to whoever sees its messages (a capture, or our own connections): hellos, certificates and alerts as EV_TLS events
 * with the facts that evidence/capture/tls.h lists. SSL 3.0 to TLS 1.3; X.509 through OpenSSL. */
#ifndef TT_PROTO_TLS_FACTS_H
#define TT_PROTO_TLS_FACTS_H

#include "proto/event.h"

#define TLS_RANDOM 32u

enum tls_version { SSL_30 = 0x0300, TLS_10 = 0x0301, TLS_11 = 0x0302, TLS_12 = 0x0303, TLS_13 = 0x0304 };
const char *tls_version_name(unsigned v);

/* --- suites ------------------------------------------------------------------------------------------------------------------------------ */

enum tls_kx { KX_OTHER, KX_RSA, KX_DHE, KX_ECDHE, KX_PSK, KX_ANY };
enum tls_mode_of_cipher { MODE_NULL, MODE_STREAM, MODE_CBC, MODE_GCM, MODE_CCM, MODE_CCM8, MODE_CHACHA };

struct tls_suite {
	uint16_t id;
	const char *name;
	enum tls_kx kx;
	const char *cipher; /* OpenSSL's name */
	uint8_t key, mac;   /* bytes */
	uint8_t block;      /* bytes of a CBC block */
	enum tls_mode_of_cipher mode;
	const char *hash;   /* of the MAC up to TLS 1.1 and of CBC, and of the PRF where not SHA-256 */
};
const struct tls_suite *tls_suite_find(unsigned id);
/* Name for people, also of those that are only known by number. */
struct slice tls_suite_name(struct arena *a, unsigned id);
const char *tls_suite_prf(const struct tls_suite *s);

/* --- what the handshake shows -------------------------------------------------------------------------------------------------------------- */

struct tls_hello {
	unsigned version, suite, record_version;
	const uint8_t *random;
	struct slice session_id, ticket, sni, alpn;
	bool ems, etm, retry;
	uint16_t group;
	struct slice suites;   /* offered, two bytes each */
	uint16_t versions[16];
	size_t n_versions;
};
bool tls_hello_parse(struct slice body, bool server, struct tls_hello *ret);
struct event *tls_event_new(struct arena *a, enum side side, const struct stamp *stamp, const char *what);
struct event *tls_event_hello(struct arena *a, enum side side, const struct stamp *stamp, const struct tls_hello *h, bool server);
/* A certificate message's list (version decides the form). */
struct event *tls_event_certificate(struct arena *a, enum side side, const struct stamp *stamp, struct slice body, unsigned version);
struct event *tls_event_alert(struct arena *a, enum side side, const struct stamp *stamp, unsigned level, unsigned code);

#endif
