/* hMailServer: tab-separated, in quotes: "SMTPD"	thread	session	"time"	"client"	"RECEIVED: EHLO x". SMTPC, POP3C are its own connections to others. */
#include "evidence/kit.h"

extern const struct form form_hmailserver_log;

struct state {
	uint64_t open; /* hash of the session being told */
};

static int recognise(struct reader *r, struct slice line)
{
	(void)r;
	if (line.n < 20 || line.p[0] != '"')
		return FORM_NO;
	static const char *const types[] = {"\"SMTPD\"", "\"SMTPC\"", "\"IMAPD\"", "\"POP3D\"", "\"POP3C\"", "\"TCPIP\"", "\"APPLICATION\"",
		"\"ERROR\"", "\"DEBUG\"", NULL};
	int which = kit_prefix(types, line);
	return which >= 0 && line.p[strlen(types[which])] != ',' ? FORM_SURE : FORM_NO;
}

/* Next field: in quotes or not, up to a tab (or blanks where the paste lost the tabs). */
static struct slice next_field(struct slice *s)
{
	slice_skip_space(s);
	if (slice_skip(s, S("\""))) {
		size_t close = slice_find(*s, S("\"\t"));
		if (close == SLICE_NPOS)
			close = slice_find(*s, S("\" "));
		if (close == SLICE_NPOS)
			close = slice_ends(*s, S("\"")) ? s->n - 1 : s->n;
		struct slice v = slice_sub(*s, 0, close);
		*s = slice_from(*s, close + 1);
		return v;
	}
	return slice_next_word(s);
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_hmailserver_log);
	struct slice s = line, type = next_field(&s), f[5], time, text;
	size_t n = 0;
	while (s.n && n < 5)
		f[n++] = next_field(&s);
	if (n < 2)
		return;
	text = f[n - 1];
	int64_t us;
	time = n >= 4 ? f[2] : n >= 3 ? f[1] : f[0];
	reader_set_time(r, reader_skip_time(&time, &us) ? us : 0);
	bool server = type.p[type.n - 1] == 'D' && !slice_eq(type, S("DEBUG"));
	enum side ours = server ? SIDE_SERVER : SIDE_CLIENT, theirs = server ? SIDE_CLIENT : SIDE_SERVER;
	bool sent = slice_skip(&text, S("SENT: ")), received = !sent && slice_skip(&text, S("RECEIVED: "));
	if (sent || received) {
		uint64_t id = slice_hash(f[1]) ^ slice_hash(type);
		if (id != st->open || !reader_dialogue(r)) {
			struct session *session = reader_new_session(r, kit_protocol(type));
			st->open = id;
			if (session && server) {
				session->client.address = arena_dup(reader_arena(r), f[n - 2]);
				session->server.software = SOFTWARE_HMAILSERVER;
			} else if (session) {
				session->server.address = arena_dup(reader_arena(r), f[n - 2]);
			}
		}
		/* several lines are joined by [nl] */
		while (text.n) {
			size_t nl = slice_find(text, S("[nl]"));
			reader_say(r, sent ? ours : theirs, slice_sub(text, 0, nl));
			text = nl == SLICE_NPOS ? SLICE_NONE : slice_from(text, nl + 4);
		}
	} else if (!reader_is_big(r) || slice_eq(type, S("ERROR"))) {
		struct syslog_line l = {.program = S("hmailserver")};
		kit_log(r, NULL, &l, text);
	}
	reader_set_time(r, 0);
}

const struct form form_hmailserver_log = {
	.name = "hmailserver-log", .title = N_("hMailServer log"), .recognise = recognise, .take = take, .state_size = sizeof(struct state)};
