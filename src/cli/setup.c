#define _GNU_SOURCE
#include "cli/setup.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/i18n.h"

#define WIDTH_MAX 80
#define WIDTH_MIN 40
/* An arrow longer than this leads the eye nowhere. */
#define PICTURE_WIDTH_MAX 140

/* Catalogues of a build that is not installed are found through this variable. */
#define LOCALEDIR_VARIABLE "TELLTALE_LOCALEDIR"
#define KNOWLEDGE_VARIABLE "TELLTALE_KNOWLEDGE"

void setup_program(void)
{
	const char *dir = getenv(LOCALEDIR_VARIABLE);
	setlocale(LC_ALL, "");
	/* Figures in JSON and in patterns are written with a point everywhere. */
	setlocale(LC_NUMERIC, "C");
	bindtextdomain("telltale", dir && *dir ? dir : TELLTALE_LOCALEDIR);
	bind_textdomain_codeset("telltale", "UTF-8");
	textdomain("telltale");
	/* A reader that left shows as a failed write: the exit status still tells what was found. */
	signal(SIGPIPE, SIG_IGN);
}

void setup_language(const char *code)
{
	const char *current = setlocale(LC_MESSAGES, NULL);
	setenv("LANGUAGE", code, 1);
	/* In the C locale gettext translates nothing, whatever LANGUAGE says. */
	if (!current || strcmp(current, "C") == 0 || strcmp(current, "POSIX") == 0)
		setlocale(LC_MESSAGES, "C.UTF-8");
	textdomain("telltale");
}

bool setup_colour(const char *when, bool *ret)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	if (!when || strcmp(when, "auto") == 0) {
		*ret = isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
		return true;
	}
	*ret = strcmp(when, "always") == 0;
	if (*ret || strcmp(when, "never") == 0)
		return true;
	fprintf(stderr, "telltale: %s\n", _("--color is one of: auto, always, never"));
	return false;
}

unsigned setup_width(void)
{
	struct winsize size;
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_col > WIDTH_MAX)
		return WIDTH_MAX;
	return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
}

unsigned setup_picture_width(void)
{
	struct winsize size;
	const char *variable = getenv("COLUMNS");
	uint64_t columns = WIDTH_MAX;
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		columns = size.ws_col;
	else if (!slice_to_uint(slice_from_cstr(variable), 10000, &columns))
		columns = WIDTH_MAX;
	return columns < WIDTH_MIN ? WIDTH_MIN : columns > PICTURE_WIDTH_MAX ? PICTURE_WIDTH_MAX : (unsigned)columns;
}

bool setup_ascii(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

const struct knowledge *setup_knowledge(const char *folder, struct knowledge **ret_owned)
{
	struct err e = {0};
	*ret_owned = NULL;
	if (!folder)
		folder = getenv(KNOWLEDGE_VARIABLE);
	if (!folder || !*folder)
		return knowledge_builtin();
	*ret_owned = knowledge_load(folder, &e);
	if (!*ret_owned)
		setup_print_error(&e);
	return *ret_owned;
}

void setup_print_error(const struct err *e)
{
	if (e->what[0])
		fprintf(stderr, "telltale: %s\n", e->what);
	else
		fprintf(stderr, "telltale: %s\n", tr(err_code_text(e->code)));
}

bool setup_print_out(struct buf *b)
{
	bool memory = !b->full;
	size_t written = b->n ? fwrite(b->p, 1, b->n, stdout) : 0;
	bool ok = written == b->n && fflush(stdout) == 0;
	if (!memory)
		fprintf(stderr, "telltale: %s\n", tr(err_code_text(ERR_MEMORY)));
	else if (!ok && errno != EPIPE)
		fprintf(stderr, "telltale: %s: %s\n", _("standard output"), strerror(errno));
	buf_reset(b);
	return ok && memory;
}
