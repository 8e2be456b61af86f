/* SMTP and LMTP: RFC 5321, 2033; AUTH RFC 4954, STARTTLS RFC 3207, CHUNKING RFC 3030, XCLIENT (Postfix). */
#include "proto/dialogue-private.h"

static const char *const verbs[] = {
	"EHLO", "HELO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "VRFY", "EXPN", "HELP", "AUTH",
	"STARTTLS", "ETRN", "XCLIENT", "XFORWARD", "PROXY", "TURN", "ATRN", "SEND", "SOML", "SAML", "BURL", "X-EXPS",
};

/* Header fields that appear as commands when a client forgot DATA. */
static const char *const header_names[] = {"from", "to", "cc", "bcc", "subject", "date", "message-id", "mime-version", "content-type", "received", "reply-to"};

bool smtp_is_verb(struct slice word)
{
	/* "MAIL FROM:<..>" may come as "MAIL" alone; "QUIT." is none. */
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (slice_eq_nocase(word, slice_from_cstr(verbs[i])))
			return true;
	return false;
}

static bool is_header(struct slice line)
{
	size_t colon = slice_find_byte(line, ':');
	if (colon == SLICE_NPOS)
		return false;
	for (size_t i = 0; i < sizeof header_names / sizeof *header_names; i++)
		if (slice_eq_nocase(slice_sub(line, 0, colon), slice_from_cstr(header_names[i])))
			return true;
	return false;
}

