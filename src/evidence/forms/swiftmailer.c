/* SwiftMailer and Symfony Mailer: "++ Starting Swift_…", ">> EHLO x", "<< 250-…" (further lines of a reply bare), "!! Expected …"; and the exception
 * 'Expected response code "250" but got code "501", with message "501 …".', which PHP applications show everywhere. */
#include "evidence/kit.h"

extern const struct form form_swiftmailer;

struct state {
	bool started;    /* its log began: ">>" and "<<" are its marks, with blank lines between */
	bool in_message; /* the quoted message goes on below */
	struct slice message, text;
	size_t cap, text_cap;
	struct slice after;
};

static const char *const openings[] = {"++ Starting ", "++ Swift_", "++ Stopping ", "!! ", "++ SMTP", NULL};

static int recognise(struct reader *r, struct slice line)
{
	bool active = reader_active(r) == &form_swiftmailer;
	if (!active && (line.n < 3 || !strchr("<>+!EeF([DU ", line.p[0])) && !slice_has(line, S("xpected response code")))
		return FORM_NO;
	if (active && ((struct state *)reader_state(r, &form_swiftmailer))->in_message)
		return FORM_SURE;
	if (line.n < 3)
		return FORM_NO;
	if (kit_prefix(openings, line) >= 0 && (active || slice_has(line, S("Swift")) || slice_has(line, S("Expected response"))))
		return FORM_SURE;
	if (slice_starts(line, S(">> ")) || slice_starts(line, S("<< ")))
		return ((struct state *)reader_state(r, &form_swiftmailer))->started ? FORM_SURE : FORM_NO;
	return slice_has(line, S("xpected response code")) && slice_has(line, S(" got ")) ? FORM_SURE : FORM_NO;
}

/* The codes it waited for tell what it had said: 235 and 334 only AUTH answers, 354 DATA, 220 the greeting. */
static struct slice verb_expected(struct slice s)
{
	size_t at = slice_find(s, S("xpected response code"));
	struct slice codes = slice_sub(slice_from(s, at), 0, 60);
	codes = slice_sub(codes, 0, slice_find(codes, S(" got ")));
	if (slice_has(codes, S("235")) || slice_has(codes, S("334")))
		return S("AUTH");
	if (slice_has(codes, S("354")))
		return S("DATA");
	if (slice_has(codes, S("220")))
		return S("CONNECT");
	return slice_has(s, S("HELO")) || slice_has(s, S("EHLO")) ? S("EHLO") : SLICE_NONE;
}

static void finish_message(struct reader *r, struct state *st)
{
	st->in_message = false;
	reader_program(reader_continue(r, EV_ERROR, SIDE_CLIENT, SLICE_NONE), S("swiftmailer"));
	kit_quote(r, PROTOCOL_SMTP, slice_trim(st->message), st->after);
}

/* Everything up to the closing quote is the server's. */
static void add_message(struct reader *r, struct state *st, struct slice part)
{
	struct slice body = part;
	size_t end = SLICE_NPOS;
	/* the closing quote is followed by a full stop, a bracket or the end; quotes inside the words are not */
	for (size_t i = 0; i < part.n && end == SLICE_NPOS; i++)
		if (part.p[i] == '"' && (i + 1 >= part.n || strchr(".)', ", part.p[i + 1])) && !(i && part.p[i - 1] == ' ' && i + 1 < part.n))
			end = i;
	/* an empty rest of line before the quote: `  ")` */
	if (end == SLICE_NPOS && slice_starts(slice_trim(part), S("\"")))
		end = slice_find_byte(part, '"');
	if (end != SLICE_NPOS)
		body = slice_sub(part, 0, end);
	body = kit_unescape(reader_arena(r), slice_trim_right(body));
	if (body.n)
		arena_append(reader_arena(r), &st->message, &st->cap, st->message.n ? S("\n") : SLICE_NONE, body);
	if (end != SLICE_NPOS || st->message.n > 8192)
		finish_message(r, st);
	else
		st->in_message = true;
}

static void take_exception(struct reader *r, struct state *st, struct slice line)
{
	size_t at = slice_find(line, S("with message \"")), skip = 14;
	reader_program(reader_event(r, EV_ERROR, SIDE_CLIENT, line), S("swiftmailer"));
	*st = (struct state){.started = st->started, .after = verb_expected(line)};
	if (at == SLICE_NPOS)
		return;
	add_message(r, st, slice_from(line, at + skip));
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_swiftmailer);
	if (st->in_message) {
		reader_continue(r, EV_ERROR, SIDE_CLIENT, line);
		add_message(r, st, line);
	} else if (slice_starts(line, S(">> ")) || slice_starts(line, S("<< "))) {
		reader_say(r, line.p[0] == '>' ? SIDE_CLIENT : SIDE_SERVER, slice_from(line, 3));
	} else if (slice_has(line, S("xpected response code"))) {
		take_exception(r, st, line);
	} else if (slice_starts(line, S("++ Starting"))) {
		st->started = true;
		kit_connect(r, PROTOCOL_SMTP, SLICE_NONE, SLICE_NONE, 0, line);
	} else {
		reader_program(reader_event(r, slice_starts(line, S("!!")) ? EV_ERROR : EV_TOOL, SIDE_CLIENT, line), S("swiftmailer"));
	}
}

static void end(struct reader *r)
{
	struct state *st = reader_state(r, &form_swiftmailer);
	if (st->in_message)
		finish_message(r, st);
}

const struct form form_swiftmailer = {
	.name = "swiftmailer", .title = N_("SwiftMailer or Symfony Mailer output"), .recognise = recognise, .take = take, .end = end,
	.state_size = sizeof(struct state)};
