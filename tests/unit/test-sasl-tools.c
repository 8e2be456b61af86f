/* sasl-guess, sasl-digest, sasl-jwt, sasl-make and sasl-doctor; the vectors are those of the RFCs. */
#include "unit.h"

#include "base/base64.h"
#include "base/buf.h"
#include "diagnose/sasl-doctor.h"
#include "proto/sasl-digest.h"
#include "proto/sasl-jwt.h"
#include "proto/sasl-make.h"

#define LENGTH(a) (sizeof(a) / sizeof *(a))

static int begin(void **state)
{
	*state = arena_new(0);
	return *state ? 0 : -1;
}

static int end(void **state)
{
	arena_free(*state);
	return 0;
}

static struct sasl_item guess(struct arena *a, const char *line)
{
	struct sasl_guesser g;
	struct sasl_item it;
	sasl_guess_begin(&g, a);
	sasl_guess(&g, slice_from_cstr(line), &it);
	return it;
}

/* --- recognising --- */

static const struct {
	const char *line;
	enum sasl_kind kind;
	const char *mech;
} lines[] = {
	{"dGVzdAB0ZXN0AHRlc3RwYXNz", SASL_PLAIN, "PLAIN"},
	{"AUTH PLAIN dGVzdAB0ZXN0AHRlc3RwYXNz", SASL_PLAIN, "PLAIN"},
	{"a1 AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3RwYXNz", SASL_PLAIN, "PLAIN"},
	{"C: AUTH PLAIN dGVzdAB0ZXN0AHRlc3RwYXNz", SASL_PLAIN, "PLAIN"},
	{"auth login", SASL_COMMAND, "LOGIN"},
	{"AUTH LOGIN dGVzdA==", SASL_LOGIN_USER, "LOGIN"},
	{"334 VXNlcm5hbWU6", SASL_PROMPT_USER, "LOGIN"},
	{"334 UGFzc3dvcmQ6", SASL_PROMPT_PASSWORD, "LOGIN"},
	{"<- 334 VXNlciBOYW1lAA==", SASL_PROMPT_USER, "LOGIN"},
	{"334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+", SASL_CRAM_CHALLENGE, "CRAM-MD5"},
	{"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw", SASL_CRAM_RESPONSE, "CRAM-MD5"},
	{"tim b913a602c7eda7a495b4e6e7334d3890", SASL_CRAM_RESPONSE, "CRAM-MD5"},
	{"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>", SASL_APOP_GREETING, "APOP"},
	{"APOP mrose c4c9334bac560ecc979e58001b3e22fb", SASL_APOP, "APOP"},
	{"cmVhbG09ImVsd29vZC5pbm5vc29mdC5jb20iLG5vbmNlPSJPQTZNRzl0RVFHbTJoaCIscW9wPSJhdXRoIixhbGdvcml0aG09bWQ1LXNlc3MsY2hhcnNldD11dGYtOA==",
	 SASL_DIGEST_CHALLENGE, "DIGEST-MD5"},
	{"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", SASL_SCRAM_CLIENT_FIRST, "SCRAM"},
	{"AUTH SCRAM-SHA-1 biwsbj11c2VyLHI9ZnlrbytkMmxiYkZnT05Sdjlxa3hkYXdM", SASL_SCRAM_CLIENT_FIRST, "SCRAM-SHA-1"},
	{"r=fyko+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR+Q6sek8bf92,i=4096", SASL_SCRAM_SERVER_FIRST, "SCRAM"},
	{"TlRMTVNTUAABAAAAB7IAAAQABAAgAAAAAAAAACQAAAB0ZXN0", SASL_NTLM_NEGOTIATE, "NTLM"},
	{"dXNlcj1tZUBhLmIBYXV0aD1CZWFyZXIgdG9rAQE=", SASL_XOAUTH2, "XOAUTH2"},
	{"bixhPW1lQGEuYiwBYXV0aD1CZWFyZXIgdG9rAQE=", SASL_OAUTHBEARER, "OAUTHBEARER"},
	{"334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJ4In0=", SASL_OAUTH_ERROR, "XOAUTH2"},
	{"ya29.a0AfH6SMBxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", SASL_TOKEN, ""},
	{"334 ", SASL_EMPTY, ""},
	{"+", SASL_EMPTY, ""},
	{"+ ", SASL_EMPTY, ""},
	{"=", SASL_EMPTY, ""},
	{"*", SASL_CANCEL, ""},
	{"", SASL_EMPTY, ""},
	{"dGVzdHVzZXI=", SASL_TEXT, ""},
	{"what is this", SASL_UNKNOWN, ""},
	{"%%%", SASL_UNKNOWN, ""},
};

