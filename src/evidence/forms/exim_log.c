/* Exim main, reject and panic log: "2020-07-06 11:02:51 [pid] [message id] text". A message's session is keyed by its id, a connection's by its address. */
#include "evidence/kit.h"

struct exim_line {
	struct slice id, text;
	int64_t time_us;
	bool syslog; /* came through syslog, so it is Exim's whatever it says */
};

/* "1JVkdU-0004Xz-2q" and since 4.97 "1rAbCd-00000000XyZ-0aBc". */
static struct slice next_message_id(struct slice *s)
{
	static const size_t shapes[][3] = {{6, 6, 2}, {6, 11, 4}};
	for (int k = 0; k < 2; k++) {
		size_t at = 0;
		bool fits = true;
		for (int part = 0; fits && part < 3; part++) {
			for (size_t i = 0; fits && i < shapes[k][part]; i++, at++)
				fits = at < s->n && ascii_is_alnum(s->p[at]);
			if (fits && part < 2)
				fits = at < s->n && s->p[at++] == '-';
		}
		if (!fits || (at < s->n && s->p[at] != ' '))
			continue;
		struct slice id = slice_sub(*s, 0, at);
		*s = slice_from(*s, at);
		slice_skip_space(s);
		return id;
	}
	/* an id that was shortened or made up: told by what follows it */
	static const char *const followers[] = {"<= ", "=> ", "-> ", "== ", "** ", "*> ", "Completed", "SMTP error", NULL};
	struct slice rest = *s, word = slice_next_word(&rest);
	slice_skip_space(&rest);
	if (word.n >= 4 && word.n < 30 && slice_find_byte(word, '-') != SLICE_NPOS && ascii_is_alnum(word.p[0]) && kit_prefix(followers, rest) >= 0) {
		*s = rest;
		return word;
	}
	return SLICE_NONE;
}

/* Behind the time: "+0200 [pid] id text", each but the text optional. */
static void take_rest(struct slice s, struct exim_line *ret)
{
	uint64_t pid;
	slice_skip_space(&s);
	if (s.n > 6 && (s.p[0] == '+' || s.p[0] == '-') && ascii_is_digit(s.p[1]) && s.p[5] == ' ')
		s = slice_from(s, 6);
	struct slice t = s;
	if (slice_skip(&t, S("[")) && slice_next_uint(&t, UINT32_MAX, &pid) && slice_skip(&t, S("] ")))
		s = t;
	ret->id = next_message_id(&s);
	ret->text = s;
}

static bool has_date(struct slice line)
{
	return line.n > 23 && ascii_is_digit(line.p[0]) && line.p[4] == '-' && line.p[10] == ' ' && line.p[13] == ':';
}

static bool take_apart(struct reader *r, struct slice line, struct exim_line *ret)
{
	struct slice s = line;
	struct syslog_line l;
	ret->syslog = false;
	if (has_date(line)) {
		if (!reader_skip_time(&s, &ret->time_us))
			return false;
		take_rest(s, ret);
		return true;
	}
	if (line.n < 24 || !slice_has(slice_sub(line, 0, 60), S("exim")) || !reader_syslog(r, line, &l) || !slice_starts(l.program, S("exim")))
		return false;
	ret->time_us = l.has_time ? l.time_us : 0;
	ret->syslog = true;
	s = l.message;
	if (has_date(s) && !reader_skip_time(&s, &ret->time_us))
		return false;
	take_rest(s, ret);
	return true;
}

static const char *const openings[] = {
	"H=", "SMTP ", "no host name found", "no IP address found", "rejected ", "TLS error", "TLS client", "Start queue run", "End queue run", "exim ",
	"unexpected disconnection", "cwd=", "Warning: ", "remote host", "failed to expand", "socket bind()", "daemon", "refused connection", "Connection from",
	"unqualified ", "DKIM: ", "SPF: ", "SIGHUP", "pid ", "1 queue", "LMTP ", "unknown named", "temporarily rejected", "expansion of", "Exim configuration",
	"plain", "login", "auth_", "dovecot_", "fixed_", "cram", NULL,
};

static int recognise(struct reader *r, struct slice line)
{
	struct exim_line x;
	if (!take_apart(r, line, &x))
		return FORM_NO;
	if (x.id.n || x.syslog)
		return FORM_SURE;
	if (slice_has(x.text, S(" authenticator failed for ")) || slice_has(x.text, S(" rejected RCPT ")))
		return FORM_SURE;
	if (slice_starts(x.text, S("H=")) || slice_starts(x.text, S("SMTP ")) || slice_starts(x.text, S("no host name found for IP")))
		return FORM_SURE;
	return kit_prefix(openings, x.text) >= 0 ? FORM_LIKELY : FORM_NO;
}

