#define _GNU_SOURCE
#include "probe/talk.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "proto/sasl-make.h"

/* Steps of the longest mechanism are far fewer; a server that asks on and on is cut off. */
#define LOGIN_STEPS_MAX 12u
#define REPLY_KEPT 300u
/* Room for a line of ours: tokens reach 16 KiB in base64. */
#define LINE_MAX_OUT (32 * 1024)

bool reply_ok(const struct event *reply)
{
	return reply && (reply->answer.status == STATUS_OK || reply->answer.status == STATUS_PREAUTH);
}

bool reply_more(const struct event *reply)
{
	return reply && reply->answer.status == STATUS_MORE;
}

struct slice talk_keep_reply(struct probe *p, const struct event *reply)
{
	return reply ? arena_dup(p->r->arena, slice_sub(reply->text, 0, REPLY_KEPT)) : SLICE_NONE;
}

enum probe_cell talk_silence(const struct talk *t)
{
	const struct net_fault *f = link_fault(t->link);
	if (f->step < NET_GREETING && f->step != NET_TLS)
		return CELL_NOT_REACHED;
	return f->what == NET_TIMED_OUT ? CELL_SILENT : f->what == NET_TOO_MUCH || f->what == NET_TLS_FAILED ? CELL_BROKEN : CELL_CLOSED;
}

void talk_progress(struct probe *p, const char *fmt, ...)
{
	char text[200];
	va_list ap;
	if (!p->o->progress)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	p->o->progress(p->o->user_data, text);
}

/* --- saying -------------------------------------------------------------------------------------------------------------------------- */

const struct event *talk_command(struct talk *t, const char *fmt, ...)
{
	char line[LINE_MAX_OUT];
	va_list ap;
	int at = t->protocol == PROTOCOL_IMAP ? snprintf(line, sizeof line, "t%u ", ++t->tag) : 0;
	va_start(ap, fmt);
	vsnprintf(line + at, sizeof line - (size_t)at, fmt, ap);
	va_end(ap);
	const struct event *e = link_say(t->link, slice_from_cstr(line));
	explicit_bzero(line, sizeof line);
	return e;
}

const struct event *talk_hello(struct talk *t, const char *name)
{
	switch (t->protocol) {
	case PROTOCOL_IMAP:
		t->hello = talk_command(t, "CAPABILITY");
		break;
	case PROTOCOL_POP3:
		t->hello = talk_command(t, "CAPA");
		break;
	default:
		t->hello = talk_command(t, "%s%s%s", t->protocol == PROTOCOL_LMTP ? "LHLO" : t->way.helo ? "HELO" : "EHLO", *name ? " " : "", name);
		break;
	}
	return t->hello;
}

const struct capabilities *talk_caps(struct talk *t)
{
	link_look(t->link);
	return session_caps_before(link_session(t->link), 0);
}

static struct link_options options_for(const struct probe *p, const struct way *w)
{
	const struct probe_options *o = p->o;
	struct link_options lo = {
		.dial = {.host = o->host, .port = o->port, .family = o->family, .source = o->source, .resolve_ms = o->timeout_ms, .connect_ms = o->timeout_ms},
		.protocol = o->protocol,
		.tls = o->tls_settings,
		.greeting_ms = o->timeout_ms,
		.reply_ms = o->timeout_ms,
		.tls_ms = o->timeout_ms,
	};
	if (w->tls_only)
		lo.tls.min = lo.tls.max = w->tls_only;
	return lo;
}

static bool start_tls(struct talk *t)
{
	static const char *const verbs[PROTOCOL_COUNT] = {
		[PROTOCOL_SMTP] = "STARTTLS", [PROTOCOL_LMTP] = "STARTTLS", [PROTOCOL_IMAP] = "STARTTLS", [PROTOCOL_POP3] = "STLS",
	};
	const char *verb = verbs[t->protocol];
	const struct capabilities *c = talk_caps(t);
	if (t->way.tls == PROBE_TLS_AUTO && c && !caps_have(c, slice_from_cstr(verb), NULL))
		return true;
	if (!reply_ok(talk_command(t, "%s", verb))) {
		t->tls_refused = true;
		return t->way.tls == PROBE_TLS_AUTO && link_alive(t->link);
	}
	return link_start_tls(t->link, false) && (t->way.until < PROBE_AUTH || talk_hello(t, t->way.ehlo));
}

