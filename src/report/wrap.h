/* wrap: text broken into lines of at most so many terminal columns. Counts columns, not bytes: UTF-8, wide and combining characters. */
#ifndef TT_REPORT_WRAP_H
#define TT_REPORT_WRAP_H

#include "base/buf.h"

/* Terminal columns the text takes (no line ends inside). */
size_t wrap_columns(struct slice text);
/* Appends text broken at blanks so that no line passes `width`; the cursor stands at column `at`, the lines after the first are indented by `indent`.
 * Line ends in the text are kept. A word longer than a line is left whole, so that commands and addresses can be copied, unless `hard`. Ends without a
 * line end. */
void wrap_add(struct buf *out, struct slice text, size_t width, size_t indent, size_t at, bool hard);
void wrap_spaces(struct buf *out, size_t n);

#endif
