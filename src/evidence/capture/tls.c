#include "evidence/capture/tls-private.h"

#include <stdlib.h>

#include "base/i18n.h"

enum { RECORD_CCS = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };
enum {
	HS_HELLO_REQUEST = 0, HS_CLIENT_HELLO = 1, HS_SERVER_HELLO = 2, HS_NEW_TICKET = 4, HS_END_OF_EARLY_DATA = 5, HS_CERTIFICATE = 11, HS_SERVER_KEX = 12,
	HS_CERTIFICATE_REQUEST = 13, HS_CLIENT_KEX = 16, HS_FINISHED = 20, HS_KEY_UPDATE = 24,
};

/* Why the inside cannot be read, for the event at the end. */
enum reason { REASON_NONE, REASON_NO_KEY, REASON_EPHEMERAL, REASON_NO_HANDSHAKE, REASON_WRONG_KEY, REASON_SUITE, REASON_RESUMED, REASON_LOST };

/* Bytes of one side: records being put together, handshake messages inside them. */
struct flow {
	uint8_t *record;
	size_t record_n;
	struct stamp first;     /* of the record's first byte */
	uint8_t *messages;
	size_t messages_n, messages_cap;
	struct tls_direction keys, next; /* next: ready for the CCS */
	bool ccs, broken;
	bool lost;                  /* bytes are missing; the next record is searched for */
	bool renumber;              /* records are missing: their number is not known */
	uint64_t opaque_bytes;
	uint64_t bytes;             /* all, also of records that are not read */
	unsigned protected, data;   /* records after the keys changed; of these, such that hold words */
	bool first_is_alert, alerted;
};

struct tls_stream {
	struct arena *arena;
	struct tls_keys *keys;
	struct tls_sink sink;
	struct flow flow[2]; /* client, server */
	struct stamp last;
	uint8_t client_random[TLS_RANDOM], server_random[TLS_RANDOM];
	bool have_client, have_server, ems, etm, resumed, decrypted, fatal, told_renegotiation, kex;
	unsigned version, offered_version, suite_id;
	const struct tls_suite *suite;
	struct tls_secret master;
	bool have_master;
	struct slice session_id, server_session_id, ticket;
	uint8_t *transcript;
	size_t transcript_n;
	bool transcript_full;
	enum reason reason;
	uint8_t *scratch;
};

/* --- life --------------------------------------------------------------------------------------------------------------------------------------- */

bool tls_looks_like(struct slice s)
{
	if (s.n >= 3 && s.p[0] >= RECORD_CCS && s.p[0] <= RECORD_DATA && s.p[1] == 3 && s.p[2] <= 4)
		return true;
	/* An SSLv2-style ClientHello, as old clients send it. */
	return s.n >= 5 && (s.p[0] & 0x80) && s.p[2] == 1 && s.p[3] == 3 && s.p[4] <= 4;
}

bool tls_is_hello(struct slice s)
{
	return s.n >= 6 && s.p[0] == RECORD_HANDSHAKE && s.p[1] == 3 && s.p[2] <= 4 && (s.p[5] == HS_CLIENT_HELLO || s.p[5] == HS_SERVER_HELLO);
}

bool tls_stream_agreed(const struct tls_stream *t)
{
	return t->have_server;
}

struct tls_stream *tls_stream_new(struct arena *a, struct tls_keys *keys, const struct tls_sink *sink)
{
	struct tls_stream *t = ARENA_NEW(a, struct tls_stream);
	if (!t)
		return NULL;
	t->arena = a;
	t->keys = keys;
	t->sink = *sink;
	return t;
}

void tls_stream_free(struct tls_stream *t)
{
	if (!t)
		return;
	for (int i = 0; i < 2; i++) {
		tls_direction_clear(&t->flow[i].keys);
		tls_direction_clear(&t->flow[i].next);
		free(t->flow[i].record);
		free(t->flow[i].messages);
		t->flow[i].record = t->flow[i].messages = NULL;
	}
	free(t->transcript);
	free(t->scratch);
	t->transcript = t->scratch = NULL;
	OPENSSL_cleanse(&t->master, sizeof t->master);
}

bool tls_stream_decrypted(const struct tls_stream *t)
{
	return t->decrypted;
}

