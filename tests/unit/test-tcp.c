/* Connections out of hand-written packets: what is handed on, in which order, and what is told as missing. */
#include "unit.h"

#include "base/buf.h"
#include "evidence/capture/tcp.h"

#define PACKETS_MAX 24

/* Numbers are relative to the side's first sequence number, whose SYN has 0 and first byte 1; '-': no acknowledgement. */
struct step {
	char side;         /* C, S; 0 ends the list */
	const char *flags; /* of "SFRA" */
	uint32_t seq, ack;
	const char *bytes;
	unsigned ms;       /* since the step before */
	uint32_t cut;      /* bytes at the end that were not captured */
};

#define SHAKE {'C', "S", 0, 0, "", 0, 0}, {'S', "SA", 0, 1, "", 1, 0}, {'C', "A", 1, 1, "", 1, 0}

static const struct scene {
	const char *name;
	struct step steps[PACKETS_MAX];
	const char *told; /* C:bytes, C(-lost), end KIND */
} scenes[] = {
	{"in order", {SHAKE, {'S', "A", 1, 1, "220 a\r\n", 1, 0}, {'C', "A", 1, 8, "EHLO b\r\n", 1, 0}, {'C', "FA", 9, 8, "", 1, 0}, {'S', "FA", 8, 10, "", 1, 0}},
		"S:220 a|C:EHLO b|end fin C"},
	{"reordered within a side", {SHAKE, {'S', "A", 4, 1, "def", 1, 0}, {'S', "A", 1, 1, "abc", 1, 0}}, "S:abc|S:def|end open"},
	{"an answer before what it answers", {SHAKE, {'C', "A", 1, 4, "hi", 1, 0}, {'S', "A", 1, 1, "abc", 1, 0}}, "S:abc|C:hi|end open"},
	{"sent again", {SHAKE, {'S', "A", 1, 1, "abc", 1, 0}, {'S', "A", 1, 1, "abc", 300, 0}, {'S', "A", 4, 1, "def", 1, 0}}, "S:abc|S:def|end open"},
	{"sent again with more", {SHAKE, {'S', "A", 1, 1, "abc", 1, 0}, {'S', "A", 1, 1, "abcdef", 300, 0}}, "S:abc|S:def|end open"},
	{"overlap with other bytes: the first copy counts", {SHAKE, {'S', "A", 1, 1, "abc", 1, 0}, {'S', "A", 2, 1, "XXde", 1, 0}}, "S:abc|S:de|end open"},
	{"overlap among those that wait", {SHAKE, {'S', "A", 4, 1, "def", 1, 0}, {'S', "A", 5, 1, "XXg", 1, 0}, {'S', "A", 4, 1, "ZZZ", 1, 0}, {'S', "A", 1, 1, "abc", 1, 0}},
		"S:abc|S:def|S:g|end open"},
	{"keep-alive", {SHAKE, {'S', "A", 1, 1, "abc", 1, 0}, {'C', "A", 1, 4, "", 1, 0}, {'S', "A", 3, 1, "c", 45000, 0}, {'C', "A", 1, 4, "", 1, 0}, {'S', "A", 4, 1, "d", 1, 0}},
		"S:abc|S:d|end open"},
	{"lost for good: acknowledged, not in the capture", {SHAKE, {'S', "A", 4, 1, "def", 1, 0}, {'C', "A", 1, 7, "", 1, 0}, {'C', "A", 1, 7, "x", 2000, 0}}, "S(-3)|S:def|C:x|end open"},
	{"not acknowledged: waits for its being sent again", {SHAKE, {'S', "A", 4, 1, "def", 1, 0}, {'C', "A", 1, 1, "", 5000, 0}, {'S', "A", 1, 1, "abc", 1000, 0}}, "S:abc|S:def|end open"},
	{"never sent again", {SHAKE, {'S', "A", 4, 1, "def", 1, 0}, {'C', "A", 1, 1, "", 5000, 0}, {'C', "FA", 1, 1, "", 5000, 0}}, "S(-3)|S:def|end fin C"},
	{"client's packets only", {{'C', "S", 0, 0, "", 0, 0}, {'C', "A", 1, 1, "", 1, 0}, {'C', "A", 1, 8, "EHLO", 1, 0}, {'C', "A", 5, 20, "QUIT", 1, 0}, {'C', "FA", 9, 30, "", 1, 0}},
		"S(-7)|C:EHLO|S(-12)|C:QUIT|end fin C"},
	{"server's packets only", {{'S', "SA", 0, 1, "", 0, 0}, {'S', "A", 1, 1, "220", 1, 0}, {'S', "A", 4, 6, "250", 1, 0}}, "S:220|C(-5)|S:250|end open"},
	{"the middle only", {{'S', "A", 101, 51, "250", 0, 0}, {'C', "A", 51, 104, "MAIL", 1, 0}, {'S', "A", 104, 55, "250", 1, 0}}, "S:250|C:MAIL|S:250|end open"},
	{"first bytes before their SYN in the file", {{'S', "A", 1, 1, "220", 0, 0}, {'C', "S", 0, 0, "", 1, 0}, {'S', "SA", 0, 1, "", 1, 0}, {'C', "A", 1, 4, "EHLO", 1, 0}}, "S:220|C:EHLO|end open"},
	{"a frame captured in part", {SHAKE, {'S', "A", 1, 1, "abcdef", 1, 4}, {'S', "A", 7, 1, "ghi", 1, 0}}, "S:ab|S(-4)|S:ghi|end open"},
	{"reset by the server", {SHAKE, {'C', "A", 1, 1, "x", 1, 0}, {'S', "RA", 1, 2, "", 1, 0}}, "C:x|end reset S"},
	{"refused", {{'C', "S", 0, 0, "", 0, 0}, {'S', "RA", 0, 1, "", 1, 0}}, "end reset S"},
	{"ports used again", {SHAKE, {'S', "A", 1, 1, "one", 1, 0}, {'C', "FA", 1, 4, "", 1, 0}, {'S', "FA", 4, 2, "", 1, 0}, {'C', "S", 70000, 0, "", 50, 0}, {'S', "SA", 90000, 70001, "", 1, 0},
		{'S', "A", 90001, 70001, "two", 1, 0}}, "S:one|end fin C|S:two|end open"},
	{"ports used again without an end", {SHAKE, {'S', "A", 1, 1, "one", 1, 0}, {'C', "S", 70000, 0, "", 50, 0}, {'S', "SA", 90000, 70001, "", 1, 0}, {'S', "A", 90001, 70001, "two", 1, 0}},
		"S:one|end reused|S:two|end open"},
	{"the SYN twice", {{'C', "S", 0, 0, "", 0, 0}, {'C', "S", 0, 0, "", 1000, 0}, {'S', "SA", 0, 1, "", 1, 0}, {'S', "A", 1, 1, "a", 1, 0}}, "S:a|end open"},
	{"the last bytes come after the FIN in the file", {SHAKE, {'S', "FA", 4, 1, "", 1, 0}, {'S', "A", 1, 1, "bye", 1, 0}, {'C', "FA", 1, 5, "", 1, 0}}, "S:bye|end fin S"},
	{"a FIN is no missing byte", {SHAKE, {'S', "FA", 1, 1, "bye", 1, 0}, {'C', "A", 1, 5, "x", 1, 0}}, "S:bye|C:x|end fin S"},
	{"a FIN that is not in the capture is none either", {SHAKE, {'S', "A", 1, 1, "bye", 1, 0}, {'C', "A", 1, 5, "x", 1, 0}, {'C', "A", 2, 5, "y", 3000, 0}}, "S:bye|C:x|C:y|end open"},
	{"an acknowledgement from nowhere is not believed", {SHAKE, {'C', "A", 1, 0x50000000, "x", 1, 0}, {'S', "A", 1, 1, "a", 1, 0}}, "C:x|S:a|end open"},
};

