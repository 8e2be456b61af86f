/* Inferences from packets: what the network did, who waited for whom, and what a TLS handshake gives away. They read the facts that the reader of captures
 * puts into EV_CONNECT, EV_CLOSE and EV_TLS events (evidence/capture/stream.h, tls.h); evidence of other forms has none of them. */
#include "base/i18n.h"
#include "diagnose/rule.h"

/* Somebody waited so long in vain that it is no coincidence; and that a person or program gave up. */
#define WAITED_MS 4000
#define GAVE_UP_MS 20000
/* Packets that only a path with a smaller limit loses. */
#define FULL_SIZE 1000

/* A fact of an event that may not be there. */
static struct slice value_of(const struct event *e, const char *key)
{
	return e ? event_fact(e, key) : SLICE_NONE;
}

static struct slice what(const struct event *e)
{
	return value_of(e, "what");
}

static bool is(const struct event *e, const char *value)
{
	return e && slice_eq(what(e), slice_from_cstr(value));
}

static int64_t number(const struct event *e, const char *key)
{
	uint64_t n = 0;
	return e && slice_to_uint(value_of(e, key), INT64_MAX, &n) ? (int64_t)n : 0;
}

static bool fact_is(const struct event *e, const char *key, const char *value)
{
	return e && slice_eq(value_of(e, key), slice_from_cstr(value));
}

/* The session's own connection event; NULL when the evidence is no capture. */
static const struct event *connect_of(const struct session *s)
{
	const struct event *e = s->events.n ? s->events.v[0] : NULL;
	return e && e->kind == EV_CONNECT && e->stamp.where.frame && what(e).n ? e : NULL;
}

static const struct event *close_of(const struct session *s)
{
	const struct event *e = s->events.n ? s->events.v[s->events.n - 1] : NULL;
	return e && e->kind == EV_CLOSE && e->stamp.where.frame && what(e).n ? e : NULL;
}

static const struct event *find_what(const struct session *s, enum event_kind kind, enum side side, const char *value)
{
	for (size_t i = 0; i < s->events.n; i++) {
		const struct event *e = s->events.v[i];
		if (e->kind == kind && (side == SIDE_UNKNOWN || e->side == side) && is(e, value))
			return e;
	}
	return NULL;
}

/* The capture lacks bytes: what seems not to have been said may have been. */
static bool is_incomplete(const struct session *s)
{
	return find_what(s, EV_TOOL, SIDE_UNKNOWN, "incomplete") != NULL;
}

static bool is_implicit_port(unsigned port)
{
	unsigned p = port > 1000 && protocol_from_port(port) == PROTOCOL_UNKNOWN ? port % 1000 : port;
	return p == 465 || p == 993 || p == 995;
}

static bool address_is_private(struct slice a)
{
	return slice_starts(a, S("10.")) || slice_starts(a, S("192.168.")) || slice_starts(a, S("127.")) || slice_starts(a, S("172.1")) ||
	       slice_starts(a, S("172.2")) || slice_starts(a, S("172.3")) || slice_starts(a, S("169.254.")) || slice_starts(a, S("::1")) ||
	       slice_starts_nocase(a, S("fd")) || slice_starts_nocase(a, S("fe80"));
}

/* "4 s", "1.2 s", "350 ms" */
static const char *duration(struct dx *x, int64_t ms)
{
	struct slice s = ms < 1000    ? arena_printf(dx_arena(x), "%d ms", (int)ms)
			 : ms < 10000 ? arena_printf(dx_arena(x), "%d.%d s", (int)(ms / 1000), (int)(ms % 1000 / 100))
				      : arena_printf(dx_arena(x), "%d s", (int)(ms / 1000));
	return s.p ? (const char *)s.p : "";
}

/* --- no connection --------------------------------------------------------------------------------------------------------------- */

static void find_unreachable(struct dx *x, const struct session *s, const struct event *e)
{
	const struct event *icmp = find_what(s, EV_CONNECT, SIDE_UNKNOWN, "icmp");
	struct slice said = value_of(e, "icmp");
	bool filter = slice_has(said, S("prohibited")), port = slice_has(said, S("port"));
	struct draft *d = dx_find(x, filter || port ? "connection-refused" : "connection-timed-out", 0.92, icmp ? icmp : e);
	dx_evidence(d, e);
	const char *from = dx_shown(x, value_of(icmp ? icmp : e, "from")), *to = dx_shown(x, s->server.address);
	if (filter)
		dx_summary(d, _("A packet filter (%s) forbids the connection to %s port %u: it answers with ICMP “%s”."), from, to, s->server.port, dx_shown(x, said));
	else if (port)
		dx_summary(d, _("Nothing listens on port %u of %s, or a filter rejects it: ICMP “%s”."), s->server.port, to, dx_shown(x, said));
	else
		dx_summary(d, _("No way leads to %s: the router %s answers with ICMP “%s”."), to, from, dx_shown(x, said));
}

