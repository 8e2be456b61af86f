/* mtp_lines: what the forms of MTP programs share. Their output is no dialogue: each line is a statement of a program. Lines that say that something went
 * wrong become EV_ERROR of an MTP session (one per input), all others EV_TOOL. The session's client is the program, its server the device, as far as the
 * lines name them. Nothing here decides about causes. */
#ifndef TT_EVIDENCE_MTP_LINES_H
#define TT_EVIDENCE_MTP_LINES_H

#include "evidence/form.h"

/* A piece of text by which a form knows its lines. */
struct mtp_mark {
	const char *text; /* NULL ends the table */
	int bid;
	bool anywhere; /* in that case; else at the start (leading blanks skipped), in any case */
};

/* The highest bid of the marks found in the line. */
int mtp_bid(struct slice line, const struct mtp_mark *marks);
/* Is it a shell prompt line ("$ jmtpfs ~/mnt", "user@host:~# sudo mtp-detect") that runs this program? */
bool mtp_is_command(struct slice line, const char *program);
/* Does the line say that something went wrong? */
bool mtp_is_trouble(struct slice line);
/* Emits the line as a statement of that program. */
void mtp_take(struct reader *r, const char *program, struct slice line);

#endif
