/* Inferences about connections: which attempts failed together, who is behind the address, what stalls. */
#include <libintl.h>

#include "diagnose/rule.h"

#define _(s) gettext(s)

/* Hosts and clients compared; more add nothing. */
#define HOSTS_MAX 16u

/* The last two labels of a host name: enough to tell two operators apart. */
static struct slice host_domain(struct slice name)
{
	size_t dot = slice_find_last_byte(name, '.');
	if (dot == SLICE_NPOS)
		return name;
	size_t before = slice_find_last_byte(slice_sub(name, 0, dot), '.');
	return before == SLICE_NPOS ? name : slice_from(name, before + 1);
}

/* Adds to a small set; true when it was new. */
static bool set_add(struct slice *set, size_t *n, struct slice v)
{
	for (size_t i = 0; i < *n; i++)
		if (slice_eq_nocase(set[i], v))
			return false;
	if (*n < HOSTS_MAX)
		set[(*n)++] = v;
	return true;
}

/* The host that this line says did not answer on port 25. */
static bool silent_host(struct dx *x, struct slice line, struct slice *ret)
{
	return slice_has_nocase(line, S("timed out")) &&
	       (dx_capture(x, line, "connect to ([\\w.-]+)\\[[^\\]]+\\]:25: Connection timed out", ret) ||
		dx_capture(x, line, "H=([\\w.-]+) \\[[\\da-f.:]+\\](?::25)?:? Connection timed out", ret) ||
		dx_capture(x, line, "Connection timed out with ([\\w.-]+)", ret));
}

/* Foreign mail servers of at least two operators time out on port 25 and none answers: the way out is blocked. */
static void find_port_25_blocked(struct dx *x, const struct session *s)
{
	(void)s;
	const struct transcript *t = dx_transcript(x);
	struct slice set[HOSTS_MAX], line, host;
	size_t n = 0;
	const struct event *first = NULL, *last = NULL;
	for (size_t i = 0; i < t->events.n && n < HOSTS_MAX; i++) {
		const struct event *e = t->events.v[i];
		struct slice rest = KIND(e->kind) & (KINDS_TOLD | KINDS_AROUND | KIND(EV_CONNECT)) ? e->text : SLICE_NONE;
		while (slice_next_line(&rest, &line)) {
			if (slice_has(line, S("status=sent")) && slice_has(line, S("]:25,")))
				return;
			if (!silent_host(x, line, &host) || !set_add(set, &n, host_domain(host)))
				continue;
			first = first ? first : e;
			last = e;
		}
	}
	if (n >= 2)
		dx_evidence(dx_find(x, "port-25-blocked", 0.85, first), last);
}

/* Port 25 of a host fails and 587 or 465 answers. */
static void find_other_port_works(struct dx *x, const struct session *s)
{
	(void)s;
	unsigned kinds = KINDS_TOLD | KINDS_AROUND | KIND(EV_CONNECT) | KIND(EV_COMMAND);
	const struct event *fails = dx_search(x, kinds, "(?:\\b25\\b|:25\\b|25/tcp)[^\\n]{0,80}(?:timed out|filtered|timeout|no answer|blocked)", NULL);
	const struct event *works = fails ? dx_search(x, kinds, "(?:\\b(?:587|465|2525)\\b)[^\\n]{0,60}(?:succeeded|open\\b|works|connected|fine)", NULL) : NULL;
	if (works)
		dx_evidence(dx_find(x, "port-25-blocked", 0.8, fails), works);
}

/* Mail exchangers so big that they are never down: no answer from them on port 25 means that the way out is blocked. */
#define BIG_EXCHANGER "(?:google|googlemail|outlook|yahoodns|icloud|gmx|mail\\.ru|yandex|hotmail)\\.(?:com|net|de|ru)\\.?"

