#define _GNU_SOURCE
#include "cli/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/i18n.h"
#include "report/wrap.h"

#define HELP_WIDTH 79
#define HELP_COLUMN 26
/* Longer words are no misspelt names. */
#define NAME_MAX_LENGTH 32
/* Values that getopt_long gives back for long options; letters are below. */
#define FIRST_VALUE 256

/* --- misspelt names ----------------------------------------------------------------------------------------------------------- */

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

/* Levenshtein distance. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LENGTH + 1], n = strlen(b);
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t above = row[j];
			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[n];
}

const char *nearest_name(const char *word, const char *const *names, size_t n)
{
	const char *best = NULL;
	size_t best_distance = 3;
	if (strlen(word) > NAME_MAX_LENGTH)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		bool begins = strlen(word) >= 2 && strncmp(names[i], word, strlen(word)) == 0;
		size_t d = begins ? 1 : strlen(names[i]) > NAME_MAX_LENGTH ? 99 : distance(word, names[i]);
		if (d < best_distance && d < strlen(names[i])) {
			best = names[i];
			best_distance = d;
		}
	}
	return best;
}

/* --- reading them ------------------------------------------------------------------------------------------------------------- */

static size_t count(const struct usage *u)
{
	size_t n = 0;
	while (n < OPTIONS_MAX && u->options && u->options[n].name)
		n++;
	return n;
}

struct options options_begin(const struct usage *u, int argc, char **argv)
{
	return (struct options){.usage = u, .argc = argc, .argv = argv, .first = 1};
}

static int bad_option(const struct options *o)
{
	const char *names[OPTIONS_MAX + 1];
	size_t n = count(o->usage);
	const char *word = o->argv[optind - 1];
	for (size_t i = 0; i < n; i++)
		names[i] = o->usage->options[i].name;
	names[n++] = "help";
	/* getopt_long tells by optopt: a letter it does not know, the value of an option used wrongly, or 0 for an unknown name. */
	if (optopt && optopt < FIRST_VALUE) {
		usage_error(_("there is no option -%c"), optopt);
		return OPTIONS_BAD;
	}
	char name[NAME_MAX_LENGTH + 1];
	snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
	const char *meant = nearest_name(name, names, n);
	if (optopt)
		usage_error(_("option --%s takes no argument"), name);
	else if (meant)
		usage_error(_("there is no option --%s; did you mean --%s?"), name, meant);
	else
		usage_error(_("there is no option --%s"), name);
	return OPTIONS_BAD;
}

static int missing_argument(const struct options *o)
{
	for (size_t i = 0; i < count(o->usage); i++) {
		const struct option_spec *s = &o->usage->options[i];
		if (optopt == (int)(FIRST_VALUE + i) || (s->letter && optopt == s->letter)) {
			usage_error(_("option --%s needs a value: --%s %s"), s->name, s->name, tr(s->arg));
			return OPTIONS_BAD;
		}
	}
	return OPTIONS_BAD;
}

int options_next(struct options *o)
{
	struct option longs[OPTIONS_MAX + 2];
	char shorts[2 * OPTIONS_MAX + 8] = ":h";
	size_t n = count(o->usage), at = 2;
	if (o->stop_at_operand)
		at = (size_t)snprintf(shorts, sizeof shorts, "+:h");
	for (size_t i = 0; i < n; i++) {
		const struct option_spec *s = &o->usage->options[i];
		longs[i] = (struct option){s->name, s->arg ? required_argument : no_argument, NULL, (int)(FIRST_VALUE + i)};
		if (s->letter)
			at += (size_t)snprintf(shorts + at, sizeof shorts - at, "%c%s", s->letter, s->arg ? ":" : "");
	}
	longs[n] = (struct option){"help", no_argument, NULL, 'h'};
	longs[n + 1] = (struct option){0};
	opterr = 0;
	if (!o->begun)
		optind = 0;
	o->begun = true;
	int c = getopt_long(o->argc, o->argv, shorts, longs, NULL);
	o->value = optarg;
	o->first = optind;
	if (c == -1)
		return OPTIONS_END;
	if (c == '?')
		return bad_option(o);
	if (c == ':')
		return missing_argument(o);
	if (c == 'h') {
		usage_print(stdout, o->usage);
		return OPTIONS_HELP;
	}
	for (size_t i = 0; i < n; i++)
		if (c == (int)(FIRST_VALUE + i) || (o->usage->options[i].letter && c == o->usage->options[i].letter))
			return (int)i;
	return OPTIONS_BAD;
}

int options_status(int ended)
{
	return ended == OPTIONS_HELP ? EXIT_NOTHING_WRONG : EXIT_USAGE;
}

int usage_error(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("telltale: ", stderr);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n%s\n", _("Try “telltale --help”."));
	va_end(ap);
	return EXIT_USAGE;
}

/* --- help --------------------------------------------------------------------------------------------------------------------- */

static void add_option(struct buf *b, const struct option_spec *s)
{
	struct buf left = BUF_INIT(1024);
	buf_printf(&left, "  %c%c%s--%s%s%s", s->letter ? '-' : ' ', s->letter ? s->letter : ' ', s->letter ? ", " : "  ", s->name, s->arg ? " " : "", tr(s->arg));
	buf_add(b, buf_slice(&left));
	size_t at = wrap_columns(buf_slice(&left));
	if (at + 1 > HELP_COLUMN) {
		buf_add_byte(b, '\n');
		at = 0;
	}
	wrap_spaces(b, HELP_COLUMN - at);
	wrap_add(b, slice_from_cstr(tr(s->help)), HELP_WIDTH, HELP_COLUMN, HELP_COLUMN, false);
	buf_add_byte(b, '\n');
	buf_free(&left);
}

static void add_more(struct buf *b, const char *more)
{
	struct slice text = slice_from_cstr(more), line;
	while (slice_next_line(&text, &line)) {
		if (line.n && line.p[0] == ' ')
			buf_add(b, line);
		else
			wrap_add(b, line, HELP_WIDTH, 0, 0, false);
		buf_add_byte(b, '\n');
	}
}

void usage_print(FILE *f, const struct usage *u)
{
	struct buf b = BUF_INIT(64 * 1024);
	const struct option_spec help = {"help", 'h', NULL, N_("show this help")};
	buf_printf(&b, "%s telltale %s\n\n", _("Usage:"), tr(u->line));
	wrap_add(&b, slice_from_cstr(tr(u->about)), HELP_WIDTH, 0, 0, false);
	buf_printf(&b, "\n\n%s\n", _("Options:"));
	for (size_t i = 0; i < count(u); i++)
		add_option(&b, &u->options[i]);
	add_option(&b, &help);
	if (u->more) {
		buf_add_byte(&b, '\n');
		add_more(&b, tr(u->more));
	}
	fwrite(b.p, 1, b.n, f);
	buf_free(&b);
}
