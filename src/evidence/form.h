/* form: one way in which evidence is written (a telnet paste, a swaks transcript, a Postfix log). One file per form: src/evidence/forms/NAME.c defines
 *
 *     const struct form form_NAME = { .name = "postfix-log", .title = N_("Postfix log"), .recognise = …, .take = … };
 *
 * (file name with - as _) and the build collects them: adding a form touches nothing else. A text input is read line by line. The form that took the last
 * line is asked first; when it is sure (FORM_SURE) it takes the line, otherwise every form is asked and the highest bid takes it; a tie goes to the active
 * form. Several forms can so alternate in one paste, with prose between them. Lines nobody bids for go to the general reader (forms/general.c).
 *
 * recognise must be cheap (look at a few bytes first) and must not change anything; take turns the line into events with the functions below. */
#ifndef TT_EVIDENCE_FORM_H
#define TT_EVIDENCE_FORM_H

#include "model/transcript.h"
#include "proto/dialogue.h"

#define N_(s) s

/* Bids. */
enum {
	FORM_NO = 0,
	FORM_MAYBE = 30,  /* the grammar alone would allow it */
	FORM_LIKELY = 60, /* looks like it, others might too */
	FORM_STRONG = 80, /* a mark that hardly anything else has */
	FORM_SURE = 95,   /* cannot be anything else */
};

/* A line longer than this is cut for reading (the rest counted): no log or paste has a decisive word after 64 KiB. */
#define READER_LINE_MAX (64u * 1024u)
/* What reader_continue puts together: stack traces, wrapped bounces. Longer runs of such lines are many events. */
#define READER_CONTINUE_MAX (8u * 1024u)
/* Above this size an input is read as a stream: forms skip lines that say nothing is wrong, and finished sessions are diagnosed and dropped. */
#define READER_BIG (4u * 1024u * 1024u)
/* Log sessions kept open at once; the oldest is closed beyond. */
#define READER_OPEN_SESSIONS 4096u

struct reader;

struct form {
	const char *name;
	const char *title; /* for people, untranslated */
	int (*recognise)(struct reader *r, struct slice line);
	void (*take)(struct reader *r, struct slice line);
	void (*end)(struct reader *r); /* optional: at the end of the input */
	size_t state_size;             /* of the form's own zeroed memory, see reader_state */
};

/* --- what a form may ask -------------------------------------------------------------------------------------------------------- */

struct arena *reader_arena(struct reader *r);
/* The calling form's own memory, zeroed at the start of the input. */
void *reader_state(struct reader *r, const struct form *f);
/* The form that took the previous line (NULL at the start). */
const struct form *reader_active(const struct reader *r);
bool reader_is_big(const struct reader *r);
/* Dialogue of the session being read, or NULL; and that session. */
struct dialogue *reader_dialogue(struct reader *r);
struct session *reader_session(struct reader *r);
/* Input lines from the end of the last line that was part of the dialogue (0: the line before was). */
unsigned reader_lines_since_said(const struct reader *r);
/* The line after the current one, without its line end (empty at the end of what is in memory). */
struct slice reader_peek(const struct reader *r);

/* A syslog or journal line taken apart once per line ("Sep  1 10:20:31 mx postfix/smtpd[10031]: text", ISO time stamps, with or without host, docker
 * compose "name | " prefixes). False if it is none. */
struct syslog_line {
	struct slice time, host, program, message;
	uint64_t pid; /* 0: none */
	int64_t time_us;
	bool has_time;
};
bool reader_syslog(struct reader *r, struct slice line, struct syslog_line *ret);
/* A time stamp at the front of s ("2024-01-31 10:11:12.345", "[…]", "10:11:12", "Jan 31 10:11:12", RFC 3339, epoch) is removed from *s. False if there is
 * none. The year of stamps without one is not known: has_time stays false then but for the time of day order. */
bool reader_skip_time(struct slice *s, int64_t *ret_us);

/* --- what a form emits ------------------------------------------------------------------------------------------------------------ */

/* Starts a new session; what is said from now on belongs to it. NULL only when memory is out (then emit nothing). */
struct session *reader_new_session(struct reader *r, enum protocol p);
/* Ends the current session (a connection closed, an unrelated thing follows). */
void reader_end_session(struct reader *r);
/* A line of dialogue, without its line end. SIDE_UNKNOWN lets the grammar decide. Opens a session when there is none or when a new greeting comes. */
void reader_say(struct reader *r, enum side side, struct slice text);
/* The same with bytes as they were (escapes undone, several lines, line ends included). */
void reader_say_raw(struct reader *r, enum side side, struct slice bytes);
/* The time of what is said next (0 forgets it). */
void reader_set_time(struct reader *r, int64_t us);
/* Something that is no dialogue: EV_ERROR, EV_TLS, EV_CONNECT, EV_CLOSE belong to the current session if one is open, else to the context;
 * EV_CONFIG, EV_TOOL, EV_PROSE always to the context. text is copied. Never NULL (a dummy when memory is out). */
struct event *reader_event(struct reader *r, enum event_kind k, enum side side, struct slice text);
/* Adds lines to the last event of that kind if it was made from the line just before (stack traces, wrapped bounces); else a new event. */
struct event *reader_continue(struct reader *r, enum event_kind k, enum side side, struct slice text);
void reader_program(struct event *e, struct slice program);
/* key must be a literal or static. Known keys: after (verb a quoted reply answers), client_address, client_name, server_address, server_name, port, helo,
 * from, to, user, mech, queue_id, relay, dsn, status, size, delay, tls, setting (name of an EV_CONFIG), value. */
void reader_fact(struct reader *r, struct event *e, const char *key, struct slice value);
/* A setting shown in the evidence: text is the whole line. */
struct event *reader_setting(struct reader *r, struct slice name, struct slice value, struct slice line);

/* The session of a log that goes by this key ("smtpd[1002]", queue id); made when new. key is copied. Its from_log is set. */
struct session *reader_log_session(struct reader *r, struct slice key, enum protocol p);
/* Is there one? NULL if not. */
struct session *reader_find_log_session(struct reader *r, struct slice key);
/* The log says that it ended: in a stream it is diagnosed soon. */
void reader_end_log_session(struct reader *r, struct slice key);
/* A statement of a log. s NULL: context. */
struct event *reader_log(struct reader *r, struct session *s, struct slice program, struct slice text);
/* A reply that a log, bounce or error message quotes; after: verb it answers ("RCPT", "CONNECT", "DOT"), empty if not told. Lines joined by LF, or wrapped
 * "550-5.7.1 a 550 5.7.1 b" as Postfix logs it (taken apart again). NULL when the text holds no reply. */
struct event *reader_quote_reply(struct reader *r, struct session *s, enum protocol p, struct slice text, struct slice after);
/* A command that a log or error message quotes. */
struct event *reader_quote_command(struct reader *r, struct session *s, enum protocol p, struct slice line);
/* An event of the session that is not quoted but follows from the report (ODD_RECONSTRUCTED): "EHLO name", ... */
struct event *reader_infer_command(struct reader *r, struct session *s, enum protocol p, struct slice line);

/* "host[1.2.3.4]:25", "host [1.2.3.4]", "1.2.3.4", "[2001:db8::1]:587" taken apart; parts not there stay empty. */
void reader_split_host(struct slice text, struct slice *name, struct slice *address, unsigned *port);

#endif
