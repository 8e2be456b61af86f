/* Bounces: the texts that Postfix, Exim, Sendmail, qmail, Exchange, Microsoft 365, Gmail and Yahoo send to the sender, and the fields of the
 * machine-readable part (RFC 3464). What they quote of the other server becomes a reply, with the verb that they name. */
#include <stdio.h>

#include "evidence/kit.h"

extern const struct form form_bounce;

enum style { STYLE_NONE, STYLE_POSTFIX, STYLE_EXIM, STYLE_SENDMAIL, STYLE_QMAIL, STYLE_MICROSOFT, STYLE_GMAIL, STYLE_OTHER };

struct state {
	enum style style;
	bool quoting;       /* the quoted reply goes on below */
	unsigned blanks;    /* empty lines since */
	unsigned lines;     /* of bounce so far */
	struct slice reply, after, host, rcpt;
	size_t cap;
	struct slice talking_to; /* Sendmail: "while talking to" */
	struct slice command;    /* Sendmail: last ">>> " */
	bool in_fields;
	struct session *session;
};

static const struct {
	const char *words;
	enum style style;
} openings[] = {
	{"This is the mail system at host", STYLE_POSTFIX}, {"This is the Postfix program at host", STYLE_POSTFIX},
	{"I'm sorry to have to inform you", STYLE_POSTFIX},
	{"This message was created automatically by mail delivery software", STYLE_EXIM}, {"A message that you sent could not be delivered to", STYLE_EXIM},
	{"A message that you have sent could not be delivered", STYLE_EXIM}, {"The following address(es) failed", STYLE_EXIM},
	{"   ----- The following addresses had", STYLE_SENDMAIL}, {"   ----- Transcript of session follows", STYLE_SENDMAIL},
	{"----- The following addresses had", STYLE_SENDMAIL}, {"----- Transcript of session follows", STYLE_SENDMAIL},
	{"The original message was received at", STYLE_SENDMAIL}, {"Hi. This is the qmail-send program", STYLE_QMAIL}, {"Hi. This is the ", STYLE_QMAIL},
	{"I'm afraid I wasn't able to deliver your message", STYLE_QMAIL}, {"Delivery has failed to these recipients", STYLE_MICROSOFT},
	{"Diagnostic information for administrators", STYLE_MICROSOFT}, {"Your message to ", STYLE_MICROSOFT}, {"Generating server:", STYLE_MICROSOFT},
	{"Original message headers:", STYLE_MICROSOFT}, {"Your message did not reach some or all of the intended recipients", STYLE_MICROSOFT},
	{"This is an automatically generated Delivery Status Notification", STYLE_GMAIL}, {"Delivery to the following recipient", STYLE_GMAIL},
	{"Technical details of ", STYLE_GMAIL}, {"The response from the remote server was", STYLE_GMAIL},
	{"The error that the other server returned was", STYLE_GMAIL},
	{"** Address not found **", STYLE_GMAIL}, {"** Message blocked **", STYLE_GMAIL}, {"** Message not delivered **", STYLE_GMAIL},
	{"The response was:", STYLE_GMAIL},
	{"** Delivery incomplete **", STYLE_GMAIL}, {"Sorry, we were unable to deliver your message", STYLE_OTHER},
	{"This message was created automatically by the mail system", STYLE_OTHER},
	{"Undelivered Mail Returned to Sender", STYLE_OTHER}, {"Mail delivery failed: returning message to sender", STYLE_EXIM},
	{"Delivery Status Notification (", STYLE_OTHER},
	{"The mail system", STYLE_OTHER}, {"Your message cannot be delivered to the following recipients", STYLE_OTHER},
	{"----- Original message -----", STYLE_OTHER}, {"--- Below this line is a copy of the message", STYLE_OTHER},
	{"Remote Server returned '", STYLE_MICROSOFT},
	{"Remote server returned '", STYLE_MICROSOFT}, {"Remote host said: ", STYLE_QMAIL}, {"Giving up on ", STYLE_QMAIL},
	{"Remote server returned:", STYLE_MICROSOFT},
	{"Message will be retried for", STYLE_GMAIL}, {"THIS IS A WARNING MESSAGE ONLY", STYLE_OTHER}, {"Error Details", STYLE_MICROSOFT},
};

