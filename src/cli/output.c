#define _GNU_SOURCE
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct output {
	const char *path;
	pid_t writer;
	int to, from; /* pipes: bytes there, errno back */
};

/* What goes through the first pipe: how many bytes will follow. */
struct order {
	uint64_t length;
};

static bool write_all(int fd, struct slice bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = slice_from(bytes, (size_t)n);
	}
	return true;
}

static bool read_all(int fd, void *bytes, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t got = read(fd, (char *)bytes + at, n - at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += (size_t)got;
	}
	return true;
}

/* --- the writer: returns 0 or an errno -------------------------------------------------------------------------------------------- */

static int write_directly(const char *path, struct slice bytes)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int status = fd >= 0 && write_all(fd, bytes) ? 0 : errno;
	if (fd >= 0)
		close(fd);
	return status;
}

static mode_t default_mode(void)
{
	mode_t mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

static int write_beside(const char *path, mode_t mode, struct slice bytes)
{
	char temporary[PATH_MAX];
	if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= (int)sizeof temporary)
		return ENAMETOOLONG;
	int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return errno;
	bool ok = write_all(fd, bytes) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
	int status = ok ? 0 : errno;
	close(fd);
	if (ok && rename(temporary, path) != 0)
		status = errno;
	if (status)
		unlink(temporary);
	return status;
}

static int write_file(const char *path, struct slice bytes)
{
	struct stat st;
	bool exists = stat(path, &st) == 0;
	if (exists && !S_ISREG(st.st_mode))
		return write_directly(path, bytes);
	/* Through a symbolic link the file it points to is replaced, not the link. */
	char *real = exists ? realpath(path, NULL) : NULL;
	int status = write_beside(real ? real : path, exists ? st.st_mode & 0777 : default_mode(), bytes);
	free(real);
	return status;
}

/* Nothing is touched before every byte is here. */
static _Noreturn void serve(const char *path, int in, int out)
{
	struct order order;
	uint8_t *bytes = NULL;
	int status = 0;
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (read_all(in, &order, sizeof order) && (bytes = malloc(order.length + 1)) && read_all(in, bytes, order.length)) {
		status = write_file(path, slice_of(bytes, order.length));
		write_all(out, slice_of(&status, sizeof status));
	}
	_exit(0);
}

/* --- the reading process ---------------------------------------------------------------------------------------------------------- */

/* Tells early what would fail at the end: a folder that is not there or may not be written to. */
static int look_ahead(const char *path)
{
	char folder[PATH_MAX];
	struct stat st;
	size_t slash = slice_find_last_byte(slice_from_cstr(path), '/');
	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? EISDIR : access(path, W_OK) == 0 ? 0 : errno;
	int n = slash == SLICE_NPOS ? snprintf(folder, sizeof folder, ".") : snprintf(folder, sizeof folder, "%.*s", (int)slash + 1, path);
	if (n >= (int)sizeof folder)
		return ENAMETOOLONG;
	return access(folder, W_OK) == 0 ? 0 : errno;
}

static bool failed(const char *path, int status, struct err *reterr)
{
	return err_set(reterr, ERR_WRITE, "%s: %s", path, strerror(status));
}

static bool start_writer(struct output *o)
{
	int there[2], back[2];
	if (pipe2(there, O_CLOEXEC) != 0)
		return false;
	if (pipe2(back, O_CLOEXEC) != 0) {
		close(there[0]);
		close(there[1]);
		return false;
	}
	o->writer = fork();
	if (o->writer == 0) {
		close(there[1]);
		close(back[0]);
		serve(o->path, there[0], back[1]);
	}
	close(there[0]);
	close(back[1]);
	o->to = there[1];
	o->from = back[0];
	if (o->writer > 0)
		return true;
	close(o->to);
	close(o->from);
	return false;
}

struct output *output_begin(const char *path, struct err *reterr)
{
	int status = look_ahead(path);
	struct output *o = status ? NULL : calloc(1, sizeof *o);
	if (status) {
		failed(path, status, reterr);
		return NULL;
	}
	if (o)
		o->path = path;
	if (o && start_writer(o))
		return o;
	failed(path, errno, reterr);
	free(o);
	return NULL;
}

void output_abandon(struct output *o)
{
	if (!o)
		return;
	close(o->to);
	close(o->from);
	while (waitpid(o->writer, NULL, 0) < 0 && errno == EINTR)
		;
	free(o);
}

bool output_finish(struct output *o, struct slice bytes, struct err *reterr)
{
	struct order order = {bytes.n};
	int status = EPIPE;
	bool ok = write_all(o->to, slice_of(&order, sizeof order)) && write_all(o->to, bytes) && read_all(o->from, &status, sizeof status) && status == 0;
	if (!ok)
		failed(o->path, status, reterr);
	output_abandon(o);
	return ok;
}
