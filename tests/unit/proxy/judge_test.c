#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/judge.h"

#define U JUDGE_LEVEL_UNKNOWN
#define OK JUDGE_LEVEL_OK
#define NO JUDGE_LEVEL_DOWN

static const struct {
	struct judge_site parts; /* web, db, files, collab, rooms */
	enum judge_verdict verdict;
} cases[] = {
	{ { OK, OK, OK, OK, 0 }, JUDGE_WHOLE },
	{ { OK, OK, U, OK, 3 }, JUDGE_WHOLE },
	{ { OK, OK, OK, NO, 0 }, JUDGE_PARTIAL },
	{ { OK, OK, OK, U, 0 }, JUDGE_UNKNOWN },
	{ { OK, OK, NO, OK, 0 }, JUDGE_PARTIAL },
	{ { NO, OK, OK, OK, 0 }, JUDGE_DEAD },
	{ { OK, NO, OK, OK, 0 }, JUDGE_DEAD },
	{ { NO, NO, OK, NO, 5 }, JUDGE_DEAD },
	{ { NO, OK, OK, OK, 1 }, JUDGE_SPLIT },
	{ { OK, NO, OK, OK, 1 }, JUDGE_SPLIT },
	{ { NO, U, U, NO, 0 }, JUDGE_DEAD },
	{ { U, U, U, U, 0 }, JUDGE_UNKNOWN },
	{ { OK, U, OK, OK, 0 }, JUDGE_UNKNOWN },
};

static void
test_verdicts(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(judge_site(&cases[i].parts), cases[i].verdict);
}

static void
test_rise_and_fall(void **state)
{
	static const struct judge_counts c = { .rise = 2, .fall = 3 };
	struct judge_run run = { 0 };

	judge_count(&run, c, true);
	assert_int_equal(run.level, U);
	assert_true(judge_wavers(&run, c));
	judge_count(&run, c, true);
	assert_int_equal(run.level, OK);
	assert_false(judge_wavers(&run, c));
	judge_count(&run, c, false);
	judge_count(&run, c, false);
	assert_int_equal(run.level, OK);
	assert_true(judge_wavers(&run, c));
	judge_count(&run, c, true);
	assert_true(judge_wavers(&run, c));
	judge_count(&run, c, false);
	judge_count(&run, c, false);
	judge_count(&run, c, false);
	assert_int_equal(run.level, NO);
	judge_count(&run, c, true);
	assert_int_equal(run.level, NO);
	judge_count(&run, c, true);
	assert_int_equal(run.level, OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_rise_and_fall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
