/* Inferences from OAuth tokens: what the token itself says (a JSON Web Token is base64 of JSON: resource, scope, account, time), and what the server's
 * base64 challenge says. Google's tokens are opaque; nothing follows from their form. */
#include "diagnose/rule.h"

#include "base/base64.h"

/* Logins of one session, and steps of one login, that are looked at: more is a brute-force attack, where the first ones tell as much. */
#define LOGINS_MAX 64u
#define STEPS_MAX 64u

static size_t logins_of(const struct session *s)
{
	return s->logins.n < LOGINS_MAX ? s->logins.n : LOGINS_MAX;
}

/* Longest claims part that is looked at: tokens of real tenants stay under 4 KiB. */
#define CLAIMS_MAX (16u * 1024u)

struct token {
	struct slice aud, scope, user;
	uint64_t exp; /* seconds; 0: not told */
};

/* The value of a string claim of a flat JSON text. */
static struct slice claim(struct slice json, const char *name)
{
	struct slice rest = json;
	size_t at;
	while ((at = slice_find(rest, slice_from_cstr(name))) != SLICE_NPOS) {
		size_t end = at + strlen(name);
		bool quoted = at > 0 && rest.p[at - 1] == '"' && end < rest.n && rest.p[end] == '"';
		rest = slice_from(rest, end + 1);
		if (!quoted)
			continue;
		slice_skip_space(&rest);
		if (!slice_skip(&rest, S(":")))
			continue;
		slice_skip_space(&rest);
		if (slice_skip(&rest, S("\"")))
			return slice_next_until(&rest, '"');
		return slice_trim(slice_next_until(&rest, rest.n && slice_find_byte(rest, ',') != SLICE_NPOS ? ',' : '}'));
	}
	return SLICE_NONE;
}

static struct slice first_claim(struct slice json, const char *const *names)
{
	for (; *names; names++) {
		struct slice v = claim(json, *names);
		if (v.n)
			return v;
	}
	return SLICE_NONE;
}

static void read_claims(struct slice json, struct token *ret)
{
	static const char *const scopes[] = {"scp", "roles", "scope", NULL};
	static const char *const users[] = {"upn", "unique_name", "preferred_username", "email", NULL};
	*ret = (struct token){.aud = claim(json, "aud"), .scope = first_claim(json, scopes), .user = first_claim(json, users)};
	uint64_t exp;
	if (slice_to_uint(slice_trim(claim(json, "exp")), UINT64_MAX / 2000000u, &exp))
		ret->exp = exp;
}

/* False if the token is no JWT that can be read. */
static bool token_read(struct arena *a, struct slice jwt, struct token *ret)
{
	struct slice head = slice_next_until(&jwt, '.'), claims = slice_next_until(&jwt, '.');
	if (!slice_starts(head, S("eyJ")) || !slice_starts(claims, S("eyJ")) || claims.n > CLAIMS_MAX)
		return false;
	struct slice json;
	base64_decode(a, claims, &json);
	read_claims(json, ret);
	return ret->aud.n || ret->scope.n || ret->user.n || ret->exp;
}

static bool is_oauth(const struct login *l)
{
	return slice_eq_nocase(l->mech, S("XOAUTH2")) || slice_eq_nocase(l->mech, S("OAUTHBEARER"));
}

/* A resource that mail protocols of Microsoft do not take: Graph, the old directory, management, ... */
static bool is_foreign_audience(struct slice aud)
{
	if (!aud.n || slice_has_nocase(aud, S("outlook")) || slice_has_nocase(aud, S("office365")) || slice_has(aud, S("00000002-0000-0ff1-ce00-")))
		return false;
	return slice_has_nocase(aud, S("graph.")) || slice_has(aud, S("00000003-0000-0000-c000-")) || slice_has(aud, S("00000002-0000-0000-c000-")) ||
	       slice_has_nocase(aud, S("azure.com")) || slice_starts_nocase(aud, S("api://")) || slice_starts_nocase(aud, S("https://"));
}

static bool scope_names_protocol(struct slice scope, enum protocol p)
{
	if (slice_has_nocase(scope, S("mail.google.com")) || slice_has_nocase(scope, S("full_access_as_app")))
		return true;
	switch (p) {
	case PROTOCOL_IMAP: return slice_has_nocase(scope, S("IMAP."));
	case PROTOCOL_POP3: return slice_has_nocase(scope, S("POP."));
	default: return slice_has_nocase(scope, S("SMTP."));
	}
}

static bool expired(const struct token *k, const struct session *s)
{
	return k->exp && s->start.has_time && s->start.time_us / 1000000 > (int64_t)k->exp;
}

static void judge_token(struct dx *x, const struct session *s, const struct login *l, const struct token *k)
{
	const struct event *at = l->password_event ? l->password_event : l->command;
	struct draft *d = NULL;
	if (is_foreign_audience(k->aud)) {
		d = dx_find(x, "oauth-wrong-audience", 0.95, at);
		dx_value(d, "value", k->aud);
	} else if (k->scope.n && !scope_names_protocol(k->scope, s->protocol)) {
		d = dx_find(x, "oauth-scope-wrong", 0.93, at);
	} else if (expired(k, s)) {
		d = dx_find(x, "oauth-token-expired", 0.93, at);
	} else if (k->user.n && l->user.n && !value_is_masked(l->user) && !slice_eq_nocase(k->user, l->user)) {
		d = dx_find(x, "oauth-token-wrong-user", 0.9, at);
		dx_value(d, "value", k->user);
		dx_value(d, "user", l->user);
	}
	if (d)
		dx_evidence(d, l->reply);
}

