/* Inferences about IMAP and POP3 between the login and the open mailbox. */
#include "diagnose/rule.h"

/* --- IMAP LOGIN ------------------------------------------------------------------------------------------------------------------ */

enum quoting { QUOTING_FINE, QUOTING_BARE_SPECIAL, QUOTING_EXTRA_WORDS, QUOTING_OPEN_QUOTE };

/* RFC 3501 atom-specials but for the blank, and ~, which Courier does not take in an atom. */
static bool is_special(uint8_t c)
{
	return c < 0x20 || c >= 0x7f || strchr("(){%*\"\\]~", c);
}

/* A quoted string off the front; false if what follows its closing quote is neither a blank nor the end. */
static bool skip_quoted(struct slice *s)
{
	size_t i = 1;
	while (i < s->n && s->p[i] != '"')
		i += s->p[i] == '\\' && i + 1 < s->n ? 2 : 1;
	if (i >= s->n)
		return false;
	*s = slice_from(*s, i + 1);
	return s->n == 0 || s->p[0] == ' ';
}

/* How well the two arguments of LOGIN are written. */
static enum quoting login_quoting(struct slice args)
{
	enum quoting found = QUOTING_FINE;
	struct slice s = slice_trim(args);
	for (unsigned n = 0; s.n; n++) {
		if (n == 2)
			return QUOTING_EXTRA_WORDS;
		if (s.p[0] == '"') {
			if (!skip_quoted(&s))
				return QUOTING_OPEN_QUOTE;
		} else {
			struct slice word = slice_next_word(&s);
			bool literal = word.p[0] == '{' && (slice_ends(word, S("}")) || slice_has(word, S("}\n")));
			for (size_t i = 0; i < word.n && !literal; i++)
				if (is_special(word.p[i]))
					found = QUOTING_BARE_SPECIAL;
		}
		slice_skip_space(&s);
	}
	return found;
}

/* BAD, or Courier's NO for a line it could not parse; not a refusal of the password. */
static bool not_understood(struct dx *x, const struct event *reply)
{
	if (!reply)
		return false;
	if (reply->answer.status == STATUS_BAD)
		return !dx_match(x, reply->text, "AUTHENTICATIONFAILED|authentication fail|invalid (?:user|password|credentials)|not (?:allowed|permitted) without|STARTTLS|TLS");
	return reply->answer.status == STATUS_NO && dx_match(x, reply->text, "Error in IMAP command|syntax error|parse error|invalid (?:argument|characters?)");
}

/* "abcd efgh ijkl mnop": a Google app password as shown; the blanks do not belong to it, and that is another cause. */
static bool is_app_password(struct dx *x, struct slice args)
{
	return dx_match(x, args, "(?:^|[ \"])[a-z]{4} [a-z]{4} [a-z]{4} [a-z]{4}\"?\\s*$");
}

static void find_login_unquoted(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < s->logins.n; i++) {
		const struct login *l = &s->logins.v[i];
		if (!slice_eq(l->mech, S("LOGIN-CMD")) || !not_understood(x, l->reply))
			continue;
		if (value_is_masked(l->password) && value_is_masked(l->user))
			continue;
		enum quoting q = login_quoting(l->command->command.args);
		if (q == QUOTING_FINE || is_app_password(x, l->command->command.args))
			continue;
		struct draft *d = dx_find(x, "imap-login-argument-not-quoted", q == QUOTING_EXTRA_WORDS ? 0.96 : 0.94, l->reply);
		dx_evidence(d, l->command);
		return;
	}
}

/* The evidence hides the password, but the server says that it could not take the line apart. */
static void find_login_hidden(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < s->logins.n; i++) {
		const struct login *l = &s->logins.v[i];
		if (!slice_eq(l->mech, S("LOGIN-CMD")) || !not_understood(x, l->reply) || !value_is_masked(l->password))
			continue;
		if (!dx_match(x, l->reply->text, "argument|parameter|character|atom|missing|unexpected|unbalanced|excess|extra|too many|pars(?:e|ing)|syntax|literal|Error in IMAP"))
			continue;
		dx_evidence(dx_find(x, "imap-login-argument-not-quoted", 0.75, l->reply), l->command);
		return;
	}
}

