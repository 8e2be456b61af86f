#include "evidence/capture/stream.h"

#include <stdlib.h>

#include "proto/dialogue.h"


struct talk {
	struct streams *streams;
	struct tcp_connection *connection;
	struct transcript *transcript;
	struct session *session;
	struct dialogue *dialogue;
	struct tls_stream *tls;
	bool implicit, spoke[2];
	bool greeted_plain;
	bool plain[2];        /* that side answers TLS with plain text */
	bool uncertain;       /* TLS on a foreign port: mail only if its names or its inside say so */
	bool other;           /* the inside is no mail */
	bool full;            /* the rest of it is not read */
	size_t memory;        /* of it, in streams.memory */
	int64_t last_us[2];
	struct stamp last;
};

/* A host that was asked for by ARP. */
struct asked {
	struct address asker, target;
	struct stamp first, last;
	unsigned times;
	bool answered;
};

/* Hosts asked for that are remembered; a scan of a whole network is no mail client. */
#define ASKED_MAX 64u

struct streams {
	unsigned input;
	struct tls_keys *keys;
	streams_done done;
	void *user;
	struct tcp *tcp;
	struct fragments *fragments;
	int64_t idle_us;
	bool any_port;
	int64_t now_us;        /* of the last frame */
	size_t memory;         /* of all open sessions */
	struct asked asked[ASKED_MAX];
	size_t n_asked;
	struct streams_counts counts;
};

static bool is_mail_port(uint16_t port)
{
	return protocol_from_port(port) != PROTOCOL_UNKNOWN;
}

/* --- events -------------------------------------------------------------------------------------------------------------------------------- */

static struct event *new_event(struct talk *k, enum event_kind kind, enum side side, const struct stamp *stamp)
{
	struct event *e = ARENA_NEW(k->transcript->arena, struct event);
	if (!e)
		return NULL;
	e->kind = kind;
	e->side = side;
	e->stamp = *stamp;
	e->stamp.where.frame_last = stamp->where.frame;
	e->end_us = stamp->time_us;
	return e;
}

static void fact(struct talk *k, struct event *e, const char *key, struct slice value)
{
	event_add_fact(k->transcript->arena, e, key, value);
}

static void fact_number(struct talk *k, struct event *e, const char *key, int64_t n)
{
	fact(k, e, key, arena_printf(k->transcript->arena, "%lld", (long long)n));
}

static void hear(void *user, struct event *e)
{
	struct talk *k = user;
	transcript_add(k->transcript, k->session, e);
}

/* --- a connection that counts -------------------------------------------------------------------------------------------------------------- */

static struct slice address_text(struct arena *a, const struct address *address)
{
	char buf[48];
	size_t n = address_print(address, buf);
	return arena_dup(a, slice_of(buf, n));
}

static struct slice address_of(struct talk *k, int who)
{
	return address_text(k->transcript->arena, &k->connection->address[who]);
}

static const char *icmp_text(const struct tcp_connection *c)
{
	static const struct {
		bool v6;
		uint8_t type;
		int code; /* -1 any */
		const char *text;
	} texts[] = {
		{false, 3, 0, "network unreachable"},      {false, 3, 1, "host unreachable"},        {false, 3, 3, "port unreachable"},
		{false, 3, 4, "fragmentation needed"},     {false, 3, 9, "network prohibited"},      {false, 3, 10, "host administratively prohibited"},
		{false, 3, 13, "administratively prohibited"}, {false, 11, -1, "time to live exceeded"}, {false, 3, -1, "destination unreachable"},
		{true, 1, 0, "no route to destination"},   {true, 1, 1, "administratively prohibited"}, {true, 1, 3, "address unreachable"},
		{true, 1, 4, "port unreachable"},          {true, 1, -1, "destination unreachable"}, {true, 2, -1, "packet too big"},
		{true, 3, -1, "hop limit exceeded"},
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].v6 == c->icmp_v6 && texts[i].type == c->icmp_type && (texts[i].code < 0 || texts[i].code == c->icmp_code))
			return texts[i].text;
	return "ICMP error";
}

