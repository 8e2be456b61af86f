#include "diagnose/match.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "diagnose/literal.h"
#include "diagnose/unwrap.h"

struct regex {
	const char *text;
	pcre2_code *code; /* NULL until first used */
	bool broken;
	unsigned uses;
};

/* Machine code pays off from about here: making it costs as much as a few dozen short matches. */
#define JIT_USES 12u

struct compiled {
	const struct pattern *pattern;
	struct regex regex;
	uint32_t kinds;     /* bits of enum event_kind */
	uint32_t protocols; /* bits of enum protocol; 0: any */
};

/* Expressions of rules and of needs/unless, found by the address of their text. */
#define REGEX_SLOTS 4096u

struct matcher {
	struct compiled *patterns;
	size_t n;
	struct finder *finder;
	uint8_t *hits;    /* one byte a pattern */
	uint8_t *always;  /* patterns without a literal */
	struct regex slots[REGEX_SLOTS];
	pcre2_match_data *data;
	pcre2_match_context *context;
};

#define KINDS_DEFAULT (1u << EV_REPLY | 1u << EV_GREETING | 1u << EV_CHALLENGE | 1u << EV_LOG | 1u << EV_ERROR | 1u << EV_BOUNCE | 1u << EV_UNTAGGED)

static uint32_t kind_bits(const struct pattern *p)
{
	uint32_t bits = 0;
	for (size_t i = 0; i < p->n_in; i++)
		for (int k = 0; k < EV_KIND_COUNT; k++)
			if (strcmp(p->in[i], event_kind_name((enum event_kind)k)) == 0)
				bits |= 1u << k;
	/* A greeting, a challenge and an untagged line are replies to the people who write patterns. */
	if (bits & 1u << EV_REPLY)
		bits |= 1u << EV_GREETING | 1u << EV_CHALLENGE | 1u << EV_UNTAGGED;
	return bits ? bits : KINDS_DEFAULT;
}

static uint32_t protocol_bits(const struct pattern *p)
{
	uint32_t bits = 0;
	for (size_t i = 0; i < p->n_protocol; i++) {
		enum protocol id = protocol_from_name(slice_from_cstr(p->protocol[i]));
		bits |= 1u << id;
		if (id == PROTOCOL_SMTP)
			bits |= 1u << PROTOCOL_LMTP;
	}
	return bits;
}

static pcre2_code *regex_get(struct regex *r)
{
	int error;
	PCRE2_SIZE at;
	if (r->code || r->broken)
		return r->code;
	r->code = pcre2_compile((PCRE2_SPTR)r->text, PCRE2_ZERO_TERMINATED, PCRE2_CASELESS | PCRE2_DOTALL | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF,
				&error, &at, NULL);
	r->broken = r->code == NULL;
	return r->code;
}

/* Literals of each pattern into the finder. */
static bool index_patterns(struct matcher *m)
{
	struct arena *a = arena_new(0);
	bool ok = a != NULL;
	for (size_t i = 0; ok && i < m->n; i++) {
		struct literal_set set;
		m->always[i] = !literal_from_regex(a, slice_from_cstr(m->patterns[i].pattern->match), &set);
		for (size_t j = 0; !m->always[i] && j < set.v.n; j++)
			if (!finder_add(m->finder, set.v.v[j], (unsigned)i))
				m->always[i] = 1;
	}
	arena_free(a);
	return ok && finder_build(m->finder);
}

struct matcher *matcher_new(const struct knowledge *k, struct err *reterr)
{
	struct matcher *m = calloc(1, sizeof *m);
	bool ok = m != NULL;
	if (ok) {
		m->n = k->n_patterns;
		m->patterns = calloc(m->n + 1, sizeof *m->patterns);
		m->hits = calloc(m->n + 1, 1);
		m->always = calloc(m->n + 1, 1);
		m->finder = finder_new();
		m->data = pcre2_match_data_create(MATCH_VALUES_MAX * 2 + 2, NULL);
		m->context = pcre2_match_context_create(NULL);
		ok = m->patterns && m->hits && m->always && m->finder && m->data && m->context;
	}
	for (size_t i = 0; ok && i < m->n; i++) {
		const struct pattern *p = &k->patterns[i];
		m->patterns[i] = (struct compiled){p, {p->match, NULL, false, 0}, kind_bits(p), protocol_bits(p)};
	}
	if (!ok || !index_patterns(m)) {
		err_set(reterr, ERR_MEMORY, "patterns: out of memory");
		matcher_free(m);
		return NULL;
	}
	pcre2_set_match_limit(m->context, MATCH_STEPS);
	/* Only an overlay's patterns have not been tried at build time. */
	for (size_t i = 0; k->overlay && i < m->n; i++)
		if (!regex_get(&m->patterns[i].regex)) {
			err_set(reterr, ERR_KNOWLEDGE, "pattern '%s' is no valid regular expression", m->patterns[i].regex.text);
			matcher_free(m);
			return NULL;
		}
	return m;
}

void matcher_free(struct matcher *m)
{
	if (!m)
		return;
	for (size_t i = 0; m->patterns && i < m->n; i++)
		pcre2_code_free(m->patterns[i].regex.code);
	for (size_t i = 0; i < REGEX_SLOTS; i++)
		pcre2_code_free(m->slots[i].code);
	finder_free(m->finder);
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
	free(m->patterns);
	free(m->hits);
	free(m->always);
	free(m);
}

