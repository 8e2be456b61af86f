#include "proto/sasl-guess.h"

#include "base/base64.h"
#include "base/i18n.h"
#include "base/text.h"

static const struct {
	const char *mech;
	enum side side;
	unsigned step;
	const char *key, *words;
} kinds[SASL_KIND_COUNT] = {
#define X(id, mech, side, step, key, words) [id] = {mech, side, step, key, words},
	SASL_KIND_LIST(X)
#undef X
};

const char *sasl_kind_key(enum sasl_kind k)
{
	return kinds[k].key;
}

const char *sasl_kind_words(enum sasl_kind k)
{
	return kinds[k].words;
}

/* --- tokens --------------------------------------------------------------------------------------------------------------- */

static bool is_jwt(struct slice s)
{
	size_t dots = 0;
	if (!slice_starts(s, S("eyJ")))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.')
			dots++;
		else if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && !ascii_is_space(s.p[i]))
			return false;
	}
	return dots == 2 || dots == 4;
}

const char *sasl_token_form(struct slice token)
{
	static const struct {
		const char *prefix;
		const char *form;
	} forms[] = {
		{"ya29.", N_("a Google access token")},
		{"1//", N_("a Google refresh token")},
		{"4/0", N_("a Google authorisation code")},
		{"EwA", N_("a Microsoft access token of a personal account")},
		{"EwB", N_("a Microsoft access token of a personal account")},
		{"EwC", N_("a Microsoft access token of a personal account")},
		{"M.C", N_("a Microsoft refresh token or code of a personal account")},
		{"M.R", N_("a Microsoft refresh token or code of a personal account")},
		{"0.A", N_("a Microsoft refresh token or code")},
		{"1.A", N_("a Microsoft refresh token or code")},
	};
	if (is_jwt(token))
		return N_("a JSON web token");
	/* The shortest real ones have well over forty characters; "4/0" alone is a number. */
	if (token.n < 40)
		return NULL;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		if (slice_starts(token, slice_from_cstr(forms[i].prefix)))
			return forms[i].form;
	return NULL;
}

/* --- what a decoded message is -------------------------------------------------------------------------------------------- */

static bool is_hex(struct slice s, size_t n)
{
	if (s.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!ascii_is_hex(s.p[i]))
			return false;
	return true;
}

/* "<…>" with an @ or a dot inside: a message id, as CRAM-MD5 and APOP use it. */
static bool is_message_id(struct slice s)
{
	s = slice_trim(s);
	return s.n > 4 && s.p[0] == '<' && s.p[s.n - 1] == '>' && slice_find_byte(s, ' ') == SLICE_NPOS;
}

static bool is_user_and_digest(struct slice s)
{
	size_t at = slice_find_last_byte(slice_trim(s), ' ');
	return at != SLICE_NPOS && at > 0 && is_hex(slice_from(slice_trim(s), at + 1), 32);
}

static enum sasl_kind ntlm_kind(struct slice s)
{
	static const enum sasl_kind types[] = {SASL_UNKNOWN, SASL_NTLM_NEGOTIATE, SASL_NTLM_CHALLENGE, SASL_NTLM_AUTHENTICATE};
	return s.n >= 12 && s.p[8] < 4 ? types[s.p[8]] : SASL_UNKNOWN;
}

static bool is_scram_client_first(struct slice s)
{
	bool gs2 = slice_starts(s, S("n,")) || slice_starts(s, S("y,")) || slice_starts(s, S("p=tls"));
	return gs2 && slice_has(s, S("n=")) && slice_has(s, S(",r="));
}

static bool is_prompt(struct slice s, struct slice word)
{
	/* "Username:", "User Name\0", "Password:" and translations of careless servers that keep the word. */
	return slice_starts_nocase(s, word) && s.n <= 24 && slice_find_byte(s, '@') == SLICE_NPOS &&
	       (s.p[s.n - 1] == ':' || s.p[s.n - 1] == 0 || s.p[s.n - 1] == ' ');
}

