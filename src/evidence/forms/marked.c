/* Dialogues whose lines carry a mark for the side: "C: EHLO x", ">>> QUIT", "<-- 250 ok", "03:S 250-…", `send "QUIT"`. One table; forms with more to
 * them than marks have files of their own. What stands in front of the mark (time, level, source file, name of a module) is skipped. Arrows point either
 * way in different programs, so where the words are plainly those of the other side, the arrows are turned round for the rest of the input. */
#include "evidence/kit.h"

extern const struct form form_marked;

enum kind { LETTER, WORD, ARROW }; /* letters and words are what they say; arrows and "sent" may be the other way round */

static const struct {
	const char *mark;
	enum side side;
	int bid;
	enum kind kind;
} marks[] = {
	{"C: ", SIDE_CLIENT, 70, LETTER}, {"S: ", SIDE_SERVER, 70, LETTER}, {"C:", SIDE_CLIENT, 60, LETTER}, {"S:", SIDE_SERVER, 60, LETTER},
	{"c: ", SIDE_CLIENT, 55, LETTER}, {"s: ", SIDE_SERVER, 55, LETTER},
	{"C> ", SIDE_CLIENT, 65, LETTER}, {"S> ", SIDE_SERVER, 65, LETTER}, {"C< ", SIDE_CLIENT, 55, LETTER}, {"S< ", SIDE_SERVER, 55, LETTER},
	{"[C] ", SIDE_CLIENT, 70, LETTER}, {"[S] ", SIDE_SERVER, 70, LETTER}, {"[C]: ", SIDE_CLIENT, 70, LETTER}, {"[S]: ", SIDE_SERVER, 70, LETTER},
	{"(C) ", SIDE_CLIENT, 60, LETTER}, {"(S) ", SIDE_SERVER, 60, LETTER}, {"C->S: ", SIDE_CLIENT, 70, LETTER}, {"S->C: ", SIDE_SERVER, 70, LETTER},
	{"Client -> Server: ", SIDE_CLIENT, 70, LETTER}, {"Server -> Client: ", SIDE_SERVER, 70, LETTER},
	{"Client: ", SIDE_CLIENT, 60, WORD}, {"Server: ", SIDE_SERVER, 60, WORD}, {"CLIENT: ", SIDE_CLIENT, 60, WORD}, {"SERVER: ", SIDE_SERVER, 60, WORD},
	{"client: ", SIDE_CLIENT, 55, WORD}, {"server: ", SIDE_SERVER, 55, WORD}, {"Client> ", SIDE_CLIENT, 60, WORD}, {"Server> ", SIDE_SERVER, 60, WORD},
	{"[client] ", SIDE_CLIENT, 60, WORD}, {"[server] ", SIDE_SERVER, 60, WORD}, {"[Client] ", SIDE_CLIENT, 60, WORD}, {"[Server] ", SIDE_SERVER, 60, WORD},
	{"<Client> ", SIDE_CLIENT, 60, WORD}, {"<Server> ", SIDE_SERVER, 60, WORD}, {"CLIENT> ", SIDE_CLIENT, 60, WORD}, {"SERVER> ", SIDE_SERVER, 60, WORD},
	{"SEND: ", SIDE_CLIENT, 60, WORD}, {"RECV: ", SIDE_SERVER, 60, WORD},
	{"Send: ", SIDE_CLIENT, 55, WORD}, {"Recv: ", SIDE_SERVER, 55, WORD}, {"send: ", SIDE_CLIENT, 50, WORD}, {"recv: ", SIDE_SERVER, 50, WORD},
	{"Sent: ", SIDE_CLIENT, 55, ARROW}, {"Got: ", SIDE_SERVER, 50, ARROW}, {"Got back: ", SIDE_SERVER, 50, ARROW}, {"Received: ", SIDE_SERVER, 30, ARROW}, {"SENT: ", SIDE_CLIENT, 55, ARROW}, {"RECEIVED: ", SIDE_SERVER, 55, ARROW},
	{"WRITE: ", SIDE_CLIENT, 55, WORD}, {"READ: ", SIDE_SERVER, 55, WORD}, {"Write: ", SIDE_CLIENT, 55, WORD}, {"Wrote: ", SIDE_CLIENT, 60, WORD},
	{"TX: ", SIDE_CLIENT, 60, WORD}, {"RX: ", SIDE_SERVER, 60, WORD}, {"Request: ", SIDE_CLIENT, 50, WORD}, {"Response: ", SIDE_SERVER, 50, WORD},
	{"SmtpCmdSent: ", SIDE_CLIENT, 65, WORD}, {"SmtpCmdResp: ", SIDE_SERVER, 65, WORD}, {"ImapCmdSent: ", SIDE_CLIENT, 65, WORD}, {"ImapCmdResp: ", SIDE_SERVER, 65, WORD},
	{"PopCmdSent: ", SIDE_CLIENT, 65, WORD}, {"PopCmdResp: ", SIDE_SERVER, 65, WORD}, {"Reply: ", SIDE_SERVER, 55, WORD}, {"reply: ", SIDE_SERVER, 50, WORD}, {"Command: ", SIDE_CLIENT, 50, WORD}, {"smtp> ", SIDE_CLIENT, 60, WORD},
	{"SMTP> ", SIDE_CLIENT, 60, WORD}, {"SMTP< ", SIDE_SERVER, 60, WORD}, {"IMAP> ", SIDE_CLIENT, 60, WORD}, {"IMAP< ", SIDE_SERVER, 60, WORD},
	{"POP3> ", SIDE_CLIENT, 60, WORD}, {"POP3< ", SIDE_SERVER, 60, WORD}, {"DATA SENT: ", SIDE_CLIENT, 60, WORD}, {"OUT: ", SIDE_CLIENT, 50, ARROW}, {"IN: ", SIDE_SERVER, 50, ARROW},
	{"Out: ", SIDE_SERVER, 65, ARROW}, {"In:  ", SIDE_CLIENT, 65, ARROW}, {"In: ", SIDE_CLIENT, 65, ARROW}, /* Postfix's mail to the postmaster */
	{"Sent = ", SIDE_CLIENT, 60, ARROW}, {"Received = ", SIDE_SERVER, 60, ARROW}, {"Rcvd = ", SIDE_SERVER, 60, ARROW},
	{">>> ", SIDE_CLIENT, 60, ARROW}, {"<<< ", SIDE_SERVER, 60, ARROW}, {"--> ", SIDE_CLIENT, 60, ARROW}, {"<-- ", SIDE_SERVER, 60, ARROW},
	{"==> ", SIDE_CLIENT, 60, ARROW}, {"<== ", SIDE_SERVER, 60, ARROW}, {"-> ", SIDE_CLIENT, 60, ARROW}, {"<- ", SIDE_SERVER, 60, ARROW},
	{"=> ", SIDE_CLIENT, 60, ARROW}, {"<= ", SIDE_SERVER, 60, ARROW}, {">> ", SIDE_CLIENT, 55, ARROW}, {"<< ", SIDE_SERVER, 55, ARROW},
	{">>>", SIDE_CLIENT, 50, ARROW}, {"<<<", SIDE_SERVER, 50, ARROW}, {"\xe2\x86\x92 ", SIDE_CLIENT, 55, ARROW}, {"\xe2\x86\x90 ", SIDE_SERVER, 55, ARROW},
	{"> ", SIDE_CLIENT, 30, ARROW}, {"< ", SIDE_SERVER, 30, ARROW},
};

