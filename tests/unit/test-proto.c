#include "unit.h"

#include "base/buf.h"
#include "proto/dialogue.h"
#include "proto/sasl.h"

#define LENGTH(a) (sizeof(a) / sizeof *(a))
#define TURNS_MAX 24

/* --- dialogues, fed whole and byte by byte --- */

struct turn {
	char side; /* C or S; 0 ends the list */
	const char *bytes;
	size_t n;  /* 0: strlen */
};

struct heard {
	struct buf out;
};

/* One line per event: everything that the feeding must not change. */
static void hear(void *user, struct event *e)
{
	struct heard *h = user;
	buf_printf(&h->out, "%s %c [", event_kind_name(e->kind), e->side == SIDE_CLIENT ? 'C' : 'S');
	buf_add(&h->out, e->text);
	buf_printf(&h->out, "] %u/%d %.*s raw %zu", e->answer.code, e->answer.status, SLICE_FMT(e->command.verb), e->raw.n);
	if (e->kind == EV_DATA)
		buf_printf(&h->out, " data %llu %llu %llu dot %d", (unsigned long long)e->data.bytes, (unsigned long long)e->data.lines,
			(unsigned long long)e->data.longest_line, e->data.dot_seen);
	if (e->sasl.user.n)
		buf_printf(&h->out, " user %.*s", SLICE_FMT(e->sasl.user));
	if (e->secret.n)
		buf_printf(&h->out, " secret %zu", e->secret.n);
	/* Segments are what the feeding changes. */
	for (unsigned bit = 0; bit < ODD_COUNT; bit++)
		if (bit != ODD_SPLIT_BIT && e->oddities & 1u << bit)
			buf_printf(&h->out, " %s", oddity_name((enum oddity_bit)bit));
	buf_add_byte(&h->out, '\n');
}

static struct buf play(enum protocol p, const struct turn *turns, size_t step)
{
	struct arena *a = arena_new(0);
	struct heard h = {.out = BUF_INIT(1 << 20)};
	struct dialogue *d = dialogue_new(a, p, hear, &h);
	struct stamp stamp = {.where.line = 1};
	for (const struct turn *t = turns; t->side; t++) {
		size_t n = t->n ? t->n : strlen(t->bytes);
		enum side side = t->side == 'C' ? SIDE_CLIENT : SIDE_SERVER;
		for (size_t at = 0; at < n; at += step)
			dialogue_feed(d, side, slice_of(t->bytes + at, step < n - at ? step : n - at), &stamp);
	}
	dialogue_end(d);
	arena_free(a);
	return h.out;
}

