/* One page of HTML: the verdict, what proves it, the picture, what to do. It needs no network, no script and no other file; its policy forbids them. */
#define _GNU_SOURCE
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/base64.h"
#include "base/i18n.h"
#include "report/html.h"
#include "report/pictures.h"

/* Quotes and findings that a reader still takes in; --json has all. */
#define FINDINGS_SHOWN 40u

struct page {
	struct buf *out;
	struct arena *arena;
	const struct report_options *o;
	const struct transcript *t;
	const struct diagnosis *d;
	const struct verdict *v;
	const struct report_pictures *pictures;
};

/* --- language --------------------------------------------------------------------------------------------------------------------- */

/* Of the catalogue in use, which says so in its header; English without one. */
static struct slice language(struct arena *a)
{
	static const char no_text[] = ""; /* what the header is filed under */
	struct slice header = slice_from_cstr(gettext(no_text)), line;
	while (slice_next_line(&header, &line)) {
		if (!slice_skip_nocase(&line, S("Language:")))
			continue;
		struct slice code = slice_trim(line);
		for (size_t i = 0; i < code.n; i++)
			if (!ascii_is_alpha(code.p[i]))
				return i ? slice_sub(code, 0, i) : S("en");
		if (code.n)
			return arena_dup(a, code);
	}
	return S("en");
}

/* Texts of the knowledge files that are not translated are marked, so that they are read out in English. */
static const char *foreign(const struct page *p, const char *text)
{
	return tr(text) == text && !slice_eq(language(p->arena), S("en")) ? " lang=en" : "";
}

/* --- pieces ----------------------------------------------------------------------------------------------------------------------- */

static void section(const struct page *p, const char *id, const char *title)
{
	buf_printf(p->out, "<section aria-labelledby=%s>\n<h2 id=%s>", id, id);
	html_words(p->out, title);
	html_raw(p->out, "</h2>\n");
}

static void section_end(const struct page *p)
{
	html_raw(p->out, "</section>\n");
}

static void knowledge(const struct page *p, const char *tag, const char *text)
{
	buf_printf(p->out, "<%s%s>", tag, foreign(p, text));
	html_text(p->out, show_knowledge(p->arena, text));
	struct slice rest = slice_from_cstr(tag), name = slice_next_until(&rest, ' ');
	buf_printf(p->out, "</%.*s>\n", SLICE_FMT(name));
}

static void fact(const struct page *p, const char *name, struct slice value)
{
	html_raw(p->out, "<div><dt>");
	html_words(p->out, name);
	html_raw(p->out, "</dt><dd>");
	html_text(p->out, value);
	html_raw(p->out, "</dd></div>\n");
}

/* Is that session's ladder on the page? Then quotes point to it. */
static bool is_drawn(const struct page *p, unsigned session)
{
	for (size_t i = 0; i < p->pictures->n; i++)
		if (session && p->pictures->v[i].session == session)
			return true;
	return false;
}

static void quote_where(const struct page *p, const struct evidence *e)
{
	struct slice where = show_where(p->arena, e->where, p->t, p->o, true);
	bool link = is_drawn(p, e->session) && e->event;
	if (!where.n && link)
		where = slice_from_cstr(_("in the picture"));
	if (!where.n)
		return;
	html_raw(p->out, " · ");
	if (link)
		buf_printf(p->out, "<a href=\"#s%ue%u\">", e->session, e->event);
	html_text(p->out, where);
	if (link)
		html_raw(p->out, "</a>");
}

static void quotes(const struct page *p, const struct evidence *list, size_t n)
{
	html_raw(p->out, "<ol class=quotes role=list>\n");
	for (size_t i = 0; i < n; i++) {
		const struct evidence *e = &list[i];
		buf_printf(p->out, "<li class=%s><p class=by><b>", e->side == SIDE_CLIENT ? "client" : e->side == SIDE_SERVER ? "server" : "both");
		html_words(p->out, show_speaker(e->kind, e->side));
		html_raw(p->out, "</b>");
		quote_where(p, e);
		html_raw(p->out, "</p>");
		html_element(p->out, "pre", show_words(p->arena, e->quote, p->o));
		html_raw(p->out, "</li>\n");
	}
	html_raw(p->out, "</ol>\n");
}

