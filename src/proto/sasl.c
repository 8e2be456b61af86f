#include "proto/sasl.h"

#include "base/base64.h"

/* NTLM message types, [MS-NLMP] section 2.2.1. */
enum { NTLM_NEGOTIATE = 1, NTLM_CHALLENGE = 2, NTLM_AUTHENTICATE = 3 };

void sasl_begin(struct sasl *x, struct arena *a, struct slice mech)
{
	*x = (struct sasl){.arena = a, .mech = arena_dup(a, mech)};
	for (size_t i = 0; i < x->mech.n; i++) {
		uint8_t *p = (uint8_t *)(uintptr_t)x->mech.p + i;
		if (*p >= 'a' && *p <= 'z')
			*p = (uint8_t)(*p - 32);
	}
}

bool sasl_plain_split(struct slice decoded, struct slice *authzid, struct slice *authcid, struct slice *password)
{
	size_t first = slice_find_byte(decoded, 0);
	struct slice rest = slice_from(decoded, first == SLICE_NPOS ? decoded.n : first + 1);
	size_t second = slice_find_byte(rest, 0);
	*authzid = slice_sub(decoded, 0, first);
	*authcid = slice_sub(rest, 0, second);
	*password = second == SLICE_NPOS ? SLICE_NONE : slice_from(rest, second + 1);
	return first != SLICE_NPOS && second != SLICE_NPOS && slice_find_byte(*password, 0) == SLICE_NPOS;
}

bool sasl_oauth_split(struct slice decoded, struct slice *user, struct slice *token)
{
	struct slice rest = decoded;
	bool closed = slice_ends(decoded, S("\001\001"));
	*user = *token = SLICE_NONE;
	/* XOAUTH2: user=U^Aauth=Bearer T^A^A; OAUTHBEARER: n,a=U,^Ahost=..^Aport=..^Aauth=Bearer T^A^A */
	if (slice_starts(decoded, S("n,")) || slice_starts(decoded, S("y,")))
		*user = slice_between(decoded, S("a="), S(","));
	while (rest.n) {
		struct slice part = slice_next_until(&rest, 1);
		if (slice_skip_nocase(&part, S("user=")))
			*user = part;
		else if (slice_skip_nocase(&part, S("auth=Bearer ")))
			*token = part;
	}
	return closed && token->n > 0;
}

/* "key=value" or key="value" of a comma separated list (DIGEST-MD5, SCRAM). */
static struct slice attribute(struct slice list, struct slice key)
{
	while (list.n) {
		struct slice part = slice_next_until(&list, ',');
		part = slice_trim(part);
		if (!slice_starts(part, key) || part.n <= key.n || part.p[key.n] != '=')
			continue;
		part = slice_from(part, key.n + 1);
		if (slice_skip(&part, S("\"")) && part.n && part.p[part.n - 1] == '"')
			part.n--;
		return part;
	}
	return SLICE_NONE;
}

static uint32_t le32(struct slice s, size_t at)
{
	if (s.n < at + 4)
		return 0;
	return (uint32_t)s.p[at] | (uint32_t)s.p[at + 1] << 8 | (uint32_t)s.p[at + 2] << 16 | (uint32_t)s.p[at + 3] << 24;
}

/* An NTLM security buffer (length, room, offset) at `at`, its UTF-16 made ASCII; other letters become '?'. */
static struct slice ntlm_text(struct arena *a, struct slice m, size_t at)
{
	if (m.n < at + 8)
		return SLICE_NONE;
	size_t n = (size_t)m.p[at] | (size_t)m.p[at + 1] << 8;
	size_t offset = le32(m, at + 4);
	if (offset > m.n || n > m.n - offset || n < 2)
		return SLICE_NONE;
	uint8_t *out = arena_alloc(a, n / 2 + 1);
	if (!out)
		return SLICE_NONE;
	for (size_t i = 0; i + 1 < n; i += 2) {
		uint8_t lo = m.p[offset + i], hi = m.p[offset + i + 1];
		out[i / 2] = hi == 0 && lo >= 0x20 && lo < 0x7f ? lo : '?';
	}
	return slice_of(out, n / 2);
}

static bool is_ntlm(struct slice m, uint32_t type)
{
	return m.n >= 12 && slice_starts(m, S("NTLMSSP")) && m.p[7] == 0 && le32(m, 8) == type;
}

static bool mech_is(const struct slice mech, struct slice name)
{
	return slice_eq(mech, name);
}

/* CRAM-MD5's response: user, blank, 32 hex digits. */
static void see_cram(struct sasl_view *v)
{
	size_t at = slice_find_last_byte(v->decoded, ' ');
	if (at == SLICE_NPOS)
		return;
	v->user = slice_sub(v->decoded, 0, at);
	v->password = slice_from(v->decoded, at + 1);
}

static void see_login(struct sasl *x, struct sasl_view *v)
{
	/* An initial response is always the user; later the prompt tells, and without one the order does. */
	bool password = x->challenge_is_password_prompt || (x->login_password_next && !x->challenge_is_user_prompt);
	if (v->initial)
		password = false;
	if (password)
		v->password = v->decoded;
	else
		v->user = v->decoded;
	x->login_password_next = !password;
}

