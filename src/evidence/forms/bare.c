/* A dialogue without marks: telnet, netcat, or what JavaMail and others print. The grammar tells who says what. */
#include "base/base64.h"
#include "evidence/form.h"

/* Lines of prose or blank lines that may stand inside one dialogue. */
#define BARE_PAUSE 3u

static const char *const announcements[] = {"Trying ", "Connected to ", "Escape character is ", "Connection closed by foreign host", "Connection to "};

/* Longer lines that begin so are prose. */
#define ANNOUNCEMENT_MAX 90u

static bool is_announcement(struct slice line)
{
	if (line.n > ANNOUNCEMENT_MAX)
		return false;
	for (size_t i = 0; i < sizeof announcements / sizeof *announcements; i++)
		if (slice_starts(line, slice_from_cstr(announcements[i])))
			return true;
	return false;
}

/* A line that opens a dialogue: a greeting, or a first command with its argument. */
static int opening(struct slice line)
{
	struct slice s = line;
	if (slice_starts(s, S("220 ")) || slice_starts(s, S("220-")) || slice_starts_nocase(s, S("* OK ")) || slice_starts(s, S("* PREAUTH")))
		return FORM_LIKELY;
	if (slice_starts(s, S("+OK")) || slice_starts(s, S("-ERR")))
		return FORM_LIKELY;
	if (slice_starts_nocase(s, S("EHLO ")) || slice_starts_nocase(s, S("HELO ")) || slice_starts_nocase(s, S("LHLO ")) || slice_eq_nocase(s, S("EHLO")))
		return s.n < 120 ? FORM_LIKELY : FORM_NO;
	/* A reply alone, with its enhanced code or as one of several lines: nothing in prose starts so. */
	struct enhanced_status enhanced;
	if (s.n > 8 && ascii_is_digit(s.p[0]) && ascii_is_digit(s.p[1]) && ascii_is_digit(s.p[2]) && (s.p[3] == ' ' || s.p[3] == '-') &&
	    (enhanced_parse(slice_from(s, 4), &enhanced) || s.p[3] == '-') && s.p[0] >= '2' && s.p[0] <= '5')
		return FORM_LIKELY;
	if (s.n > 4 && (s.p[0] == '4' || s.p[0] == '5') && s.p[1] <= '5' && dialogue_guess(SIDE_SERVER, s) == PROTOCOL_SMTP && ascii_is_alpha(s.p[4]))
		return FORM_MAYBE;
	enum protocol p = dialogue_guess(SIDE_UNKNOWN, s);
	if (p == PROTOCOL_IMAP && !ascii_is_space(s.p[0])) /* indented stars are a list, or a spam report */
		return FORM_MAYBE + 10;
	if (slice_starts(s, S("AUTH XOAUTH2")) || slice_starts(s, S("AUTH OAUTHBEARER")) || slice_starts(s, S("AUTH CRAM-MD5")) || slice_starts(s, S("AUTH NTLM")) ||
	    slice_starts(s, S("AUTH SCRAM-")) || slice_starts(s, S("AUTH DIGEST-MD5")))
		return FORM_MAYBE + 10;
	if (slice_starts(s, S("MAIL FROM:")) || slice_starts(s, S("RCPT TO:")) || slice_starts(s, S("AUTH LOGIN")) || slice_starts(s, S("AUTH PLAIN")) ||
	    slice_starts(s, S("USER ")) || slice_eq(s, S("STARTTLS")) || slice_eq(s, S("CAPA")))
		return FORM_MAYBE + 10;
	return FORM_NO;
}

static bool is_base64_step(struct slice s)
{
	if (!s.n || s.n > 8000)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && !strchr("+/=*-_", s.p[i]))
			return false;
	return true;
}

/* "MAIL FROM <a@b> failed: 503 …": a program's words about a command. */
static bool is_report(struct slice line)
{
	return slice_has_nocase(line, S(" failed")) || slice_has_nocase(line, S(" rejected")) || slice_has_nocase(line, S(" error:")) ||
	       slice_has_nocase(line, S(" refused")) || slice_has_nocase(line, S(" not accepted"));
}

