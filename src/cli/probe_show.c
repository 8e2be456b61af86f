#define _GNU_SOURCE
#include "cli/probe_show.h"

#include <jansson.h>

#include "base/i18n.h"
#include "report/show.h"
#include "report/wrap.h"

#define LABEL_WIDTH 22u
#define REPLY_SHOWN 46u

struct board {
	struct buf *out;
	struct arena *arena;
	const struct probe_report *r;
	const struct report_options *o;
};

static size_t width_of(const struct board *b)
{
	return b->o->width ? b->o->width : 80;
}

/* --- pieces ------------------------------------------------------------------------------------------------------------------------------ */

static struct slice words(const struct board *b, struct slice s)
{
	return show_words(b->arena, s, b->o);
}

/* First line of a reply, cut. */
static struct slice short_reply(const struct board *b, struct slice reply)
{
	struct slice line = SLICE_NONE;
	slice_next_line(&reply, &line);
	line = words(b, line);
	if (line.n <= REPLY_SHOWN)
		return line;
	size_t cut = REPLY_SHOWN;
	while (cut && (line.p[cut] & 0xc0) == 0x80)
		cut--;
	return arena_printf(b->arena, "%.*s…", (int)cut, (const char *)line.p);
}

static void row(const struct board *b, const char *label, struct slice text)
{
	size_t columns = wrap_columns(slice_from_cstr(label));
	if (!text.n)
		return;
	buf_printf(b->out, "  %s", label);
	wrap_spaces(b->out, columns + 2 < LABEL_WIDTH ? LABEL_WIDTH - 2 - columns : 1);
	wrap_add(b->out, text, width_of(b), LABEL_WIDTH, LABEL_WIDTH, false);
	buf_add_byte(b->out, '\n');
}

