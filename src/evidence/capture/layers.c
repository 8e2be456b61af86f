#include "evidence/capture/layers.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum {
	ETHER_IPV4 = 0x0800, ETHER_ARP = 0x0806, ETHER_VLAN = 0x8100, ETHER_QINQ = 0x88a8, ETHER_QINQ_OLD = 0x9100, ETHER_IPV6 = 0x86dd,
	ETHER_MPLS = 0x8847, ETHER_MPLS_MULTICAST = 0x8848, ETHER_PPPOE = 0x8864, ETHER_TEB = 0x6558,
	IP_ICMP = 1, IP_IPIP = 4, IP_TCP = 6, IP_UDP = 17, IP_IPV6 = 41, IP_GRE = 47, IP_ICMPV6 = 58,
	IP6_HOP = 0, IP6_ROUTING = 43, IP6_FRAGMENT = 44, IP6_AUTH = 51, IP6_NONE = 59, IP6_DEST = 60, IP6_MOBILITY = 135,
	PORT_VXLAN = 4789, PORT_VXLAN_LINUX = 8472, PPP_IPV4 = 0x21, PPP_IPV6 = 0x57,
	ARP_REPLY = 2,
};

struct layers {
	struct fragments *fragments;
	struct packet *out;
	unsigned depth;
	uint32_t missing; /* bytes of the frame that were not captured */
};

static bool decode_ip(struct layers *l, struct slice s);
static bool decode_ethernet(struct layers *l, struct slice s);

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

size_t address_print(const struct address *a, char *buf)
{
	return inet_ntop(a->v6 ? AF_INET6 : AF_INET, a->bytes, buf, 46) ? strlen(buf) : 0;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->v6 == b->v6 && memcmp(a->bytes, b->bytes, a->v6 ? 16 : 4) == 0;
}

static struct address address_of(const uint8_t *p, bool v6)
{
	struct address a = {.v6 = v6};
	memcpy(a.bytes, p, v6 ? 16 : 4);
	return a;
}

/* --- fragments -------------------------------------------------------------------------------------------------------------------------- */

struct assembly {
	bool used;
	struct address from, to;
	uint32_t id;
	uint8_t protocol;
	uint64_t touched;
	size_t total;        /* 0 until the last fragment came */
	size_t have;         /* bytes marked */
	uint8_t *bytes;      /* FRAGMENTS_SIZE_MAX */
	uint8_t *seen;       /* one bit per 8 bytes */
};

struct fragments {
	struct assembly v[FRAGMENTS_OPEN_MAX];
	uint64_t clock;
};

#define SEEN_BYTES ((FRAGMENTS_SIZE_MAX + 1) / 8 / 8)

struct fragments *fragments_new(void)
{
	return calloc(1, sizeof(struct fragments));
}

void fragments_free(struct fragments *f)
{
	for (size_t i = 0; f && i < FRAGMENTS_OPEN_MAX; i++) {
		free(f->v[i].bytes);
		free(f->v[i].seen);
	}
	free(f);
}

static struct assembly *assembly_get(struct fragments *f, const struct assembly *key)
{
	struct assembly *oldest = &f->v[0];
	for (size_t i = 0; i < FRAGMENTS_OPEN_MAX; i++) {
		struct assembly *a = &f->v[i];
		if (a->used && a->id == key->id && a->protocol == key->protocol && address_equal(&a->from, &key->from) && address_equal(&a->to, &key->to))
			return a;
		if (!a->used || (oldest->used && a->touched < oldest->touched))
			oldest = a;
	}
	struct assembly kept = *oldest;
	*oldest = *key;
	oldest->bytes = kept.bytes ? kept.bytes : malloc(FRAGMENTS_SIZE_MAX + 8);
	oldest->seen = kept.seen ? kept.seen : malloc(SEEN_BYTES + 8);
	oldest->used = oldest->bytes && oldest->seen;
	if (!oldest->used)
		return NULL;
	memset(oldest->seen, 0, SEEN_BYTES + 8);
	return oldest;
}

