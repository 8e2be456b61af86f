/* Error messages of mail libraries and programs that have no form of their own: Ruby, Go, Rust, PHP's imap extension and PEAR, Outlook, Thunderbird. A
 * table tells by a few words who speaks; the server's answer inside becomes a reply. */
#include "evidence/kit.h"

extern const struct form form_client_error;

static const struct {
	const char *words, *program;
	enum protocol p;
	const char *verb; /* NULL: not known */
} table[] = {
	{"Net::SMTPAuthenticationError", "ruby", PROTOCOL_SMTP, "AUTH"}, {"Net::SMTPFatalError", "ruby", PROTOCOL_SMTP, NULL},
	{"Net::SMTPServerBusy", "ruby", PROTOCOL_SMTP, NULL},
	{"Net::SMTPSyntaxError", "ruby", PROTOCOL_SMTP, NULL}, {"Net::SMTPUnknownError", "ruby", PROTOCOL_SMTP, NULL},
	{"Net::SMTPUnsupportedCommand", "ruby", PROTOCOL_SMTP, NULL},
	{"Net::POPAuthenticationError", "ruby", PROTOCOL_POP3, "PASS"}, {"Net::POPError", "ruby", PROTOCOL_POP3, NULL},
	{"Net::POPBadResponse", "ruby", PROTOCOL_POP3, NULL},
	{"Net::IMAP::NoResponseError", "ruby", PROTOCOL_IMAP, NULL}, {"Net::IMAP::BadResponseError", "ruby", PROTOCOL_IMAP, NULL},
	{"Net::IMAP::ByeResponseError", "ruby", PROTOCOL_IMAP, NULL},
	{"Net::OpenTimeout", "ruby", PROTOCOL_UNKNOWN, NULL}, {"Net::ReadTimeout", "ruby", PROTOCOL_UNKNOWN, NULL},
	{"OpenSSL::SSL::SSLError", "ruby", PROTOCOL_UNKNOWN, NULL},
	{"Errno::ECONNREFUSED", "ruby", PROTOCOL_UNKNOWN, NULL}, {"gomail: could not send", "go", PROTOCOL_SMTP, NULL},
	{"dial tcp ", "go", PROTOCOL_UNKNOWN, NULL},
	{"x509: ", "go", PROTOCOL_UNKNOWN, NULL}, {"smtp: server doesn't support AUTH", "go", PROTOCOL_SMTP, NULL}, {"lettre::", "rust", PROTOCOL_SMTP, NULL},
	{"permanent error (", "rust", PROTOCOL_SMTP, NULL}, {"transient error (", "rust", PROTOCOL_SMTP, NULL},
	{"PermanentNegativeCompletion", "rust", PROTOCOL_SMTP, NULL},
	{"Invalid response code received from", "php", PROTOCOL_SMTP, NULL}, {"imap_open()", "php", PROTOCOL_IMAP, NULL},
	{"Can not authenticate to IMAP server", "php", PROTOCOL_IMAP, "LOGIN"},
	{"Can not authenticate to POP3 server", "php", PROTOCOL_POP3, "PASS"}, {"Server Response: '", "outlook", PROTOCOL_SMTP, NULL},
	{"reported error (0x", "outlook", PROTOCOL_UNKNOWN, NULL},
	{"Error Number: 0x800CCC", "outlook", PROTOCOL_UNKNOWN, NULL}, {"The server responded: ", "outlook", PROTOCOL_SMTP, NULL},
	{"The mail server responded:", "thunderbird", PROTOCOL_SMTP, NULL},
	{"An error occurred while sending mail", "thunderbird", PROTOCOL_SMTP, NULL}, {"Net::SMTP: ", "perl", PROTOCOL_SMTP, NULL},
	{"Net::Cmd", "perl", PROTOCOL_SMTP, NULL},
};

static int entry_of(struct slice line)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (slice_has(line, slice_from_cstr(table[i].words)))
			return (int)i;
	return -1;
}

