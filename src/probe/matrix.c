/* What a server takes: names in EHLO, mechanisms and forms of login, versions of TLS, senders and recipients. One short session per cell. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "probe/talk.h"

/* --- names in EHLO ---------------------------------------------------------------------------------------------------------------- */

struct name_form {
	const char *form;
	const char *said; /* NULL: made from the dialogue */
	bool helo;
};

/* Documentation names and addresses (RFC 2606, 5737) where a form needs one. */
static const struct name_form forms[] = {
	{"fqdn", "probe.example.com", false}, {"underscore", "probe_host.example.com", false}, {"short", "probe", false},
	{"localhost", "localhost", false},    {"bare-ip", "192.0.2.7", false},                 {"bracketed-ip", "[192.0.2.7]", false},
	{"empty", "", false},                 {"servers-own", NULL, false},                    {"helo-only", "probe.example.com", true},
};

/* Somebody whom the server should know. Postfix takes plain “postmaster” from anybody whatever its rules say, so the server's name goes with it. */
static const char *some_recipient(const struct probe *p)
{
	const char *made = p->greeting_name.n && p->greeting_name.n < 200
				   ? (const char *)arena_printf(p->r->arena, "postmaster@%.*s", SLICE_FMT(p->greeting_name)).p
				   : NULL;
	return p->o->to ? p->o->to : made ? made : "postmaster";
}

/* How far a name gets: many servers (Postfix with smtpd_delay_reject) take the name and refuse the recipient for it. */
static enum probe_cell try_name(struct probe *p, const char *name, bool helo, struct probe_ehlo *ret)
{
	const struct way w = {.tls = PROBE_TLS_NEVER, .ehlo = name, .helo = helo, .until = PROBE_EHLO};
	struct talk t;
	const struct event *e = NULL;
	talk_begin(&t, p, &w);
	ret->at = "EHLO";
	e = t.hello;
	if (reply_ok(e)) {
		ret->at = "MAIL";
		e = talk_command(&t, "MAIL FROM:<%s>", p->o->from ? p->o->from : "");
	}
	if (reply_ok(e) && strcmp(ret->at, "MAIL") == 0) {
		ret->at = "RCPT";
		e = talk_command(&t, "RCPT TO:<%s>", some_recipient(p));
	}
	ret->reply = talk_keep_reply(p, e);
	enum probe_cell cell = !t.link ? CELL_NOT_REACHED : reply_ok(e) ? CELL_WORKS : e ? CELL_REFUSED : talk_silence(&t);
	talk_drop(&t);
	return cell;
}

static unsigned distance(const struct probe_ehlo *e)
{
	static const char *const order[] = {"EHLO", "MAIL", "RCPT"};
	unsigned n = 0;
	while (n < 2 && strcmp(order[n], e->at) != 0)
		n++;
	return e->cell == CELL_WORKS ? 3 : n;
}

/* What stops a good name too (no such recipient, TLS wanted first) says nothing about the others: only who gets less far was refused for its name. */
static void compare_names(struct probe_report *r)
{
	if (!r->ehlos.n || r->ehlos.v[0].cell != CELL_REFUSED || distance(&r->ehlos.v[0]) == 0)
		return;
	const struct probe_ehlo first = r->ehlos.v[0];
	for (size_t i = 0; i < r->ehlos.n; i++) {
		struct probe_ehlo *e = &r->ehlos.v[i];
		bool same = slice_eq(slice_sub(e->reply, 0, 9), slice_sub(first.reply, 0, 9));
		if (e->cell == CELL_REFUSED && distance(e) >= distance(&first) && same)
			e->cell = CELL_WORKS;
	}
}

void probe_ehlo_matrix(struct probe *p)
{
	char own[256];
	snprintf(own, sizeof own, "%.*s", SLICE_FMT(slice_sub(p->greeting_name, 0, 255)));
	for (size_t i = 0; i < sizeof forms / sizeof *forms && !net_loop_stopped(p->loop); i++) {
		const char *said = forms[i].said ? forms[i].said : own;
		if (!forms[i].said && !*own)
			continue;
		struct probe_ehlo row = {.form = forms[i].form, .said = arena_dup(p->r->arena, slice_from_cstr(said))};
		talk_progress(p, "%s %s", forms[i].helo ? "HELO" : "EHLO", said);
		row.cell = try_name(p, said, forms[i].helo, &row);
		struct probe_ehlo *slot = VEC_PUSH(p->r->arena, &p->r->ehlos);
		if (slot)
			*slot = row;
	}
	compare_names(p->r);
}

/* --- logins ------------------------------------------------------------------------------------------------------------------------ */

struct mechs {
	struct slice v[PROBE_MECHS_MAX];
	size_t n;
};

static void add_mech(struct mechs *m, struct slice mech)
{
	for (size_t i = 0; i < m->n; i++)
		if (slice_eq_nocase(m->v[i], mech))
			return;
	if (m->n < PROBE_MECHS_MAX && mech.n && mech.n <= 20)
		m->v[m->n++] = mech;
}

