/* Inferences about the greeting and the order of the dialogue: the EHLO name, HELO for EHLO, EHLO after STARTTLS and AUTH, replies read wrongly,
 * talking too early. The envelope and the message are in envelope.c. */
#include <libintl.h>

#include "diagnose/rule.h"

#define _(s) gettext(s)

/* --- small questions ------------------------------------------------------------------------------------------------------------- */

static bool is_hello(const struct exchange *x)
{
	return exchange_is(x, S("EHLO")) || exchange_is(x, S("HELO")) || exchange_is(x, S("LHLO"));
}

static unsigned code_of(const struct exchange *x)
{
	return x->reply ? x->reply->answer.code : 0;
}

static bool is_smtp(const struct session *s)
{
	return s->protocol == PROTOCOL_SMTP || s->protocol == PROTOCOL_LMTP;
}

/* The evidence is a capture: order and timing are those of the wire. */
static bool from_wire(const struct event *e)
{
	return e->stamp.where.frame != 0;
}

/* What a person wrote around a paste is looked for only where there are few sessions: a long log has no such words, and the search costs. */
#define PASTE_SESSIONS 64u

static const struct event *search_around(struct dx *x, unsigned kinds, const char *regex)
{
	return dx_transcript(x)->sessions.n <= PASTE_SESSIONS ? dx_search(x, kinds, regex, NULL) : NULL;
}

/* --- the EHLO name --------------------------------------------------------------------------------------------------------------- */

enum name_kind { NAME_GOOD, NAME_HIDDEN, NAME_MISSING, NAME_UNDERSCORE, NAME_BARE_IP, NAME_GENERIC, NAME_SHORT, NAME_INVALID, NAME_OWN };

static const struct {
	const char *cause;
	double sure, about_name; /* confidence: the reply names no reason; it speaks of the name */
} name_verdicts[] = {
	[NAME_GOOD] = {NULL, 0, 0},
	[NAME_HIDDEN] = {NULL, 0, 0},
	[NAME_MISSING] = {"ehlo-name-missing", 0.9, 0.95},
	[NAME_UNDERSCORE] = {"ehlo-name-underscore", 0.85, 0.95},
	[NAME_BARE_IP] = {"ehlo-name-bare-ip", 0.8, 0.94},
	[NAME_GENERIC] = {"ehlo-name-generic-rejected", 0.8, 0.9},
	[NAME_SHORT] = {"ehlo-name-not-fqdn", 0.5, 0.82},
	[NAME_INVALID] = {"ehlo-name-invalid", 0.85, 0.95},
	[NAME_OWN] = {"ehlo-name-is-servers-own", 0.6, 0.88},
};

/* Stars, "redacted", a run of x: a name that was taken out of the evidence. Not so a lone "_", which web servers really send. */
static bool name_is_hidden(struct slice name)
{
	if (slice_has(name, S("***")) || slice_has_nocase(name, S("redacted")) || slice_has_nocase(name, S("xxx")) || slice_has_nocase(name, S("hidden")))
		return true;
	return name.n > 2 && name.p[0] == '<' && name.p[name.n - 1] == '>';
}

static bool is_ipv4(struct slice s)
{
	uint64_t part;
	for (int i = 0; i < 4; i++) {
		if (i && !slice_skip(&s, S(".")))
			return false;
		if (!slice_next_uint(&s, 255, &part))
			return false;
	}
	return s.n == 0;
}

static bool is_ipv6(struct slice s)
{
	size_t colons = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ':')
			colons++;
		else if (!ascii_is_hex(s.p[i]) && s.p[i] != '.' && s.p[i] != '%')
			return false;
	}
	return colons >= 2;
}

static bool is_literal(struct slice s)
{
	if (s.n < 4 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	s = slice_sub(s, 1, s.n - 1);
	slice_skip_nocase(&s, S("IPv6:"));
	return is_ipv4(s) || is_ipv6(s);
}

static bool is_generic(struct slice name)
{
	static const char *const names[] = {
		"localhost", "localhost.localdomain", "localhost.local", "[127.0.0.1]", "[::1]", "[ipv6:::1]", "local", "localdomain",
		"user-pc", "ylmf-pc", "friend", "localhost.", "smtp-relay.gmail.com",
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_eq_nocase(name, slice_from_cstr(names[i])))
			return true;
	return false;
}

/* Letters, digits, hyphens inside labels, dots between them; *underscore when the only foreign sign is that. */
static bool is_host_name(struct slice name, bool *underscore)
{
	*underscore = false;
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = name.p[i];
		bool edge = i == 0 || i + 1 == name.n || name.p[i - 1] == '.' || name.p[i + 1] == '.';
		if (c == '_')
			*underscore = true;
		else if (c == '-' ? edge : c == '.' ? i == 0 || name.p[i - 1] == '.' : !ascii_is_alnum(c))
			return false;
	}
	return true;
}

static bool is_servers_own(const struct session *s, struct slice name)
{
	if (s->server.name.n && slice_eq_nocase(name, s->server.name))
		return true;
	if (is_literal(name))
		name = slice_sub(name, 1, name.n - 1);
	return s->server.address.n && !slice_starts(name, S("127.")) && slice_eq(name, s->server.address);
}

static enum name_kind classify_name(const struct session *s, struct slice name)
{
	bool underscore;
	name = slice_trim(name);
	if (name.n == 0)
		return NAME_MISSING;
	if (name_is_hidden(name))
		return NAME_HIDDEN;
	if (is_generic(name))
		return NAME_GENERIC;
	if (is_servers_own(s, name))
		return NAME_OWN;
	if (is_ipv4(name) || is_ipv6(name))
		return NAME_BARE_IP;
	if (is_literal(name))
		return NAME_GOOD;
	if (!is_host_name(name, &underscore))
		return NAME_INVALID;
	if (underscore)
		return NAME_UNDERSCORE;
	return slice_find_byte(name, '.') == SLICE_NPOS ? NAME_SHORT : NAME_GOOD;
}

