/* tshark: the packet list of tshark or Wireshark as text: "3.356257 1.2.3.4 -> 5.6.7.8 SMTP Response: 220 mx", newer with packet number, arrow "→" and
 * length: "4 3.356 1.2.3.4 → 5.6.7.8 SMTP 95 S: 220 mx". Of a reply of several lines only the first is shown. */
#include "evidence/kit.h"

extern const struct form form_tshark;

struct packet {
	struct slice from, to, protocol, info;
};

static bool is_decimal(struct slice s)
{
	bool dot = false;
	for (size_t i = 0; i < s.n; i++) {
		dot |= s.p[i] == '.';
		if (!ascii_is_digit(s.p[i]) && s.p[i] != '.')
			return false;
	}
	return dot;
}

static bool take_apart(struct slice line, struct packet *ret)
{
	uint64_t number;
	struct slice word = slice_next_word(&line);
	if (slice_to_uint(word, UINT32_MAX, &number))
		word = slice_next_word(&line);
	if (!is_decimal(word))
		return false;
	ret->from = slice_next_word(&line);
	struct slice arrow = slice_next_word(&line);
	if (!slice_eq(arrow, S("->")) && !slice_eq(arrow, S("→")))
		return false;
	ret->to = slice_next_word(&line);
	ret->protocol = slice_next_word(&line);
	struct slice rest = line, length = slice_next_word(&rest);
	ret->info = slice_trim(slice_to_uint(length, UINT32_MAX, &number) ? rest : line);
	return ret->protocol.n > 0;
}

static int recognise(struct reader *r, struct slice line)
{
	struct packet p;
	(void)r;
	slice_skip_space(&line);
	return line.n && ascii_is_digit(line.p[0]) && take_apart(line, &p) ? FORM_SURE : FORM_NO;
}

struct state {
	uint8_t code[4]; /* of the reply whose first line was shown last */
};

/* The other lines of a reply are not shown: closes it, so that the next command does not seem to fall into it, and marks it as cut. */
static void close_reply(struct reader *r)
{
	const struct state *st = reader_state(r, &form_tshark);
	const struct session *s = reader_session(r);
	if (!s || !reader_dialogue(r) || !dialogue_server_in_listing(reader_dialogue(r)) || !st->code[0])
		return;
	reader_say(r, SIDE_SERVER, arena_printf(reader_arena(r), "%.3s …", (const char *)st->code));
	if (s->events.n)
		s->events.v[s->events.n - 1]->oddities |= ODD_CUT;
}

static void say(struct reader *r, const struct packet *p, enum protocol protocol, enum side side, struct slice text)
{
	struct slice server = side == SIDE_SERVER ? p->from : p->to, client = side == SIDE_SERVER ? p->to : p->from;
	struct session *s = reader_session(r);
	bool greeting = side == SIDE_SERVER && dialogue_guess_side(protocol, text) == SIDE_SERVER && !(reader_dialogue(r) && dialogue_greeted(reader_dialogue(r)));
	if (!s || (greeting && s->events.n && !slice_eq(s->server.address, server)))
		s = reader_new_session(r, protocol);
	if (s && !s->server.address.n) {
		s->server.address = arena_dup(reader_arena(r), server);
		s->client.address = arena_dup(reader_arena(r), client);
	}
	close_reply(r);
	reader_say(r, side, text);
	if (side == SIDE_SERVER && text.n >= 3)
		memcpy(((struct state *)reader_state(r, &form_tshark))->code, text.p, 3);
}

static void end(struct reader *r)
{
	close_reply(r);
}

static void take_tcp(struct reader *r, const struct packet *p)
{
	struct slice line = arena_printf(reader_arena(r), "%.*s to %.*s: %.*s", SLICE_FMT(p->from), SLICE_FMT(p->to), SLICE_FMT(p->info));
	if (slice_has(p->info, S("[RST")))
		reader_event(r, EV_CLOSE, SIDE_UNKNOWN, line);
	else if (slice_has(p->info, S("[SYN]")))
		reader_event(r, EV_CONNECT, SIDE_CLIENT, line);
}

static void take(struct reader *r, struct slice line)
{
	static const struct {
		struct slice mark;
		enum side side;
	} marks[] = {
		{S("Response: "), SIDE_SERVER}, {S("Command: "), SIDE_CLIENT}, {S("Request: "), SIDE_CLIENT}, {S("S: "), SIDE_SERVER}, {S("C: "), SIDE_CLIENT},
	};
	struct packet p;
	slice_skip_space(&line);
	if (!take_apart(line, &p))
		return;
	enum protocol protocol = protocol_from_name(p.protocol);
	for (size_t i = 0; protocol != PROTOCOL_UNKNOWN && i < sizeof marks / sizeof *marks; i++) {
		struct slice text = p.info;
		if (slice_skip(&text, marks[i].mark)) {
			say(r, &p, protocol, marks[i].side, text);
			return;
		}
	}
	if (slice_eq(p.protocol, S("TCP")))
		take_tcp(r, &p);
}

const struct form form_tshark = {
	.name = "tshark", .title = N_("packet list of tshark or Wireshark"), .recognise = recognise, .take = take, .end = end, .state_size = sizeof(struct state),
};
