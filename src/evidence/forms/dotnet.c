/* .NET exceptions: System.Net.Mail.SmtpException says the reply's code as words ("Mailbox unavailable. The server response was: 5.7.1 …"), MailKit's
 * exceptions give it as it was ("535: 5.7.8 …"). */
#include "evidence/kit.h"

extern const struct form form_dotnet;

struct state {
	struct event *quoted; /* reply whose command the stack trace below may tell */
};

static const char *const exceptions[] = {
	"SmtpException", "SmtpFailedRecipientException", "SmtpFailedRecipientsException", "SmtpCommandException", "SmtpProtocolException",
	"AuthenticationException",
	"SslHandshakeException", "ImapCommandException", "ImapProtocolException", "Pop3CommandException", "Pop3ProtocolException",
	"ServiceNotConnectedException",
	"ServiceNotAuthenticatedException", "NotSupportedException", "SocketException", "IOException", "ProtocolException", "Win32Exception", NULL,
};
/* SmtpStatusCode in the words that SmtpException uses. */
static const struct {
	const char *words, *code, *verb;
} statuses[] = {
	{"The SMTP server requires a secure connection or the client was not authenticated", "530", NULL},
	{"Mailbox unavailable", "550", NULL}, {"Mailbox name not allowed", "553", NULL}, {"Transaction failed", "554", NULL},
	{"Syntax error, command unrecognized", "500", NULL}, {"Syntax error in parameters", "501", NULL}, {"Command not implemented", "502", NULL},
	{"Bad sequence of commands", "503", NULL}, {"Command parameter not implemented", "504", NULL}, {"Service not available", "421", NULL},
	{"Exceeded storage allocation", "552", NULL}, {"Insufficient system storage", "452", NULL}, {"Error in processing", "451", NULL},
	{"Client does not have permission", "550", NULL}, {"User not local", "551", NULL}, {"Authentication failed", "535", "AUTH"}, {NULL, NULL, NULL},
};

static bool is_exception(struct slice line)
{
	struct slice s = slice_trim(line);
	slice_skip(&s, S("---> "));
	slice_skip(&s, S("Unhandled exception. "));
	slice_skip(&s, S("Unhandled Exception: "));
	struct slice name = slice_sub(s, 0, slice_find_byte(s, ':'));
	if (slice_find_byte(name, ' ') != SLICE_NPOS || (!slice_starts(name, S("System.")) && !slice_starts(name, S("MailKit."))))
		return false;
	for (size_t i = 0; exceptions[i]; i++)
		if (slice_ends(name, slice_from_cstr(exceptions[i])))
			return true;
	return false;
}

static int recognise(struct reader *r, struct slice line)
{
	if (line.n < 8)
		return FORM_NO;
	if (slice_starts(line, S("   at ")) || slice_starts(line, S("   --- End of inner")) || slice_starts(line, S("  at System.")))
		return reader_active(r) == &form_dotnet ? FORM_SURE : FORM_LIKELY;
	if (is_exception(line))
		return FORM_SURE;
	return slice_has(line, S("The server response was: ")) ? FORM_STRONG : FORM_NO;
}

static struct event *quote(struct reader *r, struct slice line)
{
	size_t at = slice_find(line, S("The server response was: "));
	struct slice words, verb = SLICE_NONE;
	if (at == SLICE_NPOS) {
		struct slice reply = kit_find_reply(line);
		if (reply.n && slice_has(line, S("AuthenticationException")))
			verb = S("AUTH");
		if (reply.n && reply.p[3] == ':') /* MailKit: "535: 5.7.8 …" */
			reply = arena_printf(reader_arena(r), "%.3s %.*s", (const char *)reply.p, SLICE_FMT(slice_trim(slice_from(reply, 4))));
		return reply.n ? kit_quote(r, PROTOCOL_SMTP, reply, verb) : NULL;
	}
	words = slice_trim(slice_from(line, at + 25));
	uint64_t code;
	if (!words.n)
		return NULL;
	if (slice_to_uint(slice_sub(words, 0, 3), 599, &code))
		return kit_quote(r, PROTOCOL_SMTP, words, verb);
	for (size_t i = 0; statuses[i].words; i++) {
		if (!slice_has(slice_sub(line, 0, at), slice_from_cstr(statuses[i].words)))
			continue;
		if (statuses[i].verb)
			verb = slice_from_cstr(statuses[i].verb);
		else if (slice_has(words, S("during MAIL FROM")))
			verb = S("MAIL");
		struct event *e = kit_quote(r, PROTOCOL_SMTP, arena_printf(reader_arena(r), "%s %.*s", statuses[i].code, SLICE_FMT(words)), verb);
		if (e)
			e->oddities |= ODD_RECONSTRUCTED;
		return e;
	}
	return NULL;
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_dotnet);
	if (slice_starts(line, S("   at ")) || slice_starts(line, S("   --- ")) || slice_starts(line, S("  at "))) {
		struct slice verb = st->quoted && !event_fact(st->quoted, "after").n ? kit_frame(line) : SLICE_NONE;
		if (verb.n)
			reader_fact(r, st->quoted, "after", verb);
		reader_program(reader_continue(r, EV_ERROR, SIDE_CLIENT, slice_trim(line)), S("dotnet"));
		return;
	}
	st->quoted = quote(r, line); /* first, so that the stack trace stays in one piece with the exception */
	reader_program(reader_continue(r, EV_ERROR, SIDE_CLIENT, slice_trim(line)), S("dotnet"));
}

const struct form form_dotnet = {.name = "dotnet", .title = N_(".NET exception"), .recognise = recognise, .take = take,
				 .state_size = sizeof(struct state)};