#define ABOUT_NAME "\\b(?:EHLO|HELO)\\b|host ?name|domain name|argument|syntax|invalid name|fully.qualified"
/* Refusals of a greeting that have nothing to do with the name in it. */
#define NOT_ABOUT_NAME                                                                                                                              \
	"block(?:ed|list)|blacklist|spamhaus|reputation|too many|not (?:implemented|recogni)|unrecogni[sz]ed|unknown command|synchroni|"              \
	"pipelin|STARTTLS|resolve|verif|does not match|wrong state|sequence|not found|PTR|reverse|already (?:said|identified)|duplicate|out of memory|greylist|(?:HELO|EHLO) (?:or EHLO )?(?:first|required)|"    \
	"(?:send|polite people say|say|need|issue) (?:HELO|EHLO|hello)"

static bool code_may_refuse_name(unsigned code)
{
	switch (code) {
	case 421: case 450: case 451: case 500: case 501: case 503: case 504: case 550: case 553: case 554:
		return true;
	default:
		return false;
	}
}

/* EHLO/HELO was refused, or a later reply speaks of the name: what is wrong with it? */
static void find_bad_ehlo_name(struct dx *x, const struct session *s)
{
	if (!is_smtp(s))
		return;
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (!ex->negative || !code_may_refuse_name(code_of(ex)))
			continue;
		bool hello = is_hello(ex) && ex->command;
		if (!hello && !dx_match(x, ex->reply->text, "\\b(?:EHLO|HELO)\\b"))
			continue;
		struct slice name = hello ? ex->command->command.args : event_fact(ex->reply, "helo");
		if (!hello && !name.n)
			name = s->ehlo;
		if (!hello && !name.n)
			continue;
		enum name_kind kind = classify_name(s, name);
		/* 501 to EHLO is about its argument, whatever the words, where that is plainly wrong. */
		bool plain = hello && code_of(ex) == 501 && (kind == NAME_MISSING || kind == NAME_BARE_IP || kind == NAME_INVALID || kind == NAME_UNDERSCORE);
		if (!plain && dx_match(x, ex->reply->text, NOT_ABOUT_NAME))
			continue;
		bool about = dx_match(x, ex->reply->text, ABOUT_NAME);
		if (!name_verdicts[kind].cause || (code_of(ex) == 500 && !about))
			continue;
		struct draft *d = dx_find(x, name_verdicts[kind].cause, about ? name_verdicts[kind].about_name : name_verdicts[kind].sure, ex->reply);
		if (kind != NAME_MISSING)
			dx_value(d, "ehlo", slice_trim(name));
		else
			dx_value(d, "verb", ex->verb);
		dx_evidence(d, hello ? ex->command : s->ehlo_event);
		return;
	}
}

/* After a generic name the server just closed: some do, without a word. */
static void find_generic_name_dropped(struct dx *x, const struct session *s)
{
	const struct exchange *last = s->exchanges.n ? &s->exchanges.v[s->exchanges.n - 1] : NULL;
	if (!is_smtp(s) || !last || !is_hello(last) || !last->command || last->reply || s->from_log)
		return;
	if (classify_name(s, last->command->command.args) != NAME_GENERIC)
		return;
	const struct event *end = session_event(s, EV_CLOSE, 0);
	if (!end)
		end = dx_search_session(x, s, KIND(EV_ERROR), "EOF|unexpectedly closed|closed by|reset|Server terminates|disconnected");
	if (!end)
		return;
	struct draft *d = dx_find(x, "ehlo-name-generic-rejected", 0.62, last->command);
	dx_value(d, "ehlo", slice_trim(last->command->command.args));
	dx_evidence(d, end);
}

/* Everything was accepted, but the person says that the mail never arrives: a bad name is a reason to drop it silently. */
static void find_bad_name_accepted(struct dx *x, const struct session *s)
{
	if (!is_smtp(s) || !s->message_accepted || !s->ehlo_event || s->from_log)
		return;
	enum name_kind kind = classify_name(s, s->ehlo);
	if (kind != NAME_BARE_IP && kind != NAME_GENERIC && kind != NAME_INVALID && kind != NAME_MISSING)
		return;
	const struct event *lost = search_around(x, KIND(EV_PROSE) | KIND(EV_ERROR) | KIND(EV_LOG),
					     "never (?:arriv|deliver|receiv|show)|not (?:arriv|deliver|receiv)|(?:does ?n.t|did ?n.t|do not|did not) (?:arrive|receive|get|show)|silently|"
					     "dropped|disappear|no (?:e-?)?mail (?:arrive|is received)");
	if (!lost)
		return;
	struct draft *d = dx_find(x, name_verdicts[kind].cause, 0.55, s->ehlo_event);
	dx_value(d, "ehlo", slice_trim(s->ehlo));
	dx_evidence(d, lost);
	dx_keep(d);
}

/* --- HELO, EHLO and when --------------------------------------------------------------------------------------------------------- */

static bool said_ehlo(const struct session *s)
{
	for (size_t i = 0; i < s->exchanges.n; i++)
		if (exchange_is(&s->exchanges.v[i], S("EHLO")) || exchange_is(&s->exchanges.v[i], S("LHLO")))
			return true;
	return s->from_log;
}

/* EHLO came first, but the greeting that counts is a later HELO. */
static void find_helo_after_ehlo(struct dx *x, const struct session *s)
{
	const struct exchange *last = NULL;
	for (size_t i = 0; i < s->exchanges.n && !s->from_log; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (is_hello(ex) && ex->positive)
			last = ex;
		if (!exchange_is(ex, S("AUTH")) || !ex->negative || code_of(ex) == 535 || !last || !exchange_is(last, S("HELO")))
			continue;
		if (caps_offer_auth(session_caps_before(s, ex->command ? ex->command->n : 0)) || code_of(ex) / 100 != 5)
			return;
		struct draft *d = dx_find(x, "helo-instead-of-ehlo", 0.62, ex->reply);
		dx_evidence(d, last->command);
		return;
	}
}

