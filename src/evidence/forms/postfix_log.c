/* Postfix log: postfix/DAEMON[pid] lines of syslog, of the journal, of containers, or bare. A server session is keyed by "postfix/smtpd[pid]", a delivery
 * by its queue id. */
#include "evidence/kit.h"

extern const struct form form_postfix_log;

struct state {
	uint64_t verbose; /* hash of the process whose dialogue -v shows */
};

static const char *const fact_table[][2] = {
	{"from=", "from"}, {"to=", "to"}, {"helo=", "helo"}, {"proto=", "proto"}, {"sasl_method=", "mech"}, {"sasl_username=", "user"},
	{"relay=", "relay"}, {"dsn=", "dsn"}, {"status=", "status"}, {"delay=", "delay"}, {"size=", "size"}, {NULL, NULL},
};

/* The daemon behind the last slash when the program is Postfix's, else empty. */
static struct slice daemon_of(struct slice program)
{
	static const char *const daemons[] = {
		"smtpd", "smtp", "lmtp", "qmgr", "cleanup", "local", "virtual", "pipe", "error", "retry", "bounce", "anvil", "postscreen", "dnsblog",
		"tlsproxy", "tlsmgr", "trivial-rewrite", "master", "pickup", "scache", "proxymap", "discard", "verify", "oqmgr", "nqmgr", "postfix-script",
		"sendmail", "postdrop", "postqueue", "postmap", "postlogd", "showq", "flush", "spawn", "sasl", "relay", "postsuper", "postalias", NULL,
	};
	size_t slash = slice_find_last_byte(program, '/');
	if (slash == SLICE_NPOS)
		return slice_starts(program, S("postfix")) ? program : SLICE_NONE;
	struct slice name = slice_from(program, slash + 1);
	if (slice_starts(program, S("postfix")))
		return name;
	for (size_t i = 0; daemons[i]; i++)
		if (slice_eq(name, slice_from_cstr(daemons[i])))
			return name;
	return SLICE_NONE;
}

/* Hot in large logs: the program is looked at first, then a few words. */
static int recognise(struct reader *r, struct slice line)
{
	struct syslog_line l;
	if (line.n < 12 || slice_find_byte(slice_sub(line, 0, 160), ':') == SLICE_NPOS || !kit_log_line(r, line, &l) || !l.program.n)
		return FORM_NO;
	return daemon_of(l.program).n ? FORM_SURE : FORM_NO;
}

/* Takes "4fXyZ12abcz1: " off the front. */
static struct slice next_queue_id(struct slice *s)
{
	size_t n = 0;
	while (n < s->n && n < 24 && ascii_is_alnum(s->p[n]))
		n++;
	if (n < 3 || n + 1 >= s->n || s->p[n] != ':' || s->p[n + 1] != ' ')
		return SLICE_NONE;
	struct slice id = slice_sub(*s, 0, n);
	bool digit = slice_eq(id, S("NOQUEUE"));
	for (size_t i = 0; i < n; i++) /* "warning:" is no id */
		digit = digit || ascii_is_digit(id.p[i]);
	if (!digit)
		return SLICE_NONE;
	*s = slice_from(*s, n + 2);
	return id;
}

/* In a big log: does this say that nothing is wrong? */
static bool is_good_news(struct slice m)
{
	static const char *const starts[] = {"connect from ", "statistics: ", "Anonymous TLS", "Trusted TLS", "Untrusted TLS", "Verified TLS", "CONNECT from",
					     "PASS ", "DISCONNECT ", "WHITELISTED", "ALLOWLISTED", "removed", NULL};
	static const char *const after_id[] = {"client=", "message-id=", "from=<", "removed", "uid=", "enabling ", "sender non-delivery", NULL};
	if (kit_prefix(starts, m) >= 0)
		return true;
	if (slice_starts(m, S("disconnect from ")))
		return slice_find_byte(slice_from(m, 16), '/') == SLICE_NPOS;
	struct slice rest = m;
	if (!next_queue_id(&rest).n)
		return false;
	if (slice_starts(rest, S("to=<")))
		return slice_has(rest, S(" status=sent "));
	return kit_prefix(after_id, rest) >= 0;
}

/* --- deliveries ----------------------------------------------------------------------------------------------------------------- */