static void find_not_connected(struct dx *x, const struct session *s)
{
	const struct event *e = connect_of(s);
	const char *to = e ? dx_shown(x, s->server.address) : NULL;
	if (is(e, "refused")) {
		struct draft *d = dx_find(x, "connection-refused", 0.93, e);
		dx_evidence(d, close_of(s));
		dx_summary(d, _("%s refuses the connection to port %u: nothing listens there, or a filter resets it."), to, s->server.port);
	} else if (is(e, "unreachable")) {
		find_unreachable(x, s, e);
	} else if (is(e, "no-answer")) {
		struct draft *d = dx_find(x, "connection-timed-out", 0.9, e);
		int attempts = (int)number(e, "syns");
		dx_summary(d, _("%s gets no answer from %s port %u: %d attempts in %s."), dx_shown(x, s->client.address), to, s->server.port, attempts,
			   duration(x, number(e, "silent_ms")));
	} else if (is(e, "no-arp-answer")) {
		struct draft *d = dx_find(x, "connection-timed-out", 0.8, e);
		dx_summary(d, _("Nobody on the local network has the address %s (%d ARP requests of %s without an answer): the machine is off, has another address, or is on another network."),
			   to, (int)number(e, "times"), dx_shown(x, s->client.address));
	}
}

/* Mail servers of several networks stay silent on port 25, and none answers. */
static void find_port_25_silent(struct dx *x, const struct session *s)
{
	(void)s;
	const struct transcript *t = dx_transcript(x);
	const struct event *first = NULL, *other = NULL;
	for (size_t i = 0; i < t->sessions.n; i++) {
		const struct session *k = t->sessions.v[i];
		const struct event *e = connect_of(k);
		if (!e || k->server.port != 25 || address_is_private(k->server.address))
			continue;
		if (is(e, "connected") || is(e, "refused"))
			return;
		if (!is(e, "no-answer"))
			continue;
		if (first && !slice_eq(first->session->server.address, k->server.address))
			other = e;
		first = first ? first : e;
	}
	if (other)
		dx_evidence(dx_find(x, "port-25-blocked", 0.85, first), other);
}

/* --- silence --------------------------------------------------------------------------------------------------------------------- */

static bool has_tls(const struct session *s)
{
	return session_event(s, EV_TLS, 0) != NULL;
}

/* Plain text, or expectant silence, on a port whose server waits for a ClientHello. */
static void find_plain_on_tls_port(struct dx *x, const struct session *s)
{
	const struct event *e = connect_of(s), *end = close_of(s);
	if (!e || !end || !is_implicit_port(s->server.port) || session_event(s, EV_GREETING, 0) || is_incomplete(s))
		return;
	const struct event *said = session_event(s, EV_COMMAND, 0);
	const struct event *alert = find_what(s, EV_TLS, SIDE_SERVER, "alert");
	if (has_tls(s) && (!alert || find_what(s, EV_TLS, SIDE_CLIENT, "client-hello")))
		return;
	bool silent = is(e, "silent") && number(end, "waited_ms") >= WAITED_MS / 2;
	if (!said && !silent && !alert)
		return;
	struct draft *d = dx_find(x, "plaintext-on-implicit-tls-port", said || alert ? 0.93 : 0.88, said ? said : e);
	dx_evidence(d, alert);
	dx_evidence(d, end);
}

/* A ClientHello was answered in plain text. */
static void find_tls_on_plain_port(struct dx *x, const struct session *s)
{
	const struct event *hello = connect_of(s) ? find_what(s, EV_TLS, SIDE_CLIENT, "client-hello") : NULL;
	if (!hello || s->tls.mode != TLS_IMPLICIT || find_what(s, EV_TLS, SIDE_SERVER, "server-hello"))
		return;
	for (size_t i = 0; i < s->events.n; i++) {
		const struct event *e = s->events.v[i];
		bool words = e->kind == EV_GREETING || e->kind == EV_REPLY || e->kind == EV_UNTAGGED;
		if (!words || e->side != SIDE_SERVER || e->tls || (e->oddities & ODD_GAP))
			continue;
		dx_evidence(dx_find(x, "implicit-tls-on-plaintext-port", 0.95, hello), e);
		return;
	}
	const struct event *unanswered = find_what(s, EV_TLS, SIDE_UNKNOWN, "ended");
	if (unanswered && fact_is(unanswered, "state", "hello-unanswered") && !is_implicit_port(s->server.port) && protocol_from_port(s->server.port))
		dx_evidence(dx_find(x, "implicit-tls-on-plaintext-port", 0.7, hello), unanswered);
}

