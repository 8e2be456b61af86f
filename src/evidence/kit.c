#include "evidence/kit.h"

#include <stdio.h>

static int hex_value(uint8_t c)
{
	if (ascii_is_digit(c))
		return c - '0';
	return ascii_is_hex(c) ? ascii_lower(c) - 'a' + 10 : -1;
}

/* Digits of the base at p, at most max of them; their number. */
static size_t number_at(const uint8_t *p, size_t n, size_t max, int base, unsigned *ret)
{
	size_t i = 0;
	*ret = 0;
	for (; i < n && i < max; i++) {
		int v = hex_value(p[i]);
		if (v < 0 || v >= base)
			break;
		*ret = *ret * (unsigned)base + (unsigned)v;
	}
	return i;
}

static size_t utf8_put(uint8_t *out, unsigned c)
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 0x3f));
		return 2;
	}
	out[0] = (uint8_t)(0xe0 | c >> 12);
	out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	out[2] = (uint8_t)(0x80 | (c & 0x3f));
	return 3;
}

/* One escape whose backslash stands at p[0]: bytes read, and bytes written to out. */
static size_t escape_at(const uint8_t *p, size_t n, uint8_t *out, size_t *written)
{
	static const char plain[] = "r\rn\nt\t0\0\\\\\"\"''";
	unsigned value;
	*written = 1;
	if (n >= 4 && p[1] == 'x' && number_at(p + 2, n - 2, 2, 16, &value) == 2) {
		*out = (uint8_t)value;
		return 4;
	}
	if (n >= 6 && p[1] == 'u' && number_at(p + 2, n - 2, 4, 16, &value) == 4) {
		*written = utf8_put(out, value);
		return 6;
	}
	if (n >= 4 && number_at(p + 1, n - 1, 3, 8, &value) == 3) {
		*out = (uint8_t)value;
		return 4;
	}
	for (size_t i = 0; n >= 2 && i + 1 < sizeof plain; i += 2)
		if (p[1] == (uint8_t)plain[i]) {
			*out = (uint8_t)plain[i + 1];
			return 2;
		}
	*out = p[0];
	return 1;
}

struct slice kit_unescape(struct arena *a, struct slice s)
{
	if (slice_find_byte(s, '\\') == SLICE_NPOS)
		return s;
	uint8_t *out = arena_alloc(a, s.n + 1);
	if (!out)
		return s;
	size_t n = 0;
	for (size_t i = 0; i < s.n;) {
		size_t written;
		if (s.p[i] != '\\') {
			out[n++] = s.p[i++];
			continue;
		}
		i += escape_at(s.p + i, s.n - i, out + n, &written);
		n += written;
	}
	return slice_of(out, n);
}

bool kit_string(struct arena *a, struct slice *s, struct slice *ret)
{
	struct slice t = *s;
	slice_skip_space(&t);
	if (t.n > 1 && (t.p[0] == 'b' || t.p[0] == 'u') && (t.p[1] == '\'' || t.p[1] == '"'))
		t = slice_from(t, 1);
	if (!t.n || (t.p[0] != '\'' && t.p[0] != '"'))
		return false;
	size_t i = 1;
	while (i < t.n && t.p[i] != t.p[0])
		i += t.p[i] == '\\' ? 2 : 1;
	*ret = kit_unescape(a, slice_sub(t, 1, i));
	*s = slice_from(t, i + 1);
	return true;
}

struct slice kit_value(struct slice s, struct slice key)
{
	size_t from = 0;
	for (;;) {
		size_t at = slice_find(slice_from(s, from), key);
		if (at == SLICE_NPOS)
			return SLICE_NONE;
		at += from;
		if (at == 0 || !ascii_is_alnum(s.p[at - 1])) {
			from = at + key.n;
			break;
		}
		from = at + 1;
	}
	struct slice v = slice_from(s, from);
	if (!v.n)
		return SLICE_NONE;
	if (v.p[0] == '<')
		return slice_sub(v, 1, slice_find_byte(v, '>'));
	if (v.p[0] == '"')
		return slice_sub(v, 1, 1 + slice_find_byte(slice_from(v, 1), '"'));
	size_t n = 0;
	while (n < v.n && !ascii_is_space(v.p[n]) && v.p[n] != ',' && v.p[n] != ';' && v.p[n] != ')')
		n++;
	return slice_sub(v, 0, n);
}

