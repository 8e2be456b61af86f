/* transcript: everything one run has read or heard, as sessions of events, whatever the source was. One engine reads it, every renderer shows it.
 *
 * A session is one connection (or what is known of it). Events that belong to no connection (settings, prose, the output of other tools, an error message
 * alone) are context: event.session == NULL. transcript.events holds all of both in the order of the evidence.
 * Everything is owned by transcript.arena. Build with the functions below, then call session_finish on every session (transcript_finish does it),
 * which computes the derived tables that rules read: exchanges, capability sets, login attempts. */
#ifndef TT_MODEL_TRANSCRIPT_H
#define TT_MODEL_TRANSCRIPT_H

#include "proto/event.h"

/* Memory that one transcript may take; a source that holds more hands sessions on and drops them. */
#define TRANSCRIPT_MEMORY (48u * 1024u * 1024u)

enum software {
	SOFTWARE_UNKNOWN, SOFTWARE_EXIM, SOFTWARE_POSTFIX, SOFTWARE_SENDMAIL, SOFTWARE_QMAIL, SOFTWARE_EXCHANGE, SOFTWARE_MICROSOFT365, SOFTWARE_GOOGLE,
	SOFTWARE_YAHOO, SOFTWARE_OPENSMTPD, SOFTWARE_DOVECOT, SOFTWARE_CYRUS, SOFTWARE_COURIER, SOFTWARE_HMAILSERVER, SOFTWARE_HARAKA, SOFTWARE_AMAZON_SES,
	SOFTWARE_ICLOUD, SOFTWARE_PROTON_BRIDGE, SOFTWARE_AIOSMTPD, SOFTWARE_COREMAIL, SOFTWARE_COUNT,
};
/* The key that fixes use ("exim", "microsoft365"); "" for unknown. */
const char *software_key(enum software s);
/* Name for people ("Exim", "Microsoft 365"). */
const char *software_title(enum software s);
/* From a greeting, a reply, a log program or a host name. */
enum software software_guess(struct slice text);

struct party {
	struct slice address; /* IP address as text */
	unsigned port;        /* 0: not known */
	struct slice name;    /* host name: greeting or PTR for a server, EHLO argument for a client */
	enum software software;
	struct event *software_from; /* what the guess rests on, or NULL */
};

enum tls_mode { TLS_NONE, TLS_STARTTLS, TLS_IMPLICIT };

struct tls_facts {
	enum tls_mode mode;
	struct slice version, cipher, sni;
	struct slice alert; /* description of a fatal alert, and who sent it */
	enum side alert_from;
};

/* How a session ended, as far as is known. What the wire said is in the events; this is what happened. */
enum outcome {
	OUTCOME_UNKNOWN,
	OUTCOME_OK,             /* did what it was for: message accepted, mailbox opened, login passed */
	OUTCOME_REFUSED,        /* a final negative reply */
	OUTCOME_DEFERRED,       /* a temporary negative reply */
	OUTCOME_TIMED_OUT,
	OUTCOME_RESET,
	OUTCOME_CLOSED_EARLY,   /* closed in the middle without a reason */
	OUTCOME_TLS_FAILED,
	OUTCOME_NOT_CONNECTED,
	OUTCOME_COUNT,
};
const char *outcome_name(enum outcome o);

/* One command and its answer. For STATUS_MORE answers (334, 354) the final reply follows as another exchange or as `final`. */
struct exchange {
	struct event *command;   /* EV_COMMAND or EV_DATA (verb "DOT"); NULL for the greeting and for reported replies without one */
	struct event *reply;     /* first final reply, or NULL when none came */
	struct slice verb;       /* of the command, or what a report says it answers; "CONNECT" for the greeting */
	bool tls, authenticated; /* when the command was said */
	bool positive;           /* reply is 2xx/3xx, OK, +OK */
	bool negative;           /* reply is 4xx/5xx, NO, BAD, -ERR, BYE */
};

/* What the server said it can do: one EHLO reply, CAPABILITY or CAPA listing. */
struct capabilities {
	struct event *event;
	bool tls, authenticated;
	struct slice *items; /* "AUTH PLAIN LOGIN", "STARTTLS", "SIZE 1000"; IMAP: "AUTH=PLAIN" */
	size_t n_items;
};

