/* Tables of sockets as ss, netstat and lsof print them: who listens where. */
#include "evidence/kit.h"

static const char *const headings[] = {"Active Internet connections", "Proto Recv-Q Send-Q", "Proto  Local Address", "Active Connections", "State      Recv-Q", "State   Recv-Q", "State  Recv-Q",
				       "Netid", "COMMAND ", NULL};
static const char *const states[] = {"LISTEN", "LISTENING", "ESTAB", "ESTABLISHED", "SYN_SENT", "SYN-SENT", "TIME_WAIT", "TIME-WAIT", "CLOSE_WAIT", "CLOSE-WAIT", "FIN_WAIT2", NULL};

static bool is_state(struct slice word)
{
	slice_skip(&word, S("("));
	if (slice_ends(word, S(")")))
		word.n--;
	for (size_t i = 0; states[i]; i++)
		if (slice_eq(word, slice_from_cstr(states[i])))
			return true;
	return false;
}

/* The first word that is an address with a port ("127.0.0.1:25", "[::]:587", "*:143", ":::993"), and the state wherever it stands. */
static bool split(struct slice line, struct slice *local, struct slice *state)
{
	*local = *state = SLICE_NONE;
	while (line.n) {
		struct slice word = slice_next_word(&line);
		size_t colon = slice_find_last_byte(word, ':');
		bool numbered = colon != SLICE_NPOS && colon + 1 < word.n && ascii_is_digit(word.p[colon + 1]);
		bool named = colon != SLICE_NPOS && protocol_from_name(slice_from(word, colon + 1)) != PROTOCOL_UNKNOWN;
		if (!local->n && (numbered || named) && slice_find_byte(word, '/') == SLICE_NPOS)
			*local = word;
		if (!state->n && is_state(word))
			*state = word;
	}
	return local->n && state->n;
}

static int recognise(struct reader *r, struct slice line)
{
	struct slice local, state;
	(void)r;
	if (line.n < 10 || line.n > 400)
		return FORM_NO;
	int i = kit_prefix(headings, line);
	if (i >= 0)
		return slice_starts(line, S("COMMAND ")) && !slice_has(line, S("NODE NAME")) ? FORM_NO : FORM_STRONG;
	bool front = slice_starts(line, S("tcp")) || slice_starts(line, S("TCP")) || slice_starts(line, S("  TCP")) || slice_starts(line, S("LISTEN")) ||
		     slice_starts(line, S("ESTAB")) || slice_starts(line, S("SYN-SENT")) || slice_has(line, S(" TCP "));
	return front && split(line, &local, &state) ? FORM_STRONG : FORM_NO;
}

static void take(struct reader *r, struct slice line)
{
	struct slice local, state;
	struct event *e = reader_event(r, EV_TOOL, SIDE_UNKNOWN, line);
	reader_program(e, S("sockets"));
	if (!split(line, &local, &state))
		return;
	size_t colon = slice_find_last_byte(local, ':');
	reader_fact(r, e, "port", slice_from(local, colon + 1));
	reader_fact(r, e, "server_address", slice_sub(local, 0, colon));
	reader_fact(r, e, "state", state);
}

const struct form form_sockets = {
	.name = "sockets",
	.title = N_("table of sockets (ss, netstat, lsof)"),
	.recognise = recognise,
	.take = take,
};
