#include "base/err.h"

#include "base/unit.h"

static void
test_set_and_prefix(void **state)
{
	struct err e = { .sqlstate = "23505", .detail = "account_key" };

	assert_int_equal(err_prefix(&e, "x"), -1);
	assert_int_equal(err_set(&e, ERR_LIMIT, "%d rows", 3), -1);
	assert_string_equal(e.sqlstate, "");
	assert_string_equal(e.detail, "");
	assert_int_equal(err_prefix(&e, "table %s", "meeting"), -1);
	assert_string_equal(err_text(&e), "table meeting: 3 rows");
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
test_prefix_keeps_the_rest(void **state)
{
	struct err e;

	err_set(&e, ERR_REFUSED, "duplicate");
	snprintf(e.sqlstate, sizeof(e.sqlstate), "23505");
	snprintf(e.detail, sizeof(e.detail), "account_key");
	err_prefix(&e, "insert");
	assert_string_equal(e.sqlstate, "23505");
	assert_string_equal(e.detail, "account_key");
}

static void
test_arguments_may_point_into_it(void **state)
{
	struct err e;

	err_set(&e, ERR_IO, "inner");
	err_set(&e, ERR_IO, "outer of %s", e.text);
	assert_string_equal(err_text(&e), "outer of inner");
}

static void
test_long_text_is_cut(void **state)
{
	struct err e;
	char big[1000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set(&e, ERR_IO, "%s", big);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	err_prefix(&e, "%s", big);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	err_set(&e, ERR_IO, "tail");
	err_prefix(&e, "head");
	assert_string_equal(e.text, "head: tail");
}

static void
test_no_error(void **state)
{
	struct err e = { 0 };

	assert_string_equal(err_text(&e), "no error");
	assert_string_equal(err_text(NULL), "no error");
	assert_int_equal(err_set(NULL, ERR_IO, "unheard"), -1);
	assert_int_equal(err_prefix(NULL, "unheard"), -1);
	assert_string_equal(err_code_name(ERR_UNCERTAIN), "uncertain");
	assert_string_equal(err_code_name(ERR_NOT_FOUND), "not-found");
	err_set(&e, ERR_IO, "x");
	err_clear(&e);
	assert_int_equal(e.code, ERR_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_and_prefix),
		cmocka_unit_test(test_prefix_keeps_the_rest),
		cmocka_unit_test(test_arguments_may_point_into_it),
		cmocka_unit_test(test_long_text_is_cut),
		cmocka_unit_test(test_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