struct slice kit_phase(struct slice words)
{
	static const struct {
		const char *words, *verb;
	} phases[] = {
		{"end of data", "DOT"}, {"data end", "DOT"}, {"message body", "DOT"}, {"end-of-message", "DOT"}, {"end-of-data", "DOT"},
		{"after data", "DOT"}, {"mail from", "MAIL"}, {"rcpt to", "RCPT"}, {"starttls", "STARTTLS"}, {"ehlo", "EHLO"}, {"lhlo", "LHLO"},
		{"helo", "EHLO"}, {"auth", "AUTH"}, {"username command", "AUTH"}, {"password command", "AUTH"}, {"user & password command", "AUTH"},
		{"mail", "MAIL"}, {"rcpt", "RCPT"}, {"recipient", "RCPT"}, {"bdat", "BDAT"}, {"data", "DATA"}, {"initial connection", "CONNECT"},
		{"greeting", "CONNECT"}, {"connect", "CONNECT"}, {"quit", "QUIT"}, {"rset", "RSET"},
	};
	for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
		if (slice_has_nocase(words, slice_from_cstr(phases[i].words)))
			return slice_from_cstr(phases[i].verb);
	return SLICE_NONE;
}

struct slice kit_frame(struct slice line)
{
	static const struct {
		const char *words, *verb;
	} frames[] = {
		{"SMTPTransport.finishData", "DOT"}, {"SMTPTransport.data(", "DATA"}, {"SMTPTransport.mailFrom", "MAIL"}, {"SMTPTransport.rcptTo", "RCPT"},
		{"SMTPTransport.helo", "HELO"}, {"SMTPTransport.ehlo", "EHLO"}, {"SMTPTransport.openServer", "CONNECT"}, {"SMTPTransport.startTLS", "STARTTLS"},
		{"SMTPTransport$", "AUTH"}, {"SMTPTransport.authenticate", "AUTH"}, {"IMAPProtocol.login", "LOGIN"}, {"IMAPProtocol.auth", "AUTHENTICATE"},
		{"IMAPProtocol.sasl", "AUTHENTICATE"}, {"pop3.Protocol.login", "PASS"}, {"Mail.MailCommand", "MAIL"}, {"Mail.RecipientCommand", "RCPT"},
		{"Mail.DataStopCommand", "DOT"}, {"Mail.DataCommand", "DATA"}, {"Mail.AuthCommand", "AUTH"}, {"Mail.EHelloCommand", "EHLO"},
		{"Mail.HelloCommand", "HELO"},
		{"Mail.StartTlsCommand", "STARTTLS"}, {"SmtpClient.MailFrom", "MAIL"}, {"SmtpClient.RcptTo", "RCPT"},
		{"SmtpClient.OnRecipientNotAccepted", "RCPT"},
		{"SmtpClient.OnSenderNotAccepted", "MAIL"}, {"SmtpClient.Data", "DOT"}, {"SmtpClient.Authenticate", "AUTH"},
		{"SmtpClient.SendEhlo", "EHLO"}, {"SmtpClient.Ehlo", "EHLO"},
		{"_actionMAIL", "MAIL"}, {"_actionRCPT", "RCPT"}, {"_actionSMTPStream", "DOT"}, {"_actionStream", "DOT"}, {"_actionDATA", "DATA"},
		{"_actionAUTH", "AUTH"},
		{"_actionEHLO", "EHLO"}, {"_actionHELO", "HELO"}, {"_actionGreeting", "CONNECT"}, {"_actionSTARTTLS", "STARTTLS"},
		{"`rcptto'", "RCPT"}, {"#rcptto'", "RCPT"},
		{"`mailfrom'", "MAIL"}, {"#mailfrom'", "MAIL"}, {"`data'", "DOT"}, {"`helo'", "HELO"}, {"`ehlo'", "EHLO"}, {"`check_auth", "AUTH"},
	};
	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
		if (slice_has(line, slice_from_cstr(frames[i].words)))
			return slice_from_cstr(frames[i].verb);
	return SLICE_NONE;
}