static const struct {
	const char *name;
	enum protocol protocol;
	struct turn turns[TURNS_MAX];
	const char *events; /* as hear() prints them, each shortened at "raw" */
} dialogues[] = {
	{"greeting refused", PROTOCOL_SMTP, {{'S', "554 mx no\r\n", 0}}, "greeting S [554 mx no] 554/3 \n"},
	{"underscore", PROTOCOL_SMTP,
	 {{'S', "220 mx ESMTP\r\n", 0}, {'C', "EHLO a_b\r\n", 0}, {'S', "501 bad\r\n", 0}},
	 "greeting S [220 mx ESMTP] 220/1 \ncommand C [EHLO a_b] 0/0 EHLO\nreply S [501 bad] 501/3 \n"},
	{"multi-line", PROTOCOL_SMTP,
	 {{'S', "220-a\r\n220 b\r\n", 0}, {'C', "ehlo x\r\n", 0}, {'S', "250-mx\r\n250-SIZE 1\r\n250 HELP\r\n", 0}},
	 "greeting S [220-a\n220 b] 220/1 \ncommand C [ehlo x] 0/0 EHLO\nreply S [250-mx\n250-SIZE 1\n250 HELP] 250/1 \n"},
	{"bare line feeds", PROTOCOL_SMTP, {{'S', "220 mx\n", 0}, {'C', "NOOP\n", 0}, {'S', "250 ok\n", 0}},
	 "greeting S [220 mx] 220/1 \ncommand C [NOOP] 0/0 NOOP\nreply S [250 ok] 250/1 \n"},
	{"no code", PROTOCOL_SMTP, {{'S', "hello\r\n", 0}}, NULL},
	{"cut off", PROTOCOL_SMTP, {{'S', "220-mx\r\n220-still", 0}}, NULL},
	{"empty lines", PROTOCOL_SMTP, {{'S', "220 mx\r\n", 0}, {'C', "\r\n\r\n", 0}, {'S', "500 what\r\n500 what\r\n", 0}}, NULL},
	{"nul byte", PROTOCOL_SMTP, {{'S', "220 mx\r\n", 0}, {'C', "EHLO a\0b\r\n", 10}, {'S', "501 no\r\n", 0}}, NULL},
	{"AUTH LOGIN", PROTOCOL_SMTP,
	 {{'S', "220 mx\r\n", 0}, {'C', "AUTH LOGIN\r\n", 0}, {'S', "334 VXNlcm5hbWU6\r\n", 0}, {'C', "dXNlcg==\r\n", 0},
	  {'S', "334 UGFzc3dvcmQ6\r\n", 0}, {'C', "c2VjcmV0\r\n", 0}, {'S', "535 no\r\n", 0}},
	 "greeting S [220 mx] 220/1 \ncommand C [AUTH LOGIN] 0/0 AUTH\nchallenge S [334 VXNlcm5hbWU6] 334/2 \nresponse C [dXNlcg==] 0/0 \n"
	 "challenge S [334 UGFzc3dvcmQ6] 334/2 \nresponse C [c2VjcmV0] 0/0 \nreply S [535 no] 535/3 \n"},
	{"a message", PROTOCOL_SMTP,
	 {{'S', "220 mx\r\n", 0}, {'C', "DATA\r\n", 0}, {'S', "354 go\r\n", 0}, {'C', "Subject: a\r\n\r\n..x\r\nlong line\n.\r\n", 0}, {'S', "250 ok\r\n", 0}}, NULL},
	{"pipelined", PROTOCOL_SMTP,
	 {{'S', "220 mx\r\n", 0}, {'C', "EHLO a\r\n", 0}, {'S', "250-mx\r\n250 PIPELINING\r\n", 0}, {'C', "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", 0},
	  {'S', "250 a\r\n550 b\r\n503 c\r\n", 0}}, NULL},
	{"BDAT", PROTOCOL_SMTP, {{'S', "220 mx\r\n", 0}, {'C', "BDAT 5 LAST\r\na\r\nb\n", 0}, {'S', "250 ok\r\n", 0}, {'C', "QUIT\r\n", 0}, {'S', "221 bye\r\n", 0}}, NULL},
	{"a TLS record", PROTOCOL_SMTP, {{'S', "220 mx\r\n", 0}, {'C', "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11}, {'S', "500 what\r\n", 0}}, NULL},
	{"IMAP login", PROTOCOL_IMAP,
	 {{'S', "* OK [CAPABILITY IMAP4rev1] hi\r\n", 0}, {'C', "a1 LOGIN \"u\" \"p q\"\r\n", 0}, {'S', "* CAPABILITY IMAP4rev1 IDLE\r\na1 OK done\r\n", 0}},
	 "greeting S [* OK [CAPABILITY IMAP4rev1] hi] 0/1 \ncommand C [a1 LOGIN \"u\" \"p q\"] 0/0 LOGIN\n"
	 "untagged S [* CAPABILITY IMAP4rev1 IDLE] 0/0 \nreply S [a1 OK done] 0/1 \n"},
	{"IMAP literals", PROTOCOL_IMAP,
	 {{'S', "* OK hi\r\n", 0}, {'C', "a1 LOGIN {1}\r\n", 0}, {'S', "+ go\r\n", 0}, {'C', "u {1+}\r\np\r\n", 0}, {'S', "a1 OK in\r\n", 0},
	  {'C', "a2 FETCH 1 BODY[]\r\n", 0}, {'S', "* 1 FETCH (BODY[] {7}\r\na: b\r\n\n)\r\na2 OK\r\n", 0}}, NULL},
	{"POP3", PROTOCOL_POP3,
	 {{'S', "+OK pop <1.2@mx>\r\n", 0}, {'C', "USER u\r\n", 0}, {'S', "+OK\r\n", 0}, {'C', "PASS a b\r\n", 0}, {'S', "-ERR [AUTH] no\r\n", 0}},
	 "greeting S [+OK pop <1.2@mx>] 0/1 \ncommand C [USER u] 0/0 USER\nreply S [+OK] 0/1 \ncommand C [PASS a b] 0/0 PASS\n"
	 "reply S [-ERR [AUTH] no] 0/3 \n"},
	{"POP3 listing", PROTOCOL_POP3,
	 {{'S', "+OK\r\n", 0}, {'C', "LIST\r\n", 0}, {'S', "+OK 2\r\n1 100\r\n2 200\r\n.\r\n", 0}, {'C', "RETR 1\r\n", 0}, {'S', "+OK\r\nA: b\r\n\r\n..\r\n.\r\n", 0},
	  {'C', "QUIT\r\n", 0}, {'S', "+OK\r\n", 0}}, NULL},
	{"protocol guessed", PROTOCOL_UNKNOWN, {{'S', "* OK IMAP4 ready\r\n", 0}, {'C', "1 NOOP\r\n", 0}, {'S', "1 OK\r\n", 0}},
	 "greeting S [* OK IMAP4 ready] 0/1 \ncommand C [1 NOOP] 0/0 NOOP\nreply S [1 OK] 0/1 \n"},
};

/* Takes " raw…" off every line. */
static void shorten(struct buf *b)
{
	struct slice rest = buf_slice(b);
	struct buf out = BUF_INIT(1 << 20);
	while (rest.n) {
		size_t at = slice_find(rest, S(" raw "));
		buf_add(&out, slice_sub(rest, 0, at));
		if (at == SLICE_NPOS)
			break;
		rest = slice_from(rest, at);
		slice_next_until(&rest, '\n');
		buf_add_byte(&out, '\n');
	}
	buf_free(b);
	*b = out;
}

static void the_same_however_it_is_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(dialogues); i++) {
		struct buf whole = play(dialogues[i].protocol, dialogues[i].turns, 1 << 20);
		for (size_t step = 1; step <= 7; step += 2) {
			struct buf cut = play(dialogues[i].protocol, dialogues[i].turns, step);
			if (!slice_eq(buf_slice(&whole), buf_slice(&cut)))
				fail_msg("%s, %zu bytes at a time:\n%.*s---\n%.*s", dialogues[i].name, step, SLICE_FMT(buf_slice(&whole)), SLICE_FMT(buf_slice(&cut)));
			buf_free(&cut);
		}
		buf_free(&whole);
	}
}

static void events_are_as_expected(void **state)
{
	(void)state;
	unsigned compared = 0;
	for (size_t i = 0; i < LENGTH(dialogues); i++) {
		struct buf whole = play(dialogues[i].protocol, dialogues[i].turns, 1 << 20);
		shorten(&whole);
		assert_true(whole.n > 0);
		if (dialogues[i].events) {
			compared++;
			if (!slice_eq(buf_slice(&whole), slice_from_cstr(dialogues[i].events)))
				fail_msg("%s:\n%.*s", dialogues[i].name, SLICE_FMT(buf_slice(&whole)));
		}
		buf_free(&whole);
	}
	assert_true(compared >= 7);
}

static void has_line(enum protocol p, const struct turn *turns, const char *part)
{
	struct buf b = play(p, turns, 1 << 20);
	if (!slice_has(buf_slice(&b), slice_from_cstr(part)))
		fail_msg("“%s” is not in:\n%.*s", part, SLICE_FMT(buf_slice(&b)));
	buf_free(&b);
}

static void oddities_are_named(void **state)
{
	(void)state;
	has_line(PROTOCOL_SMTP, (struct turn[]){{'S', "220 mx\n", 0}, {0}}, "bare-lf");
	has_line(PROTOCOL_SMTP, (struct turn[]){{'S', "220 mx\r\n", 0}, {'C', "NO\rOP\r\n", 0}, {0}}, "bare-cr");
	has_line(PROTOCOL_SMTP, (struct turn[]){{'S', "220 mx", 0}, {0}}, "no-line-end");
	has_line(PROTOCOL_SMTP, (struct turn[]){{'S', "220\r\n", 0}, {0}}, "code-without-text");
	has_line(PROTOCOL_SMTP, (struct turn[]){{'S', "220 mx\r\n", 0}, {'C', "FROB\r\n", 0}, {0}}, "unknown-verb");
	has_line(PROTOCOL_SMTP, (struct turn[]){{'C', "EHLO a\r\n", 0}, {'S', "220 mx\r\n", 0}, {0}}, "early-talk");
	has_line(PROTOCOL_SMTP, (struct turn[]){{'S', "220 mx\r\n", 0}, {'C', "EHLO \xe9\r\n", 0}, {0}}, "eight-bit");
	has_line(PROTOCOL_SMTP, (struct turn[]){{'S', "220 mx\r\n", 0}, {'C', "ehlo a\r\n", 0}, {0}}, "odd-case");
	has_line(PROTOCOL_SMTP, (struct turn[]){{'S', "220 mx\r\n", 0}, {'C', "NOOP \r\n", 0}, {0}}, "trailing-space");
	has_line(PROTOCOL_SMTP, (struct turn[]){{'S', "250-a\r\n250-b\r\n", 0}, {0}}, "unterminated");
	has_line(PROTOCOL_SMTP, (struct turn[]){{'S', "220 mx\r\n", 0}, {'C', "Subject: x\r\n", 0}, {0}}, "header-as-command");
}

static void long_lines_are_cut(void **state)
{
	(void)state;
	size_t n = DIALOGUE_LINE_KEEP + 5000;
	char *line = malloc(n);
	memset(line, 'a', n);
	memcpy(line, "EHLO ", 5);
	memcpy(line + n - 2, "\r\n", 2);
	struct buf b = play(PROTOCOL_SMTP, (struct turn[]){{'S', "220 mx\r\n", 0}, {'C', line, n}, {0}}, 4096);
	assert_true(slice_has(buf_slice(&b), S(" cut")));
	assert_true(slice_has(buf_slice(&b), S("line-too-long")));
	assert_true(b.n < n);
	buf_free(&b);
	free(line);
}

/* --- single replies and commands --- */

static void replies_parse(void **state)
{
	(void)state;
	static const struct {
		enum protocol protocol;
		const char *text;
		bool good;
		enum reply_status status;
		unsigned code, cls, subject, detail;
	} cases[] = {
		{PROTOCOL_SMTP, "250 ok", true, STATUS_OK, 250, 0, 0, 0},
		{PROTOCOL_SMTP, "550 5.1.1 no such user", true, STATUS_NO, 550, 5, 1, 1},
		{PROTOCOL_SMTP, "550-5.7.26 a\n550 5.7.26 b", true, STATUS_NO, 550, 5, 7, 26},
		{PROTOCOL_SMTP, "421 bye", true, STATUS_BYE, 421, 0, 0, 0},
		{PROTOCOL_SMTP, "354 go", true, STATUS_MORE, 354, 0, 0, 0},
		{PROTOCOL_SMTP, "2500 ok", false, STATUS_NONE, 0, 0, 0, 0},
		{PROTOCOL_SMTP, "hello", false, STATUS_NONE, 0, 0, 0, 0},
		{PROTOCOL_SMTP, "", false, STATUS_NONE, 0, 0, 0, 0},
		{PROTOCOL_IMAP, "a1 NO [AUTHENTICATIONFAILED] no", true, STATUS_NO, 0, 0, 0, 0},
		{PROTOCOL_IMAP, "* BYE gone", true, STATUS_BYE, 0, 0, 0, 0},
		{PROTOCOL_POP3, "-ERR [IN-USE] locked", true, STATUS_NO, 0, 0, 0, 0},
		{PROTOCOL_POP3, "+OK", true, STATUS_OK, 0, 0, 0, 0},
		{PROTOCOL_POP3, "250 ok", false, STATUS_NONE, 0, 0, 0, 0},
		{PROTOCOL_UNKNOWN, "-ERR no", true, STATUS_NO, 0, 0, 0, 0},
	};
	struct arena *a = arena_new(0);
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct reply r = {0};
		bool good = reply_parse(a, cases[i].protocol, slice_from_cstr(cases[i].text), &r);
		if (good != cases[i].good)
			fail_msg("“%s”: %d", cases[i].text, good);
		if (good && (r.status != cases[i].status || r.code != cases[i].code || r.enhanced.cls != cases[i].cls || r.enhanced.subject != cases[i].subject ||
			     r.enhanced.detail != cases[i].detail))
			fail_msg("“%s”: status %d, code %u, %u.%u.%u", cases[i].text, r.status, r.code, r.enhanced.cls, r.enhanced.subject, r.enhanced.detail);
	}
	arena_free(a);
}

