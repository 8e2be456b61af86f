/* The engine: patterns, inferences, ranking. See docs/RULES.md for how findings rank. */
#include <libintl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "diagnose/draft.h"
#include "diagnose/match.h"
#include "diagnose/rules.h"

/* --- a diagnosis in progress ------------------------------------------------------------------------------------------------------ */

struct diagnosis *diagnosis_new(void)
{
	struct arena *a = arena_new(0);
	struct diagnosis *d = a ? ARENA_NEW(a, struct diagnosis) : NULL;
	if (!d) {
		arena_free(a);
		return NULL;
	}
	d->arena = a;
	return d;
}

void diagnosis_free(struct diagnosis *d)
{
	if (d)
		arena_free(d->arena);
}

struct diagnoser *diagnoser_new(const struct knowledge *k, struct err *reterr)
{
	struct diagnoser *dr = calloc(1, sizeof *dr);
	if (!dr) {
		err_set(reterr, ERR_MEMORY, "out of memory");
		return NULL;
	}
	dr->knowledge = k;
	dr->matcher = matcher_new(k, reterr);
	if (!dr->matcher) {
		free(dr);
		return NULL;
	}
	return dr;
}

void diagnoser_free(struct diagnoser *dr)
{
	if (!dr)
		return;
	matcher_free(dr->matcher);
	free(dr);
}

const struct transcript *dx_transcript(const struct dx *x)
{
	return x->transcript;
}

struct arena *dx_arena(struct dx *x)
{
	return x->arena;
}

struct draft *dx_find(struct dx *x, const char *cause, double confidence, const struct event *e)
{
	const struct cause *c = knowledge_cause(x->diagnoser->knowledge, slice_from_cstr(cause));
	/* A cause that an incomplete overlay or a slip in a rule names without an entry is swallowed into a draft that nobody lists. */
	struct draft **slot = c ? VEC_PUSH(x->arena, &x->drafts) : NULL;
	struct draft *d = ARENA_NEW(x->arena, struct draft);
	if (!d)
		return &x->spare;
	*d = (struct draft){.dx = x, .cause = c, .confidence = confidence, .rule = x->rule_name};
	if (slot) {
		struct tally *t = &x->tallies[c - x->diagnoser->knowledge->causes];
		*slot = d;
		d->order = x->drafts.n;
		if (confidence > t->confidence)
			t->confidence = confidence;
	}
	dx_evidence(d, e);
	return d;
}

void dx_evidence(struct draft *d, const struct event *e)
{
	if (!e || d->n_events == FINDING_EVIDENCE_MAX)
		return;
	for (size_t i = 0; i < d->n_events; i++)
		if (d->events[i] == e)
			return;
	d->events[d->n_events++] = e;
}

void dx_summary(struct draft *d, const char *fmt, ...)
{
	va_list ap;
	if (!d->dx)
		return;
	va_start(ap, fmt);
	d->summary = arena_vprintf(d->dx->arena, fmt, ap);
	va_end(ap);
}

void dx_value(struct draft *d, const char *name, struct slice value)
{
	if (d->n_values < DRAFT_VALUES_MAX && value.n)
		d->values[d->n_values++] = (struct match_value){name, value};
}

void dx_keep(struct draft *d)
{
	d->keep = true;
}

const char *dx_shown(struct dx *x, struct slice value)
{
	struct slice s = text_shown(x->arena, value, DRAFT_SHOWN_MAX);
	return s.p ? (const char *)s.p : "";
}

bool dx_match(struct dx *x, struct slice text, const char *regex)
{
	return matcher_regex(x->diagnoser->matcher, text, regex, NULL);
}

bool dx_capture(struct dx *x, struct slice text, const char *regex, struct slice *ret_group)
{
	return matcher_regex(x->diagnoser->matcher, text, regex, ret_group);
}

static const struct event *search(struct dx *x, struct event *const *v, size_t n, size_t from, unsigned kinds, const char *regex, size_t *ret)
{
	for (size_t i = from; i < n; i++) {
		if (kinds && !(kinds & KIND(v[i]->kind)))
			continue;
		if (!dx_match(x, v[i]->text, regex))
			continue;
		if (ret)
			*ret = i + 1;
		return v[i];
	}
	return NULL;
}