static void head(const struct board *b, const char *text)
{
	buf_printf(b->out, b->o->colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", text);
}

/* A cell in the width of the longest. */
static void cell(const struct board *b, enum probe_cell c)
{
	static const char *const colours[CELL_COUNT] = {
		[CELL_WORKS] = "32", [CELL_ANSWERS] = "32", [CELL_BROKEN] = "31", [CELL_SILENT] = "31", [CELL_CLOSED] = "31", [CELL_REFUSED] = "33",
	};
	const char *text = tr(probe_cell_text(c));
	size_t columns = wrap_columns(slice_from_cstr(text));
	if (b->o->colour && colours[c])
		buf_printf(b->out, "\033[%sm%s\033[0m", colours[c], text);
	else
		buf_printf(b->out, "%s", text);
	wrap_spaces(b->out, columns < 12 ? 12 - columns : 1);
}

static void padded(const struct board *b, struct slice text, size_t width)
{
	size_t columns = wrap_columns(text);
	buf_add(b->out, text);
	wrap_spaces(b->out, columns < width ? width - columns : 1);
}

static void row_end(const struct board *b, struct slice reply)
{
	buf_add(b->out, short_reply(b, reply));
	while (b->out->n && b->out->p[b->out->n - 1] == ' ')
		b->out->n--;
	buf_add_byte(b->out, '\n');
}

/* --- what the main session saw ------------------------------------------------------------------------------------------------------------- */

static bool has_item(const struct capabilities *c, struct slice item)
{
	for (size_t i = 0; c && i < c->n_items; i++)
		if (slice_eq_nocase(c->items[i], item))
			return true;
	return false;
}

static struct slice items_text(const struct board *b, const struct capabilities *c, const struct capabilities *without, const char *sign)
{
	struct slice list = SLICE_NONE;
	size_t cap = 0;
	for (size_t i = 0; c && i < c->n_items; i++) {
		if (without && has_item(without, c->items[i]))
			continue;
		struct slice item = arena_printf(b->arena, "%s%.*s", sign, SLICE_FMT(words(b, c->items[i])));
		arena_append(b->arena, &list, &cap, list.n ? S(", ") : SLICE_NONE, item);
	}
	return list;
}

static void capability_rows(const struct board *b, const struct session *s)
{
	const struct capabilities *before = NULL;
	for (size_t i = 0; i < s->caps.n; i++) {
		const struct capabilities *c = &s->caps.v[i];
		const char *label = c->authenticated ? _("After the login") : c->tls ? _("Inside TLS") : _("Before TLS");
		if (!before) {
			row(b, label, c->n_items ? items_text(b, c, NULL, "") : slice_from_cstr(_("nothing")));
		} else {
			struct slice more = items_text(b, c, before, "+"), less = items_text(b, before, c, "−");
			struct slice both = more.n && less.n ? arena_join(b->arena, more, S(", "), less) : more.n ? more : less;
			row(b, label, both.n ? both : slice_from_cstr(_("the same")));
		}
		before = c;
	}
}

static const struct event *tls_event(const struct session *s, struct slice what)
{
	for (size_t i = 0; i < s->events.n; i++)
		if (s->events.v[i]->kind == EV_TLS && slice_eq(event_fact(s->events.v[i], "what"), what))
			return s->events.v[i];
	return NULL;
}

static void tls_rows(const struct board *b, const struct session *s)
{
	const struct event *up = tls_event(s, S("finished")), *cert = tls_event(s, S("certificate"));
	if (up)
		row(b, "TLS", arena_printf(b->arena, "%.*s, %.*s", SLICE_FMT(event_fact(up, "version")), SLICE_FMT(event_fact(up, "cipher"))));
	else if (s->tls.alert.n)
		row(b, "TLS", words(b, s->tls.alert));
	if (!cert)
		return;
	struct slice names = event_fact(cert, "names");
	row(b, _("Certificate"), words(b, event_fact(cert, "subject")));
	row(b, _("  its names"), words(b, names));
	row(b, _("  issued by"), words(b, event_fact(cert, "issuer")));
	struct slice from = event_fact(cert, "not_before"), until = event_fact(cert, "not_after");
	row(b, _("  valid"), arena_printf(b->arena, "%.*s – %.*s", SLICE_FMT(from), SLICE_FMT(until)));
	struct slice verify = up ? event_fact(up, "verify") : SLICE_NONE;
	bool fits = up && !slice_eq(event_fact(up, "name_fits"), S("no"));
	if (verify.n)
		row(b, _("  a strict client"), arena_printf(b->arena, "%.*s%s", SLICE_FMT(slice_eq(verify, S("ok")) ? slice_from_cstr(_("trusts it")) : verify),
							    fits ? "" : _("; the name does not fit")));
}

static void session_rows(const struct board *b, const struct session *s)
{
	const struct event *g = session_event(s, EV_GREETING, 0);
	const struct party *p = &s->server;
	buf_printf(b->out, "%.*s, %s %u, %s\n", SLICE_FMT(words(b, p->address)), _("port"), p->port, show_protocol(s->protocol));
	if (g)
		row(b, _("Greeting"), words(b, g->text));
	if (!b->r->ports.n && g)
		row(b, _("Times"), arena_printf(b->arena, _("connected in %u ms, greeting %u ms later"), b->r->connect_ms, b->r->greeting_ms));
	capability_rows(b, s);
	tls_rows(b, s);
	for (size_t i = 0; i < s->logins.n; i++)
		row(b, _("Login"), arena_printf(b->arena, "%.*s: %s", SLICE_FMT(words(b, s->logins.v[i].mech)), s->logins.v[i].passed ? _("works") : _("refused")));
	if (s->message_accepted)
		row(b, _("Test message"), slice_from_cstr(_("accepted")));
}

/* --- tables ---------------------------------------------------------------------------------------------------------------------------------- */

static struct slice port_text(const struct board *b, const struct probe_port *p)
{
	if (p->fault.what != NET_FINE && !p->greeting.n)
		return arena_printf(b->arena, "%s%s%s", p->fault.step > NET_CONNECT ? _("open, but ") : "", tr(net_what_text(p->fault.what)),
				    p->fault.what == NET_TIMED_OUT ? _(" instead of a greeting") : "");
	return arena_printf(b->arena, "%s%s, %.*s", p->speaks == PROTOCOL_UNKNOWN ? _("no mail protocol") : show_protocol(p->speaks), p->implicit ? " (TLS)" : "",
			    SLICE_FMT(short_reply(b, p->greeting)));
}

static void port_table(const struct board *b)
{
	if (!b->r->ports.n)
		return;
	head(b, _("Ports"));
	for (size_t i = 0; i < b->r->ports.n; i++) {
		const struct probe_port *p = &b->r->ports.v[i];
		buf_printf(b->out, "  %-6u", p->port);
		wrap_add(b->out, port_text(b, p), width_of(b), 8, 8, false);
		buf_add_byte(b->out, '\n');
	}
}

static void version_table(const struct board *b)
{
	if (!b->r->versions.n)
		return;
	head(b, _("Versions of TLS"));
	for (size_t i = 0; i < b->r->versions.n; i++) {
		const struct probe_version *v = &b->r->versions.v[i];
		buf_printf(b->out, "  %-10s", v->name);
		cell(b, v->cell);
		row_end(b, v->detail);
	}
}

static void ehlo_table(const struct board *b)
{
	if (!b->r->ehlos.n)
		return;
	head(b, _("Names in EHLO"));
	for (size_t i = 0; i < b->r->ehlos.n; i++) {
		const struct probe_ehlo *e = &b->r->ehlos.v[i];
		bool helo = strcmp(e->form, "helo-only") == 0;
		struct slice said = arena_printf(b->arena, "%s %.*s", helo ? "HELO" : "EHLO", SLICE_FMT(words(b, e->said)));
		buf_add(b->out, S("  "));
		padded(b, said, 30);
		cell(b, e->cell);
		if (e->cell == CELL_REFUSED && strcmp(e->at, "EHLO") != 0)
			buf_printf(b->out, "(%s) ", e->at);
		row_end(b, e->cell == CELL_WORKS ? SLICE_NONE : e->reply);
	}
}

static void auth_table(const struct board *b)
{
	static const char *const kinds[] = {[TRY_CANCEL] = N_("begun, given up"), [TRY_RIGHT] = N_("your password"), [TRY_WRONG] = N_("wrong password")};
	if (!b->r->auths.n)
		return;
	head(b, _("Logins"));
	for (size_t i = 0; i < b->r->auths.n; i++) {
		const struct probe_auth *a = &b->r->auths.v[i];
		buf_add(b->out, S("  "));
		padded(b, words(b, a->mech), 14);
		padded(b, slice_from_cstr(a->advertised ? _("offered") : _("not offered")), 12);
		padded(b, slice_from_cstr(a->tls ? _("in TLS") : _("in clear")), 9);
		padded(b, arena_printf(b->arena, "%s%s", tr(kinds[a->kind]), a->initial ? _(", at once") : ""), 25);
		cell(b, a->cell);
		row_end(b, a->cell == CELL_WORKS || a->cell == CELL_ANSWERS ? SLICE_NONE : slice_sub(a->reply, 0, 24));
	}
	buf_printf(b->out, "  %s\n", _("“at once”: the first message on the AUTH line itself (initial response)"));
}

static void relay_table(const struct board *b)
{
	if (!b->r->relays.n)
		return;
	head(b, _("Senders and recipients, without a login"));
	for (size_t i = 0; i < b->r->relays.n; i++) {
		const struct probe_relay *e = &b->r->relays.v[i];
		struct slice way = arena_printf(b->arena, "<%.*s> → <%.*s>", SLICE_FMT(words(b, e->from)), SLICE_FMT(words(b, e->to)));
		buf_add(b->out, S("  "));
		buf_add(b->out, way);
		buf_add(b->out, S("\n      "));
		cell(b, e->cell);
		row_end(b, e->reply);
	}
}

static void fault_line(const struct board *b)
{
	const struct net_fault *f = &b->r->fault;
	if (f->what == NET_FINE)
		return;
	struct slice text = arena_printf(b->arena, "%s, %s: %s%s%.*s%s", words(b, slice_from_cstr(b->r->options->host)).p ? b->r->options->host : "",
					 tr(net_step_text(f->step)), tr(net_what_text(f->what)), f->detail[0] ? " (" : "",
					 SLICE_FMT(words(b, slice_from_cstr(f->detail))), f->detail[0] ? ")" : "");
	wrap_add(b->out, text, width_of(b), 0, 0, false);
	buf_add_byte(b->out, '\n');
}

void probe_show_text(struct buf *out, const struct probe_report *r, const struct report_options *o)
{
	const struct board b = {out, arena_new(0), r, o};
	if (!b.arena)
		return;
	if (!r->ports.n || !r->reached)
		fault_line(&b);
	for (size_t i = 0; r->reached && i < r->transcript->sessions.n; i++)
		session_rows(&b, r->transcript->sessions.v[i]);
	port_table(&b);
	version_table(&b);
	ehlo_table(&b);
	auth_table(&b);
	relay_table(&b);
	if (r->stopped)
		buf_printf(out, "\n%s\n", _("Stopped by you: this is what is known so far."));
	buf_add_byte(out, '\n');
	arena_free(b.arena);
}

/* --- JSON ------------------------------------------------------------------------------------------------------------------------------------ */

static json_t *text(const struct board *b, struct slice s)
{
	struct slice w = s.n ? words(b, s) : SLICE_NONE;
	return w.n ? json_stringn((const char *)w.p, w.n) : json_null();
}

static json_t *fault_json(const struct net_fault *f)
{
	if (f->what == NET_FINE)
		return json_null();
	return json_pack("{s:s, s:s, s:s}", "step", net_step_key(f->step), "what", net_what_key(f->what), "detail", f->detail);
}

static json_t *ports_json(const struct board *b)
{
	json_t *list = json_array();
	for (size_t i = 0; i < b->r->ports.n; i++) {
		const struct probe_port *p = &b->r->ports.v[i];
		bool open = p->fault.what == NET_FINE || p->fault.step > NET_CONNECT;
		const char *state = open ? "open" : p->fault.what == NET_REFUSED ? "refused" : p->fault.what == NET_NO_ANSWER ? "filtered" : "unreachable";
		json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:b, s:o, s:i, s:i, s:o}", "port", (int)p->port, "state", state, "speaks",
			protocol_name(p->speaks), "implicit_tls", (int)p->implicit, "greeting", text(b, p->greeting), "connect_ms", (int)p->connect_ms,
			"greeting_ms", (int)p->greeting_ms, "fault", fault_json(&p->fault)));
	}
	return list;
}

