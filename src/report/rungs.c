/* A ladder in a terminal: two life lines, what was said on arrows between them, times and places at the left. Line drawing characters, or ASCII. */
#define _GNU_SOURCE
#include "base/i18n.h"
#include "base/text.h"
#include "report/pictures.h"
#include "report/wrap.h"

#define WIDTH_DEFAULT 80u
/* An arrow has at least this much line after its words; else they stand above it. */
#define SHAFT_MIN 4u

struct signs {
	const char *life, *life_tls, *shaft, *shaft_broken, *right, *left, *stop, *decisive, *other, *odd, *decoded, *note, *pause, *more;
};

static const struct signs unicode = {"│", "║", "─", "╌", "►", "◄", "✗", "▶", "▷", "!", "=", "·", "┊", "⋮"};
static const struct signs ascii = {"|", "#", "-", "-", ">", "<", "x", ">", "+", "!", "=", ".", ":", ":"};

enum paint { PAINT_NONE, PAINT_DECISIVE, PAINT_OTHER, PAINT_CLIENT, PAINT_SERVER, PAINT_DIM, PAINT_ODD, PAINT_HEAD, PAINT_TLS };

struct drawing {
	struct buf *out;
	const struct ladder *l;
	const struct report_options *o;
	const struct signs *signs;
	size_t since_width, where_width, left, lane; /* columns: of times, of places, before the first life line, between both */
	bool tls;
};

/* --- strokes ---------------------------------------------------------------------------------------------------------------------- */

static void painted(const struct drawing *d, enum paint paint, struct slice text)
{
	static const char *const codes[] = {
		[PAINT_NONE] = "", [PAINT_DECISIVE] = "1;31", [PAINT_OTHER] = "33", [PAINT_CLIENT] = "36", [PAINT_SERVER] = "35", [PAINT_DIM] = "2",
		[PAINT_ODD] = "33", [PAINT_HEAD] = "1", [PAINT_TLS] = "32",
	};
	bool colour = d->o->colour && paint != PAINT_NONE && text.n;
	if (colour)
		buf_printf(d->out, "\033[%sm", codes[paint]);
	buf_add(d->out, text);
	if (colour)
		buf_add(d->out, S("\033[0m"));
}

static void sign(const struct drawing *d, enum paint paint, const char *s)
{
	painted(d, paint, slice_from_cstr(s));
}

static void stroke(const struct drawing *d, enum paint paint, const char *s, size_t n)
{
	struct buf b = BUF_INIT(64 * 1024);
	while (n--)
		buf_add(&b, slice_from_cstr(s));
	painted(d, paint, buf_slice(&b));
	buf_free(&b);
}

static void life(const struct drawing *d, bool server)
{
	sign(d, d->tls ? PAINT_TLS : server ? PAINT_SERVER : PAINT_CLIENT, d->tls ? d->signs->life_tls : d->signs->life);
}

/* One line between the life lines: the text in the middle, or at a party's end. */
static void lane_line(const struct drawing *d, enum side at, enum paint paint, struct slice text)
{
	size_t columns = wrap_columns(text), room = d->lane > columns + 2 ? d->lane - columns - 2 : 0;
	size_t before = 1 + (at == SIDE_SERVER ? room : at == SIDE_CLIENT ? 0 : room / 2);
	life(d, false);
	wrap_spaces(d->out, before);
	painted(d, paint, text);
	wrap_spaces(d->out, d->lane > columns + before ? d->lane - columns - before : 0);
	life(d, true);
	buf_add_byte(d->out, '\n');
}

static void margin(const struct drawing *d)
{
	wrap_spaces(d->out, d->left);
}

/* Text broken to the lane. The first line's margin is drawn already if `begun`. */
static void lane_text(const struct drawing *d, enum side at, enum paint paint, struct slice text, bool begun)
{
	struct buf b = BUF_INIT(256 * 1024);
	wrap_add(&b, text, d->lane - 2, 0, 0, true);
	struct slice rest = buf_slice(&b);
	/* Several lines in the middle are hard to read. */
	if (at != SIDE_SERVER && slice_find_byte(rest, '\n') != SLICE_NPOS)
		at = SIDE_CLIENT;
	while (rest.n) {
		if (!begun)
			margin(d);
		begun = false;
		lane_line(d, at, paint, slice_next_until(&rest, '\n'));
	}
	buf_free(&b);
}

/* --- one rung --------------------------------------------------------------------------------------------------------------------- */

