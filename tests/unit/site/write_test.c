#include "site/write.h"

#include "base/unit.h"

static void
test_protection(void **state)
{
	static const struct {
		const char *state;
		bool at_risk, local;
		enum write_protection is;
	} rows[] = {
		{ "off", false, false, WRITE_PROTECTED },
		{ "off", false, true, WRITE_PROTECTED },
		{ "on", false, false, WRITE_PROTECTED },
		{ "remote_apply", false, false, WRITE_PROTECTED },
		{ "on", true, false, WRITE_AT_RISK },
		{ "on", false, true, WRITE_AT_RISK },
		{ "degraded", false, false, WRITE_AT_RISK },
		{ "degraded", true, true, WRITE_AT_RISK },
		{ "", false, false, WRITE_AT_RISK },
		{ "new-word", false, false, WRITE_AT_RISK },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    write_judge(rows[i].state, rows[i].at_risk, rows[i].local),
		    rows[i].is);
}

static void
test_what_starts_over(void **state)
{
	static const char *const again[] = { "23505", "40001", "40P01" };
	static const char *const never[] = { "", "23514", "57014", "08006" };
	struct err e = { .code = ERR_REFUSED };

	for (size_t i = 0; i < 3; i++) {
		snprintf(e.sqlstate, sizeof(e.sqlstate), "%s", again[i]);
		assert_int_equal(write_retry(&e), WRITE_START_OVER);
	}
	for (size_t i = 0; i < 4; i++) {
		snprintf(e.sqlstate, sizeof(e.sqlstate), "%s", never[i]);
		assert_int_equal(write_retry(&e), WRITE_GIVE_UP);
	}
}

static void
test_which_fault_a_unique_key_means(void **state)
{
	struct err e = { .code = ERR_REFUSED, .sqlstate = "23505" };

	snprintf(e.detail, sizeof(e.detail), "account_email_gsb_key");
	assert_int_equal(write_fault(&e), FAULT_EMAIL_EXISTS);
	snprintf(e.detail, sizeof(e.detail), "account_webexid_gsb_key");
	assert_int_equal(write_fault(&e), FAULT_WEBEXID_EXISTS);
	snprintf(e.detail, sizeof(e.detail), "meeting_pkey");
	assert_int_equal(write_fault(&e), FAULT_CONFLICT);
	snprintf(e.sqlstate, sizeof(e.sqlstate), "23514");
	assert_int_equal(write_fault(&e), FAULT_INTERNAL);
}

static void
test_every_fault_has_a_row(void **state)
{
	for (int f = 0; f < FAULT_COUNT; f++) {
		const struct fault_row *row = fault_row((enum fault)f);

		assert_true(row->status >= 400 && row->status < 600);
		assert_non_null(row->text);
		if (row->exception != NULL)
			assert_int_equal(strlen(row->exception), 6);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protection),
		cmocka_unit_test(test_what_starts_over),
		cmocka_unit_test(test_which_fault_a_unique_key_means),
		cmocka_unit_test(test_every_fault_has_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
