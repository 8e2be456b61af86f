#include "evidence/capture/file.h"

#include <stdio.h>
#include <stdlib.h>

/* Contiguous bytes asked for at once in a stream: the longest block that is kept, and a header. */
#define WINDOW (1024u * 1024u)

/* A few packets of full size. */
#define FETCH_AHEAD 4096

enum kind { KIND_PCAP, KIND_PCAP_NS, KIND_PCAP_MODIFIED, KIND_PCAPNG };

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET_OLD = 2,
	BLOCK_PACKET_SIMPLE = 3,
	BLOCK_NAMES = 4,
	BLOCK_PACKET = 6,
	BLOCK_SECRETS = 10,
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_TSRESOL = 9,
	OPTION_TSOFFSET = 14,
	NAME_IPV4 = 1,
	NAME_IPV6 = 2,
};

struct interface {
	uint32_t linktype, snaplen;
	uint64_t units;   /* time stamp units per second */
	int64_t offset_s;
};

struct capture_file {
	struct capture_hooks hooks;
	enum kind kind;
	bool swapped;
	/* bytes */
	struct slice memory;   /* what is left of it */
	capture_more more;
	void *more_user;
	uint8_t *window;
	size_t window_at, window_n, window_cap;
	bool at_end;
	uint64_t offset;
	/* pcap */
	uint32_t linktype;
	/* pcapng */
	struct interface *interfaces;
	unsigned n_interfaces;
	uint64_t packets;
	size_t consume;        /* of the record handed out last */
	const uint8_t *fetched; /* memory up to here is on its way */
};

static uint16_t get16(const struct capture_file *f, const uint8_t *p)
{
	return f->swapped ? (uint16_t)(p[0] << 8 | p[1]) : (uint16_t)(p[1] << 8 | p[0]);
}

static uint32_t get32(const struct capture_file *f, const uint8_t *p)
{
	uint32_t a = p[0], b = p[1], c = p[2], d = p[3];
	return f->swapped ? a << 24 | b << 16 | c << 8 | d : d << 24 | c << 16 | b << 8 | a;
}

bool capture_is_magic(struct slice s)
{
	static const char *const magics[] = {
		"\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4", "\x4d\x3c\xb2\xa1", "\xa1\xb2\x3c\x4d", "\x34\xcd\xb2\xa1", "\xa1\xb2\xcd\x34", "\x0a\x0d\x0d\x0a",
	};
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (slice_starts(s, slice_of(magics[i], 4)))
			return true;
	return false;
}

/* --- bytes ---------------------------------------------------------------------------------------------------------------------------- */

static bool window_grow(struct capture_file *f, size_t n)
{
	if (f->window_n > f->window_at)
		if (f->window_n)
		memmove(f->window, f->window + f->window_at, f->window_n - f->window_at);
	f->window_n -= f->window_at;
	f->window_at = 0;
	if (n <= f->window_cap)
		return true;
	size_t cap = n > WINDOW ? n : WINDOW;
	uint8_t *bigger = realloc(f->window, cap);
	if (!bigger)
		return false;
	f->window = bigger;
	f->window_cap = cap;
	return true;
}

/* The next n bytes without consuming them; NULL when there are fewer (then *reterr is set if reading failed). */
static const uint8_t *peek(struct capture_file *f, size_t n, struct err *reterr)
{
	if (!f->more)
		return f->memory.n >= n ? f->memory.p : NULL;
	if (f->window_n - f->window_at >= n)
		return f->window + f->window_at;
	if (!window_grow(f, n)) {
		err_set(reterr, ERR_MEMORY, "out of memory");
		return NULL;
	}
	while (f->window_n < n && !f->at_end) {
		long got = f->more(f->more_user, f->window + f->window_n, f->window_cap - f->window_n, reterr);
		f->at_end = got <= 0;
		if (got > 0)
			f->window_n += (size_t)got;
	}
	return f->window_n >= n ? f->window : NULL;
}

static void skip(struct capture_file *f, uint64_t n)
{
	f->offset += n;
	if (!f->more) {
		f->memory = slice_from(f->memory, n > f->memory.n ? f->memory.n : (size_t)n);
		return;
	}
	while (n) {
		size_t have = f->window_n - f->window_at;
		size_t part = n < have ? (size_t)n : have;
		f->window_at += part;
		n -= part;
		if (n && !peek(f, 1, NULL))
			return;
	}
}

static bool ended(struct capture_file *f)
{
	return !peek(f, 1, NULL);
}

/* --- opening ---------------------------------------------------------------------------------------------------------------------------- */

