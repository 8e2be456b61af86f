/* Roundcube's and RainLoop's (SnappyMail's) logs: "[…]: <session> [7EF7] C: A0001 CAPABILITY", "[…]: <session> Send: EHLO x", "IMAP[DATA]: < * OK …",
 * "IMAP Error: Login failed for u from 1.2.3.4. AUTHENTICATE PLAIN: A0003 NO …", "SMTP Error: … (Code: 535, Response: …)". */
#include "evidence/kit.h"

extern const struct form form_webmail;

static const struct kit_mark tags[] = {
	{"C: ", SIDE_CLIENT}, {"S: ", SIDE_SERVER}, {"Send: ", SIDE_CLIENT}, {"Recv: ", SIDE_SERVER}, {NULL, SIDE_UNKNOWN},
};
static const char *const rainloop[] = {"IMAP[", "SMTP[", "POP3[", "SIEVE[", "MANAGE-SIEVE[", NULL};
static const char *const errors[] = {"IMAP Error: ", "SMTP Error: ", "SMTP Error (", "PHP Error: SMTP", "PHP Error: IMAP", "PHP Warning: ",
	"IMAP Error in ", "Login failed for ", "Failed login for ",
				     "AUTHENTICATE PLAIN: ", "AUTHENTICATE LOGIN: ", "AUTHENTICATE CRAM-MD5: ", "AUTHENTICATE XOAUTH2: ", "LOGIN: ", NULL};

/* Time, "<session>" and "[1A2B]" taken off. */
static struct slice strip(struct slice line)
{
	struct slice s = line;
	int64_t us;
	slice_skip_space(&s);
	if (slice_starts(s, S("["))) {
		/* "[19-Oct-2012 09:39:44 +0200]:" is no stamp that others write */
		struct slice t = s;
		if (reader_skip_time(&t, &us))
			s = t;
		else if (s.n > 22 && s.p[3] == '-' && slice_find_byte(s, ']') != SLICE_NPOS && slice_find_byte(s, ']') < 36)
			s = slice_from(s, slice_find_byte(s, ']') + 1);
	}
	slice_skip(&s, S(":"));
	slice_skip_space(&s);
	if (slice_starts(s, S("<")) && slice_find(s, S("> ")) != SLICE_NPOS && slice_find(s, S("> ")) < 40 && s.p != line.p)
		s = slice_from(s, slice_find(s, S("> ")) + 2);
	if (slice_starts(s, S("[")) && slice_find(s, S("]")) != SLICE_NPOS && slice_find(s, S("]")) < 20 && s.p != line.p) {
		s = slice_from(s, slice_find(s, S("]")) + 1);
		slice_skip_space(&s);
	}
	return s;
}

static bool is_rainloop(struct slice s, struct slice *kind, struct slice *text)
{
	int which = kit_prefix(rainloop, s);
	size_t close = slice_find(s, S("]: "));
	if (which < 0 || close == SLICE_NPOS || close > 24)
		return false;
	*kind = slice_sub(s, strlen(rainloop[which]), close);
	*text = slice_from(s, close + 3);
	return true;
}

static int recognise(struct reader *r, struct slice line)
{
	struct slice s, rest, kind;
	(void)r;
	if (line.n < 12 || !strchr("[ISPMLAF", line.p[0]))
		return FORM_NO;
	s = strip(line);
	if (is_rainloop(s, &kind, &rest))
		return FORM_SURE;
	if (s.p != line.p && line.n > 22 && line.p[3] == '-' && kit_marked(tags, s, &rest))
		return FORM_SURE;
	if (kit_prefix(errors, s) < 0)
		return FORM_NO;
	if (slice_starts(s, S("AUTHENTICATE")) || slice_starts(s, S("LOGIN: ")))
		return slice_has(s, S(" NO ")) || slice_has(s, S(" BAD ")) ? FORM_STRONG : FORM_NO;
	return s.p != line.p || slice_starts(s, S("IMAP Error: ")) ? FORM_STRONG : slice_starts(s, S("SMTP Error (")) ||
		slice_has(s, S("(Code: ")) ? FORM_LIKELY + 1 : FORM_NO;
}

