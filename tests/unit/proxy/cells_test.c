/* Memory that comes back is given out again; sizes and contents hold. */
#include <stdint.h>
#include <string.h>

#include "base/unit.h"
#include "proxy/cells.h"

static void
test_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, 63, 64, 65, 2048, 2049, 70000 };
	struct cells c = { 0 };
	char *at[UNIT_COUNT(sizes)];

	for (size_t i = 0; i < UNIT_COUNT(sizes); i++) {
		at[i] = cells_get_zeroed(&c, sizes[i]);
		assert_int_equal((uintptr_t)at[i] % 16, 0);
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(at[i][k], 0);
		memset(at[i], (int)i + 1, sizes[i]);
	}
	for (size_t i = 0; i < UNIT_COUNT(sizes); i++) {
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(at[i][k], (int)i + 1);
		cells_put(&c, at[i]);
	}
	cells_put(&c, NULL);
	cells_fini(&c);
}

static void
test_used_again(void **state)
{
	struct cells c = { 0 };
	char *a = cells_get(&c, 100), *b;

	cells_put(&c, a);
	b = cells_get(&c, 65); /* of the same size class */
	assert_ptr_equal(a, b);
	cells_put(&c, b);
	cells_fini(&c);
}

static void
test_resize(void **state)
{
	struct cells c = { 0 };
	char *a = cells_resize(&c, NULL, 10), *b;

	memcpy(a, "kept", 5);
	assert_ptr_equal(cells_resize(&c, a, 64), a); /* it fits */
	b = cells_resize(&c, a, 5000);
	assert_string_equal(b, "kept");
	assert_ptr_equal(cells_get(&c, 64), a); /* given back */
	cells_put(&c, a);
	cells_put(&c, b);
	cells_fini(&c);
}

/* What was needed once at a time is not kept for ever. */
static void
test_keeps_no_more_than_its_share(void **state)
{
	struct cells c = { 0 };
	void *at[600];

	for (size_t i = 0; i < UNIT_COUNT(at); i++)
		at[i] = cells_get(&c, 2048);
	for (size_t i = 0; i < UNIT_COUNT(at); i++)
		cells_put(&c, at[i]);
	assert_int_equal(c.n[CELLS_SIZES - 1], (1 << 20) / 2048);
	cells_fini(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_used_again),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_keeps_no_more_than_its_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