bool smtp_reply_line(struct slice line, unsigned *code, uint8_t *separator, struct slice *text)
{
	if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5' || !ascii_is_digit(line.p[1]) || !ascii_is_digit(line.p[2]))
		return false;
	if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-' && line.p[3] != '\t')
		return false;
	*code = (unsigned)((line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 + (line.p[2] - '0'));
	*separator = line.n > 3 ? line.p[3] : 0;
	*text = slice_from(line, 4);
	return true;
}

/* MAIL and RCPT: what follows "FROM:" or "TO:"; other blanks stay, they are evidence. */
static struct slice envelope_args(struct slice args)
{
	struct slice s = args;
	slice_skip_space(&s);
	if (!slice_skip_nocase(&s, S("FROM")) && !slice_skip_nocase(&s, S("TO")))
		return args;
	struct slice t = s;
	slice_skip_space(&t);
	return slice_skip(&t, S(":")) ? t : args;
}

bool smtp_command_parse(struct arena *a, struct slice line, struct command *ret, uint32_t *odd)
{
	struct slice s = line;
	*ret = (struct command){0};
	if (s.n && ascii_is_space(s.p[0]))
		*odd |= ODD_LEADING_SPACE;
	if (s.n && ascii_is_space(s.p[s.n - 1]))
		*odd |= ODD_TRAILING_SPACE;
	slice_skip_space(&s);
	size_t n = 0;
	while (n < s.n && (ascii_is_alpha(s.p[n]) || s.p[n] == '-'))
		n++;
	struct slice word = slice_sub(s, 0, n);
	if (s.n == 0)
		return false;
	if (n == 0 || !smtp_is_verb(word) || (n < s.n && !ascii_is_space(s.p[n]) && s.p[n] != ':')) {
		*odd |= is_header(s) ? ODD_HEADER_AS_COMMAND : ODD_UNKNOWN_VERB;
		word = slice_sub(s, 0, slice_find_byte(s, ' '));
		n = word.n;
	}
	ret->verb = upper(a, word);
	if (!slice_eq(ret->verb, word))
		*odd |= ODD_LOWER_CASE;
	ret->args = slice_from(s, n);
	if (ret->args.n && ascii_is_space(ret->args.p[0]))
		ret->args = slice_from(ret->args, 1);
	if (slice_eq(ret->verb, S("MAIL")) || slice_eq(ret->verb, S("RCPT")))
		ret->args = envelope_args(ret->args);
	return true;
}

/* --- server ------------------------------------------------------------------------------------------------------------------- */

static enum reply_status status_of(unsigned code)
{
	if (code == 421)
		return STATUS_BYE;
	return code < 300 ? STATUS_OK : code < 400 ? STATUS_MORE : STATUS_NO;
}

static bool is_verb(const struct event *cmd, struct slice verb)
{
	return cmd && slice_eq(cmd->command.verb, verb);
}

static void note_capabilities(struct dialogue *d, const struct event *reply)
{
	d->pipelining = false;
	for (size_t i = 1; i < reply->answer.n_lines; i++)
		if (slice_starts_nocase(slice_trim(reply->answer.lines[i]), S("PIPELINING")))
			d->pipelining = true;
}

static void message_expected(struct dialogue *d)
{
	struct half *h = half_of(d, SIDE_CLIENT);
	struct line none = {.first = {.where = {0}}};
	struct event *e = dialogue_event(d, EV_DATA, SIDE_CLIENT, &none);
	if (!e)
		return;
	e->command.verb = S("DOT");
	h->mode = MODE_MESSAGE;
	dialogue_message_begin(d, SIDE_CLIENT, e);
	unsigned replies = d->protocol == PROTOCOL_LMTP && d->lmtp_recipients ? d->lmtp_recipients : 1;
	while (replies--)
		dialogue_push(d, e);
}

/* What a complete reply means for the state; cmd is the command it answers, or NULL. */
static void apply_reply(struct dialogue *d, struct event *cmd, const struct event *reply)
{
	unsigned code = reply->answer.code;
	if (!cmd)
		return;
	if (is_verb(cmd, S("EHLO")) || is_verb(cmd, S("LHLO")))
		note_capabilities(d, reply);
	if (is_verb(cmd, S("LHLO")))
		d->protocol = PROTOCOL_LMTP;
	if (is_verb(cmd, S("AUTH"))) {
		dialogue_sasl_end(d);
		if (code == 235)
			d->authenticated = true;
	} else if (is_verb(cmd, S("STARTTLS")) && code == 220) {
		d->tls = true;
		d->pipelining = false;
	} else if (is_verb(cmd, S("DATA")) && code == 354) {
		message_expected(d);
	} else if (is_verb(cmd, S("RCPT")) && code / 100 == 2) {
		d->lmtp_recipients++;
	} else if (is_verb(cmd, S("MAIL")) || is_verb(cmd, S("RSET"))) {
		d->lmtp_recipients = 0;
	}
}

/* Codes that no server greets with: a paste that begins with one begins in the middle (RFC 5321 section 4.3.2, RFC 4954). */
static bool answers_a_command(unsigned code)
{
	return code == 235 || code == 250 || code == 251 || code == 334 || code == 354 || (code >= 501 && code <= 504) || (code >= 530 && code <= 538);
}

/* A paste that begins with the client's EHLO: the greeting was left out, not awaited. */
static void greeting_left_out(struct dialogue *d)
{
	for (unsigned i = 0; d->pasted && i < d->pending_n; i++)
		d->pending[i]->oddities &= ~(uint32_t)ODD_EARLY_TALK;
}

static void finish_reply(struct dialogue *d, bool complete)
{
	struct event *e = d->open_reply;
	d->open_reply = NULL;
	if (!complete)
		e->oddities |= ODD_UNTERMINATED;
	if (!d->greeted) {
		d->greeted = true;
		bool starts_tls = d->pasted && is_verb(dialogue_front(d), S("STARTTLS")); /* a paste that begins there: 220 answers it */
		if ((e->answer.code == 220 && !starts_tls) || (!d->pending_n && !(d->pasted && answers_a_command(e->answer.code)))) {
			e->kind = EV_GREETING;
			dialogue_emit(d, e);
			return;
		}
		greeting_left_out(d);
	}
	struct event *cmd = e->cmd ? e->cmd : dialogue_front(d);
	if (e->answer.code == 334 && is_verb(cmd, S("AUTH"))) {
		dialogue_sasl_challenge(d, e, e->answer.n_lines ? e->answer.lines[0] : SLICE_NONE);
		if (d->sasl_ahead) {
			d->sasl_ahead--;
			d->in_sasl = false;
		}
		dialogue_emit(d, e);
		return;
	}
	if (cmd && cmd == dialogue_front(d))
		dialogue_pop(d);
	if (!cmd)
		e->oddities |= half_of(d, SIDE_CLIENT)->after_gap ? ODD_GAP : ODD_UNEXPECTED;
	dialogue_link(cmd, e);
	apply_reply(d, cmd, e);
	dialogue_emit(d, e);
}

static struct event *open_reply(struct dialogue *d, const struct line *l, unsigned code)
{
	struct event *e = dialogue_event(d, EV_REPLY, SIDE_SERVER, l);
	if (!e)
		return NULL;
	e->answer.code = code;
	e->answer.status = status_of(code);
	e->answer.word = slice_sub(e->text, 0, 3);
	d->open_reply = e;
	d->reply_cap = 0;
	return e;
}

/* A line that goes on with an open EHLO reply although the client has spoken meanwhile, or any line while it has not. */
static bool continues(const struct dialogue *d, unsigned code, uint8_t sep, struct slice text)
{
	const struct event *e = d->open_reply;
	if (code != e->answer.code)
		return false;
	const struct event *front = d->pending_n ? d->pending[0] : NULL;
	if (d->pending_n < 2 && !(d->pending_n == 1 && !d->greeted && code == 220))
		return true;
	struct slice word = slice_next_word(&text);
	if (!is_verb(front, S("EHLO")) || word.n == 0)
		return false;
	/* Replies to other commands hardly ever have several lines. */
	if (sep == '-')
		return true;
	if (!ascii_is_alpha(word.p[0]))
		return false;
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] >= 'a' && word.p[i] <= 'z')
			return false;
	return true;
}

