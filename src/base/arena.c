#define _GNU_SOURCE
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Small sessions fit one chunk; larger chunks follow as the arena grows. */
#define CHUNK_MIN 4096u
#define CHUNK_MAX (256u * 1024u)
#define ALIGNMENT 16u

struct chunk {
	struct chunk *next;
	size_t size;
	size_t used;
	_Alignas(ALIGNMENT) uint8_t data[];
};

struct arena {
	struct chunk *head;
	size_t limit;
	size_t total;
	bool wipe;
};

struct arena *arena_new(size_t limit)
{
	struct arena *a = calloc(1, sizeof *a);
	if (a)
		a->limit = limit;
	return a;
}

struct arena *arena_new_wiping(size_t limit)
{
	struct arena *a = arena_new(limit);
	if (a)
		a->wipe = true;
	return a;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct chunk *c = a->head, *next; c; c = next) {
		next = c->next;
		if (a->wipe)
			explicit_bzero(c->data, c->used);
		free(c);
	}
	free(a);
}

void arena_adopt(struct arena *dst, struct arena *src)
{
	struct chunk *last = src->head;
	while (last && last->next)
		last = last->next;
	if (last) {
		/* Behind the chunk that still has room. */
		struct chunk **at = dst->head ? &dst->head->next : &dst->head;
		last->next = *at;
		*at = src->head;
	}
	dst->total += src->total;
	dst->wipe |= src->wipe;
	free(src);
}

size_t arena_used(const struct arena *a)
{
	return a->total;
}

static struct chunk *chunk_new(struct arena *a, size_t size)
{
	size_t want = a->head ? a->head->size * 2 : CHUNK_MIN;
	if (want > CHUNK_MAX)
		want = CHUNK_MAX;
	if (want < size)
		want = size;
	struct chunk *c = malloc(sizeof *c + want);
	if (!c)
		return NULL;
	c->size = want;
	c->used = 0;
	c->next = a->head;
	a->head = c;
	return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (a->limit && (size > a->limit || a->total > a->limit - size))
		return NULL;
	struct chunk *c = a->head;
	if (!c || c->size - c->used < size)
		c = chunk_new(a, size);
	if (!c)
		return NULL;
	void *p = c->data + c->used;
	c->used += size;
	a->total += size;
	memset(p, 0, size);
	return p;
}

struct slice arena_dup(struct arena *a, struct slice s)
{
	uint8_t *p = arena_alloc(a, s.n + 1);
	if (!p)
		return SLICE_NONE;
	if (s.n)
		memcpy(p, s.p, s.n);
	return slice_of(p, s.n);
}

char *arena_cstr(struct arena *a, struct slice s)
{
	return (char *)(uintptr_t)arena_dup(a, s).p;
}

struct slice arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	uint8_t *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (p)
		vsnprintf((char *)p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p ? slice_of(p, (size_t)n) : SLICE_NONE;
}

struct slice arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct slice s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

bool arena_append(struct arena *a, struct slice *s, size_t *cap, struct slice sep, struct slice more)
{
	size_t want = s->n + sep.n + more.n;
	uint8_t *p = (uint8_t *)(uintptr_t)s->p;
	if (want + 1 > *cap) {
		size_t bigger = *cap ? *cap * 2 : 64;
		while (bigger < want + 1)
			bigger *= 2;
		p = arena_alloc(a, bigger);
		if (!p)
			return false;
		if (s->n)
			memcpy(p, s->p, s->n);
		*cap = bigger;
	}
	if (sep.n)
		memcpy(p + s->n, sep.p, sep.n);
	if (more.n)
		memcpy(p + s->n + sep.n, more.p, more.n);
	p[want] = 0;
	*s = slice_of(p, want);
	return true;
}

struct slice arena_join(struct arena *a, struct slice x, struct slice sep, struct slice y)
{
	struct slice s = x;
	size_t cap = 0;
	return arena_append(a, &s, &cap, sep, y) ? s : SLICE_NONE;
}

void *vec_push_(struct arena *a, void **v, size_t *n, size_t *cap, size_t size)
{
	if (*n == *cap) {
		size_t want = *cap ? *cap * 2 : 8;
		void *bigger = want > SIZE_MAX / size ? NULL : arena_alloc(a, want * size);
		if (!bigger)
			return NULL;
		if (*n)
			memcpy(bigger, *v, *n * size);
		*v = bigger;
		*cap = want;
	}
	return (char *)*v + (*n)++ * size;
}