struct slice match_after(const struct event *e)
{
	if (e->kind == EV_GREETING)
		return S("CONNECT");
	if (e->cmd)
		return e->cmd->command.verb;
	return event_fact(e, "after");
}

static bool fits_after(const struct pattern *p, const struct event *e)
{
	if (!p->n_after)
		return true;
	struct slice after = match_after(e);
	if (!after.n)
		return true; /* not known: the words decide */
	for (size_t i = 0; i < p->n_after; i++)
		if (slice_eq_nocase(after, slice_from_cstr(p->after[i])))
			return true;
	return false;
}

static bool code_is(const char *wanted, const struct reply *r)
{
	struct slice w = slice_from_cstr(wanted);
	if (!w.n || (!ascii_is_digit(w.p[0]) && w.p[0] != '*'))
		return slice_eq_nocase(w, r->word);
	if (w.n != 3 || r->code < 100)
		return false;
	unsigned digits[3] = {r->code / 100, r->code / 10 % 10, r->code % 10};
	for (size_t i = 0; i < 3; i++)
		if (w.p[i] != '*' && (unsigned)(w.p[i] - '0') != digits[i])
			return false;
	return true;
}

static bool fits_code(const struct pattern *p, const struct event *e)
{
	if (!p->n_code || e->answer.status == STATUS_NONE)
		return true; /* not a parsed reply: the words decide */
	for (size_t i = 0; i < p->n_code; i++)
		if (code_is(p->code[i], &e->answer))
			return true;
	return false;
}

static void take_values(struct matcher *m, pcre2_code *code, struct slice text, struct match *hit)
{
	uint32_t count = 0, size = 0;
	PCRE2_SPTR table = NULL;
	pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &count);
	pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &table);
	PCRE2_SIZE *ov = pcre2_get_ovector_pointer(m->data);
	uint32_t pairs = pcre2_get_ovector_count(m->data);
	for (uint32_t i = 0; i < count && hit->n_values < MATCH_VALUES_MAX; i++, table += size) {
		uint32_t group = (uint32_t)table[0] << 8 | table[1];
		if (group >= pairs || ov[2 * group] == PCRE2_UNSET)
			continue;
		hit->values[hit->n_values++] =
			(struct match_value){(const char *)table + 2, slice_sub(text, ov[2 * group], ov[2 * group + 1])};
	}
}

static bool run_regex(struct matcher *m, struct regex *r, struct slice text)
{
	static const uint8_t nothing[1];
	pcre2_code *code = regex_get(r);
	/* Where the platform has no JIT the call fails and matching stays interpreted. */
	if (code && ++r->uses == JIT_USES)
		pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	text = slice_sub(text, 0, MATCH_TEXT_MAX);
	return code && pcre2_match(code, text.p ? text.p : nothing, text.n, 0, 0, m->data, m->context) >= 0;
}

/* The pattern on the text as it stands, or else on the unwrapped one; *text is the one that matched. */
static bool run_either(struct matcher *m, struct compiled *c, struct slice unwrapped, struct slice *text)
{
	if (run_regex(m, &c->regex, *text))
		return true;
	if (!unwrapped.n || !run_regex(m, &c->regex, unwrapped))
		return false;
	*text = unwrapped;
	return true;
}

void matcher_run(struct matcher *m, struct arena *a, const struct event *e, enum protocol p, void (*take)(void *user, const struct match *hit), void *user)
{
	struct slice text = slice_sub(e->text, 0, MATCH_TEXT_MAX);
	uint32_t kind = 1u << e->kind;
	if (!text.n)
		return;
	memset(m->hits, 0, m->n);
	struct slice unwrapped = unwrap(a, text);
	finder_scan(m->finder, text, m->hits);
	if (unwrapped.n)
		finder_scan(m->finder, unwrapped, m->hits);
	for (size_t i = 0; i < m->n; i++) {
		struct compiled *c = &m->patterns[i];
		struct slice matched = text;
		if ((!m->hits[i] && !m->always[i]) || !(c->kinds & kind))
			continue;
		if (c->protocols && p != PROTOCOL_UNKNOWN && !(c->protocols & 1u << p))
			continue;
		if (!fits_after(c->pattern, e) || !fits_code(c->pattern, e) || !run_either(m, c, unwrapped, &matched))
			continue;
		struct match hit = {.pattern = c->pattern};
		take_values(m, c->regex.code, matched, &hit);
		take(user, &hit);
	}
}

bool matcher_regex(struct matcher *m, struct slice text, const char *regex, struct slice *ret_group)
{
	size_t at = (size_t)((uintptr_t)regex * 0x9e3779b97f4a7c15ull >> 40) % REGEX_SLOTS;
	for (size_t tries = 0; tries < REGEX_SLOTS; tries++, at = (at + 1) % REGEX_SLOTS) {
		struct regex *r = &m->slots[at];
		if (r->text && r->text != regex)
			continue;
		r->text = regex;
		if (!run_regex(m, r, text))
			return false;
		PCRE2_SIZE *ov = pcre2_get_ovector_pointer(m->data);
		if (ret_group)
			*ret_group = pcre2_get_ovector_count(m->data) > 1 && ov[2] != PCRE2_UNSET ? slice_sub(text, ov[2], ov[3]) : SLICE_NONE;
		return true;
	}
	return false;
}