static const char *const fields[] = {"Reporting-MTA:", "Final-Recipient:", "Original-Recipient:", "Action:", "Status:", "Diagnostic-Code:",
	"Remote-MTA:", "Arrival-Date:",
				"Last-Attempt-Date:", "Will-Retry-Until:", "Received-From-MTA:", "X-Postfix-Queue-ID:", "X-Postfix-Sender:",
					"Final-Log-ID:", NULL};

static enum style opening_of(struct slice s)
{
	for (size_t i = 0; i < sizeof openings / sizeof *openings; i++)
		if (slice_starts_nocase(s, slice_from_cstr(openings[i].words)))
			return openings[i].style;
	return STYLE_NONE;
}

static bool is_field(struct slice s)
{
	return s.n > 7 && s.p[0] >= 'A' && s.p[0] <= 'X' && kit_prefix(fields, s) >= 0;
}

/* "<a@b>: host mx[1.2.3.4] said: 550 …" or "<a@b>: why": the recipient's paragraph of Postfix and qmail. */
static bool is_recipient(struct slice s)
{
	size_t close = slice_find(s, S(">:"));
	return s.n > 6 && s.p[0] == '<' && close != SLICE_NPOS && close < 330 && slice_find_byte(slice_sub(s, 0, close), '@') != SLICE_NPOS &&
	       slice_find_byte(slice_sub(s, 0, close), ' ') == SLICE_NPOS;
}

static bool is_smtp_error(struct slice s)
{
	return slice_starts(s, S("SMTP error from remote mail")) || slice_starts(s, S("LMTP error after")) ||
		slice_starts(s, S("SMTP error from remote server"));
}

static int recognise(struct reader *r, struct slice line)
{
	bool active = reader_active(r) == &form_bounce;
	struct slice s = line;
	slice_skip_space(&s);
	if (!active) {
		if (s.n < 7)
			return FORM_NO;
		if (is_field(line))
			return FORM_STRONG;
		if (opening_of(s) != STYLE_NONE || is_smtp_error(s))
			return FORM_STRONG;
		if (slice_starts(s, S("... while talking to ")))
			return FORM_SURE;
		return is_recipient(line) &&
			(slice_has(line, S(" said:")) || slice_has(line, S(": host ")) || slice_ends(slice_trim_right(line), S(">:"))) ? FORM_STRONG :
		       is_recipient(line) && line.p[line.n - 1] != ';' ? FORM_LIKELY : FORM_NO;
	}
	struct state *st = reader_state(r, &form_bounce);
	if (!s.n)
		return st->lines < 30 ? FORM_LIKELY : FORM_NO; /* so that the lines below still belong to it */
	if (st->quoting || is_field(line) || opening_of(s) != STYLE_NONE || is_smtp_error(s) || is_recipient(line))
		return st->quoting && line.p[0] != ' ' && line.p[0] != '\t' && st->style != STYLE_GMAIL ? FORM_LIKELY + 11 : FORM_SURE;
	if (st->style == STYLE_SENDMAIL &&
		(slice_starts(s, S(">>> ")) || slice_starts(s, S("<<< ")) || slice_starts(s, S("... ")) || slice_starts(s, S("(reason: "))))
		return FORM_SURE;
	if (st->style == STYLE_SENDMAIL && kit_find_reply(s).p == s.p && st->command.n)
		return FORM_SURE; /* Sendmail's own words about it */
	if (st->style == STYLE_NONE || st->lines >= 30)
		return FORM_NO;
	return ascii_is_space(line.p[0]) || st->style == STYLE_MICROSOFT || st->style == STYLE_GMAIL ? FORM_LIKELY - 1 : FORM_MAYBE;
}

