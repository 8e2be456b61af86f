#include "diagnose/unwrap.h"

/* "550-5.7.1 ", "550 5.7.1 " or "550-": the length of a reply code at the front of s, with an enhanced code and the blanks after it; 0 if it is none. */
static size_t code_length(struct slice s, bool line_start)
{
	if (s.n < 4 || s.p[0] < '2' || s.p[0] > '5' || !ascii_is_digit(s.p[1]) || !ascii_is_digit(s.p[2]) || (s.p[3] != '-' && s.p[3] != ' '))
		return 0;
	size_t i = 4;
	while (i < s.n && s.p[i] == ' ')
		i++;
	size_t at = i;
	while (i < s.n && (ascii_is_digit(s.p[i]) || s.p[i] == '.'))
		i++;
	bool enhanced = i - at >= 5 && s.p[at + 1] == '.' && i < s.n && s.p[i] == ' ';
	/* In the middle of a line only "550-5.7.1 " is surely a code: Postfix joins the lines of a reply so. */
	if (!line_start && !(s.p[3] == '-' && enhanced))
		return 0;
	if (!enhanced)
		return at;
	while (i < s.n && s.p[i] == ' ')
		i++;
	return i;
}

static bool is_wrapped(struct slice s)
{
	if (slice_find_byte(s, '\n') != SLICE_NPOS)
		return true;
	for (size_t i = 0; i + 5 < s.n; i++)
		if (s.p[i] == ' ' && code_length(slice_from(s, i + 1), false))
			return true;
	return false;
}

struct slice unwrap(struct arena *a, struct slice s)
{
	if (!is_wrapped(s))
		return SLICE_NONE;
	uint8_t *out = arena_alloc(a, s.n + 1);
	size_t n = 0, i = 0;
	while (out && i < s.n) {
		if (!ascii_is_space(s.p[i])) {
			out[n++] = s.p[i++];
			continue;
		}
		bool line_start = false;
		while (i < s.n && ascii_is_space(s.p[i]))
			line_start = s.p[i++] == '\n' || line_start;
		i += code_length(slice_from(s, i), line_start);
		out[n++] = ' ';
	}
	return out ? slice_of(out, n) : SLICE_NONE;
}