/* AUTH or STARTTLS was tried after HELO: extensions were never offered (RFC 5321 section 4.1.1.1). */
static void find_helo_then_extension(struct dx *x, const struct session *s)
{
	size_t hello;
	if (is_smtp(s) && said_ehlo(s))
		find_helo_after_ehlo(x, s);
	if (!is_smtp(s) || said_ehlo(s) || !session_exchange(s, S("HELO"), 0, &hello) || !s->exchanges.v[hello].positive)
		return;
	for (size_t i = hello + 1; i < s->exchanges.n; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		bool extension = exchange_is(ex, S("AUTH")) || exchange_is(ex, S("STARTTLS"));
		bool early = exchange_is(ex, S("MAIL")) && code_of(ex) == 503;
		if (!ex->negative || (!extension && !early) || code_of(ex) == 535 || code_of(ex) == 454)
			continue;
		struct draft *d = dx_find(x, "helo-instead-of-ehlo", early ? 0.8 : 0.95, ex->reply);
		dx_evidence(d, s->exchanges.v[hello].command);
		dx_evidence(d, ex->command);
		return;
	}
}

/* HELO only, so AUTH was never seen, and the server wants a login. Sure when another session shows that EHLO lists AUTH. */
static void find_helo_hides_auth(struct dx *x, const struct session *s)
{
	size_t hello;
	if (!is_smtp(s) || said_ehlo(s) || !session_exchange(s, S("HELO"), 0, &hello) || session_exchange(s, S("AUTH"), 0, NULL))
		return;
	const struct transcript *t = dx_transcript(x);
	bool offered_elsewhere = false;
	for (size_t i = 0; i < t->sessions.n && i < 64; i++)
		offered_elsewhere |= caps_offer_auth(session_caps_before(t->sessions.v[i], 0));
	for (size_t i = hello + 1; i < s->exchanges.n; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (!ex->negative || !dx_match(x, ex->reply->text, "authenticat|5\\.7\\.57|log ?in first"))
			continue;
		const struct event *meant = dx_search(x, KINDS_AROUND | KINDS_TOLD,
			"(?:^|\\s)--?auth\\b|\\b(?:smtp_?)?(?:user(?:name)?|pass(?:word)?)\\b\\s*[=: ]|(?:username|login|user) and password|credentials", NULL);
		struct draft *d = dx_find(x, "helo-instead-of-ehlo", offered_elsewhere ? 0.88 : meant ? 0.8 : 0.5, ex->reply);
		dx_evidence(d, meant);
		dx_evidence(d, s->exchanges.v[hello].command);
		return;
	}
}

/* After STARTTLS the first command was not EHLO, and it (or what follows) is refused for its place (RFC 3207 section 4.2). */
static void find_no_ehlo_after_starttls(struct dx *x, const struct session *s)
{
	size_t tls;
	if (!is_smtp(s) || s->from_log || !session_exchange(s, S("STARTTLS"), 0, &tls) || !s->exchanges.v[tls].positive)
		return;
	for (size_t i = tls + 1; i < s->exchanges.n; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (is_hello(ex))
			return;
		if (!ex->command || !ex->negative || exchange_is(ex, S("QUIT")) || code_of(ex) == 535 || code_of(ex) / 100 == 4)
			continue;
		bool order = code_of(ex) == 503 || dx_match(x, ex->reply->text, "hello|helo|ehlo|sequence|advertised|order|first");
		struct draft *d = dx_find(x, "no-ehlo-after-starttls", order ? 0.96 : 0.6, ex->reply);
		dx_value(d, "verb", ex->verb);
		dx_evidence(d, s->exchanges.v[tls].command);
		dx_evidence(d, ex->command);
		return;
	}
}

/* EHLO after a login that passed, then the server wants a login: it forgot the first. */
static void find_ehlo_after_auth(struct dx *x, const struct session *s)
{
	const struct login *passed = NULL;
	const struct exchange *again = NULL;
	for (size_t i = 0; i < s->logins.n; i++)
		if (s->logins.v[i].passed)
			passed = &s->logins.v[i];
	if (!is_smtp(s) || !passed || !passed->reply)
		return;
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (!ex->command || ex->command->n < passed->reply->n)
			continue;
		if (is_hello(ex)) {
			again = ex;
			if (!ex->negative)
				continue;
		}
		if (!again || !ex->negative || exchange_is(ex, S("QUIT")))
			continue;
		bool wants_login = code_of(ex) == 530 || dx_match(x, ex->reply->text, "authenticat|log ?in|relay|already said|already (?:identified|greeted)|account|no such user|credential");
		struct draft *d = dx_find(x, "re-ehlo-after-auth", wants_login ? 0.96 : 0.6, ex->reply);
		dx_evidence(d, passed->reply);
		dx_evidence(d, again->command);
		return;
	}
}

/* --- replies read wrongly -------------------------------------------------------------------------------------------------------- */

/* Lines of the EHLO reply that were said before event `n`: a form shows the rest of the reply after the command, so lines carry no numbers of their own;
 * the evidence line tells. */
static size_t lines_before(const struct event *reply, const struct event *command)
{
	if (!command->stamp.where.line || !reply->stamp.where.line || command->stamp.where.input != reply->stamp.where.input)
		return 0;
	size_t gap = command->stamp.where.line - reply->stamp.where.line;
	return gap < reply->answer.n_lines ? gap : reply->answer.n_lines;
}

