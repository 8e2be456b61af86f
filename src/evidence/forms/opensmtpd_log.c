/* OpenSMTPD: "smtpd[53039]: 08a0eec7b6cdc261 smtp failed-command command="…" result="…"", and the older "smtp-in: Failed command on session …". */
#include "evidence/kit.h"

static const char *const subsystems[] = {"smtp ", "mta ", "mda ", "relay ", "bounce ", "smtp-out ", NULL};
static const char *const old[] = {"smtp-in: ", "smtp-out: ", "delivery: ", "relay: ", "smtp: ", NULL};

/* A session's id: sixteen hexadecimal digits. */
static bool next_id(struct slice *s, struct slice *ret)
{
	size_t n = 0;
	while (n < s->n && ascii_is_hex(s->p[n]))
		n++;
	if (n != 16 || n >= s->n || s->p[n] != ' ')
		return false;
	*ret = slice_sub(*s, 0, n);
	*s = slice_from(*s, n + 1);
	return true;
}

static bool take_apart(struct reader *r, struct slice line, struct syslog_line *l, struct slice *id)
{
	struct slice s = line;
	*id = SLICE_NONE;
	if (next_id(&s, id)) {
		*l = (struct syslog_line){.program = S("smtpd"), .message = s};
		return kit_prefix(subsystems, s) >= 0;
	}
	if (!kit_log_line(r, line, l))
		return false;
	if (slice_eq(l->program, S("debug")) || slice_eq(l->program, S("info")) || slice_eq(l->program, S("warn")))
		return slice_starts(l->message, S("smtp: ")) || slice_starts(l->message, S("mta: ")) || slice_starts(l->message, S("scheduler: "));
	if (!slice_eq(l->program, S("smtpd")) && kit_prefix(old, l->message) < 0 && !slice_eq(l->program, S("smtp-in")) && !slice_eq(l->program, S("smtp-out")))
		return false;
	s = l->message;
	if (next_id(&s, id)) {
		l->message = s;
		return true;
	}
	return slice_eq(l->program, S("smtpd")) || slice_starts(l->program, S("smtp-")) || kit_prefix(old, l->message) >= 0;
}

static int recognise(struct reader *r, struct slice line)
{
	struct syslog_line l;
	struct slice id;
	if (line.n < 16 || !take_apart(r, line, &l, &id))
		return FORM_NO;
	return id.n ? FORM_SURE : FORM_LIKELY;
}

/* failed-command command="HELO " result="501 5.5.4 …" */
static void take_failed(struct reader *r, struct session *s, struct event *e, struct slice m)
{
	size_t at = slice_find(m, S("command=\"")), res = slice_find(m, S("result=\""));
	struct slice command = SLICE_NONE, reply = SLICE_NONE;
	struct command parsed;
	uint32_t odd;
	if (res != SLICE_NPOS) {
		reply = slice_from(m, res + 8);
		if (slice_ends(reply, S("\"")))
			reply.n--;
		m = slice_sub(m, 0, res);
	}
	if (at != SLICE_NPOS) {
		command = slice_sub(m, at + 9, slice_find_last_byte(m, '"'));
		reader_quote_command(r, s, PROTOCOL_SMTP, command);
		if (command_parse(reader_arena(r), PROTOCOL_SMTP, command, &parsed, &odd))
			reader_fact(r, e, "after", parsed.verb);
	}
	if (reply.n)
		reader_quote_reply(r, s, PROTOCOL_SMTP, reply, event_fact(e, "after"));
}

/* smtp-in: Failed command on session 93d0: "RCPT TO:<a@b>" => 550 Invalid recipient */
static void take_old_failed(struct reader *r, struct session *s, struct slice m)
{
	struct slice command = slice_between(m, S("\""), S("\" =>"));
	size_t at = slice_find(m, S("=> "));
	struct command parsed;
	uint32_t odd;
	if (!command.n || at == SLICE_NPOS)
		return;
	reader_quote_command(r, s, PROTOCOL_SMTP, command);
	bool ok = command_parse(reader_arena(r), PROTOCOL_SMTP, command, &parsed, &odd);
	reader_quote_reply(r, s, PROTOCOL_SMTP, slice_from(m, at + 3), ok ? parsed.verb : SLICE_NONE);
}

static void judge(struct reader *r, struct session *s, struct slice m)
{
	struct slice result = kit_value(m, S("result=")), address = kit_value(m, S("address=")), host = kit_value(m, S("host="));
	struct party *p = slice_starts(m, S("mta ")) ? &s->server : &s->client;
	if (address.n && !p->address.n) {
		struct slice url = address;
		size_t slashes = slice_find(url, S("//"));
		if (slashes != SLICE_NPOS)
			url = slice_from(url, slashes + 2);
		kit_party(r, p, url);
	}
	if (host.n && !p->name.n)
		p->name = arena_dup(reader_arena(r), host);
	if (slice_starts_nocase(result, S("ok")))
		s->outcome = OUTCOME_OK;
	else if (slice_starts_nocase(result, S("permfail")))
		s->outcome = OUTCOME_REFUSED;
	else if (slice_starts_nocase(result, S("tempfail")))
		s->outcome = OUTCOME_DEFERRED;
	if (slice_has(m, S("handshake failed")) || slice_has(m, S("TLS error")))
		s->outcome = OUTCOME_TLS_FAILED;
}

static void take(struct reader *r, struct slice line)
{
	static const char *const facts[][2] = {{"from=", "from"}, {"to=", "to"}, {"rcpt=", "to"}, {"user=", "user"}, {"result=", "status"},
		{"reason=", "reason"},
					       {"helo=", "helo"}, {"ciphers=", "tls"}, {"relay=", "relay"}, {NULL, NULL}};
	struct syslog_line l;
	struct slice id;
	if (!take_apart(r, line, &l, &id))
		return;
	struct slice m = l.message, session = slice_find(m, S("session ")) == SLICE_NPOS ? SLICE_NONE : slice_from(m, slice_find(m, S("session ")) + 8);
	if (!id.n)
		id = slice_sub(session, 0, slice_find_byte(session, ':'));
	id = slice_sub(id, 0, 16);
	if (reader_is_big(r) && !slice_has(m, S("ail")) && !slice_has(m, S("rror")))
		return;
	struct session *s = id.n ? reader_log_session(r, id, PROTOCOL_SMTP) : NULL;
	struct event *e = kit_log(r, s, &l, m);
	reader_program(e, S("opensmtpd"));
	kit_facts(r, e, m, facts);
	if (s && slice_starts(m, S("smtp")))
		s->server.software = SOFTWARE_OPENSMTPD;
	if (slice_has(m, S("failed-command")) || (slice_starts(m, S("smtp ")) && slice_has(m, S("result=\"5"))))
		take_failed(r, s, e, m);
	else if (slice_has(m, S("Failed command on session")))
		take_old_failed(r, s, m);
	size_t from = slice_find(m, S(" from host "));
	if (s && from != SLICE_NPOS)
		kit_party(r, &s->client, slice_from(m, from + 11));
	size_t stat = slice_find(m, S("stat="));
	if (stat != SLICE_NPOS && s && !slice_has(m, S("failed-command"))) {
		struct slice reply = slice_from(m, stat + 5);
		slice_skip(&reply, S("\""));
		if (slice_ends(reply, S("\"")))
			reply.n--;
		reader_quote_reply(r, s, PROTOCOL_SMTP, reply, SLICE_NONE);
	}
	if (s)
		judge(r, s, m);
}

const struct form form_opensmtpd_log = {.name = "opensmtpd-log", .title = N_("OpenSMTPD log"), .recognise = recognise, .take = take};