/* The sessions that the verdict rests on (at most this many) are drawn near it; without one, the first. */
#define PICTURES_OPEN 2u

static size_t pictures_open(const struct page *p)
{
	size_t n = 0;
	while (n < p->pictures->n && n < PICTURES_OPEN && p->pictures->v[n].rank == 0)
		n++;
	return n || !p->pictures->n ? n : 1;
}

/* --- the verdict ------------------------------------------------------------------------------------------------------------------ */

static void verdict_facts(const struct page *p, const struct finding *f)
{
	html_raw(p->out, "<dl class=facts>\n");
	fact(p, _("Where the fault lies"), slice_from_cstr(show_blame(f->cause->blame)));
	fact(p, _("Certainty"), arena_printf(p->arena, "%.0f %%", f->confidence * 100));
	if (f->count > 1)
		fact(p, _("Found"), arena_printf(p->arena, ngettext("%llu time", "%llu times", f->count), (unsigned long long)f->count));
	fact(p, _("Cause"), slice_from_cstr(f->cause->id));
	html_raw(p->out, "</dl>\n");
}

static void verdict_box(const struct page *p)
{
	static const char *const css[] = {
		[VERDICT_FAULT] = "bad", [VERDICT_NOTHING_WRONG] = "good", [VERDICT_CANNOT_TELL] = "unsure", [VERDICT_NO_EVIDENCE] = "unsure",
		[VERDICT_NOT_FOUND] = "good",
	};
	const struct finding *f = p->v->kind == VERDICT_FAULT ? p->d->findings.v[0] : NULL;
	buf_printf(p->out, "<section class=\"verdict %s\" aria-labelledby=verdict>\n", css[p->v->kind]);
	buf_printf(p->out, "<h1 id=verdict%s>", f ? foreign(p, f->cause->title) : "");
	html_text(p->out, f ? show_title(p->arena, f) : slice_from_cstr(show_verdict(p->v->kind)));
	html_raw(p->out, "</h1>\n");
	html_element(p->out, "p class=lead", f ? show_words(p->arena, f->summary, p->o) : show_verdict_words(p->arena, p->v));
	if (f)
		verdict_facts(p, f);
	section_end(p);
}

static void contents(const struct page *p)
{
	const struct {
		bool on;
		const char *id, *title;
	} list[] = {
		{p->pictures->n, "picture", N_("Who said what")},
		{p->d->findings.n && p->d->findings.v[0]->fixes.n, "fixes", N_("What to do")},
		{p->v->kind == VERDICT_CANNOT_TELL, "more", N_("What would tell more")},
		{p->d->findings.n > 1, "also", N_("Also found")},
		{p->v->sessions > 1 && p->d->findings.n, "causes", N_("Causes in all sessions")},
		{p->pictures->n > pictures_open(p), "sessions", N_("Further sessions")},
		{p->t->inputs.n, "read", N_("What was read")},
	};
	html_raw(p->out, "<nav class=contents aria-label=\"");
	html_words(p->out, _("On this page"));
	html_raw(p->out, "\"><ul role=list>");
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		if (!list[i].on)
			continue;
		buf_printf(p->out, "<li><a href=\"#%s\">", list[i].id);
		html_words(p->out, tr(list[i].title));
		html_raw(p->out, "</a></li>");
	}
	html_raw(p->out, "</ul></nav>\n");
}

static void evidence_section(const struct page *p)
{
	const struct finding *f = p->d->findings.n ? p->d->findings.v[0] : NULL;
	bool failed = p->v->kind == VERDICT_CANNOT_TELL && p->v->n_failures;
	if (f && f->evidence.n) {
		section(p, "evidence", f->count > 1 ? _("The decisive exchange (the first of them)") : _("The decisive exchange"));
		quotes(p, f->evidence.v, f->evidence.n);
		section_end(p);
	}
	if (!failed)
		return;
	section(p, "evidence", _("Where it failed"));
	for (size_t i = 0; i < p->v->n_failures; i++) {
		html_element(p->out, "p", arena_printf(p->arena, "%s:", show_unexplained(p->v->failures[i].what)));
		if (p->v->failures[i].evidence.quote.n)
			quotes(p, &p->v->failures[i].evidence, 1);
	}
	if (p->v->failed > p->v->n_failures)
		html_element(p->out, "p", arena_printf(p->arena, _("… and %llu more."), (unsigned long long)(p->v->failed - p->v->n_failures)));
	section_end(p);
}

