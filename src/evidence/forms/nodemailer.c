/* nodemailer: logger lines ("[…] DEBUG [id] C: EHLO x", JSON of bunyan), the old tree drawing ("RECEIVE (1):" and below it └──"250-…"), and the error
 * object with its code, response, responseCode and command. */
#include "evidence/kit.h"

extern const struct form form_nodemailer;

struct state {
	enum side tree;      /* who speaks in the drawing below */
	bool in_error;
	struct slice response, command, code, frame;
	size_t cap;
	bool in_response;
};

static const struct kit_mark headings[] = {
	{"SEND (", SIDE_CLIENT}, {"RECEIVE (", SIDE_SERVER}, {"SERVER ", SIDE_SERVER}, {"CLIENT ", SIDE_CLIENT}, {"CONNECTION (", SIDE_SERVER},
	{NULL, SIDE_UNKNOWN},
};
static const char *const branch = "\xe2\x94\x94\xe2\x94\x80\xe2\x94\x80"; /* └── */

/* "SERVER 1:", "SEND (1):", "CONNECTION (1): 220 …" */
static bool is_heading(struct slice line, enum side *side, struct slice *said)
{
	struct slice rest;
	uint64_t n;
	const struct kit_mark *m = kit_marked(headings, line, &rest);
	if (!m || !slice_next_uint(&rest, 1000000, &n))
		return false;
	slice_skip(&rest, S(")"));
	if (!slice_skip(&rest, S(":")))
		return false;
	*side = m->side;
	*said = slice_trim(rest);
	return true;
}

/* "[2016-10-20 09:30:48] DEBUG [cDYfWw5rFKQ] C: EHLO x": behind the id. */
static bool is_logger(struct slice line, struct slice *level, struct slice *text)
{
	struct slice s = line;
	int64_t us;
	if (!s.n || s.p[0] != '[' || !reader_skip_time(&s, &us))
		return false;
	slice_skip_space(&s);
	*level = slice_next_word(&s);
	if (!slice_eq(*level, S("DEBUG")) && !slice_eq(*level, S("INFO")) && !slice_eq(*level, S("ERROR")) && !slice_eq(*level, S("WARN")))
		return false;
	slice_skip_space(&s);
	if (slice_skip(&s, S("["))) {
		slice_next_until(&s, ']');
		slice_skip_space(&s);
		*text = s;
		return true;
	}
	*text = s;
	return slice_starts(s, S("Creating transport: nodemailer"));
}

/* What its errors begin with, behind "{ " or "[" of the way it was printed. */
static const char *const error_heads[] = {
	"Error: Invalid login", "Error: Message failed", "Error: Can't send mail", "Error: Mail command failed", "Error: Missing credentials",
	"Error: Greeting never", "Error: Invalid greeting", "Error: Connection ", "Error: Unexpected socket close", "Error: connect E",
	"Error: getaddrinfo E", "Error: Data command failed", "Error: self signed", "Error: self-signed", "Error: unable to",
	"Error: certificate has", "Error: Hostname/IP", "Error: Recipient command failed", "Error: write E", "Error: read E", "Error: 0", "Error: 1",
	"AuthError: ", "RecipientError: ", "Error: Error upgrading", NULL,
};

static bool is_error_head(struct slice line)
{
	struct slice s = slice_trim(line);
	slice_skip(&s, S("{ "));
	slice_skip(&s, S("["));
	return kit_prefix(error_heads, s) >= 0;
}

static bool is_reply_line(struct slice s)
{
	return s.n > 5 && kit_find_reply(s).p == s.p;
}

static const char *const keys[] = {"code:", "errno:", "syscall:", "address:", "port:", "command:", "response:", "responseCode:", "library:",
	"reason:", "hostname:", "rejected:",
				"rejectedErrors:", "recipient:", "function:", "source:", "at ", "opensslErrorStack", "reason ", "host:", "cert:",
					"ip:", "{", "}", "]", "[", "'", NULL};