/* --- AUTHENTICATE with initial response ------------------------------------------------------------------------------------------ */

/* The server asked with "+" although the response had been sent, and nothing came after. */
static bool left_hanging(const struct session *s, const struct login *l)
{
	if (l->reply || l->responses)
		return false;
	for (size_t i = l->command->n; i < s->events.n && i < l->command->n + 8; i++)
		if (s->events.v[i]->cmd == l->command && s->events.v[i]->kind == EV_CHALLENGE)
			return true;
	return false;
}

static void find_sasl_ir(struct dx *x, const struct session *s)
{
	if (s->protocol != PROTOCOL_IMAP)
		return;
	for (size_t i = 0; i < s->logins.n; i++) {
		const struct login *l = &s->logins.v[i];
		if (!l->initial_response || !slice_eq(l->command->command.verb, S("AUTHENTICATE")))
			continue;
		bool refused = l->reply && l->reply->answer.status == STATUS_BAD && !dx_match(x, l->reply->text, "base64|AUTHENTICATIONFAILED|invalid credentials|unsupported auth|unknown (?:auth|mech)");
		if (!refused && !left_hanging(s, l))
			continue;
		const struct capabilities *c = session_caps_before(s, l->command->n);
		bool offered = c && caps_have(c, S("SASL-IR"), NULL);
		double confidence = !c ? 0.5 : refused ? 0.92 : 0.72;
		struct draft *d = dx_find(x, offered ? "imap-sasl-ir-broken" : "imap-sasl-ir-not-offered", confidence, l->reply ? l->reply : l->command);
		dx_evidence(d, l->command);
		dx_evidence(d, c ? c->event : NULL);
		return;
	}
}

/* --- namespaces ------------------------------------------------------------------------------------------------------------------ */

/* The mailbox argument of a command, quotes taken off; empty if the command has none. */
static struct slice mailbox_argument(const struct event *cmd)
{
	static const char *const verbs[] = {"CREATE", "SELECT", "EXAMINE", "APPEND", "SUBSCRIBE", "STATUS", "DELETE"};
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (slice_eq(cmd->command.verb, slice_from_cstr(verbs[i]))) {
			struct slice s = slice_trim(cmd->command.args);
			return slice_starts(s, S("\"")) ? slice_between(s, S("\""), S("\"")) : slice_next_word(&s);
		}
	return SLICE_NONE;
}

/* The prefix of the personal namespace: * NAMESPACE (("INBOX." ".")) NIL NIL. */
static struct slice personal_prefix(struct dx *x, const struct session *s, const struct event **ret_event)
{
	struct slice prefix = SLICE_NONE;
	const struct event *e = dx_search_session(x, s, KINDS_SAID, "^\\* NAMESPACE \\(\\(\"[^\"]+\" ");
	*ret_event = e;
	if (e)
		dx_capture(x, e->text, "^\\* NAMESPACE \\(\\(\"([^\"]+)\" ", &prefix);
	return prefix;
}

static void find_namespace_prefix(struct dx *x, const struct session *s)
{
	const struct event *told = NULL;
	struct slice prefix = s->protocol == PROTOCOL_IMAP ? personal_prefix(x, s, &told) : SLICE_NONE;
	if (!prefix.n)
		return;
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *e = &s->exchanges.v[i];
		struct slice box = e->negative && e->command ? mailbox_argument(e->command) : SLICE_NONE;
		if (!box.n || slice_eq_nocase(box, S("INBOX")) || slice_starts_nocase(box, prefix) || dx_match(x, e->reply->text, "quota|over limit|\\[ALREADYEXISTS\\]"))
			continue;
		struct draft *d = dx_find(x, "imap-namespace-prefix-missing", 0.88, e->reply);
		dx_value(d, "prefix", prefix);
		dx_evidence(d, e->command);
		dx_evidence(d, told);
		return;
	}
}