/* Where the answer to this question is kept, or the free place for it; NULL when the table is full. */
static struct search_slot *search_slot(struct dx *x, unsigned kinds, const char *regex)
{
	size_t at = ((uintptr_t)regex * 31 + kinds) * 0x9e3779b97f4a7c15ull >> 32;
	for (size_t tries = 0; tries < 16; tries++) {
		struct search_slot *s = &x->searches[(at + tries) % SEARCH_SLOTS];
		if (!s->regex || (s->regex == regex && s->kinds == kinds))
			return s;
	}
	return NULL;
}

const struct event *dx_search(struct dx *x, unsigned kinds, const char *regex, size_t *position)
{
	const struct transcript *t = x->transcript;
	size_t from = position ? *position : 0, next = 0;
	struct search_slot *slot = from == 0 ? search_slot(x, kinds, regex) : NULL;
	const struct event *e;
	if (slot && slot->regex) {
		e = slot->found;
		next = slot->position;
	} else {
		e = search(x, t->events.v, t->events.n, from, kinds, regex, &next);
		if (slot)
			*slot = (struct search_slot){regex, kinds, e, next};
	}
	if (e && position)
		*position = next;
	return e;
}

const struct event *dx_search_session(struct dx *x, const struct session *s, unsigned kinds, const char *regex)
{
	return search(x, s->events.v, s->events.n, 0, kinds, regex, NULL);
}

bool dx_has(const struct dx *x, const char *cause, double confidence)
{
	const struct knowledge *k = x->diagnoser->knowledge;
	const struct cause *c = knowledge_cause(k, slice_from_cstr(cause));
	return c && x->tallies[c - k->causes].confidence >= confidence && x->tallies[c - k->causes].confidence > 0;
}

/* --- patterns --------------------------------------------------------------------------------------------------------------------- */

struct pattern_user {
	struct dx *dx;
	const struct event *event;
};

/* A pattern may hit thousands of lines of a log: its `needs` and `unless` are looked for once. */
static bool anywhere(struct dx *x, const char *regex)
{
	for (size_t i = 0; i < x->asked.n; i++)
		if (x->asked.v[i].regex == regex)
			return x->asked.v[i].yes;
	bool yes = dx_search(x, 0, regex, NULL) != NULL;
	struct anywhere *slot = VEC_PUSH(x->arena, &x->asked);
	if (slot)
		*slot = (struct anywhere){regex, yes};
	return yes;
}

/* A pattern of what servers and programs say, not only of what people write. */
static bool meant_for_replies(const struct pattern *p)
{
	for (size_t i = 0; i < p->n_in; i++)
		if (strcmp(p->in[i], "reply") == 0)
			return true;
	return false;
}

/* Words of a rule of the server's operator in a reply that says yes ("220 mx Anti-spam gateway ready") are a name, not a refusal. */
static bool said_yes_to_policy(const struct dx *x, const struct pattern *p, const struct event *e)
{
	if ((e->kind != EV_REPLY && e->kind != EV_GREETING) || e->answer.code < 200 || e->answer.code > 399)
		return false;
	const struct cause *c = knowledge_cause(x->diagnoser->knowledge, slice_from_cstr(p->cause));
	return c && strcmp(c->blame, "policy") == 0;
}

static void take_match(void *user, const struct match *hit)
{
	struct pattern_user *u = user;
	const struct pattern *p = hit->pattern;
	if (said_yes_to_policy(u->dx, p, u->event))
		return;
	if (*p->needs && !anywhere(u->dx, p->needs))
		return;
	if (*p->unless && anywhere(u->dx, p->unless))
		return;
	u->dx->rule_name = p->match;
	bool retold = u->event->kind == EV_PROSE && meant_for_replies(p);
	/* Words that count after certain commands only are half as telling where the command is not known. */
	bool blind = p->n_after && !match_after(u->event).n;
	double confidence = p->confidence * (blind ? BLIND_FACTOR : 1) * (retold ? RETOLD_FACTOR : 1);
	struct draft *d = dx_find(u->dx, p->cause, confidence, u->event);
	if (u->event->cmd)
		dx_evidence(d, u->event->cmd);
	d->template = *p->summary ? p->summary : NULL;
	for (size_t i = 0; i < hit->n_values; i++)
		dx_value(d, hit->values[i].name, hit->values[i].value);
}

static void run_patterns(struct dx *x)
{
	const struct transcript *t = x->transcript;
	for (size_t i = 0; i < t->events.n; i++) {
		const struct event *e = t->events.v[i];
		struct pattern_user u = {x, e};
		matcher_run(x->diagnoser->matcher, x->arena, e, e->session ? e->session->protocol : PROTOCOL_UNKNOWN, take_match, &u);
	}
}

