#include "evidence/clean.h"

#include <stdlib.h>

static const struct {
	const char *entity;
	const char *sign;
} entities[] = {
	{"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}, {"&quot;", "\""}, {"&#39;", "'"}, {"&#039;", "'"}, {"&#x27;", "'"}, {"&nbsp;", " "}, {"&#34;", "\""},
};

/* Length of a terminal sequence at the start of s: ESC [ … letter, ESC ] … BEL; 0 if none. */
static size_t escape_length(struct slice s)
{
	if (s.n < 3 || s.p[0] != 0x1b)
		return 0;
	if (s.p[1] == '[') {
		size_t i = 2;
		while (i < s.n && i < 32 && (s.p[i] < 0x40 || s.p[i] > 0x7e))
			i++;
		return i < s.n && i < 32 ? i + 1 : 0;
	}
	if (s.p[1] == ']') {
		size_t bell = slice_find_byte(slice_sub(s, 0, 256), 7);
		return bell == SLICE_NPOS ? 0 : bell + 1;
	}
	return 0;
}

static bool needs_cleaning(struct slice line)
{
	return slice_find_byte(line, 0x1b) != SLICE_NPOS || slice_find_byte(line, 0xc2) != SLICE_NPOS ||
	       (slice_find_byte(line, '&') != SLICE_NPOS && slice_find_byte(line, ';') != SLICE_NPOS);
}

/* {"log":"…\n","stream":"stdout","time":"…"}: what Docker writes for a line that a container printed. */
static struct slice without_json(struct arena *a, struct slice line)
{
	static const char escapes[] = "n\nt\tr\r\"\"\\\\//";
	struct slice s = line;
	uint8_t *out;
	size_t n = 0;
	if (!slice_skip(&s, S("{\"log\":\"")) || !(out = arena_alloc(a, s.n + 1)))
		return line;
	for (size_t i = 0; i < s.n && s.p[i] != '"'; i++) {
		if (s.p[i] != '\\' || i + 1 >= s.n) {
			out[n++] = s.p[i];
			continue;
		}
		i++;
		const char *e = memchr(escapes, s.p[i], sizeof escapes - 1);
		if (e && (e - escapes) % 2 == 0)
			out[n++] = (uint8_t)e[1];
		else if (s.p[i] == 'u' && i + 4 < s.n && s.p[i + 1] == '0' && s.p[i + 2] == '0' && ascii_is_hex(s.p[i + 3]) && ascii_is_hex(s.p[i + 4])) {
			char digits[3] = {(char)s.p[i + 3], (char)s.p[i + 4], 0};
			out[n++] = (uint8_t)strtoul(digits, NULL, 16);
			i += 4;
		}
	}
	return slice_trim_right(slice_of(out, n));
}

struct slice clean_line(struct arena *a, struct slice line)
{
	if (line.n > 8 && line.p[0] == '{' && line.p[1] == '"')
		line = without_json(a, line);
	if (!needs_cleaning(line))
		return line;
	uint8_t *out = arena_alloc(a, line.n + 1);
	size_t n = 0;
	if (!out)
		return line;
	while (line.n) {
		size_t skip = escape_length(line);
		if (slice_starts(line, S("\xc2\xa0"))) {
			out[n++] = ' ';
			skip = 2;
		}
		for (size_t i = 0; !skip && line.p[0] == '&' && i < sizeof entities / sizeof *entities; i++)
			if (slice_starts(line, slice_from_cstr(entities[i].entity))) {
				out[n++] = (uint8_t)*entities[i].sign;
				skip = strlen(entities[i].entity);
			}
		if (!skip) {
			out[n++] = line.p[0];
			skip = 1;
		}
		line = slice_from(line, skip);
	}
	return slice_of(out, n);
}

static const struct {
	const char *magic;
	size_t n;
	const char *what;
} magics[] = {
	{"\x7f" "ELF", 4, "a program"},
	{"PK\x03\x04", 4, "a ZIP archive"},
	{"%PDF", 4, "a PDF document"},
	{"\x89PNG", 4, "a picture"},
	{"\xff\xd8\xff", 3, "a picture"},
	{"GIF8", 4, "a picture"},
	{"BZh", 3, "bzip2 data"},
	{"\xfd" "7zXZ", 5, "xz data"},
	{"SQLite format 3", 15, "an SQLite database"},
};

bool clean_is_text(struct slice beginning, struct err *reterr)
{
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (slice_starts(beginning, slice_of(magics[i].magic, magics[i].n)))
			return err_set(reterr, ERR_FORMAT, "this is %s, not text", magics[i].what);
	size_t odd = 0;
	for (size_t i = 0; i < beginning.n; i++) {
		uint8_t c = beginning.p[i];
		odd += c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != 0x1b && c != '\f';
	}
	/* Text has none of these, but for a stray NUL or a masked escape. */
	if (beginning.n >= 32 && odd * 20 > beginning.n)
		return err_set(reterr, ERR_FORMAT, "this is binary data, not text");
	return true;
}
