/* Inferences that need what stands around the failure: the same login by another way, the product named in prose, the service that hosts a domain. */
#include <libintl.h>

#include "diagnose/rule.h"

#define _(s) gettext(s)

/* AUTH LOGIN fails with the user name on its line and passes without, in whatever session: the server cannot take the initial response. */
static void find_login_with_and_without(struct dx *x, const struct session *unused)
{
	const struct transcript *t = dx_transcript(x);
	const struct login *with = NULL, *without = NULL;
	(void)unused;
	for (size_t i = 0; i < t->sessions.n && i < 50; i++) {
		const struct session *s = t->sessions.v[i];
		for (size_t j = 0; j < s->logins.n; j++) {
			const struct login *l = &s->logins.v[j];
			if (!slice_eq(l->mech, S("LOGIN")))
				continue;
			if (l->initial_response && l->failed)
				with = with ? with : l;
			else if (!l->initial_response && l->passed)
				without = without ? without : l;
		}
	}
	if (!with || !without)
		return;
	struct draft *d = dx_find(x, "auth-login-initial-response", 0.92, with->reply);
	dx_evidence(d, with->command);
	dx_evidence(d, without->command);
	dx_evidence(d, without->reply);
	dx_keep(d);
}

#define SHARED_SECRET "(?:CRAM-MD5|DIGEST-MD5|SCRAM-SHA-\\d+|NTLM|GSSAPI)"

/* A mechanism that needs the password itself fails, and somebody says that PLAIN or LOGIN works. */
static void find_other_mechanism_works(struct dx *x, const struct session *s)
{
	(void)s;
	const struct event *failure = dx_search(x, KINDS_TOLD | KIND(EV_REPLY), "(?:AUTH\\w*|SASL|mechanism|using|with)[^\\n]{0,30}\\b" SHARED_SECRET
		"\\b[^\\n]{0,80}(?:\\bNO\\b|fail|reject|535|denied|invalid|error|refused)", NULL);
	if (!failure)
		return;
	const struct event *works = dx_search(x, KIND(EV_PROSE) | KIND(EV_ERROR),
		"(?:plain|\\blogin\\b)[^\\n]{0,60}\\b(?:all good|works?|fine|ok|succeeds?|no problem|passes)\\b|\\b(?:works?|fine|ok)\\b[^\\n]{0,30}(?:with|using|when)[^\\n]{0,20}(?:plain|\\blogin\\b)",
		NULL);
	if (works)
		dx_evidence(dx_find(x, "auth-mech-advertised-but-broken", 0.82, failure), works);
}

static bool needs_shared_secret(struct slice mech)
{
	return slice_eq(mech, S("CRAM-MD5")) || slice_eq(mech, S("DIGEST-MD5")) || slice_starts(mech, S("SCRAM-")) || slice_eq(mech, S("NTLM")) ||
	       slice_eq(mech, S("GSSAPI"));
}

/* The same user fails with such a mechanism and passes with PLAIN or LOGIN: the password is right, the mechanism is broken. That the client fell back
 * itself does not mend the server. */
static void find_other_mechanism_passes(struct dx *x, const struct session *unused)
{
	const struct transcript *t = dx_transcript(x);
	const struct login *broken = NULL, *passed = NULL;
	(void)unused;
	for (size_t i = 0; i < t->sessions.n && i < 50; i++) {
		const struct session *s = t->sessions.v[i];
		for (size_t j = 0; j < s->logins.n; j++) {
			const struct login *l = &s->logins.v[j];
			if (l->failed && needs_shared_secret(l->mech))
				broken = broken ? broken : l;
			else if (l->passed && broken && (slice_eq(l->mech, S("PLAIN")) || slice_eq(l->mech, S("LOGIN"))))
				passed = passed ? passed : l;
		}
	}
	if (!broken || !passed || (broken->user.n && passed->user.n && !slice_eq_nocase(broken->user, passed->user)))
		return;
	struct draft *d = dx_find(x, "auth-mech-advertised-but-broken", 0.88, broken->reply);
	dx_evidence(d, broken->command);
	dx_evidence(d, passed->reply);
	dx_value(d, "mech", broken->mech);
	dx_keep(d);
}