static void find_big_exchanger_silent(struct dx *x, const struct session *s)
{
	(void)s;
	const struct event *asked = dx_search(x, KIND(EV_COMMAND) | KINDS_AROUND | KINDS_TOLD | KIND(EV_CONNECT),
		"(?:telnet|nc|ncat|netcat|swaks|s_client|Trying|connecting to)\\b[^\\n]{0,60}" BIG_EXCHANGER "[^\\n]{0,30}(?:[ :]|port )25\\b", NULL);
	const struct event *silent = asked ? dx_search(x, KINDS_AROUND | KINDS_TOLD | KIND(EV_CONNECT) | KIND(EV_CLOSE), "timed out|timeout|No route", NULL) : NULL;
	if (silent && !dx_search(x, KIND(EV_GREETING), ".", NULL))
		dx_evidence(dx_find(x, "port-25-blocked", 0.75, silent), asked);
}

/* Mail exchangers that take mail on port 25 only: who talks to one of these names talks to that port. */
#define EXCHANGER_ONLY                                                                                                                         \
	"(?:gmail-smtp-in|aspmx\\d?)\\.l\\.google\\.com|aspmx\\d?\\.googlemail\\.com|\\.mail\\.protection\\.outlook\\.com|mta\\d\\.am0\\.yahoodns\\.net|"  \
	"mx\\d+\\.mail\\.icloud\\.com|mx0\\d\\.emig\\.gmx\\.net"

/* A program tells of one of them and of a time-out, and nobody is heard to speak. */
static void find_exchanger_silent(struct dx *x, const struct session *s)
{
	(void)s;
	unsigned kinds = KINDS_AROUND | KINDS_TOLD | KIND(EV_CONNECT) | KIND(EV_CLOSE);
	const struct event *named = dx_search(x, kinds, EXCHANGER_ONLY, NULL);
	const struct event *silent = named ? dx_search(x, kinds, "timed out|TimeoutError|ETIMEDOUT|execution expired|deadline exceeded", NULL) : NULL;
	if (!silent || dx_search(x, KIND(EV_GREETING) | KIND(EV_REPLY), ".", NULL) || dx_search(x, kinds, "status=sent|while (?:sending|performing)|gsmtp", NULL))
		return;
	dx_evidence(dx_find(x, "port-25-blocked", 0.74, silent), named);
}

static bool address_is_internal(struct slice a)
{
	return slice_starts(a, S("10.")) || slice_starts(a, S("192.168.")) || slice_starts(a, S("172.1")) || slice_starts(a, S("172.2")) ||
	       slice_starts(a, S("172.3"));
}

/* Clients with several public names all come from one internal address that ends in .1: a gateway, Docker or a proxy stands in front. */
static void find_one_address_for_all(struct dx *x, const struct session *s)
{
	(void)s;
	const struct transcript *t = dx_transcript(x);
	struct slice address = SLICE_NONE, names[HOSTS_MAX];
	size_t n = 0;
	const struct event *e = NULL;
	for (size_t i = 0; i < t->sessions.n; i++) {
		const struct session *k = t->sessions.v[i];
		if (!k->client.address.n || !k->events.n)
			continue;
		if (!address_is_internal(k->client.address) || (address.n && !slice_eq(address, k->client.address)))
			return;
		address = k->client.address;
		e = e ? e : k->events.v[0];
		struct slice name = k->ehlo.n ? k->ehlo : k->client.name;
		if (slice_find_byte(name, '.') != SLICE_NPOS && !dx_match(x, name, "\\.(?:local|lan|internal|home)$|^\\[|^[\\d.]+$"))
			set_add(names, &n, host_domain(name));
	}
	if (n < 3 || !slice_ends(address, S(".1")))
		return;
	struct draft *d = dx_find(x, "nat-hides-client-address", 0.75, e);
	dx_value(d, "address", address);
	dx_keep(d);
}

/* An address check (SPF, block list, reverse name, ban) was made of an internal address although the mail comes from outside. */
static void find_internal_address_checked(struct dx *x, const struct session *s)
{
	(void)s;
	static const char *const checked =
		"(?:cannot find your (?:reverse )?host ?name, \\[|blocked using [^\\n]{0,60}\\[|Client host \\[|client-ip=|[;&?]ip=|designates? )"
		"((?:10\\.\\d+|192\\.168|172\\.(?:1[6-9]|2\\d|3[01]))\\.\\d+\\.\\d+)";
	const struct event *e = dx_search(x, KINDS_TOLD | KIND(EV_REPLY) | KIND(EV_TOOL) | KIND(EV_PROSE), checked, NULL);
	struct slice address;
	if (!e || !dx_capture(x, e->text, checked, &address) || dx_match(x, e->text, "mynetworks"))
		return;
	struct draft *d = dx_find(x, "nat-hides-client-address", 0.72, e);
	dx_value(d, "address", address);
}