static void on_bytes(void *user, struct tcp_connection *c, int who, struct slice bytes, const struct stamp *stamp)
{
	(void)c;
	(void)stamp;
	buf_printf(user, "%c:%.*s|", who ? 'S' : 'C', SLICE_FMT(slice_trim(bytes)));
}

static void on_gap(void *user, struct tcp_connection *c, int who, uint64_t lost, const struct stamp *stamp)
{
	(void)c;
	(void)stamp;
	buf_printf(user, "%c(-%u)|", who ? 'S' : 'C', (unsigned)lost);
}

static void on_end(void *user, struct tcp_connection *c)
{
	static const char *const ends[] = {"open", "fin", "reset", "idle", "reused"};
	buf_printf(user, "end %s%s|", ends[c->end], c->ended_by < 0 ? "" : c->ended_by ? " S" : " C");
}

static uint16_t flag_bits(const char *flags)
{
	uint16_t bits = 0;
	for (; *flags; flags++)
		bits |= *flags == 'S' ? TCP_SYN : *flags == 'F' ? TCP_FIN : *flags == 'R' ? TCP_RST : TCP_ACK;
	return bits;
}

/* base: sequence number of the client's SYN; the server's is 1000 higher. jump: the clock goes back so much in the middle. */
static void play(const struct scene *scene, uint32_t base, int64_t jump_us)
{
	struct buf told = BUF_INIT(1 << 16);
	const struct tcp_hooks hooks = {on_bytes, on_gap, on_end, &told};
	struct tcp *t = tcp_new(&hooks);
	int64_t now = 1700000000000000;
	unsigned n = 0, half = 0;
	for (const struct step *s = scene->steps; s->side; s++)
		half++;
	for (const struct step *s = scene->steps; s->side; s++) {
		bool server = s->side == 'S';
		size_t length = strlen(s->bytes);
		struct packet p = {
			.transport = TRANSPORT_TCP, .from = {.bytes = {192, 0, 2, server ? 25 : 10}}, .to = {.bytes = {192, 0, 2, server ? 10 : 25}},
			.from_port = server ? 25 : 40000, .to_port = server ? 40000 : 25, .seq = base + (server ? 1000 : 0) + s->seq,
			.ack = base + (server ? 0 : 1000) + s->ack, .flags = flag_bits(s->flags), .payload_length = (uint32_t)length,
			.payload = slice_of(s->bytes, length - s->cut),
		};
		now += (int64_t)s->ms * 1000 - (n == half / 2 ? jump_us : 0);
		struct stamp stamp = {.where = {.frame = ++n}, .time_us = now, .has_time = true};
		tcp_packet(t, &p, &stamp);
	}
	tcp_free(t);
	struct slice got = buf_slice(&told);
	got.n -= got.n > 0;
	if (!slice_eq(got, slice_from_cstr(scene->told)))
		fail_msg("%s (base %u): told “%.*s”, wanted “%s”", scene->name, base, SLICE_FMT(got), scene->told);
	buf_free(&told);
}