static void mark_seen(struct assembly *a, size_t from, size_t n)
{
	for (size_t unit = from / 8; unit < (from + n + 7) / 8; unit++) {
		uint8_t bit = (uint8_t)(1u << unit % 8);
		if (a->seen[unit / 8] & bit)
			continue;
		a->seen[unit / 8] |= bit;
		a->have += 8;
	}
}

/* Adds a fragment; the whole packet when it is complete, empty until then. */
static struct slice assembly_add(struct fragments *f, const struct assembly *key, size_t offset, bool more, struct slice part)
{
	struct assembly *a = f && offset + part.n <= FRAGMENTS_SIZE_MAX ? assembly_get(f, key) : NULL;
	if (!a)
		return SLICE_NONE;
	a->touched = ++f->clock;
	if (part.n)
		memcpy(a->bytes + offset, part.p, part.n);
	mark_seen(a, offset, part.n);
	if (!more)
		a->total = offset + part.n;
	if (!a->total || a->have < a->total)
		return SLICE_NONE;
	a->used = false;
	return slice_of(a->bytes, a->total);
}

/* --- transport -------------------------------------------------------------------------------------------------------------------------- */

static uint16_t option_mss(struct slice options)
{
	while (options.n >= 2 && options.p[0] != 0) {
		if (options.p[0] == 1) {
			options = slice_from(options, 1);
			continue;
		}
		if (options.p[1] < 2 || options.p[1] > options.n)
			return 0;
		if (options.p[0] == 2 && options.p[1] == 4)
			return be16(options.p + 2);
		options = slice_from(options, options.p[1]);
	}
	return 0;
}

static bool decode_tcp(struct layers *l, struct slice s, uint32_t wire)
{
	struct packet *p = l->out;
	size_t header = s.n >= 20 ? (size_t)(s.p[12] >> 4) * 4 : 0;
	if (header < 20 || header > wire)
		return false;
	p->transport = TRANSPORT_TCP;
	p->from_port = be16(s.p);
	p->to_port = be16(s.p + 2);
	p->seq = be32(s.p + 4);
	p->ack = be32(s.p + 8);
	p->flags = s.p[13];
	p->window = be16(s.p + 14);
	if (p->flags & TCP_SYN)
		p->mss = option_mss(slice_sub(s, 20, header));
	p->payload = slice_from(s, header);
	p->payload_length = wire - (uint32_t)header;
	return true;
}

static bool decode_vxlan(struct layers *l, struct slice s)
{
	return s.n > 8 && (s.p[0] & 0x08) && decode_ethernet(l, slice_from(s, 8));
}

static bool decode_udp(struct layers *l, struct slice s, uint32_t wire)
{
	struct packet *p = l->out;
	if (s.n < 8)
		return false;
	p->transport = TRANSPORT_UDP;
	p->from_port = be16(s.p);
	p->to_port = be16(s.p + 2);
	p->payload = slice_from(s, 8);
	p->payload_length = wire > 8 ? wire - 8 : 0;
	if (p->to_port == PORT_VXLAN || p->to_port == PORT_VXLAN_LINUX) {
		struct packet outer = *p;
		if (decode_vxlan(l, p->payload))
			return true;
		*p = outer;
	}
	return true;
}

/* The packet that an ICMP error quotes: its addresses and ports are always there (RFC 792, 4443). */
static void decode_quoted(struct packet *p, struct slice s)
{
	size_t header = s.n && s.p[0] >> 4 == 4 ? (size_t)(s.p[0] & 15) * 4 : 40;
	bool v6 = s.n && s.p[0] >> 4 == 6;
	if (s.n < header + 4 || header < 20)
		return;
	if ((v6 ? s.p[6] : s.p[9]) != IP_TCP)
		return;
	p->quoted_from = address_of(s.p + (v6 ? 8 : 12), v6);
	p->quoted_to = address_of(s.p + (v6 ? 24 : 16), v6);
	p->quoted_from_port = be16(s.p + header);
	p->quoted_to_port = be16(s.p + header + 2);
	p->has_quoted = true;
}

