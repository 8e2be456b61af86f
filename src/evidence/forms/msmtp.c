/* msmtp: the settings it prints with --debug, "<-- " and "--> ", its errors, and its log file. It speaks as "msmtp:" or "sendmail:". */
#include "evidence/kit.h"

extern const struct form form_msmtp;

static const char *const settings[] = {
	"host", "port", "source ip", "proxy host", "proxy port", "socket", "timeout", "protocol", "domain", "auth", "user", "password",
	"passwordeval", "ntlmdomain",
	"tls", "tls_starttls", "tls_trust_file", "tls_crl_file", "tls_fingerprint", "tls_key_file", "tls_cert_file", "tls_certcheck", "tls_min_dh_prime_bits",
	"tls_priorities", "tls_host_override", "auto_from", "maildomain", "from", "set_from_header", "set_date_header", "remove_bcc_headers",
	"undisclosed_recipients",
	"add_missing_from_header", "add_missing_date_header", "dsn_notify", "dsn_return", "logfile", "logfile_time_format", "syslog", "aliases",
	"allow_from_override",
	"set_msgid_header", "from_full_name", "eval", NULL,
};
static const char *const openings[] = {
	"loaded system configuration file", "loaded user configuration file", "ignoring system configuration file", "ignoring user configuration file",
	"falling back to default account", "using account ", "reading recipients from the command line", "envelope from address",
	"using environment variables", NULL,
};
/* What only msmtp says as "sendmail: …" (it is called so when it takes sendmail's place). */
static const char *const errors[] = {
	"could not send mail", "the server does not support", "server message:", "authentication failed", "cannot connect to", "cannot locate host",
	"envelope from",
	"recipient address", "TLS certificate", "no configuration file", "account ", "cannot use a secure", "the server sent", "TLS handshake",
	"support for", "GNU SASL", NULL,
};

static bool split_setting(struct slice line, struct slice *name, struct slice *value)
{
	struct slice rest = line;
	*name = slice_trim(slice_next_until(&rest, '='));
	*value = slice_trim(rest);
	for (size_t i = 0; settings[i]; i++)
		if (slice_eq(*name, slice_from_cstr(settings[i])))
			return slice_find_byte(line, '=') != SLICE_NPOS;
	return false;
}

static int recognise(struct reader *r, struct slice line)
{
	bool active = reader_active(r) == &form_msmtp;
	struct slice name, value, rest = line;
	if (line.n < 4)
		return active && (slice_eq(line, S("<--")) || slice_eq(line, S("-->"))) ? FORM_SURE : FORM_NO;
	if (slice_starts(line, S("msmtp: ")) || slice_starts(line, S("msmtpd: ")) || slice_starts(line, S("msmtpq: ")))
		return FORM_SURE;
	if (slice_skip(&rest, S("sendmail: ")))
		return kit_prefix(errors, rest) >= 0 ? FORM_SURE : FORM_NO;
	if (slice_starts(line, S("<-- ")) || slice_starts(line, S("--> ")))
		return active ? FORM_SURE : FORM_LIKELY + 5;
	if (kit_prefix(openings, line) >= 0)
		return FORM_STRONG;
	if (slice_has(line, S(" smtpstatus=")) || slice_has(line, S(" exitcode=EX_")))
		return FORM_SURE;
	if (active && (slice_starts(line, S("TLS ")) || slice_starts(line, S("    "))))
		return FORM_SURE;
	return active && split_setting(line, &name, &value) ? FORM_SURE : FORM_NO;
}

/* "2023 host=smtp… tls=on from=a recipients=b smtpstatus=535 smtpmsg='535 …' errormsg='…' exitcode=EX_NOPERM" */
static void take_logged(struct reader *r, struct slice line)
{
	static const char *const facts[][2] = {{"host=", "server_name"}, {"user=", "user"}, {"from=", "from"}, {"recipients=", "to"}, {"tls=", "tls"},
		{NULL, NULL}};
	size_t at = slice_find(line, S("smtpmsg=")), err = slice_find(line, S("errormsg="));
	struct slice text, rest;
	struct event *e = kit_error(r, S("msmtp"), line);
	kit_facts(r, e, line, facts);
	if (at == SLICE_NPOS)
		return;
	rest = slice_from(line, at + 8);
	if (kit_string(reader_arena(r), &rest, &text))
		kit_quote(r, PROTOCOL_SMTP, text, err == SLICE_NPOS ? SLICE_NONE : kit_phase(slice_from(line, err)));
}

struct state {
	struct slice phase; /* what the error before "server message:" was about; static words */
};

static void take_error(struct reader *r, struct slice program, struct slice text)
{
	static const struct {
		const char *words, *verb;
	} phases[] = {{"envelope from", "MAIL"}, {"recipient address", "RCPT"}, {"authentication failed", "AUTH"}, {"mail from", "MAIL"},
		{"the mail was not accepted", "DOT"}, {"did not accept the mail", "DOT"}, {"not accept mail data", "DATA"}, {"greeting", "CONNECT"},
			{"EHLO", "EHLO"}, {NULL, NULL}};
	struct state *st = reader_state(r, &form_msmtp);
	struct slice reply = text;
	if (slice_skip(&reply, S("server message: "))) {
		kit_error(r, program, text);
		kit_quote(r, PROTOCOL_SMTP, reply, st->phase);
		return;
	}
	for (size_t i = 0; phases[i].words; i++)
		if (slice_has(text, slice_from_cstr(phases[i].words)))
			st->phase = slice_from_cstr(phases[i].verb);
	struct event *e = kit_error(r, program, text);
	if (slice_starts(text, S("cannot connect")) || slice_starts(text, S("cannot locate")))
		reader_fact(r, e, "after", S("CONNECT"));
}

static void take(struct reader *r, struct slice line)
{
	struct slice name, value, rest = line;
	if (slice_starts(line, S("<--")) || slice_starts(line, S("-->"))) {
		slice_skip(&rest, line.p[0] == '<' ? S("<-- ") : S("--> "));
		reader_say(r, line.p[0] == '<' ? SIDE_SERVER : SIDE_CLIENT, line.n > 3 ? rest : SLICE_NONE);
	} else if (slice_has(line, S(" smtpstatus=")) || slice_has(line, S(" exitcode=EX_"))) {
		take_logged(r, line);
	} else if (slice_starts(line, S("msmtp")) || slice_starts(line, S("sendmail: "))) {
		take_error(r, S("msmtp"), slice_trim(slice_from(line, slice_find_byte(line, ':') + 1)));
	} else if (split_setting(line, &name, &value)) {
		reader_setting(r, name, value, line);
	} else if (slice_starts(line, S("TLS session")) || slice_starts(line, S("TLS certificate"))) {
		kit_tls(r, SLICE_NONE, SLICE_NONE, line);
	} else if (slice_starts(line, S("    "))) {
		reader_continue(r, EV_TLS, SIDE_UNKNOWN, line);
	} else {
		reader_program(reader_event(r, EV_TOOL, SIDE_CLIENT, line), S("msmtp"));
	}
}

const struct form form_msmtp = {
	.name = "msmtp", .title = N_("msmtp output"), .recognise = recognise, .take = take, .state_size = sizeof(struct state)};
