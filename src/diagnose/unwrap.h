/* unwrap: a text that was broken into lines, made one line again, so that a sentence is found wherever a program broke it. */
#ifndef TT_DIAGNOSE_UNWRAP_H
#define TT_DIAGNOSE_UNWRAP_H

#include "base/arena.h"

/* Runs of white space become one blank, and reply codes that only repeat at each line ("550-5.7.1 …", also inside a line as Postfix logs them) go. Empty
 * when the text is not broken, or memory is out. */
struct slice unwrap(struct arena *a, struct slice s);

#endif
