#include "model/select.h"

static bool is_name(struct slice name, struct slice wanted)
{
	if (slice_eq_nocase(name, wanted))
		return true;
	return slice_ends_nocase(name, wanted) && name.p[name.n - wanted.n - 1] == '.';
}

static bool is_party(const struct party *p, struct slice ehlo, struct slice wanted)
{
	return !wanted.n || slice_eq_nocase(p->address, wanted) || is_name(p->name, wanted) || is_name(ehlo, wanted);
}

static bool is_wanted(const struct session *s, const struct selection *w)
{
	bool listed = !w->sessions;
	for (size_t i = 0; i < w->n_sessions && !listed; i++)
		listed = w->sessions[i] == s->id;
	return listed && is_party(&s->client, s->ehlo, w->client) && is_party(&s->server, SLICE_NONE, w->server);
}

static bool stays(const struct event *e, const struct selection *w)
{
	if (e->session)
		return is_wanted(e->session, w);
	return e->kind != EV_LOG || (w->client.n && slice_has_nocase(e->text, w->client)) || (w->server.n && slice_has_nocase(e->text, w->server));
}

static size_t keep_events(struct event **v, size_t n, const struct selection *w)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (stays(v[i], w))
			v[kept++] = v[i];
	return kept;
}

uint64_t transcript_select(struct transcript *t, const struct selection *w)
{
	size_t before = t->sessions.n, kept = 0;
	if (!w->client.n && !w->server.n && !w->sessions)
		return 0;
	t->events.n = keep_events(t->events.v, t->events.n, w);
	t->context.n = keep_events(t->context.v, t->context.n, w);
	for (size_t i = 0; i < before; i++)
		if (is_wanted(t->sessions.v[i], w))
			t->sessions.v[kept++] = t->sessions.v[i];
	t->sessions.n = kept;
	return before - kept;
}
