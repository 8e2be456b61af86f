#include <jansson.h>
#include <stdlib.h>

#include "base/i18n.h"
#include "base/text.h"
#include "cli/explain.h"
#include "report/show.h"
#include "report/wrap.h"

/* --- pieces --------------------------------------------------------------------------------------------------------------- */

static void head(struct buf *out, const struct explain_shown *o, struct slice text)
{
	if (o->colour)
		buf_add(out, S("\033[1m"));
	wrap_add(out, text, o->width, 0, 0, false);
	if (o->colour)
		buf_add(out, S("\033[0m"));
	buf_add_byte(out, '\n');
}

static void paragraph(struct buf *out, const struct explain_shown *o, size_t indent, struct slice text)
{
	if (!text.n)
		return;
	wrap_spaces(out, indent);
	wrap_add(out, text, o->width, indent, indent, false);
	buf_add_byte(out, '\n');
}

static struct slice known(const struct explain_shown *o, const char *text)
{
	return show_knowledge(o->arena, text);
}

/* A label, then its text, indented below it. */
static void labelled(struct buf *out, const struct explain_shown *o, const char *label, struct slice text)
{
	if (text.n)
		paragraph(out, o, 2, arena_printf(o->arena, "%s %.*s", label, SLICE_FMT(text)));
}

/* --- a code --------------------------------------------------------------------------------------------------------------- */

static void usual_causes(struct buf *out, const struct explain_shown *o, const struct code *c)
{
	if (!c->n_causes)
		return;
	paragraph(out, o, 2, slice_from_cstr(_("Usual causes:")));
	for (size_t i = 0; i < c->n_causes; i++) {
		const struct cause *x = knowledge_cause(o->knowledge, slice_from_cstr(c->causes[i]));
		wrap_spaces(out, 4);
		wrap_add(out, x ? arena_printf(o->arena, "%s: %s", x->id, tr(x->title)) : slice_from_cstr(c->causes[i]), o->width, 6, 4, false);
		buf_add_byte(out, '\n');
	}
}

static struct slice code_title(const struct explain_shown *o, const struct code *c)
{
	/* "curl 67" names its program already. */
	const char *kind = tr(explain_kind_title(c->kind));
	struct slice title = known(o, c->title), prefix = arena_printf(o->arena, "%s: ", kind);
	slice_skip_nocase(&title, prefix);
	bool named = slice_starts_nocase(slice_from_cstr(c->code), slice_from_cstr(kind));
	if (named)
		return arena_printf(o->arena, "%s: %.*s", c->code, SLICE_FMT(title));
	if (strchr(c->code, ' '))
		return arena_printf(o->arena, "%s, “%s”: %.*s", kind, c->code, SLICE_FMT(title));
	return arena_printf(o->arena, "%s %s: %.*s", kind, c->code, SLICE_FMT(title));
}

static void show_code(struct buf *out, const struct explain_shown *o, const struct code *c)
{
	head(out, o, code_title(o, c));
	paragraph(out, o, 2, known(o, c->meaning));
	labelled(out, o, _("What to do:"), known(o, c->action));
	usual_causes(out, o, c);
	if (*c->see)
		paragraph(out, o, 2, arena_printf(o->arena, "(%s)", c->see));
}

static void show_codes(struct buf *out, const struct explain_shown *o, const struct code *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (out->n)
			buf_add_byte(out, '\n');
		show_code(out, o, list[i]);
	}
}

static void show_general(struct buf *out, const struct explain_shown *o, struct slice word)
{
	uint64_t cls = 0, subject = 0;
	struct slice s = word;
	slice_next_uint(&s, 599, &cls);
	slice_skip(&s, S("."));
	slice_next_uint(&s, 999, &subject);
	if (out->n)
		buf_add_byte(out, '\n');
	if (subject == 0 && slice_find_byte(word, '.') == SLICE_NPOS) {
		head(out, o, arena_printf(o->arena, _("SMTP reply %.*s"), SLICE_FMT(word)));
		paragraph(out, o, 2, arena_printf(o->arena, _("This code is in no standard. By its first digit: %s."), tr(explain_class((unsigned)(cls / 100)))));
		return;
	}
	head(out, o, arena_printf(o->arena, _("Enhanced status code %.*s"), SLICE_FMT(word)));
	paragraph(out, o, 2, arena_printf(o->arena, _("This code is not registered. By its first two numbers: %s; %s."), tr(explain_class((unsigned)cls)),
					  *explain_subject((unsigned)subject) ? tr(explain_subject((unsigned)subject)) : _("no subject of the registry")));
}

/* --- a cause -------------------------------------------------------------------------------------------------------------- */