/* "host mx[1.2.3.4] said: 550 … (in reply to RCPT TO command)", "host … refused to talk to me: 554 …": the reply is quoted. */
static struct event *quote_said(struct reader *r, struct session *s, enum protocol p, struct slice text, struct slice *ret_host)
{
	struct slice after = SLICE_NONE;
	size_t at = slice_find(text, S(" said: ")), skip = 7;
	if (at == SLICE_NPOS) {
		at = slice_find(text, S(" refused to talk to me: "));
		skip = 24;
		after = S("CONNECT");
	}
	if (at == SLICE_NPOS)
		return NULL;
	struct slice host = slice_sub(text, 0, at), reply = slice_from(text, at + skip);
	size_t space = slice_find_last_byte(host, ' ');
	*ret_host = space == SLICE_NPOS ? host : slice_from(host, space + 1);
	size_t in_reply = slice_find(reply, S(" (in reply to "));
	if (in_reply != SLICE_NPOS) {
		after = kit_phase(slice_from(reply, in_reply + 14));
		reply = slice_sub(reply, 0, in_reply);
	} else if (slice_has(text, S("SASL authentication failed"))) {
		after = S("AUTH");
	}
	return reader_quote_reply(r, s, p, reply, after);
}

static void set_outcome(struct session *s, struct slice status, struct slice why)
{
	static const struct {
		const char *words;
		enum outcome o;
	} outcomes[] = {
		{"timed out", OUTCOME_TIMED_OUT}, {"Connection refused", OUTCOME_NOT_CONNECTED}, {"connect to ", OUTCOME_NOT_CONNECTED},
		{"TLS", OUTCOME_TLS_FAILED}, {"lost connection", OUTCOME_CLOSED_EARLY}, {NULL, OUTCOME_UNKNOWN},
	};
	if (!s)
		return;
	s->outcome = slice_eq(status, S("sent")) ? OUTCOME_OK : slice_eq(status, S("bounced")) ? OUTCOME_REFUSED : OUTCOME_DEFERRED;
	if (s->outcome != OUTCOME_OK && slice_has(why, S(" said: ")))
		return;
	for (size_t i = 0; s->outcome != OUTCOME_OK && outcomes[i].words; i++)
		if (slice_has(why, slice_from_cstr(outcomes[i].words)))
			s->outcome = outcomes[i].o;
}

/* "to=<a@b>, relay=…, dsn=…, status=bounced (why)" */
static void take_delivery(struct reader *r, struct session *s, const struct syslog_line *l, enum protocol p, struct slice m)
{
	struct event *e = kit_log(r, s, l, m);
	struct slice why = SLICE_NONE, host = SLICE_NONE, relay = kit_value(m, S("relay=")), status = kit_value(m, S("status="));
	size_t open = slice_find(m, S(" status="));
	kit_facts(r, e, m, fact_table);
	if (open != SLICE_NPOS) {
		why = slice_from(m, open);
		open = slice_find_byte(why, '(');
		why = open == SLICE_NPOS ? SLICE_NONE : slice_from(why, open + 1);
		if (slice_ends(why, S(")")))
			why.n--;
	}
	if (relay.n && !slice_eq(relay, S("none")) && s)
		kit_party(r, &s->server, relay);
	struct event *q = quote_said(r, s, p, why, &host);
	if (!q && slice_eq(status, S("sent")) && why.n > 3 && ascii_is_digit(why.p[0]))
		q = reader_quote_reply(r, s, p, why, S("DOT"));
	if (q)
		kit_facts(r, q, m, fact_table);
	if (host.n && s)
		kit_party(r, &s->server, host);
	set_outcome(s, status, why);
}

/* What smtp, lmtp and their like say. */
static void take_client(struct reader *r, const struct syslog_line *l, struct slice program)
{
	char buf[64];
	struct slice m = l->message, id = next_queue_id(&m), host = SLICE_NONE;
	enum protocol p = slice_eq(program, S("lmtp")) ? PROTOCOL_LMTP : PROTOCOL_SMTP;
	struct slice key = id.n ? id : kit_log_key(buf, sizeof buf, l->program, l->pid);
	struct session *s = reader_log_session(r, key, p);
	if (s)
		s->client.software = SOFTWARE_POSTFIX;
	if (slice_starts(m, S("to=<"))) {
		take_delivery(r, s, l, p, m);
		return;
	}
	struct event *e = kit_log(r, s, l, l->message);
	if (slice_skip(&m, S("connect to "))) {
		struct slice name, address;
		unsigned port = 0;
		reader_split_host(slice_sub(m, 0, slice_find(m, S(": "))), &name, &address, &port);
		reader_fact(r, e, "server_name", name);
		reader_fact(r, e, "server_address", address);
		if (port)
			reader_fact(r, e, "port", arena_printf(reader_arena(r), "%u", port));
		if (s && s->outcome == OUTCOME_UNKNOWN)
			s->outcome = OUTCOME_NOT_CONNECTED;
		if (s)
			kit_party(r, &s->server, slice_sub(m, 0, slice_find(m, S(": "))));
		return;
	}
	quote_said(r, s, p, m, &host);
	size_t tls = slice_find(m, S("TLS connection established to "));
	if (s && tls != SLICE_NPOS) {
		struct slice to = slice_from(m, tls + 30);
		kit_party(r, &s->server, slice_sub(to, 0, slice_find(to, S(": "))));
		s->tls.mode = TLS_STARTTLS;
	}
	if (s && host.n)
		kit_party(r, &s->server, host);
}

