/* stream: mail sessions out of TCP connections. Decides by content (and port) which connections speak mail, looks through PROXY headers and SOCKS, hands TLS to
 * tls.h, and tells what happened on the network (refused, no answer, silence, resets, loss) as events with facts.
 *
 * Facts of its EV_CONNECT event, first of every session: "what" = connected, refused, no-answer, no-arp-answer, unreachable, silent (connected, but nobody
 * said anything), midstream (the beginning was not captured); "port", "connect_ms", "syns" (attempts), "times" (ARP requests), "silent_ms", "icmp" (text),
 * "mtu" (of fragmentation needed), "one_direction" = client, server (the only side whose packets are there).
 * Facts of its EV_CLOSE event, last: "what" = fin, reset, open (not ended in the capture), idle; "by" = client, server; "waiting_for" = the side whose turn it
 * was; "waited_ms" = silence before the end; "greeting_ms" = from the first SYN to the server's first byte; "lost_client", "lost_server" (bytes missing),
 * "retransmitted_client", "retransmitted_server"; "stalled" = side whose segment was sent again and again and never acknowledged, "stalled_size",
 * "stalled_times"; "hole" = side of which bytes were lost on the way for good; "icmp", "mtu".
 * An EV_TOOL event of program "capture" before it, "what" = incomplete, says what the capture lacks: "kind" = one-direction, cut, lost. */
#ifndef TT_EVIDENCE_CAPTURE_STREAM_H
#define TT_EVIDENCE_CAPTURE_STREAM_H

#include "evidence/capture/file.h"
#include "evidence/capture/tcp.h"
#include "evidence/capture/tls.h"
#include "model/transcript.h"

/* Silence of that length counts as somebody waiting in vain. RFC 5321 section 4.5.3.2 has clients wait for minutes; people give up after ten seconds. */
#define STREAM_SILENCE_MS 8000

/* What all open sessions may take together: some ten thousand of them whole. Beyond, a session of more than STREAMS_BIG is not read further, else the one that
 * was silent for longest is told as it stands. */
#define STREAMS_MEMORY (256u * 1024u * 1024u)
#define STREAMS_BIG (1024u * 1024u)

struct streams;

/* Called with a finished session in a transcript of its own; the callee owns it. */
typedef void (*streams_done)(void *user, struct transcript *t);

struct streams *streams_new(unsigned input, struct tls_keys *keys, streams_done done, void *user);
void streams_free(struct streams *s);
/* One captured frame. Tells what it was. */
enum transport streams_frame(struct streams *s, const struct capture_packet *p);
/* One decoded packet. */
void streams_packet(struct streams *s, const struct packet *p, const struct stamp *stamp);
/* The clock of a live capture, also when nothing comes: sessions without a packet for idle_us end as idle, connections that nobody answers after
 * STREAM_SILENCE_MS. Cheap; to be called about once a second. */
void streams_tick(struct streams *s, int64_t now_us, int64_t idle_us);
/* Failures to connect are told for all ports, not only those of mail: whoever chose the packets means them. */
void streams_any_port(struct streams *s);
/* Ends everything that is open (the capture ends here). */
void streams_end(struct streams *s);

struct streams_counts {
	uint64_t connections, mail, other, scans;
	uint64_t open; /* in the table */
};
struct streams_counts streams_count(const struct streams *s);

#endif
