/* JavaMail (Jakarta Mail): "DEBUG SMTP: …" lines, exceptions with their causes, and the dialogue, which it prints bare (the reader for bare dialogues
 * takes those lines). */
#include "evidence/kit.h"

extern const struct form form_javamail;

struct state {
	struct event *quoted; /* reply whose command the stack trace below may tell */
};

static const char *const debugs[] = {
	"DEBUG SMTP", "DEBUG IMAP", "DEBUG POP3", "DEBUG: setDebug", "DEBUG: getProvider", "DEBUG: JavaMail", "DEBUG: Jakarta Mail", "DEBUG: java.io",
	"DEBUG: !anyLoaded",
	"DEBUG: not loading", "DEBUG: successfully loaded", "DEBUG: Tables of", "DEBUG: Providers Listed", "DEBUG: URL", "DEBUG: mail.",
	"DEBUG: setting", "DEBUG SOCKET", "DEBUG TLS", NULL,
};
static const char *const packages[] = {
	"javax.mail.", "jakarta.mail.", "com.sun.mail.", "org.eclipse.angus.mail.", "javax.net.ssl.", "java.net.", "java.io.IOException",
	"java.io.EOFException",
	"sun.security.", "java.security.", "org.springframework.mail.", "java.lang.", "org.apache.commons.mail.", "java.util.concurrent.",
	"org.simplejavamail.", NULL,
};

static struct slice exception_of(struct slice line)
{
	struct slice s = slice_trim(line);
	slice_skip(&s, S("Caused by: "));
	slice_skip(&s, S("Exception in thread \"main\" "));
	slice_skip(&s, S("nested exception is: "));
	slice_skip(&s, S("Suppressed: "));
	struct slice name = slice_sub(s, 0, slice_find_byte(s, ':'));
	name = slice_sub(name, 0, slice_find_byte(name, ' '));
	return kit_prefix(packages, s) >= 0 && (slice_ends(name, S("Exception")) || slice_ends(name, S("Error"))) ? s : SLICE_NONE;
}

static bool is_trace(struct slice line)
{
	struct slice s = line;
	slice_skip_space(&s);
	return s.n < line.n && slice_starts(s, S("at ")) && slice_ends(slice_trim_right(s), S(")")) && slice_find_byte(s, '(') != SLICE_NPOS &&
	       (slice_has(s, S(".java")) || slice_has(s, S("Native Method")) || slice_has(s, S("Unknown Source")));
}

static int recognise(struct reader *r, struct slice line)
{
	bool active = reader_active(r) == &form_javamail;
	if (line.n < 5)
		return FORM_NO;
	if (kit_prefix(debugs, line) >= 0)
		return FORM_SURE;
	if (exception_of(line).n || is_trace(line))
		return FORM_SURE;
	if (active && (slice_eq(slice_trim(line), S("nested exception is:")) || slice_starts(slice_trim(line), S("..."))))
		return FORM_SURE;
	return slice_starts(line, S("nested exception is")) || slice_eq(line, S("[EOF]")) ? FORM_STRONG : FORM_NO;
}

/* javax.mail.AuthenticationFailedException: 535 5.7.8 … */
static void take_exception(struct reader *r, struct slice x, struct slice line)
{
	struct slice name = slice_next_until(&x, ':'), reply, after = SLICE_NONE;
	struct state *st = reader_state(r, &form_javamail);
	slice_skip_space(&x);
	reply = kit_find_reply(x);
	if (slice_ends(name, S("AuthenticationFailedException")))
		after = S("AUTH");
	else if (slice_ends(name, S("SMTPAddressFailedException")))
		after = S("RCPT");
	else if (slice_ends(name, S("SMTPSenderFailedException")))
		after = S("MAIL");
	else if (slice_ends(name, S("SMTPSendFailedException")) && slice_has_nocase(reply, S("MAIL FROM")))
		after = S("MAIL");
	if (slice_starts(x, S("-ERR ")))
		st->quoted = kit_quote(r, PROTOCOL_POP3, x, SLICE_NONE);
	/* the reply first, so that the stack trace stays in one piece with the exception */
	if (reply.n && reply.p == x.p)
		st->quoted = kit_quote(r, PROTOCOL_SMTP, reply, after);
	reader_program(reader_continue(r, EV_ERROR, SIDE_CLIENT, slice_trim(line)), S("javamail"));
}

/* A line of a stack trace. */
static void take_trace(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_javamail);
	struct slice verb = st->quoted && !event_fact(st->quoted, "after").n ? kit_frame(line) : SLICE_NONE;
	if (verb.n)
		reader_fact(r, st->quoted, "after", verb);
	reader_program(reader_continue(r, EV_ERROR, SIDE_CLIENT, slice_trim(line)), S("javamail"));
}

/* DEBUG SMTP: trying to connect to host "smtp.example.com", port 587, isSSL false */
static void take_debug(struct reader *r, struct slice line)
{
	struct slice host = slice_between(line, S("host \""), S("\"")), at = line, text = line;
	size_t p = slice_find(line, S("port"));
	uint64_t port = 0;
	slice_next_until(&text, ':');
	text = slice_trim(text);
	enum protocol proto = kit_protocol(slice_sub(line, 0, 12));
	if (slice_starts(text, S("trying to connect to host"))) {
		at = p == SLICE_NPOS ? SLICE_NONE : slice_from(line, p + 4);
		slice_skip(&at, S(":"));
		slice_skip_space(&at);
		slice_next_uint(&at, 65535, &port);
		struct session *s = kit_connect(r, proto, host, SLICE_NONE, (unsigned)port, line);
		if (s && slice_has(line, S("isSSL true")))
			s->tls.mode = TLS_IMPLICIT;
	} else if (slice_starts(text, S("Found extension"))) {
		return; /* repeats what the server just said */
	} else if (slice_has_nocase(text, S("exception")) || slice_has_nocase(text, S("failed")) || slice_has_nocase(text, S("not supported"))) {
		kit_error(r, S("javamail"), line);
	} else {
		reader_program(reader_event(r, EV_TOOL, SIDE_CLIENT, line), S("javamail"));
	}
}

static void take(struct reader *r, struct slice line)
{
	struct slice x = exception_of(line);
	if (kit_prefix(debugs, line) >= 0)
		take_debug(r, line);
	else if (x.n)
		take_exception(r, x, line);
	else if (slice_eq(line, S("[EOF]")))
		reader_event(r, EV_CLOSE, SIDE_SERVER, line);
	else
		take_trace(r, line);
}

const struct form form_javamail = {.name = "javamail", .title = N_("JavaMail debug output or exception"), .recognise = recognise, .take = take,
				   .state_size = sizeof(struct state)};