/* The evidence is what a packet analyser printed: a line is a segment. */
static bool shows_packets(struct dx *x, const struct event *e)
{
	const struct transcript *t = dx_transcript(x);
	if (from_wire(e))
		return true;
	struct slice form = e->stamp.where.input < t->inputs.n ? t->inputs.v[e->stamp.where.input].form : SLICE_NONE;
	return slice_has(form, S("tshark")) || slice_has(form, S("tcpdump")) || slice_has(form, S("pcap"));
}

/* A command was sent while the lines of the EHLO reply were still coming (or being read). */
static void find_command_inside_reply(struct dx *x, const struct session *s)
{
	if (!is_smtp(s) || s->from_log)
		return;
	for (size_t i = 0; i + 1 < s->exchanges.n; i++) {
		const struct exchange *hello = &s->exchanges.v[i], *next = &s->exchanges.v[i + 1];
		if (!is_hello(hello) || !hello->command || !hello->reply || !hello->positive || !next->command || !(next->command->oddities & ODD_PIPELINED))
			continue;
		if (hello->reply->n > next->command->n && !(hello->reply->oddities & ODD_UNTERMINATED) && hello->reply->answer.n_lines < 2)
			continue; /* simply sent before the whole reply: pipelining */
		if (hello->reply->stamp.where.line > next->command->stamp.where.line)
			continue;
		size_t read = lines_before(hello->reply, next->command);
		if (!read && !(hello->reply->oddities & ODD_SPLIT))
			continue;
		bool packets = (hello->reply->oddities & ODD_SPLIT) || read > 1 || shows_packets(x, hello->reply) ||
			       search_around(x, KINDS_AROUND | KINDS_TOLD, "packet|segment|wireshark|tcpdump|modem|SIM\\d00");
		struct draft *d = dx_find(x, packets ? "reply-split-over-packets" : "client-misparses-ehlo", 0.88, next->command);
		dx_evidence(d, hello->reply);
		return;
	}
}

/* AUTH answered by 250, the client complains of a 250: it reads old lines of a multi-line reply. */
static void find_stale_reply(struct dx *x, const struct session *s)
{
	const struct exchange *auth = session_exchange(s, S("AUTH"), 0, NULL);
	if (!is_smtp(s) || s->from_log || !auth || !auth->reply || auth->reply->answer.code != 250)
		return;
	/* A paste that begins inside the EHLO reply leaves a line of it that the AUTH reply is joined to. */
	if ((auth->reply->oddities & (ODD_UNTERMINATED | ODD_MIXED_CODES)) || (auth->command && auth->reply->n < auth->command->n))
		return;
	struct draft *d = dx_find(x, "client-misparses-ehlo", 0.85, auth->reply);
	dx_evidence(d, auth->command);
}

#define NO_AUTH_TEXT                                                                                                       \
	"(?:does ?n.t|do not|does not|not) (?:seem to )?(?:support|offer|advertise)\\w*[^\\n]{0,30}\\bauth(?!enticat\\w+-res)|" \
	"AUTH\\w* (?:is )?not (?:supported|available|offered)"

/* The client says that there is no AUTH, though the list that it was given before names LOGIN or PLAIN. */
static void find_auth_overlooked(struct dx *x, const struct session *none)
{
	(void)none;
	const struct transcript *t = dx_transcript(x);
	const struct session *last = NULL; /* what a statement outside of any session is about */
	for (size_t i = 0; i < t->events.n; i++) {
		const struct event *e = t->events.v[i];
		if (e->session)
			last = e->session;
		bool told = KIND(e->kind) & (KINDS_TOLD | KINDS_AROUND);
		if (!told || !last || !is_smtp(last) || last->from_log || !dx_match(x, e->text, NO_AUTH_TEXT))
			continue;
		const struct capabilities *c = session_caps_before(last, e->session ? e->n : 0);
		if ((!caps_have_mech(c, S("LOGIN")) && !caps_have_mech(c, S("PLAIN"))) || c->event->stamp.where.line > e->stamp.where.line)
			continue;
		if (dx_match(x, e->text, "mechanism|XOAUTH|CRAM|DIGEST|NTLM|SCRAM|GSSAPI|auth type"))
			continue;
		struct draft *d = dx_find(x, "client-misparses-ehlo", 0.7, e);
		dx_evidence(d, c->event);
		return;
	}
}

#define NO_STARTTLS_TEXT                                                                                                                  \
	"(?:does ?n.t|do not|does not|not) (?:seem to )?(?:support|offer|advertise)\\w*[^\\n]{0,20}\\bSTARTTLS|STARTTLS (?:is |was )?not (?:supported|" \
	"available|offered|advertised)|no STARTTLS (?:support|offered)"

/* The same of STARTTLS: it stands in the list, and works when it is typed, or stands in the last line, which clients like to miss. */
static void find_starttls_overlooked(struct dx *x, const struct session *s)
{
	const struct capabilities *c = is_smtp(s) && !s->from_log ? session_caps_tls(s, false) : NULL;
	if (!c || !caps_have(c, S("STARTTLS"), NULL) || dx_transcript(x)->sessions.n > 2)
		return;
	const struct event *told = dx_search(x, KINDS_TOLD | KINDS_AROUND, NO_STARTTLS_TEXT, NULL);
	const struct exchange *hello = session_exchange(s, S("EHLO"), 0, NULL);
	const struct exchange *tls = session_exchange(s, S("STARTTLS"), 0, NULL);
	if (!told || !hello || (tls && !tls->positive))
		return;
	bool last = hello->reply && dx_match(x, hello->reply->text, "250 STARTTLS\\s*$");
	if (!last && !tls)
		return;
	struct draft *d = dx_find(x, "client-misparses-ehlo", last ? 0.82 : 0.7, told);
	dx_evidence(d, c->event);
	if (last)
		dx_summary(d, _("The client says that there is no STARTTLS, but %s offers it, in the last line of its EHLO reply (250 STARTTLS, with a "
				"blank instead of a hyphen): the client reads that line wrongly."),
			   s->server.name.n ? dx_shown(x, s->server.name) : _("the server"));
}