static struct flow *flow_of(struct tls_stream *t, enum side side)
{
	return &t->flow[side == SIDE_SERVER];
}

static void emit(struct tls_stream *t, struct event *e)
{
	if (e)
		t->sink.event(t->sink.user, e);
}

static void say(struct tls_stream *t, enum side side, const struct stamp *stamp, const char *what, const char *text)
{
	struct event *e = tls_event_new(t->arena, side, stamp, what);
	if (!e)
		return;
	e->raw = e->text = slice_from_cstr(text);
	emit(t, e);
}

static void set_reason(struct tls_stream *t, enum reason r)
{
	if (t->reason == REASON_NONE)
		t->reason = r;
}

/* --- keys ----------------------------------------------------------------------------------------------------------------------------------------- */

static void remember(struct tls_stream *t)
{
	tls_keys_remember(t->keys, t->server_session_id, &t->master);
	if (t->ticket.n)
		tls_keys_remember(t->keys, t->ticket, &t->master);
}

/* The master secret is known: keys for both sides wait for their CCS. */
static void prepare_keys(struct tls_stream *t)
{
	if (!t->suite || !t->have_master || t->flow[0].next.suite)
		return;
	if (!tls_keys_from_master(t->version, t->suite, &t->master, t->client_random, t->server_random, t->etm, &t->flow[0].next, &t->flow[1].next)) {
		tls_direction_clear(&t->flow[0].next);
		tls_direction_clear(&t->flow[1].next);
		set_reason(t, REASON_SUITE);
		return;
	}
	remember(t);
}

static void try_logged_master(struct tls_stream *t)
{
	if (!t->have_master && tls_keys_find(t->keys, LABEL_MASTER, slice_of(t->client_random, TLS_RANDOM), &t->master))
		t->have_master = true;
	prepare_keys(t);
}

/* Resumption shows itself by a CCS of the server without a certificate or key exchange before it. */
static void try_resumption(struct tls_stream *t)
{
	if (t->have_master || t->version == TLS_13)
		return;
	t->resumed = true;
	if (tls_keys_recall(t->keys, t->server_session_id, &t->master) || tls_keys_recall(t->keys, t->ticket, &t->master))
		t->have_master = true;
	else
		set_reason(t, REASON_RESUMED);
	prepare_keys(t);
}

static void client_key_exchange(struct tls_stream *t, struct slice body)
{
	struct tls_secret premaster;
	bool have = false;
	t->kex = true;
	if (t->have_master || !t->suite)
		return;
	if (t->suite->kx != KX_RSA) {
		set_reason(t, t->suite->kx == KX_DHE || t->suite->kx == KX_ECDHE ? REASON_EPHEMERAL : REASON_NO_KEY);
		return;
	}
	/* SSL 3.0 sends the encrypted premaster without a length in front. */
	struct slice encrypted = t->version == SSL_30 ? body : slice_from(body, 2);
	if (encrypted.n >= 8)
		have = tls_keys_find(t->keys, LABEL_PREMASTER_RSA, slice_sub(encrypted, 0, 8), &premaster);
	have = have || tls_keys_rsa_decrypt(t->keys, encrypted, t->offered_version, &premaster);
	if (!have) {
		set_reason(t, tls_keys_have_rsa(t->keys) ? REASON_WRONG_KEY : REASON_NO_KEY);
		return;
	}
	if (t->ems && t->transcript_full) {
		set_reason(t, REASON_LOST);
		return;
	}
	t->have_master = t->ems ? tls_master_extended(t->version, t->suite, &premaster, slice_of(t->transcript, t->transcript_n), &t->master)
				: tls_master_from_premaster(t->version, t->suite, &premaster, t->client_random, t->server_random, &t->master);
	OPENSSL_cleanse(&premaster, sizeof premaster);
	prepare_keys(t);
}

static bool traffic_keys(struct tls_stream *t, enum side side, enum tls_label label)
{
	struct tls_secret secret;
	struct flow *f = flow_of(t, side);
	if (!t->suite || !tls_keys_find(t->keys, label, slice_of(t->client_random, TLS_RANDOM), &secret))
		return false;
	return tls_keys_from_traffic(t->suite, &secret, &f->keys);
}

