/* ESP Mail Client (ESP32, ESP8266): "< S: " is what the server said, "> C: " what the library is about to do, in its own words; the commands themselves
 * are not shown, so those that the words name are told as following from the report. "! E: " and "> E: " are its errors. */
#include "evidence/kit.h"

extern const struct form form_esp_mail;

static const struct {
	const char *words, *command;
} doings[] = {
	{"send SMTP command, HELO", "EHLO <...>"}, {"send SMTP command, EHLO", "EHLO <...>"}, {"send STARTTLS command", "STARTTLS"},
	{"send SMTP command, STARTTLS", "STARTTLS"}, {"send SMTP command, AUTH PLAIN", "AUTH PLAIN <...>"}, {"send SMTP command, AUTH LOGIN", "AUTH LOGIN"},
	{"send SMTP command, AUTH XOAUTH2", "AUTH XOAUTH2 <...>"}, {"send message header", "MAIL FROM:<...>"}, {"send message body", "DATA"},
};

struct state {
	struct slice host;
	bool recipients; /* the next positive answer is that to MAIL, and RCPT follows */
	bool seen;
};

/* "Sat 10:11 name: > C: …" as well: logs of the firmware around it put their own words in front. */
static bool strip(struct slice line, struct slice *ret, char *ret_mark)
{
	static const char *const marks[] = {"> C: ", "< S: ", "! E: ", "! W: ", "> E: ", NULL};
	for (int i = 0; marks[i]; i++) {
		size_t at = slice_find(slice_sub(line, 0, 64), slice_from_cstr(marks[i]));
		if (at == SLICE_NPOS || (at && line.p[at - 1] != ' '))
			continue;
		*ret = slice_from(line, at + 5);
		*ret_mark = marks[i][2];
		return true;
	}
	return false;
}

static int recognise(struct reader *r, struct slice line)
{
	struct slice s;
	char mark;
	/* what the sketch prints of its progress: "Send command, STARTTLS", "Logging in..." */
	struct state *st = reader_state(r, &form_esp_mail);
	if (st->seen && line.n && (slice_starts(line, S("Send command, ")) || slice_starts(line, S("####")) || slice_ends(line, S("..."))))
		return FORM_SURE;
	return line.n > 6 && (line.p[0] == '>' || line.p[0] == '<' || line.p[0] == '!' || slice_has(line, S("mail: "))) && strip(line, &s, &mark) ? FORM_SURE : FORM_NO;
}

static void take_doing(struct reader *r, struct state *st, struct slice s)
{
	uint64_t port;
	struct slice value = slice_trim(slice_from(s, slice_find_byte(s, '>') == SLICE_NPOS ? s.n : slice_find_byte(s, '>') + 1));
	if (slice_starts_nocase(s, S("host > "))) {
		st->host = arena_dup(reader_arena(r), value);
		return;
	}
	if (slice_starts_nocase(s, S("port > ")) && slice_to_uint(value, 65535, &port)) {
		kit_connect(r, port == 993 || port == 143 ? PROTOCOL_IMAP : PROTOCOL_SMTP, st->host, SLICE_NONE, (unsigned)port, s);
		return;
	}
	for (size_t i = 0; i < sizeof doings / sizeof *doings; i++)
		if (slice_starts_nocase(s, slice_from_cstr(doings[i].words))) {
			reader_say(r, SIDE_CLIENT, slice_from_cstr(doings[i].command));
			st->recipients = doings[i].command[0] == 'M';
			return;
		}
	reader_program(reader_event(r, EV_TOOL, SIDE_CLIENT, s), S("esp-mail-client"));
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_esp_mail);
	struct slice s;
	char mark;
	if (!strip(line, &s, &mark))
		return; /* progress: the library's own lines tell more */
	st->seen = true;
	if (mark == 'C')
		take_doing(r, st, s);
	else if (mark == 'S') {
		reader_say(r, SIDE_SERVER, s);
		if (st->recipients && slice_starts(s, S("2")))
			reader_say(r, SIDE_CLIENT, S("RCPT TO:<...>"));
		st->recipients = false;
	} else if (mark == 'E')
		kit_error(r, S("esp-mail-client"), s);
	else
		reader_program(reader_event(r, EV_TOOL, SIDE_CLIENT, s), S("esp-mail-client"));
}

const struct form form_esp_mail = {
	.name = "esp-mail", .title = N_("ESP Mail Client debug output"), .recognise = recognise, .take = take, .state_size = sizeof(struct state)};
