/* email-oauth2-proxy: "SMTP (localhost:1587; …->smtp.office365.com:587) --> b'EHLO x\r\n'". Each line stands twice: between client and proxy, and indented
 * between proxy and server. The indented ones are what the server saw. */
#include "evidence/kit.h"

static bool take_apart(struct slice line, enum side *ret_side, bool *ret_server, struct slice *ret_text)
{
	size_t close = slice_find(line, S(") "));
	struct slice front = slice_sub(line, 0, close), rest;
	if (close == SLICE_NPOS || (!slice_has(front, S("SMTP (")) && !slice_has(front, S("IMAP (")) && !slice_has(front, S("POP ("))))
		return false;
	rest = slice_from(line, close + 2);
	*ret_server = slice_starts(rest, S("  "));
	slice_skip_space(&rest);
	*ret_side = slice_starts(rest, S("--> ")) ? SIDE_CLIENT : slice_starts(rest, S("<-- ")) ? SIDE_SERVER : SIDE_UNKNOWN;
	if (*ret_side == SIDE_UNKNOWN && !slice_starts(rest, S("<-> ")))
		return false;
	*ret_text = slice_from(rest, 4);
	return true;
}

static int recognise(struct reader *r, struct slice line)
{
	enum side side;
	bool server;
	struct slice text;
	(void)r;
	return line.n > 30 && take_apart(line, &side, &server, &text) ? FORM_SURE : FORM_NO;
}

static void take(struct reader *r, struct slice line)
{
	enum side side;
	bool server;
	struct slice text, bytes;
	if (!take_apart(line, &side, &server, &text))
		return;
	if (slice_starts(text, S("["))) {
		if (slice_has(text, S("Client connected")))
			kit_connect(r, kit_protocol(slice_sub(line, 0, slice_find_byte(line, '('))), SLICE_NONE, SLICE_NONE, 0, text);
		else
			reader_program(reader_event(r, slice_has(text, S("TLS")) ? EV_TLS : EV_TOOL, SIDE_CLIENT, text), S("email-oauth2-proxy"));
		return;
	}
	if (server && kit_string(reader_arena(r), &text, &bytes))
		reader_say_raw(r, side, bytes);
}

const struct form form_oauth2_proxy = {.name = "oauth2-proxy", .title = N_("email-oauth2-proxy log"), .recognise = recognise, .take = take};
