#define _GNU_SOURCE
#include "cli/cmd.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "cli/options.h"
#include "cli/setup.h"
#include "report/wrap.h"

const struct subcommand subcommands[] = {
	{"read", N_("say what is wrong in pasted sessions, logs, bounces and tool output"), cmd_read},
	{"watch", N_("say what is wrong with the sessions on a network interface, as they go by"), cmd_watch},
	{"explain", N_("say what a reply code or an error text means"), cmd_explain},
	{"probe", N_("ask a mail server what it really does"), cmd_probe},
	{"sasl", N_("decode, make and check the messages, tokens and passwords of logins"), cmd_sasl},
	{0},
};

static const struct option_spec specs[] = {
	{"version", 'V', NULL, N_("show the version")},
	{0},
};

static const struct usage usage = {
	.line = N_("SUBCOMMAND [OPTION]… [FILE…]"),
	.about = N_("Finds out why two machines do not talk: SMTP, IMAP, POP3, and MTP over USB. Give it whatever evidence there is, and it names "
		    "one cause, shows the lines that prove it, and says what to change."),
	.options = specs,
};

static const struct subcommand *find(const char *name)
{
	for (const struct subcommand *s = subcommands; s->name; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

static void print_overview(FILE *f)
{
	usage_print(f, &usage);
	fprintf(f, "\n%s\n", _("Subcommands:"));
	for (const struct subcommand *s = subcommands; s->name; s++) {
		struct buf b = BUF_INIT(4096);
		buf_printf(&b, "  %-10s ", s->name);
		wrap_add(&b, slice_from_cstr(tr(s->help)), 79, 13, 13, false);
		fprintf(f, "%.*s\n", SLICE_FMT(buf_slice(&b)));
		buf_free(&b);
	}
	fprintf(f, "\n%s\n", _("“telltale SUBCOMMAND --help” says more about each."));
}

static int unknown_subcommand(const char *name)
{
	const char *names[32];
	size_t n = 0;
	for (const struct subcommand *s = subcommands; s->name && n < 31; s++)
		names[n++] = s->name;
	names[n++] = "help";
	const char *meant = nearest_name(name, names, n);
	if (meant)
		return usage_error(_("there is no subcommand “%s”; did you mean “%s”?"), name, meant);
	return usage_error(_("there is no subcommand “%s”; to diagnose a file: telltale read %s"), name, name);
}

/* "help", "help read" */
static int help(int argc, char **argv)
{
	if (argc < 2) {
		print_overview(stdout);
		return EXIT_NOTHING_WRONG;
	}
	const struct subcommand *s = find(argv[1]);
	if (!s)
		return unknown_subcommand(argv[1]);
	char dashes[] = "--help";
	char *args[] = {argv[1], dashes, NULL};
	return s->run(2, args);
}

int cli_main(int argc, char **argv)
{
	setup_program();
	/* The program's own --help lists the subcommands too, which the option table does not know. */
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return help(1, argv);
	struct options o = options_begin(&usage, argc, argv);
	o.stop_at_operand = true;
	int i = options_next(&o);
	if (i == 0) {
		printf("telltale %s\n", TELLTALE_VERSION);
		return EXIT_NOTHING_WRONG;
	}
	if (i != OPTIONS_END)
		return options_status(i);
	if (o.first >= argc) {
		print_overview(stderr);
		return EXIT_USAGE;
	}
	argc -= o.first;
	argv += o.first;
	if (strcmp(argv[0], "help") == 0)
		return help(argc, argv);
	const struct subcommand *s = find(argv[0]);
	return s ? s->run(argc, argv) : unknown_subcommand(argv[0]);
}
