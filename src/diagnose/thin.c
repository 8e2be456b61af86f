#include "diagnose/thin.h"

#include "proto/event.h"

/* What a piece of text counts as. */
enum piece { PIECE_TEXT, PIECE_NUMBER, PIECE_ADDRESS, PIECE_MAIL, PIECE_ID };

static bool is_word_byte(uint8_t c)
{
	return ascii_is_alnum(c) || c == '.' || c == '-' || c == '@' || c == ':' || c == '_' || c == '+' || c >= 0x80;
}

/* 1.2.3.4, 2001:db8::1, with or without a port. */
static bool is_address(struct slice w)
{
	size_t dots = 0, colons = 0;
	for (size_t i = 0; i < w.n; i++) {
		if (!ascii_is_hex(w.p[i]) && w.p[i] != '.' && w.p[i] != ':')
			return false;
		dots += w.p[i] == '.';
		colons += w.p[i] == ':';
	}
	return (dots == 3 && colons <= 1) || colons >= 3;
}

/* An ordinary mail address; one with odd signs may be the fault itself. */
static bool is_mail(struct slice w)
{
	size_t at = slice_find_byte(w, '@');
	if (at == SLICE_NPOS || at == 0 || at + 1 == w.n || slice_find_byte(slice_from(w, at + 1), '@') != SLICE_NPOS)
		return false;
	for (size_t i = 0; i < w.n; i++)
		if (!ascii_is_alnum(w.p[i]) && !strchr("@.-+", w.p[i]))
			return false;
	return slice_find_byte(slice_from(w, at), '.') != SLICE_NPOS;
}

/* Queue and message ids: ten and more signs, letters and digits mixed, no separators but the dashes of Exim's. */
static bool is_id(struct slice w)
{
	size_t digits = 0;
	for (size_t i = 0; i < w.n; i++) {
		if (!ascii_is_alnum(w.p[i]) && w.p[i] != '-')
			return false;
		digits += ascii_is_digit(w.p[i]);
	}
	return w.n >= 10 && digits >= 2;
}

static bool is_long_number(struct slice w)
{
	size_t digits = 0;
	for (size_t i = 0; i < w.n; i++) {
		if (!ascii_is_digit(w.p[i]) && w.p[i] != '.')
			return false;
		digits += ascii_is_digit(w.p[i]);
	}
	return digits >= 4;
}

static enum piece piece_of(struct slice w)
{
	if (is_long_number(w))
		return is_address(w) ? PIECE_ADDRESS : PIECE_NUMBER;
	if (is_address(w))
		return PIECE_ADDRESS;
	if (is_mail(w))
		return PIECE_MAIL;
	return is_id(w) ? PIECE_ID : PIECE_TEXT;
}

static uint64_t mix(uint64_t h, uint8_t c)
{
	return (h ^ c) * 1099511628211ull;
}

/* A word's letters; digits inside it all count the same (host names with numbers). */
static uint64_t mix_word(uint64_t h, struct slice w)
{
	enum piece p = piece_of(w);
	if (p != PIECE_TEXT)
		return mix(mix(h, 1), (uint8_t)p);
	/* Three digits at most are a code or a small number, which counts; more than four letters with digits are a name. */
	bool name = w.n > 5 && slice_find_byte(w, '.') != SLICE_NPOS && ascii_is_alpha(w.p[0]);
	for (size_t i = 0; i < w.n; i++)
		h = mix(h, name && ascii_is_digit(w.p[i]) ? '0' : w.p[i]);
	return h;
}

uint64_t thin_shape(struct slice text)
{
	uint64_t h = 14695981039346656037ull;
	size_t i = 0;
	while (i < text.n) {
		size_t from = i;
		while (i < text.n && is_word_byte(text.p[i]))
			i++;
		if (i > from)
			h = mix_word(h, slice_sub(text, from, i));
		if (i < text.n)
			h = mix(h, text.p[i++]);
	}
	return h;
}

