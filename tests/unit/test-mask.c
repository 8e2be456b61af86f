#include "unit.h"

#include "evidence/evidence.h"
#include "model/mask.h"
#include "report/redact.h"
#include "report/report.h"

#define LENGTH(a) (sizeof(a) / sizeof *(a))

static void secrets_in_words_are_masked(void **state)
{
	(void)state;
	static const struct {
		const char *text, *shown; /* NULL: stays as it is */
	} cases[] = {
		{"AUTH PLAIN AHVzZXIAc2VjcmV0", "AUTH PLAIN *** (6: letters)"},
		{">> \"AUTH PLAIN AHVz\\nZXIAc2VjcmV0\\r\\n\"", ">> \"AUTH PLAIN *** (18: letters, digits, signs)\\r\\n\""},
		{"250-AUTH PLAIN LOGIN CRAM-MD5", NULL},
		{"250-AUTH LOGIN PLAIN", NULL},
		{"AUTH LOGIN dXNlckBleGFtcGxlLm9yZw==", NULL},
		{"C: PASS tops3cret", "C: PASS *** (9: letters, digits)"},
		{"PASS two words", "PASS *** (9: letters, blanks)"},
		{"PASS ********", NULL},
		{"Received-SPF: Pass (mailfrom)", NULL},
		{"a1 LOGIN \"me\" \"tops3cret\"", "a1 LOGIN \"me\" \"*** (9: letters, digits)\""},
		{"a1 LOGIN me tops3cret", "a1 LOGIN me *** (9: letters, digits)"},
		{"a1 LOGIN <user> <pass>", NULL},
		{"535 Login failed for you", NULL},
		{"a1 NO LOGIN failed for me", NULL},
		{"535 5.7.8 Login denied to you", NULL},
		{"password=hunter2 user=x", "password=*** (7: letters, digits) user=x"},
		{"'password' => 'hunter2',", "'password' => '*** (7: letters, digits)',"},
		{"smtp_password: hunter2", "smtp_password: *** (7: letters, digits)"},
		{"$mail->Password = \"hunter2\";", "$mail->Password = \"*** (7: letters, digits)\";"},
		{"password=${SMTP_PASSWORD}", NULL},
		{"smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd", NULL},
		{"535 Incorrect password: try again", NULL},
		{"Application-specific password required: https://support.google.com/", NULL},
		{"smtp://me:hunter2@mx.example.org:25", "smtp://me:*** (7: letters, digits)@mx.example.org:25"},
		{"https://example.org:8080/x", NULL},
		{"Authorization: Bearer ya29.abcdefgh", "Authorization: Bearer *** (13: letters, digits, signs)"},
		{"the bearer token expired", NULL},
		{"swaks --auth-password hunter2 --tls", "swaks --auth-password *** (7: letters, digits) --tls"},
		{"curl -u me:hunter2 smtp://mx", "curl -u me:*** (7: letters, digits) smtp://mx"},
		{"swaks -ap '", NULL},
		{"swaks -ap --tls", NULL},
		{"dXNlcj11AWF1dGg9QmVhcmVyIHRvawEB", "*** (3: letters)"},
		{"550 5.1.1 <me@example.org>: no such user", NULL},
		{"", NULL},
	};
	struct arena *a = arena_new(0);
	for (size_t i = 0; i < LENGTH(cases); i++)
		assert_slice(mask_text(a, slice_from_cstr(cases[i].text)), cases[i].shown ? cases[i].shown : cases[i].text);
	arena_free(a);
}

/* Every way of printing a session with a password in every form: the password appears in none. */
static const char session[] =
	"220 mx.example.net ESMTP Postfix\r\nEHLO laptop\r\n250-mx.example.net\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n"
	"AUTH LOGIN\r\n334 VXNlcm5hbWU6\r\nam9obi5kb2U=\r\n334 UGFzc3dvcmQ6\r\naHVudGVyMnNlY3JldA==\r\n535 5.7.8 authentication failed\r\n"
	"AUTH PLAIN AGpvaG4uZG9lAGh1bnRlcjJzZWNyZXQ=\r\n535 5.7.8 authentication failed\r\n"
	"aHVudGVyMnNlY3JldA==\r\n500 what\r\nQUIT\r\n221 bye\r\n";