/* Signs of a mechanism in the order in which they are sure. */
static enum sasl_kind decoded_kind(struct slice s)
{
	if (slice_starts(s, S("NTLMSSP")))
		return ntlm_kind(s);
	if (slice_starts_nocase(s, S("user=")) && (slice_find_byte(s, 1) != SLICE_NPOS || slice_has_nocase(s, S("auth=bearer"))))
		return SASL_XOAUTH2;
	if (slice_has(s, S("auth=Bearer")) || (slice_has(s, S("auth=")) && slice_find_byte(s, 1) != SLICE_NPOS))
		return slice_starts(s, S("n,")) || slice_starts(s, S("y,")) ? SASL_OAUTHBEARER : SASL_XOAUTH2;
	if (is_scram_client_first(s))
		return SASL_SCRAM_CLIENT_FIRST;
	if (slice_starts(s, S("r=")) && slice_has(s, S(",s=")) && slice_has(s, S(",i=")))
		return SASL_SCRAM_SERVER_FIRST;
	if (slice_starts(s, S("c=")) && slice_has(s, S(",r=")) && slice_has(s, S(",p=")))
		return SASL_SCRAM_CLIENT_FINAL;
	if ((slice_starts(s, S("v=")) && s.n > 20) || (slice_starts(s, S("e=")) && s.n > 4))
		return SASL_SCRAM_SERVER_FINAL;
	if (slice_has(s, S("rspauth=")))
		return SASL_DIGEST_RSPAUTH;
	if (slice_has(s, S("username=")) && slice_has(s, S("response=")))
		return SASL_DIGEST_RESPONSE;
	if (slice_has(s, S("nonce=")))
		return SASL_DIGEST_CHALLENGE;
	if (slice_starts(s, S("{")) && slice_has(s, S("\"status\"")))
		return SASL_OAUTH_ERROR;
	if (is_message_id(s))
		return SASL_CRAM_CHALLENGE;
	if (is_user_and_digest(s))
		return SASL_CRAM_RESPONSE;
	if (is_prompt(s, S("user")) || is_prompt(s, S("login")))
		return SASL_PROMPT_USER;
	if (is_prompt(s, S("pass")))
		return SASL_PROMPT_PASSWORD;
	if (slice_find_byte(s, 0) != SLICE_NPOS && s.p[0] != 0x60)
		return utf8_is_valid(s) || s.p[0] == 0 ? SASL_PLAIN : SASL_UNKNOWN;
	if (s.p[0] == 0x60 && s.n > 16)
		return SASL_GSSAPI;
	if (sasl_token_form(s))
		return SASL_TOKEN;
	return SASL_UNKNOWN;
}

/* Mostly letters and signs that people type: a user name or a password. */
static bool is_typed_text(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 && !ascii_is_space(s.p[i]))
			return false;
	return s.n > 0;
}

/* --- from a line ---------------------------------------------------------------------------------------------------------- */

void sasl_guess_begin(struct sasl_guesser *g, struct arena *a)
{
	*g = (struct sasl_guesser){.arena = a};
}

static void set_kind(struct sasl_item *it, enum sasl_kind k)
{
	it->kind = k;
	it->client_step = kinds[k].step;
	if (kinds[k].side != SIDE_UNKNOWN)
		it->side = kinds[k].side;
	if (*kinds[k].mech && !(slice_starts(it->mech, S("SCRAM")) && slice_eq(slice_from_cstr(kinds[k].mech), S("SCRAM"))))
		it->mech = slice_from_cstr(kinds[k].mech);
}

static struct slice upper(struct arena *a, struct slice s)
{
	struct slice copy = arena_dup(a, s);
	for (size_t i = 0; i < copy.n; i++)
		if (copy.p[i] >= 'a' && copy.p[i] <= 'z')
			((uint8_t *)(uintptr_t)copy.p)[i] = (uint8_t)(copy.p[i] - 32);
	return copy;
}

/* "AUTH MECH [ir]", "TAG AUTHENTICATE MECH [ir]": true and *s moved to the initial response. */
static bool skip_auth_command(struct sasl_guesser *g, struct slice *s, struct sasl_item *it)
{
	struct slice rest = *s;
	struct slice word = slice_next_word(&rest);
	if (!slice_eq_nocase(word, S("AUTH")) && !slice_eq_nocase(word, S("AUTHENTICATE"))) {
		word = slice_next_word(&rest);
		if (!slice_eq_nocase(word, S("AUTHENTICATE")))
			return false;
	}
	g->mech = it->mech = upper(g->arena, slice_next_word(&rest));
	g->expect = slice_eq(g->mech, S("LOGIN")) ? 1 : 0;
	it->side = SIDE_CLIENT;
	it->initial = true;
	*s = slice_trim(rest);
	return true;
}