/* "(Code: 535, Response: 5.7.8 Error: …)" and "AUTHENTICATE PLAIN: A0003 NO …" */
static void quote(struct reader *r, struct slice s)
{
	size_t code = slice_find(s, S("(Code: ")), auth = slice_find(s, S("AUTHENTICATE "));
	uint64_t n;
	if (auth == SLICE_NPOS && slice_starts(s, S("LOGIN: ")))
		auth = 0;
	if (code != SLICE_NPOS) {
		struct slice rest = slice_from(s, code + 7), words = SLICE_NONE;
		if (!slice_next_uint(&rest, 599, &n) || n < 200)
			return;
		if (slice_skip(&rest, S(", Response: ")))
			words = slice_sub(rest, 0, slice_find_last_byte(rest, ')'));
		words = slice_sub(words, 0, slice_find(words, S(") in /")));
		/* "Failed to add recipient 'bob@example.net'. 5.1.1 <…> (Code: 550)": the words stand before */
		size_t stop = slice_find(slice_sub(s, 0, code), S("'. "));
		if (!words.n && stop != SLICE_NPOS)
			words = slice_trim(slice_sub(s, stop + 3, code));
		if (!words.n)
			return;
		kit_quote(r, PROTOCOL_SMTP, arena_printf(reader_arena(r), "%u %.*s", (unsigned)n, SLICE_FMT(words)), kit_phase(slice_sub(s, 0, code)));
	} else if (auth != SLICE_NPOS) {
		struct slice rest = slice_from(s, auth), verb = slice_sub(rest, 0, 12);
		size_t colon = slice_find(rest, S(": "));
		if (colon == SLICE_NPOS)
			return;
		struct slice reply = slice_from(rest, colon + 2);
		reply = slice_sub(reply, 0, slice_find(reply, S(" in /")));
		kit_quote(r, PROTOCOL_IMAP, reply, slice_starts(verb, S("LOGIN")) ? S("LOGIN") : S("AUTHENTICATE"));
	}
}

static void take_rainloop(struct reader *r, struct slice s, struct slice kind, struct slice text)
{
	enum protocol p = kit_protocol(slice_sub(s, 0, 5));
	struct slice rest = text;
	if (slice_skip(&rest, S("> ")) || slice_skip(&rest, S("< "))) {
		if (!reader_session(r) || (reader_session(r)->protocol != p && reader_session(r)->protocol != PROTOCOL_UNKNOWN))
			reader_new_session(r, p);
		reader_say(r, text.p[0] == '>' ? SIDE_CLIENT : SIDE_SERVER, rest);
	} else if (slice_has(text, S("Start connection to"))) {
		struct slice url = slice_between(text, S("\""), S("\"")), name, address;
		unsigned port;
		bool tls = slice_starts(url, S("ssl://"));
		size_t slashes = slice_find(url, S("//"));
		reader_split_host(slashes == SLICE_NPOS ? url : slice_from(url, slashes + 2), &name, &address, &port);
		struct session *session = kit_connect(r, p, name, address, port, text);
		if (session && tls)
			session->tls.mode = TLS_IMPLICIT;
	} else if (slice_eq(kind, S("ERROR")) || slice_eq(kind, S("WARNING")) || slice_has_nocase(text, S("exception"))) {
		kit_error(r, S("rainloop"), text);
	} else {
		reader_program(reader_event(r, EV_TOOL, SIDE_CLIENT, text), S("rainloop"));
	}
}

static void take(struct reader *r, struct slice line)
{
	struct slice s = strip(line), rest, kind;
	if (is_rainloop(s, &kind, &rest)) {
		take_rainloop(r, s, kind, rest);
		return;
	}
	const struct kit_mark *m = kit_marked(tags, s, &rest);
	if (m) {
		reader_say(r, m->side, rest);
		return;
	}
	struct event *e = kit_error(r, S("roundcube"), s);
	size_t user = slice_find(s, S("failed for "));
	if (user != SLICE_NPOS) {
		struct slice u = slice_from(s, user + 11);
		reader_fact(r, e, "user", slice_next_word(&u));
	}
	quote(r, s);
}

const struct form form_webmail = {.name = "webmail", .title = N_("log of Roundcube, RainLoop or SnappyMail"), .recognise = recognise, .take = take};