/* --- facts ---------------------------------------------------------------------------------------------------------------------- */

struct remote {
	struct slice name, helo, address;
};

/* "H=host (helo) [1.2.3.4]:port", "(helo) [1.2.3.4]", "host mx [1.2.3.4]". */
static struct remote remote_of(struct slice s)
{
	struct remote x = {0};
	size_t open = slice_find_byte(s, '['), par;
	while (open != SLICE_NPOS && open + 1 < s.n && !ascii_is_hex(s.p[open + 1]) && s.p[open + 1] != ':') {
		size_t next = slice_find_byte(slice_from(s, open + 1), '[');
		open = next == SLICE_NPOS ? next : open + 1 + next;
	}
	if (open == SLICE_NPOS)
		return x;
	/* the last bracket of "([192.168.0.5]) [203.0.113.9]" is the address */
	if (open && s.p[open - 1] == '(') {
		size_t close = slice_find_byte(slice_from(s, open), ')');
		size_t next = close == SLICE_NPOS ? close : slice_find_byte(slice_from(s, open + close), '[');
		if (next != SLICE_NPOS)
			open = open + close + next;
	}
	x.address = slice_sub(s, open + 1, open + slice_find_byte(slice_from(s, open), ']'));
	struct slice before = slice_trim(slice_sub(s, 0, open));
	size_t h = slice_find(before, S("H="));
	if (h != SLICE_NPOS)
		before = slice_from(before, h + 2);
	par = slice_find_byte(before, '(');
	if (par != SLICE_NPOS && slice_ends(before, S(")"))) {
		struct slice helo = slice_from(before, par + 1);
		x.helo = slice_sub(helo, 0, slice_find_last_byte(helo, ')'));
		before = slice_trim(slice_sub(before, 0, par));
	}
	size_t space = slice_find_last_byte(before, ' ');
	x.name = space == SLICE_NPOS ? before : slice_from(before, space + 1);
	return x;
}

static void add_facts(struct reader *r, struct event *e, const struct remote *x, bool client, struct slice text)
{
	static const char *const table[][2] = {{"F=", "from"}, {"set_id=", "user"}, {"X=", "tls"}, {"A=", "mech"}, {"S=", "size"}, {"T=", "transport"},
					       {"R=", "router"}, {NULL, NULL}};
	if (x->address.n)
		reader_fact(r, e, client ? "client_address" : "server_address", x->address);
	if (x->name.n)
		reader_fact(r, e, client ? "client_name" : "server_name", x->name);
	if (x->helo.n)
		reader_fact(r, e, "helo", x->helo);
	kit_facts(r, e, text, table);
}

static void name_party(struct reader *r, struct party *p, const struct remote *x, bool client)
{
	struct slice name = client && x->helo.n ? x->helo : x->name;
	if (!p->name.n && name.n)
		p->name = arena_dup(reader_arena(r), name);
	if (!p->address.n && x->address.n)
		p->address = arena_dup(reader_arena(r), x->address);
}

/* --- what the server refused ------------------------------------------------------------------------------------------------------ */

/* Exim logs the words of its refusal without the code: 550 unless it says "temporarily" or speaks of syntax. */
static struct event *quote_refusal(struct reader *r, struct session *s, struct slice head, struct slice words, struct slice after)
{
	const char *code = slice_has(head, S("temporarily")) ? "451" : slice_starts(words, S("syntactically invalid")) ? "501" : "550";
	struct slice text = words;
	uint64_t n;
	if (!words.n)
		return NULL;
	if (!slice_to_uint(slice_sub(words, 0, 3), 599, &n) || n < 400)
		text = arena_printf(reader_arena(r), "%s %.*s", code, SLICE_FMT(words));
	struct event *q = reader_quote_reply(r, s, PROTOCOL_SMTP, text, after);
	if (q)
		q->oddities |= ODD_RECONSTRUCTED;
	return q;
}