static void run_rules(struct dx *x)
{
	const struct transcript *t = x->transcript;
	for (size_t i = 0; all_rules[i]; i++)
		for (const struct rule *r = all_rules[i]; r->name; r++) {
			x->rule_name = r->name;
			if (r->scope == RULE_INPUT)
				r->run(x, NULL);
			for (size_t j = 0; r->scope == RULE_SESSION && j < t->sessions.n; j++)
				r->run(x, t->sessions.v[j]);
		}
}

/* --- what went well after all --------------------------------------------------------------------------------------------------------- */

static bool is_greeting_verb(struct slice v)
{
	return slice_eq(v, S("EHLO")) || slice_eq(v, S("HELO")) || slice_eq(v, S("LHLO"));
}

static bool is_login_verb(struct slice v)
{
	return slice_eq(v, S("AUTH")) || slice_eq(v, S("AUTHENTICATE")) || slice_eq(v, S("LOGIN")) || slice_eq(v, S("PASS")) ||
	       slice_eq(v, S("APOP"));
}

static bool login_passed_after(const struct session *s, unsigned n)
{
	for (size_t i = 0; i < s->logins.n; i++)
		if (s->logins.v[i].passed && s->logins.v[i].reply->n > n)
			return true;
	return false;
}

static bool succeeded_after(const struct session *s, const struct event *e, struct slice verb)
{
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *x = &s->exchanges.v[i];
		if (!x->reply || x->reply->n <= e->n || !x->positive)
			continue;
		if (slice_eq(x->verb, verb) || (is_greeting_verb(verb) && is_greeting_verb(x->verb)))
			return true;
	}
	return false;
}

static const struct event *accepted_reply(const struct session *s)
{
	for (size_t i = 0; i < s->exchanges.n; i++)
		if (exchange_is(&s->exchanges.v[i], S("DOT")) && s->exchanges.v[i].positive)
			return s->exchanges.v[i].reply;
	return NULL;
}

/* The refusal e was no obstacle: the session got where it wanted. */
static bool recovered(const struct event *e)
{
	const struct session *s = e->session;
	if (!s || s->from_log || (e->kind != EV_REPLY && e->kind != EV_GREETING && e->kind != EV_CHALLENGE))
		return false;
	struct slice verb = match_after(e);
	const struct event *accepted = accepted_reply(s);
	if (accepted && e->n > accepted->n && !slice_eq(verb, S("RCPT")) && !slice_eq(verb, S("MAIL")) && !slice_eq(verb, S("DOT")))
		return true; /* a 421 or a slip at QUIT after the message was accepted */
	if (accepted && e->n < accepted->n && !slice_eq(verb, S("RCPT")))
		return true;
	if (is_login_verb(verb) || e->kind == EV_CHALLENGE)
		return login_passed_after(s, e->n);
	if (is_greeting_verb(verb) || slice_eq(verb, S("MAIL")) || s->protocol == PROTOCOL_IMAP || s->protocol == PROTOCOL_POP3)
		return verb.n && succeeded_after(s, e, verb);
	return false;
}

/* Nobody's words and no program's: a line of the context that no form knew. */
static bool is_loose(const struct event *e)
{
	return !e->session && !e->program.n && (e->kind == EV_PROSE || e->kind == EV_ERROR || e->kind == EV_CONFIG);
}

/* A few lines of prose around a failure are a person's account of it. A whole document mentions everything sooner or later, so that one line of it
 * means ever less. */
static void damp_documents(struct dx *x)
{
	const struct transcript *t = x->transcript;
	size_t loose = 0;
	for (size_t i = 0; i < t->context.n; i++)
		loose += is_loose(t->context.v[i]);
	if (loose <= DOCUMENT_LINES)
		return;
	double factor = (double)DOCUMENT_LINES / (double)loose;
	for (size_t i = 0; i < x->drafts.n; i++) {
		struct draft *d = x->drafts.v[i];
		if (d->n_events && is_loose(d->events[0]))
			d->confidence *= factor < DOCUMENT_FLOOR ? DOCUMENT_FLOOR : factor;
	}
}

static void drop_recovered(struct dx *x)
{
	for (size_t i = 0; i < x->drafts.n; i++) {
		struct draft *d = x->drafts.v[i];
		if (!d->keep && d->n_events && recovered(d->events[0]))
			d->dropped = true;
	}
}

