/* Inferences about how a login was tried: the form of the AUTH command, what was offered, what the exchange got out of step with. What was in the
 * credentials is in auth_secret.c, tokens are in auth_oauth.c. */
#include "diagnose/rule.h"

/* Logins of one session, steps of one login, and sessions of one input that are looked at closely: more is a brute-force attack or a large log, where
 * the first ones tell as much and looking at all of them again and again would not be linear. */
#define LOGINS_MAX 64u
#define STEPS_MAX 64u
#define SESSIONS_MAX 64u

static size_t logins_of(const struct session *s)
{
	return s->logins.n < LOGINS_MAX ? s->logins.n : LOGINS_MAX;
}

/* Few enough sessions that a rule may search the whole input for each. */
static bool is_small(const struct dx *x)
{
	return dx_transcript(x)->sessions.n <= SESSIONS_MAX;
}

/* Lengths at which MIME-minded base64 routines break lines: Ruby pack('m') 60, PEM 64, uuencode 72, MIME 76. */
static const size_t wrap_lengths[] = {60, 64, 72, 76};

static bool is_mech(const struct login *l, struct slice mech)
{
	return slice_eq_nocase(l->mech, mech);
}

static unsigned login_code(const struct login *l)
{
	return l->reply ? l->reply->answer.code : 0;
}

/* A refusal of the command as such: its form, not the account. */
static bool refused_as_command(const struct login *l)
{
	unsigned code = login_code(l);
	return l->failed && (code == 500 || code == 501 || code == 502 || code == 504 || l->reply->answer.status == STATUS_BAD);
}

/* The reply asks for TLS or turns the client away for another reason that has nothing to do with the form of the login. */
static bool speaks_of_something_else(struct dx *x, const struct login *l)
{
	return l->reply && dx_match(x, l->reply->text, "TLS|encrypt|secure conn|hello first|EHLO|too many|rate limit|temporar|mechanism|auth\\w* type");
}

/* The next challenge or response of that login after *at (an index into s->events; start with 0), or NULL. */
static const struct event *login_step(const struct session *s, const struct login *l, size_t *at)
{
	size_t i = *at > l->command->n ? *at : l->command->n;
	for (; i < s->events.n && i < l->command->n + STEPS_MAX; i++) {
		const struct event *e = s->events.v[i];
		if (e == l->reply)
			break;
		if ((e->kind == EV_CHALLENGE || e->kind == EV_RESPONSE) && e->cmd == l->command) {
			*at = i + 1;
			return e;
		}
	}
	*at = s->events.n;
	return NULL;
}

static const struct event *first_challenge(const struct session *s, const struct login *l)
{
	size_t at = 0;
	const struct event *e;
	while ((e = login_step(s, l, &at)))
		if (e->kind == EV_CHALLENGE)
			return e;
	return NULL;
}

/* Some client said that its login failed, although the wire may not show it. */
static const struct event *client_complains(struct dx *x)
{
	if (!is_small(x))
		return NULL;
	return dx_search(x, KIND(EV_ERROR) | KIND(EV_PROSE) | KIND(EV_LOG), "authenticat\\w*|log ?in\\b|credential|\\bauth\\b", NULL);
}

/* --- the form of the AUTH command --------------------------------------------------------------------------------------------------- */

/* AUTH LOGIN <user>: the server rejects the line, or asks for the user name once more (RFC 4954 section 4 allows the initial response). */
static void find_login_initial_response(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		if (!is_mech(l, S("LOGIN")) || !l->initial_response || speaks_of_something_else(x, l))
			continue;
		const struct event *c = first_challenge(s, l);
		if (c && slice_starts_nocase(c->sasl.decoded, S("user")) && (!l->passed || (!s->message_accepted && client_complains(x)))) {
			struct draft *d = dx_find(x, "auth-login-initial-response", 0.93, c);
			dx_evidence(d, l->command);
			dx_keep(d);
			return;
		}
		if (c || (l->caps_known && !l->offered) || !l->failed)
			continue;
		/* Before the password was asked for, 535 cannot be about it. */
		if (refused_as_command(l) || (login_code(l) == 535 && !l->responses)) {
			dx_evidence(dx_find(x, "auth-login-initial-response", l->caps_known ? 0.9 : 0.8, l->reply), l->command);
			return;
		}
	}
}