static void right_aligned(const struct drawing *d, struct slice text, size_t width)
{
	size_t columns = wrap_columns(text);
	wrap_spaces(d->out, width > columns ? width - columns : 0);
	painted(d, PAINT_DIM, text);
}

static void meta(const struct drawing *d, const struct rung *r)
{
	const char *mark = r->weight == WEIGHT_DECISIVE ? d->signs->decisive : r->weight == WEIGHT_OTHER ? d->signs->other : " ";
	sign(d, r->weight == WEIGHT_DECISIVE ? PAINT_DECISIVE : PAINT_OTHER, mark);
	if (d->since_width) {
		buf_add_byte(d->out, ' ');
		right_aligned(d, r->since, d->since_width);
	}
	if (d->where_width) {
		buf_add_byte(d->out, ' ');
		right_aligned(d, r->where, d->where_width);
	}
	buf_add_byte(d->out, ' ');
}

static enum paint paint_of(const struct rung *r)
{
	if (r->weight == WEIGHT_DECISIVE)
		return PAINT_DECISIVE;
	return r->from == SIDE_CLIENT ? PAINT_CLIENT : r->from == SIDE_SERVER ? PAINT_SERVER : PAINT_NONE;
}

/* An arrow with words on it, or without any. */
static void arrow(const struct drawing *d, const struct rung *r, struct slice words)
{
	enum paint paint = paint_of(r);
	size_t used = words.n ? wrap_columns(words) + 2 : 0, shaft = d->lane - used, stop = r->stopped ? d->lane / 6 : 0;
	const char *line = r->stopped || r->gap ? d->signs->shaft_broken : d->signs->shaft;
	bool right = r->from == SIDE_CLIENT;
	life(d, false);
	if (!right) {
		wrap_spaces(d->out, stop);
		sign(d, paint, r->stopped ? d->signs->stop : d->signs->left);
		stroke(d, paint, line, shaft - stop - (words.n ? 3 : 1));
	} else if (words.n) {
		stroke(d, paint, line, 2);
	}
	if (words.n) {
		buf_add_byte(d->out, ' ');
		painted(d, r->weight == WEIGHT_DECISIVE ? PAINT_DECISIVE : PAINT_NONE, words);
		buf_add_byte(d->out, ' ');
	}
	if (right) {
		stroke(d, paint, line, shaft - stop - (words.n ? 3 : 1));
		sign(d, paint, r->stopped ? d->signs->stop : d->signs->right);
		wrap_spaces(d->out, stop);
	} else if (words.n) {
		stroke(d, paint, line, 2);
	}
	life(d, true);
	buf_add_byte(d->out, '\n');
}

static void silence(const struct drawing *d, const struct rung *r)
{
	struct buf b = BUF_INIT(1024);
	buf_printf(&b, "%s %s %.*s %s", d->signs->pause, _("silence:"), SLICE_FMT(r->pause), d->signs->pause);
	margin(d);
	lane_line(d, SIDE_UNKNOWN, PAINT_ODD, buf_slice(&b));
	buf_free(&b);
}

static void notes(const struct drawing *d, const struct rung *r)
{
	for (size_t i = 0; i < r->notes.n; i++) {
		const struct rung_note *n = &r->notes.v[i];
		struct buf b = BUF_INIT(64 * 1024);
		buf_printf(&b, "%s ", n->kind == NOTE_DECODED ? d->signs->decoded : n->kind == NOTE_PLAIN ? d->signs->note : d->signs->odd);
		buf_add(&b, n->text);
		lane_text(d, r->from, n->kind == NOTE_DECODED || n->kind == NOTE_PLAIN ? PAINT_DIM : PAINT_ODD, buf_slice(&b), false);
		buf_free(&b);
	}
}

static void rung(const struct drawing *d, const struct rung *r)
{
	struct slice words = d->o->verbose && r->whole.n ? r->whole : r->words;
	bool one_line = slice_find_byte(words, '\n') == SLICE_NPOS;
	if (r->silence)
		silence(d, r);
	meta(d, r);
	if (r->shape == RUNG_ARROW && one_line && wrap_columns(words) + 5 + SHAFT_MIN + (r->stopped ? d->lane / 6 : 0) <= d->lane) {
		arrow(d, r, words);
	} else if (r->shape == RUNG_ARROW) {
		lane_text(d, r->from, r->weight == WEIGHT_DECISIVE ? PAINT_DECISIVE : PAINT_NONE, words, true);
		margin(d);
		arrow(d, r, SLICE_NONE);
	} else {
		struct buf b = BUF_INIT(64 * 1024);
		buf_printf(&b, "%s ", r->shape == RUNG_MORE ? d->signs->more : d->signs->note);
		buf_add(&b, words);
		lane_text(d, r->from, r->weight == WEIGHT_DECISIVE ? PAINT_DECISIVE : PAINT_DIM, buf_slice(&b), true);
		buf_free(&b);
	}
	notes(d, r);
}

