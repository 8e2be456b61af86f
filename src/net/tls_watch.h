/* tls_watch: TLS of our own connections, by OpenSSL. A context made from settings, and a watcher that tells every hello, certificate and alert of a handshake
 * as EV_TLS events, with the facts that captures give (evidence/capture/tls.h). */
#ifndef TT_NET_TLS_WATCH_H
#define TT_NET_TLS_WATCH_H

#include <openssl/ssl.h>

#include "base/err.h"
#include "proto/event.h"

struct tls_settings {
	const char *sni;     /* server name to send; "": none; NULL: the host's */
	const char *ca;      /* file of certificates to trust; NULL: the system's */
	const char *ciphers; /* OpenSSL's list, or NULL */
	const char *cert, *key; /* of the client, PEM, or NULL */
	int min, max;        /* TLS1_VERSION ..., 0: what OpenSSL supports */
};

/* A context for the client's side. Nothing is refused for its certificate: what is wrong with it is told. NULL and *reterr on failure. */
SSL_CTX *tls_client_context(const struct tls_settings *s, struct err *reterr);

struct tls_watch {
	struct arena *arena;
	enum side us;
	void (*event)(void *user, struct event *e);
	void (*stamp)(void *user, struct stamp *ret);
	void *user;
};

/* Every message of this connection goes to w, which must live as long as ssl. */
void tls_watch_attach(SSL *ssl, struct tls_watch *w);
/* The event "finished": version, suite, and what a strict client would say of the certificate: facts "verify" ("ok" or the reason), "verify_code",
 * "name_fits" (yes or no, where host is a name or an address). */
void tls_watch_finished(const SSL *ssl, struct tls_watch *w, const char *host);

#endif
