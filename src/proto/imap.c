/* IMAP4rev1 and rev2: RFC 3501, 9051; LITERAL+ RFC 7888, SASL-IR RFC 4959, IDLE RFC 2177. */
#include "proto/dialogue-private.h"

/* A literal of up to this size becomes part of its command (names, passwords); a larger one is summarised as data. */
#define LITERAL_INLINE 1024u

static const char *const verbs[] = {
	"CAPABILITY", "NOOP", "LOGOUT", "STARTTLS", "AUTHENTICATE", "LOGIN", "SELECT", "EXAMINE", "CREATE", "DELETE", "RENAME", "SUBSCRIBE",
	"UNSUBSCRIBE", "LIST", "LSUB", "STATUS", "APPEND", "CHECK", "CLOSE", "EXPUNGE", "SEARCH", "FETCH", "STORE", "COPY", "MOVE", "UID",
	"ID", "IDLE", "NAMESPACE", "ENABLE", "UNSELECT", "GETQUOTA", "GETQUOTAROOT", "SETACL", "GETACL", "MYRIGHTS", "SORT", "THREAD",
	"COMPRESS", "XLIST", "NOTIFY", "GETMETADATA", "SETMETADATA", "DONE",
};

bool imap_is_verb(struct slice word)
{
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (slice_eq_nocase(word, slice_from_cstr(verbs[i])))
			return true;
	return false;
}

static const struct {
	const char *word;
	enum reply_status status;
} statuses[] = {
	{"OK", STATUS_OK}, {"NO", STATUS_NO}, {"BAD", STATUS_BAD}, {"BYE", STATUS_BYE}, {"PREAUTH", STATUS_PREAUTH},
};

static enum reply_status status_of(struct slice word)
{
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
		if (slice_eq_nocase(word, slice_from_cstr(statuses[i].word)))
			return statuses[i].status;
	return STATUS_NONE;
}

/* Status responses "* OK [CODE] text", "A1 NO text" and continuations; other untagged data is not one. */
bool imap_reply_line(struct slice line, struct reply *ret)
{
	struct slice s = line;
	if (slice_starts(s, S("+"))) {
		ret->tag = ret->word = slice_sub(s, 0, 1);
		ret->status = STATUS_MORE;
		return s.n == 1 || s.p[1] == ' ';
	}
	ret->tag = slice_next_word(&s);
	ret->word = slice_next_word(&s);
	ret->status = status_of(ret->word);
	if (ret->status == STATUS_NONE || ret->tag.n == 0 || ret->tag.n > 20)
		return false;
	slice_skip_space(&s);
	if (slice_starts(s, S("[")))
		ret->response_code = slice_between(s, S("["), S("]"));
	/* A tag is letters, digits and a few signs; "Mailbox is OK" is none, nor is a word of prose. */
	for (size_t i = 0; i < ret->tag.n; i++)
		if (!ascii_is_alnum(ret->tag.p[i]) && !strchr("*._-#$", ret->tag.p[i]))
			return false;
	return true;
}

bool imap_command_parse(struct arena *a, struct slice line, struct command *ret, uint32_t *odd)
{
	struct slice s = line;
	*ret = (struct command){0};
	if (s.n && ascii_is_space(s.p[0]))
		*odd |= ODD_LEADING_SPACE;
	struct slice tag = slice_next_word(&s);
	struct slice word = slice_next_word(&s);
	if (tag.n == 0)
		return false;
	if (word.n == 0 || (!imap_is_verb(word) && imap_is_verb(tag))) {
		/* No tag: DONE ends IDLE; anything else is a slip. */
		ret->verb = upper(a, tag);
		ret->args = slice_from(line, (size_t)(tag.p + tag.n - line.p));
		if (!imap_is_verb(tag))
			*odd |= ODD_UNKNOWN_VERB;
		slice_skip_space(&ret->args);
		return true;
	}
	ret->tag = tag;
	ret->verb = upper(a, word);
	if (slice_eq(ret->verb, S("UID"))) {
		struct slice sub = slice_next_word(&s);
		ret->verb = arena_printf(a, "UID %.*s", SLICE_FMT(upper(a, sub)));
	} else if (!imap_is_verb(word)) {
		*odd |= ODD_UNKNOWN_VERB;
	}
	if (!slice_eq(slice_sub(ret->verb, 0, word.n), word))
		*odd |= ODD_LOWER_CASE;
	slice_skip(&s, S(" "));
	ret->args = s;
	return true;
}