/* --- pictures --------------------------------------------------------------------------------------------------------------------- */

static void first_pictures(const struct page *p)
{
	size_t n = pictures_open(p);
	if (!n)
		return;
	section(p, "picture", _("Who said what"));
	for (size_t i = 0; i < n; i++) {
		html_element(p->out, "h3", p->pictures->v[i].title);
		buf_add(p->out, p->pictures->v[i].drawing);
	}
	section_end(p);
}

static void other_pictures(const struct page *p)
{
	size_t from = pictures_open(p);
	if (from == p->pictures->n)
		return;
	section(p, "sessions", _("Further sessions"));
	for (size_t i = from; i < p->pictures->n; i++) {
		html_raw(p->out, "<details class=session><summary>");
		html_text(p->out, p->pictures->v[i].title);
		html_raw(p->out, "</summary>\n");
		buf_add(p->out, p->pictures->v[i].drawing);
		html_raw(p->out, "</details>\n");
	}
	uint64_t rest = p->pictures->sessions - p->pictures->n;
	if (rest)
		html_element(p->out, "p", arena_printf(p->arena, ngettext("%llu more session is not drawn.", "%llu more sessions are not drawn.", rest),
			(unsigned long long)rest));
	section_end(p);
}

/* --- what to do ------------------------------------------------------------------------------------------------------------------- */

static void fix_rows(const struct page *p, const struct finding *f, size_t from, size_t to)
{
	html_raw(p->out, "<dl class=fixes>\n");
	for (size_t i = from; i < to; i++) {
		html_raw(p->out, "<div>");
		html_element(p->out, "dt", slice_from_cstr(show_product(f->fixes.v[i].product)));
		knowledge(p, "dd", f->fixes.v[i].text);
		html_raw(p->out, "</div>\n");
	}
	html_raw(p->out, "</dl>\n");
}

/* Fixes for what was seen, then those for other software behind a click. */
static void fix_list(const struct page *p, const struct finding *f)
{
	size_t relevant = 0, n = f->fixes.n;
	while (relevant < n && f->fixes.v[relevant].relevant)
		relevant++;
	if (!relevant || p->o->verbose)
		relevant = n;
	fix_rows(p, f, 0, relevant);
	if (relevant == n)
		return;
	html_raw(p->out, "<details class=rest><summary>");
	html_text(p->out, arena_printf(p->arena, ngettext("For other software (%zu)", "For other software (%zu)", n - relevant), n - relevant));
	html_raw(p->out, "</summary>\n");
	fix_rows(p, f, relevant, n);
	html_raw(p->out, "</details>\n");
}

static void advice(const struct page *p, const struct finding *f)
{
	if (f->fixes.n) {
		section(p, "fixes", _("What to do"));
		fix_list(p, f);
		section_end(p);
	}
	if (f->cause->explanation[0]) {
		section(p, "why", _("Why"));
		knowledge(p, "p", f->cause->explanation);
		section_end(p);
	}
	if (f->cause->confirm[0]) {
		section(p, "confirm", _("To make sure"));
		knowledge(p, "p class=run", f->cause->confirm);
		section_end(p);
	}
}

static void more_evidence(const struct page *p)
{
	section(p, "more", _("What would tell more"));
	html_element(p->out, "p", slice_from_cstr(show_what_to_capture(p->v)));
	section_end(p);
}

/* --- further findings ------------------------------------------------------------------------------------------------------------- */

