#include "diagnose/explain.h"

#include <stdlib.h>

#include "base/i18n.h"

/* Shorter phrases ("ok", "auth", "limit") are words of every text. */
#define PHRASE_MIN 7

/* In the order in which entries of the same spelling are shown. */
static const struct {
	const char *kind, *title;
} kinds[] = {
	{"smtp-reply", N_("SMTP reply")}, {"enhanced", N_("Enhanced status code")}, {"libusb", "libusb"}, {"microsoft", "Microsoft"}, {"google", "Google"},
	{"yahoo", "Yahoo"}, {"provider", N_("Provider")}, {"tls-alert", N_("TLS alert")}, {"openssl", "OpenSSL"}, {"gnutls", "GnuTLS"},
	{"schannel", "Windows"}, {"nss", "Thunderbird (NSS)"}, {"java-tls", "Java"}, {"go-tls", "Go"}, {"python-tls", "Python"}, {"node-tls", "Node.js"},
	{"dotnet", ".NET"}, {"imap-code", "IMAP"}, {"pop3-code", "POP3"}, {"exim", "Exim"}, {"cpanel", "cPanel"}, {"postfix", "Postfix"},
	{"dovecot", "Dovecot"}, {"sasl", "SASL"}, {"sendmail", "Sendmail"}, {"qmail", "qmail"}, {"courier", "Courier"}, {"opensmtpd", "OpenSMTPD"},
	{"curl", "curl"}, {"swaks", "swaks"}, {"msmtp", "msmtp"}, {"phpmailer", N_("PHP mailers")}, {"python", "Python"}, {"javamail", "JavaMail"},
	{"ruby", "Ruby"}, {"go", "Go"}, {"php", "PHP"}, {"fetchmail", "fetchmail"}, {"mutt", "mutt"}, {"mbsync", "mbsync"}, {"offlineimap", "OfflineIMAP"},
	{"thunderbird", "Thunderbird"}, {"outlook", "Outlook"}, {"ssmtp", "sSMTP"}, {"s-nail", "s-nail"},
	{"mtp-response", N_("MTP response")}, {"libmtp", "libmtp"}, {"urb", N_("USB error of Linux")}, {"errno", N_("System error")},
	{"gai", N_("Name look-up error")}, {"winsock", N_("Windows network error")}, {"dns", "DNS"}, {"sysexits", N_("Exit status of a mailer")},
	{"bounce", N_("Bounce")},
};

const char *explain_kind_title(const char *kind)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].kind, kind) == 0)
			return kinds[i].title;
	return kind;
}

static size_t kind_rank(const char *kind)
{
	size_t i = 0;
	while (i < sizeof kinds / sizeof *kinds && strcmp(kinds[i].kind, kind) != 0)
		i++;
	return i;
}

const char *explain_class(unsigned cls)
{
	if (cls == 2)
		return N_("success");
	if (cls == 3)
		return N_("go on, more is awaited");
	if (cls == 4)
		return N_("refused for now; a retry may pass");
	return cls == 5 ? N_("refused for good") : "";
}

const char *explain_subject(unsigned subject)
{
	static const char *const subjects[] = {
		N_("no subject told"), N_("an address of the message"), N_("the recipient's mailbox"), N_("the mail system"), N_("network or routing"),
		N_("the SMTP dialogue"), N_("the message's content or form"), N_("security or policy: login, encryption, permission"),
	};
	return subject < sizeof subjects / sizeof *subjects ? subjects[subject] : "";
}

bool explain_code_is(const struct code *c, struct slice word)
{
	if (slice_eq_nocase(slice_from_cstr(c->code), word))
		return true;
	for (size_t i = 0; i < c->n_also; i++)
		if (slice_eq_nocase(slice_from_cstr(c->also[i]), word))
			return true;
	return false;
}

/* --- one word ------------------------------------------------------------------------------------------------------------- */

static bool is_letters(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alpha(s.p[i]))
			return false;
	return s.n > 0;
}