/* The session that this bounce tells of; one per paragraph. */
static struct session *bounce_session(struct reader *r, struct state *st)
{
	char key[48];
	uint64_t h = slice_hash(st->reply) ^ slice_hash(st->rcpt) * 31;
	int n = snprintf(key, sizeof key, "bounce-%016llx", (unsigned long long)h);
	struct session *s = reader_log_session(r, slice_of(key, (size_t)n), PROTOCOL_SMTP);
	if (s && st->host.n)
		kit_party(r, &s->server, st->host);
	return s;
}

static struct slice host_before(struct slice s)
{
	size_t at = slice_find(s, S("host "));
	if (at == SLICE_NPOS)
		return SLICE_NONE;
	struct slice rest = slice_from(s, at + 5);
	/* "mx.example.org [203.0.113.40]" or "mx[1.2.3.4]" */
	size_t close = slice_find_byte(rest, ']');
	return close == SLICE_NPOS ? slice_next_word(&rest) : slice_sub(rest, 0, close + 1);
}

static void finish_quote(struct reader *r, struct state *st)
{
	struct slice reply = slice_trim(st->reply), in_reply = S("(in reply to ");
	st->quoting = false;
	/* Postfix wraps its text: "(in reply to RCPT TO\n    command)" */
	size_t at = slice_find(reply, in_reply);
	if (at != SLICE_NPOS) {
		st->after = kit_phase(slice_from(reply, at + in_reply.n));
		reply = slice_trim(slice_sub(reply, 0, at));
	}
	if (reply.n && (reply.p[reply.n - 1] == '\'' || reply.p[reply.n - 1] == '"' || (reply.p[reply.n - 1] == ')' && st->style == STYLE_SENDMAIL)))
		reply.n--;
	/* Exim: "host mx.example.net [198.51.100.9]: 550 …" */
	struct slice found = kit_find_reply(reply);
	if (found.n && found.p != reply.p && slice_starts(reply, S("host "))) {
		st->host = arena_dup(reader_arena(r), host_before(slice_sub(reply, 0, (size_t)(found.p - reply.p))));
		reply = found;
	}
	struct reply parsed;
	if (!reply.n || !reply_parse(reader_arena(r), PROTOCOL_SMTP, reply, &parsed) || parsed.code < 200) {
		st->reply = SLICE_NONE;
		return;
	}
	struct session *s = bounce_session(r, st);
	if (s && !s->events.n) {
		struct event *e = reader_quote_reply(r, s, PROTOCOL_SMTP, reply, st->after);
		if (e && st->rcpt.n)
			reader_fact(r, e, "to", st->rcpt);
		if (e && st->host.n)
			reader_fact(r, e, "server_name", st->host);
	}
	st->reply = st->after = SLICE_NONE;
	st->cap = 0;
}

/* Begins a quotation with what stands on this line from the reply's code on; ended by the line, or by a blank one when more may follow. */
static void begin_quote(struct reader *r, struct state *st, struct slice text, bool more)
{
	st->reply = SLICE_NONE;
	st->cap = 0;
	arena_append(reader_arena(r), &st->reply, &st->cap, SLICE_NONE, text);
	st->quoting = more;
	st->blanks = 0;
	if (!more)
		finish_quote(r, st);
}

/* Goes on: a line that begins with the same code is the reply's next line, any other was wrapped. */
static void continue_quote(struct reader *r, struct state *st, struct slice s)
{
	bool code = st->reply.n > 3 && s.n > 3 && slice_eq(slice_sub(s, 0, 3), slice_sub(slice_trim(st->reply), 0, 3)) && (s.p[3] == '-' || s.p[3] == ' ');
	if (st->reply.n < 8192)
		arena_append(reader_arena(r), &st->reply, &st->cap, !st->reply.n ? SLICE_NONE : code ? S("\n") : S(" "), s);
	struct slice next = reader_peek(r), t = next;
	slice_skip_space(&t);
	bool closed = slice_has(s, S("command)")) || (st->style == STYLE_MICROSOFT && slice_ends(s, S("'")));
	if (closed || !t.n || is_recipient(next) || is_field(next))
		finish_quote(r, st);
}

