/* secret: passwords and tokens from where they may come: a file, a variable, standard input, or the keyboard without echo. Never from the command line,
 * which every user of the machine can read. */
#ifndef TT_CLI_SECRET_H
#define TT_CLI_SECRET_H

#include "base/arena.h"

/* Longest secret read; tokens have some kilobytes. */
#define SECRET_MAX 65536u

struct secret_source {
	const char *file; /* "-": the first line of standard input */
	const char *env;
	bool prompt;
};

/* A source was named. */
bool secret_is_given(const struct secret_source *s);
/* Reads it into the arena (a wiping one) with one line end taken off; *ret_line_end tells that there was one. False after a message. */
bool secret_read(struct arena *a, const struct secret_source *s, struct slice *ret, bool *ret_line_end);

/* Asks at the terminal without echo, whatever standard input is: one line without its end into buf. False when there is no terminal, or nothing came. */
bool secret_ask(const char *prompt, char *buf, size_t size);

/* One line of standard input without its end, in the arena; false at the end of it. */
bool stdin_line(struct arena *a, struct slice *ret);

#endif