static void take_enhanced(struct event *e, struct slice text)
{
	struct enhanced_status s;
	slice_skip_space(&text);
	if (enhanced_parse(text, &s))
		e->answer.enhanced = s;
}

/* The rest of a line whose beginning is missing. */
static void rest_of_line(struct dialogue *d, enum side side, const struct line *l)
{
	struct event *e = dialogue_event(d, EV_UNTAGGED, side, l);
	if (!e)
		return;
	e->oddities |= ODD_GAP;
	dialogue_emit(d, e);
}

/* The message lost its end in a gap: its reply tells that it had one. */
static void end_lost_message(struct dialogue *d)
{
	struct half *h = half_of(d, SIDE_CLIENT);
	if (h->mode == MODE_MESSAGE && h->message_event && (h->message_event->oddities & ODD_GAP) && dialogue_front(d) == h->message_event)
		dialogue_message_end(d, SIDE_CLIENT, true);
}

static void server_line(struct dialogue *d, const struct line *l)
{
	unsigned code = 0;
	uint8_t sep = 0;
	struct slice text = l->text;
	struct slice line = slice_trim_right(l->text);
	if (!smtp_reply_line(line, &code, &sep, &text)) {
		struct event *e = d->open_reply;
		if (!e && half_of(d, SIDE_SERVER)->after_gap) {
			rest_of_line(d, SIDE_SERVER, l);
			return;
		}
		if (!e)
			e = open_reply(d, l, 0);
		if (!e)
			return;
		e->oddities |= ODD_NO_CODE;
		dialogue_append(d, e, l, l->text);
		if (e->answer.code == 0)
			finish_reply(d, true);
		return;
	}
	end_lost_message(d);
	if (d->open_reply && !continues(d, code, sep, text)) {
		/* "250-a" then "550 b": one reply with two codes to some clients, two to others. */
		bool mixed = code != d->open_reply->answer.code && d->pending_n < 2;
		if (mixed) {
			d->open_reply->oddities |= ODD_MIXED_CODES;
			/* Strict clients believe the last line (RFC 5321 section 4.2.1), and a refusal in it is what the server meant. */
			if (code >= 400) {
				d->open_reply->answer.code = code;
				d->open_reply->answer.status = status_of(code);
			}
		} else {
			finish_reply(d, false);
		}
	}
	struct event *e = d->open_reply ? d->open_reply : open_reply(d, l, code);
	if (!e)
		return;
	if (sep == 0)
		e->oddities |= ODD_BARE_CODE;
	dialogue_append(d, e, l, text);
	take_enhanced(e, text);
	if (sep != '-')
		finish_reply(d, true);
}

/* --- client ------------------------------------------------------------------------------------------------------------------- */

static void auth_command(struct dialogue *d, struct event *e)
{
	struct slice rest = e->command.args;
	struct slice mech = slice_next_word(&rest);
	slice_skip_space(&rest);
	dialogue_sasl_begin(d, e, mech, rest, rest.n > 0);
}

static void bdat_command(struct dialogue *d, struct event *e)
{
	struct slice rest = e->command.args;
	uint64_t size;
	if (!slice_to_uint(slice_next_word(&rest), UINT64_MAX / 2, &size) || size == 0)
		return;
	struct half *h = half_of(d, SIDE_CLIENT);
	h->mode = MODE_COUNTED;
	h->counted_left = size;
	struct event *data = dialogue_event(d, EV_DATA, SIDE_CLIENT, &(struct line){.first = e->stamp, .last = e->stamp});
	if (data)
		data->cmd = e;
	dialogue_message_begin(d, SIDE_CLIENT, data);
}

