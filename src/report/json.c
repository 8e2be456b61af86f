/* The JSON document of telltale-transcript(5), and its lines. */
#define _GNU_SOURCE
#include <jansson.h>
#include <stdlib.h>

#include "base/i18n.h"
#include "report/show.h"

#define SCHEMA "telltale/1"

static json_t *text(struct slice s)
{
	return json_stringn((const char *)s.p, s.n);
}

static json_t *words(struct arena *a, struct slice s, const struct report_options *o)
{
	return s.n ? text(show_words(a, s, o)) : json_null();
}

static json_t *text_or_null(struct slice s)
{
	return s.n ? text(s) : json_null();
}

static void put(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static void print_json(struct buf *out, json_t *j, size_t flags)
{
	char *s = json_dumps(j, flags | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(4));
	if (s)
		buf_add(out, slice_from_cstr(s));
	else
		out->full = true;
	buf_add_byte(out, '\n');
	free(s);
}

/* --- sessions and events --------------------------------------------------------------------------------------------------------- */

static json_t *party_json(struct arena *a, const struct party *p, const struct report_options *o)
{
	json_t *j = json_object();
	put(j, "address", words(a, p->address, o));
	put(j, "port", p->port ? json_integer(p->port) : json_null());
	put(j, "name", words(a, p->name, o));
	put(j, "software", p->software ? json_string(software_key(p->software)) : json_null());
	return j;
}

/* A log says nothing about TLS that it does not mention: null, not "none". */
static json_t *tls_json(struct arena *a, const struct session *s, const struct report_options *o)
{
	static const char *const modes[] = {[TLS_NONE] = "none", [TLS_STARTTLS] = "starttls", [TLS_IMPLICIT] = "implicit"};
	const struct tls_facts *f = &s->tls;
	if (f->mode == TLS_NONE && !f->version.n && !f->alert.n && (s->from_log || !s->events.n))
		return json_null();
	json_t *j = json_object();
	put(j, "mode", json_string(modes[f->mode]));
	put(j, "version", words(a, f->version, o));
	put(j, "cipher", words(a, f->cipher, o));
	put(j, "sni", words(a, f->sni, o));
	if (f->alert.n)
		put(j, "alert", words(a, f->alert, o));
	return j;
}

static json_t *event_json(struct arena *a, const struct event *e, const struct transcript *t, const struct report_options *o)
{
	json_t *j = json_object(), *odd = json_array();
	put(j, "n", json_integer(e->n));
	put(j, "side", e->side == SIDE_UNKNOWN ? json_null() : json_string(side_name(e->side)));
	put(j, "kind", json_string(event_kind_name(e->kind)));
	put(j, "text", text(show_event(a, e, o)));
	put(j, "where", text_or_null(show_where(a, e->stamp.where, t, o, false)));
	put(j, "time", text_or_null(show_time(a, &e->stamp)));
	for (unsigned bit = 0; bit < ODD_COUNT; bit++)
		if (e->oddities & 1u << bit)
			json_array_append_new(odd, json_string(oddity_name((enum oddity_bit)bit)));
	put(j, "oddities", odd);
	return j;
}

static json_t *events_json(struct event *const *events, size_t n, const struct transcript *t, const struct report_options *o)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		struct arena *a = arena_new(0);
		if (!a)
			break;
		json_array_append_new(list, event_json(a, events[i], t, o));
		arena_free(a);
	}
	return list;
}

static json_t *session_json(const struct session *s, const struct report_options *o)
{
	struct arena *a = arena_new(0);
	json_t *j = json_object();
	if (!a)
		return j;
	bool timed = s->start.has_time && s->end.has_time && s->end.time_us >= s->start.time_us;
	put(j, "id", json_integer(s->id));
	put(j, "protocol", json_string(protocol_name(s->protocol)));
	put(j, "client", party_json(a, &s->client, o));
	put(j, "server", party_json(a, &s->server, o));
	put(j, "tls", tls_json(a, s, o));
	put(j, "start", text_or_null(show_time(a, &s->start)));
	put(j, "duration_ms", timed ? json_integer((s->end.time_us - s->start.time_us) / 1000) : json_null());
	put(j, "outcome", json_string(outcome_name(s->outcome)));
	if (o->events)
		put(j, "events", events_json(s->events.v, s->events.n, s->transcript, o));
	arena_free(a);
	return j;
}

