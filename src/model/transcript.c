#include "model/transcript.h"

#include <assert.h>
#include <stdlib.h>

const char *outcome_name(enum outcome o)
{
	static const char *const names[OUTCOME_COUNT] = {
		"unknown", "ok", "refused", "deferred", "timed-out", "reset", "closed-early", "tls-failed", "not-connected",
	};
	assert(o < OUTCOME_COUNT);
	return names[o];
}

struct transcript *transcript_new(void)
{
	struct transcript *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->arena = arena_new(TRANSCRIPT_MEMORY);
	if (!t->arena) {
		free(t);
		return NULL;
	}
	return t;
}

void transcript_free(struct transcript *t)
{
	if (!t)
		return;
	arena_free(t->arena);
	free(t);
}

void transcript_recycle(struct transcript *t)
{
	struct arena *fresh = arena_new(TRANSCRIPT_MEMORY);
	if (!fresh)
		return;
	struct transcript old = *t;
	*t = (struct transcript){.arena = fresh, .sessions_made = old.sessions_made};
	for (size_t i = 0; i < old.inputs.n; i++) {
		struct input *in = VEC_PUSH(fresh, &t->inputs);
		if (!in)
			break;
		*in = old.inputs.v[i];
		in->path = arena_dup(fresh, in->path);
		in->form = arena_dup(fresh, in->form);
	}
	arena_free(old.arena);
}

static bool append(struct transcript *t, struct event ***v, size_t *n, size_t *cap, struct event *e)
{
	struct event **slot = vec_push_(t->arena, (void **)(void *)v, n, cap, sizeof **v);
	if (slot)
		*slot = e;
	return slot != NULL;
}

void transcript_adopt(struct transcript *t, struct transcript *from)
{
	bool ok = true;
	for (size_t i = 0; i < from->sessions.n; i++) {
		struct session **slot = VEC_PUSH(t->arena, &t->sessions);
		ok = ok && slot;
		if (!slot)
			continue;
		*slot = from->sessions.v[i];
		(*slot)->id = ++t->sessions_made;
		(*slot)->transcript = t;
	}
	for (size_t i = 0; i < from->events.n; i++)
		ok = ok && append(t, &t->events.v, &t->events.n, &t->events.cap, from->events.v[i]);
	for (size_t i = 0; i < from->context.n; i++)
		ok = ok && append(t, &t->context.v, &t->context.n, &t->context.cap, from->context.v[i]);
	t->memory_full |= !ok || from->memory_full;
	arena_adopt(t->arena, from->arena);
	free(from);
}

struct session *session_new(struct transcript *t, enum protocol p)
{
	struct session *s = ARENA_NEW(t->arena, struct session);
	struct session **slot = s ? VEC_PUSH(t->arena, &t->sessions) : NULL;
	if (!slot) {
		t->memory_full = true;
		return NULL;
	}
	*slot = s;
	s->id = ++t->sessions_made;
	s->transcript = t;
	s->protocol = p;
	return s;
}

void transcript_add(struct transcript *t, struct session *s, struct event *e)
{
	e->session = s;
	bool ok = append(t, &t->events.v, &t->events.n, &t->events.cap, e);
	if (s) {
		ok = ok && append(t, &s->events.v, &s->events.n, &s->events.cap, e);
		e->n = (unsigned)s->events.n;
		if (!s->start.has_time && e->stamp.has_time)
			s->start = e->stamp;
		if (e->stamp.has_time)
			s->end = e->stamp;
	} else {
		ok = ok && append(t, &t->context.v, &t->context.n, &t->context.cap, e);
		e->n = (unsigned)t->context.n;
	}
	if (!ok)
		t->memory_full = true;
}

void transcript_finish(struct transcript *t)
{
	for (size_t i = 0; i < t->sessions.n; i++)
		session_finish(t->sessions.v[i]);
}

/* --- derived tables ----------------------------------------------------------------------------------------------------------- */

static bool status_positive(enum reply_status st)
{
	return st == STATUS_OK || st == STATUS_MORE || st == STATUS_PREAUTH;
}

