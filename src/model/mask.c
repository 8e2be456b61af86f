#define _GNU_SOURCE
#include "model/mask.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/text.h"
#include "proto/sasl.h"

/* Shorter base64 words are not looked into: too many plain words would pass. */
#define BLOB_MIN 8u
/* A word after "Bearer" is a token if it is this long or holds a digit. */
#define TOKEN_SURE 20u

struct span {
	size_t from, to;
	struct slice value; /* what the mask describes when it is not the text itself: the decoded password */
};

struct scrub {
	struct arena *arena;
	struct slice text;
	VEC(struct span) spans;
};

bool mask_is_placeholder(struct slice v)
{
	v = slice_trim(v);
	if (v.n >= 2 && v.p[0] == '<' && v.p[v.n - 1] == '>')
		return true;
	for (size_t i = 0; i < v.n; i++)
		if (!strchr("*xX.=#-_", v.p[i]) && v.p[i] < 0x80)
			return false;
	return true;
}

static void add_span(struct scrub *x, size_t from, size_t to, struct slice value)
{
	if (to <= from || mask_is_placeholder(slice_sub(x->text, from, to)))
		return;
	struct span *s = VEC_PUSH(x->arena, &x->spans);
	if (s)
		*s = (struct span){from, to, value};
}

static size_t skip_blanks(struct slice t, size_t at)
{
	while (at < t.n && (t.p[at] == ' ' || t.p[at] == '\t'))
		at++;
	return at;
}

static size_t line_end(struct slice t, size_t at)
{
	size_t n = slice_find_byte(slice_from(t, at), '\n');
	return n == SLICE_NPOS ? t.n : at + n;
}

/* End of the value that starts at `at`: the closing quote if it is quoted (then *at moves past the opening one), else the next blank or closing mark. */
static size_t value_end(struct slice t, size_t *at, const char *stops)
{
	if (*at < t.n && (t.p[*at] == '"' || t.p[*at] == '\'')) {
		uint8_t quote = t.p[(*at)++];
		size_t end = *at;
		while (end < t.n && t.p[end] != '\n' && t.p[end] != quote)
			end += t.p[end] == '\\' && end + 1 < t.n ? 2 : 1;
		return end < t.n ? end : t.n;
	}
	size_t end = *at;
	while (end < t.n && t.p[end] && !ascii_is_space(t.p[end]) && !strchr(stops, t.p[end]))
		end++;
	return end;
}

static bool is_base64_byte(uint8_t c)
{
	return ascii_is_alnum(c) || c == '+' || c == '/' || c == '-' || c == '_' || c == '=';
}

/* --- words after which a secret follows ---------------------------------------------------------------------------------------- */

/* "AUTH PLAIN blob": blobs of these mechanisms hold the secret itself; a LOGIN blob is the user's name. */
static void after_auth(struct scrub *x, size_t start, size_t at)
{
	static const struct slice mechs[] = {S("PLAIN"), S("XOAUTH2"), S("OAUTHBEARER"), S("NTLM"), S("GSSAPI"), S("CRAM-MD5"), S("DIGEST-MD5")};
	(void)start;
	struct slice rest = slice_from(x->text, at);
	struct slice mech = slice_next_word(&rest);
	for (size_t i = 0; i < sizeof mechs / sizeof *mechs; i++) {
		if (!slice_eq_nocase(mech, mechs[i]) || !rest.n || rest.p[0] != ' ')
			continue;
		size_t from = skip_blanks(x->text, (size_t)(rest.p - x->text.p)), to = from;
		/* Programs that print strings in C notation break long blobs by \n. */
		while (to < x->text.n && (is_base64_byte(x->text.p[to]) || slice_starts(slice_from(x->text, to), S("\\n"))))
			to += x->text.p[to] == '\\' ? 2 : 1;
		/* Another mechanism's name is no blob: "AUTH PLAIN LOGIN" is an offer. */
		if (to - from >= BLOB_MIN && !slice_has(slice_sub(x->text, from, to), S("MD5")) && !slice_has(slice_sub(x->text, from, to), S("SCRAM")))
			add_span(x, from, to, SLICE_NONE);
	}
}

static bool stands_as_command(struct slice t, size_t start)
{
	while (start && (t.p[start - 1] == ' ' || t.p[start - 1] == '\t'))
		start--;
	return start == 0 || strchr("\n>:\"'])|~", t.p[start - 1]);
}

