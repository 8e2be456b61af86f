/* Exchange and IIS protocol logs: comma-separated since 2007 (event "<", ">", "*", "+", "-" as the seventh field, or where #Fields says), W3C with
 * blanks, and NCSA of IIS and Exchange 2000/2003 ("host - OutboundConnectionResponse [time] "- -?220 mx SMTP" 0 32"). */
#include "evidence/kit.h"

extern const struct form form_exchange_log;

#define COLUMNS 40u

struct state {
	int event, data, context, session, local, remote; /* columns of the CSV log, from #Fields */
	int method, query, ip, name, status;              /* of the W3C log */
	bool fields;
	uint64_t open;       /* hash of the CSV session being told */
	bool sending;        /* a send connector's log: "<" is what the server said */
	bool known;
};

static size_t split(struct slice line, uint8_t sep, struct slice *ret, size_t max)
{
	size_t n = 0;
	while (line.n && n < max) {
		if (sep == ',' && line.p[0] == '"') {
			size_t close = slice_find(slice_from(line, 1), S("\","));
			ret[n++] = slice_sub(line, 1, close == SLICE_NPOS ? line.n - 1 : close + 1);
			line = close == SLICE_NPOS ? SLICE_NONE : slice_from(line, close + 3);
			continue;
		}
		ret[n++] = slice_next_until(&line, sep);
	}
	return n;
}

static int column(const struct slice *c, size_t n, struct slice name)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq_nocase(c[i], name))
			return (int)i;
	return -1;
}

static bool is_csv(struct slice line)
{
	/* 2013-10-15T12:30:01.004Z,EX01\Client,08D0…,4,10.1.1.10:587,10.1.1.44:50211,<,AUTH LOGIN, */
	if (line.n < 40 || line.p[4] != '-' || line.p[10] != 'T' || !ascii_is_digit(line.p[0]))
		return false;
	size_t comma = slice_find_byte(line, ',');
	return comma != SLICE_NPOS && comma < 32 && (slice_has(line, S(",<,")) || slice_has(line, S(",>,")) || slice_has(line, S(",*,")) ||
		slice_has(line, S(",+,")) || slice_has(line, S(",-,")));
}

static bool is_ncsa(struct slice line)
{
	return slice_has(line, S("OutboundConnection")) && slice_has(line, S(" [")) && slice_has(line, S("] "));
}

/* "1.2.3.4 - name [27/Nov/2008:16:31:37 +0300] "EHLO -?x SMTP" 250 …" of an inbound connection */
static bool is_ncsa_inbound(struct slice line)
{
	return line.n > 20 && slice_has(line, S(" SMTP\" ")) && slice_has(line, S("] \""));
}

static int recognise(struct reader *r, struct slice line)
{
	if (line.n < 12)
		return FORM_NO;
	if (line.p[0] == '#')
		return slice_starts(line, S("#Fields: ")) || slice_starts(line, S("#Software: Microsoft")) || slice_starts(line, S("#Log-type: SMTP")) ||
				       slice_starts(line, S("#Version: 1")) || slice_starts(line, S("#Date: 2")) ? FORM_SURE : FORM_NO;
	if (is_csv(line) || is_ncsa(line))
		return FORM_SURE;
	if (is_ncsa_inbound(line))
		return FORM_STRONG;
	if (reader_active(r) != &form_exchange_log || !ascii_is_digit(line.p[0]))
		return FORM_NO;
	struct state *st = reader_state(r, &form_exchange_log);
	return st->fields && st->method >= 0 ? FORM_SURE : FORM_NO;
}

static void take_fields(struct state *st, struct slice line)
{
	struct slice c[COLUMNS], rest = slice_from(line, 9);
	bool csv = slice_find_byte(rest, ',') != SLICE_NPOS;
	size_t n = split(rest, csv ? ',' : ' ', c, COLUMNS);
	st->fields = true;
	st->event = column(c, n, S("event"));
	st->data = column(c, n, S("data"));
	st->context = column(c, n, S("context"));
	st->session = column(c, n, S("session-id"));
	st->local = column(c, n, S("local-endpoint"));
	st->remote = column(c, n, S("remote-endpoint"));
	st->method = column(c, n, S("cs-method"));
	st->query = column(c, n, S("cs-uri-query"));
	st->ip = column(c, n, S("c-ip"));
	st->name = column(c, n, S("cs-username"));
	st->status = column(c, n, S("sc-status"));
	if (st->event >= 0)
		st->method = -1;
}

