/* Findings of many sessions, each diagnosed by itself, brought together. */
#include <stdlib.h>
#include <string.h>

#include "diagnose/diagnose.h"

static struct finding *find(const struct diagnosis *sum, const struct cause *c)
{
	for (size_t i = 0; i < sum->findings.n; i++)
		if (sum->findings.v[i]->cause == c)
			return sum->findings.v[i];
	return NULL;
}

/* The first of its cause, with all that it points to. */
static struct finding *copy(struct diagnosis *sum, const struct finding *f)
{
	struct finding *c = ARENA_NEW(sum->arena, struct finding);
	if (!c)
		return NULL;
	*c = (struct finding){.cause = f->cause, .first_line = f->first_line};
	c->summary = arena_dup(sum->arena, f->summary);
	c->rule = arena_dup(sum->arena, f->rule);
	for (size_t i = 0; i < f->evidence.n; i++) {
		struct evidence *e = VEC_PUSH(sum->arena, &c->evidence);
		if (!e)
			return NULL;
		*e = f->evidence.v[i];
		e->quote = arena_dup(sum->arena, e->quote);
	}
	for (size_t i = 0; i < f->fixes.n; i++) {
		struct finding_fix *x = VEC_PUSH(sum->arena, &c->fixes);
		if (!x)
			return NULL;
		*x = f->fixes.v[i];
	}
	struct finding **slot = VEC_PUSH(sum->arena, &sum->findings);
	if (slot)
		*slot = c;
	return slot ? c : NULL;
}

static int by_count(const void *a, const void *b)
{
	const struct finding *x = *(struct finding *const *)a, *y = *(struct finding *const *)b;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	if (x->confidence != y->confidence)
		return x->confidence > y->confidence ? -1 : 1;
	return strcmp(x->cause->id, y->cause->id);
}

bool diagnosis_merge(struct diagnosis *sum, const struct diagnosis *d)
{
	bool ok = true;
	sum->sessions += d->sessions;
	sum->sessions_ok += d->sessions_ok;
	for (size_t i = 0; i < d->findings.n; i++) {
		const struct finding *f = d->findings.v[i];
		struct finding *s = find(sum, f->cause);
		if (!s)
			s = copy(sum, f);
		ok &= s != NULL;
		if (!s)
			continue;
		s->count += f->count;
		if (f->confidence > s->confidence)
			s->confidence = f->confidence;
	}
	if (d->findings.n && sum->findings.n > 1)
		qsort(sum->findings.v, sum->findings.n, sizeof *sum->findings.v, by_count);
	return ok;
}
