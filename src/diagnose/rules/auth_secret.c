/* Inferences from the credentials themselves: empty or placeholder, letters outside ASCII, stray blanks, signs lost on the way, domain lost or doubled.
 * A masked value proves nothing. No value of a secret goes into a sentence. */
#include <libintl.h>

#include "base/text.h"
#include "diagnose/rule.h"

#define _(s) gettext(s)

/* Logins of one session, steps of one login, and sessions of one input that are looked at closely: more is a brute-force attack or a large log, where
 * the first ones tell as much and looking at all of them again and again would not be linear. */
#define LOGINS_MAX 64u
#define STEPS_MAX 64u
#define SESSIONS_MAX 64u
#define CONTEXT_MAX 4096u

static size_t logins_of(const struct session *s)
{
	return s->logins.n < LOGINS_MAX ? s->logins.n : LOGINS_MAX;
}

/* Few enough sessions that a rule may search the whole input for each. */
static bool is_small(const struct dx *x)
{
	return dx_transcript(x)->sessions.n <= SESSIONS_MAX;
}

/* What stands in settings that were never filled in, or what a program makes of an unset variable. */
static bool is_placeholder(struct slice v)
{
	static const char *const words[] = {"undefined", "null", "none", "nil", "username", "user_name", "your_username", "yourusername", "changeme",
					    "change_me", "smtp_user", "smtp_username", "smtp_password", "your_password", "yourpassword", "password_here",
					    "your-password", "your-username", "<username>", "<password>", "[object object]", "nan", "false", "todo"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (slice_eq_nocase(v, slice_from_cstr(words[i])))
			return true;
	return slice_starts(v, S("${")) || slice_starts(v, S("{{")) || slice_starts(v, S("%(")) || slice_starts_nocase(v, S("your-email@")) ||
	       slice_starts_nocase(v, S("your_email@")) || slice_starts_nocase(v, S("youremail@")) || slice_starts_nocase(v, S("process.env."));
}

static bool mech_is(const struct login *l, const char *name)
{
	return slice_eq_nocase(l->mech, slice_from_cstr(name));
}

/* Mechanisms whose steps carry user name and password as they are. */
static bool carries_password(const struct login *l)
{
	return mech_is(l, "PLAIN") || mech_is(l, "LOGIN") || mech_is(l, "LOGIN-CMD") || mech_is(l, "USER/PASS");
}

static const struct event *login_event(const struct login *l)
{
	return l->password_event ? l->password_event : l->user_event ? l->user_event : l->command;
}

/* Did a step of this login decode to nothing where a value belongs? */
static const struct event *empty_step(const struct session *s, const struct login *l)
{
	if (mech_is(l, "LOGIN-CMD"))
		return slice_starts(slice_trim(l->command->command.args), S("\"\"")) || slice_ends(slice_trim(l->command->command.args), S(" \"\"")) ? l->command
																			: NULL;
	if (mech_is(l, "USER/PASS"))
		return l->command->command.args.n ? NULL : l->command;
	for (size_t i = l->command->n - 1; i < s->events.n && i < l->command->n + STEPS_MAX && s->events.v[i] != l->reply; i++) {
		const struct event *e = s->events.v[i];
		bool ours = e == l->command ? l->initial_response : e->kind == EV_RESPONSE && e->cmd == l->command;
		if (!ours || e->sasl.cancelled || (e->oddities & (ODD_MASKED | ODD_BAD_BASE64)))
			continue;
		struct slice d = e->sasl.decoded;
		if (mech_is(l, "PLAIN") && d.n >= 2 && (d.p[d.n - 1] == 0 || (d.p[0] == 0 && d.p[1] == 0)))
			return e;
		if (mech_is(l, "LOGIN") && !d.n && (!e->text.n || slice_eq(e->text, S("=")) || slice_ends(e->text, S(" ="))))
			return e;
	}
	return NULL;
}

/* Empty or placeholder credentials: the settings were not loaded. */
static void find_not_set(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		if (!carries_password(l) || l->passed)
			continue;
		bool user = is_placeholder(l->user), password = is_placeholder(l->password);
		const struct event *empty = empty_step(s, l);
		if (!user && !password && !empty)
			continue;
		if (empty && !l->failed)
			continue;
		const struct capabilities *c = session_caps_before(s, l->command->n);
		if (empty && c && c->tls == l->tls && !caps_offer_auth(c) && !caps_have(c, S("STARTTLS"), NULL)) {
			/* Nothing to log in with, and nothing that asked for a login. */
			dx_evidence(dx_find(x, "auth-sent-where-none-wanted", 0.93, empty), c->event);
			return;
		}
		struct draft *d = dx_find(x, "credentials-not-set", user ? 0.96 : empty ? 0.93 : 0.88, empty ? empty : login_event(l));
		dx_evidence(d, l->reply);
		if (user)
			dx_value(d, "user", l->user);
		return;
	}
}

static bool has_eight_bit(struct slice v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] & 0x80)
			return true;
	return false;
}

