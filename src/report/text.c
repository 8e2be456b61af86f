#define _GNU_SOURCE
#include "base/i18n.h"
#include "base/text.h"
#include "report/show.h"
#include "report/wrap.h"

/* A quote longer than this is cut in text (JSON has it whole). */
#define QUOTE_SHOWN 400u
#define FINDINGS_SHOWN 12u
/* Fixes that fit a screen. */
#define FIXES_SHOWN 5u
#define INDENT 2u
/* A rule is named by its name, a pattern by its beginning. */
#define RULE_SHOWN 50u

enum style { STYLE_BAD, STYLE_GOOD, STYLE_UNSURE, STYLE_HEAD, STYLE_DIM };

struct printer {
	struct buf *out;
	struct arena *arena;
	const struct report_options *o;
	const struct transcript *t;
	size_t width;
};

static struct printer printer_make(struct buf *out, const struct transcript *t, const struct report_options *o)
{
	return (struct printer){.out = out, .arena = arena_new(0), .o = o, .t = t, .width = o->width ? o->width : 80};
}

static void styled(const struct printer *p, enum style style, struct slice text)
{
	static const char *const codes[] = {
		[STYLE_BAD] = "1;31", [STYLE_GOOD] = "1;32", [STYLE_UNSURE] = "1;33", [STYLE_HEAD] = "1", [STYLE_DIM] = "2",
	};
	if (p->o->colour)
		buf_printf(p->out, "\033[%sm", codes[style]);
	buf_add(p->out, text);
	if (p->o->colour)
		buf_add(p->out, S("\033[0m"));
}

static void line_end(const struct printer *p)
{
	buf_add_byte(p->out, '\n');
}

static void paragraph(const struct printer *p, size_t indent, struct slice text)
{
	wrap_spaces(p->out, indent);
	wrap_add(p->out, text, p->width, indent, indent, false);
	line_end(p);
}

static void heading(const struct printer *p, const char *text)
{
	line_end(p);
	styled(p, STYLE_HEAD, slice_from_cstr(text));
	line_end(p);
}

/* A title may be longer than a line; colours span its lines. */
static void title(const struct printer *p, enum style style, struct slice text)
{
	struct buf b = BUF_INIT(4096);
	wrap_add(&b, text, p->width, 0, 0, false);
	styled(p, style, buf_slice(&b));
	line_end(p);
	buf_free(&b);
}

/* --- evidence -------------------------------------------------------------------------------------------------------------------- */

static void pad(const struct printer *p, struct slice text, size_t width)
{
	size_t columns = wrap_columns(text);
	buf_add(p->out, text);
	wrap_spaces(p->out, width > columns ? width - columns : 0);
}

static size_t max_columns(size_t a, struct slice text)
{
	size_t b = wrap_columns(text);
	return a > b ? a : b;
}

static void evidence_list(const struct printer *p, const struct evidence *list, size_t n)
{
	size_t where_width = 0, side_width = 0;
	for (size_t i = 0; i < n; i++) {
		where_width = max_columns(where_width, show_where(p->arena, list[i].where, p->t, p->o, true));
		side_width = max_columns(side_width, slice_from_cstr(show_speaker(list[i].kind, list[i].side)));
	}
	size_t indent = INDENT + where_width + (where_width ? 2 : 0) + side_width + (side_width ? 2 : 0);
	for (size_t i = 0; i < n; i++) {
		struct slice quote = show_words(p->arena, list[i].quote, p->o);
		wrap_spaces(p->out, INDENT);
		pad(p, show_where(p->arena, list[i].where, p->t, p->o, true), where_width + (where_width ? 2 : 0));
		pad(p, slice_from_cstr(show_speaker(list[i].kind, list[i].side)), side_width + (side_width ? 2 : 0));
		if (quote.n > QUOTE_SHOWN) {
			size_t cut = QUOTE_SHOWN;
			while (cut && (quote.p[cut] & 0xc0) == 0x80)
				cut--;
			quote = arena_printf(p->arena, "%.*s…", (int)cut, (const char *)quote.p);
		}
		wrap_add(p->out, quote, p->width, indent, indent, true);
		line_end(p);
	}
}