static bool is_keyword(struct slice word)
{
	static const char *const keywords[] = {
		"SIZE", "PIPELINING", "8BITMIME", "STARTTLS", "AUTH", "ENHANCEDSTATUSCODES", "DSN", "CHUNKING", "SMTPUTF8", "BINARYMIME", "VRFY", "ETRN",
		"X-EXPS", "XCLIENT", "DELIVERBY", "AUTH=LOGIN",
	};
	for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
		if (slice_eq_nocase(word, slice_from_cstr(keywords[i])))
			return true;
	return false;
}

/* A line of the reply that holds a keyword but no code in front. */
static bool has_codeless_keyword(struct slice text)
{
	struct slice line;
	while (slice_next_line(&text, &line)) {
		struct slice rest = slice_trim(line);
		size_t n = 0;
		while (n < rest.n && n < 3 && ascii_is_digit(rest.p[n]))
			n++;
		bool odd_separator = n == 3 && rest.n > 3 && rest.p[3] != ' ' && rest.p[3] != '-';
		if (odd_separator)
			rest = slice_from(rest, 4);
		if ((n == 0 || odd_separator) && is_keyword(slice_next_word(&rest)))
			return true;
	}
	return false;
}

/* The EHLO reply against the grammar of RFC 5321 section 4.1.1.1. */
static void find_malformed_ehlo_reply(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < s->exchanges.n && is_smtp(s) && !s->from_log; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (!exchange_is(ex, S("EHLO")) || !ex->command || !ex->reply || !ex->reply->answer.n_lines || ex->negative)
			continue;
		const struct reply *r = &ex->reply->answer;
		struct slice first = r->lines[0];
		struct slice word = slice_next_word(&first);
		const struct event *next = ex->reply->n < s->events.n ? s->events.v[ex->reply->n] : NULL;
		double confidence = 0;
		if (r->code == 220 && session_event(s, EV_GREETING, 0) && session_event(s, EV_GREETING, 0)->n < ex->command->n)
			confidence = 0.85; /* a second greeting instead of 250 */
		else if (is_keyword(word))
			confidence = r->n_lines > 1 || first.n ? 0.82 : 0.5;
		else if (has_codeless_keyword(ex->reply->text) || (next && next->side == SIDE_SERVER && has_codeless_keyword(next->text)))
			confidence = 0.9;
		else if (r->n_lines == 1 && i < 8 && search_around(x, KIND(EV_PROSE) | KIND(EV_CONFIG), "^\\s*(?:8BITMIME|SIZE(?: \\d+)?|PIPELINING|STARTTLS|AUTH [A-Z -]+|ENHANCEDSTATUSCODES|DSN|SMTPUTF8|CHUNKING)\\s*$"))
			confidence = 0.88;
		else if (ex->reply->oddities & ODD_MIXED_CODES)
			confidence = 0.75;
		else if (next && next->kind == EV_REPLY && (next->oddities & ODD_UNEXPECTED) && next->answer.code == 250 && r->n_lines == 1)
			confidence = 0.82; /* "250 name", "250 SIZE": every line with a blank */
		else if ((ex->reply->oddities & ODD_UNTERMINATED) && (!next || next->kind == EV_CLOSE || next->kind == EV_ERROR) && s->outcome == OUTCOME_TIMED_OUT)
			confidence = 0.6;
		if (confidence == 0)
			continue;
		struct draft *d = dx_find(x, "server-ehlo-reply-malformed", confidence, ex->reply);
		dx_evidence(d, next && next->side == SIDE_SERVER ? next : NULL);
		return;
	}
}

/* A reply in several segments, and the client stopped or said something that does not fit. */
static void find_split_reply(struct dx *x, const struct session *s)
{
	if (s->outcome == OUTCOME_OK || s->from_log)
		return;
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (!ex->reply || !ex->positive || !(ex->reply->oddities & ODD_SPLIT) || ex->reply->answer.n_lines < 2)
			continue;
		const struct exchange *next = i + 1 < s->exchanges.n ? &s->exchanges.v[i + 1] : NULL;
		if (next && (!next->command || !(next->command->oddities & (ODD_PIPELINED | ODD_PIPELINED_UNOFFERED))))
			continue;
		if (!next && s->outcome != OUTCOME_TIMED_OUT && s->outcome != OUTCOME_CLOSED_EARLY)
			continue;
		struct draft *d = dx_find(x, "reply-split-over-packets", next ? 0.9 : 0.6, ex->reply);
		dx_evidence(d, next ? next->command : NULL);
		return;
	}
}

/* POP3: a listing that seems unfinished, and the lone dot that ends it came by itself, later (a client's own log of its reads). */
static void find_lone_dot(struct dx *x, const struct session *s)
{
	if (s->protocol != PROTOCOL_POP3)
		return;
	for (size_t i = 0; i < s->events.n; i++) {
		const struct event *e = s->events.v[i];
		if (e->kind != EV_REPLY || e->answer.n_lines < 2 || !(e->oddities & ODD_UNTERMINATED))
			continue;
		const struct event *dot = search_around(x, KINDS_AROUND | KIND(EV_UNTAGGED) | KIND(EV_COMMAND), "^\\s*\\.\\s*$");
		if (!dot || (dot->stamp.where.line && dot->stamp.where.line < e->stamp.where.line))
			return;
		struct draft *d = dx_find(x, "reply-split-over-packets", 0.85, e);
		dx_evidence(d, dot);
		return;
	}
}

/* --- talking too early ----------------------------------------------------------------------------------------------------------- */