/* An interceptor is named beside a certificate or connection failure. */
static void find_scanner_named(struct dx *x, const struct session *s)
{
	(void)s;
	const struct event *named = dx_search(x, KIND(EV_PROSE) | KIND(EV_ERROR) | KIND(EV_CONFIG),
		"\\b(?:Avast|AVG|Kaspersky|ESET|Bitdefender|McAfee|Norton|Sophos|Avira|G ?Data|Trend Micro|Dr\\.? ?Web|Zscaler|mail shield|web/?mail shield|anti-?virus|virus scanner)\\b",
		NULL);
	const struct event *failure = named ? dx_search(x, KINDS_TOLD, "certificate|self.signed|\\bSSL\\b|\\bTLS\\b|cannot (?:reach|connect)|could not connect|unable to connect|handshake", NULL)
					    : NULL;
	if (!failure)
		return;
	bool switched = dx_match(x, named->text, "switch|install|since|after|disabl|turn(?:ing|ed)? off|scan");
	if (!switched && !dx_match(x, failure->text, "certificate|self.signed|handshake|verif|reach|connect"))
		return; /* that TLS is spoken of says nothing */
	struct draft *d = dx_find(x, "antivirus-intercepts-tls", switched ? 0.72 : 0.5, failure);
	dx_evidence(d, named);
}

/* Every server, of different owners, shows a self-signed certificate: it is not theirs. */
static void find_all_servers_self_signed(struct dx *x, const struct session *s)
{
	(void)s;
	const struct event *failure = dx_search(x, KINDS_TOLD, "self.signed certificate", NULL);
	const struct event *all = failure ? dx_search(x, KIND(EV_PROSE) | KIND(EV_ERROR),
		"(?:no matter (?:what|which)|every|all|any|several|different)[^\\n]{0,40}(?:servers?|providers?|smtp|hosts?)[^\\n]{0,120}|(?:gmail|outlook|amazon|yahoo)[^\\n]{0,60}(?:gmail|outlook|amazon|ses|yahoo|own)", NULL)
					  : NULL;
	if (all && dx_match(x, all->text, "no matter|every|all |any |gmail|google"))
		dx_evidence(dx_find(x, "antivirus-intercepts-tls", 0.75, failure), all);
}

#define HOSTED_ELSEWHERE "g ?suite|google (?:workspace|apps|mail)|office ?365|microsoft ?365|exchange online|outlook\\.com|zoho|fastmail|\\bMX\\b[^\\n]{0,40}(?:google|outlook|elsewhere|other)|hosted (?:elsewhere|externally)"

/* "User unknown in local (virtual) table" at a machine that is meant to pass the domain's mail on to where it is hosted. */
static void find_hosted_elsewhere(struct dx *x, const struct session *s)
{
	(void)s;
	const struct event *unknown = dx_search(x, KIND(EV_REPLY) | KINDS_TOLD, "user unknown in (?:local recipient|virtual (?:mailbox|alias)) table|unknown (?:local|virtual) user|relay=local\\b[^\\n]*unknown user",
		NULL);
	const struct event *hosted = unknown ? dx_search(x, KIND(EV_PROSE) | KIND(EV_ERROR) | KIND(EV_CONFIG), HOSTED_ELSEWHERE, NULL) : NULL;
	if (hosted)
		dx_evidence(dx_find(x, "domain-class-misconfigured", 0.84, unknown), hosted);
}

