/* POP3: RFC 1939; CAPA RFC 2449, STLS RFC 2595, AUTH RFC 5034. */
#include "proto/dialogue-private.h"

static const char *const verbs[] = {
	"USER", "PASS", "APOP", "STAT", "LIST", "RETR", "DELE", "NOOP", "RSET", "QUIT", "TOP", "UIDL", "CAPA", "STLS", "AUTH", "UTF8", "LANG", "XTND",
};

bool pop3_is_verb(struct slice word)
{
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (slice_eq_nocase(word, slice_from_cstr(verbs[i])))
			return true;
	return false;
}

bool pop3_reply_line(struct slice line, struct reply *ret)
{
	struct slice s = line;
	if (slice_skip_nocase(&s, S("+OK")))
		ret->status = STATUS_OK;
	else if (slice_skip_nocase(&s, S("-ERR")))
		ret->status = STATUS_NO;
	else if (slice_starts(s, S("+ ")) || slice_eq(s, S("+")))
		ret->status = STATUS_MORE, s = slice_from(s, 1);
	else
		return false;
	if (s.n && !ascii_is_space(s.p[0]))
		return false;
	ret->word = slice_sub(line, 0, line.n - s.n);
	slice_skip_space(&s);
	/* RFC 2449 section 8: [IN-USE], [AUTH], [SYS/TEMP] ... right after the word. */
	if (slice_starts(s, S("[")))
		ret->response_code = slice_between(s, S("["), S("]"));
	return true;
}

bool pop3_command_parse(struct arena *a, struct slice line, struct command *ret, uint32_t *odd)
{
	struct slice s = line;
	*ret = (struct command){0};
	if (s.n && ascii_is_space(s.p[0]))
		*odd |= ODD_LEADING_SPACE;
	if (s.n && ascii_is_space(s.p[s.n - 1]))
		*odd |= ODD_TRAILING_SPACE;
	struct slice word = slice_next_word(&s);
	if (word.n == 0)
		return false;
	ret->verb = upper(a, word);
	if (!slice_eq(ret->verb, word))
		*odd |= ODD_LOWER_CASE;
	if (!pop3_is_verb(word))
		*odd |= ODD_UNKNOWN_VERB;
	slice_skip(&s, S(" "));
	ret->args = s;
	return true;
}

static bool is_verb(const struct event *cmd, struct slice verb)
{
	return cmd && slice_eq(cmd->command.verb, verb);
}

/* Does +OK to this command open a listing that a line with a dot ends? */
static bool opens_listing(const struct event *cmd)
{
	if (!cmd)
		return false;
	bool bare = slice_trim(cmd->command.args).n == 0;
	return is_verb(cmd, S("CAPA")) || is_verb(cmd, S("RETR")) || is_verb(cmd, S("TOP")) ||
	       (bare && (is_verb(cmd, S("LIST")) || is_verb(cmd, S("UIDL")) || is_verb(cmd, S("AUTH"))));
}

static void finish_listing(struct dialogue *d, bool complete)
{
	struct event *e = d->open_reply;
	d->open_reply = NULL;
	if (!complete)
		e->oddities |= ODD_UNTERMINATED;
	dialogue_emit(d, e);
}

static void message_expected(struct dialogue *d, const struct event *reply)
{
	struct event *data = dialogue_event(d, EV_DATA, SIDE_SERVER, &(struct line){.first = reply->stamp, .last = reply->stamp});
	if (data)
		data->cmd = reply->cmd;
	half_of(d, SIDE_SERVER)->mode = MODE_MESSAGE;
	dialogue_message_begin(d, SIDE_SERVER, data);
}

static void apply_reply(struct dialogue *d, const struct event *cmd, const struct event *e)
{
	bool ok = e->answer.status == STATUS_OK;
	if (d->sasl_cmd == cmd)
		dialogue_sasl_end(d);
	if (ok && (is_verb(cmd, S("PASS")) || is_verb(cmd, S("APOP")) || (is_verb(cmd, S("AUTH")) && cmd->command.args.n)))
		d->authenticated = true;
	if (ok && is_verb(cmd, S("STLS")))
		d->tls = true;
}

