/* The line reader's insides; for src/evidence/{reader,emit,source,syslog}.c only. */
#ifndef TT_EVIDENCE_READER_PRIVATE_H
#define TT_EVIDENCE_READER_PRIVATE_H

#include "evidence/evidence.h"
#include "evidence/forms.h"

/* More forms than there will be. */
#define READER_FORMS_MAX 256u

/* Forms that took lines lately and are asked before the others. */
#define READER_RECENT 6u
/* Longest margin of a pasted line that is taken off. */
#define READER_MARGIN 64u

/* Shapes of lines that no form knew. */
#define READER_UNKNOWN 4096u

/* Log sessions by key: open addressing, cleared when three quarters full. */
#define LOG_SLOTS (READER_OPEN_SESSIONS * 2)
struct log_slot {
	uint64_t hash;
	struct session *session;
};

struct reader {
	struct transcript *transcript;
	const struct evidence_options *options;
	struct arena *own;           /* states of the forms, the table of log sessions: outlives a recycled transcript */
	unsigned input;
	bool big;
	/* what stands in front of pasted lines, once a form was sure of what stands behind it */
	uint8_t margin[READER_MARGIN];
	size_t margin_n;
	/* the current line */
	uint32_t line_no;
	uint64_t offset;
	struct slice line, next;
	bool syslog_done, syslog_ok;
	struct syslog_line syslog;
	/* forms */
	const struct form *active;
	const struct form *taking;
	const struct form *recent[READER_RECENT];
	void *states[READER_FORMS_MAX];
	uint64_t taken[READER_FORMS_MAX];
	/* the dialogue being read */
	struct session *session;
	struct dialogue *dialogue;
	uint32_t said_line;
	int64_t now_us;
	bool has_now;
	uint32_t unknown[READER_UNKNOWN];
	/* for reader_continue */
	struct event *last;
	uint32_t last_line;
	const struct event *joined; /* whose text has room for joined_cap bytes */
	size_t joined_cap;
	struct event dummy;
	/* logs */
	struct log_slot *logs;
	unsigned n_logs;
};

/* Stamp of the current line. */
struct stamp reader_stamp(const struct reader *r);
/* Ends everything open and forgets it, before the transcript is finished or recycled. */
void reader_close_all(struct reader *r);

/* syslog.c */
bool syslog_parse(struct slice line, struct syslog_line *ret);

#endif