static bool decode_icmp(struct layers *l, struct slice s, bool v6)
{
	struct packet *p = l->out;
	if (s.n < 8)
		return false;
	p->transport = TRANSPORT_ICMP;
	p->icmp_v6 = v6;
	p->icmp_type = s.p[0];
	p->icmp_code = s.p[1];
	p->icmp_mtu = be16(s.p + 6);
	p->payload = slice_from(s, 8);
	bool error = v6 ? p->icmp_type < 128 : p->icmp_type == 3 || p->icmp_type == 11 || p->icmp_type == 12;
	if (error)
		decode_quoted(p, p->payload);
	return true;
}

static bool decode_gre(struct layers *l, struct slice s)
{
	if (s.n < 4)
		return false;
	/* Checksum, key and sequence number are optional fields of four bytes (RFC 2784, 2890). */
	size_t header = 4 + (s.p[0] & 0x80 ? 4 : 0) + (s.p[0] & 0x20 ? 4 : 0) + (s.p[0] & 0x10 ? 4 : 0);
	unsigned type = be16(s.p + 2);
	s = slice_from(s, header);
	if (type == ETHER_IPV4 || type == ETHER_IPV6)
		return decode_ip(l, s);
	return type == ETHER_TEB && decode_ethernet(l, s);
}

/* s is the captured part of `wire` bytes. */
static bool decode_transport(struct layers *l, unsigned protocol, struct slice s, uint32_t wire)
{
	if (l->depth++ > LAYERS_DEPTH_MAX)
		return false;
	switch (protocol) {
	case IP_TCP:
		return decode_tcp(l, s, wire);
	case IP_UDP:
		return decode_udp(l, s, wire);
	case IP_ICMP:
	case IP_ICMPV6:
		return decode_icmp(l, s, protocol == IP_ICMPV6);
	case IP_GRE:
		return decode_gre(l, s);
	case IP_IPIP:
	case IP_IPV6:
		return decode_ip(l, s);
	default:
		return false;
	}
}

/* --- IP ----------------------------------------------------------------------------------------------------------------------------------- */

static bool decode_ipv4(struct layers *l, struct slice s)
{
	size_t header = (size_t)(s.p[0] & 15) * 4;
	if (s.n < 20 || header < 20 || s.n < header)
		return false;
	uint32_t total = be16(s.p + 2);
	unsigned fragment = be16(s.p + 6);
	/* Zero: left to the network card (segmentation offload); then the frame's own length counts. */
	if (total == 0)
		total = (uint32_t)s.n + l->missing;
	if (total < header)
		return false;
	struct packet *p = l->out;
	p->from = address_of(s.p + 12, false);
	p->to = address_of(s.p + 16, false);
	p->ttl = s.p[8];
	p->dont_fragment = fragment & 0x4000;
	struct slice body = slice_sub(s, header, total);
	uint32_t wire = total - (uint32_t)header;
	if (fragment & 0x3fff) {
		struct assembly key = {.from = p->from, .to = p->to, .id = be16(s.p + 4), .protocol = s.p[9]};
		if (body.n < wire)
			return false; /* cut: can never be completed */
		body = assembly_add(l->fragments, &key, (size_t)(fragment & 0x1fff) * 8, fragment & 0x2000, body);
		if (!body.n)
			return false;
		p->reassembled = true;
		wire = (uint32_t)body.n;
	}
	return decode_transport(l, s.p[9], body, wire);
}

