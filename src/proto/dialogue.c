#include "proto/dialogue-private.h"

static const struct grammar *const grammars[PROTOCOL_COUNT] = {
	[PROTOCOL_SMTP] = &grammar_smtp,
	[PROTOCOL_LMTP] = &grammar_smtp,
	[PROTOCOL_IMAP] = &grammar_imap,
	[PROTOCOL_POP3] = &grammar_pop3,
};

struct dialogue *dialogue_new(struct arena *a, enum protocol p, dialogue_sink sink, void *user)
{
	struct dialogue *d = ARENA_NEW(a, struct dialogue);
	if (!d)
		return NULL;
	d->arena = a;
	d->protocol = p;
	d->grammar = grammars[p];
	d->sink = sink;
	d->user = user;
	return d;
}

enum protocol dialogue_protocol(const struct dialogue *d)
{
	return d->protocol;
}

bool dialogue_overflowed(const struct dialogue *d)
{
	return d->overflowed;
}

bool dialogue_client_in_sasl(const struct dialogue *d)
{
	return d->in_sasl;
}

bool dialogue_client_in_data(const struct dialogue *d)
{
	return d->half[0].mode == MODE_MESSAGE || d->half[0].mode == MODE_COUNTED;
}

bool dialogue_server_in_listing(const struct dialogue *d)
{
	return d->open_reply != NULL || d->half[1].mode == MODE_MESSAGE || d->half[1].mode == MODE_COUNTED;
}

unsigned dialogue_pending(const struct dialogue *d)
{
	return d->pending_n;
}

bool dialogue_in_tls(const struct dialogue *d)
{
	return d->tls;
}

static bool asks_tls(const struct event *cmd)
{
	return cmd && (slice_eq(cmd->command.verb, S("STARTTLS")) || slice_eq(cmd->command.verb, S("STLS")));
}

bool dialogue_tls_asked(const struct dialogue *d)
{
	return asks_tls(d->unseen) || (d->pending_n && asks_tls(d->pending[d->pending_n - 1]));
}

bool dialogue_reply_unseen(const struct dialogue *d, struct slice verb)
{
	return d->unseen && slice_eq(d->unseen->command.verb, verb);
}

bool dialogue_greeted(const struct dialogue *d)
{
	return d->greeted;
}

void dialogue_set_pasted(struct dialogue *d)
{
	d->pasted = true;
}

void dialogue_tls_started(struct dialogue *d)
{
	d->tls = true;
	for (int i = 0; i < 2; i++)
		if (d->half[i].mode == MODE_OPAQUE)
			d->half[i].mode = MODE_LINES;
}

void dialogue_tls_ended(struct dialogue *d)
{
	d->tls = false;
}

/* --- events ------------------------------------------------------------------------------------------------------------------ */

struct slice upper(struct arena *a, struct slice s)
{
	struct slice copy = arena_dup(a, s);
	for (size_t i = 0; i < copy.n; i++) {
		uint8_t *p = (uint8_t *)(uintptr_t)copy.p + i;
		if (*p >= 'a' && *p <= 'z')
			*p = (uint8_t)(*p - 32);
	}
	return copy;
}

struct event *dialogue_event(struct dialogue *d, enum event_kind kind, enum side side, const struct line *l)
{
	struct event *e = ARENA_NEW(d->arena, struct event);
	if (!e) {
		d->overflowed = true;
		return NULL;
	}
	e->kind = kind;
	e->side = side;
	e->stamp = l->first;
	e->end_us = l->last.time_us;
	e->stamp.where.frame_last = l->last.where.frame;
	e->oddities = l->oddities;
	e->tls = d->tls;
	e->authenticated = d->authenticated;
	e->raw = arena_dup(d->arena, l->bytes);
	e->text = slice_sub(e->raw, 0, l->text.n);
	if (l->first.segment != l->last.segment)
		e->oddities |= ODD_SPLIT;
	return e;
}

void dialogue_emit(struct dialogue *d, struct event *e)
{
	d->sink(d->user, e);
}

struct event *dialogue_front(struct dialogue *d)
{
	return d->pending_n ? d->pending[0] : NULL;
}

struct event *dialogue_pop(struct dialogue *d)
{
	if (!d->pending_n)
		return NULL;
	struct event *e = d->pending[0];
	d->pending_n--;
	memmove(d->pending, d->pending + 1, d->pending_n * sizeof *d->pending);
	return e;
}