/* --- IDLE ------------------------------------------------------------------------------------------------------------------------ */

static void find_idle_refused(struct dx *x, const struct session *s)
{
	const struct exchange *idle = s->protocol == PROTOCOL_IMAP ? session_exchange(s, S("IDLE"), 0, NULL) : NULL;
	if (!idle || !idle->negative || !idle->command)
		return;
	const struct capabilities *c = session_caps_before(s, idle->command->n);
	if (c && caps_have(c, S("IDLE"), NULL))
		return; /* offered: its refusal has another reason */
	struct draft *d = dx_find(x, "imap-idle-not-supported", c ? 0.93 : 0.7, idle->reply);
	dx_keep(d);
	dx_evidence(d, idle->command);
	dx_evidence(d, c ? c->event : NULL);
}

/* --- APPEND ---------------------------------------------------------------------------------------------------------------------- */

static bool append_has_flags(const struct event *cmd)
{
	return slice_find_byte(cmd->command.args, '(') != SLICE_NPOS;
}

/* One APPEND without a flag list fails with BAD; another, with one, passes: of the same program or of another. */
static void find_append_without_flags(struct dx *x, const struct session *unused)
{
	const struct transcript *t = dx_transcript(x);
	const struct exchange *bare = NULL, *full = NULL;
	(void)unused;
	for (size_t i = 0; i < t->sessions.n; i++)
		for (size_t j = 0; j < t->sessions.v[i]->exchanges.n; j++) {
			const struct exchange *e = &t->sessions.v[i]->exchanges.v[j];
			if (!e->command || !exchange_is(e, S("APPEND")))
				continue;
			if (!append_has_flags(e->command) && e->reply && e->reply->answer.status == STATUS_BAD && !bare)
				bare = e;
			if (append_has_flags(e->command) && e->positive)
				full = e;
		}
	if (!bare || dx_match(x, bare->reply->text, "quota|\\[TRYCREATE\\]|mailbox (?:does not|doesn.t) exist"))
		return;
	struct draft *d = dx_find(x, "imap-append-parser-bug", full ? 0.96 : 0.7, bare->reply);
	dx_keep(d);
	dx_evidence(d, bare->command);
	dx_evidence(d, full ? full->command : NULL);
}

/* --- lines that break IMAP's grammar --------------------------------------------------------------------------------------------- */

/* "*  1843 EXISTS": exactly one blank may stand there (RFC 3501 section 9, note 2). */
static void find_padded_untagged(struct dx *x, const struct session *s)
{
	for (size_t i = 0; s->protocol == PROTOCOL_IMAP && i < s->events.n; i++) {
		const struct event *e = s->events.v[i];
		if (e->side != SIDE_SERVER || !slice_starts(e->text, S("*  ")))
			continue;
		struct draft *d = dx_find(x, "imap-malformed-continuation", 0.72, e);
		dx_value(d, "line", slice_sub(e->text, 0, 40));
		return;
	}
}

/* The first bare "+" of the server after which the client says nothing any more (ret_last), or just the first one. */
static const struct event *bare_plus(const struct session *s, bool *ret_last)
{
	const struct event *first = NULL;
	size_t last_client = 0;
	*ret_last = false;
	for (size_t i = 0; i < s->events.n; i++)
		if (s->events.v[i]->side == SIDE_CLIENT)
			last_client = i;
	for (size_t i = 0; i < s->events.n; i++) {
		const struct event *e = s->events.v[i];
		if (e->side != SIDE_SERVER || !slice_eq(slice_chomp(e->raw), S("+")))
			continue;
		first = first ? first : e;
		if (i > last_client) {
			*ret_last = true;
			return e;
		}
	}
	return first;
}

