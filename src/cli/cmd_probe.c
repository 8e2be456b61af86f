/* telltale probe: what a server really does. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/probe_show.h"
#include "cli/secret.h"
#include "cli/setup.h"

enum {
	OPT_USER, OPT_PASSWORD_FILE, OPT_AUTH, OPT_OAUTH, OPT_NO_INITIAL, OPT_FROM, OPT_TO, OPT_SEND, OPT_SUBJECT, OPT_EHLO, OPT_TLS, OPT_STARTTLS, OPT_SNI, OPT_CA,
	OPT_CERT, OPT_KEY, OPT_CIPHERS, OPT_FOUR, OPT_SIX, OPT_SOURCE, OPT_TIMEOUT, OPT_PAUSE, OPT_QUIT, OPT_NO_EHLO, OPT_NO_AUTH, OPT_NO_RELAY, OPT_NO_VERSIONS,
	OPT_QUICK, OPT_JSON, OPT_EVENTS, OPT_VERBOSE, OPT_REDACT, OPT_SHOW_SECRETS, OPT_LANG, OPT_COLOR,
};

static const struct option_spec specs[] = {
	[OPT_USER] = {"user", 'u', N_("NAME"), N_("log in as this user")},
	[OPT_PASSWORD_FILE] = {"password-file", 0, N_("FILE"), N_("password or token from this file, - for standard input (else $TELLTALE_PASSWORD, else it is asked for)")},
	[OPT_AUTH] = {"auth", 0, N_("MECHANISM"), N_("how to log in: PLAIN, LOGIN, CRAM-MD5, …")},
	[OPT_OAUTH] = {"oauth", 0, NULL, N_("the password is a token: log in with XOAUTH2")},
	[OPT_NO_INITIAL] = {"no-initial-response", 0, NULL, N_("log in step by step, nothing on the AUTH line itself")},
	[OPT_FROM] = {"from", 0, N_("ADDRESS"), N_("sender; may be empty")},
	[OPT_TO] = {"to", 0, N_("ADDRESS"), N_("recipient")},
	[OPT_SEND] = {"send", 0, NULL, N_("really send a test message")},
	[OPT_SUBJECT] = {"subject", 0, N_("TEXT"), N_("its subject")},
	[OPT_EHLO] = {"ehlo", 0, N_("NAME"), N_("the name to greet with; may be empty")},
	[OPT_TLS] = {"tls", 0, N_("WHEN"), N_("auto, never or must")},
	[OPT_STARTTLS] = {"starttls", 0, NULL, N_("the same as --tls must")},
	[OPT_SNI] = {"sni", 0, N_("NAME"), N_("server name for TLS; empty: none")},
	[OPT_CA] = {"ca", 0, N_("FILE"), N_("trust the certificates in this file")},
	[OPT_CERT] = {"cert", 0, N_("FILE"), N_("show this client certificate")},
	[OPT_KEY] = {"key", 0, N_("FILE"), N_("its key, if in another file")},
	[OPT_CIPHERS] = {"ciphers", 0, N_("LIST"), N_("cipher suites for TLS, see openssl-ciphers(1)")},
	[OPT_FOUR] = {"ipv4", '4', NULL, N_("IPv4 only")},
	[OPT_SIX] = {"ipv6", '6', NULL, N_("IPv6 only")},
	[OPT_SOURCE] = {"source", 0, N_("ADDRESS"), N_("come from this address")},
	[OPT_TIMEOUT] = {"timeout", 't', N_("SECONDS"), N_("wait that long at each step (30)")},
	[OPT_PAUSE] = {"pause", 0, N_("SECONDS"), N_("wait between tries of passwords (2)")},
	[OPT_QUIT] = {"quit-after", 0, N_("STEP"), N_("connect, greeting, ehlo, tls, auth, mail or rcpt: no more than that")},
	[OPT_NO_EHLO] = {"no-ehlo-matrix", 0, NULL, N_("do not try names in EHLO")},
	[OPT_NO_AUTH] = {"no-auth-matrix", 0, NULL, N_("do not try mechanisms and passwords")},
	[OPT_NO_RELAY] = {"no-relay-check", 0, NULL, N_("do not try foreign senders and recipients")},
	[OPT_NO_VERSIONS] = {"no-tls-versions", 0, NULL, N_("do not try versions of TLS")},
	[OPT_QUICK] = {"quick", 'q', NULL, N_("one session, none of the four above")},
	[OPT_JSON] = {"json", 'j', NULL, N_("print one JSON document, see telltale-transcript(5)")},
	[OPT_EVENTS] = {"events", 'e', NULL, N_("JSON with every event of the sessions")},
	[OPT_VERBOSE] = {"verbose", 'v', NULL, N_("also show who said what, and the fixes for all software")},
	[OPT_REDACT] = {"redact", 'r', NULL, N_("replace addresses, host names and user names by pseudonyms")},
	[OPT_SHOW_SECRETS] = {"show-secrets", 0, NULL, N_("do not mask passwords and tokens")},
	[OPT_LANG] = {"lang", 'l', N_("CODE"), N_("language of the answer: en, pl, ru, es")},
	[OPT_COLOR] = {"color", 0, N_("WHEN"), N_("auto, always or never")},
	{0},
};

static const struct usage usage = {
	.line = N_("probe [OPTION]… TARGET"),
	.about = N_("Talks to a mail server and shows what it really does: which names, mechanisms and versions of TLS it takes, what it offers and cannot do, and what "
		    "is wrong. TARGET is a host (the usual ports are looked at) or a URL: smtp, smtps, submission, submissions, lmtp, imap, imaps, pop3, pop3s."),
	.options = specs,
	.more = N_("  telltale probe mail.example.com\n"
		   "  telltale probe --user me@example.com smtp://mail.example.com:587\n"
		   "  telltale probe --quick --ehlo my_host smtp://mail.example.com\n"
		   "\n"
		   "With --user, each offered mechanism is tried with the password and once with a wrong one; --no-auth-matrix keeps it to one login.\n"
		   "\n"
		   "Exit status:\n"
		   "  0  nothing wrong found\n"
		   "  1  a fault was found\n"
		   "  2  wrong use\n"
		   "  3  the target was not reached\n"),
};

#define OUTPUT_MAX (256u * 1024u * 1024u)
#define PASSWORD_VARIABLE "TELLTALE_PASSWORD"
#define SECONDS_MAX 3600

struct probing {
	struct probe_options o;
	struct report_options report;
	struct secret_source secret;
	struct arena *arena; /* wiping */
	const char *colour;
	bool json;
	struct buf out;
};