/* Who says "<"? In a receive log the client, in a send log the server: the words tell. */
static void learn(struct state *st, uint8_t event, struct slice data)
{
	enum side said = dialogue_guess_side(PROTOCOL_SMTP, data);
	if (said == SIDE_UNKNOWN)
		return;
	st->sending = (event == '<') == (said == SIDE_SERVER);
	st->known = true;
}

static void take_csv(struct reader *r, struct state *st, struct slice line)
{
	struct slice c[COLUMNS], local, data, context, time = line;
	size_t n = split(line, ',', c, COLUMNS);
	int64_t us;
	int ev = st->fields && st->event > 0 ? st->event : 6, da = st->fields && st->data > 0 ? st->data : ev + 1;
	if ((size_t)ev >= n || !c[ev].n)
		return;
	data = (size_t)da < n ? c[da] : SLICE_NONE;
	context = (size_t)da + 1 < n ? c[da + 1] : SLICE_NONE;
	uint8_t event = c[ev].p[0];
	uint64_t id = slice_hash(c[ev >= 4 ? ev - 4 : 0]);
	reader_set_time(r, reader_skip_time(&time, &us) ? us : 0);
	bool fresh = !reader_dialogue(r) || id != st->open;
	if (fresh || (event == '+' && reader_session(r)->events.n > 2)) {
		struct slice name, address, server, ignored;
		unsigned port = 0, server_port = 0;
		st->open = id;
		st->known = false;
		local = ev >= 2 ? c[ev - 2] : SLICE_NONE;
		reader_split_host(ev >= 1 ? c[ev - 1] : SLICE_NONE, &name, &address, &port);
		reader_split_host(local, &ignored, &server, &server_port);
		st->sending = port == 25 || port == 587 || port == 465;
		struct session *s = kit_connect(r, PROTOCOL_SMTP, SLICE_NONE, st->sending ? address : server, st->sending ? port : server_port,
			context.n ? context : c[1]);
		if (s && !st->sending)
			s->client.address = arena_dup(reader_arena(r), address);
	}
	if ((event == '<' || event == '>') && !st->known)
		learn(st, event, data);
	if (event == '<' || event == '>') {
		reader_say(r, (event == '<') == st->sending ? SIDE_SERVER : SIDE_CLIENT, data);
	} else if (event == '-') {
		reader_event(r, EV_CLOSE, slice_eq(context, S("Remote")) ? (st->sending ? SIDE_SERVER : SIDE_CLIENT) : SIDE_UNKNOWN,
			context.n ? context : S("closed"));
	} else if (event == '*' && (data.n || context.n)) {
		struct slice text = arena_join(reader_arena(r), data, data.n && context.n ? S(" ") : SLICE_NONE, context);
		bool tls = slice_has_nocase(text, S("TLS")) || slice_has_nocase(text, S("certificate"));
		static const char *const complaints[] = {"fail", "error", "refused", "denied", "unable", "could not", "timed out", "reject",
			"invalid", "expired", NULL};
		bool bad = kit_has_any(complaints, text);
		reader_program(reader_event(r, bad ? EV_ERROR : tls ? EV_TLS : EV_CONNECT, SIDE_UNKNOWN, text), S("exchange"));
	}
	reader_set_time(r, 0);
}

/* What stands between the quotes (also typographic ones): "- -?220 mx7 ESMTP ready SMTP" */
static struct slice quoted(struct slice line)
{
	static const char *const opens[] = {"\"", "\xe2\x80\x9c", NULL}, *const closes[] = {"\"", "\xe2\x80\x9d", NULL};
	for (int i = 0; opens[i]; i++) {
		size_t at = slice_find(line, slice_from_cstr(opens[i]));
		if (at == SLICE_NPOS)
			continue;
		struct slice rest = slice_from(line, at + strlen(opens[i]));
		return slice_sub(rest, 0, slice_find(rest, slice_from_cstr(closes[i])));
	}
	return SLICE_NONE;
}

