/* Inferences from tables of ports and sockets: what nmap, ss and netstat show about mail ports. */
#include <libintl.h>

#include "diagnose/rule.h"

#define _(s) gettext(s)

static unsigned port_of(const struct event *e)
{
	struct slice port = event_fact(e, "port");
	uint64_t n = 0;
	return slice_next_uint(&port, 65535, &n) ? (unsigned)n : 0;
}

static bool is_submission(unsigned port)
{
	return port == 587 || port == 465;
}

/* nmap: mail ports filtered while others of the host answer, or closed although it is a mail host. Open ports alone are no fault. */
static void find_filtered_ports(struct dx *x, const struct session *s)
{
	const struct transcript *t = dx_transcript(x);
	const struct event *filtered = NULL, *closed = NULL, *open_mail = NULL, *open_any = NULL;
	(void)s;
	for (size_t i = 0; i < t->context.n; i++) {
		const struct event *e = t->context.v[i];
		if (e->kind != EV_TOOL || !slice_eq(e->program, S("nmap")))
			continue;
		struct slice state = event_fact(e, "state");
		unsigned port = port_of(e);
		bool mail = protocol_from_port(port) != PROTOCOL_UNKNOWN;
		if (slice_eq(state, S("open"))) {
			open_any = e;
			if (mail)
				open_mail = open_mail && !is_submission(port) ? open_mail : e;
		} else if (mail && slice_eq(state, S("filtered"))) {
			filtered = filtered && port_of(filtered) == 25 ? filtered : e;
		} else if (mail && slice_eq(state, S("closed"))) {
			closed = closed ? closed : e;
		}
	}
	if (filtered && port_of(filtered) == 25 && open_mail) {
		dx_evidence(dx_find(x, "port-25-blocked", 0.6, filtered), open_mail);
	} else if (filtered) {
		struct draft *d = dx_find(x, "connection-timed-out", open_any ? 0.5 : 0.4, filtered);
		dx_summary(d, _("nmap gets no answer from port %u (filtered): a firewall drops the packets on the way."), port_of(filtered));
		dx_evidence(d, open_any);
	}
	if (closed && !open_mail)
		dx_find(x, "connection-refused", 0.45, closed);
}

static bool is_loopback(struct slice address)
{
	return slice_starts(address, S("127.")) || slice_starts(address, S("[::1]")) || slice_eq(address, S("::1"));
}

/* The server listens on loopback only, and somebody else finds the port closed. */
static void find_loopback_only(struct dx *x, const struct session *s)
{
	const struct transcript *t = dx_transcript(x);
	const struct event *loopback = NULL;
	(void)s;
	for (size_t i = 0; i < t->context.n; i++) {
		const struct event *e = t->context.v[i];
		unsigned port = port_of(e);
		if (e->kind != EV_TOOL || !slice_eq(e->program, S("sockets")) || !slice_has(event_fact(e, "state"), S("LISTEN")) ||
		    protocol_from_port(port) == PROTOCOL_UNKNOWN)
			continue;
		if (!is_loopback(event_fact(e, "server_address")))
			return; /* some mail port is open to others */
		loopback = e;
	}
	if (!loopback)
		return;
	const struct event *refused = dx_search(x, 0, "connection refused|ECONNREFUSED|actively refused", NULL);
	struct draft *d = refused ? dx_find(x, "connection-refused", 0.85, refused) : NULL;
	if (!d)
		return;
	dx_summary(d, _("The server listens on %s only, so connections from other machines are refused."), dx_shown(x, event_fact(loopback, "server_address")));
	dx_evidence(d, loopback);
}

const struct rule rules_ports[] = {
	{"nmap-filtered", "connection-timed-out", RULE_INPUT, find_filtered_ports},
	{"listens-on-loopback", "connection-refused", RULE_INPUT, find_loopback_only},
	{0},
};
