/* Inferences about the envelope and the message: the grammar of MAIL and RCPT, the empty sender, extensions that are offered and refused, sizes, line ends,
 * header fields. */
#include <libintl.h>

#include "diagnose/rule.h"

#define _(s) gettext(s)

static bool is_smtp(const struct session *s)
{
	return s->protocol == PROTOCOL_SMTP || s->protocol == PROTOCOL_LMTP;
}

static unsigned code_of(const struct exchange *x)
{
	return x->reply ? x->reply->answer.code : 0;
}

/* --- addresses ------------------------------------------------------------------------------------------------------------------- */

enum fault { FAULT_NONE, FAULT_NAME, FAULT_NON_ASCII, FAULT_BRACKETS, FAULT_HALF, FAULT_PORT, FAULT_NO_DOMAIN, FAULT_SEVERAL, FAULT_SIGN, FAULT_BLANK };

struct path {
	struct slice address, params; /* without brackets; what follows */
	bool open, close;             /* brackets seen */
	bool blank_before;
};

/* args as the command has them after "FROM:" or "TO:". */
static struct path take_path(struct slice args)
{
	struct path p = {.blank_before = args.n && ascii_is_space(args.p[0])};
	slice_skip_space(&args);
	p.open = slice_skip(&args, S("<"));
	/* To the last bracket: a display name brings brackets of its own. */
	size_t end = slice_find_last_byte(args, '>');
	p.close = end != SLICE_NPOS;
	if (!p.close) {
		p.address = p.open ? slice_trim(args) : slice_next_word(&args);
		p.params = p.open ? SLICE_NONE : slice_trim(args);
		return p;
	}
	p.params = slice_trim(slice_from(args, end + 1));
	while (end > 0 && args.p[end - 1] == '>')
		end--;
	p.address = slice_trim(slice_sub(args, 0, end));
	return p;
}

static bool has_display_name(struct slice address)
{
	size_t open = slice_find_byte(address, '<');
	if (open != SLICE_NPOS)
		return open > 0 && slice_find_byte(slice_from(address, open), '@') != SLICE_NPOS;
	/* "Name name@example.com" */
	size_t blank = slice_find_last_byte(address, ' ');
	return blank != SLICE_NPOS && slice_find_byte(slice_from(address, blank), '@') != SLICE_NPOS &&
	       slice_find_byte(slice_sub(address, 0, blank), '@') == SLICE_NPOS;
}

static bool has_non_ascii(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 0x80)
			return true;
	return false;
}

/* What is wrong with the part inside the brackets. */
static enum fault address_fault(struct slice a)
{
	if (has_display_name(a))
		return FAULT_NAME;
	if (has_non_ascii(a))
		return FAULT_NON_ASCII;
	size_t at = slice_find_last_byte(a, '@');
	struct slice local = slice_sub(a, 0, at == SLICE_NPOS ? a.n : at), domain = at == SLICE_NPOS ? SLICE_NONE : slice_from(a, at + 1);
	bool quoted = local.n > 1 && local.p[0] == '"' && local.p[local.n - 1] == '"';
	if (!quoted && (slice_find_byte(local, '@') != SLICE_NPOS || slice_find_byte(a, ',') != SLICE_NPOS || slice_find_byte(a, ';') != SLICE_NPOS))
		return FAULT_SEVERAL;
	if (at == SLICE_NPOS || !domain.n || !local.n)
		return FAULT_NO_DOMAIN;
	size_t colon = slice_find_byte(domain, ':');
	if (colon != SLICE_NPOS && domain.p[0] != '[')
		return FAULT_PORT;
	if (quoted)
		return FAULT_NONE;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_is_space(a.p[i]) || a.p[i] == '"' || a.p[i] == '(' || a.p[i] == ')' || a.p[i] == '<' || a.p[i] == '*')
			return FAULT_SIGN;
	if (local.p[0] == '.' || local.p[local.n - 1] == '.' || slice_has(local, S("..")) || domain.p[domain.n - 1] == '.' || domain.p[0] == '.' ||
	    slice_has(domain, S("..")) || local.p[0] == '\'')
		return FAULT_SIGN;
	return FAULT_NONE;
}