static json_t *ehlo_json(const struct board *b)
{
	json_t *list = json_array();
	for (size_t i = 0; i < b->r->ehlos.n; i++) {
		const struct probe_ehlo *e = &b->r->ehlos.v[i];
		json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:s, s:o}", "form", e->form, "said", text(b, e->said), "result", probe_cell_key(e->cell),
			"at", e->at, "reply", text(b, e->reply)));
	}
	return list;
}

static json_t *auth_json(const struct board *b)
{
	static const char *const kinds[] = {[TRY_CANCEL] = "none", [TRY_RIGHT] = "right", [TRY_WRONG] = "wrong"};
	json_t *list = json_array();
	for (size_t i = 0; i < b->r->auths.n; i++) {
		const struct probe_auth *a = &b->r->auths.v[i];
		json_array_append_new(list, json_pack("{s:o, s:b, s:b, s:b, s:s, s:s, s:o}", "mech", text(b, a->mech), "advertised", (int)a->advertised, "tls",
			(int)a->tls, "initial_response", (int)a->initial, "password", kinds[a->kind], "result", probe_cell_key(a->cell), "reply", text(b, a->reply)));
	}
	return list;
}

static json_t *rest_json(const struct board *b, const char *which)
{
	json_t *list = json_array();
	for (size_t i = 0; *which == 'v' && i < b->r->versions.n; i++) {
		const struct probe_version *v = &b->r->versions.v[i];
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "version", v->name, "result", probe_cell_key(v->cell), "detail", text(b, v->detail)));
	}
	for (size_t i = 0; *which == 'r' && i < b->r->relays.n; i++) {
		const struct probe_relay *e = &b->r->relays.v[i];
		json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:s, s:o}", "what", e->what, "from", text(b, e->from), "to", text(b, e->to), "result",
			probe_cell_key(e->cell), "reply", text(b, e->reply)));
	}
	return list;
}

struct json_t *probe_show_json(const struct probe_report *r, const struct report_options *o)
{
	const struct board b = {NULL, arena_new(0), r, o};
	if (!b.arena)
		return NULL;
	json_t *j = json_pack("{s:o, s:i, s:b, s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "host", text(&b, slice_from_cstr(r->options->host)), "port",
		(int)r->options->port, "reached", (int)r->reached, "fault", fault_json(&r->fault), "ehlo", text(&b, r->ehlo), "connect_ms", (int)r->connect_ms,
		"greeting_ms", (int)r->greeting_ms, "ports", ports_json(&b), "tls_versions", rest_json(&b, "v"), "ehlo_matrix", ehlo_json(&b), "auth_matrix",
		auth_json(&b), "relaying", rest_json(&b, "r"));
	arena_free(b.arena);
	return j;
}