/* The server takes the connection and says nothing, or says it when the client has gone. */
static void find_no_greeting(struct dx *x, const struct session *s)
{
	const struct event *e = connect_of(s), *end = close_of(s);
	if (!e || !end || is_implicit_port(s->server.port) || has_tls(s) || is_incomplete(s) || is(e, "midstream"))
		return;
	const struct event *greeting = session_event(s, EV_GREETING, 0);
	int64_t waited = number(end, "waited_ms");
	if (!greeting && is(e, "silent") && waited >= WAITED_MS) {
		struct draft *d = dx_find(x, "greeting-delay-vs-client-timeout", 0.75, e);
		dx_evidence(d, end);
		dx_summary(d, fact_is(end, "by", "client") ? _("%s takes the connection to port %u but says nothing; %s gives up after %s without a greeting.")
							   : _("%s takes the connection to port %u but says nothing; %s waits %s for a greeting in vain."),
			   dx_shown(x, s->server.address), s->server.port, dx_shown(x, s->client.address), duration(x, waited));
		return;
	}
	bool gone = greeting && fact_is(end, "by", "client") && number(end, "end_frame") && greeting->stamp.where.frame > (uint64_t)number(end, "end_frame");
	if (!gone || session_event(s, EV_COMMAND, 0))
		return;
	struct draft *d = dx_find(x, "greeting-delay-vs-client-timeout", 0.9, greeting);
	dx_evidence(d, end);
	dx_summary(d, _("%s greets only after %s; by then %s has hung up."), dx_shown(x, s->server.address), duration(x, number(end, "greeting_ms")),
		   dx_shown(x, s->client.address));
}

/* --- in mid-session -------------------------------------------------------------------------------------------------------------- */

/* Large segments are sent again and again and never arrive. */
static void find_black_hole(struct dx *x, const struct session *s)
{
	const struct event *e = connect_of(s), *end = close_of(s);
	if (!e || !end)
		return;
	bool needed = slice_has(value_of(end, "icmp"), S("fragmentation needed")) || slice_has(value_of(end, "icmp"), S("packet too big"));
	struct slice side = value_of(end, "stalled");
	int64_t size = number(end, "stalled_size"), hole = number(end, "hole_bytes");
	const struct event *icmp = find_what(s, EV_CONNECT, SIDE_UNKNOWN, "icmp");
	if (side.n && (size >= FULL_SIZE || needed)) {
		struct draft *d = dx_find(x, "mtu-black-hole", needed ? 0.93 : 0.88, end);
		dx_evidence(d, icmp);
		dx_summary(d, slice_eq(side, S("server")) ? _("Large packets of the server never reach the client: a segment of %d bytes is sent %d times and never acknowledged, while small ones pass.")
							  : _("Large packets of the client never reach the server: a segment of %d bytes is sent %d times and never acknowledged, while small ones pass."),
			   (int)size, (int)number(end, "stalled_times") + 1);
	} else if (hole >= FULL_SIZE && number(end, "waited_ms") >= WAITED_MS) {
		struct draft *d = dx_find(x, "mtu-black-hole", 0.75, end);
		dx_summary(d, _("%d bytes of the %s never arrived, although later small packets did: large packets vanish on the path."), (int)hole,
			   dx_shown(x, value_of(end, "hole")));
	} else if (side.n) {
		struct draft *d = dx_find(x, "connection-dropped", 0.65, end);
		dx_summary(d, slice_eq(side, S("server")) ? _("From then on nothing the server sent was acknowledged (%d attempts): the client or the way to it was gone.")
							  : _("From then on nothing the client sent was acknowledged (%d attempts): the server or the way to it was gone."),
			   (int)number(end, "stalled_times") + 1);
	}
}

static bool was_refused(const struct session *s)
{
	for (size_t i = 0; i < s->exchanges.n; i++)
		if (s->exchanges.v[i].negative)
			return true;
	return false;
}

/* The first command that nobody answered. */
static const struct event *unanswered_command(const struct session *s)
{
	const struct event *cmd = NULL;
	for (size_t i = 0; i < s->events.n; i++) {
		const struct event *e = s->events.v[i];
		bool goodbye = slice_eq(e->command.verb, S("QUIT")) || slice_eq(e->command.verb, S("LOGOUT"));
		if (e->oddities & ODD_GAP)
			return NULL;
		if ((e->kind == EV_COMMAND || e->kind == EV_DATA) && !e->reply && !cmd && !goodbye)
			cmd = e;
	}
	return cmd;
}

/* Somebody hung up while the other owed an answer. */
static void find_hang_up(struct dx *x, const struct session *s)
{
	const struct event *end = connect_of(s) ? close_of(s) : NULL;
	const struct event *cmd = end ? unanswered_command(s) : NULL;
	if (!cmd || s->message_accepted || was_refused(s) || is_incomplete(s) || s->tls.alert.n || value_of(end, "stalled").n || is_implicit_port(s->server.port))
		return;
	if (!session_event(s, EV_GREETING, 0) && !session_event(s, EV_REPLY, 0))
		return;
	int64_t waited = number(end, "waited_ms");
	const char *verb = dx_shown(x, cmd->command.verb), *time = duration(x, waited);
	bool client = fact_is(end, "by", "client"), server = fact_is(end, "by", "server");
	if (!client && !server && waited < GAVE_UP_MS)
		return;
	struct draft *d = dx_find(x, client && waited < WAITED_MS ? "connection-dropped" : server ? "connection-dropped" : "idle-timeout",
				  server ? 0.6 : 0.7, cmd);
	dx_evidence(d, end);
	if (client)
		dx_summary(d, _("The client hangs up %s after its last words, while the server still owes the answer to %s: the server is slower than the client waits."), time, verb);
	else if (server)
		dx_summary(d, _("The server ends the connection %s after %s without answering it."), time, verb);
	else
		dx_summary(d, _("The server has not answered %s for %s."), verb, time);
}

