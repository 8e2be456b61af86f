/* Dovecot: its lines in syslog ("dovecot: imap-login: …"), in its own log file and from containers ("imap-login: Error: …"). Keyed by session=<…> where
 * there is one. */
#include "evidence/kit.h"

struct dovecot_line {
	struct slice service, user, text; /* text: behind "service(user)<pid><session>: " */
	struct slice whole;               /* from the service on */
	bool level;                       /* "Error: " and so on stood there (and is still in text) */
};

static const char *const levels[] = {"Error: ", "Warning: ", "Info: ", "Fatal: ", "Panic: ", "Debug: ", NULL};

static bool known_service(struct slice name)
{
	static const char *const services[] = {
		"imap-login", "pop3-login", "submission-login", "managesieve-login", "imap", "pop3", "lmtp", "lda", "submission", "managesieve", "auth",
		"auth-worker", "config", "master", "anvil", "ssl-params", "log", "doveadm", "indexer", "indexer-worker", "stats", "quota-status",
		"imap-hibernate",
		"imap-urlauth", "dict", "old-stats", "director", "replicator", "dsync-local", "sieve", "dovecot-lda", "deliver", "IMAP", "POP3", NULL,
	};
	for (size_t i = 0; services[i]; i++)
		if (slice_eq(name, slice_from_cstr(services[i])))
			return true;
	return false;
}

/* "imap-login: text", "imap(user)<123><session>: text", "auth: Error: text". */
static bool take_apart(struct slice s, struct dovecot_line *ret)
{
	size_t n = 0;
	while (n < s.n && n < 20 && (ascii_is_alnum(s.p[n]) || s.p[n] == '-'))
		n++;
	*ret = (struct dovecot_line){.service = slice_sub(s, 0, n), .whole = s};
	if (!n || n >= s.n || !known_service(ret->service))
		return false;
	struct slice rest = slice_from(s, n);
	if (slice_skip(&rest, S("("))) {
		ret->user = slice_next_until(&rest, ')');
		if (slice_find_byte(ret->user, ',') != SLICE_NPOS) /* lmtp(123, user@example.com) */
			ret->user = slice_trim(slice_from(ret->user, slice_find_byte(ret->user, ',') + 1));
	}
	while (slice_starts(rest, S("<"))) {
		size_t close = slice_find(rest, S(">"));
		if (close == SLICE_NPOS)
			return false;
		rest = slice_from(rest, close + 1);
	}
	if (!slice_skip(&rest, S(": ")))
		return false;
	ret->text = rest;
	ret->level = kit_prefix(levels, rest) >= 0;
	return true;
}

/* "mail dovecot: imap-login: …": a line whose time was left out. */
static bool cut_line(struct slice line, struct syslog_line *l)
{
	struct slice s = line;
	slice_next_word(&s);
	slice_skip_space(&s);
	if (!slice_skip(&s, S("dovecot: ")))
		return false;
	*l = (struct syslog_line){.program = S("dovecot"), .message = s};
	return true;
}

/* The part of a log line that is Dovecot's; false if it is none. */
static bool is_dovecot(struct reader *r, struct slice line, struct syslog_line *l, struct dovecot_line *d)
{
	if (!kit_log_line(r, line, l) && !cut_line(line, l))
		return false;
	if (slice_eq(l->program, S("dovecot")) || slice_eq(l->program, S("dovecot-lmtp"))) {
		if (!take_apart(l->message, d))
			*d = (struct dovecot_line){.service = S("dovecot"), .text = l->message, .whole = l->message};
		return true;
	}
	/* without "dovecot:" the service stands where a program would, or behind a time alone */
	size_t paren = slice_find_byte(l->program, '(');
	if (!known_service(slice_sub(l->program, 0, paren)) && l->program.n && !slice_eq(l->program, S("auth")))
		return false;
	struct slice from = l->program.n ? slice_of(l->program.p, (size_t)(l->message.p + l->message.n - l->program.p)) : l->message;
	return take_apart(from, d) && (d->level || slice_starts(d->service, S("imap-login")) || slice_starts(d->service, S("pop3-login")));
}

static int recognise(struct reader *r, struct slice line)
{
	struct syslog_line l;
	struct dovecot_line d;
	if (line.n < 12 || line.p[0] == '{' || !is_dovecot(r, line, &l, &d))
		return FORM_NO;
	return FORM_SURE;
}

static enum protocol protocol_of(struct slice service)
{
	static const struct {
		const char *start;
		enum protocol p;
	} table[] = {{"imap", PROTOCOL_IMAP}, {"IMAP", PROTOCOL_IMAP}, {"pop3", PROTOCOL_POP3}, {"POP3", PROTOCOL_POP3},
		     {"lmtp", PROTOCOL_LMTP}, {"submission", PROTOCOL_SMTP}, {NULL, PROTOCOL_UNKNOWN}};
	size_t i = 0;
	while (table[i].start && !slice_starts(service, slice_from_cstr(table[i].start)))
		i++;
	return table[i].p;
}