/* --- from drafts to findings ------------------------------------------------------------------------------------------------------------ */

static struct finding *finding_of(struct diagnosis *out, const struct cause *c)
{
	for (size_t i = 0; i < out->findings.n; i++)
		if (out->findings.v[i]->cause == c)
			return out->findings.v[i];
	struct finding **slot = VEC_PUSH(out->arena, &out->findings);
	struct finding *f = slot ? ARENA_NEW(out->arena, struct finding) : NULL;
	if (!f) {
		out->findings.n -= slot != NULL;
		return NULL;
	}
	f->cause = c;
	*slot = f;
	return f;
}

static void keep_evidence(struct diagnosis *out, struct finding *f, const struct event *e)
{
	for (size_t i = 0; i < f->evidence.n; i++)
		if (f->evidence.v[i].event == e->n && f->evidence.v[i].session == (e->session ? e->session->id : 0))
			return;
	struct evidence *v = f->evidence.n < FINDING_EVIDENCE_MAX ? VEC_PUSH(out->arena, &f->evidence) : NULL;
	if (!v)
		return;
	*v = (struct evidence){.session = e->session ? e->session->id : 0, .event = e->n, .where = e->stamp.where, .kind = e->kind, .side = e->side};
	struct slice quote = event_masked_text(out->arena, e, false);
	v->quote = slice_sub(quote, 0, FINDING_QUOTE_MAX);
}

static int by_evidence(const void *a, const void *b)
{
	const struct evidence *x = a, *y = b;
	if (x->where.input != y->where.input)
		return x->where.input < y->where.input ? -1 : 1;
	if (x->where.line != y->where.line)
		return x->where.line < y->where.line ? -1 : 1;
	return x->session != y->session ? (x->session < y->session ? -1 : 1) : (int)x->event - (int)y->event;
}

static bool general_product(const char *p)
{
	static const char *const general[] = {"client", "server", "device", "network", "admin", "relay", "user", "provider", "sender", "receiver", "recipient", "dns", "message"};
	for (size_t i = 0; i < sizeof general / sizeof *general; i++)
		if (strcmp(p, general[i]) == 0)
			return true;
	return false;
}

/* What is searched for names of products: evidence of ordinary size only; a long log has its program names. */
#define PRODUCT_EVENTS 500u
#define PRODUCT_TEXT 2000u

/* The software of the parties and of whoever speaks in the events, as a set of bits; looked for once. */
static uint64_t software_seen(struct dx *x)
{
	const struct transcript *t = x->transcript;
	if (x->software)
		return x->software;
	for (size_t i = 0; i < t->sessions.n; i++)
		x->software |= 1ull << t->sessions.v[i]->server.software | 1ull << t->sessions.v[i]->client.software;
	for (size_t i = 0; i < t->events.n && i < PRODUCT_EVENTS; i++)
		x->software |= 1ull << software_guess(slice_sub(t->events.v[i]->text, 0, PRODUCT_TEXT));
	x->software |= 1ull << SOFTWARE_UNKNOWN;
	return x->software;
}
_Static_assert(SOFTWARE_COUNT <= 64, "software is kept in 64 bits");

/* Was that product seen? As software of a party, as the program of a statement, or by name in the evidence. */
static bool product_seen(struct dx *x, const char *product)
{
	const struct transcript *t = x->transcript;
	struct slice name = slice_from_cstr(product);
	for (unsigned i = SOFTWARE_UNKNOWN + 1; i < SOFTWARE_COUNT; i++)
		if (strcmp(software_key((enum software)i), product) == 0 && software_seen(x) & 1ull << i)
			return true;
	for (size_t i = 0; i < t->inputs.n; i++)
		if (slice_has_nocase(t->inputs.v[i].form, name))
			return true;
	for (size_t i = 0; i < t->events.n && i < PRODUCT_EVENTS; i++) {
		const struct event *e = t->events.v[i];
		if (slice_has_nocase(e->program, name) || (name.n > 2 && slice_has_nocase(slice_sub(e->text, 0, PRODUCT_TEXT), name)))
			return true;
	}
	return false;
}

