#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "evidence/capture/stream.h"
#include "evidence/capture/write.h"
#include "evidence/mapped.h"
#include "proto/message.h"

/* --- messages -------------------------------------------------------------------------------------------------------------------------------- */

/* By ordinary means only, a byte at a time. */
static struct data_view by_byte(struct arena *a, struct slice s)
{
	static struct message m;
	struct data_view v;
	message_begin(&m, a);
	for (size_t i = 0; i < s.n; i++)
		message_add(&m, slice_sub(s, i, i + 1));
	message_end(&m, &v);
	return v;
}

/* As the dialogue does: the quick way first, then a line, in pieces of that size. */
static struct data_view by_piece(struct arena *a, struct slice s, size_t size)
{
	static struct message m;
	struct data_view v;
	message_begin(&m, a);
	for (size_t from = 0; from < s.n; from += size) {
		struct slice piece = slice_sub(s, from, from + size);
		while (piece.n) {
			size_t n = message_add_plain(&m, piece, 4096);
			if (!n) {
				size_t lf = slice_find_byte(piece, '\n');
				n = lf == SLICE_NPOS ? piece.n : lf + 1;
				message_add(&m, slice_sub(piece, 0, n));
			}
			piece = slice_from(piece, n);
		}
	}
	message_end(&m, &v);
	return v;
}

static void assert_same(const struct data_view *a, const struct data_view *b, size_t size)
{
	const uint64_t x[] = {a->bytes, a->lines, a->longest_line, a->bare_lf, a->bare_cr, a->dot_lines, a->nul, a->eight_bit, a->attachments};
	const uint64_t y[] = {b->bytes, b->lines, b->longest_line, b->bare_lf, b->bare_cr, b->dot_lines, b->nul, b->eight_bit, b->attachments};
	for (size_t i = 0; i < sizeof x / sizeof *x; i++)
		if (x[i] != y[i])
			fail_msg("value %zu: %llu, in pieces of %zu %llu", i, (unsigned long long)x[i], size, (unsigned long long)y[i]);
	assert_true(slice_eq(a->headers, b->headers));
}

static void messages_are_counted_alike_in_any_pieces(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"plain text that is longer than sixteen bytes\r\n", "short\r\n", "\r\n", "bare line feed, and rather long too\n", "a CR\rinside the line, somewhere in it\r\n",
		"two at its end, which is one too many\r\r\n", "z\303\251ro eighth bits would be plain here\r\n", "sixteen bytes!\r\n", "..dots at its beginning, stuffed\r\n",
		"Content-Disposition: attachment; filename=x\r\n", "c in front is looked at more closely\r\n", "\n", "a NUL \001 no, but see below\r\n", "\r\r\n",
		"exactly thirty-two bytes long.\r\n", "\rCR in front of a line of some length\r\n",
	};
	struct arena *a = arena_new(0);
	unsigned seed = 1;
	for (unsigned round = 0; round < 60; round++) {
		struct slice s = arena_dup(a, S("Subject: x\r\nX-Long: y\r\n\r\n"));
		for (unsigned i = 0; i < 40; i++) {
			seed = seed * 1103515245 + 12345;
			struct slice line = arena_dup(a, slice_from_cstr(lines[(seed >> 16) % (sizeof lines / sizeof *lines)]));
			for (size_t j = 0; j < line.n; j++)
				if (line.p[j] == 1)
					((uint8_t *)(uintptr_t)line.p)[j] = 0;
			s = arena_join(a, s, SLICE_NONE, line);
		}
		/* The last line may have no end. */
		s.n -= seed % 3;
		struct data_view whole = by_byte(a, s);
		for (size_t size = 1; size < 80; size += 1 + size / 3) {
			struct data_view pieces = by_piece(a, s, size);
			assert_same(&whole, &pieces, size);
		}
		struct data_view once = by_piece(a, s, s.n);
		assert_same(&whole, &once, s.n);
	}
	arena_free(a);
}

/* --- mapped files ---------------------------------------------------------------------------------------------------------------------------- */

