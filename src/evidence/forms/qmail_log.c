/* qmail: "delivery 12: failure: 1.2.3.4_does_not_like_recipient./Remote_host_said:_550_…" with blanks written as underscores, in syslog or behind a TAI64N
 * stamp; tcpserver's, vpopmail's and CHKUSER's lines. */
#include "evidence/kit.h"

static const char *const messages[] = {
	"new msg ", "info msg ", "end msg ", "starting delivery ", "delivery ", "status: ", "bounce msg ", "tcpserver: ", "CHKUSER ", "qmail-smtpd",
	"triple bounce", "warning: trouble",
	"qmail-remote", "simscan", "spamdyke[", "rblsmtpd: ", NULL,
};

/* "@4000000052c5d8e41f2a3b4c" (TAI64N): seconds since 1970 plus 2^62 plus ten. */
static bool skip_tai64n(struct slice *s, int64_t *ret_us)
{
	uint64_t seconds = 0;
	if (s->n < 26 || s->p[0] != '@' || s->p[25] != ' ')
		return false;
	for (size_t i = 1; i < 25; i++)
		if (!ascii_is_hex(s->p[i]))
			return false;
	for (size_t i = 1; i < 17; i++)
		seconds = seconds << 4 | (uint64_t)(ascii_is_digit(s->p[i]) ? s->p[i] - '0' : ascii_lower(s->p[i]) - 'a' + 10);
	*ret_us = seconds > (1ull << 62) ? (int64_t)(seconds - (1ull << 62) - 10) * 1000000 : 0;
	*s = slice_from(*s, 26);
	return true;
}

static bool take_apart(struct reader *r, struct slice line, struct syslog_line *l)
{
	struct slice s = line;
	*l = (struct syslog_line){.program = S("qmail")};
	if (skip_tai64n(&s, &l->time_us)) {
		l->has_time = l->time_us > 0;
		l->message = s;
		return true;
	}
	if (slice_starts(line, S("delivery ")) && (slice_has(line, S(": failure: ")) || slice_has(line, S(": deferral: ")))) {
		l->message = line;
		return true;
	}
	if (!kit_log_line(r, line, l))
		return false;
	static const char *const programs[] = {"qmail", "qmail-send", "qmail-smtpd", "vpopmail", "tcpserver", "spamdyke", "vchkpw-smtp",
		"vchkpw-submission", "vchkpw-pop3", "vchkpw-imap", "smtpd", NULL};
	bool known = false;
	for (size_t i = 0; programs[i]; i++)
		known |= slice_eq(l->program, slice_from_cstr(programs[i])) || (programs[i][0] == 'q' && slice_starts(l->program, S("qmail-")));
	if (!known)
		return false;
	if (slice_eq(l->program, S("smtpd")))
		return slice_has(l->message, S("qmail")) || slice_has(l->message, S("CHKUSER"));
	/* "1234567890.123456 delivery 1: …" */
	uint64_t stamp;
	s = l->message;
	if (slice_next_uint(&s, 1ull << 40, &stamp) && slice_skip(&s, S("."))) {
		slice_next_word(&s);
		slice_skip_space(&s);
		l->message = s;
	}
	return true;
}

static int recognise(struct reader *r, struct slice line)
{
	struct syslog_line l;
	if (line.n < 16 || !take_apart(r, line, &l))
		return FORM_NO;
	return kit_prefix(messages, l.message) >= 0 || line.p[0] == '@' || slice_starts(l.program, S("v")) ? FORM_SURE : FORM_LIKELY;
}

static struct slice without_underscores(struct reader *r, struct slice s)
{
	struct slice t = arena_dup(reader_arena(r), s);
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] == '_')
			((uint8_t *)(uintptr_t)t.p)[i] = ' ';
	return t;
}