/* --- the command line ---------------------------------------------------------------------------------------------------------------------- */

static bool take_seconds(const char *value, unsigned *ret_ms)
{
	uint64_t n;
	if (!slice_to_uint(slice_from_cstr(value), SECONDS_MAX, &n)) {
		usage_error(_("“%s” is no number of seconds up to %d"), value, SECONDS_MAX);
		return false;
	}
	*ret_ms = (unsigned)n * 1000;
	return true;
}

static bool take_tls(struct probing *g, const char *value)
{
	static const char *const names[] = {[PROBE_TLS_AUTO] = "auto", [PROBE_TLS_NEVER] = "never", [PROBE_TLS_MUST] = "must"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(value, names[i]) == 0) {
			g->o.tls = (enum probe_tls)i;
			return true;
		}
	usage_error("%s", _("--tls is one of: auto, never, must"));
	return false;
}

static bool take_step(struct probing *g, const char *value)
{
	const char *names[PROBE_STEP_COUNT];
	for (int i = 0; i < PROBE_STEP_COUNT; i++) {
		names[i] = probe_step_name((enum probe_step)i);
		if (strcasecmp(value, names[i]) == 0) {
			g->o.quit_after = (enum probe_step)i;
			return true;
		}
	}
	const char *meant = nearest_name(value, names, PROBE_STEP_COUNT);
	usage_error(_("--quit-after does not know the step “%s”%s%s"), value, meant ? ": " : "", meant ? meant : "");
	return false;
}

/* What goes into a line of the dialogue must not end it. */
static bool take_word(const char **ret, const char *value)
{
	*ret = value;
	for (const char *c = value; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f) {
			usage_error("%s", _("control characters cannot be sent"));
			return false;
		}
	return true;
}

