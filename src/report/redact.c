#define _GNU_SOURCE
#include "report/redact.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/buf.h"

#define BUCKETS 4096u
/* Names beyond this many share one pseudonym: bounds the memory of a long log. */
#define NAMES_MAX 200000u
/* No name is longer; a longer run is looked at in pieces, so that reading stays linear. */
#define NAME_LENGTH_MAX 320u
/* Shorter words are not taken for user names outside of addresses: too many plain words would go. */
#define LEARN_MIN 3u

enum kind { NAME_USER, NAME_HOST, NAME_IPV4, NAME_IPV4_PRIVATE, NAME_IPV6, NAME_KINDS };

struct name {
	struct name *next;
	enum kind kind;
	struct slice text; /* lower case */
	struct slice pseudonym;
};

struct redactor {
	struct arena *arena;
	struct name *buckets[BUCKETS];
	unsigned count[NAME_KINDS];
	unsigned total;
};

struct redactor *redactor_new(void)
{
	struct redactor *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->arena = arena_new(0);
	if (!r->arena) {
		free(r);
		return NULL;
	}
	return r;
}

void redactor_free(struct redactor *r)
{
	if (!r)
		return;
	arena_free(r->arena);
	free(r);
}

/* --- the book of names ---------------------------------------------------------------------------------------------------------- */

static struct slice lowered(struct arena *a, struct slice s)
{
	struct slice copy = arena_dup(a, s);
	for (size_t i = 0; i < copy.n; i++)
		((uint8_t *)(uintptr_t)copy.p)[i] = ascii_lower(copy.p[i]);
	return copy;
}

static struct name *look_up(const struct redactor *r, bool any_kind, enum kind kind, struct slice text)
{
	uint64_t hash = 14695981039346656037ull;
	for (size_t i = 0; i < text.n; i++)
		hash = (hash ^ ascii_lower(text.p[i])) * 1099511628211ull;
	for (struct name *n = r->buckets[hash % BUCKETS]; n; n = n->next)
		if ((any_kind || n->kind == kind) && slice_eq_nocase(n->text, text))
			return n;
	return NULL;
}

static struct slice invent(struct redactor *r, enum kind kind, unsigned n, struct slice text)
{
	/* RFC 5737, RFC 1918, RFC 3849 and RFC 6761 set these aside. */
	static const char *const nets[] = {"192.0.2", "198.51.100", "203.0.113"};
	bool underscore = slice_find_byte(text, '_') != SLICE_NPOS;
	switch (kind) {
	case NAME_USER:
		return arena_printf(r->arena, "user%s%u", underscore ? "_" : "", n);
	case NAME_HOST:
		if (slice_find_byte(text, '.') == SLICE_NPOS)
			return arena_printf(r->arena, "host%s%u", underscore ? "_" : "", n);
		return arena_printf(r->arena, "host%s%u.example", underscore ? "_" : "", n);
	case NAME_IPV4:
		return arena_printf(r->arena, "%s.%u", nets[n / 254 % 3], n % 254 + (n % 254 == 0 ? 254 : 0));
	case NAME_IPV4_PRIVATE:
		return arena_printf(r->arena, "10.%u.%u.%u", n >> 16 & 255, n >> 8 & 255, n & 255);
	default:
		return arena_printf(r->arena, "2001:db8::%x", n);
	}
}

static struct slice pseudonym(struct redactor *r, enum kind kind, struct slice text)
{
	struct name *known = look_up(r, false, kind, text);
	if (known)
		return known->pseudonym;
	struct name *n = r->total < NAMES_MAX ? ARENA_NEW(r->arena, struct name) : NULL;
	if (!n)
		return kind == NAME_USER ? S("user") : kind == NAME_HOST ? S("host.example") : kind == NAME_IPV6 ? S("2001:db8::") : S("192.0.2.0");
	r->total++;
	*n = (struct name){.kind = kind, .text = lowered(r->arena, text)};
	n->pseudonym = invent(r, kind, ++r->count[kind], text);
	size_t bucket = slice_hash(n->text) % BUCKETS;
	n->next = r->buckets[bucket];
	r->buckets[bucket] = n;
	return n->pseudonym;
}