static void take_ncsa(struct reader *r, struct slice line)
{
	struct slice q = quoted(line), rest = line, host = slice_next_word(&rest), verb = q;
	bool outbound = is_ncsa(line), response = slice_has(line, S("ConnectionResponse"));
	if (slice_ends(q, S(" SMTP")))
		q.n -= 5;
	size_t at = slice_find(q, S("-?"));
	verb = slice_sub(q, 0, slice_find_byte(q, ' '));
	struct slice args = at == SLICE_NPOS ? SLICE_NONE : slice_from(q, at + 2);
	if (outbound && (!reader_dialogue(r) || (response && slice_starts(args, S("220")) && !dialogue_pending(reader_dialogue(r)))))
		kit_connect(r, PROTOCOL_SMTP, SLICE_NONE, host, 0, slice_sub(line, 0, 80));
	if (response) {
		reader_say(r, SIDE_SERVER, kit_first_line(r, args));
		return;
	}
	slice_skip(&args, S("+"));
	reader_say(r, SIDE_CLIENT, arena_join(reader_arena(r), verb, args.n ? S(" ") : SLICE_NONE, args));
}

/* W3C: method and query in columns; a blank is written as "+" */
static void take_w3c(struct reader *r, struct state *st, struct slice line)
{
	struct slice c[COLUMNS];
	size_t n = split(line, ' ', c, COLUMNS);
	if (st->method < 0 || (size_t)st->method >= n)
		return;
	struct slice query = st->query >= 0 && (size_t)st->query < n ? c[st->query] : SLICE_NONE, method = c[st->method];
	struct slice who = st->name >= 0 && (size_t)st->name < n ? c[st->name] : SLICE_NONE;
	struct slice text = arena_dup(reader_arena(r), query);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '+')
			((uint8_t *)(uintptr_t)text.p)[i] = ' ';
	bool response = slice_eq(who, S("OutboundConnectionResponse"));
	if (slice_eq(text, S("-")))
		text = SLICE_NONE;
	uint64_t id = st->ip >= 0 && (size_t)st->ip < n ? slice_hash(c[st->ip]) : 0;
	if (id != st->open || !reader_dialogue(r)) {
		st->open = id;
		struct slice ip = st->ip >= 0 && (size_t)st->ip < n ? c[st->ip] : SLICE_NONE;
		bool outbound = slice_starts(who, S("Outbound"));
		struct session *s = kit_connect(r, PROTOCOL_SMTP, SLICE_NONE, outbound ? ip : SLICE_NONE, 0, slice_sub(line, 0, 80));
		if (s && !outbound)
			s->client.address = arena_dup(reader_arena(r), ip);
	}
	if (response)
		reader_say(r, SIDE_SERVER, kit_first_line(r, text));
	else
		reader_say(r, SIDE_CLIENT, arena_join(reader_arena(r), method, text.n ? S(" ") : SLICE_NONE, slice_trim(text)));
	/* An inbound connection's answers are logged as their code alone. */
	uint64_t code;
	struct slice status = st->status >= 0 && (size_t)st->status < n ? c[st->status] : SLICE_NONE;
	if (!slice_starts(who, S("Outbound")) && slice_to_uint(status, 599, &code) && code >= 211)
		reader_say(r, SIDE_SERVER, status);
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_exchange_log);
	if (slice_starts(line, S("#Fields: ")))
		take_fields(st, line);
	else if (line.p[0] == '#')
		return;
	else if (is_csv(line))
		take_csv(r, st, line);
	else if (is_ncsa(line) || is_ncsa_inbound(line))
		take_ncsa(r, line);
	else
		take_w3c(r, st, line);
}

const struct form form_exchange_log = {
	.name = "exchange-log", .title = N_("Exchange or IIS protocol log"), .recognise = recognise, .take = take, .state_size = sizeof(struct state)};