static void other_findings(const struct page *p)
{
	size_t n = p->d->findings.n;
	if (n < 2)
		return;
	section(p, "also", _("Also found"));
	for (size_t i = 1; i < n && i < FINDINGS_SHOWN; i++) {
		const struct finding *f = p->d->findings.v[i];
		html_raw(p->out, "<details class=found><summary>");
		html_text(p->out, show_title(p->arena, f));
		html_raw(p->out, " <span>· ");
		html_text(p->out, arena_printf(p->arena, "%s · %.0f %%", show_blame(f->cause->blame), f->confidence * 100));
		html_raw(p->out, "</span></summary>\n");
		html_element(p->out, "p", show_words(p->arena, f->summary, p->o));
		quotes(p, f->evidence.v, f->evidence.n);
		fix_list(p, f);
		html_raw(p->out, "</details>\n");
	}
	if (n > FINDINGS_SHOWN)
		html_element(p->out, "p", arena_printf(p->arena, _("… and %zu more: --json"), n - FINDINGS_SHOWN));
	section_end(p);
}

static void table_head(const struct page *p, const char *const *titles, size_t n, size_t numbers)
{
	html_raw(p->out, "<div class=scroll tabindex=0><table>\n<thead><tr>");
	for (size_t i = 0; i < n; i++) {
		buf_printf(p->out, "<th scope=col%s>", numbers & (size_t)1 << i ? " class=n" : "");
		html_words(p->out, tr(titles[i]));
		html_raw(p->out, "</th>");
	}
	html_raw(p->out, "</tr></thead>\n<tbody>\n");
}

static void cell(const struct page *p, struct slice text)
{
	html_raw(p->out, "<td>");
	html_text(p->out, text);
	html_raw(p->out, "</td>");
}

static void count_cell(const struct page *p, uint64_t n)
{
	buf_printf(p->out, "<td class=n>%llu</td>", (unsigned long long)n);
}

/* Of the first example, what came last: mostly the refusal. */
static const struct evidence *example(const struct finding *f)
{
	const struct evidence *e = f->evidence.n ? &f->evidence.v[0] : NULL;
	for (size_t i = 1; i < f->evidence.n && f->evidence.v[i].session == f->evidence.v[0].session; i++)
		e = &f->evidence.v[i];
	return e;
}

static void cause_row(const struct page *p, const struct finding *f)
{
	const struct evidence *e = example(f);
	const struct pair *who = e ? pictures_pair(p->pictures, e->session) : NULL;
	html_raw(p->out, "<tr><th scope=row>");
	html_words(p->out, tr(f->cause->title));
	html_raw(p->out, "</th>");
	count_cell(p, f->count);
	cell(p, who ? who->client : SLICE_NONE);
	cell(p, who ? who->server : SLICE_NONE);
	html_raw(p->out, "<td>");
	if (e) {
		struct slice rest = show_words(p->arena, e->quote, p->o);
		html_raw(p->out, "<code>");
		html_text(p->out, slice_next_until(&rest, '\n'));
		html_raw(p->out, "</code>");
		quote_where(p, e);
	}
	html_raw(p->out, "</td></tr>\n");
}

/* Many sessions: what went wrong how often, between whom. */
static void causes_table(const struct page *p)
{
	static const char *const titles[] = {N_("Cause"), N_("Found"), N_("Client"), N_("Server"), N_("First example")};
	if (p->v->sessions < 2 || !p->d->findings.n)
		return;
	section(p, "causes", _("Causes in all sessions"));
	table_head(p, titles, sizeof titles / sizeof *titles, 2);
	for (size_t i = 0; i < p->d->findings.n && i < FINDINGS_SHOWN; i++)
		cause_row(p, p->d->findings.v[i]);
	html_raw(p->out, "</tbody></table></div>\n");
	html_element(p->out, "p", arena_printf(p->arena, ngettext("%llu session in all; %llu went well.", "%llu sessions in all; %llu went well.", p->d->sessions),
		(unsigned long long)p->d->sessions, (unsigned long long)p->d->sessions_ok));
	section_end(p);
}