/* The server hung up on a client that said nothing for long; a 421 that says so is found by its words. */
static void find_idle_client(struct dx *x, const struct session *s)
{
	const struct event *end = connect_of(s) ? close_of(s) : NULL;
	if (!end || !fact_is(end, "by", "server") || !fact_is(end, "waiting_for", "client") || number(end, "waited_ms") < GAVE_UP_MS || s->message_accepted ||
	    is_incomplete(s) || !session_event(s, EV_GREETING, 0))
		return;
	struct draft *d = dx_find(x, "idle-timeout", 0.65, end);
	dx_summary(d, _("The client said nothing for %s, and the server ended the connection."), duration(x, number(end, "waited_ms")));
}

/* STARTTLS was accepted, and the client went on in plain text. */
static void find_plain_after_starttls(struct dx *x, const struct session *s)
{
	const struct exchange *t = session_exchange(s, s->protocol == PROTOCOL_POP3 ? S("STLS") : S("STARTTLS"), 0, NULL);
	if (!t || !t->positive || !connect_of(s) || has_tls(s))
		return;
	for (size_t i = 0; i < s->events.n; i++) {
		const struct event *e = s->events.v[i];
		if (e->n <= t->reply->n || e->kind != EV_COMMAND || e->side != SIDE_CLIENT)
			continue;
		struct draft *d = dx_find(x, "sequence-error", 0.85, e);
		dx_evidence(d, t->reply);
		dx_evidence(d, close_of(s));
		dx_value(d, "verb", e->command.verb);
		dx_summary(d, _("The client says STARTTLS, is told to begin, and goes on in plain text with %s where the server waits for a TLS handshake."),
			   dx_shown(x, e->command.verb));
		return;
	}
}

/* The list lacks STARTTLS, and the client said goodbye at once: as clients do that insist on it. */
static void find_left_after_list(struct dx *x, const struct session *s)
{
	const struct capabilities *c = connect_of(s) && s->protocol == PROTOCOL_SMTP ? session_caps_before(s, 0) : NULL;
	const struct event *end = close_of(s);
	if (!c || c->tls || has_tls(s) || caps_have(c, S("STARTTLS"), NULL) || s->logins.n || is_incomplete(s) || !fact_is(connect_of(s), "what", "connected"))
		return;
	/* The capture ends, or a live one gave up waiting: nobody left. */
	if (!end || fact_is(end, "what", "open") || fact_is(end, "what", "idle"))
		return;
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *k = &s->exchanges.v[i];
		if (k->negative || !(exchange_is(k, S("CONNECT")) || exchange_is(k, S("EHLO")) || exchange_is(k, S("QUIT"))))
			return;
	}
	struct draft *d = dx_find(x, "starttls-not-offered", 0.45, c->event);
	dx_summary(d, _("The client leaves right after the list of extensions, in which STARTTLS is missing: as clients do that insist on TLS."));
}

/* All lines of the client end in a bare LF, and the server took it: others do not. */
static void find_bare_lf(struct dx *x, const struct session *s)
{
	const struct event *first = NULL;
	size_t bare = 0, lines = 0;
	if (!connect_of(s) || s->protocol != PROTOCOL_SMTP || !s->message_accepted)
		return;
	for (size_t i = 0; i < s->events.n; i++) {
		const struct event *e = s->events.v[i];
		if (e->side != SIDE_CLIENT || (e->kind != EV_COMMAND && e->kind != EV_DATA))
			continue;
		lines++;
		bare += (e->oddities & ODD_BARE_LF) != 0;
		first = first || !(e->oddities & ODD_BARE_LF) ? first : e;
	}
	if (bare < 3 || bare != lines)
		return;
	struct draft *d = dx_find(x, "bare-lf", 0.5, first);
	dx_keep(d);
	dx_summary(d, _("The client ends its lines with LF alone instead of CR LF. This server took the message; servers that guard against SMTP smuggling refuse it."));
}

/* --- certificates ---------------------------------------------------------------------------------------------------------------- */

#define PUBLIC_ISSUER                                                                                                                          \
	"Let's Encrypt|DigiCert|Sectigo|COMODO|GlobalSign|Go ?Daddy|Starfield|Entrust|USERTrust|RapidSSL|GeoTrust|Thawte|Amazon|Google Trust|"      \
	"ZeroSSL|Certum|Actalis|Buypass|QuoVadis|SwissSign|TeleSec|D-Trust|IdenTrust|Network Solutions|TrustAsia|AlphaSSL|GEANT|cPanel|Gandi|"  \
	"InCommon|SSL\\.com|HARICA|Trustwave|VeriSign|Symantec|Encryption Everywhere|Secure Server CA"
