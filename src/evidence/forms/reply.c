/* A refusal that stands alone, without a dialogue around it: what an error box, a bounce or a log showed of it. It answers something that is not known;
 * taken for a dialogue it would be a greeting. */
#include "evidence/kit.h"

extern const struct form form_reply;

struct state {
	struct slice text;
	size_t cap;
};

static bool is_refusal(struct slice s)
{
	struct enhanced_status enhanced;
	if (s.n < 8 || (s.p[0] != '4' && s.p[0] != '5') || s.p[1] > '5' || !ascii_is_digit(s.p[1]) || !ascii_is_digit(s.p[2]))
		return false;
	if (s.p[3] == '-')
		return s.p[4] > ' ';
	return s.p[3] == ' ' && (enhanced_parse(slice_from(s, 4), &enhanced) || (ascii_is_alpha(s.p[4]) && dialogue_guess(SIDE_SERVER, s) == PROTOCOL_SMTP));
}

static int recognise(struct reader *r, struct slice line)
{
	struct slice s = line;
	slice_skip_space(&s);
	bool pop = slice_starts(s, S("-ERR "));
	struct state *st = reader_state(r, &form_reply);
	if (st->text.n && reader_active(r) == &form_reply && s.n > 3 && slice_eq(slice_sub(s, 0, 3), slice_sub(st->text, 0, 3)))
		return FORM_SURE;
	if (!pop && !is_refusal(s))
		return FORM_NO;
	/* after an announcement ("Connected to …") it is a greeting, in a dialogue an answer */
	if (reader_dialogue(r) && reader_lines_since_said(r) == UINT32_MAX)
		return FORM_NO;
	if (reader_dialogue(r) && reader_lines_since_said(r) <= 3)
		return FORM_NO;
	if (slice_has(s, S("ESMTP")) || slice_has(s, S("SMTP service")))
		return FORM_NO;
	/* a command on the next line: the paste goes on as a dialogue */
	struct slice next = reader_peek(r);
	slice_skip_space(&next);
	if (dialogue_guess_side(pop ? PROTOCOL_POP3 : PROTOCOL_SMTP, next) == SIDE_CLIENT)
		return FORM_NO;
	struct enhanced_status enhanced;
	bool clear = pop || s.p[3] == '-' || enhanced_parse(slice_from(s, 4), &enhanced);
	return clear ? FORM_LIKELY + 2 : FORM_MAYBE + 1;
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_reply);
	struct slice s = slice_trim(line), next = reader_peek(r);
	slice_skip_space(&next);
	if (slice_starts(s, S("-ERR"))) {
		kit_quote(r, PROTOCOL_POP3, s, SLICE_NONE);
		return;
	}
	arena_append(reader_arena(r), &st->text, &st->cap, st->text.n ? S("\n") : SLICE_NONE, s);
	bool more = s.p[3] == '-' && next.n > 3 && slice_eq(slice_sub(next, 0, 3), slice_sub(s, 0, 3)) && st->text.n < 8192;
	if (more)
		return;
	kit_quote(r, PROTOCOL_SMTP, st->text, SLICE_NONE);
	*st = (struct state){.cap = 0};
}

const struct form form_reply = {.name = "reply", .title = N_("a refusal alone"), .recognise = recognise, .take = take, .state_size = sizeof(struct state)};