/* Said before the greeting, and the greeting is in the evidence, after it. */
static void find_early_talk(struct dx *x, const struct session *s)
{
	const struct event *greeting = session_event(s, EV_GREETING, 0);
	if (!is_smtp(s) || s->from_log || s->outcome == OUTCOME_OK)
		return;
	if (greeting && greeting->answer.code != 220)
		greeting = NULL;
	for (size_t i = 0; i < s->events.n; i++) {
		const struct event *e = s->events.v[i];
		if (e->kind != EV_COMMAND || !(e->oddities & ODD_EARLY_TALK) || (e->oddities & ODD_TLS_BYTES))
			continue;
		bool refused = e->reply && (e->reply->answer.code == 554 || e->reply->answer.code == 421 || e->reply->answer.code == 220);
		if (!(greeting && greeting->n > e->n) && !(refused && from_wire(e)) && !(refused && e->reply->answer.code == 220))
			return;
		/* A client's own log with an empty read before its EHLO: it waited, but not long enough. */
		bool waited = !from_wire(e) && search_around(x, KIND(EV_ERROR) | KINDS_AROUND | KIND(EV_LOG), "EHLO not accepted from server: 220|FROM SERVER:\\s*$");
		struct draft *d = dx_find(x, waited ? "greeting-delay-vs-client-timeout" : "early-talker", 0.86, e);
		dx_evidence(d, greeting ? greeting : e->reply);
		return;
	}
}

/* "220-name" is half of a greeting: who speaks then has not waited for the line with the blank (postscreen's test). */
static void find_talk_inside_greeting(struct dx *x, const struct session *s)
{
	const struct event *greeting = session_event(s, EV_GREETING, 0);
	if (!is_smtp(s) || s->from_log || s->outcome == OUTCOME_OK || !greeting || !(greeting->oddities & ODD_UNTERMINATED) || greeting->answer.code != 220)
		return;
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (!ex->command || !ex->negative || (code_of(ex) != 521 && code_of(ex) != 554 && code_of(ex) != 421 && code_of(ex) != 550))
			continue;
		struct draft *d = dx_find(x, "early-talker", 0.8, ex->command);
		dx_evidence(d, greeting);
		dx_evidence(d, ex->reply);
		return;
	}
}

/* On the wire: commands sent together though PIPELINING was not offered, and refused for it. */
static void find_pipelining(struct dx *x, const struct session *s)
{
	if (!is_smtp(s) || s->from_log || s->outcome == OUTCOME_OK)
		return;
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (!ex->command || !from_wire(ex->command) || !(ex->command->oddities & ODD_PIPELINED_UNOFFERED) || !ex->negative)
			continue;
		if (code_of(ex) != 503 && code_of(ex) != 554 && code_of(ex) != 500 && code_of(ex) != 421)
			continue;
		dx_find(x, "unauthorized-pipelining", 0.72, ex->reply);
		return;
	}
}

/* PIPELINING is offered, but a well-known command sent that way is "not recognised". */
static void find_pipelining_broken(struct dx *x, const struct session *s)
{
	if (!is_smtp(s) || s->from_log)
		return;
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		bool envelope = exchange_is(ex, S("MAIL")) || exchange_is(ex, S("RCPT")) || exchange_is(ex, S("DATA"));
		if (!envelope || !ex->command || !ex->negative || !(ex->command->oddities & ODD_PIPELINED) || (ex->command->oddities & ODD_UNKNOWN_VERB))
			continue;
		if (!caps_have(session_caps_before(s, ex->command->n), S("PIPELINING"), NULL))
			continue;
		if ((code_of(ex) != 500 && code_of(ex) != 502) || !dx_match(x, ex->reply->text, "not recogni|unrecogni|unknown command|not implemented|syntax"))
			continue;
		struct draft *d = dx_find(x, "extension-advertised-but-broken", 0.85, ex->reply);
		dx_value(d, "extension", S("PIPELINING"));
		dx_evidence(d, ex->command);
		return;
	}
}

/* --- slow greetings -------------------------------------------------------------------------------------------------------------- */

#define GREETING_LATE_US (8 * 1000000LL)

/* A packet list in which one side closes before the greeting comes, and nothing was asked. */
static void find_greeting_after_close(struct dx *x, const struct session *s)
{
	const struct event *greeting = session_event(s, EV_GREETING, 0);
	if (!is_smtp(s) || !greeting || greeting->answer.code != 220 || session_event(s, EV_COMMAND, 0))
		return;
	const struct event *fin = search_around(x, KIND(EV_TOOL) | KIND(EV_CLOSE), "\\[(?:FIN|RST)|Flags \\[[FR]");
	if (!fin || fin->stamp.where.line >= greeting->stamp.where.line || !search_around(x, KIND(EV_TOOL) | KIND(EV_CONNECT), "\\[SYN|Flags \\[S"))
		return;
	struct draft *d = dx_find(x, "greeting-delay-vs-client-timeout", 0.75, greeting);
	dx_evidence(d, fin);
}

/* Connected, greeted late, and by then the client had gone or complained. */
static void find_late_greeting(struct dx *x, const struct session *s)
{
	const struct event *connect = session_event(s, EV_CONNECT, 0), *greeting = session_event(s, EV_GREETING, 0);
	if (!is_smtp(s) || !connect || !greeting || !connect->stamp.has_time || !greeting->stamp.has_time || s->outcome == OUTCOME_OK)
		return;
	int64_t waited = greeting->stamp.time_us - connect->stamp.time_us;
	bool gone = s->outcome == OUTCOME_TIMED_OUT || s->outcome == OUTCOME_RESET || s->outcome == OUTCOME_CLOSED_EARLY || !session_event(s, EV_COMMAND, 0);
	if (waited < GREETING_LATE_US || !gone)
		return;
	struct draft *d = dx_find(x, "greeting-delay-vs-client-timeout", 0.85, greeting);
	dx_evidence(d, connect);
}