/* --- the server ----------------------------------------------------------------------------------------------------------------- */

/* "reject: RCPT from host[1.2.3.4]: 550 …; from=<> to=<> proto=ESMTP helo=<x>" */
static void take_reject(struct reader *r, struct session *s, const struct syslog_line *l, struct slice m)
{
	size_t from = slice_find(m, S(" from "));
	struct slice before = slice_sub(m, 0, from), rest = from == SLICE_NPOS ? SLICE_NONE : slice_from(m, from + 6);
	struct slice client = slice_sub(rest, 0, slice_find(rest, S(": "))), name, address;
	unsigned port;
	size_t colon = slice_find(before, S(": "));
	struct slice after = kit_phase(colon == SLICE_NPOS ? before : slice_from(before, colon + 2));
	reader_split_host(client, &name, &address, &port);
	struct event *e = kit_log(r, s, l, l->message);
	if (s)
		kit_party(r, &s->client, client);
	/* the list of facts stands behind the last "; from=" or "; proto=" */
	size_t end = slice_find(rest, S("; from=<"));
	if (end == SLICE_NPOS)
		end = slice_find(rest, S("; proto="));
	struct slice facts = end == SLICE_NPOS ? SLICE_NONE : slice_from(rest, end);
	struct slice reply = slice_sub(rest, client.n + 2, end);
	reply = slice_trim(reply);
	struct slice first = slice_sub(reply, 0, 3);
	uint64_t code;
	if (!slice_to_uint(first, 999, &code)) /* a milter's answer without its code */
		reply = arena_printf(reader_arena(r), "%c50 %.*s", slice_starts(reply, S("4")) ? '4' : '5', SLICE_FMT(reply));
	struct event *q = slice_has(before, S("warning")) ? NULL : reader_quote_reply(r, s, PROTOCOL_SMTP, reply, after);
	for (int i = 0; i < 2; i++) {
		struct event *on = i ? q : e;
		if (!on)
			continue;
		if (name.n)
			reader_fact(r, on, "client_name", name);
		if (address.n)
			reader_fact(r, on, "client_address", address);
		kit_facts(r, on, facts, fact_table);
	}
	struct slice helo = kit_value(facts, S("helo="));
	if (s && helo.n && !s->client.name.n)
		s->client.name = arena_dup(reader_arena(r), helo);
}

static const char *const drops[] = {"lost connection after ", "timeout after ", "too many errors after ", "disconnect from ", "connect from ", NULL};

/* "lost connection after AUTH from host[ip]", "disconnect from host[ip] ehlo=1 auth=0/1": who and where. */
static void server_facts(struct reader *r, struct session *s, struct event *e, struct slice m, int which)
{
	struct slice rest = slice_from(m, strlen(drops[which])), name, address;
	unsigned port;
	if (which < 3) {
		reader_fact(r, e, "after", kit_phase(slice_sub(rest, 0, slice_find(rest, S(" from ")))));
		if (s)
			s->outcome = which == 1 ? OUTCOME_TIMED_OUT : OUTCOME_CLOSED_EARLY;
		size_t from = slice_find(rest, S(" from "));
		rest = from == SLICE_NPOS ? SLICE_NONE : slice_from(rest, from + 6);
	}
	struct slice client = slice_next_word(&rest);
	reader_split_host(client, &name, &address, &port);
	if (name.n)
		reader_fact(r, e, "client_name", name);
	if (address.n)
		reader_fact(r, e, "client_address", address);
	if (s)
		kit_party(r, &s->client, client);
	if (which == 3 && rest.n)
		reader_fact(r, e, "counters", slice_trim(rest));
}

/* "host[ip]: SASL PLAIN authentication failed: why, sasl_username=x" after "warning: ". */
static void sasl_facts(struct reader *r, struct session *s, struct event *e, struct slice m)
{
	size_t at = slice_find(m, S(": SASL "));
	struct slice name, address, client = slice_sub(m, 0, at);
	unsigned port;
	if (at == SLICE_NPOS)
		return;
	reader_split_host(client, &name, &address, &port);
	if (address.n)
		reader_fact(r, e, "client_address", address);
	if (name.n)
		reader_fact(r, e, "client_name", name);
	if (s)
		kit_party(r, &s->client, client);
	m = slice_from(m, at + 7);
	struct slice mech = slice_next_word(&m);
	reader_fact(r, e, "mech", mech);
}