static void add_advertised(struct probe *p, struct mechs *m, const struct capabilities *c)
{
	for (size_t i = 0; c && i < c->n_items; i++) {
		struct slice words = c->items[i];
		if (!slice_skip_nocase(&words, S("AUTH")) && !slice_skip_nocase(&words, S("SASL")))
			continue;
		if (!words.n || (words.p[0] != ' ' && words.p[0] != '='))
			continue;
		words = slice_from(words, 1);
		while (words.n) {
			struct slice w = arena_dup(p->r->arena, slice_next_word(&words));
			for (size_t k = 0; k < w.n; k++)
				((uint8_t *)(uintptr_t)w.p)[k] = (uint8_t)(w.p[k] >= 'a' && w.p[k] <= 'z' ? w.p[k] - 32 : w.p[k]);
			add_mech(m, w);
		}
	}
}

static void try_login(struct probe *p, struct probe_auth row)
{
	const struct way w = {.tls = row.tls ? PROBE_TLS_MUST : PROBE_TLS_NEVER, .until = PROBE_ALL};
	const struct attempt_login l = {
		.mech = row.mech, .user = p->o->user, .initial = row.initial, .cancel = row.kind == TRY_CANCEL,
		.password = row.kind == TRY_RIGHT ? p->o->password : S("telltale-wrong-on-purpose"),
	};
	static const char *const kinds[] = {[TRY_CANCEL] = "", [TRY_RIGHT] = "+ password", [TRY_WRONG] = "+ wrong password"};
	struct talk t;
	const struct event *reply = NULL;
	if (net_loop_stopped(p->loop))
		return;
	talk_progress(p, "AUTH %.*s %s", SLICE_FMT(row.mech), kinds[row.kind]);
	row.cell = talk_begin(&t, p, &w) ? talk_login(&t, &l, &reply) : CELL_NOT_REACHED;
	row.reply = talk_keep_reply(p, reply);
	talk_drop(&t);
	struct probe_auth *slot = VEC_PUSH(p->r->arena, &p->r->auths);
	if (slot)
		*slot = row;
	if (row.kind != TRY_CANCEL)
		net_loop_pause(p->loop, p->o->pause_ms);
}

static void try_mech(struct probe *p, struct slice mech, const struct capabilities *c, bool tls)
{
	struct probe_auth row = {.mech = mech, .advertised = caps_have_mech(c, mech), .tls = tls};
	bool sasl = !slice_eq(mech, S("LOGIN-CMD")) && !slice_eq(mech, S("USER/PASS"));
	bool safe = tls || !p->has_tls || p->o->tls == PROBE_TLS_NEVER;
	if (sasl) {
		row.kind = TRY_CANCEL;
		try_login(p, row);
	}
	/* The password only goes where the main session would send it, and to mechanisms that are offered. */
	if (!p->o->has_password || !safe || !row.advertised || !talk_mech_is_known(mech))
		return;
	row.kind = TRY_RIGHT;
	try_login(p, row);
	if (talk_mech_begins(mech)) {
		row.initial = true;
		try_login(p, row);
	}
	row.kind = TRY_WRONG;
	try_login(p, row);
}

static bool is_positive(const struct probe_auth *a)
{
	return a->cell == CELL_WORKS;
}

/* The same password works elsewhere: then it is not the password that is refused. */
static void judge_logins(struct probe *p)
{
	struct probe_report *r = p->r;
	bool works = false;
	for (size_t i = 0; i < r->auths.n; i++)
		works |= r->auths.v[i].kind == TRY_RIGHT && is_positive(&r->auths.v[i]);
	for (size_t i = 0; works && i < r->auths.n; i++)
		if (r->auths.v[i].kind == TRY_RIGHT && r->auths.v[i].cell == CELL_REFUSED)
			r->auths.v[i].cell = CELL_BROKEN;
}

static bool any_form_works(const struct probe_report *r, struct slice mech, bool tls)
{
	for (size_t i = 0; i < r->auths.n; i++) {
		const struct probe_auth *a = &r->auths.v[i];
		if (a->kind == TRY_RIGHT && a->tls == tls && slice_eq(a->mech, mech) && is_positive(a))
			return true;
	}
	return false;
}

static void note_login(struct probe *p, const struct probe_auth *a)
{
	struct arena *arena = p->r->transcript->arena;
	bool bad = a->cell == CELL_BROKEN || a->cell == CELL_SILENT || a->cell == CELL_CLOSED;
	const char *form = a->initial ? "with" : "without", *where = a->tls ? "inside TLS" : "before TLS";
	if (a->kind == TRY_WRONG && a->cell == CELL_WORKS)
		probe_note(p, "any-password", a->mech, form, a->reply, arena_printf(arena, "AUTH %.*s: a wrong password is accepted", SLICE_FMT(a->mech)));
	if (!bad || !a->advertised || a->kind == TRY_WRONG)
		return;
	bool other = a->kind == TRY_RIGHT && any_form_works(p->r, a->mech, a->tls);
	probe_note(p, other && a->initial ? "auth-initial-broken" : "auth-broken", a->mech, form, a->reply,
		   arena_printf(arena, "AUTH %.*s %s initial response, %s: advertised, but %s", SLICE_FMT(a->mech), form, where, probe_cell_key(a->cell)));
}

