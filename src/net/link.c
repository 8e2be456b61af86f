#define _GNU_SOURCE
#include "net/link.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "proto/dialogue.h"

struct link {
	struct net_loop *loop;
	const struct link_options *options;
	struct transcript *transcript;
	struct session *session;
	struct dialogue *dialogue;
	struct dialled dialled;
	struct net_fault fault;
	struct bufferevent *bev;
	SSL_CTX *ctx;
	SSL *ssl;
	struct tls_watch watch;
	enum net_step step;
	const struct event *answer; /* the last complete reply, greeting or challenge */
	bool done, tls;
	const char *end; /* "fin", "reset", or NULL while open */
	size_t step_bytes;
	int64_t step_began, waited;
	int64_t last_said_us;
	uint32_t segment;
};

/* --- events ------------------------------------------------------------------------------------------------------------------------ */

static void stamp_now(void *user, struct stamp *ret)
{
	struct link *l = user;
	*ret = (struct stamp){.time_us = net_now_us(), .has_time = true, .segment = l->segment};
}

static struct event *new_event(struct link *l, enum event_kind kind, enum side side)
{
	struct event *e = ARENA_NEW(l->transcript->arena, struct event);
	if (!e)
		return NULL;
	e->kind = kind;
	e->side = side;
	stamp_now(l, &e->stamp);
	e->end_us = e->stamp.time_us;
	e->tls = l->tls;
	return e;
}

static void fact(struct link *l, struct event *e, const char *key, struct slice value)
{
	event_add_fact(l->transcript->arena, e, key, value);
}

static void fact_number(struct link *l, struct event *e, const char *key, int64_t n)
{
	fact(l, e, key, arena_printf(l->transcript->arena, "%lld", (long long)n));
}

static void on_dialogue(void *user, struct event *e)
{
	struct link *l = user;
	transcript_add(l->transcript, l->session, e);
	bool answers = e->kind == EV_GREETING || e->kind == EV_REPLY || e->kind == EV_CHALLENGE;
	if (e->side != SIDE_SERVER || !answers)
		return;
	l->answer = e;
	l->done = true;
}

static void on_tls_event(void *user, struct event *e)
{
	struct link *l = user;
	struct tls_facts *f = &l->session->tls;
	struct slice what = event_fact(e, "what");
	if (slice_eq(what, S("client-hello")))
		f->sni = event_fact(e, "sni");
	if (slice_eq(what, S("server-hello")) || slice_eq(what, S("finished"))) {
		f->version = event_fact(e, "version");
		f->cipher = event_fact(e, "cipher");
	}
	if (slice_eq(what, S("alert")) && slice_eq(event_fact(e, "level"), S("fatal"))) {
		f->alert = event_fact(e, "alert");
		f->alert_from = e->side;
	}
	transcript_add(l->transcript, l->session, e);
}

/* The outcome of connecting as captures tell it. */
static void connect_event(struct link *l)
{
	const struct dialled *d = &l->dialled;
	static const char *const names[NET_WHAT_COUNT] = {
		[NET_FINE] = "connected", [NET_REFUSED] = "refused", [NET_NO_ANSWER] = "no-answer", [NET_UNREACHABLE] = "unreachable", [NET_NOT_FOUND] = "not-found",
		[NET_LOCAL] = "local-failure", [NET_STOPPED] = "stopped",
	};
	const char *what = names[l->fault.what] ? names[l->fault.what] : "no-answer";
	struct event *e = new_event(l, EV_CONNECT, SIDE_CLIENT);
	if (!e)
		return;
	e->stamp.time_us = d->started_us;
	unsigned port = l->options->dial.port;
	struct slice to = d->peer.n ? d->peer : slice_from_cstr(l->options->dial.host);
	e->raw = e->text = arena_printf(l->transcript->arena, "%.*s port %u: %s", SLICE_FMT(to), port, what);
	fact(l, e, "what", slice_from_cstr(what));
	fact_number(l, e, "port", port);
	if (d->fd >= 0)
		fact_number(l, e, "connect_ms", (d->connected_us - d->started_us) / 1000);
	fact_number(l, e, "attempts", d->attempts);
	if (l->fault.detail[0])
		fact(l, e, "detail", arena_dup(l->transcript->arena, slice_from_cstr(l->fault.detail)));
	transcript_add(l->transcript, l->session, e);
}

static void close_event(struct link *l)
{
	struct event *e = new_event(l, EV_CLOSE, SIDE_UNKNOWN);
	bool waiting = !l->tls ? !dialogue_greeted(l->dialogue) || dialogue_pending(l->dialogue) : dialogue_pending(l->dialogue) > 0;
	const char *what = l->end ? l->end : l->fault.what == NET_TIMED_OUT ? "idle" : "fin";
	if (!e)
		return;
	e->side = l->end ? SIDE_SERVER : SIDE_CLIENT;
	e->raw = e->text = arena_printf(l->transcript->arena, "%s by the %s", what, side_name(e->side));
	fact(l, e, "what", slice_from_cstr(what));
	fact(l, e, "by", slice_from_cstr(side_name(e->side)));
	fact(l, e, "waiting_for", slice_from_cstr(waiting ? "server" : "client"));
	if (l->last_said_us)
		fact_number(l, e, "waited_ms", (e->stamp.time_us - l->last_said_us) / 1000);
	l->session->closed_by = e->side;
	transcript_add(l->transcript, l->session, e);
}

