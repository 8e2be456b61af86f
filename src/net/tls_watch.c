#define _GNU_SOURCE
#include "net/tls_watch.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "net/dial.h"
#include "proto/tls_facts.h"

static bool refuse(SSL_CTX *ctx, const char *what, struct err *reterr)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());
	err_set(reterr, ERR_CRYPTO, "%s: %s", what, why ? why : "OpenSSL");
	SSL_CTX_free(ctx);
	return false;
}

static bool apply(SSL_CTX *ctx, const struct tls_settings *s, struct err *reterr)
{
	if (!SSL_CTX_set_min_proto_version(ctx, s->min ? s->min : TLS1_VERSION) || !SSL_CTX_set_max_proto_version(ctx, s->max))
		return refuse(ctx, "TLS", reterr);
	if (s->ca ? !SSL_CTX_load_verify_locations(ctx, s->ca, NULL) : !SSL_CTX_set_default_verify_paths(ctx))
		return refuse(ctx, s->ca ? s->ca : "CA", reterr);
	/* Level 0 lets old versions and short keys through: whether the server takes them is what we want to see. */
	if (!SSL_CTX_set_cipher_list(ctx, s->ciphers ? s->ciphers : "DEFAULT:@SECLEVEL=0"))
		return refuse(ctx, s->ciphers ? s->ciphers : "DEFAULT", reterr);
	if (s->cert && (SSL_CTX_use_certificate_chain_file(ctx, s->cert) != 1 ||
			SSL_CTX_use_PrivateKey_file(ctx, s->key ? s->key : s->cert, SSL_FILETYPE_PEM) != 1))
		return refuse(ctx, s->cert, reterr);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return true;
}

SSL_CTX *tls_client_context(const struct tls_settings *s, struct err *reterr)
{
	ERR_clear_error();
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx) {
		err_set(reterr, ERR_MEMORY, "TLS");
		return NULL;
	}
	return apply(ctx, s, reterr) ? ctx : NULL;
}

/* --- what is said ------------------------------------------------------------------------------------------------------------------ */

enum { CONTENT_ALERT = 21, CONTENT_HANDSHAKE = 22 };
enum { HANDSHAKE_CLIENT_HELLO = 1, HANDSHAKE_SERVER_HELLO = 2, HANDSHAKE_CERTIFICATE = 11, HANDSHAKE_CERTIFICATE_REQUEST = 13 };

static struct event *handshake_event(struct tls_watch *w, enum side side, const struct stamp *stamp, unsigned version, struct slice message)
{
	struct tls_hello h;
	unsigned type = message.p[0];
	struct slice body = slice_from(message, 4);
	struct event *e;
	switch (type) {
	case HANDSHAKE_CLIENT_HELLO:
	case HANDSHAKE_SERVER_HELLO:
		if (!tls_hello_parse(body, type == HANDSHAKE_SERVER_HELLO, &h))
			return NULL;
		return tls_event_hello(w->arena, side, stamp, &h, type == HANDSHAKE_SERVER_HELLO);
	case HANDSHAKE_CERTIFICATE:
		return tls_event_certificate(w->arena, side, stamp, body, version);
	case HANDSHAKE_CERTIFICATE_REQUEST:
		e = tls_event_new(w->arena, side, stamp, "certificate-request");
		if (e)
			e->raw = e->text = S("CertificateRequest");
		return e;
	default:
		return NULL;
	}
}

static void on_message(int sent, int version, int type, const void *bytes, size_t n, SSL *ssl, void *user)
{
	struct tls_watch *w = user;
	const uint8_t *p = bytes;
	struct stamp stamp = {0};
	struct event *e = NULL;
	enum side peer = w->us == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
	(void)ssl;
	if ((type != CONTENT_HANDSHAKE || n < 4) && (type != CONTENT_ALERT || n != 2))
		return;
	w->stamp(w->user, &stamp);
	if (type == CONTENT_ALERT)
		e = p[1] == 0 ? NULL : tls_event_alert(w->arena, sent ? w->us : peer, &stamp, p[0], p[1]);
	else
		e = handshake_event(w, sent ? w->us : peer, &stamp, (unsigned)version, slice_of(p, n));
	if (e)
		w->event(w->user, e);
}

void tls_watch_attach(SSL *ssl, struct tls_watch *w)
{
	SSL_set_msg_callback(ssl, on_message);
	SSL_set_msg_callback_arg(ssl, w);
}

/* --- the end ----------------------------------------------------------------------------------------------------------------------- */

static void tell_certificate(const SSL *ssl, struct tls_watch *w, struct event *e, const char *host)
{
	X509 *x = SSL_get0_peer_certificate(ssl);
	long code = SSL_get_verify_result(ssl);
	if (!x)
		return;
	event_add_fact(w->arena, e, "verify", slice_from_cstr(code == X509_V_OK ? "ok" : X509_verify_cert_error_string(code)));
	event_add_fact(w->arena, e, "verify_code", arena_printf(w->arena, "%ld", code));
	if (!host || !*host)
		return;
	int fits = dial_is_address(host) ? X509_check_ip_asc(x, host, 0) : X509_check_host(x, host, 0, 0, NULL);
	event_add_fact(w->arena, e, "name_fits", fits == 1 ? S("yes") : S("no"));
	event_add_fact(w->arena, e, "host", arena_dup(w->arena, slice_from_cstr(host)));
}

void tls_watch_finished(const SSL *ssl, struct tls_watch *w, const char *host)
{
	struct stamp stamp = {0};
	w->stamp(w->user, &stamp);
	struct event *e = tls_event_new(w->arena, SIDE_UNKNOWN, &stamp, "finished");
	if (!e)
		return;
	const SSL_CIPHER *c = SSL_get_current_cipher(ssl);
	const char *version = SSL_get_version(ssl), *suite = c ? SSL_CIPHER_standard_name(c) : "";
	event_add_fact(w->arena, e, "version", slice_from_cstr(version));
	event_add_fact(w->arena, e, "cipher", slice_from_cstr(suite));
	tell_certificate(ssl, w, e, host);
	e->raw = e->text = arena_printf(w->arena, "TLS is up: %s, %s", version, suite);
	w->event(w->user, e);
}