void probe_auth_matrix(struct probe *p, const struct capabilities *clear, const struct capabilities *tls)
{
	struct mechs m = {0};
	add_advertised(p, &m, tls);
	add_advertised(p, &m, clear);
	if (p->o->protocol == PROTOCOL_IMAP)
		add_mech(&m, S("LOGIN-CMD"));
	else if (p->o->protocol == PROTOCOL_POP3)
		add_mech(&m, S("USER/PASS"));
	add_mech(&m, S("PLAIN"));
	add_mech(&m, S("LOGIN"));
	add_mech(&m, S("CRAM-MD5"));
	for (size_t i = 0; i < m.n; i++) {
		if (!p->o->implicit)
			try_mech(p, m.v[i], clear, false);
		if (p->has_tls)
			try_mech(p, m.v[i], tls, true);
	}
	judge_logins(p);
	for (size_t i = 0; i < p->r->auths.n; i++)
		note_login(p, &p->r->auths.v[i]);
}

/* --- versions of TLS ---------------------------------------------------------------------------------------------------------------- */

void probe_versions(struct probe *p)
{
	static const struct {
		const char *name;
		int version;
	} versions[] = {{"TLSv1", TLS1_VERSION}, {"TLSv1.1", TLS1_1_VERSION}, {"TLSv1.2", TLS1_2_VERSION}, {"TLSv1.3", TLS1_3_VERSION}};
	for (size_t i = 0; i < sizeof versions / sizeof *versions && !net_loop_stopped(p->loop); i++) {
		const struct way w = {.tls = PROBE_TLS_MUST, .tls_only = versions[i].version, .until = PROBE_TLS};
		struct talk t;
		talk_progress(p, "%s", versions[i].name);
		talk_begin(&t, p, &w);
		struct probe_version *v = t.link ? VEC_PUSH(p->r->arena, &p->r->versions) : NULL;
		if (v) {
			v->name = versions[i].name;
			const struct net_fault *f = link_fault(t.link);
			bool up = link_in_tls(t.link);
			v->cell = up ? CELL_WORKS : f->step == NET_TLS || t.tls_refused ? CELL_REFUSED : talk_silence(&t);
			v->detail = arena_dup(p->r->arena, up ? link_session(t.link)->tls.cipher : slice_from_cstr(f->detail));
		}
		talk_drop(&t);
	}
}

/* --- relaying ------------------------------------------------------------------------------------------------------------------------ */

static void try_relay(struct probe *p, const char *what, const char *from, const char *to)
{
	const struct way w = {.tls = p->o->tls, .until = PROBE_ALL};
	struct talk t;
	const struct event *e = NULL;
	talk_progress(p, "MAIL FROM:<%s> RCPT TO:<%s>", from, to);
	if (talk_begin(&t, p, &w))
		e = talk_command(&t, "MAIL FROM:<%s>", from);
	if (reply_ok(e))
		e = talk_command(&t, "RCPT TO:<%s>", to);
	struct probe_relay *slot = t.link ? VEC_PUSH(p->r->arena, &p->r->relays) : NULL;
	if (slot) {
		*slot = (struct probe_relay){.what = what, .reply = talk_keep_reply(p, e)};
		slot->from = arena_dup(p->r->arena, slice_from_cstr(from));
		slot->to = arena_dup(p->r->arena, slice_from_cstr(to));
		slot->cell = reply_ok(e) ? CELL_WORKS : e ? CELL_REFUSED : talk_silence(&t);
	}
	talk_drop(&t);
}

void probe_relaying(struct probe *p)
{
	char own[300];
	if (p->o->protocol != PROTOCOL_SMTP)
		return;
	/* RFC 2606 names, which nobody owns: a server that accepts them relays for strangers. Nothing is sent. */
	try_relay(p, "foreign", "telltale-probe@example.org", "telltale-probe@example.com");
	try_relay(p, "own", p->o->from ? p->o->from : "", some_recipient(p));
	struct slice name = p->greeting_name;
	if (name.n && name.n < 200) {
		snprintf(own, sizeof own, "postmaster@%.*s", SLICE_FMT(name));
		try_relay(p, "sender-not-owned", own, some_recipient(p));
	}
	const struct probe_relay *foreign = p->r->relays.n ? &p->r->relays.v[0] : NULL;
	if (foreign && foreign->cell == CELL_WORKS)
		probe_note(p, "open-relay", SLICE_NONE, NULL, foreign->reply, S("without a login, a recipient of a foreign domain is accepted from a foreign sender"));
}
