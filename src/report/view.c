/* The transcript for people: who said what, when, with what was odd, and SASL steps taken apart. */
#define _GNU_SOURCE
#include "base/i18n.h"
#include "base/text.h"
#include "proto/sasl.h"
#include "report/show.h"
#include "report/wrap.h"

#define FIELDS_MAX 16u

struct view {
	struct buf *out;
	struct arena *arena;
	const struct report_options *o;
	size_t width, indent;
	bool times;
	const struct event *login; /* the AUTH command of the running exchange */
	unsigned client_step;
};

static struct slice party(struct arena *a, const struct party *p, const struct report_options *o)
{
	struct slice name = p->name.n ? p->name : p->address;
	struct slice shown = name.n ? show_words(a, name, o) : S("?");
	if (p->software != SOFTWARE_UNKNOWN)
		return arena_printf(a, "%.*s (%s)", SLICE_FMT(shown), software_title(p->software));
	return shown;
}

static const char *outcome_words(enum outcome o)
{
	static const char *const words[OUTCOME_COUNT] = {
		[OUTCOME_UNKNOWN] = N_("end not seen"), [OUTCOME_OK] = N_("went well"), [OUTCOME_REFUSED] = N_("refused"),
		[OUTCOME_DEFERRED] = N_("put off"), [OUTCOME_TIMED_OUT] = N_("timed out"), [OUTCOME_RESET] = N_("reset"),
		[OUTCOME_CLOSED_EARLY] = N_("closed early"), [OUTCOME_TLS_FAILED] = N_("TLS failed"), [OUTCOME_NOT_CONNECTED] = N_("not connected"),
	};
	return tr(words[o]);
}

static void session_head(struct view *v, const struct session *s)
{
	static const char *const names[PROTOCOL_COUNT] = {"?", "SMTP", "LMTP", "IMAP", "POP3", "MTP"};
	struct slice client = party(v->arena, &s->client, v->o), server = party(v->arena, &s->server, v->o);
	struct slice head = arena_printf(v->arena, _("Session %u: %s, %.*s to %.*s, %s"), s->id, names[s->protocol], SLICE_FMT(client), SLICE_FMT(server),
		outcome_words(s->outcome));
	buf_add_byte(v->out, '\n');
	wrap_add(v->out, head, v->width, 2, 0, false);
	buf_add_byte(v->out, '\n');
}

static char mark(const struct event *e)
{
	if (e->side == SIDE_CLIENT)
		return 'C';
	if (e->side == SIDE_SERVER)
		return 'S';
	return e->kind == EV_CONNECT || e->kind == EV_CLOSE || e->kind == EV_TLS ? '*' : ' ';
}

static void note(struct view *v, const char *sign, struct slice text)
{
	wrap_spaces(v->out, v->indent);
	buf_printf(v->out, "%s ", sign);
	wrap_add(v->out, text, v->width, v->indent + 2, v->indent + 2, true);
	buf_add_byte(v->out, '\n');
}

static void oddities(struct view *v, const struct event *e)
{
	for (unsigned bit = 0; bit < ODD_COUNT; bit++)
		if (e->oddities & 1u << bit)
			note(v, "!", slice_from_cstr(tr(oddity_text((enum oddity_bit)bit))));
}

/* What a SASL step says once its base64 is undone. */
static void sasl_step_fields(struct view *v, const struct event *e)
{
	struct sasl_field fields[FIELDS_MAX];
	if (e->kind == EV_COMMAND && e->sasl.mech.n) {
		v->login = e;
		v->client_step = 0;
	}
	if (!e->sasl.decoded.n || !v->login)
		return;
	bool client = e->side == SIDE_CLIENT;
	v->client_step += client;
	size_t n = sasl_fields(v->arena, v->login->sasl.mech, e->side, v->client_step, e->sasl.decoded, fields, FIELDS_MAX);
	struct buf b = BUF_INIT(64 * 1024);
	for (size_t i = 0; i < n; i++) {
		struct slice value = fields[i].value;
		bool hide = fields[i].secret && !v->o->show_secrets;
		buf_printf(&b, "%s%s ", b.n ? ", " : "", fields[i].name);
		if (hide || !value.n)
			buf_add(&b, text_mask(v->arena, value));
		else
			buf_printf(&b, "“%.*s”", SLICE_FMT(show_words(v->arena, text_shown(v->arena, value, 200), v->o)));
	}
	if (b.n)
		note(v, "=", buf_slice(&b));
	buf_free(&b);
}

static void event_line(struct view *v, const struct event *e)
{
	struct slice clock = show_clock(v->arena, &e->stamp);
	if (v->times) {
		buf_printf(v->out, "%8.*s ", SLICE_FMT(clock));
	}
	buf_printf(v->out, "%c  ", mark(e));
	wrap_add(v->out, show_event(v->arena, e, v->o), v->width, v->indent, v->indent, true);
	buf_add_byte(v->out, '\n');
	sasl_step_fields(v, e);
	oddities(v, e);
}

static void event_list(struct view *v, struct event *const *events, size_t n)
{
	v->times = false;
	for (size_t i = 0; i < n; i++)
		v->times |= events[i]->stamp.has_time;
	v->indent = v->times ? 12 : 3;
	for (size_t i = 0; i < n; i++)
		event_line(v, events[i]);
}

void report_transcript(struct buf *out, const struct transcript *t, const struct report_options *o)
{
	struct view v = {.out = out, .o = o, .width = o->width ? o->width : 80};
	for (size_t i = 0; i < t->sessions.n; i++) {
		v.arena = arena_new(0);
		if (!v.arena)
			return;
		v.login = NULL;
		session_head(&v, t->sessions.v[i]);
		event_list(&v, t->sessions.v[i]->events.v, t->sessions.v[i]->events.n);
		arena_free(v.arena);
	}
	v.arena = t->context.n ? arena_new(0) : NULL;
	if (!v.arena)
		return;
	buf_printf(out, "\n%s\n", _("Around the sessions:"));
	event_list(&v, t->context.v, t->context.n);
	arena_free(v.arena);
}
