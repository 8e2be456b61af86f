#include "base/text.h"

#include <libintl.h>

#define _(s) gettext(s)

/* Long enough for any setting; a longer masked value is only called long. */
#define MASK_EXACT_MAX 64

size_t utf8_length(struct slice s)
{
	if (s.n == 0)
		return 0;
	uint8_t c = s.p[0];
	if (c < 0x80)
		return 1;
	size_t n = c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
	if (n == 0 || s.n < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && s.p[1] < 0xa0) || (c == 0xed && s.p[1] > 0x9f) || (c == 0xf0 && s.p[1] < 0x90) ||
	    (c == 0xf4 && s.p[1] > 0x8f))
		return 0;
	return n;
}

bool utf8_is_valid(struct slice s)
{
	while (s.n) {
		size_t n = utf8_length(s);
		if (n == 0)
			return false;
		s = slice_from(s, n);
	}
	return true;
}

static uint32_t utf8_value(struct slice s, size_t n)
{
	if (n == 1)
		return s.p[0];
	uint32_t v = s.p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++)
		v = v << 6 | (s.p[i] & 0x3f);
	return v;
}

/* C1 controls, bidi overrides and isolates, line and paragraph separators, BOM: they reorder or hide text on a terminal. */
static bool is_unsafe(uint32_t v)
{
	return (v >= 0x80 && v < 0xa0) || (v >= 0x200b && v <= 0x200f) || (v >= 0x2028 && v <= 0x202e) ||
	       (v >= 0x2066 && v <= 0x2069) || v == 0xfeff;
}

void text_add_shown(struct buf *out, struct slice s, bool keep_lf)
{
	while (s.n) {
		size_t n = utf8_length(s);
		uint32_t v = n ? utf8_value(s, n) : 0;
		if (n == 0) {
			buf_printf(out, "\\x%02x", s.p[0]);
			n = 1;
		} else if (v == '\t') {
			buf_add_byte(out, ' ');
		} else if (v == '\n' && keep_lf) {
			buf_add_byte(out, '\n');
		} else if (v < 0x20 || v == 0x7f) {
			buf_printf(out, "\\x%02x", (unsigned)v);
		} else if (is_unsafe(v)) {
			buf_printf(out, "\\u%04x", (unsigned)v);
		} else {
			buf_add(out, slice_of(s.p, n));
		}
		s = slice_from(s, n);
	}
}

struct slice text_shown(struct arena *a, struct slice s, size_t max)
{
	struct buf b = BUF_INIT(SIZE_MAX / 4);
	/* What is cut away need not be converted. */
	text_add_shown(&b, max ? slice_sub(s, 0, max + 4) : s, false);
	struct slice shown = buf_slice(&b);
	if (max && shown.n > max) {
		size_t cut = max > 3 ? max - 3 : 0;
		while (cut && (shown.p[cut] & 0xc0) == 0x80)
			cut--;
		b.n = cut;
		buf_add(&b, S("…"));
		shown = buf_slice(&b);
	}
	struct slice copy = arena_dup(a, shown);
	buf_free(&b);
	return copy;
}

struct slice text_mask(struct arena *a, struct slice secret)
{
	bool letters = false, digits = false, blanks = false, signs = false, other = false;
	for (size_t i = 0; i < secret.n; i++) {
		uint8_t c = secret.p[i];
		letters |= ascii_is_alpha(c);
		digits |= ascii_is_digit(c);
		blanks |= ascii_is_space(c);
		signs |= c > 0x20 && c < 0x7f && !ascii_is_alnum(c);
		other |= c >= 0x7f || (c < 0x20 && !ascii_is_space(c));
	}
	if (secret.n == 0)
		return arena_printf(a, "%s", _("(empty)"));
	struct buf b = BUF_INIT(1024);
	buf_add(&b, S("***"));
	if (secret.n > MASK_EXACT_MAX)
		buf_printf(&b, " (%s", _("long"));
	else
		buf_printf(&b, " (%zu", secret.n);
	const struct { bool on; const char *name; } classes[] = {
		{letters, _("letters")}, {digits, _("digits")}, {blanks, _("blanks")}, {signs, _("signs")}, {other, _("non-ASCII")},
	};
	const char *sep = ": ";
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
		if (!classes[i].on)
			continue;
		buf_printf(&b, "%s%s", sep, classes[i].name);
		sep = ", ";
	}
	buf_add(&b, S(")"));
	struct slice copy = arena_dup(a, buf_slice(&b));
	buf_free(&b);
	return copy;
}
