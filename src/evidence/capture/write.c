#define _GNU_SOURCE
#include "evidence/capture/write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

/* Written in pieces of this size, and whenever the caller flushes. */
#define PIECE (256u * 1024u)
#define BUFFER_MAX (PIECE + CAPTURE_PACKET_MAX + 4096u)

enum {
	BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_STATISTICS = 5, BLOCK_PACKET = 6,
	OPTION_END = 0, OPTION_PROGRAM = 4, OPTION_IF_NAME = 2, OPTION_IF_TSRESOL = 9, OPTION_IF_FILTER = 11, OPTION_RECEIVED = 4, OPTION_DROPPED = 5,
};

struct capture_writer {
	struct capture_writer_options o;
	struct slice interface, filter, program; /* copies */
	int fds[WRITE_FILES_MAX];
	size_t at;              /* index into fds */
	struct buf out;
	uint64_t bytes;         /* of the file, with what is buffered */
	int64_t begun_ns;       /* time of the file's first packet */
	bool has_packets, failed;
	uint64_t packets, files;
	size_t block;           /* where the block under construction starts */
};

/* --- blocks ------------------------------------------------------------------------------------------------------------------------------ */

static void put16(struct capture_writer *w, unsigned v)
{
	const uint8_t b[2] = {(uint8_t)v, (uint8_t)(v >> 8)};
	buf_add(&w->out, slice_of(b, 2));
}

static void put32(struct capture_writer *w, uint32_t v)
{
	put16(w, v & 0xffff);
	put16(w, v >> 16);
}

static void put_padded(struct capture_writer *w, struct slice s)
{
	buf_add(&w->out, s);
	while (w->out.n % 4)
		buf_add_byte(&w->out, 0);
}

static void block_begin(struct capture_writer *w, uint32_t type)
{
	w->block = w->out.n;
	put32(w, type);
	put32(w, 0);
}

/* The length stands at both ends. */
static void block_end(struct capture_writer *w)
{
	size_t n = w->out.n - w->block + 4;
	put32(w, (uint32_t)n);
	if (!w->out.full)
		for (size_t i = 0; i < 4; i++)
			w->out.p[w->block + 4 + i] = (uint8_t)(n >> 8 * i);
	w->bytes += n;
}

static void option(struct capture_writer *w, unsigned code, struct slice value)
{
	if (!value.n)
		return;
	put16(w, code);
	put16(w, (unsigned)value.n);
	put_padded(w, value);
}

static void option_end(struct capture_writer *w)
{
	put16(w, OPTION_END);
	put16(w, 0);
}

static void option_count(struct capture_writer *w, unsigned code, uint64_t v)
{
	uint8_t b[8];
	for (size_t i = 0; i < 8; i++)
		b[i] = (uint8_t)(v >> 8 * i);
	option(w, code, slice_of(b, 8));
}

static void begin_file(struct capture_writer *w)
{
	static const uint8_t nanoseconds = 9;
	w->bytes = 0;
	w->has_packets = false;
	w->files++;
	block_begin(w, BLOCK_SECTION);
	put32(w, 0x1a2b3c4d);
	put16(w, 1);
	put16(w, 0);
	put32(w, 0xffffffff); /* the section's length is not known beforehand */
	put32(w, 0xffffffff);
	option(w, OPTION_PROGRAM, w->program);
	option_end(w);
	block_end(w);
	block_begin(w, BLOCK_INTERFACE);
	put16(w, w->o.linktype);
	put16(w, 0);
	put32(w, w->o.snaplen);
	option(w, OPTION_IF_NAME, w->interface);
	option(w, OPTION_IF_TSRESOL, slice_of(&nanoseconds, 1));
	if (w->filter.n)
		option(w, OPTION_IF_FILTER, w->filter);
	option_end(w);
	block_end(w);
}

/* --- files ------------------------------------------------------------------------------------------------------------------------------- */

bool capture_writer_flush(struct capture_writer *w, struct err *reterr)
{
	size_t at = 0;
	while (at < w->out.n && !w->failed) {
		ssize_t n = write(w->fds[w->at], w->out.p + at, w->out.n - at);
		if (n < 0 && errno == EINTR)
			continue;
		w->failed = n < 0;
		if (w->failed)
			err_set(reterr, ERR_WRITE, "%s", strerror(errno));
		else
			at += (size_t)n;
	}
	buf_reset(&w->out);
	return !w->failed;
}