/* --- libevent's side ----------------------------------------------------------------------------------------------------------------- */

static bool fail(struct link *l, enum net_what what, const char *detail)
{
	l->done = true;
	return net_fault_set(&l->fault, l->step, what, detail);
}

static void on_read(struct bufferevent *bev, void *user)
{
	struct link *l = user;
	struct evbuffer *in = bufferevent_get_input(bev);
	uint8_t room[4096];
	int n;
	l->segment++;
	struct stamp stamp;
	stamp_now(l, &stamp);
	while (!l->fault.what && (n = evbuffer_remove(in, room, sizeof room)) > 0) {
		l->step_bytes += (size_t)n;
		l->last_said_us = stamp.time_us;
		dialogue_feed(l->dialogue, SIDE_SERVER, slice_of(room, (size_t)n), &stamp);
		if (l->step_bytes > LINK_STEP_BYTES_MAX || dialogue_overflowed(l->dialogue))
			fail(l, NET_TOO_MUCH, "");
	}
}

static const char *openssl_words(struct bufferevent *bev)
{
	unsigned long e = bufferevent_get_openssl_error(bev), more;
	while ((more = bufferevent_get_openssl_error(bev)))
		e = more;
	return e ? ERR_reason_error_string(e) : NULL;
}

static void on_event(struct bufferevent *bev, short what, void *user)
{
	struct link *l = user;
	int number = EVUTIL_SOCKET_ERROR();
	if (what & BEV_EVENT_CONNECTED) {
		l->done = true;
		return;
	}
	on_read(bev, l);
	const char *tls = l->ctx ? openssl_words(bev) : NULL;
	if (tls && l->step == NET_TLS) {
		fail(l, NET_TLS_FAILED, tls);
		return;
	}
	bool reset = (what & BEV_EVENT_ERROR) && !tls && net_what_of_errno(number) == NET_RESET;
	l->end = reset ? "reset" : "fin";
	fail(l, reset ? NET_RESET : NET_CLOSED, tls ? tls : "");
}

static bool take_bufferevent(struct link *l, struct bufferevent *bev)
{
	if (l->bev)
		bufferevent_free(l->bev);
	l->bev = bev;
	if (!bev)
		return fail(l, NET_LOCAL, "out of memory");
	bufferevent_setwatermark(bev, EV_READ, 0, LINK_READ_MAX);
	bufferevent_set_max_single_read(bev, LINK_READ_MAX);
	bufferevent_setcb(bev, on_read, NULL, on_event, l);
	return bufferevent_enable(bev, EV_READ | EV_WRITE) == 0 || fail(l, NET_LOCAL, "");
}

static void step_begin(struct link *l, enum net_step step)
{
	l->step = step;
	l->answer = NULL;
	l->done = false;
	l->step_bytes = 0;
	l->step_began = net_ticks_us();
}

/* Waits for the step's end; false and a fault when there is none. */
static bool step_wait(struct link *l, unsigned ms)
{
	net_loop_run(l->loop, ms, &l->done);
	l->waited = net_ticks_us() - l->step_began;
	if (l->done)
		return l->answer || !l->fault.what;
	return fail(l, net_loop_stopped(l->loop) ? NET_STOPPED : NET_TIMED_OUT, "");
}

/* --- the conversation ------------------------------------------------------------------------------------------------------------------ */

struct link *link_open(struct net_loop *loop, const struct link_options *o)
{
	struct link *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->loop = loop;
	l->options = o;
	l->dialled.fd = -1;
	l->transcript = transcript_new();
	l->session = l->transcript ? session_new(l->transcript, o->protocol) : NULL;
	l->dialogue = l->session ? dialogue_new(l->transcript->arena, o->protocol, on_dialogue, l) : NULL;
	if (!l->dialogue) {
		transcript_free(l->transcript);
		free(l);
		return NULL;
	}
	l->watch = (struct tls_watch){l->transcript->arena, SIDE_CLIENT, on_tls_event, stamp_now, l};
	step_begin(l, NET_CONNECT);
	bool ok = dial(loop, l->transcript->arena, &o->dial, &l->dialled, &l->fault);
	l->waited = net_ticks_us() - l->step_began;
	l->session->client.address = l->dialled.local;
	l->session->client.port = l->dialled.local_port;
	l->session->server.address = l->dialled.peer;
	l->session->server.port = o->dial.port;
	connect_event(l);
	if (!ok)
		l->session->outcome = OUTCOME_NOT_CONNECTED;
	return l;
}

const struct net_fault *link_fault(const struct link *l)
{
	return &l->fault;
}

