/* What forms emit: lines of dialogue, statements, quoted replies (form.h). */
#include "base/text.h"
#include "evidence/reader-private.h"

struct arena *reader_arena(struct reader *r)
{
	return r->transcript->arena;
}

void *reader_state(struct reader *r, const struct form *f)
{
	for (size_t i = 0; i < READER_FORMS_MAX && all_forms[i]; i++) {
		if (all_forms[i] != f)
			continue;
		if (!r->states[i])
			r->states[i] = arena_alloc(r->own, f->state_size + 1);
		return r->states[i];
	}
	return NULL;
}

const struct form *reader_active(const struct reader *r)
{
	return r->active;
}

bool reader_is_big(const struct reader *r)
{
	return r->big;
}

struct dialogue *reader_dialogue(struct reader *r)
{
	return r->dialogue;
}

struct session *reader_session(struct reader *r)
{
	return r->session;
}

unsigned reader_lines_since_said(const struct reader *r)
{
	return r->said_line ? r->line_no - r->said_line - 1 : UINT32_MAX;
}

struct slice reader_peek(const struct reader *r)
{
	return r->next;
}

bool reader_syslog(struct reader *r, struct slice line, struct syslog_line *ret)
{
	if (line.p != r->line.p || line.n != r->line.n)
		return syslog_parse(line, ret);
	if (!r->syslog_done) {
		r->syslog_ok = syslog_parse(line, &r->syslog);
		r->syslog_done = true;
	}
	*ret = r->syslog;
	return r->syslog_ok;
}

struct stamp reader_stamp(const struct reader *r)
{
	return (struct stamp){
		.where = {.input = r->input, .line = r->line_no, .offset = r->offset},
		.time_us = r->now_us,
		.has_time = r->has_now,
	};
}

void reader_set_time(struct reader *r, int64_t us)
{
	r->now_us = us;
	r->has_now = us != 0;
}

/* --- dialogue ------------------------------------------------------------------------------------------------------------------------ */

static void hear(void *user, struct event *e)
{
	struct session *s = user;
	transcript_add(s->transcript, s, e);
}

static void end_dialogue(struct reader *r)
{
	if (!r->dialogue)
		return;
	dialogue_end(r->dialogue);
	if (r->session->protocol == PROTOCOL_UNKNOWN)
		r->session->protocol = dialogue_protocol(r->dialogue);
	r->dialogue = NULL;
}

struct session *reader_new_session(struct reader *r, enum protocol p)
{
	end_dialogue(r);
	r->session = session_new(r->transcript, p);
	if (!r->session)
		return NULL;
	r->dialogue = dialogue_new(r->transcript->arena, p, hear, r->session);
	if (r->dialogue)
		dialogue_set_pasted(r->dialogue);
	else
		r->session = NULL;
	return r->session;
}

void reader_end_session(struct reader *r)
{
	end_dialogue(r);
	r->session = NULL;
	r->said_line = 0;
}

/* A greeting where none is due: another connection starts here. */
static bool is_new_greeting(const struct reader *r, struct slice text)
{
	const struct dialogue *d = r->dialogue;
	bool smtp = dialogue_protocol(d) == PROTOCOL_SMTP || dialogue_protocol(d) == PROTOCOL_UNKNOWN;
	/* No answer to a command says ESMTP: the paste left the end of the connection before out. */
	if (smtp && dialogue_greeted(d) && !dialogue_client_in_data(d) && slice_starts(text, S("220 ")) && slice_has(text, S("ESMTP")))
		return true;
	if (!dialogue_greeted(d) || dialogue_pending(d) || dialogue_server_in_listing(d) || dialogue_client_in_data(d))
		return false;
	/* Dialogues without a greeting start with a command; greeted is true then after the first reply. */
	switch (dialogue_protocol(d)) {
	case PROTOCOL_SMTP:
	case PROTOCOL_LMTP:
		return slice_starts(text, S("220 ")) || slice_starts(text, S("220-"));
	case PROTOCOL_IMAP:
		return slice_starts_nocase(text, S("* OK")) && slice_has_nocase(text, S("ready"));
	case PROTOCOL_POP3:
		return slice_starts(text, S("+OK")) && (slice_has_nocase(text, S("ready")) || slice_find_byte(text, '<') != SLICE_NPOS);
	default:
		return false;
	}
}