/* --- one finding ----------------------------------------------------------------------------------------------------------------- */

/* Fixes come with the relevant ones first; a few more are shown, since what fits is not always named in the evidence. */
static size_t fixes_shown(const struct printer *p, const struct finding *f)
{
	size_t relevant = 0;
	while (relevant < f->fixes.n && f->fixes.v[relevant].relevant)
		relevant++;
	if (p->o->verbose || f->fixes.n <= FIXES_SHOWN)
		return f->fixes.n;
	return relevant > FIXES_SHOWN ? relevant : FIXES_SHOWN;
}

static void fix_list(const struct printer *p, const struct finding *f)
{
	size_t shown = fixes_shown(p, f), left_out = f->fixes.n - shown;
	if (!f->fixes.n)
		return;
	heading(p, _("What to do"));
	for (size_t i = 0; i < shown; i++) {
		const struct finding_fix *x = &f->fixes.v[i];
		struct slice who = arena_printf(p->arena, "%s: ", show_product(x->product));
		wrap_spaces(p->out, INDENT);
		styled(p, STYLE_HEAD, who);
		wrap_add(p->out, show_knowledge(p->arena, x->text), p->width, INDENT + 2, INDENT + wrap_columns(who), false);
		line_end(p);
	}
	if (left_out) {
		struct buf b = BUF_INIT(1024);
		buf_printf(&b, ngettext("(%zu more: --verbose)", "(%zu more: --verbose)", left_out), left_out);
		wrap_spaces(p->out, INDENT);
		styled(p, STYLE_DIM, buf_slice(&b));
		line_end(p);
		buf_free(&b);
	}
}

static void finding_foot(const struct printer *p, const struct finding *f)
{
	struct buf b = BUF_INIT(4096);
	buf_printf(&b, "%s · %s · %s %.0f %%", f->cause->id, show_blame(f->cause->blame), _("certainty"), f->confidence * 100);
	if (f->count > 1)
		buf_printf(&b, ngettext(" · found %llu time", " · found %llu times", f->count), (unsigned long long)f->count);
	if (p->o->verbose && f->rule.n)
		buf_printf(&b, " · %s %.*s", _("found by"), SLICE_FMT(text_shown(p->arena, f->rule, RULE_SHOWN)));
	struct buf wrapped = BUF_INIT(4096);
	wrap_add(&wrapped, buf_slice(&b), p->width, 0, 0, false);
	line_end(p);
	styled(p, STYLE_DIM, buf_slice(&wrapped));
	line_end(p);
	buf_free(&wrapped);
	buf_free(&b);
}

static void main_finding(const struct printer *p, const struct finding *f)
{
	title(p, STYLE_BAD, show_title(p->arena, f));
	paragraph(p, 0, show_words(p->arena, f->summary, p->o));
	if (f->evidence.n) {
		heading(p, f->count > 1 ? _("Evidence (the first of them)") : _("Evidence"));
		evidence_list(p, f->evidence.v, f->evidence.n);
	}
	fix_list(p, f);
	if (f->cause->explanation[0]) {
		heading(p, _("Why"));
		paragraph(p, INDENT, show_knowledge(p->arena, f->cause->explanation));
	}
	if (f->cause->confirm[0]) {
		heading(p, _("To make sure"));
		paragraph(p, INDENT, show_knowledge(p->arena, f->cause->confirm));
	}
	finding_foot(p, f);
}