static bool decode_ipv6(struct layers *l, struct slice s)
{
	if (s.n < 40)
		return false;
	struct packet *p = l->out;
	uint32_t wire = be16(s.p + 4);
	unsigned next = s.p[6];
	if (wire == 0)
		wire = (uint32_t)s.n + l->missing - 40;
	p->from = address_of(s.p + 8, true);
	p->to = address_of(s.p + 24, true);
	p->ttl = s.p[7];
	p->dont_fragment = true;
	struct slice body = slice_sub(s, 40, 40 + (size_t)wire);
	for (unsigned hops = 0; hops < LAYERS_DEPTH_MAX; hops++) {
		size_t n;
		if (next == IP6_HOP || next == IP6_ROUTING || next == IP6_DEST || next == IP6_MOBILITY)
			n = body.n >= 8 ? (size_t)body.p[1] * 8 + 8 : 0;
		else if (next == IP6_AUTH)
			n = body.n >= 8 ? (size_t)body.p[1] * 4 + 8 : 0;
		else if (next == IP6_FRAGMENT)
			n = 8;
		else
			return decode_transport(l, next, body, wire);
		if (n == 0 || n > body.n || n > wire)
			return false;
		unsigned after = body.p[0];
		if (next == IP6_FRAGMENT && (be16(body.p + 2) & 0xfff9)) {
			struct assembly key = {.from = p->from, .to = p->to, .id = be32(body.p + 4), .protocol = (uint8_t)after};
			unsigned field = be16(body.p + 2);
			if (body.n < wire)
				return false;
			body = assembly_add(l->fragments, &key, field & 0xfff8, field & 1, slice_from(body, 8));
			if (!body.n)
				return false;
			p->reassembled = true;
			wire = (uint32_t)body.n;
		} else {
			body = slice_from(body, n);
			wire -= (uint32_t)n;
		}
		next = after;
	}
	return false;
}

static bool decode_ip(struct layers *l, struct slice s)
{
	if (l->depth++ > LAYERS_DEPTH_MAX || s.n == 0)
		return false;
	if (s.p[0] >> 4 == 4)
		return decode_ipv4(l, s);
	return s.p[0] >> 4 == 6 && decode_ipv6(l, s);
}

static bool decode_arp(struct layers *l, struct slice s)
{
	struct packet *p = l->out;
	if (s.n < 28 || be16(s.p + 2) != ETHER_IPV4)
		return false;
	p->transport = TRANSPORT_ARP;
	p->arp_reply = be16(s.p + 6) == ARP_REPLY;
	p->from = address_of(s.p + 14, false);
	p->to = address_of(s.p + 24, false);
	return true;
}

/* --- links -------------------------------------------------------------------------------------------------------------------------------- */

static bool decode_ppp(struct layers *l, struct slice s)
{
	if (s.n >= 2 && s.p[0] == 0xff && s.p[1] == 3)
		s = slice_from(s, 2);
	if (s.n < 2)
		return false;
	/* The protocol may be compressed to one byte. */
	unsigned protocol = s.p[0] & 1 ? s.p[0] : be16(s.p);
	s = slice_from(s, s.p[0] & 1 ? 1 : 2);
	return (protocol == PPP_IPV4 || protocol == PPP_IPV6) && decode_ip(l, s);
}

static bool decode_mpls(struct layers *l, struct slice s)
{
	for (unsigned i = 0; i < LAYERS_DEPTH_MAX && s.n > 4; i++) {
		bool bottom = s.p[2] & 1;
		s = slice_from(s, 4);
		if (bottom)
			return decode_ip(l, s);
	}
	return false;
}

static bool decode_ethertype(struct layers *l, unsigned type, struct slice s)
{
	for (unsigned tags = 0; tags < LAYERS_DEPTH_MAX; tags++) {
		switch (type) {
		case ETHER_VLAN:
		case ETHER_QINQ:
		case ETHER_QINQ_OLD:
			if (s.n < 4)
				return false;
			type = be16(s.p + 2);
			s = slice_from(s, 4);
			continue;
		case ETHER_IPV4:
		case ETHER_IPV6:
			return decode_ip(l, s);
		case ETHER_ARP:
			return decode_arp(l, s);
		case ETHER_PPPOE:
			return s.n > 6 && decode_ppp(l, slice_from(s, 6));
		case ETHER_MPLS:
		case ETHER_MPLS_MULTICAST:
			return decode_mpls(l, s);
		case ETHER_TEB:
			return decode_ethernet(l, s);
		default:
			return false;
		}
	}
	return false;
}

