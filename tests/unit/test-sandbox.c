#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/sandbox.h"

/* What a child does inside the sandbox; it ends with 0 when that was possible, with 100 when it failed with EACCES, else with what the sandbox made of it. */
enum { POSSIBLE = 0, REFUSED = 100, OTHERWISE = 101 };

static int result(bool ok)
{
	return ok ? POSSIBLE : errno == EACCES ? REFUSED : OTHERWISE;
}

static int open_for_reading(void)
{
	return result(open("/etc/passwd", O_RDONLY) >= 0);
}

static int open_for_writing(void)
{
	return result(open("/tmp/telltale-sandbox-test", O_WRONLY | O_CREAT, 0600) >= 0);
}

static int look_for_file(void)
{
	return result(access("/etc/passwd", R_OK) == 0);
}

static int connect_somewhere(void)
{
	return result(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static int run_program(void)
{
	char *argv[] = {(char *)(uintptr_t) "true", NULL};
	execv("/bin/true", argv);
	return result(false);
}

static int start_process(void)
{
	return result(fork() >= 0);
}

static int look_into_process(void)
{
	return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
}

static int signal_parent(void)
{
	return result(kill(getppid(), 0) == 0);
}

static int remove_file(void)
{
	return result(unlink("/tmp/telltale-sandbox-test") == 0);
}

static int map_code_from_file(void)
{
	return result(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, STDIN_FILENO, 0) != MAP_FAILED);
}

static int make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return result(mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0);
}

static int live_on(void)
{
	char *p = malloc(1 << 22), text[16];
	bool ok = p && (p = realloc(p, 1 << 24)) && write(STDERR_FILENO, "", 0) == 0 && lseek(3, 0, SEEK_SET) == 0 && read(3, text, sizeof text) == 4;
	ok = ok && ftruncate(3, 0) == 0 && time(NULL) > 0 && isatty(3) == 0;
	return result(ok);
}

static int abort_itself(void)
{
	abort();
}

/* Exit status of the child, or minus the signal that ended it. */
static int inside(int (*act)(void))
{
	pid_t child = fork();
	if (child == 0) {
		FILE *f = tmpfile();
		bool ready = f && dup2(fileno(f), 3) == 3 && write(3, "text", 4) == 4 && freopen("/dev/null", "w", stderr);
		signal(SIGABRT, SIG_DFL);
		sandbox_enter();
		_exit(ready ? act() : OTHERWISE);
	}
	int status = 0;
	assert_true(child > 0 && waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void what_reading_needs_is_possible(void **state)
{
	(void)state;
	assert_int_equal(inside(live_on), POSSIBLE);
	assert_int_equal(inside(abort_itself), -SIGABRT);
}

static void the_rest_is_refused(void **state)
{
	(void)state;
	static const struct {
		int (*act)(void);
		int expected;
	} cases[] = {
		{open_for_reading, REFUSED}, {open_for_writing, REFUSED}, {look_for_file, REFUSED}, {connect_somewhere, EXIT_UNREADABLE},
		{run_program, EXIT_UNREADABLE}, {start_process, EXIT_UNREADABLE}, {look_into_process, EXIT_UNREADABLE}, {signal_parent, EXIT_UNREADABLE},
		{remove_file, EXIT_UNREADABLE}, {map_code_from_file, EXIT_UNREADABLE}, {make_code, EXIT_UNREADABLE},
	};
	if (sandbox_is_off())
		skip();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (inside(cases[i].act) != cases[i].expected)
			fail_msg("case %zu: %d instead of %d", i, inside(cases[i].act), cases[i].expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_reading_needs_is_possible),
		cmocka_unit_test(the_rest_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
