/* Inferences about who may relay: refusals of clients that logged in, that could have, or whose address is not on the server's list of trusted
 * networks; devices that submit on port 25; servers that do not know their own domain. */
#include <arpa/inet.h>
#include <libintl.h>

#include "diagnose/rule.h"

#define _(s) gettext(s)

#define RELAY_DENIED \
	"relay(?:ing)? (?:access )?(?:is )?(?:denied|not permitted|not allowed|prohibited|disallowed(?! as)|rejected|forbidden)|unable to relay|" \
	"list of allowed rcpthosts|(?:not (?:permitted|allowed) to|cannot|do not) relay|isn.?t allowed to relay"

/* What servers say to a client that they take for a stranger, and would not ask of one that logs in. */
#define STRANGER_REFUSED \
	"cannot find your (?:reverse )?hostname|blocked using|reverse (?:dns|hostname|lookup)|\\bPTR\\b|dynamic (?:ip|address|host)|" \
	"gr[ea]ylist|block ?list|black ?list|need fully-qualified hostname|Relay access denied|relay not permitted|Host not found"

/* The same, without what is also said to clients that merely did not log in. */
#define ADDRESS_REFUSED \
	"cannot find your (?:reverse )?hostname|blocked using|reverse (?:dns|hostname|lookup)|\\bPTR\\b|dynamic (?:ip|address|host)|block ?list|black ?list"

/* Sessions kept for comparison; a paste holds few, a long log need not be compared completely. */
#define COMPARE_MAX 64u

/* --- small questions ------------------------------------------------------------------------------------------------------------- */

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

static bool hello_after(const struct session *s, const struct event *e)
{
	for (size_t i = 0; e && i < s->exchanges.n; i++) {
		const struct exchange *x = &s->exchanges.v[i];
		if (x->command && x->command->n > e->n && (exchange_is(x, S("EHLO")) || exchange_is(x, S("HELO"))))
			return true;
	}
	return false;
}

/* First refusal after the greeting whose words match, or NULL. */
static const struct exchange *refused_with(struct dx *x, const struct session *s, const char *regex)
{
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (ex->negative && ex->reply && dx_match(x, ex->reply->text, regex))
			return ex;
	}
	return NULL;
}

static struct slice fact_of(const struct session *s, const char *key)
{
	for (size_t i = 0; i < s->events.n; i++) {
		struct slice v = event_fact(s->events.v[i], key);
		if (v.n)
			return v;
	}
	return SLICE_NONE;
}

static struct slice client_address(const struct session *s)
{
	return s->client.address.n ? s->client.address : fact_of(s, "client_address");
}

static struct slice hello_name(const struct session *s)
{
	return s->ehlo.n ? s->ehlo : fact_of(s, "helo");
}

static bool is_submission_service(const struct session *s)
{
	if (s->server.port == 587 || s->server.port == 465)
		return true;
	for (size_t i = 0; i < s->events.n && i < 4; i++)
		if (slice_has(s->events.v[i]->program, S("submission")) || slice_has(s->events.v[i]->program, S("smtps")))
			return true;
	return slice_has(s->key, S("submission")) || slice_has(s->key, S("smtps"));
}

/* --- logged in, yet refused -------------------------------------------------------------------------------------------------------- */

/* After 235 the recipient is still refused as a stranger's: the restrictions do not look at the login. A second EHLO makes servers forget it; that is
 * another cause. */
static void find_auth_not_honoured(struct dx *x, const struct session *s)
{
	const struct login *login = passed_login(s);
	if (!is_smtp(s) || !login || hello_after(s, login->command))
		return;
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (!ex->negative || !ex->reply || !(exchange_is(ex, S("RCPT")) || exchange_is(ex, S("MAIL")) || exchange_is(ex, S("DOT"))))
			continue;
		if (login->command && ex->reply->n < login->command->n)
			continue;
		if (!dx_match(x, ex->reply->text, RELAY_DENIED "|Client host rejected: |authentication (?:is )?required|must be authenticated"))
			continue;
		struct draft *d = dx_find(x, "relay-denied-auth-not-honoured", 0.94, ex->reply);
		dx_evidence(d, ex->command);
		dx_evidence(d, login->reply);
		return;
	}
}

