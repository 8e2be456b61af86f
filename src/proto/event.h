/* event: the vocabulary of the transcript: what one side said, or what happened, with where it came from and what was odd about it.
 * Grammar parsers (dialogue.h) fill events; readers and the model add the rest. Everything in an event lives in the session's arena.
 * raw is what was on the wire or in the evidence, byte for byte; text is for showing and matching: no line ends, lines joined by LF. */
#ifndef TT_PROTO_EVENT_H
#define TT_PROTO_EVENT_H

#include "base/arena.h"
#include "base/slice.h"

enum protocol { PROTOCOL_UNKNOWN, PROTOCOL_SMTP, PROTOCOL_LMTP, PROTOCOL_IMAP, PROTOCOL_POP3, PROTOCOL_MTP, PROTOCOL_COUNT };
/* "smtp", "lmtp", ... ; "unknown". */
const char *protocol_name(enum protocol p);
/* From a name or URL scheme ("smtps", "submission", "imaps", "pop"), or a port number; PROTOCOL_UNKNOWN if neither. */
enum protocol protocol_from_name(struct slice name);
enum protocol protocol_from_port(unsigned port);

enum side { SIDE_UNKNOWN, SIDE_CLIENT, SIDE_SERVER, SIDE_US };
const char *side_name(enum side s);

#define EVENT_KIND_LIST(X)                                                                                \
	X(EV_GREETING, "greeting")   /* the server's first words */                                      \
	X(EV_COMMAND, "command")     /* a command with its arguments */                                  \
	X(EV_REPLY, "reply")         /* an answer; also one that a log or an error message reports */    \
	X(EV_UNTAGGED, "untagged")   /* IMAP: * line; POP3/IMAP: a line of a listing */                  \
	X(EV_CHALLENGE, "challenge") /* a step of a SASL exchange from the server (334, +) */            \
	X(EV_RESPONSE, "response")   /* a step of it from the client */                                  \
	X(EV_DATA, "data")           /* a message or literal, summarised */                              \
	X(EV_TLS, "tls")             /* TLS started, hello, certificate, alert, or bytes not readable */ \
	X(EV_CONNECT, "connect")     /* a connection attempt or its result */                            \
	X(EV_CLOSE, "close")         /* the connection ended: who, how */                                \
	X(EV_LOG, "log")             /* a statement of a log */                                          \
	X(EV_ERROR, "error")         /* what a client program or library said went wrong */              \
	X(EV_BOUNCE, "bounce")       /* text of a delivery report */                                     \
	X(EV_CONFIG, "config")       /* a setting shown in the evidence */                               \
	X(EV_TOOL, "tool")           /* what another tool printed (nmap, ls, dig, lsusb, postconf …) */  \
	X(EV_PROSE, "prose")         /* words of the person who pasted it, or lines nothing recognised */

enum event_kind {
#define X(id, name) id,
	EVENT_KIND_LIST(X)
#undef X
	EV_KIND_COUNT
};
const char *event_kind_name(enum event_kind k);

/* Oddities: named things that a strict peer might mind. A set of bits in event.oddities. */
#define ODDITY_LIST(X)                                                                                                     \
	X(ODD_BARE_LF, "bare-lf", "the line ends in a bare LF")                                                           \
	X(ODD_BARE_CR, "bare-cr", "a CR stands without LF")                                                               \
	X(ODD_NO_EOL, "no-line-end", "the line has no end: the input or connection stopped inside it")                    \
	X(ODD_LINE_TOO_LONG, "line-too-long", "the line is longer than the protocol allows")                              \
	X(ODD_CUT, "cut", "only the beginning was kept")                                                                  \
	X(ODD_NUL, "nul-byte", "the line holds a NUL byte")                                                               \
	X(ODD_EIGHT_BIT, "eight-bit", "the line holds bytes outside ASCII")                                               \
	X(ODD_MIXED_CODES, "mixed-codes", "the lines of one reply carry different codes")                                 \
	X(ODD_NO_CODE, "no-code", "the line does not start with a reply code")                                            \
	X(ODD_BARE_CODE, "code-without-text", "a reply code and nothing after it")                                        \
	X(ODD_UNTERMINATED, "unterminated", "a multi-line reply, message or literal was never finished")                  \
	X(ODD_EARLY_TALK, "early-talk", "the client spoke before the server's greeting or reply")                         \
	X(ODD_PIPELINED, "pipelined", "sent before the reply to the command before it")                                   \
	X(ODD_PIPELINED_UNOFFERED, "pipelining-not-offered", "sent before the reply although PIPELINING was not offered") \
	X(ODD_SPLIT, "split", "one line or reply came in several segments")                                               \
	X(ODD_GAP, "gap", "bytes are missing here")                                                                       \
	X(ODD_UNEXPECTED, "unexpected", "nothing was asked that this answers")                                            \
	X(ODD_BAD_BASE64, "bad-base64", "the base64 of this step is broken")                                              \
	X(ODD_LEADING_SPACE, "leading-space", "blanks before the command")                                                \
	X(ODD_TRAILING_SPACE, "trailing-space", "blanks after the command")                                               \
	X(ODD_LOWER_CASE, "odd-case", "the verb is not in capitals")                                                      \
	X(ODD_UNKNOWN_VERB, "unknown-verb", "no verb of this protocol")                                                   \
	X(ODD_HEADER_AS_COMMAND, "header-as-command", "a message header where a command is expected")                     \
	X(ODD_TLS_BYTES, "tls-bytes", "a TLS record where plain text is expected")                                        \
	X(ODD_BINARY, "binary", "binary bytes where plain text is expected")                                              \
	X(ODD_RECONSTRUCTED, "reconstructed", "not quoted in the evidence: follows from what it reports")                 \
	X(ODD_MASKED, "masked", "the evidence hides part of it")

