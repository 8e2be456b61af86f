/* What a handshake shows to anybody: hellos, certificates, alerts, as events with facts. */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "proto/tls_facts.h"

enum {
	EXT_SNI = 0, EXT_GROUPS = 10, EXT_ALPN = 16, EXT_ETM = 22, EXT_EMS = 23, EXT_TICKET = 35, EXT_VERSIONS = 43, EXT_KEY_SHARE = 51,
};

/* A cursor over big-endian fields; reading past the end gives zeros and sets bad. */
struct cursor {
	struct slice s;
	bool bad;
};

static unsigned take(struct cursor *c, size_t n)
{
	unsigned v = 0;
	if (c->s.n < n) {
		c->bad = true;
		c->s = SLICE_NONE;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		v = v << 8 | c->s.p[i];
	c->s = slice_from(c->s, n);
	return v;
}

/* A vector with a length of n bytes in front. */
static struct slice take_vector(struct cursor *c, size_t n)
{
	size_t length = take(c, n);
	if (length > c->s.n) {
		c->bad = true;
		length = c->s.n;
	}
	struct slice v = slice_sub(c->s, 0, length);
	c->s = slice_from(c->s, length);
	return v;
}

static void extension(struct tls_hello *h, unsigned type, struct slice body, bool server)
{
	struct cursor c = {body, false};
	switch (type) {
	case EXT_SNI:
		if (!server) {
			struct cursor list = {take_vector(&c, 2), false};
			take(&list, 1);
			h->sni = take_vector(&list, 2);
		}
		break;
	case EXT_ALPN: {
		struct cursor list = {take_vector(&c, 2), false};
		h->alpn = take_vector(&list, 1);
		break;
	}
	case EXT_ETM:
		h->etm = true;
		break;
	case EXT_EMS:
		h->ems = true;
		break;
	case EXT_TICKET:
		h->ticket = body;
		break;
	case EXT_VERSIONS:
		if (server) {
			h->version = take(&c, 2);
		} else {
			struct cursor list = {take_vector(&c, 1), false};
			while (list.s.n >= 2 && h->n_versions < sizeof h->versions / sizeof *h->versions)
				h->versions[h->n_versions++] = (uint16_t)take(&list, 2);
		}
		break;
	case EXT_KEY_SHARE:
		if (server)
			h->group = (uint16_t)take(&c, 2);
		break;
	default:
		break;
	}
}

/* SHA-256 of "HelloRetryRequest": the random of a ServerHello that is one (RFC 8446 section 4.1.3). */
static const uint8_t retry_random[TLS_RANDOM] = {
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

bool tls_hello_parse(struct slice body, bool server, struct tls_hello *h)
{
	struct cursor c = {body, false};
	*h = (struct tls_hello){.version = take(&c, 2)};
	if (c.s.n < TLS_RANDOM)
		return false;
	h->random = c.s.p;
	h->retry = server && memcmp(c.s.p, retry_random, TLS_RANDOM) == 0;
	c.s = slice_from(c.s, TLS_RANDOM);
	h->session_id = take_vector(&c, 1);
	if (server) {
		h->suite = take(&c, 2);
		take(&c, 1);
	} else {
		h->suites = take_vector(&c, 2);
		take_vector(&c, 1);
	}
	if (c.bad)
		return false;
	struct cursor list = {c.s.n ? take_vector(&c, 2) : SLICE_NONE, false};
	while (list.s.n >= 4) {
		unsigned type = take(&list, 2);
		extension(h, type, take_vector(&list, 2), server);
	}
	return true;
}

/* --- events ----------------------------------------------------------------------------------------------------------------------------------- */

struct event *tls_event_new(struct arena *a, enum side side, const struct stamp *stamp, const char *what)
{
	struct event *e = ARENA_NEW(a, struct event);
	if (!e)
		return NULL;
	e->kind = EV_TLS;
	e->side = side;
	e->stamp = *stamp;
	e->stamp.where.frame_last = stamp->where.frame;
	e->end_us = stamp->time_us;
	event_add_fact(a, e, "what", slice_from_cstr(what));
	return e;
}

static struct slice join(struct arena *a, struct slice list, size_t *cap, struct slice word)
{
	arena_append(a, &list, cap, list.n ? S(" ") : SLICE_NONE, word);
	return list;
}

static struct slice offered_suites(struct arena *a, struct slice ids)
{
	struct slice list = SLICE_NONE;
	size_t cap = 0;
	for (; ids.n >= 2; ids = slice_from(ids, 2)) {
		unsigned id = (unsigned)ids.p[0] << 8 | ids.p[1];
		/* Signalling values and GREASE are no suites (RFC 5746, 7507, 8701). */
		if (id != 0x00ff && id != 0x5600 && !((id & 0x0f0f) == 0x0a0a && id >> 8 == (id & 0xff)))
			list = join(a, list, &cap, tls_suite_name(a, id));
	}
	return list;
}

static struct slice offered_versions(struct arena *a, const struct tls_hello *h)
{
	struct slice list = SLICE_NONE;
	size_t cap = 0;
	for (size_t i = 0; i < h->n_versions; i++)
		if (h->versions[i] >= SSL_30 && h->versions[i] <= TLS_13)
			list = join(a, list, &cap, slice_from_cstr(tls_version_name(h->versions[i])));
	return list.n ? list : slice_from_cstr(tls_version_name(h->version));
}

struct event *tls_event_hello(struct arena *a, enum side side, const struct stamp *stamp, const struct tls_hello *h, bool server)
{
	struct event *e = tls_event_new(a, side, stamp, !server ? "client-hello" : h->retry ? "hello-retry-request" : "server-hello");
	if (!e)
		return NULL;
	struct slice version = server ? slice_from_cstr(tls_version_name(h->version)) : offered_versions(a, h);
	struct slice cipher = server ? tls_suite_name(a, h->suite) : SLICE_NONE;
	if (server) {
		event_add_fact(a, e, "version", version);
		event_add_fact(a, e, "cipher", cipher);
		const struct tls_suite *s = tls_suite_find(h->suite);
		static const char *const kx[] = {"other", "rsa", "dhe", "ecdhe", "psk", "ecdhe"};
		if (s)
			event_add_fact(a, e, "key_exchange", slice_from_cstr(kx[s->kx]));
		e->raw = e->text = arena_printf(a, "%s: %.*s, %.*s", h->retry ? "HelloRetryRequest" : "ServerHello", SLICE_FMT(version), SLICE_FMT(cipher));
	} else {
		event_add_fact(a, e, "versions", version);
		event_add_fact(a, e, "ciphers", offered_suites(a, h->suites));
		event_add_fact(a, e, "sni", arena_dup(a, h->sni));
		e->raw = e->text = arena_printf(a, "ClientHello: %.*s, %zu cipher suites, %s%.*s", SLICE_FMT(version), h->suites.n / 2,
						h->sni.n ? "server name " : "no server name (SNI)", SLICE_FMT(h->sni));
	}
	event_add_fact(a, e, "alpn", arena_dup(a, h->alpn));
	return e;
}

/* --- certificates ------------------------------------------------------------------------------------------------------------------------------- */

static struct slice name_text(struct arena *a, const X509_NAME *name)
{
	BIO *b = BIO_new(BIO_s_mem());
	struct slice text = SLICE_NONE;
	char *p;
	if (b && X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		long n = BIO_get_mem_data(b, &p);
		text = arena_dup(a, slice_of(p, n > 512 ? 512 : (size_t)n));
	}
	BIO_free(b);
	return text;
}

static struct slice time_text(struct arena *a, const ASN1_TIME *t)
{
	struct tm tm;
	if (!ASN1_TIME_to_tm(t, &tm))
		return SLICE_NONE;
	return arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static struct slice alternative_names(struct arena *a, X509 *x)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	struct slice list = SLICE_NONE;
	size_t cap = 0;
	for (int i = 0; names && i < sk_GENERAL_NAME_num(names) && i < 50; i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
		if (n->type == GEN_DNS)
			list = join(a, list, &cap, slice_of(ASN1_STRING_get0_data(n->d.dNSName), (size_t)ASN1_STRING_length(n->d.dNSName)));
	}
	GENERAL_NAMES_free(names);
	return list;
}

static void describe(struct arena *a, struct event *e, X509 *x, unsigned chain)
{
	const X509_NAME *subject_name = X509_get_subject_name(x), *issuer_name = X509_get_issuer_name(x);
	struct slice subject = name_text(a, subject_name), after = time_text(a, X509_get0_notAfter(x));
	EVP_PKEY *key = X509_get0_pubkey(x);
	event_add_fact(a, e, "subject", subject);
	event_add_fact(a, e, "issuer", name_text(a, issuer_name));
	event_add_fact(a, e, "names", alternative_names(a, x));
	event_add_fact(a, e, "not_before", time_text(a, X509_get0_notBefore(x)));
	event_add_fact(a, e, "not_after", after);
	if (X509_NAME_cmp(subject_name, issuer_name) == 0)
		event_add_fact(a, e, "self_signed", S("yes"));
	event_add_fact(a, e, "chain", arena_printf(a, "%u", chain));
	if (key) {
		event_add_fact(a, e, "key_bits", arena_printf(a, "%d", EVP_PKEY_get_bits(key)));
		event_add_fact(a, e, "key_type", arena_dup(a, slice_from_cstr(EVP_PKEY_get0_type_name(key))));
	}
	event_add_fact(a, e, "signature", slice_from_cstr(OBJ_nid2sn(X509_get_signature_nid(x))));
	e->raw = e->text = arena_printf(a, "Certificate: %.*s, valid until %.*s, %u in the chain", SLICE_FMT(subject), SLICE_FMT(after), chain);
}

/* Of two certificates the one that expires first; the other is freed unless it is `kept`. */
static X509 *sooner(X509 *a, X509 *b, const X509 *kept)
{
	if (!a || !b)
		return a ? a : b;
	bool second = ASN1_TIME_compare(X509_get0_notAfter(b), X509_get0_notAfter(a)) < 0;
	X509 *out = second ? a : b;
	if (out != kept)
		X509_free(out);
	return second ? b : a;
}

struct event *tls_event_certificate(struct arena *a, enum side side, const struct stamp *stamp, struct slice body, unsigned version)
{
	struct cursor c = {body, false};
	struct event *e = tls_event_new(a, side, stamp, "certificate");
	if (!e)
		return NULL;
	if (version == TLS_13)
		take_vector(&c, 1); /* request context */
	struct cursor list = {take_vector(&c, 3), false};
	X509 *first = NULL, *soonest = NULL;
	unsigned n = 0;
	while (list.s.n > 3 && n < 20) {
		struct slice der = take_vector(&list, 3);
		const unsigned char *p = der.p;
		if (version == TLS_13)
			take_vector(&list, 2); /* extensions */
		X509 *x = der.n ? d2i_X509(NULL, &p, (long)der.n) : NULL;
		if (n++ == 0)
			first = x;
		soonest = sooner(soonest, x, first);
	}
	if (first)
		describe(a, e, first, n);
	else
		e->raw = e->text = n ? S("Certificate that cannot be read") : S("Certificate message without a certificate");
	if (!n)
		event_add_fact(a, e, "empty", S("yes"));
	if (soonest) {
		event_add_fact(a, e, "chain_not_after", time_text(a, X509_get0_notAfter(soonest)));
		event_add_fact(a, e, "chain_subject", name_text(a, X509_get_subject_name(soonest)));
	}
	if (soonest != first)
		X509_free(soonest);
	X509_free(first);
	ERR_clear_error();
	return e;
}

/* --- alerts --------------------------------------------------------------------------------------------------------------------------------------- */

static const struct {
	unsigned code;
	const char *name;
} alerts[] = {
	{0, "close_notify"}, {10, "unexpected_message"}, {20, "bad_record_mac"}, {21, "decryption_failed"}, {22, "record_overflow"},
	{30, "decompression_failure"}, {40, "handshake_failure"}, {41, "no_certificate"}, {42, "bad_certificate"}, {43, "unsupported_certificate"},
	{44, "certificate_revoked"}, {45, "certificate_expired"}, {46, "certificate_unknown"}, {47, "illegal_parameter"}, {48, "unknown_ca"},
	{49, "access_denied"}, {50, "decode_error"}, {51, "decrypt_error"}, {60, "export_restriction"}, {70, "protocol_version"},
	{71, "insufficient_security"}, {80, "internal_error"}, {86, "inappropriate_fallback"}, {90, "user_canceled"}, {100, "no_renegotiation"},
	{109, "missing_extension"}, {110, "unsupported_extension"}, {111, "certificate_unobtainable"}, {112, "unrecognized_name"},
	{113, "bad_certificate_status_response"}, {114, "bad_certificate_hash_value"}, {115, "unknown_psk_identity"}, {116, "certificate_required"},
	{120, "no_application_protocol"},
};

struct event *tls_event_alert(struct arena *a, enum side side, const struct stamp *stamp, unsigned level, unsigned code)
{
	struct event *e = tls_event_new(a, side, stamp, "alert");
	const char *name = "unknown";
	if (!e)
		return NULL;
	for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
		if (alerts[i].code == code)
			name = alerts[i].name;
	/* close_notify and user_canceled are no faults whatever level TLS 1.3 gives them. */
	bool fatal = level == 2 && code != 0 && code != 90;
	event_add_fact(a, e, "level", fatal ? S("fatal") : S("warning"));
	event_add_fact(a, e, "alert", slice_from_cstr(name));
	event_add_fact(a, e, "alert_code", arena_printf(a, "%u", code));
	e->raw = e->text = arena_printf(a, "%s alert: %s (%u)", fatal ? "fatal" : "warning", name, code);
	return e;
}
