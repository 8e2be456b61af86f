#define _GNU_SOURCE
#include "evidence/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "evidence/capture/file.h"
#include "evidence/mapped.h"

/* One read of the file. */
#define RAW_BUFFER (256u * 1024u)

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };
enum encoding { ENCODING_BYTES, ENCODING_UTF16_LE, ENCODING_UTF16_BE };

struct source {
	int fd;              /* -1: memory */
	struct slice memory; /* what is left of it */
	struct slice all;    /* of memory */
	struct mapped *mapped;
	char name[512];
	uint64_t consumed, size;
	uint8_t *raw;        /* compressed or plain bytes read ahead */
	size_t raw_at, raw_n;
	bool raw_end;
	enum packing packing;
	enum encoding encoding;
	z_stream z;
	bool z_open, z_ended;
	ZSTD_DCtx *zstd;
	uint8_t head[SOURCE_PEEK]; /* looked at, not yet handed out */
	size_t head_at, head_n;
	int odd_byte;       /* first byte of a UTF-16 unit, -1 none */
};

static bool raw_fill(struct source *s, struct err *reterr)
{
	if (s->raw_at < s->raw_n || s->raw_end)
		return true;
	s->raw_at = s->raw_n = 0;
	if (s->fd < 0) {
		s->raw_n = s->memory.n < RAW_BUFFER ? s->memory.n : RAW_BUFFER;
		if (s->raw_n)
			memcpy(s->raw, s->memory.p, s->raw_n);
		s->memory = slice_from(s->memory, s->raw_n);
	} else {
		ssize_t n;
		do
			n = read(s->fd, s->raw, RAW_BUFFER);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return err_set(reterr, ERR_READ, "%s: %s", s->name, strerror(errno));
		s->raw_n = (size_t)n;
	}
	s->consumed += s->raw_n;
	s->raw_end = s->raw_n == 0;
	return true;
}

static long read_plain(struct source *s, uint8_t *buf, size_t n, struct err *reterr)
{
	if (!raw_fill(s, reterr))
		return -1;
	size_t have = s->raw_n - s->raw_at;
	if (have > n)
		have = n;
	memcpy(buf, s->raw + s->raw_at, have);
	s->raw_at += have;
	return (long)have;
}

static long read_gzip(struct source *s, uint8_t *buf, size_t n, struct err *reterr)
{
	s->z.next_out = buf;
	s->z.avail_out = (uInt)n;
	while (s->z.avail_out == n) {
		if (!raw_fill(s, reterr))
			return -1;
		if (s->raw_end)
			break;
		if (s->z_ended) {
			/* Another member follows (logrotate concatenates), or padding. */
			if (s->raw[s->raw_at] != 0x1f)
				return 0;
			inflateReset(&s->z);
			s->z_ended = false;
		}
		s->z.next_in = s->raw + s->raw_at;
		s->z.avail_in = (uInt)(s->raw_n - s->raw_at);
		int rc = inflate(&s->z, Z_NO_FLUSH);
		s->raw_at = s->raw_n - s->z.avail_in;
		s->z_ended = rc == Z_STREAM_END;
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
			err_set(reterr, ERR_FORMAT, "%s: the gzip data is damaged after %llu bytes", s->name, (unsigned long long)s->consumed);
			return -1;
		}
	}
	if (s->raw_end && !s->z_ended && s->z.avail_out == n && n) {
		err_set(reterr, ERR_FORMAT, "%s: the gzip data is cut off", s->name);
		return -1;
	}
	return (long)(n - s->z.avail_out);
}

static long read_zstd(struct source *s, uint8_t *buf, size_t n, struct err *reterr)
{
	ZSTD_outBuffer out = {buf, n, 0};
	while (out.pos == 0) {
		if (!raw_fill(s, reterr))
			return -1;
		ZSTD_inBuffer in = {s->raw + s->raw_at, s->raw_n - s->raw_at, 0};
		if (s->raw_end)
			break;
		size_t rc = ZSTD_decompressStream(s->zstd, &out, &in);
		s->raw_at += in.pos;
		if (ZSTD_isError(rc)) {
			err_set(reterr, ERR_FORMAT, "%s: the zstd data is damaged: %s", s->name, ZSTD_getErrorName(rc));
			return -1;
		}
	}
	return (long)out.pos;
}