static bool take_user(struct probing *g, const char *value)
{
	const char *word;
	bool ok = take_word(&word, value);
	g->o.user = slice_from_cstr(value);
	return ok;
}

static bool take_mech(struct probing *g, const char *value)
{
	char *copy = arena_cstr(g->arena, slice_from_cstr(value));
	for (char *c = copy; c && *c; c++)
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
	return take_word(&g->o.mech, copy ? copy : value);
}

static bool take_output(struct probing *g, int i, const char *value)
{
	switch (i) {
	case OPT_JSON: g->json = true; break;
	case OPT_EVENTS: g->json = g->report.events = true; break;
	case OPT_VERBOSE: g->report.verbose = true; break;
	case OPT_SHOW_SECRETS: g->report.show_secrets = true; break;
	case OPT_LANG: setup_language(value); break;
	case OPT_COLOR: g->colour = value; break;
	case OPT_REDACT:
		redactor_free(g->report.redactor);
		g->report.redactor = redactor_new();
		break;
	case OPT_NO_EHLO: g->o.ehlo_matrix = false; break;
	case OPT_NO_AUTH: g->o.auth_matrix = false; break;
	case OPT_NO_RELAY: g->o.relay = false; break;
	case OPT_NO_VERSIONS: g->o.versions = false; break;
	case OPT_QUICK: g->o.ehlo_matrix = g->o.auth_matrix = g->o.relay = g->o.versions = false; break;
	default: break;
	}
	return true;
}

static bool take_option(struct probing *g, int i, const char *value)
{
	switch (i) {
	case OPT_USER: return take_user(g, value);
	case OPT_PASSWORD_FILE: g->secret.file = value; return true;
	case OPT_AUTH: return take_mech(g, value);
	case OPT_OAUTH: g->o.mech = "XOAUTH2"; return true;
	case OPT_NO_INITIAL: g->o.no_initial = true; return true;
	case OPT_FROM: return take_word(&g->o.from, value);
	case OPT_TO: return take_word(&g->o.to, value);
	case OPT_SEND: g->o.send = true; return true;
	case OPT_SUBJECT: return take_word(&g->o.subject, value);
	case OPT_EHLO: return take_word(&g->o.ehlo, value);
	case OPT_TLS: return take_tls(g, value);
	case OPT_STARTTLS: g->o.tls = PROBE_TLS_MUST; return true;
	case OPT_SNI: g->o.tls_settings.sni = value; return true;
	case OPT_CA: g->o.tls_settings.ca = value; return true;
	case OPT_CERT: g->o.tls_settings.cert = value; return true;
	case OPT_KEY: g->o.tls_settings.key = value; return true;
	case OPT_CIPHERS: g->o.tls_settings.ciphers = value; return true;
	case OPT_FOUR: g->o.family = AF_INET; return true;
	case OPT_SIX: g->o.family = AF_INET6; return true;
	case OPT_SOURCE: g->o.source = value; return true;
	case OPT_TIMEOUT: return take_seconds(value, &g->o.timeout_ms);
	case OPT_PAUSE: return take_seconds(value, &g->o.pause_ms);
	case OPT_QUIT: return take_step(g, value);
	default: return take_output(g, i, value);
	}
}

/* --- the target ------------------------------------------------------------------------------------------------------------------------------ */

static const struct {
	const char *scheme;
	enum protocol protocol;
	unsigned port;
	bool implicit, must;
} schemes[] = {
	{"smtp", PROTOCOL_SMTP, 25, false, false},       {"smtps", PROTOCOL_SMTP, 465, true, false},        {"submission", PROTOCOL_SMTP, 587, false, false},
	{"submissions", PROTOCOL_SMTP, 465, true, false}, {"smtp+starttls", PROTOCOL_SMTP, 587, false, true}, {"lmtp", PROTOCOL_LMTP, 24, false, false},
	{"imap", PROTOCOL_IMAP, 143, false, false},      {"imaps", PROTOCOL_IMAP, 993, true, false},        {"pop3", PROTOCOL_POP3, 110, false, false},
	{"pop", PROTOCOL_POP3, 110, false, false},       {"pop3s", PROTOCOL_POP3, 995, true, false},        {"pops", PROTOCOL_POP3, 995, true, false},
};