bool talk_begin(struct talk *t, struct probe *p, const struct way *w)
{
	*t = (struct talk){.p = p, .way = *w, .lo = options_for(p, w), .protocol = p->o->protocol};
	if (!t->way.ehlo)
		t->way.ehlo = p->name;
	t->link = link_open(p->loop, &t->lo);
	if (!t->link || !link_alive(t->link) || w->until == PROBE_CONNECT)
		return t->link && link_alive(t->link);
	if (p->o->implicit && !link_start_tls(t->link, true))
		return false;
	const struct event *greeting = link_greeting(t->link);
	if (!reply_ok(greeting) || w->until == PROBE_GREETING)
		return reply_ok(greeting);
	const struct event *hello = talk_hello(t, t->way.ehlo);
	if (!hello || w->until == PROBE_EHLO)
		return reply_ok(hello);
	/* Servers of before 1995, and what stands before some, know HELO only; CAPA is not in every POP3 server. */
	if (!reply_ok(hello) && t->protocol == PROTOCOL_SMTP && !w->helo && !w->ehlo)
		talk_command(t, "HELO %s", t->way.ehlo);
	if (p->o->implicit || w->tls == PROBE_TLS_NEVER || !link_alive(t->link))
		return link_alive(t->link);
	return start_tls(t);
}

struct transcript *talk_end(struct talk *t)
{
	static const char *const verbs[PROTOCOL_COUNT] = {[PROTOCOL_SMTP] = "QUIT", [PROTOCOL_LMTP] = "QUIT", [PROTOCOL_IMAP] = "LOGOUT", [PROTOCOL_POP3] = "QUIT"};
	if (!t->link)
		return NULL;
	if (link_alive(t->link) && t->way.until > PROBE_CONNECT && verbs[t->protocol]) {
		t->lo.reply_ms = t->lo.reply_ms < 2000 ? t->lo.reply_ms : 2000;
		talk_command(t, "%s", verbs[t->protocol]);
	}
	return link_close(t->link);
}

void talk_drop(struct talk *t)
{
	transcript_free(talk_end(t));
}

/* --- logins -------------------------------------------------------------------------------------------------------------------------- */

bool talk_mech_begins(struct slice mech)
{
	return !slice_eq(mech, S("CRAM-MD5")) && !slice_eq(mech, S("DIGEST-MD5")) && !slice_eq(mech, S("LOGIN-CMD")) && !slice_eq(mech, S("USER/PASS"));
}

