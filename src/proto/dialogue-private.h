/* What the three grammars share; for src/proto/{dialogue,smtp,imap,pop3}.c only. */
#ifndef TT_PROTO_DIALOGUE_PRIVATE_H
#define TT_PROTO_DIALOGUE_PRIVATE_H

#include "proto/dialogue.h"
#include "proto/message.h"
#include "proto/sasl.h"

enum side_mode {
	MODE_LINES,
	MODE_MESSAGE, /* until a line with a single dot */
	MODE_COUNTED, /* a literal or BDAT chunk of known size */
	MODE_OPAQUE,  /* TLS records or binary that nobody decrypts: swallowed */
};

/* One line being collected. */
struct line {
	struct slice bytes;   /* with its line end, what was kept of it */
	struct slice text;    /* without line end */
	uint64_t length;      /* all its bytes without the line end */
	uint32_t oddities;
	struct stamp first, last;
};

struct half {
	enum side_mode mode;
	uint64_t counted_left;
	uint8_t *kept;
	size_t kept_n, kept_cap;
	uint64_t length;
	bool has_first, last_byte_cr, bare_cr;
	bool after_gap; /* bytes are missing before the current line */
	struct stamp first, last;
	struct message *message; /* made when the first one comes: most sessions that are open at once have none */
	struct event *message_event;
};

struct grammar {
	void (*server_line)(struct dialogue *d, const struct line *l);
	void (*client_line)(struct dialogue *d, const struct line *l);
	/* That side is about to say a line: ends what the pasted other side left open. */
	void (*interrupt)(struct dialogue *d, enum side speaker, const struct line *l);
	/* Nothing more comes: hands over what is still open. */
	void (*end)(struct dialogue *d);
};

struct dialogue {
	struct arena *arena;
	enum protocol protocol;
	const struct grammar *grammar;
	dialogue_sink sink;
	void *user;
	struct half half[2]; /* [0] client, [1] server */
	struct event *pending[DIALOGUE_PENDING];
	unsigned pending_n;
	bool pasted, greeted, tls, authenticated, overflowed, in_sasl, pipelining;
	struct sasl sasl;
	struct event *sasl_cmd;
	struct event *open_reply; /* multi-line reply or listing under construction */
	struct event *open_command; /* IMAP: command waiting for its literal's rest */
	size_t reply_cap, raw_cap, text_cap;
	const struct event *unseen; /* command whose reply is missing in the evidence */
	unsigned sasl_ahead;         /* responses that came before their challenge */
	unsigned lmtp_recipients;
	bool listing_is_message;
};

extern const struct grammar grammar_smtp, grammar_imap, grammar_pop3;

static inline struct half *half_of(struct dialogue *d, enum side side)
{
	return &d->half[side == SIDE_SERVER];
}

struct event *dialogue_event(struct dialogue *d, enum event_kind kind, enum side side, const struct line *l);
void dialogue_emit(struct dialogue *d, struct event *e);
void dialogue_push(struct dialogue *d, struct event *cmd);
struct event *dialogue_front(struct dialogue *d);
struct event *dialogue_pop(struct dialogue *d);
/* Marks a client event as early, pipelined ... by the state of the dialogue, and queues it. */
void dialogue_queue_command(struct dialogue *d, struct event *e);
void dialogue_link(struct event *cmd, struct event *reply);
/* Adds a line to a reply or listing under construction. */
void dialogue_append(struct dialogue *d, struct event *e, const struct line *l, struct slice text);
void dialogue_message_begin(struct dialogue *d, enum side side, struct event *e);
/* Ends the message of that side and emits its event. */
void dialogue_message_end(struct dialogue *d, enum side side, bool dot);
/* SASL, the same for all three. */
void dialogue_sasl_begin(struct dialogue *d, struct event *cmd, struct slice mech, struct slice initial, bool has_initial);
void dialogue_sasl_challenge(struct dialogue *d, struct event *e, struct slice base64);
void dialogue_sasl_response(struct dialogue *d, const struct line *l);
void dialogue_sasl_end(struct dialogue *d);
/* What the missing reply to this command must have been, by what the client says next: 334 to AUTH, 354 to DATA. */
bool dialogue_reply_unseen(const struct dialogue *d, struct slice verb);
/* Marks the secret of an event. */
void dialogue_secret(struct event *e, struct slice part);

/* Canonical capitals of a word, in the arena. */
struct slice upper(struct arena *a, struct slice s);

bool smtp_command_parse(struct arena *a, struct slice line, struct command *ret, uint32_t *oddities);
bool imap_command_parse(struct arena *a, struct slice line, struct command *ret, uint32_t *oddities);
bool pop3_command_parse(struct arena *a, struct slice line, struct command *ret, uint32_t *oddities);
bool smtp_reply_line(struct slice line, unsigned *code, uint8_t *separator, struct slice *text);
bool imap_reply_line(struct slice line, struct reply *ret);
bool pop3_reply_line(struct slice line, struct reply *ret);
bool smtp_is_verb(struct slice word);
bool pop3_is_verb(struct slice word);
bool imap_is_verb(struct slice word);
/* The user and password words of IMAP LOGIN, quotes taken off. */
void imap_login_words(struct slice args, struct slice *user, struct slice *password);

#endif