static bool is_printable(struct slice v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < 0x20 && v.p[i] != '\r' && v.p[i] != '\n' && v.p[i] != '\t')
			return false;
	return true;
}

static void find_non_ascii(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		if (!l->failed || !carries_password(l) || value_is_masked(l->password))
			continue;
		if (!(has_eight_bit(l->password) && is_printable(l->password)) && !(has_eight_bit(l->user) && is_printable(l->user)))
			continue;
		/* Cut or masked base64 decodes to noise; a real password in UTF-8 or Latin-1 is mostly ASCII. */
		if ((login_event(l)->oddities & ODD_BAD_BASE64))
			continue;
		dx_evidence(dx_find(x, "password-non-ascii", utf8_is_valid(l->password) ? 0.9 : 0.75, login_event(l)), l->reply);
		return;
	}
}

/* "abcd efgh ijkl mnop": a Google app password as the web page shows it. */
static bool is_spaced_app_password(struct slice v)
{
	if (v.n != 19)
		return false;
	for (size_t i = 0; i < v.n; i++)
		if (i % 5 == 4 ? v.p[i] != ' ' : v.p[i] < 'a' || v.p[i] > 'z')
			return false;
	return true;
}

static bool has_stray_end(struct slice v)
{
	return v.n && (ascii_is_space(v.p[0]) || ascii_is_space(v.p[v.n - 1]));
}

static void find_whitespace(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		if (!l->failed || !carries_password(l))
			continue;
		bool spaced = is_spaced_app_password(l->password);
		if (!spaced && !has_stray_end(l->password) && !has_stray_end(l->user))
			continue;
		/* A pasted POP3 or IMAP line may carry a blank of its own at the end. */
		bool decoded = mech_is(l, "PLAIN") || mech_is(l, "LOGIN");
		dx_evidence(dx_find(x, "password-stray-whitespace", decoded ? 0.94 : spaced ? 0.85 : 0.5, login_event(l)), l->reply);
		return;
	}
}

/* A debug log shows POP3 commands without their line ends; the one with the password has one all the same. The login may pass: the line end of the
 * password ends the command, and the program's own makes an empty command, whose refusal is taken for the answer to the next. */
static void find_line_end_in_pass(struct dx *x, const struct session *s)
{
	if (s->protocol != PROTOCOL_POP3 || s->from_log)
		return;
	for (size_t i = 0; i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		const struct event *e = mech_is(l, "USER/PASS") ? login_event(l) : NULL;
		if (!e || !(e->oddities & ODD_BARE_LF) || (l->user_event && l->user_event != e && (l->user_event->oddities & ODD_BARE_LF)))
			continue;
		const struct event *refused = NULL;
		for (size_t k = 0; k < s->exchanges.n && !refused; k++)
			if (s->exchanges.v[k].negative && s->exchanges.v[k].reply->n > e->n)
				refused = s->exchanges.v[k].reply;
		if (!refused)
			continue;
		struct draft *d = dx_find(x, "password-stray-whitespace", 0.88, e);
		dx_evidence(d, refused);
		dx_keep(d);
		return;
	}
}

/* --- the value in the settings and the value on the wire ---------------------------------------------------------------------------------- */

static bool is_password_name(struct slice name)
{
	return slice_has_nocase(name, S("pass")) || slice_has_nocase(name, S("secret")) || slice_eq_nocase(name, S("pw"));
}

static struct slice unquoted(struct slice v)
{
	v = slice_trim(v);
	if (v.n >= 2 && v.p[0] == v.p[v.n - 1] && (v.p[0] == '"' || v.p[0] == '\''))
		return slice_sub(v, 1, v.n - 1);
	return v;
}

/* Signs that shells and settings files treat in their own way. */
static bool has_special(struct slice v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] && strchr("$#%!&\\;`\"'", v.p[i]))
			return true;
	return false;
}

/* The password sent is not the one shown in a setting, and a special sign explains the difference. */
static void find_mangled(struct dx *x, const struct session *s)
{
	const struct transcript *t = dx_transcript(x);
	for (size_t i = 0; is_small(x) && i < logins_of(s); i++) {
		const struct login *l = &s->logins.v[i];
		struct slice sent = l->password;
		if (!l->failed || !carries_password(l) || !sent.n || value_is_masked(sent))
			continue;
		if (sent.n > 2 && sent.p[0] == sent.p[sent.n - 1] && (sent.p[0] == '"' || sent.p[0] == '\'')) {
			dx_evidence(dx_find(x, "password-mangled-by-shell", 0.85, login_event(l)), l->reply);
			return;
		}
		for (size_t k = 0; k < t->context.n && k < CONTEXT_MAX; k++) {
			const struct event *e = t->context.v[k];
			struct slice value = unquoted(event_fact(e, "value"));
			if (e->kind != EV_CONFIG || !is_password_name(event_fact(e, "setting")) || !has_special(value) || slice_eq(value, sent))
				continue;
			if (sent.n >= value.n || !slice_starts(value, slice_sub(sent, 0, sent.n < 3 ? sent.n : 3)))
				continue;
			dx_evidence(dx_find(x, "password-mangled-by-shell", 0.92, login_event(l)), e);
			return;
		}
	}
}

