/* tls: a TLS connection looked at from outside. Fed the bytes of both sides in order, it tells what the handshake shows (hellos, versions, suites, SNI, ALPN,
 * certificates, alerts) as EV_TLS events with facts, and, where a key allows, the plain text inside. SSL 3.0 to TLS 1.3 (RFC 6101, 2246, 4346, 5246, 8446);
 * encrypt-then-MAC RFC 7366, extended master secret RFC 7627, tickets RFC 5077, CCM RFC 6655, ChaCha20 RFC 7905, Camellia RFC 5932. Primitives from OpenSSL.
 *
 * Facts of its EV_TLS events (keys): "what" = client-hello, server-hello, hello-retry-request, certificate, certificate-request, key-exchange, alert, finished,
 * renegotiation, decrypted, opaque, broken, gap, ended; then as fits "version" (TLSv1.2), "cipher" (OpenSSL or RFC name), "sni", "alpn", "versions" (offered,
 * joined by blanks), "ciphers" (offered), "key_exchange" (rsa, dhe, ecdhe, psk), "dh_bits", "subject", "issuer", "names" (subjectAltName, joined by blanks),
 * "not_before", "not_after" (RFC 3339), "chain_not_after" (the earliest of the chain) and "chain_subject" (whose), "self_signed", "chain" (number of
 * certificates), "key_bits", "key_type", "signature", "empty" (no certificate in it), "level" (fatal, warning, encrypted), "alert" (certificate_unknown …),
 * "alert_code", "reason" (opaque: why it cannot be read, and what to capture instead), "format" (SSLv2).
 * "ended" tells how far a handshake came that ended without an alert in clear, "state" = hello-unanswered, client-left (after the server's part, without an
 * answer), client-rejected (TLS 1.3: an encrypted alert instead of the client's part), server-left (after the client's part), left-after-handshake (the client
 * ended it without having said a word). text of the event is a sentence with the same. */
#ifndef TT_EVIDENCE_CAPTURE_TLS_H
#define TT_EVIDENCE_CAPTURE_TLS_H

#include <stdio.h>

#include "base/err.h"
#include "proto/event.h"

struct tls_keys; /* RSA keys and key logs, shared by all connections */

struct tls_keys *tls_keys_new(void);
void tls_keys_free(struct tls_keys *k);
/* NSS key log lines (CLIENT_RANDOM, RSA, CLIENT_HANDSHAKE_TRAFFIC_SECRET …), also inside other text; more may come at any time. Returns how many lines counted. */
size_t tls_keys_add_log(struct tls_keys *k, struct slice text);
/* A PEM file with private keys; passphrase asked through the callback (its length, or -1; may be NULL). False and *reterr when there is none in it. */
bool tls_keys_add_pem(struct tls_keys *k, const char *path, int (*ask)(char *buf, int size, void *user), void *user, struct err *reterr);

/* None was given or found. */
bool tls_keys_are_empty(const struct tls_keys *k);

struct tls_stream;

struct tls_sink {
	/* An event; everything it points to is in the arena given to tls_stream_new. */
	void (*event)(void *user, struct event *e);
	/* Plain text of one side, with the stamp of the record that held it. */
	void (*plain)(void *user, enum side side, struct slice bytes, const struct stamp *stamp);
	/* About so many bytes of plain text are missing here. */
	void (*plain_gap)(void *user, enum side side, uint64_t lost, const struct stamp *stamp);
	void *user;
};

struct tls_stream *tls_stream_new(struct arena *a, struct tls_keys *keys, const struct tls_sink *sink);
/* Frees what is not in the arena (cipher contexts). */
void tls_stream_free(struct tls_stream *t);
void tls_stream_feed(struct tls_stream *t, enum side side, struct slice bytes, const struct stamp *stamp);
/* Bytes are missing: the next records are found again where a segment begins with one, the lost ones not; with RC4 nothing can be read after it. */
void tls_stream_gap(struct tls_stream *t, enum side side, uint64_t lost, const struct stamp *stamp);
/* Ends: says why nothing could be read, if so. */
void tls_stream_end(struct tls_stream *t);
/* At least one record of application data was read. */
bool tls_stream_decrypted(const struct tls_stream *t);

/* Does a TLS (or SSLv2-style) hello or alert start here? */
bool tls_looks_like(struct slice bytes);
/* A ClientHello or ServerHello starts here. */
bool tls_is_hello(struct slice bytes);
/* The server has answered with its hello. */
bool tls_stream_agreed(const struct tls_stream *t);

#endif