/* Marks that transcripts put before a line. */
static void skip_transcript_mark(struct slice *s, struct sasl_item *it)
{
	static const struct {
		const char *mark;
		enum side side;
	} marks[] = {
		{"C: ", SIDE_CLIENT}, {"S: ", SIDE_SERVER}, {"-> ", SIDE_CLIENT}, {"<- ", SIDE_SERVER}, {"~> ", SIDE_CLIENT},
		{"<~ ", SIDE_SERVER}, {">>> ", SIDE_CLIENT}, {"<<< ", SIDE_SERVER}, {"> ", SIDE_CLIENT}, {"< ", SIDE_SERVER},
		{"CLIENT -> SERVER: ", SIDE_CLIENT}, {"SERVER -> CLIENT: ", SIDE_SERVER},
	};
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (slice_skip(s, slice_from_cstr(marks[i].mark))) {
			slice_skip_space(s);
			it->side = marks[i].side;
			return;
		}
	slice_skip_space(s);
}

static bool guess_pop3(struct slice s, struct sasl_item *it)
{
	if (slice_skip_nocase(&s, S("APOP "))) {
		it->decoded = s;
		set_kind(it, SASL_APOP);
		return true;
	}
	if (slice_starts(s, S("+OK")) && slice_find_byte(s, '<') != SLICE_NPOS && slice_find_last_byte(s, '>') != SLICE_NPOS) {
		size_t open = slice_find_last_byte(s, '<');
		it->decoded = slice_sub(s, open, slice_find_last_byte(s, '>') + 1);
		set_kind(it, SASL_APOP_GREETING);
		return true;
	}
	return false;
}

/* A LOGIN step by its place in the dialogue: text that no mechanism's marks are in. */
static void set_text(struct sasl_guesser *g, struct sasl_item *it)
{
	if (g->expect == 1)
		set_kind(it, SASL_LOGIN_USER);
	else if (g->expect == 2)
		set_kind(it, SASL_LOGIN_PASSWORD);
	else
		set_kind(it, SASL_TEXT);
	g->expect = g->expect == 1 ? 2 : 0;
}

static void guess_message(struct sasl_guesser *g, struct slice s, struct sasl_item *it)
{
	struct slice decoded;
	enum sasl_kind raw = decoded_kind(s);
	if (raw != SASL_UNKNOWN && raw != SASL_GSSAPI) {
		it->decoded = s;
		set_kind(it, raw);
		return;
	}
	it->base64_faults = base64_decode(g->arena, s, &decoded);
	if ((it->base64_faults & BASE64_BAD_BYTE) || decoded.n == 0) {
		it->decoded = s;
		it->base64_faults = 0;
		set_kind(it, SASL_UNKNOWN);
		return;
	}
	it->encoded = s;
	it->decoded = decoded;
	/* LOGIN's user and password may hold anything: after its prompts the place counts, not the look. */
	enum sasl_kind k = g->expect && it->side != SIDE_SERVER ? SASL_UNKNOWN : decoded_kind(decoded);
	if (k != SASL_UNKNOWN)
		set_kind(it, k);
	else if (g->expect || (is_typed_text(decoded) && utf8_is_valid(decoded)))
		set_text(g, it);
	else if (slice_eq(g->mech, S("PLAIN")))
		set_kind(it, SASL_PLAIN);
	else
		set_kind(it, SASL_UNKNOWN);
	if (it->kind == SASL_PROMPT_USER || it->kind == SASL_PROMPT_PASSWORD)
		g->expect = it->kind == SASL_PROMPT_USER ? 1 : 2;
}

void sasl_guess(struct sasl_guesser *g, struct slice line, struct sasl_item *ret)
{
	struct slice s = slice_trim(line);
	*ret = (struct sasl_item){.mech = g->mech};
	skip_transcript_mark(&s, ret);
	if (guess_pop3(s, ret))
		return;
	if (slice_skip(&s, S("334")) || slice_skip(&s, S("+ ")) || slice_eq(s, S("+"))) {
		ret->side = SIDE_SERVER;
		slice_skip(&s, S("+"));
		s = slice_trim(s);
	} else if (skip_auth_command(g, &s, ret) && s.n == 0) {
		ret->kind = SASL_COMMAND;
		return;
	}
	if (s.n == 0 || slice_eq(s, S("="))) {
		ret->kind = SASL_EMPTY;
	} else if (slice_eq(s, S("*"))) {
		set_kind(ret, SASL_CANCEL);
	} else {
		guess_message(g, s, ret);
	}
}