/* The words in brackets behind "Disconnected", "Aborted login" or "Login aborted": why. */
static struct slice reason_of(struct slice text)
{
	size_t open = slice_find(text, S(" (")), user = slice_find(text, S("): "));
	if (open != SLICE_NPOS && user != SLICE_NPOS && user > open)
		return slice_sub(text, open + 2, user);
	size_t colon = slice_find(text, S(": "));
	return colon == SLICE_NPOS ? SLICE_NONE : slice_from(text, colon + 2);
}

static void judge(struct session *s, struct slice text)
{
	static const struct {
		const char *words;
		enum outcome o;
	} table[] = {
		{"auth failed", OUTCOME_REFUSED}, {"disallowed plaintext", OUTCOME_REFUSED}, {"unsupported auth", OUTCOME_REFUSED},
		{"SSL", OUTCOME_TLS_FAILED}, {"TLS handshak", OUTCOME_TLS_FAILED}, {"nactivity", OUTCOME_TIMED_OUT}, {"Connection reset", OUTCOME_RESET},
		{"Connection closed", OUTCOME_CLOSED_EARLY}, {NULL, OUTCOME_UNKNOWN},
	};
	if (slice_starts(text, S("Login: ")) || slice_has(text, S("Logged out")))
		s->outcome = OUTCOME_OK;
	for (size_t i = 0; s->outcome == OUTCOME_UNKNOWN && table[i].words; i++)
		if (slice_has(text, slice_from_cstr(table[i].words)))
			s->outcome = table[i].o;
}

static bool is_good_news(const struct dovecot_line *d)
{
	struct slice t = d->text;
	slice_skip(&t, S("Info: "));
	return slice_starts(t, S("Login: ")) || slice_starts(t, S("Debug: ")) || slice_has(t, S("Logged out")) || slice_has(t, S(" saved mail to ")) ||
	       slice_has(t, S("stored mail into mailbox")) || slice_starts(t, S("Connect from ")) || slice_starts(t, S("Disconnect from "));
}

static void take(struct reader *r, struct slice line)
{
	static const char *const facts[][2] = {{"user=", "user"}, {"method=", "mech"}, {"rip=", "client_address"}, {"lip=", "server_address"},
					       {"rport=", "port"}, {NULL, NULL}};
	struct syslog_line l;
	struct dovecot_line d;
	if (!is_dovecot(r, line, &l, &d) || (reader_is_big(r) && is_good_news(&d)))
		return;
	struct slice key = kit_value(d.text, S("session=")), text = d.text;
	slice_skip(&text, S("Info: "));
	struct session *s = NULL;
	enum protocol p = protocol_of(d.service);
	if (!key.n)
		key = kit_value(d.text, S("rip="));
	if (key.n || (p != PROTOCOL_UNKNOWN && (d.user.n || l.pid)))
		s = reader_log_session(r, key.n ? key : d.whole.n > 40 ? slice_sub(d.whole, 0, 40) : d.whole, p);
	l.program = arena_printf(reader_arena(r), "dovecot/%.*s", SLICE_FMT(d.service));
	struct event *e = kit_log(r, s, &l, d.whole);
	e->secret = slice_between(e->text, S("given password: "), S(")")); /* auth_verbose_passwords = plain */
	kit_facts(r, e, d.text, facts);
	if (d.user.n && !event_fact(e, "user").n && !slice_starts(d.service, S("auth")))
		reader_fact(r, e, "user", d.user);
	if (slice_starts(text, S("Disconnected")) || slice_starts(text, S("Aborted login")) || slice_starts(text, S("Login aborted")))
		reader_fact(r, e, "reason", reason_of(text));
	bool tls = slice_has(d.text, S(", TLS")) || slice_has(d.text, S(", secured"));
	if (tls)
		reader_fact(r, e, "tls", slice_has(d.text, S(", TLS")) ? S("TLS") : S("secured"));
	if (!s)
		return;
	s->server.software = SOFTWARE_DOVECOT;
	if (!s->client.address.n)
		s->client.address = event_fact(e, "client_address");
	if (!s->server.address.n)
		s->server.address = event_fact(e, "server_address");
	if (slice_has(d.text, S(", TLS")) && s->tls.mode == TLS_NONE)
		s->tls.mode = TLS_STARTTLS;
	/* lmtp says what it answers */
	if (p == PROTOCOL_LMTP) {
		struct slice reply = kit_find_reply(d.text);
		if (reply.n)
			reader_quote_reply(r, s, p, reply, slice_has(d.text, S("rcpt")) ? S("RCPT") : S("DOT"));
	}
	judge(s, text);
}

const struct form form_dovecot_log = {.name = "dovecot-log", .title = N_("Dovecot log"), .recognise = recognise, .take = take};