/* A client timed out on the greeting, and another session in the same evidence got it. */
static void find_greeting_elsewhere(struct dx *x, const struct session *none)
{
	(void)none;
	const struct event *error = search_around(x, KINDS_TOLD, "Greeting never received|(?:timed? ?out|timeout)[^\\n]{0,60}(?:greeting|banner|220|connect)");
	if (!error || dx_search(x, 0, "\\b465\\b|smtps:|proxy", NULL))
		return;
	const struct transcript *t = dx_transcript(x);
	for (size_t i = 0; i < t->sessions.n; i++) {
		const struct event *greeting = session_event(t->sessions.v[i], EV_GREETING, 0);
		if (!greeting || greeting->answer.code != 220 || greeting->session == error->session)
			continue;
		struct draft *d = dx_find(x, "greeting-delay-vs-client-timeout", 0.62, error);
		dx_evidence(d, greeting);
		return;
	}
}

/* --- order ----------------------------------------------------------------------------------------------------------------------- */

/* What the transaction has so far, to tell why a 503 came. */
struct order {
	bool hello, mail, rcpt, refused;
};

static void order_after(struct order *o, const struct exchange *ex)
{
	if (is_hello(ex) && !ex->negative)
		*o = (struct order){.hello = true};
	else if (exchange_is(ex, S("RSET")) || exchange_is(ex, S("DOT")))
		o->mail = o->rcpt = o->refused = false;
	else if (exchange_is(ex, S("MAIL")) && !ex->negative)
		o->mail = true;
	else if (exchange_is(ex, S("RCPT")) && !ex->negative)
		o->rcpt = true;
	if (ex->negative && code_of(ex) != 503)
		o->refused = true;
}

/* How sure the commands themselves make it that this one came at the wrong point; 0: they do not tell. */
static double order_fault(const struct order *o, const struct exchange *ex)
{
	if (exchange_is(ex, S("RCPT")) && !o->mail)
		return 0.8;
	if (exchange_is(ex, S("DATA")) && !o->rcpt)
		return 0.8;
	if (exchange_is(ex, S("MAIL")) && (o->mail || !o->hello))
		return 0.84;
	if (exchange_is(ex, S("STARTTLS")) && !o->hello)
		return 0.82;
	return is_hello(ex) && o->hello ? 0.7 : 0;
}

#define ORDER_TEXT "sequence|order|nested|already|first|need|must|preced|before|not allowed at this|no (?:valid )?(?:recipient|sender)"

/* A 503 that follows from no other refusal: the order of the commands themselves is wrong. */
static void find_wrong_order(struct dx *x, const struct session *s)
{
	struct order o = {0};
	bool whole = !s->from_log && session_event(s, EV_GREETING, 0) && session_event(s, EV_COMMAND, 0);
	if (!is_smtp(s))
		return;
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		bool wrong = ex->negative && code_of(ex) == 503 && !o.refused && !dx_match(x, ex->reply->text, "authentic|AUTH\\b|pipelin|synchroni|TLS");
		double confidence = wrong && ex->command && whole ? order_fault(&o, ex) : 0;
		if (wrong && confidence == 0 && dx_match(x, ex->reply->text, ORDER_TEXT))
			confidence = 0.45;
		if (confidence > 0) {
			struct draft *d = dx_find(x, "sequence-error", confidence, ex->reply);
			dx_value(d, "verb", ex->verb);
			dx_evidence(d, ex->command);
			return;
		}
		order_after(&o, ex);
	}
}

/* Header fields stand where commands belong, and the server refuses them as such. */
static void find_headers_as_commands(struct dx *x, const struct session *s)
{
	const struct exchange *data = NULL;
	if (!is_smtp(s))
		return;
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (exchange_is(ex, S("DATA")))
			data = ex;
		if (exchange_is(ex, S("DOT")) && ex->positive)
			return; /* after an accepted message: its text goes on (dot-stuffing) */
		if (!ex->command || !(ex->command->oddities & ODD_HEADER_AS_COMMAND) || !ex->negative)
			continue;
		struct draft *d = dx_find(x, "sequence-headers-before-data", data && data->negative ? 0.7 : 0.92, ex->command);
		dx_value(d, "value", ex->verb);
		dx_evidence(d, ex->reply);
		dx_evidence(d, data ? data->reply : NULL);
		return;
	}
}

/* The same in a paste without marks, where a header line could not be told from a setting: it stands right above the refusal. */
static void find_headers_above_refusals(struct dx *x, const struct session *none)
{
	(void)none;
	const struct transcript *t = dx_transcript(x);
	for (size_t i = 1; i < t->events.n; i++) {
		const struct event *e = t->events.v[i], *above = t->events.v[i - 1];
		const struct session *s = e->session;
		bool refused = s && e->kind == EV_REPLY && !e->cmd && (e->answer.code == 500 || e->answer.code == 502 || e->answer.code == 503);
		if (!refused || !is_smtp(s) || s->from_log || s->message_accepted || (above->kind != EV_CONFIG && above->kind != EV_PROSE) || above->stamp.where.line + 1 != e->stamp.where.line)
			continue;
		if (!dx_match(x, above->text, "^\\s*(?:From|To|Cc|Subject|Date|MIME-Version|Message-ID|Content-Type|Reply-To) ?:"))
			continue;
		struct draft *d = dx_find(x, "sequence-headers-before-data", 0.86, e);
		dx_evidence(d, above);
		return;
	}
}