static bool take_scheme(struct probing *g, struct slice *rest)
{
	size_t at = slice_find(*rest, S("://"));
	struct slice name = slice_sub(*rest, 0, at);
	if (at == SLICE_NPOS)
		return true;
	*rest = slice_from(*rest, at + 3);
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		if (!slice_eq_nocase(name, slice_from_cstr(schemes[i].scheme)))
			continue;
		g->o.protocol = schemes[i].protocol;
		g->o.port = schemes[i].port;
		g->o.implicit = schemes[i].implicit;
		g->o.tls = schemes[i].must ? PROBE_TLS_MUST : g->o.tls;
		return true;
	}
	usage_error("%s", _("this kind of URL is not known; try smtp://, smtps://, submission://, lmtp://, imap://, imaps://, pop3:// or pop3s://"));
	return false;
}

static bool take_target(struct probing *g, const char *target)
{
	struct slice rest = slice_from_cstr(target), host, port = SLICE_NONE;
	uint64_t number = 0;
	if (!take_scheme(g, &rest))
		return false;
	rest = slice_sub(rest, 0, slice_find_byte(rest, '/'));
	size_t at = slice_find_last_byte(rest, '@');
	if (at != SLICE_NPOS) {
		/* A password does not belong on the command line; a name may stand here. */
		g->o.user = slice_sub(rest, 0, at);
		if (slice_find_byte(g->o.user, ':') != SLICE_NPOS)
			return usage_error("%s", _("no password in the URL: use --password-file or $TELLTALE_PASSWORD")), false;
		rest = slice_from(rest, at + 1);
	}
	size_t colon = slice_find_last_byte(rest, ':'), close = slice_find_byte(rest, ']');
	if (slice_starts(rest, S("[")) && close != SLICE_NPOS) {
		host = slice_sub(rest, 1, close);
		port = slice_from(rest, close + 1);
		slice_skip(&port, S(":"));
	} else if (colon != SLICE_NPOS && slice_find_byte(rest, ':') == colon) {
		host = slice_sub(rest, 0, colon);
		port = slice_from(rest, colon + 1);
	} else {
		host = rest;
	}
	if (!host.n || host.n > 253 || (port.n && (!slice_to_uint(port, 65535, &number) || !number)))
		return usage_error(_("“%s” is no host and port"), target), false;
	g->o.port = number ? (unsigned)number : g->o.port;
	g->o.host = arena_cstr(g->arena, host);
	const char *clean;
	if (g->o.protocol == PROTOCOL_UNKNOWN && g->o.port) {
		g->o.protocol = protocol_from_port(g->o.port);
		g->o.protocol = g->o.protocol ? g->o.protocol : PROTOCOL_SMTP;
		g->o.implicit = g->o.port == 465 || g->o.port == 993 || g->o.port == 995;
	}
	return g->o.host && take_word(&clean, g->o.host);
}

static bool take_password(struct probing *g)
{
	bool line_end;
	if (!g->o.user.n)
		return true;
	if (!g->secret.file && getenv(PASSWORD_VARIABLE))
		g->secret.env = PASSWORD_VARIABLE;
	g->secret.prompt = true;
	g->o.has_password = secret_read(g->arena, &g->secret, &g->o.password, &line_end);
	const char *clean;
	return g->o.has_password && take_word(&clean, arena_cstr(g->arena, g->o.password));
}

/* --- the run --------------------------------------------------------------------------------------------------------------------------------- */

static void on_progress(void *user, const char *text)
{
	(void)user;
	fprintf(stderr, "\r\033[K%.70s", text);
	fflush(stderr);
}

static void announce(const struct probing *g)
{
	if (g->o.has_password && g->o.auth_matrix && g->o.port && g->o.quit_after == PROBE_ALL)
		fprintf(stderr, "telltale: %s\n", _("each offered mechanism is tried with your password and once with a wrong one; --no-auth-matrix keeps it to one login"));
}