static uint64_t shape_of_event(const struct event *e)
{
	uint64_t h = thin_shape(e->text);
	h = mix(mix(h, (uint8_t)e->kind), (uint8_t)e->side);
	for (size_t i = 0; i < e->program.n; i++)
		h = mix(h, e->program.p[i]);
	return h ^ e->oddities * 0x9e3779b97f4a7c15ull;
}

static uint64_t shape_of_session(const struct session *s)
{
	uint64_t h = 1469598103934665603ull + s->protocol + s->outcome * 7u;
	for (size_t i = 0; i < s->events.n; i++)
		h = (h ^ shape_of_event(s->events.v[i])) * 1099511628211ull;
	return h ? h : 1;
}

/* --- one of each ---------------------------------------------------------------------------------------------------------------------------- */

struct seen {
	uint64_t shape;
	uint32_t *weight; /* of the first of that shape; NULL for an event of the context */
};

static struct seen *seen_slot(struct seen *v, size_t n, uint64_t shape)
{
	size_t i = (shape >> 17) % n;
	while (v[i].shape && v[i].shape != shape)
		i = (i + 1) % n;
	return &v[i];
}

/* Weight 1 for the first of a shape, more for those it stands for, 0 for these. */
static void weigh(const struct transcript *t, struct thin *ret, struct seen *seen, size_t n_seen)
{
	for (size_t i = 0; i < t->sessions.n; i++) {
		const struct session *s = t->sessions.v[i];
		uint64_t shape = shape_of_session(s);
		struct seen *slot = seen_slot(seen, n_seen, shape);
		if (!slot->shape)
			*slot = (struct seen){shape, &ret->by_id[s->id - ret->first_id]};
		++*slot->weight;
	}
}

static bool keep_event(const struct thin *thin, const struct event *e, struct seen *seen, size_t n_seen)
{
	if (e->session)
		return thin->by_id[e->session->id - thin->first_id] > 0;
	uint64_t shape = shape_of_event(e) | 1;
	struct seen *slot = seen_slot(seen, n_seen, shape);
	bool first = !slot->shape;
	slot->shape = shape;
	return first;
}

bool thin_make(struct arena *a, const struct transcript *t, struct thin *ret)
{
	if (t->sessions.n + t->context.n < THIN_SESSIONS)
		return false;
	size_t n_seen = (t->sessions.n + t->context.n) * 2 + 1;
	*ret = (struct thin){.transcript = *t, .first_id = t->sessions_made - (unsigned)t->sessions.n + 1, .n_ids = t->sessions.n};
	struct seen *seen = arena_alloc(a, n_seen * sizeof *seen);
	ret->by_id = arena_alloc(a, (t->sessions.n + 1) * sizeof *ret->by_id);
	struct transcript *thin = &ret->transcript;
	thin->sessions.v = arena_alloc(a, (t->sessions.n + 1) * sizeof *thin->sessions.v);
	thin->events.v = arena_alloc(a, (t->events.n + 1) * sizeof *thin->events.v);
	thin->context.v = arena_alloc(a, (t->context.n + 1) * sizeof *thin->context.v);
	if (!seen || !ret->by_id || !thin->sessions.v || !thin->events.v || !thin->context.v)
		return false;
	thin->sessions.n = thin->events.n = thin->context.n = 0;
	weigh(t, ret, seen, n_seen);
	for (size_t i = 0; i < t->sessions.n; i++)
		if (ret->by_id[t->sessions.v[i]->id - ret->first_id])
			thin->sessions.v[thin->sessions.n++] = t->sessions.v[i];
	for (size_t i = 0; i < t->events.n; i++) {
		struct event *e = t->events.v[i];
		if (!keep_event(ret, e, seen, n_seen))
			continue;
		thin->events.v[thin->events.n++] = e;
		if (!e->session)
			thin->context.v[thin->context.n++] = e;
	}
	return true;
}

uint32_t thin_weight(const struct thin *thin, const struct session *s)
{
	size_t i = s->id - thin->first_id;
	return thin->by_id && i < thin->n_ids ? thin->by_id[i] : 1;
}
