#include "report/html.h"

void html_text(struct buf *out, struct slice text)
{
	size_t from = 0;
	for (size_t i = 0; i < text.n; i++) {
		const char *entity = text.p[i] == '&' ? "&amp;" : text.p[i] == '<' ? "&lt;" : text.p[i] == '>' ? "&gt;" : text.p[i] == '"' ? "&quot;" :
			text.p[i] == '\'' ? "&#39;" : NULL;
		if (!entity)
			continue;
		buf_add(out, slice_sub(text, from, i));
		buf_add(out, slice_from_cstr(entity));
		from = i + 1;
	}
	buf_add(out, slice_from(text, from));
}

void html_words(struct buf *out, const char *text)
{
	html_text(out, slice_from_cstr(text));
}

void html_element(struct buf *out, const char *tag, struct slice text)
{
	struct slice whole = slice_from_cstr(tag), rest = whole;
	if (!text.n)
		return;
	struct slice name = slice_next_until(&rest, ' ');
	buf_add_byte(out, '<');
	buf_add(out, whole);
	buf_add_byte(out, '>');
	html_text(out, text);
	html_raw(out, "</");
	buf_add(out, name);
	html_raw(out, ">\n");
}