/* The token's audience or the scope asked for is another service's, and the mail login fails. */
static void find_foreign_audience(struct dx *x, const struct session *s)
{
	(void)s;
	const struct event *scope = dx_search(x, KINDS_AROUND | KIND(EV_ERROR),
		"https?://(?:graph\\.microsoft\\.com(?!/(?:v1\\.0|beta))|ps\\.outlook\\.com|manage\\.office\\.com|management\\.azure\\.com|graph\\.windows\\.net|vault\\.azure\\.net)|\"?aud\"?\\s*[:=]\\s*\"?(?:https?://(?!outlook\\.office(?:365)?\\.com)|00000003-0000-0000-c000-000000000000)",
		NULL);
	if (!scope)
		return;
	const struct event *mail = dx_search(x, 0, "imap|smtp|pop3|outlook\\.office365|XOAUTH2", NULL);
	const struct event *failure = mail ? dx_search(x, KINDS_TOLD | KIND(EV_REPLY) | KIND(EV_PROSE), "authenticat\\w* (?:failed|unsuccessful)|AUTHENTICATE failed|535|\\bNO\\b [^\\n]*fail", NULL) : NULL;
	if (failure)
		dx_evidence(dx_find(x, "oauth-wrong-audience", 0.86, scope), failure);
}

/* A great provider's own host name does not resolve at the receiving server: its resolver is what fails. */
static void find_resolver_fails(struct dx *x, const struct session *s)
{
	(void)s;
	const struct event *e = dx_search(x, KIND(EV_REPLY) | KINDS_TOLD,
		"<(?:[\\w.-]+\\.)?(?:google|gmail|outlook|yahoo(?:dns)?|amazonses|protection\\.outlook|icloud|apple)\\.(?:com|net)>: Helo command rejected: Host not found|Helo command rejected: Host not found;[^\\n]{0,200}helo=<[\\w.-]*(?:google|outlook|yahoo|amazonses)\\.com>",
		NULL);
	if (e)
		dx_find(x, "server-dns-resolution-broken", 0.86, e);
}

/* The program was given a host, but knocks at localhost. */
static void find_settings_ignored(struct dx *x, const struct session *s)
{
	(void)s;
	const struct event *refused = dx_search(x, KINDS_TOLD,
		"(?:localhost|127\\.0\\.0\\.1|\\[?::1\\]?)[^\\n]{0,60}(?:refused|ECONNREFUSED|111|10061)|(?:refused|ECONNREFUSED)[^\\n]{0,60}(?:localhost|127\\.0\\.0\\.1|::1)", NULL);
	if (!refused)
		return;
	const struct event *settings = dx_search(x, KIND(EV_PROSE) | KIND(EV_ERROR) | KIND(EV_CONFIG),
		"settings?[^\\n]{0,40}(?:ignored|not (?:used|applied|read|picked)|no effect)|ignor\\w+[^\\n]{0,30}settings?|still (?:using|connect\\w*|tr\\w+)[^\\n]{0,20}[`'\"]?localhost|(?:set ?up|configured)[^\\n]{0,40}(?:smtp|mandrill|sendgrid|mailgun|ses|gmail)|fetch\\(\"?SMTP_HOST",
		NULL);
	if (settings)
		dx_evidence(dx_find(x, "wrong-host-localhost-default", 0.84, refused), settings);
}

/* STARTTLS, a ClientHello of an old version, and the server hangs up. */
static void find_old_hello_dropped(struct dx *x, const struct session *s)
{
	(void)s;
	const struct event *hello = dx_search(x, 0, "client ?hello[^\\n]{0,60}(?:TLS ?v?1\\.?[01]\\b|TLSv1\\b(?!\\.[23])|SSL ?v?3|3\\.[12]\\b|0x030[012])", NULL);
	const struct event *closed = hello ? dx_search(x, 0, "closed by (?:peer|remote|server)|connection (?:closed|reset|lost)|handshake (?:failed|failure)|EOF|protocol.version", NULL) : NULL;
	if (closed)
		dx_evidence(dx_find(x, "tls-version-too-old-client", 0.82, hello), closed);
}