/* Words inside a line, with what was said in quotes behind them. */
static const struct {
	const char *words;
	enum side side;
} wrapped[] = {
	{"connect reply: ", SIDE_SERVER}, {"reply: ", SIDE_SERVER}, {" send ", SIDE_CLIENT}, {" sent ", SIDE_CLIENT}, {" sending ", SIDE_CLIENT}, {"received ", SIDE_SERVER},
	{"recv ", SIDE_SERVER}, {"response: ", SIDE_SERVER}, {"request: ", SIDE_CLIENT}, {"send: ", SIDE_CLIENT}, {"sent: ", SIDE_CLIENT}, {"received: ", SIDE_SERVER},
};

struct state {
	bool turned; /* arrows point the other way */
};

struct hit {
	enum side side;
	int bid;
	enum kind kind;
	struct slice said; /* quotes still on */
	bool quoted;       /* found inside a line: must be a string */
};

static bool is_level(struct slice word)
{
	static const char *const levels[] = {"DEBUG", "INFO", "TRACE", "NOTICE", "debug", "info", "trace", "Debug", "Info", "VERBOSE", NULL};
	if (word.n && word.p[word.n - 1] == ':')
		word.n--;
	for (size_t i = 0; levels[i]; i++)
		if (slice_eq(word, slice_from_cstr(levels[i])))
			return true;
	return false;
}

static bool mark_at(struct slice s, struct hit *ret)
{
	if (!s.n || !strchr("CGScs[(<>-=WwRrTIiOoPD\xe2", s.p[0]))
		return false;
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		struct slice t = s, mark = slice_from_cstr(marks[i].mark);
		if (mark.p[0] != s.p[0])
			continue;
		bool bare = mark.n > 2 && slice_eq(slice_trim_right(s), slice_trim_right(mark));
		if (!bare && !slice_skip(&t, mark))
			continue;
		*ret = (struct hit){marks[i].side, marks[i].bid, marks[i].kind, bare ? SLICE_NONE : t, false};
		return true;
	}
	return false;
}