/* The program told of the login in words of its own (JavaMail hides the exchange). */
static void find_told_login_not_honoured(struct dx *x, const struct session *unused)
{
	(void)unused;
	const struct event *denied = dx_search(x, KIND(EV_REPLY), RELAY_DENIED, NULL);
	const struct event *told = denied ? dx_search(x, KINDS_AROUND, "AUTH \\S+ succeeded|successfully authenticated|SMTP[^\\n]{0,40}authenticat(?:ion|ed) success", NULL) : NULL;
	if (!told)
		return;
	struct draft *d = dx_find(x, "relay-denied-auth-not-honoured", 0.86, denied);
	dx_evidence(d, denied->cmd);
	dx_evidence(d, told);
}

/* Checks meant for strangers, made on a client that logged in: permit_sasl_authenticated stands too late, or not at all. */
static void find_stranger_checks_after_login(struct dx *x, const struct session *s)
{
	const struct login *login = passed_login(s);
	if (!is_smtp(s) || !login || hello_after(s, login->command))
		return;
	const struct exchange *ex = refused_with(x, s, ADDRESS_REFUSED);
	if (!ex || !ex->authenticated || !exchange_is(ex, S("RCPT")))
		return;
	struct draft *d = dx_find(x, "relay-denied-auth-not-honoured", 0.82, ex->reply);
	dx_summary(d, _("The client logged in successfully, yet the server checks it like a stranger and refuses its address: its rules do not take the login into account."));
	dx_evidence(d, ex->command);
	dx_evidence(d, login->reply);
}

/* The restriction list that decides is shown, and logged-in clients are not in it. */
static void find_list_without_login(struct dx *x, const struct session *unused)
{
	(void)unused;
	size_t at = 0;
	const struct event *denied = dx_search(x, KINDS_SAID | KINDS_TOLD, RELAY_DENIED "|Client host rejected: Access denied", NULL);
	const struct event *login = denied ? dx_search(x, 0, "sasl_username=|\\b235 |\\bauth=[1-9]\\d* |log(?:ged|s)? ?in|authenticat(?:ed|ion succe)", NULL) : NULL;
	if (!login && denied && denied->session && is_submission_service(denied->session))
		login = denied;
	for (unsigned tries = 0; login && tries < 8; tries++) {
		const struct event *list = dx_search(x, KINDS_AROUND, "smtpd_(?:relay|recipient|client)_restrictions\\s*=[^\\n]*(?:reject|defer)", &at);
		if (!list || dx_match(x, list->text, "permit_sasl_authenticated"))
			return;
		struct slice key = SLICE_NONE;
		if (!dx_capture(x, list->text, "(smtpd_\\w+_restrictions)", &key))
			continue;
		struct draft *d = dx_find(x, "relay-denied-auth-not-honoured", 0.86, denied);
		dx_summary(d, _("The server's %s does not name permit_sasl_authenticated, so a login does not help and relaying is refused."), dx_shown(x, key));
		dx_evidence(d, list);
		dx_evidence(d, login);
		return;
	}
}

/* AUTH was on the list and nobody used it. */
static void find_auth_not_tried(struct dx *x, const struct session *s)
{
	if (!is_smtp(s) || s->from_log || s->logins.n)
		return;
	const struct exchange *ex = refused_with(x, s, RELAY_DENIED);
	const struct capabilities *caps = session_caps_before(s, 0);
	if (!ex || !caps || !caps_offer_auth(caps))
		return;
	struct draft *d = dx_find(x, "relay-denied-not-authenticated", 0.88, ex->reply);
	dx_evidence(d, ex->command);
	dx_evidence(d, caps->event);
}

/* Is the address in the domain that the server's own name belongs to (mx.example.net and user@example.net)? */
static bool in_domain_of(struct slice address, struct slice host)
{
	size_t at = slice_find_last_byte(address, '@');
	struct slice domain = at == SLICE_NPOS ? SLICE_NONE : slice_from(address, at + 1);
	if (!domain.n || host.n < domain.n || !slice_eq_nocase(slice_from(host, host.n - domain.n), domain))
		return false;
	return host.n == domain.n || host.p[host.n - domain.n - 1] == '.';
}

/* OpenSMTPD has one sentence for a recipient that no rule takes: unknown here, or elsewhere and not relayed for a stranger. Which one it is, the
 * recipient's domain tells. */