/* The protocol log of IIS and Exchange leaves out what stands behind AUTH; what they send as AUTH LOGIN always has the user name on its line. */
static void find_exchange_auth_refused(struct dx *x, const struct session *s)
{
	const struct exchange *auth = session_exchange(s, S("AUTH"), 0, NULL);
	unsigned code = auth && auth->reply ? auth->reply->answer.code : 0;
	if ((code != 500 && code != 501 && code != 502) || !auth->command || dx_match(x, auth->command->command.args, "[a-z]{4}"))
		return;
	if (!is_small(x))
		return;
	if (!dx_search(x, 0, "OutboundConnection(?:Command|Response)|SMTPSVC", NULL) && s->client.software != SOFTWARE_EXCHANGE)
		return;
	dx_evidence(dx_find(x, "auth-login-initial-response", 0.8, auth->reply), auth->command);
}

/* AUTH PLAIN with nothing behind it, answered by a refusal instead of the empty challenge. */
static void find_plain_without_initial_response(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		if (!is_mech(l, S("PLAIN")) || l->initial_response || !l->failed || l->responses || first_challenge(s, l))
			continue;
		if ((l->caps_known && !l->offered) || s->from_log || slice_trim(l->command->command.args).n > 5)
			continue;
		if (dx_match(x, l->reply->text, "TLS|encrypt|secure conn|hello first|EHLO|too many|rate limit|temporar|not (?:enabled|available|advertised)"))
			continue;
		double sure = s->protocol == PROTOCOL_SMTP ? 0.9 : 0.6;
		dx_evidence(dx_find(x, "auth-plain-without-initial-response", sure, l->reply), l->command);
		return;
	}
}

static bool usual_prompt(struct slice decoded)
{
	return slice_eq(decoded, S("Username:")) || slice_eq(decoded, S("Password:"));
}

/* The client gave up on a LOGIN prompt that is not worded "Username:" or "Password:". */
static void find_login_prompt(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		if (!is_mech(l, S("LOGIN")) || l->passed)
			continue;
		size_t at = 0;
		const struct event *e, *odd = NULL;
		bool gave_up = false, answered = false;
		while ((e = login_step(s, l, &at))) {
			if (e->kind == EV_CHALLENGE) {
				odd = usual_prompt(e->sasl.decoded) ? NULL : e;
				answered = gave_up = false;
			} else {
				gave_up = e->sasl.cancelled || !e->text.n;
				answered = !gave_up;
			}
		}
		if (!odd || answered || odd->sasl.base64_faults || (odd->oddities & (ODD_MASKED | ODD_BAD_BASE64)))
			continue;
		bool told = is_small(x) && dx_search(x, KIND(EV_ERROR) | KIND(EV_LOG), "challenge|prompt|fromServer|from server", NULL) != NULL;
		bool left = odd->n < s->events.n; /* something came after it, and it was no answer */
		if (!gave_up && !told && !left)
			continue;
		struct draft *d = dx_find(x, "auth-login-prompt-not-recognised", gave_up || told ? 0.92 : 0.75, odd);
		dx_evidence(d, l->reply);
		return;
	}
}

static bool is_wrap_length(size_t n)
{
	for (size_t i = 0; i < sizeof wrap_lengths / sizeof *wrap_lengths; i++)
		if (n == wrap_lengths[i])
			return true;
	return false;
}

/* Is this client line nothing but base64, where a command is expected? */
static bool is_stray_base64(struct dx *x, const struct event *e)
{
	return e->kind == EV_COMMAND && (e->oddities & ODD_UNKNOWN_VERB) && dx_match(x, e->text, "^(?=.*[a-z0-9+/=])[A-Za-z0-9+/]{2,}={0,2}$");
}

/* A refused answer of just such a length and without padding: three bytes in four letters make it end there by chance in one password of dozens,
 * and passwords of that length are keys. */
static void find_base64_cut(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		const struct event *e = l->password_event;
		if (!l->failed || s->from_log || !e || e->kind != EV_RESPONSE || (e->oddities & (ODD_MASKED | ODD_BAD_BASE64)))
			continue;
		if (!is_wrap_length(e->text.n) || slice_ends(e->text, S("=")))
			continue;
		dx_evidence(dx_find(x, "auth-base64-wrapped", 0.55, e), l->reply);
		return;
	}
}

