#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/i18n.h"
#include "probe/talk.h"

struct named {
	const char *key, *text;
};

static const struct named cells[CELL_COUNT] = {
#define X(id, key, text) [id] = {key, text},
	PROBE_CELL_LIST(X)
#undef X
};

const char *probe_cell_key(enum probe_cell c)
{
	return cells[c].key;
}

const char *probe_cell_text(enum probe_cell c)
{
	return cells[c].text;
}

const char *probe_step_name(enum probe_step s)
{
	static const char *const names[PROBE_STEP_COUNT] = {
#define X(id, name) [id] = name,
		PROBE_STEP_LIST(X)
#undef X
	};
	return names[s];
}

void probe_note(struct probe *p, const char *what, struct slice mech, const char *form, struct slice reply, struct slice text)
{
	struct transcript *t = p->r->transcript;
	struct event *e = ARENA_NEW(t->arena, struct event);
	if (!e)
		return;
	*e = (struct event){.kind = EV_TOOL, .side = SIDE_US, .program = S(PROBE_PROGRAM), .raw = text, .text = text};
	e->stamp = (struct stamp){.time_us = net_now_us(), .has_time = true};
	e->end_us = e->stamp.time_us;
	event_add_fact(t->arena, e, "what", slice_from_cstr(what));
	event_add_fact(t->arena, e, "mech", arena_dup(t->arena, mech));
	event_add_fact(t->arena, e, "form", slice_from_cstr(form));
	event_add_fact(t->arena, e, "reply", arena_dup(t->arena, reply));
	transcript_add(t, NULL, e);
}

/* --- the main session ---------------------------------------------------------------------------------------------------------------- */

static struct slice best_mech(const struct talk *t, const struct capabilities *c)
{
	static const char *const order[] = {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "DIGEST-MD5"};
	if (t->p->o->mech)
		return slice_from_cstr(t->p->o->mech);
	for (size_t i = 0; c && i < sizeof order / sizeof *order; i++)
		if (caps_have_mech(c, slice_from_cstr(order[i])))
			return slice_from_cstr(order[i]);
	if (t->protocol == PROTOCOL_IMAP)
		return S("LOGIN-CMD");
	return t->protocol == PROTOCOL_POP3 ? S("USER/PASS") : S("PLAIN");
}

static bool log_in(struct talk *t)
{
	const struct probe_options *o = t->p->o;
	struct slice mech = best_mech(t, talk_caps(t));
	const struct attempt_login l = {
		.mech = mech, .user = o->user, .password = o->password, .initial = !o->no_initial && talk_mech_begins(mech) && !slice_eq(mech, S("LOGIN")),
	};
	const struct event *reply;
	talk_progress(t->p, "AUTH %.*s", SLICE_FMT(mech));
	if (talk_login(t, &l, &reply) != CELL_WORKS)
		return false;
	/* What else is there now? In SMTP a second EHLO would end the login on some servers. */
	if (t->protocol == PROTOCOL_IMAP || t->protocol == PROTOCOL_POP3)
		talk_hello(t, "");
	return link_alive(t->link);
}