/* TLS 1.3: from the ServerHello on everything is protected. */
static void start_13(struct tls_stream *t)
{
	bool client = traffic_keys(t, SIDE_CLIENT, LABEL_CLIENT_HANDSHAKE), server = traffic_keys(t, SIDE_SERVER, LABEL_SERVER_HANDSHAKE);
	t->flow[0].ccs = t->flow[1].ccs = true;
	/* Some logs lack the handshake secrets: then reading starts with the application's. */
	if (!server)
		server = traffic_keys(t, SIDE_SERVER, LABEL_SERVER_TRAFFIC);
	if (!client)
		client = traffic_keys(t, SIDE_CLIENT, LABEL_CLIENT_TRAFFIC);
	if (!client || !server)
		set_reason(t, tls_keys_empty(t->keys) ? REASON_EPHEMERAL : REASON_NO_KEY);
}

/* --- handshake messages ----------------------------------------------------------------------------------------------------------------------------- */

static void add_transcript(struct tls_stream *t, struct slice message)
{
	if (t->have_master || t->transcript_full)
		return;
	if (t->transcript_n + message.n > TLS_TRANSCRIPT_MAX) {
		t->transcript_full = true;
		return;
	}
	uint8_t *bigger = realloc(t->transcript, t->transcript_n + message.n);
	if (!bigger) {
		t->transcript_full = true;
		return;
	}
	t->transcript = bigger;
	memcpy(bigger + t->transcript_n, message.p, message.n);
	t->transcript_n += message.n;
}

static void client_hello(struct tls_stream *t, struct slice body, struct slice message, const struct stamp *stamp)
{
	struct tls_hello h;
	if (!tls_hello_parse(body, false, &h))
		return;
	if (t->have_client && t->have_server && t->version != TLS_13)
		say(t, SIDE_CLIENT, stamp, "renegotiation", "a new handshake inside the connection (renegotiation)");
	/* A second hello after a HelloRetryRequest, or of a renegotiation: what was agreed before does not count. */
	t->have_client = true;
	t->have_server = t->have_master = t->resumed = false;
	t->transcript_n = 0;
	tls_direction_clear(&t->flow[0].next);
	tls_direction_clear(&t->flow[1].next);
	memcpy(t->client_random, h.random, TLS_RANDOM);
	t->offered_version = h.version;
	t->session_id = arena_dup(t->arena, h.session_id);
	t->ticket = arena_dup(t->arena, h.ticket);
	add_transcript(t, message);
	emit(t, tls_event_hello(t->arena, SIDE_CLIENT, stamp, &h, false));
}

static void server_hello(struct tls_stream *t, struct slice body, const struct stamp *stamp)
{
	struct tls_hello h;
	if (!tls_hello_parse(body, true, &h))
		return;
	emit(t, tls_event_hello(t->arena, SIDE_SERVER, stamp, &h, true));
	t->version = h.version;
	t->suite_id = h.suite;
	t->suite = tls_suite_find(h.suite);
	if (h.retry)
		return;
	t->have_server = true;
	memcpy(t->server_random, h.random, TLS_RANDOM);
	t->server_session_id = arena_dup(t->arena, h.session_id);
	t->ems = h.ems;
	t->etm = h.etm;
	if (!t->have_client)
		set_reason(t, REASON_NO_HANDSHAKE);
	else if (!t->suite)
		set_reason(t, REASON_SUITE);
	else if (t->version == TLS_13)
		start_13(t);
	else
		try_logged_master(t);
}

static void server_key_exchange(struct tls_stream *t, struct slice body, const struct stamp *stamp)
{
	/* ServerDHParams: the prime's length tells the group's size. */
	if (!t->suite || t->suite->kx != KX_DHE || body.n < 2)
		return;
	unsigned bits = ((unsigned)body.p[0] << 8 | body.p[1]) * 8;
	struct event *e = tls_event_new(t->arena, SIDE_SERVER, stamp, "key-exchange");
	if (!e)
		return;
	event_add_fact(t->arena, e, "dh_bits", arena_printf(t->arena, "%u", bits));
	e->raw = e->text = arena_printf(t->arena, "ServerKeyExchange: Diffie-Hellman group of %u bits", bits);
	emit(t, e);
}