#define SCANNER_ISSUER "avast|\\bavg\\b|kaspersky|eset |bitdefender|antivirus|fortinet|fortigate|zscaler|sophos|mail shield|mailshield|untrusted root"

/* The handshake of a session, as far as it is visible. */
struct handshake {
	const struct event *hello, *agreed, *cert, *client_cert, *alert, *ended, *renegotiation;
	struct slice now; /* RFC 3339, of the capture */
	bool asked;       /* the server asked for a client certificate */
	int64_t dh_bits;
};

/* Unix time as RFC 3339; civil date from days after Howard Hinnant's public domain algorithm. */
static struct slice rfc3339(struct dx *x, int64_t us)
{
	int64_t seconds = us / 1000000, days = seconds / 86400, rest = seconds % 86400;
	if (seconds <= 0)
		return SLICE_NONE;
	int64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	int64_t day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);
	return arena_printf(dx_arena(x), "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)year, (int)month, (int)day, (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
}

static void see_tls(struct handshake *h, const struct event *e)
{
	if (is(e, "client-hello") && !h->renegotiation)
		h->hello = e;
	else if (is(e, "server-hello"))
		h->agreed = e;
	else if (is(e, "certificate") && e->side == SIDE_SERVER)
		h->cert = e;
	else if (is(e, "certificate"))
		h->client_cert = e;
	else if (is(e, "certificate-request"))
		h->asked = true;
	else if (is(e, "key-exchange"))
		h->dh_bits = number(e, "dh_bits");
	else if (is(e, "renegotiation"))
		h->renegotiation = e;
	else if (is(e, "ended"))
		h->ended = e;
	else if (is(e, "alert") && fact_is(e, "level", "fatal") && !h->alert)
		h->alert = e;
}

static bool handshake_of(struct dx *x, const struct session *s, struct handshake *ret)
{
	*ret = (struct handshake){.now = connect_of(s) ? rfc3339(x, s->start.time_us) : SLICE_NONE};
	if (!connect_of(s))
		return false;
	for (size_t i = 0; i < s->events.n; i++)
		if (s->events.v[i]->kind == EV_TLS)
			see_tls(ret, s->events.v[i]);
	return ret->hello || ret->agreed || ret->alert;
}

/* "*.example.org" stands for one label. */
static bool name_fits(struct slice pattern, struct slice host)
{
	if (slice_eq_nocase(pattern, host))
		return true;
	size_t dot = slice_find_byte(host, '.');
	return slice_skip(&pattern, S("*.")) && dot != SLICE_NPOS && slice_eq_nocase(pattern, slice_from(host, dot + 1));
}

static struct slice common_name(struct slice subject)
{
	struct slice at = slice_from(subject, slice_find(subject, S("CN=")));
	return slice_skip(&at, S("CN=")) ? slice_next_until(&at, ',') : SLICE_NONE;
}

/* Does the certificate stand for this host? True also when that cannot be told. */
static bool cert_names(const struct event *cert, struct slice host)
{
	struct slice names = value_of(cert, "names"), word;
	if (!host.n || slice_find_byte(host, '.') == SLICE_NPOS)
		return true;
	if (!names.n)
		return name_fits(common_name(value_of(cert, "subject")), host);
	while ((word = slice_next_word(&names)).n)
		if (name_fits(word, host))
			return true;
	return false;
}

static const char *weakness(struct dx *x, const struct event *cert)
{
	struct slice signature = value_of(cert, "signature");
	int64_t bits = number(cert, "key_bits");
	if (slice_has_nocase(value_of(cert, "key_type"), S("RSA")) && bits && bits < 2048) {
		struct slice s = arena_printf(dx_arena(x), _("an RSA key of %d bits"), (int)bits);
		return s.p ? (const char *)s.p : "";
	}
	if (slice_has_nocase(signature, S("md5")) || (slice_has_nocase(signature, S("sha1")) && !value_of(cert, "self_signed").n))
		return _("a signature with SHA-1 or MD5");
	return NULL;
}

enum defect { DEFECT_NONE, DEFECT_SCANNER, DEFECT_EXPIRED, DEFECT_FUTURE, DEFECT_NAME, DEFECT_WEAK, DEFECT_SELF, DEFECT_ALONE, DEFECT_PRIVATE, DEFECT_GREETING_NAME };

static bool has_defect(struct dx *x, const struct session *s, const struct handshake *h, enum defect which)
{
	const struct event *c = h->cert;
	struct slice issuer = value_of(c, "issuer"), until = value_of(c, "chain_not_after"), from = value_of(c, "not_before");
	struct slice sni = value_of(h->hello, "sni");
	switch (which) {
	case DEFECT_SCANNER:
		return dx_match(x, issuer, SCANNER_ISSUER);
	case DEFECT_EXPIRED:
		return until.n && h->now.n && slice_cmp(until, h->now) < 0;
	case DEFECT_FUTURE:
		return from.n && h->now.n && slice_cmp(from, h->now) > 0;
	case DEFECT_NAME:
		return !cert_names(c, sni);
	case DEFECT_GREETING_NAME:
		return !sni.n && !cert_names(c, s->server.name);
	case DEFECT_WEAK:
		return weakness(x, c) != NULL;
	case DEFECT_SELF:
		return value_of(c, "self_signed").n > 0;
	case DEFECT_ALONE:
		return fact_is(c, "chain", "1") && dx_match(x, issuer, PUBLIC_ISSUER);
	case DEFECT_PRIVATE:
		return issuer.n && !dx_match(x, issuer, PUBLIC_ISSUER);
	default:
		return false;
	}
}