/* "errno 110" for the number 110 alone. */
static bool is_numbered(const struct code *c, struct slice number)
{
	for (size_t i = 0; i <= c->n_also; i++) {
		struct slice s = slice_from_cstr(i < c->n_also ? c->also[i] : c->code);
		size_t blank = slice_find_byte(s, ' ');
		if (blank != SLICE_NPOS && slice_eq(slice_from(s, blank + 1), number) && is_letters(slice_sub(s, 0, blank)))
			return true;
	}
	return false;
}

static bool add_code(struct arena *a, struct explanation *e, const struct code *c)
{
	const struct code **p = VEC_PUSH(a, &e->codes);
	if (p)
		*p = c;
	return p != NULL;
}

/* An entry of that very name comes before those that list it among their other spellings. */
static size_t exact_rank(const struct code *c, struct slice word)
{
	bool own = slice_eq_nocase(slice_from_cstr(c->code), word);
	return kind_rank(c->kind) + (own ? 0 : sizeof kinds / sizeof *kinds + 1);
}

/* What people put around a code: quotes, brackets, a sign of the shell, a full stop. */
static struct slice bare(struct slice s)
{
	s = slice_trim(s);
	while (s.n && strchr("\"'`#([", s.p[0]))
		s = slice_from(s, 1);
	while (s.n && strchr("\"'`)].,;:", s.p[s.n - 1]))
		s.n--;
	return s;
}

/* "5.7.1" and nothing else. */
static bool is_enhanced(struct slice s)
{
	uint64_t cls, subject, detail;
	return slice_next_uint(&s, 5, &cls) && cls >= 2 && cls != 3 && slice_skip(&s, S(".")) && slice_next_uint(&s, 999, &subject) && slice_skip(&s, S(".")) &&
	       slice_to_uint(s, 999, &detail);
}

static bool find_exact(struct arena *a, const struct knowledge *k, struct slice query, struct explanation *e)
{
	struct slice word = bare(query);
	uint64_t number;
	bool is_number = slice_to_uint(word, 999, &number);
	for (size_t i = 0; i < k->n_codes; i++) {
		const struct code *c = &k->codes[i];
		if (!explain_code_is(c, word) && !explain_code_is(c, slice_trim(query)) && !(is_number && is_numbered(c, word)))
			continue;
		/* A reply lists the enhanced codes that go with it; those have entries of their own. */
		if (is_enhanced(word) && strcmp(c->kind, "smtp-reply") == 0)
			continue;
		const struct code **p = VEC_PUSH(a, &e->exact);
		if (!p)
			return false;
		*p = c;
	}
	/* Few entries, and their order in the files is kept within a kind: insertion keeps it. */
	for (size_t i = 1; i < e->exact.n; i++)
		for (size_t j = i; j > 0 && exact_rank(e->exact.v[j - 1], word) > exact_rank(e->exact.v[j], word); j--) {
			const struct code *t = e->exact.v[j];
			e->exact.v[j] = e->exact.v[j - 1];
			e->exact.v[j - 1] = t;
		}
	return true;
}

/* --- a text --------------------------------------------------------------------------------------------------------------- */

static bool is_word_byte(uint8_t c)
{
	return ascii_is_alnum(c) || c == '_' || c >= 0x80;
}

/* The needle stands in the text and is no part of a longer word. */
static bool stands_in(struct slice text, struct slice needle)
{
	for (size_t from = 0; from < text.n;) {
		size_t at = slice_find_nocase(slice_from(text, from), needle);
		if (at == SLICE_NPOS)
			return false;
		at += from;
		bool left = at == 0 || !is_word_byte(needle.p[0]) || !is_word_byte(text.p[at - 1]);
		size_t end = at + needle.n;
		bool right = end == text.n || !is_word_byte(needle.p[needle.n - 1]) || !is_word_byte(text.p[end]);
		if (left && right)
			return true;
		from = at + 1;
	}
	return false;
}

/* Two words, or a name that no ordinary text holds. */
static bool is_phrase(struct slice s)
{
	bool letters = false;
	for (size_t i = 0; i < s.n; i++)
		letters |= ascii_is_alpha(s.p[i]);
	return letters && s.n >= PHRASE_MIN && (slice_find_byte(s, ' ') != SLICE_NPOS || slice_find_byte(s, '_') != SLICE_NPOS || s.n >= 14);
}