/* A reply code at s: three digits, 4xx or 5xx, followed by a dash or a blank and words. */
static bool reply_at(struct slice s)
{
	if (s.n < 6 || (s.p[0] != '4' && s.p[0] != '5') || !ascii_is_digit(s.p[1]) || !ascii_is_digit(s.p[2]) || s.p[1] > '7')
		return false;
	if (s.p[3] == ':' && s.p[4] == ' ')
		return true;
	if (s.p[3] != ' ' && s.p[3] != '-')
		return false;
	uint8_t c = s.p[4], next = s.p[5];
	if (ascii_is_digit(c)) /* only as an enhanced code */
		return c == s.p[0] && next == '.';
	return ascii_is_alpha(c) || c == '<' || c == '[' || c == '#' || c == '"' || c == '\'' || c == ' ';
}

struct slice kit_find_reply(struct slice s)
{
	static const char *const not_after[] = {"port ", "line ", "size ", "pid ", "in ", "over ", "byte ", "bytes ", "of ", "status ", "errno ",
		"http ", NULL};
	for (size_t i = 0; i + 5 < s.n; i++) {
		if (s.p[i] != '4' && s.p[i] != '5')
			continue;
		if (i && !ascii_is_space(s.p[i - 1]) && !strchr("(\"':;>,", s.p[i - 1]))
			continue;
		if (!reply_at(slice_from(s, i)))
			continue;
		bool fits = true;
		for (size_t k = 0; fits && not_after[k]; k++)
			fits = !slice_ends_nocase(slice_sub(s, 0, i), slice_from_cstr(not_after[k]));
		if (fits)
			return slice_from(s, i);
	}
	return SLICE_NONE;
}

enum protocol kit_protocol(struct slice words)
{
	if (slice_has_nocase(words, S("imap")))
		return PROTOCOL_IMAP;
	if (slice_has_nocase(words, S("pop")))
		return PROTOCOL_POP3;
	if (slice_has_nocase(words, S("lmtp")))
		return PROTOCOL_LMTP;
	return slice_has_nocase(words, S("smtp")) ? PROTOCOL_SMTP : PROTOCOL_UNKNOWN;
}

const struct kit_mark *kit_marked(const struct kit_mark *table, struct slice line, struct slice *ret_rest)
{
	for (; table->mark; table++) {
		struct slice mark = slice_from_cstr(table->mark);
		if (!slice_starts(line, mark))
			continue;
		*ret_rest = slice_from(line, mark.n);
		return table;
	}
	return NULL;
}

struct slice kit_first_line(struct reader *r, struct slice said)
{
	struct slice s = arena_dup(reader_arena(r), said);
	if (s.n > 3 && s.p[3] == '-' && ascii_is_digit(s.p[0]) && ascii_is_digit(s.p[1]) && ascii_is_digit(s.p[2]))
		((uint8_t *)(uintptr_t)s.p)[3] = ' ';
	return s;
}

int kit_prefix(const char *const *table, struct slice line)
{
	uint8_t first = line.n ? line.p[0] : 0;
	for (int i = 0; table[i]; i++) /* most differ in the first byte already */
		if ((uint8_t)table[i][0] == first && slice_starts(line, slice_from_cstr(table[i])))
			return i;
	return -1;
}

bool kit_has_any(const char *const *table, struct slice text)
{
	for (; *table; table++)
		if (slice_has_nocase(text, slice_from_cstr(*table)))
			return true;
	return false;
}

struct slice kit_unglue(struct arena *a, struct slice reply)
{
	struct slice s = slice_trim(reply), code = slice_sub(s, 0, 3), out = SLICE_NONE;
	size_t cap = 0, start = 0;
	if (s.n < 10 || s.p[3] != '-' || slice_find_byte(s, '\n') != SLICE_NPOS || slice_find(slice_from(s, 4), code) == SLICE_NPOS)
		return reply;
	for (size_t i = 4; i + 4 < s.n; i++) {
		if (!slice_eq(slice_sub(s, i, i + 3), code) || (s.p[i + 3] != '-' && s.p[i + 3] != ' '))
			continue;
		/* "at535 5.7.8", "35882577250-8BITMIME": the same code, then a word */
		uint8_t c = s.p[i + 4];
		if (!ascii_is_alnum(c) && c != ' ')
			continue;
		arena_append(a, &out, &cap, out.n ? S("\n") : SLICE_NONE, slice_trim(slice_sub(s, start, i)));
		start = i;
		i += 3;
	}
	if (!start)
		return reply;
	arena_append(a, &out, &cap, S("\n"), slice_from(s, start));
	return out;
}