/* The relay knows no logins and says so to a program that wants one, and somebody says that none is needed there. */
static void find_none_wanted(struct dx *x, const struct session *s)
{
	(void)s;
	const struct event *none = dx_search(x, KIND(EV_PROSE) | KIND(EV_CONFIG) | KIND(EV_ERROR),
		"(?:do(?:es)? not|don't|doesn't|without|no|un)[ -]?(?:have |need |require |use )?(?:an? )?auth(?:entication|enticated)?\\b[^\\n]{0,40}(?:smtp|relay|server|for|\\.)|unauthenticated (?:internal )?(?:smtp )?relay|(?:username|password|login)[^\\n]{0,30}(?:left )?(?:blank|empty)[^\\n]{0,40}works?|works?[^\\n]{0,60}(?:blank|empty|without (?:a )?(?:user|password|login|auth))",
		NULL);
	const struct event *refused = none ? dx_search(x, KINDS_TOLD | KIND(EV_REPLY) | KIND(EV_PROSE),
		"AUTH(?:ENTICATION)? (?:extension )?(?:is )?not (?:supported|enabled|available|implemented)|does(?: not|n't) support auth|50[0234][^\\n]{0,40}auth|no (?:supported|suitable) auth|extension not supported by server|Error, code: 250", NULL)
					   : NULL;
	if (refused)
		dx_evidence(dx_find(x, "auth-sent-where-none-wanted", 0.84, refused), none);
}

/* The session said HELO only, so that no AUTH was offered, and the client complains of just that. */
static void find_helo_only_no_auth(struct dx *x, const struct session *s)
{
	const struct event *helo = NULL;
	for (size_t i = 0; i < s->events.n; i++) {
		const struct event *e = s->events.v[i];
		if (e->kind != EV_COMMAND)
			continue;
		if (slice_eq(e->command.verb, S("EHLO")))
			return;
		if (slice_eq(e->command.verb, S("HELO")))
			helo = e;
	}
	if (!helo || s->from_log)
		return;
	const struct event *complaint = dx_search_session(x, s, KINDS_TOLD, "does(?: not|n't) support (?:\\w+ )?auth|auth\\w*[^\\n]{0,20} not (?:supported|offered|available)|no (?:supported )?auth");
	if (complaint)
		dx_evidence(dx_find(x, "helo-instead-of-ehlo", 0.85, complaint), helo);
}

/* The name to greet with is set to words with blanks between them ("SMTP helo: Zabbix Monitoring"), and sending fails; libcurl calls that a bad URL. */
static void find_helo_setting_with_blanks(struct dx *x, const struct session *s)
{
	(void)s;
	static const char *const setting = "^[\\s\"'*-]*(?:smtp[ _.-]?|mail[ _.-]?)?(?:helo|ehlo)(?:[ _.-]?(?:host(?:[ _-]?name)?|name|domain|string|argument))?[\"']?\\s*(?:[:=]|=>)\\s*[\"']?"
					   "([a-z][\\w.-]*(?: +[a-z][\\w.-]*){1,3})[\"',]*\\s*$";
	const struct event *set = dx_search(x, KIND(EV_CONFIG) | KIND(EV_PROSE) | KIND(EV_TOOL), setting, NULL);
	struct slice name;
	if (!set || !dx_capture(x, set->text, setting, &name) || dx_match(x, name, "\\b(?:command|rejected|host|required|failed|denied|is|the|of|with)\\b"))
		return;
	const struct event *failure = dx_search(x, KINDS_TOLD | KIND(EV_REPLY) | KIND(EV_PROSE),
		"URL using bad/illegal format|malformed|\\b50[01]\\b|syntax|invalid|illegal|fail|rejected|cannot send|could ?n.t send", NULL);
	if (!failure)
		return;
	struct draft *d = dx_find(x, "ehlo-name-invalid", 0.82, failure);
	dx_value(d, "ehlo", name);
	dx_evidence(d, set);
}

