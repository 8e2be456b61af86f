/* MailKit's protocol log: "Connected to smtp://host:587/?starttls=always", then "S: " and "C: ". */
#include "evidence/kit.h"

extern const struct form form_mailkit;

static const char *const schemes[] = {"smtp://", "smtps://", "imap://", "imaps://", "pop://", "pops://", "pop3://", NULL};

static bool is_connected(struct slice line, struct slice *ret_url)
{
	struct slice s = line;
	if (!slice_skip(&s, S("Connected to ")))
		return false;
	*ret_url = s;
	return kit_prefix(schemes, s) >= 0;
}

static int recognise(struct reader *r, struct slice line)
{
	struct slice url;
	if (line.n < 2)
		return FORM_NO;
	if (line.p[0] == 'C' && is_connected(line, &url))
		return FORM_SURE;
	if (reader_active(r) != &form_mailkit)
		return FORM_NO;
	return line.p[1] == ':' && (line.p[0] == 'S' || line.p[0] == 'C') ? FORM_SURE : FORM_NO;
}

static void take_connected(struct reader *r, struct slice url, struct slice line)
{
	int which = kit_prefix(schemes, url);
	struct slice rest = slice_from(url, strlen(schemes[which])), name, address;
	unsigned port;
	enum protocol p = which < 2 ? PROTOCOL_SMTP : which < 4 ? PROTOCOL_IMAP : PROTOCOL_POP3;
	reader_split_host(slice_sub(rest, 0, slice_find_byte(rest, '/')), &name, &address, &port);
	struct session *s = kit_connect(r, p, name, address, port, line);
	if (s && (which == 1 || which == 3 || which == 5))
		s->tls.mode = TLS_IMPLICIT;
}

static void take(struct reader *r, struct slice line)
{
	struct slice url;
	if (is_connected(line, &url)) {
		take_connected(r, url, line);
		return;
	}
	struct slice said = slice_from(line, 2);
	slice_skip(&said, S(" "));
	reader_say(r, line.p[0] == 'S' ? SIDE_SERVER : SIDE_CLIENT, said);
}

const struct form form_mailkit = {.name = "mailkit", .title = N_("MailKit protocol log"), .recognise = recognise, .take = take};