/* After an accepted message come lines that are no commands: the rest of its text. */
static void find_text_after_dot(struct dx *x, const struct session *s)
{
	const struct exchange *dot = NULL;
	if (!is_smtp(s) || s->from_log)
		return;
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (exchange_is(ex, S("DOT")) && ex->positive)
			dot = ex;
		bool unknown = code_of(ex) == 500 || code_of(ex) == 502 || code_of(ex) == 503;
		if (!dot || ex == dot || !ex->negative || !unknown)
			continue;
		/* A line that is no command; or, in a paste, a line that could not be told from prose, and the reply to it. */
		bool text = ex->command ? (ex->command->oddities & (ODD_UNKNOWN_VERB | ODD_HEADER_AS_COMMAND)) && ex->command->text.n
					: dx_match(x, ex->reply->text, "command|recogni|unknown|syntax|implemented");
		if (!text)
			continue;
		struct draft *d = dx_find(x, "dot-stuffing-missing", 0.88, ex->command ? ex->command : ex->reply);
		dx_keep(d);
		dx_evidence(d, ex->reply);
		dx_evidence(d, dot->reply);
		return;
	}
}

/* DATA was answered, a short message came, the final dot never: the server waited in vain. */
static void find_final_dot_missing(struct dx *x, const struct session *s)
{
	if (!is_smtp(s) || s->from_log)
		return;
	for (size_t i = 0; i < s->events.n; i++) {
		const struct event *e = s->events.v[i];
		if (e->kind != EV_DATA || e->data.dot_seen || e->data.bytes > 1200 || (e->oddities & ODD_GAP) || !from_wire(e))
			continue;
		bool waited = s->outcome == OUTCOME_TIMED_OUT || (e->reply && (e->reply->answer.code == 421 || e->reply->answer.code == 451));
		if (!waited)
			continue;
		struct draft *d = dx_find(x, "client-bug-command-not-sent", 0.6, e);
		dx_value(d, "verb", S("the final dot"));
		return;
	}
}

/* One session's greeting is a single line; another session of the evidence shows that this line is only the first of a longer greeting (postscreen says
 * "220-name" and the rest seconds later): the client took the beginning for the whole. */
static void find_greeting_cut_short(struct dx *x, const struct session *unused)
{
	(void)unused;
	const struct transcript *t = dx_transcript(x);
	const struct event *whole = NULL, *cut = NULL;
	for (size_t i = 0; i < t->sessions.n; i++) {
		const struct event *g = session_event(t->sessions.v[i], EV_GREETING, 0);
		if (g && slice_starts(g->text, S("220-")) && !whole)
			whole = g;
		else if (g && slice_starts(g->text, S("220 ")) && !cut && t->sessions.v[i]->exchanges.n > 1)
			cut = g;
	}
	if (!whole || !cut)
		return;
	struct slice rest = whole->text, first;
	slice_next_line(&rest, &first);
	if (slice_eq(slice_trim(slice_from(first, 4)), slice_trim(slice_from(cut->text, 4))))
		dx_evidence(dx_find(x, "reply-split-over-packets", 0.75, cut), whole);
}

const struct rule rules_dialogue[] = {
	{"bad-ehlo-name", "ehlo-name-underscore", RULE_SESSION, find_bad_ehlo_name},
	{"generic-name-dropped", "ehlo-name-generic-rejected", RULE_SESSION, find_generic_name_dropped},
	{"bad-name-accepted", "ehlo-name-bare-ip", RULE_SESSION, find_bad_name_accepted},
	{"helo-then-extension", "helo-instead-of-ehlo", RULE_SESSION, find_helo_then_extension},
	{"helo-hides-auth", "helo-instead-of-ehlo", RULE_SESSION, find_helo_hides_auth},
	{"no-ehlo-after-starttls", "no-ehlo-after-starttls", RULE_SESSION, find_no_ehlo_after_starttls},
	{"ehlo-after-auth", "re-ehlo-after-auth", RULE_SESSION, find_ehlo_after_auth},
	{"command-inside-reply", "client-misparses-ehlo", RULE_SESSION, find_command_inside_reply},
	{"stale-reply", "client-misparses-ehlo", RULE_SESSION, find_stale_reply},
	{"auth-overlooked", "client-misparses-ehlo", RULE_INPUT, find_auth_overlooked},
	{"starttls-overlooked", "client-misparses-ehlo", RULE_SESSION, find_starttls_overlooked},
	{"malformed-ehlo-reply", "server-ehlo-reply-malformed", RULE_SESSION, find_malformed_ehlo_reply},
	{"split-reply", "reply-split-over-packets", RULE_SESSION, find_split_reply},
	{"lone-dot", "reply-split-over-packets", RULE_SESSION, find_lone_dot},
	{"early-talk", "early-talker", RULE_SESSION, find_early_talk},
	{"talk-inside-greeting", "early-talker", RULE_SESSION, find_talk_inside_greeting},
	{"pipelining-unoffered", "unauthorized-pipelining", RULE_SESSION, find_pipelining},
	{"pipelining-broken", "extension-advertised-but-broken", RULE_SESSION, find_pipelining_broken},
	{"late-greeting", "greeting-delay-vs-client-timeout", RULE_SESSION, find_late_greeting},
	{"greeting-after-close", "greeting-delay-vs-client-timeout", RULE_SESSION, find_greeting_after_close},
	{"greeting-elsewhere", "greeting-delay-vs-client-timeout", RULE_INPUT, find_greeting_elsewhere},
	{"greeting-cut-short", "reply-split-over-packets", RULE_INPUT, find_greeting_cut_short},
	{"wrong-order", "sequence-error", RULE_SESSION, find_wrong_order},
	{"headers-as-commands", "sequence-headers-before-data", RULE_SESSION, find_headers_as_commands},
	{"headers-above-refusals", "sequence-headers-before-data", RULE_INPUT, find_headers_above_refusals},
	{"text-after-dot", "dot-stuffing-missing", RULE_SESSION, find_text_after_dot},
	{"final-dot-missing", "client-bug-command-not-sent", RULE_SESSION, find_final_dot_missing},
	{0},
};