static const char *connect_what(const struct tcp_connection *c)
{
	bool said = c->side[0].bytes + c->side[1].bytes > 0;
	if (said)
		return c->side[0].syn || c->side[1].syn ? "connected" : "midstream";
	if (c->icmp_error && c->icmp_type == (c->icmp_v6 ? 1 : 3) && !c->established_us)
		return "unreachable";
	if (c->side[0].syn && c->side[1].reset && !c->side[1].syn)
		return "refused";
	if (c->side[0].syn && !c->side[1].packets && !c->side[0].has_acked)
		return "no-answer";
	return "silent";
}

/* When it was over: the first FIN or RST; the end of the capture while it was open. */
static int64_t end_of(const struct talk *k)
{
	const struct tcp_connection *c = k->connection;
	int64_t now = k->streams->now_us > c->last_us ? k->streams->now_us : c->last_us;
	return c->end_us ? c->end_us : c->end == TCP_END_OPEN ? now : c->last_us;
}

/* First event of the session, made when the connection's fate is known (it is put in front at the end). */
static struct event *connect_event(struct talk *k)
{
	const struct tcp_connection *c = k->connection;
	struct stamp stamp = {.where = {.input = k->streams->input, .frame = (uint32_t)c->first_frame}, .time_us = c->start_us, .has_time = true};
	struct event *e = new_event(k, EV_CONNECT, SIDE_CLIENT, &stamp);
	if (!e)
		return NULL;
	const char *what = connect_what(c);
	struct slice client = address_of(k, 0), server = address_of(k, 1);
	e->raw = e->text = arena_printf(k->transcript->arena, "%.*s port %u to %.*s port %u: %s", SLICE_FMT(client), c->port[0], SLICE_FMT(server), c->port[1],
					what);
	fact(k, e, "what", slice_from_cstr(what));
	fact_number(k, e, "port", c->port[1]);
	if (c->syn_ack_us && c->side[0].syn)
		fact_number(k, e, "connect_ms", (c->syn_ack_us - c->start_us) / 1000);
	if (c->syns)
		fact_number(k, e, "syns", c->syns);
	if (c->icmp_error)
		fact(k, e, "icmp", slice_from_cstr(icmp_text(c)));
	if (c->icmp_error && c->icmp_mtu)
		fact_number(k, e, "mtu", c->icmp_mtu);
	fact_number(k, e, "silent_ms", (end_of(k) - c->start_us) / 1000);
	if (!c->side[1].packets && c->side[0].has_acked)
		fact(k, e, "one_direction", S("client"));
	if (!c->side[0].packets && c->side[1].packets)
		fact(k, e, "one_direction", S("server"));
	return e;
}

static struct talk *talk_new(struct streams *s, struct tcp_connection *c)
{
	struct talk *k = calloc(1, sizeof *k);
	if (!k)
		return NULL;
	k->streams = s;
	k->connection = c;
	k->transcript = transcript_new();
	k->session = k->transcript ? session_new(k->transcript, protocol_from_port(c->port[1])) : NULL;
	k->dialogue = k->session ? dialogue_new(k->transcript->arena, PROTOCOL_UNKNOWN, hear, k) : NULL;
	if (!k->dialogue) {
		transcript_free(k->transcript);
		free(k);
		return NULL;
	}
	k->session->client.address = address_of(k, 0);
	k->session->client.port = c->port[0];
	k->session->server.address = address_of(k, 1);
	k->session->server.port = c->port[1];
	c->owner = k;
	return k;
}

static void tls_event(void *user, struct event *e)
{
	struct talk *k = user;
	struct tls_facts *f = &k->session->tls;
	struct slice what = event_fact(e, "what"), v;
	/* It was answered, in plain text. */
	if (slice_eq(what, S("ended")) && k->plain[1])
		return;
	if (slice_eq(what, S("client-hello")))
		f->sni = event_fact(e, "sni");
	if (slice_eq(what, S("server-hello"))) {
		f->version = event_fact(e, "version");
		f->cipher = event_fact(e, "cipher");
	}
	if (slice_eq(what, S("alert")) && slice_eq(event_fact(e, "level"), S("fatal")) && (v = event_fact(e, "alert")).n) {
		f->alert = v;
		f->alert_from = e->side;
	}
	hear(k, e);
}

static void tls_plain(void *user, enum side side, struct slice bytes, const struct stamp *stamp)
{
	struct talk *k = user;
	if (k->uncertain && !k->other && dialogue_protocol(k->dialogue) == PROTOCOL_UNKNOWN) {
		struct slice rest = bytes, line;
		slice_next_line(&rest, &line);
		k->other = dialogue_guess(side, line) == PROTOCOL_UNKNOWN;
		k->uncertain = k->other;
	}
	if (!k->other)
		dialogue_feed(k->dialogue, side, bytes, stamp);
}

