#include "unit.h"

#include <jansson.h>
#include <locale.h>

#include "evidence/evidence.h"
#include "report/report.h"
#include "report/wrap.h"

#define LENGTH(a) (sizeof(a) / sizeof *(a))

static void text_wraps_by_columns(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t width, indent;
		bool hard;
		const char *wrapped;
	} cases[] = {
		{"one two three", 20, 2, false, "one two three"},
		{"one two three", 8, 2, false, "one two\n  three"},
		{"one two three", 7, 0, false, "one two\nthree"},
		{"one  two   three", 8, 0, false, "one  two\nthree"},
		{"abcdefghij k", 5, 0, false, "abcdefghij\nk"},
		{"abcdefghij k", 5, 0, true, "abcde\nfghij\nk"},
		{"żółw żółw żółw", 9, 0, false, "żółw żółw\nżółw"},
		{"日本 日本", 5, 0, false, "日本\n日本"},
		{"a\nb c", 20, 3, false, "a\n   b c"},
		{"", 5, 0, true, ""},
		{"   ", 5, 0, true, ""},
		{"\xff\xff\xff", 2, 0, true, "\xff\xff\n\xff"},
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct buf b = BUF_INIT(4096);
		wrap_add(&b, slice_from_cstr(cases[i].text), cases[i].width, cases[i].indent, 0, cases[i].hard);
		assert_slice(buf_slice(&b), cases[i].wrapped);
		buf_free(&b);
	}
	assert_int_equal(wrap_columns(S("日本")), 4);
	assert_int_equal(wrap_columns(S("żółw")), 4);
}

struct answer {
	struct transcript *t;
	struct diagnosis *d;
	struct verdict v;
	struct buf text, json;
};

static struct diagnoser *diagnoser;

static struct answer answer_to(struct slice evidence)
{
	struct err e = {0};
	struct report_options o = {.events = true};
	struct answer a = {.t = transcript_new(), .v.arena = arena_new(0), .text = BUF_INIT(1 << 24), .json = BUF_INIT(1 << 24)};
	assert_true(evidence_read_memory(a.t, S("paste"), evidence, NULL, &e));
	transcript_finish(a.t);
	a.d = diagnose(diagnoser, a.t);
	verdict_add(&a.v, a.t);
	verdict_settle(&a.v, a.t, a.d);
	report_text(&a.text, a.t, a.d, &a.v, &o);
	struct report_json *j = report_json_new(&o);
	report_json_add(j, a.t);
	report_json_finish(j, &a.json, a.t, a.d, &a.v);
	report_json_free(j);
	return a;
}

static void answer_free(struct answer *a)
{
	buf_free(&a->text);
	buf_free(&a->json);
	diagnosis_free(a->d);
	transcript_free(a->t);
	arena_free(a->v.arena);
}

static void verdicts(void **state)
{
	(void)state;
	static const struct {
		const char *evidence;
		enum verdict_kind kind;
		const char *says;
	} cases[] = {
		{"220 mx ESMTP Exim 4.96\nEHLO A_B\n501 Syntactically invalid EHLO argument(s)\n", VERDICT_FAULT, "underscore"},
		{"220 mx ESMTP\nEHLO a.example\n250 mx\nMAIL FROM:<a@a.example>\n250 ok\nRCPT TO:<b@b.example>\n250 ok\nDATA\n354 go\nSubject: x\n\nx\n.\n250 queued\nQUIT\n221 bye\n",
		 VERDICT_NOTHING_WRONG, "1 session"},
		{"220 mx ESMTP\nEHLO a.example\n250 mx\nMAIL FROM:<a@a.example>\n599 frobnication of the flux failed\n", VERDICT_CANNOT_TELL, "599 frobnication"},
		{"lorem ipsum dolor sit amet\nconsectetur adipiscing\n", VERDICT_CANNOT_TELL, "I cannot tell"},
		{"", VERDICT_NO_EVIDENCE, "empty"},
	};
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct answer a = answer_to(slice_from_cstr(cases[i].evidence));
		if (a.v.kind != cases[i].kind || !slice_has(buf_slice(&a.text), slice_from_cstr(cases[i].says)))
			fail_msg("case %zu: verdict %d\n%.*s", i, a.v.kind, SLICE_FMT(buf_slice(&a.text)));
		answer_free(&a);
	}
}