/* POP3 "PASS x", where a command may stand; the rest of the line, since passwords with blanks are sent as they are. */
static void after_pass(struct scrub *x, size_t start, size_t at)
{
	if (!stands_as_command(x->text, start) || at >= x->text.n || x->text.p[at] != ' ')
		return;
	size_t from = at + 1, end = line_end(x->text, from);
	while (end > from && (ascii_is_space(x->text.p[end - 1]) || strchr("\"'", x->text.p[end - 1])))
		end--;
	add_span(x, from, end, SLICE_NONE);
}

/* IMAP "tag LOGIN user password". The word before must look like a tag, or "AUTH LOGIN PLAIN" would be taken for one. */
static void after_login(struct scrub *x, size_t start, size_t at)
{
	struct slice before = slice_trim_right(slice_sub(x->text, 0, start));
	size_t tag = before.n;
	bool digit = false;
	while (tag && ascii_is_alnum(before.p[tag - 1]))
		digit |= ascii_is_digit(before.p[--tag]);
	if (before.n == tag || before.n == start || (!digit && before.n - tag > 2) || at >= x->text.n || x->text.p[at] != ' ')
		return;
	struct slice word = slice_sub(before, tag, before.n);
	uint64_t code;
	bool said = slice_eq_nocase(word, S("NO")) || slice_eq_nocase(word, S("OK")) || slice_eq_nocase(word, S("to"));
	bool status = (word.n == 3 && slice_to_uint(word, 999, &code)) || (tag && before.p[tag - 1] == '.'); /* "535 Login", "5.7.8 Login" */
	if (said || status)
		return;
	size_t from = skip_blanks(x->text, at);
	from = value_end(x->text, &from, "\n");
	from += from < x->text.n && strchr("\"'", x->text.p[from]) ? 1 : 0;
	size_t next = skip_blanks(x->text, from), end = line_end(x->text, next);
	if (next == from)
		return;
	while (end > next && (ascii_is_space(x->text.p[end - 1]) || strchr("\"'", x->text.p[end - 1])))
		end--;
	next += next < end && strchr("\"'", x->text.p[next]) ? 1 : 0;
	add_span(x, next, end, SLICE_NONE);
}

static void after_bearer(struct scrub *x, size_t start, size_t at)
{
	(void)start;
	size_t from = skip_blanks(x->text, at), to = value_end(x->text, &from, "\"',;)}\001");
	bool digit = false;
	for (size_t i = from; i < to; i++)
		digit |= ascii_is_digit(x->text.p[i]);
	if (to - from >= TOKEN_SURE || (digit && to - from >= BLOB_MIN))
		add_span(x, from, to, SLICE_NONE);
}

static void after_basic(struct scrub *x, size_t start, size_t at)
{
	size_t from = skip_blanks(x->text, at), to = value_end(x->text, &from, "\"',;)}");
	struct slice before = slice_trim_right(slice_sub(x->text, 0, start));
	if (slice_ends_nocase(before, S("authorization:")))
		add_span(x, from, to, SLICE_NONE);
}

/* A command line's option with its value as the next word. */
static void after_option(struct scrub *x, size_t start, size_t at)
{
	(void)start;
	size_t from = skip_blanks(x->text, at), to = value_end(x->text, &from, "\n");
	if (from > at && from < to && x->text.p[from] != '-')
		add_span(x, from, to, SLICE_NONE);
}

/* curl -u user:password */
static void after_user_option(struct scrub *x, size_t start, size_t at)
{
	(void)start;
	size_t from = skip_blanks(x->text, at), to = value_end(x->text, &from, "\n");
	size_t colon = slice_find_byte(slice_sub(x->text, from, to), ':');
	if (colon != SLICE_NPOS)
		add_span(x, from + colon + 1, to, SLICE_NONE);
}

static const struct {
	struct slice word;
	bool exact_case;
	void (*take)(struct scrub *x, size_t start, size_t at);
} words[] = {
	{S("AUTH"), false, after_auth},
	{S("AUTHENTICATE"), false, after_auth},
	{S("PASS"), true, after_pass},
	{S("LOGIN"), false, after_login},
	{S("Bearer"), false, after_bearer},
	{S("Basic"), false, after_basic},
	{S("-ap"), true, after_option},
	{S("--auth-password"), true, after_option},
	{S("--password"), true, after_option},
	{S("--pass"), true, after_option},
	{S("--oauth2-bearer"), true, after_option},
	{S("-u"), true, after_user_option},
	{S("--user"), true, after_user_option},
};

static bool is_word_byte(uint8_t c)
{
	return ascii_is_alnum(c) || c == '-' || c == '_';
}