/* The longest spelling of the entry that stands in the text. */
static struct slice longest_in(const struct code *c, struct slice text)
{
	struct slice best = SLICE_NONE;
	for (size_t i = 0; i <= c->n_also; i++) {
		struct slice s = slice_from_cstr(i < c->n_also ? c->also[i] : c->code);
		if (s.n > best.n && is_phrase(s) && stands_in(text, s))
			best = s;
	}
	return best;
}

static bool has_code(const struct explanation *e, const struct code *c)
{
	for (size_t i = 0; i < e->exact.n; i++)
		if (e->exact.v[i] == c)
			return true;
	for (size_t i = 0; i < e->phrases.n; i++)
		if (e->phrases.v[i] == c)
			return true;
	for (size_t i = 0; i < e->codes.n; i++)
		if (e->codes.v[i] == c)
			return true;
	return false;
}

/* A phrase that is only a piece of a longer one found says nothing of its own. */
static void drop_pieces(struct explanation *e, struct slice *found)
{
	size_t kept = 0;
	for (size_t i = 0; i < e->phrases.n; i++) {
		bool piece = false;
		for (size_t j = 0; j < kept && !piece; j++)
			piece = found[j].n > found[i].n && slice_has_nocase(found[j], found[i]);
		if (piece)
			continue;
		found[kept] = found[i];
		e->phrases.v[kept++] = e->phrases.v[i];
	}
	e->phrases.n = kept;
}

static bool find_phrases(struct arena *a, const struct knowledge *k, struct slice text, struct explanation *e)
{
	struct slice found[EXPLAIN_PHRASES_MAX];
	for (size_t i = 0; i < k->n_codes; i++) {
		struct slice s = has_code(e, &k->codes[i]) ? SLICE_NONE : longest_in(&k->codes[i], text);
		size_t at = e->phrases.n;
		if (s.n == 0)
			continue;
		while (at > 0 && found[at - 1].n < s.n)
			at--;
		if (at == EXPLAIN_PHRASES_MAX)
			continue;
		if (e->phrases.n < EXPLAIN_PHRASES_MAX && !VEC_PUSH(a, &e->phrases))
			return false;
		for (size_t j = e->phrases.n - 1; j > at; j--) {
			e->phrases.v[j] = e->phrases.v[j - 1];
			found[j] = found[j - 1];
		}
		e->phrases.v[at] = &k->codes[i];
		found[at] = s;
	}
	drop_pieces(e, found);
	return true;
}

/* A word that can only be a code: "[TSS04]", "0x80090326", "ECONNREFUSED", "AADSTS50126". */
static bool is_code_word(struct slice s)
{
	bool digits = false, capitals = false, small = false;
	if (is_enhanced(s) || slice_starts_nocase(s, S("0x")))
		return true;
	for (size_t i = 0; i < s.n; i++) {
		digits |= ascii_is_digit(s.p[i]);
		capitals |= s.p[i] >= 'A' && s.p[i] <= 'Z';
		small |= s.p[i] >= 'a' && s.p[i] <= 'z';
	}
	return capitals && !small && s.n >= 4 && (digits || s.n >= 6 || slice_find_byte(s, '_') != SLICE_NPOS);
}

static bool add_word(struct arena *a, const struct knowledge *k, struct slice word, bool first, struct explanation *e)
{
	uint64_t number = 0;
	/* Later in a text a number of three digits may be anything; only known replies count. */
	bool reply = word.n == 3 && slice_to_uint(word, 599, &number) && number >= (first ? 100 : 200);
	bool enhanced = is_enhanced(word), known = false;
	if (!reply && !is_code_word(word))
		return true;
	for (size_t i = 0; i < k->n_codes; i++) {
		const struct code *c = &k->codes[i];
		bool own = slice_eq(slice_from_cstr(c->code), word);
		/* Numbers mean something else in each kind: in a reply only the protocol's, or a provider's own. */
		if ((reply && strcmp(c->kind, "smtp-reply") != 0) || (enhanced && strcmp(c->kind, "enhanced") != 0 && !own))
			continue;
		if (!explain_code_is(c, word) || (reply && !own))
			continue;
		known = true;
		if (!has_code(e, c) && !add_code(a, e, c))
			return false;
	}
	if ((enhanced || (reply && first && number >= 200)) && !known && !e->general.n)
		e->general = word;
	return true;
}