static void test_scenes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
		play(&scenes[i], 5000, 0);
}

/* Sequence numbers wrap inside every scene. */
static void test_wrap(void **state)
{
	(void)state;
	static const uint32_t bases[] = {0xffffffffu, 0xfffffffcu, 0xfffffc18u, 0x7fffffffu, 0x7ffffc18u};
	for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
		for (size_t j = 0; j < sizeof bases / sizeof *bases; j++)
			play(&scenes[i], bases[j], 0);
}

/* Only the order by time is disturbed, not what was said. */
static void test_clock_jumps_back(void **state)
{
	(void)state;
	play(&scenes[0], 5000, 3600000000);
	play(&scenes[1], 5000, 3600000000);
	play(&scenes[2], 5000, 3600000000);
}

/* --- floods ------------------------------------------------------------------------------------------------------------------------ */

static struct packet segment(uint32_t seq, struct slice bytes)
{
	return (struct packet){
		.transport = TRANSPORT_TCP, .from = {.bytes = {192, 0, 2, 25}}, .to = {.bytes = {192, 0, 2, 10}}, .from_port = 25, .to_port = 40000,
		.seq = seq, .ack = 1, .flags = TCP_ACK, .payload_length = (uint32_t)bytes.n, .payload = bytes,
	};
}

static void count_bytes(void *user, struct tcp_connection *c, int who, struct slice bytes, const struct stamp *stamp)
{
	uint64_t *n = user;
	const struct tcp_side *s = &c->side[who];
	(void)stamp;
	*n += bytes.n;
	assert_true(s->waiting_bytes <= TCP_WAITING_MAX && s->waiting_n <= TCP_PIECES_MAX);
}

static void count_gap(void *user, struct tcp_connection *c, int who, uint64_t lost, const struct stamp *stamp)
{
	(void)user;
	(void)c;
	(void)who;
	(void)lost;
	(void)stamp;
}

static void count_end(void *user, struct tcp_connection *c)
{
	(void)user;
	(void)c;
}

/* Behind a gap that never closes: single bytes, then overlapping segments, backwards and forwards. Memory and time stay bounded. */
static void test_overlapping_flood(void **state)
{
	static const uint8_t zeros[1400];
	uint64_t told = 0;
	const struct tcp_hooks hooks = {count_bytes, count_gap, count_end, &told};
	struct tcp *t = tcp_new(&hooks);
	struct stamp stamp = {.time_us = 1, .has_time = true};
	(void)state;
	struct packet first = segment(0, S("x"));
	first.flags |= TCP_SYN;
	tcp_packet(t, &first, &stamp);
	for (uint32_t i = 0; i < 200000; i++) {
		struct packet p = segment(i % 2 ? 4000000 - 3 * i : 100 + i, slice_of(zeros, i % 7 ? 1 + i % 1400 : 1));
		stamp.where.frame++;
		tcp_packet(t, &p, &stamp);
	}
	tcp_free(t);
	assert_true(told > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenes), cmocka_unit_test(test_wrap), cmocka_unit_test(test_clock_jumps_back), cmocka_unit_test(test_overlapping_flood),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
