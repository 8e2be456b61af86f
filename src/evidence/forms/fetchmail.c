/* fetchmail -v: "fetchmail: POP3< +OK", "fetchmail: IMAP> A0001 CAPABILITY", "fetchmail: SMTP< 220 …", and its errors. */
#include "evidence/kit.h"

extern const struct form form_fetchmail;

static const struct {
	const char *mark;
	enum protocol p;
	enum side side;
} marks[] = {
	{"POP3< ", PROTOCOL_POP3, SIDE_SERVER}, {"POP3> ", PROTOCOL_POP3, SIDE_CLIENT}, {"IMAP< ", PROTOCOL_IMAP, SIDE_SERVER},
	{"IMAP> ", PROTOCOL_IMAP, SIDE_CLIENT},
	{"SMTP< ", PROTOCOL_SMTP, SIDE_SERVER}, {"SMTP> ", PROTOCOL_SMTP, SIDE_CLIENT}, {"LMTP< ", PROTOCOL_LMTP, SIDE_SERVER},
	{"LMTP> ", PROTOCOL_LMTP, SIDE_CLIENT},
	{"ESMTP< ", PROTOCOL_SMTP, SIDE_SERVER}, {"ESMTP> ", PROTOCOL_SMTP, SIDE_CLIENT},
};

static bool skip_name(struct slice line, struct slice *ret)
{
	struct slice s = line;
	struct slice program = slice_next_until(&s, ':');
	if (!slice_eq(program, S("fetchmail")) && !slice_starts(program, S("fetchmail[")))
		return false;
	slice_skip_space(&s);
	*ret = s;
	return true;
}

static int recognise(struct reader *r, struct slice line)
{
	struct slice s;
	struct syslog_line l;
	if (line.n < 11)
		return FORM_NO;
	if (line.p[0] == 'f' && skip_name(line, &s))
		return FORM_SURE;
	if (slice_starts(line, S("Trying to connect to ")) && reader_active(r) == &form_fetchmail)
		return FORM_SURE;
	return slice_has(slice_sub(line, 0, 60), S("fetchmail[")) && reader_syslog(r, line, &l) && slice_eq(l.program, S("fetchmail")) ? FORM_SURE : FORM_NO;
}

static void take(struct reader *r, struct slice line)
{
	struct slice s, rest;
	struct syslog_line l;
	if (slice_starts(line, S("Trying to connect to "))) {
		reader_event(r, EV_CONNECT, SIDE_CLIENT, line);
		return;
	}
	if (!skip_name(line, &s)) {
		if (!reader_syslog(r, line, &l))
			return;
		s = l.message;
	}
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		rest = s;
		if (!slice_skip(&rest, slice_from_cstr(marks[i].mark)) && !slice_eq(s, slice_trim_right(slice_from_cstr(marks[i].mark))))
			continue;
		/* it fetches and delivers in turn: another protocol is another connection */
		if (!reader_session(r) || reader_session(r)->protocol != marks[i].p)
			reader_new_session(r, marks[i].p);
		reader_say(r, marks[i].side, rest.n == s.n ? SLICE_NONE : rest);
		return;
	}
	if (slice_has(s, S("querying ")) && slice_has(s, S("poll started"))) {
		struct slice name = slice_from(s, slice_find(s, S("querying ")) + 9);
		kit_connect(r, kit_protocol(slice_between(s, S("("), S(")"))), slice_next_word(&name), SLICE_NONE, 0, s);
		return;
	}
	static const char *const complaints[] = {"error", "fail", "refused", "cannot", "couldn't", "mismatch", "expired", "AUTH", "denied", "timeout",
		"unknown", "missing", "lock", "no mailbox", "-ERR", NULL};
	if (!kit_has_any(complaints, s)) {
		bool tls = slice_has(s, S("certificate")) || slice_has(s, S("SSL")) || slice_has(s, S("TLS")) || slice_has(s, S("CommonName")) ||
			slice_has(s, S("fingerprint"));
		reader_program(reader_event(r, tls ? EV_TLS : EV_TOOL, SIDE_CLIENT, s), S("fetchmail"));
		return;
	}
	kit_error(r, S("fetchmail"), s);
	struct slice reply = kit_find_reply(s);
	if (slice_starts(s, S("-ERR")))
		kit_quote(r, PROTOCOL_POP3, s, SLICE_NONE);
	else if (reply.n && slice_has(s, S("SMTP")))
		kit_quote(r, PROTOCOL_SMTP, reply, SLICE_NONE);
}

const struct form form_fetchmail = {.name = "fetchmail", .title = N_("fetchmail output"), .recognise = recognise, .take = take};