static void find_opensmtpd_no_rule(struct dx *x, const struct session *s)
{
	if (!is_smtp(s) || s->logins.n || s->server.software != SOFTWARE_OPENSMTPD)
		return;
	const struct exchange *ex = refused_with(x, s, "550 (?:5\\.1\\.1 )?Invalid recipient");
	if (!ex)
		return;
	bool own = in_domain_of(s->rcpt_to, s->server.name);
	dx_evidence(dx_find(x, own ? "user-unknown" : "relay-denied-not-authenticated", own ? 0.8 : 0.66, ex->reply), ex->command);
}

/* "Client host rejected: Access denied" is what a submission service without a login says (permit_sasl_authenticated, reject). */
static void find_submission_without_login(struct dx *x, const struct session *s)
{
	if (!is_smtp(s) || s->logins.n || !is_submission_service(s))
		return;
	const struct exchange *ex = refused_with(x, s, "Client host rejected: Access denied");
	if (!ex)
		return;
	struct draft *d = dx_find(x, "authentication-required", 0.8, ex->reply);
	dx_evidence(d, ex->command);
}

/* --- addresses and lists of networks ------------------------------------------------------------------------------------------------- */

struct address {
	uint8_t bytes[16];
	unsigned bits; /* 32 or 128 */
};

