#define _GNU_SOURCE
#include "report/pictures.h"

#include <stdlib.h>

/* Names of parties are kept for the table of causes; a cause has few examples, so this is never reached but by an overlay of thousands of causes. */
#define PAIRS_MAX 4096u

struct report_pictures *report_pictures_new(enum picture_form form, const struct report_options *o)
{
	struct report_pictures *p = calloc(1, sizeof *p);
	struct arena *a = arena_new(0);
	if (!p || !a) {
		free(p);
		arena_free(a);
		return NULL;
	}
	*p = (struct report_pictures){.o = o, .draw = form == PICTURE_PAGE ? html_ladder : rungs_draw, .arena = a};
	return p;
}

void report_pictures_free(struct report_pictures *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		arena_free(p->v[i].memory);
	arena_free(p->arena);
	free(p);
}

/* --- what findings rest on -------------------------------------------------------------------------------------------------------- */

struct marks {
	struct arena *arena;
	VEC(struct mark) list;
};

static void add_mark(struct marks *m, const struct evidence *e, size_t rank)
{
	if (!e->session)
		return;
	struct mark *slot = VEC_PUSH(m->arena, &m->list);
	if (slot)
		*slot = (struct mark){e->session, e->event, (unsigned)rank};
}

static int by_session(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;
	if (x->session != y->session)
		return x->session < y->session ? -1 : 1;
	return (x->rank > y->rank) - (x->rank < y->rank);
}

static bool marks_make(struct marks *m, const struct diagnosis *d, const struct verdict *v)
{
	*m = (struct marks){.arena = arena_new(0)};
	if (!m->arena)
		return false;
	for (size_t i = 0; i < d->findings.n; i++)
		for (size_t j = 0; j < d->findings.v[i]->evidence.n; j++)
			add_mark(m, &d->findings.v[i]->evidence.v[j], i);
	for (size_t i = 0; !d->findings.n && i < v->n_failures; i++)
		add_mark(m, &v->failures[i].evidence, 0);
	if (m->list.n)
		qsort(m->list.v, m->list.n, sizeof *m->list.v, by_session);
	return true;
}

/* Those of one session stand together, the best rank first. */
static const struct mark *marks_of(const struct marks *m, unsigned session, size_t *ret_n)
{
	size_t low = 0, high = m->list.n, n = 0;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (m->list.v[middle].session < session)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + n < m->list.n && m->list.v[low + n].session == session)
		n++;
	*ret_n = n;
	return n ? &m->list.v[low] : NULL;
}

/* --- gathering -------------------------------------------------------------------------------------------------------------------- */

const struct pair *pictures_pair(const struct report_pictures *p, unsigned session)
{
	for (size_t i = 0; i < p->pairs.n; i++)
		if (p->pairs.v[i].session == session)
			return &p->pairs.v[i];
	return NULL;
}

static void add_pair(struct report_pictures *p, const struct session *s)
{
	if (p->pairs.n >= PAIRS_MAX || pictures_pair(p, s->id))
		return;
	struct pair *slot = VEC_PUSH(p->arena, &p->pairs);
	if (slot)
		*slot = (struct pair){s->id, show_party(p->arena, &s->client, p->o), show_party(p->arena, &s->server, p->o)};
}

static bool is_worse(const struct picture *a, const struct picture *b)
{
	return a->rank != b->rank ? a->rank > b->rank : a->session > b->session;
}

/* A place for a picture of that rank: a new one, or that of the worst which is worse; NULL if all are at least as good. */
static struct picture *place_for(struct report_pictures *p, unsigned session, unsigned rank)
{
	struct picture mine = {.session = session, .rank = rank}, *worst = &p->v[0];
	if (p->n < PICTURES_MAX)
		return &p->v[p->n++];
	for (size_t i = 1; i < p->n; i++)
		if (is_worse(&p->v[i], worst))
			worst = &p->v[i];
	if (!is_worse(worst, &mine))
		return NULL;
	arena_free(worst->memory);
	return worst;
}

/* Of sessions that nothing rests on, those that failed come first. */
static unsigned rank_of(const struct session *s, const struct mark *marks, size_t n)
{
	if (n)
		return marks[0].rank;
	return s->outcome == OUTCOME_OK || s->outcome == OUTCOME_UNKNOWN ? RANK_NONE : RANK_FAILED;
}

static void draw_session(struct report_pictures *p, const struct session *s, const struct mark *marks, size_t n)
{
	unsigned rank = rank_of(s, marks, n);
	struct picture *slot = place_for(p, s->id, rank);
	struct arena *work = slot ? arena_new(0) : NULL;
	if (!slot)
		return;
	*slot = (struct picture){.session = s->id, .rank = rank, .memory = arena_new(0)};
	struct ladder *l = work && slot->memory ? ladder_make(work, s, marks, n, p->o) : NULL;
	struct buf b = BUF_INIT(SIZE_MAX / 4);
	if (l) {
		p->draw(&b, l, p->o);
		slot->title = arena_dup(slot->memory, l->line);
		slot->drawing = arena_dup(slot->memory, buf_slice(&b));
	}
	buf_free(&b);
	arena_free(work);
}

void report_pictures_add(struct report_pictures *p, const struct transcript *t, const struct diagnosis *d, const struct verdict *v)
{
	struct marks m;
	if (!marks_make(&m, d, v))
		return;
	for (size_t i = 0; i < t->sessions.n; i++) {
		const struct session *s = t->sessions.v[i];
		size_t n;
		const struct mark *marks = marks_of(&m, s->id, &n);
		p->sessions++;
		if (n)
			add_pair(p, s);
		if (s->events.n)
			draw_session(p, s, marks, n);
	}
	arena_free(m.arena);
}

static int by_rank(const void *a, const void *b)
{
	const struct picture *x = a, *y = b;
	return is_worse(x, y) - is_worse(y, x);
}

void pictures_sort(struct report_pictures *p, const struct diagnosis *d, const struct verdict *v)
{
	struct marks m;
	if (!marks_make(&m, d, v))
		return;
	for (size_t i = 0; i < p->n; i++) {
		size_t n;
		const struct mark *marks = marks_of(&m, p->v[i].session, &n);
		if (n || p->v[i].rank < RANK_FAILED)
			p->v[i].rank = n ? marks[0].rank : RANK_FAILED;
	}
	qsort(p->v, p->n, sizeof *p->v, by_rank);
	arena_free(m.arena);
}