static struct slice arena_copy(struct reader *r, struct slice s)
{
	return arena_dup(reader_arena(r), s);
}

/* Words that announce the reply: on this line, or from the next on. */
static bool announces(struct slice s, struct slice *ret_reply)
{
	static const char *const words[] = {" said:", "The error that the other server returned was:", "The response from the remote server was:",
		"The response was:",
					"Remote host said:", "refused to talk to me:", "Remote Server returned '", "Remote server returned '",
						"server responded with:",
					    "Remote server returned:", "Error:", NULL};
	if (slice_starts(s, S("said:"))) {
		*ret_reply = slice_trim(slice_from(s, 5));
		return true;
	}
	for (size_t i = 0; words[i]; i++) {
		size_t at = slice_find(s, slice_from_cstr(words[i]));
		if (at == SLICE_NPOS)
			continue;
		*ret_reply = slice_trim(slice_from(s, at + strlen(words[i])));
		return i < 10 || (kit_find_reply(*ret_reply).p == ret_reply->p && ret_reply->n);
	}
	return false;
}

static void take_field(struct reader *r, struct state *st, struct slice line)
{
	struct event *e = reader_continue(r, EV_BOUNCE, SIDE_UNKNOWN, line);
	struct slice rest = line, value;
	slice_next_until(&rest, ':');
	value = slice_trim(rest);
	struct slice typed = value;
	slice_next_until(&typed, ';');
	typed = slice_trim(typed);
	if (slice_starts(line, S("Final-Recipient"))) {
		st->rcpt = arena_copy(r, typed);
		reader_fact(r, e, "to", typed);
	} else if (slice_starts(line, S("Remote-MTA"))) {
		st->host = arena_copy(r, typed);
		reader_fact(r, e, "server_name", typed);
	} else if (slice_starts(line, S("Status"))) {
		reader_fact(r, e, "dsn", value);
	} else if (slice_starts(line, S("Action"))) {
		reader_fact(r, e, "status", value);
	} else if (slice_starts(line, S("Diagnostic-Code"))) {
		struct slice next = reader_peek(r);
		bool more = next.n && ascii_is_space(next.p[0]);
		if (kit_find_reply(typed).p == typed.p && typed.n)
			begin_quote(r, st, typed, more);
	}
}

/* Sendmail's transcript: ">>> RCPT To:<a@b>" and "<<< 550 …". */
static void take_transcript(struct reader *r, struct state *st, struct slice s)
{
	struct slice rest = s;
	if (!st->session) {
		st->session = reader_log_session(r, st->talking_to.n ? st->talking_to : S("sendmail-transcript"), PROTOCOL_SMTP);
		if (st->session && st->talking_to.n)
			kit_party(r, &st->session->server, st->talking_to);
	}
	if (slice_skip(&rest, S(">>> "))) {
		struct command c;
		uint32_t odd;
		if (command_parse(reader_arena(r), PROTOCOL_SMTP, rest, &c, &odd))
			st->command = arena_copy(r, c.verb);
		reader_quote_command(r, st->session, PROTOCOL_SMTP, rest);
		return;
	}
	slice_skip(&rest, S("<<< "));
	bool more = slice_starts(reader_peek(r), S("<<< ")) && rest.n > 3 && rest.p[3] == '-';
	arena_append(reader_arena(r), &st->reply, &st->cap, st->reply.n ? S("\n") : SLICE_NONE, rest);
	if (more)
		return;
	struct slice verb = slice_eq(st->command, S("DATA")) && !slice_starts(st->reply, S("503")) && !slice_starts(st->reply, S("3")) ? S("DOT") : st->command;
	reader_quote_reply(r, st->session, PROTOCOL_SMTP, st->reply, verb);
	st->reply = SLICE_NONE;
	st->cap = 0;
}