/* The base64 of a login was cut into lines: a first piece of a typical length, then a line of base64 as if it were a command. */
static void find_base64_wrapped(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		const struct event *piece = NULL, *rest = NULL;
		for (size_t k = l->command->n - 1; k < s->events.n && k < l->command->n + 12u; k++) {
			const struct event *e = s->events.v[k];
			struct slice line = e->text;
			size_t blank = slice_find_last_byte(line, ' ');
			if (e->kind == EV_COMMAND && blank != SLICE_NPOS)
				line = slice_from(line, blank + 1);
			bool ours = e == l->command || (e->kind == EV_RESPONSE && e->cmd == l->command);
			if (ours && is_wrap_length(line.n))
				piece = e;
			else if (piece && is_stray_base64(x, e))
				rest = e;
		}
		if (!piece || !rest)
			continue;
		struct draft *d = dx_find(x, "auth-base64-wrapped", 0.95, rest);
		dx_evidence(d, piece);
		dx_evidence(d, l->reply);
		return;
	}
}

/* --- what was offered ----------------------------------------------------------------------------------------------------------------- */

/* Mechanisms that need more behind them on the server than a checked password. */
static bool needs_more_behind(struct slice mech)
{
	static const char *const names[] = {"CRAM-MD5", "DIGEST-MD5", "NTLM", "GSSAPI", "GSS-SPNEGO", "KERBEROS_V4", "KERBEROS_V5"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_eq_nocase(mech, slice_from_cstr(names[i])))
			return true;
	return slice_starts_nocase(mech, S("SCRAM-"));
}

static bool is_password_mech(struct slice mech)
{
	return slice_eq_nocase(mech, S("PLAIN")) || slice_eq_nocase(mech, S("LOGIN")) || slice_eq(mech, S("LOGIN-CMD"));
}

/* A login by plain password passed somewhere in this evidence. */
static const struct login *plain_login_passed(const struct transcript *t)
{
	for (size_t i = 0; i < t->sessions.n && i < SESSIONS_MAX; i++) {
		const struct session *s = t->sessions.v[i];
		for (size_t k = 0; k < logins_of(s); k++)
			if (s->logins.v[k].passed && is_password_mech(s->logins.v[k].mech))
				return &s->logins.v[k];
	}
	return NULL;
}

/* The same client was refused with a plain password too: then the account is at fault, not the mechanism. */
static bool plain_login_failed(const struct session *s)
{
	for (size_t i = 0; i < logins_of(s); i++)
		if (s->logins.v[i].failed && is_password_mech(s->logins.v[i].mech) && (s->logins.v[i].responses || s->logins.v[i].password.n))
			return true;
	return false;
}

/* The list that counts for a login: the one before it, or, where that says nothing about AUTH, one that shows this mechanism in another session. */
static const struct capabilities *list_for(struct dx *x, const struct session *s, const struct login *l)
{
	const struct transcript *t = dx_transcript(x);
	const struct capabilities *own = session_caps_before(s, l->command->n);
	if (caps_offer_auth(own))
		return own;
	for (size_t i = 0; i < t->sessions.n && i < 8; i++) {
		const struct capabilities *c = session_caps_before(t->sessions.v[i], 0);
		if (t->sessions.v[i]->protocol == s->protocol && caps_have_mech(c, l->mech))
			return c;
	}
	return own;
}

/* The client took the strongest mechanism offered, and it is one that often has nothing behind it. */
static void find_mech_broken(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		if (!l->failed || !needs_more_behind(l->mech))
			continue;
		const struct capabilities *c = list_for(x, s, l);
		if (caps_offer_auth(c) && !caps_have_mech(c, l->mech))
			continue;
		bool alternative = caps_have_mech(c, S("PLAIN")) || caps_have_mech(c, S("LOGIN"));
		const struct login *good = plain_login_passed(dx_transcript(x));
		if (!good && (!alternative || plain_login_failed(s)))
			return;
		bool unknown = refused_as_command(l) && l->offered;
		struct draft *d = dx_find(x, "auth-mech-advertised-but-broken", good || unknown ? 0.93 : 0.7, l->reply ? l->reply : l->command);
		dx_value(d, "mech", l->mech);
		dx_evidence(d, c ? c->event : NULL);
		if (good) {
			dx_evidence(d, good->command);
			dx_keep(d); /* the next client, or this one's next version, takes it first again */
		}
		return;
	}
}

