/* source: bytes of an input, whatever wraps them: a file, a pipe or memory; gzip and zstd undone; UTF-16 made UTF-8. Memory is bounded. */
#ifndef TT_EVIDENCE_SOURCE_H
#define TT_EVIDENCE_SOURCE_H

#include "base/err.h"
#include "base/slice.h"

struct source;

/* path "-" is standard input. Does not wait for a named pipe's writer. -1 and *reterr. */
int source_open_path(const char *path, struct err *reterr);
/* Takes fd over, also on failure (NULL and *reterr). */
struct source *source_open_fd(int fd, const char *path, struct err *reterr);
struct source *source_open_memory(struct slice bytes, struct err *reterr);
void source_close(struct source *s);

/* Up to n bytes; 0 at the end, -1 and *reterr when the file is damaged or unreadable from here on. */
long source_read(struct source *s, uint8_t *buf, size_t n, struct err *reterr);
/* Looks at the first bytes (at most SOURCE_PEEK) without consuming them; to be called before the first read. */
#define SOURCE_PEEK 32u
bool source_peek(struct source *s, struct slice *ret, struct err *reterr);
/* The whole input as memory, where it lies so (a plain file, or memory); to be called before the first read, which must not follow then. The reader tells how
 * far it is with source_passed, so that what is behind can be given back; source_shrank: zeros stand where the file's end was taken away meanwhile. */
bool source_memory(struct source *s, struct slice *ret);
void source_passed(struct source *s, uint64_t at);
bool source_shrank(const struct source *s);
/* Bytes of the file itself consumed so far, and its size (0: not known). */
uint64_t source_consumed(const struct source *s);
uint64_t source_size(const struct source *s);

#endif
