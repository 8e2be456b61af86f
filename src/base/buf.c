#define _GNU_SOURCE
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

void buf_free(struct buf *b)
{
	free(b->p);
	*b = BUF_INIT(b->max);
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->full = false;
}

/* Makes room for `more` bytes; false when the maximum or memory is reached. */
static bool buf_reserve(struct buf *b, size_t more)
{
	if (more <= b->cap - b->n)
		return true;
	if (b->max - b->n < more)
		return false;
	size_t want = b->cap ? b->cap : 256;
	while (want < b->n + more)
		want *= 2;
	if (want > b->max)
		want = b->max;
	uint8_t *bigger = realloc(b->p, want);
	if (!bigger)
		return false;
	b->p = bigger;
	b->cap = want;
	return true;
}

void buf_add(struct buf *b, struct slice s)
{
	if (s.n == 0)
		return;
	if (!buf_reserve(b, s.n)) {
		b->full = true;
		return;
	}
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

void buf_add_byte(struct buf *b, uint8_t c)
{
	buf_add(b, slice_of(&c, 1));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[512];
	va_list ap;
	va_start(ap, fmt);
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof small) {
		buf_add(b, slice_of(small, (size_t)n));
	} else if (n >= 0) {
		char *big = malloc((size_t)n + 1);
		if (big) {
			vsnprintf(big, (size_t)n + 1, fmt, again);
			buf_add(b, slice_of(big, (size_t)n));
			free(big);
		} else {
			b->full = true;
		}
	}
	va_end(again);
}

void buf_consume(struct buf *b, size_t n)
{
	if (n > b->n)
		n = b->n;
	if (n == 0)
		return;
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}