/* What smtpd -v and smtp -v show: "> unknown[192.0.2.7]: 220 mx ESMTP" is what the process itself said. */
static bool take_verbose(struct reader *r, const struct syslog_line *l, bool server)
{
	struct slice m = l->message;
	size_t close = slice_find_byte(m, ']');
	if (m.n < 8 || (m.p[0] != '<' && m.p[0] != '>') || m.p[1] != ' ' || close == SLICE_NPOS)
		return false;
	struct slice host = slice_sub(m, 2, close + 1), said = slice_from(m, close + 1);
	uint64_t port;
	if (slice_skip(&said, S(":")) && said.n && ascii_is_digit(said.p[0]) && slice_next_uint(&said, 65535, &port))
		slice_skip(&said, S(":"));
	if (!slice_skip(&said, S(" ")))
		return false;
	struct state *st = reader_state(r, &form_postfix_log);
	uint64_t process = slice_hash(l->program) ^ l->pid ^ slice_hash(host);
	if (process != st->verbose || !reader_dialogue(r)) {
		struct session *s = reader_new_session(r, PROTOCOL_SMTP);
		st->verbose = process;
		if (s)
			kit_party(r, server ? &s->client : &s->server, host);
	}
	reader_say(r, (m.p[0] == '>') == server ? SIDE_SERVER : SIDE_CLIENT, said);
	return true;
}

static void take_server(struct reader *r, const struct syslog_line *l)
{
	char buf[64];
	struct slice key = kit_log_key(buf, sizeof buf, l->program, l->pid), m = l->message;
	slice_skip(&m, S("NOQUEUE: lost ")); /* since 3.10 */
	if (m.n != l->message.n)
		m = slice_from(l->message, 9);
	int which = kit_prefix(drops, m);
	if (which == 4) /* one process serves one client after the other */
		reader_end_log_session(r, key);
	struct session *s = reader_log_session(r, key, PROTOCOL_SMTP);
	struct slice rest = m;
	if (s)
		s->server.software = SOFTWARE_POSTFIX;
	next_queue_id(&rest);
	static const char *const verdicts[] = {"reject: ", "milter-reject: ", "reject_warning: ", "discard: ", "hold: ", NULL};
	if (kit_prefix(verdicts, rest) >= 0 && slice_has(rest, S(" from "))) {
		take_reject(r, s, l, rest);
		return;
	}
	struct event *e = kit_log(r, s, l, m);
	if (which >= 0)
		server_facts(r, s, e, m, which);
	else if (slice_skip(&rest, S("warning: ")))
		sasl_facts(r, s, e, rest);
	kit_facts(r, e, rest, fact_table);
	if (slice_starts(rest, S("client="))) {
		struct slice client = kit_value(rest, S("client="));
		if (s)
			kit_party(r, &s->client, client);
	}
	if (s && slice_has(m, S("TLS connection established")))
		s->tls.mode = slice_has(l->program, S("smtps")) ? TLS_IMPLICIT : TLS_STARTTLS;
	if (which == 3)
		reader_end_log_session(r, key);
}

static void take(struct reader *r, struct slice line)
{
	struct syslog_line l;
	if (!kit_log_line(r, line, &l))
		return;
	struct slice d = daemon_of(l.program);
	bool server = slice_starts(d, S("smtpd")) || slice_eq(d, S("postscreen")) || slice_eq(d, S("cleanup"));
	if (reader_is_big(r) && is_good_news(l.message)) {
		char buf[64];
		if (server && slice_starts(l.message, S("disconnect"))) {
			struct slice key = kit_log_key(buf, sizeof buf, l.program, l.pid);
			if (reader_find_log_session(r, key))
				reader_end_log_session(r, key);
		}
		return;
	}
	static const char *const clients[] = {"smtp", "lmtp", "error", "retry", "local", "virtual", "pipe", "relay", "bounce", "discard", NULL};
	if (take_verbose(r, &l, server))
		return;
	if (server) {
		take_server(r, &l);
		return;
	}
	for (size_t i = 0; clients[i]; i++)
		if (slice_eq(d, slice_from_cstr(clients[i]))) {
			take_client(r, &l, d);
			return;
		}
	struct slice m = l.message, id = next_queue_id(&m);
	struct session *s = id.n ? reader_find_log_session(r, id) : NULL;
	if (s && slice_starts(m, S("removed")))
		reader_end_log_session(r, id);
	else
		kit_facts(r, kit_log(r, s, &l, l.message), m, fact_table);
}

const struct form form_postfix_log = {.name = "postfix-log", .title = N_("Postfix log"), .recognise = recognise, .take = take,
	.state_size = sizeof(struct state)};