void dialogue_push(struct dialogue *d, struct event *cmd)
{
	if (d->pending_n == DIALOGUE_PENDING)
		dialogue_pop(d); /* the oldest will not be answered any more */
	d->pending[d->pending_n++] = cmd;
}

void dialogue_queue_command(struct dialogue *d, struct event *e)
{
	if (!d->greeted)
		e->oddities |= ODD_EARLY_TALK;
	if (d->pending_n) {
		e->oddities |= ODD_PIPELINED;
		if (!d->pipelining && d->protocol != PROTOCOL_IMAP)
			e->oddities |= ODD_PIPELINED_UNOFFERED;
	}
	dialogue_push(d, e);
}

void dialogue_link(struct event *cmd, struct event *reply)
{
	reply->cmd = cmd;
	if (cmd && !cmd->reply)
		cmd->reply = reply;
}

void dialogue_append(struct dialogue *d, struct event *e, const struct line *l, struct slice text)
{
	if (e->answer.n_lines >= DIALOGUE_REPLY_LINES) {
		e->oddities |= ODD_CUT;
		return;
	}
	if (e->answer.n_lines == d->reply_cap || e->answer.n_lines == 0) {
		size_t cap = e->answer.n_lines ? d->reply_cap * 2 : 8;
		struct slice *bigger = arena_alloc(d->arena, cap * sizeof *bigger);
		if (!bigger) {
			d->overflowed = true;
			return;
		}
		if (e->answer.n_lines)
			memcpy(bigger, e->answer.lines, e->answer.n_lines * sizeof *bigger);
		e->answer.lines = bigger;
		d->reply_cap = cap;
	}
	if (e->answer.n_lines == 0) {
		d->raw_cap = d->text_cap = 0;
	} else if (!arena_append(d->arena, &e->raw, &d->raw_cap, SLICE_NONE, l->bytes) ||
		   !arena_append(d->arena, &e->text, &d->text_cap, S("\n"), l->text)) {
		d->overflowed = true;
		return;
	}
	e->answer.lines[e->answer.n_lines++] = arena_dup(d->arena, text);
	e->oddities |= l->oddities;
	e->end_us = l->last.time_us;
	if (l->last.where.frame)
		e->stamp.where.frame_last = l->last.where.frame;
	if (l->last.segment != e->stamp.segment)
		e->oddities |= ODD_SPLIT;
}

void dialogue_secret(struct event *e, struct slice part)
{
	if (part.n && part.p >= e->text.p && part.p + part.n <= e->text.p + e->text.n)
		e->secret = part;
}

/* --- messages ---------------------------------------------------------------------------------------------------------------- */

void dialogue_message_begin(struct dialogue *d, enum side side, struct event *e)
{
	struct half *h = half_of(d, side);
	if (!h->message && !(h->message = ARENA_NEW(d->arena, struct message))) {
		d->overflowed = true;
		h->mode = MODE_LINES;
		return;
	}
	message_begin(h->message, d->arena);
	h->message_event = e;
}

void dialogue_message_end(struct dialogue *d, enum side side, bool dot)
{
	struct half *h = half_of(d, side);
	struct event *e = h->message_event;
	h->mode = MODE_LINES;
	h->message_event = NULL;
	if (!e)
		return;
	message_end(h->message, &e->data);
	e->data.dot_seen = dot;
	if (!dot)
		e->oddities |= ODD_UNTERMINATED;
	if (e->data.bare_lf)
		e->oddities |= ODD_BARE_LF;
	if (e->data.bare_cr)
		e->oddities |= ODD_BARE_CR;
	if (e->data.longest_line + 2 > SMTP_TEXT_LINE_MAX)
		e->oddities |= ODD_LINE_TOO_LONG;
	e->text = arena_printf(d->arena, "%llu bytes in %llu lines", (unsigned long long)e->data.bytes, (unsigned long long)e->data.lines);
	dialogue_emit(d, e);
}

/* --- SASL -------------------------------------------------------------------------------------------------------------------- */

static void sasl_mark(struct event *e, bool client)
{
	if (e->sasl.base64_faults && !e->sasl.cancelled)
		e->oddities |= ODD_BAD_BASE64;
	if (client && e->sasl.password.n)
		e->secret = e->secret.n ? e->secret : e->text;
}