static void inputs_table(const struct page *p)
{
	static const char *const titles[] = {N_("File"), N_("Form"), N_("Bytes"), N_("Lines or frames"), N_("of these not understood")};
	if (!p->t->inputs.n)
		return;
	section(p, "read", _("What was read"));
	table_head(p, titles, sizeof titles / sizeof *titles, 4 | 8 | 16);
	for (size_t i = 0; i < p->t->inputs.n; i++) {
		const struct input *in = &p->t->inputs.v[i];
		html_raw(p->out, "<tr>");
		cell(p, slice_eq(in->path, S("-")) ? slice_from_cstr(_("standard input")) : show_words(p->arena, in->path, p->o));
		cell(p, show_words(p->arena, in->form, p->o));
		count_cell(p, in->bytes);
		count_cell(p, in->lines);
		count_cell(p, in->lines_unused);
		html_raw(p->out, "</tr>\n");
	}
	html_raw(p->out, "</tbody></table></div>\n");
	section_end(p);
}

/* --- the frame -------------------------------------------------------------------------------------------------------------------- */

/* The style sheet is named by its hash: nothing that evidence could smuggle in would be taken. A library context of its own has the default provider,
 * whatever the readers of captures have loaded. */
static struct slice style_hash(struct arena *a, struct slice style)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t n = 0;
	OSSL_LIB_CTX *crypto = OSSL_LIB_CTX_new();
	bool ok = crypto && EVP_Q_digest(crypto, "SHA256", NULL, style.p, style.n, digest, &n);
	OSSL_LIB_CTX_free(crypto);
	return ok ? arena_printf(a, "'sha256-%.*s'", SLICE_FMT(base64_encode(a, slice_of(digest, n)))) : S("'unsafe-inline'");
}

static void page_begin(const struct page *p)
{
	struct slice style = html_style(), title = p->v->kind == VERDICT_FAULT ? show_title(p->arena, p->d->findings.v[0]) :
		slice_from_cstr(show_verdict(p->v->kind));
	html_raw(p->out, "<!DOCTYPE html>\n<html lang=");
	html_text(p->out, language(p->arena));
	html_raw(p->out, ">\n<head>\n<meta charset=utf-8>\n<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src ");
	buf_add(p->out, style_hash(p->arena, style));
	html_raw(p->out, "; base-uri 'none'; form-action 'none'\">\n<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=color-scheme content=\"light dark\">\n<meta name=referrer content=no-referrer>\n<meta name=generator content=\"telltale "
		TELLTALE_VERSION "\">\n<title>");
	html_text(p->out, title);
	html_raw(p->out, " · telltale</title>\n<style>");
	buf_add(p->out, style);
	html_raw(p->out, "</style>\n</head>\n<body>\n<a class=skip href=\"#main\">");
	html_words(p->out, _("Skip to the verdict"));
	html_raw(p->out, "</a>\n<main id=main>\n");
}

static void page_end(const struct page *p)
{
	html_raw(p->out, "</main>\n<footer>\n");
	html_element(p->out, "p", show_left_out(p->arena, &p->o->left_out));
	html_element(p->out, "p", slice_from_cstr(p->o->show_secrets ? _("Passwords and tokens on this page are real: do not pass it on.") :
		_("Passwords and tokens are masked.")));
	if (p->o->redactor)
		html_element(p->out, "p", slice_from_cstr(_("Names and addresses are replaced by pseudonyms.")));
	html_element(p->out, "p", S("telltale " TELLTALE_VERSION));
	html_raw(p->out, "</footer>\n</body>\n</html>\n");
}

void report_page(struct buf *out, struct report_pictures *pictures, const struct transcript *t, const struct diagnosis *d, const struct verdict *v)
{
	struct page p = {.out = out, .arena = arena_new(0), .o = pictures->o, .t = t, .d = d, .v = v, .pictures = pictures};
	if (!p.arena) {
		out->full = true;
		return;
	}
	pictures_sort(pictures, d, v);
	page_begin(&p);
	verdict_box(&p);
	contents(&p);
	evidence_section(&p);
	first_pictures(&p);
	if (v->kind == VERDICT_FAULT)
		advice(&p, d->findings.v[0]);
	if (v->kind == VERDICT_CANNOT_TELL)
		more_evidence(&p);
	other_findings(&p);
	causes_table(&p);
	other_pictures(&p);
	inputs_table(&p);
	page_end(&p);
	arena_free(p.arena);
}
