/* Inferences about how TLS is started, which version and certificate it meets, and settings that do not fit the port. */
#include "diagnose/rule.h"

#define KINDS_ALL_TOLD (KINDS_TOLD | KINDS_AROUND | KIND(EV_TLS) | KIND(EV_CONNECT) | KIND(EV_CLOSE))

static bool port_is_implicit(unsigned port)
{
	return port == 465 || port == 993 || port == 995;
}

/* The first such event that does not match `but`. Two plain expressions: one with a look-ahead would be slow on every line of a log. */
static const struct event *search_but(struct dx *x, unsigned kinds, const char *regex, const char *but)
{
	size_t at = 0;
	const struct event *e;
	while ((e = dx_search(x, kinds, regex, &at)))
		if (!dx_match(x, e->text, but))
			return e;
	return NULL;
}

/* --- bytes and alerts on the wire ------------------------------------------------------------------------------------------------ */

/* TLS records where plain text is spoken. From the client: it starts TLS at once. From the server: its port expects TLS and answers plain text with
 * an alert record. */
static void find_tls_bytes(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < s->events.n; i++) {
		const struct event *e = s->events.v[i];
		if (!(e->oddities & ODD_TLS_BYTES))
			continue;
		if (e->side == SIDE_CLIENT)
			dx_find(x, "implicit-tls-on-plaintext-port", 0.95, e);
		else if (e->side == SIDE_SERVER)
			dx_find(x, "plaintext-on-implicit-tls-port", 0.9, e);
		return;
	}
}

struct alert_meaning {
	const char *alert; /* regex over the alert's description */
	enum side from;    /* SIDE_UNKNOWN: either */
	const char *cause;
	double confidence;
};

static const struct alert_meaning alert_meanings[] = {
	{"protocol.version", SIDE_SERVER, "tls-version-too-old-client", 0.9},
	{"protocol.version", SIDE_CLIENT, "tls-version-too-old-server", 0.9},
	{"handshake.failure|insufficient.security", SIDE_SERVER, "tls-no-shared-cipher", 0.7},
	{"certificate.expired", SIDE_CLIENT, "cert-expired", 0.92},
	{"unknown.ca", SIDE_CLIENT, "cert-self-signed", 0.75},
	{"certificate.unknown", SIDE_CLIENT, "cert-self-signed", 0.55},
	{"bad.certificate", SIDE_CLIENT, "cert-name-mismatch", 0.5},
	{"unrecognized.name", SIDE_UNKNOWN, "tls-sni-missing", 0.5},
};

static void find_alert(struct dx *x, const struct session *s)
{
	if (slice_is_empty(s->tls.alert))
		return;
	const struct event *e = session_event(s, EV_TLS, 0);
	if (e && e->stamp.where.frame && event_fact(e, "what").n)
		return; /* a capture: capture.c knows more */
	for (size_t i = 0; e && i < sizeof alert_meanings / sizeof *alert_meanings; i++) {
		const struct alert_meaning *m = &alert_meanings[i];
		if ((m->from != SIDE_UNKNOWN && m->from != s->tls.alert_from) || !dx_match(x, s->tls.alert, m->alert))
			continue;
		dx_find(x, m->cause, m->confidence, e);
		return;
	}
}

/* A decoded ClientHello (tshark, ssldump) of TLS 1.0 that lists RC4, 3DES or export suites, and a handshake that failed. */
static void find_old_hello(struct dx *x, const struct session *s)
{
	(void)s;
	const struct event *failed = dx_search(x, KINDS_ALL_TOLD, "handshake[ _]failure|no shared cipher|no cipher suites? in common", NULL);
	const struct event *old = failed ? dx_search(x, KINDS_ALL_TOLD, "TLS_\\w*(?:RC4|3DES|EXPORT)\\w*|Cipher Suites? \\(\\d suites?\\)", NULL) : NULL;
	if (!old)
		return;
	struct draft *d = dx_find(x, "tls-no-shared-cipher", 0.9, failed);
	dx_evidence(d, old);
}

/* --- the port and the way TLS is started ----------------------------------------------------------------------------------------- */

