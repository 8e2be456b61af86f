#include "proto/message.h"

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
	else if (slice_starts_nocase(slice_of(m->head, m->head_n), S("Content-Disposition: attachment")))
		m->view.attachments++;
	if (m->head_n > 1 && m->head[0] == '.')
		m->view.dot_lines++;
	if (m->line_bytes > m->view.longest_line)
		m->view.longest_line = m->line_bytes;
	m->view.lines++;
	m->line_bytes = 0;
	m->head_n = 0;
}

/* A run of bytes without LF. */
static void add_run(struct message *m, struct slice run)
{
	for (size_t i = 0; i < run.n; i++) {
		uint8_t c = run.p[i];
		if (m->last_cr)
			m->view.bare_cr++;
		m->last_cr = c == '\r';
		m->view.nul += c == 0;
		m->view.eight_bit += c >= 0x80;
		if (m->head_n < sizeof m->head && c != '\r')
			m->head[m->head_n++] = c;
	}
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

void message_end(struct message *m, struct data_view *ret)
{
	if (m->line_bytes)
		end_line(m);
	m->view.headers = arena_dup(m->arena, slice_of(m->names, m->names_n));
	*ret = m->view;
}
