/* slice: borrowed bytes with a length. Never NUL-terminated by belief; whoever made the bytes owns them.
 * All functions accept {NULL, 0}. "nocase" folds ASCII letters only. */
#ifndef TT_BASE_SLICE_H
#define TT_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *p;
	size_t n;
};

#define SLICE_NONE ((struct slice){NULL, 0})
/* Slice of a string literal. */
#define S(lit) ((struct slice){(const uint8_t *)("" lit), sizeof(lit) - 1})
/* For printf("%.*s"): only for text known to be clean. */
#define SLICE_FMT(s) (int)(s).n, (const char *)(s).p

#define SLICE_NPOS ((size_t)-1)

static inline struct slice slice_of(const void *p, size_t n)
{
	return (struct slice){p, n};
}

static inline struct slice slice_from_cstr(const char *s)
{
	return s ? (struct slice){(const uint8_t *)s, strlen(s)} : SLICE_NONE;
}

static inline bool slice_is_empty(struct slice s)
{
	return s.n == 0;
}

static inline uint8_t ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static inline bool ascii_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_is_alpha(uint8_t c)
{
	return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static inline bool ascii_is_alnum(uint8_t c)
{
	return ascii_is_digit(c) || ascii_is_alpha(c);
}

static inline bool ascii_is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool ascii_is_hex(uint8_t c)
{
	return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

bool slice_eq(struct slice a, struct slice b);
bool slice_eq_nocase(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_starts_nocase(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
bool slice_ends_nocase(struct slice s, struct slice suffix);

/* First position of the byte or needle, or SLICE_NPOS. An empty needle is at 0. */
static inline size_t slice_find_byte(struct slice s, uint8_t c)
{
	const uint8_t *at = s.n ? (const uint8_t *)memchr(s.p, c, s.n) : NULL;
	return at ? (size_t)(at - s.p) : SLICE_NPOS;
}

size_t slice_find_last_byte(struct slice s, uint8_t c);
size_t slice_find(struct slice s, struct slice needle);
size_t slice_find_nocase(struct slice s, struct slice needle);
bool slice_has(struct slice s, struct slice needle);
bool slice_has_nocase(struct slice s, struct slice needle);

/* Bytes from..to (to exclusive), both clamped to the slice. */
static inline struct slice slice_sub(struct slice s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return slice_of(s.p ? s.p + from : NULL, to - from);
}

/* Everything from position `from` on, clamped. */
static inline struct slice slice_from(struct slice s, size_t from)
{
	return slice_sub(s, from, s.n);
}

/* Without leading and trailing ASCII white space. */
struct slice slice_trim(struct slice s);
struct slice slice_trim_right(struct slice s);
/* Without one trailing LF or CRLF. */
struct slice slice_chomp(struct slice s);

/* If s starts with the prefix, removes it and returns true; otherwise s is untouched. */
bool slice_skip(struct slice *s, struct slice prefix);
bool slice_skip_nocase(struct slice *s, struct slice prefix);
/* Takes leading white space off. */
void slice_skip_space(struct slice *s);
/* Takes the next word (run of non-space bytes) off the front; empty at the end. */
struct slice slice_next_word(struct slice *s);
/* Takes everything up to the separator off the front, and the separator; the rest of s when it is not there. */
struct slice slice_next_until(struct slice *s, uint8_t sep);
/* Takes the next line off the front, without its LF and CR; false when s is empty. */
bool slice_next_line(struct slice *s, struct slice *ret_line);
/* Takes the digits at the front off as a number; false (s untouched) if there is none or it exceeds max. */
bool slice_next_uint(struct slice *s, uint64_t max, uint64_t *ret);
/* Whole slice is a decimal number of at most max. */
bool slice_to_uint(struct slice s, uint64_t max, uint64_t *ret);

/* The text between the first `open` and the next `close` after it; empty if there is none. */
struct slice slice_between(struct slice s, struct slice open, struct slice close);

/* FNV-1a; for tables inside one run only. */
uint64_t slice_hash(struct slice s);

/* Order by bytes, shorter first on a common prefix: <0, 0, >0. */
int slice_cmp(struct slice a, struct slice b);

#endif