enum oddity_bit {
#define X(id, name, text) id##_BIT,
	ODDITY_LIST(X)
#undef X
	ODD_COUNT
};
enum oddity {
#define X(id, name, text) id = 1u << id##_BIT,
	ODDITY_LIST(X)
#undef X
};
_Static_assert(ODD_COUNT <= 32, "oddities are kept in 32 bits");
const char *oddity_name(enum oddity_bit bit);
/* Untranslated; pass through gettext. */
const char *oddity_text(enum oddity_bit bit);

/* Where a piece of evidence stands: input number from 0, line from 1 and byte offset, or frame numbers of a capture. 0 = not known. */
struct where {
	uint32_t input;
	uint32_t line;
	uint64_t offset;
	uint32_t frame;
	uint32_t frame_last;
};

/* What the bytes of one feed have in common. */
struct stamp {
	struct where where;
	int64_t time_us; /* Unix time in microseconds; valid if has_time */
	bool has_time;
	uint32_t segment; /* number of the network segment, 0 when unknown; a reply over several is ODD_SPLIT */
};

enum reply_status {
	STATUS_NONE,  /* could not be told */
	STATUS_OK,    /* SMTP 2xx, IMAP OK, POP3 +OK */
	STATUS_MORE,  /* SMTP 3xx, IMAP and POP3 + */
	STATUS_NO,    /* SMTP 4xx and 5xx, IMAP NO, POP3 -ERR */
	STATUS_BAD,   /* IMAP BAD */
	STATUS_BYE,   /* IMAP BYE, SMTP 421 */
	STATUS_PREAUTH,
};

struct enhanced_status {
	uint16_t cls, subject, detail; /* all 0: none given */
};

struct reply {
	enum reply_status status;
	unsigned code;                 /* SMTP: three digits, 0 otherwise */
	struct enhanced_status enhanced; /* RFC 3463, from the last line that has one */
	struct slice tag;              /* IMAP: tag, "*" or "+" */
	struct slice word;             /* "250", "OK", "NO", "+OK", ... as written */
	struct slice response_code;    /* IMAP and POP3: what stands in [ ] */
	struct slice *lines;           /* what follows code and separator, per line */
	size_t n_lines;
};

struct command {
	struct slice tag;  /* IMAP */
	struct slice verb; /* canonical capitals: "EHLO", "MAIL", "AUTH", "LOGIN", "UID FETCH", "DOT" for end of data */
	struct slice args; /* after the verb and one blank, as written; after "FROM:"/"TO:" for MAIL and RCPT */
};

struct sasl_view {
	struct slice mech;     /* capitals */
	unsigned step;         /* 1: initial response or first challenge, ... */
	struct slice decoded;  /* base64 undone; empty if there was none */
	struct slice user;     /* authentication identity seen in this step */
	struct slice password; /* password, token or digest seen in this step: secret */
	unsigned base64_faults;
	bool initial;          /* came on the command line itself */
	bool cancelled;        /* "*" */
};

/* One key of a tool's or log's statement. Keys are static strings. */
struct fact {
	const char *key;
	struct slice value;
};

struct data_view {
	uint64_t bytes, lines, longest_line;
	uint64_t bare_lf, bare_cr, dot_lines, nul, eight_bit;
	struct slice headers;     /* names of the header fields in order, joined by blanks, lower case; cut at a limit */
	struct slice from, to, subject, message_id; /* first value of each */
	unsigned attachments;
	bool dot_seen;
};

struct session; /* model/transcript.h */

struct event {
	unsigned n;             /* within its session (or the context), from 1 */
	enum event_kind kind;
	enum side side;
	struct session *session; /* NULL: context of the whole input */
	struct stamp stamp;
	int64_t end_us;         /* time of its last byte, when has_time */
	struct slice raw;
	struct slice text;
	uint32_t oddities;
	struct event *cmd;      /* reply, challenge, response, data: the command it belongs to, or NULL */
	struct event *reply;    /* command, data: its final reply, or NULL */
	struct slice secret;    /* part of text that is secret and must be masked (points into text), or empty */
	struct slice program;   /* log, error, tool: who said it ("postfix/smtpd", "msmtp", "dovecot/imap-login") */
	struct command command; /* EV_COMMAND (also AUTH and AUTHENTICATE) */
	struct reply answer;    /* EV_GREETING, EV_REPLY, EV_CHALLENGE, EV_UNTAGGED */
	struct sasl_view sasl;  /* EV_CHALLENGE, EV_RESPONSE, and the AUTH command */
	struct data_view data;  /* EV_DATA */
	const struct fact *facts;
	size_t n_facts;
	bool tls;               /* said inside TLS */
	bool authenticated;     /* said after a successful login */
};

/* Adds a fact; key must be static, value is not copied; an empty value adds nothing. */
void event_add_fact(struct arena *a, struct event *e, const char *key, struct slice value);
/* Value of a fact of the event, empty if it has none of that name or there is no event (NULL). */
struct slice event_fact(const struct event *e, const char *key);

#endif