static void see_response(struct sasl *x, struct sasl_view *v)
{
	struct slice authzid;
	if (mech_is(x->mech, S("PLAIN"))) {
		sasl_plain_split(v->decoded, &authzid, &v->user, &v->password);
	} else if (mech_is(x->mech, S("LOGIN"))) {
		see_login(x, v);
	} else if (mech_is(x->mech, S("CRAM-MD5"))) {
		see_cram(v);
	} else if (mech_is(x->mech, S("DIGEST-MD5"))) {
		v->user = attribute(v->decoded, S("username"));
		v->password = attribute(v->decoded, S("response"));
	} else if (slice_starts(x->mech, S("SCRAM-"))) {
		v->user = attribute(v->decoded, S("n"));
		v->password = attribute(v->decoded, S("p"));
	} else if (mech_is(x->mech, S("XOAUTH2")) || mech_is(x->mech, S("OAUTHBEARER"))) {
		sasl_oauth_split(v->decoded, &v->user, &v->password);
	} else if (mech_is(x->mech, S("EXTERNAL")) || mech_is(x->mech, S("ANONYMOUS"))) {
		v->user = v->decoded;
	} else if (is_ntlm(v->decoded, NTLM_AUTHENTICATE)) {
		v->user = ntlm_text(x->arena, v->decoded, 36);
	}
}

static void see_challenge(struct sasl *x, struct sasl_view *v)
{
	x->challenge_is_user_prompt = slice_starts_nocase(v->decoded, S("user"));
	x->challenge_is_password_prompt = slice_starts_nocase(v->decoded, S("pass"));
}

void sasl_step(struct sasl *x, enum side side, struct slice line, bool initial, struct sasl_view *ret)
{
	struct slice text = slice_trim(line);
	*ret = (struct sasl_view){.mech = x->mech, .step = ++x->step, .initial = initial};
	if (side == SIDE_CLIENT && slice_eq(text, S("*"))) {
		ret->cancelled = true;
		return;
	}
	/* "=" stands for an empty initial response (RFC 4954 section 4). */
	if (!slice_eq(text, S("=")))
		ret->base64_faults = base64_decode(x->arena, text, &ret->decoded);
	if (side == SIDE_SERVER) {
		see_challenge(x, ret);
		return;
	}
	x->responses++;
	see_response(x, ret);
}

/* --- named parts, for showing --------------------------------------------------------------------------------------------- */

struct out {
	struct sasl_field *v;
	size_t n, max;
};

static void put(struct out *o, const char *name, struct slice value, bool secret)
{
	if (o->n < o->max)
		o->v[o->n++] = (struct sasl_field){name, value, secret};
}

static const struct {
	const char *key;
	const char *name;
	bool secret;
} attributes[] = {
	{"username", "user", false}, {"realm", "realm", false},     {"nonce", "nonce", false},     {"cnonce", "client nonce", false},
	{"nc", "count", false},      {"qop", "protection", false},  {"digest-uri", "service", false}, {"algorithm", "algorithm", false},
	{"charset", "charset", false}, {"response", "digest", true}, {"rspauth", "server proof", false}, {"stale", "stale", false},
	{"n", "user", false},        {"r", "nonce", false},         {"s", "salt", false},          {"i", "iterations", false},
	{"c", "channel binding", false}, {"p", "proof", true},      {"v", "server signature", false}, {"e", "error", false},
};

static void put_attributes(struct out *o, struct slice list)
{
	for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
		struct slice v = attribute(list, slice_from_cstr(attributes[i].key));
		if (v.p)
			put(o, attributes[i].name, v, attributes[i].secret);
	}
}

static void put_ntlm(struct out *o, struct arena *a, struct slice m)
{
	if (is_ntlm(m, NTLM_NEGOTIATE)) {
		put(o, "message", S("NTLM negotiate (type 1)"), false);
	} else if (is_ntlm(m, NTLM_CHALLENGE)) {
		put(o, "message", S("NTLM challenge (type 2)"), false);
		put(o, "target", ntlm_text(a, m, 12), false);
	} else if (is_ntlm(m, NTLM_AUTHENTICATE)) {
		put(o, "message", S("NTLM authenticate (type 3)"), false);
		put(o, "domain", ntlm_text(a, m, 28), false);
		put(o, "user", ntlm_text(a, m, 36), false);
		put(o, "workstation", ntlm_text(a, m, 44), false);
	}
}

static void put_client(struct out *o, struct arena *a, struct slice mech, unsigned client_step, struct slice m)
{
	struct slice first, second, third;
	if (mech_is(mech, S("PLAIN"))) {
		sasl_plain_split(m, &first, &second, &third);
		put(o, "authzid", first, false);
		put(o, "user", second, false);
		put(o, "password", third, true);
	} else if (mech_is(mech, S("LOGIN"))) {
		put(o, client_step <= 1 ? "user" : "password", m, client_step > 1);
	} else if (mech_is(mech, S("CRAM-MD5"))) {
		struct sasl_view v = {.decoded = m};
		see_cram(&v);
		put(o, "user", v.user, false);
		put(o, "digest", v.password, true);
	} else if (mech_is(mech, S("XOAUTH2")) || mech_is(mech, S("OAUTHBEARER"))) {
		sasl_oauth_split(m, &first, &second);
		put(o, "user", first, false);
		put(o, "token", second, true);
	} else if (slice_starts(m, S("NTLMSSP"))) {
		put_ntlm(o, a, m);
	} else {
		put_attributes(o, m);
	}
}

size_t sasl_fields(struct arena *a, struct slice mech, enum side side, unsigned client_step, struct slice decoded, struct sasl_field *ret,
		   size_t max)
{
	struct out o = {.v = ret, .max = max};
	if (side == SIDE_CLIENT)
		put_client(&o, a, mech, client_step, decoded);
	else if (mech_is(mech, S("LOGIN")))
		put(&o, "prompt", decoded, false);
	else if (mech_is(mech, S("CRAM-MD5")))
		put(&o, "challenge", decoded, false);
	else if (slice_starts(decoded, S("NTLMSSP")))
		put_ntlm(&o, a, decoded);
	else if (slice_starts(decoded, S("{")))
		put(&o, "error", decoded, false);
	else
		put_attributes(&o, decoded);
	return o.n;
}