static void scan_words(struct scrub *x)
{
	for (size_t i = 0; i < x->text.n;) {
		size_t end = i;
		while (end < x->text.n && is_word_byte(x->text.p[end]))
			end++;
		struct slice w = slice_sub(x->text, i, end);
		for (size_t k = 0; w.n && k < sizeof words / sizeof *words; k++)
			if (words[k].exact_case ? slice_eq(w, words[k].word) : slice_eq_nocase(w, words[k].word))
				words[k].take(x, i, end);
		i = end > i ? end : i + 1;
	}
}

/* --- names with a value --------------------------------------------------------------------------------------------------------- */

static bool names_secret(struct slice name)
{
	static const struct slice ends[] = {
		S("password"), S("passwd"), S("passphrase"), S("pwd"), S("pass"), S("secret"), S("access_token"), S("refresh_token"), S("id_token"),
		S("api_key"), S("apikey"), S("accesstoken"), S("refreshtoken"), S("passcode"),
	};
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (slice_ends_nocase(name, ends[i]))
			return true;
	return false;
}

/* Words in a value's place that say something and hide nothing. */
static bool is_plain_value(struct slice v)
{
	static const struct slice plain[] = {S("yes"), S("no"), S("true"), S("false"), S("null"), S("none"), S("nil"), S("undefined"), S("required"), S("empty")};
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (slice_eq_nocase(v, plain[i]))
			return true;
	return slice_starts(v, S("${")) || slice_starts(v, S("$(")) || slice_starts(v, S("%env("));
}

/* "password=x", "'password' => 'x'", "password: x": sep is where = or : stands. Returns where to go on. */
static size_t take_setting(struct scrub *x, size_t sep)
{
	size_t end = sep;
	while (end && strchr(" \t\"'", x->text.p[end - 1]))
		end--;
	size_t start = end;
	while (start && is_word_byte(x->text.p[start - 1]))
		start--;
	struct slice name = slice_sub(x->text, start, end);
	if (!names_secret(name))
		return sep + 1;
	size_t from = sep + 1;
	from += from < x->text.n && x->text.p[from] == '>' ? 1 : 0;
	from = skip_blanks(x->text, from);
	bool quoted = from < x->text.n && strchr("\"'", x->text.p[from]);
	size_t to = value_end(x->text, &from, ",;)&}]");
	if (x->text.p[sep] == ':' && !quoted) {
		/* "Incorrect password: try again" is a sentence: only a line "name: word" is a setting. */
		struct slice before = slice_trim_right(slice_sub(x->text, 0, start));
		bool alone = !before.n || strchr("\n-{,\"'", before.p[before.n - 1]) || slice_has(slice_sub(x->text, before.n, start), S("\n"));
		if (!alone || skip_blanks(x->text, to) < line_end(x->text, to))
			return to;
	}
	if (!is_plain_value(slice_sub(x->text, from, to)))
		add_span(x, from, to, SLICE_NONE);
	return to;
}

/* "://user:password@host" */
static size_t take_url(struct scrub *x, size_t colon)
{
	size_t from = colon + 3, to = from, second = 0;
	while (to < x->text.n && !ascii_is_space(x->text.p[to]) && !strchr("/@\"'<>", x->text.p[to])) {
		if (x->text.p[to] == ':' && !second)
			second = to + 1;
		to++;
	}
	if (second && to < x->text.n && x->text.p[to] == '@')
		add_span(x, second, to, SLICE_NONE);
	return to;
}

static void scan_settings(struct scrub *x)
{
	for (size_t i = 0; i < x->text.n;) {
		uint8_t c = x->text.p[i];
		if (slice_starts(slice_from(x->text, i), S("://")))
			i = take_url(x, i);
		else if (c == '=' || c == ':')
			i = take_setting(x, i);
		else
			i++;
	}
}

/* --- base64 words that hold a login --------------------------------------------------------------------------------------------- */

/* The secret in a decoded SASL message, of whatever mechanism it shows to be; false if it is none. */
static bool decoded_secret(struct slice m, struct slice *ret)
{
	struct slice authzid, user;
	if (m.n >= 4 && slice_find_byte(m, 0) != SLICE_NPOS && sasl_plain_split(m, &authzid, &user, ret))
		return user.n && ret->n && utf8_is_valid(user) && utf8_is_valid(*ret);
	if (slice_has_nocase(m, S("auth=Bearer "))) {
		sasl_oauth_split(m, &user, ret);
		return true;
	}
	size_t at = slice_find_last_byte(m, ' ');
	if (at == SLICE_NPOS || m.n - at - 1 != 32)
		return false;
	*ret = slice_from(m, at + 1);
	for (size_t i = 0; i < ret->n; i++)
		if (!ascii_is_hex(ret->p[i]))
			return false;
	return true;
}