static void other_findings(const struct printer *p, const struct diagnosis *d)
{
	if (d->findings.n < 2)
		return;
	bool counted = false;
	for (size_t i = 0; i < d->findings.n; i++)
		counted |= d->findings.v[i]->count > 1;
	heading(p, _("Also found"));
	for (size_t i = 1; i < d->findings.n && i < FINDINGS_SHOWN; i++) {
		const struct finding *f = d->findings.v[i];
		struct slice where = f->evidence.n ? show_where(p->arena, f->evidence.v[0].where, p->t, p->o, true) : SLICE_NONE;
		struct buf b = BUF_INIT(16 * 1024);
		if (counted)
			buf_printf(&b, "%llu × ", (unsigned long long)f->count);
		buf_printf(&b, "%s", tr(f->cause->title));
		if (where.n)
			buf_printf(&b, " (%.*s)", SLICE_FMT(where));
		buf_printf(&b, ": ");
		buf_add(&b, show_words(p->arena, f->summary, p->o));
		wrap_spaces(p->out, INDENT);
		buf_add(p->out, S("· "));
		wrap_add(p->out, buf_slice(&b), p->width, INDENT + 2, INDENT + 2, false);
		line_end(p);
		buf_free(&b);
	}
	if (d->findings.n > FINDINGS_SHOWN)
		paragraph(p, INDENT, arena_printf(p->arena, _("… and %zu more: --json"), d->findings.n - FINDINGS_SHOWN));
}

/* --- no finding ------------------------------------------------------------------------------------------------------------------ */

static void what_to_capture(const struct printer *p, const struct verdict *v)
{
	heading(p, _("What would tell more"));
	paragraph(p, INDENT, slice_from_cstr(show_what_to_capture(v)));
	if (v->unused > v->lines / 2 && v->lines > 1)
		paragraph(p, INDENT, arena_printf(p->arena, _("%llu of %llu lines were in no form that I know."), (unsigned long long)v->unused,
			(unsigned long long)v->lines));
}

static void cannot_tell(const struct printer *p, const struct verdict *v)
{
	if (v->n_failures)
		heading(p, _("Where it failed"));
	for (size_t i = 0; i < v->n_failures; i++) {
		paragraph(p, INDENT, arena_printf(p->arena, "%s:", show_unexplained(v->failures[i].what)));
		if (v->failures[i].evidence.quote.n)
			evidence_list(p, &v->failures[i].evidence, 1);
	}
	if (v->failed > v->n_failures)
		paragraph(p, INDENT, arena_printf(p->arena, _("… and %llu more."), (unsigned long long)(v->failed - v->n_failures)));
	what_to_capture(p, v);
}

/* How much was read, for inputs where that is not plain to see. */
static void stream_note(const struct printer *p, const struct diagnosis *d, const struct verdict *v)
{
	if (v->sessions < 2)
		return;
	struct buf b = BUF_INIT(4096);
	buf_printf(&b, ngettext("%llu line", "%llu lines", v->lines), (unsigned long long)v->lines);
	buf_printf(&b, ngettext(", %llu session", ", %llu sessions", v->sessions), (unsigned long long)v->sessions);
	buf_printf(&b, ngettext(", %zu cause", ", %zu causes", d->findings.n), d->findings.n);
	styled(p, STYLE_DIM, buf_slice(&b));
	line_end(p);
	buf_free(&b);
}

static void left_out_note(const struct printer *p)
{
	struct slice words = show_left_out(p->arena, &p->o->left_out);
	if (!words.n)
		return;
	styled(p, STYLE_DIM, words);
	line_end(p);
}

static void note(const struct printer *p, struct slice words)
{
	if (!words.n)
		return;
	line_end(p);
	paragraph(p, 0, words);
}

void report_text(struct buf *out, const struct transcript *t, const struct diagnosis *d, const struct verdict *v, const struct report_options *o)
{
	struct printer p = printer_make(out, t, o);
	if (!p.arena)
		return;
	if (v->kind == VERDICT_FAULT) {
		main_finding(&p, d->findings.v[0]);
		other_findings(&p, d);
		stream_note(&p, d, v);
	} else {
		title(&p, v->kind == VERDICT_NOTHING_WRONG || v->kind == VERDICT_NOT_FOUND ? STYLE_GOOD : STYLE_UNSURE, slice_from_cstr(show_verdict(v->kind)));
		if (show_verdict_words(p.arena, v).n)
			paragraph(&p, 0, show_verdict_words(p.arena, v));
	}
	if (v->kind == VERDICT_CANNOT_TELL)
		cannot_tell(&p, v);
	note(&p, show_incomplete(p.arena, v));
	note(&p, show_opaque(p.arena, v));
	left_out_note(&p);
	arena_free(p.arena);
}