/* The sender is set to a bare name without a domain, and the server finds fault with an address. */
static void find_sender_setting_bare(struct dx *x, const struct session *s)
{
	(void)s;
	static const char *const setting = "(?:^|[\\s\"'])[\\w.-]*(?:sender|from)(?:[_.-]?(?:e?mail|addr(?:ess)?))?[\"']?\\s*[:=]\\s*[\"']?([a-z][\\w.+-]*)[\"',;]*\\s*$";
	const struct event *failure = dx_search(x, KINDS_TOLD | KIND(EV_REPLY) | KIND(EV_PROSE),
		"(?:mail (?:from )?command failed|MAIL FROM|sender)[^\\n]{0,40}(?:\\b55[03]|\\b501)[^\\n]{0,30}(?:invalid|malformed|bad|illegal|syntax)[^\\n]{0,20}(?:address|sender|path)|"
		"\\b(?:501|553)\\b[^\\n]{0,20}(?:invalid|malformed|bad|illegal)[^\\n]{0,20}(?:sender|from|address specified)", NULL);
	const struct event *set = failure ? dx_search(x, KIND(EV_CONFIG), setting, NULL) : NULL;
	struct slice name;
	if (!set || !dx_capture(x, set->text, setting, &name) || dx_match(x, name, "^(?:true|false|yes|no|null|none|smtp|default)$"))
		return;
	struct draft *d = dx_find(x, "mail-from-syntax", 0.78, failure);
	dx_summary(d, _("The sender is set to “%s”, which is a name and no mail address, so the server rejects MAIL FROM."), dx_shown(x, name));
	dx_evidence(d, set);
}

/* A command that CAPABILITY lists as an extension is answered BAD, as if it were not known. */
static void find_listed_command_bad(struct dx *x, const struct session *s)
{
	static const char *const commands[] = {"ID", "ENABLE", "NAMESPACE", "UNSELECT", "COMPRESS", "GETQUOTAROOT", "MOVE", "NOTIFY", "THREAD", "SORT", "XLIST"};
	if (s->protocol != PROTOCOL_IMAP)
		return;
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		struct slice verb = slice_from_cstr(commands[i]);
		const struct exchange *ex = session_exchange(s, verb, 0, NULL);
		if (!ex || !ex->command || !ex->negative || !dx_match(x, ex->reply->text, "^\\S+ BAD\\b[^\\n]*(?:invalid|unknown|unrecogni|not (?:recogni|implement|support)|unsupported|bad) ?(?:command)?"))
			continue;
		const struct capabilities *c = session_caps_before(s, ex->command->n);
		if (!caps_have(c, verb, NULL))
			continue;
		struct draft *d = dx_find(x, "extension-advertised-but-broken", 0.85, ex->reply);
		dx_summary(d, _("The server lists %s among its capabilities and answers BAD when the client uses it."), commands[i]);
		dx_evidence(d, ex->command);
		dx_evidence(d, c->event);
		return;
	}
}

const struct rule rules_context[] = {
	{"login-with-and-without", "auth-login-initial-response", RULE_INPUT, find_login_with_and_without},
	{"other-mechanism-works", "auth-mech-advertised-but-broken", RULE_INPUT, find_other_mechanism_works},
	{"other-mechanism-passes", "auth-mech-advertised-but-broken", RULE_INPUT, find_other_mechanism_passes},
	{"scanner-named", "antivirus-intercepts-tls", RULE_INPUT, find_scanner_named},
	{"all-servers-self-signed", "antivirus-intercepts-tls", RULE_INPUT, find_all_servers_self_signed},
	{"hosted-elsewhere", "domain-class-misconfigured", RULE_INPUT, find_hosted_elsewhere},
	{"foreign-audience", "oauth-wrong-audience", RULE_INPUT, find_foreign_audience},
	{"resolver-fails", "server-dns-resolution-broken", RULE_INPUT, find_resolver_fails},
	{"settings-ignored", "wrong-host-localhost-default", RULE_INPUT, find_settings_ignored},
	{"none-wanted", "auth-sent-where-none-wanted", RULE_INPUT, find_none_wanted},
	{"helo-only-no-auth", "helo-instead-of-ehlo", RULE_SESSION, find_helo_only_no_auth},
	{"old-hello-dropped", "tls-version-too-old-client", RULE_INPUT, find_old_hello_dropped},
	{"helo-setting-with-blanks", "ehlo-name-invalid", RULE_INPUT, find_helo_setting_with_blanks},
	{"sender-setting-bare", "mail-from-syntax", RULE_INPUT, find_sender_setting_bare},
	{"listed-command-bad", "extension-advertised-but-broken", RULE_SESSION, find_listed_command_bad},
	{0},
};
