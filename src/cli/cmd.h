/* cmd: the subcommands. One file cmd_NAME.c each; a new one is that file, its prototype here and a line in the table in cmd.c. */
#ifndef TT_CLI_CMD_H
#define TT_CLI_CMD_H

#include "base/err.h"

struct subcommand {
	const char *name;
	const char *help; /* one line, marked N_() */
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name; returns enum exit_status */
};

/* Ended by {0}. */
extern const struct subcommand subcommands[];

int cmd_explain(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_read(int argc, char **argv);
int cmd_sasl(int argc, char **argv);
int cmd_watch(int argc, char **argv);

/* The program: options before the subcommand, then the subcommand. Returns the exit status. */
int cli_main(int argc, char **argv);

#endif