static void take_text(struct reader *r, struct state *st, struct slice line, struct slice s)
{
	struct slice reply;
	reader_continue(r, EV_BOUNCE, SIDE_UNKNOWN, line);
	if (is_recipient(line)) {
		st->rcpt = arena_copy(r, slice_between(s, S("<"), S(">")));
		st->host = st->after = SLICE_NONE;
	}
	/* qmail-remote */
	if (slice_has(s, S("does not like recipient")))
		st->after = S("RCPT");
	else if (slice_has(s, S("failed after I sent the message")))
		st->after = S("DOT");
	else if (slice_has(s, S("but sender was rejected")))
		st->after = S("MAIL");
	else if (slice_has(s, S("but greeting failed")))
		st->after = S("CONNECT");
	if (slice_starts(s, S("host ")) || slice_has(s, S(": host ")))
		st->host = arena_copy(r, host_before(s));
	if (is_smtp_error(s)) {
		/* "SMTP error from remote mail server after RCPT TO:<a@b>: host mx [1.2.3.4]: 550 …", wrapped or not */
		struct slice found = kit_find_reply(s);
		st->style = STYLE_EXIM;
		st->after = kit_phase(slice_from(s, 20));
		if (slice_has(s, S("host ")))
			st->host = arena_copy(r, host_before(s));
		if (found.n)
			begin_quote(r, st, found, slice_trim(reader_peek(r)).n > 0);
		else
			begin_quote(r, st, SLICE_NONE, true);
		return;
	}
	if (announces(s, &reply)) {
		struct slice next = slice_trim(reader_peek(r));
		bool blank_ok = st->style == STYLE_GMAIL || slice_starts(s, S("The ")) || slice_starts(s, S("Remote server returned:"));
		begin_quote(r, st, reply, !slice_ends(reply, S("'")) && !slice_ends(reply, S("command)")) && (next.n > 0 || (blank_ok && !reply.n)));
		return;
	}
	/* Microsoft: "550 5.1.10 RESOLVER.ADR.RecipientNotFound; …" or "mx #550 5.7.1 …##" on a line of its own */
	reply = kit_find_reply(s);
	size_t hash = slice_find(s, S("#5"));
	if (!reply.n && st->style == STYLE_MICROSOFT && hash != SLICE_NPOS)
		reply = kit_find_reply(slice_from(s, hash + 1));
	if (reply.n && st->style != STYLE_SENDMAIL && (reply.p == s.p || st->style == STYLE_MICROSOFT))
		begin_quote(r, st, reply, false);
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_bounce);
	struct slice s = slice_trim(line);
	enum style style = opening_of(s);
	if (reader_active(r) == &form_bounce)
		st->lines++;
	if (style != STYLE_NONE && (st->style == STYLE_NONE || style != STYLE_OTHER)) {
		st->style = style;
		st->lines = 0;
	}
	if (!s.n) {
		if (st->quoting && (st->reply.n || ++st->blanks > 2))
			finish_quote(r, st);
		return;
	}
	if (is_field(line)) {
		if (st->quoting)
			finish_quote(r, st);
		take_field(r, st, line);
		return;
	}
	if (slice_starts(s, S("... while talking to "))) {
		struct slice host = slice_from(s, 21);
		while (host.n && (host.p[host.n - 1] == ':' || host.p[host.n - 1] == '.'))
			host.n--;
		st->style = STYLE_SENDMAIL;
		st->talking_to = arena_copy(r, host);
		st->session = NULL;
		reader_continue(r, EV_BOUNCE, SIDE_UNKNOWN, line);
	} else if (slice_starts(s, S(">>> ")) || slice_starts(s, S("<<< "))) {
		take_transcript(r, st, s);
	} else if (st->quoting && !is_recipient(line) && style == STYLE_NONE) {
		reader_continue(r, EV_BOUNCE, SIDE_UNKNOWN, line);
		continue_quote(r, st, s);
	} else {
		if (st->quoting)
			finish_quote(r, st);
		take_text(r, st, line, s);
	}
}

static void end(struct reader *r)
{
	struct state *st = reader_state(r, &form_bounce);
	if (st->quoting)
		finish_quote(r, st);
}

const struct form form_bounce = {
	.name = "bounce", .title = N_("bounce message"), .recognise = recognise, .take = take, .end = end, .state_size = sizeof(struct state)};