static enum side decide_side(const struct reader *r, struct slice text)
{
	const struct dialogue *d = r->dialogue;
	enum protocol p = dialogue_protocol(d);
	if (p == PROTOCOL_UNKNOWN)
		p = dialogue_guess(SIDE_UNKNOWN, text);
	if (dialogue_client_in_sasl(d) || dialogue_client_in_data(d)) {
		/* Only a plain reply of the server breaks in. */
		return dialogue_guess_side(p, text) == SIDE_SERVER && text.n > 3 && !dialogue_client_in_sasl(d) ? SIDE_SERVER : SIDE_CLIENT;
	}
	if (dialogue_server_in_listing(d))
		return SIDE_SERVER;
	enum side s = dialogue_guess_side(p, text);
	return s == SIDE_UNKNOWN ? SIDE_CLIENT : s;
}

static bool need_dialogue(struct reader *r, enum protocol p)
{
	if (r->dialogue)
		return true;
	/* A session that an announcement ("Connected to …") opened goes on; else a new one. */
	return reader_new_session(r, p) != NULL;
}

void reader_say(struct reader *r, enum side side, struct slice text)
{
	if (!need_dialogue(r, PROTOCOL_UNKNOWN))
		return;
	if (side == SIDE_UNKNOWN)
		side = decide_side(r, text);
	if (side == SIDE_SERVER && is_new_greeting(r, text) && !reader_new_session(r, r->session->protocol))
		return;
	struct stamp stamp = reader_stamp(r);
	struct slice line = arena_join(r->transcript->arena, text, SLICE_NONE, S("\r\n"));
	dialogue_feed(r->dialogue, side == SIDE_SERVER ? SIDE_SERVER : SIDE_CLIENT, line, &stamp);
	r->said_line = r->line_no;
	if (r->session->protocol == PROTOCOL_UNKNOWN)
		r->session->protocol = dialogue_protocol(r->dialogue);
}

void reader_say_raw(struct reader *r, enum side side, struct slice bytes)
{
	if (!need_dialogue(r, PROTOCOL_UNKNOWN))
		return;
	if (side == SIDE_SERVER && is_new_greeting(r, bytes) && !reader_new_session(r, r->session->protocol))
		return;
	struct stamp stamp = reader_stamp(r);
	dialogue_feed(r->dialogue, side == SIDE_SERVER ? SIDE_SERVER : SIDE_CLIENT, bytes, &stamp);
	r->said_line = r->line_no;
	if (r->session->protocol == PROTOCOL_UNKNOWN)
		r->session->protocol = dialogue_protocol(r->dialogue);
}

/* --- statements ------------------------------------------------------------------------------------------------------------------------ */

static struct event *make_event(struct reader *r, struct session *s, enum event_kind k, enum side side, struct slice text)
{
	struct event *e = ARENA_NEW(r->transcript->arena, struct event);
	if (!e) {
		r->transcript->memory_full = true;
		r->dummy = (struct event){.kind = k};
		return &r->dummy;
	}
	e->kind = k;
	e->side = side;
	e->stamp = reader_stamp(r);
	e->end_us = e->stamp.time_us;
	e->raw = arena_dup(r->transcript->arena, text);
	e->text = slice_trim_right(e->raw);
	transcript_add(r->transcript, s, e);
	r->last = e;
	r->last_line = r->line_no;
	return e;
}