void dialogue_sasl_begin(struct dialogue *d, struct event *cmd, struct slice mech, struct slice initial, bool has_initial)
{
	sasl_begin(&d->sasl, d->arena, mech);
	d->sasl_cmd = cmd;
	d->sasl_ahead = 0;
	cmd->sasl.mech = d->sasl.mech;
	if (!has_initial)
		return;
	sasl_step(&d->sasl, SIDE_CLIENT, initial, true, &cmd->sasl);
	if (cmd->sasl.password.n || cmd->sasl.base64_faults)
		dialogue_secret(cmd, initial);
	sasl_mark(cmd, false);
}

void dialogue_sasl_challenge(struct dialogue *d, struct event *e, struct slice base64)
{
	e->kind = EV_CHALLENGE;
	e->cmd = d->sasl_cmd;
	sasl_step(&d->sasl, SIDE_SERVER, base64, false, &e->sasl);
	d->in_sasl = true;
}

void dialogue_sasl_response(struct dialogue *d, const struct line *l)
{
	struct event *e = dialogue_event(d, EV_RESPONSE, SIDE_CLIENT, l);
	if (!e)
		return;
	e->cmd = d->sasl_cmd;
	sasl_step(&d->sasl, SIDE_CLIENT, e->text, false, &e->sasl);
	sasl_mark(e, true);
	d->in_sasl = false;
	dialogue_emit(d, e);
}

void dialogue_sasl_end(struct dialogue *d)
{
	d->in_sasl = false;
	d->sasl_cmd = NULL;
}

/* --- bytes to lines ------------------------------------------------------------------------------------------------------------ */

/* Room for n more bytes of the current line, up to DIALOGUE_LINE_KEEP. Returns how many may be stored. */
static size_t line_room(struct dialogue *d, struct half *h, size_t n)
{
	size_t want = h->kept_n + n;
	if (want > DIALOGUE_LINE_KEEP)
		want = DIALOGUE_LINE_KEEP;
	if (want > h->kept_cap) {
		size_t cap = h->kept_cap ? h->kept_cap * 2 : 256;
		while (cap < want)
			cap *= 2;
		uint8_t *bigger = arena_alloc(d->arena, cap);
		if (!bigger) {
			d->overflowed = true;
			want = h->kept_cap;
		} else {
			if (h->kept_n)
				memcpy(bigger, h->kept, h->kept_n);
			h->kept = bigger;
			h->kept_cap = cap;
		}
	}
	return want > h->kept_n ? want - h->kept_n : 0;
}

static void line_store(struct dialogue *d, struct half *h, struct slice bytes, const struct stamp *stamp)
{
	if (!h->has_first) {
		h->first = *stamp;
		h->has_first = true;
	}
	h->last = *stamp;
	size_t room = line_room(d, h, bytes.n);
	if (room > bytes.n)
		room = bytes.n;
	if (room)
		memcpy(h->kept + h->kept_n, bytes.p, room);
	h->kept_n += room;
	h->length += bytes.n;
}

static uint32_t line_oddities(const struct half *h, struct slice text, bool ended, bool crlf)
{
	uint32_t odd = 0;
	if (!ended)
		odd |= ODD_NO_EOL;
	else if (!crlf)
		odd |= ODD_BARE_LF;
	if (slice_find_byte(text, '\r') != SLICE_NPOS)
		odd |= ODD_BARE_CR;
	if (slice_find_byte(text, 0) != SLICE_NPOS)
		odd |= ODD_NUL;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= 0x80) {
			odd |= ODD_EIGHT_BIT;
			break;
		}
	if (h->length > h->kept_n)
		odd |= ODD_CUT | ODD_LINE_TOO_LONG;
	return odd;
}

/* The current line of that side is complete, or the input ended inside it, or (cut) bytes are missing in it. */
static void line_done(struct dialogue *d, enum side side, bool ended, bool cut)
{
	struct half *h = half_of(d, side);
	struct line l = {.bytes = slice_of(h->kept, h->kept_n), .first = h->first, .last = h->last};
	bool crlf = slice_ends(l.bytes, S("\r\n"));
	l.text = ended && h->length == h->kept_n ? slice_chomp(l.bytes) : l.bytes;
	l.length = h->length - (ended ? (crlf ? 2 : 1) : 0);
	l.oddities = line_oddities(h, l.text, ended, crlf);
	if (cut)
		l.oddities = (l.oddities & ~(uint32_t)ODD_NO_EOL) | ODD_GAP | ODD_CUT;
	/* The grammar may feed on: reset first, the kept bytes stay untouched until then. */
	h->kept_n = 0;
	h->length = 0;
	h->has_first = false;
	if (!d->grammar) {
		enum protocol p = dialogue_guess(side, l.text);
		d->protocol = p == PROTOCOL_UNKNOWN ? PROTOCOL_SMTP : p;
		d->grammar = grammars[d->protocol];
	}
	if (d->pasted)
		d->grammar->interrupt(d, side, &l);
	if (side == SIDE_SERVER)
		d->grammar->server_line(d, &l);
	else
		d->grammar->client_line(d, &l);
	half_of(d, side)->after_gap = false;
	if (side == SIDE_CLIENT)
		d->unseen = NULL;
}

