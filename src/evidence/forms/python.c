/* Python: smtplib's set_debuglevel (send: / reply: / data:), poplib's (*cmd* / *resp*), imaplib's ("  58:39.52 > b'…'"), and tracebacks, whose last line
 * holds the server's answer: smtplib.SMTPAuthenticationError: (535, b'5.7.8 …'). aiosmtplib, Django and others show the same exceptions. */
#include "evidence/kit.h"

extern const struct form form_python;

struct state {
	bool in_trace;
	bool multi_line; /* poplib: a listing printed over several lines */
	struct slice after; /* what smtplib was doing, by the functions of the traceback */
};

static const char *const smtp_marks[] = {"send: ", "reply: ", "data: (", "connect: ", NULL};
static const char *const pop_marks[] = {"*cmd* ", "*resp* ", "*put* ", "*get* ", "*stat* ", "*welcome* ", NULL};

/* Exceptions whose words say what a server or TLS did; the name may stand behind its modules. */
static const char *const exceptions[] = {
	"SMTPAuthenticationError", "SMTPRecipientsRefused", "SMTPSenderRefused", "SMTPDataError", "SMTPHeloError", "SMTPConnectError", "SMTPResponseException",
	"SMTPServerDisconnected", "SMTPNotSupportedError", "SMTPException", "SMTPConnectTimeoutError", "SMTPReadTimeoutError", "SMTPTimeoutError",
	"SMTPRecipientRefused",
	"imaplib.error", "imaplib.IMAP4.error", "imaplib.abort", "imaplib.IMAP4.abort", "imaplib.IMAP4.readonly", "poplib.error_proto", "error_proto",
	"ssl.SSLError", "SSLError",
	"SSLCertVerificationError", "CertificateError", "socket.gaierror", "gaierror", "socket.timeout", "socket.error", "ConnectionRefusedError",
	"ConnectionResetError", "ConnectionAbortedError", "BrokenPipeError", "TimeoutError", "UnicodeEncodeError", "UnicodeDecodeError", "LoginError",
	"IMAPClientError", "ClientError", "OSError", "EOFError", NULL,
};

static int exception_at(struct slice line, struct slice *ret_rest)
{
	struct slice s = line;
	slice_skip_space(&s);
	struct slice name = slice_sub(s, 0, slice_find_byte(s, ':'));
	if (name.n < 5 || name.n > 60 || slice_find_byte(name, ' ') != SLICE_NPOS)
		return -1;
	for (int i = 0; exceptions[i]; i++) {
		struct slice want = slice_from_cstr(exceptions[i]);
		if (!slice_ends(name, want) || (name.n > want.n && name.p[name.n - want.n - 1] != '.'))
			continue;
		*ret_rest = slice_trim(slice_from(s, name.n + 1));
		return i;
	}
	return -1;
}

/* imaplib: "  58:39.52 > b'…'", with "<" for the server */
static bool imaplib_line(struct slice line, struct slice *ret)
{
	struct slice s = line;
	uint64_t n;
	slice_skip_space(&s);
	if (!slice_next_uint(&s, 59, &n) || !slice_skip(&s, S(":")) || !slice_next_uint(&s, 59, &n) || !slice_skip(&s, S(".")) ||
		!slice_next_uint(&s, 999999, &n))
		return false;
	slice_skip_space(&s);
	*ret = s;
	return slice_starts(s, S("> ")) || slice_starts(s, S("< "));
}

static struct slice skip_time(struct slice line)
{
	struct slice s = line;
	int64_t us;
	/* a log's own time may stand before that of smtplib: "19:37:31:628	19:37:31.506611 send: …" */
	for (int i = 0; i < 2 && s.n && ascii_is_digit(s.p[0]) && reader_skip_time(&s, &us); i++) {
		while (s.n && ascii_is_digit(s.p[0]) && slice_find_byte(slice_sub(s, 0, 5), '\t') != SLICE_NPOS)
			s = slice_from(s, 1);
		slice_skip_space(&s);
	}
	return s;
}

static bool is_frame(struct slice line)
{
	return slice_starts(line, S("  File \"")) || slice_starts(line, S("File \"/"));
}