/* Errors of a client that read plain text as TLS. Not those of a server. */
#define READ_PLAIN_AS_TLS                                                                                                                     \
	"wrong[ _]version[ _]number|unknown protocol|packet length too long|record layer failure|not look like a TLS handshake|"                  \
	"unrecognized SSL message|corrupted frame was received|unexpected packet format|unexpected TLS packet|InvalidContentType|"             \
	"RX_RECORD_TOO_LONG|maximum permissible length|SEC_E_INVALID_TOKEN"
#define SERVER_SPEAKS "SSL_accept|SSL_do_handshake|ACCEPT_SR|smtpd\\["
#define PORT_WORD "(?:(?:\\b|_|in|imap|smtp|pop3?|out|[a-z](?=Port))ports?\\b\\W{1,6}|-p |:|,\\s?|_PORT\\W{1,4})"
#define PORT_PLAIN PORT_WORD "(587|25|2525|143|110)\\b"
#define PORT_TLS PORT_WORD "(465|993|995)\\b"

/* Such an error, and the evidence names only plain-text ports. */
static void find_misread_greeting(struct dx *x, const struct session *s)
{
	(void)s;
	unsigned kinds = KINDS_ALL_TOLD | KIND(EV_COMMAND);
	const struct event *e = search_but(x, KINDS_ALL_TOLD, READ_PLAIN_AS_TLS, SERVER_SPEAKS);
	/* not the port that somebody says is blocked, when another is named */
	const struct event *port = e ? search_but(x, kinds, PORT_PLAIN, "\\bblock|filtered by|is closed") : NULL;
	if (e && !port)
		port = dx_search(x, kinds, PORT_PLAIN, NULL);
	struct slice number;
	if (!port || dx_search(x, kinds, PORT_TLS, NULL) || !dx_capture(x, port->text, PORT_PLAIN, &number))
		return;
	struct draft *d = dx_find(x, "implicit-tls-on-plaintext-port", 0.85, e);
	dx_value(d, "port", number);
	dx_evidence(d, port != e ? port : NULL);
}

#define MODE_IMPLICIT                                                                                                                       \
	"\\bsecure\\W{1,5}(?:true|[\"']false)|use_?ssl\\W{1,5}(?:true|1\\b|yes|on\\b)|ssl[._]enable\\w*\\W{1,4}true|"                           \
	"(?:encryption|SMTPSecure|smtp_secure|security|_scheme)\\W{1,8}(?:ssl|smtps|ENCRYPTION_SMTPS)\\b|SslOnConnect|Connect(?:Async)?\\s*\\([^)\\n]{0,60}, ?(?:587|25|143|110), ?true|SMTP_SSL\\(|IMAP4_SSL\\(|"  \
	"ssl://|smtps://|imaps://|tls_?implicit\\W{1,4}true|implicit.?tls\\W{1,4}(?:true|on|yes)|tls_starttls\\W{1,3}off|wrappermode\\W{1,4}yes|"     \
	"inencryption\\W{1,4}(?:tls|ssl)|--tlsc|tls-on-connect"
#define MODE_UPGRADE                                                                                                                        \
	"\\bsecure\\W{1,5}false|use_?tls\\W{1,5}(?:true|1\\b|yes|on\\b)|(?:encryption|SMTPSecure|smtp_secure|security)\\W{1,8}(?:tls|starttls|none|STARTTLS)\\b|" \
	"starttls\\w*\\W{1,6}(?:true|on|yes|1)\\b|ENCRYPTION_STARTTLS|StartTls\\b|EnableSsl\\W{1,4}true|smtplib\\.SMTP\\(|imaplib\\.IMAP4\\(|requireTLS"
#define NO_TALK "timed? ?out|ETIMEDOUT|ESOCKET|ECONNRESET|unexpectedly|wrong version|handshake|greeting|\\bEOF\\b|reset by peer|EPROTO|closed|Resource temporarily unavailable"
#define OTHER_TROUBLE "refused|connect ETIMEDOUT|connect(?:ion)? timed out|unreachable|not found|certificate|verif|\\b535\\b"

/* Settings in the evidence: the port is of one kind and the mode of the other, and something failed. Both kinds of port or mode named: two attempts,
 * which says nothing; nor does it when the server was heard to speak. */