static enum fault path_fault(const struct path *p)
{
	if (p->open != p->close)
		return has_display_name(p->address) ? FAULT_NAME : FAULT_HALF;
	enum fault f = p->address.n || !p->open ? address_fault(p->address) : FAULT_NONE;
	if (f == FAULT_NAME || f == FAULT_NON_ASCII || f == FAULT_SEVERAL)
		return f;
	if (!p->open)
		return FAULT_BRACKETS;
	return f == FAULT_NONE && p->blank_before ? FAULT_BLANK : f;
}

/* What a fault is called, for a sentence. */
static const char *fault_words(enum fault f)
{
	switch (f) {
	case FAULT_BRACKETS: return _("without the angle brackets < > around the address");
	case FAULT_HALF: return _("with a broken or empty path in angle brackets");
	case FAULT_PORT: return _("whose domain carries a port (colon and number)");
	case FAULT_NO_DOMAIN: return _("without a complete user@domain address");
	case FAULT_SEVERAL: return _("with several addresses in one command");
	case FAULT_SIGN: return _("with a sign in the address that must not stand there");
	case FAULT_BLANK: return _("with a blank after the colon");
	default: return _("that breaks the grammar");
	}
}

#define ABOUT_SYNTAX "syntax|invalid|malformed|bad |illegal|argument|parameter|bracket|cannot decode|must contain|expect|fully.qualified|unrecogni|format"
#define NOT_SYNTAX "authentic|relay|denied|STARTTLS|TLS|spam|block|policy|not own|not allowed to|unknown user|user unknown|no such|does not exist|quota|disabled"

static bool is_syntax_refusal(struct dx *x, const struct exchange *ex, bool *ret_says_so)
{
	unsigned code = code_of(ex);
	*ret_says_so = dx_match(x, ex->reply->text, ABOUT_SYNTAX);
	if (code != 500 && code != 501 && code != 504 && code != 550 && code != 553 && code != 554 && code != 555)
		return false;
	return code == 501 || code == 555 || *ret_says_so || !dx_match(x, ex->reply->text, NOT_SYNTAX);
}

static void report_path(struct dx *x, const struct exchange *ex, enum fault f, struct slice address, bool says_so)
{
	bool mail = exchange_is(ex, S("MAIL"));
	unsigned code = code_of(ex);
	double confidence = says_so ? 0.93 : code == 501 || code == 555 ? 0.85 : 0.55;
	const char *cause = f == FAULT_NAME ? "mail-from-display-name" : f == FAULT_NON_ASCII ? "smtputf8-not-offered" : mail ? "mail-from-syntax" : "rcpt-to-syntax";
	/* Many servers do take a blank there or no brackets: less sure. */
	if (f == FAULT_BLANK && !says_so)
		confidence -= 0.15;
	struct draft *d = dx_find(x, cause, confidence, ex->reply);
	dx_evidence(d, ex->command);
	dx_value(d, mail ? "from" : "to", address);
	dx_value(d, "verb", mail ? S("MAIL FROM") : S("RCPT TO"));
	if (f == FAULT_NAME || f == FAULT_NON_ASCII)
		return;
	const char *shown = dx_shown(x, slice_trim(ex->command->command.args));
	if (mail)
		dx_summary(d, _("The client sends a malformed MAIL FROM, “%s”: a sender line %s, so the server calls its syntax invalid."), shown, fault_words(f));
	else
		dx_summary(d, _("The client sends a malformed RCPT TO, “%s”: a recipient line %s, so the server calls its syntax invalid."), shown, fault_words(f));
}

/* The command itself is not in the evidence (a log, a bounce): only what the reply says counts. */
static void report_unseen_path(struct dx *x, const struct exchange *ex, bool mail)
{
	bool plain = dx_match(x, ex->reply->text, "syntax error|bad syntax|malformed address|missing or malformed|cannot decode|5\\.5\\.2 syntax|invalid (?:address|path|syntax)");
	if (plain && !dx_match(x, ex->reply->text, NOT_SYNTAX "|line too long|HELO|EHLO"))
		dx_find(x, mail ? "mail-from-syntax" : "rcpt-to-syntax", 0.75, ex->reply);
}