static bool address_parse(struct slice s, struct address *ret)
{
	char text[INET6_ADDRSTRLEN + 1];
	slice_skip_nocase(&s, S("IPv6:"));
	if (s.n == 0 || s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	if (inet_pton(AF_INET, text, ret->bytes) == 1)
		ret->bits = 32;
	else if (inet_pton(AF_INET6, text, ret->bytes) == 1)
		ret->bits = 128;
	else
		return false;
	return true;
}

static bool same_network(const struct address *a, const struct address *net, unsigned prefix)
{
	if (a->bits != net->bits || prefix > a->bits || memcmp(a->bytes, net->bytes, prefix / 8))
		return false;
	unsigned rest = prefix % 8;
	return !rest || (a->bytes[prefix / 8] ^ net->bytes[prefix / 8]) >> (8 - rest) == 0;
}

enum listed { LISTED_NOT, LISTED, LISTED_UNKNOWN };

/* One item of mynetworks or a host list: "127.0.0.0/8", "[::1]/128", "::::1" (Exim doubles colons). What is neither address nor network is unknown. */
static enum listed item_holds(struct slice item, const struct address *a)
{
	uint8_t plain[64];
	struct address net;
	uint64_t prefix;
	struct slice bits = item;
	struct slice host = slice_next_until(&bits, '/');
	if (host.n && host.p[0] == '[')
		host = slice_between(host, S("["), S("]"));
	if (slice_starts(host, S("::::")) && host.n < sizeof plain) {
		size_t n = 0;
		for (size_t i = 0; i < host.n; i++, n++) {
			plain[n] = host.p[i];
			if (host.p[i] == ':' && i + 1 < host.n && host.p[i + 1] == ':')
				i++;
		}
		host = slice_of(plain, n);
	}
	if (!address_parse(host, &net))
		return LISTED_UNKNOWN;
	if (!slice_to_uint(bits, net.bits, &prefix))
		prefix = net.bits;
	return same_network(a, &net, (unsigned)prefix) ? LISTED : LISTED_NOT;
}

static bool is_separator(uint8_t c)
{
	return ascii_is_space(c) || c == ',' || c == ';' || c == '"' || c == '\'';
}

/* Is the address in the list? Unknown as soon as an item is a table, a file or a name. */
static enum listed list_holds(struct slice list, const struct address *a)
{
	enum listed result = LISTED_UNKNOWN;
	while (list.n) {
		size_t n = 0;
		while (n < list.n && !is_separator(list.p[n]))
			n++;
		struct slice item = slice_sub(list, 0, n);
		list = slice_from(list, n + 1);
		if (!item.n || slice_eq(item, S(":")) || slice_eq(item, S("<")) || slice_eq(item, S("localhost")))
			continue;
		/* Exim: 127.0.0.1:192.168.0.0/16 */
		struct slice first = item;
		if (slice_find_byte(item, '.') != SLICE_NPOS && slice_find_byte(item, '[') == SLICE_NPOS && slice_find_byte(item, ':') != SLICE_NPOS) {
			first = slice_next_until(&item, ':');
			list = slice_of(item.p, (size_t)(list.p + list.n - item.p));
		}
		enum listed one = item_holds(first, a);
		if (one != LISTED_NOT)
			return one;
		result = LISTED_NOT;
	}
	return result;
}

/* The setting that names trusted networks, if the evidence shows it; its value in *ret. */
static const struct event *trusted_networks(struct dx *x, struct slice *ret_name, struct slice *ret)
{
	const struct event *e = dx_search(x, KINDS_AROUND, "(?:^|\\s|-e )(?:\\w*mynetworks|relay_from_hosts|dc_relay_nets|relay_networks)\\s*[=:]", NULL);
	if (!e || !dx_capture(x, e->text, "(\\w*mynetworks|relay_from_hosts|dc_relay_nets|relay_networks)\\s*[=:]", ret_name) ||
	    !dx_capture(x, e->text, "(?:mynetworks|relay_from_hosts|dc_relay_nets|relay_networks)\\s*[=:]\\s*([^\\n]*)", ret))
		return NULL;
	return e;
}

#define PRIVATE_ADDRESS "^(?:127\\.|10\\.|192\\.168\\.|172\\.(?:1[6-9]|2\\d|3[01])\\.|169\\.254\\.|100\\.(?:6[4-9]|[7-9]\\d|1[01]\\d|12[0-7])\\.|::1$|f[cde])"

/* Does the list name more than this machine itself? If not, and the client is somewhere on the internet, nobody meant to trust its address. */
static bool list_trusts_others(struct dx *x, struct slice list)
{
	return dx_match(x, list, "(?:^|[\\s,;:\"'])(?!127\\.|0\\.)\\d{1,3}\\.\\d|(?:^|[\\s,;\\[\"'])(?!::1|::ffff:127|fe80:)[0-9a-f]{1,4}:");
}

/* The server's list of trusted networks is shown, and the client that it refuses to relay for is not in it. */
static void find_not_in_list(struct dx *x, const struct session *unused)
{
	(void)unused;
	const struct transcript *t = dx_transcript(x);
	struct slice name, list;
	const struct event *setting = trusted_networks(x, &name, &list);
	for (size_t i = 0; setting && i < t->sessions.n; i++) {
		const struct session *s = t->sessions.v[i];
		struct address a;
		if (!is_smtp(s) || passed_login(s) || !address_parse(client_address(s), &a))
			continue;
		const struct exchange *ex = refused_with(x, s, RELAY_DENIED);
		if (!ex || list_holds(list, &a) != LISTED_NOT)
			continue;
		if (!dx_match(x, client_address(s), PRIVATE_ADDRESS) && !list_trusts_others(x, list))
			continue;
		struct draft *d = dx_find(x, "relay-denied-not-in-mynetworks", 0.95, ex->reply);
		dx_evidence(d, setting);
		dx_summary(d, _("The client's address %s is not in the server's list of networks that may relay without a login (%s)."), dx_shown(x, client_address(s)),
			   dx_shown(x, name));
		return;
	}
}

/* --- submission on port 25 --------------------------------------------------------------------------------------------------------- */

struct refused {
	const struct session *session;
	const struct event *reply;
};

static bool same_sender(const struct session *a, const struct session *b)
{
	struct slice x = client_address(a), y = client_address(b);
	struct slice from = a->mail_from.n ? a->mail_from : fact_of(a, "from");
	const struct login *login = passed_login(b);
	struct slice user = login ? login->user : fact_of(b, "user");
	return (x.n && slice_eq(x, y)) || (from.n && user.n && slice_eq_nocase(from, user));
}

/* The same client, or account, is refused as a stranger by the service on port 25 and let in by the submission service. */
static void find_works_on_submission(struct dx *x, const struct session *unused)
{
	(void)unused;
	const struct transcript *t = dx_transcript(x);
	struct refused refused[COMPARE_MAX];
	size_t n = 0;
	for (size_t i = 0; i < t->sessions.n && n < COMPARE_MAX; i++) {
		const struct session *s = t->sessions.v[i];
		if (!is_smtp(s) || is_submission_service(s) || passed_login(s))
			continue;
		const struct exchange *ex = refused_with(x, s, STRANGER_REFUSED);
		if (ex)
			refused[n++] = (struct refused){s, ex->reply};
	}
	for (size_t i = 0; n && i < t->sessions.n; i++) {
		const struct session *s = t->sessions.v[i];
		if (!is_smtp(s) || !is_submission_service(s) || !(passed_login(s) || fact_of(s, "user").n))
			continue;
		for (size_t j = 0; j < n; j++) {
			if (!same_sender(refused[j].session, s))
				continue;
			struct draft *d = dx_find(x, "submission-on-port-25", 0.93, refused[j].reply);
			const struct login *login = passed_login(s);
			dx_evidence(d, login && login->reply ? login->reply : s->events.v[0]);
			dx_keep(d);
			return;
		}
	}
}

static bool is_private_literal(struct dx *x, struct slice name)
{
	return dx_match(x, name, "^\\[(?:10\\.|192\\.168\\.|172\\.(?:1[6-9]|2\\d|3[01])\\.|169\\.254\\.|IPv6:f[cde])");
}

/* Refused for what its address is, by a server it greeted with a private address: no mail server does that, a device or mail program behind NAT does. */
static void find_device_on_port_25(struct dx *x, const struct session *s)
{
	if (!is_smtp(s) || s->logins.n || is_submission_service(s) || !is_private_literal(x, hello_name(s)))
		return;
	const struct exchange *ex = refused_with(x, s, ADDRESS_REFUSED);
	if (!ex)
		return;
	struct draft *d = dx_find(x, "submission-on-port-25", 0.8, ex->reply);
	dx_evidence(d, s->ehlo_event);
}

/* Port 25, known from the connection or from what stands around the dialogue (a command line, a setting). */
static bool is_port_25(struct dx *x, const struct session *s)
{
	if (s->server.port)
		return s->server.port == 25;
	return dx_search(x, KINDS_AROUND | KIND(EV_CONNECT), "\\bport\\b\\W{0,4}25\\b|_PORT\\W{1,4}25\\b|:25\\b(?!:)|(?:telnet|nc|ncat) \\S+ 25\\b", NULL) != NULL;
}

/* AUTH was tried on port 25, where the server offers neither it nor the STARTTLS that might bring it, and takes no mail without it. */
static void find_auth_on_port_25(struct dx *x, const struct session *s)
{
	const struct capabilities *caps = is_smtp(s) && !s->from_log ? session_caps_before(s, 0) : NULL;
	if (!caps || caps_offer_auth(caps) || caps_have(caps, S("STARTTLS"), NULL) || !s->logins.n || s->message_accepted)
		return;
	const struct login *login = &s->logins.v[0];
	if (!login->failed || !login->reply || login->reply->answer.code / 10 != 50)
		return;
	const struct exchange *rcpt = session_exchange(s, S("RCPT"), 0, NULL);
	if ((rcpt && rcpt->positive) || !is_port_25(x, s))
		return;
	/* A relay inside may well have no AUTH at all. */
	bool inside = dx_match(x, s->server.address, PRIVATE_ADDRESS) ||
		      (s->server.name.n && slice_find_byte(s->server.name, '.') == SLICE_NPOS);
	struct draft *d = dx_find(x, "submission-on-port-25", inside ? 0.4 : 0.55, login->reply);
	dx_evidence(d, login->command);
	dx_evidence(d, caps->event);
}

/* Two tries in one paste: port 25 without AUTH, the submission port with it. */
static void find_auth_on_other_port(struct dx *x, const struct session *unused)
{
	(void)unused;
	const struct transcript *t = dx_transcript(x);
	const struct session *bare = NULL, *offers = NULL;
	for (size_t i = 0; i < t->sessions.n; i++) {
		const struct session *s = t->sessions.v[i];
		const struct capabilities *caps = is_smtp(s) ? session_caps_before(s, 0) : NULL;
		if (!caps)
			continue;
		if (s->server.port == 25 && !caps_offer_auth(caps) && !caps_have(caps, S("STARTTLS"), NULL))
			bare = bare ? bare : s;
		else if (is_submission_service(s) && caps_offer_auth(caps))
			offers = offers ? offers : s;
	}
	if (!bare || !offers || bare->message_accepted)
		return;
	const struct exchange *ex = refused_with(x, bare, STRANGER_REFUSED "|authentication|AUTH");
	struct draft *d = dx_find(x, "submission-on-port-25", ex ? 0.88 : 0.8, ex ? ex->reply : session_caps_before(bare, 0)->event);
	dx_evidence(d, session_caps_before(offers, 0)->event);
}

/* --- a server that does not know its own domain ------------------------------------------------------------------------------------ */

#define BIG_SENDERS "\\.(?:google|gmail|outlook|hotmail|yahoo|yahoodns|amazonses|mail\\.protection\\.outlook|icloud|apple|gmx|web|mailgun|sendgrid)\\.(?:com|net|de|org)\\b"

/* A great provider's outgoing server follows the recipient domain's MX record. If that very server answers "relay denied", it does not count the domain
 * among its own. */
static void find_own_domain_refused(struct dx *x, const struct session *s)
{
	if (!is_smtp(s) || !s->from_log || passed_login(s))
		return;
	struct slice name = s->client.name.n ? s->client.name : fact_of(s, "client_name");
	const struct exchange *ex = refused_with(x, s, RELAY_DENIED);
	if (ex && !dx_match(x, name, BIG_SENDERS)) /* without a reverse look-up only the EHLO name is known */
		name = hello_name(s);
	if (!ex || !dx_match(x, name, BIG_SENDERS))
		return;
	struct draft *d = dx_find(x, "domain-class-misconfigured", 0.85, ex->reply);
	dx_summary(d, _("The server refuses mail that %s delivers to it by the recipient domain's MX record: it does not hold that domain in any of its own classes (local, virtual, relay)."),
		   dx_shown(x, name));
}

/* The same seen from the sender: Gmail's report of a delivery to "the server for the recipient domain". */
static void find_mx_denies_relay(struct dx *x, const struct session *unused)
{
	(void)unused;
	const struct event *said = dx_search(x, 0, "rejected by the server for the recipient domain \\S+", NULL);
	const struct event *why = said ? dx_search(x, 0, RELAY_DENIED, NULL) : NULL;
	struct slice domain = SLICE_NONE;
	if (!why)
		return;
	struct draft *d = dx_find(x, "domain-class-misconfigured", 0.85, why);
	if (dx_capture(x, said->text, "for the recipient domain (\\S+?)[.,]?\\s", &domain))
		dx_summary(d, _("The mail server named by the MX record of %s refuses mail for that domain: it does not hold the domain in any of its own classes (local, virtual, relay)."),
			   dx_shown(x, domain));
	dx_evidence(d, said);
}

/* "Client host rejected: Access denied" is what a bare `reject` of Postfix says; where logins are offered and none was tried, it stands behind
 * permit_sasl_authenticated. */
static void find_host_rejected_without_login(struct dx *x, const struct session *s)
{
	const struct capabilities *c = session_caps_before(s, 0);
	if (s->from_log || s->logins.n || !caps_offer_auth(c))
		return;
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *k = &s->exchanges.v[i];
		if (!k->negative || !slice_has(k->reply->text, S("Client host rejected: Access denied")))
			continue;
		dx_evidence(dx_find(x, "authentication-required", 0.72, k->reply), c->event);
		return;
	}
}