/* A quoted string or atom off the front, quotes taken off. */
static struct slice next_astring(struct slice *s)
{
	slice_skip_space(s);
	if (!slice_skip(s, S("\"")))
		return slice_next_word(s);
	size_t i = 0;
	while (i < s->n && s->p[i] != '"')
		i += s->p[i] == '\\' && i + 1 < s->n ? 2 : 1;
	struct slice word = slice_sub(*s, 0, i);
	*s = slice_from(*s, i + 1);
	return word;
}

void imap_login_words(struct slice args, struct slice *user, struct slice *password)
{
	*user = next_astring(&args);
	slice_skip_space(&args);
	struct slice rest = args;
	*password = slice_starts(args, S("\"")) ? next_astring(&rest) : slice_trim_right(args);
}

/* --- server ------------------------------------------------------------------------------------------------------------------- */

static struct event *pending_with_tag(struct dialogue *d, struct slice tag, unsigned *ret_index)
{
	for (unsigned i = 0; i < d->pending_n; i++)
		if (slice_eq(d->pending[i]->command.tag, tag)) {
			*ret_index = i;
			return d->pending[i];
		}
	return NULL;
}

static void complete(struct dialogue *d, struct event *e)
{
	unsigned i = 0;
	struct event *cmd = pending_with_tag(d, e->answer.tag, &i);
	if (!cmd) {
		e->oddities |= ODD_UNEXPECTED;
		return;
	}
	d->pending_n--;
	memmove(d->pending + i, d->pending + i + 1, (d->pending_n - i) * sizeof *d->pending);
	dialogue_link(cmd, e);
	if (cmd == d->sasl_cmd)
		dialogue_sasl_end(d);
	bool login = slice_eq(cmd->command.verb, S("LOGIN")) || slice_eq(cmd->command.verb, S("AUTHENTICATE"));
	if (e->answer.status == STATUS_OK && login)
		d->authenticated = true;
	if (e->answer.status == STATUS_OK && slice_eq(cmd->command.verb, S("STARTTLS")))
		d->tls = true;
}

static uint64_t literal_size(struct slice text, bool *ret_found)
{
	size_t open = slice_find_last_byte(text, '{');
	uint64_t n = 0;
	*ret_found = false;
	if (open == SLICE_NPOS || !slice_ends(text, S("}")))
		return 0;
	struct slice inner = slice_sub(text, open + 1, text.n - 1);
	if (slice_ends(inner, S("+")) || slice_ends(inner, S("-")))
		inner.n--;
	*ret_found = slice_to_uint(inner, UINT64_MAX / 2, &n);
	return n;
}

static bool literal_is_sync(struct slice text)
{
	return !slice_ends(text, S("+}")) && !slice_ends(text, S("-}"));
}

static void expect_literal(struct dialogue *d, enum side side, uint64_t size, struct event *owner)
{
	struct half *h = half_of(d, side);
	if (size == 0)
		return;
	h->mode = MODE_COUNTED;
	h->counted_left = size;
	struct event *data = dialogue_event(d, EV_DATA, side, &(struct line){.first = owner->stamp, .last = owner->stamp});
	if (data)
		data->cmd = side == SIDE_CLIENT ? owner : owner->cmd;
	dialogue_message_begin(d, side, data);
}

static void server_line(struct dialogue *d, const struct line *l)
{
	struct event *e = dialogue_event(d, EV_UNTAGGED, SIDE_SERVER, l);
	if (!e)
		return;
	bool is_reply = imap_reply_line(e->text, &e->answer);
	if (!is_reply && !slice_starts(e->text, S("* ")))
		e->oddities |= half_of(d, SIDE_SERVER)->message_event ? 0 : ODD_NO_CODE;
	struct slice human = e->text;
	dialogue_append(d, e, l, human);
	if (!d->greeted && is_reply && slice_eq(e->answer.tag, S("*"))) {
		e->kind = EV_GREETING;
		d->greeted = true;
		d->authenticated |= e->answer.status == STATUS_PREAUTH;
	} else if (is_reply && e->answer.status == STATUS_MORE) {
		e->kind = EV_REPLY;
		e->cmd = dialogue_front(d);
		if (d->sasl_cmd)
			dialogue_sasl_challenge(d, e, slice_from(e->text, 2));
	} else if (is_reply && !slice_eq(e->answer.tag, S("*"))) {
		e->kind = EV_REPLY;
		d->greeted = true;
		complete(d, e);
	} else {
		e->cmd = dialogue_front(d);
	}
	bool literal;
	uint64_t size = literal_size(e->text, &literal);
	dialogue_emit(d, e);
	if (literal && e->kind == EV_UNTAGGED)
		expect_literal(d, SIDE_SERVER, size, e);
}