static long read_packed(struct source *s, uint8_t *buf, size_t n, struct err *reterr)
{
	switch (s->packing) {
	case PACKING_GZIP:
		return read_gzip(s, buf, n, reterr);
	case PACKING_ZSTD:
		return read_zstd(s, buf, n, reterr);
	default:
		return read_plain(s, buf, n, reterr);
	}
}

static long read_bytes(struct source *s, uint8_t *buf, size_t n, struct err *reterr)
{
	if (s->head_at < s->head_n) {
		size_t have = s->head_n - s->head_at < n ? s->head_n - s->head_at : n;
		memcpy(buf, s->head + s->head_at, have);
		s->head_at += have;
		return (long)have;
	}
	return read_packed(s, buf, n, reterr);
}

/* One UTF-16 unit as UTF-8 (surrogates each become U+FFFD: no evidence hangs on them). Returns its length. */
static size_t utf8_put(uint8_t *out, unsigned v)
{
	if (v >= 0xd800 && v < 0xe000)
		v = 0xfffd;
	if (v < 0x80) {
		out[0] = (uint8_t)v;
		return 1;
	}
	if (v < 0x800) {
		out[0] = (uint8_t)(0xc0 | v >> 6);
		out[1] = (uint8_t)(0x80 | (v & 0x3f));
		return 2;
	}
	out[0] = (uint8_t)(0xe0 | v >> 12);
	out[1] = (uint8_t)(0x80 | (v >> 6 & 0x3f));
	out[2] = (uint8_t)(0x80 | (v & 0x3f));
	return 3;
}

static long read_utf16(struct source *s, uint8_t *buf, size_t n, struct err *reterr)
{
	uint8_t in[2048];
	size_t out = 0;
	while (out == 0) {
		size_t want = n / 3 < sizeof in ? n / 3 : sizeof in;
		long got = read_bytes(s, in, want, reterr);
		if (got <= 0)
			return got;
		for (long i = 0; i < got; i++) {
			if (s->odd_byte < 0) {
				s->odd_byte = in[i];
				continue;
			}
			unsigned a = (unsigned)s->odd_byte, b = in[i];
			unsigned v = s->encoding == ENCODING_UTF16_LE ? b << 8 | a : a << 8 | b;
			s->odd_byte = -1;
			if (v != 0xfeff)
				out += utf8_put(buf + out, v);
		}
	}
	return (long)out;
}

bool source_peek(struct source *s, struct slice *ret, struct err *reterr)
{
	while (s->head_n < sizeof s->head) {
		long got = read_packed(s, s->head + s->head_n, sizeof s->head - s->head_n, reterr);
		if (got < 0)
			return false;
		if (got == 0)
			break;
		s->head_n += (size_t)got;
	}
	*ret = slice_of(s->head, s->head_n);
	return true;
}

long source_read(struct source *s, uint8_t *buf, size_t n, struct err *reterr)
{
	return s->encoding == ENCODING_BYTES ? read_bytes(s, buf, n, reterr) : read_utf16(s, buf, n, reterr);
}

/* UTF-16 by its mark, or by a NUL in every second place of the beginning. */
static enum encoding guess_encoding(const uint8_t *p, size_t n)
{
	size_t even = 0, odd = 0;
	if (n >= 2 && p[0] == 0xff && p[1] == 0xfe)
		return ENCODING_UTF16_LE;
	if (n >= 2 && p[0] == 0xfe && p[1] == 0xff)
		return ENCODING_UTF16_BE;
	if (n > 512)
		n = 512;
	for (size_t i = 0; i < n; i++)
		if (p[i] == 0)
			*(i % 2 ? &odd : &even) += 1;
	if (n >= 8 && odd * 5 > n * 2 && even * 20 < n)
		return ENCODING_UTF16_LE;
	if (n >= 8 && even * 5 > n * 2 && odd * 20 < n)
		return ENCODING_UTF16_BE;
	return ENCODING_BYTES;
}