struct event *reader_event(struct reader *r, enum event_kind k, enum side side, struct slice text)
{
	bool of_session = k == EV_ERROR || k == EV_TLS || k == EV_CONNECT || k == EV_CLOSE;
	/* What was said before comes before: a reply or listing still open is complete as far as the paste goes. */
	return make_event(r, of_session ? r->session : NULL, k, side, text);
}

struct event *reader_continue(struct reader *r, enum event_kind k, enum side side, struct slice text)
{
	struct event *e = r->last;
	if (!e || e->kind != k || r->last_line + 1 < r->line_no || e->text.n + text.n > READER_CONTINUE_MAX)
		return reader_event(r, k, side, text);
	if (r->joined != e) {
		r->joined = e;
		r->joined_cap = 0;
	}
	struct slice joined = e->text;
	if (!arena_append(r->transcript->arena, &joined, &r->joined_cap, S("\n"), text)) {
		r->transcript->memory_full = true;
		return e;
	}
	e->raw = joined;
	e->text = slice_trim_right(joined);
	r->last_line = r->line_no;
	return e;
}

void reader_program(struct event *e, struct slice program)
{
	e->program = program;
}

void reader_fact(struct reader *r, struct event *e, const char *key, struct slice value)
{
	if (value.n)
		event_add_fact(r->transcript->arena, e, key, arena_dup(r->transcript->arena, value));
}

struct event *reader_setting(struct reader *r, struct slice name, struct slice value, struct slice line)
{
	struct event *e = reader_event(r, EV_CONFIG, SIDE_UNKNOWN, line);
	reader_fact(r, e, "setting", name);
	reader_fact(r, e, "value", value);
	return e;
}

/* --- logs -------------------------------------------------------------------------------------------------------------------------------- */

/* The slot of that key, or the free one where it would go. */
static struct log_slot *log_slot(struct reader *r, struct slice key, uint64_t *ret_hash)
{
	uint64_t hash = slice_hash(key) | 1;
	*ret_hash = hash;
	for (size_t i = (hash >> 20) % LOG_SLOTS, tries = 0; tries < LOG_SLOTS; i = (i + 1) % LOG_SLOTS, tries++) {
		struct log_slot *l = &r->logs[i];
		if (!l->hash || (l->hash == hash && (!l->session || slice_eq(l->session->key, key))))
			return l;
	}
	return NULL;
}

static bool log_table(struct reader *r)
{
	if (!r->logs)
		r->logs = arena_alloc(r->own, LOG_SLOTS * sizeof *r->logs);
	if (r->logs && r->n_logs > LOG_SLOTS * 3 / 4) {
		/* Sessions stay in the transcript; what still comes for them starts a new one. */
		memset(r->logs, 0, LOG_SLOTS * sizeof *r->logs);
		r->n_logs = 0;
	}
	return r->logs != NULL;
}

struct session *reader_log_session(struct reader *r, struct slice key, enum protocol p)
{
	uint64_t hash;
	struct log_slot *l = log_table(r) ? log_slot(r, key, &hash) : NULL;
	if (!l)
		return NULL;
	if (!l->session) {
		r->n_logs += l->hash == 0;
		l->hash = hash;
		l->session = session_new(r->transcript, p);
		if (!l->session)
			return NULL;
		l->session->from_log = true;
		l->session->key = arena_dup(r->transcript->arena, key);
	}
	return l->session;
}

struct session *reader_find_log_session(struct reader *r, struct slice key)
{
	uint64_t hash;
	struct log_slot *l = log_table(r) ? log_slot(r, key, &hash) : NULL;
	return l ? l->session : NULL;
}

void reader_end_log_session(struct reader *r, struct slice key)
{
	uint64_t hash;
	struct log_slot *l = log_table(r) ? log_slot(r, key, &hash) : NULL;
	if (l)
		l->session = NULL; /* the slot stays taken: open addressing must not be interrupted */
}

struct event *reader_log(struct reader *r, struct session *s, struct slice program, struct slice text)
{
	struct event *e = make_event(r, s, EV_LOG, SIDE_UNKNOWN, text);
	e->program = arena_dup(r->transcript->arena, program);
	return e;
}