bool talk_mech_is_known(struct slice mech)
{
	static const char *const known[] = {
		"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER", "LOGIN-CMD", "USER/PASS",
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (slice_eq(mech, slice_from_cstr(known[i])))
			return true;
	return false;
}

static enum probe_cell cell_of(const struct talk *t, const struct event *reply)
{
	if (!reply)
		return talk_silence(t);
	if (reply_ok(reply))
		return CELL_WORKS;
	/* 454 and its like: the server could not, not: would not. */
	return reply->answer.code >= 400 && reply->answer.code < 500 ? CELL_BROKEN : CELL_REFUSED;
}

static struct slice quoted(struct arena *a, struct slice s)
{
	struct buf b = BUF_INIT(LINE_MAX_OUT);
	buf_add_byte(&b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add_byte(&b, '\\');
		buf_add_byte(&b, s.p[i]);
	}
	buf_add_byte(&b, '"');
	struct slice text = arena_dup(a, buf_slice(&b));
	buf_free(&b);
	return text;
}

/* The logins that are no SASL. */
static const struct event *login_in_clear(struct talk *t, const struct attempt_login *l)
{
	struct arena *a = link_arena(t->link);
	if (slice_eq(l->mech, S("LOGIN-CMD"))) {
		struct slice user = quoted(a, l->user), password = quoted(a, l->password);
		return talk_command(t, "LOGIN %.*s %.*s", SLICE_FMT(user), SLICE_FMT(password));
	}
	const struct event *e = talk_command(t, "USER %.*s", SLICE_FMT(l->user));
	return reply_ok(e) ? talk_command(t, "PASS %.*s", SLICE_FMT(l->password)) : e;
}

static const struct event *say_step(struct talk *t, struct slice message)
{
	struct slice text = message.n ? base64_encode(link_arena(t->link), message) : SLICE_NONE;
	return link_say(t->link, text);
}

static const struct event *answer_challenges(struct talk *t, struct sasl_maker *m, struct slice mech, const struct event *e, bool finished)
{
	for (unsigned step = 0; reply_more(e) && step < LOGIN_STEPS_MAX; step++) {
		struct slice message = SLICE_NONE;
		struct err err;
		enum sasl_made made = finished ? SASL_MADE_LAST : sasl_maker_step(m, e->sasl.decoded, &message, &err);
		if (made == SASL_MADE_FAILED) {
			link_say(t->link, S("*"));
			return e;
		}
		/* A refused token is told in a challenge, which wants an answer of no meaning (RFC 7628 section 3.2.3). */
		if (finished && slice_eq(mech, S("OAUTHBEARER")))
			message = S("\x01");
		finished |= made == SASL_MADE_LAST;
		e = say_step(t, message);
	}
	return e;
}

static const struct event *login_by_sasl(struct talk *t, const struct attempt_login *l)
{
	static const char *const verbs[PROTOCOL_COUNT] = {
		[PROTOCOL_SMTP] = "AUTH", [PROTOCOL_LMTP] = "AUTH", [PROTOCOL_IMAP] = "AUTHENTICATE", [PROTOCOL_POP3] = "AUTH",
	};
	static const char *const services[PROTOCOL_COUNT] = {
		[PROTOCOL_SMTP] = "smtp", [PROTOCOL_LMTP] = "lmtp", [PROTOCOL_IMAP] = "imap", [PROTOCOL_POP3] = "pop",
	};
	struct arena *a = link_arena(t->link);
	const char *verb = verbs[t->protocol];
	if (l->cancel) {
		const struct event *e = talk_command(t, "%s %.*s", verb, SLICE_FMT(l->mech));
		if (reply_more(e))
			link_say(t->link, S("*"));
		return e;
	}
	struct sasl_account account = {
		.user = l->user, .password = l->password, .service = slice_from_cstr(services[t->protocol]), .host = slice_from_cstr(t->p->o->host),
		.port = t->p->o->port,
	};
	struct err err = {0};
	struct slice first = SLICE_NONE;
	struct sasl_maker *m = sasl_maker_new(a, l->mech, &account, &err);
	if (!m)
		return NULL;
	enum sasl_made made = l->initial ? sasl_maker_step(m, SLICE_NONE, &first, &err) : SASL_MADE_MORE;
	struct slice text = first.n ? base64_encode(a, first) : SLICE_NONE;
	const struct event *e = talk_command(t, "%s %.*s%s%.*s", verb, SLICE_FMT(l->mech), text.n ? " " : "", SLICE_FMT(text));
	e = answer_challenges(t, m, l->mech, e, made == SASL_MADE_LAST);
	sasl_maker_free(m);
	return e;
}

enum probe_cell talk_login(struct talk *t, const struct attempt_login *l, const struct event **ret_reply)
{
	bool sasl = !slice_eq(l->mech, S("LOGIN-CMD")) && !slice_eq(l->mech, S("USER/PASS"));
	const struct event *e = sasl ? login_by_sasl(t, l) : login_in_clear(t, l);
	*ret_reply = e;
	if (l->cancel && reply_more(e))
		return CELL_ANSWERS;
	/* Still a challenge: the exchange led nowhere. */
	return reply_more(e) ? CELL_BROKEN : cell_of(t, e);
}
