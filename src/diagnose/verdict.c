#include "diagnose/verdict.h"

#include "model/mask.h"

static void keep(struct verdict *v, enum unexplained what, const struct session *s, const struct event *e)
{
	v->failed++;
	if (v->n_failures == VERDICT_KEEP)
		return;
	struct failure *f = &v->failures[v->n_failures++];
	*f = (struct failure){.what = what, .session = s ? s->id : 0};
	if (!e)
		return;
	struct slice quote = event_masked_text(v->arena, e, false);
	f->evidence = (struct evidence){
		.session = f->session, .event = e->n, .where = e->stamp.where, .kind = e->kind, .side = e->side,
		.quote = slice_sub(quote, 0, FINDING_QUOTE_MAX),
	};
}

static const struct event *last_said(const struct session *s)
{
	for (size_t i = s->events.n; i-- > 0;)
		if (s->events.v[i]->kind != EV_CLOSE)
			return s->events.v[i];
	return NULL;
}

/* The last negative reply, which ended it. */
static const struct event *last_refusal(const struct session *s)
{
	for (size_t i = s->exchanges.n; i-- > 0;)
		if (s->exchanges.v[i].negative)
			return s->exchanges.v[i].reply;
	return last_said(s);
}

/* The last command of a dialogue, when no answer to it was seen. */
static const struct event *unanswered(const struct session *s)
{
	if (s->from_log || !s->exchanges.n)
		return NULL;
	const struct exchange *x = &s->exchanges.v[s->exchanges.n - 1];
	bool goodbye = exchange_is(x, S("QUIT")) || exchange_is(x, S("LOGOUT"));
	return x->command && !x->reply && !goodbye ? x->command : NULL;
}

/* What the reader of captures says about the session itself. */
static const struct event *remark(const struct session *s, enum event_kind kind, struct slice what)
{
	for (size_t i = s->events.n; i-- > 0;)
		if (s->events.v[i]->kind == kind && slice_eq(event_fact(s->events.v[i], "what"), what))
			return s->events.v[i];
	return NULL;
}

static void see_opaque(struct verdict *v, const struct session *s)
{
	const struct event *e = s->tls.mode == TLS_NONE ? NULL : remark(s, EV_TLS, S("opaque"));
	if (e && !v->opaque++)
		v->opaque_why = arena_dup(v->arena, event_fact(e, "reason"));
}

static void add_session(struct verdict *v, const struct session *s)
{
	static const struct {
		bool failed;
		enum unexplained what;
	} by_outcome[OUTCOME_COUNT] = {
		[OUTCOME_REFUSED] = {true, UNEXPLAINED_REFUSED},
		[OUTCOME_DEFERRED] = {true, UNEXPLAINED_DEFERRED},
		[OUTCOME_TIMED_OUT] = {true, UNEXPLAINED_NO_ANSWER},
		[OUTCOME_RESET] = {true, UNEXPLAINED_CLOSED},
		[OUTCOME_CLOSED_EARLY] = {true, UNEXPLAINED_CLOSED},
		[OUTCOME_TLS_FAILED] = {true, UNEXPLAINED_TLS},
		[OUTCOME_NOT_CONNECTED] = {true, UNEXPLAINED_NOT_CONNECTED},
	};
	v->sessions++;
	see_opaque(v, s);
	const struct event *incomplete = remark(s, EV_TOOL, S("incomplete"));
	if (incomplete && !v->incomplete++)
		v->incomplete_why = arena_dup(v->arena, incomplete->text);
	bool refusal = s->outcome == OUTCOME_REFUSED || s->outcome == OUTCOME_DEFERRED;
	if (by_outcome[s->outcome].failed)
		keep(v, by_outcome[s->outcome].what, s, refusal ? last_refusal(s) : last_said(s));
	else if (incomplete && s->outcome == OUTCOME_UNKNOWN)
		keep(v, UNEXPLAINED_INCOMPLETE, s, incomplete);
	else if (s->outcome == OUTCOME_UNKNOWN && unanswered(s))
		keep(v, UNEXPLAINED_NO_ANSWER, s, unanswered(s));
	else
		v->well++;
}

void verdict_add(struct verdict *v, const struct transcript *t)
{
	for (size_t i = 0; i < t->sessions.n; i++)
		add_session(v, t->sessions.v[i]);
	for (size_t i = 0; i < t->context.n; i++) {
		const struct event *e = t->context.v[i];
		v->recognised |= e->kind != EV_PROSE;
		if (e->kind == EV_ERROR || e->kind == EV_BOUNCE || (e->kind == EV_REPLY && e->answer.status >= STATUS_NO && e->answer.status <= STATUS_BYE))
			keep(v, UNEXPLAINED_ERROR, NULL, e);
	}
	v->recognised |= t->sessions.n > 0;
}

void verdict_settle(struct verdict *v, const struct transcript *t, const struct diagnosis *d)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < t->inputs.n; i++) {
		bytes += t->inputs.v[i].bytes;
		v->lines += t->inputs.v[i].lines;
		v->unused += t->inputs.v[i].lines_unused;
	}
	if (d->findings.n)
		v->kind = VERDICT_FAULT;
	else if (bytes == 0)
		v->kind = VERDICT_NO_EVIDENCE;
	else if (v->failed || !v->recognised)
		v->kind = VERDICT_CANNOT_TELL;
	else
		v->kind = VERDICT_NOTHING_WRONG;
}