static void json_keeps_its_contract(void **state)
{
	(void)state;
	struct answer a = answer_to(S("220 mx ESMTP Exim 4.96\r\nEHLO A_B\r\n501 Syntactically invalid EHLO argument(s)\r\n"));
	json_t *doc = json_loadb((const char *)a.json.p, a.json.n, 0, NULL);
	assert_non_null(doc);
	assert_string_equal(json_string_value(json_object_get(doc, "schema")), "telltale/1");
	const char *path, *cause, *where, *form, *protocol, *outcome, *kind, *summary, *explanation, *blame, *quote, *product, *text;
	int bytes, id, n, session, event;
	double confidence;
	json_error_t e;
	int bad = json_unpack_ex(doc, &e, 0, "{s:[{s:s,s:s,s:i}],s:[{s:i,s:s,s:o,s:o,s:n,s:s,s:[{s:i,s:s}]}]}", "inputs", "path", &path, "form", &form, "bytes",
		&bytes, "sessions", "id", &id, "protocol", &protocol, "client", (json_t *[1]){NULL}, "server", (json_t *[1]){NULL}, "start", "outcome", &outcome,
		"events", "n", &n, "kind", &kind);
	if (bad)
		fail_msg("%s", e.text);
	assert_string_equal(kind, "greeting");
	assert_string_equal(protocol, "smtp");
	assert_string_equal(outcome, "refused");
	bad = json_unpack_ex(doc, &e, 0, "{s:[{s:s,s:s,s:f,s:s,s:s,s:[{s:i,s:i,s:s,s:s}],s:[{s:s,s:s}]}]}", "findings", "cause", &cause, "blame", &blame, "confidence",
		&confidence, "summary", &summary, "explanation", &explanation, "evidence", "session", &session, "event", &event, "where", &where, "quote", &quote,
		"fix", "for", &product, "text", &text);
	if (bad)
		fail_msg("%s", e.text);
	assert_string_equal(cause, "ehlo-name-underscore");
	assert_string_equal(blame, "client");
	assert_true(confidence > 0.5 && confidence <= 1);
	assert_true(strncmp(where, "line ", 5) == 0);
	json_decref(doc);
	answer_free(&a);
}

static void escapes_never_come_out(void **state)
{
	(void)state;
	struct answer a = answer_to(S("220 \033[31mmx\033]0;title\007 ESMTP Exim\r\nEHLO A_B\xc2\x9b\007\r\n501 Syntactically invalid \033[2J\r\n"));
	assert_int_equal(slice_find_byte(buf_slice(&a.text), 033), SLICE_NPOS);
	assert_int_equal(slice_find_byte(buf_slice(&a.json), 033), SLICE_NPOS);
	assert_false(slice_has(buf_slice(&a.text), S("\xc2\x9b")));
	assert_false(slice_has(buf_slice(&a.json), S("\\u001b")));
	assert_true(slice_has(buf_slice(&a.text), S("\\x07")));
	assert_int_equal(slice_find_byte(buf_slice(&a.text), 007), SLICE_NPOS);
	answer_free(&a);
}

static void lines_fit_the_width(void **state)
{
	(void)state;
	struct answer a = answer_to(S("220 mx ESMTP Exim 4.96\r\nEHLO A_B_a_very_long_name_that_goes_on_and_on_and_on_for_longer_than_a_line_of_text_may_ever_be_on_a_terminal\r\n"
				      "501 Syntactically invalid EHLO argument(s)\r\n"));
	struct slice rest = buf_slice(&a.text), line;
	setlocale(LC_CTYPE, "C.UTF-8");
	while (slice_next_line(&rest, &line)) {
		/* A word that is to be copied may stand alone on a longer line. */
		struct slice words = slice_trim(line);
		slice_next_word(&words);
		if (wrap_columns(line) > 80 && words.n)
			fail_msg("%zu columns: %.*s", wrap_columns(line), SLICE_FMT(line));
	}
	answer_free(&a);
}

static int set_up(void **state)
{
	(void)state;
	struct err e = {0};
	diagnoser = diagnoser_new(knowledge_builtin(), &e);
	return diagnoser ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	diagnoser_free(diagnoser);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_wraps_by_columns), cmocka_unit_test(verdicts), cmocka_unit_test(json_keeps_its_contract),
		cmocka_unit_test(escapes_never_come_out), cmocka_unit_test(lines_fit_the_width),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
