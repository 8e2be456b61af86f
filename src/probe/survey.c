/* The usual ports of a host: which are open, and what really speaks there. */
#define _GNU_SOURCE
#include "probe/talk.h"
#include "proto/dialogue.h"

/* A port that says nothing for so long on its own may be waiting for TLS. Greetings are held back for up to half a minute on purpose, but not by everyone. */
#define SURVEY_SILENCE_MS 6000u

static const unsigned ports[] = {25, 465, 587, 2525, 110, 995, 143, 993};

static bool begins_with_tls(unsigned port)
{
	return port == 465 || port == 995 || port == 993;
}

/* One conversation with a port; its transcript is kept when somebody spoke. */
static void visit(struct probe *p, unsigned port, bool implicit, struct probe_port *ret)
{
	struct probe_options o = *p->o;
	struct probe at = *p;
	struct talk t;
	o.port = port;
	o.implicit = implicit;
	o.protocol = protocol_from_port(port);
	o.timeout_ms = o.timeout_ms < SURVEY_SILENCE_MS ? o.timeout_ms : SURVEY_SILENCE_MS;
	at.o = &o;
	*ret = (struct probe_port){.port = port, .implicit = implicit};
	const struct way w = {.tls = o.tls, .until = PROBE_TLS};
	talk_begin(&t, &at, &w);
	if (!t.link)
		return;
	const struct event *g = session_event(link_session(t.link), EV_GREETING, 0);
	const struct dialled *d = link_dialled(t.link);
	ret->fault = *link_fault(t.link);
	ret->connect_ms = d->fd >= 0 ? (unsigned)((d->connected_us - d->started_us) / 1000) : 0;
	if (g) {
		struct slice text = g->text, line = SLICE_NONE;
		slice_next_line(&text, &line);
		ret->speaks = dialogue_guess(SIDE_SERVER, line);
		if (ret->speaks == PROTOCOL_UNKNOWN && g->answer.status != STATUS_NONE)
			ret->speaks = o.protocol;
		ret->greeting = talk_keep_reply(p, g);
		ret->greeting_ms = (unsigned)((g->stamp.time_us - d->connected_us) / 1000);
	}
	struct transcript *heard = talk_end(&t);
	if (g)
		transcript_adopt(p->r->transcript, heard);
	else
		transcript_free(heard);
}

void probe_survey(struct probe *p)
{
	for (size_t i = 0; i < sizeof ports / sizeof *ports && !net_loop_stopped(p->loop); i++) {
		struct probe_port row;
		talk_progress(p, "%s:%u", p->o->host, ports[i]);
		visit(p, ports[i], begins_with_tls(ports[i]), &row);
		/* Not what the port is for: plain words where TLS is usual, or TLS where plain words are. */
		if (row.fault.what == NET_TLS_FAILED || (row.fault.step == NET_GREETING && row.fault.what == NET_TIMED_OUT))
			visit(p, ports[i], !row.implicit, &row);
		struct probe_port *slot = VEC_PUSH(p->r->arena, &p->r->ports);
		if (slot)
			*slot = row;
		p->r->reached |= row.fault.what == NET_FINE || row.fault.step > NET_CONNECT;
		if (!p->r->reached)
			p->r->fault = row.fault;
		if (row.fault.step == NET_RESOLVE && row.fault.what != NET_FINE)
			break;
	}
}
