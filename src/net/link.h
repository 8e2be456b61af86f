/* link: one connection of ours to a server, as a conversation: say a line, get the reply. Whatever either side says goes through proto/dialogue.h into a session
 * of the link's own transcript, with the handshake, the connection and its end beside it as captures tell them (evidence/capture/stream.h). We are SIDE_CLIENT.
 *
 * Every step has one time limit that no byte of the peer moves, and one limit of bytes: a slow, silent, lying or endless peer costs no more than that. When
 * anything fails, link_fault names the step and what happened, and every later step fails at once. */
#ifndef TT_NET_LINK_H
#define TT_NET_LINK_H

#include "model/transcript.h"
#include "net/dial.h"
#include "net/tls_watch.h"

/* What a server may say in one step. The longest honest replies are lists of capabilities of a few KiB; a folder listing reaches some hundred. */
#define LINK_STEP_BYTES_MAX (512u * 1024u)
/* Pieces that are looked at one by one: more memory than this is never held for a peer. */
#define LINK_READ_MAX (16u * 1024u)

struct link_options {
	struct dial_options dial;
	enum protocol protocol; /* PROTOCOL_UNKNOWN: the greeting tells */
	struct tls_settings tls;
	unsigned greeting_ms, reply_ms, tls_ms;
};

struct link;

/* NULL only when memory is out; else ask link_fault whether there is a connection. o must outlive it. */
struct link *link_open(struct net_loop *loop, const struct link_options *o);
const struct net_fault *link_fault(const struct link *l);
bool link_alive(const struct link *l);

/* Runs a handshake. implicit: before anything was said; else after the server agreed to STARTTLS. */
bool link_start_tls(struct link *l, bool implicit);
/* The server's first words; NULL: none (see the fault). */
const struct event *link_greeting(struct link *l);
/* Says the line (CRLF is added) and waits for a reply or a challenge; NULL: none. */
const struct event *link_say(struct link *l, struct slice line);
/* As link_say, with these bytes as they are (a message). */
const struct event *link_send(struct link *l, struct slice bytes);
/* Milliseconds that the server took for the last step. */
unsigned link_waited_ms(const struct link *l);
/* What was dialled. */
const struct dialled *link_dialled(const struct link *l);
struct arena *link_arena(struct link *l);
struct session *link_session(struct link *l);
bool link_in_tls(const struct link *l);
/* Computes the session's tables from what was said so far (capabilities, exchanges). */
void link_look(struct link *l);

/* Ends it and gives the transcript, finished, with this one session; the caller owns it. */
struct transcript *link_close(struct link *l);

#endif
