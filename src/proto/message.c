#include "proto/message.h"

#define ATTACHMENT "Content-Disposition: attachment"
/* Beginning of a body line that is looked at. */
#define MESSAGE_BODY_KEEP (sizeof ATTACHMENT - 1)

void message_begin(struct message *m, struct arena *a)
{
	memset(m, 0, sizeof *m);
	m->arena = a;
	m->in_header = true;
}

static void keep_value(struct message *m, struct slice name, struct slice value)
{
	struct {
		struct slice name;
		struct slice *at;
	} wanted[] = {
		{S("from"), &m->view.from}, {S("to"), &m->view.to}, {S("subject"), &m->view.subject}, {S("message-id"), &m->view.message_id},
	};
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (slice_eq_nocase(name, wanted[i].name) && !wanted[i].at->n)
			*wanted[i].at = arena_dup(m->arena, slice_trim(value));
}

static void end_header_line(struct message *m)
{
	struct slice line = slice_trim_right(slice_of(m->head, m->head_n));
	if (line.n == 0) {
		m->in_header = false;
		return;
	}
	size_t colon = slice_find_byte(line, ':');
	if (ascii_is_space(line.p[0]) || colon == SLICE_NPOS || colon == 0)
		return;
	struct slice name = slice_sub(line, 0, colon);
	if (slice_find_byte(name, ' ') != SLICE_NPOS)
		return;
	keep_value(m, name, slice_from(line, colon + 1));
	if (m->names_n + name.n + 1 > sizeof m->names)
		return;
	if (m->names_n)
		m->names[m->names_n++] = ' ';
	for (size_t i = 0; i < name.n; i++)
		m->names[m->names_n++] = (char)ascii_lower(name.p[i]);
}

static void end_line(struct message *m)
{
	if (m->in_header)
		end_header_line(m);
	else if (slice_starts_nocase(slice_of(m->head, m->head_n), S(ATTACHMENT)))
		m->view.attachments++;
	if (m->head_n > 1 && m->head[0] == '.')
		m->view.dot_lines++;
	if (m->line_bytes > m->view.longest_line)
		m->view.longest_line = m->line_bytes;
	m->view.lines++;
	m->line_bytes = 0;
	m->head_n = 0;
}

#define EVERY_BYTE(c) (0x0101010101010101ull * (c))

/* Some byte of the word is zero (Mycroft's trick). */
static bool has_zero(uint64_t w)
{
	return (w - EVERY_BYTE(1)) & ~w & EVERY_BYTE(0x80);
}

static void count_byte(struct message *m, uint8_t c)
{
	if (m->last_cr)
		m->view.bare_cr++;
	m->last_cr = c == '\r';
	m->view.nul += c == 0;
	m->view.eight_bit += c >= 0x80;
}

/* A run of bytes without LF. Eight at a time as long as they are plain. */
static void add_run(struct message *m, struct slice run)
{
	size_t i = 0;
	while (i < run.n) {
		uint64_t w;
		if (run.n - i >= sizeof w && !m->last_cr) {
			memcpy(&w, run.p + i, sizeof w);
			if (!(w & EVERY_BYTE(0x80)) && !has_zero(w) && !has_zero(w ^ EVERY_BYTE('\r'))) {
				i += sizeof w;
				continue;
			}
		}
		count_byte(m, run.p[i++]);
	}
	/* Of the body only what tells an attachment matters. */
	size_t keep = m->in_header ? sizeof m->head : MESSAGE_BODY_KEEP;
	for (i = 0; i < run.n && m->head_n < keep; i++)
		if (run.p[i] != '\r')
			m->head[m->head_n++] = run.p[i];
	m->line_bytes += run.n;
}

void message_add(struct message *m, struct slice bytes)
{
	m->view.bytes += bytes.n;
	while (bytes.n) {
		size_t lf = slice_find_byte(bytes, '\n');
		add_run(m, slice_sub(bytes, 0, lf));
		if (lf == SLICE_NPOS)
			return;
		if (m->last_cr)
			m->line_bytes--;
		else
			m->view.bare_lf++;
		m->last_cr = false;
		end_line(m);
		bytes = slice_from(bytes, lf + 1);
	}
}

#ifdef __SSE2__
#include <emmintrin.h>

static unsigned where_equal(__m128i v, char c)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(c)));
}

/* Length of the line at p, with its CRLF, when nothing in it is odd: no NUL, no eighth bit, no other CR; 0 when it is not whole or not plain. */
static size_t plain_line(const uint8_t *p, size_t n)
{
	unsigned odd = 0, seen_cr = 0;
	for (size_t i = 0; n - i >= 16; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		unsigned lf = where_equal(v, '\n'), before = lf ? (lf & -lf) - 1 : 0xffff;
		odd |= ((unsigned)_mm_movemask_epi8(v) | where_equal(v, 0)) & before;
		unsigned cr = where_equal(v, '\r') & before;
		/* More than one CR is one too many. */
		odd |= cr & ((cr - 1) | (0u - seen_cr));
		seen_cr |= cr != 0;
		if (!lf)
			continue;
		size_t end = i + (size_t)__builtin_ctz(lf);
		return !odd && seen_cr && p[end - 1] == '\r' ? end + 1 : 0;
	}
	return 0;
}
#else
static size_t plain_line(const uint8_t *p, size_t n)
{
	(void)p;
	(void)n;
	return 0;
}
#endif

size_t message_add_plain(struct message *m, struct slice bytes, size_t line_max)
{
	size_t at = 0;
	if (m->in_header || m->line_bytes || m->last_cr)
		return 0;
	while (at < bytes.n) {
		uint8_t first = bytes.p[at];
		size_t n = first == '.' || ascii_lower(first) == 'c' ? 0 : plain_line(bytes.p + at, bytes.n - at);
		if (n == 0 || n > line_max)
			break;
		if (n - 2 > m->view.longest_line)
			m->view.longest_line = n - 2;
		m->view.lines++;
		at += n;
	}
	m->view.bytes += at;
	return at;
}

void message_end(struct message *m, struct data_view *ret)
{
	if (m->line_bytes)
		end_line(m);
	m->view.headers = arena_dup(m->arena, slice_of(m->names, m->names_n));
	*ret = m->view;
}