static bool is_full(const struct capture_writer *w, const struct capture_packet *p)
{
	if (w->o.n_fds < 2 || !w->has_packets)
		return false;
	bool long_enough = w->o.ring_seconds && p->time_ns - w->begun_ns >= (int64_t)w->o.ring_seconds * 1000000000;
	return long_enough || (w->o.ring_bytes && w->bytes >= w->o.ring_bytes);
}

static bool next_file(struct capture_writer *w, struct err *reterr)
{
	if (!capture_writer_flush(w, reterr))
		return false;
	w->at = (w->at + 1) % w->o.n_fds;
	w->failed = ftruncate(w->fds[w->at], 0) != 0 || lseek(w->fds[w->at], 0, SEEK_SET) != 0;
	if (w->failed)
		return err_set(reterr, ERR_WRITE, "%s", strerror(errno));
	begin_file(w);
	return true;
}

bool capture_writer_packet(struct capture_writer *w, const struct capture_packet *p, struct err *reterr)
{
	if (w->failed)
		return false;
	if (is_full(w, p) && !next_file(w, reterr))
		return false;
	if (!w->has_packets)
		w->begun_ns = p->time_ns;
	w->has_packets = true;
	block_begin(w, BLOCK_PACKET);
	put32(w, 0);
	put32(w, (uint32_t)((uint64_t)p->time_ns >> 32));
	put32(w, (uint32_t)p->time_ns);
	put32(w, (uint32_t)p->bytes.n);
	put32(w, p->length);
	put_padded(w, p->bytes);
	block_end(w);
	w->packets++;
	return w->out.n < PIECE || capture_writer_flush(w, reterr);
}

/* --- life -------------------------------------------------------------------------------------------------------------------------------- */

static struct slice copy(const char *s)
{
	char *p = s ? strdup(s) : NULL;
	return p ? slice_sub(slice_from_cstr(p), 0, UINT16_MAX) : SLICE_NONE;
}

static void free_all(struct capture_writer *w)
{
	for (size_t i = 0; i < w->o.n_fds; i++)
		close(w->fds[i]);
	free((void *)(uintptr_t)w->interface.p);
	free((void *)(uintptr_t)w->filter.p);
	free((void *)(uintptr_t)w->program.p);
	buf_free(&w->out);
	free(w);
}

struct capture_writer *capture_writer_new(const struct capture_writer_options *o, struct err *reterr)
{
	struct capture_writer *w = calloc(1, sizeof *w);
	if (!w || o->n_fds == 0 || o->n_fds > WRITE_FILES_MAX) {
		err_set(reterr, ERR_MEMORY, "out of memory");
		free(w);
		return NULL;
	}
	w->o = *o;
	memcpy(w->fds, o->fds, o->n_fds * sizeof *o->fds);
	w->interface = copy(o->interface);
	w->program = copy(o->program);
	w->out = BUF_INIT(BUFFER_MAX);
	/* A first byte 0 says that the filter is given as text. */
	if (o->filter) {
		buf_add_byte(&w->out, 0);
		buf_add(&w->out, slice_from_cstr(o->filter));
		uint8_t *p = malloc(w->out.n);
		size_t n = w->out.n < UINT16_MAX ? w->out.n : 0;
		if (p && n)
			memcpy(p, w->out.p, n);
		w->filter = slice_of(p, p ? n : 0);
		buf_reset(&w->out);
	}
	begin_file(w);
	if (capture_writer_flush(w, reterr))
		return w;
	free_all(w);
	return NULL;
}

bool capture_writer_close(struct capture_writer *w, uint64_t received, uint64_t dropped, struct err *reterr)
{
	if (!w)
		return true;
	uint64_t ns = (uint64_t)time(NULL) * 1000000000ull;
	block_begin(w, BLOCK_STATISTICS);
	put32(w, 0);
	put32(w, (uint32_t)(ns >> 32));
	put32(w, (uint32_t)ns);
	option_count(w, OPTION_RECEIVED, received);
	option_count(w, OPTION_DROPPED, dropped);
	option_end(w);
	block_end(w);
	bool ok = capture_writer_flush(w, reterr);
	free_all(w);
	return ok;
}

uint64_t capture_writer_packets(const struct capture_writer *w)
{
	return w->packets;
}

uint64_t capture_writer_files(const struct capture_writer *w)
{
	return w->files;
}