static bool status_negative(enum reply_status st)
{
	return st == STATUS_NO || st == STATUS_BAD || st == STATUS_BYE;
}

static struct exchange *add_exchange(struct session *s, struct event *command, struct event *reply, struct slice verb)
{
	struct exchange *x = VEC_PUSH(s->transcript->arena, &s->exchanges);
	if (!x)
		return NULL;
	const struct event *said = command ? command : reply;
	x->command = command;
	x->reply = reply;
	x->verb = verb;
	x->tls = said->tls;
	x->authenticated = said->authenticated;
	if (reply) {
		x->positive = status_positive(reply->answer.status);
		x->negative = status_negative(reply->answer.status);
	}
	return x;
}

/* "<a@b> SIZE=12" or "a@b" without brackets and parameters. */
static struct slice bare_path(struct slice args)
{
	slice_skip_space(&args);
	if (slice_starts(args, S("<"))) {
		size_t close = slice_find_byte(args, '>');
		return slice_sub(args, 1, close);
	}
	return slice_next_word(&args);
}

static void see_command(struct session *s, struct event *e)
{
	struct slice verb = e->command.verb;
	if (slice_eq(verb, S("EHLO")) || slice_eq(verb, S("HELO")) || slice_eq(verb, S("LHLO"))) {
		s->ehlo = e->command.args;
		s->ehlo_event = e;
	} else if (slice_eq(verb, S("MAIL"))) {
		s->mail_from = bare_path(e->command.args);
	} else if (slice_eq(verb, S("RCPT"))) {
		s->rcpt_to = bare_path(e->command.args);
	}
	add_exchange(s, e, e->reply, verb);
}

static void see_data(struct session *s, struct event *e)
{
	if (!slice_eq(e->command.verb, S("DOT")))
		return;
	add_exchange(s, e, e->reply, e->command.verb);
	if (e->reply && e->reply->answer.status == STATUS_OK)
		s->message_accepted = true;
}

static void see_reply(struct session *s, struct event *e)
{
	if (e->kind == EV_GREETING) {
		add_exchange(s, NULL, e, S("CONNECT"));
		return;
	}
	/* Replies that a report quotes carry the verb they answer as a fact; replies to commands came with their command. */
	if (e->cmd || e->answer.status == STATUS_NONE)
		return;
	add_exchange(s, NULL, e, event_fact(e, "after"));
}

static void add_item(struct session *s, struct capabilities *c, size_t *cap, struct slice item)
{
	item = slice_trim(item);
	if (item.n == 0)
		return;
	struct slice *slot = vec_push_(s->transcript->arena, (void **)(void *)&c->items, &c->n_items, cap, sizeof *c->items);
	if (slot)
		*slot = item;
}

static void caps_from_words(struct session *s, struct event *e, struct slice words)
{
	struct capabilities *c = VEC_PUSH(s->transcript->arena, &s->caps);
	size_t cap = 0;
	if (!c)
		return;
	*c = (struct capabilities){.event = e, .tls = e->tls, .authenticated = e->authenticated};
	while (words.n)
		add_item(s, c, &cap, slice_next_word(&words));
}

static void caps_from_lines(struct session *s, struct event *e)
{
	struct capabilities *c = VEC_PUSH(s->transcript->arena, &s->caps);
	size_t cap = 0;
	if (!c)
		return;
	*c = (struct capabilities){.event = e, .tls = e->tls, .authenticated = e->authenticated};
	for (size_t i = 1; i < e->answer.n_lines; i++)
		add_item(s, c, &cap, e->answer.lines[i]);
}

static bool replies_to(const struct event *e, struct slice verb)
{
	return e->cmd && slice_eq(e->cmd->command.verb, verb);
}

