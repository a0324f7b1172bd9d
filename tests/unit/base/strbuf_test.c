#include "base/strbuf.h"

#include "base/mem.h"
#include "base/unit.h"

static void
test_it_grows(void **state)
{
	STRBUF_AUTO sb = { 0 };

	assert_string_equal(strbuf_text(&sb), "");
	for (int i = 0; i < 1000; i++)
		strbuf_addf(&sb, "%d,", i % 10);
	assert_int_equal(sb.len, 2000);
	assert_int_equal(strlen(sb.at), 2000);
	strbuf_cut(&sb, 4);
	assert_string_equal(strbuf_text(&sb), "0,1,");
	strbuf_consume(&sb, 2);
	assert_string_equal(strbuf_text(&sb), "1,");
	strbuf_addc(&sb, 'x');
	strbuf_adds(&sb, "yz");
	strbuf_add_span(&sb, span_of("!"));
	strbuf_add(&sb, NULL, 0);
	assert_string_equal(strbuf_text(&sb), "1,xyz!");
	unit_span_is(strbuf_span(&sb), "1,xyz!");
	strbuf_reset(&sb);
	assert_string_equal(strbuf_text(&sb), "");
	assert_true(sb.cap > 0);
}

static void
test_numbers(void **state)
{
	static const struct {
		int64_t number;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 7, "7" },
		{ -10, "-10" },
		{ INT64_MAX, "9223372036854775807" },
		{ INT64_MIN, "-9223372036854775808" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		STRBUF_AUTO sb = { 0 };

		strbuf_addi(&sb, rows[i].number);
		assert_string_equal(strbuf_text(&sb), rows[i].text);
	}
}

/* Around the end of the room, which the first attempt finds too small. */
static void
test_formatted_text_of_every_length(void **state)
{
	char text[600];

	memset(text, 'x', sizeof(text));
	for (int n = 0; n < (int)sizeof(text); n++) {
		STRBUF_AUTO sb = { 0 };

		strbuf_addf(&sb, "<%.*s>", n, text);
		strbuf_addf(&sb, "%s", "");
		assert_int_equal(sb.len, n + 2);
		assert_int_equal(strlen(sb.at), n + 2);
		assert_int_equal(sb.at[n + 1], '>');
	}
}

static void
test_take(void **state)
{
	struct strbuf sb = { 0 };
	char *empty = strbuf_take(&sb);
	char *text;

	assert_string_equal(empty, "");
	strbuf_adds(&sb, "kept");
	text = strbuf_take(&sb);
	assert_string_equal(text, "kept");
	assert_null(sb.at);
	mem_free(empty);
	mem_free(text);
	strbuf_reset(&sb);
	strbuf_consume(&sb, 0);
	strbuf_fini(&sb);
}

static void
test_reserve(void **state)
{
	STRBUF_AUTO sb = { 0 };

	memcpy(strbuf_reserve(&sb, 100), "abc", 3);
	sb.len += 3;
	strbuf_cut(&sb, sb.len);
	assert_string_equal(strbuf_text(&sb), "abc");
	/* bytes at the very end of the room, and the NUL behind them */
	memset(strbuf_reserve(&sb, 5000), 'x', 5000);
	sb.len += 5000;
	strbuf_cut(&sb, sb.len);
	assert_int_equal(strlen(sb.at), 5003);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_grows),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_formatted_text_of_every_length),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_reserve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