static int recognise(struct reader *r, struct slice line)
{
	bool active = reader_active(r) == &form_python;
	struct slice rest, s;
	if (line.n < 4)
		return FORM_NO;
	s = skip_time(line);
	if (kit_prefix(pop_marks, s) >= 0)
		return FORM_SURE;
	if (kit_prefix(smtp_marks, s) >= 0) {
		struct slice t = slice_from(s, slice_find_byte(s, ':') + 1);
		slice_skip_space(&t);
		bool python = slice_starts(t, S("b'")) || slice_starts(t, S("b\"")) || slice_starts(t, S("'")) || slice_starts(t, S("\"")) ||
			      slice_starts(t, S("(")) || slice_starts(t, S("retcode")) || slice_starts(t, S("to ("));
		return python ? FORM_SURE : FORM_NO;
	}
	if (slice_starts(line, S("Traceback (most recent call last)")) || is_frame(line))
		return FORM_SURE;
	if (exception_at(line, &rest) >= 0)
		return slice_has(line, S("smtplib.")) || slice_has(line, S("imaplib.")) || slice_has(line, S("poplib.")) || active ? FORM_SURE : FORM_STRONG;
	if (!active)
		return imaplib_line(line, &rest) ? FORM_STRONG : FORM_NO;
	struct state *st = reader_state(r, &form_python);
	if (imaplib_line(line, &rest))
		return FORM_SURE;
	if (st->in_trace && (slice_starts(line, S("    ")) || slice_starts(line, S("During handling of")) || slice_starts(line, S("The above exception"))))
		return FORM_SURE;
	return st->multi_line && dialogue_guess(SIDE_UNKNOWN, line) == PROTOCOL_UNKNOWN && line.n < 80 && line.p[0] != '*' ? FORM_LIKELY : FORM_NO;
}

/* (535, b'5.7.8 text\n5.7.8 more') as the reply it was. */
static bool tuple_reply(struct reader *r, struct slice *s, struct slice *ret)
{
	struct slice t = *s, words, line;
	struct arena *a = reader_arena(r);
	uint64_t code;
	slice_skip_space(&t);
	slice_skip(&t, S("("));
	if (!slice_next_uint(&t, 999, &code) || code < 200 || !slice_skip(&t, S(",")) || !kit_string(a, &t, &words))
		return false;
	*ret = SLICE_NONE;
	size_t cap = 0;
	while (slice_next_line(&words, &line)) {
		struct slice one = arena_printf(a, "%u%c%.*s", (unsigned)code, words.n ? '-' : ' ', SLICE_FMT(line));
		arena_append(a, ret, &cap, ret->n ? S("\n") : SLICE_NONE, one);
	}
	if (!ret->n)
		*ret = arena_printf(a, "%u ", (unsigned)code);
	*s = t;
	return true;
}

static struct slice verb_of_exception(const char *name, struct slice seen)
{
	static const char *const table[][2] = {{"SMTPAuthenticationError", "AUTH"}, {"SMTPRecipientsRefused", "RCPT"}, {"SMTPRecipientRefused", "RCPT"},
					       {"SMTPSenderRefused", "MAIL"}, {"SMTPHeloError", "EHLO"}, {"SMTPConnectError", "CONNECT"}, {NULL, NULL}};
	for (size_t i = 0; table[i][0]; i++)
		if (!strcmp(name, table[i][0]))
			return slice_from_cstr(table[i][1]);
	if (!strcmp(name, "SMTPDataError"))
		return S("DOT");
	return seen;
}

static void take_exception(struct reader *r, struct state *st, struct slice line)
{
	struct slice rest, reply, words;
	int which = exception_at(line, &rest);
	const char *name = exceptions[which];
	struct slice after = verb_of_exception(name, st->after);
	bool imap = slice_has(line, S("imaplib")) || slice_starts_nocase(rest, S("b'[")), pop = slice_has(line, S("error_proto"));
	/* a traceback stands in the same event, its last line decides */
	struct event *e = st->in_trace ? reader_continue(r, EV_ERROR, SIDE_CLIENT, line) : reader_event(r, EV_ERROR, SIDE_CLIENT, line);
	reader_program(e, S("python"));
	if (after.n)
		reader_fact(r, e, "after", after);
	st->in_trace = false;
	st->after = SLICE_NONE;
	if (slice_skip(&rest, S("{"))) {
		/* {'a@b': (550, b'…')} */
		if (kit_string(reader_arena(r), &rest, &words))
			reader_fact(r, e, "to", words);
		slice_skip(&rest, S(":"));
	}
	if (tuple_reply(r, &rest, &reply)) {
		kit_quote(r, PROTOCOL_SMTP, reply, after);
		slice_skip(&rest, S(", "));
		if (!strcmp(name, "SMTPSenderRefused") && kit_string(reader_arena(r), &rest, &words))
			reader_fact(r, e, "from", words);
	} else if (pop && slice_starts(rest, S("-ERR"))) {
		kit_quote(r, PROTOCOL_POP3, rest, after);
	} else if ((imap || pop) && kit_string(reader_arena(r), &rest, &words)) {
		if (pop)
			kit_quote(r, PROTOCOL_POP3, words, after);
		else
			kit_quote(r, PROTOCOL_IMAP, arena_printf(reader_arena(r), ". NO %.*s", SLICE_FMT(words)), after.n ? after : SLICE_NONE);
	}
}