static void find_mode_against_port(struct dx *x, const struct session *s)
{
	(void)s;
	unsigned kinds = KINDS_AROUND | KIND(EV_ERROR) | KIND(EV_COMMAND) | KIND(EV_LOG);
	const struct event *wrong = search_but(x, KIND(EV_LOG) | KIND(EV_ERROR) | KIND(EV_TLS) | KIND(EV_CLOSE) | KIND(EV_PROSE), NO_TALK, OTHER_TROUBLE);
	const struct event *plain = wrong ? dx_search(x, kinds, PORT_PLAIN, NULL) : NULL;
	const struct event *tls = wrong ? dx_search(x, kinds, PORT_TLS, NULL) : NULL;
	if (!wrong || (plain != NULL) == (tls != NULL) || dx_search(x, KIND(EV_GREETING) | KIND(EV_REPLY), ".", NULL))
		return;
	const struct event *implicit = dx_search(x, kinds, MODE_IMPLICIT, NULL), *upgrade = dx_search(x, kinds, MODE_UPGRADE, NULL);
	if (plain ? !implicit || upgrade : !upgrade || implicit)
		return;
	struct slice number = SLICE_NONE;
	dx_capture(x, plain ? plain->text : tls->text, plain ? PORT_PLAIN : PORT_TLS, &number);
	struct draft *d = dx_find(x, plain ? "implicit-tls-on-plaintext-port" : "plaintext-on-implicit-tls-port", 0.72, plain ? implicit : upgrade);
	dx_value(d, "port", number);
	dx_evidence(d, plain ? plain : tls);
	dx_evidence(d, wrong);
}

/* Connected to a TLS port, nobody spoke, and it ended: each waited for the other. */
static void find_silent_tls_port(struct dx *x, const struct session *s)
{
	if (!port_is_implicit(s->server.port) || s->tls.mode != TLS_NONE || session_event(s, EV_GREETING, 0) || session_event(s, EV_TLS, 0))
		return;
	const struct event *end = session_event(s, EV_CLOSE, 0);
	if (!end)
		end = session_event(s, EV_ERROR, 0);
	bool waited = s->outcome == OUTCOME_TIMED_OUT || s->outcome == OUTCOME_CLOSED_EARLY || s->outcome == OUTCOME_RESET;
	if (!end || !waited || dx_match(x, end->text, "refused|connect(?:ion)? timed out|connect ETIMEDOUT|unreachable|No route|not found|alert|certificate"))
		return;
	dx_find(x, "plaintext-on-implicit-tls-port", 0.8, end);
}

/* The evidence tells of a connection to a TLS port, nobody is heard, and it ends; nothing of TLS is mentioned. */
static void find_silence_told(struct dx *x, const struct session *s)
{
	(void)s;
	unsigned kinds = KINDS_ALL_TOLD | KIND(EV_COMMAND);
	static const char *const asked =
		"\\b(?:telnet|nc|opening to|Trying|smtp_addr|SendMail|Connected to|connect\\w*|--server|dial\\w*)\\b[^\\n]{0,80}"
		"(?:[: ]|port )(465|993|995)\\b";
	const struct event *port = search_but(x, kinds, asked, "s_client|ssl://|smtps:|imaps:|pop3s:|_SSL\\(");
	struct slice number;
	if (!port || !dx_capture(x, port->text, asked, &number) || dx_search(x, KIND(EV_GREETING) | KIND(EV_REPLY), ".", NULL) ||
	    dx_search(x, kinds, "s_client|ssl://|tlsc|tls-on-connect|certificate|handshake|TLS started|alert|cipher|refused|No route|connect(?:ion)? timed out|"
				"connect ETIMEDOUT|Connection timed out|not found|not known|Unable to connect|dial tcp [^\\n]{0,80}i/o timeout", NULL))
		return;
	const struct event *end = dx_search(x, kinds & ~KIND(EV_COMMAND), "Timeout|timed[- ]out|EOF|closed by|nothing|no (?:answer|banner|greeting)|hangs|unexpectedly", NULL);
	if (!end)
		return;
	struct draft *d = dx_find(x, "plaintext-on-implicit-tls-port", 0.78, end);
	dx_value(d, "port", number);
	dx_evidence(d, port);
}

/* --- STARTTLS offered, refused, missing ------------------------------------------------------------------------------------------- */

