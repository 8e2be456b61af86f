/* live: packets from a network interface, through libpcap. */
#ifndef TT_EVIDENCE_CAPTURE_LIVE_H
#define TT_EVIDENCE_CAPTURE_LIVE_H

#include "base/arena.h"
#include "evidence/capture/file.h"

/* What is looked at unless told otherwise: the ports of SMTP, LMTP, IMAP and POP3, later fragments of their packets, and ICMP errors about them. */
#define LIVE_MAIL_FILTER                                                                                                          \
	"(tcp and (port 25 or port 465 or port 587 or port 2525 or port 24 or port 110 or port 995 or port 143 or port 993)) or " \
	"(ip proto 6 and ip[6:2] & 0x1fff != 0) or icmp[icmptype] = icmp-unreach or icmp[icmptype] = icmp-timxceed or (icmp6 and ip6[40] < 5)"

/* Packets wait here for us, in the kernel. */
#define LIVE_BUFFER_MIB 16u
/* So long a packet may wait before it is handed on: the price of taking many at once. */
#define LIVE_LATENCY_MS 100

struct live_options {
	const char *interface; /* "any" for all; must stay */
	const char *filter;    /* BPF as tcpdump has it; NULL: LIVE_MAIL_FILTER */
	bool promiscuous;
	unsigned buffer_mib;   /* 0: LIVE_BUFFER_MIB */
};

struct live_counts {
	uint64_t received; /* that passed the filter */
	uint64_t dropped;  /* by the kernel, because we were too slow */
	uint64_t dropped_by_interface;
};

struct live;

/* NULL and *reterr: no such interface (with the list of those there are), no permission (and how to give it), a filter that does not compile. */
struct live *live_open(const struct live_options *o, struct err *reterr);
void live_close(struct live *l);
/* Waits at most timeout_ms for packets; false when none came (or a signal did). */
bool live_wait(struct live *l, int timeout_ms);
/* Hands on the packets that are there, at most LIVE_BATCH. Their number; -1 and *reterr when the interface is gone. */
#define LIVE_BATCH 4096
int live_read(struct live *l, void (*take)(void *user, const struct capture_packet *p), void *user, struct err *reterr);
struct live_counts live_count(struct live *l);
uint32_t live_linktype(const struct live *l);
uint32_t live_snaplen(const struct live *l);
/* Names of the interfaces that can be watched, joined by ", ". */
struct slice live_interfaces(struct arena *a);

#endif
