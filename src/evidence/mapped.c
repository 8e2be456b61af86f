#define _GNU_SOURCE
#include "evidence/mapped.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Linux 5.14; not in the headers of Debian 12's C library. Without it pages come one fault at a time. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

struct mapped {
	uint8_t *p;
	size_t n;
	size_t behind, ahead; /* given back up to here; mapped up to here */
	volatile sig_atomic_t shrank;
	struct sigaction before;
};

/* For the signal handler. */
static struct mapped *volatile current;

/* A page of the file is not there any more: zeros from it to the end take its place. Anything else is a fault of ours and ends the program. */
static void on_bus_error(int n, siginfo_t *info, void *context)
{
	struct mapped *m = current;
	uint8_t *at = info->si_addr;
	(void)context;
	if (m && at >= m->p && at < m->p + m->n) {
		uintptr_t page = (uintptr_t)at & ~((uintptr_t)4096 - 1);
		size_t rest = (size_t)(m->p + m->n - (uint8_t *)page);
		m->shrank = 1;
		if (mmap((void *)page, rest, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
			return;
	}
	signal(n, SIG_DFL);
}

static void map_ahead(struct mapped *m)
{
	if (m->ahead >= m->n)
		return;
	size_t n = m->n - m->ahead < MAPPED_STEP ? m->n - m->ahead : MAPPED_STEP;
	madvise(m->p + m->ahead, n, MADV_POPULATE_READ);
	m->ahead += n;
}

struct mapped *mapped_open(int fd)
{
	struct stat st;
	struct mapped *m = NULL;
	void *p = MAP_FAILED;
	bool possible = !current && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && sysconf(_SC_PAGESIZE) == 4096;
	if (possible && (m = calloc(1, sizeof *m)))
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		free(m);
		return NULL;
	}
	m->p = p;
	m->n = (size_t)st.st_size;
	madvise(p, m->n, MADV_SEQUENTIAL);
	struct sigaction sa = {.sa_sigaction = on_bus_error, .sa_flags = (int)(SA_SIGINFO | SA_NODEFER)};
	sigaction(SIGBUS, &sa, &m->before);
	current = m;
	map_ahead(m);
	map_ahead(m);
	return m;
}

void mapped_close(struct mapped *m)
{
	if (!m)
		return;
	current = NULL;
	sigaction(SIGBUS, &m->before, NULL);
	munmap(m->p, m->n);
	free(m);
}

struct slice mapped_bytes(const struct mapped *m)
{
	return slice_of(m->p, m->n);
}

void mapped_advance(struct mapped *m, uint64_t at)
{
	/* One step stays behind, for what still points there. */
	while (at > m->behind + 2 * (uint64_t)MAPPED_STEP) {
		if (!m->shrank)
			madvise(m->p + m->behind, MAPPED_STEP, MADV_DONTNEED);
		m->behind += MAPPED_STEP;
	}
	while (m->ahead < m->n && at + MAPPED_STEP > m->ahead)
		map_ahead(m);
}

bool mapped_shrank(const struct mapped *m)
{
	return m->shrank;
}
