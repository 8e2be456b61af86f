/* kit: what several forms share: escapes undone, values picked out of "key=value" lists, words of programs turned into verbs, quoted replies. */
#ifndef TT_EVIDENCE_KIT_H
#define TT_EVIDENCE_KIT_H

#include "evidence/form.h"

/* \r \n \t \\ \" \' \xNN \NNN \uNNNN undone; what is no escape stays. */
struct slice kit_unescape(struct arena *a, struct slice s);
/* Takes a string in quotes ('…' "…", also b'…' u'…') off the front of *s, after blanks; *ret is what stands in it, escapes undone. A string that is not
 * closed ends with the line. False (s untouched) if there is none. */
bool kit_string(struct arena *a, struct slice *s, struct slice *ret);
/* The value behind "key=" in a list of them: what stands in <> or quotes, else up to a comma, semicolon, blank or closing bracket. Empty when absent.
 * key comes with its "=" and matches at the beginning of a word only. */
struct slice kit_value(struct slice s, struct slice key);
/* The verb that a program's words name: "in reply to end of DATA command" is DOT, "initial server greeting" is CONNECT. Empty if none. */
struct slice kit_phase(struct slice words);
/* The verb behind which a function stands that a stack trace names ("SMTPTransport.rcptTo", "MailCommand.Send", "_actionAUTHComplete"). Empty if none. */
struct slice kit_frame(struct slice line);
/* The first 4xx or 5xx reply inside a sentence, from its code to the end; empty if there is none. Numbers of ports, lines and times do not count. */
struct slice kit_find_reply(struct slice s);
/* Protocol named anywhere in the words ("imap", "pop", "smtp"), else PROTOCOL_UNKNOWN. */
enum protocol kit_protocol(struct slice words);

/* What one side said, each line's mark taken off: the first entry whose mark begins the line. */
struct kit_mark {
	const char *mark; /* NULL ends the table */
	enum side side;
};
const struct kit_mark *kit_marked(const struct kit_mark *table, struct slice line, struct slice *ret_rest);
/* For evidence that shows the first line of each reply only: "250-mx" becomes "250 mx", since the reply ends there as far as is known. */
struct slice kit_first_line(struct reader *r, struct slice said);
/* Does the line begin with one of these (ended by NULL)? The index, or -1. */
int kit_prefix(const char *const *table, struct slice line);
/* Does it hold one of these anywhere, any case? */
bool kit_has_any(const char *const *table, struct slice text);

/* Lines of one reply that a log or a page ran together ("250-mx250-SIZE 1000250 HELP", "535-5.7.8 a 535 5.7.8 b"), each on its own line again. */
struct slice kit_unglue(struct arena *a, struct slice reply);

/* A reply that an error message quotes. It goes to the session being read, unless the server is seen saying it there already; with no session, to one of
 * its own that is told from a report. NULL when nothing was added. */
struct event *kit_quote(struct reader *r, enum protocol p, struct slice reply, struct slice after);
/* An error of a client program, with its name. */
struct event *kit_error(struct reader *r, struct slice program, struct slice text);
/* The reader's session speaks TLS from here on; text is the line that says so. Version and cipher may be empty. */
void kit_tls(struct reader *r, struct slice version, struct slice cipher, struct slice text);
/* A new connection: the session begins, its server is what is named; text is the line that says so. */
struct session *kit_connect(struct reader *r, enum protocol p, struct slice host, struct slice address, unsigned port, struct slice text);

/* Names the client or server of a log's session once, from "host[1.2.3.4]:25". */
void kit_party(struct reader *r, struct party *p, struct slice text);
/* A log line of any shape taken apart: as reader_syslog, and also "program[pid]: text" without a time, and a time without a program (program empty). */
bool kit_log_line(struct reader *r, struct slice line, struct syslog_line *ret);
/* A statement of that line in session s (NULL: context), with its time and program; its text begins with the program as far as the line does. */
struct event *kit_log(struct reader *r, struct session *s, const struct syslog_line *l, struct slice text);
/* Facts from a table of "key=" words found in the text: pairs of the word and the fact's name, ended by NULL. */
void kit_facts(struct reader *r, struct event *e, struct slice text, const char *const (*table)[2]);
/* "program[pid]" in buf (of at least 64 bytes). */
struct slice kit_log_key(char *buf, size_t n, struct slice program, uint64_t pid);

#endif