static int temporary(size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_true(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	return fd;
}

static void a_file_that_shrinks_reads_as_zeros(void **state)
{
	(void)state;
	size_t size = 8 * MAPPED_STEP;
	int fd = temporary(size);
	assert_int_equal(pwrite(fd, "end", 3, (off_t)size - 3), 3);
	struct mapped *m = mapped_open(fd);
	assert_non_null(m);
	struct slice all = mapped_bytes(m);
	assert_int_equal(all.n, size);
	assert_int_equal(all.p[size - 1], 'd');
	assert_null(mapped_open(fd)); /* one at a time */
	for (size_t at = 0; at < size / 2; at += 100000)
		mapped_advance(m, at);
	assert_false(mapped_shrank(m));
	assert_int_equal(ftruncate(fd, 1000), 0);
	assert_int_equal(all.p[size - 1], 0);
	assert_true(mapped_shrank(m));
	mapped_advance(m, size);
	assert_int_equal(all.p[size / 2], 0);
	mapped_close(m);
	close(fd);
}

static void what_cannot_be_mapped_is_read(void **state)
{
	(void)state;
	int fds[2], empty = temporary(0);
	assert_int_equal(pipe(fds), 0);
	assert_null(mapped_open(fds[0]));
	assert_null(mapped_open(empty));
	assert_null(mapped_open(-1));
	close(fds[0]);
	close(fds[1]);
	close(empty);
}

/* --- files that we write --------------------------------------------------------------------------------------------------------------------- */

static struct capture_file *reopen(int fd)
{
	struct err e = {0};
	static uint8_t buf[1 << 20];
	ssize_t n = pread(fd, buf, sizeof buf, 0);
	assert_true(n > 0);
	struct capture_file *f = capture_open_memory(slice_of(buf, (size_t)n), NULL, &e);
	assert_non_null(f);
	return f;
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	struct err e = {0};
	uint8_t bytes[1500];
	memset(bytes, 7, sizeof bytes);
	for (size_t n_fds = 1; n_fds <= 3; n_fds += 2) {
		int fds[3] = {temporary(0), temporary(0), temporary(0)}, kept[3];
		for (size_t i = 0; i < n_fds; i++)
			kept[i] = dup(fds[i]);
		const struct capture_writer_options o = {.fds = fds, .n_fds = n_fds, .ring_bytes = 10000, .linktype = 1, .snaplen = 2000, .interface = "lo", .filter = "tcp"};
		struct capture_writer *w = capture_writer_new(&o, &e);
		assert_non_null(w);
		for (uint64_t i = 0; i < 50; i++) {
			const struct capture_packet p = {.time_ns = 1700000000123456789 + (int64_t)i, .length = 2000, .bytes = slice_of(bytes, 1000 + i)};
			assert_true(capture_writer_packet(w, &p, &e));
		}
		assert_int_equal(capture_writer_packets(w), 50);
		assert_true(capture_writer_close(w, 50, 3, &e));
		uint64_t seen = 0, last = 0;
		for (size_t i = 0; i < n_fds; i++) {
			struct capture_file *f = reopen(kept[i]);
			struct capture_packet p;
			while (capture_next(f, &p, &e) > 0) {
				uint64_t number = p.bytes.n - 1000;
				assert_int_equal(p.time_ns, 1700000000123456789 + (int64_t)number);
				assert_int_equal(p.length, 2000);
				assert_int_equal(p.linktype, 1);
				last = number > last ? number : last;
				seen++;
			}
			capture_close(f);
			close(kept[i]);
		}
		assert_int_equal(last, 49);
		/* A ring forgets what is oldest. */
		assert_true(n_fds == 1 ? seen == 50 : seen >= 20 && seen < 35);
	}
}

/* --- connections end ------------------------------------------------------------------------------------------------------------------------- */

struct heard {
	size_t sessions;
	char what[8][16];
};

static void hear(void *user, struct transcript *t)
{
	struct heard *h = user;
	struct session *s = t->sessions.v[0];
	struct slice what = event_fact(s->events.v[s->events.n - 1], "what");
	snprintf(h->what[h->sessions++ % 8], 16, "%.*s", SLICE_FMT(what));
	transcript_free(t);
}

struct wire {
	struct streams *streams;
	uint32_t seq[2], frame;
	int64_t us;
	uint8_t host, net; /* of the client */
};

static void put(struct wire *w, int who, unsigned flags, const char *text)
{
	struct packet p = {.transport = TRANSPORT_TCP, .from_port = who ? 25 : 4000, .to_port = who ? 4000 : 25, .flags = (uint16_t)flags, .seq = w->seq[who],
			   .ack = w->seq[!who], .payload = slice_from_cstr(text)};
	p.from.bytes[3] = who ? 255 : w->host;
	p.to.bytes[3] = who ? w->host : 255;
	p.from.bytes[2] = p.to.bytes[2] = w->net;
	p.payload_length = (uint32_t)p.payload.n;
	const struct stamp stamp = {.where.frame = ++w->frame, .time_us = w->us += 1000, .has_time = true};
	streams_packet(w->streams, &p, &stamp);
	w->seq[who] += (uint32_t)p.payload.n + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
}

static void open_session(struct wire *w)
{
	put(w, 0, TCP_SYN, "");
	put(w, 1, TCP_SYN | TCP_ACK, "");
	put(w, 0, TCP_ACK, "");
	put(w, 1, TCP_ACK, "220 mx ESMTP\r\n");
	put(w, 0, TCP_ACK, "EHLO a.example\r\n");
}

static void sessions_are_told_when_they_end(void **state)
{
	(void)state;
	struct heard h = {0};
	struct tls_keys *keys = tls_keys_new();
	struct wire w = {.streams = streams_new(0, keys, hear, &h), .us = 1000000};
	int64_t idle = 60 * 1000000;
	open_session(&w);
	put(&w, 0, TCP_FIN | TCP_ACK, "");
	assert_int_equal(h.sessions, 0);
	put(&w, 1, TCP_FIN | TCP_ACK, "");
	assert_int_equal(h.sessions, 1);
	put(&w, 0, TCP_ACK, "");
	put(&w, 1, TCP_ACK, "late words are no new session\r\n");
	/* The ports again. */
	open_session(&w);
	put(&w, 1, TCP_RST, "");
	streams_tick(w.streams, w.us + 500000, idle);
	assert_int_equal(h.sessions, 1);
	streams_tick(w.streams, w.us + 1500000, idle);
	assert_int_equal(h.sessions, 2);
	w.us += 20 * 1000000;
	open_session(&w);
	streams_tick(w.streams, w.us + idle - 1, idle);
	assert_int_equal(h.sessions, 2);
	streams_tick(w.streams, w.us + idle, idle);
	assert_int_equal(h.sessions, 3);
	put(&w, 1, TCP_ACK, "250 too late\r\n");
	streams_tick(w.streams, w.us + 10 * idle, idle);
	assert_int_equal(h.sessions, 3);
	/* Nobody answers. */
	w.us += 2000 * 1000000ll;
	put(&w, 0, TCP_SYN, "");
	w.seq[0]--;
	put(&w, 0, TCP_SYN, "");
	streams_tick(w.streams, w.us + (STREAM_SILENCE_MS + 1) * 1000, idle);
	assert_int_equal(h.sessions, 4);
	streams_free(w.streams);
	tls_keys_free(keys);
	assert_int_equal(h.sessions, 4);
	assert_string_equal(h.what[0], "fin");
	assert_string_equal(h.what[1], "reset");
	assert_string_equal(h.what[2], "idle");
}

/* Many sessions open at once, each with much to keep: the first are told before memory grows beyond its bound. */
static void open_sessions_stay_within_memory(void **state)
{
	(void)state;
	struct heard h = {0};
	struct tls_keys *keys = tls_keys_new();
	struct streams *streams = streams_new(0, keys, hear, &h);
	static char line[4000];
	memset(line, 'x', sizeof line - 3);
	memcpy(line + sizeof line - 3, "\r\n", 3);
	const unsigned hosts = 600, lines = STREAMS_MEMORY / (hosts / 2) / sizeof line;
	for (unsigned host = 0; host < hosts; host++) {
		struct wire w = {.streams = streams, .us = (int64_t)host * 1000000, .host = (uint8_t)(host % 250), .net = (uint8_t)(host / 250)};
		open_session(&w);
		for (unsigned i = 0; i < lines; i++)
			put(&w, 0, TCP_ACK, line);
	}
	assert_true(h.sessions > hosts / 4 && h.sessions < hosts);
	streams_free(streams);
	assert_int_equal(h.sessions, hosts);
	/* One that is longer than all may be together is cut. */
	h = (struct heard){0};
	struct wire w = {.streams = streams_new(0, keys, hear, &h)};
	open_session(&w);
	for (unsigned i = 0; i < 2 * STREAMS_MEMORY / sizeof line; i++)
		put(&w, 0, TCP_ACK, line);
	streams_free(w.streams);
	assert_int_equal(h.sessions, 1);
	tls_keys_free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_counted_alike_in_any_pieces),
		cmocka_unit_test(a_file_that_shrinks_reads_as_zeros),
		cmocka_unit_test(what_cannot_be_mapped_is_read),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(sessions_are_told_when_they_end),
		cmocka_unit_test(open_sessions_stay_within_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