static void lines_are_recognised(void **state)
{
	for (size_t i = 0; i < LENGTH(lines); i++) {
		struct sasl_item it = guess(*state, lines[i].line);
		if (it.kind != lines[i].kind)
			fail_msg("%s: got %s, wanted %s", lines[i].line, sasl_kind_key(it.kind), sasl_kind_key(lines[i].kind));
		assert_slice(it.mech, lines[i].mech);
	}
}

static void login_steps_follow_their_prompts(void **state)
{
	struct sasl_guesser g;
	struct sasl_item it;
	sasl_guess_begin(&g, *state);
	const char *const said[] = {"334 VXNlcm5hbWU6", "dGVzdA==", "334 UGFzc3dvcmQ6", "dGVzdHBhc3M="};
	const enum sasl_kind want[] = {SASL_PROMPT_USER, SASL_LOGIN_USER, SASL_PROMPT_PASSWORD, SASL_LOGIN_PASSWORD};
	for (size_t i = 0; i < LENGTH(said); i++) {
		sasl_guess(&g, slice_from_cstr(said[i]), &it);
		assert_int_equal(it.kind, want[i]);
	}
	/* A password that looks like a digest is still the password. */
	sasl_guess_begin(&g, *state);
	sasl_guess(&g, S("334 UGFzc3dvcmQ6"), &it);
	sasl_guess(&g, S("dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"), &it);
	assert_int_equal(it.kind, SASL_LOGIN_PASSWORD);
}

static void every_prefix_is_survived(void **state)
{
	struct sasl_field f[24];
	for (size_t i = 0; i < LENGTH(lines); i++)
		for (size_t n = 0; n <= strlen(lines[i].line); n++) {
			struct sasl_guesser g;
			struct sasl_item it;
			sasl_guess_begin(&g, *state);
			sasl_guess(&g, slice_of(lines[i].line, n), &it);
			assert_true(it.kind < SASL_KIND_COUNT);
			assert_true(sasl_item_fields(*state, &it, f, LENGTH(f)) <= LENGTH(f));
		}
}

static void secrets_are_marked(void **state)
{
	/* None of these may put "secret" into a part that is shown. */
	static const char *const with_secret[] = {
		"AHVzZXIAc2VjcmV0",                 /* NUL user NUL secret */
		"dXNlcgBzZWNyZXQ=",                 /* user NUL secret: a NUL too few */
		"c2VjcmV0",                         /* secret */
		"dXNlcj1tZV5BYXV0aD1CZWFyZXIgc2VjcmV0XkFeQQ==", /* user=me^Aauth=Bearer secret^A^A, typed */
		"dXNlcj1tZQFhdXRoPUJlYXJlciBzZWNyZXQBAQ==",
	};
	for (size_t i = 0; i < LENGTH(with_secret); i++) {
		struct sasl_field f[24];
		struct sasl_item it = guess(*state, with_secret[i]);
		size_t n = sasl_item_fields(*state, &it, f, LENGTH(f));
		assert_true(n > 0);
		for (size_t j = 0; j < n; j++)
			if (!f[j].secret && slice_has(f[j].value, S("secret")))
				fail_msg("%s shows its secret as %s", with_secret[i], f[j].name);
	}
}

/* --- digests --- */

