/* Programs that fetch and synchronise mail: mbsync, offlineimap, imapsync, imapfilter, getmail. Their error lines quote the server's answer. */
#include "evidence/kit.h"

extern const struct form form_imap_tools;

enum { MBSYNC, OFFLINEIMAP, IMAPSYNC, IMAPFILTER, GETMAIL, IMAPCLIENT };

static const struct {
	const char *start;
	int tool, bid;
} openings[] = {
	{"IMAP command '", MBSYNC, FORM_SURE}, {"*** IMAP ALERT ***", MBSYNC, FORM_SURE}, {"*** IMAP WARNING ***", MBSYNC, FORM_SURE},
	{"SSL error connecting ", MBSYNC, FORM_STRONG},
	{"Socket error: secure connect to", MBSYNC, FORM_STRONG}, {"Socket error on ", MBSYNC, FORM_STRONG}, {"Error: channel ", MBSYNC, FORM_STRONG},
	{"IMAP error: ", MBSYNC, FORM_STRONG},
	{"Authenticating with SASL mechanism", MBSYNC, FORM_STRONG}, {"Warning: lost track of ", MBSYNC, FORM_STRONG},
	{"Skipping account ", MBSYNC, FORM_STRONG},
	{"Error performing SASL authentication step", MBSYNC, FORM_SURE}, {"Error: SASL(", MBSYNC, FORM_STRONG},
	{"Cannot resolve server ", MBSYNC, FORM_STRONG}, {"Cannot connect to ", MBSYNC, FORM_LIKELY},
	{"imapfilter: ", IMAPFILTER, FORM_SURE}, {"Host1 failure: ", IMAPSYNC, FORM_SURE}, {"Host2 failure: ", IMAPSYNC, FORM_SURE},
	{"Host1: ", IMAPSYNC, FORM_STRONG}, {"Host2: ", IMAPSYNC, FORM_STRONG},
	{"Host1 ", IMAPSYNC, FORM_LIKELY}, {"Host2 ", IMAPSYNC, FORM_LIKELY}, {"Err 1/", IMAPSYNC, FORM_LIKELY},
	{"Failure: error login on ", IMAPSYNC, FORM_SURE},
	{"ERROR: Saving msg", OFFLINEIMAP, FORM_SURE}, {"OfflineIMAP ", OFFLINEIMAP, FORM_SURE}, {"Account sync ", OFFLINEIMAP, FORM_STRONG},
	{"ERROR: All IMAP auth", OFFLINEIMAP, FORM_SURE},
	{"ERROR: While attempting to sync account", OFFLINEIMAP, FORM_SURE}, {"ERROR: While attempting to ", OFFLINEIMAP, FORM_SURE},
	{"ERROR: Unknown SSL protocol", OFFLINEIMAP, FORM_SURE}, {"ERROR: Creating folder", OFFLINEIMAP, FORM_SURE},
	{"getmail version", GETMAIL, FORM_SURE}, {"getmailOperationError error", GETMAIL, FORM_SURE}, {"operation error (", GETMAIL, FORM_SURE},
	{"SimpleIMAP", GETMAIL, FORM_SURE}, {"SimplePOP3", GETMAIL, FORM_SURE},
	{"Retriever error", GETMAIL, FORM_SURE}, {"  msg  ", GETMAIL, FORM_MAYBE}, {"Sent ", IMAPCLIENT, FORM_NO}, {"ERROR: ", IMAPCLIENT, FORM_NO},
};

static const char *const programs[] = {"mbsync", "offlineimap", "imapsync", "imapfilter", "getmail", "imapclient"};

/* Mail::IMAPClient beside what it sends: "Sent 56 bytes", "ERROR: 2 BAD … at …/Mail/IMAPClient.pm line 1364." */
static bool is_imapclient(struct slice s)
{
	return (slice_starts(s, S("Sent ")) && slice_ends(s, S(" bytes"))) || slice_has(s, S("/Mail/IMAPClient.pm line"));
}

static int opening_of(struct slice line, struct slice *ret)
{
	struct slice s = line;
	slice_skip_space(&s);
	*ret = s;
	for (size_t i = 0; i < sizeof openings / sizeof *openings; i++)
		if (slice_starts(s, slice_from_cstr(openings[i].start)))
			return (int)i;
	return -1;
}