/* MAIL or RCPT was refused: is its path well formed? */
static void find_bad_path(struct dx *x, const struct session *s)
{
	unsigned found = 0;
	for (size_t i = 0; i < s->exchanges.n && is_smtp(s) && found < 2; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		bool says_so;
		bool mail = exchange_is(ex, S("MAIL"));
		if ((!mail && !exchange_is(ex, S("RCPT"))) || !ex->negative || !is_syntax_refusal(x, ex, &says_so))
			continue;
		if (!ex->command) {
			report_unseen_path(x, ex, mail);
			continue;
		}
		struct slice args = ex->command->command.args;
		if (slice_has(args, S("***")) || slice_has_nocase(args, S("redacted")) || !slice_trim(args).n)
			continue;
		struct path p = take_path(args);
		enum fault f = path_fault(&p);
		if (f == FAULT_NONE && slice_has(ex->command->text, S(" :")))
			f = FAULT_BLANK;
		if (f == FAULT_NONE)
			continue;
		report_path(x, ex, f, p.address, says_so);
		found++;
	}
}

/* --- parameters and the empty sender --------------------------------------------------------------------------------------------- */

static struct slice parameter_keyword(struct slice param)
{
	static const struct {
		const char *param, *keyword;
	} table[] = {{"SIZE", "SIZE"}, {"BODY", "8BITMIME"}, {"RET", "DSN"}, {"ENVID", "DSN"}, {"NOTIFY", "DSN"}, {"ORCPT", "DSN"}, {"SMTPUTF8", "SMTPUTF8"},
		     {"AUTH", "AUTH"}, {"BY", "DELIVERBY"}, {"HOLDFOR", "FUTURERELEASE"}, {"REQUIRETLS", "REQUIRETLS"}};
	struct slice name = slice_next_until(&param, '=');
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (slice_eq_nocase(name, slice_from_cstr(table[i].param)))
			return slice_from_cstr(table[i].keyword);
	return SLICE_NONE;
}

/* A parameter of MAIL or RCPT was refused: offered (then the server breaks its word) or not (then the client must not use it)? */
static void find_refused_parameter(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < s->exchanges.n && is_smtp(s); i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		bool mail = exchange_is(ex, S("MAIL"));
		if ((!mail && !exchange_is(ex, S("RCPT"))) || !ex->command || !ex->negative || code_of(ex) / 100 != 5)
			continue;
		if (!dx_match(x, ex->reply->text, "parameter|option|not recogni|unrecogni|not implemented|unsupported|BODY|NOTIFY|ORCPT|RET\\b|SMTPUTF8|argument|syntax"))
			continue;
		struct path p = take_path(ex->command->command.args);
		const struct capabilities *c = session_caps_before(s, ex->command->n);
		struct slice rest = p.params, param, keyword = SLICE_NONE;
		while (rest.n && !keyword.n) {
			slice_skip_space(&rest);
			param = slice_next_word(&rest);
			keyword = parameter_keyword(param);
		}
		if (!keyword.n || path_fault(&p) != FAULT_NONE)
			continue;
		/* AUTH=<> is known to fewer servers than AUTH. */
		bool offered = caps_have(c, keyword, NULL) && !slice_eq(keyword, S("AUTH"));
		bool utf8 = slice_eq(keyword, S("SMTPUTF8"));
		const char *cause = offered ? "extension-advertised-but-broken" : utf8 ? "smtputf8-not-offered" : mail ? "mail-from-syntax" : "rcpt-to-syntax";
		struct draft *d = dx_find(x, cause, c ? 0.9 : 0.6, ex->reply);
		dx_value(d, "extension", keyword);
		dx_evidence(d, ex->command);
		if (offered)
			dx_evidence(d, c->event);
		else if (!utf8)
			dx_summary(d, _("The client adds the parameter “%s” to %s, which the server does not know and has not offered, so it calls the command's syntax invalid."),
				   dx_shown(x, param), mail ? "MAIL FROM" : "RCPT TO");
		return;
	}
}