static void see_capabilities(struct session *s, struct event *e)
{
	struct slice text = e->text;
	bool listed = e->kind == EV_UNTAGGED || e->kind == EV_GREETING || e->kind == EV_REPLY;
	if (s->protocol == PROTOCOL_IMAP && listed) {
		struct slice code = e->answer.response_code;
		if (slice_skip_nocase(&text, S("* CAPABILITY ")))
			caps_from_words(s, e, text);
		else if (slice_skip_nocase(&code, S("CAPABILITY ")))
			caps_from_words(s, e, code);
		return;
	}
	/* A reply of which only the beginning is known is no list without the word that is missed in it. */
	if (e->kind != EV_REPLY || e->answer.status != STATUS_OK || (e->oddities & ODD_CUT))
		return;
	if (replies_to(e, S("EHLO")) || replies_to(e, S("LHLO")) || replies_to(e, S("CAPA")))
		caps_from_lines(s, e);
	else if (!e->cmd && s->protocol != PROTOCOL_POP3 && e->answer.code == 250 && e->answer.n_lines > 2)
		caps_from_lines(s, e); /* the EHLO line itself was not pasted */
}

/* --- logins ------------------------------------------------------------------------------------------------------------------- */

static struct login *add_login(struct session *s, struct event *cmd, struct slice mech)
{
	struct login *l = VEC_PUSH(s->transcript->arena, &s->logins);
	if (!l)
		return NULL;
	*l = (struct login){.command = cmd, .reply = cmd->reply, .mech = mech, .tls = cmd->tls};
	const struct capabilities *c = session_caps_before(s, cmd->n);
	l->caps_known = c != NULL;
	l->offered = c && caps_have_mech(c, mech);
	if (cmd->reply) {
		l->passed = cmd->reply->answer.status == STATUS_OK;
		l->failed = status_negative(cmd->reply->answer.status);
	}
	return l;
}

static void login_credentials(struct login *l, struct event *e)
{
	if (e->sasl.user.p && e->sasl.user.n) {
		l->user = e->sasl.user;
		l->user_event = e;
	}
	if (e->sasl.password.p && e->sasl.password.n) {
		l->password = e->sasl.password;
		l->password_event = e;
	}
}

static void see_login_command(struct session *s, struct event *e)
{
	struct slice verb = e->command.verb;
	struct login *l = NULL;
	if (slice_eq(verb, S("AUTH")) || slice_eq(verb, S("AUTHENTICATE"))) {
		if (e->sasl.mech.n)
			l = add_login(s, e, e->sasl.mech);
		if (l)
			l->initial_response = e->sasl.initial;
	} else if (slice_eq(verb, S("LOGIN")) && s->protocol == PROTOCOL_IMAP) {
		l = add_login(s, e, S("LOGIN-CMD"));
	} else if (slice_eq(verb, S("PASS"))) {
		l = add_login(s, e, S("USER/PASS"));
	} else if (slice_eq(verb, S("APOP"))) {
		l = add_login(s, e, S("APOP"));
	}
	if (l)
		login_credentials(l, e);
}

static void see_login_step(struct session *s, struct event *e)
{
	if (e->kind == EV_COMMAND) {
		see_login_command(s, e);
		return;
	}
	if (!s->logins.n)
		return;
	struct login *l = &s->logins.v[s->logins.n - 1];
	if (e->kind == EV_RESPONSE && l->command == e->cmd) {
		l->responses++;
		login_credentials(l, e);
	}
}

/* POP3's user stands in the command before PASS. */
static void pop3_users(struct session *s)
{
	struct event *user = NULL;
	for (size_t i = 0, l = 0; i < s->events.n; i++) {
		struct event *e = s->events.v[i];
		if (e->kind != EV_COMMAND)
			continue;
		if (slice_eq(e->command.verb, S("USER")))
			user = e;
		while (l < s->logins.n && s->logins.v[l].command->n <= e->n) {
			if (s->logins.v[l].command == e && user && !s->logins.v[l].user.n) {
				s->logins.v[l].user = user->sasl.user;
				s->logins.v[l].user_event = user;
			}
			l++;
		}
	}
}

/* --- outcome ------------------------------------------------------------------------------------------------------------------ */