/* "rejected EHLO from …: why", "rejected RCPT <a@b>: why", "rejected after DATA: why", "rejected EHLO or HELO name: why". */
static void take_rejection(struct reader *r, struct session *s, struct event *e, const struct remote *x, struct slice text)
{
	size_t at = slice_find(text, S("rejected "));
	struct slice head = slice_sub(text, 0, at), rest = slice_from(text, at + 9);
	size_t colon = slice_find(rest, S(": "));
	/* an address may hold ": " no more than a name; an IPv6 address has no blank behind its colons */
	struct slice what = slice_sub(rest, 0, colon), words = colon == SLICE_NPOS ? SLICE_NONE : slice_from(rest, colon + 2);
	struct slice after = slice_starts(what, S("connection")) ? S("CONNECT") : kit_phase(what);
	struct slice to = slice_between(what, S("<"), S(">"));
	if (slice_eq(after, S("EHLO"))) {
		struct slice name = what;
		bool ehlo = slice_starts(name, S("EHLO"));
		if (slice_skip(&name, S("EHLO or HELO ")) || slice_skip(&name, S("EHLO from ")) || slice_skip(&name, S("HELO from "))) {
			size_t end = slice_find(name, S(" ["));
			name = x->helo.n ? x->helo : slice_sub(name, 0, end);
			/* what was said stands at the end: "…: syntactically invalid argument(s): shop_1" */
			size_t said = slice_find(words, S("argument(s): "));
			if (said != SLICE_NPOS)
				name = slice_from(words, said + 13);
			struct event *c = reader_infer_command(r, s, PROTOCOL_SMTP, arena_printf(reader_arena(r), "%s %.*s", ehlo ? "EHLO" : "HELO",
												    SLICE_FMT(name)));
			if (c)
				reader_fact(r, e, "helo", name);
		}
	}
	if (slice_eq(after, S("RCPT")) && to.n)
		reader_fact(r, e, "to", to);
	reader_fact(r, e, "after", after);
	struct event *q = quote_refusal(r, s, head, words, after);
	if (!q)
		return;
	add_facts(r, q, x, true, head);
	if (to.n && slice_eq(after, S("RCPT")))
		reader_fact(r, q, "to", to);
}

/* "login authenticator failed for (host) [1.2.3.4]: 535 Incorrect authentication data (set_id=user)" */
static void take_login(struct reader *r, struct session *s, struct event *e, const struct remote *x, struct slice text)
{
	struct slice rest = text, name = slice_next_word(&rest);
	/* "… [1.2.3.4]: 535 …", with ports "… [1.2.3.4]:36824 I=[5.6.7.8]:25: 435 …" */
	struct slice reply = kit_find_reply(rest);
	reader_fact(r, e, "after", S("AUTH"));
	reader_fact(r, e, "authenticator", name);
	if (!reply.n)
		return;
	struct event *q = reader_quote_reply(r, s, PROTOCOL_SMTP, reply, S("AUTH"));
	if (q)
		add_facts(r, q, x, true, text);
}

/* --- what a delivery met ---------------------------------------------------------------------------------------------------------- */

/* "SMTP error from remote mail server after RCPT TO:<a@b>: [host mx [1.2.3.4]:] 550 …" */
static struct event *quote_remote(struct reader *r, struct session *s, struct slice text)
{
	size_t at = slice_find(text, S("SMTP error from remote mail"));
	bool lmtp = slice_has(text, S("LMTP error"));
	if (at == SLICE_NPOS)
		at = slice_find(text, S("LMTP error"));
	if (at == SLICE_NPOS)
		return NULL;
	struct slice rest = slice_from(text, at), reply = kit_find_reply(rest);
	size_t after = slice_find(rest, S(" after "));
	if (!reply.n || after == SLICE_NPOS)
		return NULL;
	struct slice words = slice_sub(rest, after, (size_t)(reply.p - rest.p));
	return reader_quote_reply(r, s, lmtp ? PROTOCOL_LMTP : PROTOCOL_SMTP, reply, kit_phase(words));
}

static void judge_delivery(struct session *s, struct slice text)
{
	static const struct {
		const char *words;
		enum outcome o;
	} outcomes[] = {
		{"Connection refused", OUTCOME_NOT_CONNECTED}, {"Connection timed out", OUTCOME_NOT_CONNECTED}, {"SMTP timeout", OUTCOME_TIMED_OUT},
		{"closed connection", OUTCOME_CLOSED_EARLY}, {"TLS error", OUTCOME_TLS_FAILED}, {" Completed", OUTCOME_OK}, {NULL, OUTCOME_UNKNOWN},
	};
	bool ok = slice_starts(text, S("=> ")) || slice_starts(text, S("-> ")) || slice_starts(text, S("<= "));
	if (ok && s->outcome == OUTCOME_UNKNOWN)
		s->outcome = OUTCOME_OK;
	if (slice_starts(text, S("** ")))
		s->outcome = OUTCOME_REFUSED;
	else if (slice_starts(text, S("== ")))
		s->outcome = OUTCOME_DEFERRED;
	for (size_t i = 0; !ok && outcomes[i].words; i++)
		if (slice_has(text, slice_from_cstr(outcomes[i].words)))
			s->outcome = outcomes[i].o;
}