/* --- the head --------------------------------------------------------------------------------------------------------------------- */

/* Two texts, one at each life line; each has half of the lane at most. */
static void head_line(const struct drawing *d, struct slice client, struct slice server)
{
	size_t half = d->lane / 2;
	struct slice texts[2] = {client, server}, lines[2];
	struct buf b[2] = {BUF_INIT(64 * 1024), BUF_INIT(64 * 1024)};
	for (int i = 0; i < 2; i++) {
		wrap_add(&b[i], texts[i], half, 0, 0, true);
		texts[i] = buf_slice(&b[i]);
	}
	while (texts[0].n || texts[1].n) {
		for (int i = 0; i < 2; i++)
			lines[i] = slice_next_until(&texts[i], '\n');
		size_t used = wrap_columns(lines[0]) + wrap_columns(lines[1]);
		margin(d);
		painted(d, PAINT_CLIENT, lines[0]);
		if (lines[1].n)
			wrap_spaces(d->out, d->lane + 2 - used);
		painted(d, PAINT_SERVER, lines[1]);
		buf_add_byte(d->out, '\n');
	}
	buf_free(&b[0]);
	buf_free(&b[1]);
}

static size_t larger(size_t a, struct slice text)
{
	size_t b = wrap_columns(text);
	return a > b ? a : b;
}

static void measure(struct drawing *d)
{
	size_t width = d->o->ladder_width ? d->o->ladder_width : WIDTH_DEFAULT;
	for (size_t i = 0; i < d->l->rungs.n; i++) {
		d->since_width = larger(d->since_width, d->l->rungs.v[i].since);
		d->where_width = larger(d->where_width, d->l->rungs.v[i].where);
	}
	/* The picture comes first: where there is no room, places and then times go. */
	if (d->since_width + d->where_width > width / 3)
		d->where_width = 0;
	if (d->since_width > width / 3)
		d->since_width = 0;
	d->left = 2 + (d->since_width ? d->since_width + 1 : 0) + (d->where_width ? d->where_width + 1 : 0);
	d->lane = width - d->left - 2;
}

void rungs_draw(struct buf *out, const struct ladder *l, const struct report_options *o)
{
	struct drawing d = {.out = out, .l = l, .o = o, .signs = o->ascii ? &ascii : &unicode};
	measure(&d);
	painted(&d, PAINT_HEAD, l->title);
	buf_add_byte(out, '\n');
	const struct slice details[] = {l->file, l->when};
	for (size_t i = 0; i < 2; i++) {
		struct buf b = BUF_INIT(64 * 1024);
		wrap_add(&b, details[i], d.left + d.lane + 2, 0, 0, true);
		painted(&d, PAINT_DIM, buf_slice(&b));
		if (b.n)
			buf_add_byte(out, '\n');
		buf_free(&b);
	}
	head_line(&d, l->client.name.n ? l->client.name : slice_from_cstr(_("client")), l->server.name.n ? l->server.name : slice_from_cstr(_("server")));
	head_line(&d, l->client.details, l->server.details);
	for (size_t i = 0; i < l->rungs.n; i++) {
		const struct rung *r = &l->rungs.v[i];
		bool begins = r->tls && !d.tls;
		d.tls = r->tls;
		if (begins)
			lane_text(&d, SIDE_UNKNOWN, PAINT_TLS, l->tls, false);
		rung(&d, r);
	}
}

void report_ladders(struct buf *out, struct report_pictures *p, const struct diagnosis *d, const struct verdict *v)
{
	pictures_sort(p, d, v);
	for (size_t i = 0; i < p->n; i++) {
		buf_add_byte(out, '\n');
		buf_add(out, p->v[i].drawing);
	}
	uint64_t rest = p->sessions - p->n;
	if (!rest)
		return;
	buf_add_byte(out, '\n');
	buf_printf(out, ngettext("%llu more session is not drawn.", "%llu more sessions are not drawn.", rest), (unsigned long long)rest);
	buf_add_byte(out, '\n');
}
