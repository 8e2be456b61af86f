/* Debug output with a heading per side: "<=SEND=>" and below it what the client said, "<GREETING>" or "<CAPA>" and below it what the server said. */
#include "evidence/kit.h"

extern const struct form form_send_tags;

struct state {
	enum side side;
};

static bool is_send(struct slice s)
{
	return slice_eq(s, S("<=SEND=>")) || slice_eq(s, S("<=SENT=>"));
}

/* "<GREETING>", "<CAPA>", "<=RECV=>" */
static bool is_received(struct slice s)
{
	if (s.n < 4 || s.n > 24 || s.p[0] != '<' || s.p[s.n - 1] != '>')
		return false;
	for (size_t i = 1; i + 1 < s.n; i++)
		if ((s.p[i] < 'A' || s.p[i] > 'Z') && s.p[i] != '=' && s.p[i] != '-' && s.p[i] != ' ')
			return false;
	return !is_send(s);
}

static int recognise(struct reader *r, struct slice line)
{
	struct slice s = slice_trim(line);
	if (is_send(s))
		return FORM_SURE;
	struct state *st = reader_state(r, &form_send_tags);
	if (st->side == SIDE_UNKNOWN)
		return FORM_NO;
	if (is_received(s))
		return FORM_SURE;
	if (reader_active(r) != &form_send_tags)
		return FORM_NO;
	return s.n < 200 && (!s.n || s.p[0] != '(') ? FORM_SURE : FORM_NO;
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_send_tags);
	struct slice s = slice_trim(line);
	if (is_send(s))
		st->side = SIDE_CLIENT;
	else if (is_received(s))
		st->side = SIDE_SERVER;
	else if (s.n)
		reader_say(r, st->side, s);
}

const struct form form_send_tags = {
	.name = "send-tags", .title = N_("dialogue with a heading for each side"), .recognise = recognise, .take = take, .state_size = sizeof(struct state)};