static struct slice test_message(struct talk *t)
{
	const struct probe_options *o = t->p->o;
	char date[64];
	time_t now = time(NULL);
	struct tm tm;
	localtime_r(&now, &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S %z", &tm);
	return arena_printf(link_arena(t->link),
			    "From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%lld.telltale@%s>\r\nMIME-Version: 1.0\r\n"
			    "Content-Type: text/plain; charset=us-ascii\r\n\r\nThis is a test of the way that mail takes. It was sent with telltale probe.\r\n.\r\n",
			    o->from ? o->from : "", o->to ? o->to : "", o->subject ? o->subject : "telltale probe", date, (long long)net_now_us(), t->p->name);
}

static void send_mail(struct talk *t)
{
	const struct probe_options *o = t->p->o;
	if ((!o->from && !o->to) || t->protocol == PROTOCOL_IMAP || t->protocol == PROTOCOL_POP3)
		return;
	if (!reply_ok(talk_command(t, "MAIL FROM:<%s>", o->from ? o->from : "")) || o->quit_after == PROBE_MAIL || !o->to)
		return;
	if (!reply_ok(talk_command(t, "RCPT TO:<%s>", o->to)) || o->quit_after == PROBE_RCPT || !o->send)
		return;
	if (reply_more(talk_command(t, "DATA")))
		link_send(t->link, test_message(t));
}

/* The server's name as its greeting tells it. */
static void learn_greeting(struct probe *p, struct talk *t)
{
	const struct event *g = session_event(link_session(t->link), EV_GREETING, 0);
	struct slice words = g && g->answer.n_lines ? g->answer.lines[0] : SLICE_NONE;
	struct slice name = slice_next_word(&words);
	if (t->protocol == PROTOCOL_SMTP && slice_find_byte(name, '.') != SLICE_NPOS)
		p->greeting_name = arena_dup(p->r->arena, name);
}

static void time_steps(struct probe *p, struct talk *t)
{
	const struct session *s = link_session(t->link);
	const struct event *c = session_event(s, EV_CONNECT, 0), *g = session_event(s, EV_GREETING, 0);
	const struct dialled *d = link_dialled(t->link);
	if (!c || d->fd < 0)
		return;
	p->r->connect_ms = (unsigned)((d->connected_us - d->started_us) / 1000);
	if (g)
		p->r->greeting_ms = (unsigned)((g->stamp.time_us - d->connected_us) / 1000);
}

static void copy_caps(struct probe *p, const struct session *s, struct capabilities **ret, bool tls)
{
	const struct capabilities *c = session_caps_tls(s, tls);
	(void)p;
	*ret = (struct capabilities *)(uintptr_t)c;
}

static void main_session(struct probe *p, struct capabilities **ret_clear, struct capabilities **ret_tls)
{
	const struct probe_options *o = p->o;
	const struct way w = {.tls = o->tls, .until = o->quit_after};
	struct talk t;
	talk_progress(p, "%s:%u", o->host, o->port);
	bool well = talk_begin(&t, p, &w);
	if (!t.link)
		return;
	learn_greeting(p, &t);
	if (well && o->has_password && o->quit_after >= PROBE_AUTH)
		well = log_in(&t);
	if (well && o->quit_after >= PROBE_MAIL)
		send_mail(&t);
	time_steps(p, &t);
	p->has_tls = link_in_tls(t.link);
	p->r->fault = *link_fault(t.link);
	p->r->reached = link_dialled(t.link)->fd >= 0;
	struct session *s = link_session(t.link);
	transcript_adopt(p->r->transcript, talk_end(&t));
	copy_caps(p, s, ret_clear, false);
	copy_caps(p, s, ret_tls, true);
}

static void tables(struct probe *p, const struct capabilities *clear, const struct capabilities *tls)
{
	const struct probe_options *o = p->o;
	bool smtp = o->protocol == PROTOCOL_SMTP || o->protocol == PROTOCOL_LMTP;
	if (o->versions && p->has_tls)
		probe_versions(p);
	if (o->ehlo_matrix && o->protocol == PROTOCOL_SMTP && !o->implicit)
		probe_ehlo_matrix(p);
	if (o->auth_matrix && (!smtp || caps_offer_auth(clear) || caps_offer_auth(tls)))
		probe_auth_matrix(p, clear, tls);
	if (o->relay && smtp && !net_loop_stopped(p->loop))
		probe_relaying(p);
}

/* --- the whole ------------------------------------------------------------------------------------------------------------------------ */

static const char *own_name(struct arena *a)
{
	char room[256] = "";
	if (gethostname(room, sizeof room - 1) != 0 || !room[0])
		return "localhost";
	/* A bare host name is what strict servers refuse; an address in brackets (RFC 5321 section 4.1.3) is always allowed. */
	return strchr(room, '.') ? arena_cstr(a, slice_from_cstr(room)) : "[127.0.0.1]";
}

static struct probe_report *report_new(const struct probe_options *o)
{
	struct probe_report *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->options = o;
	r->arena = arena_new(0);
	r->transcript = transcript_new();
	if (r->arena && r->transcript)
		return r;
	probe_report_free(r);
	return NULL;
}

void probe_report_free(struct probe_report *r)
{
	if (!r)
		return;
	arena_free(r->arena);
	transcript_free(r->transcript);
	free(r);
}

struct probe_report *probe_run(const struct probe_options *o, struct err *reterr)
{
	struct probe_report *r = report_new(o);
	struct net_loop *loop = r ? net_loop_new() : NULL;
	if (!loop) {
		err_set(reterr, ERR_MEMORY, "probe");
		probe_report_free(r);
		return NULL;
	}
	struct probe p = {.o = o, .r = r, .loop = loop, .name = o->ehlo ? o->ehlo : own_name(r->arena)};
	struct capabilities *clear = NULL, *tls = NULL;
	r->ehlo = slice_from_cstr(p.name);
	if (!o->port) {
		probe_survey(&p);
	} else {
		main_session(&p, &clear, &tls);
		if (r->reached && o->quit_after == PROBE_ALL && r->fault.step != NET_GREETING)
			tables(&p, clear, tls);
	}
	r->stopped = net_loop_stopped(loop);
	net_loop_free(loop);
	return r;
}
