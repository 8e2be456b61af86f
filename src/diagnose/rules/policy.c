/* Inferences about refusals by policy: senders that do not fit the login, unverified identities, greylisting seen from its end, a receiving server whose
 * DNS is broken, a domain in two classes at once. */
#include <libintl.h>

#include "diagnose/rule.h"

#define _(s) gettext(s)

/* Deferred messages and domains remembered while reading on; more would not make the finding surer. */
#define DEFERRED_MAX 64u
#define DOMAINS_MAX 8u
/* So many different sender domains that "do not exist" speak for a broken resolver. */
#define DOMAINS_ENOUGH 3u

static bool is_smtp(const struct session *s)
{
	return s->protocol == PROTOCOL_SMTP || s->protocol == PROTOCOL_LMTP;
}

static const struct login *passed_login(const struct session *s)
{
	for (size_t i = 0; i < s->logins.n; i++)
		if (s->logins.v[i].passed)
			return &s->logins.v[i];
	return NULL;
}

/* --- the sender and the login --------------------------------------------------------------------------------------------------- */

/* Words that refuse a sender without saying why, or that speak of the sender or of a right. */
#define SENDER_REFUSED \
	"sender|\\bfrom\\b|mailbox unavailable|mailbox name not allowed|not (?:allowed|authori[sz]ed|permitted|owned)|permission|policy|request failed|access denied"

/* Reasons that are about something else. */
#define OTHER_REASON \
	"spam|virus|quota|size|syntax|DMARC|SPF|DKIM|unknown|not found|no such|does not exist|full|relay|verif|blocked using|domain|try again|too many|" \
	"5\\.1\\.1|RFC|header|recipient|encrypt|TLS"

/* Logged in as one address, sends as another, and the sender is refused. */
static void find_sender_not_login(struct dx *x, const struct session *s)
{
	const struct login *login = is_smtp(s) ? passed_login(s) : NULL;
	if (!login || slice_find_byte(login->user, '@') == SLICE_NPOS || value_is_masked(login->user))
		return;
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		bool at_mail = exchange_is(ex, S("MAIL"));
		if (!ex->negative || !ex->reply || ex->reply->answer.code < 500 || !(at_mail || exchange_is(ex, S("DOT")) || exchange_is(ex, S("RCPT"))))
			continue;
		if (!s->mail_from.n || value_is_masked(s->mail_from) || slice_eq_nocase(s->mail_from, login->user))
			return;
		if (!dx_match(x, ex->reply->text, SENDER_REFUSED) || dx_match(x, ex->reply->text, OTHER_REASON))
			continue;
		bool exchange_server = s->server.software == SOFTWARE_EXCHANGE || s->server.software == SOFTWARE_MICROSOFT365;
		struct draft *d = dx_find(x, exchange_server ? "send-as-denied" : "sender-login-mismatch", at_mail ? 0.75 : 0.62, ex->reply);
		if (!exchange_server)
			dx_summary(d, _("The client logs in as %s but sends as %s, and the server refuses that sender address."), dx_shown(x, login->user),
				   dx_shown(x, s->mail_from));
		dx_evidence(d, ex->command);
		dx_evidence(d, login->command);
		return;
	}
}

#define FORM_WORDS \
	"contact[-_ ]?(?:us[-_ ]?)?(?:form|page|mailer|controller)|\\bvisitors?\\b|feedback[-_ ]?form|kontaktformular|formulaire|wpcf7|wpforms|enquiry|inquiry|" \
	"(?:customer|user|sender|visitor|guest)(?:.s)? (?:e-?mail|address) (?:as|in|into) (?:the )?from"