/* --- the domain of the user name ----------------------------------------------------------------------------------------------------------- */

/* The client logged in as user@domain, and the server's log speaks of the user without it. */
static void find_realm_stripped(struct dx *x, const struct session *s)
{
	static const char *const known_as = "(?:passwd-file|passwd|sql|ldap|pam|shadow|static|bsdauth)\\(([^,@)\\s]+),[^)]*\\): (?:unknown user|user not found|pam_authenticate)|"
					    "\\[user=([^\\]@]+)\\] \\[service|(?:no such user|unknown user|user not found)[: ]+[\"'<]?([\\w.+-]+)[\"'>]?\\s*$";
	for (size_t i = 0; is_small(x) && i < logins_of(s) && i < 4; i++) {
		const struct login *l = &s->logins.v[i];
		size_t at = slice_find_byte(l->user, '@');
		if (!l->failed || at == SLICE_NPOS || at == 0 || value_is_masked(l->user))
			continue;
		size_t pos = 0;
		const struct event *e = dx_search(x, KINDS_TOLD | KINDS_AROUND, known_as, &pos);
		struct slice local = slice_sub(l->user, 0, at);
		if (!e || !slice_has_nocase(e->text, local) || slice_has_nocase(e->text, l->user))
			continue;
		struct draft *d = dx_find(x, "auth-realm-stripped", 0.85, e);
		dx_value(d, "user", l->user);
		dx_evidence(d, login_event(l));
		return;
	}
}

/* testsaslauthd succeeds with the full name and fails with user and realm apart (or the other way round). */
static void find_realm_by_test(struct dx *x, const struct session *s)
{
	(void)s;
	const unsigned kinds = KINDS_AROUND | KIND(EV_COMMAND) | KINDS_TOLD;
	const struct event *apart = dx_search(x, kinds, "testsaslauthd[^\\n]*\\s-r\\s", NULL);
	const struct event *full = dx_search(x, kinds, "testsaslauthd[^\\n]*\\s-u\\s*\\S+@", NULL);
	const struct event *yes = dx_search(x, kinds, "OK \"Success", NULL), *no = dx_search(x, kinds, "NO \"authentication failed", NULL);
	if (!apart || !full || !yes || !no)
		return;
	struct draft *d = dx_find(x, "auth-realm-stripped", 0.95, no);
	dx_evidence(d, apart);
	dx_evidence(d, full);
	dx_evidence(d, dx_search(x, kinds, "/saslauthd\\s", NULL));
}

/* --- the table of a sending server -------------------------------------------------------------------------------------------------------- */

/* Keys of a sasl_passwd table that are looked at. */
#define SASL_KEYS_MAX 16u

/* Two accounts under one host in sasl_passwd: only the first is ever found, whoever sends. */
static void find_shared_key(struct dx *x, const struct session *s)
{
	(void)s;
	static const char *const entry = "^\\s*(\\[?[\\w.-]+\\.[\\w-]+\\]?(?::\\d+)?)\\s+[\\w.+@-]+:\\S+\\s*$";
	const struct event *seen[SASL_KEYS_MAX], *e;
	struct slice keys[SASL_KEYS_MAX];
	size_t n = 0, pos = 0;
	while (n < SASL_KEYS_MAX && (e = dx_search(x, KINDS_AROUND | KIND(EV_ERROR), entry, &pos))) {
		dx_capture(x, e->text, entry, &keys[n]);
		for (size_t i = 0; i < n; i++) {
			if (!slice_eq_nocase(keys[i], keys[n]) || slice_eq(seen[i]->text, e->text))
				continue;
			struct draft *d = dx_find(x, "relay-credentials-lookup-by-sender", 0.82, e);
			dx_evidence(d, seen[i]);
			dx_summary(d, _("Two accounts stand under the same host, %s, in the password table: whoever the sender is, only the first is ever found."),
				   dx_shown(x, keys[n]));
			return;
		}
		seen[n++] = e;
	}
}

const struct rule rules_auth_secret[] = {
	{"shared-sasl-key", "relay-credentials-lookup-by-sender", RULE_INPUT, find_shared_key},
	{"credentials-not-set", "credentials-not-set", RULE_SESSION, find_not_set},
	{"password-non-ascii", "password-non-ascii", RULE_SESSION, find_non_ascii},
	{"password-whitespace", "password-stray-whitespace", RULE_SESSION, find_whitespace},
	{"password-line-end", "password-stray-whitespace", RULE_SESSION, find_line_end_in_pass},
	{"password-mangled", "password-mangled-by-shell", RULE_SESSION, find_mangled},
	{"realm-stripped", "auth-realm-stripped", RULE_SESSION, find_realm_stripped},
	{"realm-by-test", "auth-realm-stripped", RULE_INPUT, find_realm_by_test},
	{0},
};