static void client_line(struct dialogue *d, const struct line *l)
{
	struct command c;
	uint32_t odd = 0;
	struct slice word = l->text;
	word = slice_next_word(&word);
	if (dialogue_reply_unseen(d, S("DATA")) && !(smtp_is_verb(word) && !is_header(l->text))) {
		message_expected(d);
		struct half *h = half_of(d, SIDE_CLIENT);
		if (h->message_event) {
			message_add(h->message, l->bytes);
			h->message_event->stamp = l->first;
		}
		return;
	}
	/* Said ahead of its challenge, as programs do that do not listen. */
	struct event *last = d->pending_n ? d->pending[d->pending_n - 1] : NULL;
	if (!d->in_sasl && !d->pasted && is_verb(last, S("AUTH")) && last == d->sasl_cmd && !smtp_is_verb(word) && slice_trim(l->text).n) {
		d->sasl_ahead++;
		dialogue_sasl_response(d, l);
		return;
	}
	/* A known verb with something after it is a command even where a SASL response is due (the client lost step), and so is QUIT, which
	 * would be base64 of three odd bytes. */
	if (d->in_sasl && !(smtp_is_verb(word) && word.n < slice_trim(l->text).n) && !slice_eq_nocase(slice_trim(l->text), S("QUIT"))) {
		dialogue_sasl_response(d, l);
		return;
	}
	struct event *e = dialogue_event(d, EV_COMMAND, SIDE_CLIENT, l);
	if (!e)
		return;
	if (!smtp_command_parse(d->arena, e->text, &c, &odd))
		odd |= ODD_UNKNOWN_VERB; /* an empty line */
	e->command = c;
	e->oddities |= odd;
	bool auth = is_verb(e, S("AUTH"));
	if (l->length + 2 > (auth ? SMTP_AUTH_LINE_MAX : SMTP_COMMAND_LINE_MAX))
		e->oddities |= ODD_LINE_TOO_LONG;
	/* The client left the exchange: what comes now answers this command, not AUTH. */
	if (d->in_sasl && d->pending_n && dialogue_front(d) == d->sasl_cmd) {
		dialogue_pop(d);
		dialogue_sasl_end(d);
	}
	d->in_sasl = false;
	dialogue_queue_command(d, e);
	if (auth)
		auth_command(d, e);
	if (is_verb(e, S("BDAT")))
		bdat_command(d, e);
	if (d->open_reply)
		e->oddities |= ODD_PIPELINED;
	dialogue_emit(d, e);
}

static void interrupt(struct dialogue *d, enum side speaker, const struct line *l)
{
	(void)l;
	struct half *client = half_of(d, SIDE_CLIENT);
	if (speaker == SIDE_SERVER && (client->mode == MODE_MESSAGE || client->mode == MODE_COUNTED))
		dialogue_message_end(d, SIDE_CLIENT, false);
}

static void end(struct dialogue *d)
{
	if (d->open_reply)
		finish_reply(d, false);
}

const struct grammar grammar_smtp = {server_line, client_line, interrupt, end};

/* --- replies quoted elsewhere ------------------------------------------------------------------------------------------------- */

size_t enhanced_parse(struct slice s, struct enhanced_status *ret)
{
	uint64_t cls, subject, detail;
	struct slice rest = s;
	if (rest.n < 5 || (rest.p[0] != '2' && rest.p[0] != '4' && rest.p[0] != '5'))
		return 0;
	if (!slice_next_uint(&rest, 9, &cls) || !slice_skip(&rest, S(".")) || !slice_next_uint(&rest, 999, &subject) ||
	    !slice_skip(&rest, S(".")) || !slice_next_uint(&rest, 9999, &detail))
		return 0;
	/* Not inside a longer dotted number such as an address. */
	if (rest.n && (ascii_is_alnum(rest.p[0]) || (rest.p[0] == '.' && rest.n > 1 && ascii_is_digit(rest.p[1]))))
		return 0;
	*ret = (struct enhanced_status){(uint16_t)cls, (uint16_t)subject, (uint16_t)detail};
	return s.n - rest.n;
}

static bool smtp_reply_parse(struct arena *a, struct slice text, struct reply *ret)
{
	VEC(struct slice) lines = {0};
	struct slice line, rest = text, human;
	uint8_t sep;
	unsigned code;
	while (slice_next_line(&rest, &line)) {
		bool coded = smtp_reply_line(slice_trim(line), &code, &sep, &human);
		if (!ret->code && !coded)
			return false;
		if (coded && !ret->code)
			ret->code = code;
		struct enhanced_status s;
		struct slice at = coded ? human : line;
		slice_skip_space(&at);
		if (coded && enhanced_parse(at, &s))
			ret->enhanced = s;
		struct slice *slot = VEC_PUSH(a, &lines);
		if (!slot || lines.n > DIALOGUE_REPLY_LINES)
			break;
		*slot = coded ? human : line;
	}
	if (!ret->code)
		return false;
	ret->status = status_of(ret->code);
	ret->word = slice_sub(text, 0, 3);
	ret->lines = lines.v;
	ret->n_lines = lines.n;
	return true;
}

bool reply_parse(struct arena *a, enum protocol p, struct slice text, struct reply *ret)
{
	struct slice s = slice_trim(text);
	*ret = (struct reply){0};
	if (p == PROTOCOL_UNKNOWN || p == PROTOCOL_SMTP || p == PROTOCOL_LMTP)
		if (smtp_reply_parse(a, s, ret))
			return true;
	*ret = (struct reply){0};
	if (p == PROTOCOL_UNKNOWN || p == PROTOCOL_POP3)
		if (pop3_reply_line(s, ret))
			return true;
	*ret = (struct reply){0};
	return (p == PROTOCOL_UNKNOWN || p == PROTOCOL_IMAP) && imap_reply_line(s, ret);
}