/* The same refusal, and the evidence speaks of a form: the From is the visitor's. */
static void find_form_sender(struct dx *x, const struct session *unused)
{
	(void)unused;
	if (!dx_has(x, "sender-login-mismatch", 0.7) && !dx_has(x, "send-as-denied", 0.7))
		return;
	const struct event *form = dx_search(x, KINDS_AROUND | KIND(EV_ERROR) | KIND(EV_LOG), FORM_WORDS, NULL);
	if (!form)
		return;
	struct draft *d = dx_find(x, "from-address-of-visitor", 0.96, form);
	dx_summary(d, _("The form sends with its visitor's address as From, which the account that logs in is not entitled to use."));
}

/* --- identities that Amazon SES has not verified ----------------------------------------------------------------------------------- */

#define SES_FAILED "following identities failed the check in region\\s+[A-Z0-9-]+:\\s*"

static bool names_as(struct dx *x, struct slice identity, const char *role_regex)
{
	size_t at = 0;
	for (int tries = 0; tries < 16; tries++) {
		struct slice value;
		const struct event *e = dx_search(x, 0, role_regex, &at);
		if (!e)
			return false;
		if (dx_capture(x, e->text, role_regex, &value) && slice_eq_nocase(value, identity))
			return true;
	}
	return false;
}

/* The identity that failed is the sender (a form's visitor) or the recipient (the account is in its sandbox)? */
static void find_ses_identity(struct dx *x, const struct session *unused)
{
	(void)unused;
	struct slice identity = SLICE_NONE;
	const struct event *e = dx_search(x, 0, SES_FAILED "\\S+@", NULL);
	if (!e || !dx_capture(x, e->text, SES_FAILED "([^\\s,()'\"<>]+)", &identity))
		return;
	const struct session *s = e->session;
	bool sender = (s && slice_eq_nocase(s->mail_from, identity)) ||
		      names_as(x, identity, "(?:MAIL FROM:|\\bfrom\\b|\\bsource\\b|\\bsender\\b|Return-Path)[^@\\w]{0,12}([^\\s<>'\",;()]+@[^\\s<>'\",;()]+)");
	bool recipient = (s && slice_eq_nocase(s->rcpt_to, identity)) ||
			 names_as(x, identity, "(?:RCPT TO:|\\bto\\b|recipients?|ToAddresses|destination)[^@\\w]{0,12}([^\\s<>'\",;()]+@[^\\s<>'\",;()]+)");
	if (sender == recipient)
		return;
	struct draft *d = dx_find(x, sender ? "from-address-of-visitor" : "ses-sandbox", 0.9, e);
	if (sender)
		dx_summary(d, _("The From address %s is not verified for this Amazon SES account, so the message is refused."), dx_shown(x, identity));
	else
		dx_summary(d, _("The Amazon SES account is still in the sandbox: it may send to verified recipients only, and %s is not one."), dx_shown(x, identity));
}

/* --- greylisting: put off, and taken some minutes later ------------------------------------------------------------------------------ */

/* A temporary refusal for a stated reason is no greylisting. */
#define STATED_REASON \
	"quota|full|disk|space|storage|lookup|not found|resolve|too many|rate|limit|busy|unavailable|TLS|certificate|auth|internal|config|memory|overload|" \
	"milter|timed? ?out|refused|lost connection|blocked using|reverse|hostname"

struct deferred {
	struct slice key; /* queue id, or sender and recipient */
	const struct event *event;
};

static struct slice delivery_key(struct dx *x, const struct event *e)
{
	struct slice id = event_fact(e, "queue_id");
	if (id.n)
		return id;
	const struct session *s = e->session;
	if (s && s->from_log)
		return s->key; /* the queue id where a log tells of deliveries */
	if (!s || !s->rcpt_to.n)
		return SLICE_NONE;
	return arena_join(dx_arena(x), s->mail_from, S(" "), s->rcpt_to);
}

static bool is_deferral(struct dx *x, const struct event *e)
{
	bool reply = e->kind == EV_REPLY && e->answer.code / 10 == 45;
	bool logged = e->kind == EV_LOG && slice_eq(event_fact(e, "status"), S("deferred"));
	if (!reply && !logged)
		return false;
	return dx_match(x, e->text, "\\b45[01][ -]") && !dx_match(x, e->text, STATED_REASON);
}