/* MAIL FROM:<> and then a refusal that is about the sender. */
static void find_empty_sender(struct dx *x, const struct session *s)
{
	const struct exchange *mail = NULL;
	for (size_t i = 0; i < s->exchanges.n && is_smtp(s); i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (exchange_is(ex, S("MAIL"))) {
			struct path p = ex->command ? take_path(ex->command->command.args) : (struct path){0};
			mail = ex->command && p.open && p.close && !p.address.n ? ex : NULL;
		}
		if (!mail || !ex->negative || code_of(ex) / 100 != 5 || code_of(ex) == 530 || code_of(ex) == 535)
			continue;
		bool at_mail = ex == mail;
		if (dx_match(x, ex->reply->text, "authentic|STARTTLS|TLS|call-?(?:back|out)|verif|HELO|EHLO|relay"))
			return;
		bool sender = dx_match(x, ex->reply->text, "sender|reverse.path|return.path|MAIL FROM|FROM:|null|empty|5\\.1\\.7|5\\.1\\.8|5\\.7\\.60");
		if (!at_mail && !sender)
			return;
		struct draft *d = dx_find(x, "empty-envelope-sender", at_mail ? (sender ? 0.93 : 0.8) : 0.88, ex->reply);
		dx_evidence(d, mail->command);
		return;
	}
}

/* --- the message ----------------------------------------------------------------------------------------------------------------- */

static bool size_parameter(struct slice args, uint64_t *ret)
{
	size_t at = slice_find_nocase(args, S(" SIZE="));
	if (at == SLICE_NPOS)
		return false;
	args = slice_from(args, at + 6);
	return slice_next_uint(&args, UINT64_MAX / 2, ret);
}

/* The size that the client tells, or that the message has, against the SIZE that the server told. */
static void find_over_size(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < s->exchanges.n && is_smtp(s); i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		uint64_t limit, size = 0;
		struct slice args;
		if (!ex->command || !ex->negative || (code_of(ex) != 552 && code_of(ex) != 550 && code_of(ex) != 554 && code_of(ex) != 452))
			continue;
		if (exchange_is(ex, S("DOT")))
			size = ex->command->data.bytes;
		else if (!exchange_is(ex, S("MAIL")) || !size_parameter(ex->command->command.args, &size))
			continue;
		const struct capabilities *c = session_caps_before(s, ex->command->n);
		if (!caps_have(c, S("SIZE"), &args) || !slice_to_uint(slice_next_word(&args), UINT64_MAX / 2, &limit) || limit == 0 || size <= limit)
			continue;
		struct draft *d = dx_find(x, "message-too-big", 0.96, ex->reply);
		dx_summary(d, _("The message is too large: with its attachments and their base64 encoding it has %llu bytes, over the size limit of %llu bytes that the server announces."),
			   (unsigned long long)size, (unsigned long long)limit);
		dx_evidence(d, ex->command);
		dx_evidence(d, c->event);
		return;
	}
}

/* The fields that may stand once (RFC 5322 section 3.6) and those that must. */
static const char *const single_fields[] = {"from", "sender", "reply-to", "to", "cc", "bcc", "subject", "date", "message-id", "in-reply-to", "references",
					    "mime-version", "content-type"};

static unsigned count_field(struct slice names, struct slice wanted)
{
	unsigned n = 0;
	while (names.n)
		n += slice_eq(slice_next_word(&names), wanted);
	return n;
}

static void find_bad_headers(struct dx *x, const struct session *s, const struct exchange *dot)
{
	const struct data_view *v = &dot->command->data;
	if (!v->headers.n || dx_match(x, dot->reply->text, "virus|quota|size|too (?:big|large)"))
		return;
	for (size_t i = 0; i < sizeof single_fields / sizeof *single_fields; i++) {
		struct slice name = slice_from_cstr(single_fields[i]);
		if (count_field(v->headers, name) < 2)
			continue;
		struct draft *d = dx_find(x, "duplicate-headers", dx_match(x, dot->reply->text, "header|5322|compliant|field|duplicate") ? 0.92 : 0.7, dot->reply);
		dx_value(d, "header", name);
		dx_evidence(d, dot->command);
		return;
	}
	bool lacks = !count_field(v->headers, S("from")) || !count_field(v->headers, S("date")) || !count_field(v->headers, S("message-id"));
	if (lacks && dx_match(x, dot->reply->text, "header|5322|compliant|\\bfield"))
		dx_evidence(dx_find(x, "duplicate-headers", 0.7, dot->reply), dot->command);
	(void)s;
}

