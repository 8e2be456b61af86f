#define _GNU_SOURCE
#include "base/slice.h"

bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool slice_eq_nocase(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

bool slice_starts(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_eq(slice_of(s.p, prefix.n), prefix);
}

bool slice_starts_nocase(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_eq_nocase(slice_of(s.p, prefix.n), prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
	return s.n >= suffix.n && slice_eq(slice_from(s, s.n - suffix.n), suffix);
}

bool slice_ends_nocase(struct slice s, struct slice suffix)
{
	return s.n >= suffix.n && slice_eq_nocase(slice_from(s, s.n - suffix.n), suffix);
}

size_t slice_find_last_byte(struct slice s, uint8_t c)
{
	const uint8_t *at = s.n ? memrchr(s.p, c, s.n) : NULL;
	return at ? (size_t)(at - s.p) : SLICE_NPOS;
}

size_t slice_find(struct slice s, struct slice needle)
{
	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return SLICE_NPOS;
	const uint8_t *at = memmem(s.p, s.n, needle.p, needle.n);
	return at ? (size_t)(at - s.p) : SLICE_NPOS;
}

/* Next position of either byte at or after `from`, clamped to the slice's end. */
static size_t next_of(struct slice s, uint8_t c, size_t from)
{
	const uint8_t *at = from < s.n ? memchr(s.p + from, c, s.n - from) : NULL;
	return at ? (size_t)(at - s.p) : s.n;
}

size_t slice_find_nocase(struct slice s, struct slice needle)
{
	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return SLICE_NPOS;
	/* memchr runs many bytes at a time: one search for the small letter and one for the capital. */
	uint8_t small = ascii_lower(needle.p[0]);
	uint8_t capital = ascii_is_alpha(small) ? (uint8_t)(small & ~0x20) : small;
	size_t end = s.n - needle.n + 1;
	struct slice starts = slice_of(s.p, end);
	size_t i = next_of(starts, small, 0), j = small == capital ? end : next_of(starts, capital, 0);
	while (i < end || j < end) {
		size_t at = i < j ? i : j;
		if (slice_eq_nocase(slice_of(s.p + at, needle.n), needle))
			return at;
		if (at == i)
			i = next_of(starts, small, i + 1);
		if (at == j)
			j = next_of(starts, capital, j + 1);
	}
	return SLICE_NPOS;
}

bool slice_has(struct slice s, struct slice needle)
{
	return slice_find(s, needle) != SLICE_NPOS;
}

bool slice_has_nocase(struct slice s, struct slice needle)
{
	return slice_find_nocase(s, needle) != SLICE_NPOS;
}

struct slice slice_trim_right(struct slice s)
{
	while (s.n && ascii_is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct slice slice_trim(struct slice s)
{
	slice_skip_space(&s);
	return slice_trim_right(s);
}

struct slice slice_chomp(struct slice s)
{
	if (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

bool slice_skip(struct slice *s, struct slice prefix)
{
	if (!slice_starts(*s, prefix))
		return false;
	*s = slice_from(*s, prefix.n);
	return true;
}

bool slice_skip_nocase(struct slice *s, struct slice prefix)
{
	if (!slice_starts_nocase(*s, prefix))
		return false;
	*s = slice_from(*s, prefix.n);
	return true;
}

void slice_skip_space(struct slice *s)
{
	while (s->n && ascii_is_space(s->p[0])) {
		s->p++;
		s->n--;
	}
}

struct slice slice_next_word(struct slice *s)
{
	slice_skip_space(s);
	size_t i = 0;
	while (i < s->n && !ascii_is_space(s->p[i]))
		i++;
	struct slice word = slice_of(s->p, i);
	*s = slice_from(*s, i);
	return word;
}

struct slice slice_next_until(struct slice *s, uint8_t sep)
{
	size_t at = slice_find_byte(*s, sep);
	struct slice part = slice_sub(*s, 0, at);
	*s = at == SLICE_NPOS ? slice_from(*s, s->n) : slice_from(*s, at + 1);
	return part;
}

bool slice_next_line(struct slice *s, struct slice *ret_line)
{
	if (s->n == 0)
		return false;
	*ret_line = slice_next_until(s, '\n');
	if (ret_line->n && ret_line->p[ret_line->n - 1] == '\r')
		ret_line->n--;
	return true;
}

bool slice_next_uint(struct slice *s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;
	for (; i < s->n && ascii_is_digit(s->p[i]); i++) {
		uint64_t digit = (uint64_t)(s->p[i] - '0');
		if (digit > max || v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (i == 0)
		return false;
	*s = slice_from(*s, i);
	*ret = v;
	return true;
}

bool slice_to_uint(struct slice s, uint64_t max, uint64_t *ret)
{
	uint64_t v;
	if (!slice_next_uint(&s, max, &v) || s.n)
		return false;
	*ret = v;
	return true;
}

struct slice slice_between(struct slice s, struct slice open, struct slice close)
{
	size_t at = slice_find(s, open);
	if (at == SLICE_NPOS)
		return SLICE_NONE;
	s = slice_from(s, at + open.n);
	at = slice_find(s, close);
	return at == SLICE_NPOS ? SLICE_NONE : slice_sub(s, 0, at);
}

uint64_t slice_hash(struct slice s)
{
	uint64_t h = 14695981039346656037ull;
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ s.p[i]) * 1099511628211ull;
	return h;
}

int slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;
	return c ? c : (a.n > b.n) - (a.n < b.n);
}
