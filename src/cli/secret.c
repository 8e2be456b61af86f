#define _GNU_SOURCE
#include "cli/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base/i18n.h"

bool secret_is_given(const struct secret_source *s)
{
	return s->file || s->env || s->prompt;
}

bool stdin_line(struct arena *a, struct slice *ret)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n = getline(&line, &room, stdin);
	if (n >= 0)
		*ret = arena_dup(a, slice_of(line, (size_t)n));
	if (line)
		explicit_bzero(line, room);
	free(line);
	return n >= 0;
}

static bool read_file(struct arena *a, const char *path, struct slice *ret)
{
	char *room = arena_alloc(a, SECRET_MAX);
	FILE *f = fopen(path, "re");
	if (!f || !room) {
		fprintf(stderr, "telltale: %s: %s\n", path, strerror(f ? ENOMEM : errno));
		if (f)
			fclose(f);
		return false;
	}
	setvbuf(f, NULL, _IONBF, 0);
	*ret = slice_of(room, fread(room, 1, SECRET_MAX, f));
	bool ok = !ferror(f);
	if (!ok)
		fprintf(stderr, "telltale: %s: %s\n", path, strerror(errno));
	fclose(f);
	return ok;
}

bool secret_ask(const char *prompt, char *buf, size_t size)
{
	struct termios old, quiet;
	FILE *tty = fopen("/dev/tty", "r+e");
	if (!tty)
		return false;
	bool echo = tcgetattr(fileno(tty), &old) == 0;
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	if (echo)
		tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
	fputs(prompt, tty);
	fflush(tty);
	bool ok = fgets(buf, (int)size, tty) != NULL;
	if (echo)
		tcsetattr(fileno(tty), TCSAFLUSH, &old);
	fputc('\n', tty);
	fclose(tty);
	if (ok)
		buf[strcspn(buf, "\r\n")] = 0;
	return ok;
}

static bool ask(struct arena *a, struct slice *ret)
{
	char room[4096];
	bool ok = secret_ask(_("Password or token: "), room, sizeof room);
	if (ok)
		*ret = arena_dup(a, slice_from_cstr(room));
	else
		fprintf(stderr, "telltale: %s\n", _("there is no terminal to ask for the password: use --password-file or --password-env"));
	explicit_bzero(room, sizeof room);
	return ok;
}

bool secret_read(struct arena *a, const struct secret_source *s, struct slice *ret, bool *ret_line_end)
{
	struct slice raw = SLICE_NONE;
	bool ok;
	if (s->env) {
		const char *value = getenv(s->env);
		ok = value != NULL;
		if (ok)
			raw = arena_dup(a, slice_from_cstr(value));
		else
			fprintf(stderr, "telltale: %s: %s\n", s->env, _("this variable is not set"));
	} else if (s->file && strcmp(s->file, "-") == 0) {
		ok = stdin_line(a, &raw);
	} else if (s->file) {
		ok = read_file(a, s->file, &raw);
	} else {
		ok = ask(a, &raw);
	}
	*ret = slice_chomp(raw);
	*ret_line_end = ret->n != raw.n;
	/* An empty secret is one that was given: p tells. */
	if (!ret->p)
		ret->p = (const uint8_t *)"";
	return ok;
}
