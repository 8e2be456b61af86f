#include "unit.h"

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"

#define LENGTH(a) (sizeof(a) / sizeof *(a))

/* --- slices --- */

static void slices_accept_nothing(void **state)
{
	(void)state;
	struct slice none = SLICE_NONE, line;
	uint64_t v;
	assert_true(slice_eq(none, S("")));
	assert_false(slice_eq(none, S("a")));
	assert_int_equal(slice_find_byte(none, 'a'), SLICE_NPOS);
	assert_int_equal(slice_find(none, S("")), 0);
	assert_int_equal(slice_find(none, S("x")), SLICE_NPOS);
	assert_int_equal(slice_sub(none, 3, 9).n, 0);
	assert_int_equal(slice_trim(none).n, 0);
	assert_int_equal(slice_next_word(&none).n, 0);
	assert_false(slice_next_line(&none, &line));
	assert_false(slice_next_uint(&none, 9, &v));
	assert_int_equal(slice_cmp(none, S("")), 0);
}

static void slices_find_and_cut(void **state)
{
	(void)state;
	struct slice s = S("EHLO mx.Example.net");
	assert_int_equal(slice_find(s, S("mx")), 5);
	assert_int_equal(slice_find(s, S("MX")), SLICE_NPOS);
	assert_int_equal(slice_find_nocase(s, S("EXAMPLE.NET")), 8);
	assert_int_equal(slice_find_last_byte(s, '.'), 15);
	assert_slice(slice_sub(s, 5, 7), "mx");
	assert_slice(slice_sub(s, 9, 2), "");
	assert_slice(slice_from(s, 99), "");
	assert_true(slice_skip_nocase(&s, S("ehlo ")));
	assert_slice(s, "mx.Example.net");
	assert_false(slice_skip(&s, S("MX")));
	assert_slice(s, "mx.Example.net");
	assert_slice(slice_between(S("a <b@c> d"), S("<"), S(">")), "b@c");
	assert_slice(slice_between(S("a <b@c d"), S("<"), S(">")), "");
}

static void lines_end_in_any_way(void **state)
{
	(void)state;
	struct slice s = S("a\r\nb\nc\r\n\r\nd"), line;
	const char *want[] = {"a", "b", "c", "", "d"};
	for (size_t i = 0; i < LENGTH(want); i++) {
		assert_true(slice_next_line(&s, &line));
		assert_slice(line, want[i]);
	}
	assert_false(slice_next_line(&s, &line));
}

static void numbers_have_a_maximum(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t max;
		bool good;
		uint64_t value;
	} cases[] = {
		{"0", 9, true, 0},
		{"007", 9, true, 7},
		{"65535", 65535, true, 65535},
		{"65536", 65535, false, 0},
		{"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, false, 0},
		{"99999999999999999999999", UINT64_MAX, false, 0},
		{"", 9, false, 0},
		{"-1", 9, false, 0},
		{"1x", 9, false, 0},
		{" 1", 9, false, 0},
	};
	for (size_t i = 0; i < LENGTH(cases); i++) {
		uint64_t v = 4711;
		bool good = slice_to_uint(slice_from_cstr(cases[i].text), cases[i].max, &v);
		if (good != cases[i].good || v != (good ? cases[i].value : 4711))
			fail_msg("“%s”: %d, %llu", cases[i].text, good, (unsigned long long)v);
	}
}

/* --- base64 --- */