static void tls_plain_gap(void *user, enum side side, uint64_t lost, const struct stamp *stamp)
{
	struct talk *k = user;
	if (!k->other)
		dialogue_gap(k->dialogue, side, lost, stamp);
}

static void tls_begin(struct talk *k, bool implicit)
{
	const struct tls_sink sink = {tls_event, tls_plain, tls_plain_gap, k};
	k->tls = tls_stream_new(k->transcript->arena, k->streams->keys, &sink);
	k->implicit = implicit;
	k->session->tls.mode = implicit ? TLS_IMPLICIT : TLS_STARTTLS;
	dialogue_tls_started(k->dialogue);
}

/* --- what speaks here ------------------------------------------------------------------------------------------------------------------------ */

enum verdict { VERDICT_MAIL, VERDICT_TLS, VERDICT_OTHER, VERDICT_MORE };

/* Ports on which TLS is something else. */
static bool is_other_tls_port(uint16_t port)
{
	static const uint16_t ports[] = {
		443, 563, 636, 853, 989, 990, 992, 994, 2376, 3269, 3389, 4433, 5061, 5223, 5269, 5671, 6443, 6697, 8443, 8883, 9443,
	};
	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
		if (ports[i] == port)
			return true;
	return false;
}

static enum verdict judge(const struct streams *s, const struct tcp_connection *c, int who, struct slice head)
{
	bool port = is_mail_port(c->port[0]) || is_mail_port(c->port[1]);
	if (port)
		return VERDICT_MAIL;
	if (tls_looks_like(head))
		return is_other_tls_port(c->port[1]) && tls_keys_are_empty(s->keys) ? VERDICT_OTHER : VERDICT_TLS;
	if (head.n < 5)
		return VERDICT_MORE;
	struct slice line = slice_sub(head, 0, slice_find_byte(head, '\r'));
	enum protocol p = dialogue_guess(who ? SIDE_SERVER : SIDE_CLIENT, line);
	/* FTP greets with 220 as well: then the words or the client's command tell. */
	if (p == PROTOCOL_SMTP && who == 1)
		return slice_has_nocase(line, S("SMTP")) || slice_has_nocase(line, S("mail")) || slice_has_nocase(line, S("postfix")) ? VERDICT_MAIL : VERDICT_OTHER;
	return p == PROTOCOL_UNKNOWN ? VERDICT_OTHER : VERDICT_MAIL;
}

static enum side side_of(int who)
{
	return who ? SIDE_SERVER : SIDE_CLIENT;
}

/* PROXY protocol in front of the client's words: v1 is a line, v2 binary with its length (HAProxy's proxy-protocol.txt). Returns its length; 0 none. */
static size_t proxy_header(struct slice s)
{
	static const uint8_t signature[] = {13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10};
	if (slice_starts(s, S("PROXY "))) {
		size_t lf = slice_find_byte(slice_sub(s, 0, 108), '\n');
		return lf == SLICE_NPOS ? 0 : lf + 1;
	}
	if (s.n >= 16 && slice_starts(s, slice_of(signature, sizeof signature)))
		return 16 + ((size_t)s.p[14] << 8 | s.p[15]);
	return 0;
}

/* A SOCKS4 or SOCKS5 exchange in front: requests and answers are short and begin with their version; nothing of mail does. */
static bool is_socks(struct slice s, int who)
{
	if (s.n < 2 || s.n > 300)
		return false;
	if (s.p[0] == 5 && s.n <= 262)
		return true;
	return (who == 0 && s.p[0] == 4 && (s.p[1] == 1 || s.p[1] == 2)) || (who == 1 && s.p[0] == 0 && s.n == 8);
}

static void proxy_event(struct talk *k, struct slice header, const struct stamp *stamp)
{
	struct event *e = new_event(k, EV_CONNECT, SIDE_CLIENT, stamp);
	if (!e)
		return;
	bool text = slice_starts(header, S("PROXY"));
	e->raw = arena_dup(k->transcript->arena, slice_sub(header, 0, 256));
	e->text = text ? slice_chomp(e->raw) : S("PROXY protocol v2 header");
	fact(k, e, "what", S("proxy-header"));
	hear(k, e);
}