static bool begin(struct source *s, struct err *reterr)
{
	if (!raw_fill(s, reterr))
		return false;
	const uint8_t *p = s->raw;
	if (s->raw_n >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8) {
		s->packing = PACKING_GZIP;
		if (inflateInit2(&s->z, 15 + 16) != Z_OK)
			return err_set(reterr, ERR_MEMORY, "%s: out of memory", s->name);
		s->z_open = true;
	} else if (s->raw_n >= 4 && p[0] == 0x28 && p[1] == 0xb5 && p[2] == 0x2f && p[3] == 0xfd) {
		s->packing = PACKING_ZSTD;
		s->zstd = ZSTD_createDCtx();
		if (!s->zstd)
			return err_set(reterr, ERR_MEMORY, "%s: out of memory", s->name);
		/* A frame may ask for a window of gigabytes; logs never do. */
		ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, 25);
	} else if (!capture_is_magic(slice_of(p, s->raw_n))) {
		s->encoding = guess_encoding(p, s->raw_n);
	}
	return true;
}

static struct source *make(int fd, struct slice memory, const char *name, struct err *reterr)
{
	struct source *s = calloc(1, sizeof *s);
	if (s) {
		s->fd = fd;
		s->memory = s->all = memory;
		s->size = memory.n;
		s->odd_byte = -1;
		snprintf(s->name, sizeof s->name, "%s", name);
		s->raw = malloc(RAW_BUFFER);
	}
	if (!s || !s->raw) {
		err_set(reterr, ERR_MEMORY, "%s: out of memory", name);
		if (!s && fd >= 0)
			close(fd);
		source_close(s);
		return NULL;
	}
	struct stat st;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		s->size = (uint64_t)st.st_size;
	if (!begin(s, reterr)) {
		source_close(s);
		return NULL;
	}
	return s;
}

int source_open_path(const char *path, struct err *reterr)
{
	bool standard_input = strcmp(path, "-") == 0;
	/* Opening a named pipe would wait for its writer, who may be waiting for us to read another input. */
	int fd = standard_input ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	if (fd < 0) {
		err_set(reterr, ERR_OPEN, "%s: %s", standard_input ? "standard input" : path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		err_set(reterr, ERR_OPEN, "%s: is a folder; name the files in it", path);
		return -1;
	}
	return fd;
}

struct source *source_open_fd(int fd, const char *path, struct err *reterr)
{
	bool standard_input = strcmp(path, "-") == 0;
	struct stat st;
	if (!standard_input && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		/* From here on it is waited for. */
		struct pollfd p = {.fd = fd, .events = POLLIN};
		while (poll(&p, 1, -1) < 0 && errno == EINTR)
			;
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	}
	return make(fd, SLICE_NONE, standard_input ? "standard input" : path, reterr);
}

struct source *source_open_memory(struct slice bytes, struct err *reterr)
{
	return make(-1, bytes, "input", reterr);
}

void source_close(struct source *s)
{
	if (!s)
		return;
	mapped_close(s->mapped);
	if (s->fd >= 0)
		close(s->fd);
	if (s->z_open)
		inflateEnd(&s->z);
	ZSTD_freeDCtx(s->zstd);
	free(s->raw);
	free(s);
}

bool source_memory(struct source *s, struct slice *ret)
{
	if (s->packing != PACKING_NONE || s->encoding != ENCODING_BYTES)
		return false;
	/* A descriptor that somebody else has read from begins elsewhere. */
	if (s->fd >= 0 && lseek(s->fd, 0, SEEK_CUR) == (off_t)s->consumed)
		s->mapped = mapped_open(s->fd);
	*ret = s->mapped ? mapped_bytes(s->mapped) : s->all;
	return s->mapped || s->fd < 0;
}

void source_passed(struct source *s, uint64_t at)
{
	s->consumed = at;
	if (s->mapped)
		mapped_advance(s->mapped, at);
}

bool source_shrank(const struct source *s)
{
	return s->mapped && mapped_shrank(s->mapped);
}

uint64_t source_consumed(const struct source *s)
{
	return s->consumed;
}

uint64_t source_size(const struct source *s)
{
	return s->size;
}