/* --- inputs and findings --------------------------------------------------------------------------------------------------------- */

static json_t *inputs_json(struct arena *a, const struct transcript *t, const struct report_options *o)
{
	json_t *list = json_array();
	for (size_t i = 0; i < t->inputs.n; i++) {
		const struct input *in = &t->inputs.v[i];
		json_t *j = json_object();
		put(j, "path", text(show_words(a, in->path, o)));
		put(j, "form", text(in->form));
		put(j, "bytes", json_integer((json_int_t)in->bytes));
		put(j, "lines", json_integer((json_int_t)in->lines));
		put(j, "lines_unused", json_integer((json_int_t)in->lines_unused));
		if (slice_eq(in->form, S("live")))
			put(j, "dropped", json_integer((json_int_t)in->dropped));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *evidence_json(struct arena *a, const struct finding *f, const struct transcript *t, const struct report_options *o)
{
	json_t *list = json_array();
	for (size_t i = 0; i < f->evidence.n; i++) {
		const struct evidence *e = &f->evidence.v[i];
		json_t *j = json_object();
		put(j, "session", e->session ? json_integer(e->session) : json_null());
		put(j, "event", json_integer(e->event));
		put(j, "where", text_or_null(show_where(a, e->where, t, o, false)));
		put(j, "quote", text(show_words(a, e->quote, o)));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *fixes_json(struct arena *a, const struct finding *f)
{
	json_t *list = json_array();
	for (size_t i = 0; i < f->fixes.n; i++) {
		json_t *j = json_object();
		put(j, "for", json_string(f->fixes.v[i].product));
		put(j, "text", text(show_knowledge(a, f->fixes.v[i].text)));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *findings_json(struct arena *a, const struct transcript *t, const struct diagnosis *d, const struct report_options *o)
{
	json_t *list = json_array();
	for (size_t i = 0; i < d->findings.n; i++) {
		const struct finding *f = d->findings.v[i];
		json_t *j = json_object();
		put(j, "cause", json_string(f->cause->id));
		put(j, "title", json_string(tr(f->cause->title)));
		put(j, "blame", json_string(f->cause->blame));
		put(j, "confidence", json_real(f->confidence));
		put(j, "count", json_integer((json_int_t)f->count));
		put(j, "summary", text(show_words(a, f->summary, o)));
		put(j, "explanation", text(show_knowledge(a, f->cause->explanation)));
		put(j, "evidence", evidence_json(a, f, t, o));
		put(j, "fix", fixes_json(a, f));
		put(j, "confirm", f->cause->confirm[0] ? text(show_knowledge(a, f->cause->confirm)) : json_null());
		json_array_append_new(list, j);
	}
	return list;
}

static const char *verdict_word(enum verdict_kind k)
{
	static const char *const names[] = {
		[VERDICT_FAULT] = "fault", [VERDICT_NOTHING_WRONG] = "nothing-wrong", [VERDICT_CANNOT_TELL] = "cannot-tell", [VERDICT_NO_EVIDENCE] = "no-evidence",
		[VERDICT_NOT_FOUND] = "not-found",
	};
	return names[k];
}

static void put_left_out(json_t *doc, const struct report_left_out *l)
{
	json_t *j = l->sessions || l->findings ? json_object() : NULL;
	if (!j)
		return;
	put(j, "sessions", json_integer((json_int_t)l->sessions));
	put(j, "findings", json_integer((json_int_t)l->findings));
	put(doc, "left_out", j);
}

/* --- the document ---------------------------------------------------------------------------------------------------------------- */

struct report_json {
	const struct report_options *o;
	json_t *sessions;
	json_t *context;
	json_t *attached; /* object; its members come before the verdict */
	uint64_t n_sessions;
};

struct report_json *report_json_new(const struct report_options *o)
{
	struct report_json *j = calloc(1, sizeof *j);
	if (j)
		*j = (struct report_json){.o = o, .sessions = json_array(), .context = json_array(), .attached = json_object()};
	return j;
}

void report_json_free(struct report_json *j)
{
	if (!j)
		return;
	json_decref(j->sessions);
	json_decref(j->context);
	json_decref(j->attached);
	free(j);
}

void report_json_add(struct report_json *j, const struct transcript *t)
{
	for (size_t i = 0; i < t->sessions.n; i++)
		if (j->n_sessions++ < JSON_SESSIONS_MAX)
			json_array_append_new(j->sessions, session_json(t->sessions.v[i], j->o));
	if (!j->o->events || json_array_size(j->context) >= JSON_SESSIONS_MAX)
		return;
	json_t *events = events_json(t->context.v, t->context.n, t, j->o);
	json_array_extend(j->context, events);
	json_decref(events);
}

void report_json_attach(struct report_json *j, const char *key, struct json_t *value)
{
	if (value)
		json_object_set_new(j->attached, key, value);
}

void report_json_finish(struct report_json *j, struct buf *out, const struct transcript *t, const struct diagnosis *d, const struct verdict *v)
{
	struct arena *a = arena_new(0);
	json_t *doc = json_object();
	if (!a)
		return;
	put(doc, "schema", json_string(SCHEMA));
	put(doc, "inputs", inputs_json(a, t, j->o));
	put(doc, "sessions", json_incref(j->sessions));
	if (j->n_sessions > JSON_SESSIONS_MAX)
		put(doc, "sessions_left_out", json_integer((json_int_t)(j->n_sessions - JSON_SESSIONS_MAX)));
	if (j->o->events)
		put(doc, "context", json_incref(j->context));
	json_object_update(doc, j->attached);
	put(doc, "verdict", json_string(verdict_word(v->kind)));
	put(doc, "findings", findings_json(a, t, d, j->o));
	put_left_out(doc, &j->o->left_out);
	print_json(out, doc, JSON_INDENT(1));
	json_decref(doc);
	arena_free(a);
}

void report_jsonl_sessions(struct buf *out, const struct transcript *t, const struct report_options *o)
{
	for (size_t i = 0; i < t->sessions.n; i++) {
		json_t *j = session_json(t->sessions.v[i], o);
		put(j, "schema", json_string(SCHEMA));
		print_json(out, j, JSON_COMPACT);
		json_decref(j);
	}
}

void report_jsonl_session(struct buf *out, const struct transcript *t, const struct diagnosis *d, const struct verdict *v, const struct report_options *o)
{
	struct arena *a = arena_new(0);
	if (!a || !t->sessions.n) {
		arena_free(a);
		return;
	}
	json_t *j = session_json(t->sessions.v[0], o);
	put(j, "schema", json_string(SCHEMA));
	put(j, "verdict", json_string(verdict_word(v->kind)));
	put(j, "findings", findings_json(a, t, d, o));
	print_json(out, j, JSON_COMPACT);
	json_decref(j);
	arena_free(a);
}

void report_jsonl_findings(struct buf *out, const struct transcript *t, const struct diagnosis *d, const struct verdict *v, const struct report_options *o)
{
	struct arena *a = arena_new(0);
	json_t *doc = json_object();
	if (!a)
		return;
	put(doc, "schema", json_string(SCHEMA));
	put(doc, "inputs", inputs_json(a, t, o));
	put(doc, "sessions_seen", json_integer((json_int_t)v->sessions));
	put(doc, "verdict", json_string(verdict_word(v->kind)));
	put(doc, "findings", findings_json(a, t, d, o));
	put_left_out(doc, &o->left_out);
	print_json(out, doc, JSON_COMPACT);
	json_decref(doc);
	arena_free(a);
}
