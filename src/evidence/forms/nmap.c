/* nmap's table of ports: "25/tcp  filtered smtp", under the host it was made for. */
#include "evidence/kit.h"

struct state {
	struct slice host; /* of the last "Nmap scan report for" */
};

static const char *const headings[] = {"Starting Nmap", "Nmap scan report for ", "Nmap done:", "Host is up", "Not shown: ", "PORT ", "Nmap finished:", "Interesting ports on ", NULL};
static const char *const port_states[] = {"open", "closed", "filtered", "unfiltered", "open|filtered", "closed|filtered"};

/* "25/tcp open smtp": port and state. */
static bool split(struct slice line, uint64_t *port, struct slice *state)
{
	struct slice s = line;
	if (!slice_next_uint(&s, 65535, port) || !slice_skip(&s, S("/tcp")) || !s.n || s.p[0] != ' ')
		return false;
	*state = slice_next_word(&s);
	for (size_t i = 0; i < sizeof port_states / sizeof *port_states; i++)
		if (slice_eq(*state, slice_from_cstr(port_states[i])))
			return true;
	return false;
}

static int recognise(struct reader *r, struct slice line)
{
	uint64_t port;
	struct slice state;
	(void)r;
	if (!line.n || line.n > 300)
		return FORM_NO;
	if (split(line, &port, &state))
		return FORM_STRONG;
	/* "PORT" is nmap's heading only with the rest of it. */
	int i = kit_prefix(headings, line);
	return i < 0 || (slice_starts(line, S("PORT ")) && !slice_has(line, S("STATE"))) ? FORM_NO : FORM_STRONG;
}


extern const struct form form_nmap;

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_nmap);
	struct slice state, s = line;
	uint64_t port;
	struct event *e = reader_event(r, EV_TOOL, SIDE_UNKNOWN, line);
	reader_program(e, S("nmap"));
	if (slice_skip(&s, S("Nmap scan report for ")) || slice_skip(&s, S("Interesting ports on ")))
		st->host = arena_dup(reader_arena(r), slice_trim(s));
	if (!split(line, &port, &state))
		return;
	reader_fact(r, e, "port", slice_sub(line, 0, slice_find_byte(line, '/')));
	reader_fact(r, e, "state", state);
	reader_fact(r, e, "server_name", st->host);
}

const struct form form_nmap = {
	.name = "nmap",
	.title = N_("nmap table of ports"),
	.recognise = recognise,
	.take = take,
	.state_size = sizeof(struct state),
};
