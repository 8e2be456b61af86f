#include "evidence/mtp_lines.h"

/* Command lines are short; a longer line with a $ in it is something else. The same holds for what these programs print. */
#define PROMPT_MAX 400u
#define STATEMENT_MAX 2000u

int mtp_bid(struct slice line, const struct mtp_mark *marks)
{
	struct slice s = line;
	int best = FORM_NO;
	if (line.n > STATEMENT_MAX)
		return FORM_NO;
	slice_skip_space(&s);
	for (const struct mtp_mark *m = marks; m->text; m++) {
		struct slice text = slice_from_cstr(m->text);
		if (m->bid > best && (m->anywhere ? slice_has(s, text) : slice_starts_nocase(s, text)))
			best = m->bid;
	}
	return best;
}

/* The words after a prompt ("$ ", "# ", "% ", "host:~$ ", "[user@host ~]$ "); empty if there is no prompt. */
static struct slice after_prompt(struct slice line)
{
	static const char *const prompts[] = {"$ ", "# ", "% "};
	struct slice front = slice_sub(line, 0, 80);
	for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++) {
		size_t at = slice_find(front, slice_from_cstr(prompts[i]));
		if (at != SLICE_NPOS)
			return slice_trim(slice_from(line, at + 2));
	}
	return SLICE_NONE;
}

/* The program that a shell prompt line runs, without its path; empty if it is none. */
static struct slice command_name(struct slice line)
{
	struct slice s = line.n > PROMPT_MAX ? SLICE_NONE : after_prompt(line);
	struct slice word = slice_next_word(&s);
	while (word.n && (slice_eq(word, S("sudo")) || slice_eq(word, S("doas")) || slice_eq(word, S("strace")) || slice_eq(word, S("time")) ||
	                  slice_find_byte(word, '=') != SLICE_NPOS)) {
		slice_skip_space(&s);
		word = slice_next_word(&s);
	}
	size_t slash = slice_find_last_byte(word, '/');
	return slash == SLICE_NPOS ? word : slice_from(word, slash + 1);
}

bool mtp_is_command(struct slice line, const char *program)
{
	return slice_starts(command_name(line), slice_from_cstr(program));
}

bool mtp_is_trouble(struct slice line)
{
	static const char *const words[] = {
		"fail", "error", "panic", "could not", "couldn't", "cannot", "can't", "unable", "denied", "not supported", "not permitted", "only allowed",
		"busy", "already used", "is unknown", "no raw devices", "no mtp device", "no devices", "timeout", "timed out", "not found", "not connected",
		"not authorized", "disconnect", "not open", "already open", "short read", "did not claim", "unlocked", "locked", "invalid", "terminate called",
		"-err", "unlock", "was not an mtp", "maybe the usb cable", "power cycle", "over-current", "too large",
	};
	if (slice_starts(line, S("   ")) && slice_has(line, S(": ")) && !slice_has_nocase(line, S("error")) && !slice_has_nocase(line, S("fail")))
		return false; /* one of mtp-detect's many facts */
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (slice_has_nocase(line, slice_from_cstr(words[i])))
			return true;
	return false;
}

static struct session *mtp_session(struct reader *r)
{
	struct session *s = reader_session(r);
	return s && s->protocol == PROTOCOL_MTP ? s : reader_new_session(r, PROTOCOL_MTP);
}

/* "Device 0 (VID=18d1 and PID=4ee1) is a Google Inc Nexus/Pixel (MTP)." names the device. */
static void note_device(struct session *s, struct slice text)
{
	struct slice line = text, after = SLICE_NONE;
	size_t at = slice_find(line, S(") is a "));
	if (!slice_starts(line, S("Device ")) || at == SLICE_NPOS || s->server.name.n)
		return;
	after = slice_trim(slice_from(line, at + 7));
	if (slice_ends(after, S(".")))
		after = slice_sub(after, 0, after.n - 1);
	s->server.name = after;
}

void mtp_take(struct reader *r, const char *program, struct slice line)
{
	struct session *s = mtp_session(r);
	struct event *e = reader_event(r, mtp_is_trouble(line) ? EV_ERROR : EV_TOOL, SIDE_CLIENT, slice_trim_right(line));
	reader_program(e, slice_from_cstr(program));
	if (!s)
		return;
	struct slice name = command_name(e->text);
	if (name.n)
		s->client.name = name;
	else if (!s->client.name.n)
		s->client.name = slice_from_cstr(program);
	note_device(s, e->text);
}