static struct buf print_all(bool show_secrets, struct redactor *redactor)
{
	struct err e = {0};
	struct report_options o = {.events = true, .verbose = true, .show_secrets = show_secrets, .redactor = redactor};
	struct buf out = BUF_INIT(1 << 24);
	struct transcript *t = transcript_new();
	struct diagnoser *dr = diagnoser_new(knowledge_builtin(), &e);
	struct verdict v = {.arena = arena_new(0)};
	assert_non_null(dr);
	assert_true(evidence_read_memory(t, S("session"), slice_from_cstr(session), NULL, &e));
	transcript_finish(t);
	redactor_learn(redactor, t);
	struct diagnosis *d = diagnose(dr, t);
	verdict_add(&v, t);
	verdict_settle(&v, t, d);
	struct report_json *j = report_json_new(&o);
	report_json_add(j, t);
	report_json_finish(j, &out, t, d, &v);
	report_jsonl_sessions(&out, t, &o);
	report_jsonl_findings(&out, t, d, &v, &o);
	report_text(&out, t, d, &v, &o);
	report_transcript(&out, t, &o);
	report_json_free(j);
	diagnosis_free(d);
	diagnoser_free(dr);
	transcript_free(t);
	arena_free(v.arena);
	return out;
}

static void no_output_shows_a_secret(void **state)
{
	(void)state;
	struct buf out = print_all(false, NULL);
	assert_false(slice_has(buf_slice(&out), S("hunter2secret")));
	assert_false(slice_has(buf_slice(&out), S("aHVudGVyMnNlY3JldA")));
	assert_false(slice_has(buf_slice(&out), S("AGpvaG4uZG9lAGh1bnRl")));
	assert_true(slice_has(buf_slice(&out), S("john.doe")));
	buf_free(&out);
	out = print_all(true, NULL);
	assert_true(slice_has(buf_slice(&out), S("aHVudGVyMnNlY3JldA")));
	buf_free(&out);
}

static void redaction_takes_names_away(void **state)
{
	(void)state;
	struct redactor *r = redactor_new();
	struct buf out = print_all(false, r);
	assert_false(slice_has_nocase(buf_slice(&out), S("john.doe")));
	assert_false(slice_has(buf_slice(&out), S("mx.example.net")));
	assert_false(slice_has(buf_slice(&out), S("laptop")));
	buf_free(&out);
	redactor_free(r);
}

static void pseudonyms_are_consistent(void **state)
{
	(void)state;
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{"<Bob@corp.test> to <alice@corp.test>.", "<user1@host1.example> to <user2@host1.example>."},
		{"bob@CORP.test again", "user1@host1.example again"},
		{"from mx.corp.test[203.0.113.77]:25", "from host2.example[192.0.2.1]:25"},
		{"203.0.113.77, 192.168.1.5 and 127.0.0.1", "192.0.2.1, 10.0.0.1 and 127.0.0.1"},
		{"[IPv6:2001:db8:1::25]", "[IPv6:2001:db8::1]"},
		{"10:20:31 550 5.7.1 OpenSSL 3.0.11", "10:20:31 550 5.7.1 OpenSSL 3.0.11"},
		{"smtp.gmail.com me@gmail.com", "smtp.gmail.com user3@gmail.com"},
		{"host_one.corp.test", "host_3.example"},
		{"smtplib.py main.cf /etc/postfix/main.cf javax.mail.AuthenticationFailedException",
		 "smtplib.py main.cf /etc/postfix/main.cf javax.mail.AuthenticationFailedException"},
		{"postmaster@corp.test", "postmaster@host1.example"},
	};
	struct arena *a = arena_new(0);
	struct redactor *r = redactor_new();
	for (size_t i = 0; i < LENGTH(cases); i++)
		assert_slice(redactor_apply(r, a, slice_from_cstr(cases[i].text)), cases[i].shown);
	redactor_free(r);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_in_words_are_masked), cmocka_unit_test(no_output_shows_a_secret), cmocka_unit_test(redaction_takes_names_away),
		cmocka_unit_test(pseudonyms_are_consistent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