/* What comes before mail in the first words of a side is taken off. */
static struct slice skip_prefix(struct talk *k, int who, struct slice bytes, const struct stamp *stamp)
{
	size_t n = who == 0 ? proxy_header(bytes) : 0;
	if (n) {
		proxy_event(k, slice_sub(bytes, 0, n), stamp);
		return slice_from(bytes, n);
	}
	return is_socks(bytes, who) ? SLICE_NONE : bytes;
}

/* A side's bytes are TLS from here on: its words allow it, or a hello stands where nothing else can. */
static bool begins_tls(const struct talk *k, int who, struct slice bytes)
{
	if (k->tls || !tls_looks_like(bytes))
		return false;
	if (dialogue_in_tls(k->dialogue) || dialogue_tls_asked(k->dialogue) || !k->spoke[who])
		return true;
	/* Of one side only, or with the client's words missing. */
	return who == 1 && !k->spoke[0] && tls_is_hello(bytes);
}

static void say(struct talk *k, int who, struct slice bytes, const struct stamp *stamp)
{
	if (!bytes.n || k->other)
		return;
	bool asked = dialogue_in_tls(k->dialogue) || dialogue_tls_asked(k->dialogue) || (who == 1 && k->spoke[1]);
	if (begins_tls(k, who, bytes))
		tls_begin(k, !asked);
	/* The client said a hello, and the server greets in plain text. */
	if (k->tls && k->implicit && who == 1 && !k->spoke[1])
		k->plain[1] = !tls_looks_like(bytes);
	else if (k->tls && k->implicit && who == 1 && k->greeted_plain)
		k->plain[1] = !tls_looks_like(bytes) && !tls_stream_agreed(k->tls);
	if (k->plain[1])
		dialogue_tls_ended(k->dialogue);
	k->greeted_plain |= who == 1 && !k->tls;
	k->spoke[who] = true;
	if (k->tls && !k->plain[who])
		tls_stream_feed(k->tls, side_of(who), bytes, stamp);
	else
		dialogue_feed(k->dialogue, side_of(who), bytes, stamp);
}

/* Keeps all open sessions together within STREAMS_MEMORY. */
static void account(struct talk *k, const struct stamp *stamp)
{
	struct streams *s = k->streams;
	size_t used = arena_used(k->transcript->arena);
	s->memory += used - k->memory;
	k->memory = used;
	while (s->memory > STREAMS_MEMORY && !k->full)
		if (k->memory > STREAMS_BIG || !tcp_end_oldest(s->tcp, k->connection)) {
			struct event *e = new_event(k, EV_TOOL, SIDE_UNKNOWN, stamp);
			k->full = true;
			if (!e)
				continue;
			e->oddities |= ODD_CUT;
			e->program = S("capture");
			e->raw = e->text = S("the session is too long: the rest of it was not read");
			hear(k, e);
		}
}

static void on_bytes(void *user, struct tcp_connection *c, int who, struct slice bytes, const struct stamp *stamp)
{
	struct streams *s = user;
	struct talk *k = c->owner;
	if (!k) {
		enum verdict v = judge(s, c, who, bytes);
		if (v == VERDICT_MORE)
			return; /* so short a beginning on a foreign port is no mail that we could judge */
		k = v == VERDICT_OTHER ? NULL : talk_new(s, c);
		if (!k) {
			s->counts.other++;
			tcp_ignore(s->tcp, c);
			return;
		}
		k->uncertain = v == VERDICT_TLS;
		s->counts.mail++;
	}
	if (k->full)
		return;
	struct stamp at = *stamp;
	at.segment = stamp->where.frame;
	if (!k->spoke[who])
		bytes = skip_prefix(k, who, bytes, &at);
	say(k, who, bytes, &at);
	k->last_us[who] = at.time_us;
	k->last = at;
	account(k, &at);
}

static void on_gap(void *user, struct tcp_connection *c, int who, uint64_t lost, const struct stamp *stamp)
{
	struct streams *s = user;
	struct talk *k = c->owner;
	if (!k && is_mail_port(c->port[1]) && (k = talk_new(s, c)))
		s->counts.mail++;
	if (!k || k->other)
		return;
	if (k->tls && !k->plain[who])
		tls_stream_gap(k->tls, side_of(who), lost, stamp);
	else
		dialogue_gap(k->dialogue, side_of(who), lost, stamp);
}

