/* Stalwart's log: smtp::inbound::session: event="write" data="220 mx ESMTP\r\n" size=14; the server writes and reads. */
#include "evidence/kit.h"

static bool take_apart(struct slice line, bool *ret_write, struct slice *ret_data)
{
	size_t at = slice_find(line, S("event=\"write\" data=\""));
	*ret_write = at != SLICE_NPOS;
	if (at == SLICE_NPOS)
		at = slice_find(line, S("event=\"read\" data=\""));
	if (at == SLICE_NPOS)
		return false;
	*ret_data = slice_from(line, at + (*ret_write ? 19 : 18));
	return true;
}

static int recognise(struct reader *r, struct slice line)
{
	bool write;
	struct slice data;
	(void)r;
	return line.n > 30 && slice_has(line, S("::")) && take_apart(line, &write, &data) ? FORM_SURE : FORM_NO;
}

static void take(struct reader *r, struct slice line)
{
	bool write;
	struct slice data, bytes, address = slice_between(line, S("remote.ip=\""), S("\""));
	if (!take_apart(line, &write, &data) || !kit_string(reader_arena(r), &data, &bytes))
		return;
	if (!bytes.n) {
		reader_event(r, EV_CLOSE, SIDE_CLIENT, S("the client closed the connection"));
		return;
	}
	reader_say_raw(r, write ? SIDE_SERVER : SIDE_CLIENT, bytes);
	struct session *s = reader_session(r);
	if (s && address.n && !s->client.address.n)
		s->client.address = arena_dup(reader_arena(r), address);
}

const struct form form_stalwart_log = {.name = "stalwart-log", .title = N_("Stalwart log"), .recognise = recognise, .take = take};