static bool begin_pcap(struct capture_file *f, struct err *reterr)
{
	const uint8_t *p = peek(f, 24, reterr);
	if (!p)
		return err_set(reterr, ERR_FORMAT, "the capture is cut inside its header");
	/* The upper bits hold the length of a frame check sequence. */
	f->linktype = get32(f, p + 20) & 0x0fffffff;
	skip(f, 24);
	return true;
}

static bool begin(struct capture_file *f, struct err *reterr)
{
	const uint8_t *p = peek(f, 4, reterr);
	if (!p || !capture_is_magic(slice_of(p, 4)))
		return err_set(reterr, ERR_FORMAT, "this is no packet capture");
	if (p[0] == 0x0a) {
		f->kind = KIND_PCAPNG;
		return true;
	}
	f->swapped = p[0] == 0xa1;
	uint32_t magic = get32(f, p);
	f->kind = magic == 0xa1b23c4d ? KIND_PCAP_NS : magic == 0xa1b2cd34 ? KIND_PCAP_MODIFIED : KIND_PCAP;
	return begin_pcap(f, reterr);
}

static struct capture_file *make(const struct capture_hooks *hooks, struct err *reterr)
{
	struct capture_file *f = calloc(1, sizeof *f);
	if (!f)
		err_set(reterr, ERR_MEMORY, "out of memory");
	else if (hooks)
		f->hooks = *hooks;
	return f;
}

struct capture_file *capture_open_memory(struct slice bytes, const struct capture_hooks *hooks, struct err *reterr)
{
	struct capture_file *f = make(hooks, reterr);
	if (!f)
		return NULL;
	f->memory = bytes;
	if (begin(f, reterr))
		return f;
	capture_close(f);
	return NULL;
}

struct capture_file *capture_open_stream(capture_more more, void *user, const struct capture_hooks *hooks, struct err *reterr)
{
	struct capture_file *f = make(hooks, reterr);
	if (!f)
		return NULL;
	f->more = more;
	f->more_user = user;
	if (window_grow(f, WINDOW) && begin(f, reterr))
		return f;
	capture_close(f);
	return NULL;
}

void capture_close(struct capture_file *f)
{
	if (!f)
		return;
	free(f->window);
	free(f->interfaces);
	free(f);
}

uint64_t capture_offset(const struct capture_file *f)
{
	return f->offset;
}

const char *capture_form(const struct capture_file *f)
{
	static const char *const names[] = {"pcap", "pcap-ns", "pcap-modified", "pcapng"};
	return names[f->kind];
}

/* --- ahead ------------------------------------------------------------------------------------------------------------------------------ */

/* Memory is asked for some KiB before it is needed: what is looked at of packets jumps too much for the processor to guess. p: the current record. */
static void fetch_ahead(struct capture_file *f, const uint8_t *p)
{
	if (f->more)
		return;
	const uint8_t *end = f->memory.p + f->memory.n;
	const uint8_t *to = end - p > FETCH_AHEAD ? p + FETCH_AHEAD : end;
	if (f->fetched < p)
		f->fetched = p;
	for (; f->fetched < to; f->fetched += 64)
		__builtin_prefetch(f->fetched);
}

/* --- pcap ------------------------------------------------------------------------------------------------------------------------------- */

static int next_pcap(struct capture_file *f, struct capture_packet *ret, struct err *reterr)
{
	size_t header = f->kind == KIND_PCAP_MODIFIED ? 24 : 16;
	if (ended(f))
		return 0;
	const uint8_t *p = peek(f, header, reterr);
	if (!p) {
		err_set(reterr, ERR_FORMAT, "the capture is cut inside the header of frame %llu", (unsigned long long)f->packets + 1);
		return -1;
	}
	uint32_t captured = get32(f, p + 8);
	if (captured > CAPTURE_PACKET_MAX) {
		err_set(reterr, ERR_FORMAT, "the capture is damaged at frame %llu (offset %llu): it claims %u bytes", (unsigned long long)f->packets + 1,
			(unsigned long long)f->offset, captured);
		return -1;
	}
	p = peek(f, header + captured, reterr);
	if (!p) {
		err_set(reterr, ERR_FORMAT, "the capture is cut inside frame %llu", (unsigned long long)f->packets + 1);
		return -1;
	}
	int64_t fraction = get32(f, p + 4);
	fetch_ahead(f, p);
	*ret = (struct capture_packet){
		.number = ++f->packets,
		.time_ns = (int64_t)get32(f, p) * 1000000000 + (f->kind == KIND_PCAP_NS ? fraction : fraction * 1000),
		.has_time = true,
		.linktype = f->linktype,
		.length = get32(f, p + 12),
		.bytes = slice_of(p + header, captured),
		.offset = f->offset,
	};
	f->consume = header + captured;
	return 1;
}