/* --- parts ---------------------------------------------------------------------------------------------------------------- */

/* The value of "key":"…" in a flat JSON object; enough for the three members that servers send. */
static struct slice json_member(struct slice s, struct slice quoted_key)
{
	size_t at = slice_find(s, quoted_key);
	if (at == SLICE_NPOS)
		return SLICE_NONE;
	s = slice_from(s, at + quoted_key.n);
	slice_skip_space(&s);
	if (!slice_skip(&s, S(":")))
		return SLICE_NONE;
	slice_skip_space(&s);
	if (slice_skip(&s, S("\"")))
		return slice_next_until(&s, '"');
	struct slice v = slice_next_until(&s, ',');
	return slice_trim(slice_sub(v, 0, slice_find_byte(v, '}')));
}

static size_t oauth_error_fields(struct slice s, struct sasl_field *ret, size_t max)
{
	static const char *const names[] = {"status", "schemes", "scope"};
	static const char *const keys[] = {"\"status\"", "\"schemes\"", "\"scope\""};
	size_t n = 0;
	for (size_t i = 0; i < 3 && n < max; i++) {
		struct slice v = json_member(s, slice_from_cstr(keys[i]));
		if (v.p)
			ret[n++] = (struct sasl_field){names[i], v, false};
	}
	return n;
}

static size_t apop_fields(struct slice s, struct sasl_field *ret, size_t max)
{
	size_t at = slice_find_last_byte(slice_trim(s), ' ');
	if (at == SLICE_NPOS || max < 2)
		return 0;
	ret[0] = (struct sasl_field){"user", slice_sub(s, 0, at), false};
	ret[1] = (struct sasl_field){"digest", slice_from(slice_trim(s), at + 1), true};
	return 2;
}

/* PLAIN with one NUL too few: nobody can say which side of it is the secret, but the later one is where passwords stand. */
static size_t broken_plain_fields(struct slice s, struct sasl_field *ret)
{
	size_t nul = slice_find_byte(s, 0);
	ret[0] = (struct sasl_field){"user", slice_sub(s, 0, nul), false};
	ret[1] = (struct sasl_field){"password", nul == SLICE_NPOS ? SLICE_NONE : slice_from(s, nul + 1), true};
	return 2;
}

static bool plain_is_whole(struct slice s)
{
	struct slice authzid, user, password;
	return sasl_plain_split(s, &authzid, &user, &password);
}

size_t sasl_item_fields(struct arena *a, const struct sasl_item *it, struct sasl_field *ret, size_t max)
{
	if (max < 2)
		return 0;
	switch (it->kind) {
	case SASL_UNKNOWN:
	case SASL_EMPTY:
	case SASL_CANCEL:
	case SASL_COMMAND:
	case SASL_GSSAPI:
		return 0;
	case SASL_TEXT:
		/* A user name with a domain is no secret; anything else may be the password. */
		ret[0] = (struct sasl_field){"text", it->decoded, slice_find_byte(it->decoded, '@') == SLICE_NPOS};
		return 1;
	case SASL_TOKEN:
		ret[0] = (struct sasl_field){"token", it->decoded, true};
		return 1;
	case SASL_PLAIN:
		if (!plain_is_whole(it->decoded) && slice_find_byte(it->decoded, 0) != 0)
			return broken_plain_fields(it->decoded, ret);
		return sasl_fields(a, it->mech, it->side, it->client_step, it->decoded, ret, max);
	case SASL_XOAUTH2:
	case SASL_OAUTHBEARER:
		/* Without its ^A the whole message may be taken for the user name. */
		if (slice_find_byte(it->decoded, 1) == SLICE_NPOS) {
			ret[0] = (struct sasl_field){"message", it->decoded, true};
			return 1;
		}
		return sasl_fields(a, it->mech, it->side, it->client_step, it->decoded, ret, max);
	case SASL_OAUTH_ERROR:
		return oauth_error_fields(it->decoded, ret, max);
	case SASL_APOP:
		return apop_fields(it->decoded, ret, max);
	case SASL_APOP_GREETING:
		ret[0] = (struct sasl_field){"challenge", it->decoded, false};
		return 1;
	default:
		return sasl_fields(a, it->mech, it->side, it->client_step, it->decoded, ret, max);
	}
}

struct slice sasl_field_value(const struct sasl_field *f, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(f[i].name, name) == 0)
			return f[i].value;
	return SLICE_NONE;
}
