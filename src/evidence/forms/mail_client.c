/* Debug output of mail clients, whose marks for the side stand behind a front of their own:
 *   mutt         [2018-11-09 17:51:36]<2> mutt_socket_write_d() 9> CAPA^M
 *   imapsync     Sending: 2 LOGIN user password            Read:    2 BAD Missing ')'          (Perl's Mail::IMAPClient)
 *   Thunderbird  [Parent 1: IMAP]: I/IMAP 7f63:host:NA:CreateNewLineFromSocket: * OK ready     …SendData: 1 capability
 *   Thunderbird  0[80f140]: SMTP Response: 220 mx          SMTP Send: EHLO x                 [this=…] RECV: +OK
 *   Net::SMTP    Net::SMTP=GLOB(0x8d9c3c)>>> EHLO x        …<<< 250 mx
 *   offlineimap  [imap]:   01:28.25 host reader < FKFI3 BAD Too many arguments\r\n            (imaplib2)
 *   K-9          V/k9 (1234): conn12>>> 3 IDLE             conn12<<< [3, BAD, Unknown command] */
#include "evidence/form.h"

struct said {
	enum side side;
	struct slice text;
};

/* Marks that nothing else has; what follows was said. */
static const struct {
	const char *mark;
	enum side side;
	bool anywhere;
} marks[] = {
	{"POP3> ", SIDE_CLIENT, false},
	{"POP3< ", SIDE_SERVER, false}, {"IMAP> ", SIDE_CLIENT, false}, {"IMAP< ", SIDE_SERVER, false},
	{"CreateNewLineFromSocket: ", SIDE_SERVER, true}, {":SendData: ", SIDE_CLIENT, true},
	{"SMTP Response: ", SIDE_SERVER, true}, {"SMTP Send: ", SIDE_CLIENT, true}, {"] RECV: ", SIDE_SERVER, true}, {"] SEND: ", SIDE_CLIENT, true},
	{")<<< ", SIDE_SERVER, true}, {")>>> ", SIDE_CLIENT, true},
	{" reader < ", SIDE_SERVER, true}, {" writer > ", SIDE_CLIENT, true},
};

static bool find_table_mark(struct slice s, struct said *ret)
{
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		struct slice mark = slice_from_cstr(marks[i].mark);
		size_t at = marks[i].anywhere ? slice_find(s, mark) : slice_starts(s, mark) ? 0 : SLICE_NPOS;
		if (at == SLICE_NPOS)
			continue;
		*ret = (struct said){marks[i].side, slice_from(s, at + mark.n)};
		return true;
	}
	return false;
}

/* "9> CAPA" behind a time stamp, a level "<2>" and the name of a function "mutt_socket_write_d()". */
static bool find_mutt(struct slice s, struct said *ret)
{
	int64_t us;
	uint64_t number;
	struct slice t = s;
	bool stamped = reader_skip_time(&t, &us);
	slice_skip_space(&t);
	if (slice_starts(t, S("<")) && t.n > 3 && ascii_is_digit(t.p[1]) && t.p[2] == '>')
		t = slice_from(t, 3);
	slice_skip_space(&t);
	size_t call = slice_find(t, S("() "));
	if (call != SLICE_NPOS && slice_starts(t, S("mutt_")))
		t = slice_from(t, call + 3);
	else if (!stamped)
		return false;
	if (!slice_next_uint(&t, 9999, &number) || t.n < 2 || (t.p[0] != '<' && t.p[0] != '>') || t.p[1] != ' ')
		return false;
	*ret = (struct said){t.p[0] == '>' ? SIDE_CLIENT : SIDE_SERVER, slice_from(t, 2)};
	return true;
}

/* "Sending: 2 LOGIN ..." and "Read:   2 BAD ...": only where IMAP follows, for the words are common. */
static bool find_imapsync(struct slice s, struct said *ret)
{
	struct slice t = s;
	bool sending = slice_skip(&t, S("Sending: "));
	if (!sending && !slice_skip(&t, S("Read: ")))
		return false;
	slice_skip_space(&t);
	*ret = (struct said){sending ? SIDE_CLIENT : SIDE_SERVER, t};
	return dialogue_guess(ret->side, t) == PROTOCOL_IMAP;
}

/* "conn12>>> 3 IDLE" */
static bool find_k9(struct slice s, struct said *ret)
{
	size_t at = slice_find(s, S("conn"));
	if (at == SLICE_NPOS)
		return false;
	struct slice t = slice_from(s, at + 4);
	uint64_t number;
	if (!slice_next_uint(&t, 99999999, &number))
		return false;
	bool client = slice_skip(&t, S(">>> "));
	if (!client && !slice_skip(&t, S("<<< ")))
		return false;
	*ret = (struct said){client ? SIDE_CLIENT : SIDE_SERVER, t};
	return true;
}

static bool find_said(struct slice line, struct said *ret)
{
	struct slice s = line;
	slice_skip_space(&s);
	return find_table_mark(s, ret) || find_mutt(s, ret) || find_imapsync(s, ret) || find_k9(s, ret);
}

static int recognise(struct reader *r, struct slice line)
{
	struct said said;
	(void)r;
	/* All of them have one of these signs. */
	if (!slice_has(line, S("< ")) && !slice_has(line, S("> ")) && !slice_has(line, S(": ")))
		return FORM_NO;
	return find_said(line, &said) ? FORM_STRONG + 5 : FORM_NO;
}

/* Escapes for the line end that some print, "^M" and "\r\n", taken off. */
static struct slice without_line_end(struct slice s)
{
	static const char *const ends[] = {"\\r\\n", "\\n", "\\r", "^M"};
	s = slice_trim_right(s);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (slice_ends(s, slice_from_cstr(ends[i])))
			return slice_sub(s, 0, s.n - slice_from_cstr(ends[i]).n);
	return s;
}

/* K-9 shows a parsed answer: "[3, BAD, Unknown command]" was "3 BAD Unknown command". */
static struct slice from_list(struct reader *r, struct slice s)
{
	if (!slice_starts(s, S("[")) || !slice_ends(s, S("]")))
		return s;
	struct slice in = slice_sub(s, 1, s.n - 1);
	uint8_t *out = arena_alloc(reader_arena(r), in.n + 1);
	size_t n = 0;
	if (!out)
		return s;
	for (size_t i = 0; i < in.n; i++)
		if (!(in.p[i] == ',' && i + 1 < in.n && in.p[i + 1] == ' '))
			out[n++] = in.p[i];
	return slice_of(out, n);
}

static void take(struct reader *r, struct slice line)
{
	struct said said;
	if (!find_said(line, &said))
		return;
	struct slice rest = without_line_end(said.text);
	if (slice_eq(rest, S("[redacted]")))
		return; /* K-9: a command nobody can say anything about */
	rest = said.side == SIDE_SERVER ? from_list(r, rest) : rest;
	reader_say(r, said.side, rest);
}

const struct form form_mail_client = {
	.name = "mail-client", .title = N_("debug output of mutt, Thunderbird, offlineimap, K-9, imapsync"), .recognise = recognise, .take = take};
