/* What exim -d and exim -v print: "12345 LOG: MAIN REJECT" with the logged words below, and the dialogue as "SMTP>> " and "SMTP<< ". As server Exim
 * writes ">>" before its own words, as client before its own too: the grammar tells which it is. */
#include "evidence/kit.h"

extern const struct form form_exim_debug;

struct state {
	bool in_log, in_reply;
	enum side reply_side;
};


/* "  281 " or "14:21:07   281 " in front of debug lines. */
static struct slice skip_pid(struct slice line, bool *ret_had)
{
	struct slice s = line;
	uint64_t pid;
	int64_t us;
	*ret_had = false;
	slice_skip_space(&s);
	struct slice t = s;
	if (reader_skip_time(&t, &us)) {
		slice_skip_space(&t);
		s = t;
	}
	t = s;
	if (slice_next_uint(&t, 10000000, &pid) && t.n && t.p[0] == ' ') {
		*ret_had = true;
		return slice_from(t, 1);
	}
	return s;
}

static int recognise(struct reader *r, struct slice line)
{
	bool pid;
	if (line.n < 5)
		return FORM_NO;
	struct slice s = skip_pid(line, &pid), t = s;
	slice_skip_space(&t);
	if (slice_starts(t, S("LOG: ")) && t.n < 60)
		return FORM_SURE;
	if (slice_starts(t, S("SMTP>> ")) || slice_starts(t, S("SMTP<< ")) || slice_starts(t, S("SMTP(close)>>")) || slice_starts(t, S("SMTP(closed)<<")))
		return FORM_SURE;
	if (reader_active(r) != &form_exim_debug)
		return FORM_NO;
	struct state *st = reader_state(r, &form_exim_debug);
	if (st->in_log && (pid ? slice_starts(s, S("  ")) : slice_starts(line, S("  "))))
		return FORM_SURE;
	return st->in_reply && slice_starts(line, S("         ")) && t.n > 3 && ascii_is_digit(t.p[0]) ? FORM_SURE : FORM_NO;
}

/* The logged words are those of the main log without its time: hand them to what it would have been. */
static void take_logged(struct reader *r, struct slice text)
{
	static const char *const deliveries[] = {"** ", "== ", "=> ", "-> ", "<= ", NULL};
	size_t at = slice_find(text, S("rejected ")), open = slice_find_last_byte(text, '[');
	struct session *s = NULL;
	struct slice address = SLICE_NONE;
	if (open != SLICE_NPOS && kit_prefix(deliveries, text) < 0) {
		address = slice_sub(text, open + 1, open + slice_find_byte(slice_from(text, open), ']'));
		s = reader_log_session(r, address, PROTOCOL_SMTP);
	}
	struct event *e = reader_log(r, s, S("exim"), text);
	reader_fact(r, e, "client_address", address);
	if (s && !s->client.address.n) {
		s->client.address = arena_dup(reader_arena(r), address);
		s->server.software = SOFTWARE_EXIM;
	}
	if (at == SLICE_NPOS)
		return;
	struct slice what = slice_from(text, at + 9);
	size_t colon = slice_find(what, S(": "));
	struct slice head = slice_sub(what, 0, colon), words = colon == SLICE_NPOS ? SLICE_NONE : slice_from(what, colon + 2), name = head;
	if (slice_skip(&name, S("EHLO from ")) || slice_skip(&name, S("HELO from "))) {
		size_t said = slice_find(words, S("argument(s): "));
		name = said != SLICE_NPOS ? slice_from(words, said + 13) : slice_next_word(&name);
		reader_fact(r, e, "helo", name);
		reader_infer_command(r, s, PROTOCOL_SMTP, arena_printf(reader_arena(r), "%.4s %.*s", (const char *)head.p, SLICE_FMT(name)));
	}
	if (!words.n)
		return;
	const char *code = slice_starts(words, S("syntactically invalid")) ? "501" : slice_has(text, S("temporarily")) ? "451" : "550";
	struct event *q = reader_quote_reply(r, s, PROTOCOL_SMTP, arena_printf(reader_arena(r), "%s %.*s", code, SLICE_FMT(words)), kit_phase(head));
	if (q)
		q->oddities |= ODD_RECONSTRUCTED;
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_exim_debug);
	bool pid;
	struct slice s = skip_pid(line, &pid);
	slice_skip_space(&s);
	if (st->in_reply && slice_starts(line, S("         "))) {
		reader_say(r, st->reply_side, slice_trim(line)); /* "         250-PIPELINING": no process number */
		return;
	}
	if (slice_starts(s, S("LOG: "))) {
		st->in_reply = false;
		st->in_log = true;
		return;
	}
	if (st->in_log && !slice_starts(s, S("SMTP>>")) && !slice_starts(s, S("SMTP<<"))) {
		take_logged(r, s);
		return;
	}
	st->in_log = false;
	if (slice_starts(s, S("SMTP(close"))) {
		reader_event(r, EV_CLOSE, SIDE_UNKNOWN, s);
		return;
	}
	if (slice_skip(&s, S("SMTP>> ")) || slice_skip(&s, S("SMTP<< "))) {
		enum side side = dialogue_guess_side(PROTOCOL_SMTP, s);
		st->reply_side = side == SIDE_UNKNOWN ? SIDE_CLIENT : side;
		st->in_reply = side == SIDE_SERVER;
	}
	reader_say(r, st->reply_side, s);
}

const struct form form_exim_debug = {
	.name = "exim-debug", .title = N_("Exim debug output"), .recognise = recognise, .take = take, .state_size = sizeof(struct state)};
