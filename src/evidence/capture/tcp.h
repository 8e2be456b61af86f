/* tcp: connections out of packets. Puts each direction's bytes in order, and the two directions in the order in which the peers saw them: reordering,
 * retransmission, overlap, loss, missing handshake, one direction only, cut frames, sequence wrap, port reuse, keep-alive. Bytes are handed on as soon as they are in order, with the number and time of the frame that brought them.
 * A connection whose owner wants none of its bytes (tcp_ignore) costs a table entry and nothing else. */
#ifndef TT_EVIDENCE_CAPTURE_TCP_H
#define TT_EVIDENCE_CAPTURE_TCP_H

#include "evidence/capture/layers.h"
#include "proto/event.h"

/* Bytes that wait for a gap to close, per direction and for all connections together. Windows of mail connections are far smaller. */
#define TCP_WAITING_MAX (256u * 1024u)
#define TCP_WAITING_ALL (16u * 1024u * 1024u)
/* Segments that wait, per direction: finding a place among them takes a walk. */
#define TCP_PIECES_MAX 512u
/* What is missing although its receiver had it is waited for so long: frames may stand in a file in the wrong order. */
#define TCP_HOLD_MS 1000
/* An acknowledgement further ahead than any window is forged or damaged, and not believed. */
#define TCP_ACK_JUMP_MAX (16 * 1024 * 1024)
/* A connection without a packet for so long (of capture time) is over when room is needed or its ports come back. */
#define TCP_IDLE_S 900u
/* After a reset, or a FIN of both sides with bytes missing, what was on its way may still come. */
#define TCP_LINGER_MS 1000
/* So long a connection that is over is remembered, so that what comes late is not taken for a new one. */
#define TCP_LATE_S 15
/* Connections that linger, or are over and remembered, at once: the oldest goes beyond. */
#define TCP_PAST_MAX 16384u
/* Connections in the table at once; the one that was silent for longest goes beyond. Half a KiB each: no flood of SYNs takes more than a GiB. */
#define TCP_CONNECTIONS_MAX (1u << 21)

enum tcp_end { TCP_END_OPEN, TCP_END_FIN, TCP_END_RESET, TCP_END_IDLE, TCP_END_REUSED };

struct tcp_side {
	uint32_t next;         /* sequence number expected next */
	bool known;            /* next is valid */
	bool syn, fin, reset;
	bool fin_assumed;      /* one number was taken for a FIN that is not in the capture */
	bool cut;              /* frames were captured in part only */
	uint32_t isn, fin_seq;
	uint16_t mss;
	uint64_t bytes, lost;  /* handed on; missing for good */
	uint64_t hole;         /* part of lost: never acknowledged, so that it was lost on the way */
	uint32_t packets, retransmitted, reordered;
	uint32_t stalled_seq, stalled_n, stalled_size; /* the segment sent again last, how often, its length; it was not acknowledged then */
	int64_t first_us, last_us; /* first bytes; last packet */
	struct tcp_piece *waiting, *waiting_last;
	uint32_t waiting_bytes, waiting_n;
	uint32_t first_ack, acked; /* lowest and highest acknowledgement it sent */
	bool has_acked;
};

struct tcp_connection {
	/* side[0] sent the first SYN (or is taken for the client: see tcp.c) */
	struct address address[2];
	uint16_t port[2];
	struct tcp_side side[2];
	uint64_t first_frame, last_frame;
	int64_t start_us, last_us, syn_ack_us, established_us;
	int64_t listed_us;     /* when it was last put at the end of its list */
	uint32_t syns;         /* times the first SYN was sent */
	bool handshake_seen, ignored, icmp_error;
	bool over;             /* the end was told; only latecomers are awaited */
	uint8_t list;          /* of tcp.c: by what will happen to it next */
	uint8_t icmp_type, icmp_code;
	bool icmp_v6;
	uint16_t icmp_mtu;
	uint64_t icmp_frame;
	int64_t icmp_us;
	struct address icmp_from;
	enum tcp_end end;
	int ended_by;          /* 0 or 1: who sent the FIN or RST first; -1 none */
	int64_t end_us;        /* when */
	uint64_t end_frame;
	void *owner;           /* the user's */
	struct tcp_connection *older, *newer; /* in its list */
	struct tcp_connection *bucket_next;
};

struct tcp_hooks {
	/* Bytes of side `who` in order. */
	void (*bytes)(void *user, struct tcp_connection *c, int who, struct slice bytes, const struct stamp *stamp);
	void (*gap)(void *user, struct tcp_connection *c, int who, uint64_t lost, const struct stamp *stamp);
	/* It is over; nothing is told of it afterwards. */
	void (*end)(void *user, struct tcp_connection *c);
	void *user;
};

struct tcp;

struct tcp *tcp_new(const struct tcp_hooks *hooks);
/* Ends all connections, then frees. */
void tcp_free(struct tcp *t);
/* One packet (TRANSPORT_TCP, or TRANSPORT_ICMP with a quoted TCP packet). */
void tcp_packet(struct tcp *t, const struct packet *p, const struct stamp *stamp);
/* Time passes, also without packets (a live capture): ends what closed a moment ago, and what nobody ignores and `quiet` answers true for; it is asked for
 * connections without a packet for at least quiet_us, the longest first. */
void tcp_tick(struct tcp *t, int64_t now_us, int64_t quiet_us, bool (*quiet)(void *user, const struct tcp_connection *c, int64_t silent_us));
/* Ends the one that was silent for longest, but for c, as if the capture ended here, and ignores the rest of it. False when there is none. */
bool tcp_end_oldest(struct tcp *t, const struct tcp_connection *c);
/* No more bytes of it are wanted. */
void tcp_ignore(struct tcp *t, struct tcp_connection *c);
/* Connections in the table. */
uint64_t tcp_connections(const struct tcp *t);

#endif