/* Offered, and yet not known when it is asked for. */
static void find_mech_offered_unknown(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		if (!l->offered || login_code(l) != 504 || l->responses)
			continue;
		struct draft *d = dx_find(x, "auth-mech-advertised-but-broken", 0.8, l->reply);
		dx_value(d, "mech", l->mech);
		dx_evidence(d, l->command);
		return;
	}
}

/* The mechanism asked for is not in the list that the server gave. */
static void find_mech_not_offered(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		if (!l->failed || !l->caps_known || l->offered || l->responses || slice_eq(l->mech, S("LOGIN-CMD")) || slice_eq(l->mech, S("USER/PASS")) ||
		    slice_eq(l->mech, S("APOP")))
			continue;
		const struct capabilities *c = session_caps_before(s, l->command->n);
		if (!caps_offer_auth(c) || c->tls != l->tls)
			continue;
		struct draft *d = dx_find(x, "auth-mech-not-offered", 0.9, l->reply);
		dx_value(d, "mech", l->mech);
		dx_evidence(d, c->event);
		return;
	}
}

/* IMAP LOGIN where the only mechanisms offered need a shared secret or a token. */
static void find_imap_login_without_plain(struct dx *x, const struct session *s)
{
	if (s->protocol != PROTOCOL_IMAP)
		return;
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		const struct capabilities *c = session_caps_before(s, l->command->n);
		if (!l->failed || !slice_eq(l->mech, S("LOGIN-CMD")) || !caps_offer_auth(c) || caps_have(c, S("LOGINDISABLED"), NULL))
			continue;
		if (caps_have_mech(c, S("PLAIN")) || caps_have_mech(c, S("LOGIN")) || !dx_match(x, l->reply->text, "mechanism|unsupported|not supported"))
			continue;
		struct draft *d = dx_find(x, "auth-mech-not-offered", 0.92, l->reply);
		dx_value(d, "mech", S("LOGIN"));
		dx_evidence(d, c->event);
		return;
	}
}

/* --- no AUTH in the list --------------------------------------------------------------------------------------------------------------- */

/* Mail passed without a login: in this session after the refused AUTH, or in another one. */
static bool mail_passes_without_login(struct dx *x)
{
	const struct transcript *t = dx_transcript(x);
	for (size_t i = 0; i < t->sessions.n && i < SESSIONS_MAX; i++) {
		const struct session *s = t->sessions.v[i];
		bool logged_in = false;
		for (size_t k = 0; k < logins_of(s); k++)
			logged_in = logged_in || s->logins.v[k].passed;
		if (s->message_accepted && !logged_in)
			return true;
	}
	return false;
}

/* The client wanted to log in: it tried, or said that it cannot. */
static const struct event *wanted_login(struct dx *x, const struct session *s)
{
	static const char *const complaint = "AUTH(?:ENTICATION)?\\b(?! type)[^\\n]{0,40}(?:not|n.t|un)\\s*\\w*\\s*(?:support|advertis|offer|availab|enabled|allow)|"
					     "(?:not|n.t) (?:support|advertise|offer|allow)\\w*[^\\n]{0,20}auth|no (?:suitable )?auth\\w* (?:method|mechanism)|"
					     "Command unknown: .AUTH|unencrypted connection|missing_requirement";
	for (size_t i = 0; i < logins_of(s); i++)
		if (s->logins.v[i].failed)
			return s->logins.v[i].reply;
	const unsigned kinds = KINDS_TOLD | KINDS_AROUND;
	const struct event *e = dx_search_session(x, s, kinds, complaint);
	/* Among several sessions a complaint outside of them could be about any. */
	return e || dx_transcript(x)->sessions.n > 3 ? e : dx_search(x, kinds, complaint, NULL);
}

static bool refused_for_grammar(const struct session *s)
{
	return s->ehlo_event && slice_eq(s->ehlo_event->command.verb, S("HELO"));
}