bool link_alive(const struct link *l)
{
	return l->fault.what == NET_FINE;
}

static SSL *new_ssl(struct link *l)
{
	const struct tls_settings *s = &l->options->tls;
	const char *host = l->options->dial.host, *sni = s->sni ? s->sni : dial_is_address(host) ? "" : host;
	struct err e = {0};
	l->ctx = tls_client_context(s, &e);
	SSL *ssl = l->ctx ? SSL_new(l->ctx) : NULL;
	if (!ssl) {
		fail(l, NET_LOCAL, e.what);
		return NULL;
	}
	if (*sni)
		SSL_set_tlsext_host_name(ssl, sni);
	tls_watch_attach(ssl, &l->watch);
	return ssl;
}

bool link_start_tls(struct link *l, bool implicit)
{
	if (l->fault.what)
		return false;
	step_begin(l, NET_TLS);
	ERR_clear_error();
	l->ssl = new_ssl(l);
	if (!l->ssl)
		return false;
	l->session->tls.mode = implicit ? TLS_IMPLICIT : TLS_STARTTLS;
	struct bufferevent *bev = bufferevent_openssl_socket_new(net_loop_base(l->loop), l->dialled.fd, l->ssl, BUFFEREVENT_SSL_CONNECTING, 0);
	if (bev)
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	if (!take_bufferevent(l, bev) || !step_wait(l, l->options->tls_ms)) {
		if (l->fault.what != NET_STOPPED)
			l->session->outcome = OUTCOME_TLS_FAILED;
		return false;
	}
	l->tls = true;
	dialogue_tls_started(l->dialogue);
	const struct tls_settings *s = &l->options->tls;
	tls_watch_finished(l->ssl, &l->watch, s->sni && *s->sni ? s->sni : l->options->dial.host);
	return true;
}

static bool speak_plainly(struct link *l)
{
	if (l->bev || l->fault.what)
		return !l->fault.what;
	return take_bufferevent(l, bufferevent_socket_new(net_loop_base(l->loop), l->dialled.fd, 0));
}

const struct event *link_greeting(struct link *l)
{
	step_begin(l, NET_GREETING);
	if (!speak_plainly(l))
		return NULL;
	if (!step_wait(l, l->options->greeting_ms))
		return NULL;
	return l->answer;
}

const struct event *link_send(struct link *l, struct slice bytes)
{
	step_begin(l, NET_REPLY);
	if (!speak_plainly(l))
		return NULL;
	struct stamp stamp;
	l->segment++;
	stamp_now(l, &stamp);
	dialogue_feed(l->dialogue, SIDE_CLIENT, bytes, &stamp);
	l->last_said_us = stamp.time_us;
	if (bufferevent_write(l->bev, bytes.p, bytes.n) != 0) {
		fail(l, NET_LOCAL, "");
		return NULL;
	}
	return step_wait(l, l->options->reply_ms) ? l->answer : NULL;
}

const struct event *link_say(struct link *l, struct slice line)
{
	struct buf b = BUF_INIT(128u * 1024u);
	buf_add(&b, line);
	buf_add(&b, S("\r\n"));
	const struct event *e = link_send(l, buf_slice(&b));
	if (b.p)
		explicit_bzero(b.p, b.n);
	buf_free(&b);
	return e;
}

unsigned link_waited_ms(const struct link *l)
{
	return (unsigned)(l->waited / 1000);
}

const struct dialled *link_dialled(const struct link *l)
{
	return &l->dialled;
}

struct arena *link_arena(struct link *l)
{
	return l->transcript->arena;
}

struct session *link_session(struct link *l)
{
	return l->session;
}

bool link_in_tls(const struct link *l)
{
	return l->tls;
}

void link_look(struct link *l)
{
	enum outcome told = l->session->outcome;
	l->session->protocol = dialogue_protocol(l->dialogue) ? dialogue_protocol(l->dialogue) : l->session->protocol;
	session_finish(l->session);
	/* How it went is only known at the end. */
	l->session->outcome = told;
}

struct transcript *link_close(struct link *l)
{
	struct transcript *t = l->transcript;
	dialogue_end(l->dialogue);
	if (l->dialled.fd >= 0)
		close_event(l);
	if (l->bev) {
		bufferevent_free(l->bev);
		/* libevent frees what is left of it from inside the loop. */
		event_base_loop(net_loop_base(l->loop), EVLOOP_NONBLOCK);
	}
	SSL_free(l->ssl);
	if (l->dialled.fd >= 0)
		close(l->dialled.fd);
	if (l->ctx)
		SSL_CTX_free(l->ctx);
	if (l->fault.what == NET_TIMED_OUT && l->session->outcome == OUTCOME_UNKNOWN)
		l->session->outcome = OUTCOME_TIMED_OUT;
	if (l->fault.what == NET_RESET && l->session->outcome == OUTCOME_UNKNOWN)
		l->session->outcome = OUTCOME_RESET;
	link_look(l);
	transcript_finish(t);
	free(l);
	return t;
}