static bool decode_ethernet(struct layers *l, struct slice s)
{
	if (l->depth++ > LAYERS_DEPTH_MAX || s.n < 14)
		return false;
	unsigned type = be16(s.p + 12);
	s = slice_from(s, 14);
	/* 802.3 with LLC and SNAP. */
	if (type < 0x600) {
		if (s.n < 8 || s.p[0] != 0xaa || s.p[1] != 0xaa)
			return false;
		type = be16(s.p + 6);
		s = slice_from(s, 8);
	}
	return decode_ethertype(l, type, s);
}

/* An 802.11 data frame: address fields by its direction bits, quality of service, then LLC and SNAP. Encrypted frames say nothing. */
static bool decode_80211(struct layers *l, struct slice s)
{
	if (s.n < 24 || (s.p[0] & 0x0c) != 0x08 || (s.p[1] & 0x40))
		return false;
	size_t header = 24;
	if ((s.p[1] & 3) == 3)
		header += 6;
	if (s.p[0] & 0x80)
		header += 2;
	if ((s.p[0] & 0x80) && (s.p[1] & 0x80))
		header += 4;
	s = slice_from(s, header);
	if (s.n < 8 || s.p[0] != 0xaa || s.p[1] != 0xaa)
		return false;
	return decode_ethertype(l, be16(s.p + 6), slice_from(s, 8));
}

static bool decode_radiotap(struct layers *l, struct slice s)
{
	size_t n = s.n >= 4 ? (size_t)s.p[2] | (size_t)s.p[3] << 8 : 0;
	return n >= 8 && n < s.n && decode_80211(l, slice_from(s, n));
}

static bool decode_null(struct layers *l, struct slice s)
{
	/* The address family's number and byte order differ by system; the version in the IP header tells. */
	return s.n > 4 && decode_ip(l, slice_from(s, 4));
}

static bool decode_sll(struct layers *l, struct slice s)
{
	return s.n > 16 && decode_ethertype(l, be16(s.p + 14), slice_from(s, 16));
}

static bool decode_sll2(struct layers *l, struct slice s)
{
	return s.n > 20 && decode_ethertype(l, be16(s.p), slice_from(s, 20));
}

static bool decode_usb(struct layers *l, struct slice s)
{
	l->out->transport = TRANSPORT_USB;
	l->out->payload = s;
	return true;
}

static const struct {
	uint32_t linktype;
	bool (*decode)(struct layers *l, struct slice s);
} links[] = {
	{LINK_ETHERNET, decode_ethernet}, {LINK_SLL, decode_sll},         {LINK_SLL2, decode_sll2},     {LINK_RAW, decode_ip},
	{LINK_RAW_OLD, decode_ip},        {LINK_RAW_OPENBSD, decode_ip},  {LINK_IPV4, decode_ip},       {LINK_IPV6, decode_ip},
	{LINK_NULL, decode_null},         {LINK_LOOP, decode_null},       {LINK_RADIOTAP, decode_radiotap}, {LINK_80211, decode_80211},
	{LINK_PPP, decode_ppp},           {LINK_USB_LINUX, decode_usb},   {LINK_USB_LINUX_MMAPPED, decode_usb}, {LINK_USBPCAP, decode_usb},
};

bool layers_decode(uint32_t linktype, struct slice frame, uint32_t length, struct fragments *f, struct packet *ret)
{
	struct layers l = {.fragments = f, .out = ret, .missing = length > frame.n ? length - (uint32_t)frame.n : 0};
	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		if (links[i].linktype == linktype)
			return links[i].decode(&l, frame);
	return false;
}
