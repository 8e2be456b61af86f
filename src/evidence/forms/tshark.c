/* One line a packet, as tshark, tcpdump's heirs and Wireshark's text export print it: number, time, source, destination, protocol, length, info.
 *   "   4 0.158983 192.0.2.25 → 192.0.2.9 SMTP 87 S: 220 mail ESMTP"        (now; lines of a reply are joined by " | ")
 *   "3.356257 192.0.2.25 -> 192.0.2.9 SMTP Response: 220 mail ESMTP"        (before 2011) */
#include "evidence/kit.h"

extern const struct form form_tshark;

struct packet {
	struct slice source, target, protocol, info;
};

static const char *const mail_protocols[] = {"SMTP", "LMTP", "IMAP", "POP", NULL};
static const char *const other_protocols[] = {"TCP", "TLS", "SSL", "IMF", "SMTP/IMF", "DNS", "ICMP", NULL};

static bool is_address(struct slice word)
{
	size_t digits = 0, marks = 0;
	for (size_t i = 0; i < word.n; i++) {
		digits += ascii_is_hex(word.p[i]);
		marks += word.p[i] == '.' || word.p[i] == ':';
		if (!ascii_is_hex(word.p[i]) && word.p[i] != '.' && word.p[i] != ':')
			return false;
	}
	return digits > 1 && marks >= 2;
}

/* "3.356257": seconds since the first packet; a frame number may stand before it. */
static bool skip_time(struct slice *s)
{
	struct slice t = *s, word;
	uint64_t number;
	slice_skip_space(&t);
	word = slice_next_word(&t);
	if (slice_to_uint(word, UINT64_MAX, &number)) {
		slice_skip_space(&t);
		word = slice_next_word(&t);
	}
	size_t dot = slice_find_byte(word, '.');
	if (dot == SLICE_NPOS || !slice_to_uint(slice_sub(word, 0, dot), UINT64_MAX, &number) || !slice_to_uint(slice_from(word, dot + 1), UINT64_MAX, &number))
		return false;
	*s = t;
	return true;
}

static bool packet_parse(struct slice line, struct packet *ret)
{
	struct slice s = line, word;
	uint64_t length;
	if (!skip_time(&s))
		return false;
	slice_skip_space(&s);
	ret->source = slice_next_word(&s);
	slice_skip_space(&s);
	word = slice_next_word(&s);
	if (slice_eq(word, S("->")) || slice_eq(word, S("→"))) {
		slice_skip_space(&s);
		word = slice_next_word(&s);
	}
	ret->target = word;
	slice_skip_space(&s);
	ret->protocol = slice_next_word(&s);
	slice_skip_space(&s);
	struct slice info = s;
	if (slice_to_uint(slice_next_word(&info), UINT64_MAX, &length)) {
		slice_skip_space(&info);
		s = info;
	}
	ret->info = s;
	return is_address(ret->source) && is_address(ret->target);
}

static bool protocol_in(const char *const *table, struct slice word)
{
	int i = kit_prefix(table, word);
	return i >= 0 && (word.n == strlen(table[i]) || table == other_protocols);
}

static int recognise(struct reader *r, struct slice line)
{
	struct packet p;
	(void)r;
	if (line.n < 20 || !packet_parse(line, &p))
		return FORM_NO;
	return protocol_in(mail_protocols, p.protocol) || protocol_in(other_protocols, p.protocol) ? FORM_SURE : FORM_NO;
}

static const struct kit_mark marks[] = {
	{"S: ", SIDE_SERVER}, {"C: ", SIDE_CLIENT}, {"Response: ", SIDE_SERVER}, {"Command: ", SIDE_CLIENT}, {"Request: ", SIDE_CLIENT}, {NULL, SIDE_UNKNOWN},
};

/* What the dissector puts before the words themselves. */
static const char *const labels[] = {"User: ", "Pass: ", "Username: ", "Password: ", NULL};

/* "250-a | 250-b | 250 c": the lines of one packet. */
static void say_lines(struct reader *r, enum side side, struct slice text)
{
	while (text.n) {
		size_t bar = slice_find(text, S(" | "));
		reader_say(r, side, slice_sub(text, 0, bar == SLICE_NPOS ? text.n : bar));
		text = slice_from(text, bar == SLICE_NPOS ? text.n : bar + 3);
	}
}

static void name_parties(struct reader *r, const struct packet *p, enum side side)
{
	struct session *s = reader_session(r);
	if (!s || s->server.address.n)
		return;
	s->server.address = arena_dup(reader_arena(r), side == SIDE_SERVER ? p->source : p->target);
	s->client.address = arena_dup(reader_arena(r), side == SIDE_SERVER ? p->target : p->source);
}

static void take(struct reader *r, struct slice line)
{
	struct packet p;
	struct slice said;
	if (!packet_parse(line, &p))
		return;
	const struct kit_mark *m = kit_marked(marks, p.info, &said);
	if (!m || !protocol_in(mail_protocols, p.protocol) || slice_has(said, S(" fragment, "))) {
		bool reset = slice_has(p.info, S("[RST")) && reader_session(r);
		reader_event(r, reset ? EV_CLOSE : EV_TOOL, SIDE_UNKNOWN, line);
		return;
	}
	int label = m->side == SIDE_CLIENT ? kit_prefix(labels, said) : -1;
	if (label >= 0)
		slice_skip(&said, slice_from_cstr(labels[label]));
	say_lines(r, m->side, slice_starts(p.info, S("Response: ")) ? kit_first_line(r, said) : said);
	name_parties(r, &p, m->side);
}

const struct form form_tshark = {
	.name = "tshark",
	.title = N_("one line a packet (tshark, Wireshark)"),
	.recognise = recognise,
	.take = take,
};