static void base64_reads_and_tells_faults(void **state)
{
	(void)state;
	static const struct {
		const char *text, *decoded;
		unsigned faults;
	} cases[] = {
		{"", "", BASE64_OK},
		{"Zg==", "f", BASE64_OK},
		{"Zm8=", "fo", BASE64_OK},
		{"Zm9v", "foo", BASE64_OK},
		{"VXNlcm5hbWU6", "Username:", BASE64_OK},
		{"Zg", "f", BASE64_NO_PADDING},
		{"Zm8", "fo", BASE64_NO_PADDING},
		{"Zg===", "f", BASE64_BAD_PADDING},
		{"Zm 9v", "foo", BASE64_SPACE},
		{"Zm9v\r\n", "foo", BASE64_SPACE},
		{"Zm9v!Zm9v", "foo", BASE64_BAD_BYTE},
		{"Zh==", "f", BASE64_TRAILING_BITS},
		{"Pz8_", "???", BASE64_URL_SAFE},
		{"Zg==Zg==", "ff", BASE64_BAD_PADDING},
	};
	struct arena *a = arena_new(0);
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct slice out;
		unsigned faults = base64_decode(a, slice_from_cstr(cases[i].text), &out);
		if (faults != cases[i].faults || !slice_eq(out, slice_from_cstr(cases[i].decoded)))
			fail_msg("“%s”: faults %#x, “%.*s”", cases[i].text, faults, SLICE_FMT(out));
	}
	arena_free(a);
}

static void base64_round_trip(void **state)
{
	(void)state;
	uint8_t bytes[64];
	struct arena *a = arena_new(0);
	for (size_t n = 0; n < sizeof bytes; n++) {
		struct slice out;
		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)(i * 37 + n);
		struct slice text = base64_encode(a, slice_of(bytes, n));
		assert_int_equal(base64_decode(a, text, &out), BASE64_OK);
		assert_true(slice_eq(out, slice_of(bytes, n)));
		assert_int_equal(base64_is_plausible(text), n >= 1);
	}
	assert_false(base64_is_plausible(S("Zm9")));
	assert_false(base64_is_plausible(S("=Zm9")));
	assert_false(base64_is_plausible(S("user@ex.")));
	arena_free(a);
}

/* --- arena and buffer --- */

static void arena_keeps_its_limit(void **state)
{
	(void)state;
	struct arena *a = arena_new(1024);
	assert_non_null(arena_alloc(a, 1000));
	assert_null(arena_alloc(a, 1000));
	/* volatile: gcc would refuse sizes that it can see are impossible */
	volatile size_t huge = SIZE_MAX;
	assert_null(arena_alloc(a, huge));
	assert_null(arena_alloc(a, huge - 8));
	assert_int_equal(arena_dup(a, slice_of("x", 1)).n, 1);
	assert_true(arena_used(a) <= 1024);
	arena_free(a);
	arena_free(NULL);
}

static void arena_grows_vectors(void **state)
{
	(void)state;
	struct arena *a = arena_new(0);
	VEC(int) v = {0};
	for (int i = 0; i < 5000; i++) {
		int *slot = VEC_PUSH(a, &v);
		assert_non_null(slot);
		assert_int_equal(*slot, 0);
		*slot = i;
	}
	for (int i = 0; i < 5000; i++)
		assert_int_equal(v.v[i], i);
	arena_free(a);
}

static void arena_appends(void **state)
{
	(void)state;
	struct arena *a = arena_new(0);
	struct slice s = S("a");
	size_t cap = 0;
	for (int i = 0; i < 100; i++)
		assert_true(arena_append(a, &s, &cap, S(","), S("bc")));
	assert_int_equal(s.n, 301);
	assert_slice(slice_sub(s, 0, 7), "a,bc,bc");
	assert_slice(arena_join(a, S("x"), S("-"), S("y")), "x-y");
	assert_slice(arena_printf(a, "%s %d", "n", 7), "n 7");
	arena_free(a);
}

static void buffer_stops_at_its_maximum(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(10);
	buf_add(&b, S("12345"));
	assert_false(b.full);
	buf_add(&b, S("678901"));
	assert_true(b.full);
	assert_slice(buf_slice(&b), "12345");
	buf_consume(&b, 2);
	assert_slice(buf_slice(&b), "345");
	buf_consume(&b, 99);
	assert_int_equal(b.n, 0);
	buf_reset(&b);
	assert_false(b.full);
	buf_free(&b);
	struct buf big = BUF_INIT(100000);
	buf_printf(&big, "%05000d", 7);
	assert_int_equal(big.n, 5000);
	buf_free(&big);
}