static void finished(struct tls_stream *t, enum side side, const struct stamp *stamp)
{
	if (t->version == TLS_13) {
		traffic_keys(t, side, side == SIDE_SERVER ? LABEL_SERVER_TRAFFIC : LABEL_CLIENT_TRAFFIC);
		if (side == SIDE_SERVER)
			return;
	}
	if (side == SIDE_CLIENT || t->resumed)
		say(t, side, stamp, "finished", t->resumed ? "TLS handshake complete (session resumed)" : "TLS handshake complete");
}

static void new_ticket(struct tls_stream *t, struct slice body)
{
	/* Life time (4), length (2), ticket: RFC 5077 section 3.3. TLS 1.3 derives new secrets, which key logs hold. */
	if (t->version == TLS_13 || !t->have_master || body.n < 6)
		return;
	tls_keys_remember(t->keys, slice_from(body, 6), &t->master);
}

static void take_message(struct tls_stream *t, enum side side, unsigned type, struct slice message, const struct stamp *stamp)
{
	struct slice body = slice_from(message, 4);
	if (type != HS_CLIENT_HELLO && type != HS_HELLO_REQUEST)
		add_transcript(t, message);
	switch (type) {
	case HS_CLIENT_HELLO:
		client_hello(t, body, message, stamp);
		break;
	case HS_SERVER_HELLO:
		server_hello(t, body, stamp);
		break;
	case HS_CERTIFICATE:
		emit(t, tls_event_certificate(t->arena, side, stamp, body, t->version));
		break;
	case HS_CERTIFICATE_REQUEST:
		say(t, side, stamp, "certificate-request", "the server asks for a client certificate");
		break;
	case HS_SERVER_KEX:
		server_key_exchange(t, body, stamp);
		break;
	case HS_CLIENT_KEX:
		client_key_exchange(t, body);
		break;
	case HS_NEW_TICKET:
		new_ticket(t, body);
		break;
	case HS_FINISHED:
		finished(t, side, stamp);
		break;
	case HS_KEY_UPDATE:
		tls_update_traffic(&flow_of(t, side)->keys);
		break;
	default:
		break;
	}
}

static bool room(struct flow *f, size_t more)
{
	size_t want = f->messages_n + more;
	if (want <= f->messages_cap)
		return true;
	if (want > TLS_HANDSHAKE_MAX)
		return false;
	uint8_t *bigger = realloc(f->messages, want);
	if (!bigger)
		return false;
	f->messages = bigger;
	f->messages_cap = want;
	return true;
}