/* "03:S 250", "16:C test.": a number of the line and a letter. */
static bool numbered(struct slice s, struct hit *ret)
{
	uint64_t number;
	struct slice t = s;
	if (!slice_next_uint(&t, 9999, &number) || !slice_skip(&t, S(":")) || t.n < 2 || (t.p[0] != 'S' && t.p[0] != 'C') || t.p[1] != ' ')
		return false;
	*ret = (struct hit){t.p[0] == 'C' ? SIDE_CLIENT : SIDE_SERVER, 80, LETTER, slice_from(t, 2), false};
	return true;
}

/* "S (3): * OK": imapfilter and others that number their connections. */
static bool connection_mark(struct slice s, struct hit *ret)
{
	uint64_t connection;
	struct slice t = slice_from(s, 1);
	if (s.n < 6 || (s.p[0] != 'C' && s.p[0] != 'S') || !slice_skip(&t, S(" (")) || !slice_next_uint(&t, 9999, &connection) || !slice_skip(&t, S("): ")))
		return false;
	*ret = (struct hit){s.p[0] == 'C' ? SIDE_CLIENT : SIDE_SERVER, 80, LETTER, t, false};
	return true;
}

/* "S: [smtp:1]EHLO x", "R: [smtp:1]220 …": vmime, which sends with S and receives with R. */
static bool protocol_mark(struct slice s, struct hit *ret)
{
	uint64_t number;
	bool sent = slice_skip(&s, S("S: [")), received = !sent && slice_skip(&s, S("R: ["));
	size_t colon = slice_find_byte(s, ':'), close = slice_find_byte(s, ']');
	if ((!sent && !received) || colon > close || close == SLICE_NPOS || !slice_to_uint(slice_sub(s, colon + 1, close), 9999, &number))
		return false;
	*ret = (struct hit){sent ? SIDE_CLIENT : SIDE_SERVER, 80, LETTER, slice_from(s, close + 1), false};
	return true;
}

/* "M: >>> 1 CAPABILITY", "M: * OK …": mbsync -V, which names the store by a letter (far, near; formerly master, slave). */
static bool store_mark(struct slice s, struct hit *ret)
{
	struct slice t = slice_from(s, 3);
	if (s.n < 6 || !strchr("MFNS", s.p[0]) || s.p[1] != ':' || s.p[2] != ' ')
		return false;
	bool sent = slice_skip(&t, S(">>> "));
	if (!sent && (s.p[0] == 'S' || !(slice_starts(t, S("* ")) || slice_starts(t, S("+ ")) || ascii_is_digit(t.p[0]))))
		return false;
	*ret = (struct hit){sent ? SIDE_CLIENT : SIDE_SERVER, 80, LETTER, t, false};
	return true;
}

static enum side plain_side(struct slice said);

/* "remote -> me: 220 mx", "10.0.0.1 -> 10.0.0.2 : QUIT": the parties have names, and the words tell which is which. */
static bool named_parties(struct slice s, struct hit *ret)
{
	size_t arrow = slice_find(slice_sub(s, 0, 48), S(" -> "));
	if (arrow == SLICE_NPOS || arrow == 0)
		return false;
	struct slice t = slice_from(s, arrow + 4);
	size_t colon = slice_find(slice_sub(t, 0, 48), S(": "));
	if (colon == SLICE_NPOS || colon == 0)
		return false;
	t = slice_from(t, colon + 2);
	enum side plain = plain_side(t);
	if (plain == SIDE_UNKNOWN)
		return false;
	*ret = (struct hit){plain, 60, LETTER, t, false};
	return true;
}

/* "[250] 'Ok'": smtp-cli puts the code in brackets. */
static bool bracketed_code(struct slice s, struct hit *ret)
{
	uint64_t code;
	struct slice t = s;
	if (!slice_skip(&t, S("[")) || !slice_next_uint(&t, 599, &code) || code < 200 || !slice_skip(&t, S("] '")) || !slice_ends(t, S("'")))
		return false;
	*ret = (struct hit){SIDE_SERVER, 70, LETTER, s, false};
	return true;
}

/* MDaemon: "Sat 2014-07-26 12:58:47: 03: [514116] --> 220-mx". */
static void skip_weekday(struct slice *s)
{
	static const char *const days[] = {"Mon 2", "Tue 2", "Wed 2", "Thu 2", "Fri 2", "Sat 2", "Sun 2", NULL};
	if (kit_prefix(days, *s) >= 0)
		*s = slice_from(*s, 4);
}

