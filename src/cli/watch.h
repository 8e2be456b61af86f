/* watch: the loop behind `telltale watch`: packets in, sessions judged and printed as they end, a summary at the end. */
#ifndef TT_CLI_WATCH_H
#define TT_CLI_WATCH_H

#include <stdio.h>

#include "diagnose/diagnose.h"
#include "evidence/capture/live.h"
#include "evidence/capture/write.h"
#include "report/report.h"

/* RFC 5321 section 4.5.3.2 lets a server think for minutes; whoever watches wants to know earlier. */
#define WATCH_IDLE_S 120u
#define WATCH_RING_FILES 10u

struct watch_options {
	const char *interface, *filter;
	bool promiscuous, jsonl, quiet;
	struct report_options report;
	uint64_t count, duration_s, idle_s, buffer_mib; /* 0: no limit, or as usual */
	uint64_t ring_bytes, ring_files, ring_seconds;
	int fds[WRITE_FILES_MAX]; /* of --write, open */
	size_t n_fds;
	struct tls_keys *keys;    /* of --key; NULL: none */
	FILE *keylog;             /* read as it grows; NULL: none */
};

struct watch;

/* Opens the interface and compiles the knowledge. o and k must stay. */
struct watch *watch_open(struct watch_options *o, const struct knowledge *k, struct err *reterr);
/* Begins the files of o->fds, if any. */
bool watch_write(struct watch *w, struct err *reterr);
/* Until a limit or a signal. Returns the exit status. */
int watch_run(struct watch *w);
void watch_close(struct watch *w);

#endif
