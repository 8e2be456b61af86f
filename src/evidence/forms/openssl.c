/* openssl s_client: the handshake, the chain, what verification says; the dialogue behind the last "---" is read as any other. */
#include "evidence/kit.h"

extern const struct form form_openssl;

struct state {
	bool in_certificate, in_session;
	struct slice host, starttls; /* of the command that was typed */
};

/* Lines that stand at the beginning of a line only in its output. */
static const char *const starts[] = {
	"CONNECTED(", "depth=", "verify error:", "verify return:", "verify depth", "Certificate chain", "Server certificate", "subject=", "issuer=",
	"No client certificate CA names sent", "Peer signing digest", "Peer signature type", "Server Temp Key", "SSL handshake has read", "Verification: OK",
	"Verification error:", "New, TLSv", "New, SSLv", "New, (NONE)", "Reused, ", "Server public key is", "Secure Renegotiation IS", "Compression: NONE",
	"Expansion: NONE", "No ALPN negotiated", "Early data was", "Verify return code:", "SSL-Session:", "CONNECTION ESTABLISHED", "Protocol version: TLS",
	"Ciphersuite: ", "Peer certificate: ", "Hash used: ", "Signature type: ", "Can't use SSL_get_servername", "no peer certificate available",
	"Didn't find STARTTLS", "didn't found starttls", "read:errno=", "write:errno=", "connect:errno=", "connect: Connection",
	"Acceptable client certificate",
	"Requested Signature Algorithms", "Shared Requested", "Client Certificate Types", "Post-Handshake New Session", "read R BLOCK", "RENEGOTIATING",
	"KEYUPDATE", "Connecting to ", "This TLS version forbids", "Server did acknowledge", "SSL_connect:", "notAfter=", "notBefore=", "Verified peername",
	"Negotiated TLS1.3 group", "Peer Temp Key", "Supported Elliptic", "BIO_connect", "BIO_lookup", "getaddrinfo:", "Max Early Data", "OCSP response", NULL,
};
static const char *const indented[] = {
	"Protocol  :", "Protocol:", "Cipher    :", "Cipher:", "Session-ID", "Master-Key", "PSK identity", "SRP username", "Start Time:", "Timeout   :",
	"Verify return code:", "Extended master secret", "Resumption PSK", "TLS session ticket", "Key-Arg", "Compression:", "Max Early Data", NULL,
};

/* "140167060710720:error:1425F102:SSL routines:…" or "40D7…:error:0A00018A:…" */
static bool is_library_error(struct slice line)
{
	size_t n = 0;
	while (n < line.n && ascii_is_hex(line.p[n]))
		n++;
	return n > 4 && slice_starts(slice_from(line, n), S(":error:"));
}

/* " 0 s:CN = …", "   i:…", "   a:PKEY", "   v:NotBefore" */
static bool is_chain(struct slice line)
{
	struct slice t = line;
	slice_skip_space(&t);
	if (t.n == line.n || t.n < 3)
		return false;
	if (t.p[1] == ':' && (t.p[0] == 'i' || t.p[0] == 'a' || t.p[0] == 'v'))
		return true;
	return ascii_is_digit(t.p[0]) && slice_starts(slice_from(t, 1), S(" s:"));
}

static bool is_session_line(struct slice line)
{
	struct slice t = line;
	slice_skip_space(&t);
	return t.n + 4 <= line.n && (kit_prefix(indented, t) >= 0 || (t.n > 7 && slice_starts(slice_from(t, 4), S(" - "))));
}

static bool is_base64_line(struct slice line)
{
	for (size_t i = 0; i < line.n; i++)
		if (!ascii_is_alnum(line.p[i]) && line.p[i] != '+' && line.p[i] != '/' && line.p[i] != '=')
			return false;
	return line.n > 0 && line.n < 80;
}

static bool is_command(struct slice line)
{
	return line.n < 2048 && slice_has(line, S("openssl s_client")) &&
		(slice_has(line, S(" -connect")) || slice_has(line, S(" -host")) || slice_has(line, S(" -starttls")));
}

static int recognise(struct reader *r, struct slice line)
{
	bool active = reader_active(r) == &form_openssl;
	if (is_command(line))
		return FORM_STRONG;
	if (kit_prefix(starts, line) >= 0 || slice_starts(line, S("-----BEGIN CERT")) || slice_starts(line, S("-----END CERT")))
		return active || !slice_starts(line, S("Connecting to ")) ? FORM_SURE : FORM_NO;
	if (line.n > 8 && is_library_error(line))
		return FORM_STRONG;
	if (!active)
		return line.n > 3 && line.p[0] == ' ' && is_session_line(line) ? FORM_STRONG : line.n > 4 && line.p[0] == ' ' &&
			is_chain(line) ? FORM_MAYBE + 20 : FORM_NO;
	struct state *st = reader_state(r, &form_openssl);
	if (slice_eq(line, S("---")) || is_chain(line) || is_session_line(line) || slice_eq(line, S("DONE")) || slice_eq(line, S("closed")))
		return FORM_SURE;
	if (st->in_session && line.n < 2)
		return FORM_SURE;
	return st->in_certificate && is_base64_line(line) ? FORM_SURE : FORM_NO;
}