static int recognise(struct reader *r, struct slice line)
{
	struct slice level, text;
	enum side side;
	bool active = reader_active(r) == &form_nodemailer;
	if (line.n < 3)
		return active && slice_starts(line, S("}")) && ((struct state *)reader_state(r, &form_nodemailer))->in_error ? FORM_SURE : FORM_NO;
	if (is_heading(line, &side, &text) || slice_starts(line, slice_from_cstr(branch)))
		return FORM_SURE;
	if (is_logger(line, &level, &text))
		return FORM_SURE;
	if (is_error_head(line))
		return FORM_STRONG;
	if (slice_starts(line, S("{\"")) && slice_has(line, S("\"tnx\":")))
		return FORM_SURE;
	if (!active)
		return FORM_NO;
	struct state *st = reader_state(r, &form_nodemailer);
	if (st->in_error && is_reply_line(line))
		return FORM_SURE; /* the message goes on below: "535 5.7.8  https://…" */
	if (st->in_error && (line.p[0] == ' ' || line.p[0] == '\t' || line.p[0] == '}'))
		return kit_prefix(keys, slice_trim(line)) >= 0 ? FORM_SURE : FORM_NO;
	if (st->tree != SIDE_UNKNOWN && slice_starts(line, S("   ")))
		return FORM_SURE;
	return slice_starts(line, S("STARTTLS: (")) || slice_starts(line, S("Connection established! (")) || slice_starts(line, S("Routing Data (")) ||
			       slice_starts(line, S("Closing connection to the server")) ? FORM_SURE : FORM_NO;
}

/* --- the error object --------------------------------------------------------------------------------------------------------------- */

static void finish_error(struct reader *r, struct state *st)
{
	struct slice after = slice_starts(st->command, S("AUTH")) ? S("AUTH") : slice_eq(st->command, S("CONN")) ? S("CONNECT") : kit_phase(st->command);
	if (slice_eq(st->command, S("DATA")) && slice_eq(st->code, S("EMESSAGE")))
		after = S("DOT");
	if (!after.n && slice_eq(st->code, S("EAUTH")))
		after = S("AUTH");
	if (!after.n && slice_eq(st->code, S("EPROTOCOL")))
		after = S("CONNECT"); /* only a greeting can be so wrong */
	if (!after.n && slice_eq(st->code, S("EMESSAGE")))
		after = S("DOT");
	if (!after.n)
		after = st->frame;
	if (st->response.n)
		kit_quote(r, PROTOCOL_SMTP, st->response, after);
	*st = (struct state){.tree = SIDE_UNKNOWN};
}

static void see_key(struct reader *r, struct state *st, struct slice t)
{
	struct slice rest = t, value;
	if (slice_skip(&rest, S("response: ")) || st->in_response) {
		st->in_response = kit_string(reader_arena(r), &rest, &value);
		if (st->in_response)
			arena_append(reader_arena(r), &st->response, &st->cap, SLICE_NONE, value);
		st->in_response = st->in_response && slice_starts(slice_trim(rest), S("+"));
	} else if (slice_skip(&rest, S("command: ")) && kit_string(reader_arena(r), &rest, &value)) {
		st->command = value;
	} else if (slice_skip(&rest, S("code: ")) && kit_string(reader_arena(r), &rest, &value)) {
		st->code = value;
	}
}

/* Keys may also stand on the head's line: "{ Error: Greeting never received code: 'ETIMEDOUT', command: 'CONN' }". */
static void see_inline(struct reader *r, struct state *st, struct slice line)
{
	static const char *const inl[] = {"code: '", "command: '", "response: '", NULL};
	for (size_t i = 0; inl[i]; i++) {
		size_t at = slice_find(line, slice_from_cstr(inl[i]));
		if (at != SLICE_NPOS && at > 0)
			see_key(r, st, slice_from(line, at));
	}
}

static void take_error(struct reader *r, struct state *st, struct slice line)
{
	struct slice t = slice_trim(line);
	struct event *e;
	if (is_error_head(line)) {
		*st = (struct state){.in_error = true};
		e = reader_event(r, EV_ERROR, SIDE_CLIENT, t);
		see_inline(r, st, line);
		struct slice reply = kit_find_reply(t);
		if (reply.n && !st->response.n)
			arena_append(reader_arena(r), &st->response, &st->cap, SLICE_NONE, reply);
		if (slice_starts(t, S("AuthError")) || slice_has(t, S("Invalid login")))
			st->code = S("EAUTH");
	} else {
		e = reader_continue(r, EV_ERROR, SIDE_CLIENT, t);
		if (is_reply_line(t) && st->response.n)
			arena_append(reader_arena(r), &st->response, &st->cap, S("\n"), t);
		if (slice_starts(t, S("response: ")))
			st->response = SLICE_NONE, st->cap = 0; /* the whole of what the head began */
		if (!st->frame.n)
			st->frame = kit_frame(t);
		see_key(r, st, t);
		see_inline(r, st, t);
	}
	reader_program(e, S("nodemailer"));
	struct slice next = slice_trim(reader_peek(r));
	bool more = next.n && (kit_prefix(keys, next) >= 0 || is_reply_line(next)) && !slice_ends(t, S("}"));
	if (!more || (slice_ends(t, S("}")) && !slice_ends(t, S("{}"))))
		finish_error(r, st);
}