/* Postfix and Gmail quote multi-line replies on one line: "550-5.7.1 a 550-5.7.1 b 550 5.7.1 c". Puts the lines back. */
static struct slice unfold_reply(struct arena *a, struct slice text)
{
	if (text.n < 8 || text.p[3] != '-' || slice_find_byte(text, '\n') != SLICE_NPOS)
		return text;
	struct slice code = slice_sub(text, 0, 3);
	struct slice copy = arena_dup(a, text);
	for (size_t i = 4; i + 4 < copy.n; i++) {
		bool here = copy.p[i] == ' ' && slice_eq(slice_sub(copy, i + 1, i + 4), code) && (copy.p[i + 4] == '-' || copy.p[i + 4] == ' ');
		if (here)
			((uint8_t *)(uintptr_t)copy.p)[i] = '\n';
	}
	return copy;
}

struct event *reader_quote_reply(struct reader *r, struct session *s, enum protocol p, struct slice text, struct slice after)
{
	struct reply reply;
	struct slice body = unfold_reply(r->transcript->arena, slice_trim(text));
	if (!reply_parse(r->transcript->arena, p, body, &reply))
		return NULL;
	struct event *e = make_event(r, s, EV_REPLY, SIDE_SERVER, body);
	reply_parse(r->transcript->arena, p, e->text, &e->answer);
	reader_fact(r, e, "after", after);
	return e;
}

static struct event *quoted_command(struct reader *r, struct session *s, enum protocol p, struct slice line, uint32_t oddities)
{
	struct event *e = make_event(r, s, EV_COMMAND, SIDE_CLIENT, line);
	uint32_t odd = 0;
	command_parse(r->transcript->arena, p, e->text, &e->command, &odd);
	e->oddities |= odd | oddities;
	return e;
}

struct event *reader_quote_command(struct reader *r, struct session *s, enum protocol p, struct slice line)
{
	return quoted_command(r, s, p, line, 0);
}

struct event *reader_infer_command(struct reader *r, struct session *s, enum protocol p, struct slice line)
{
	return quoted_command(r, s, p, line, ODD_RECONSTRUCTED);
}

static bool looks_like_address(struct slice s)
{
	bool digits = false, colon = false;
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_hex(s.p[i]) && s.p[i] != '.' && s.p[i] != ':')
			return false;
		digits |= ascii_is_digit(s.p[i]);
		colon |= s.p[i] == ':';
	}
	return s.n > 1 && (colon || (digits && slice_find_byte(s, '.') != SLICE_NPOS));
}

void reader_split_host(struct slice text, struct slice *name, struct slice *address, unsigned *port)
{
	struct slice s = slice_trim(text);
	*name = *address = SLICE_NONE;
	*port = 0;
	size_t open = slice_find_byte(s, '[');
	size_t close = slice_find_byte(s, ']');
	struct slice rest = SLICE_NONE;
	if (open != SLICE_NPOS && close != SLICE_NPOS && close > open) {
		*name = slice_trim(slice_sub(s, 0, open));
		*address = slice_sub(s, open + 1, close);
		rest = slice_from(s, close + 1);
		if (!looks_like_address(*address) && !name->n)
			*name = *address, *address = SLICE_NONE;
	} else {
		size_t colon = slice_find_last_byte(s, ':');
		bool several = colon != SLICE_NPOS && slice_find_byte(s, ':') != colon;
		struct slice host = colon == SLICE_NPOS || several ? s : slice_sub(s, 0, colon);
		rest = colon == SLICE_NPOS || several ? SLICE_NONE : slice_from(s, colon);
		if (looks_like_address(host))
			*address = host;
		else
			*name = host;
	}
	uint64_t n;
	if (slice_skip(&rest, S(":")) && slice_next_uint(&rest, 65535, &n))
		*port = (unsigned)n;
}
