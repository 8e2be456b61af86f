/* A dialogue without marks that stands behind a margin: indented (a code block), quoted ("> "), in a table ("| ") or with numbered lines ("12: "). The
 * margin is learned where the dialogue opens and taken off as long as it goes on. */
#include "evidence/kit.h"

extern const struct form form_margin;

enum margin { MARGIN_NONE, MARGIN_BLANKS, MARGIN_QUOTE, MARGIN_PIPE, MARGIN_NUMBER };

struct state {
	enum margin kind;
	size_t blanks;
};

static enum margin margin_of(struct slice line, struct slice *ret_rest, size_t *ret_blanks)
{
	struct slice s = line;
	uint64_t number;
	size_t n = 0;
	while (n < s.n && n < 16 && (s.p[n] == ' ' || s.p[n] == '\t'))
		n++;
	*ret_blanks = n;
	*ret_rest = s = slice_from(line, n);
	if (slice_skip(&s, S("> ")) || slice_skip(&s, S(">> ")) || slice_skip(&s, S("&gt; "))) {
		*ret_rest = s;
		return MARGIN_QUOTE;
	}
	if (slice_skip(&s, S("| "))) {
		*ret_rest = s;
		return MARGIN_PIPE;
	}
	if (slice_next_uint(&s, 999, &number) && s.n > 2 && strchr(":.)", s.p[0]) && s.p[1] == ' ') {
		*ret_rest = slice_from(s, 2);
		return MARGIN_NUMBER;
	}
	return n >= 1 ? MARGIN_BLANKS : MARGIN_NONE;
}

/* Words that open a dialogue; a refusal alone less surely than a greeting. */
static int opening(struct slice s)
{
	struct enhanced_status enhanced;
	static const char *const sure[] = {"220 ", "220-", "* OK ", "* PREAUTH ", "+OK ", "EHLO ", "HELO ", "LHLO ", "ehlo ", "helo ", NULL};
	if (s.n > 400 || s.n < 5)
		return FORM_NO;
	if (kit_prefix(sure, s) >= 0)
		return FORM_LIKELY + 1;
	bool code = s.p[0] >= '2' && s.p[0] <= '5' && ascii_is_digit(s.p[1]) && ascii_is_digit(s.p[2]);
	if (code && (s.p[3] == '-' || (s.p[3] == ' ' && enhanced_parse(slice_from(s, 4), &enhanced))))
		return FORM_LIKELY - 8;
	return slice_starts(s, S("MAIL FROM:")) || slice_starts(s, S("RCPT TO:")) || slice_starts(s, S("AUTH ")) ? FORM_MAYBE : FORM_NO;
}

static bool is_base64_step(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && !strchr("+/=*-_", s.p[i]))
			return false;
	return s.n > 0;
}

static int recognise(struct reader *r, struct slice line)
{
	struct slice s;
	size_t blanks;
	if (line.n < 3 || (line.p[0] != ' ' && line.p[0] != '\t' && line.p[0] != '>' && line.p[0] != '|' && !ascii_is_digit(line.p[0])))
		return FORM_NO;
	enum margin m = margin_of(line, &s, &blanks);
	if (m == MARGIN_NONE)
		return FORM_NO;
	struct state *st = reader_state(r, &form_margin);
	struct dialogue *d = reader_dialogue(r);
	if (!d || st->kind != m || reader_lines_since_said(r) > 3)
		return opening(s);
	if (m == MARGIN_BLANKS && blanks < st->blanks)
		return FORM_NO;
	if (dialogue_client_in_data(d) || (dialogue_client_in_sasl(d) && is_base64_step(s)) || dialogue_guess_side(dialogue_protocol(d), s) != SIDE_UNKNOWN)
		return FORM_STRONG;
	if (dialogue_server_in_listing(d) && dialogue_protocol(d) == PROTOCOL_POP3)
		return FORM_STRONG;
	return opening(s);
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_margin);
	struct slice s;
	size_t blanks;
	enum margin m = margin_of(line, &s, &blanks);
	bool goes_on = reader_dialogue(r) && st->kind == m && reader_lines_since_said(r) <= 3;
	if (!goes_on)
		*st = (struct state){m, blanks};
	else if (m == MARGIN_BLANKS)
		s = slice_from(line, st->blanks < blanks ? st->blanks : blanks);
	reader_say(r, SIDE_UNKNOWN, slice_trim_right(s));
}

const struct form form_margin = {
	.name = "margin", .title = N_("dialogue without marks behind a margin"), .recognise = recognise, .take = take, .state_size = sizeof(struct state)};