/* Providers that everybody knows, and what their own greetings say. */
static const struct known_provider {
	const char *host, *greeting;
} known_providers[] = {
	{"smtp(?:-relay)?\\.(?:gmail|googlemail)\\.com", "google|gmail|gsmtp"},
	{"(?:smtp\\.office365|smtp-mail\\.outlook)\\.com|\\.mail\\.protection\\.outlook\\.com", "outlook|microsoft"},
	{"smtp\\.mail\\.yahoo\\.\\w+", "yahoo"},
	{"smtp\\.mail\\.me\\.com", "icloud|apple|me\\.com"},
	{"email-smtp\\.[\\w-]+\\.amazonaws\\.com", "amazon|SimpleEmail"},
	{"smtp\\.sendgrid\\.net", "SG |sendgrid"},
};

/* A program says whom it connects to by name (not the address it tries). */
#define CALLS "(?:opening to|connect\\w*(?: established)? to|telnet|\\bnc\\b|ncat|s_client|swaks|Resolved)[^\\n]{0,40}?[a-z][\\w-]*\\.[a-z]|telnet localhost"

/* The events before a greeting in which it says so. */
#define STEPS_TO_GREETING 8u

/* A connection to a well-known provider is answered by somebody else's mail server: what stands between redirects outgoing SMTP to its own. */
static void find_another_answers(struct dx *x, const struct session *s)
{
	const struct transcript *t = dx_transcript(x);
	const struct event *greeting = session_event(s, EV_GREETING, 0);
	if (!greeting || s->protocol != PROTOCOL_SMTP || s->from_log || !dx_match(x, greeting->text, "\\b(?:Exim|Postfix|Sendmail|cPanel|qmail|hMailServer)\\b|^220[ -][a-z0-9][\\w-]*\\.[\\w.-]+\\s"))
		return;
	size_t at = 0;
	while (at < t->events.n && t->events.v[at] != greeting)
		at++;
	for (size_t back = 1; back <= STEPS_TO_GREETING && back <= at; back++) {
		const struct event *e = t->events.v[at - back];
		if (KIND(e->kind) & (KINDS_SAID & ~KIND(EV_COMMAND)))
			return;
		if (!dx_match(x, e->text, CALLS))
			continue;
		for (size_t i = 0; i < sizeof known_providers / sizeof *known_providers; i++) {
			if (!dx_match(x, e->text, known_providers[i].host) || dx_match(x, greeting->text, known_providers[i].greeting))
				continue;
			struct draft *d = dx_find(x, "firewall-inspection-rewrites-smtp", 0.85, greeting);
			dx_evidence(d, e);
			dx_summary(d, _("A connection to a well-known provider was opened, but another server answers, %s: a firewall on the way redirects outgoing SMTP "
					"to its own mail server."),
				   s->server.name.n ? dx_shown(x, s->server.name) : dx_shown(x, greeting->text));
			return;
		}
		return; /* somebody else was called, or the provider and it answered */
	}
}

/* Did this session only open the port, perhaps greet, and leave? */
static bool is_bare_probe(const struct session *s)
{
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *k = &s->exchanges.v[i];
		if (k->negative || !(exchange_is(k, S("CONNECT")) || exchange_is(k, S("EHLO")) || exchange_is(k, S("HELO")) || exchange_is(k, S("QUIT")) ||
				     exchange_is(k, S("NOOP")) || exchange_is(k, S("CAPABILITY")) || exchange_is(k, S("LOGOUT"))))
			return false;
	}
	return !s->logins.n && !s->mail_from.n;
}

static bool address_is_ours(struct slice a)
{
	return address_is_internal(a) || slice_starts(a, S("127.")) || slice_eq(a, S("::1")) || slice_starts_nocase(a, S("fd"));
}