/* The sessions stand for an input, so that the report knows that something was read. */
static void add_input(struct transcript *t, const struct probe_options *o)
{
	struct input *in = VEC_PUSH(t->arena, &t->inputs);
	if (!in)
		return;
	*in = (struct input){.path = arena_printf(t->arena, "%s:%u", o->host, o->port), .form = S("probe"), .bytes = 1};
	for (size_t i = 0; i < t->events.n; i++)
		in->bytes += t->events.v[i]->raw.n;
}

static int tell(struct probing *g, struct probe_report *r, const struct knowledge *k)
{
	struct err e = {0};
	struct transcript *t = r->transcript;
	struct diagnoser *dr = diagnoser_new(k, &e);
	struct verdict v = {.arena = arena_new(0)};
	struct report_json *j = report_json_new(&g->report);
	int status = EXIT_UNREADABLE;
	add_input(t, &g->o);
	transcript_finish(t);
	redactor_learn(g->report.redactor, t);
	struct diagnosis *d = dr ? diagnose(dr, t) : NULL;
	if (d && v.arena && j) {
		verdict_add(&v, t);
		verdict_settle(&v, t, d);
		if (g->json) {
			report_json_add(j, t);
			report_json_attach(j, "probe", probe_show_json(r, &g->report));
			report_json_finish(j, &g->out, t, d, &v);
		} else {
			probe_show_text(&g->out, r, &g->report);
			if (r->reached)
				report_text(&g->out, t, d, &v, &g->report);
			if (g->report.verbose)
				report_transcript(&g->out, t, &g->report);
		}
		bool fault = v.kind == VERDICT_FAULT || v.kind == VERDICT_CANNOT_TELL;
		status = !r->reached ? EXIT_UNREADABLE : fault ? EXIT_FAULT_FOUND : EXIT_NOTHING_WRONG;
	} else {
		setup_print_error(&e);
	}
	report_json_free(j);
	diagnosis_free(d);
	diagnoser_free(dr);
	arena_free(v.arena);
	return setup_print_out(&g->out) ? status : EXIT_UNREADABLE;
}

static int probe(struct probing *g)
{
	struct err e = {0};
	struct knowledge *owned = NULL;
	const struct knowledge *k = setup_knowledge(NULL, &owned);
	int status = EXIT_UNREADABLE;
	g->report.width = setup_width();
	g->o.progress = isatty(STDERR_FILENO) ? on_progress : NULL;
	announce(g);
	struct probe_report *r = k ? probe_run(&g->o, &e) : NULL;
	if (g->o.progress)
		fprintf(stderr, "\r\033[K");
	if (r)
		status = tell(g, r, k);
	else if (k)
		setup_print_error(&e);
	probe_report_free(r);
	knowledge_free(owned);
	return status;
}

/* Do the files of certificates fit? Better told now than as a fault of the server. */
static bool try_settings(const struct probing *g)
{
	struct err e = {0};
	SSL_CTX *ctx = tls_client_context(&g->o.tls_settings, &e);
	if (!ctx)
		setup_print_error(&e);
	SSL_CTX_free(ctx);
	return ctx != NULL;
}

int cmd_probe(int argc, char **argv)
{
	struct options o = options_begin(&usage, argc, argv);
	struct probing g = {
		.o = {.timeout_ms = 30000, .pause_ms = 2000, .quit_after = PROBE_ALL, .ehlo_matrix = true, .auth_matrix = true, .relay = true, .versions = true},
		.out = BUF_INIT(OUTPUT_MAX),
		.arena = arena_new_wiping(0),
	};
	int i = OPTIONS_END, status = EXIT_USAGE;
	bool good = g.arena != NULL;
	while (good && (i = options_next(&o)) >= 0)
		good = take_option(&g, i, o.value);
	if (good && i != OPTIONS_END)
		status = options_status(i);
	else if (good && o.first + 1 != argc)
		status = usage_error("%s", _("name one target: a host, or a URL such as smtp://mail.example.com:587"));
	else if (good && setup_colour(g.colour, &g.report.colour) && take_target(&g, argv[o.first]) && take_password(&g) && try_settings(&g))
		status = probe(&g);
	redactor_free(g.report.redactor);
	arena_free(g.arena);
	buf_free(&g.out);
	return status;
}