/* Did the server say it among the last few events? Compared by its words, since error messages rewrap. */
static bool said_already(const struct session *s, struct slice reply)
{
	struct slice words = slice_trim(slice_from(reply, 4));
	words = slice_sub(words, 0, slice_find_byte(words, '\n'));
	words = slice_sub(words, 0, 24);
	size_t first = s->events.n > 16 ? s->events.n - 16 : 0;
	for (size_t i = s->events.n; i-- > first;) {
		const struct event *e = s->events.v[i];
		if ((e->kind == EV_REPLY || e->kind == EV_GREETING || e->kind == EV_UNTAGGED) && slice_has(e->text, words))
			return true;
	}
	return false;
}

struct event *kit_quote(struct reader *r, enum protocol p, struct slice reply, struct slice after)
{
	char key[40];
	struct session *s = reader_session(r);
	struct reply parsed;
	if (p == PROTOCOL_SMTP)
		reply = kit_unglue(reader_arena(r), reply);
	if (reply.n < 5 || !reply_parse(reader_arena(r), p, reply, &parsed))
		return NULL;
	if (s && !s->from_log && reader_lines_since_said(r) < 40) {
		if (said_already(s, reply))
			return NULL;
		return reader_quote_reply(r, s, p, reply, after);
	}
	int n = snprintf(key, sizeof key, "quoted-%016llx", (unsigned long long)slice_hash(reply));
	s = reader_log_session(r, slice_of(key, (size_t)n), p);
	if (!s || s->events.n)
		return NULL;
	struct event *e = reader_quote_reply(r, s, p, reply, after);
	if (reader_is_big(r))
		reader_end_log_session(r, slice_of(key, (size_t)n));
	return e;
}

struct event *kit_error(struct reader *r, struct slice program, struct slice text)
{
	struct event *e = reader_event(r, EV_ERROR, SIDE_CLIENT, text);
	if (program.n)
		reader_program(e, program);
	return e;
}

void kit_tls(struct reader *r, struct slice version, struct slice cipher, struct slice text)
{
	struct event *e = reader_event(r, EV_TLS, SIDE_UNKNOWN, text);
	struct session *s = reader_session(r);
	struct dialogue *d = reader_dialogue(r);
	if (version.n)
		reader_fact(r, e, "tls", version);
	if (!s)
		return;
	if (s->tls.mode == TLS_NONE)
		s->tls.mode = d && dialogue_greeted(d) ? TLS_STARTTLS : TLS_IMPLICIT;
	if (version.n)
		s->tls.version = arena_dup(reader_arena(r), version);
	if (cipher.n)
		s->tls.cipher = arena_dup(reader_arena(r), cipher);
	if (d)
		dialogue_tls_started(d);
}

struct session *kit_connect(struct reader *r, enum protocol p, struct slice host, struct slice address, unsigned port, struct slice text)
{
	struct session *s = reader_new_session(r, p == PROTOCOL_UNKNOWN ? protocol_from_port(port) : p);
	if (s) {
		s->server.name = arena_dup(reader_arena(r), host);
		s->server.address = arena_dup(reader_arena(r), address);
		s->server.port = port;
	}
	struct event *e = reader_event(r, EV_CONNECT, SIDE_CLIENT, text);
	if (host.n)
		reader_fact(r, e, "server_name", host);
	if (address.n)
		reader_fact(r, e, "server_address", address);
	if (port)
		reader_fact(r, e, "port", arena_printf(reader_arena(r), "%u", port));
	return s;
}

void kit_party(struct reader *r, struct party *p, struct slice text)
{
	struct slice name, address;
	unsigned port = 0;
	reader_split_host(text, &name, &address, &port);
	if (!p->name.n && name.n && !slice_eq(name, S("unknown")))
		p->name = arena_dup(reader_arena(r), name);
	if (!p->address.n && address.n)
		p->address = arena_dup(reader_arena(r), address);
	if (!p->port)
		p->port = port;
}