/* --- pcapng ----------------------------------------------------------------------------------------------------------------------------- */

/* pcapng fills everything up to four bytes. */
static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* Calls take for every option of a list. */
static void options(struct capture_file *f, struct slice s, void (*take)(struct capture_file *f, void *user, unsigned code, struct slice value),
		    void *user)
{
	while (s.n >= 4) {
		unsigned code = get16(f, s.p), n = get16(f, s.p + 2);
		if (code == OPTION_END || n > s.n - 4)
			return;
		take(f, user, code, slice_sub(s, 4, 4 + n));
		s = slice_from(s, 4 + padded(n));
	}
}

static void interface_option(struct capture_file *f, void *user, unsigned code, struct slice value)
{
	struct interface *i = user;
	if (code == OPTION_TSRESOL && value.n >= 1) {
		unsigned exponent = value.p[0] & 0x7f;
		i->units = 1;
		/* Anything finer than a 64-bit counter can hold is damage; the default stays. */
		if (value.p[0] & 0x80)
			i->units = exponent < 63 ? 1ull << exponent : 1000000;
		else if (exponent > 18)
			i->units = 1000000;
		else
			while (exponent--)
				i->units *= 10;
	} else if (code == OPTION_TSOFFSET && value.n >= 8) {
		uint64_t lo = get32(f, value.p + (f->swapped ? 4 : 0)), hi = get32(f, value.p + (f->swapped ? 0 : 4));
		i->offset_s = (int64_t)(hi << 32 | lo);
	}
}

static void block_interface(struct capture_file *f, struct slice body)
{
	if (body.n < 8 || f->n_interfaces == CAPTURE_INTERFACES_MAX)
		return;
	struct interface *bigger = realloc(f->interfaces, (f->n_interfaces + 1) * sizeof *bigger);
	if (!bigger)
		return;
	f->interfaces = bigger;
	struct interface *i = &bigger[f->n_interfaces++];
	*i = (struct interface){.linktype = get16(f, body.p), .snaplen = get32(f, body.p + 4), .units = 1000000};
	options(f, slice_from(body, 8), interface_option, i);
}

struct comment_user {
	uint64_t packet;
};

static void packet_option(struct capture_file *f, void *user, unsigned code, struct slice value)
{
	const struct comment_user *u = user;
	if (code == OPTION_COMMENT && f->hooks.comment)
		f->hooks.comment(f->hooks.user, u->packet, value);
}

static int64_t to_ns(const struct interface *i, uint64_t ticks)
{
	uint64_t s = ticks / i->units, rest = ticks % i->units;
	/* rest < units <= 2^62: split the product so that it fits. */
	uint64_t ns = i->units <= 1000000000 ? rest * (1000000000 / i->units) : rest / (i->units / 1000000000);
	if (i->units <= 1000000000 && 1000000000 % i->units)
		ns = (uint64_t)((__uint128_t)rest * 1000000000 / i->units);
	/* What does not fit 64 bits of nanoseconds (the year 2262) is damage. */
	__int128_t all = ((__int128_t)s + i->offset_s) * 1000000000 + (int64_t)ns;
	return all > INT64_MAX || all < INT64_MIN ? 0 : (int64_t)all;
}

static bool block_packet(struct capture_file *f, struct slice body, bool old, struct capture_packet *ret)
{
	if (body.n < 20)
		return false;
	uint32_t id = old ? get16(f, body.p) : get32(f, body.p);
	uint32_t captured = get32(f, body.p + 12);
	if (id >= f->n_interfaces || captured > body.n - 20)
		return false;
	const struct interface *i = &f->interfaces[id];
	uint64_t ticks = (uint64_t)get32(f, body.p + 4) << 32 | get32(f, body.p + 8);
	*ret = (struct capture_packet){
		.number = ++f->packets, .time_ns = to_ns(i, ticks), .has_time = true, .linktype = i->linktype, .interface = id,
		.length = get32(f, body.p + 16), .bytes = slice_sub(body, 20, 20 + captured), .offset = f->offset,
	};
	size_t options_at = 20 + padded(captured);
	struct comment_user u = {ret->number};
	options(f, slice_from(body, options_at), packet_option, &u);
	return true;
}