/* --- what looks like a name ----------------------------------------------------------------------------------------------------- */

static bool is_name_byte(uint8_t c)
{
	return ascii_is_alnum(c) || c == '-' || c == '_' || c == '.';
}

/* Hosts of these are no secret and say who refused. */
static bool is_provider(struct slice host)
{
	static const char *const providers[] = {
		"gmail.com", "google.com", "googlemail.com", "outlook.com", "office365.com", "microsoft.com", "hotmail.com", "live.com", "office.com",
		"exchangelabs.com", "yahoo.com", "yahoodns.net", "yahoo.co.jp", "aol.com", "icloud.com", "me.com", "apple.com", "amazonaws.com", "zoho.com",
		"gmx.net", "gmx.com", "web.de", "t-online.de", "yandex.ru", "yandex.com", "mail.ru", "qq.com", "163.com", "126.com", "sendgrid.net",
		"mailgun.org", "spamhaus.org", "spamcop.net", "barracudacentral.org", "sorbs.net", "uceprotect.net", "localhost.localdomain",
		"letsencrypt.org", "digicert.com", "openssl.org",
	};
	for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
		struct slice p = slice_from_cstr(providers[i]);
		if (slice_eq_nocase(host, p) || (slice_ends_nocase(host, p) && host.p[host.n - p.n - 1] == '.'))
			return true;
	}
	return false;
}

/* Does it end like a host name, not like a file, a class or a version? Two letters are a country unless they are an extension of source files. */
static bool is_host(struct slice s)
{
	static const char *const tops[] = {
		"com", "net", "org", "edu", "gov", "mil", "int", "info", "biz", "name", "local", "lan", "home", "internal", "intern", "corp", "localdomain",
		"test", "invalid", "example", "dev", "app", "cloud", "online", "site", "store", "shop", "xyz", "email", "mail", "arpa", "intranet", "office",
	};
	static const char *const extensions[] = {"py", "rb", "cs", "cf", "so", "gz", "sh", "js", "ts", "go", "md", "cc"};
	size_t dot = slice_find_last_byte(s, '.');
	if (dot == SLICE_NPOS || dot == 0)
		return false;
	struct slice top = slice_from(s, dot + 1);
	for (size_t i = 0; i < top.n; i++)
		if (!ascii_is_alpha(top.p[i]))
			return false;
	if (top.n == 2) {
		for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
			if (slice_eq(top, slice_from_cstr(extensions[i])))
				return false;
		return true;
	}
	for (size_t i = 0; i < sizeof tops / sizeof *tops; i++)
		if (slice_eq_nocase(top, slice_from_cstr(tops[i])))
			return true;
	return false;
}

static bool is_private(uint32_t v)
{
	return v >> 24 == 10 || v >> 20 == 0xac1 || v >> 16 == 0xc0a8 || v >> 16 == 0xa9fe || v >> 22 == 0x191;
}

/* Pseudonym of an address literal: false if it is none; loopback and "any" stay as they are. */
static bool take_address(struct redactor *r, struct slice word, struct slice *ret)
{
	char text[INET6_ADDRSTRLEN + 1];
	unsigned char bytes[16];
	if (word.n >= sizeof text || word.n < 2)
		return false;
	memcpy(text, word.p, word.n);
	text[word.n] = 0;
	*ret = word;
	if (inet_pton(AF_INET, text, bytes) == 1) {
		uint32_t v = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
		if (v >> 24 != 127 && v != 0 && v != 0xffffffff)
			*ret = pseudonym(r, is_private(v) ? NAME_IPV4_PRIVATE : NAME_IPV4, word);
		return true;
	}
	if (inet_pton(AF_INET6, text, bytes) != 1)
		return false;
	if (word.n > 3) /* not "::", "::1" */
		*ret = pseudonym(r, NAME_IPV6, word);
	return true;
}

static bool is_role(struct slice local)
{
	static const struct slice roles[] = {S("postmaster"), S("mailer-daemon"), S("root"), S("abuse"), S("noreply"), S("no-reply")};
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		if (slice_eq_nocase(local, roles[i]))
			return true;
	return false;
}

static struct slice host_pseudonym(struct redactor *r, struct slice host)
{
	struct slice address;
	if (take_address(r, host, &address))
		return address;
	return is_provider(host) ? host : pseudonym(r, NAME_HOST, host);
}

