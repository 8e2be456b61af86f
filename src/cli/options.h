/* options: one table per subcommand, from which its options are read, its --help is made, and a misspelt option is corrected.
 *
 *	static const struct option_spec specs[] = { {"json", 0, NULL, N_("…")}, {"lang", 'l', N_("CODE"), N_("…")}, {0} };
 *	static const struct usage usage = { .line = N_("read [OPTION]… [FILE…]"), .about = N_("…"), .options = specs };
 *	struct options o = options_begin(&usage, argc, argv);
 *	int i;
 *	while ((i = options_next(&o)) >= 0)  // index into specs; o.value is the argument
 *		…
 *	if (i != OPTIONS_END)
 *		return options_status(i);
 *	// argv[o.first] … argv[argc - 1] are the operands
 */
#ifndef TT_CLI_OPTIONS_H
#define TT_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct option_spec {
	const char *name; /* long name without dashes */
	char letter;      /* short form, or 0 */
	const char *arg;  /* name of its argument, NULL: takes none */
	const char *help;
};

struct usage {
	const char *line;  /* after "telltale " */
	const char *about; /* a paragraph */
	const struct option_spec *options; /* ended by {0}; --help is added */
	const char *more;  /* paragraphs after the options, or NULL; lines that begin with a blank stay as they are */
};

/* A table has at most this many options. */
#define OPTIONS_MAX 48

enum { OPTIONS_END = -1, OPTIONS_BAD = -2, OPTIONS_HELP = -3 };

struct options {
	const struct usage *usage;
	int argc;
	char **argv;
	const char *value;
	int first;
	bool begun;
	bool stop_at_operand; /* the first operand ends the options (the program itself, before its subcommand) */
};

struct options options_begin(const struct usage *u, int argc, char **argv);
/* Index of the option found; OPTIONS_END; OPTIONS_BAD (a message was printed); OPTIONS_HELP (the help was printed). */
int options_next(struct options *o);
/* Exit status for what ended the loop early. */
int options_status(int ended);

void usage_print(FILE *f, const struct usage *u);
/* "telltale: message" and where help is, on standard error; returns EXIT_USAGE. */
int usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The name (of n names) that the misspelt word most likely meant, or NULL. */
const char *nearest_name(const char *word, const char *const *names, size_t n);

#endif