static void add_fixes(struct dx *x, struct finding *f)
{
	struct arena *a = x->out->arena;
	uint8_t *ranks = arena_alloc(x->arena, f->cause->n_fixes + 1);
	for (size_t i = 0; ranks && i < f->cause->n_fixes; i++) {
		const char *product = f->cause->fixes[i].product;
		ranks[i] = general_product(product) ? 1 : product_seen(x, product) ? 0 : 2;
	}
	for (uint8_t pass = 0; ranks && pass < 3; pass++)
		for (size_t i = 0; i < f->cause->n_fixes; i++) {
			const struct cause_fix *c = &f->cause->fixes[i];
			struct finding_fix *slot = ranks[i] == pass ? VEC_PUSH(a, &f->fixes) : NULL;
			if (slot)
				*slot = (struct finding_fix){c->product, c->text, pass < 2};
		}
}

static void summarise(struct dx *x, struct finding *f, const struct draft *best)
{
	f->summary = arena_dup(x->out->arena, draft_summary(best));
	f->rule = arena_dup(x->out->arena, slice_from_cstr(best->rule));
	f->confidence = best->confidence;
}

static struct tally *tally_of(struct dx *x, const struct draft *d)
{
	return &x->tallies[d->cause - x->diagnoser->knowledge->causes];
}

/* Best draft and number of sessions per cause; drafts without a session count each. */
static void count_drafts(struct dx *x)
{
	for (size_t i = 0; i < x->drafts.n; i++) {
		struct draft *d = x->drafts.v[i];
		struct tally *t = tally_of(x, d);
		if (d->dropped)
			continue;
		if (!t->best || d->confidence > t->best->confidence)
			t->best = d;
		const struct session *s = d->n_events ? d->events[0]->session : NULL;
		if (!s || s != t->last)
			t->count += s ? thin_weight(x->thin, s) : 1;
		t->last = s;
	}
}

/* A cause found in many sessions is shown by one example. */
static void keep_all_evidence(struct dx *x, struct finding *f, const struct draft *best)
{
	bool several = f->count <= STORY_SESSIONS;
	/* The best draft's first: the rest may not fit. */
	for (size_t j = 0; j < best->n_events; j++)
		keep_evidence(x->out, f, best->events[j]);
	for (size_t i = 0; several && i < x->drafts.n && f->evidence.n < FINDING_EVIDENCE_MAX; i++) {
		const struct draft *d = x->drafts.v[i];
		for (size_t j = 0; d->cause == f->cause && !d->dropped && j < d->n_events && j < 2; j++)
			keep_evidence(x->out, f, d->events[j]);
	}
	if (f->evidence.n) /* without any, v is NULL, which qsort may not be given */
		qsort(f->evidence.v, f->evidence.n, sizeof *f->evidence.v, by_evidence);
	f->first_line = f->evidence.n ? f->evidence.v[0].where.line : 0;
}

static void make_finding(struct dx *x, const struct tally *t)
{
	struct finding *f = finding_of(x->out, t->best->cause);
	if (!f)
		return;
	/* In a stream the first example stays. */
	bool fresh = f->count == 0;
	f->count += t->count;
	if (fresh || t->best->confidence > f->confidence)
		summarise(x, f, t->best);
	if (fresh) {
		keep_all_evidence(x, f, t->best);
		add_fixes(x, f);
	}
}

static void make_findings(struct dx *x)
{
	count_drafts(x);
	for (size_t i = 0; i < x->drafts.n; i++) {
		struct tally *t = tally_of(x, x->drafts.v[i]);
		if (t->best && t->count)
			make_finding(x, t);
		t->count = 0; /* done */
	}
}

/* --- ranking ---------------------------------------------------------------------------------------------------------------------------- */

static bool explains(const struct cause *a, const char *id)
{
	for (size_t i = 0; i < a->n_explains; i++)
		if (strcmp(a->explains[i], id) == 0)
			return true;
	return false;
}

static const struct session *draft_session(const struct draft *d)
{
	return d->n_events ? d->events[0]->session : NULL;
}

/* Does a explain b away? */
static bool explains_away(const struct draft *a, const struct draft *b)
{
	if (a->dropped || b->dropped || a->cause == b->cause || a->confidence < EXPLAINS_MIN || a->confidence + EXPLAINS_SLACK < b->confidence)
		return false;
	/* Two causes that explain each other: the surer one wins. */
	return explains(a->cause, b->cause->id) && !(explains(b->cause, a->cause->id) && b->confidence > a->confidence);
}