/* One thing off the front: time, level, "[…]", "file.c:12:", "module: ". */
static bool skip_one(struct slice *s)
{
	struct slice t = *s, word;
	int64_t us;
	slice_skip_space(&t);
	skip_weekday(&t);
	if (t.n && (ascii_is_digit(t.p[0]) || t.p[0] == '[') && reader_skip_time(&t, &us)) {
		slice_skip_space(&t);
		if (slice_skip(&t, S("AM ")) || slice_skip(&t, S("PM ")))
			slice_skip(&t, S("- "));
		*s = t;
		return true;
	}
	if (slice_starts(t, S("["))) {
		size_t close = slice_find_byte(t, ']');
		if (close == SLICE_NPOS || close > 90)
			return false;
		t = slice_from(t, close + 1);
		slice_skip(&t, S(":"));
	} else if (t.n > 8 && t.p[4] == '[' && ascii_is_alpha(t.p[0]) && ascii_is_digit(t.p[5]) && slice_find_byte(t, ']') < 40) {
		t = slice_from(t, slice_find_byte(t, ']') + 1); /* "DEBU[2024/12/12 14:35:04]" */
	} else if (t.n > 4 && ascii_is_alpha(t.p[0]) && slice_starts(slice_from(t, 1), S(" | "))) {
		t = slice_from(t, 4); /* "I | Notification: " */
	} else if (slice_skip(&t, S("* ")) || slice_skip(&t, S("- ")) || slice_skip(&t, S("\xe2\x80\xa2 "))) {
		; /* a list of bullets */
	} else {
		word = slice_next_word(&t);
		struct slice dash = t;
		slice_skip_space(&dash);
		if (slice_skip(&dash, S("- ")) && word.n > 2 && word.n < 40) { /* "davmail  - > * OK" */
			slice_skip_space(&dash);
			*s = dash;
			return true;
		}
		bool day = word.n == 3 && t.n > 1 && ascii_is_digit(t.p[1]); /* "Thu 2021-03-04" */
		if (!day && !is_level(word) && (word.n < 3 || word.n > 40 || word.p[word.n - 1] != ':'))
			return false;
	}
	slice_skip_space(&t);
	*s = t;
	return true;
}

static bool find_wrapped(struct slice line, struct hit *ret)
{
	if (slice_find_byte(line, '"') == SLICE_NPOS || line.n > 4000)
		return false;
	for (size_t i = 0; i < sizeof wrapped / sizeof *wrapped; i++) {
		struct slice words = slice_from_cstr(wrapped[i].words);
		size_t at = slice_find(line, words);
		if (at == SLICE_NPOS || at > 60 || at + words.n >= line.n || line.p[at + words.n] != '"')
			continue;
		/* nothing but brackets may follow the string */
		struct slice said = slice_from(line, at + words.n);
		size_t close = slice_find_last_byte(said, '"');
		for (size_t k = close + 1; k < said.n; k++)
			if (!strchr(")],;. }", said.p[k]))
				return false;
		*ret = (struct hit){wrapped[i].side, 60, WORD, said, true};
		return close > 0;
	}
	return false;
}

/* "response (192.0.2.7) 220 …", "received (192.0.2.7) EHLO x": Mailpit, whose server speaks. */
static bool with_address(struct slice s, struct hit *ret)
{
	bool response = slice_skip(&s, S("response ("));
	if (!response && !slice_skip(&s, S("received (")))
		return false;
	size_t close = slice_find(s, S(") "));
	if (close == SLICE_NPOS || close > 48)
		return false;
	*ret = (struct hit){response ? SIDE_SERVER : SIDE_CLIENT, 70, LETTER, slice_from(s, close + 2), false};
	return true;
}

static bool find_mark(struct reader *r, struct slice line, struct hit *ret)
{
	struct slice s = line;
	struct syslog_line l;
	slice_skip_space(&s);
	if (s.n > 16 && s.p == line.p && ascii_is_alnum(s.p[0]) && !mark_at(s, ret) && reader_syslog(r, line, &l) && l.time.n && l.program.n > 2)
		s = l.message; /* one or two letters are a mark, not a program */
	for (int i = 0; i < 5 && s.n; i++) {
		if (with_address(s, ret) || protocol_mark(s, ret) || store_mark(s, ret) || mark_at(s, ret) || numbered(s, ret) || connection_mark(s, ret) || bracketed_code(s, ret))
			return true;
		if (!skip_one(&s))
			break;
	}
	return named_parties(slice_trim(line), ret) || find_wrapped(line, ret);
}