/* EHLO's reply lists no AUTH: with STARTTLS in it AUTH comes after TLS; without, there is none for this client. */
static void find_no_auth(struct dx *x, const struct session *s)
{
	if (s->protocol != PROTOCOL_SMTP || s->message_accepted || refused_for_grammar(s))
		return;
	const struct event *want = wanted_login(x, s);
	if (!want)
		return;
	const struct capabilities *c = session_caps_before(s, want->session == s ? want->n : 0);
	if (!c || c->n_items < 1)
		return;
	if (caps_offer_auth(c)) {
		/* It is in the list, and the client says that it is not. */
		if (!s->logins.n && want->session == s && !dx_match(x, want->text, "method|mechanism|type|unencrypted"))
			dx_evidence(dx_find(x, "client-misparses-ehlo", 0.8, want), c->event);
		return;
	}
	bool tls = c->tls || s->tls.mode != TLS_NONE;
	struct draft *d;
	if (!tls && caps_have(c, S("STARTTLS"), NULL)) {
		d = dx_find(x, "auth-only-after-starttls", 0.9, want);
	} else if (session_exchange(s, S("AUTH"), 0, NULL) && (mail_passes_without_login(x) || dx_has(x, "auth-sent-where-none-wanted", 0.65))) {
		d = dx_find(x, "auth-sent-where-none-wanted", 0.9, want);
	} else if (session_exchange(s, S("AUTH"), 0, NULL) && !tls && s->server.port != 587) {
		/* Nothing listed, plain port, and AUTH sent all the same: a relay that wants no login is the likelier story. */
		d = dx_find(x, "auth-sent-where-none-wanted", 0.66, want);
		dx_evidence(dx_find(x, "auth-not-offered", 0.62, want), c->event);
	} else {
		d = dx_find(x, "auth-not-offered", 0.85, want);
	}
	dx_evidence(d, c->event);
}

/* The first list, said in the clear, had no AUTH but STARTTLS, and the client sent AUTH all the same. */
static void find_auth_before_tls(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		const struct capabilities *c = session_caps_before(s, l->command->n);
		if (!l->failed || l->tls || !c || c->tls || caps_offer_auth(c) || !caps_have(c, S("STARTTLS"), NULL) || s->protocol != PROTOCOL_SMTP)
			continue;
		dx_evidence(dx_find(x, "auth-only-after-starttls", 0.92, l->reply), c->event);
		return;
	}
}

/* --- IMAP and POP3 at Microsoft --------------------------------------------------------------------------------------------------------- */

/* Exchange Online greets with a bracketed token; it took passwords for IMAP and POP3 until 2022. */
static void find_basic_auth_at_microsoft(struct dx *x, const struct session *s)
{
	if (s->protocol != PROTOCOL_IMAP && s->protocol != PROTOCOL_POP3)
		return;
	const struct event *g = session_event(s, EV_GREETING, 0);
	if (!g || !dx_match(x, g->text, "Microsoft Exchange (?:IMAP4|POP3) service is ready\\. \\["))
		return;
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		if (!l->failed || !(is_password_mech(l->mech) || slice_eq(l->mech, S("USER/PASS"))))
			continue;
		dx_evidence(dx_find(x, "provider-blocks-password-login", 0.55, l->reply), g);
		return;
	}
}

const struct rule rules_auth[] = {
	{"login-initial-response", "auth-login-initial-response", RULE_SESSION, find_login_initial_response},
	{"exchange-auth-refused", "auth-login-initial-response", RULE_SESSION, find_exchange_auth_refused},
	{"plain-without-initial-response", "auth-plain-without-initial-response", RULE_SESSION, find_plain_without_initial_response},
	{"login-prompt", "auth-login-prompt-not-recognised", RULE_SESSION, find_login_prompt},
	{"base64-wrapped", "auth-base64-wrapped", RULE_SESSION, find_base64_wrapped},
	{"base64-cut", "auth-base64-wrapped", RULE_SESSION, find_base64_cut},
	{"mech-broken", "auth-mech-advertised-but-broken", RULE_SESSION, find_mech_broken},
	{"mech-offered-unknown", "auth-mech-advertised-but-broken", RULE_SESSION, find_mech_offered_unknown},
	{"mech-not-offered", "auth-mech-not-offered", RULE_SESSION, find_mech_not_offered},
	{"imap-login-without-plain", "auth-mech-not-offered", RULE_SESSION, find_imap_login_without_plain},
	{"auth-before-tls", "auth-only-after-starttls", RULE_SESSION, find_auth_before_tls},
	{"no-auth-listed", "auth-not-offered", RULE_SESSION, find_no_auth},
	{"basic-auth-at-microsoft", "provider-blocks-password-login", RULE_SESSION, find_basic_auth_at_microsoft},
	{0},
};