static const struct exchange *starttls_exchange(const struct session *s)
{
	const struct exchange *t = session_exchange(s, S("STARTTLS"), 0, NULL);
	return t ? t : session_exchange(s, S("STLS"), 0, NULL);
}

/* The client sent STARTTLS although the list, which was seen, did not hold it; or it was refused although offered. */
static void find_starttls_refused(struct dx *x, const struct session *s)
{
	const struct exchange *t = starttls_exchange(s);
	if (!t || !t->negative || !t->command || t->tls)
		return;
	const struct capabilities *c = session_caps_before(s, t->command->n);
	if (!c || (s->ehlo_event && slice_eq(s->ehlo_event->command.verb, S("HELO"))))
		return;
	if (caps_have(c, S("STARTTLS"), NULL) || caps_have(c, S("STLS"), NULL)) {
		if (!dx_match(x, t->reply->text, "active|already|not permitted|sequence") && dx_match(x, t->reply->text, "^454|TLS[^\\n]{0,30}(?:not available|unavailable|problem)"))
			dx_evidence(dx_find(x, "server-tls-cert-missing", 0.7, t->reply), c->event);
		return;
	}
	dx_evidence(dx_find(x, "starttls-not-offered", 0.85, t->reply), c->event);
}

/* EHLO listed no STARTTLS, the client left at once, and the evidence says that TLS was wanted. */
static void find_left_without_starttls(struct dx *x, const struct session *s)
{
	const struct capabilities *c = session_caps_before(s, 0);
	if (!c || c->tls || s->tls.mode != TLS_NONE || starttls_exchange(s) || s->logins.n || s->mail_from.n)
		return;
	if (caps_have(c, S("STARTTLS"), NULL) || caps_have(c, S("STLS"), NULL) || dx_match(x, c->event->text, "XXXXX"))
		return;
	const struct event *wanted = dx_search(x, KINDS_ALL_TOLD,
		"(?:starttls|tls|ssl|encryption)[^\\n]{0,60}(?:not (?:supported|offered|available|advertised)|required|unsupported|missing|refused)|"
		"does(?: not|n.t) (?:support|offer)[^\\n]{0,30}(?:TLS|SSL)|requireTLS|starttls\\.required\\W{1,3}true|use_?tls\\W{1,4}true", NULL);
	if (wanted)
		dx_evidence(dx_find(x, "starttls-not-offered", 0.7, wanted), c->event);
}

static bool same_server(const struct session *a, const struct session *b)
{
	return (a->server.name.n && slice_eq_nocase(a->server.name, b->server.name)) ||
	       (a->server.address.n && slice_eq(a->server.address, b->server.address) && a->server.port == b->server.port);
}

/* The same server offers STARTTLS in one session and not in another: something on one of the ways removes it. */
static void find_starttls_comes_and_goes(struct dx *x, const struct session *s)
{
	(void)s;
	const struct transcript *t = dx_transcript(x);
	const struct session *with = NULL, *without = NULL;
	for (size_t i = 0; i < t->sessions.n; i++) {
		const struct session *k = t->sessions.v[i];
		const struct capabilities *c = session_caps_tls(k, false);
		if (!c || k->protocol != PROTOCOL_SMTP || (k->ehlo_event && slice_eq(k->ehlo_event->command.verb, S("HELO"))))
			continue;
		const struct session **slot = caps_have(c, S("STARTTLS"), NULL) ? &with : &without;
		if (!*slot)
			*slot = k;
	}
	if (!with || !without || !same_server(with, without))
		return;
	struct draft *d = dx_find(x, "starttls-stripped", 0.72, session_caps_tls(without, false)->event);
	dx_evidence(d, session_caps_tls(with, false)->event);
	dx_keep(d);
}