/* --- the dialogue ------------------------------------------------------------------------------------------------------------------- */

static void say_drawn(struct reader *r, struct state *st, struct slice s)
{
	struct slice said;
	if (slice_starts(s, S("\""))) {
		if (kit_string(reader_arena(r), &s, &said))
			reader_say_raw(r, st->tree, said); /* the second string is what the client kept of the reply before */
		return;
	}
	reader_say(r, st->tree, s);
}

/* "203.0.113.130:465" */
static void take_connected(struct reader *r, struct slice to, struct slice text)
{
	struct slice name, address;
	unsigned port;
	reader_split_host(slice_next_word(&to), &name, &address, &port);
	struct session *s = kit_connect(r, PROTOCOL_SMTP, name, address, port, text);
	if (s && slice_starts(text, S("Secure")))
		s->tls.mode = TLS_IMPLICIT;
}

static void take_logger(struct reader *r, struct slice level, struct slice text)
{
	struct slice rest = text;
	if (slice_skip(&rest, S("C: ")))
		reader_say(r, SIDE_CLIENT, rest);
	else if (slice_skip(&rest, S("S: ")))
		reader_say(r, SIDE_SERVER, rest);
	else if (slice_eq(level, S("ERROR")))
		kit_error(r, S("nodemailer"), text);
	else if (slice_skip(&rest, S("Connection established to ")) || slice_skip(&rest, S("Secure connection established to ")))
		take_connected(r, rest, text);
	else if (slice_starts(text, S("Resolved ")))
		reader_program(reader_event(r, EV_CONNECT, SIDE_CLIENT, text), S("nodemailer"));
	else if (slice_starts(text, S("Closing connection")))
		reader_event(r, EV_CLOSE, SIDE_CLIENT, text);
	else if (slice_starts(text, S("Connection upgraded")))
		kit_tls(r, SLICE_NONE, SLICE_NONE, text);
	else
		reader_program(reader_event(r, EV_TOOL, SIDE_CLIENT, text), S("nodemailer"));
}

/* {"tnx":"client","level":20,"msg":"EHLO x"} */
static void take_json(struct reader *r, struct slice line)
{
	size_t at = slice_find(line, S("\"msg\":"));
	struct slice tnx = kit_value(line, S("\"tnx\":")), msg, rest;
	size_t t = slice_find(line, S("\"tnx\":"));
	rest = slice_from(line, t + 6);
	if (t == SLICE_NPOS || !kit_string(reader_arena(r), &rest, &tnx))
		return;
	rest = slice_from(line, at + 6);
	if (at == SLICE_NPOS || !kit_string(reader_arena(r), &rest, &msg))
		return;
	if (slice_eq(tnx, S("client")) || slice_eq(tnx, S("server")))
		reader_say(r, slice_eq(tnx, S("client")) ? SIDE_CLIENT : SIDE_SERVER, slice_trim_right(msg));
	else
		kit_error(r, S("nodemailer"), msg);
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_nodemailer);
	struct slice level, text;
	enum side side;
	if (is_heading(line, &side, &text)) {
		if (slice_starts(line, S("CONNECTION")) && text.n)
			reader_say(r, SIDE_SERVER, text);
		else
			st->tree = side;
	} else if (slice_starts(line, slice_from_cstr(branch))) {
		say_drawn(r, st, slice_from(line, 9));
	} else if (is_logger(line, &level, &text)) {
		take_logger(r, level, text);
	} else if (slice_starts(line, S("{\"")) && slice_has(line, S("\"tnx\":"))) {
		take_json(r, line);
	} else if (is_error_head(line) || st->in_error) {
		take_error(r, st, line);
	} else if (slice_starts(line, S("   "))) {
		say_drawn(r, st, slice_trim(line));
	} else {
		bool closing = slice_starts(line, S("Closing"));
		st->tree = SIDE_UNKNOWN;
		reader_program(reader_event(r, closing ? EV_CLOSE : EV_CONNECT, SIDE_CLIENT, line), S("nodemailer"));
	}
}

const struct form form_nodemailer = {
	.name = "nodemailer", .title = N_("nodemailer log or error"), .recognise = recognise, .take = take, .state_size = sizeof(struct state)};