/* "Subject: x" as a line of the evidence: which of the fields that may stand once it is, as a bit; 0 for none. */
static unsigned shown_field(struct slice line)
{
	size_t colon = slice_find_byte(line, ':');
	if (colon == SLICE_NPOS || colon + 2 >= line.n || line.p[colon + 1] != ' ')
		return 0;
	static const char *const shown[] = {"From", "To", "Cc", "Subject", "Date", "Message-ID", "Message-Id", "Reply-To"};
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
		if (slice_eq(slice_sub(line, 0, colon), slice_from_cstr(shown[i])))
			return 1u << (i > 5 ? i - 1 : i);
	return 0;
}

/* The first line of this text that repeats a field of the same header block, or nothing. */
static struct slice repeated_field(struct slice text, unsigned *seen)
{
	struct slice line;
	while (slice_next_line(&text, &line)) {
		unsigned bit = shown_field(line);
		if (!line.n || slice_starts(line, S("--")))
			*seen = 0;
		if (bit & *seen)
			return line;
		*seen |= bit;
	}
	return SLICE_NONE;
}

/* A refused message whose header stands in the evidence (the end of a bounce, say) with a field twice in it. */
static void find_repeated_header_shown(struct dx *x, const struct session *none)
{
	(void)none;
	const struct transcript *t = dx_transcript(x);
	const struct event *refusal = dx_search(x, KINDS_TOLD | KIND(EV_REPLY), "\\b5[05]\\d\\b[^\\n]*(?:5322|header|compli|policy|format|5\\.7\\.1|5\\.6\\.0)", NULL);
	unsigned seen = 0;
	for (size_t i = 0; refusal && i < t->events.n; i++) {
		const struct event *e = t->events.v[i], *before = i ? t->events.v[i - 1] : NULL;
		if (e->kind != EV_CONFIG && e->kind != EV_PROSE && e->kind != EV_BOUNCE && e->kind != EV_TOOL)
			continue;
		if (!before || e->stamp.where.line != before->stamp.where.line + 1)
			seen = 0;
		struct slice line = repeated_field(e->text, &seen);
		if (!line.n)
			continue;
		struct draft *d = dx_find(x, "duplicate-headers", dx_match(x, refusal->text, "5322|header|compli") ? 0.8 : 0.5, e);
		dx_value(d, "header", slice_sub(line, 0, slice_find_byte(line, ':')));
		dx_evidence(d, refusal);
		return;
	}
}

/* What the summary of the message says against the reply to it. */
static void find_bad_message(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < s->exchanges.n && is_smtp(s); i++) {
		const struct exchange *dot = &s->exchanges.v[i];
		if (!exchange_is(dot, S("DOT")) || !dot->command || !dot->negative || code_of(dot) == 421)
			continue;
		const struct event *e = dot->command;
		bool wire = e->stamp.where.frame != 0;
		if (wire && e->data.bare_lf)
			dx_evidence(dx_find(x, "bare-lf", dx_match(x, dot->reply->text, "LF\\b|line|newline|smtplf") ? 0.95 : 0.7, e), dot->reply);
		if (e->data.bare_cr)
			dx_evidence(dx_find(x, "bare-cr", dx_match(x, dot->reply->text, "CR\\b|carriage|822") ? 0.95 : 0.6, e), dot->reply);
		if (e->data.longest_line > 998)
			dx_evidence(dx_find(x, "line-too-long", dx_match(x, dot->reply->text, "line|length|long") ? 0.93 : 0.75, e), dot->reply);
		find_bad_headers(x, s, dot);
		return;
	}
}

/* Bare LF on the wire and no answer: LF.LF ends nothing. */
static void find_bare_lf_hang(struct dx *x, const struct session *s)
{
	if (!is_smtp(s) || s->from_log || s->outcome == OUTCOME_OK)
		return;
	for (size_t i = 0; i < s->events.n; i++) {
		const struct event *e = s->events.v[i];
		bool client = e->side == SIDE_CLIENT && (e->kind == EV_COMMAND || e->kind == EV_DATA);
		if (!client || !e->stamp.where.frame || !(e->oddities & ODD_BARE_LF))
			continue;
		bool refused = e->reply && e->reply->answer.code / 100 == 5;
		if (!refused && e->reply)
			continue;
		dx_evidence(dx_find(x, "bare-lf", refused ? 0.75 : 0.6, e), e->reply);
		return;
	}
}