static void scan_blobs(struct scrub *x)
{
	for (size_t i = 0; i < x->text.n;) {
		size_t end = i;
		while (end < x->text.n && is_base64_byte(x->text.p[end]))
			end++;
		struct slice blob = slice_sub(x->text, i, end), decoded, secret = SLICE_NONE;
		if (blob.n >= BLOB_MIN && !(base64_decode(x->arena, blob, &decoded) & BASE64_BAD_BYTE) && decoded_secret(decoded, &secret))
			add_span(x, i, end, secret);
		i = end > i ? end : i + 1;
	}
}

/* --- putting it together -------------------------------------------------------------------------------------------------------- */

/* By start; at the same place the longer first, then the one that knows what is inside. */
static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	if (x->from != y->from)
		return x->from > y->from ? 1 : -1;
	if (x->to != y->to)
		return x->to < y->to ? 1 : -1;
	return (x->value.n == 0) - (y->value.n == 0);
}

static struct slice apply(struct scrub *x)
{
	if (!x->spans.n)
		return arena_dup(x->arena, x->text);
	qsort(x->spans.v, x->spans.n, sizeof *x->spans.v, by_start);
	struct buf out = BUF_INIT(SIZE_MAX / 4);
	size_t at = 0;
	for (size_t i = 0; i < x->spans.n; i++) {
		const struct span *s = &x->spans.v[i];
		if (s->from >= at) {
			buf_add(&out, slice_sub(x->text, at, s->from));
			buf_add(&out, text_mask(x->arena, s->value.n ? s->value : slice_sub(x->text, s->from, s->to)));
		}
		at = s->to > at ? s->to : at;
	}
	buf_add(&out, slice_from(x->text, at));
	struct slice s = arena_dup(x->arena, buf_slice(&out));
	buf_free(&out);
	return s;
}

static void scan(struct scrub *x)
{
	scan_words(x);
	scan_settings(x);
	scan_blobs(x);
}

struct slice mask_text(struct arena *a, struct slice text)
{
	struct scrub x = {.arena = a, .text = text};
	scan(&x);
	return apply(&x);
}

/* Base64 that no word of a language looks like: padded, or with capitals, small letters and digits. */
static bool is_blob(struct slice s)
{
	bool upper = false, lower = false, digit = false;
	s = slice_trim(s);
	for (size_t i = 0; i < s.n; i++) {
		upper |= s.p[i] >= 'A' && s.p[i] <= 'Z';
		lower |= s.p[i] >= 'a' && s.p[i] <= 'z';
		digit |= ascii_is_digit(s.p[i]);
	}
	return s.n >= BLOB_MIN && base64_is_plausible(s) && ((upper && lower && digit) || s.p[s.n - 1] == '=');
}

/* What nothing marked may still be a secret: an NTLM or Kerberos token, or base64 said where a command was due (the password after a login that the
 * server had already refused), which a reader may take for a line of its own. */
static bool is_opaque_secret(const struct event *e)
{
	if (e->side == SIDE_SERVER || e->sasl.cancelled || e->text.n < 4)
		return false;
	if (e->kind == EV_RESPONSE)
		return e->sasl.user.n == 0 || slice_eq(e->sasl.mech, S("NTLM"));
	bool stray = (e->kind == EV_COMMAND && (e->oddities & ODD_UNKNOWN_VERB)) || e->kind == EV_PROSE || e->kind == EV_UNTAGGED;
	return stray && is_blob(e->text);
}

/* IMAP's LOGIN with a password of several words, unquoted: everything after the first of them is secret too. */
static size_t secret_end(const struct event *e, size_t to)
{
	bool login = e->kind == EV_COMMAND && slice_eq(e->command.verb, S("LOGIN"));
	return login && slice_from(e->text, to).n > 1 ? e->text.n : to;
}

struct slice event_masked_text(struct arena *a, const struct event *e, bool show_secrets)
{
	if (show_secrets)
		return arena_dup(a, e->text);
	struct scrub x = {.arena = a, .text = e->text};
	if (e->secret.n && e->secret.p >= e->text.p && e->secret.p + e->secret.n <= e->text.p + e->text.n) {
		size_t from = (size_t)(e->secret.p - e->text.p);
		bool decoded = e->sasl.decoded.n && e->sasl.password.n;
		add_span(&x, from, secret_end(e, from + e->secret.n), decoded ? e->sasl.password : SLICE_NONE);
	} else if (is_opaque_secret(e)) {
		add_span(&x, 0, e->text.n, SLICE_NONE);
	}
	scan(&x);
	return apply(&x);
}
