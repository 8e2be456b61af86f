/* tcpdump -A and ngrep: a header line that names the addresses and ports, the packet's bytes as text below, with the TCP/IP headers as garbage in front. */
#include "evidence/kit.h"

extern const struct form form_tcpdump;

struct state {
	enum side side;       /* of the packet whose text stands below */
	bool said;            /* tcpdump itself showed its first line */
	bool first;           /* the next line still has the headers in front */
	struct slice shown;   /* what the header line showed */
	uint64_t key;         /* of the connection */
};

/* "203.0.113.8.25" or "203.0.113.8:25" or "mx.example.net.smtp": its port */
static unsigned port_of(struct slice host)
{
	static const struct {
		const char *name;
		unsigned port;
	} names[] = {{"smtp", 25}, {"submission", 587}, {"smtps", 465}, {"urd", 465}, {"submissions", 465}, {"imap2", 143}, {"imap", 143},
		{"imaps", 993}, {"pop3", 110}, {"pop3s", 995}};
	size_t at = slice_find_last_byte(host, ':');
	uint64_t port;
	if (at == SLICE_NPOS)
		at = slice_find_last_byte(host, '.');
	if (at == SLICE_NPOS)
		return 0;
	struct slice word = slice_from(host, at + 1);
	if (slice_to_uint(word, 65535, &port))
		return (unsigned)port;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_eq(word, slice_from_cstr(names[i].name)))
			return names[i].port;
	return 0;
}

static bool is_service(unsigned port)
{
	return protocol_from_port(port) != PROTOCOL_UNKNOWN || port == 2525 || port == 1025;
}

struct packet {
	struct slice from, to;
	struct slice text; /* behind "length 35: SMTP: " */
	bool ngrep;
};

static bool is_header(struct slice line, struct packet *p)
{
	struct slice s = line;
	int64_t us;
	*p = (struct packet){0};
	if (slice_starts(s, S("T ")) && (slice_find(s, S(" -> ")) != SLICE_NPOS)) { /* ngrep */
		s = slice_from(s, 2);
		if (slice_starts(s, S("20")))
			reader_skip_time(&s, &us);
		p->from = slice_next_word(&s);
		p->ngrep = slice_skip(&s, S(" -> "));
		p->to = slice_next_word(&s);
		return p->ngrep && port_of(p->from) && port_of(p->to);
	}
	if (!s.n || !ascii_is_digit(s.p[0]) || !reader_skip_time(&s, &us))
		return false;
	slice_skip_space(&s);
	if (!slice_skip(&s, S("IP ")) && !slice_skip(&s, S("IP6 ")))
		return false;
	p->from = slice_next_word(&s);
	if (!slice_skip(&s, S(" > ")))
		return false;
	p->to = slice_next_until(&s, ':');
	size_t at = slice_find(s, S("length "));
	if (at != SLICE_NPOS) {
		p->text = slice_from(s, at);
		size_t colon = slice_find(p->text, S(": "));
		p->text = colon == SLICE_NPOS ? SLICE_NONE : slice_from(p->text, colon + 2);
		slice_skip(&p->text, S("SMTP: "));
	}
	return true;
}

static int recognise(struct reader *r, struct slice line)
{
	struct packet p;
	if (line.n >= 12 && (ascii_is_digit(line.p[0]) || line.p[0] == 'T') && is_header(line, &p))
		return FORM_SURE;
	if (reader_active(r) != &form_tcpdump)
		return FORM_NO;
	struct state *st = reader_state(r, &form_tcpdump);
	return st->side == SIDE_UNKNOWN ? FORM_NO : line.n && !ascii_is_space(line.p[0]) && reader_lines_since_said(r) > 30 ? FORM_NO : FORM_SURE;
}

static void take_header(struct reader *r, struct state *st, const struct packet *p)
{
	unsigned from = port_of(p->from), to = port_of(p->to);
	bool server = is_service(from) && (!is_service(to) || from < to);
	uint64_t key = slice_hash(p->from) ^ slice_hash(p->to);
	if (!is_service(from) && !is_service(to)) {
		st->side = SIDE_UNKNOWN;
		return;
	}
	if (key != st->key || !reader_dialogue(r)) {
		struct session *s = reader_new_session(r, protocol_from_port(server ? from : to));
		struct slice host = server ? p->from : p->to, client = server ? p->to : p->from;
		if (s) {
			size_t colon = slice_find_last_byte(host, ':'), cut = colon != SLICE_NPOS ? colon : slice_find_last_byte(host, '.');
			s->server.address = arena_dup(reader_arena(r), slice_sub(host, 0, cut));
			s->server.port = server ? from : to;
			colon = slice_find_last_byte(client, ':');
			cut = colon != SLICE_NPOS ? colon : slice_find_last_byte(client, '.');
			s->client.address = arena_dup(reader_arena(r), slice_sub(client, 0, cut));
		}
	}
	*st = (struct state){.side = server ? SIDE_SERVER : SIDE_CLIENT, .first = true, .key = key};
	if (p->text.n) {
		reader_say(r, st->side, p->text);
		st->said = true;
		st->shown = arena_dup(reader_arena(r), p->text);
	}
}

/* The first text line begins with the headers, shown as dots and signs: the words start where a reply or a verb does. */
static struct slice without_headers(struct slice line)
{
	for (size_t i = 0; i < line.n && i < 120; i++) {
		struct slice t = slice_from(line, i);
		if (i && line.p[i - 1] != '.' && !ascii_is_space(line.p[i - 1]) && line.p[i - 1] < 0x80 && i < 40)
			continue;
		if (t.n > 3 && (t.p[0] == '*' || t.p[0] == '+' || t.p[0] == '-' || (t.p[0] >= '2' && t.p[0] <= '5') || ascii_is_alpha(t.p[0])) &&
		    dialogue_guess(SIDE_UNKNOWN, t) != PROTOCOL_UNKNOWN)
			return t;
	}
	return SLICE_NONE;
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_tcpdump);
	struct packet p;
	if (line.n >= 12 && is_header(line, &p)) {
		take_header(r, st, &p);
		return;
	}
	struct slice s = slice_trim_right(line);
	bool headers = slice_starts(s, S("E.")) || slice_starts(s, S("`.")) || slice_starts(s, S("..E"));
	if (st->first && headers)
		s = without_headers(s);
	else if (st->first)
		slice_skip_space(&s);
	st->first = st->first && headers && !s.n;
	/* ngrep shows the line end as dots */
	while (s.n > 2 && slice_ends(s, S("..")))
		s.n -= 2;
	if (!s.n || (st->said && slice_eq(s, st->shown)))
		return;
	reader_say(r, st->side, s);
}

const struct form form_tcpdump = {
	.name = "tcpdump", .title = N_("tcpdump -A or ngrep output"), .recognise = recognise, .take = take, .state_size = sizeof(struct state)};
