/* What passes by itself, and what must be looked at row by row. */
#include "replicator/remedy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct err
refused(const char *sqlstate, const char *detail)
{
	struct err e = { .code = ERR_REFUSED };

	snprintf(e.sqlstate, sizeof(e.sqlstate), "%s", sqlstate);
	snprintf(e.detail, sizeof(e.detail), "%s", detail);
	return e;
}

static void
test_transient(void **state)
{
	static const char *const passes[] = { "08006", "25P02", "40001",
					      "40P01", "53100", "53200",
					      "55P03", "55006", "57014",
					      "57P01", "58030", "GS001" };
	static const char *const stays[] = { "22001", "23502", "23514", "23505",
					     "42703", "42P01", "XX000" };
	struct err e;

	for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]); i++) {
		e = refused(passes[i], "");
		assert_true(remedy_is_transient(&e));
	}
	for (size_t i = 0; i < sizeof(stays) / sizeof(stays[0]); i++) {
		e = refused(stays[i], "item_name_key");
		assert_false(remedy_is_transient(&e));
	}
	e = (struct err){ .code = ERR_UNCERTAIN };
	assert_true(remedy_is_transient(&e));
	e = (struct err){ .code = ERR_TIMEOUT };
	assert_true(remedy_is_transient(&e));
}

static void
test_effective_keys(void **state)
{
	struct err e = refused("23505", "account_email_gsb_key");

	assert_true(remedy_is_transient(&e));
	assert_true(remedy_wants_tidying(&e));
	e = refused("23514", "account_email_gsb_key");
	assert_false(remedy_wants_tidying(&e));
	e = refused("23505", "account_pkey");
	assert_false(remedy_wants_tidying(&e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transient),
		cmocka_unit_test(test_effective_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
