/* swaks: "<-  220 …", " -> EHLO x", inside TLS "<~ " and " ~>", an error with a star, "===" and "***" for what happened. */
#include "evidence/kit.h"

extern const struct form form_swaks;

static const struct kit_mark marks[] = {
	{"<-  ", SIDE_SERVER}, {"<** ", SIDE_SERVER}, {"<~  ", SIDE_SERVER}, {"<~* ", SIDE_SERVER}, {" -> ", SIDE_CLIENT}, {" ~> ", SIDE_CLIENT},
	{"**> ", SIDE_CLIENT}, {"*~> ", SIDE_CLIENT}, {NULL, SIDE_UNKNOWN},
};
/* the same at the end of a line, where an empty line was said */
static const char *const bare_marks[] = {"<-", "<**", "<~", "<~*", " ->", " ~>", NULL};

static const char *const happenings[] = {
	"Trying ", "Connected to ", "TLS started", "TLS no ", "TLS peer", "TLS client", "TLS CA", "Connection closed", "Remote ", "TLS local", NULL,
};

static int recognise(struct reader *r, struct slice line)
{
	struct slice rest;
	bool active = reader_active(r) == &form_swaks;
	if (line.n < 2)
		return FORM_NO;
	if (slice_starts(line, S("=== ")))
		return kit_prefix(happenings, slice_from(line, 4)) >= 0 || active ? FORM_SURE : FORM_NO;
	if (slice_starts(line, S("*** ")))
		return active ? FORM_SURE : slice_starts(line, S("*** IMAP")) ? FORM_NO : FORM_MAYBE;
	const struct kit_mark *m = kit_marked(marks, line, &rest);
	if (!m) {
		for (size_t i = 0; active && bare_marks[i]; i++)
			if (slice_eq(slice_trim_right(line), slice_from_cstr(bare_marks[i])))
				return FORM_SURE;
		return FORM_NO;
	}
	if (active || line.p[1] == '~' || line.p[2] == '*' || line.p[1] == '*')
		return FORM_SURE;
	/* "<-  220": two blanks; others write one */
	return m->side == SIDE_SERVER || dialogue_guess(SIDE_CLIENT, rest) != PROTOCOL_UNKNOWN ? FORM_STRONG : FORM_MAYBE;
}

/* "Trying smtp.example.com:587..." */
static void take_trying(struct reader *r, struct slice text, struct slice line)
{
	struct slice name, address;
	unsigned port;
	while (slice_ends(text, S(".")))
		text.n--;
	reader_split_host(text, &name, &address, &port);
	kit_connect(r, port == 24 ? PROTOCOL_LMTP : PROTOCOL_SMTP, name, address, port, line);
}

/* "TLS started with cipher TLSv1.3:TLS_AES_256_GCM_SHA384:256" */
static void take_tls(struct reader *r, struct slice text)
{
	struct slice list = text, version = SLICE_NONE, cipher = SLICE_NONE;
	if (slice_skip(&list, S("TLS started with cipher "))) {
		version = slice_next_until(&list, ':');
		cipher = slice_next_until(&list, ':');
		kit_tls(r, version, cipher, text);
		return;
	}
	reader_event(r, EV_TLS, SIDE_UNKNOWN, text);
}

static void take_happening(struct reader *r, struct slice text)
{
	struct slice rest = text;
	if (slice_skip(&rest, S("Trying ")))
		take_trying(r, rest, text);
	else if (slice_starts(text, S("TLS ")))
		take_tls(r, text);
	else if (slice_starts(text, S("Connection closed")))
		reader_event(r, EV_CLOSE, SIDE_UNKNOWN, text);
	else
		reader_event(r, EV_CONNECT, SIDE_CLIENT, text);
}

static void take(struct reader *r, struct slice line)
{
	struct slice rest;
	if (slice_starts(line, S("=== "))) {
		take_happening(r, slice_from(line, 4));
		return;
	}
	const struct kit_mark *m = kit_marked(marks, line, &rest);
	if (m) {
		if (line.p[1] == '~' && reader_dialogue(r))
			dialogue_tls_started(reader_dialogue(r));
		/* "<** Timeout (30 secs) waiting for server response": swaks speaking, not the server */
		if (slice_starts(rest, S("Timeout (")))
			kit_error(r, S("swaks"), rest);
		else
			reader_say(r, m->side, rest);
		return;
	}
	if (slice_skip(&line, S("*** "))) {
		kit_error(r, S("swaks"), line);
		if (slice_has(line, S("closed connection")) && reader_session(r))
			reader_event(r, EV_CLOSE, SIDE_SERVER, line);
		return;
	}
	reader_say(r, line.p[0] == '<' ? SIDE_SERVER : SIDE_CLIENT, SLICE_NONE);
}

const struct form form_swaks = {.name = "swaks", .title = N_("swaks transcript"), .recognise = recognise, .take = take};