static void show_cause(struct buf *out, const struct explain_shown *o, const struct cause *c)
{
	head(out, o, arena_printf(o->arena, "%s (%s)", tr(c->title), c->id));
	paragraph(out, o, 0, known(o, c->summary));
	if (*c->explanation) {
		buf_add_byte(out, '\n');
		paragraph(out, o, 2, known(o, c->explanation));
	}
	if (c->n_shows) {
		buf_add_byte(out, '\n');
		head(out, o, slice_from_cstr(_("How it shows itself")));
	}
	for (size_t i = 0; i < c->n_shows; i++)
		paragraph(out, o, 2, known(o, c->shows[i]));
	if (c->n_fixes) {
		buf_add_byte(out, '\n');
		head(out, o, slice_from_cstr(_("What to do")));
	}
	for (size_t i = 0; i < c->n_fixes; i++)
		paragraph(out, o, 2, arena_printf(o->arena, "%s: %.*s", show_product(c->fixes[i].product), SLICE_FMT(known(o, c->fixes[i].text))));
	if (c->n_nots) {
		buf_add_byte(out, '\n');
		head(out, o, slice_from_cstr(_("What it is not")));
	}
	for (size_t i = 0; i < c->n_nots; i++)
		paragraph(out, o, 2, arena_printf(o->arena, "%s: %.*s", c->nots[i].cause, SLICE_FMT(known(o, c->nots[i].because))));
	if (*c->confirm || c->n_see)
		buf_add_byte(out, '\n');
	labelled(out, o, _("To make sure:"), known(o, c->confirm));
	for (size_t i = 0; i < c->n_see; i++)
		labelled(out, o, _("See:"), slice_from_cstr(c->see[i]));
}

static size_t findings_shown(const struct diagnosis *d)
{
	size_t n = 0;
	while (d && n < d->findings.n && n < EXPLAIN_FINDINGS_MAX && d->findings.v[n]->confidence >= EXPLAIN_SURE)
		n++;
	return n;
}

static void show_findings(struct buf *out, const struct explain_shown *o, const struct diagnosis *d)
{
	size_t n = findings_shown(d);
	for (size_t i = 0; i < n; i++) {
		const struct finding *f = d->findings.v[i];
		head(out, o, arena_printf(o->arena, i ? _("Or: %s") : f->confidence < 0.5 ? _("Perhaps: %s") : _("Most likely: %s"),
					  tr(f->cause->title)));
		paragraph(out, o, 2, text_shown(o->arena, f->summary, 0));
		for (size_t j = 0; i == 0 && j < f->fixes.n && j < 4; j++)
			paragraph(out, o, 2, arena_printf(o->arena, "%s: %.*s", show_product(f->fixes.v[j].product), SLICE_FMT(known(o, f->fixes.v[j].text))));
		paragraph(out, o, 2, arena_printf(o->arena, "%s telltale explain cause:%s", _("More:"), f->cause->id));
	}
}

/* --- all ------------------------------------------------------------------------------------------------------------------ */

static void show_unknown(struct buf *out, const struct explanation *e, const char *nearest, const struct explain_shown *o)
{
	paragraph(out, o, 0, arena_printf(o->arena, _("I do not know “%.*s”."), SLICE_FMT(text_shown(o->arena, o->query, 200))));
	if (nearest || e->nearest.n)
		paragraph(out, o, 0, slice_from_cstr(_("Nearest:")));
	if (nearest)
		paragraph(out, o, 2, slice_from_cstr(nearest));
	for (size_t i = 0; i < e->nearest.n; i++)
		paragraph(out, o, 2, code_title(o, e->nearest.v[i]));
	paragraph(out, o, 0, slice_from_cstr(_("“telltale explain --list codes” lists all codes; “telltale read FILE” reads a whole session or log.")));
}

void explain_show_text(struct buf *out, const struct explanation *e, const struct diagnosis *d, const char *nearest, const struct explain_shown *o)
{
	if (e->cause) {
		show_cause(out, o, e->cause);
		return;
	}
	show_findings(out, o, d);
	show_codes(out, o, e->exact.v, e->exact.n);
	show_codes(out, o, e->phrases.v, e->phrases.n);
	/* Below a text that is understood the bare codes add little. */
	if (!findings_shown(d) || !e->phrases.n)
		show_codes(out, o, e->codes.v, e->codes.n);
	if (e->general.n)
		show_general(out, o, e->general);
	if (!out->n)
		show_unknown(out, e, nearest, o);
}