static const struct {
	const char *cause;
	double confidence;
} defects[] = {
	[DEFECT_SCANNER] = {"antivirus-intercepts-tls", 0.92}, [DEFECT_EXPIRED] = {"cert-expired", 0.95},      [DEFECT_FUTURE] = {"cert-not-yet-valid", 0.93},
	[DEFECT_NAME] = {"cert-name-mismatch", 0.9},           [DEFECT_GREETING_NAME] = {"cert-name-mismatch", 0.8}, [DEFECT_WEAK] = {"cert-too-weak", 0.88},
	[DEFECT_SELF] = {"cert-self-signed", 0.92},            [DEFECT_ALONE] = {"cert-intermediate-missing", 0.88}, [DEFECT_PRIVATE] = {"cert-self-signed", 0.8},
};

static void describe_defect(struct dx *x, struct draft *d, const struct handshake *h, enum defect which)
{
	const char *subject = dx_shown(x, value_of(h->cert, "subject"));
	if (which == DEFECT_EXPIRED)
		dx_summary(d, _("The certificate of %s expired on %s."), dx_shown(x, value_of(h->cert, "chain_subject")), dx_shown(x, value_of(h->cert, "chain_not_after")));
	if (which == DEFECT_NAME)
		dx_summary(d, _("The client asks for %s, and the server's certificate (%s) does not stand for that name."), dx_shown(x, value_of(h->hello, "sni")), subject);
	if (which == DEFECT_GREETING_NAME)
		dx_summary(d, _("The server's certificate (%s) does not stand for the name of the server, and the client does not accept it."), subject);
	if (which == DEFECT_SELF)
		dx_summary(d, _("The server's certificate (%s) is signed by itself, and the client does not trust it."), subject);
	if (which == DEFECT_PRIVATE)
		dx_summary(d, _("The server's certificate (%s) was issued by %s, which the client does not know."), subject, dx_shown(x, value_of(h->cert, "issuer")));
	if (which == DEFECT_FUTURE)
		dx_value(d, "not_before", value_of(h->cert, "not_before"));
	if (which == DEFECT_WEAK)
		dx_value(d, "weakness", slice_from_cstr(weakness(x, h->cert)));
}

/* The first of these defects (ended by DEFECT_NONE) that the certificate has. */
static bool judge_certificate(struct dx *x, const struct session *s, const struct handshake *h, const enum defect *order, double factor, const struct event *e)
{
	for (; h->cert && *order != DEFECT_NONE; order++) {
		if (!has_defect(x, s, h, *order))
			continue;
		struct draft *d = dx_find(x, defects[*order].cause, defects[*order].confidence * factor, e);
		dx_evidence(d, h->cert);
		describe_defect(x, d, h, *order);
		return true;
	}
	return false;
}

static const enum defect trust_first[] = {DEFECT_SCANNER, DEFECT_EXPIRED, DEFECT_SELF, DEFECT_ALONE, DEFECT_PRIVATE, DEFECT_NONE};
static const enum defect dates_only[] = {DEFECT_EXPIRED, DEFECT_FUTURE, DEFECT_NONE};
static const enum defect all_defects[] = {
	DEFECT_SCANNER, DEFECT_EXPIRED, DEFECT_FUTURE, DEFECT_NAME, DEFECT_WEAK, DEFECT_GREETING_NAME, DEFECT_SELF, DEFECT_ALONE, DEFECT_PRIVATE, DEFECT_NONE,
};

/* --- alerts ---------------------------------------------------------------------------------------------------------------------- */

/* The best version that the client offers is TLS 1.1 or older; the server chose such a one. */
static bool client_is_old(const struct handshake *h)
{
	struct slice v = value_of(h->hello, "versions");
	return v.n && !slice_has(v, S("TLSv1.2")) && !slice_has(v, S("TLSv1.3"));
}

static bool server_is_old(const struct handshake *h)
{
	struct slice v = value_of(h->agreed, "version");
	return v.n && !slice_eq(v, S("TLSv1.2")) && !slice_eq(v, S("TLSv1.3"));
}

static void find_old_version(struct dx *x, const struct handshake *h, double confidence)
{
	bool only_13 = slice_eq(value_of(h->hello, "versions"), S("TLSv1.3"));
	bool client = h->alert->side == SIDE_SERVER ? !only_13 : client_is_old(h);
	struct draft *d = dx_find(x, client ? "tls-version-too-old-client" : "tls-version-too-old-server", confidence, h->alert);
	dx_evidence(d, client ? h->hello : h->agreed);
	dx_value(d, "version", client ? value_of(h->hello, "versions") : value_of(h->agreed, "version"));
	if (client && h->hello)
		dx_summary(d, _("The client offers %s at most, and the other side does not go on with that."), dx_shown(x, value_of(h->hello, "versions")));
}