/* Bytes that tell TLS from text. */
#define TLS_HEAD 5u

/* Length of the head of a TLS record (type 20..23, version 3.x) or an SSLv2 ClientHello where a line should start; 0 if it is none (yet). */
static size_t tls_head(struct slice head)
{
	if (head.n >= 3 && head.p[0] >= 0x14 && head.p[0] <= 0x17 && head.p[1] == 3 && head.p[2] <= 4)
		return 3;
	bool sslv2 = head.n >= TLS_HEAD && (head.p[0] & 0x80) && head.p[1] != '\n' && head.p[2] == 1 && head.p[3] <= 3 && head.p[4] <= 4;
	return sslv2 ? TLS_HEAD : 0;
}

/* The line that begins is TLS: hands over one event for all of it. The head may have come in several feeds. */
static bool opaque_begin(struct dialogue *d, enum side side, struct slice bytes, const struct stamp *stamp)
{
	struct half *h = half_of(d, side);
	uint8_t head[TLS_HEAD];
	if (h->length >= TLS_HEAD)
		return false;
	size_t kept = h->kept_n, more = bytes.n < TLS_HEAD - kept ? bytes.n : TLS_HEAD - kept;
	if (kept)
		memcpy(head, h->kept, kept);
	memcpy(head + kept, bytes.p, more);
	size_t n = tls_head(slice_of(head, kept + more));
	if (n == 0)
		return false;
	struct line l = {.bytes = slice_of(head, n), .first = h->has_first ? h->first : *stamp, .last = *stamp, .oddities = ODD_TLS_BYTES};
	struct event *e = dialogue_event(d, EV_TLS, side, &l);
	h->mode = MODE_OPAQUE;
	h->kept_n = 0;
	h->length = 0;
	h->has_first = false;
	if (e) {
		e->text = S("TLS records");
		dialogue_emit(d, e);
	}
	return true;
}

static struct slice feed_counted(struct dialogue *d, enum side side, struct slice bytes)
{
	struct half *h = half_of(d, side);
	size_t n = bytes.n < h->counted_left ? bytes.n : (size_t)h->counted_left;
	if (h->message_event)
		message_add(h->message, slice_sub(bytes, 0, n));
	h->counted_left -= n;
	if (h->counted_left == 0) {
		h->mode = MODE_LINES;
		dialogue_message_end(d, side, true);
	}
	return slice_from(bytes, n);
}

/* Takes one line or what there is of it off the front. */
static struct slice feed_line(struct dialogue *d, enum side side, struct slice bytes, const struct stamp *stamp)
{
	struct half *h = half_of(d, side);
	size_t lf = slice_find_byte(bytes, '\n');
	struct slice part = slice_sub(bytes, 0, lf == SLICE_NPOS ? bytes.n : lf + 1);
	line_store(d, h, part, stamp);
	if (lf != SLICE_NPOS)
		line_done(d, side, true, false);
	return slice_from(bytes, part.n);
}

/* A message stands where its first byte stood, up to where its last did. */
static void stamp_message(struct half *h, const struct stamp *stamp)
{
	struct event *e = h->message_event;
	if (!e)
		return;
	if (!e->stamp.where.line && !e->stamp.where.frame)
		e->stamp = *stamp;
	e->stamp.where.frame_last = stamp->where.frame;
	e->end_us = stamp->time_us;
}

