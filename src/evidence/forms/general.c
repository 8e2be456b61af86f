/* The general reader: what no form recognised. Settings ("name = value", YAML, JSON), lines that sound like a program's complaint, and words of people. */
#include "evidence/kit.h"

/* Words by which a program's complaint is told from prose; lower case. */
static const char *const complaints[] = {
	"error", "fail", "cannot", "can't", "could not", "couldn't", "unable to", "denied", "refused", "rejected", "timed out", "timeout", "exception",
	"invalid", "not supported", "unsupported", "not found", "no such", "unexpected", "warning", "fatal", "panic", "traceback", "disconnected",
	"lost connection", "not allowed", "not permitted", "unknown", "expired", "mismatch", "blocked", "exceeded", "too many", "too large", "unrecognized",
	"unauthenticated", "not authenticated", "fehler", "erreur", "błąd", "ошибк",
};

/* Names of settings stand alone or in a path: letters, digits, and a few signs, no blanks, not too long. */
static bool is_setting_name(struct slice s)
{
	if (s.n == 0 || s.n > 60)
		return false;
	bool letter = false;
	for (size_t i = 0; i < s.n; i++) {
		letter |= ascii_is_alpha(s.p[i]);
		if (!ascii_is_alnum(s.p[i]) && !strchr("_-.$/\"'[]:", s.p[i]))
			return false;
	}
	return letter;
}

static struct slice unquote(struct slice s)
{
	s = slice_trim(s);
	while (s.n && (s.p[s.n - 1] == ',' || s.p[s.n - 1] == ';'))
		s.n--;
	s = slice_trim(s);
	if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0])
		s = slice_sub(s, 1, s.n - 1);
	return s;
}

/* "sendmail: the server does not …" is what a program says, no setting: more than a few words. */
#define SETTING_WORDS_MAX 4

static bool is_sentence(struct slice value)
{
	unsigned words = 0;
	while (slice_next_word(&value).n)
		words++;
	return words > SETTING_WORDS_MAX;
}

/* "name = value", "name: value" (short value), "name=value", "set name value". */
static bool split_setting(struct slice line, struct slice *name, struct slice *value)
{
	struct slice s = slice_trim(line);
	slice_skip(&s, S("- "));
	slice_skip(&s, S("set "));
	slice_skip(&s, S("export "));
	size_t eq = slice_find_byte(s, '=');
	size_t colon = slice_find_byte(s, ':');
	size_t at = eq != SLICE_NPOS && (colon == SLICE_NPOS || eq < colon) ? eq : colon;
	if (at == SLICE_NPOS || at == 0)
		return false;
	*name = unquote(slice_sub(s, 0, at));
	*value = slice_from(s, at + 1);
	if (at == eq && slice_starts(*value, S("=")))
		return false;
	if (at == eq && slice_starts(*value, S(">")))
		*value = slice_from(*value, 1); /* PHP's 'name' => value */
	*value = unquote(*value);
	if (slice_has(*value, S(" said: ")) || slice_eq(*name, S("status")))
		return false; /* the tail of a Postfix log line */
	if (at == colon && (value->n == 0 || value->n > 80 || slice_starts(*value, S("//")) || is_sentence(*value)))
		return false;
	return is_setting_name(*name);
}

static bool is_complaint(struct slice line)
{
	for (size_t i = 0; i < sizeof complaints / sizeof *complaints; i++)
		if (slice_has_nocase(line, slice_from_cstr(complaints[i])))
			return true;
	return false;
}

/* "… said: 550 5.1.1 …", "error 535 5.7.8 …": a reply quoted in the middle of a line. Returns from the code on, or nothing. */
static struct slice embedded_reply(struct slice line)
{
	for (size_t i = 0; i + 4 < line.n; i++) {
		if (line.p[i] < '4' || line.p[i] > '5' || (i && (ascii_is_alnum(line.p[i - 1]) || line.p[i - 1] == '.')))
			continue;
		if (!ascii_is_digit(line.p[i + 1]) || !ascii_is_digit(line.p[i + 2]) || (line.p[i + 3] != ' ' && line.p[i + 3] != '-'))
			continue;
		struct enhanced_status enhanced;
		if (enhanced_parse(slice_from(line, i + 4), &enhanced))
			return slice_from(line, i);
	}
	return SLICE_NONE;
}

/* The command that the words before a quoted reply name, in capitals as protocols write it. */
static struct slice verb_before(struct slice words)
{
	static const char *const verbs[][2] = {{"end of DATA", "DOT"}, {"EHLO", "EHLO"}, {"HELO", "HELO"}, {"MAIL FROM", "MAIL"}, {"RCPT TO", "RCPT"}, {"STARTTLS", "STARTTLS"},
					       {"AUTH ", "AUTH"}, {"DATA ", "DATA"}, {NULL, NULL}};
	for (size_t i = 0; verbs[i][0]; i++)
		if (slice_has(words, slice_from_cstr(verbs[i][0])))
			return slice_from_cstr(verbs[i][1]);
	return SLICE_NONE;
}

static int recognise(struct reader *r, struct slice line)
{
	(void)r;
	(void)line;
	return 1; /* takes what nobody else bids for */
}

static void take(struct reader *r, struct slice line)
{
	struct slice trimmed = slice_trim(line), name, value;
	if (!trimmed.n)
		return;
	bool complaint = is_complaint(trimmed);
	if (split_setting(trimmed, &name, &value) && !(complaint && slice_find_byte(value, ' ') != SLICE_NPOS)) {
		reader_setting(r, name, value, trimmed);
		return;
	}
	struct slice reply = embedded_reply(trimmed);
	if (complaint || reply.n) {
		reader_continue(r, EV_ERROR, SIDE_UNKNOWN, trimmed);
		struct slice verb = reply.n ? verb_before(slice_sub(trimmed, 0, (size_t)(reply.p - trimmed.p))) : SLICE_NONE;
		while (reply.n && strchr("\"'}", reply.p[reply.n - 1])) /* of the message around it */
			reply.n--;
		if (verb.n && !reader_is_big(r))
			kit_quote(r, PROTOCOL_SMTP, reply, verb);
		return;
	}
	reader_event(r, EV_PROSE, SIDE_UNKNOWN, trimmed);
}

const struct form form_general = {
	.name = "general",
	.title = N_("text of no known form"),
	.recognise = recognise,
	.take = take,
};