static bool is_goodbye(const struct exchange *x)
{
	return exchange_is(x, S("QUIT")) || exchange_is(x, S("LOGOUT")) || exchange_is(x, S("NOOP")) || exchange_is(x, S("RSET"));
}

static bool logged_in(const struct session *s)
{
	for (size_t i = 0; i < s->logins.n; i++)
		if (s->logins.v[i].passed)
			return true;
	return false;
}

static enum outcome judge_outcome(const struct session *s)
{
	if (s->message_accepted)
		return OUTCOME_OK;
	for (size_t i = s->exchanges.n; i-- > 0;) {
		const struct exchange *x = &s->exchanges.v[i];
		if (is_goodbye(x) || !x->reply)
			continue;
		if (!x->negative)
			break;
		bool temporary = x->reply->answer.code / 100 == 4;
		return temporary ? OUTCOME_DEFERRED : OUTCOME_REFUSED;
	}
	if (s->protocol != PROTOCOL_SMTP && s->protocol != PROTOCOL_LMTP && logged_in(s))
		return OUTCOME_OK;
	return OUTCOME_UNKNOWN;
}

static void guess_software(struct session *s, struct event *e)
{
	if (s->server.software != SOFTWARE_UNKNOWN || e->side != SIDE_SERVER)
		return;
	s->server.software = software_guess(e->text);
	if (s->server.software != SOFTWARE_UNKNOWN)
		s->server.software_from = e;
}

/* Is the first word of a greeting the server's name? A refusal's first word is often its enhanced code or the beginning of a sentence. */
static bool names_host(const struct event *greeting, struct slice word, struct slice rest)
{
	bool letter = false, dot = false;
	for (size_t i = 0; i < word.n; i++) {
		letter = letter || ascii_is_alpha(word.p[i]);
		dot = dot || (word.p[i] == '.' && i > 0 && i + 1 < word.n);
		if (!ascii_is_alnum(word.p[i]) && !strchr(".-_[]:", word.p[i]))
			return false;
	}
	if (!letter || word.n < 2)
		return false;
	return dot || (greeting->answer.status == STATUS_OK && (slice_has_nocase(slice_next_word(&rest), S("SMTP")) || !rest.n));
}

static void name_parties(struct session *s)
{
	for (size_t i = 0; i < s->events.n && !s->server.name.n; i++) {
		const struct event *e = s->events.v[i];
		if (e->kind != EV_GREETING || s->protocol == PROTOCOL_IMAP || s->protocol == PROTOCOL_POP3 || !e->answer.n_lines)
			continue;
		struct slice first = e->answer.lines[0];
		struct slice word = slice_next_word(&first);
		if (names_host(e, word, first))
			s->server.name = word;
	}
	if (!s->client.name.n)
		s->client.name = s->ehlo;
}

void session_finish(struct session *s)
{
	s->exchanges.n = s->caps.n = s->logins.n = 0;
	s->message_accepted = false;
	for (size_t i = 0; i < s->events.n; i++) {
		struct event *e = s->events.v[i];
		guess_software(s, e);
		see_capabilities(s, e);
		/* A command said inside TLS that no announcement told of: STARTTLS was accepted and the dialogue went on (a QUIT may be a retreat). */
		if (e->kind == EV_COMMAND && e->tls && s->tls.mode == TLS_NONE && !slice_eq(e->command.verb, S("QUIT")))
			s->tls.mode = TLS_STARTTLS;
		if (e->kind == EV_COMMAND)
			see_command(s, e);
		else if (e->kind == EV_DATA)
			see_data(s, e);
		else if (e->kind == EV_REPLY || e->kind == EV_GREETING)
			see_reply(s, e);
		see_login_step(s, e);
	}
	if (s->protocol == PROTOCOL_POP3)
		pop3_users(s);
	name_parties(s);
	if (s->outcome == OUTCOME_UNKNOWN)
		s->outcome = judge_outcome(s);
	s->complete = true;
}

/* --- questions ---------------------------------------------------------------------------------------------------------------- */