static void take_handshake(struct tls_stream *t, enum side side, struct slice bytes, const struct stamp *stamp)
{
	struct flow *f = flow_of(t, side);
	if (!room(f, bytes.n)) {
		f->messages_n = 0;
		return;
	}
	memcpy(f->messages + f->messages_n, bytes.p, bytes.n);
	f->messages_n += bytes.n;
	size_t at = 0;
	while (f->messages_n - at >= 4) {
		const uint8_t *p = f->messages + at;
		size_t n = 4 + ((size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);
		if (n > TLS_HANDSHAKE_MAX) {
			/* Encrypted, or no handshake at all. */
			at = f->messages_n;
			break;
		}
		if (f->messages_n - at < n)
			break;
		take_message(t, side, p[0], slice_of(p, n), stamp);
		at += n;
	}
	memmove(f->messages, f->messages + at, f->messages_n - at);
	f->messages_n -= at;
}

/* --- records ----------------------------------------------------------------------------------------------------------------------------------------- */

static void take_alert(struct tls_stream *t, enum side side, struct slice body, const struct stamp *stamp)
{
	if (body.n == 2 && (body.p[0] == 1 || body.p[0] == 2)) {
		t->fatal |= body.p[0] == 2 && body.p[1] != 0 && body.p[1] != 90;
		emit(t, tls_event_alert(t->arena, side, stamp, body.p[0], body.p[1]));
		return;
	}
	struct event *e = tls_event_new(t->arena, side, stamp, "alert");
	if (!e)
		return;
	event_add_fact(t->arena, e, "level", S("encrypted"));
	e->raw = e->text = S("encrypted alert");
	emit(t, e);
}

static void take_text(struct tls_stream *t, enum side side, unsigned type, struct slice text, const struct stamp *stamp)
{
	switch (type) {
	case RECORD_HANDSHAKE:
		take_handshake(t, side, text, stamp);
		break;
	case RECORD_ALERT:
		take_alert(t, side, text, stamp);
		break;
	case RECORD_DATA:
		if (!t->decrypted)
			say(t, side, stamp, "decrypted", "from here on the inside is read with the key");
		t->decrypted = true;
		t->sink.plain(t->sink.user, side, text, stamp);
		break;
	default:
		break;
	}
}

static void take_ccs(struct tls_stream *t, enum side side)
{
	struct flow *f = flow_of(t, side);
	if (t->version == TLS_13)
		return; /* for the eyes of middleboxes only (RFC 8446 appendix D.4) */
	if (side == SIDE_SERVER && !flow_of(t, SIDE_CLIENT)->ccs && t->have_server)
		try_resumption(t);
	f->ccs = true;
	f->messages_n = 0;
	if (!f->next.suite)
		return;
	tls_direction_clear(&f->keys);
	f->keys = f->next;
	f->keys.active = true;
	f->next = (struct tls_direction){0};
}

/* Numbers that are tried for the first record after a gap. */
#define TLS_LOST_RECORDS 16u

/* A protected record. */
static void take_protected(struct tls_stream *t, enum side side, unsigned type, unsigned version, struct slice body)
{
	struct flow *f = flow_of(t, side);
	unsigned inner;
	if (!t->scratch)
		t->scratch = malloc(TLS_RECORD_MAX + 64);
	bool chained = f->renumber && f->keys.suite->mode == MODE_CBC && t->version <= TLS_10;
	long n = -1;
	for (unsigned tries = f->renumber ? TLS_LOST_RECORDS : 1; n < 0 && tries && t->scratch && body.n <= TLS_RECORD_MAX; tries--)
		n = tls_decrypt(&f->keys, type, version, body, t->scratch, &inner);
	if (n >= 0)
		f->renumber = false;
	/* The beginning of this record hangs on the end of the one that is missing. */
	if (n >= 0 && chained) {
		t->sink.plain_gap(t->sink.user, side, (uint64_t)n, &f->first);
		return;
	}
	if (n >= 0) {
		take_text(t, side, inner, slice_of(t->scratch, (size_t)n), &f->first);
		return;
	}
	/* Early data comes under another key, and is skipped by servers that refuse it. */
	f->opaque_bytes += body.n;
	if (!t->decrypted) {
		set_reason(t, f->broken ? REASON_LOST : REASON_WRONG_KEY);
	}
}

/* In TLS 1.3 a record of 19 bytes is an alert: two bytes, the type, and the tag. No Finished and hardly a word of mail is so short. */
#define ALERT_13 19u

/* What the size and type of a protected record give away. */
static void note_protected(struct tls_stream *t, enum side side, unsigned type, size_t n, const struct stamp *stamp)
{
	struct flow *f = flow_of(t, side);
	bool alert = t->version == TLS_13 ? n == ALERT_13 : type == RECORD_ALERT;
	f->protected++;
	f->first_is_alert |= f->protected == 1 && alert;
	f->alerted |= alert;
	f->data += f->protected > 1 && !alert && type == RECORD_DATA;
	bool again = side == SIDE_CLIENT && t->version != TLS_13 && type == RECORD_HANDSHAKE && f->protected > 1;
	if (again && !f->keys.active && !t->told_renegotiation)
		say(t, side, stamp, "renegotiation", "a new handshake inside the connection (renegotiation)");
	t->told_renegotiation |= again;
}

static void take_record(struct tls_stream *t, enum side side, unsigned type, unsigned version, struct slice body)
{
	struct flow *f = flow_of(t, side);
	if (type != RECORD_CCS && (f->ccs || f->keys.active) && (t->version != TLS_13 || type == RECORD_DATA))
		note_protected(t, side, type, body.n, &f->first);
	if (type == RECORD_CCS) {
		take_ccs(t, side);
	} else if (f->keys.active) {
		if (t->version == TLS_13 && type == RECORD_ALERT && body.n == 2)
			take_alert(t, side, body, &f->first); /* sent before the keys were there */
		else
			take_protected(t, side, type, version, body);
	} else if (f->ccs && !(t->version == TLS_13 && type != RECORD_DATA)) {
		f->opaque_bytes += body.n;
		if (type == RECORD_ALERT)
			take_alert(t, side, body, &f->first);
	} else if (type == RECORD_HANDSHAKE) {
		take_handshake(t, side, body, &f->first);
	} else if (type == RECORD_ALERT) {
		take_alert(t, side, body, &f->first);
	} else {
		f->opaque_bytes += body.n;
		set_reason(t, REASON_NO_HANDSHAKE);
	}
}

/* SSLv2-style ClientHello (RFC 5246 appendix E.2): only its offer is of interest; what follows is TLS. */
static struct slice take_v2_hello(struct tls_stream *t, struct slice bytes, const struct stamp *stamp)
{
	size_t n = 2 + ((size_t)(bytes.p[0] & 0x7f) << 8 | bytes.p[1]);
	struct event *e = tls_event_new(t->arena, SIDE_CLIENT, stamp, "client-hello");
	if (e) {
		const char *version = tls_version_name((unsigned)bytes.p[3] << 8 | bytes.p[4]);
		event_add_fact(t->arena, e, "versions", slice_from_cstr(version));
		event_add_fact(t->arena, e, "format", S("SSLv2"));
		e->raw = e->text = arena_printf(t->arena, "ClientHello in SSLv2 format: %s", version);
		emit(t, e);
	}
	set_reason(t, REASON_NO_HANDSHAKE);
	return slice_from(bytes, n);
}

static bool header_ok(const uint8_t *h)
{
	size_t n = (size_t)h[3] << 8 | h[4];
	return h[0] >= RECORD_CCS && h[0] <= RECORD_DATA + 1 && h[1] == 3 && h[2] <= 4 && n <= TLS_RECORD_MAX;
}

static bool record_memory(struct flow *f)
{
	if (!f->record)
		f->record = malloc(5 + TLS_RECORD_MAX);
	return f->record != NULL;
}

/* One step of the record layer: takes bytes off the front, hands on a record when it is whole. */
static struct slice step(struct tls_stream *t, enum side side, struct slice bytes, const struct stamp *stamp)
{
	struct flow *f = flow_of(t, side);
	if (f->record_n == 0)
		f->first = *stamp;
	size_t want = f->record_n < 5 ? 5 : 5 + ((size_t)f->record[3] << 8 | f->record[4]);
	size_t part = want - f->record_n < bytes.n ? want - f->record_n : bytes.n;
	memcpy(f->record + f->record_n, bytes.p, part);
	f->record_n += part;
	bytes = slice_from(bytes, part);
	if (f->record_n < 5)
		return bytes;
	if (!header_ok(f->record)) {
		f->broken = true;
		say(t, side, stamp, "broken", "no TLS record where one is expected");
		return SLICE_NONE;
	}
	want = 5 + ((size_t)f->record[3] << 8 | f->record[4]);
	if (f->record_n < want)
		return bytes;
	f->record_n = 0;
	take_record(t, side, f->record[0], (unsigned)f->record[1] << 8 | f->record[2], slice_of(f->record + 5, want - 5));
	return bytes;
}

void tls_stream_feed(struct tls_stream *t, enum side side, struct slice bytes, const struct stamp *stamp)
{
	struct flow *f = flow_of(t, side);
	if (!t || !record_memory(f))
		return;
	f->bytes += bytes.n;
	t->last = *stamp;
	if (f->lost) {
		/* Nothing marks a record's beginning, but segments mostly begin with one. */
		if (bytes.n < 5 || !header_ok(bytes.p))
			return;
		f->lost = false;
	}
	if (side == SIDE_CLIENT && !t->have_client && f->record_n == 0 && bytes.n >= 5 && (bytes.p[0] & 0x80) && bytes.p[2] == 1)
		bytes = take_v2_hello(t, bytes, stamp);
	while (bytes.n && !f->broken)
		bytes = step(t, side, bytes, stamp);
}

void tls_stream_gap(struct tls_stream *t, enum side side, uint64_t lost, const struct stamp *stamp)
{
	struct flow *f = flow_of(t, side);
	/* Keys of a stream cipher stand at a byte that is not known any more; and what a handshake lost cannot be done without. */
	bool stream = f->keys.active && f->keys.suite->mode == MODE_STREAM;
	if (stream || !f->keys.active)
		set_reason(t, REASON_LOST);
	f->broken |= stream;
	f->lost = f->renumber = true;
	f->record_n = f->messages_n = 0;
	t->transcript_full = true;
	if (f->keys.active && t->decrypted)
		t->sink.plain_gap(t->sink.user, side, lost, stamp);
	struct event *e = tls_event_new(t->arena, side, stamp, "gap");
	if (!e)
		return;
	e->oddities |= ODD_GAP;
	e->raw = e->text = arena_printf(t->arena, "%llu bytes of the TLS stream are missing", (unsigned long long)lost);
	emit(t, e);
}

static const char *const reasons[] = {
	[REASON_NONE] = "",
	[REASON_NO_KEY] = N_("no key for it was given; give the server's RSA key (--key) or the client's key log (--keylog)"),
	[REASON_EPHEMERAL] = N_("the keys were agreed by an ephemeral Diffie-Hellman exchange, so that the server's private key does not help; capture again "
			      "with SSLKEYLOGFILE set in the client and give that file (--keylog)"),
	[REASON_NO_HANDSHAKE] = N_("its handshake was not captured; start the capture before the connection"),
	[REASON_WRONG_KEY] = N_("the key given does not fit this server or connection"),
	[REASON_SUITE] = N_("its cipher suite is not known here"),
	[REASON_RESUMED] = N_("it resumes an earlier session whose handshake is not in the capture; start the capture earlier, or give a key log (--keylog)"),
	[REASON_LOST] = N_("bytes of it are missing in the capture"),
};

static const char *ended_state(const struct tls_stream *t)
{
	const struct flow *client = &t->flow[0], *server = &t->flow[1];
	if (!t->have_client || t->fatal || client->broken || server->broken)
		return NULL;
	if (!server->bytes)
		return "hello-unanswered";
	if (!t->have_server)
		return NULL;
	if (client->first_is_alert && t->version == TLS_13)
		return "client-rejected";
	if (client->protected == 0)
		return t->kex ? NULL : "client-left";
	if (t->version != TLS_13 && server->protected == 0)
		return "server-left";
	return client->data == 0 ? "left-after-handshake" : NULL;
}

static void ended_event(struct tls_stream *t)
{
	static const struct {
		const char *state, *text;
	} texts[] = {
		{"hello-unanswered", "the ClientHello was not answered"},
		{"client-rejected", "the client ended the handshake with an encrypted alert when it had seen the certificate"},
		{"client-left", "the client ended the handshake without a word when it had seen the certificate"},
		{"server-left", "the server ended the handshake without a word after the client's part"},
		{"left-after-handshake", "the client ended the connection right after the handshake, without having said anything"},
	};
	const char *state = ended_state(t);
	struct event *e = state ? tls_event_new(t->arena, SIDE_UNKNOWN, &t->last, "ended") : NULL;
	if (!e)
		return;
	event_add_fact(t->arena, e, "state", slice_from_cstr(state));
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strcmp(texts[i].state, state) == 0)
			e->raw = e->text = slice_from_cstr(texts[i].text);
	emit(t, e);
}

void tls_stream_end(struct tls_stream *t)
{
	ended_event(t);
	if (t->decrypted || (t->flow[0].opaque_bytes == 0 && t->flow[1].opaque_bytes == 0))
		return;
	if (t->reason == REASON_NONE)
		t->reason = REASON_NO_KEY;
	struct event *e = tls_event_new(t->arena, SIDE_UNKNOWN, &t->flow[1].first, "opaque");
	if (!e)
		return;
	event_add_fact(t->arena, e, "reason", slice_from_cstr(reasons[t->reason]));
	e->raw = e->text = arena_printf(t->arena, "the inside cannot be read: %s", reasons[t->reason]);
	emit(t, e);
}