/* IMAP LOGINDISABLED or POP3 without USER in the list, a login tried in clear and refused. */
static void find_login_disabled(struct dx *x, const struct session *s)
{
	if (s->protocol != PROTOCOL_IMAP && s->protocol != PROTOCOL_POP3)
		return;
	const struct capabilities *c = session_caps_tls(s, false);
	if (!c)
		return;
	bool disabled = caps_have(c, S("LOGINDISABLED"), NULL) ||
			(s->protocol == PROTOCOL_POP3 && caps_have(c, S("STLS"), NULL) && !caps_have(c, S("USER"), NULL) && !caps_offer_auth(c));
	if (!disabled)
		return;
	for (size_t i = 0; i < s->logins.n; i++)
		if (!s->logins.v[i].tls && s->logins.v[i].failed) {
			struct draft *d = dx_find(x, "plaintext-login-disallowed", 0.92, s->logins.v[i].reply ? s->logins.v[i].reply : s->logins.v[i].command);
			dx_evidence(d, c->event);
			return;
		}
	if (!s->logins.n && s->tls.mode == TLS_NONE && !starttls_exchange(s) && dx_search(x, KINDS_TOLD, "login|auth|mechanism|disabled|fail", NULL))
		dx_find(x, "plaintext-login-disallowed", 0.65, c->event);
}

/* --- certificates ------------------------------------------------------------------------------------------------------------------ */

/* The value after `key` in this event, or in the one after it. */
static bool chain_value(struct dx *x, const struct transcript *t, size_t i, const char *key, struct slice *ret)
{
	if (dx_capture(x, t->events.v[i]->text, key, ret))
		return true;
	return i + 1 < t->events.n && dx_capture(x, t->events.v[i + 1]->text, key, ret);
}

/* Words that public authorities put into the names of their issuing certificates; a private CA is unlikely to have them. */
#define PUBLIC_ISSUER                                                                                                                          \
	"Let's Encrypt|DigiCert|Sectigo|COMODO|GlobalSign|Go ?Daddy|Starfield|Entrust|USERTrust|RapidSSL|GeoTrust|Thawte|Amazon|Google Trust|"      \
	"ZeroSSL|Certum|Actalis|Buypass|QuoVadis|SwissSign|TeleSec|D-Trust|IdenTrust|Network Solutions|StartCom|WoSign|TrustAsia|AlphaSSL|"     \
	"GEANT|ICPEdu|cPanel|Gandi|InCommon|SSL\\.com|HARICA|Trustwave|VeriSign|Symantec|Encryption Everywhere|Secure Server CA|"               \
	"Domain Validat|Organization Validat|Extended Validat|Intermediate|DV |OV |EV |TLS (?:RSA|ECC)|(?:RSA|ECC) (?:TLS|SSL)"

/* What openssl s_client prints of the chain: one certificate only whose issuer is somebody else and that did not verify: the intermediate is missing
 * when a public authority issued it, or the client does not know the private one; subject and issuer the same: self-signed. */
static void find_chain(struct dx *x, const struct session *s)
{
	(void)s;
	const struct transcript *t = dx_transcript(x);
	if (dx_search(x, KINDS_ALL_TOLD, "avast|kaspersky|eset|bitdefender|antivirus|fortigate|zscaler|No SNI provided", NULL))
		return;
	const struct event *bad = dx_search(x, KINDS_ALL_TOLD, "verify error:num=(?:18|19|20|21)|Verify return code: (?:18|19|20|21) ", NULL);
	if (!bad)
		return;
	for (size_t i = 0; i < t->events.n; i++) {
		struct slice subject, issuer;
		if (!dx_capture(x, t->events.v[i]->text, "(?:^|\\n)\\s*0 s:\\s*([^\\n]+)", &subject))
			continue;
		if (!chain_value(x, t, i, "(?:^|\\n)\\s*i:\\s*([^\\n]+)", &issuer))
			return;
		bool alone = !dx_search(x, KINDS_ALL_TOLD, "(?:^|\\n)\\s*1 s:", NULL);
		if (slice_eq(slice_trim(subject), slice_trim(issuer)))
			dx_evidence(dx_find(x, "cert-self-signed", 0.9, bad), t->events.v[i]);
		else if (alone && dx_match(x, bad->text, "=(?:20|21)|: (?:20|21) ") && dx_match(x, issuer, PUBLIC_ISSUER))
			dx_evidence(dx_find(x, "cert-intermediate-missing", 0.88, bad), t->events.v[i]);
		else if (alone && dx_match(x, bad->text, "=(?:20|21)|: (?:20|21) "))
			dx_evidence(dx_find(x, "cert-self-signed", 0.82, bad), t->events.v[i]);
		return;
	}
}

