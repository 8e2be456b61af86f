/* explain: what telltale explain finds for a query; and the state of the tables of codes themselves. */
#include "unit.h"

#include <strings.h>

#include "diagnose/explain.h"

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

static const struct {
	const char *query, *kind, *code; /* the first entry found */
} lookups[] = {
	{"550", "smtp-reply", "550"},
	{" 550. ", "smtp-reply", "550"},
	{"5.7.8", "enhanced", "5.7.8"},
	{"4.7.8", "enhanced", "5.7.8"},
	{"5.7.139", "microsoft", "5.7.139"},
	{"-6", "libusb", "LIBUSB_ERROR_BUSY"},
	{"libusb_error_busy", "libusb", "LIBUSB_ERROR_BUSY"},
	{"-71", "urb", "-71"},
	{"ECONNREFUSED", "errno", "ECONNREFUSED"},
	{"alert 48", "tls-alert", "unknown_ca"},
	{"0x2019", "mtp-response", "0x2019"},
	{"PTP_RC_DeviceBusy", "mtp-response", "0x2019"},
	{"curl 67", "curl", "curl 67"},
	{"AUTHENTICATIONFAILED", "imap-code", "AUTHENTICATIONFAILED"},
	{"[IN-USE]", "pop3-code", "IN-USE"},
	{"[TSS04]", "yahoo", "TSS04"},
	{"exit 75", "sysexits", "EX_TEMPFAIL"},
	{"NXDOMAIN", "dns", "NXDOMAIN"},
	{"10061", "winsock", "10061"},
	{"GNUTLS_E_FILE_ERROR", "gnutls", "GNUTLS_E_FILE_ERROR"},
	{"SEC_E_UNTRUSTED_ROOT", "schannel", "SEC_E_UNTRUSTED_ROOT"},
};

static const struct code *first_of(const struct explanation *e)
{
	if (e->exact.n)
		return e->exact.v[0];
	if (e->phrases.n)
		return e->phrases.v[0];
	return e->codes.n ? e->codes.v[0] : NULL;
}

static void codes_are_found(void **state)
{
	for (size_t i = 0; i < LENGTH(lookups); i++) {
		struct explanation e;
		assert_true(explain_query(*state, knowledge_builtin(), slice_from_cstr(lookups[i].query), &e));
		if (!e.exact.n)
			fail_msg("%s is not known", lookups[i].query);
		assert_string_equal(e.exact.v[0]->kind, lookups[i].kind);
		assert_string_equal(e.exact.v[0]->code, lookups[i].code);
	}
}

static void numbers_name_all_their_kinds(void **state)
{
	struct explanation e;
	bool system = false, tls = false;
	explain_query(*state, knowledge_builtin(), S("110"), &e);
	for (size_t i = 0; i < e.exact.n; i++) {
		system |= strcmp(e.exact.v[i]->code, "ETIMEDOUT") == 0;
		tls |= strcmp(e.exact.v[i]->kind, "tls-alert") == 0;
	}
	assert_true(system && tls);
}

static const struct {
	const char *text, *kind; /* NULL: no phrase and no code may be found */
} texts[] = {
	{"535-5.7.8 Username and Password not accepted. Learn more at", "google"},
	{"554 5.7.1 <a@b>: Relay access denied", "postfix"},
	{"SSL routines:ssl3_get_record:wrong version number", "openssl"},
	{"read(): Connection reset by peer", "errno"},
	{"error returned by libusb_claim_interface() = -6", "libusb"},
	{"warning: SASL authentication failure: No worthy mechs found", "postfix"},
	{"504 5.7.4 Unrecognized authentication type", "microsoft"},
	/* A code inside an address or a port is none. */
	{"connect to 10.5.7.1 at port 587 for us", NULL},
	{"there is nothing to see here", NULL},
};