/* --- the end ----------------------------------------------------------------------------------------------------------------------------------- */

/* Whose turn it was: a command waits for the server; before the greeting the server is due, after a reply the client. */
static enum side turn(const struct talk *k)
{
	if (k->tls && !tls_stream_decrypted(k->tls))
		return k->last_us[0] > k->last_us[1] ? SIDE_SERVER : SIDE_CLIENT;
	if (!dialogue_greeted(k->dialogue) || dialogue_pending(k->dialogue))
		return SIDE_SERVER;
	return SIDE_CLIENT;
}

static const char *end_what(const struct tcp_connection *c)
{
	switch (c->end) {
	case TCP_END_FIN:
		return "fin";
	case TCP_END_RESET:
		return "reset";
	case TCP_END_IDLE:
		return "idle";
	default:
		return "open";
	}
}

/* What this side sent again and again was never acknowledged. */
static bool is_stalled(const struct tcp_connection *c, int who)
{
	const struct tcp_side *s = &c->side[who], *other = &c->side[!who];
	return s->stalled_n >= 2 && other->has_acked && (int32_t)(other->acked - s->stalled_seq) <= 0;
}

static void close_event(struct talk *k)
{
	const struct tcp_connection *c = k->connection;
	struct stamp stamp = {.where = {.input = k->streams->input, .frame = (uint32_t)c->last_frame}, .time_us = c->last_us, .has_time = true};
	enum side by = c->ended_by < 0 ? SIDE_UNKNOWN : side_of(c->ended_by);
	struct event *e = new_event(k, EV_CLOSE, by, &stamp);
	if (!e)
		return;
	const char *what = end_what(c);
	int64_t said = k->last_us[0] > k->last_us[1] ? k->last_us[0] : k->last_us[1];
	int64_t since = said ? said : c->established_us ? c->established_us : c->start_us;
	int64_t waited = end_of(k) > since ? (end_of(k) - since) / 1000 : 0;
	e->raw = e->text = arena_printf(k->transcript->arena, "%s%s%s", what, by ? " by the " : "", by ? side_name(by) : "");
	fact(k, e, "what", slice_from_cstr(what));
	if (by)
		fact(k, e, "by", slice_from_cstr(side_name(by)));
	fact(k, e, "waiting_for", slice_from_cstr(side_name(turn(k))));
	fact_number(k, e, "waited_ms", waited);
	if (c->side[1].first_us > c->start_us && !k->tls)
		fact_number(k, e, "greeting_ms", (c->side[1].first_us - c->start_us) / 1000);
	static const char *const lost[] = {"lost_client", "lost_server"}, *const again[] = {"retransmitted_client", "retransmitted_server"};
	for (int who = 0; who < 2; who++) {
		if (c->side[who].lost)
			fact_number(k, e, lost[who], (int64_t)c->side[who].lost);
		if (c->side[who].retransmitted)
			fact_number(k, e, again[who], c->side[who].retransmitted);
		if (is_stalled(c, who)) {
			fact(k, e, "stalled", slice_from_cstr(side_name(side_of(who))));
			fact_number(k, e, "stalled_size", c->side[who].stalled_size);
			fact_number(k, e, "stalled_times", c->side[who].stalled_n);
		}
		if (c->side[who].hole) {
			fact(k, e, "hole", slice_from_cstr(side_name(side_of(who))));
			fact_number(k, e, "hole_bytes", (int64_t)c->side[who].hole);
		}
	}
	if (c->icmp_error) {
		fact(k, e, "icmp", slice_from_cstr(icmp_text(c)));
		if (c->icmp_mtu)
			fact_number(k, e, "mtu", c->icmp_mtu);
	}
	if (c->end_frame)
		fact_number(k, e, "end_frame", (int64_t)c->end_frame);
	k->session->closed_by = by;
	hear(k, e);
}

/* The connection's own event was made last but belongs first. */
static void put_first(struct transcript *t, struct session *s, struct event *e)
{
	transcript_add(t, s, e);
	for (size_t i = s->events.n; i-- > 1;)
		s->events.v[i] = s->events.v[i - 1];
	for (size_t i = t->events.n; i-- > 1;)
		t->events.v[i] = t->events.v[i - 1];
	s->events.v[0] = t->events.v[0] = e;
	for (size_t i = 0; i < s->events.n; i++)
		s->events.v[i]->n = (unsigned)i + 1;
	s->start = e->stamp;
}

