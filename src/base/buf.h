/* buf: a growing byte buffer with a maximum set at init; for output and for joining pieces.
 * Reaching the maximum (or the end of memory) sets `full` and drops what does not fit; the caller checks once at the end. */
#ifndef TT_BASE_BUF_H
#define TT_BASE_BUF_H

#include <stdarg.h>

#include "base/slice.h"

struct buf {
	uint8_t *p;
	size_t n;
	size_t cap;
	size_t max;
	bool full;
};

#define BUF_INIT(maximum) ((struct buf){.max = (maximum)})

void buf_free(struct buf *b);
/* Forgets the content, keeps the memory. */
void buf_reset(struct buf *b);
void buf_add(struct buf *b, struct slice s);
void buf_add_byte(struct buf *b, uint8_t c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Takes n bytes off the front. */
void buf_consume(struct buf *b, size_t n);

static inline struct slice buf_slice(const struct buf *b)
{
	return slice_of(b->p, b->n);
}

#endif
