/* PHPMailer's debug output: "SERVER -> CLIENT: 220 …", "CLIENT -> SERVER: EHLO x", in old versions "SMTP -> FROM SERVER:220 …"; further lines of a reply
 * stand below, indented. Often with a date in front and <br> at the end. */
#include "evidence/kit.h"

extern const struct form form_phpmailer;

struct state {
	enum side side; /* who said the last line: more of it may follow */
	bool empty;     /* the last server line was empty: the connection is gone */
};

static const struct kit_mark marks[] = {
	{"SERVER -> CLIENT:", SIDE_SERVER}, {"CLIENT -> SERVER:", SIDE_CLIENT}, {"SMTP -> FROM SERVER:", SIDE_SERVER}, {"CLIENT -> SMTP:", SIDE_CLIENT},
	{"SMTP INBOUND:", SIDE_SERVER}, {"SMTP -> FROM CLIENT:", SIDE_CLIENT}, {NULL, SIDE_UNKNOWN},
};
static const char *const errors[] = {
	"SMTP ERROR:", "SMTP Error:", "SMTP -> ERROR:", "SMTP NOTICE:", "SMTP -> NOTICE:", "SMTP connect() failed", "Mailer Error:",
	"Message could not be sent",
	"SMTP Error ", "Message was not sent", NULL,
};
static const char *const doings[] = {"Connection: ", "SMTP -> get_lines", "Auth method", "SMTP -> get_lines():", NULL};

/* Time, "[…]" and HTML taken off. */
static struct slice strip(struct slice line)
{
	struct slice s = line;
	int64_t us;
	slice_skip_space(&s);
	if (s.n && (ascii_is_digit(s.p[0]) || s.p[0] == '[') && reader_skip_time(&s, &us))
		slice_skip_space(&s);
	s = slice_trim_right(s);
	while (slice_ends_nocase(s, S("<br>")) || slice_ends_nocase(s, S("<br/>")) || slice_ends_nocase(s, S("<br />")))
		s = slice_trim_right(slice_sub(s, 0, slice_find_last_byte(s, '<')));
	return s;
}

static int recognise(struct reader *r, struct slice line)
{
	struct slice rest, s;
	bool active = reader_active(r) == &form_phpmailer;
	if (line.n < 3)
		return FORM_NO;
	s = strip(line);
	if (kit_marked(marks, s, &rest))
		return FORM_SURE;
	if (kit_prefix(errors, s) >= 0)
		return active ? FORM_SURE : slice_starts(s, S("SMTP -> ")) ? FORM_SURE : FORM_LIKELY;
	if (kit_prefix(doings, s) >= 0)
		return active ? FORM_SURE : slice_starts(s, S("Connection: opening to ")) ? FORM_STRONG : FORM_MAYBE;
	struct state *st = active ? reader_state(r, &form_phpmailer) : NULL;
	/* "                     250-PIPELINING" below the first line of a reply */
	if (!st || st->side != SIDE_SERVER || s.n < 3)
		return FORM_NO;
	bool code = ascii_is_digit(s.p[0]) && ascii_is_digit(s.p[1]) && ascii_is_digit(s.p[2]) && (s.n == 3 || s.p[3] == '-' || s.p[3] == ' ');
	return code ? FORM_SURE : FORM_NO;
}

static void take_error(struct reader *r, struct slice s)
{
	struct event *e;
	if (slice_has(s, S("EOF caught")) || slice_has(s, S("EOF")))
		e = reader_event(r, EV_CLOSE, SIDE_SERVER, s);
	else
		e = kit_error(r, SLICE_NONE, s);
	reader_program(e, S("phpmailer"));
	struct slice reply = kit_find_reply(s), after;
	if (!reply.n)
		return;
	after = kit_phase(slice_sub(s, 0, (size_t)(reply.p - s.p)));
	/* "Username command failed: 535 …" is about AUTH */
	kit_quote(r, PROTOCOL_SMTP, reply, after);
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_phpmailer);
	struct slice s = strip(line), rest, time = line;
	int64_t us;
	const struct kit_mark *m = kit_marked(marks, s, &rest);
	slice_skip_space(&time);
	reader_set_time(r, time.n && ascii_is_digit(time.p[0]) && reader_skip_time(&time, &us) ? us : 0);
	if (m) {
		struct slice quoted;
		st->side = m->side;
		slice_skip(&rest, S(" "));
		if (slice_starts(rest, S("\"")) && slice_starts(s, S("SMTP INBOUND")) && kit_string(reader_arena(r), &rest, &quoted))
			rest = quoted;
		if (m->side == SIDE_SERVER && rest.n) {
			struct slice lines = kit_unglue(reader_arena(r), rest), one;
			while (slice_next_line(&lines, &one))
				reader_say(r, SIDE_SERVER, one);
		} else if (m->side == SIDE_CLIENT)
			reader_say(r, m->side, rest);
		else
			reader_program(reader_event(r, EV_CLOSE, SIDE_SERVER, s), S("phpmailer"));
	} else if (kit_prefix(errors, s) >= 0) {
		take_error(r, s);
	} else if (kit_prefix(doings, s) >= 0) {
		bool opening = slice_starts(s, S("Connection: "));
		st->side = SIDE_UNKNOWN; /* what get_lines() shows below is shown again as a whole */
		reader_program(reader_event(r, opening ? EV_CONNECT : EV_TOOL, SIDE_CLIENT, s), S("phpmailer"));
	} else {
		reader_say(r, SIDE_SERVER, s);
	}
	reader_set_time(r, 0);
}

const struct form form_phpmailer = {
	.name = "phpmailer", .title = N_("PHPMailer debug output"), .recognise = recognise, .take = take, .state_size = sizeof(struct state)};