/* Functions of the libraries that stand in a traceback tell the command. */
static void see_frame(struct state *st, struct slice line)
{
	static const char *const functions[][2] = {{"in login", "AUTH"}, {"in auth", "AUTH"}, {"in starttls", "STARTTLS"}, {"in ehlo_or_helo", "EHLO"},
						{"in ehlo", "EHLO"}, {"in rcpt", "RCPT"}, {"in data", "DATA"}, {"in connect", "CONNECT"},
							{"in pass_", "PASS"}, {"in user", "USER"},
						   {"in apop", "APOP"}, {"in uidl", "UIDL"}, {"in stls", "STLS"}, {"in getreply", NULL},
						   {NULL, NULL}};
	if (!slice_has(line, S("smtplib")) && !slice_has(line, S("imaplib")) && !slice_has(line, S("poplib")))
		return;
	bool imap = slice_has(line, S("imaplib"));
	for (size_t i = 0; functions[i][0]; i++)
		if (functions[i][1] && slice_ends(slice_trim_right(line), slice_from_cstr(functions[i][0])))
			st->after = imap && i == 0 ? S("LOGIN") : slice_from_cstr(functions[i][1]);
}

static void take_said(struct reader *r, struct state *st, struct slice s)
{
	struct slice bytes, rest = slice_from(s, slice_find_byte(s, ' '));
	bool server = slice_starts(s, S("reply")) || slice_starts(s, S("*resp*")) || slice_starts(s, S("*get*")) || slice_starts(s, S("*stat*")) ||
		slice_starts(s, S("*welcome*"));
	st->multi_line = slice_starts(s, S("*resp*"));
	slice_skip_space(&rest);
	if (slice_starts(rest, S("retcode")) || slice_starts(s, S("data: (")) || slice_starts(s, S("*stat*")) || slice_starts(s, S("*welcome*")))
		return; /* sums up what was shown before */
	if (slice_starts(s, S("connect: "))) {
		reader_program(reader_event(r, EV_CONNECT, SIDE_CLIENT, s), S("python"));
		return;
	}
	if (!kit_string(reader_arena(r), &rest, &bytes))
		return;
	enum side side = server ? SIDE_SERVER : SIDE_CLIENT;
	if (slice_ends(bytes, S("\n")))
		reader_say_raw(r, side, bytes);
	else
		reader_say(r, side, bytes);
	st->multi_line = st->multi_line && reader_dialogue(r) && dialogue_server_in_listing(reader_dialogue(r));
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_python);
	struct slice s = skip_time(line), rest, bytes;
	if (kit_prefix(smtp_marks, s) >= 0 || kit_prefix(pop_marks, s) >= 0) {
		take_said(r, st, s);
	} else if (exception_at(line, &rest) >= 0) {
		take_exception(r, st, line);
	} else if (imaplib_line(line, &rest)) {
		enum side side = rest.p[0] == '<' ? SIDE_SERVER : SIDE_CLIENT;
		struct slice t = slice_from(rest, 2);
		if (kit_string(reader_arena(r), &t, &bytes))
			reader_say(r, side, slice_trim_right(bytes));
	} else if (is_frame(line) || st->in_trace || slice_starts(line, S("Traceback"))) {
		if (slice_starts(line, S("Traceback")) && !st->in_trace)
			reader_program(reader_event(r, EV_ERROR, SIDE_CLIENT, line), S("python"));
		else
			reader_program(reader_continue(r, EV_ERROR, SIDE_CLIENT, line), S("python"));
		st->in_trace = true;
		see_frame(st, line);
	} else {
		reader_say(r, SIDE_SERVER, line); /* goes on with poplib's listing */
		st->multi_line = !slice_eq(slice_trim(line), S("."));
	}
}

const struct form form_python = {
	.name = "python", .title = N_("Python debug output or traceback"), .recognise = recognise, .take = take, .state_size = sizeof(struct state)};
