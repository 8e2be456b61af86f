/* One session in one line, for whoever watches them go by. */
#define _GNU_SOURCE
#include <time.h>

#include "base/i18n.h"
#include "base/text.h"
#include "report/show.h"

/* Of the last words that were refused, where no cause is known. */
#define QUOTE_SHOWN 100u

/* The clock on the watcher's wall. */
static struct slice local_clock(struct arena *a, const struct stamp *s)
{
	time_t t = (time_t)(s->time_us / 1000000);
	struct tm tm;
	if (!s->has_time || !localtime_r(&t, &tm))
		return S("--:--:--");
	return arena_printf(a, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static struct slice end_point(struct arena *a, const struct party *p, bool with_port, const struct report_options *o)
{
	struct slice address = show_words(a, p->address, o);
	bool v6 = slice_find_byte(address, ':') != SLICE_NPOS;
	if (!with_port || !p->port)
		return address;
	return arena_printf(a, v6 ? "[%.*s]:%u" : "%.*s:%u", SLICE_FMT(address), p->port);
}

/* All of it was inside TLS that could not be read, and it ended as it should. */
static bool is_opaque(const struct session *s)
{
	bool opaque = false;
	for (size_t i = 0; i < s->events.n; i++) {
		opaque |= slice_eq(event_fact(s->events.v[i], "what"), S("opaque"));
		if (s->events.v[i]->tls && s->events.v[i]->kind == EV_COMMAND)
			return false;
	}
	return opaque;
}

static struct slice words_of(struct arena *a, const struct session *s, const struct diagnosis *d, const struct verdict *v, const struct report_options *o)
{
	if (v->kind == VERDICT_FAULT) {
		const struct finding *f = d->findings.v[0];
		struct slice more = d->findings.n > 1 ? arena_printf(a, ", +%zu", d->findings.n - 1) : SLICE_NONE;
		return arena_printf(a, "%.*s (%s%.*s)", SLICE_FMT(show_title(a, f)), f->cause->id, SLICE_FMT(more));
	}
	if (v->kind != VERDICT_CANNOT_TELL)
		return slice_from_cstr(is_opaque(s) ? _("nothing wrong seen; the inside is encrypted") : _("nothing wrong"));
	if (!v->n_failures)
		return slice_from_cstr(_("I cannot tell"));
	struct slice quote = show_words(a, v->failures[0].evidence.quote, o);
	quote = slice_sub(quote, 0, slice_find_byte(quote, '\n'));
	quote = text_shown(a, quote, QUOTE_SHOWN);
	return arena_printf(a, "%s: %s%s%.*s", _("I cannot tell why"), show_unexplained(v->failures[0].what), quote.n ? ": " : "", SLICE_FMT(quote));
}

void report_line(struct buf *out, const struct transcript *t, const struct diagnosis *d, const struct verdict *v, const struct report_options *o)
{
	static const char *const colours[] = {
		[VERDICT_FAULT] = "31", [VERDICT_NOTHING_WRONG] = "32", [VERDICT_CANNOT_TELL] = "33", [VERDICT_NO_EVIDENCE] = "2",
	};
	struct arena *a = arena_new(0);
	if (!a || !t->sessions.n) {
		arena_free(a);
		return;
	}
	const struct session *s = t->sessions.v[0];
	struct slice words = words_of(a, s, d, v, o);
	buf_printf(out, "%.*s  %.*s → %.*s  %s  ", SLICE_FMT(local_clock(a, &s->end)), SLICE_FMT(end_point(a, &s->client, false, o)),
		   SLICE_FMT(end_point(a, &s->server, true, o)), show_protocol(s->protocol));
	if (o->colour)
		buf_printf(out, "\033[%sm%.*s\033[0m\n", colours[v->kind], SLICE_FMT(words));
	else
		buf_printf(out, "%.*s\n", SLICE_FMT(words));
	arena_free(a);
}