/* Three or more log sessions of one address, or of internal ones, that did nothing at all: a monitor or load balancer. */
static void find_probes(struct dx *x, const struct session *s)
{
	(void)s;
	const struct transcript *t = dx_transcript(x);
	const struct session *first = NULL;
	size_t n = 0;
	for (size_t i = 0; i < t->sessions.n; i++) {
		const struct session *k = t->sessions.v[i];
		if (!k->from_log || !is_bare_probe(k))
			return;
		if (first && !slice_eq(first->client.address, k->client.address) && !(address_is_ours(k->client.address) && address_is_ours(first->client.address)))
			return;
		first = first ? first : k;
		n += k->client.address.n > 0;
	}
	const struct event *lost = n >= 3 ? dx_search_session(x, first, 0, "lost connection after|disconnect|no auth attempts|closed|did not issue") : NULL;
	if (!lost || dx_search(x, KINDS_TOLD, "error|alert|reject|failed|refused|status=(?:deferred|bounced)|\\\\026\\\\003", NULL))
		return;
	dx_keep(dx_find(x, "health-check-noise", 0.7, lost));
}

/* The server quotes a command as XXXX that the client never wrote so: an inspecting firewall overwrote it. HELO may pass afterwards; the firewall stays. */
static void find_overwritten_command(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < s->exchanges.n; i++) {
		const struct exchange *k = &s->exchanges.v[i];
		if (!k->negative || !k->command || slice_has(k->command->text, S("XXX")) || !dx_match(x, k->reply->text, "\\bXXXX+\\b"))
			continue;
		struct draft *d = dx_find(x, "firewall-inspection-rewrites-smtp", 0.92, k->reply);
		dx_evidence(d, k->command);
		dx_keep(d);
		return;
	}
}

/* The server said 354, the client sent much, and no answer to the end of data ever came. */
static void find_data_stalls(struct dx *x, const struct session *s)
{
	const struct exchange *data = session_exchange(s, S("DATA"), 0, NULL);
	if (!data || !data->positive || s->message_accepted || s->outcome != OUTCOME_TIMED_OUT)
		return;
	const struct exchange *dot = session_exchange(s, S("DOT"), 0, NULL);
	if (dot && dot->reply)
		return;
	const struct event *body = session_event(s, EV_DATA, 0);
	bool small = body && body->data.bytes && body->data.bytes < 1200;
	if (!small)
		dx_evidence(dx_find(x, "mtu-black-hole", dx_has(x, "firewall-inspection-rewrites-smtp", 0.5) ? 0.3 : 0.55, data->reply), body);
}

/* The connection ended in the middle, and nothing else explains it. */
static void find_dropped(struct dx *x, const struct session *s)
{
	if ((s->outcome != OUTCOME_CLOSED_EARLY && s->outcome != OUTCOME_RESET) || !s->exchanges.n)
		return;
	const struct event *e = session_event(s, EV_CLOSE, 0);
	for (size_t i = 0; i < s->exchanges.n; i++)
		if (s->exchanges.v[i].negative)
			return;
	if (e)
		dx_find(x, "connection-dropped", 0.35, e);
}

const struct rule rules_network[] = {
	{"port-25-several-hosts", "port-25-blocked", RULE_INPUT, find_port_25_blocked},
	{"port-25-others-work", "port-25-blocked", RULE_INPUT, find_other_port_works},
	{"port-25-big-exchanger", "port-25-blocked", RULE_INPUT, find_big_exchanger_silent},
	{"port-25-exchanger-silent", "port-25-blocked", RULE_INPUT, find_exchanger_silent},
	{"one-address-for-all", "nat-hides-client-address", RULE_INPUT, find_one_address_for_all},
	{"internal-address-checked", "nat-hides-client-address", RULE_INPUT, find_internal_address_checked},
	{"bare-probes", "health-check-noise", RULE_INPUT, find_probes},
	{"command-overwritten", "firewall-inspection-rewrites-smtp", RULE_SESSION, find_overwritten_command},
	{"another-answers", "firewall-inspection-rewrites-smtp", RULE_SESSION, find_another_answers},
	{"data-stalls", "mtu-black-hole", RULE_SESSION, find_data_stalls},
	{"dropped-unexplained", "connection-dropped", RULE_SESSION, find_dropped},
	{0},
};