struct login {
	struct event *command; /* AUTH, AUTHENTICATE, LOGIN, PASS, APOP; or what a log reports */
	struct event *reply;   /* final reply, or NULL */
	struct slice mech;     /* "PLAIN", "CRAM-MD5", ...; "LOGIN-CMD" for IMAP LOGIN, "USER/PASS" for POP3 */
	struct slice user, password;
	struct event *user_event, *password_event; /* steps that carried them */
	bool initial_response, tls;
	bool offered;          /* mechanism was in the capability list before it */
	bool caps_known;       /* there was such a list */
	bool passed, failed;
	unsigned responses;    /* client steps after the command */
};

struct session {
	unsigned id; /* from 1 */
	struct transcript *transcript;
	enum protocol protocol;
	struct party client, server;
	struct tls_facts tls;
	struct stamp start, end;
	enum outcome outcome;
	enum side closed_by;
	bool complete;    /* finish was called */
	bool from_log;    /* events are what a log reports, not a dialogue */
	struct slice key; /* reader's own key (queue id, "smtpd[123]") */

	VEC(struct event *) events;
	/* derived by session_finish */
	VEC(struct exchange) exchanges;
	VEC(struct capabilities) caps;
	VEC(struct login) logins;
	struct slice ehlo;       /* last EHLO/HELO/LHLO argument; ehlo_event says which */
	struct event *ehlo_event;
	struct slice mail_from, rcpt_to; /* last of each, brackets taken off */
	bool message_accepted;
};

struct input {
	struct slice path;
	struct slice form;  /* main form recognised: "postfix-log", "swaks", ... */
	uint64_t bytes;
	uint64_t lines;
	uint64_t lines_unused; /* lines that no form could use */
	uint64_t dropped;      /* live: packets that the kernel lost */
};

struct transcript {
	struct arena *arena;
	VEC(struct input) inputs;
	VEC(struct session *) sessions;
	VEC(struct event *) events;  /* all, in the order of the evidence */
	VEC(struct event *) context; /* those without a session */
	bool memory_full;
	unsigned sessions_made;      /* also those handed on */
};

/* The transcript owns its arena. NULL when memory is out. */
struct transcript *transcript_new(void);
void transcript_free(struct transcript *t);
/* Drops all sessions and events but keeps inputs and numbering: for streams, once what was read is diagnosed. */
void transcript_recycle(struct transcript *t);
void transcript_finish(struct transcript *t);

/* Moves everything of `from` (sessions, events; its inputs are dropped) behind what t holds; `from` is freed. */
void transcript_adopt(struct transcript *t, struct transcript *from);

struct session *session_new(struct transcript *t, enum protocol p);
/* Adds an event (numbered, linked); s NULL for context. Takes no copy: the event must live in the transcript's arena. */
void transcript_add(struct transcript *t, struct session *s, struct event *e);
/* Computes the derived tables; called again after more events, it starts afresh. */
void session_finish(struct session *s);

/* --- questions that rules ask --------------------------------------------------------------------------------------------------- */

/* Last capability list before event n (0: last of all), or NULL. */
const struct capabilities *session_caps_before(const struct session *s, unsigned n);
/* The first list said with that TLS state, or NULL. */
const struct capabilities *session_caps_tls(const struct session *s, bool tls);
/* Item "KEYWORD" or "KEYWORD args" in the list (case-insensitive); its arguments in *ret_args (may be NULL). SMTP "AUTH=LOGIN" counts as AUTH. */
bool caps_have(const struct capabilities *c, struct slice keyword, struct slice *ret_args);
/* SASL mechanism offered in that list, in any protocol's spelling. */
bool caps_have_mech(const struct capabilities *c, struct slice mech);
bool caps_offer_auth(const struct capabilities *c);
/* First exchange with that verb at or after index `from`, or NULL; *ret_index (may be NULL) is its index. */
const struct exchange *session_exchange(const struct session *s, struct slice verb, size_t from, size_t *ret_index);
/* First event of that kind at or after position `from` of s->events; NULL if none. */
struct event *session_event(const struct session *s, enum event_kind k, size_t from);
bool exchange_is(const struct exchange *x, struct slice verb);
/* The text after code and enhanced code of a reply event, first line. */
struct slice reply_human(const struct event *reply);
/* Does the evidence hide this value (stars, <...>, REDACTED)? Then nothing follows from its form. */
bool value_is_masked(struct slice v);

#endif
