/* Inferences about what only our own connections know: what a strict client says of the certificate, and what "telltale probe" tried out. */
#include "base/i18n.h"
#include "diagnose/rule.h"

/* OpenSSL's X509_V_ERR_ numbers that a certificate of a mail server meets. */
static const struct {
	const char *code;
	const char *cause;
} verify_causes[] = {
	{"10", "cert-expired"}, {"18", "cert-self-signed"}, {"19", "cert-self-signed"}, {"20", "cert-intermediate-missing"}, {"21", "cert-intermediate-missing"},
};

static const struct event *find_tls(const struct session *s, struct slice what)
{
	for (size_t i = 0; i < s->events.n; i++)
		if (s->events.v[i]->kind == EV_TLS && slice_eq(event_fact(s->events.v[i], "what"), what))
			return s->events.v[i];
	return NULL;
}

/* The handshake came to its end and the certificate was checked as a strict client checks it. */
static void find_certificate(struct dx *x, const struct session *s)
{
	const struct event *up = find_tls(s, S("finished"));
	struct slice code = up ? event_fact(up, "verify_code") : SLICE_NONE;
	if (!code.n)
		return;
	const struct event *certificate = find_tls(s, S("certificate"));
	const struct event *shown = certificate ? certificate : up;
	for (size_t i = 0; i < sizeof verify_causes / sizeof *verify_causes; i++) {
		if (!slice_eq(code, slice_from_cstr(verify_causes[i].code)))
			continue;
		/* One certificate whose issuer is not known: a private authority looks the same as a missing intermediate one. */
		double sure = verify_causes[i].code[0] == '2' ? 0.7 : 0.9;
		struct draft *d = dx_find(x, verify_causes[i].cause, sure, shown);
		dx_evidence(d, up);
		dx_keep(d);
	}
	/* An address instead of a name is the choice of whoever probes; certificates with addresses are rare. */
	struct slice host = event_fact(up, "host");
	bool name = !slice_is_empty(host) && ascii_is_alpha(host.p[host.n - 1]) && slice_find_byte(host, ':') == SLICE_NPOS;
	if (name && slice_eq(event_fact(up, "name_fits"), S("no"))) {
		struct draft *d = dx_find(x, "cert-name-mismatch", 0.85, shown);
		dx_value(d, "value", host);
		dx_keep(d);
	}
}

/* What the trials found that is a fault of the server, whatever a client does. */
static void find_notes(struct dx *x, const struct session *s)
{
	static const struct {
		const char *what, *cause;
		double sure;
	} notes[] = {
		{"auth-broken", "auth-mech-advertised-but-broken", 0.93},
		{"auth-initial-broken", "auth-login-initial-response", 0.9},
		{"any-password", "auth-accepts-any-password", 0.95},
		{"open-relay", "open-relay", 0.95},
	};
	const struct transcript *t = dx_transcript(x);
	(void)s;
	for (size_t i = 0; i < t->context.n; i++) {
		const struct event *e = t->context.v[i];
		struct slice what = event_fact(e, "what");
		if (e->kind != EV_TOOL || !slice_eq(e->program, S("telltale probe")))
			continue;
		for (size_t k = 0; k < sizeof notes / sizeof *notes; k++) {
			if (!slice_eq(what, slice_from_cstr(notes[k].what)))
				continue;
			struct draft *d = dx_find(x, notes[k].cause, notes[k].sure, e);
			dx_value(d, "mech", event_fact(e, "mech"));
			if (k == 0)
				dx_summary(d, _("The server offers %s, but it does not work (“%s”)."), dx_shown(x, event_fact(e, "mech")), dx_shown(x, event_fact(e, "reply")));
			dx_keep(d);
		}
	}
}

extern const struct rule rules_probe[];
const struct rule rules_probe[] = {
	{"certificate-checked", "cert-self-signed", RULE_SESSION, find_certificate},
	{"probe-notes", "auth-mech-advertised-but-broken", RULE_INPUT, find_notes},
	{0},
};
