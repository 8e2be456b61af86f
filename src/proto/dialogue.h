/* dialogue: resumable, I/O-free parsers of SMTP/LMTP (RFC 5321, 2033, 4954, 3207, 3030), IMAP (RFC 3501, 9051) and POP3 (RFC 1939, 2449, 2595,
 * 5034). They witness: whatever comes is turned into events, what is odd is marked, nothing is refused. The same bytes with the same stamps give
 * the same events however they are cut into feeds.
 *
 *   struct dialogue *d = dialogue_new(arena, PROTOCOL_UNKNOWN, sink, user);
 *   dialogue_feed(d, SIDE_SERVER, bytes, &stamp); ...; dialogue_end(d);
 *
 * With PROTOCOL_UNKNOWN the first line decides (dialogue_guess). Events are handed to the sink in the order in which they become complete; an event
 * handed over is final but for its `reply` link. All memory comes from the arena; when it is exhausted the rest of the input is ignored and
 * dialogue_overflowed says so. */
#ifndef TT_PROTO_DIALOGUE_H
#define TT_PROTO_DIALOGUE_H

#include "proto/event.h"

/* A line's first bytes kept; the rest is counted and marked ODD_CUT. RFC 5321 allows 512, RFC 2821-era servers send 1 KiB, tokens reach 16 KiB. */
#define DIALOGUE_LINE_KEEP (64u * 1024u)
/* Lines of one multi-line reply that are kept; a server that sends more is cut (endless-reply attack). */
#define DIALOGUE_REPLY_LINES 512u
/* Commands waiting for a reply that are remembered (Postfix accepts about as many pipelined). */
#define DIALOGUE_PENDING 128u
/* SMTP, RFC 5321 section 4.5.3.1.4 and .5: command and reply line with CRLF; AUTH lines may have 12288 (RFC 4954). */
#define SMTP_COMMAND_LINE_MAX 512u
#define SMTP_AUTH_LINE_MAX 12288u
#define SMTP_TEXT_LINE_MAX 1000u

struct dialogue;

typedef void (*dialogue_sink)(void *user, struct event *e);

struct dialogue *dialogue_new(struct arena *a, enum protocol p, dialogue_sink sink, void *user);
/* side must be SIDE_CLIENT or SIDE_SERVER. */
void dialogue_feed(struct dialogue *d, enum side side, struct slice bytes, const struct stamp *stamp);
/* `lost` bytes of that side are missing here (0: unknown number). A line or reply that they cut is handed over as it is; otherwise a whole reply is
 * missing, and what was asked counts as answered. */
void dialogue_gap(struct dialogue *d, enum side side, uint64_t lost, const struct stamp *stamp);
/* Both sides continue in clear (decrypted) text after TLS started, or are TLS from the first byte and given here decrypted. */
void dialogue_tls_started(struct dialogue *d);
/* TLS was begun by one side and not taken up: the other goes on in plain text. */
void dialogue_tls_ended(struct dialogue *d);
/* The dialogue was pasted or logged: parts of it may be left out, so the other side's words end an unfinished message or literal. On a wire (the
 * default) they do not. */
void dialogue_set_pasted(struct dialogue *d);
/* Hands over what is unfinished, marked ODD_NO_EOL or ODD_UNTERMINATED. */
void dialogue_end(struct dialogue *d);

enum protocol dialogue_protocol(const struct dialogue *d);
bool dialogue_overflowed(const struct dialogue *d);
/* The client's next line is a SASL response, a message line, or a literal (not a command). */
bool dialogue_client_in_sasl(const struct dialogue *d);
bool dialogue_client_in_data(const struct dialogue *d);
/* The server is inside a multi-line reply, listing or message: its next line goes on with it. */
bool dialogue_server_in_listing(const struct dialogue *d);
/* Commands that wait for their reply. */
unsigned dialogue_pending(const struct dialogue *d);
bool dialogue_greeted(const struct dialogue *d);
/* STARTTLS or STLS was accepted: what follows is TLS. */
bool dialogue_in_tls(const struct dialogue *d);
/* STARTTLS or STLS was said, and its reply is awaited or missing. */
bool dialogue_tls_asked(const struct dialogue *d);

/* Protocol of a dialogue from one line of it, PROTOCOL_UNKNOWN if it fits none or several. side may be SIDE_UNKNOWN. */
enum protocol dialogue_guess(enum side side, struct slice line);
/* Side that would say this line, from its grammar alone: SIDE_UNKNOWN when it may be anything. */
enum side dialogue_guess_side(enum protocol p, struct slice line);

/* Parses one reply given as its text (lines joined by LF or CRLF): for replies that a log or an error message quotes. Fills *ret; false if the
 * text does not begin with a reply of that protocol (PROTOCOL_UNKNOWN: SMTP, then POP3, then IMAP are tried). */
bool reply_parse(struct arena *a, enum protocol p, struct slice text, struct reply *ret);
/* Parses one command line without its line end. False if empty. */
bool command_parse(struct arena *a, enum protocol p, struct slice line, struct command *ret, uint32_t *ret_oddities);
/* "5.7.1" at the start of s: fills *ret, returns its length, or 0. */
size_t enhanced_parse(struct slice s, struct enhanced_status *ret);

#endif