static bool find_codes(struct arena *a, const struct knowledge *k, struct slice text, struct explanation *e)
{
	bool first = true;
	while (text.n) {
		size_t n = 0;
		while (n < text.n && !ascii_is_space(text.p[n]) && text.p[n] != '-' && text.p[n] != '(' && text.p[n] != ',' && text.p[n] != ';')
			n++;
		struct slice word = bare(slice_sub(text, 0, n));
		if (word.n && !add_word(a, k, word, first, e))
			return false;
		first &= n == 0;
		text = slice_from(text, n + 1);
	}
	return true;
}

static unsigned count_words(struct slice text)
{
	unsigned n = 0;
	while (text.n) {
		struct slice w = slice_next_word(&text);
		bool letters = false;
		for (size_t i = 0; i < w.n; i++)
			letters |= ascii_is_alpha(w.p[i]) || w.p[i] >= 0x80;
		n += letters && w.n > 1;
	}
	return n;
}

/* --- nothing fits --------------------------------------------------------------------------------------------------------- */

/* Words that tell nothing apart. */
static bool is_common(struct slice w)
{
	static const char *const words[] = {"the", "and", "not", "does", "with", "from", "this", "that", "for", "mail", "email", "e-mail", "send", "server",
					    "error", "message", "cannot", "can't", "smtp", "your", "have", "has"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (slice_eq_nocase(w, slice_from_cstr(words[i])))
			return true;
	return w.n < 3;
}

static unsigned shared_words(const struct code *c, struct slice query)
{
	unsigned n = 0;
	while (query.n) {
		struct slice w = bare(slice_next_word(&query));
		if (is_common(w))
			continue;
		unsigned weight = slice_has_nocase(slice_from_cstr(c->code), w) ? 3 : slice_has_nocase(slice_from_cstr(c->title), w) ? 2 : 0;
		for (size_t i = 0; !weight && i < c->n_also; i++)
			weight = slice_has_nocase(slice_from_cstr(c->also[i]), w) ? 2 : 0;
		n += weight ? weight : slice_has_nocase(slice_from_cstr(c->meaning), w);
	}
	return n;
}

static bool find_nearest(struct arena *a, const struct knowledge *k, struct slice query, struct explanation *e)
{
	unsigned score[EXPLAIN_NEAREST_MAX] = {0};
	/* One word in a title is no likeness to a sentence. */
	unsigned least = count_words(query) > 3 ? 4 : 1;
	for (size_t i = 0; i < k->n_codes; i++) {
		unsigned n = shared_words(&k->codes[i], query);
		size_t at = e->nearest.n;
		while (at > 0 && score[at - 1] < n)
			at--;
		if (n < least || at == EXPLAIN_NEAREST_MAX)
			continue;
		if (e->nearest.n < EXPLAIN_NEAREST_MAX && !VEC_PUSH(a, &e->nearest))
			return false;
		for (size_t j = e->nearest.n - 1; j > at; j--) {
			e->nearest.v[j] = e->nearest.v[j - 1];
			score[j] = score[j - 1];
		}
		e->nearest.v[at] = &k->codes[i];
		score[at] = n;
	}
	return true;
}

bool explain_query(struct arena *a, const struct knowledge *k, struct slice query, struct explanation *ret)
{
	struct slice text = slice_trim(slice_sub(query, 0, EXPLAIN_TEXT_MAX)), id = text;
	*ret = (struct explanation){0};
	bool named = slice_skip_nocase(&id, S("cause:"));
	ret->cause = knowledge_cause(k, slice_trim(id));
	if (ret->cause || named)
		return true;
	if (!find_exact(a, k, text, ret))
		return false;
	ret->has_words = count_words(text) > 1;
	if (ret->exact.n && !ret->has_words)
		return true;
	if (!find_phrases(a, k, text, ret) || !find_codes(a, k, text, ret))
		return false;
	bool nothing = !ret->exact.n && !ret->phrases.n && !ret->codes.n;
	return !nothing || find_nearest(a, k, text, ret);
}