static int by_session(const void *a, const void *b)
{
	const struct draft *x = *(struct draft *const *)a, *y = *(struct draft *const *)b;
	unsigned i = draft_session(x) ? draft_session(x)->id : 0, j = draft_session(y) ? draft_session(y)->id : 0;
	if (i != j)
		return i < j ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* Drafts from..to are one story. A session that repeats the same few findings without end is looked at only at its beginning. */
static void explain_range(struct draft **v, size_t from, size_t to)
{
	size_t seen = to - from > EXPLAIN_RANGE ? from + EXPLAIN_RANGE : to;
	for (size_t i = from; i < to; i++)
		for (size_t j = from; j < seen && !v[i]->explained; j++)
			v[i]->explained = explains_away(v[j], v[i]);
}

static void drop_explained(struct dx *x)
{
	bool story = !x->thin->by_id && x->transcript->sessions.n <= STORY_SESSIONS;
	size_t from = 0;
	if (!x->drafts.n)
		return;
	if (!story)
		qsort(x->drafts.v, x->drafts.n, sizeof *x->drafts.v, by_session);
	for (size_t i = 1; i <= x->drafts.n; i++) {
		if (i < x->drafts.n && (story || draft_session(x->drafts.v[i]) == draft_session(x->drafts.v[from])))
			continue;
		explain_range(x->drafts.v, from, i);
		from = i;
	}
	/* Marked first and dropped afterwards, so that a chain (a explains b explains c) does not depend on the order. */
	for (size_t i = 0; i < x->drafts.n; i++)
		x->drafts.v[i]->dropped |= x->drafts.v[i]->explained;
}

static int by_rank(const void *a, const void *b)
{
	const struct finding *x = *(struct finding *const *)a, *y = *(struct finding *const *)b;
	if (x->confidence != y->confidence)
		return x->confidence > y->confidence ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	if (x->first_line != y->first_line)
		return x->first_line < y->first_line ? -1 : 1;
	return strcmp(x->cause->id, y->cause->id);
}

static void count_sessions(struct diagnosis *out, const struct transcript *t)
{
	out->sessions += t->sessions.n;
	for (size_t i = 0; i < t->sessions.n; i++)
		out->sessions_ok += t->sessions.v[i]->outcome == OUTCOME_OK;
}

bool diagnose_add(struct diagnoser *dr, const struct transcript *t, struct diagnosis *sum)
{
	struct dx x = {.diagnoser = dr, .transcript = t, .out = sum, .arena = arena_new(0)};
	struct thin thin = {.by_id = NULL};
	bool ready = x.arena && (x.tallies = arena_alloc(x.arena, (dr->knowledge->n_causes + 1) * sizeof *x.tallies)) &&
		     (x.searches = arena_alloc(x.arena, SEARCH_SLOTS * sizeof *x.searches));
	if (!ready) {
		arena_free(x.arena);
		return false;
	}
	if (thin_make(x.arena, t, &thin))
		x.transcript = &thin.transcript;
	x.thin = &thin;
	run_patterns(&x);
	run_rules(&x);
	damp_documents(&x);
	for (size_t i = 0; i < x.drafts.n; i++)
		x.drafts.v[i]->dropped = x.drafts.v[i]->confidence < FINDING_MIN || strcmp(x.drafts.v[i]->cause->id, "no-fault") == 0;
	drop_recovered(&x);
	drop_explained(&x);
	make_findings(&x);
	if (sum->findings.n)
		qsort(sum->findings.v, sum->findings.n, sizeof *sum->findings.v, by_rank);
	count_sessions(sum, t);
	arena_free(x.arena);
	return true;
}

struct diagnosis *diagnose(struct diagnoser *dr, const struct transcript *t)
{
	struct diagnosis *d = diagnosis_new();
	if (d && !diagnose_add(dr, t, d)) {
		diagnosis_free(d);
		return NULL;
	}
	return d;
}

struct diagnosis *diagnose_text(struct diagnoser *dr, enum protocol p, struct slice text)
{
	struct transcript *t = transcript_new();
	struct session *s = t ? session_new(t, p) : NULL;
	struct event *e = s ? ARENA_NEW(t->arena, struct event) : NULL;
	struct diagnosis *d = NULL;
	if (e) {
		e->kind = EV_REPLY;
		e->side = SIDE_SERVER;
		e->raw = e->text = arena_dup(t->arena, text);
		reply_parse(t->arena, p, e->text, &e->answer);
		s->from_log = true;
		transcript_add(t, s, e);
		transcript_finish(t);
		d = diagnose(dr, t);
	}
	transcript_free(t);
	return d;
}