/* A bare "+" as continuation, and the client stops or complains. In a paste the blank may have got lost, so the sign alone is no proof. */
static void find_bare_plus(struct dx *x, const struct session *unused)
{
	const struct transcript *t = dx_transcript(x);
	const struct event *plus = NULL;
	bool last = false;
	(void)unused;
	for (size_t i = 0; i < t->sessions.n && !plus; i++)
		if (t->sessions.v[i]->protocol == PROTOCOL_IMAP)
			plus = bare_plus(t->sessions.v[i], &last);
	if (!plus)
		return;
	const struct event *complaint = dx_search(x, KINDS_TOLD | KINDS_AROUND, "pars(?:e|ing)|malformed|unexpected|invalid (?:response|continuation|reply)|continuation|hangs?\\b|stands still|waits? for ?ever|time(?:d )?-?out", NULL);
	if (!last && !complaint)
		return;
	struct draft *d = dx_find(x, "imap-malformed-continuation", complaint ? 0.75 : 0.4, plus);
	dx_value(d, "line", S("+"));
	dx_evidence(d, complaint);
}

/* --- POP3 ------------------------------------------------------------------------------------------------------------------------ */

static bool is_md5_hex(struct slice s)
{
	if (s.n != 32)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_hex(s.p[i]))
			return false;
	return true;
}

/* APOP takes a user name and 32 hex digits. */
static void find_apop_arguments(struct dx *x, const struct session *s)
{
	const struct exchange *apop = s->protocol == PROTOCOL_POP3 ? session_exchange(s, S("APOP"), 0, NULL) : NULL;
	if (!apop || !apop->command || apop->positive)
		return;
	struct slice rest = slice_trim(apop->command->command.args);
	struct slice user = slice_next_word(&rest);
	slice_skip_space(&rest);
	bool program_text = dx_match(x, user, "^(?:System\\.\\w|\\[object|None$|null$|undefined$|\\(null\\)|%s|\\$\\w)|Encoding$");
	bool not_a_digest = rest.n && !is_md5_hex(rest) && !value_is_masked(rest) && dx_match(x, rest, "[@ .]|^.{1,31}$") && !dx_match(x, rest, "digest|hash|encrypt|password|md5");
	if (!program_text && !not_a_digest)
		return;
	struct draft *d = dx_find(x, "pop3-apop-wrong-user", program_text ? 0.97 : 0.9, apop->command);
	dx_value(d, "arg", program_text ? user : rest);
	dx_evidence(d, apop->reply);
}

/* APOP in good form fails and USER/PASS passes: the account is in order. If APOP passes for another program there, this client computes it wrongly; else
 * the server puts a time stamp into its greeting without being able to do APOP. */
static void find_apop_then_pass(struct dx *x, const struct session *unused)
{
	const struct transcript *t = dx_transcript(x);
	const struct login *failed = NULL, *passed = NULL, *apop_passed = NULL;
	(void)unused;
	for (size_t i = 0; i < t->sessions.n; i++)
		for (size_t j = 0; j < t->sessions.v[i]->logins.n; j++) {
			const struct login *l = &t->sessions.v[i]->logins.v[j];
			bool apop = slice_eq(l->mech, S("APOP"));
			if (apop && l->failed && !failed)
				failed = l;
			if (apop && l->passed)
				apop_passed = l;
			if (slice_eq(l->mech, S("USER/PASS")) && l->passed)
				passed = l;
		}
	if (!failed || (!passed && !apop_passed) || dx_has(x, "pop3-apop-wrong-user", 0.85))
		return;
	struct draft *d = dx_find(x, apop_passed ? "pop3-apop-wrong-user" : "auth-mech-advertised-but-broken", 0.85, failed->reply);
	dx_keep(d);
	dx_evidence(d, failed->command);
	dx_evidence(d, apop_passed ? apop_passed->command : passed->reply);
}