/* --- text --- */

static void utf8_is_checked(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {
		{"a", 1}, {"\xc3\xa9", 2}, {"\xe2\x82\xac", 3}, {"\xf0\x9f\x98\x80", 4},
		{"\x80", 0}, {"\xc0\x80", 0}, {"\xc1\xbf", 0}, {"\xe0\x80\x80", 0}, {"\xed\xa0\x80", 0}, {"\xf0\x80\x80\x80", 0}, {"\xf4\x90\x80\x80", 0},
		{"\xf5\x80\x80\x80", 0}, {"\xc3", 0}, {"\xe2\x82", 0}, {"\xff", 0}, {"", 0},
	};
	for (size_t i = 0; i < LENGTH(cases); i++)
		if (utf8_length(slice_from_cstr(cases[i].bytes)) != cases[i].length)
			fail_msg("case %zu", i);
	assert_true(utf8_is_valid(S("żółw 龜")));
	assert_false(utf8_is_valid(S("za\xbf\xf3\xb3w")));
}

static void shown_text_holds_no_control(void **state)
{
	(void)state;
	static const struct {
		const char *bytes, *shown;
	} cases[] = {
		{"plain", "plain"},
		{"\033[31mred\033[0m", "\\x1b[31mred\\x1b[0m"},
		{"a\tb", "a b"},
		{"a\rb", "a\\x0db"},
		{"a\x7f", "a\\x7f"},
		{"caf\xe9", "caf\\xe9"},
		{"żółw", "żółw"},
		{"a\xe2\x80\xae" "b", "a\\u202eb"},  /* right-to-left override */
		{"\xc2\x9b" "31m", "\\u009b31m"},    /* C1 control sequence introducer */
	};
	struct arena *a = arena_new(0);
	for (size_t i = 0; i < LENGTH(cases); i++)
		assert_slice(text_shown(a, slice_from_cstr(cases[i].bytes), 0), cases[i].shown);
	assert_slice(text_shown(a, S("abcdefghij"), 6), "abc…");
	assert_slice(text_shown(a, S("aążźćęł"), 6), "aą…");
	arena_free(a);
}

static void masks_tell_no_byte(void **state)
{
	(void)state;
	struct arena *a = arena_new(0);
	assert_slice(text_mask(a, S("")), "(empty)");
	assert_slice(text_mask(a, S("abc1")), "*** (4: letters, digits)");
	assert_slice(text_mask(a, S("a b!")), "*** (4: letters, blanks, signs)");
	assert_slice(text_mask(a, S("żółw")), "*** (7: letters, non-ASCII)");
	struct slice big = text_mask(a, slice_of((char[200]){[0 ... 199] = 'z'}, 200));
	assert_slice(big, "*** (long: letters)");
	arena_free(a);
}

static void errors_are_named(void **state)
{
	(void)state;
	struct err e = {0};
	assert_false(err_set(&e, ERR_OPEN, "%s: %d", "x", 1));
	assert_string_equal(e.what, "x: 1");
	assert_string_equal(err_code_name(e.code), "ERR_OPEN");
	assert_false(err_set(NULL, ERR_OPEN, "x"));
	for (int i = 0; i < ERR_COUNT; i++)
		assert_true(err_code_text((enum err_code)i)[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_accept_nothing), cmocka_unit_test(slices_find_and_cut), cmocka_unit_test(lines_end_in_any_way),
		cmocka_unit_test(numbers_have_a_maximum), cmocka_unit_test(base64_reads_and_tells_faults), cmocka_unit_test(base64_round_trip),
		cmocka_unit_test(arena_keeps_its_limit), cmocka_unit_test(arena_grows_vectors), cmocka_unit_test(arena_appends),
		cmocka_unit_test(buffer_stops_at_its_maximum), cmocka_unit_test(utf8_is_checked), cmocka_unit_test(shown_text_holds_no_control),
		cmocka_unit_test(masks_tell_no_byte), cmocka_unit_test(errors_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
