/* mapped: a regular file as memory, for one pass from its beginning to its end: what lies ahead is mapped in pieces, what lies behind is given back, so that
 * little of it counts as ours at any time. A file that shrinks meanwhile reads as zeros from there on, and is told; it does not kill the reader. */
#ifndef TT_EVIDENCE_MAPPED_H
#define TT_EVIDENCE_MAPPED_H

#include "base/slice.h"

/* Mapped ahead, and given back, at once. */
#define MAPPED_STEP (1u * 1024u * 1024u)

struct mapped;

/* NULL when it cannot be (no regular file, empty, another file is mapped): then it is read. One at a time. */
struct mapped *mapped_open(int fd);
void mapped_close(struct mapped *m);
struct slice mapped_bytes(const struct mapped *m);
/* Everything before `at` has been read. */
void mapped_advance(struct mapped *m, uint64_t at);
bool mapped_shrank(const struct mapped *m);

#endif