/* UIDL or TOP itself is answered with -ERR after the login. */
static void find_optional_refused(struct dx *x, const struct session *s)
{
	static const struct {
		const char *verb, *cause;
	} optional[] = {{"UIDL", "pop3-uidl-not-offered"}, {"TOP", "pop3-top-not-offered"}};
	for (size_t i = 0; s->protocol == PROTOCOL_POP3 && i < sizeof optional / sizeof *optional; i++) {
		const struct exchange *e = session_exchange(s, slice_from_cstr(optional[i].verb), 0, NULL);
		if (!e || !e->negative || !dx_match(x, e->reply->text, "unknown|invalid command|unrecogni[sz]ed|implemented|supported|recogni[sz]ed|bad command|syntax|what\\?|illegal|^-ERR\\s*$|^-ERR (?:command|error)\\s*$"))
			continue;
		struct draft *d = dx_find(x, optional[i].cause, e->authenticated ? 0.9 : 0.5, e->reply);
		dx_keep(d);
		dx_evidence(d, e->command);
	}
}

/* Which of the commands that clients ask CAPA for stands in the later list only? */
static struct slice gained(const struct capabilities *before, const struct capabilities *after)
{
	static const char *const words[] = {"UIDL", "TOP", "PIPELINING", "EXPIRE"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		struct slice w = slice_from_cstr(words[i]);
		if (!caps_have(before, w, NULL) && caps_have(after, w, NULL))
			return w;
	}
	return SLICE_NONE;
}

/* The first CAPA lacks what a later one lists, and somebody misses it. The later one may come from a session by hand. */
static void find_capa_changes(struct dx *x, const struct session *unused)
{
	const struct transcript *t = dx_transcript(x);
	const struct capabilities *first = NULL, *later = NULL;
	struct slice word = SLICE_NONE;
	(void)unused;
	for (size_t i = 0; i < t->sessions.n && !word.n; i++)
		for (size_t j = 0; t->sessions.v[i]->protocol == PROTOCOL_POP3 && j < t->sessions.v[i]->caps.n && !word.n; j++) {
			later = &t->sessions.v[i]->caps.v[j];
			if (!first && !later->authenticated)
				first = later;
			else if (first)
				word = gained(first, later);
		}
	if (!word.n)
		return;
	const struct event *missed = dx_search(x, KINDS_TOLD | KINDS_AROUND | KIND(EV_REPLY),
	                                       "(?:UIDL|\\bTOP\\b)[^\\n]{0,40}(?:not supported|unsupported|not available|missing|null)|getUID|(?:does not|doesn't) support (?:the )?(?:UIDL|TOP)|duplicate|downloads? [^\\n]{0,40}again|no (?:UIDL|unique)", NULL);
	if (!missed && !dx_search(x, KIND(EV_PROSE) | KIND(EV_CONFIG), "by hand|after (?:PASS|login|logging in)", NULL))
		return;
	struct draft *d = dx_find(x, "pop3-capabilities-change-after-login", missed ? 0.94 : 0.6, later->event);
	dx_keep(d);
	dx_value(d, "capability", word);
	dx_evidence(d, first->event);
	dx_evidence(d, missed);
}

/* A POP3 session whose last capability list lacks the word and which did not use it with success; NULL if there is none. */
static const struct capabilities *list_without(const struct transcript *t, struct slice word)
{
	for (size_t i = 0; i < t->sessions.n; i++) {
		const struct session *s = t->sessions.v[i];
		const struct capabilities *c = s->protocol == PROTOCOL_POP3 ? session_caps_before(s, 0) : NULL;
		if (!c || caps_have(c, word, NULL))
			continue;
		const struct exchange *used = session_exchange(s, word, 0, NULL);
		if (!used || !used->positive)
			return c;
	}
	return NULL;
}