/* The server's alert is about the client's certificate. */
static bool about_client_cert(struct dx *x, const struct handshake *h)
{
	struct slice alert = value_of(h->alert, "alert");
	if (slice_eq(alert, S("certificate_required")))
		return true;
	if (!h->asked && !h->client_cert)
		return false;
	return dx_match(x, alert, "certificate|unknown_ca|access_denied|handshake_failure");
}

static void client_cert_refused(struct dx *x, const struct handshake *h)
{
	bool none = !h->client_cert || value_of(h->client_cert, "empty").n;
	struct draft *d = dx_find(x, "client-cert-rejected", 0.92, h->alert);
	dx_evidence(d, h->client_cert);
	dx_value(d, "alert", value_of(h->alert, "alert"));
	dx_value(d, "given", none ? slice_from_cstr(_("that there is none")) : value_of(h->client_cert, "subject"));
}

static void server_alert(struct dx *x, const struct session *s, const struct handshake *h)
{
	struct slice alert = value_of(h->alert, "alert");
	struct draft *d = NULL;
	if (about_client_cert(x, h))
		client_cert_refused(x, h);
	else if (slice_eq(alert, S("protocol_version")) || (dx_match(x, alert, "handshake_failure|insufficient_security|internal_error") && client_is_old(h)))
		find_old_version(x, h, slice_eq(alert, S("protocol_version")) ? 0.92 : 0.7);
	else if (dx_match(x, alert, "handshake_failure|insufficient_security"))
		d = dx_find(x, "tls-no-shared-cipher", 0.88, h->alert);
	else if (slice_eq(alert, S("no_application_protocol")))
		dx_value(d = dx_find(x, "tls-alpn-not-shared", 0.95, h->alert), "alpn", value_of(h->hello, "alpn"));
	else if (dx_match(x, alert, "unrecognized_name|missing_extension"))
		d = dx_find(x, value_of(h->hello, "sni").n ? "cert-name-mismatch" : "tls-sni-missing", 0.65, h->alert);
	else if (dx_match(x, alert, "internal_error|decode_error|decrypt_error"))
		d = dx_find(x, "server-tls-config-broken", 0.5, h->alert);
	if (d)
		dx_evidence(d, h->hello);
	(void)s;
}

static void trust_alert(struct dx *x, const struct session *s, const struct handshake *h, struct slice alert)
{
	bool dates = slice_eq(alert, S("certificate_expired")), authority = slice_eq(alert, S("unknown_ca"));
	const enum defect *order = dates ? dates_only : authority ? trust_first : all_defects;
	if (judge_certificate(x, s, h, order, 1.0, h->alert))
		return;
	if (dates && h->cert) {
		struct draft *d = dx_find(x, "clock-wrong", 0.85, h->alert);
		dx_evidence(d, h->cert);
		return;
	}
	const char *cause = dates ? "cert-expired" : slice_eq(alert, S("bad_certificate")) ? "cert-name-mismatch" : "cert-self-signed";
	struct draft *d = dx_find(x, cause, dates ? 0.92 : authority ? 0.75 : 0.55, h->alert);
	dx_evidence(d, h->hello);
	if (slice_eq(alert, S("bad_certificate")))
		dx_summary(d, _("The client refuses the server's certificate (alert bad_certificate): most often because it does not stand for the server's name, else because of its dates or a weak key."));
}

static void client_alert(struct dx *x, const struct session *s, const struct handshake *h)
{
	struct slice alert = value_of(h->alert, "alert");
	bool crypto = dx_match(x, alert, "handshake_failure|insufficient_security|illegal_parameter|internal_error|decrypt_error");
	if (dx_match(x, alert, "bad_certificate$|certificate_expired|certificate_unknown|unknown_ca|unsupported_certificate"))
		trust_alert(x, s, h, alert);
	else if (slice_eq(alert, S("protocol_version")))
		find_old_version(x, h, 0.92);
	else if (crypto && h->dh_bits && h->dh_bits < 2048)
		dx_evidence(dx_find(x, "tls-dh-key-too-small", 0.9, h->alert), h->agreed);
	else if (crypto && (client_is_old(h) || server_is_old(h)))
		find_old_version(x, h, 0.8);
	else if (dx_match(x, alert, "handshake_failure|insufficient_security"))
		dx_evidence(dx_find(x, "tls-no-shared-cipher", 0.6, h->alert), h->agreed);
	else if (slice_eq(alert, S("decrypt_error")))
		dx_evidence(dx_find(x, "server-tls-key-mismatch", 0.6, h->alert), h->cert);
}

