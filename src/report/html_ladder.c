/* A ladder as an ordered list: a screen reader hears who said what to whom, an eye sees two life lines and arrows (all of it by the style sheet). */
#define _GNU_SOURCE
#include "base/i18n.h"
#include "report/html.h"
#include "report/pictures.h"

struct side_words {
	const char *css, *speaker;
};

static struct side_words words_of(enum side s)
{
	if (s == SIDE_CLIENT)
		return (struct side_words){"client", _("Client:")};
	if (s == SIDE_SERVER)
		return (struct side_words){"server", _("Server:")};
	return (struct side_words){"both", ""};
}

static void party(struct buf *out, const char *css, const char *role, const struct ladder_party *p)
{
	buf_printf(out, "<div class=\"party %s\">", css);
	html_element(out, "span class=role", slice_from_cstr(role));
	html_element(out, "strong", p->name);
	html_element(out, "span class=details", p->details);
	html_raw(out, "</div>\n");
}

static void head(struct buf *out, const struct ladder *l)
{
	html_element(out, "p class=when", l->file);
	html_element(out, "p class=when", l->when);
	html_raw(out, "<div class=parties>\n");
	party(out, "client", _("client"), &l->client);
	party(out, "server", _("server"), &l->server);
	html_raw(out, "</div>\n");
}

static void meta(struct buf *out, const struct rung *r)
{
	html_raw(out, "<div class=meta>");
	if (r->since.n) {
		html_raw(out, "<span class=since>");
		html_text(out, r->since);
		html_raw(out, "</span> ");
	}
	if (r->pause.n) {
		html_raw(out, "<span class=pause>+");
		html_text(out, r->pause);
		html_raw(out, "</span> ");
	}
	html_element(out, "span class=where", r->where);
	html_raw(out, "</div>");
}

static void notes(struct buf *out, const struct rung *r)
{
	static const char *const css[] = {[NOTE_ODD] = "odd", [NOTE_LOST] = "lost", [NOTE_DECODED] = "decoded", [NOTE_PLAIN] = "plain"};
	if (!r->notes.n)
		return;
	html_raw(out, "<ul class=notes role=list>");
	for (size_t i = 0; i < r->notes.n; i++) {
		buf_printf(out, "<li class=%s>", css[r->notes.v[i].kind]);
		html_text(out, r->notes.v[i].text);
		html_raw(out, "</li>");
	}
	html_raw(out, "</ul>");
}

static void said(struct buf *out, const struct rung *r)
{
	struct side_words who = words_of(r->from);
	html_raw(out, "<div class=said>");
	if (r->weight != WEIGHT_NONE)
		html_element(out, "span class=badge", slice_from_cstr(r->weight == WEIGHT_DECISIVE ? _("decisive") : _("also found")));
	if (*who.speaker) {
		html_raw(out, "<span class=sr>");
		html_words(out, who.speaker);
		html_raw(out, " </span>");
	}
	if (r->whole.n) {
		html_raw(out, "<details><summary><code>");
		html_text(out, r->words);
		html_raw(out, "</code></summary><pre tabindex=0>");
		html_text(out, r->whole);
		html_raw(out, "</pre></details>");
	} else {
		html_raw(out, "<code>");
		html_text(out, r->words);
		html_raw(out, "</code>");
	}
	html_raw(out, "</div>");
}

static void rung(struct buf *out, const struct ladder *l, const struct rung *r)
{
	static const char *const weights[] = {[WEIGHT_NONE] = "", [WEIGHT_OTHER] = " other", [WEIGHT_DECISIVE] = " decisive"};
	static const char *const shapes[] = {[RUNG_ARROW] = "arrow", [RUNG_NOTE] = "note", [RUNG_MORE] = "more"};
	buf_printf(out, "<li class=\"rung %s %s%s%s%s%s%s\"", shapes[r->shape], words_of(r->from).css, weights[r->weight], r->stopped ? " stopped" : "", r->gap ? " gap" : "",
		r->starts ? " starts" : "", r->ends ? " ends" : "");
	if (r->n)
		buf_printf(out, " id=s%ue%u", l->id, r->n);
	buf_add_byte(out, '>');
	meta(out, r);
	html_raw(out, "<div class=lane>");
	if (r->silence) {
		html_raw(out, "<p class=silence>");
		html_words(out, _("silence:"));
		buf_add_byte(out, ' ');
		html_text(out, r->pause);
		html_raw(out, "</p>");
	}
	said(out, r);
	if (r->shape == RUNG_ARROW)
		html_raw(out, "<div class=line aria-hidden=true></div>");
	notes(out, r);
	html_raw(out, "</div></li>\n");
}

/* A stretch inside TLS is a list of its own, with a label. */
static void stretch(struct buf *out, const struct ladder *l, size_t from, size_t to)
{
	html_raw(out, "<li class=tls><p class=label><span>");
	html_text(out, l->tls);
	html_raw(out, "</span></p>\n<ol role=list>\n");
	for (size_t i = from; i < to; i++)
		rung(out, l, &l->rungs.v[i]);
	html_raw(out, "</ol></li>\n");
}

void html_ladder(struct buf *out, const struct ladder *l, const struct report_options *o)
{
	(void)o;
	buf_printf(out, "<div class=\"ladder%s\">\n", l->timed ? "" : " untimed");
	head(out, l);
	html_raw(out, "<ol class=rungs role=list>\n");
	for (size_t i = 0; i < l->rungs.n;) {
		size_t to = i;
		while (to < l->rungs.n && l->rungs.v[to].tls)
			to++;
		if (to > i)
			stretch(out, l, i, to);
		else
			rung(out, l, &l->rungs.v[to++]);
		i = to;
	}
	html_raw(out, "</ol></div>\n");
}