static bool is_delivery(struct dx *x, const struct event *e)
{
	if (e->kind == EV_LOG)
		return slice_eq(event_fact(e, "status"), S("sent")) || dx_match(x, e->text, "(?:^| )(?:=>|->) \\S");
	return e->kind == EV_REPLY && e->cmd && slice_eq(e->cmd->command.verb, S("DOT")) && e->answer.status == STATUS_OK;
}

static void find_retry_passed(struct dx *x, const struct session *unused)
{
	(void)unused;
	const struct transcript *t = dx_transcript(x);
	struct deferred table[DEFERRED_MAX];
	size_t n = 0;
	for (size_t i = 0; i < t->events.n; i++) {
		const struct event *e = t->events.v[i];
		if (n < DEFERRED_MAX && is_deferral(x, e)) {
			struct slice key = delivery_key(x, e);
			if (key.n)
				table[n++] = (struct deferred){key, e};
			continue;
		}
		struct slice key = n && is_delivery(x, e) ? delivery_key(x, e) : SLICE_NONE;
		for (size_t j = 0; key.n && j < n; j++) {
			if (!slice_eq(table[j].key, key))
				continue;
			struct draft *d = dx_find(x, "greylisting", 0.8, table[j].event);
			dx_evidence(d, e);
			dx_keep(d);
			return;
		}
	}
}

/* --- the receiving server's DNS -------------------------------------------------------------------------------------------------------- */

/* Several unrelated sender domains that "do not exist" on one server: its look-ups fail. */
static void find_no_domain_exists(struct dx *x, const struct session *unused)
{
	(void)unused;
	struct slice domains[DOMAINS_MAX];
	const struct event *events[DOMAINS_MAX];
	size_t n = 0, at = 0;
	for (unsigned tries = 0; tries < 200 && n < DOMAINS_MAX; tries++) {
		struct slice domain;
		bool known = false;
		const struct event *e = dx_search(x, 0, "Sender address rejected: Domain not found|Domain of sender address \\S+ does not resolve", &at);
		if (!e)
			break;
		if (!dx_capture(x, e->text, "@([^\\s<>]+)>?(?:: Sender address rejected: Domain not found|\\S* does not resolve)", &domain))
			continue;
		for (size_t i = 0; i < n; i++)
			known = known || slice_eq_nocase(domains[i], domain);
		if (known)
			continue;
		domains[n] = domain;
		events[n++] = e;
	}
	if (n < DOMAINS_ENOUGH)
		return;
	struct draft *d = dx_find(x, "server-dns-resolution-broken", n > DOMAINS_ENOUGH ? 0.92 : 0.85, events[0]);
	for (size_t i = 1; i < n; i++)
		dx_evidence(d, events[i]);
	dx_summary(d, _("The receiving server finds none of %zu different sender domains: its own DNS look-ups fail, not the senders' domains."), n);
}

/* --- one domain in two classes ----------------------------------------------------------------------------------------------------------- */

static bool list_names(struct slice list, struct slice domain)
{
	while (list.n) {
		size_t n = 0;
		while (n < list.n && !ascii_is_space(list.p[n]) && list.p[n] != ',')
			n++;
		if (slice_eq_nocase(slice_sub(list, 0, n), domain))
			return true;
		list = slice_from(list, n + 1);
	}
	return false;
}

