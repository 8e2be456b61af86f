/* Dialogues whose lines carry a mark for the side: "C: EHLO x", ">>> QUIT", "<-- 250 ok", "03:S 250-…". One table; forms with more to them than marks have
 * files of their own. A time stamp or a level in front of the mark is skipped. */
#include "evidence/form.h"

static const struct {
	const char *mark;
	enum side side;
	int bid;
} marks[] = {
	{"C: ", SIDE_CLIENT, FORM_LIKELY + 10},  {"S: ", SIDE_SERVER, FORM_LIKELY + 10}, {"C:", SIDE_CLIENT, FORM_LIKELY},  {"S:", SIDE_SERVER, FORM_LIKELY},
	{"[C] ", SIDE_CLIENT, FORM_LIKELY + 10}, {"[S] ", SIDE_SERVER, FORM_LIKELY + 10}, {"[C]: ", SIDE_CLIENT, FORM_LIKELY + 10},
	{"[S]: ", SIDE_SERVER, FORM_LIKELY + 10}, {"Client: ", SIDE_CLIENT, FORM_LIKELY}, {"Server: ", SIDE_SERVER, FORM_LIKELY},
	{"CLIENT: ", SIDE_CLIENT, FORM_LIKELY}, {"SERVER: ", SIDE_SERVER, FORM_LIKELY},
	{"c: ", SIDE_CLIENT, FORM_LIKELY - 10}, {"s: ", SIDE_SERVER, FORM_LIKELY - 10},
	{">>> ", SIDE_CLIENT, FORM_LIKELY},      {"<<< ", SIDE_SERVER, FORM_LIKELY}, {"--> ", SIDE_CLIENT, FORM_LIKELY}, {"<-- ", SIDE_SERVER, FORM_LIKELY},
	{"-> ", SIDE_CLIENT, FORM_LIKELY},       {"<- ", SIDE_SERVER, FORM_LIKELY},  {"=> ", SIDE_CLIENT, FORM_LIKELY},  {"<= ", SIDE_SERVER, FORM_LIKELY},
	{">> ", SIDE_CLIENT, FORM_LIKELY - 5},   {"<< ", SIDE_SERVER, FORM_LIKELY - 5}, {"SEND: ", SIDE_CLIENT, FORM_LIKELY}, {"RECV: ", SIDE_SERVER, FORM_LIKELY},
	{"Sent: ", SIDE_CLIENT, FORM_LIKELY - 5}, {"Received: ", SIDE_SERVER, FORM_MAYBE}, {"send: ", SIDE_CLIENT, FORM_LIKELY - 10},
	{"recv: ", SIDE_SERVER, FORM_LIKELY - 10}, {"WRITE: ", SIDE_CLIENT, FORM_LIKELY - 5}, {"READ: ", SIDE_SERVER, FORM_LIKELY - 5},
	{"> ", SIDE_CLIENT, FORM_MAYBE},         {"< ", SIDE_SERVER, FORM_MAYBE},
	{">>>", SIDE_CLIENT, FORM_MAYBE},        {"<<<", SIDE_SERVER, FORM_MAYBE},
};

/* "DEBUG: ", "INFO  mail: " and the like in front of the mark. */
static const char *const levels[] = {"DEBUG:", "DEBUG", "INFO:", "INFO", "TRACE:", "TRACE", "debug:", "imap:", "smtp:", "SMTP:", "IMAP:", "POP3:", "pop3:"};

/* "Mailer.hx:222:    <<<220": the file and line of a program's source. */
static struct slice without_source_line(struct slice s)
{
	struct slice t = s, file = slice_next_until(&t, ':');
	uint64_t number;
	if (slice_find_byte(file, '.') == SLICE_NPOS || slice_find_byte(file, ' ') != SLICE_NPOS || !slice_next_uint(&t, 999999, &number) ||
	    !slice_skip(&t, S(":")))
		return s;
	slice_skip_space(&t);
	return t;
}

static struct slice without_front(struct slice line)
{
	struct slice s = line;
	int64_t us;
	uint64_t number;
	reader_skip_time(&s, &us);
	/* "03:S 250": a number of the line. */
	struct slice t = s;
	if (slice_next_uint(&t, 9999, &number) && slice_skip(&t, S(":")) && t.n > 1 && (t.p[0] == 'S' || t.p[0] == 'C') && t.p[1] == ' ')
		return t;
	slice_skip_space(&s);
	s = without_source_line(s);
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
		t = s;
		if (slice_skip(&t, slice_from_cstr(levels[i])) && t.n && t.p[0] == ' ') {
			slice_skip_space(&t);
			return t;
		}
	}
	return s;
}

