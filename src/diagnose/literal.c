#include "diagnose/literal.h"

#include <stdlib.h>

/* --- what a regular expression cannot do without ---------------------------------------------------------------------------------- */

struct scan {
	struct arena *arena;
	struct slice regex;
	size_t at;
	unsigned depth;
};

/* Deeper nesting is not looked into. */
#define DEPTH_MAX 20u

static bool alternatives(struct scan *s, struct literal_set *ret);

static void skip_class(struct scan *s)
{
	size_t i = s->at + 1;
	if (i < s->regex.n && s->regex.p[i] == '^')
		i++;
	if (i < s->regex.n && s->regex.p[i] == ']')
		i++;
	while (i < s->regex.n && s->regex.p[i] != ']') {
		size_t posix = slice_starts(slice_from(s->regex, i), S("[:")) ? slice_find(slice_from(s->regex, i), S(":]")) : SLICE_NPOS;
		if (posix != SLICE_NPOS)
			i += posix + 2;
		else
			i += s->regex.p[i] == '\\' ? 2 : 1;
	}
	s->at = i < s->regex.n ? i + 1 : s->regex.n;
}

/* A quantifier at the cursor: skipped; *ret_optional says that what stands before it may be absent. False if there is none. */
static bool quantifier(struct scan *s, bool *ret_optional)
{
	*ret_optional = false;
	if (s->at >= s->regex.n)
		return false;
	uint8_t c = s->regex.p[s->at];
	if (c == '{') {
		size_t close = slice_find_byte(slice_from(s->regex, s->at), '}');
		if (close == SLICE_NPOS || s->at + 1 >= s->regex.n || !(ascii_is_digit(s->regex.p[s->at + 1]) || s->regex.p[s->at + 1] == ','))
			return false;
		*ret_optional = s->regex.p[s->at + 1] == '0' || s->regex.p[s->at + 1] == ',';
		s->at += close + 1;
	} else if (c == '?' || c == '*' || c == '+') {
		*ret_optional = c != '+';
		s->at++;
	} else {
		return false;
	}
	if (s->at < s->regex.n && (s->regex.p[s->at] == '?' || s->regex.p[s->at] == '+'))
		s->at++; /* lazy or possessive */
	return true;
}

static bool better(const struct literal_set *x, const struct literal_set *y)
{
	/* Longer shortest word wins: it hits more rarely. */
	size_t mx = SIZE_MAX, my = SIZE_MAX;
	for (size_t i = 0; i < x->v.n; i++)
		mx = x->v.v[i].n < mx ? x->v.v[i].n : mx;
	for (size_t i = 0; i < y->v.n; i++)
		my = y->v.v[i].n < my ? y->v.v[i].n : my;
	return y->v.n == 0 || (x->v.n && mx > my);
}

static void consider(struct arena *a, struct literal_set *best, const uint8_t *run, size_t n)
{
	struct literal_set one = {0};
	if (n < LITERAL_MIN)
		return;
	struct slice *slot = VEC_PUSH(a, &one.v);
	if (slot)
		*slot = arena_dup(a, slice_of(run, n));
	if (slot && better(&one, best))
		*best = one;
}

/* Skips a group's opening; false for one whose content says nothing (look-around, options, conditions). */
static bool group_open(struct scan *s, bool *ret_counts)
{
	*ret_counts = true;
	s->at++;
	if (s->at >= s->regex.n || s->regex.p[s->at] != '?')
		return true;
	struct slice rest = slice_from(s->regex, s->at + 1);
	if (slice_starts(rest, S(":"))) {
		s->at += 2;
	} else if (slice_starts(rest, S("<=")) || slice_starts(rest, S("<!")) || slice_starts(rest, S("=")) || slice_starts(rest, S("!"))) {
		*ret_counts = false;
		s->at += slice_starts(rest, S("<")) ? 3 : 2;
	} else if (slice_starts(rest, S("<")) || slice_starts(rest, S("P<"))) {
		size_t close = slice_find_byte(rest, '>');
		if (close == SLICE_NPOS)
			return false;
		s->at += close + 2;
	} else {
		return false;
	}
	return true;
}