/* Two end dates in the evidence, a certificate refused as expired, and one date was read from a file: the file was renewed, the service not reloaded. */
static void find_renewed_on_disk(struct dx *x, const struct session *s)
{
	(void)s;
	unsigned kinds = KINDS_ALL_TOLD | KIND(EV_COMMAND);
	const struct event *expired = dx_search(x, kinds, "certificate has expired|alert certificate expired|CERT_HAS_EXPIRED|expired certificate", NULL);
	const struct event *file = expired ? dx_search(x, kinds, "openssl x509[^\\n]{0,80}-in |certbot certificates|Expiry Date: |ls -l[^\\n]{0,60}(?:letsencrypt|\\.pem)", NULL) : NULL;
	struct slice first = SLICE_NONE, other = SLICE_NONE;
	size_t at = 0;
	if (!file)
		return;
	const struct event *e = dx_search(x, kinds, "notAfter=|NotAfter", &at);
	if (e)
		dx_capture(x, e->text, "notAfter\\W{1,3}([^\\n;,]{10,40})", &first);
	const struct transcript *t = dx_transcript(x);
	for (size_t i = 0; first.n && i < t->events.n && !other.n; i++)
		if (t->events.v[i] != e && dx_capture(x, t->events.v[i]->text, "notAfter\\W{1,3}([^\\n;,]{10,40})", &other) && slice_eq(first, other))
			other = SLICE_NONE;
	if (!other.n && !dx_match(x, file->text, "VALID: ") && !dx_search(x, kinds, "\\(VALID: \\d+ days\\)", NULL))
		return;
	dx_evidence(dx_find(x, "cert-expired-not-reloaded", 0.9, expired), file);
}

/* The device's own log lines are dated 1970 (or another date of a clock never set), and TLS fails over a certificate. */
static void find_clock(struct dx *x, const struct session *s)
{
	(void)s;
	const struct event *cert = dx_search(x, KINDS_ALL_TOLD, "not yet valid|not valid yet|starts in the future|has expired|certificate verif|CERT_|X509|x509", NULL);
	const struct event *old = cert ? dx_search(x, KINDS_ALL_TOLD,
		"(?:^|\\n)\\W{0,3}(?:1970|1980|1999|2000)[-/](?:01|1)[-/](?:01|1|0?[1-9])\\b|Jan +0?\\d [\\d:]{5,8} (?:[A-Z]{3,4} )?(?:1970|1980|2000)|1970-01-\\d|current time (?:19|200)", NULL) : NULL;
	if (old)
		dx_evidence(dx_find(x, "clock-wrong", 0.93, cert), old);
}

/* The settings ask for no TLS, the client upgraded since STARTTLS was offered, and the certificate was the trouble. */
static void find_upgrade_not_asked_for(struct dx *x, const struct session *s)
{
	const struct exchange *t = starttls_exchange(s);
	if (!t || !t->positive || s->logins.n || s->mail_from.n)
		return;
	const struct event *plain = dx_search(x, KINDS_AROUND | KIND(EV_ERROR),
		"no TLS\\b|without (?:TLS|SSL|encryption)|(?:encryption|security|SMTPSecure|smtp_secure|tls|ssl)\\W{1,6}(?:none|off|false|disabled|''|\"\")", NULL);
	const struct event *trust = dx_search(x, KINDS_ALL_TOLD, "PKIX|certificate|x509|self.signed|altnames", NULL);
	if (!plain || !trust)
		return;
	struct draft *d = dx_find(x, "cert-untrusted-opportunistic", 0.85, trust);
	dx_evidence(d, plain);
	dx_evidence(d, t->command);
}

/* The server agreed to STARTTLS, and the client gave up without a word more: the handshake failed, and the program hides why (PHPMailer does). Mostly
 * it distrusts the certificate; whether it was told to use TLS or upgraded by itself, the settings say if they are shown. */