static void enhanced_codes_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {
		{"5.7.1 x", 5}, {"2.0.0", 5}, {"4.7.25 x", 6}, {"5.7.1x", 0}, {"3.7.1", 0}, {"5.7", 0}, {"5.7.1.2", 0}, {"192.168.1.1", 0}, {"", 0}, {"5..1", 0},
	};
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct enhanced_status e;
		if (enhanced_parse(slice_from_cstr(cases[i].text), &e) != cases[i].length)
			fail_msg("“%s”: %zu", cases[i].text, enhanced_parse(slice_from_cstr(cases[i].text), &e));
	}
}

static void commands_parse(void **state)
{
	(void)state;
	static const struct {
		enum protocol protocol;
		const char *line, *verb, *args;
	} cases[] = {
		{PROTOCOL_SMTP, "EHLO a", "EHLO", "a"},          {PROTOCOL_SMTP, "mail from:<a@b> SIZE=1", "MAIL", "<a@b> SIZE=1"},
		{PROTOCOL_SMTP, "RCPT TO: <a@b>", "RCPT", " <a@b>"}, {PROTOCOL_SMTP, "QUIT", "QUIT", ""},
		{PROTOCOL_IMAP, "a1 uid fetch 1 all", "UID FETCH", "1 all"}, {PROTOCOL_IMAP, "a1 LOGIN u p", "LOGIN", "u p"},
		{PROTOCOL_POP3, "pass a b", "PASS", "a b"},
	};
	struct arena *a = arena_new(0);
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct command c = {0};
		uint32_t odd = 0;
		assert_true(command_parse(a, cases[i].protocol, slice_from_cstr(cases[i].line), &c, &odd));
		assert_slice(c.verb, cases[i].verb);
		assert_slice(slice_trim(c.args), slice_trim(slice_from_cstr(cases[i].args)).n ? cases[i].args + (cases[i].args[0] == ' ') : "");
	}
	struct command none = {0};
	uint32_t odd = 0;
	assert_false(command_parse(a, PROTOCOL_SMTP, S(""), &none, &odd));
	arena_free(a);
}