static void status_line(struct dialogue *d, const struct line *l)
{
	struct event *e = dialogue_event(d, EV_REPLY, SIDE_SERVER, l);
	if (!e)
		return;
	pop3_reply_line(e->text, &e->answer);
	d->reply_cap = 0;
	dialogue_append(d, e, l, e->text);
	if (!d->greeted) {
		d->greeted = true;
		if (!d->pending_n) {
			e->kind = EV_GREETING;
			dialogue_emit(d, e);
			return;
		}
	}
	if (e->answer.status == STATUS_MORE) {
		if (d->sasl_cmd)
			dialogue_sasl_challenge(d, e, slice_from(e->text, 2));
		dialogue_emit(d, e);
		return;
	}
	struct event *cmd = dialogue_pop(d);
	if (!cmd)
		e->oddities |= half_of(d, SIDE_CLIENT)->after_gap ? ODD_GAP : ODD_UNEXPECTED;
	dialogue_link(cmd, e);
	if (cmd)
		apply_reply(d, cmd, e);
	if (e->answer.status != STATUS_OK || !opens_listing(cmd)) {
		dialogue_emit(d, e);
	} else if (is_verb(cmd, S("RETR")) || is_verb(cmd, S("TOP"))) {
		dialogue_emit(d, e);
		message_expected(d, e);
	} else {
		d->open_reply = e;
	}
}

static void server_line(struct dialogue *d, const struct line *l)
{
	struct reply r = {0};
	if (d->open_reply && !pop3_reply_line(l->text, &r)) {
		if (slice_eq(slice_trim(l->text), S("."))) {
			finish_listing(d, true);
			return;
		}
		struct event *e = d->open_reply;
		dialogue_append(d, e, l, l->text);
		return;
	}
	if (d->open_reply)
		finish_listing(d, false);
	if (pop3_reply_line(l->text, &r)) {
		status_line(d, l);
		return;
	}
	struct event *e = dialogue_event(d, EV_UNTAGGED, SIDE_SERVER, l);
	if (!e)
		return;
	e->oddities |= ODD_NO_CODE;
	dialogue_append(d, e, l, l->text);
	dialogue_emit(d, e);
}

/* --- client ------------------------------------------------------------------------------------------------------------------- */

static void credentials(struct event *e)
{
	if (is_verb(e, S("USER"))) {
		e->sasl.user = slice_trim(e->command.args);
	} else if (is_verb(e, S("PASS"))) {
		e->sasl.password = e->command.args;
		dialogue_secret(e, e->command.args);
	} else if (is_verb(e, S("APOP"))) {
		struct slice rest = e->command.args;
		e->sasl.mech = S("APOP");
		e->sasl.user = slice_next_word(&rest);
		slice_skip_space(&rest);
		e->sasl.password = rest;
		/* Only a digest is a secret; what stands there otherwise is the evidence (a second name, say). */
		if (rest.n == 32)
			dialogue_secret(e, rest);
	}
}

static void client_line(struct dialogue *d, const struct line *l)
{
	if (d->in_sasl) {
		dialogue_sasl_response(d, l);
		return;
	}
	struct event *e = dialogue_event(d, EV_COMMAND, SIDE_CLIENT, l);
	if (!e)
		return;
	uint32_t odd = 0;
	if (!pop3_command_parse(d->arena, e->text, &e->command, &odd))
		odd |= ODD_UNKNOWN_VERB;
	e->oddities |= odd;
	credentials(e);
	dialogue_queue_command(d, e);
	/* RFC 2449: PIPELINING is a capability of POP3 too, but servers rarely mind; not marked as unoffered. */
	e->oddities &= ~(uint32_t)ODD_PIPELINED_UNOFFERED;
	if (is_verb(e, S("AUTH")) && e->command.args.n) {
		struct slice rest = e->command.args;
		struct slice mech = slice_next_word(&rest);
		slice_skip_space(&rest);
		dialogue_sasl_begin(d, e, mech, rest, rest.n > 0);
	}
	dialogue_emit(d, e);
}

static void interrupt(struct dialogue *d, enum side speaker, const struct line *l)
{
	(void)l;
	if (speaker != SIDE_CLIENT)
		return;
	if (d->open_reply)
		finish_listing(d, false);
	if (half_of(d, SIDE_SERVER)->mode == MODE_MESSAGE)
		dialogue_message_end(d, SIDE_SERVER, false);
}

static void end(struct dialogue *d)
{
	if (d->open_reply)
		finish_listing(d, false);
}

const struct grammar grammar_pop3 = {server_line, client_line, interrupt, end};