/* All of them have a colon, a bracket or a blank before the decisive words; most lines have none of these words' letters. */
static int recognise(struct reader *r, struct slice line)
{
	(void)r;
	if (line.n < 12 || line.n > 8192)
		return FORM_NO;
	if (slice_find_byte(line, ':') == SLICE_NPOS && slice_find_byte(line, '(') == SLICE_NPOS)
		return FORM_NO;
	return entry_of(line) >= 0 ? FORM_LIKELY - 8 : FORM_NO;
}

/* "permanent error (535): 5.7.8 …", "(code: 550, response: 5.1.1 …)", "Server Response: '550 …'" as the reply they report. */
static struct slice reply_in(struct reader *r, struct slice s)
{
	size_t at = slice_find(s, S(" error ("));
	uint64_t code;
	struct slice rest;
	if (at != SLICE_NPOS) {
		rest = slice_from(s, at + 8);
		if (slice_next_uint(&rest, 599, &code) && code >= 400 && slice_skip(&rest, S("): ")))
			return arena_printf(reader_arena(r), "%u %.*s", (unsigned)code, SLICE_FMT(rest));
	}
	at = slice_find_nocase(s, S("(code: "));
	if (at != SLICE_NPOS) {
		rest = slice_from(s, at + 7);
		if (slice_next_uint(&rest, 599, &code) && code >= 400 && slice_skip_nocase(&rest, S(", response: ")))
			return arena_printf(reader_arena(r), "%u %.*s", (unsigned)code, SLICE_FMT(slice_sub(rest, 0, slice_find_last_byte(rest, ')'))));
	}
	struct slice quoted = slice_between(s, S("Server Response: '"), S("'"));
	return quoted.n ? kit_find_reply(quoted) : kit_find_reply(s);
}

/* Ruby puts the class in brackets behind: "535-5.7.8 … (Net::SMTPAuthenticationError)". */
static struct slice without_class(struct slice reply)
{
	size_t at = slice_find(reply, S(" (Net::"));
	reply = slice_sub(reply, 0, at);
	if (reply.n && reply.p[reply.n - 1] == ')' && slice_find_byte(reply, '(') == SLICE_NPOS)
		reply.n--;
	return reply;
}

static void take(struct reader *r, struct slice line)
{
	int i = entry_of(line);
	if (i < 0)
		return;
	struct slice s = slice_trim(line), after = table[i].verb ? slice_from_cstr(table[i].verb) : SLICE_NONE;
	reader_program(reader_continue(r, EV_ERROR, SIDE_CLIENT, s), slice_from_cstr(table[i].program));
	if (table[i].p == PROTOCOL_SMTP) {
		struct slice reply = kit_unescape(reader_arena(r), without_class(reply_in(r, s)));
		if (!after.n && slice_has(s, S("uthenticat")))
			after = S("AUTH");
		else if (!after.n && slice_has(s, S("add recipient")))
			after = S("RCPT");
		else if (!after.n && slice_has(s, S("set sender")))
			after = S("MAIL");
		if (reply.n)
			kit_quote(r, PROTOCOL_SMTP, reply, after);
	} else if (table[i].p == PROTOCOL_POP3) {
		size_t at = slice_find(s, S("-ERR"));
		if (at != SLICE_NPOS)
			kit_quote(r, PROTOCOL_POP3, without_class(slice_from(s, at)), after);
	} else if (table[i].p == PROTOCOL_IMAP && after.n) {
		size_t at = slice_find(s, S("server: "));
		if (at != SLICE_NPOS)
			kit_quote(r, PROTOCOL_IMAP, arena_printf(reader_arena(r), ". NO %.*s", SLICE_FMT(slice_from(s, at + 8))), after);
	}
}

const struct form form_client_error = {.name = "client-error", .title = N_("error message of a mail library or program"), .recognise = recognise, .take = take};