static void find_upgrade_failed_silently(struct dx *x, const struct session *s)
{
	const struct exchange *t = starttls_exchange(s);
	if (!t || !t->positive || !t->command || s->tls.mode != TLS_NONE || !slice_is_empty(s->tls.alert))
		return;
	for (size_t i = 0; i < s->exchanges.n; i++)
		if (s->exchanges.v[i].command && s->exchanges.v[i].command->n > t->command->n && !exchange_is(&s->exchanges.v[i], S("QUIT")))
			return;
	const struct event *gave_up = dx_search_session(x, s, KIND(EV_ERROR), "could not connect|connect\\(\\) failed|STARTTLS|TLS|crypto");
	if (!gave_up || gave_up->n < t->command->n ||
	    dx_search(x, KINDS_ALL_TOLD, "certificate|PKIX|x509|verif(?:y|ication)|handshake|protocol version|wrong version|cipher|dh key|\\balert\\b|timed? ?out", NULL))
		return;
	bool asked_for = dx_search(x, KIND(EV_CONFIG) | KIND(EV_PROSE), MODE_UPGRADE, NULL) != NULL;
	struct draft *d = dx_find(x, asked_for ? "cert-self-signed" : "cert-untrusted-opportunistic", asked_for ? 0.5 : 0.62, t->reply);
	dx_evidence(d, gave_up);
}

/* Hosts of great providers: their certificates are in order for everybody who asks for them by name. */
#define PUBLIC_PROVIDER                                                                                                                        \
	"(?:smtp|imap|pop)\\.(?:gmail|googlemail)\\.com|\\bservice\\W{1,6}gmail\\b|(?:smtp|outlook)\\.office365\\.com|smtp-mail\\.outlook\\.com|"          \
	"(?:imap|smtp|pop)\\.mail\\.yahoo\\.com|(?:imap|smtp)\\.mail\\.me\\.com|smtp\\.sendgrid\\.net|email-smtp\\.[\\w-]+\\.amazonaws\\.com|"           \
	"smtp\\.mailgun\\.org|(?:imap|smtp)\\.(?:fastmail|zoho)\\.com|mail\\.gmx\\.(?:net|com)|(?:imap|smtp)\\.web\\.de"
#define GOOGLE_HOST "(?:smtp|imap|pop)\\.(?:gmail|googlemail)\\.com"

/* A great provider's certificate is not trusted. It presents a public one, so somebody between answers in its place; or, Google with TLS 1.3, the client
 * gave no server name: libraries older than TLS 1.3 in their wrapper do not. */
static void find_public_host_untrusted(struct dx *x, const struct session *s)
{
	(void)s;
	unsigned kinds = KINDS_ALL_TOLD | KIND(EV_COMMAND);
	const struct event *host = dx_search(x, kinds, PUBLIC_PROVIDER "|(?:user\\w*|login|email\\w*)\\W{1,4}[\\w.+-]{1,60}@gmail\\.com", NULL);
	const struct event *bad = host ? dx_search(x, KINDS_ALL_TOLD, "self.signed certificate|SELF_SIGNED_CERT|certificate verify failed|CERTIFICATE_VERIFY_FAILED", NULL) : NULL;
	if (!bad || dx_search(x, KINDS_ALL_TOLD, "No SNI provided|has expired|not yet valid|does not match|altname|127\\.0\\.0\\.1|localhost", NULL))
		return;
	const char *cause = NULL;
	double confidence = 0.7;
	if (dx_match(x, bad->text, "self.signed certificate in|SELF_SIGNED_CERT_IN_CHAIN"))
		cause = "antivirus-intercepts-tls", confidence = 0.82;
	else if (!dx_match(x, bad->text, "self.signed|SELF_SIGNED|local issuer") && dx_match(x, host->text, GOOGLE_HOST) &&
		 dx_search(x, kinds, "Python v?2\\.|imaplib2|PHP/?5\\.", NULL) && dx_search(x, kinds, "OpenSSL 1\\.1\\.1|OpenSSL 3|TLSv?1\\.3", NULL))
		cause = "tls-sni-missing";
	else if (dx_match(x, bad->text, "self.signed|DEPTH_ZERO_SELF_SIGNED"))
		cause = dx_match(x, host->text, GOOGLE_HOST) ? "tls-sni-missing" : "antivirus-intercepts-tls";
	if (cause)
		dx_evidence(dx_find(x, cause, confidence, bad), host);
}