static void take_message(struct reader *r, const struct exim_line *x)
{
	struct session *s = reader_log_session(r, x->id, PROTOCOL_SMTP);
	struct slice t = x->text;
	bool arrival = slice_skip(&t, S("<= ")), refusal = slice_has(t, S("rejected ")) && slice_starts(t, S("H="));
	struct remote who = remote_of(x->text);
	struct event *e = reader_log(r, s, S("exim"), x->text);
	add_facts(r, e, &who, arrival || refusal, x->text);
	if (s) {
		name_party(r, arrival || refusal ? &s->client : &s->server, &who, arrival || refusal);
		(refusal ? &s->server : &s->client)->software = SOFTWARE_EXIM;
	}
	if (arrival)
		reader_fact(r, e, "from", slice_next_word(&t));
	else if (slice_skip(&t, S("** ")) || slice_skip(&t, S("== ")) || slice_skip(&t, S("=> ")) || slice_skip(&t, S("-> ")))
		reader_fact(r, e, "to", slice_next_word(&t));
	if (refusal)
		take_rejection(r, s, e, &who, x->text);
	else
		quote_remote(r, s, x->text);
	if (s)
		judge_delivery(s, x->text);
	if (slice_eq(x->text, S("Completed")))
		reader_end_log_session(r, x->id);
}

/* --- connections ------------------------------------------------------------------------------------------------------------------ */

/* "SMTP protocol synchronization error (…): rejected connection from H=… input="EHLO x\r\n"": what the client said too early. */
static void take_early_input(struct reader *r, struct session *s, struct slice text)
{
	size_t at = slice_find(text, S("input=\""));
	struct slice said, rest;
	if (at == SLICE_NPOS)
		return;
	rest = slice_from(text, at + 6);
	if (!kit_string(reader_arena(r), &rest, &said) || !said.n || said.p[0] < ' ')
		return;
	struct slice line;
	while (slice_next_line(&said, &line))
		reader_quote_command(r, s, PROTOCOL_SMTP, line);
}

static void take_connection(struct reader *r, const struct exim_line *x)
{
	char key[64] = "exim ";
	struct remote who = remote_of(x->text);
	size_t n = who.address.n < sizeof key - 5 ? who.address.n : 0;
	memcpy(key + 5, who.address.p ? who.address.p : (const uint8_t *)"", n);
	struct session *s = n ? reader_log_session(r, slice_of(key, n + 5), PROTOCOL_SMTP) : NULL;
	if (s) {
		name_party(r, &s->client, &who, true);
		s->server.software = SOFTWARE_EXIM;
	}
	struct event *e = reader_log(r, s, S("exim"), x->text);
	add_facts(r, e, &who, true, x->text);
	if (slice_has(x->text, S(" authenticator failed for ")))
		take_login(r, s, e, &who, x->text);
	else if (slice_has(x->text, S("protocol synchronization error")) && slice_has(x->text, S("waiting for greeting")))
		take_early_input(r, s, x->text);
	else if (slice_has(x->text, S("rejected ")))
		take_rejection(r, s, e, &who, x->text);
	else if (s)
		judge_delivery(s, x->text);
	if (reader_is_big(r) && n)
		reader_end_log_session(r, slice_of(key, n + 5));
}

static bool is_good_news(const struct exim_line *x)
{
	static const char *const fine[] = {"<= ", "=> ", "-> ", "Completed", "*> ", ">> ", NULL};
	static const char *const quiet[] = {"cwd=", "Start queue run", "End queue run", "SMTP connection from", "no host name found", NULL};
	return kit_prefix(x->id.n ? fine : quiet, x->text) >= 0;
}

static void take(struct reader *r, struct slice line)
{
	struct exim_line x;
	if (!take_apart(r, line, &x) || (reader_is_big(r) && is_good_news(&x)))
		return;
	reader_set_time(r, x.time_us);
	if (x.id.n)
		take_message(r, &x);
	else
		take_connection(r, &x);
	reader_set_time(r, 0);
}

const struct form form_exim_log = {.name = "exim-log", .title = N_("Exim log"), .recognise = recognise, .take = take};