/* A message line: everything is summarised; a line of a single dot ends it. */
static struct slice feed_message(struct dialogue *d, enum side side, struct slice bytes, const struct stamp *stamp)
{
	struct half *h = half_of(d, side);
	size_t plain = h->length ? 0 : message_add_plain(h->message, bytes, DIALOGUE_LINE_KEEP);
	stamp_message(h, stamp);
	if (plain)
		return slice_from(bytes, plain);
	size_t lf = slice_find_byte(bytes, '\n');
	struct slice part = slice_sub(bytes, 0, lf == SLICE_NPOS ? bytes.n : lf + 1);
	line_store(d, h, part, stamp);
	if (lf == SLICE_NPOS)
		return SLICE_NONE;
	struct slice line = slice_of(h->kept, h->kept_n);
	bool dot = h->length <= 3 && slice_eq(slice_chomp(line), S("."));
	h->kept_n = 0;
	h->length = 0;
	h->has_first = false;
	if (dot) {
		if (h->message_event && stamp->has_time)
			h->message_event->end_us = stamp->time_us;
		dialogue_message_end(d, side, true);
	} else {
		message_add(h->message, line);
	}
	return slice_from(bytes, part.n);
}

void dialogue_feed(struct dialogue *d, enum side side, struct slice bytes, const struct stamp *stamp)
{
	struct half *h = half_of(d, side);
	while (bytes.n && !d->overflowed) {
		if (h->mode == MODE_OPAQUE)
			return;
		if (h->mode == MODE_COUNTED) {
			bytes = feed_counted(d, side, bytes);
		} else if (h->mode == MODE_MESSAGE) {
			bytes = feed_message(d, side, bytes, stamp);
		} else if (opaque_begin(d, side, bytes, stamp)) {
			return;
		} else {
			bytes = feed_line(d, side, bytes, stamp);
		}
	}
}

/* A whole reply (or several) is missing: what was asked has been answered. IMAP's replies carry tags and find their command by themselves. */
static void reply_lost(struct dialogue *d)
{
	struct event *cmd = dialogue_front(d);
	bool greeted = d->greeted;
	d->greeted = true;
	if (!greeted || !cmd)
		return;
	d->unseen = cmd;
	d->pipelining = true; /* not known any more */
	if (slice_eq(cmd->command.verb, S("AUTH")) || slice_eq(cmd->command.verb, S("AUTHENTICATE")))
		d->in_sasl = true;
	while (d->protocol != PROTOCOL_IMAP && dialogue_pop(d))
		continue;
}

static void gap_event(struct dialogue *d, enum side side, uint64_t lost, const struct stamp *stamp)
{
	struct line l = {.first = *stamp, .last = *stamp, .oddities = ODD_GAP};
	struct event *e = dialogue_event(d, EV_UNTAGGED, side, &l);
	if (!e)
		return;
	e->text = arena_printf(d->arena, "(%llu bytes missing)", (unsigned long long)lost);
	dialogue_emit(d, e);
}

void dialogue_gap(struct dialogue *d, enum side side, uint64_t lost, const struct stamp *stamp)
{
	struct half *h = half_of(d, side);
	if (h->mode == MODE_OPAQUE)
		return;
	if (h->mode == MODE_COUNTED && lost && lost <= h->counted_left) {
		h->counted_left -= lost;
		if (h->counted_left == 0) {
			h->mode = MODE_LINES;
			dialogue_message_end(d, side, true);
		}
		return;
	}
	if (h->mode == MODE_MESSAGE) {
		if (h->message_event)
			h->message_event->oddities |= ODD_GAP;
		return;
	}
	bool cut = h->length || (side == SIDE_SERVER && d->open_reply);
	if (h->mode == MODE_LINES && h->length)
		line_done(d, side, false, true);
	if (side == SIDE_SERVER && d->open_reply) {
		d->open_reply->oddities |= ODD_GAP | ODD_CUT;
		d->grammar->end(d);
	}
	if (!cut && side == SIDE_SERVER)
		reply_lost(d);
	h->after_gap = true;
	gap_event(d, side, lost, stamp);
}

void dialogue_end(struct dialogue *d)
{
	for (int i = 0; i < 2; i++) {
		enum side side = i ? SIDE_SERVER : SIDE_CLIENT;
		struct half *h = &d->half[i];
		if (h->mode == MODE_MESSAGE) {
			if (h->length)
				message_add(h->message, slice_of(h->kept, h->kept_n));
			h->length = 0;
			dialogue_message_end(d, side, false);
		} else if (h->mode == MODE_COUNTED) {
			h->mode = MODE_LINES;
			dialogue_message_end(d, side, false);
		} else if (h->mode == MODE_LINES && h->length) {
			line_done(d, side, false, false);
		}
	}
	if (d->grammar)
		d->grammar->end(d);
}