struct run {
	uint8_t bytes[64];
	size_t n;
};

static void run_end(struct scan *s, struct run *r, struct literal_set *best)
{
	consider(s->arena, best, r->bytes, r->n);
	r->n = 0;
}

/* Escapes that stand for one fixed sign. */
static bool escaped_literal(uint8_t c)
{
	return c < 0x80 && !ascii_is_alnum(c);
}

static bool group(struct scan *s, struct run *r, struct literal_set *best)
{
	bool counts, optional;
	struct literal_set inner = {0};
	run_end(s, r, best);
	if (s->depth >= DEPTH_MAX || !group_open(s, &counts))
		return false;
	s->depth++;
	bool known = alternatives(s, &inner);
	s->depth--;
	if (s->at >= s->regex.n || s->regex.p[s->at] != ')')
		return false;
	s->at++;
	quantifier(s, &optional);
	if (known && counts && !optional && inner.v.n && better(&inner, best))
		*best = inner;
	return true;
}

static void put_literal(struct scan *s, struct run *r, struct literal_set *best, uint8_t c)
{
	bool optional;
	size_t before = s->at;
	if (quantifier(s, &optional)) {
		bool repeats = !optional;
		if (repeats && r->n < sizeof r->bytes)
			r->bytes[r->n++] = ascii_lower(c);
		run_end(s, r, best);
		return;
	}
	s->at = before;
	if (r->n == sizeof r->bytes)
		run_end(s, r, best);
	r->bytes[r->n++] = ascii_lower(c);
}

/* One alternative; false if the syntax is beyond us. */
static bool alternative(struct scan *s, struct literal_set *best)
{
	struct run r = {.n = 0};
	bool optional;
	while (s->at < s->regex.n && s->regex.p[s->at] != '|' && s->regex.p[s->at] != ')') {
		uint8_t c = s->regex.p[s->at];
		if (c == '(') {
			if (!group(s, &r, best))
				return false;
		} else if (c == '[') {
			run_end(s, &r, best);
			skip_class(s);
			quantifier(s, &optional);
		} else if (c == '\\' && s->at + 1 < s->regex.n && escaped_literal(s->regex.p[s->at + 1])) {
			c = s->regex.p[s->at + 1];
			s->at += 2;
			put_literal(s, &r, best, c);
		} else if (c == '\\' && s->at + 1 < s->regex.n && strchr("dDwWsSbBnrtRhHAzZ", s->regex.p[s->at + 1])) {
			run_end(s, &r, best);
			s->at += 2;
			quantifier(s, &optional);
		} else if (c == '\\') {
			return false;
		} else if (c == '.' || c == '^' || c == '$' || c >= 0x80) {
			run_end(s, &r, best);
			s->at++;
			quantifier(s, &optional);
		} else {
			s->at++;
			put_literal(s, &r, best, c);
		}
	}
	run_end(s, &r, best);
	return true;
}

static bool alternatives(struct scan *s, struct literal_set *ret)
{
	bool known = true;
	for (;;) {
		struct literal_set one = {0};
		if (!alternative(s, &one)) {
			s->at = s->regex.n;
			return false;
		}
		known = known && one.v.n;
		for (size_t i = 0; i < one.v.n; i++) {
			struct slice *slot = VEC_PUSH(s->arena, &ret->v);
			if (!slot)
				return false;
			*slot = one.v.v[i];
		}
		if (s->at >= s->regex.n || s->regex.p[s->at] != '|')
			return known;
		s->at++;
	}
}

bool literal_from_regex(struct arena *a, struct slice regex, struct literal_set *ret)
{
	struct scan s = {.arena = a, .regex = regex};
	*ret = (struct literal_set){0};
	return alternatives(&s, ret) && s.at == regex.n && ret->v.n > 0;
}

/* --- many words at once -------------------------------------------------------------------------------------------------------------- */

/* Signs that occur in words get a class of their own; all others share class 0. */
#define CLASSES_MAX 96u

struct node {
	uint32_t next[CLASSES_MAX];
	uint32_t fail;
	int32_t out; /* first entry of the output list, -1 none */
};

