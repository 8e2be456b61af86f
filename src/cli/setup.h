/* setup: what every subcommand shares: language, colours, knowledge, and output that notices when nobody takes it. */
#ifndef TT_CLI_SETUP_H
#define TT_CLI_SETUP_H

#include "base/buf.h"
#include "base/err.h"
#include "diagnose/knowledge.h"

/* Locale, message catalogue and signals; before anything is printed. */
void setup_program(void);
/* Messages in that language from now on ("pl", "ru_RU", "en"). */
void setup_language(const char *code);
/* Are colours wanted on standard output? when: "auto", "always", "never" (NULL: auto). False and a message if it is none of these. */
bool setup_colour(const char *when, bool *ret);
/* Columns of output: those of the terminal, at most 80. */
unsigned setup_width(void);
/* Columns for pictures, which use what there is: those of the terminal, else $COLUMNS, else 80. */
unsigned setup_picture_width(void);
/* Can standard output's locale show no line drawing characters? */
bool setup_ascii(void);
/* The tables, with the folder's over them (NULL: $TELLTALE_KNOWLEDGE, if set). *ret_owned is what knowledge_free takes at the end, or NULL. A message
 * was printed when the result is NULL. */
const struct knowledge *setup_knowledge(const char *folder, struct knowledge **ret_owned);
/* "telltale: what: why" on standard error. */
void setup_print_error(const struct err *e);
/* Writes all to standard output at once and empties the buffer; false when that failed (a message was printed, unless the reader just left). */
bool setup_print_out(struct buf *b);

#endif