static void find_tls_alert(struct dx *x, const struct session *s)
{
	struct handshake h;
	if (!handshake_of(x, s, &h) || !h.alert || h.renegotiation)
		return;
	if (h.alert->side == SIDE_SERVER)
		server_alert(x, s, &h);
	else
		client_alert(x, s, &h);
}

/* --- handshakes that ended without a word in clear ------------------------------------------------------------------------------------------ */

static void client_left(struct dx *x, const struct session *s, const struct handshake *h, bool at_handshake)
{
	/* After the handshake: curl and others compare the name themselves. Who was asked for a certificate and gave none may have left for that. */
	if (!at_handshake && (h->asked || s->logins.n || s->mail_from.n))
		return;
	if (judge_certificate(x, s, h, all_defects, at_handshake ? 0.85 : 0.7, h->ended) || (h->cert && !at_handshake))
		return;
	struct draft *d = dx_find(x, "cert-name-mismatch", at_handshake ? 0.55 : 0.45, h->ended);
	dx_evidence(d, h->hello);
	dx_summary(d, at_handshake ? _("The client ends the handshake when it has seen the server's certificate: it does not accept it (the name, the issuer or the dates).")
				   : _("The client ends the connection right after the handshake without having said a word: as clients do that compare the name in the certificate themselves and do not find theirs."));
}

static void server_left(struct dx *x, const struct handshake *h)
{
	if (client_is_old(h)) {
		struct draft *d = dx_find(x, "tls-version-too-old-client", 0.75, h->ended);
		dx_evidence(d, h->hello);
		return;
	}
	struct draft *d = dx_find(x, "server-tls-config-broken", 0.5, h->ended);
	dx_evidence(d, h->hello);
	dx_summary(d, _("The server ends the connection right after the ClientHello without an alert: its TLS is broken or not set up on this port, or something on the way forbids it."));
}

static void find_tls_end(struct dx *x, const struct session *s)
{
	struct handshake h;
	const struct event *end = close_of(s);
	if (!end || !handshake_of(x, s, &h) || !h.ended || h.alert || h.renegotiation || is_incomplete(s))
		return;
	bool closed = is(end, "fin") || is(end, "reset");
	if (fact_is(h.ended, "state", "client-rejected") || (closed && fact_is(end, "by", "client") && fact_is(h.ended, "state", "client-left")))
		client_left(x, s, &h, true);
	else if (closed && fact_is(h.ended, "state", "left-after-handshake"))
		client_left(x, s, &h, false);
	else if (closed && fact_is(end, "by", "server") && fact_is(h.ended, "state", "hello-unanswered"))
		server_left(x, &h);
	else if (closed && fact_is(end, "by", "server") && fact_is(h.ended, "state", "server-left") && h.asked)
		dx_evidence(dx_find(x, "client-cert-rejected", 0.6, h.ended), h.client_cert);
}

/* A second handshake was asked for and refused, as "RCPT TO" typed into openssl s_client does. */
static void find_renegotiation(struct dx *x, const struct session *s)
{
	struct handshake h;
	if (!handshake_of(x, s, &h) || !h.renegotiation)
		return;
	bool said = s->tls.mode != TLS_NONE && dx_search_session(x, s, KIND(EV_TLS), "no_renegotiation") != NULL;
	bool died = close_of(s) && !s->message_accepted;
	if (!said && !died)
		return;
	struct draft *d = dx_find(x, "tls-renegotiation-refused", said ? 0.92 : 0.75, h.renegotiation);
	dx_evidence(d, dx_search_session(x, s, KIND(EV_TLS), "no_renegotiation"));
	dx_evidence(d, close_of(s));
}

const struct rule rules_capture[] = {
	{"wire-not-connected", "connection-refused", RULE_SESSION, find_not_connected},
	{"wire-port-25-silent", "port-25-blocked", RULE_INPUT, find_port_25_silent},
	{"wire-plain-on-tls-port", "plaintext-on-implicit-tls-port", RULE_SESSION, find_plain_on_tls_port},
	{"wire-tls-on-plain-port", "implicit-tls-on-plaintext-port", RULE_SESSION, find_tls_on_plain_port},
	{"wire-no-greeting", "greeting-delay-vs-client-timeout", RULE_SESSION, find_no_greeting},
	{"wire-black-hole", "mtu-black-hole", RULE_SESSION, find_black_hole},
	{"wire-hang-up", "connection-dropped", RULE_SESSION, find_hang_up},
	{"wire-idle-client", "idle-timeout", RULE_SESSION, find_idle_client},
	{"wire-plain-after-starttls", "sequence-error", RULE_SESSION, find_plain_after_starttls},
	{"wire-left-after-list", "starttls-not-offered", RULE_SESSION, find_left_after_list},
	{"wire-bare-lf", "bare-lf", RULE_SESSION, find_bare_lf},
	{"wire-tls-alert", "cert-self-signed", RULE_SESSION, find_tls_alert},
	{"wire-tls-end", "cert-name-mismatch", RULE_SESSION, find_tls_end},
	{"wire-renegotiation", "tls-renegotiation-refused", RULE_SESSION, find_renegotiation},
	{0},
};