/* "1.2.3.4 does not like recipient./Remote host said: 550 …/Giving up on 1.2.3.4./" */
static void take_delivery(struct reader *r, const struct syslog_line *l, struct slice number, struct slice what)
{
	static const char *const phases[][2] = {{"does not like recipient", "RCPT"}, {"Sender address", "MAIL"}, {"does not like sender", "MAIL"},
		{"failed after I sent the message", "DOT"},
						{"greeting failed", "CONNECT"}, {"failed on DATA", "DATA"}, {"my name was rejected", "EHLO"},
						{"sender was rejected", "MAIL"},
						{"failed on AUTH", "AUTH"}, {NULL, NULL}};
	char key[40] = "qmail-";
	size_t n = number.n < 24 ? number.n : 24;
	memcpy(key + 6, number.p, n);
	struct session *s = reader_log_session(r, slice_of(key, n + 6), PROTOCOL_SMTP);
	struct slice text = without_underscores(r, what), after = SLICE_NONE;
	struct event *e = kit_log(r, s, l, text);
	for (size_t i = 0; phases[i][0]; i++)
		if (slice_has(text, slice_from_cstr(phases[i][0])))
			after = slice_from_cstr(phases[i][1]);
	size_t said = slice_find(text, S("Remote host said: "));
	reader_fact(r, e, "after", after);
	reader_fact(r, e, "status", slice_sub(text, 0, slice_find_byte(text, ':')));
	struct slice host = slice_between(text, S("Connected to "), S(" but"));
	if (s && host.n && !s->server.address.n)
		s->server.address = arena_dup(reader_arena(r), host);
	if (s)
		s->outcome = slice_starts(text, S("success")) ? OUTCOME_OK : slice_starts(text, S("deferral")) ? OUTCOME_DEFERRED : OUTCOME_REFUSED;
	if (said == SLICE_NPOS)
		return;
	struct slice reply = slice_from(text, said + 18);
	reply = slice_sub(reply, 0, slice_find(reply, S("/Giving up on ")));
	/* lines of the reply are joined by slashes */
	for (size_t i = 3; i + 5 < reply.n; i++)
		if (reply.p[i] == '/' && slice_eq(slice_sub(reply, i + 1, i + 4), slice_sub(reply, 0, 3)))
			((uint8_t *)(uintptr_t)reply.p)[i] = '\n';
	while (reply.n && reply.p[reply.n - 1] == '/')
		reply.n--;
	reader_quote_reply(r, s, PROTOCOL_SMTP, reply, after);
}

static void take(struct reader *r, struct slice line)
{
	struct syslog_line l;
	if (!take_apart(r, line, &l))
		return;
	struct slice m = l.message, number;
	if (slice_skip(&m, S("delivery "))) {
		number = slice_next_until(&m, ':');
		slice_skip_space(&m);
		if (reader_is_big(r) && slice_starts(m, S("success")))
			return;
		take_delivery(r, &l, number, m);
		return;
	}
	static const char *const quiet[] = {"new msg ", "info msg ", "end msg ", "starting delivery ", "status: ", "tcpserver: ", NULL};
	if (reader_is_big(r) && kit_prefix(quiet, m) >= 0)
		return;
	struct event *e = kit_log(r, NULL, &l, m);
	e->secret = slice_between(e->text, S("(pass: '"), S("')")); /* vpopmail logs what was tried */
	/* vchkpw-smtp: password fail (pass: 'x') user@domain:1.2.3.4 */
	size_t colon = slice_find_last_byte(m, ':'), space = slice_find_last_byte(m, ' ');
	if (slice_starts(m, S("vchkpw")) && colon != SLICE_NPOS && space != SLICE_NPOS && space < colon) {
		reader_fact(r, e, "user", slice_sub(m, space + 1, colon));
		reader_fact(r, e, "client_address", slice_from(m, colon + 1));
	}
}

const struct form form_qmail_log = {.name = "qmail-log", .title = N_("qmail log"), .recognise = recognise, .take = take};
