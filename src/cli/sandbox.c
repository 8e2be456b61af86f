#define _GNU_SOURCE
#include "cli/sandbox.h"

/* The sanitizers trace the process and write reports: they and the sandbox exclude each other. */
#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_OFF 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SANDBOX_OFF 1
#endif
#endif

#ifdef SANDBOX_OFF

void sandbox_enter(void)
{
}

bool sandbox_is_off(void)
{
	return true;
}

#else

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/i18n.h"
#include "base/slice.h"

/* --- files -------------------------------------------------------------------------------------------------------------------------------- */

/* linux/landlock.h of Debian 12 knows less than today's kernels: the structure and the bits by version of the interface. */
struct landlock_attr {
	uint64_t fs, net, scoped;
};
#define LANDLOCK_VERSION_FLAG 1u

/* A ruleset that handles every access there is and allows none of it. */
static void forbid_files(void)
{
	static const struct {
		uint64_t fs, net, scoped;
		size_t size;
	} versions[] = {
		{0x1fff, 0, 0, 8}, {0x3fff, 0, 0, 8}, {0x7fff, 0, 0, 8}, {0x7fff, 3, 0, 16}, {0xffff, 3, 0, 16}, {0xffff, 3, 3, 24},
	};
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION_FLAG);
	if (version < 1)
		return;
	size_t i = (size_t)version < sizeof versions / sizeof *versions ? (size_t)version - 1 : sizeof versions / sizeof *versions - 1;
	struct landlock_attr attr = {versions[i].fs, versions[i].net, versions[i].scoped};
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, versions[i].size, 0);
	if (fd < 0)
		return;
	syscall(SYS_landlock_restrict_self, fd, 0);
	close(fd);
}

/* --- calls -------------------------------------------------------------------------------------------------------------------------------- */

static const int allowed[] = {
	/* what is open */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(fstat),
	SCMP_SYS(ftruncate), SCMP_SYS(fadvise64), SCMP_SYS(poll), SCMP_SYS(ppoll),
	/* a live capture, and the process that writes a page */
	SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(recvfrom), SCMP_SYS(wait4),
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	/* the clock */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
	/* the process itself */
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall), SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(getrandom), SCMP_SYS(sysinfo), SCMP_SYS(getrusage),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getcwd),
};

/* Libraries look for files now and then (time zones, character sets, catalogues, modules) and go on without. */
static const int looked_up[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(uname), SCMP_SYS(prlimit64), SCMP_SYS(sched_getaffinity),
};

static void allow_with_arguments(scmp_filter_ctx f)
{
	static const unsigned long ioctls[] = {TCGETS, TIOCGWINSZ, FIONREAD, SIOCGIFFLAGS};
	static const int fcntls[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD};
	for (size_t i = 0; i < sizeof ioctls / sizeof *ioctls; i++)
		seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, ioctls[i]));
	for (size_t i = 0; i < sizeof fcntls / sizeof *fcntls; i++)
		seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)fcntls[i]));
	/* Code is only made by the compiler of patterns, in memory of its own: never from a file. */
	seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC),
			 SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
	seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* fstat is this call with an empty path in today's C library. */
	seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1, SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
	seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(newfstatat), 1, SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, 0));
	/* abort() */
	seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

static void forbid_calls(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_TRAP);
	if (!f)
		return;
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < sizeof looked_up / sizeof *looked_up; i++)
		seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), looked_up[i], 0);
	allow_with_arguments(f);
	/* Without it the processor is slowed down for every process that has a filter. */
	seccomp_attr_set(f, SCMP_FLTATR_CTL_SSB, 1);
	seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	seccomp_load(f);
	seccomp_release(f);
}

/* --- what a forbidden call leads to --------------------------------------------------------------------------------------------------------- */

static char message[512];

static void on_forbidden(int n, siginfo_t *info, void *context)
{
	char digits[16];
	size_t at = sizeof digits;
	(void)n;
	(void)context;
	for (unsigned v = (unsigned)info->si_syscall; at == sizeof digits || v; v /= 10)
		digits[--at] = (char)('0' + v % 10);
	const struct slice parts[] = {slice_from_cstr(message), slice_of(digits + at, sizeof digits - at), S(")\n")};
	for (size_t i = 0; i < 3; i++)
		if (write(STDERR_FILENO, parts[i].p, parts[i].n) < 0)
			break;
	_exit(EXIT_UNREADABLE);
}

void sandbox_enter(void)
{
	struct sigaction sa = {.sa_sigaction = on_forbidden, .sa_flags = (int)(SA_SIGINFO | SA_RESETHAND)};
	/* A message that is found in the catalogue (its header always is) loads it, with the tables of its character set. */
	gettext("");
	snprintf(message, sizeof message, "telltale: %s (", _("stopped: reading the evidence led to something that reading never does. This is a fault of telltale, or an "
							     "attack hidden in the evidence; --no-sandbox reads without this protection"));
	sigaction(SIGSYS, &sa, NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return;
	forbid_files();
	forbid_calls();
}

bool sandbox_is_off(void)
{
	return false;
}

#endif