static int recognise(struct reader *r, struct slice line)
{
	struct slice s;
	bool active = reader_active(r) == &form_imap_tools;
	if (line.n < 7)
		return FORM_NO;
	int i = opening_of(line, &s);
	if (is_imapclient(s))
		return FORM_SURE;
	if (i >= 0 && openings[i].bid > FORM_NO)
		return openings[i].bid;
	/* imapfilter's Lua traceback */
	return active && (slice_starts(s, S("[C]: ")) || slice_starts(s, S("stack traceback")) || slice_has(s, S(".lua:"))) ? FORM_SURE : FORM_NO;
}

/* "'LOGIN <user> <pass>' returned an error: NO [ALERT] …" */
static void quote_mbsync(struct reader *r, struct slice s)
{
	size_t at = slice_find(s, S("' returned an error: "));
	if (at == SLICE_NPOS)
		at = slice_find(s, S("' returned error: "));
	if (at == SLICE_NPOS)
		return;
	struct slice verb = slice_between(s, S("'"), S("'")), reply = slice_from(s, at);
	reply = slice_trim(slice_from(reply, slice_find(reply, S(": ")) + 2));
	verb = slice_next_word(&verb);
	kit_quote(r, PROTOCOL_IMAP, arena_printf(reader_arena(r), ". %.*s", SLICE_FMT(reply)), verb);
}

/* "… with user [u] auth [LOGIN]: 2 NO [ALERT] …", "IMAP (3): 1001 BAD …" */
static void quote_tagged(struct reader *r, struct slice s, struct slice after)
{
	for (size_t from = 0;;) {
		size_t at = slice_find(slice_from(s, from), S(": "));
		struct reply parsed;
		if (at == SLICE_NPOS)
			return;
		from += at + 2;
		struct slice reply = slice_from(s, from);
		if (!reply_parse(reader_arena(r), PROTOCOL_IMAP, reply, &parsed) || parsed.status == STATUS_MORE)
			continue;
		kit_quote(r, PROTOCOL_IMAP, reply, after);
		return;
	}
}

/* offlineimap: "error: ('NO', ['APPEND The 1500 MB storage limit …'])" */
static void quote_tuple(struct reader *r, struct slice s)
{
	size_t at = slice_find(s, S("('NO', "));
	struct slice words, rest;
	if (at == SLICE_NPOS)
		return;
	rest = slice_from(s, at + 7);
	slice_skip(&rest, S("["));
	if (kit_string(reader_arena(r), &rest, &words))
		kit_quote(r, PROTOCOL_IMAP, arena_printf(reader_arena(r), ". NO %.*s", SLICE_FMT(words)),
			slice_has(s, S("aving msg")) ? S("APPEND") : SLICE_NONE);
}

static void take(struct reader *r, struct slice line)
{
	struct slice s;
	int i = opening_of(line, &s);
	int tool = is_imapclient(s) ? IMAPCLIENT : i >= 0 ? openings[i].tool : IMAPFILTER;
	if (tool == IMAPCLIENT && slice_starts(s, S("Sent ")))
		return;
	if (tool == IMAPSYNC && slice_starts(slice_from(s, 5), S(" banner: * "))) {
		reader_new_session(r, PROTOCOL_IMAP);
		reader_say(r, SIDE_SERVER, slice_from(s, 14));
		return;
	}
	struct event *e = tool == IMAPFILTER && i < 0 ? reader_continue(r, EV_ERROR, SIDE_CLIENT, s) : reader_event(r, EV_ERROR, SIDE_CLIENT, s);
	reader_program(e, slice_from_cstr(programs[tool]));
	struct slice user = slice_between(s, S("user ["), S("]"));
	reader_fact(r, e, "user", user);
	reader_fact(r, e, "mech", slice_between(s, S("auth ["), S("]")));
	if (tool == MBSYNC)
		quote_mbsync(r, s);
	else if (tool == IMAPSYNC)
		quote_tagged(r, s, slice_has_nocase(s, S("login")) ? S("LOGIN") : SLICE_NONE);
	else if (tool == IMAPFILTER)
		quote_tagged(r, s, SLICE_NONE);
	else if (tool == OFFLINEIMAP)
		quote_tuple(r, s);
}

const struct form form_imap_tools = {.name = "imap-tools", .title = N_("output of mbsync, offlineimap, imapsync, imapfilter or getmail"),
	.recognise = recognise, .take = take};