/* What was said, quotes taken off; *ret_ends: its line end was written out. */
static struct slice unquote(struct reader *r, const struct hit *h, bool *ret_ends)
{
	struct slice s = h->said, t = slice_trim(s), inner;
	*ret_ends = false;
	if (h->quoted || (t.n > 1 && (t.p[0] == '"' || t.p[0] == '\'' || (t.p[0] == 'b' && (t.p[1] == '\'' || t.p[1] == '"'))))) {
		/* the string must fill the line: 'A1 LOGIN "user" "secret"' holds quotes of its own */
		uint8_t quote = t.p[0] == 'b' ? t.p[1] : t.p[0];
		struct slice whole = slice_from(t, t.p[0] == 'b' ? 2 : 1);
		size_t close = slice_find_last_byte(whole, quote);
		size_t tail = close == SLICE_NPOS ? 0 : close + 1;
		while (tail && tail < whole.n && strchr("),;.", whole.p[tail]))
			tail++;
		if (close != SLICE_NPOS && (h->quoted || tail >= whole.n)) {
			inner = kit_unescape(reader_arena(r), slice_sub(whole, 0, close));
			*ret_ends = slice_ends(inner, S("\n"));
			return inner;
		}
	}
	if (slice_starts(s, S("[")) && h->side == SIDE_SERVER && h->kind == LETTER && s.n > 6 && s.p[4] == ']' && s.p[6] == '\'')
		return arena_printf(reader_arena(r), "%.3s %.*s", (const char *)s.p + 1, SLICE_FMT(slice_sub(s, 7, s.n - 1)));
	while (slice_ends(s, S("\\r\\n")) || slice_ends(s, S("<CRLF>")) || slice_ends(s, S("<CR><LF>")))
		s.n -= slice_ends(s, S("\\r\\n")) ? 4 : slice_ends(s, S("<CRLF>")) ? 6 : 8;
	return s;
}

static enum side plain_side(struct slice said)
{
	static const char *const shared[] = {"AUTH ", "QUIT", "NOOP", "RSET", NULL}; /* verbs of two protocols */
	enum protocol p = dialogue_guess(SIDE_UNKNOWN, said);
	if (p == PROTOCOL_UNKNOWN && kit_prefix(shared, said) >= 0)
		return SIDE_CLIENT;
	return p == PROTOCOL_UNKNOWN ? SIDE_UNKNOWN : dialogue_guess_side(p, said);
}

static int recognise(struct reader *r, struct slice line)
{
	struct hit h;
	bool ends;
	if (!line.n || !find_mark(r, line, &h))
		return FORM_NO;
	struct dialogue *d = reader_dialogue(r);
	struct slice said = unquote(r, &h, &ends);
	enum side plain = plain_side(said);
	/* "client: 535 …" is a client's report, not its words */
	if (h.kind == WORD && plain != SIDE_UNKNOWN && plain != h.side)
		return FORM_NO;
	/* "> 220 …" is quoted mail */
	if (h.kind == ARROW && h.bid == 30 && (line.p[0] == '>' || line.p[0] == '<') && plain != h.side && (plain != SIDE_UNKNOWN || reader_active(r) != &form_marked))
		return FORM_NO;
	if (plain != SIDE_UNKNOWN)
		return h.bid + 10;
	/* Without protocol words a mark counts only in the middle of a dialogue. */
	if (!d || reader_lines_since_said(r) >= 4)
		return FORM_NO;
	return h.quoted && !dialogue_client_in_sasl(d) ? FORM_MAYBE : h.bid;
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_marked);
	struct hit h;
	bool ends;
	if (!find_mark(r, line, &h))
		return;
	struct slice front = line;
	int64_t us;
	reader_set_time(r, line.n && (ascii_is_digit(line.p[0]) || line.p[0] == '[') && reader_skip_time(&front, &us) ? us : 0);
	struct slice said = unquote(r, &h, &ends);
	enum side plain = plain_side(said), side = h.side;
	if (h.kind == ARROW && plain != SIDE_UNKNOWN)
		st->turned = plain != h.side;
	if (h.kind == ARROW && st->turned)
		side = h.side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
	if (ends || slice_find_byte(said, '\n') != SLICE_NPOS)
		reader_say_raw(r, side, said);
	else
		reader_say(r, side, said);
	reader_set_time(r, 0);
}

const struct form form_marked = {
	.name = "marked",
	.title = N_("dialogue with a mark for each side"),
	.recognise = recognise,
	.take = take,
	.state_size = sizeof(struct state),
};