/* --- what a line is ------------------------------------------------------------------------------------------------------------ */

static bool is_smtp_reply(struct slice s)
{
	unsigned code;
	uint8_t sep;
	struct slice text;
	return smtp_reply_line(s, &code, &sep, &text);
}

static bool is_imap_server(struct slice s)
{
	struct reply r;
	return slice_starts(s, S("* ")) || imap_reply_line(s, &r);
}

static bool is_imap_command(struct slice s)
{
	struct slice tag = slice_next_word(&s);
	struct slice verb = slice_next_word(&s);
	if (tag.n == 0 || tag.n > 16 || !imap_is_verb(verb))
		return false;
	bool has_digit = false;
	for (size_t i = 0; i < tag.n; i++) {
		has_digit |= ascii_is_digit(tag.p[i]);
		if (!ascii_is_alnum(tag.p[i]) && tag.p[i] != '.' && tag.p[i] != '-' && tag.p[i] != '_')
			return false;
	}
	/* "a LOGIN", "TAG1 LOGIN", "0.1 CAPABILITY"; a longer word without digits is prose ("please login"). */
	return has_digit || tag.n <= 2 || slice_eq_nocase(tag, S("tag"));
}

static struct slice first_word(struct slice s)
{
	return slice_next_word(&s);
}

/* "Mail Delivery Failed", "Data could not be read": a sentence that begins with a verb of SMTP. */
static bool is_sentence(struct slice s)
{
	static const char *const words[] = {"Mail", "Data", "Help", "Quit", "Send", "Turn"};
	struct slice word = slice_next_word(&s), next = slice_next_word(&s);
	for (size_t i = 0; i < next.n; i++)
		if (!ascii_is_alpha(next.p[i]))
			return false;
	if (!next.n || slice_eq_nocase(next, S("FROM")))
		return false;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (slice_eq(word, slice_from_cstr(words[i])))
			return true;
	return false;
}

enum protocol dialogue_guess(enum side side, struct slice line)
{
	struct slice s = slice_trim(line);
	struct slice word = first_word(s);
	if (side != SIDE_CLIENT) {
		if (slice_starts(s, S("+OK")) || slice_starts(s, S("-ERR")))
			return PROTOCOL_POP3;
		if (is_smtp_reply(s))
			return PROTOCOL_SMTP;
		if (is_imap_server(s))
			return PROTOCOL_IMAP;
	}
	if (side != SIDE_SERVER) {
		if (slice_eq_nocase(word, S("LHLO")))
			return PROTOCOL_LMTP;
		if (smtp_is_verb(word) && !pop3_is_verb(word) && !is_sentence(s))
			return PROTOCOL_SMTP;
		if (is_imap_command(s))
			return PROTOCOL_IMAP;
		if (pop3_is_verb(word) && !smtp_is_verb(word))
			return PROTOCOL_POP3;
	}
	return PROTOCOL_UNKNOWN;
}

enum side dialogue_guess_side(enum protocol p, struct slice line)
{
	struct slice word = first_word(line);
	switch (p) {
	case PROTOCOL_IMAP:
		if (is_imap_server(line) || slice_starts(line, S("+ ")) || slice_eq(line, S("+")))
			return SIDE_SERVER;
		return is_imap_command(line) ? SIDE_CLIENT : SIDE_UNKNOWN;
	case PROTOCOL_POP3:
		if (slice_starts(line, S("+OK")) || slice_starts(line, S("-ERR")) || slice_starts(line, S("+ ")) || slice_eq(line, S("+")))
			return SIDE_SERVER;
		return pop3_is_verb(word) ? SIDE_CLIENT : SIDE_UNKNOWN;
	case PROTOCOL_SMTP:
	case PROTOCOL_LMTP:
		if (is_smtp_reply(line))
			return SIDE_SERVER;
		return smtp_is_verb(word) ? SIDE_CLIENT : SIDE_UNKNOWN;
	default:
		return SIDE_UNKNOWN;
	}
}

bool command_parse(struct arena *a, enum protocol p, struct slice line, struct command *ret, uint32_t *ret_oddities)
{
	*ret_oddities = 0;
	if (p == PROTOCOL_IMAP)
		return imap_command_parse(a, line, ret, ret_oddities);
	if (p == PROTOCOL_POP3)
		return pop3_command_parse(a, line, ret, ret_oddities);
	return smtp_command_parse(a, line, ret, ret_oddities);
}