/* "    Protocol  : TLSv1.2", "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384", "Protocol version: TLSv1.3" */
static void session_facts(struct reader *r, struct slice t)
{
	struct slice rest = t, version = SLICE_NONE, cipher = SLICE_NONE;
	struct session *s = reader_session(r);
	if (slice_skip(&rest, S("New, "))) {
		version = slice_next_until(&rest, ',');
		slice_skip(&rest, S(" Cipher is "));
		cipher = rest;
	} else if (slice_skip(&rest, S("Protocol  : ")) || slice_skip(&rest, S("Protocol version: "))) {
		version = rest;
	} else if (slice_skip(&rest, S("Cipher    : ")) || slice_skip(&rest, S("Ciphersuite: "))) {
		cipher = rest;
	}
	if (!s || slice_eq(version, S("(NONE)")) || slice_eq(cipher, S("(NONE)")) || slice_eq(cipher, S("0000")))
		return;
	if (version.n && slice_starts(version, S("TLS")))
		s->tls.version = arena_dup(reader_arena(r), version);
	if (cipher.n)
		s->tls.cipher = arena_dup(reader_arena(r), cipher);
	if (version.n || cipher.n)
		s->tls.mode = s->tls.mode == TLS_NONE ? TLS_IMPLICIT : s->tls.mode;
}

static struct slice option(struct slice line, struct slice name)
{
	size_t at = slice_find(line, name);
	struct slice rest = at == SLICE_NPOS ? SLICE_NONE : slice_from(line, at + name.n);
	return slice_next_word(&rest);
}

static void take_command(struct reader *r, struct state *st, struct slice line)
{
	struct event *e = reader_event(r, EV_TOOL, SIDE_CLIENT, line);
	reader_program(e, S("openssl"));
	reader_fact(r, e, "command", line);
	st->host = arena_dup(reader_arena(r), option(line, S("-connect ")));
	st->starttls = arena_dup(reader_arena(r), option(line, S("-starttls ")));
}

static void take_connected(struct reader *r, struct state *st, struct slice line)
{
	struct slice name, address;
	unsigned port;
	reader_split_host(st->host, &name, &address, &port);
	struct session *s = kit_connect(r, st->starttls.n ? protocol_from_name(st->starttls) : PROTOCOL_UNKNOWN, name, address, port, line);
	if (s && st->host.n)
		s->tls.mode = st->starttls.n ? TLS_STARTTLS : TLS_IMPLICIT;
	st->host = st->starttls = SLICE_NONE;
}

static void take(struct reader *r, struct slice line)
{
	struct state *st = reader_state(r, &form_openssl);
	struct slice t = slice_trim(line);
	if (is_command(line)) {
		take_command(r, st, line);
		return;
	}
	if (slice_starts(line, S("-----")))
		st->in_certificate = slice_starts(line, S("-----BEGIN"));
	else if (slice_starts(t, S("SSL-Session")))
		st->in_session = true;
	else if (slice_eq(line, S("---")))
		st->in_session = st->in_certificate = false;
	if (slice_starts(line, S("-----")) || (st->in_certificate && is_base64_line(line)) || !t.n || slice_eq(t, S("---")))
		return;
	if (slice_starts(line, S("CONNECTED(")) || slice_starts(line, S("CONNECTION ESTABLISHED"))) {
		take_connected(r, st, line);
		return;
	}
	session_facts(r, t);
	if (is_library_error(line) || slice_starts(line, S("connect:errno")) || slice_starts(line, S("connect: ")) || slice_starts(line, S("BIO_"))) {
		kit_error(r, S("openssl"), line);
	} else if (slice_starts(line, S("read:errno")) || slice_starts(line, S("write:errno")) || slice_eq(line, S("closed"))) {
		reader_event(r, EV_CLOSE, SIDE_SERVER, line);
	} else if (slice_starts(line, S("verify error:")) || slice_starts(t, S("Verify return code:")) || slice_starts(line, S("depth=")) ||
		   slice_starts(line, S("Peer certificate")) || slice_starts(line, S("Verif"))) {
		reader_program(reader_event(r, EV_TLS, SIDE_SERVER, t), S("openssl"));
	} else {
		reader_program(reader_continue(r, EV_TLS, SIDE_SERVER, t), S("openssl"));
	}
}

const struct form form_openssl = {
	.name = "openssl", .title = N_("openssl s_client output"), .recognise = recognise, .take = take, .state_size = sizeof(struct state)};