/* A run of name bytes: host, address, or learned name. */
static struct slice replace_word(struct redactor *r, struct slice word)
{
	struct slice address;
	if (take_address(r, word, &address))
		return address;
	if (is_host(word))
		return host_pseudonym(r, word);
	struct name *known = look_up(r, true, NAME_USER, word);
	return known ? known->pseudonym : word;
}

/* --- running through a text ----------------------------------------------------------------------------------------------------- */

static size_t run(struct slice t, size_t at, const char *more)
{
	size_t limit = at + NAME_LENGTH_MAX < t.n ? at + NAME_LENGTH_MAX : t.n;
	while (at < limit && (is_name_byte(t.p[at]) || (t.p[at] && strchr(more, t.p[at]))))
		at++;
	return at;
}

/* A full stop or dash at the end belongs to the sentence. */
static size_t without_stops(struct slice t, size_t from, size_t to)
{
	while (to > from && strchr(".-:", t.p[to - 1]))
		to--;
	return to;
}

/* IPv6 at the start: hexadecimal digits and at least two colons. */
static size_t ipv6_end(struct slice t, size_t at)
{
	size_t end = at, colons = 0;
	while (end < t.n && end - at < INET6_ADDRSTRLEN && (ascii_is_hex(t.p[end]) || t.p[end] == ':' || t.p[end] == '.'))
		colons += t.p[end++] == ':';
	end = without_stops(t, at, end);
	return colons >= 2 ? end : at;
}

struct slice redactor_apply(struct redactor *r, struct arena *a, struct slice text)
{
	if (!r)
		return text;
	struct buf out = BUF_INIT(SIZE_MAX / 4);
	for (size_t i = 0; i < text.n;) {
		size_t six = ipv6_end(text, i);
		struct slice shown;
		if (six > i && take_address(r, slice_sub(text, i, six), &shown)) {
			buf_add(&out, shown);
			i = six;
			continue;
		}
		size_t local = run(text, i, "+%"), end = without_stops(text, i, run(text, i, ""));
		if (local > i && local < text.n && text.p[local] == '@' && run(text, local + 1, "") > local + 1) {
			struct slice user = slice_sub(text, i, local);
			end = without_stops(text, local + 1, run(text, local + 1, ""));
			buf_add(&out, is_role(user) ? user : pseudonym(r, NAME_USER, user));
			buf_add_byte(&out, '@');
			buf_add(&out, host_pseudonym(r, slice_sub(text, local + 1, end)));
		} else if (end > i) {
			bool path = i && text.p[i - 1] == '/' && !(i > 1 && text.p[i - 2] == '/');
			struct slice word = slice_sub(text, i, end);
			buf_add(&out, path ? word : replace_word(r, word));
		} else {
			buf_add_byte(&out, text.p[i]);
			end = i + 1;
		}
		i = end;
	}
	struct slice s = arena_dup(a, buf_slice(&out));
	buf_free(&out);
	return s;
}

/* --- learning ------------------------------------------------------------------------------------------------------------------- */

static bool is_worth_learning(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_name_byte(s.p[i]))
			return false;
	return s.n >= LEARN_MIN && !is_role(s) && !is_host(s) && !slice_eq_nocase(s, S("localhost"));
}

void redactor_learn(struct redactor *r, const struct transcript *t)
{
	for (size_t i = 0; r && i < t->sessions.n; i++) {
		const struct session *s = t->sessions.v[i];
		if (is_worth_learning(s->ehlo))
			pseudonym(r, NAME_HOST, s->ehlo);
		for (size_t k = 0; k < s->logins.n; k++)
			if (is_worth_learning(s->logins.v[k].user))
				pseudonym(r, NAME_USER, s->logins.v[k].user);
	}
	for (size_t i = 0; r && i < t->events.n; i++) {
		struct slice user = event_fact(t->events.v[i], "user"), name = event_fact(t->events.v[i], "client_name");
		if (is_worth_learning(user))
			pseudonym(r, NAME_USER, user);
		if (is_worth_learning(name))
			pseudonym(r, NAME_HOST, name);
	}
}