static void texts_are_searched(void **state)
{
	for (size_t i = 0; i < LENGTH(texts); i++) {
		struct explanation e;
		assert_true(explain_query(*state, knowledge_builtin(), slice_from_cstr(texts[i].text), &e));
		const struct code *c = first_of(&e);
		if (!c != !texts[i].kind)
			fail_msg("%s: found %s", texts[i].text, c ? c->code : "nothing");
		if (c)
			assert_string_equal(c->kind, texts[i].kind);
		assert_true(e.has_words);
		assert_true(e.phrases.n <= EXPLAIN_PHRASES_MAX);
	}
}

static void causes_are_found(void **state)
{
	struct explanation e;
	explain_query(*state, knowledge_builtin(), S("cause:ehlo-name-underscore"), &e);
	assert_non_null(e.cause);
	explain_query(*state, knowledge_builtin(), S("ehlo-name-underscore"), &e);
	assert_non_null(e.cause);
	explain_query(*state, knowledge_builtin(), S("cause:no-such"), &e);
	assert_null(e.cause);
	assert_null(first_of(&e));
}

static void unknown_codes_are_told_by_their_digits(void **state)
{
	struct explanation e;
	explain_query(*state, knowledge_builtin(), S("5.7.999"), &e);
	assert_null(first_of(&e));
	assert_slice(e.general, "5.7.999");
	explain_query(*state, knowledge_builtin(), S("599"), &e);
	assert_slice(e.general, "599");
	explain_query(*state, knowledge_builtin(), S("799"), &e);
	assert_slice(e.general, "");
	explain_query(*state, knowledge_builtin(), S("5.7.1.9"), &e);
	assert_slice(e.general, "");
}

static void long_and_odd_queries_are_survived(void **state)
{
	static char big[100000];
	struct explanation e;
	memset(big, 'a', sizeof big);
	for (size_t i = 0; i < sizeof big; i += 7)
		big[i] = ' ';
	assert_true(explain_query(*state, knowledge_builtin(), slice_of(big, sizeof big), &e));
	const struct slice odd[] = {SLICE_NONE, S(" "), S("\0\0\0"), S("\"'`"), S("-"), S("cause:"), S("\xff\xfe"), S("5."), S("0x")};
	for (size_t i = 0; i < LENGTH(odd); i++)
		assert_true(explain_query(*state, knowledge_builtin(), odd[i], &e));
}

/* The tables themselves. */
static void codes_name_known_causes_and_are_unique(void **state)
{
	(void)state;
	const struct knowledge *k = knowledge_builtin();
	assert_true(k->n_codes > 800);
	for (size_t i = 0; i < k->n_codes; i++) {
		const struct code *c = &k->codes[i];
		assert_true(c->title[0] && c->meaning[0]);
		if (strcmp(explain_kind_title(c->kind), c->kind) == 0 && strchr(c->kind, '-'))
			fail_msg("kind %s has no title", c->kind);
		for (size_t j = 0; j < c->n_causes; j++)
			if (!knowledge_cause(k, slice_from_cstr(c->causes[j])))
				fail_msg("%s names the unknown cause %s", c->code, c->causes[j]);
		for (size_t j = i + 1; j < k->n_codes; j++)
			if (strcmp(k->codes[j].kind, c->kind) == 0 && strcasecmp(k->codes[j].code, c->code) == 0)
				fail_msg("%s %s stands twice", c->kind, c->code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(codes_are_found, begin, end),
		cmocka_unit_test_setup_teardown(numbers_name_all_their_kinds, begin, end),
		cmocka_unit_test_setup_teardown(texts_are_searched, begin, end),
		cmocka_unit_test_setup_teardown(causes_are_found, begin, end),
		cmocka_unit_test_setup_teardown(unknown_codes_are_told_by_their_digits, begin, end),
		cmocka_unit_test_setup_teardown(long_and_odd_queries_are_survived, begin, end),
		cmocka_unit_test(codes_name_known_causes_and_are_unique),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
