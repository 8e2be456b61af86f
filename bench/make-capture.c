/* make-capture FILE MEBIBYTES [half-open N]: a pcap as a mail server's network card sees it, the same at every run: some hundred connections at once, among
 * them SMTP sessions (most deliver a message, some are refused), bulk transfers on other ports, DNS, scans. With "half-open N" only N flows of which nothing
 * but the SYN is seen. Headers are right but for checksums, which network cards fill in. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACTORS 512
#define BLOB (1u << 20)
#define MSS 1448

enum kind { MAIL, BULK, DNS, SCAN };

struct actor {
	enum kind kind;
	uint32_t client, server, seq[2];
	uint16_t port, service;
	unsigned step, left, fault;
};

static FILE *out;
static uint64_t written, clock_us = 1700000000ull * 1000000, random_state = 88172645463325252ull, made;
static uint8_t blob[BLOB], letters[BLOB];

static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	return random_state ^= random_state << 17;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static void frame(uint32_t from, uint32_t to, uint8_t protocol, const uint8_t *header, size_t n_header, const void *data, size_t n)
{
	uint8_t h[16 + 14 + 20] = {0};
	uint32_t total = (uint32_t)(14 + 20 + n_header + n);
	clock_us += random64() % 20;
	uint32_t record[4] = {(uint32_t)(clock_us / 1000000), (uint32_t)(clock_us % 1000000), total, total};
	memcpy(h, record, 16);
	memcpy(h + 16, "\2\0\0\0\0\1\2\0\0\0\0\2\10\0", 14);
	uint8_t *ip = h + 30;
	ip[0] = 0x45;
	put16(ip + 2, total - 14);
	put16(ip + 4, (unsigned)random_state & 0xffff);
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = protocol;
	put32(ip + 12, from);
	put32(ip + 16, to);
	fwrite(h, 1, sizeof h, out);
	fwrite(header, 1, n_header, out);
	fwrite(data, 1, n, out);
	written += 16 + total;
}

/* who: 0 client, 1 server. */
static void tcp(struct actor *a, int who, unsigned flags, const void *data, size_t n)
{
	uint8_t h[20] = {0};
	put16(h, who ? a->service : a->port);
	put16(h + 2, who ? a->port : a->service);
	put32(h + 4, a->seq[who]);
	put32(h + 8, flags & 16 ? a->seq[!who] : 0);
	h[12] = 5 << 4;
	h[13] = (uint8_t)flags;
	put16(h + 14, 64240);
	frame(who ? a->server : a->client, who ? a->client : a->server, 6, h, sizeof h, data, n);
	a->seq[who] += (uint32_t)n + (flags & 3 ? 1 : 0);
}

static void say(struct actor *a, int who, const char *text)
{
	tcp(a, who, 24, text, strlen(text));
}

static void begin(struct actor *a)
{
	static const enum kind kinds[] = {MAIL, MAIL, MAIL, BULK, BULK, DNS, DNS, SCAN};
	uint64_t r = random64();
	made++;
	*a = (struct actor){
		.kind = kinds[r % 8], .client = 0x0a000000u + (uint32_t)(made * 2654435761u % 65000), .server = 0xc0000200u + (uint32_t)(r >> 8 & 15),
		.seq = {(uint32_t)(r >> 16), (uint32_t)(r >> 24)}, .port = (uint16_t)(1024 + made % 60000), .fault = (r >> 40) % 10,
	};
	a->service = a->kind == BULK ? ((r >> 50) % 2 ? 443 : 8080) : a->kind == SCAN ? (uint16_t)(r >> 44) : (r >> 50) % 4 ? 25 : 587;
	/* Messages from one segment to some hundred KiB, most of them short; transfers longer. */
	a->left = a->kind == MAIL ? 1 + (unsigned)(1u << (r >> 30) % 8) : 20 + (unsigned)((r >> 30) % 400);
}