/* --- SASL --- */

static void sasl_steps_are_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *mech, *challenge, *response, *user, *password;
	} cases[] = {
		{"PLAIN", "", "AHVzZXIAc2VjcmV0", "user", "secret"},
		{"PLAIN", "", "dXNlcgB1c2VyAA==", "user", ""},
		{"PLAIN", "", "!!!", "", ""},
		{"LOGIN", "VXNlcm5hbWU6", "dXNlcg==", "user", ""},
		{"LOGIN", "UGFzc3dvcmQ6", "c2VjcmV0", "", "secret"},
		{"CRAM-MD5", "PDFAbXg+", "dSAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMg==", "u", "12345678901234567890123456789012"},
		{"XOAUTH2", "", "dXNlcj11AWF1dGg9QmVhcmVyIHRvawEB", "u", "tok"},
		{"EXTERNAL", "", "dQ==", "u", ""},
	};
	struct arena *a = arena_new(0);
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct sasl x;
		struct sasl_view v;
		sasl_begin(&x, a, slice_from_cstr(cases[i].mech));
		sasl_step(&x, SIDE_SERVER, slice_from_cstr(cases[i].challenge), false, &v);
		sasl_step(&x, SIDE_CLIENT, slice_from_cstr(cases[i].response), false, &v);
		assert_slice(v.user, cases[i].user);
		assert_slice(v.password, cases[i].password);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_however_it_is_cut), cmocka_unit_test(events_are_as_expected), cmocka_unit_test(oddities_are_named),
		cmocka_unit_test(long_lines_are_cut), cmocka_unit_test(replies_parse), cmocka_unit_test(enhanced_codes_parse), cmocka_unit_test(commands_parse),
		cmocka_unit_test(sasl_steps_are_taken_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
