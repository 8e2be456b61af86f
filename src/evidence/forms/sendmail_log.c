/* Sendmail's log: "sendmail[123]: qid: to=<a@b>, …, dsn=5.1.1, stat=…", "ruleset=check_rcpt, …, reject=550 …", "AUTH failure (LOGIN): …". */
#include "evidence/kit.h"

static const char *const programs[] = {"sendmail", "sm-mta", "sm-msp", "sm-msp-queue", "mta", "sendmail-in", "sendmail-out", NULL};
static const char *const fact_table[][2] = {{"from=", "from"}, {"to=", "to"}, {"relay=", "relay"}, {"dsn=", "dsn"}, {"mech=", "mech"},
	{"size=", "size"}, {"delay=", "delay"}, {NULL, NULL}};

static bool is_sendmail(struct reader *r, struct slice line, struct syslog_line *l)
{
	if (!kit_log_line(r, line, l) || !l->program.n || !l->pid)
		return false;
	for (size_t i = 0; programs[i]; i++)
		if (slice_eq(l->program, slice_from_cstr(programs[i])))
			return true;
	return false;
}

static int recognise(struct reader *r, struct slice line)
{
	struct syslog_line l;
	return line.n > 20 && is_sendmail(r, line, &l) ? FORM_SURE : FORM_NO;
}

static struct slice next_queue_id(struct slice *s)
{
	size_t n = 0;
	while (n < s->n && n < 20 && ascii_is_alnum(s->p[n]))
		n++;
	if (n < 7 || n + 1 >= s->n || s->p[n] != ':' || s->p[n + 1] != ' ')
		return SLICE_NONE;
	struct slice id = slice_sub(*s, 0, n);
	*s = slice_from(*s, n + 2);
	return id;
}

/* "relay=mx.example.net. [1.2.3.4], dsn=…": the value holds a blank */
static struct slice relay_of(struct slice m)
{
	size_t at = slice_find(m, S("relay="));
	if (at == SLICE_NPOS)
		return SLICE_NONE;
	struct slice v = slice_from(m, at + 6);
	v = slice_sub(v, 0, slice_find_byte(v, ','));
	size_t may = slice_find(v, S(" (may be"));
	v = slice_sub(v, 0, may);
	return v;
}

static void name_relay(struct reader *r, struct party *p, struct slice relay)
{
	struct slice name, address;
	unsigned port;
	reader_split_host(relay, &name, &address, &port);
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (!p->name.n && name.n)
		p->name = arena_dup(reader_arena(r), name);
	if (!p->address.n && address.n)
		p->address = arena_dup(reader_arena(r), address);
}

static void take_reject(struct reader *r, struct session *s, struct slice m, size_t at)
{
	struct slice reply = slice_from(m, at + 7), rule = kit_value(m, S("ruleset=")), arg = kit_value(m, S("arg1="));
	struct slice after = slice_eq(rule, S("check_rcpt")) ? S("RCPT") : slice_eq(rule, S("check_mail")) ? S("MAIL") : slice_eq(rule,
		S("check_relay")) ? S("CONNECT") : kit_phase(rule);
	struct event *q = reader_quote_reply(r, s, PROTOCOL_SMTP, reply, after);
	if (!q)
		return;
	if (arg.n)
		reader_fact(r, q, slice_eq(after, S("RCPT")) ? "to" : "from", arg);
	kit_facts(r, q, m, fact_table);
}

static void judge(struct session *s, struct slice stat)
{
	static const struct {
		const char *words;
		enum outcome o;
	} table[] = {
		{"Sent", OUTCOME_OK}, {"Connection refused", OUTCOME_NOT_CONNECTED}, {"Connection timed out", OUTCOME_NOT_CONNECTED},
		{"Name server", OUTCOME_NOT_CONNECTED},
		{"Connection reset", OUTCOME_RESET}, {"Deferred", OUTCOME_DEFERRED}, {"queued", OUTCOME_UNKNOWN}, {NULL, OUTCOME_REFUSED},
	};
	size_t i = 0;
	while (table[i].words && !slice_has(stat, slice_from_cstr(table[i].words)))
		i++;
	s->outcome = table[i].o;
}

static void take(struct reader *r, struct slice line)
{
	struct syslog_line l;
	char buf[64];
	if (!is_sendmail(r, line, &l))
		return;
	struct slice m = l.message, id = next_queue_id(&m);
	size_t stat = slice_find(m, S("stat=")), reject = slice_find(m, S("reject="));
	if (reader_is_big(r) && ((stat != SLICE_NPOS && slice_starts(slice_from(m, stat), S("stat=Sent"))) || slice_starts(m, S("from="))))
		return;
	struct session *s = reader_log_session(r, id.n ? id : kit_log_key(buf, sizeof buf, l.program, l.pid), PROTOCOL_SMTP);
	struct event *e = kit_log(r, s, &l, m);
	kit_facts(r, e, m, fact_table);
	bool server = reject != SLICE_NPOS || slice_starts(m, S("from=")) || slice_starts(m, S("AUTH")) || slice_has(m, S("STARTTLS=server"));
	struct slice relay = relay_of(m);
	if (s && relay.n)
		name_relay(r, server ? &s->client : &s->server, relay);
	if (s && server)
		s->server.software = SOFTWARE_SENDMAIL;
	if (reject != SLICE_NPOS)
		take_reject(r, s, m, reject);
	if (slice_starts(m, S("AUTH failure"))) {
		reader_fact(r, e, "after", S("AUTH"));
		reader_fact(r, e, "mech", slice_between(m, S("("), S(")")));
	}
	if (stat == SLICE_NPOS)
		return;
	struct slice status = slice_from(m, stat + 5), reply = kit_find_reply(status);
	reader_fact(r, e, "status", status);
	if (reply.n)
		reader_quote_reply(r, s, PROTOCOL_SMTP, reply, SLICE_NONE);
	if (s)
		judge(s, status);
}

const struct form form_sendmail_log = {.name = "sendmail-log", .title = N_("Sendmail log"), .recognise = recognise, .take = take};