/* The settings shown list a domain as local and as virtual. */
static void find_domain_in_two_classes(struct dx *x, const struct session *unused)
{
	(void)unused;
	struct slice local = SLICE_NONE, rest;
	const struct event *a = dx_search(x, KINDS_AROUND, "(?:^|\\s)mydestination\\s*=", NULL);
	const struct event *b = dx_search(x, KINDS_AROUND, "(?:^|\\s)virtual_(?:mailbox|alias)_domains\\s*=", NULL);
	if (!a || !b || !dx_capture(x, a->text, "mydestination\\s*=\\s*([^\\n]*)", &local) ||
	    !dx_capture(x, b->text, "virtual_(?:mailbox|alias)_domains\\s*=\\s*([^\\n]*)", &rest))
		return;
	while (rest.n) {
		struct slice word = slice_next_until(&rest, ' ');
		while (word.n && (word.p[word.n - 1] == ',' || ascii_is_space(word.p[word.n - 1])))
			word.n--;
		if (!word.n || slice_find_byte(word, '.') == SLICE_NPOS || slice_find_byte(word, ':') != SLICE_NPOS || !list_names(local, word))
			continue;
		struct draft *d = dx_find(x, "domain-class-misconfigured", 0.93, a);
		dx_evidence(d, b);
		dx_evidence(d, dx_search(x, 0, "User unknown in local recipient table|unknown user", NULL));
		dx_summary(d, _("The domain %s stands in mydestination as well as in the virtual domains, so the server treats it as local and looks the address up in the wrong place."),
			   dx_shown(x, word));
		return;
	}
}

/* --- reverse names over IPv6 -------------------------------------------------------------------------------------------------------------- */

#define NO_REVERSE_NAME "cannot find your (?:reverse )?hostname|PTR\\s+(?:[45]\\d\\d-[45]\\.7\\.\\d+ +)?record|reverse (?:dns|lookup|hostname)"

/* Refused for want of a reverse name, and the address is an IPv6 one: usually only that lacks the PTR. */
static void find_no_ptr_over_ipv6(struct dx *x, const struct session *unused)
{
	(void)unused;
	struct slice address = SLICE_NONE;
	const struct event *e = dx_search(x, KINDS_SAID | KINDS_TOLD, NO_REVERSE_NAME, NULL);
	if (!e || !dx_capture(x, e->text, "(?:[45]\\.7\\.\\d+|hostname,|address|for|from)\\s*\\[?(?:IPv6:)?([0-9a-f]{1,4}:[0-9a-f:]*:[0-9a-f:]*)", &address))
		return;
	struct draft *d = dx_find(x, "client-ip-no-ptr", 0.93, e);
	dx_summary(d, _("The receiving server refuses the IPv6 address %s that the mail was sent from, because it has no reverse name (PTR record)."),
		   dx_shown(x, address));
}

/* --- turned away at the door ------------------------------------------------------------------------------------------------------------ */

/* A reply that merely stands first in a paste is no refusal to talk: the connection, or its end, must be seen with it. */
static void find_refused_at_greeting(struct dx *x, const struct session *s)
{
	const struct event *greeting = session_event(s, EV_GREETING, 0);
	if (!is_smtp(s) || !greeting || greeting->answer.status == STATUS_OK || greeting->answer.code < 400)
		return;
	if (!session_event(s, EV_CONNECT, 0) && !session_event(s, EV_CLOSE, 0) && !greeting->stamp.where.frame)
		return;
	if (greeting->answer.code >= 500)
		dx_find(x, "client-ip-blocklisted", 0.35, greeting);
	else
		dx_find(x, "server-out-of-service", 0.45, greeting);
}

const struct rule rules_policy[] = {
	{"sender-not-login", "sender-login-mismatch", RULE_SESSION, find_sender_not_login},
	{"form-sender", "from-address-of-visitor", RULE_INPUT, find_form_sender},
	{"ses-identity", "ses-sandbox", RULE_INPUT, find_ses_identity},
	{"retry-passed", "greylisting", RULE_INPUT, find_retry_passed},
	{"no-domain-exists", "server-dns-resolution-broken", RULE_INPUT, find_no_domain_exists},
	{"domain-in-two-classes", "domain-class-misconfigured", RULE_INPUT, find_domain_in_two_classes},
	{"no-ptr-over-ipv6", "client-ip-no-ptr", RULE_INPUT, find_no_ptr_over_ipv6},
	{"refused-at-greeting", "server-out-of-service", RULE_SESSION, find_refused_at_greeting},
	{0},
};
