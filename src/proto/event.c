#include "proto/event.h"

#include <assert.h>

static const char *const protocol_names[PROTOCOL_COUNT] = {
	[PROTOCOL_UNKNOWN] = "unknown", [PROTOCOL_SMTP] = "smtp", [PROTOCOL_LMTP] = "lmtp",
	[PROTOCOL_IMAP] = "imap",       [PROTOCOL_POP3] = "pop3", [PROTOCOL_MTP] = "mtp",
};

static const struct {
	const char *name;
	enum protocol protocol;
} schemes[] = {
	{"smtp", PROTOCOL_SMTP}, {"smtps", PROTOCOL_SMTP}, {"esmtp", PROTOCOL_SMTP}, {"submission", PROTOCOL_SMTP},
	{"submissions", PROTOCOL_SMTP}, {"lmtp", PROTOCOL_LMTP}, {"imap", PROTOCOL_IMAP}, {"imaps", PROTOCOL_IMAP},
	{"imap4", PROTOCOL_IMAP}, {"pop", PROTOCOL_POP3}, {"pop3", PROTOCOL_POP3}, {"pops", PROTOCOL_POP3},
	{"pop3s", PROTOCOL_POP3}, {"mtp", PROTOCOL_MTP},
};

static const struct {
	unsigned port;
	enum protocol protocol;
} ports[] = {
	{25, PROTOCOL_SMTP}, {465, PROTOCOL_SMTP}, {587, PROTOCOL_SMTP}, {2525, PROTOCOL_SMTP}, {1025, PROTOCOL_SMTP},
	{24, PROTOCOL_LMTP}, {143, PROTOCOL_IMAP}, {993, PROTOCOL_IMAP}, {110, PROTOCOL_POP3}, {995, PROTOCOL_POP3},
};

const char *protocol_name(enum protocol p)
{
	assert(p < PROTOCOL_COUNT);
	return protocol_names[p];
}

enum protocol protocol_from_name(struct slice name)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (slice_eq_nocase(name, slice_from_cstr(schemes[i].name)))
			return schemes[i].protocol;
	return PROTOCOL_UNKNOWN;
}

enum protocol protocol_from_port(unsigned port)
{
	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
		if (ports[i].port == port)
			return ports[i].protocol;
	return PROTOCOL_UNKNOWN;
}

const char *side_name(enum side s)
{
	static const char *const names[] = {"unknown", "client", "server", "us"};
	assert(s <= SIDE_US);
	return names[s];
}

const char *event_kind_name(enum event_kind k)
{
	static const char *const names[EV_KIND_COUNT] = {
#define X(id, name) [id] = name,
		EVENT_KIND_LIST(X)
#undef X
	};
	assert(k < EV_KIND_COUNT);
	return names[k];
}

const char *oddity_name(enum oddity_bit bit)
{
	static const char *const names[ODD_COUNT] = {
#define X(id, name, text) [id##_BIT] = name,
		ODDITY_LIST(X)
#undef X
	};
	assert(bit < ODD_COUNT);
	return names[bit];
}

const char *oddity_text(enum oddity_bit bit)
{
	static const char *const texts[ODD_COUNT] = {
#define X(id, name, text) [id##_BIT] = text,
		ODDITY_LIST(X)
#undef X
	};
	assert(bit < ODD_COUNT);
	return texts[bit];
}

void event_add_fact(struct arena *a, struct event *e, const char *key, struct slice value)
{
	struct fact *v = value.n ? arena_alloc(a, (e->n_facts + 1) * sizeof *v) : NULL;
	if (!v)
		return;
	if (e->n_facts)
		memcpy(v, e->facts, e->n_facts * sizeof *v);
	v[e->n_facts++] = (struct fact){key, value};
	e->facts = v;
}

struct slice event_fact(const struct event *e, const char *key)
{
	for (size_t i = 0; e && i < e->n_facts; i++)
		if (strcmp(e->facts[i].key, key) == 0)
			return e->facts[i].value;
	return SLICE_NONE;
}