/* The client gives up on UIDL or TOP and the capability list lacks it. */
static void find_capa_lacks(struct dx *x, const struct session *unused)
{
	static const struct {
		const char *word, *cause, *complaint;
	} wanted[] = {
		{"UIDL", "pop3-uidl-not-offered", "\\bUIDL\\b[^\\n]{0,60}(?:not|unsupported|missing|require)|(?:not|n't)[^\\n]{0,30}\\bUIDL\\b|leave (?:\\w+ )?on server|unique id|getUID|\\bUIDs? (?:is|are) (?:empty|null|missing)"},
		{"TOP", "pop3-top-not-offered", "\\bTOP\\b[^\\n]{0,60}(?:not|unsupported|missing|require)|(?:not|n't)[^\\n]{0,30}\\bTOP\\b"},
	};
	(void)unused;
	if (dx_has(x, "pop3-capabilities-change-after-login", 0.5))
		return;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		const struct capabilities *c = list_without(dx_transcript(x), slice_from_cstr(wanted[i].word));
		const struct event *e = c ? dx_search(x, KINDS_TOLD | KINDS_AROUND, wanted[i].complaint, NULL) : NULL;
		if (!e)
			continue;
		struct draft *d = dx_find(x, wanted[i].cause, 0.92, e);
		dx_keep(d);
		dx_evidence(d, c->event);
	}
}

/* A new login while the session before it was never ended: the script locks itself out. */
static void find_self_lock(struct dx *x, const struct session *unused)
{
	const struct transcript *t = dx_transcript(x);
	const struct session *open = NULL;
	(void)unused;
	for (size_t i = 0; i < t->sessions.n; i++) {
		const struct session *s = t->sessions.v[i];
		if (s->protocol != PROTOCOL_POP3)
			continue;
		for (size_t j = 0; open && j < s->logins.n; j++)
			if (s->logins.v[j].failed && dx_match(x, s->logins.v[j].reply->text, "IN-USE|lock|in use|busy")) {
				struct draft *d = dx_find(x, "pop3-mailbox-locked", 0.95, s->logins.v[j].reply);
				dx_evidence(d, s->logins.v[j].command);
				return;
			}
		bool passed = false;
		for (size_t j = 0; j < s->logins.n; j++)
			passed = passed || s->logins.v[j].passed;
		if (passed && !session_exchange(s, S("QUIT"), 0, NULL))
			open = s;
	}
}

const struct rule rules_access[] = {
	{"imap-login-unquoted", "imap-login-argument-not-quoted", RULE_SESSION, find_login_unquoted},
	{"imap-login-hidden", "imap-login-argument-not-quoted", RULE_SESSION, find_login_hidden},
	{"imap-sasl-ir", "imap-sasl-ir-broken", RULE_SESSION, find_sasl_ir},
	{"imap-namespace-prefix", "imap-namespace-prefix-missing", RULE_SESSION, find_namespace_prefix},
	{"imap-idle-refused", "imap-idle-not-supported", RULE_SESSION, find_idle_refused},
	{"imap-append-without-flags", "imap-append-parser-bug", RULE_INPUT, find_append_without_flags},
	{"imap-padded-untagged", "imap-malformed-continuation", RULE_SESSION, find_padded_untagged},
	{"imap-bare-plus", "imap-malformed-continuation", RULE_INPUT, find_bare_plus},
	{"pop3-apop-arguments", "pop3-apop-wrong-user", RULE_SESSION, find_apop_arguments},
	{"pop3-apop-then-pass", "pop3-apop-wrong-user", RULE_INPUT, find_apop_then_pass},
	{"pop3-optional-refused", "pop3-uidl-not-offered", RULE_SESSION, find_optional_refused},
	{"pop3-capa-changes", "pop3-capabilities-change-after-login", RULE_INPUT, find_capa_changes},
	{"pop3-capa-lacks", "pop3-uidl-not-offered", RULE_INPUT, find_capa_lacks},
	{"pop3-self-lock", "pop3-mailbox-locked", RULE_INPUT, find_self_lock},
	{0},
};