void explain_list_text(struct buf *out, bool codes, const struct explain_shown *o)
{
	const struct knowledge *k = o->knowledge;
	for (size_t i = 0; !codes && i < k->n_causes; i++)
		buf_printf(out, "%-42s %s\n", k->causes[i].id, tr(k->causes[i].title));
	for (size_t i = 0; codes && i < k->n_codes; i++)
		buf_printf(out, "%-14s %-40s %s\n", k->codes[i].kind, k->codes[i].code, tr(k->codes[i].title));
}

/* --- JSON ----------------------------------------------------------------------------------------------------------------- */

static json_t *words(struct slice s)
{
	return json_stringn(s.n ? (const char *)s.p : "", s.n);
}

static json_t *strings(const char *const *v, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(v[i]));
	return list;
}

static json_t *json_code(const struct explain_shown *o, const struct code *c)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s}", "kind", c->kind, "code", c->code, "also", strings(c->also, c->n_also), "title",
			 words(known(o, c->title)), "meaning", words(known(o, c->meaning)), "causes", strings(c->causes, c->n_causes), "do",
			 words(known(o, c->action)), "see", c->see);
}

static void add_codes(json_t *list, const struct explain_shown *o, const struct code *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_code(o, v[i]));
}

static json_t *json_fix(const struct explain_shown *o, const char *product, const char *text)
{
	return json_pack("{s:s, s:o}", "for", product, "text", words(known(o, text)));
}

static json_t *json_cause(const struct explain_shown *o, const struct cause *c)
{
	json_t *fixes = json_array(), *nots = json_array();
	for (size_t i = 0; i < c->n_fixes; i++)
		json_array_append_new(fixes, json_fix(o, c->fixes[i].product, c->fixes[i].text));
	for (size_t i = 0; i < c->n_nots; i++)
		json_array_append_new(nots, json_pack("{s:s, s:o}", "cause", c->nots[i].cause, "because", words(known(o, c->nots[i].because))));
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "cause", c->id, "blame", c->blame, "title", tr(c->title), "summary",
			 words(known(o, c->summary)), "explanation", words(known(o, c->explanation)), "shows", strings(c->shows, c->n_shows), "fix", fixes,
			 "not", nots, "confirm", words(known(o, c->confirm)), "see", strings(c->see, c->n_see));
}

static json_t *json_findings(const struct explain_shown *o, const struct diagnosis *d)
{
	json_t *list = json_array();
	for (size_t i = 0; i < findings_shown(d); i++) {
		const struct finding *f = d->findings.v[i];
		json_t *fixes = json_array();
		for (size_t j = 0; j < f->fixes.n; j++)
			json_array_append_new(fixes, json_fix(o, f->fixes.v[j].product, f->fixes.v[j].text));
		json_array_append_new(list, json_pack("{s:s, s:s, s:f, s:o, s:o}", "cause", f->cause->id, "blame", f->cause->blame, "confidence",
						      (double)(int)(f->confidence * 100 + 0.5) / 100, "summary", words(text_shown(o->arena, f->summary, 0)),
						      "fix", fixes));
	}
	return list;
}

static void dump(struct buf *out, json_t *doc)
{
	char *text = json_dumps(doc, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(4));
	if (text)
		buf_printf(out, "%s\n", text);
	free(text);
	json_decref(doc);
}

void explain_show_json(struct buf *out, const struct explanation *e, const struct diagnosis *d, const char *nearest, const struct explain_shown *o)
{
	json_t *codes = json_array(), *near = json_array();
	add_codes(codes, o, e->exact.v, e->exact.n);
	add_codes(codes, o, e->phrases.v, e->phrases.n);
	add_codes(codes, o, e->codes.v, e->codes.n);
	if (nearest)
		json_array_append_new(near, json_string(nearest));
	for (size_t i = 0; i < e->nearest.n; i++)
		json_array_append_new(near, json_string(e->nearest.v[i]->code));
	json_t *doc = json_pack("{s:s, s:o, s:o, s:o, s:o}", "schema", "telltale-explain/1", "query", words(text_shown(o->arena, o->query, 0)), "findings",
				json_findings(o, d), "codes", codes, "nearest", near);
	if (e->cause)
		json_object_set_new(doc, "cause", json_cause(o, e->cause));
	dump(out, doc);
}

void explain_list_json(struct buf *out, bool codes, const struct explain_shown *o)
{
	const struct knowledge *k = o->knowledge;
	json_t *list = json_array();
	for (size_t i = 0; !codes && i < k->n_causes; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "cause", k->causes[i].id, "blame", k->causes[i].blame, "title", tr(k->causes[i].title)));
	for (size_t i = 0; codes && i < k->n_codes; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "kind", k->codes[i].kind, "code", k->codes[i].code, "title", tr(k->codes[i].title)));
	dump(out, json_pack("{s:s, s:o}", "schema", "telltale-explain/1", codes ? "codes" : "causes", list));
}
