/* The transcript for people: who said what, when, with what was odd, and SASL steps taken apart. */
#define _GNU_SOURCE
#include "base/i18n.h"
#include "report/show.h"
#include "report/wrap.h"

struct view {
	struct buf *out;
	struct arena *arena;
	const struct report_options *o;
	size_t width, indent;
	bool times;
	struct show_login login;
};

static void session_head(struct view *v, const struct session *s)
{
	struct slice client = show_party(v->arena, &s->client, v->o), server = show_party(v->arena, &s->server, v->o);
	struct slice head = arena_printf(v->arena, _("Session %u: %s, %.*s to %.*s, %s"), s->id, show_protocol(s->protocol), SLICE_FMT(client), SLICE_FMT(server),
		show_outcome(s->outcome));
	buf_add_byte(v->out, '\n');
	wrap_add(v->out, head, v->width, 2, 0, false);
	buf_add_byte(v->out, '\n');
}

static char mark(const struct event *e)
{
	if (e->side == SIDE_CLIENT)
		return 'C';
	if (e->side == SIDE_SERVER)
		return 'S';
	return e->kind == EV_CONNECT || e->kind == EV_CLOSE || e->kind == EV_TLS ? '*' : ' ';
}

static void note(struct view *v, const char *sign, struct slice text)
{
	wrap_spaces(v->out, v->indent);
	buf_printf(v->out, "%s ", sign);
	wrap_add(v->out, text, v->width, v->indent + 2, v->indent + 2, true);
	buf_add_byte(v->out, '\n');
}

static void oddities(struct view *v, const struct event *e)
{
	for (unsigned bit = 0; bit < ODD_COUNT; bit++)
		if (e->oddities & 1u << bit)
			note(v, "!", slice_from_cstr(tr(oddity_text((enum oddity_bit)bit))));
}

static void event_line(struct view *v, const struct event *e)
{
	struct slice clock = show_clock(v->arena, &e->stamp);
	if (v->times) {
		buf_printf(v->out, "%8.*s ", SLICE_FMT(clock));
	}
	buf_printf(v->out, "%c  ", mark(e));
	wrap_add(v->out, show_event(v->arena, e, v->o), v->width, v->indent, v->indent, true);
	buf_add_byte(v->out, '\n');
	struct slice step = show_sasl_step(v->arena, &v->login, e, v->o);
	if (step.n)
		note(v, "=", step);
	oddities(v, e);
}

static void event_list(struct view *v, struct event *const *events, size_t n)
{
	v->times = false;
	for (size_t i = 0; i < n; i++)
		v->times |= events[i]->stamp.has_time;
	v->indent = v->times ? 12 : 3;
	for (size_t i = 0; i < n; i++)
		event_line(v, events[i]);
}

void report_transcript(struct buf *out, const struct transcript *t, const struct report_options *o)
{
	struct view v = {.out = out, .o = o, .width = o->width ? o->width : 80};
	for (size_t i = 0; i < t->sessions.n; i++) {
		v.arena = arena_new(0);
		if (!v.arena)
			return;
		v.login = (struct show_login){0};
		session_head(&v, t->sessions.v[i]);
		event_list(&v, t->sessions.v[i]->events.v, t->sessions.v[i]->events.n);
		arena_free(v.arena);
	}
	v.arena = t->context.n ? arena_new(0) : NULL;
	if (!v.arena)
		return;
	buf_printf(out, "\n%s\n", _("Around the sessions:"));
	event_list(&v, t->context.v, t->context.n);
	arena_free(v.arena);
}