/* What is left of "'A1 LOGIN …'" and "b'220 …\r\n'" when quotes and line-end escapes are taken off. */
static struct slice unquote(struct slice s)
{
	s = slice_trim(s);
	if (s.n > 2 && s.p[0] == 'b' && (s.p[1] == '\'' || s.p[1] == '"') && s.p[s.n - 1] == s.p[1])
		s = slice_sub(s, 2, s.n - 1);
	else if (s.n >= 2 && (s.p[0] == '\'' || s.p[0] == '"') && s.p[s.n - 1] == s.p[0])
		s = slice_sub(s, 1, s.n - 1);
	while (slice_ends(s, S("\\r\\n")))
		s.n -= 4;
	while (slice_ends(s, S("\\n")) || slice_ends(s, S("\\r")))
		s.n -= 2;
	return s;
}

struct hit {
	enum side side;
	int bid;
	struct slice said;
};

static bool find_mark(struct slice line, struct hit *ret)
{
	struct slice s = without_front(line);
	bool numbered = s.p != line.p && s.n > 1 && (s.p[0] == 'C' || s.p[0] == 'S') && s.p[1] == ' ';
	if (numbered) {
		*ret = (struct hit){s.p[0] == 'C' ? SIDE_CLIENT : SIDE_SERVER, FORM_STRONG, slice_from(s, 2)};
		return true;
	}
	/* "S (3): * OK": imapfilter and others that number their connections. */
	struct slice after = slice_from(s, 1);
	uint64_t connection;
	if (s.n > 5 && (s.p[0] == 'C' || s.p[0] == 'S') && slice_skip(&after, S(" (")) && slice_next_uint(&after, 9999, &connection) &&
	    slice_skip(&after, S("): "))) {
		*ret = (struct hit){s.p[0] == 'C' ? SIDE_CLIENT : SIDE_SERVER, FORM_STRONG, after};
		return true;
	}
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		struct slice t = s, mark = slice_from_cstr(marks[i].mark);
		bool bare = slice_eq(slice_trim_right(s), slice_trim_right(mark)) && s.n;
		if (!bare && !slice_skip(&t, mark))
			continue;
		*ret = (struct hit){marks[i].side, marks[i].bid, bare ? SLICE_NONE : t};
		return true;
	}
	return false;
}

/* "C: AUTH LOGIN x" may be SMTP or POP3: the answer in the next line tells. */
static enum protocol protocol_of_answer(struct reader *r)
{
	struct hit h;
	if (!find_mark(reader_peek(r), &h) || h.side != SIDE_SERVER)
		return PROTOCOL_UNKNOWN;
	return dialogue_guess(SIDE_SERVER, unquote(h.said));
}

/* "[250] 'Ok'": a reply whose code stands in brackets (smtp-cli). Its parts. */
static bool bracketed_reply(struct slice line, struct slice *ret_code, struct slice *ret_text)
{
	uint64_t code;
	struct slice s = slice_trim(line);
	if (s.n < 6 || s.p[0] != '[' || s.p[4] != ']' || s.p[5] != ' ' || !slice_to_uint(slice_sub(s, 1, 4), 599, &code) || code < 200)
		return false;
	*ret_code = slice_sub(s, 1, 4);
	*ret_text = unquote(slice_from(s, 6));
	return true;
}

static int recognise(struct reader *r, struct slice line)
{
	struct hit h;
	struct slice code, text;
	if (bracketed_reply(line, &code, &text))
		return FORM_LIKELY;
	if (!line.n || !find_mark(line, &h))
		return FORM_NO;
	struct dialogue *d = reader_dialogue(r);
	struct slice said = unquote(h.said);
	enum protocol p = dialogue_guess(h.side, said);
	if (p != PROTOCOL_UNKNOWN)
		return h.bid + 10;
	if (!d && h.side == SIDE_CLIENT && said.n && protocol_of_answer(r) != PROTOCOL_UNKNOWN)
		return h.bid;
	/* Without protocol words a mark counts only in the middle of a dialogue. */
	return d && reader_lines_since_said(r) < 4 ? h.bid : FORM_NO;
}

static void take(struct reader *r, struct slice line)
{
	struct hit h;
	struct slice code, text;
	if (bracketed_reply(line, &code, &text)) {
		reader_say(r, SIDE_SERVER, arena_printf(reader_arena(r), "%.*s %.*s", SLICE_FMT(code), SLICE_FMT(text)));
		return;
	}
	if (!find_mark(line, &h))
		return;
	enum protocol p = PROTOCOL_UNKNOWN;
	if (!reader_dialogue(r) && h.side == SIDE_CLIENT && dialogue_guess(h.side, unquote(h.said)) == PROTOCOL_UNKNOWN)
		p = protocol_of_answer(r);
	if (p == PROTOCOL_UNKNOWN || reader_new_session(r, p))
		reader_say(r, h.side, h.bid >= FORM_LIKELY + 10 ? h.said : unquote(h.said));
}

const struct form form_marked = {
	.name = "marked",
	.title = N_("dialogue with a mark for each side"),
	.recognise = recognise,
	.take = take,
};
