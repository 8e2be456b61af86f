#define _GNU_SOURCE
#include "report/wrap.h"

#include <wchar.h>

#include "base/text.h"

static uint32_t decode(struct slice s, size_t n)
{
	uint32_t v = n == 1 ? s.p[0] : s.p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++)
		v = v << 6 | (s.p[i] & 0x3fu);
	return v;
}

/* Length in bytes of the character at the start, its columns in *ret. wcwidth knows only the locale's characters: what it does not know takes one. */
static size_t next_char(struct slice s, size_t *ret_columns)
{
	size_t n = utf8_length(s);
	*ret_columns = 1;
	if (n < 2)
		return 1;
	int w = wcwidth((wchar_t)decode(s, n));
	*ret_columns = w < 0 ? 1 : (size_t)w;
	return n;
}

size_t wrap_columns(struct slice text)
{
	size_t columns = 0, w;
	while (text.n) {
		text = slice_from(text, next_char(text, &w));
		columns += w;
	}
	return columns;
}

void wrap_spaces(struct buf *out, size_t n)
{
	while (n--)
		buf_add_byte(out, ' ');
}

/* Bytes of the line that go into `room` columns: up to a blank if there is one, else the whole first word (or what fits of it when hard). */
static size_t fitting(struct slice line, size_t room, bool hard)
{
	size_t at = 0, columns = 0, blank = 0, w;
	bool said = false; /* leading blanks are no place to break */
	while (at < line.n) {
		size_t n = next_char(slice_from(line, at), &w);
		if (line.p[at] == ' ' && columns > room)
			return blank ? blank : at;
		if (line.p[at] == ' ' && said)
			blank = at;
		else if (columns + w > room && (blank || hard))
			return blank ? blank : at ? at : n;
		said |= line.p[at] != ' ';
		columns += w;
		at += n;
	}
	return columns > room && blank ? blank : line.n;
}

static void wrap_line(struct buf *out, struct slice line, size_t width, size_t indent, size_t at, bool hard)
{
	while (line.n) {
		size_t n = fitting(line, width > at ? width - at : 1, hard);
		buf_add(out, slice_trim_right(slice_sub(line, 0, n)));
		line = slice_from(line, n);
		slice_skip_space(&line);
		if (!line.n)
			return;
		buf_add_byte(out, '\n');
		wrap_spaces(out, indent);
		at = indent;
	}
}

void wrap_add(struct buf *out, struct slice text, size_t width, size_t indent, size_t at, bool hard)
{
	text = slice_trim_right(text);
	while (text.n) {
		struct slice line = slice_next_until(&text, '\n');
		wrap_line(out, line, width, indent, at, hard);
		if (!text.n)
			return;
		buf_add_byte(out, '\n');
		wrap_spaces(out, indent);
		at = indent;
	}
}
