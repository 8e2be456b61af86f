/* output: a file written whole or not at all, by a process of its own. It is made before the sandbox is entered, which forbids the reading process to
 * write files; all that one can do is to hand over the bytes for this one file. When it dies early, nothing is written. */
#ifndef TT_CLI_OUTPUT_H
#define TT_CLI_OUTPUT_H

#include "base/buf.h"
#include "base/err.h"

struct output;

/* NULL and *reterr when there is no writing to that path. */
struct output *output_begin(const char *path, struct err *reterr);
/* Writes a temporary file beside the path and renames it, so that nobody ever sees half of it; a pipe or device is written to as it is. An existing file
 * keeps its permissions. Frees o. */
bool output_finish(struct output *o, struct slice bytes, struct err *reterr);
/* Without writing; accepts NULL. */
void output_abandon(struct output *o);

#endif