/* --- client ------------------------------------------------------------------------------------------------------------------- */

static void login_command(struct dialogue *d, struct event *e)
{
	(void)d;
	imap_login_words(e->command.args, &e->sasl.user, &e->sasl.password);
	dialogue_secret(e, e->sasl.password);
}

static void authenticate_command(struct dialogue *d, struct event *e)
{
	struct slice rest = e->command.args;
	struct slice mech = slice_next_word(&rest);
	slice_skip_space(&rest);
	dialogue_sasl_begin(d, e, mech, rest, rest.n > 0);
}

static void finish_command(struct dialogue *d, struct event *e)
{
	if (slice_eq(e->command.verb, S("LOGIN")))
		login_command(d, e);
	else if (slice_eq(e->command.verb, S("AUTHENTICATE")))
		authenticate_command(d, e);
	dialogue_emit(d, e);
}

/* The rest of a command after a small literal. */
static void continue_command(struct dialogue *d, const struct line *l)
{
	struct event *e = d->open_command;
	d->open_command = NULL;
	e->raw = arena_join(d->arena, e->raw, SLICE_NONE, l->bytes);
	e->text = arena_join(d->arena, e->text, S("\n"), l->text);
	uint32_t odd = 0;
	imap_command_parse(d->arena, e->text, &e->command, &odd);
	bool literal;
	uint64_t size = literal_size(l->text, &literal);
	if (literal && size <= LITERAL_INLINE) {
		d->open_command = e;
		return;
	}
	if (literal)
		expect_literal(d, SIDE_CLIENT, size, e);
	finish_command(d, e);
}

static void client_line(struct dialogue *d, const struct line *l)
{
	if (d->open_command) {
		continue_command(d, l);
		return;
	}
	if (d->in_sasl) {
		dialogue_sasl_response(d, l);
		return;
	}
	if (l->text.n == 0 && half_of(d, SIDE_CLIENT)->length == 0 && d->pending_n &&
	    slice_eq(d->pending[d->pending_n - 1]->command.verb, S("APPEND")))
		return; /* the line end after APPEND's literal */
	struct event *e = dialogue_event(d, EV_COMMAND, SIDE_CLIENT, l);
	if (!e)
		return;
	uint32_t odd = 0;
	if (!imap_command_parse(d->arena, e->text, &e->command, &odd))
		odd |= ODD_UNKNOWN_VERB;
	e->oddities |= odd;
	if (!d->greeted)
		e->oddities |= ODD_EARLY_TALK;
	if (!slice_eq(e->command.verb, S("DONE")))
		dialogue_push(d, e);
	bool literal;
	uint64_t size = literal_size(e->text, &literal);
	if (literal && size <= LITERAL_INLINE && !slice_eq(e->command.verb, S("APPEND"))) {
		/* Its bytes arrive as the next lines; a pasted refusal ends the wait. */
		d->open_command = e;
		return;
	}
	finish_command(d, e);
	if (literal && !(d->pasted && literal_is_sync(e->text)))
		expect_literal(d, SIDE_CLIENT, size, e);
}

static void flush_command(struct dialogue *d)
{
	struct event *e = d->open_command;
	d->open_command = NULL;
	if (e)
		finish_command(d, e);
}

static void interrupt(struct dialogue *d, enum side speaker, const struct line *l)
{
	struct half *other = half_of(d, speaker == SIDE_SERVER ? SIDE_CLIENT : SIDE_SERVER);
	if (other->mode == MODE_COUNTED)
		dialogue_message_end(d, speaker == SIDE_SERVER ? SIDE_CLIENT : SIDE_SERVER, false);
	if (speaker == SIDE_SERVER && !slice_starts(l->text, S("+")))
		flush_command(d);
}

static void end(struct dialogue *d)
{
	flush_command(d);
}

const struct grammar grammar_imap = {server_line, client_line, interrupt, end};
