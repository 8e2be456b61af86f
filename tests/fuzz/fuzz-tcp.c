/* Packets of one connection in any order, with any loss: every byte's value follows from its sequence number, so that what is handed on can be checked. */
#include "fuzz.h"

#include <stdlib.h>

#include "evidence/capture/tcp.h"

/* A packet: flags, sequence number and acknowledgement relative to the side's beginning, length, time since the last one. */
#define PACKET 8u

struct seen {
	uint8_t next[2]; /* low byte of the sequence number due */
	bool known[2];
	unsigned ends;
};

static uint8_t value_at(int who, uint32_t seq)
{
	return (uint8_t)(who ? ~seq : seq);
}

static void on_bytes(void *user, struct tcp_connection *c, int who, struct slice bytes, const struct stamp *stamp)
{
	struct seen *s = user;
	/* Which side is the client may be guessed wrong where no SYN was seen; the port tells which bytes these are. */
	int real = c->port[who] == 25;
	(void)stamp;
	if (!bytes.n)
		abort();
	for (size_t i = 0; i < bytes.n; i++) {
		uint8_t low = real ? (uint8_t)~bytes.p[i] : bytes.p[i];
		if (s->known[real] && low != s->next[real])
			abort();
		s->known[real] = true;
		s->next[real] = (uint8_t)(low + 1);
	}
}

static void on_gap(void *user, struct tcp_connection *c, int who, uint64_t lost, const struct stamp *stamp)
{
	struct seen *s = user;
	int real = c->port[who] == 25;
	(void)stamp;
	if (!lost)
		abort();
	s->next[real] = (uint8_t)(s->next[real] + lost);
}

static void on_end(void *user, struct tcp_connection *c)
{
	struct seen *s = user;
	(void)c;
	s->ends++;
	*s = (struct seen){.ends = s->ends};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = {0};
	const struct tcp_hooks hooks = {on_bytes, on_gap, on_end, &seen};
	struct tcp *t = tcp_new(&hooks);
	uint8_t bytes[4096];
	int64_t now = 1000000;
	uint32_t base[2] = {0xfffffe00u, 0x7ffffe00u};
	for (size_t i = 0; t && i + PACKET <= size; i += PACKET) {
		const uint8_t *d = data + i;
		int who = d[0] & 1;
		struct packet p = {.transport = TRANSPORT_TCP, .flags = (uint16_t)(d[0] >> 1 & 0x1f), .mss = 1460};
		p.from.bytes[0] = p.to.bytes[0] = 10;
		p.from.bytes[3] = (uint8_t)(1 + who);
		p.to.bytes[3] = (uint8_t)(2 - who);
		p.from_port = who ? 25 : 40000;
		p.to_port = who ? 40000 : 25;
		p.seq = base[who] + (uint32_t)(d[1] << 8 | d[2]);
		p.ack = base[!who] + (uint32_t)(d[3] << 8 | d[4]);
		p.payload_length = (uint32_t)(d[5] << 4) % sizeof bytes;
		/* Bit 6 of the flags: a frame captured in part. */
		size_t captured = d[0] & 0x40 ? p.payload_length / 2 : p.payload_length;
		for (size_t k = 0; k < captured; k++)
			bytes[k] = value_at(who, p.seq + (p.flags & TCP_SYN ? 1 : 0) + (uint32_t)k);
		p.payload = slice_of(bytes, captured);
		now += (int64_t)(int8_t)d[6] * 20000 + d[7];
		struct stamp stamp = {.where = {.frame = (uint32_t)(i / PACKET + 1)}, .time_us = now, .has_time = true};
		tcp_packet(t, &p, &stamp);
	}
	tcp_free(t);
	return 0;
}