/* "program[123]: text" or "program: text" with a program's name of letters, digits, dashes and slashes. */
static bool program_line(struct slice s, struct syslog_line *ret)
{
	size_t n = 0;
	uint64_t pid = 0;
	while (n < s.n && n < 48 && (ascii_is_alnum(s.p[n]) || s.p[n] == '-' || s.p[n] == '/' || s.p[n] == '_' || s.p[n] == '.'))
		n++;
	if (n < 2 || n >= s.n || !ascii_is_alpha(s.p[0]))
		return false;
	struct slice program = slice_sub(s, 0, n), rest = slice_from(s, n);
	if (slice_skip(&rest, S("[")) && (!slice_next_uint(&rest, UINT32_MAX, &pid) || !slice_skip(&rest, S("]"))))
		return false;
	if (!slice_skip(&rest, S(":")))
		return false;
	slice_skip_space(&rest);
	*ret = (struct syslog_line){.program = program, .message = rest, .pid = pid};
	return true;
}

/* Docker compose's "name_1  | " in front of what a container prints. */
static void skip_container(struct slice *s)
{
	size_t n = 0;
	while (n < s->n && n < 64 && (ascii_is_alnum(s->p[n]) || s->p[n] == '-' || s->p[n] == '_' || s->p[n] == '.'))
		n++;
	size_t end = n;
	while (end < s->n && s->p[end] == ' ')
		end++;
	if (n && end > n && end + 1 < s->n && s->p[end] == '|' && s->p[end + 1] == ' ')
		*s = slice_from(*s, end + 2);
}

/* "Jan 5 mail postfix/smtpd[33]: …": where the time was left out or is of no known form, the mail program's name is still to be seen. */
static bool program_inside(struct slice line, struct syslog_line *ret)
{
	static const char *const names[] = {" postfix/", " dovecot: ", " dovecot[", " exim[", " sendmail[", " sm-mta[", NULL};
	struct slice front = slice_sub(line, 0, 64);
	if (slice_find_byte(front, ':') == SLICE_NPOS || slice_find_byte(front, ' ') == SLICE_NPOS)
		return false;
	for (size_t i = 0; names[i]; i++) {
		size_t at = slice_find(front, slice_from_cstr(names[i]));
		if (at != SLICE_NPOS)
			return program_line(slice_from(line, at + 1), ret);
	}
	return false;
}

bool kit_log_line(struct reader *r, struct slice line, struct syslog_line *ret)
{
	if (reader_syslog(r, line, ret))
		return true;
	struct slice s = line;
	int64_t us = 0;
	if (line.n > 20 && program_inside(line, ret))
		return true;
	skip_container(&s);
	if (program_line(s, ret))
		return true;
	if (!reader_skip_time(&s, &us))
		return false;
	slice_skip_space(&s);
	if (program_line(s, ret)) {
		ret->time_us = us;
		ret->has_time = us != 0;
		return true;
	}
	*ret = (struct syslog_line){.message = s, .time_us = us, .has_time = us != 0};
	return true;
}

struct slice kit_log_key(char *buf, size_t n, struct slice program, uint64_t pid)
{
	char digits[24];
	size_t at = 0, d = 0;
	program = slice_sub(program, 0, n > 32 ? n - 32 : 0);
	memcpy(buf, program.p, program.n);
	at = program.n;
	do
		digits[d++] = (char)('0' + pid % 10);
	while ((pid /= 10) && d < sizeof digits);
	buf[at++] = '[';
	while (d)
		buf[at++] = digits[--d];
	buf[at++] = ']';
	return slice_of(buf, at);
}

struct event *kit_log(struct reader *r, struct session *s, const struct syslog_line *l, struct slice text)
{
	/* The program stays in the text: "postfix/smtp[77]" and "postfix/smtpd[77]" say the same words about different sides. */
	uintptr_t program = (uintptr_t)l->program.p, message = (uintptr_t)l->message.p, words = (uintptr_t)text.p;
	if (l->program.n && program < message && message - program < 128 && words >= message && words <= message + l->message.n)
		text = slice_of(l->program.p, (size_t)(words - program) + text.n);
	reader_set_time(r, l->has_time ? l->time_us : 0);
	struct event *e = reader_log(r, s, l->program, text);
	reader_set_time(r, 0);
	return e;
}

void kit_facts(struct reader *r, struct event *e, struct slice text, const char *const (*table)[2])
{
	for (; (*table)[0]; table++) {
		struct slice v = kit_value(text, slice_from_cstr((*table)[0]));
		if (v.n)
			reader_fact(r, e, (*table)[1], v);
	}
}
