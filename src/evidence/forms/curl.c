/* curl -v: "< " from the server, "> " from the client, "* " what curl does, "curl: (67) …" how it ended. */
#include "evidence/kit.h"

extern const struct form form_curl;

static const char *const doings[] = {
	"SSL: no alternative certificate", "Connected to ", "  Trying ", "Trying ", "Closing ", "Connection ", "SSL ", "TLSv1", "ALPN", "Host ", "Could not resolve", "connect to ", "Failed to ",
	"Server certificate", " subject:", " start date", " expire date", " issuer:", " subjectAltName", "  subject:", "  issuer:", "  CApath", "  CAfile",
	" CApath", " CAfile", "successfully set certificate", "schannel", "Rebuilt URL", "getaddrinfo", "Operation timed out", "OpenSSL ", "server response",
	"common name:", "Using ", "upload completely", "Mark bundle", "Recv failure", "Send failure", "Authentication", "Access denied", "Login denied",
	"SASL", "No known authentication", "gnutls", "MAIL failed", "RCPT failed", "IPv", "Established connection", "Immediate connect", "closing connection",
	"shutting down", "Request completely", "We are completely", "Curl_", "NTLM", "response reading", NULL,
};

static bool is_doing(struct slice line, bool active)
{
	/* two blanks: details of the certificate; no server's untagged reply has them */
	return (active && slice_starts(line, S("*  "))) || (slice_starts(line, S("* ")) && kit_prefix(doings, slice_from(line, 2)) >= 0);
}

static bool is_meter(struct slice line)
{
	struct slice t = slice_trim(line);
	return slice_starts(t, S("% Total")) || slice_starts(t, S("Dload  Upload")) || (t.n > 60 && slice_has(t, S("--:--:--")));
}

static int recognise(struct reader *r, struct slice line)
{
	bool active = reader_active(r) == &form_curl;
	if (line.n < 2)
		return active && (slice_eq(line, S("<")) || slice_eq(line, S(">"))) ? FORM_SURE : FORM_NO;
	if (slice_starts(line, S("curl: (")))
		return FORM_SURE;
	if (is_doing(line, active))
		return active ? FORM_SURE : FORM_STRONG;
	if (active && (is_meter(line) || slice_ends(line, S("bytes data]"))))
		return FORM_SURE;
	if (line.p[1] != ' ' || (line.p[0] != '<' && line.p[0] != '>'))
		return FORM_NO;
	struct slice rest = slice_from(line, 2);
	if (active)
		return FORM_SURE;
	/* "> 220 …" is quoted mail, not curl */
	if (line.p[0] == '>' && dialogue_guess_side(PROTOCOL_SMTP, rest) == SIDE_SERVER)
		return FORM_NO;
	enum protocol p = dialogue_guess(line.p[0] == '<' ? SIDE_SERVER : SIDE_CLIENT, rest);
	if (line.p[0] == '>' && (!rest.n || rest.p[0] < 'A' || rest.p[0] > 'Z'))
		return FORM_NO;
	/* its tags are A001 and so on */
	if (line.p[0] == '>' && p == PROTOCOL_IMAP &&
		(rest.n < 5 || rest.p[0] < 'A' || rest.p[0] > 'Z' || !ascii_is_digit(rest.p[1]) || !ascii_is_digit(rest.p[3]) || rest.p[4] != ' '))
		return FORM_NO;
	return p == PROTOCOL_UNKNOWN ? FORM_NO : line.p[0] == '<' ? FORM_LIKELY + 5 : FORM_LIKELY - 5;
}

/* "Connected to smtp.example.cn (203.0.113.42) port 587 (#0)" */
static void take_connected(struct reader *r, struct slice text)
{
	struct slice rest = slice_from(text, 13);
	struct slice name = slice_next_word(&rest), address = slice_between(text, S("("), S(")"));
	size_t at = slice_find(text, S(" port "));
	uint64_t port = 0;
	struct slice digits = at == SLICE_NPOS ? SLICE_NONE : slice_from(text, at + 6);
	slice_next_uint(&digits, 65535, &port);
	kit_connect(r, PROTOCOL_UNKNOWN, name, address, (unsigned)port, text);
}

static void take_doing(struct reader *r, struct slice text)
{
	struct slice t = slice_trim(text);
	if (slice_starts(t, S("Connected to "))) {
		take_connected(r, t);
	} else if (slice_starts(t, S("SSL connection using "))) {
		struct slice rest = slice_from(t, 21), version = slice_next_word(&rest);
		slice_skip(&rest, S(" / "));
		kit_tls(r, version, slice_next_word(&rest), t);
	} else if (slice_starts(t, S("Trying ")) || slice_starts(t, S("connect to ")) || slice_starts(t, S("Could not resolve")) ||
		   slice_starts(t, S("Failed to connect"))) {
		reader_event(r, EV_CONNECT, SIDE_CLIENT, t);
	} else if (slice_starts(t, S("Closing connection")) || slice_starts(t, S("closing connection"))) {
		reader_event(r, EV_CLOSE, SIDE_CLIENT, t);
	} else if (slice_starts(t, S("SSL certificate problem")) || slice_has(t, S("no alternative certificate")) ||
		   slice_has(t, S("denied")) || slice_has(t, S("failed")) || slice_has(t, S("failure"))) {
		kit_error(r, S("curl"), t);
	} else {
		reader_continue(r, EV_TLS, SIDE_UNKNOWN, t);
	}
}

static void take(struct reader *r, struct slice line)
{
	if (slice_starts(line, S("curl: (")))
		kit_error(r, S("curl"), line);
	else if (line.p[0] == '*')
		take_doing(r, slice_from(line, 2));
	else if (line.p[0] == '<')
		reader_say(r, SIDE_SERVER, slice_from(line, 2));
	else if (line.p[0] == '>')
		reader_say(r, SIDE_CLIENT, slice_from(line, 2));
}

const struct form form_curl = {.name = "curl", .title = N_("curl -v output"), .recognise = recognise, .take = take};
