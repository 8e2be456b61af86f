/* layers: from the bytes of a frame down to TCP, UDP or ICMP. Knows Ethernet, 802.1Q and QinQ, PPPoE, MPLS, GRE, VXLAN, Linux cooked v1 and v2, raw IP,
 * loopback (NULL, LOOP), 802.11 with radiotap, PPP; IPv4 with fragments, IPv6 with extension headers and fragments. No judgement: a header that is cut or
 * makes no sense ends the decoding. Pure but for the fragment store. */
#ifndef TT_EVIDENCE_CAPTURE_LAYERS_H
#define TT_EVIDENCE_CAPTURE_LAYERS_H

#include "base/slice.h"

/* Tunnels inside tunnels that are followed. */
#define LAYERS_DEPTH_MAX 12u
/* Fragmented packets under reassembly at once, and the largest there can be (RFC 791). The oldest is dropped beyond. */
#define FRAGMENTS_OPEN_MAX 64u
#define FRAGMENTS_SIZE_MAX 65535u

enum link_type {
	LINK_NULL = 0, LINK_ETHERNET = 1, LINK_PPP = 9, LINK_RAW_OLD = 12, LINK_RAW = 101, LINK_80211 = 105, LINK_LOOP = 108, LINK_SLL = 113,
	LINK_RADIOTAP = 127, LINK_RAW_OPENBSD = 14, LINK_IPV4 = 228, LINK_IPV6 = 229, LINK_SLL2 = 276,
	LINK_USB_LINUX = 189, LINK_USB_LINUX_MMAPPED = 220, LINK_USBPCAP = 249,
};

struct address {
	uint8_t bytes[16]; /* IPv4 in the first four */
	bool v6;
};

enum transport { TRANSPORT_NONE, TRANSPORT_TCP, TRANSPORT_UDP, TRANSPORT_ICMP, TRANSPORT_ARP, TRANSPORT_USB };

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

struct packet {
	enum transport transport;
	struct address from, to;
	uint16_t from_port, to_port;
	uint32_t seq, ack;      /* TCP */
	uint16_t flags, window; /* TCP */
	uint16_t mss;           /* of a SYN, 0: none */
	uint8_t ttl;
	bool dont_fragment;
	uint32_t payload_length; /* on the wire; payload.n is less when the frame was cut */
	struct slice payload;
	/* ICMP: type and code, and the packet it quotes (its TCP ports and addresses). */
	uint8_t icmp_type, icmp_code;
	uint16_t icmp_mtu;      /* of "fragmentation needed" */
	bool icmp_v6, has_quoted;
	struct address quoted_from, quoted_to;
	uint16_t quoted_from_port, quoted_to_port;
	/* ARP: a request or reply for `to` by `from`. */
	bool arp_reply;
	bool reassembled;       /* put together from fragments */
};

struct fragments;
struct fragments *fragments_new(void);
void fragments_free(struct fragments *f);

/* Decodes one frame. False if it holds nothing of ours (another protocol, a fragment that waits for others, cut headers). The payload points into the frame
 * or the fragment store, valid until the next call. */
bool layers_decode(uint32_t linktype, struct slice frame, uint32_t length, struct fragments *f, struct packet *ret);

/* "192.0.2.1", "2001:db8::1"; buf at least 46 bytes. Returns the length. */
size_t address_print(const struct address *a, char *buf);
bool address_equal(const struct address *a, const struct address *b);

#endif