/* One packet, or a few; false when it is over. */
static int mail(struct actor *a)
{
	char text[200];
	switch (a->step++) {
	case 0: tcp(a, 0, 2, "", 0); return 1;
	case 1: tcp(a, 1, 18, "", 0); return 1;
	case 2: tcp(a, 0, 16, "", 0); return 1;
	case 3: say(a, 1, "220 mx.example.net ESMTP Postfix\r\n"); return 1;
	case 4:
		snprintf(text, sizeof text, "EHLO host%s%u.example.org\r\n", a->fault == 1 ? "_" : "-", a->port);
		say(a, 0, text);
		return 1;
	case 5:
		if (a->fault == 1) {
			say(a, 1, "501 Syntactically invalid EHLO argument(s)\r\n");
			a->step = 15;
			return 1;
		}
		say(a, 1, "250-mx.example.net\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n");
		return 1;
	case 6:
		snprintf(text, sizeof text, "MAIL FROM:<user%u@example.org>\r\n", a->port);
		say(a, 0, text);
		return 1;
	case 7: say(a, 1, "250 2.1.0 Ok\r\n"); return 1;
	case 8:
		snprintf(text, sizeof text, "RCPT TO:<%s%u@example.net>\r\n", a->fault == 2 ? "nobody" : "anna", a->port % 100);
		say(a, 0, text);
		return 1;
	case 9:
		if (a->fault == 2)
			a->step = 15;
		say(a, 1, a->fault == 2 ? "550 5.1.1 User unknown in virtual mailbox table\r\n" : "250 2.1.5 Ok\r\n");
		return 1;
	case 10: say(a, 0, "DATA\r\n"); return 1;
	case 11: say(a, 1, "354 End data with <CR><LF>.<CR><LF>\r\n"); return 1;
	case 12:
		snprintf(text, sizeof text, "From: user%u@example.org\r\nTo: anna@example.net\r\nSubject: Report %u\r\nMessage-ID: <%u@example.org>\r\n\r\n", a->port, a->left,
			 a->port);
		say(a, 0, text);
		return 1;
	case 13:
		tcp(a, 0, 16, letters + (random64() % (BLOB - MSS)) / 64 * 64, MSS);
		if (a->left % 2)
			tcp(a, 1, 16, "", 0);
		if (--a->left)
			a->step = 13;
		else
			say(a, 0, "\r\n.\r\n");
		return 1;
	case 14: say(a, 1, "250 2.0.0 Ok: queued as 4F0000001\r\n"); return 1;
	case 15: say(a, 0, "QUIT\r\n"); return 1;
	case 16: say(a, 1, "221 2.0.0 Bye\r\n"); return 1;
	case 17: tcp(a, 1, 17, "", 0); return 1;
	case 18: tcp(a, 0, 17, "", 0); return 1;
	default: tcp(a, 1, 16, "", 0); return 0;
	}
}

static const uint8_t hello[517] = {22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3};

static int bulk(struct actor *a)
{
	switch (a->step++) {
	case 0: tcp(a, 0, 2, "", 0); return 1;
	case 1: tcp(a, 1, 18, "", 0); return 1;
	case 2: tcp(a, 0, 16, "", 0); return 1;
	case 3:
		if (a->service == 443)
			tcp(a, 0, 24, hello, sizeof hello);
		else
			say(a, 0, "GET /files/large.bin HTTP/1.1\r\nHost: www.example.com\r\n\r\n");
		return 1;
	case 4:
		tcp(a, 1, 16, blob + random64() % (BLOB - MSS), MSS);
		if (a->left % 2)
			tcp(a, 0, 16, "", 0);
		if (--a->left)
			a->step = 4;
		return 1;
	case 5: tcp(a, 1, 17, "", 0); return 1;
	default: tcp(a, 0, 17, "", 0); return 0;
	}
}

static int dns(struct actor *a)
{
	uint8_t h[8] = {0};
	int who = a->step++ == 1;
	size_t n = who ? 120 : 40;
	put16(h, who ? 53 : a->port);
	put16(h + 2, who ? a->port : 53);
	put16(h + 4, (unsigned)(8 + n));
	frame(who ? a->server : a->client, who ? a->client : a->server, 17, h, sizeof h, blob + a->port, n);
	return !who;
}

static int scan(struct actor *a)
{
	if (a->step++ == 0) {
		tcp(a, 0, 2, "", 0);
		return 1;
	}
	tcp(a, 1, 20, "", 0);
	return 0;
}

static void half_open(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		struct actor a = {.client = 0x0a000000u + (uint32_t)(i / 50000), .server = 0xc0000201, .port = (uint16_t)(10000 + i % 50000), .service = 25};
		a.seq[0] = (uint32_t)random64();
		tcp(&a, 0, 2, "", 0);
	}
}

int main(int argc, char **argv)
{
	static struct actor actors[ACTORS];
	static int (*const acts[])(struct actor *) = {mail, bulk, dns, scan};
	static const uint8_t header[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0};
	if (argc < 3 || !(out = fopen(argv[1], "wb")))
		return 2;
	setvbuf(out, NULL, _IOFBF, 1 << 20);
	for (size_t i = 0; i < BLOB; i++) {
		blob[i] = (uint8_t)random64();
		letters[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : (uint8_t)('a' + random64() % 26);
	}
	uint64_t limit = strtoull(argv[2], NULL, 10) << 20;
	fwrite(header, 1, sizeof header, out);
	if (argc > 4)
		half_open(strtoull(argv[4], NULL, 10));
	for (size_t i = 0; i < ACTORS; i++)
		begin(&actors[i]);
	while (written < limit) {
		struct actor *a = &actors[random64() % ACTORS];
		if (!acts[a->kind](a))
			begin(a);
	}
	return fclose(out) != 0;
}
