#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/base64.h"
#include "base/i18n.h"
#include "base/text.h"
#include "cli/sasl.h"
#include "proto/sasl-jwt.h"
#include "report/wrap.h"

#define FIELDS_MAX 24
#define NAME_COLUMN 2
#define VALUE_COLUMN 20

static const struct {
	unsigned bit;
	const char *key, *words;
} faults[] = {
	{BASE64_SPACE, "space", N_("broken by a blank or line end")},
	{BASE64_URL_SAFE, "url-safe", N_("URL-safe alphabet")},
	{BASE64_BAD_BYTE, "bad-byte", N_("a sign that is not base64")},
	{BASE64_NO_PADDING, "no-padding", N_("no padding at the end, or cut")},
	{BASE64_BAD_PADDING, "bad-padding", N_("padding in the wrong place")},
	{BASE64_TRAILING_BITS, "trailing-bits", N_("odd bits in the last letter")},
};

static struct slice date(struct arena *a, int64_t t)
{
	char room[40];
	struct tm tm;
	time_t tt = (time_t)t;
	if (!gmtime_r(&tt, &tm) || !strftime(room, sizeof room, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return SLICE_NONE;
	return arena_dup(a, slice_from_cstr(room));
}

static void put(struct sasl_field *f, size_t *n, const char *name, struct slice value)
{
	if (*n < FIELDS_MAX && value.n)
		f[(*n)++] = (struct sasl_field){name, value, false};
}

/* The parts of the message, and what its token says about itself. */
static size_t fields_of(struct arena *a, const struct sasl_item *it, struct sasl_field f[FIELDS_MAX])
{
	struct jwt t;
	size_t n = sasl_item_fields(a, it, f, FIELDS_MAX);
	struct slice token = sasl_field_value(f, n, "token");
	const char *form = token.n ? sasl_token_form(slice_trim(token)) : NULL;
	if (form)
		put(f, &n, "form", slice_from_cstr(tr(form)));
	if (!token.n || !jwt_read(a, token, &t))
		return n;
	put(f, &n, "issuer", t.issuer);
	put(f, &n, "audience", t.audience);
	put(f, &n, "scope", t.scope);
	put(f, &n, "roles", t.roles);
	put(f, &n, "token user", t.user);
	if (t.has_exp)
		put(f, &n, "expires", date(a, t.exp));
	return n;
}

static struct slice value_of(struct arena *a, const struct sasl_field *f, const struct sasl_shown *o)
{
	if (f->secret && !o->show_secrets)
		return text_mask(a, f->value);
	return text_shown(a, f->value, 0);
}

/* --- text ----------------------------------------------------------------------------------------------------------------- */

static void show_field(struct buf *out, struct arena *a, const struct sasl_field *f, const struct sasl_shown *o)
{
	struct slice value = f->value.n || !f->secret ? value_of(a, f, o) : slice_from_cstr(_("(empty)"));
	size_t at = NAME_COLUMN + strlen(f->name);
	buf_printf(out, "  %s", f->name);
	wrap_spaces(out, at < VALUE_COLUMN ? VALUE_COLUMN - at : 1);
	if (value.n == 0)
		value = slice_from_cstr(_("(empty)"));
	wrap_add(out, value, o->width, VALUE_COLUMN, VALUE_COLUMN, false);
	buf_add_byte(out, '\n');
}

static void show_faults(struct buf *out, unsigned set)
{
	const char *sep = "  base64            ";
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		if (!(set & faults[i].bit))
			continue;
		buf_printf(out, "%s%s", sep, tr(faults[i].words));
		sep = ", ";
	}
	if (set)
		buf_add_byte(out, '\n');
}

void sasl_show_items(struct buf *out, struct arena *a, const struct sasl_items *items, const struct sasl_shown *o)
{
	for (size_t i = 0; i < items->items.n; i++) {
		const struct sasl_item *it = &items->items.v[i];
		struct sasl_field f[FIELDS_MAX];
		size_t n = fields_of(a, it, f);
		if (it->mech.n)
			buf_printf(out, "%.*s, ", SLICE_FMT(text_shown(a, it->mech, 40)));
		if (it->side != SIDE_UNKNOWN)
			buf_printf(out, "%s: ", it->side == SIDE_CLIENT ? _("client") : _("server"));
		buf_printf(out, "%s\n", tr(sasl_kind_words(it->kind)));
		for (size_t j = 0; j < n; j++)
			show_field(out, a, &f[j], o);
		show_faults(out, it->base64_faults);
	}
}

static void show_one_advice(struct buf *out, const struct advice *v, const struct sasl_shown *o)
{
	static const char *const words[] = {N_("Right:"), N_("Note:"), N_("Wrong:")};
	static const char *const colours[] = {"\033[32m", "", "\033[31m"};
	const char *on = o->colour ? colours[v->level] : "";
	buf_printf(out, "%s%s%s ", on, tr(words[v->level]), *on ? "\033[0m" : "");
	wrap_add(out, v->text, o->width, 2, wrap_columns(slice_from_cstr(tr(words[v->level]))) + 1, false);
	buf_add_byte(out, '\n');
	if (v->fix.n) {
		wrap_spaces(out, 2);
		wrap_add(out, v->fix, o->width, 2, 2, false);
		buf_add_byte(out, '\n');
	}
	if (v->level == ADVICE_FAULT && *v->cause)
		buf_printf(out, "  %s telltale explain cause:%s\n", _("More:"), v->cause);
}

void sasl_show_advice(struct buf *out, const struct sasl_checkup *c, const struct sasl_shown *o)
{
	/* What is wrong first. */
	static const enum advice_level order[] = {ADVICE_FAULT, ADVICE_GOOD, ADVICE_NOTE};
	for (size_t l = 0; l < sizeof order / sizeof *order; l++)
		for (size_t i = 0; i < c->advice.n; i++)
			if (c->advice.v[i].level == order[l])
				show_one_advice(out, &c->advice.v[i], o);
	if (c->advice.n == 0)
		buf_printf(out, "%s\n", _("Nothing wrong found."));
}

/* --- JSON ----------------------------------------------------------------------------------------------------------------- */

static json_t *json_words(struct slice s)
{
	return json_stringn((const char *)s.p, s.n);
}

static json_t *json_item(struct arena *a, const struct sasl_item *it, const struct sasl_shown *o)
{
	struct sasl_field f[FIELDS_MAX];
	size_t n = fields_of(a, it, f);
	json_t *parts = json_array(), *odd = json_array(), *side;
	for (size_t i = 0; i < n; i++) {
		json_t *part = json_pack("{s:s, s:o}", "name", f[i].name, "value", json_words(value_of(a, &f[i], o)));
		if (f[i].secret)
			json_object_set_new(part, "secret", json_true());
		json_array_append_new(parts, part);
	}
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		if (it->base64_faults & faults[i].bit)
			json_array_append_new(odd, json_string(faults[i].key));
	side = it->side == SIDE_UNKNOWN ? json_null() : json_string(side_name(it->side));
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "kind", sasl_kind_key(it->kind), "mechanism", json_words(text_shown(a, it->mech, 40)), "side", side,
			 "base64_faults", odd, "fields", parts);
}

static json_t *json_advice(const struct advice *v)
{
	json_t *j = json_pack("{s:s, s:o}", "level", advice_level_key(v->level), "text", json_words(v->text));
	if (*v->cause)
		json_object_set_new(j, "cause", json_string(v->cause));
	if (v->fix.n)
		json_object_set_new(j, "fix", json_words(v->fix));
	return j;
}

void sasl_show_json(struct buf *out, struct arena *a, const struct sasl_items *items, const struct sasl_checkup *c, const struct sasl_shown *o)
{
	json_t *doc = json_pack("{s:s}", "schema", "telltale-sasl/1");
	if (items) {
		json_t *list = json_array();
		for (size_t i = 0; i < items->items.n; i++)
			json_array_append_new(list, json_item(a, &items->items.v[i], o));
		json_object_set_new(doc, "messages", list);
	}
	if (c) {
		json_t *list = json_array();
		for (size_t i = 0; i < c->advice.n; i++)
			json_array_append_new(list, json_advice(&c->advice.v[i]));
		json_object_set_new(doc, "advice", list);
	}
	char *text = json_dumps(doc, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	if (text)
		buf_printf(out, "%s\n", text);
	free(text);
	json_decref(doc);
}