/* A terminal program shows a greeting in clear on a port where TLS is expected from the first byte, and a client's TLS fails there. */
static void find_clear_greeting_on_tls_port(struct dx *x, const struct session *s)
{
	static const char *const terminal = "\\b(?:telnet|nc|ncat|netcat)\\s+(?:-\\S+\\s+)*[\\w.:-]+[ :]+(465|993|995)\\b";
	const struct event *greeting = session_event(s, EV_GREETING, 0);
	const struct event *called = greeting && s->tls.mode == TLS_NONE && !s->from_log ? dx_search(x, 0, terminal, NULL) : NULL;
	struct slice port;
	if (!called || called->stamp.where.line > greeting->stamp.where.line || greeting->stamp.where.line - called->stamp.where.line > 6 ||
	    !dx_capture(x, called->text, terminal, &port))
		return;
	const struct event *fails = dx_search(x, KINDS_TOLD | KIND(EV_PROSE) | KIND(EV_CONFIG), "handshake|wrong version|SSL|TLS", NULL);
	if (!fails)
		return;
	struct draft *d = dx_find(x, "implicit-tls-on-plaintext-port", 0.72, greeting);
	dx_value(d, "port", port);
	dx_evidence(d, called);
	dx_evidence(d, fails);
}

/* The same server was asked twice with openssl, once with -servername and once without, and the trouble is about the certificate. */
static void find_asked_with_and_without_name(struct dx *x, const struct session *none)
{
	(void)none;
	const struct transcript *t = dx_transcript(x);
	struct slice bare = SLICE_NONE, target, line;
	const struct event *without = NULL;
	for (size_t i = 0; i < t->events.n; i++) {
		const struct event *e = t->events.v[i];
		struct slice rest = e->text;
		while (slice_next_line(&rest, &line)) {
			if (line.n > 2048 || !slice_has(line, S("s_client")) || !dx_capture(x, line, "s_client\\b.*?-connect ([\\w.:-]+)", &target))
				continue;
			if (!slice_has(line, S("-servername"))) {
				bare = target;
				without = e;
			} else if (without && slice_eq_nocase(bare, target) && dx_search(x, 0, "issuer|subject|self.signed|mismatch|certificate", NULL)) {
				dx_evidence(dx_find(x, "tls-sni-missing", 0.72, without), e);
				return;
			}
		}
	}
}

const struct rule rules_tls[] = {
	{"tls-bytes-in-plain-text", "implicit-tls-on-plaintext-port", RULE_SESSION, find_tls_bytes},
	{"tls-alert", "tls-version-too-old-client", RULE_SESSION, find_alert},
	{"tls-old-client-hello", "tls-no-shared-cipher", RULE_INPUT, find_old_hello},
	{"tls-greeting-misread", "implicit-tls-on-plaintext-port", RULE_INPUT, find_misread_greeting},
	{"tls-mode-against-port", "plaintext-on-implicit-tls-port", RULE_INPUT, find_mode_against_port},
	{"tls-port-silent", "plaintext-on-implicit-tls-port", RULE_SESSION, find_silent_tls_port},
	{"tls-port-silence-told", "plaintext-on-implicit-tls-port", RULE_INPUT, find_silence_told},
	{"starttls-refused", "starttls-not-offered", RULE_SESSION, find_starttls_refused},
	{"starttls-missing-client-left", "starttls-not-offered", RULE_SESSION, find_left_without_starttls},
	{"starttls-comes-and-goes", "starttls-stripped", RULE_INPUT, find_starttls_comes_and_goes},
	{"login-disabled", "plaintext-login-disallowed", RULE_SESSION, find_login_disabled},
	{"certificate-chain", "cert-intermediate-missing", RULE_INPUT, find_chain},
	{"certificate-renewed-on-disk", "cert-expired-not-reloaded", RULE_INPUT, find_renewed_on_disk},
	{"certificate-clock", "clock-wrong", RULE_INPUT, find_clock},
	{"starttls-failed-silently", "cert-untrusted-opportunistic", RULE_SESSION, find_upgrade_failed_silently},
	{"clear-greeting-on-tls-port", "implicit-tls-on-plaintext-port", RULE_SESSION, find_clear_greeting_on_tls_port},
	{"asked-with-and-without-name", "tls-sni-missing", RULE_INPUT, find_asked_with_and_without_name},
	{"public-host-untrusted", "antivirus-intercepts-tls", RULE_INPUT, find_public_host_untrusted},
	{"starttls-not-asked-for", "cert-untrusted-opportunistic", RULE_SESSION, find_upgrade_not_asked_for},
	{0},
};
