/* Other mail programs of syslog: Cyrus, Courier, saslauthd and its like, milters and policy services, spam filters, fail2ban, ssmtp, nullmailer. One table
 * tells their protocol; their words are kept as log statements with the facts that they name. */
#include "evidence/kit.h"

static const struct {
	const char *program; /* a trailing * matches any end */
	enum protocol p;
	bool server;
} daemons[] = {
	{"cyrus/imap*", PROTOCOL_IMAP, true}, {"cyrus/pop3*", PROTOCOL_POP3, true}, {"cyrus/lmtp*", PROTOCOL_LMTP, true}, {"cyrus/*", PROTOCOL_UNKNOWN, true},
	{"imapd*", PROTOCOL_IMAP, true}, {"imaps", PROTOCOL_IMAP, true}, {"imap", PROTOCOL_IMAP, true}, {"pop3d*", PROTOCOL_POP3, true},
	{"pop3s", PROTOCOL_POP3, true}, {"pop3", PROTOCOL_POP3, true},
	{"ipop3d", PROTOCOL_POP3, true}, {"lmtpunix", PROTOCOL_LMTP, true}, {"lmtpd", PROTOCOL_LMTP, true}, {"courieresmtpd", PROTOCOL_SMTP, true},
	{"esmtpd*", PROTOCOL_SMTP, true},
	{"courieresmtp", PROTOCOL_SMTP, false}, {"courierd", PROTOCOL_SMTP, false}, {"courierpop3*", PROTOCOL_POP3, true},
	{"courierlogger", PROTOCOL_UNKNOWN, true}, {"authdaemond*", PROTOCOL_UNKNOWN, true},
	{"saslauthd", PROTOCOL_UNKNOWN, true}, {"policyd-spf", PROTOCOL_SMTP, true}, {"postgrey", PROTOCOL_SMTP, true},
	{"postfwd*", PROTOCOL_SMTP, true}, {"amavis*", PROTOCOL_SMTP, true},
	{"rspamd", PROTOCOL_SMTP, true}, {"spamd", PROTOCOL_SMTP, true}, {"clamsmtp*", PROTOCOL_SMTP, true}, {"clamav-milter", PROTOCOL_SMTP, true},
	{"opendkim", PROTOCOL_SMTP, true},
	{"opendmarc", PROTOCOL_SMTP, true}, {"fail2ban*", PROTOCOL_UNKNOWN, true}, {"sSMTP", PROTOCOL_SMTP, false}, {"ssmtp", PROTOCOL_SMTP, false},
	{"nullmailer*", PROTOCOL_SMTP, false},
	{"dma", PROTOCOL_SMTP, false}, {"esmtp", PROTOCOL_SMTP, false}, {"stunnel*", PROTOCOL_UNKNOWN, true}, {"nslcd", PROTOCOL_UNKNOWN, true},
	{"auxpropfunc", PROTOCOL_UNKNOWN, true}, {"sieved", PROTOCOL_UNKNOWN, true}, {"perdition*", PROTOCOL_IMAP, true},
	{"milter-greylist", PROTOCOL_SMTP, true}, {"pluginviewer", PROTOCOL_UNKNOWN, false}, {"haproxy", PROTOCOL_UNKNOWN, true},
	{"sendxmpp", PROTOCOL_UNKNOWN, false}, {"haraka*", PROTOCOL_SMTP, true},
};

static int daemon_index(struct slice program)
{
	for (size_t i = 0; i < sizeof daemons / sizeof *daemons; i++) {
		struct slice name = slice_from_cstr(daemons[i].program);
		bool open = name.p[name.n - 1] == '*';
		if (open ? slice_starts(program, slice_sub(name, 0, name.n - 1)) : slice_eq(program, name))
			return (int)i;
	}
	return -1;
}

/* "imap" and "smtp" may be anything in front of a colon: they need a process id or a time. */
static int find(struct reader *r, struct slice line, struct syslog_line *l)
{
	if (!kit_log_line(r, line, l) || !l->program.n || (!l->pid && !l->time.n))
		return -1;
	return daemon_index(l->program);
}

static int recognise(struct reader *r, struct slice line)
{
	struct syslog_line l;
	if (line.n < 12 || find(r, line, &l) < 0)
		return FORM_NO;
	return l.pid && l.time.n ? FORM_SURE : FORM_STRONG;
}

static bool is_good_news(struct slice m)
{
	static const char *const fine[] = {"LOGIN, user", "LOGOUT, ", "Connection, ip", "DISCONNECTED, ", "login: ", "accepted connection", "USAGE ",
		"starttls: ", "fetching ", NULL};
	return kit_prefix(fine, m) >= 0 || slice_has(m, S(" Passed ")) || slice_has(m, S("clean message")) || slice_has(m, S("DKIM-Signature field added"));
}

/* Courier: "LOGIN FAILED, user=x, ip=[::ffff:1.2.3.4]"; Cyrus: "badlogin: host [1.2.3.4] PLAIN [SASL(-13): authentication failure: …]". */
static void add_facts(struct reader *r, struct session *s, struct event *e, struct slice m)
{
	static const char *const table[][2] = {{"user=", "user"}, {"from=", "from"}, {"to=", "to"}, {"addr=", "to"}, {"relay=", "client_address"},
		{"helo=", "helo"}, {"client_name=", "client_name"},
					{"client_address=", "client_address"}, {"client-ip=", "client_address"}, {"sender=", "from"},
						{"recipient=", "to"}, {NULL, NULL}};
	struct slice ip = kit_value(m, S("ip=[")), rest = m;
	kit_facts(r, e, m, table);
	if (!ip.n && (slice_skip(&rest, S("badlogin: ")) || slice_skip(&rest, S("login: ")))) {
		ip = slice_between(rest, S("["), S("]"));
		size_t close = slice_find_byte(rest, ']');
		rest = close == SLICE_NPOS ? SLICE_NONE : slice_from(rest, close + 1);
		reader_fact(r, e, "mech", slice_next_word(&rest));
	}
	slice_skip(&ip, S("::ffff:"));
	ip = slice_sub(ip, 0, slice_find_byte(ip, ']'));
	if (!ip.n)
		return;
	reader_fact(r, e, "client_address", ip);
	if (s && !s->client.address.n)
		s->client.address = arena_dup(reader_arena(r), ip);
}

static void take(struct reader *r, struct slice line)
{
	struct syslog_line l;
	char buf[64];
	int which = find(r, line, &l);
	if (which < 0 || (reader_is_big(r) && is_good_news(l.message)))
		return;
	struct session *s = NULL;
	if (daemons[which].p != PROTOCOL_UNKNOWN && l.pid)
		s = reader_log_session(r, kit_log_key(buf, sizeof buf, l.program, l.pid), daemons[which].p);
	struct event *e = kit_log(r, s, &l, l.message);
	add_facts(r, s, e, l.message);
	if (s && slice_starts(l.program, S("cyrus/")))
		s->server.software = SOFTWARE_CYRUS;
	else if (s && (slice_starts(l.program, S("courier")) || slice_has(l.message, S("LOGIN FAILED"))))
		s->server.software = SOFTWARE_COURIER;
	struct slice reply = kit_find_reply(l.message);
	if (reply.n && s)
		reader_quote_reply(r, s, daemons[which].p, reply, slice_has(l.message, S("RCPT")) ? S("RCPT") : SLICE_NONE);
}

const struct form form_mail_daemons = {.name = "mail-daemons", .title = N_("log of mail programs"), .recognise = recognise, .take = take};