/* IMAP accepts the token and then knows no mailbox for it. */
static bool is_not_connected(struct dx *x, const struct session *s)
{
	return dx_search_session(x, s, KIND(EV_REPLY), "authenticated but not connected") != NULL;
}

static void find_token_claims(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		struct token k;
		if (!is_oauth(l) || !(l->failed || is_not_connected(x, s)) || !token_read(dx_arena(x), l->password, &k))
			continue;
		judge_token(x, s, l, &k);
		return;
	}
}

/* Claims shown decoded in the evidence around, and the account that was meant. */
static void find_claims_around(struct dx *x, const struct session *s)
{
	(void)s;
	static const char *const trouble = "XOAUTH2|5\\.7\\.3 Authentication unsuccessful|AUTHENTICATE failed|authenticated but not connected|5\\.7\\.8|Invalid credentials";
	const unsigned kinds = KINDS_AROUND | KINDS_TOLD;
	const struct event *e = dx_search(x, kinds, "\"(?:upn|unique_name|preferred_username)\"\\s*:\\s*\"", NULL);
	if (!e || !dx_search(x, 0, trouble, NULL))
		return;
	struct token k;
	read_claims(e->text, &k);
	if (!k.user.n)
		return;
	struct slice meant = SLICE_NONE;
	const struct event *m = dx_search(x, kinds, "\\]:\\d+\\s+([\\w.+-]+@[\\w.-]+):", NULL);
	if (m) {
		dx_capture(x, m->text, "\\]:\\d+\\s+([\\w.+-]+@[\\w.-]+):", &meant);
	} else {
		m = dx_search(x, kinds | KINDS_SAID, "(?:user(?:name)?|login|mailbox|account|from)\\b[\"' ]*[:=]\\s*[\"'<]?([\\w.+-]+@[\\w-]+\\.[\\w.-]+)", NULL);
		if (m)
			dx_capture(x, m->text, "(?:user(?:name)?|login|mailbox|account|from)\\b[\"' ]*[:=]\\s*[\"'<]?([\\w.+-]+@[\\w-]+\\.[\\w.-]+)", &meant);
	}
	if (!meant.n || slice_eq_nocase(meant, k.user) || is_foreign_audience(k.aud))
		return;
	struct draft *d = dx_find(x, "oauth-token-wrong-user", 0.92, e);
	dx_value(d, "value", k.user);
	dx_value(d, "user", meant);
	dx_evidence(d, m);
}

/* The server's challenge after a token: base64 of {"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}. */
static void find_oauth_challenge(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		if (!is_oauth(l) || l->passed)
			continue;
		size_t end = l->command->n + STEPS_MAX < s->events.n ? l->command->n + STEPS_MAX : s->events.n;
		for (size_t k = l->command->n; k < end && s->events.v[k] != l->reply; k++) {
			const struct event *e = s->events.v[k];
			if (e->kind != EV_CHALLENGE || e->cmd != l->command || !e->sasl.decoded.n)
				continue;
			struct slice status = claim(e->sasl.decoded, "status");
			if (slice_eq(status, S("401")) || slice_eq(status, S("invalid_token")))
				dx_find(x, "oauth-token-expired", 0.75, e);
			else if (slice_eq(status, S("400")) || slice_has(status, S("scope")))
				dx_find(x, "oauth-scope-wrong", 0.72, e);
			else
				continue;
			return;
		}
	}
}

/* AUTH XOAUTH2 TOKEN on one line of POP3, refused at once (Exchange Online wants two steps; RFC 5034 caps the line at 255 octets). */
static void find_pop3_one_line(struct dx *x, const struct session *s)
{
	if (s->protocol != PROTOCOL_POP3)
		return;
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		if (!is_oauth(l) || !l->initial_response || !l->failed || l->responses)
			continue;
		bool exchange = s->server.software == SOFTWARE_EXCHANGE || s->server.software == SOFTWARE_MICROSOFT365 ||
				dx_match(x, l->reply->text, "Protocol error|Authentication failure: unknown user name");
		dx_evidence(dx_find(x, "pop3-xoauth2-initial-response", exchange ? 0.96 : 0.7, l->reply), l->command);
		return;
	}
}

const struct rule rules_auth_oauth[] = {
	{"pop3-token-on-auth-line", "pop3-xoauth2-initial-response", RULE_SESSION, find_pop3_one_line},
	{"token-claims", "oauth-wrong-audience", RULE_SESSION, find_token_claims},
	{"token-claims-around", "oauth-token-wrong-user", RULE_INPUT, find_claims_around},
	{"token-challenge", "oauth-scope-wrong", RULE_SESSION, find_oauth_challenge},
	{0},
};
