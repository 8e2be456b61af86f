/* arena: memory that lives and dies together, one per input or session.
 * Disadvantage: nothing is freed before the end, so long-running code gives each session an arena of its own.
 * An allocation that would pass the limit given at creation returns NULL; so does malloc's failure. Memory comes zeroed. */
#ifndef TT_BASE_ARENA_H
#define TT_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/slice.h"

struct arena;

/* limit: bytes in all, 0 for none. NULL when memory is out. */
struct arena *arena_new(size_t limit);
/* Memory of a wiping arena is overwritten before it is freed: for secrets. */
struct arena *arena_new_wiping(size_t limit);
/* Accepts NULL. */
void arena_free(struct arena *a);
/* Moves everything that src owns into dst; src is freed, pointers into it stay valid. dst may pass its limit by that. */
void arena_adopt(struct arena *dst, struct arena *src);
/* Bytes handed out so far. */
size_t arena_used(const struct arena *a);

void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, alloc_size(2)));
/* Copies; the result is followed by a NUL that does not count. An empty slice on failure. */
struct slice arena_dup(struct arena *a, struct slice s);
char *arena_cstr(struct arena *a, struct slice s);
struct slice arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct slice arena_vprintf(struct arena *a, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* a, then sep, then b, in new memory. */
struct slice arena_join(struct arena *a, struct slice x, struct slice sep, struct slice y);
/* Appends sep and more to *s, whose memory has room for *cap bytes and grows by doubling; false (untouched) when the arena is exhausted. */
bool arena_append(struct arena *a, struct slice *s, size_t *cap, struct slice sep, struct slice more);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))

/* Growing array inside an arena: struct { T *v; size_t n, cap; }. VEC_PUSH gives a pointer to the new zeroed element, or NULL.
 * Growing moves the elements: keep indexes, not pointers, across pushes. */
#define VEC(T)             \
	struct {           \
		T *v;      \
		size_t n;  \
		size_t cap; \
	}
#define VEC_PUSH(a, vec)                                                                                           \
	((__typeof__((vec)->v))vec_push_((a), (void **)(void *)&(vec)->v, &(vec)->n, &(vec)->cap, sizeof *(vec)->v))

void *vec_push_(struct arena *a, void **v, size_t *n, size_t *cap, size_t size);

#endif