struct output {
	unsigned id;
	int32_t next;
};

struct finder {
	struct node *nodes;
	size_t n_nodes, cap_nodes;
	struct output *outputs;
	size_t n_outputs, cap_outputs;
	uint8_t class_of[256];
	unsigned classes;
};

struct finder *finder_new(void)
{
	struct finder *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->classes = 1;
	f->cap_nodes = 1024;
	f->nodes = calloc(f->cap_nodes, sizeof *f->nodes);
	if (!f->nodes) {
		free(f);
		return NULL;
	}
	f->n_nodes = 1;
	f->nodes[0].out = -1;
	return f;
}

void finder_free(struct finder *f)
{
	if (!f)
		return;
	free(f->nodes);
	free(f->outputs);
	free(f);
}

static uint32_t new_node(struct finder *f)
{
	if (f->n_nodes == f->cap_nodes) {
		struct node *bigger = realloc(f->nodes, f->cap_nodes * 2 * sizeof *bigger);
		if (!bigger)
			return 0;
		f->nodes = bigger;
		f->cap_nodes *= 2;
	}
	f->nodes[f->n_nodes] = (struct node){.out = -1};
	return (uint32_t)f->n_nodes++;
}

static bool add_output(struct finder *f, uint32_t node, unsigned id)
{
	if (f->n_outputs == f->cap_outputs) {
		size_t cap = f->cap_outputs ? f->cap_outputs * 2 : 256;
		struct output *bigger = realloc(f->outputs, cap * sizeof *bigger);
		if (!bigger)
			return false;
		f->outputs = bigger;
		f->cap_outputs = cap;
	}
	f->outputs[f->n_outputs] = (struct output){id, f->nodes[node].out};
	f->nodes[node].out = (int32_t)f->n_outputs++;
	return true;
}

bool finder_add(struct finder *f, struct slice word, unsigned id)
{
	uint32_t at = 0;
	for (size_t i = 0; i < word.n; i++) {
		uint8_t c = ascii_lower(word.p[i]);
		if (!f->class_of[c]) {
			if (f->classes == CLASSES_MAX)
				return false;
			f->class_of[c] = (uint8_t)f->classes++;
			if (c >= 'a' && c <= 'z')
				f->class_of[c - 32] = f->class_of[c];
		}
		uint32_t next = f->nodes[at].next[f->class_of[c]];
		if (!next) {
			next = new_node(f);
			if (!next)
				return false;
			f->nodes[at].next[f->class_of[c]] = next;
		}
		at = next;
	}
	return add_output(f, at, id);
}

bool finder_build(struct finder *f)
{
	uint32_t *queue = malloc(f->n_nodes * sizeof *queue);
	if (!queue)
		return false;
	size_t head = 0, tail = 0;
	for (unsigned c = 0; c < f->classes; c++)
		if (f->nodes[0].next[c])
			queue[tail++] = f->nodes[0].next[c];
	while (head < tail) {
		uint32_t at = queue[head++];
		for (unsigned c = 0; c < f->classes; c++) {
			uint32_t child = f->nodes[at].next[c];
			uint32_t fail = f->nodes[f->nodes[at].fail].next[c];
			if (!child) {
				f->nodes[at].next[c] = fail;
				continue;
			}
			f->nodes[child].fail = fail;
			queue[tail++] = child;
		}
		/* The words that end at the failure node end here too: chain its list behind this one's. */
		int32_t *end = &f->nodes[at].out;
		while (*end >= 0)
			end = &f->outputs[*end].next;
		*end = f->nodes[f->nodes[at].fail].out;
	}
	free(queue);
	return true;
}

bool finder_scan(const struct finder *f, struct slice text, uint8_t *hits)
{
	uint32_t at = 0;
	bool any = false;
	for (size_t i = 0; i < text.n; i++) {
		at = f->nodes[at].next[f->class_of[text.p[i]]];
		for (int32_t o = f->nodes[at].out; o >= 0; o = f->outputs[o].next) {
			hits[f->outputs[o].id] = 1;
			any = true;
		}
	}
	return any;
}