/* A command that nobody answered, other than a goodbye. */
static bool is_unanswered(const struct session *s)
{
	for (size_t i = s->events.n; i-- > 0;) {
		const struct event *e = s->events.v[i];
		if (e->kind == EV_RESPONSE)
			return !e->cmd || !e->cmd->reply;
		if (e->kind == EV_REPLY || e->kind == EV_CHALLENGE || (e->oddities & ODD_GAP))
			return false;
		if (e->kind == EV_COMMAND || e->kind == EV_DATA)
			return !e->reply && !slice_eq(e->command.verb, S("QUIT")) && !slice_eq(e->command.verb, S("LOGOUT"));
	}
	return false;
}

static void set_outcome(struct talk *k)
{
	const struct tcp_connection *c = k->connection;
	struct session *s = k->session;
	const char *what = connect_what(c);
	bool connected = strcmp(what, "connected") == 0 || strcmp(what, "midstream") == 0, silent = strcmp(what, "silent") == 0;
	int64_t said = k->last_us[0] > k->last_us[1] ? k->last_us[0] : k->last_us[1];
	bool waited = end_of(k) - (said ? said : c->start_us) >= STREAM_SILENCE_MS * 1000ll;
	if (!connected && !silent)
		s->outcome = OUTCOME_NOT_CONNECTED;
	else if (s->tls.alert.n)
		s->outcome = OUTCOME_TLS_FAILED;
	else if (silent)
		s->outcome = OUTCOME_TIMED_OUT;
	else if (is_unanswered(s))
		s->outcome = waited ? OUTCOME_TIMED_OUT : c->end == TCP_END_RESET ? OUTCOME_RESET : c->end == TCP_END_FIN ? OUTCOME_CLOSED_EARLY : OUTCOME_UNKNOWN;
}

/* What a router on the way said about it. */
static void icmp_event(struct talk *k)
{
	const struct tcp_connection *c = k->connection;
	struct stamp stamp = {.where = {.input = k->streams->input, .frame = (uint32_t)c->icmp_frame}, .time_us = c->icmp_us, .has_time = true};
	struct event *e = c->icmp_error ? new_event(k, EV_CONNECT, SIDE_UNKNOWN, &stamp) : NULL;
	if (!e)
		return;
	struct slice from = address_text(k->transcript->arena, &c->icmp_from);
	e->raw = e->text = c->icmp_mtu ? arena_printf(k->transcript->arena, "ICMP from %.*s: %s, at most %u bytes", SLICE_FMT(from), icmp_text(c), c->icmp_mtu)
				       : arena_printf(k->transcript->arena, "ICMP from %.*s: %s", SLICE_FMT(from), icmp_text(c));
	fact(k, e, "what", S("icmp"));
	fact(k, e, "icmp", slice_from_cstr(icmp_text(c)));
	fact(k, e, "from", from);
	hear(k, e);
}

/* What the capture lacks, so that nobody takes it for what the peers did. */
static void incomplete_event(struct talk *k)
{
	const struct tcp_connection *c = k->connection;
	const struct tcp_side *a = &c->side[0], *b = &c->side[1];
	uint64_t lost = a->lost + b->lost - a->hole - b->hole;
	bool one = !a->packets || (!b->packets && a->has_acked);
	if (!one && !lost)
		return;
	struct stamp stamp = {.where = {.input = k->streams->input, .frame = (uint32_t)c->last_frame}, .time_us = c->last_us, .has_time = true};
	struct event *e = new_event(k, EV_TOOL, SIDE_UNKNOWN, &stamp);
	if (!e)
		return;
	const char *why = one ? (a->packets ? "only the client's packets are in the capture; capture both directions"
					    : "only the server's packets are in the capture; capture both directions")
			  : a->cut || b->cut ? "packets were captured in part only; capture whole packets (tcpdump -s 0)"
					     : "packets are missing in the capture; capture on the machine itself, with a larger buffer (tcpdump -B 65536)";
	e->program = S("capture");
	fact(k, e, "what", S("incomplete"));
	fact(k, e, "kind", one ? S("one-direction") : a->cut || b->cut ? S("cut") : S("lost"));
	e->raw = e->text = arena_printf(k->transcript->arena, "%llu bytes of the session are missing: %s", (unsigned long long)lost, why);
	hear(k, e);
}