static void digests_are_those_of_the_rfcs(void **state)
{
	assert_slice(cram_md5_digest(*state, S("tanstaaftanstaaf"), S("<1896.697170952@postoffice.reston.mci.net>")), "b913a602c7eda7a495b4e6e7334d3890");
	assert_slice(apop_digest(*state, S("<1896.697170952@dbc.mtview.ca.us>"), S("tanstaaf")), "c4c9334bac560ecc979e58001b3e22fb");
	struct slice chris = S("charset=utf-8,username=\"chris\",realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",nc=00000001,cnonce=\"OA6MHXh6VqTrRk\","
			       "digest-uri=\"imap/elwood.innosoft.com\",response=d388dad90d4bbd760a152321f2143af7,qop=auth");
	assert_slice(digest_md5_response(*state, chris, S("secret")), "d388dad90d4bbd760a152321f2143af7");
	assert_slice(digest_md5_response(*state, S("username=\"chris\""), S("secret")), "");
}

static const struct scram_dialogue sha1 = {
	.client_first = S("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"),
	.server_first = S("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"),
	.client_final = S("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="),
	.server_final = S("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="),
};

static void scram_is_that_of_the_rfcs(void **state)
{
	enum scram_verdict server;
	struct scram_dialogue d = {
		.client_first = S("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"),
		.server_first = S("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
		.client_final = S("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
		.server_final = S("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
	};
	assert_int_equal(scram_check(*state, &d, S("pencil"), &server), SCRAM_MATCHES);
	assert_int_equal(server, SCRAM_MATCHES);
	assert_int_equal(scram_check(*state, &d, S("pencils"), &server), SCRAM_DIFFERS);
	assert_int_equal(scram_check(*state, &sha1, S("pencil"), &server), SCRAM_MATCHES);
	assert_int_equal(server, SCRAM_MATCHES);
	assert_int_equal(scram_rounds(d.server_first), 4096);
	assert_int_equal(scram_rounds(S("r=x,s=y,i=1000001")), 0);
	d.server_first = S("r=x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999");
	assert_int_equal(scram_check(*state, &d, S("pencil"), &server), SCRAM_CANNOT);
}

static void attributes_respect_quotes(void **state)
{
	(void)state;
	struct slice list = S("realm=\"a,b=c\", qop=\"auth,auth-int\",nonce=x");
	assert_slice(sasl_attribute(list, S("realm")), "a,b=c");
	assert_slice(sasl_attribute(list, S("qop")), "auth,auth-int");
	assert_slice(sasl_attribute(list, S("nonce")), "x");
	assert_slice(sasl_attribute(list, S("b")), "");
	assert_slice(sasl_attribute(S("nothing,here"), S("here")), "");
}

/* --- making --- */

static struct slice make(struct arena *a, const char *mech, struct slice challenge)
{
	const struct sasl_account account = {.user = S("tim"), .password = S("tanstaaftanstaaf"), .service = S("smtp"), .host = S("mx")};
	struct slice out = SLICE_NONE;
	struct err e;
	struct sasl_maker *m = sasl_maker_new(a, slice_from_cstr(mech), &account, &e);
	assert_non_null(m);
	if (sasl_maker_waits(m) && !slice_starts(slice_from_cstr(mech), S("APOP")))
		assert_true(challenge.n > 0);
	assert_int_not_equal(sasl_maker_step(m, challenge, &out, &e), SASL_MADE_FAILED);
	sasl_maker_free(m);
	return out;
}

static void messages_are_made(void **state)
{
	struct err e;
	const struct sasl_account account = {.user = S("x")};
	struct slice plain = make(*state, "PLAIN", SLICE_NONE);
	assert_int_equal(plain.n, sizeof "\0tim\0tanstaaftanstaaf" - 1);
	assert_memory_equal(plain.p, "\0tim\0tanstaaftanstaaf", plain.n);
	assert_slice(make(*state, "CRAM-MD5", S("<1896.697170952@postoffice.reston.mci.net>")), "tim b913a602c7eda7a495b4e6e7334d3890");
	assert_slice(make(*state, "XOAUTH2", SLICE_NONE), "user=tim\001auth=Bearer tanstaaftanstaaf\001\001");
	assert_slice(make(*state, "OAUTHBEARER", SLICE_NONE), "n,a=tim,\001host=mx\001auth=Bearer tanstaaftanstaaf\001\001");
	assert_true(slice_starts(make(*state, "APOP", S("<1@x>")), S("APOP tim ")));
	assert_null(sasl_maker_new(*state, S("NOSUCH"), &account, &e));
}

/* --- tokens --- */

static struct slice jwt_of(struct arena *a, const char *claims, size_t signature)
{
	struct slice h = base64_encode(a, S("{\"alg\":\"RS256\",\"typ\":\"JWT\"}"));
	struct slice c = base64_encode(a, slice_from_cstr(claims));
	uint8_t *sig = arena_alloc(a, signature + 1);
	memset(sig, 'A', signature);
	while (h.p[h.n - 1] == '=')
		h.n--;
	while (c.p[c.n - 1] == '=')
		c.n--;
	return arena_join(a, arena_join(a, h, S("."), c), S("."), slice_of(sig, signature));
}

static void tokens_are_read(void **state)
{
	struct jwt t;
	struct slice token = jwt_of(*state, "{\"aud\":[\"a\",\"b\"],\"scp\":\"SMTP.Send\",\"upn\":\"me@x\",\"exp\":123.5,\"iat\":\"no\"}", 342);
	assert_true(jwt_read(*state, token, &t));
	assert_slice(t.audience, "a b");
	assert_slice(t.scope, "SMTP.Send");
	assert_slice(t.user, "me@x");
	assert_slice(t.user_claim, "upn");
	assert_true(t.has_exp && t.exp == 123 && !t.has_iat);
	assert_int_equal(t.faults, JWT_OK);
	assert_true(jwt_read(*state, jwt_of(*state, "{}", 100), &t));
	assert_int_equal(t.faults, JWT_SIGNATURE_CUT);
	static const char *const bad[] = {"", ".", "..", "...", "a.b.c", "eyJ.eyJ.x", "eyJhIjoxfQ.W10.x", "a.b.c.d.e.f"};
	for (size_t i = 0; i < LENGTH(bad); i++)
		assert_false(jwt_read(*state, slice_from_cstr(bad[i]), &t));
	for (size_t n = 0; n < token.n; n++)
		jwt_read(*state, slice_sub(token, 0, n), &t);
}

/* --- the doctor --- */

#define NOW 1700000000

static struct sasl_checkup checkup(struct arena *a)
{
	return (struct sasl_checkup){.arena = a, .now = NOW};
}

/* The advice of that level and cause is there. */
static bool advised(const struct sasl_checkup *c, enum advice_level level, const char *cause)
{
	for (size_t i = 0; i < c->advice.n; i++)
		if (c->advice.v[i].level == level && strcmp(c->advice.v[i].cause, cause) == 0)
			return true;
	return false;
}

static bool any_fault(const struct sasl_checkup *c)
{
	for (size_t i = 0; i < c->advice.n; i++)
		if (c->advice.v[i].level == ADVICE_FAULT)
			return true;
	return false;
}

static void messages_are_checked(void **state)
{
	static const struct {
		const char *line;
		const char *cause; /* NULL: no fault at all; "": a fault without a cause of the catalogue */
	} t[] = {
		{"AHRlc3QAdGVzdHBhc3M=", NULL},
		{"AHRlc3QAdGVzd\nHBhc3M=", "auth-base64-wrapped"},
		{"AHRlc3QAdGVzdHBhc3M", ""},
		{"AHRlc3QAdGVzdHBhc3MK", "password-stray-whitespace"},
		{"AHRlc3QAdGVzdHBhc3Mg", "password-stray-whitespace"},
		{"dXNlcgBwYXNz", ""},
		{"XDB1c2VyXDBwYXNz", "password-mangled-by-shell"},
		{"AHRlc3QA", "credentials-not-set"},
		{"AHRlc3QAR2Vow6ltZQ==", "password-non-ascii"},
		{"AG1lQGdtYWlsLmNvbQBhYmNkIGVmZ2ggaWprbCBtbm9w", "password-stray-whitespace"},
		{"AG1lQGdtYWlsLmNvbQBhYmNkZWZnaGlqa2xtbm9w", NULL},
		{"AG1lQGdtYWlsLmNvbQBTdW1tZXIyMDI0", "app-password-required"},
		{"AG1lQG91dGxvb2suY29tAFN1bW1lcjIwMjQ=", "provider-blocks-password-login"},
		{"dXNlcj1tZUBhLmIBYXV0aD1CZWFyZXIgeAE=", ""},
		{"dXNlcj1tZV5BYXV0aD1CZWFyZXIgc2VjcmV0XkFeQQ==", ""},
		{"334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJ4In0=", "oauth-token-expired"},
		{"334 VXNlcm5hbWU6", NULL},
	};
	for (size_t i = 0; i < LENGTH(t); i++) {
		struct sasl_checkup c = checkup(*state);
		struct sasl_item it = guess(*state, t[i].line);
		sasl_check_item(&c, &it);
		if (t[i].cause ? !advised(&c, ADVICE_FAULT, t[i].cause) : any_fault(&c))
			fail_msg("%s: wanted %s", t[i].line, t[i].cause ? t[i].cause : "no fault");
	}
}

static void tokens_are_checked(void **state)
{
	static const struct {
		const char *claims, *cause;
		enum protocol protocol;
	} t[] = {
		{"{\"iss\":\"https://sts.windows.net/t/\",\"aud\":\"https://outlook.office.com\",\"exp\":1700001000,\"scp\":\"SMTP.Send\",\"upn\":\"Me@x\"}", NULL, PROTOCOL_SMTP},
		{"{\"iss\":\"https://sts.windows.net/t/\",\"aud\":\"https://outlook.office.com\",\"exp\":1700001000,\"scp\":\"SMTP.Send\"}", "oauth-scope-wrong", PROTOCOL_IMAP},
		{"{\"iss\":\"https://sts.windows.net/t/\",\"aud\":\"https://outlook.office365.com\",\"exp\":1700001000,\"roles\":[\"IMAP.AccessAsApp\"]}", NULL, PROTOCOL_IMAP},
		{"{\"iss\":\"https://sts.windows.net/t/\",\"aud\":\"https://outlook.office.com\",\"exp\":1700000000,\"scp\":\"SMTP.Send\"}", "oauth-token-expired", PROTOCOL_SMTP},
		{"{\"iss\":\"https://sts.windows.net/t/\",\"aud\":\"https://outlook.office.com\",\"exp\":1700009000,\"nbf\":1700000301,\"scp\":\"SMTP.Send\"}", "clock-wrong", PROTOCOL_SMTP},
		{"{\"iss\":\"https://sts.windows.net/t/\",\"aud\":\"https://outlook.office.com\",\"exp\":1700009000,\"nbf\":1700000300,\"scp\":\"SMTP.Send\"}", NULL, PROTOCOL_SMTP},
		{"{\"iss\":\"https://sts.windows.net/t/\",\"aud\":\"https://graph.microsoft.com\",\"exp\":1700001000,\"scp\":\"Mail.Send\"}", "oauth-wrong-audience", PROTOCOL_SMTP},
		{"{\"iss\":\"https://sts.windows.net/t/\",\"aud\":\"https://outlook.office.com\",\"exp\":1700001000,\"scp\":\"SMTP.Send\",\"upn\":\"you@x\"}", "oauth-token-wrong-user", PROTOCOL_SMTP},
		{"{\"iss\":\"https://accounts.google.com\",\"aud\":\"1.apps.googleusercontent.com\",\"exp\":1700001000}", "oauth-wrong-audience", PROTOCOL_SMTP},
		{"{\"iss\":\"https://example.org\",\"aud\":\"x\",\"exp\":1700001000}", NULL, PROTOCOL_SMTP},
	};
	for (size_t i = 0; i < LENGTH(t); i++) {
		struct sasl_checkup c = checkup(*state);
		c.protocol = t[i].protocol;
		sasl_check_token(&c, S("me@x"), jwt_of(*state, t[i].claims, 342));
		if (t[i].cause ? !advised(&c, ADVICE_FAULT, t[i].cause) : any_fault(&c))
			fail_msg("%s: wanted %s", t[i].claims, t[i].cause ? t[i].cause : "no fault");
	}
}

static void prove(struct arena *a, const char *challenge, const char *answer, struct slice password, enum advice_level level, const char *cause)
{
	struct sasl_guesser g;
	struct sasl_item it[2];
	struct sasl_checkup c = checkup(a);
	c.password = password;
	sasl_guess_begin(&g, a);
	sasl_guess(&g, slice_from_cstr(challenge), &it[0]);
	sasl_guess(&g, slice_from_cstr(answer), &it[1]);
	sasl_check_proof(&c, it, 2);
	if (c.advice.n != 1 || !advised(&c, level, cause))
		fail_msg("%s with %.*s: wanted %s", answer, SLICE_FMT(password), cause);
}

static void digests_are_proven(void **state)
{
	const char *cram = "334 PDMzMjE2NDkzMTA1OTExNDQuMTQxNDc5NTExOUBtYWlsLnNlcnZlci5uZXQ+";
	const char *answer = "dGVzdCAxNTU0YTQwNzA1NTgxZjUwZmI1MmNjZDhlZDhjM2EyYg==";
	const char *broken = "auth-mech-advertised-but-broken", *apop = "+OK <1896.697170952@dbc.mtview.ca.us>";
	prove(*state, cram, answer, S("testpass"), ADVICE_GOOD, broken);
	prove(*state, cram, answer, S("Testpass"), ADVICE_FAULT, "credentials-rejected");
	prove(*state, cram, answer, S(" testpass"), ADVICE_FAULT, "password-stray-whitespace");
	prove(*state, apop, "APOP mrose C4C9334BAC560ECC979E58001B3E22FB", S("tanstaaf"), ADVICE_GOOD, broken);
	prove(*state, "334 ", "AHRlc3QAdGVzdHBhc3M=", S("testpass"), ADVICE_GOOD, "");
	prove(*state, "334 ", answer, S("testpass"), ADVICE_NOTE, "");
	/* What the client sent had a line feed at its end. */
	struct slice lf = cram_md5_digest(*state, S("testpass\n"), S("<3321649310591144.1414795119@mail.server.net>"));
	struct slice with_lf = arena_printf(*state, "test %.*s", SLICE_FMT(lf));
	prove(*state, cram, (const char *)with_lf.p, S("testpass"), ADVICE_FAULT, "password-stray-whitespace");
}

static void scram_is_proven(void **state)
{
	struct sasl_guesser g;
	struct sasl_item it[4];
	const struct slice said[] = {sha1.client_first, sha1.server_first, sha1.client_final, sha1.server_final};
	struct sasl_checkup c = checkup(*state);
	c.password = S("pencil");
	sasl_guess_begin(&g, *state);
	for (size_t i = 0; i < 4; i++)
		sasl_guess(&g, said[i], &it[i]);
	sasl_check_proof(&c, it, 4);
	assert_int_equal(c.advice.n, 2);
	assert_false(any_fault(&c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_are_recognised, begin, end),
		cmocka_unit_test_setup_teardown(login_steps_follow_their_prompts, begin, end),
		cmocka_unit_test_setup_teardown(every_prefix_is_survived, begin, end),
		cmocka_unit_test_setup_teardown(secrets_are_marked, begin, end),
		cmocka_unit_test_setup_teardown(digests_are_those_of_the_rfcs, begin, end),
		cmocka_unit_test_setup_teardown(scram_is_that_of_the_rfcs, begin, end),
		cmocka_unit_test_setup_teardown(attributes_respect_quotes, begin, end),
		cmocka_unit_test_setup_teardown(messages_are_made, begin, end),
		cmocka_unit_test_setup_teardown(tokens_are_read, begin, end),
		cmocka_unit_test_setup_teardown(messages_are_checked, begin, end),
		cmocka_unit_test_setup_teardown(tokens_are_checked, begin, end),
		cmocka_unit_test_setup_teardown(digests_are_proven, begin, end),
		cmocka_unit_test_setup_teardown(scram_is_proven, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
