/* Summaries: templates with placeholders "{name|words when not known}" (knowledge/README.md), filled from the draft, its session and its event. */
#include <libintl.h>

#include "base/text.h"
#include "diagnose/draft.h"

#define SUMMARY_MAX 2000u

static const struct session *session_of(const struct draft *d)
{
	for (size_t i = 0; i < d->n_events; i++)
		if (d->events[i]->session)
			return d->events[i]->session;
	/* A statement that belongs to no session beside a single mail session is about that one. */
	const struct transcript *t = d->dx->transcript;
	return t->sessions.n == 1 && t->sessions.v[0]->protocol != PROTOCOL_MTP ? t->sessions.v[0] : NULL;
}

static struct slice fact_of(const struct draft *d, const char *key)
{
	for (size_t i = 0; i < d->n_events; i++) {
		struct slice v = event_fact(d->events[i], key);
		if (v.n)
			return v;
	}
	const struct session *s = session_of(d);
	for (size_t i = 0; s && i < s->events.n && i < 200; i++) {
		struct slice v = event_fact(s->events.v[i], key);
		if (v.n)
			return v;
	}
	return SLICE_NONE;
}

static struct slice party_name(const struct party *p)
{
	return p->name.n ? p->name : p->address;
}

static struct slice first_nonempty(struct slice a, struct slice b)
{
	return a.n ? a : b;
}

static struct slice value_server(const struct draft *d, const struct session *s)
{
	struct slice name = s ? party_name(&s->server) : SLICE_NONE;
	if (name.n)
		return name;
	name = first_nonempty(fact_of(d, "relay"), fact_of(d, "server_name"));
	if (slice_eq(name, S("none"))) /* Postfix: no host was reached */
		name = SLICE_NONE;
	if (!name.n && s && s->server.software)
		name = slice_from_cstr(software_title(s->server.software));
	return name;
}

static struct slice value_client(const struct draft *d, const struct session *s)
{
	struct slice name = s ? party_name(&s->client) : SLICE_NONE;
	return name.n ? name : first_nonempty(fact_of(d, "client_name"), fact_of(d, "client_address"));
}

static const struct login *last_login(const struct session *s)
{
	return s && s->logins.n ? &s->logins.v[s->logins.n - 1] : NULL;
}

static struct slice value_user(const struct draft *d, const struct session *s)
{
	const struct login *l = last_login(s);
	return l && l->user.n ? l->user : fact_of(d, "user");
}

static struct slice value_mech(const struct draft *d, const struct session *s)
{
	for (size_t i = 0; i < d->n_events; i++) {
		const struct event *e = d->events[i];
		if (e->sasl.mech.n)
			return e->sasl.mech;
		if (e->cmd && e->cmd->sasl.mech.n)
			return e->cmd->sasl.mech;
	}
	const struct login *l = last_login(s);
	return l && l->mech.n ? l->mech : fact_of(d, "mech");
}

static const struct event *reply_of(const struct draft *d)
{
	for (size_t i = 0; i < d->n_events; i++)
		if (d->events[i]->answer.status != STATUS_NONE)
			return d->events[i];
	return NULL;
}

static struct slice value_reply(const struct draft *d, const struct session *s)
{
	(void)s;
	const struct event *e = reply_of(d);
	struct slice text = e ? e->text : SLICE_NONE;
	return slice_sub(text, 0, slice_find_byte(text, '\n'));
}

static struct slice value_code(const struct draft *d, const struct session *s)
{
	(void)s;
	const struct event *e = reply_of(d);
	return e ? e->answer.word : SLICE_NONE;
}

static struct slice value_verb(const struct draft *d, const struct session *s)
{
	(void)s;
	const struct event *e = reply_of(d);
	return e ? match_after(e) : SLICE_NONE;
}

static struct slice value_ehlo(const struct draft *d, const struct session *s)
{
	return s && s->ehlo.n ? slice_trim(s->ehlo) : fact_of(d, "helo");
}

static struct slice value_from(const struct draft *d, const struct session *s)
{
	return s && s->mail_from.n ? s->mail_from : fact_of(d, "from");
}

static struct slice value_to(const struct draft *d, const struct session *s)
{
	return s && s->rcpt_to.n ? s->rcpt_to : fact_of(d, "to");
}

static struct slice value_port(const struct draft *d, const struct session *s)
{
	if (s && s->server.port)
		return arena_printf(d->dx->arena, "%u", s->server.port);
	return fact_of(d, "port");
}

static const struct {
	const char *name;
	struct slice (*value)(const struct draft *d, const struct session *s);
} placeholders[] = {
	{"client", value_client}, {"server", value_server}, {"ehlo", value_ehlo}, {"user", value_user}, {"mech", value_mech}, {"from", value_from},
	{"to", value_to},         {"verb", value_verb},     {"reply", value_reply}, {"code", value_code}, {"port", value_port},
};

static struct slice value_of(const struct draft *d, struct slice name)
{
	for (size_t i = 0; i < d->n_values; i++)
		if (slice_eq(name, slice_from_cstr(d->values[i].name)))
			return slice_trim(d->values[i].value);
	const struct session *s = session_of(d);
	for (size_t i = 0; i < sizeof placeholders / sizeof *placeholders; i++)
		if (slice_eq(name, slice_from_cstr(placeholders[i].name)))
			return slice_trim(placeholders[i].value(d, s));
	return SLICE_NONE;
}

static void put_placeholder(const struct draft *d, struct buf *b, struct slice inner)
{
	struct slice name = slice_next_until(&inner, '|');
	struct slice v = value_of(d, name);
	if (v.n)
		buf_add(b, text_shown(d->dx->arena, v, DRAFT_SHOWN_MAX));
	else
		buf_add(b, inner.n ? inner : name);
}

/* The first letter of a sentence that began with a placeholder's fallback stays as the template's author wrote it. */
struct slice draft_summary(const struct draft *d)
{
	if (d->summary.n)
		return d->summary;
	const char *text = d->template ? d->template : d->cause->summary;
	struct slice t = slice_from_cstr(gettext(text));
	struct buf b = BUF_INIT(SUMMARY_MAX);
	while (t.n) {
		size_t open = slice_find_byte(t, '{');
		buf_add(&b, slice_sub(t, 0, open));
		t = slice_from(t, open == SLICE_NPOS ? t.n : open + 1);
		size_t close = open == SLICE_NPOS ? SLICE_NPOS : slice_find_byte(t, '}');
		if (close == SLICE_NPOS)
			continue;
		put_placeholder(d, &b, slice_sub(t, 0, close));
		t = slice_from(t, close + 1);
	}
	struct slice s = arena_dup(d->dx->arena, buf_slice(&b));
	buf_free(&b);
	return s;
}