static bool block_packet_simple(struct capture_file *f, struct slice body, struct capture_packet *ret)
{
	if (body.n < 4 || !f->n_interfaces)
		return false;
	const struct interface *i = &f->interfaces[0];
	uint32_t length = get32(f, body.p);
	size_t captured = length;
	if (i->snaplen && captured > i->snaplen)
		captured = i->snaplen;
	*ret = (struct capture_packet){
		.number = ++f->packets, .linktype = i->linktype, .length = length, .bytes = slice_sub(body, 4, 4 + captured), .offset = f->offset,
	};
	return true;
}

static struct slice address_text(struct slice bytes, char *buf, size_t size)
{
	int n = 0;
	if (bytes.n == 4)
		n = snprintf(buf, size, "%u.%u.%u.%u", bytes.p[0], bytes.p[1], bytes.p[2], bytes.p[3]);
	for (size_t i = 0; bytes.n == 16 && i < 16; i += 2)
		n += snprintf(buf + n, size - (size_t)n, "%s%x", i ? ":" : "", bytes.p[i] << 8 | bytes.p[i + 1]);
	return slice_of(buf, (size_t)n);
}

static void block_names(struct capture_file *f, struct slice s)
{
	while (f->hooks.name && s.n >= 4) {
		unsigned type = get16(f, s.p), n = get16(f, s.p + 2);
		size_t address = type == NAME_IPV4 ? 4 : 16;
		if (type == 0 || n > s.n - 4)
			return;
		if ((type == NAME_IPV4 || type == NAME_IPV6) && n > address) {
			char buf[48];
			struct slice name = slice_sub(s, 4 + address, 4 + n);
			name = slice_next_until(&name, 0);
			f->hooks.name(f->hooks.user, address_text(slice_sub(s, 4, 4 + address), buf, sizeof buf), name);
		}
		s = slice_from(s, 4 + padded(n));
	}
}

static void block_secrets(struct capture_file *f, struct slice body)
{
	if (body.n < 8 || !f->hooks.secrets)
		return;
	uint32_t n = get32(f, body.p + 4);
	f->hooks.secrets(f->hooks.user, get32(f, body.p), slice_sub(body, 8, 8 + (size_t)n));
}

/* A section header: its byte order holds from here on, its interfaces are its own. Returns its length, or 0 when it is damaged. */
static uint32_t section(struct capture_file *f, struct err *reterr)
{
	const uint8_t *p = peek(f, 28, reterr);
	if (!p)
		return 0;
	if (p[8] == 0x4d && p[9] == 0x3c)
		f->swapped = false;
	else if (p[8] == 0x1a && p[9] == 0x2b)
		f->swapped = true;
	else
		return 0;
	f->n_interfaces = 0;
	return get32(f, p + 4);
}

/* One block: 1 when it gave a packet, 0 when not, -1 on damage. */
static int one_block(struct capture_file *f, struct capture_packet *ret, struct err *reterr)
{
	const uint8_t *p = peek(f, 12, reterr);
	uint32_t type = p ? get32(f, p) : 0;
	/* The type of a section header reads the same in both orders. */
	uint32_t total = !p ? 0 : type == BLOCK_SECTION ? section(f, reterr) : get32(f, p + 4);
	if (total < 12 || total % 4) {
		err_set(reterr, ERR_FORMAT, "the capture is damaged or cut at offset %llu", (unsigned long long)f->offset);
		return -1;
	}
	if (total > CAPTURE_BLOCK_MAX) {
		skip(f, total);
		return 0;
	}
	p = peek(f, total, reterr);
	if (!p) {
		err_set(reterr, ERR_FORMAT, "the capture is cut inside the block at offset %llu", (unsigned long long)f->offset);
		return -1;
	}
	struct slice body = slice_of(p + 8, total - 12);
	bool packet = false;
	fetch_ahead(f, p);
	f->consume = total;
	switch (type) {
	case BLOCK_INTERFACE:
		block_interface(f, body);
		break;
	case BLOCK_PACKET:
	case BLOCK_PACKET_OLD:
		packet = block_packet(f, body, type == BLOCK_PACKET_OLD, ret);
		break;
	case BLOCK_PACKET_SIMPLE:
		packet = block_packet_simple(f, body, ret);
		break;
	case BLOCK_NAMES:
		block_names(f, body);
		break;
	case BLOCK_SECRETS:
		block_secrets(f, body);
		break;
	default:
		break;
	}
	return packet;
}

int capture_next(struct capture_file *f, struct capture_packet *ret, struct err *reterr)
{
	skip(f, f->consume);
	f->consume = 0;
	if (f->kind != KIND_PCAPNG)
		return next_pcap(f, ret, reterr);
	for (;;) {
		if (ended(f))
			return 0;
		int rc = one_block(f, ret, reterr);
		if (rc)
			return rc;
		skip(f, f->consume);
		f->consume = 0;
	}
}