/* BDAT where CHUNKING was offered: refused as unknown, or never answered. */
static void find_broken_bdat(struct dx *x, const struct session *s)
{
	for (size_t i = 0; i < s->exchanges.n && is_smtp(s) && !s->from_log; i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (!exchange_is(ex, S("BDAT")) || !ex->command)
			continue;
		bool refused = ex->negative && ((code_of(ex) >= 500 && code_of(ex) <= 504) || dx_match(x, ex->reply->text, "BDAT|CHUNKING|time ?out|timed out"));
		bool silent = !ex->reply && (s->outcome == OUTCOME_TIMED_OUT || s->outcome == OUTCOME_RESET || s->outcome == OUTCOME_CLOSED_EARLY);
		if (!ex->reply && !silent) {
			/* A client's own words: it waited for the answer in vain. */
			size_t from = 0;
			const struct event *e;
			while (!silent && (e = dx_search(x, KIND(EV_ERROR), "did not properly respond|timed? ?out|unable to read data|no response|EOF\\b|closed by", &from)))
				silent = e->stamp.where.line > ex->command->stamp.where.line;
		}
		if (!refused && !silent)
			continue;
		struct draft *d = dx_find(x, "bdat-chunking-broken", refused ? 0.92 : 0.72, refused ? ex->reply : ex->command);
		dx_evidence(d, ex->command);
		return;
	}
}

/* Recipients accepted one after the other until the server had enough. */
#define RECIPIENTS_MANY 10u

static void find_recipient_limit(struct dx *x, const struct session *s)
{
	unsigned accepted = 0;
	for (size_t i = 0; i < s->exchanges.n && is_smtp(s); i++) {
		const struct exchange *ex = &s->exchanges.v[i];
		if (exchange_is(ex, S("MAIL")))
			accepted = 0;
		if (!exchange_is(ex, S("RCPT")))
			continue;
		if (ex->positive) {
			accepted++;
			continue;
		}
		bool limit = code_of(ex) == 452 || dx_match(x, ex->reply ? ex->reply->text : SLICE_NONE, "too many|limit|maximum");
		if (!ex->negative || accepted < RECIPIENTS_MANY || !limit)
			continue;
		struct draft *d = dx_find(x, "too-many-recipients", 0.85, ex->reply);
		dx_summary(d, _("The client names too many recipients in one message: the server accepted %u and refuses the next one."), accepted);
		return;
	}
}

/* --- waiting too long ------------------------------------------------------------------------------------------------------------ */

#define IDLE_LONG_US (30 * 1000000LL)

/* 421 or a close after a long silence in the middle of the session. */
static void find_idle_gap(struct dx *x, const struct session *s)
{
	if (s->from_log || s->outcome == OUTCOME_OK)
		return;
	for (size_t i = 1; i < s->events.n; i++) {
		const struct event *e = s->events.v[i], *before = s->events.v[i - 1];
		bool goodbye = (e->kind == EV_REPLY || e->kind == EV_UNTAGGED) && e->answer.status == STATUS_BYE && !e->cmd;
		if (!goodbye || !e->stamp.has_time || !before->stamp.has_time || before->kind == EV_CONNECT)
			continue;
		if (e->stamp.time_us - before->stamp.time_us < IDLE_LONG_US)
			continue;
		struct draft *d = dx_find(x, "idle-timeout", 0.75, e);
		dx_evidence(d, before);
		return;
	}
}

const struct rule rules_envelope[] = {
	{"bad-path", "mail-from-syntax", RULE_SESSION, find_bad_path},
	{"refused-parameter", "extension-advertised-but-broken", RULE_SESSION, find_refused_parameter},
	{"empty-sender", "empty-envelope-sender", RULE_SESSION, find_empty_sender},
	{"over-size", "message-too-big", RULE_SESSION, find_over_size},
	{"bad-message", "duplicate-headers", RULE_SESSION, find_bad_message},
	{"repeated-header-shown", "duplicate-headers", RULE_INPUT, find_repeated_header_shown},
	{"bare-lf-hang", "bare-lf", RULE_SESSION, find_bare_lf_hang},
	{"broken-bdat", "bdat-chunking-broken", RULE_SESSION, find_broken_bdat},
	{"recipient-limit", "too-many-recipients", RULE_SESSION, find_recipient_limit},
	{"idle-gap", "idle-timeout", RULE_SESSION, find_idle_gap},
	{0},
};