static int recognise(struct reader *r, struct slice line)
{
	struct slice s = slice_trim_right(line);
	struct dialogue *d = reader_dialogue(r);
	if (is_announcement(s))
		return FORM_STRONG;
	bool in_data = d && dialogue_client_in_data(d);
	if (!in_data && is_report(s) && dialogue_guess_side(PROTOCOL_SMTP, s) == SIDE_CLIENT)
		return FORM_NO;
	if (!d || reader_lines_since_said(r) > BARE_PAUSE)
		return opening(s);
	/* A message has blank lines of its own, and a paste may have doubled them. */
	if (in_data && reader_lines_since_said(r) <= 1)
		return FORM_LIKELY - 5;
	if (!s.n)
		return FORM_NO;
	if (dialogue_client_in_sasl(d) && is_base64_step(s))
		return FORM_LIKELY;
	/* The rest of credentials that a tool wrapped: base64 right behind a command that waits. */
	if (dialogue_pending(d) && reader_lines_since_said(r) == 0 && s.n >= 8 && is_base64_step(s) && base64_is_plausible(s) &&
	    dialogue_guess_side(dialogue_protocol(d), s) == SIDE_UNKNOWN)
		return FORM_LIKELY;
	if (dialogue_server_in_listing(d) && dialogue_protocol(d) == PROTOCOL_POP3 && reader_lines_since_said(r) == 0)
		return FORM_LIKELY;
	if (slice_starts(s, S("^]")) || slice_starts(s, S("telnet>")))
		return FORM_LIKELY;
	enum side side = dialogue_guess_side(dialogue_protocol(d), s);
	if (side == SIDE_SERVER)
		return FORM_LIKELY;
	/* A command: a verb in capitals, or in small letters with something after it that fits. */
	if (side == SIDE_CLIENT && s.n < 2000 && !is_report(s))
		return FORM_LIKELY - 5;
	/* Goes on with the server's multi-line reply (a masked banner, say). */
	if (dialogue_server_in_listing(d) && reader_lines_since_said(r) == 0 && slice_starts(s, S("***")))
		return FORM_LIKELY;
	return opening(s);
}

/* "smtp://host:587/?starttls=always" without the scheme and what follows the host and port. */
static struct slice without_scheme(struct slice where)
{
	size_t at = slice_find(where, S("://"));
	if (at == SLICE_NPOS)
		return where;
	where = slice_from(where, at + 3);
	return slice_sub(where, 0, slice_find_byte(where, '/'));
}

static void take(struct reader *r, struct slice line)
{
	struct slice s = slice_trim_right(line);
	if (slice_starts(s, S("Trying "))) {
		reader_new_session(r, PROTOCOL_UNKNOWN);
		reader_event(r, EV_CONNECT, SIDE_UNKNOWN, s);
		return;
	}
	if (slice_starts(s, S("Connected to "))) {
		struct session *session = reader_session(r);
		if (!session || session->events.n > 1)
			session = reader_new_session(r, PROTOCOL_UNKNOWN);
		struct slice name, address, rest = slice_from(s, 13);
		unsigned port;
		struct slice host = without_scheme(slice_next_word(&rest));
		if (host.n && host.p[host.n - 1] == '.')
			host.n--; /* telnet ends its sentence */
		reader_split_host(host, &name, &address, &port);
		if (session) {
			session->server.name = arena_dup(reader_arena(r), name);
			session->server.address = arena_dup(reader_arena(r), address);
		}
		reader_event(r, EV_CONNECT, SIDE_UNKNOWN, s);
		return;
	}
	if (is_announcement(s) || slice_starts(s, S("^]")) || slice_starts(s, S("telnet>"))) {
		bool closed = slice_starts(s, S("Connection closed"));
		if (!slice_starts(s, S("Escape")))
			reader_event(r, closed ? EV_CLOSE : EV_CONNECT, closed ? SIDE_SERVER : SIDE_UNKNOWN, s);
		return;
	}
	reader_say(r, SIDE_UNKNOWN, s);
}

const struct form form_bare = {
	.name = "telnet",
	.title = N_("dialogue without marks (telnet, netcat)"),
	.recognise = recognise,
	.take = take,
};