/* Is TLS on a foreign port mail? By what its names say, or a port that people derive from a mail port (10465, 1993). */
static bool smells_of_mail(const struct talk *k)
{
	static const char *const words[] = {"smtp", "imap", "pop3", "pop.", "mail", "mx.", "mx1", "exchange", "postfix"};
	if (protocol_from_port(k->connection->port[1] % 1000) != PROTOCOL_UNKNOWN)
		return true;
	for (size_t i = 0; i < k->session->events.n; i++) {
		const struct event *e = k->session->events.v[i];
		for (size_t j = 0; e->kind == EV_TLS && j < sizeof words / sizeof *words; j++) {
			struct slice w = slice_from_cstr(words[j]);
			if (slice_has_nocase(event_fact(e, "sni"), w) || slice_has_nocase(event_fact(e, "names"), w) ||
			    slice_has_nocase(event_fact(e, "alpn"), w) || slice_has_nocase(event_fact(e, "subject"), w))
				return true;
		}
	}
	return false;
}

static void forget(struct talk *k)
{
	struct streams *s = k->streams;
	s->counts.mail--;
	s->counts.other++;
	tls_stream_free(k->tls);
	transcript_free(k->transcript);
	free(k);
}

static void hand_over(struct talk *k)
{
	struct streams *s = k->streams;
	if (k->uncertain && (k->other || !smells_of_mail(k))) {
		forget(k);
		return;
	}
	struct event *e = connect_event(k);
	if (k->tls)
		tls_stream_end(k->tls);
	dialogue_end(k->dialogue);
	if (k->session->protocol == PROTOCOL_UNKNOWN)
		k->session->protocol = protocol_from_port(k->connection->port[1] % 1000);
	if (dialogue_protocol(k->dialogue) != PROTOCOL_UNKNOWN)
		k->session->protocol = dialogue_protocol(k->dialogue);
	icmp_event(k);
	incomplete_event(k);
	close_event(k);
	if (e)
		put_first(k->transcript, k->session, e);
	k->session->end = k->last.has_time ? k->last : k->session->end;
	set_outcome(k);
	tls_stream_free(k->tls);
	s->memory -= k->memory;
	s->done(s->user, k->transcript);
	free(k);
}

/* A connection on a mail port that never carried a byte: a fault to tell, or a scan's touch. */
static bool worth_telling(const struct streams *s, const struct tcp_connection *c)
{
	const char *what = connect_what(c);
	if (!s->any_port && !is_mail_port(c->port[1]))
		return false;
	if (strcmp(what, "refused") == 0 || strcmp(what, "unreachable") == 0)
		return true;
	int64_t ms = (c->last_us - c->start_us) / 1000;
	if (strcmp(what, "no-answer") == 0)
		return c->syns > 1 || c->icmp_error; /* a scan asks once */
	/* Connected, and then silence: long enough that somebody waited. */
	return c->established_us && ms >= STREAM_SILENCE_MS / 2;
}

static void on_end(void *user, struct tcp_connection *c)
{
	struct streams *s = user;
	struct talk *k = c->owner;
	s->counts.connections++;
	if (!k && !c->ignored && worth_telling(s, c)) {
		k = talk_new(s, c);
		s->counts.mail += k != NULL;
	} else if (!k && !c->ignored && is_mail_port(c->port[1])) {
		s->counts.scans++;
	}
	if (k)
		hand_over(k);
	c->owner = NULL;
}

/* --- hosts that do not answer ARP ------------------------------------------------------------------------------------------------------------ */

static void arp_packet(struct streams *s, const struct packet *p, const struct stamp *stamp)
{
	for (size_t i = 0; i < s->n_asked; i++) {
		struct asked *a = &s->asked[i];
		/* Whoever answers or asks is there. */
		a->answered |= address_equal(&a->target, &p->from);
		if (p->arp_reply || !address_equal(&a->target, &p->to) || !address_equal(&a->asker, &p->from))
			continue;
		a->times++;
		a->last = *stamp;
		return;
	}
	if (!p->arp_reply && s->n_asked < ASKED_MAX && !address_equal(&p->from, &p->to))
		s->asked[s->n_asked++] = (struct asked){.asker = p->from, .target = p->to, .first = *stamp, .last = *stamp, .times = 1};
}