const struct rule rules_relay[] = {
	{"relay-after-login", "relay-denied-auth-not-honoured", RULE_SESSION, find_auth_not_honoured},
	{"told-login-not-honoured", "relay-denied-auth-not-honoured", RULE_INPUT, find_told_login_not_honoured},
	{"stranger-checks-after-login", "relay-denied-auth-not-honoured", RULE_SESSION, find_stranger_checks_after_login},
	{"list-without-login", "relay-denied-auth-not-honoured", RULE_INPUT, find_list_without_login},
	{"relay-without-login", "relay-denied-not-authenticated", RULE_SESSION, find_auth_not_tried},
	{"opensmtpd-no-rule", "relay-denied-not-authenticated", RULE_SESSION, find_opensmtpd_no_rule},
	{"submission-without-login", "authentication-required", RULE_SESSION, find_submission_without_login},
	{"relay-not-in-list", "relay-denied-not-in-mynetworks", RULE_INPUT, find_not_in_list},
	{"works-on-submission", "submission-on-port-25", RULE_INPUT, find_works_on_submission},
	{"device-on-port-25", "submission-on-port-25", RULE_SESSION, find_device_on_port_25},
	{"auth-on-port-25", "submission-on-port-25", RULE_SESSION, find_auth_on_port_25},
	{"auth-on-other-port", "submission-on-port-25", RULE_INPUT, find_auth_on_other_port},
	{"own-domain-refused", "domain-class-misconfigured", RULE_SESSION, find_own_domain_refused},
	{"mx-denies-relay", "domain-class-misconfigured", RULE_INPUT, find_mx_denies_relay},
	{"host-rejected-without-login", "authentication-required", RULE_SESSION, find_host_rejected_without_login},
	{0},
};