const struct capabilities *session_caps_before(const struct session *s, unsigned n)
{
	const struct capabilities *found = NULL;
	for (size_t i = 0; i < s->caps.n; i++)
		if (n == 0 || s->caps.v[i].event->n < n)
			found = &s->caps.v[i];
	return found;
}

const struct capabilities *session_caps_tls(const struct session *s, bool tls)
{
	for (size_t i = 0; i < s->caps.n; i++)
		if (s->caps.v[i].tls == tls)
			return &s->caps.v[i];
	return NULL;
}

bool caps_have(const struct capabilities *c, struct slice keyword, struct slice *ret_args)
{
	for (size_t i = 0; c && i < c->n_items; i++) {
		struct slice item = c->items[i];
		if (!slice_skip_nocase(&item, keyword))
			continue;
		if (item.n && item.p[0] != ' ' && item.p[0] != '=' && item.p[0] != '\t')
			continue;
		if (ret_args)
			*ret_args = slice_from(item, 1);
		return true;
	}
	return false;
}

static bool words_have(struct slice words, struct slice wanted)
{
	while (words.n) {
		struct slice w = slice_next_word(&words);
		if (slice_eq_nocase(w, wanted))
			return true;
	}
	return false;
}

bool caps_have_mech(const struct capabilities *c, struct slice mech)
{
	if (slice_eq(mech, S("LOGIN-CMD")))
		return c && !caps_have(c, S("LOGINDISABLED"), NULL);
	if (slice_eq(mech, S("USER/PASS")))
		return c && caps_have(c, S("USER"), NULL);
	for (size_t i = 0; c && i < c->n_items; i++) {
		struct slice item = c->items[i];
		if (!slice_skip_nocase(&item, S("AUTH")) && !slice_skip_nocase(&item, S("SASL")) && !slice_skip_nocase(&item, S("X-EXPS")))
			continue;
		if (item.n && (item.p[0] == ' ' || item.p[0] == '=') && words_have(slice_from(item, 1), mech))
			return true;
	}
	return false;
}

bool caps_offer_auth(const struct capabilities *c)
{
	return caps_have(c, S("AUTH"), NULL) || caps_have(c, S("SASL"), NULL);
}

bool exchange_is(const struct exchange *x, struct slice verb)
{
	return slice_eq(x->verb, verb);
}

const struct exchange *session_exchange(const struct session *s, struct slice verb, size_t from, size_t *ret_index)
{
	for (size_t i = from; i < s->exchanges.n; i++)
		if (exchange_is(&s->exchanges.v[i], verb)) {
			if (ret_index)
				*ret_index = i;
			return &s->exchanges.v[i];
		}
	return NULL;
}

struct event *session_event(const struct session *s, enum event_kind k, size_t from)
{
	for (size_t i = from; i < s->events.n; i++)
		if (s->events.v[i]->kind == k)
			return s->events.v[i];
	return NULL;
}

struct slice reply_human(const struct event *reply)
{
	if (!reply->answer.n_lines)
		return SLICE_NONE;
	struct slice s = reply->answer.lines[0];
	slice_skip_space(&s);
	struct slice word = s;
	word = slice_next_word(&word);
	bool dotted = word.n >= 5 && ascii_is_digit(word.p[0]) && word.p[1] == '.';
	if (reply->answer.enhanced.cls && dotted) {
		slice_next_word(&s);
		slice_skip_space(&s);
	}
	return s;
}

bool value_is_masked(struct slice v)
{
	v = slice_trim(v);
	if (v.n == 0)
		return false;
	if (slice_has_nocase(v, S("redacted")) || slice_has_nocase(v, S("hidden")) || slice_has_nocase(v, S("removed")) || slice_has(v, S("***")) ||
	    slice_has(v, S("...")) || slice_has(v, S("…")) || slice_has_nocase(v, S("xxxx")))
		return true;
	if (v.p[0] == '<' || (v.p[0] == '[' && v.p[v.n - 1] == ']'))
		return true;
	for (size_t i = 0; i < v.n; i++)
		if (!strchr("*xX.=-_", v.p[i]))
			return false;
	return true;
}