/* A connection that could not even begin, as a session. */
static void tell_asked(struct streams *s, const struct asked *a)
{
	struct transcript *t = transcript_new();
	struct session *session = t ? session_new(t, PROTOCOL_UNKNOWN) : NULL;
	struct talk k = {.streams = s, .transcript = t, .session = session};
	struct event *e = session ? new_event(&k, EV_CONNECT, SIDE_CLIENT, &a->first) : NULL;
	if (!e) {
		transcript_free(t);
		return;
	}
	session->client.address = address_text(t->arena, &a->asker);
	session->server.address = address_text(t->arena, &a->target);
	session->outcome = OUTCOME_NOT_CONNECTED;
	e->stamp.where.frame_last = a->last.where.frame;
	e->end_us = a->last.time_us;
	e->raw = e->text = arena_printf(t->arena, "%.*s asks %u times who has %.*s (ARP): no answer", SLICE_FMT(session->client.address), a->times,
					SLICE_FMT(session->server.address));
	fact(&k, e, "what", S("no-arp-answer"));
	fact_number(&k, e, "times", a->times);
	hear(&k, e);
	s->done(s->user, t);
}

/* Only where no session was seen at all: among others, every network has some that ask for hosts which are off. */
static void tell_unanswered(struct streams *s)
{
	size_t told = 0;
	for (size_t i = 0; i < s->n_asked && !s->counts.mail && told < 8; i++) {
		const struct asked *a = &s->asked[i];
		if (a->answered || a->times < 2)
			continue;
		told++;
		tell_asked(s, a);
	}
	s->n_asked = 0;
}

/* --- life ---------------------------------------------------------------------------------------------------------------------------------------- */

struct streams *streams_new(unsigned input, struct tls_keys *keys, streams_done done, void *user)
{
	struct streams *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->input = input;
	s->keys = keys;
	s->done = done;
	s->user = user;
	const struct tcp_hooks hooks = {on_bytes, on_gap, on_end, s};
	s->tcp = tcp_new(&hooks);
	s->fragments = fragments_new();
	if (s->tcp && s->fragments)
		return s;
	streams_free(s);
	return NULL;
}

void streams_end(struct streams *s)
{
	tcp_free(s->tcp);
	s->tcp = NULL;
	tell_unanswered(s);
}

void streams_free(struct streams *s)
{
	if (!s)
		return;
	streams_end(s);
	fragments_free(s->fragments);
	free(s);
}

void streams_any_port(struct streams *s)
{
	s->any_port = true;
}

enum transport streams_frame(struct streams *s, const struct capture_packet *p)
{
	struct packet decoded;
	if (!layers_decode(p->linktype, p->bytes, p->length, s->fragments, &decoded))
		return TRANSPORT_NONE;
	struct stamp stamp = {
		.where = {.input = s->input, .frame = (uint32_t)p->number, .offset = p->offset},
		.time_us = p->time_ns / 1000,
		.has_time = p->has_time,
	};
	streams_packet(s, &decoded, &stamp);
	return decoded.transport;
}

/* Nobody answers a half-open connection any more, and a session has been silent for long. */
static bool is_quiet(void *user, const struct tcp_connection *c, int64_t silent_us)
{
	const struct streams *s = user;
	bool half_open = !c->side[1].packets && !c->side[1].bytes && c->side[0].syn;
	return half_open || silent_us >= s->idle_us;
}

void streams_tick(struct streams *s, int64_t now_us, int64_t idle_us)
{
	s->idle_us = idle_us;
	int64_t silence_us = STREAM_SILENCE_MS * 1000;
	tcp_tick(s->tcp, now_us, idle_us < silence_us ? idle_us : silence_us, is_quiet);
}

void streams_packet(struct streams *s, const struct packet *p, const struct stamp *stamp)
{
	s->now_us = stamp->time_us;
	if (p->transport == TRANSPORT_TCP || p->transport == TRANSPORT_ICMP)
		tcp_packet(s->tcp, p, stamp);
	else if (p->transport == TRANSPORT_ARP)
		arp_packet(s, p, stamp);
}

struct streams_counts streams_count(const struct streams *s)
{
	struct streams_counts counts = s->counts;
	counts.open = s->tcp ? tcp_connections(s->tcp) : 0;
	return counts;
}
