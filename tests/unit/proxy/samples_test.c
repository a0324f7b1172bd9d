#include "proxy/samples.h"

#include "base/unit.h"

#define SECOND 1000000

static json_int_t
cell(const json_t *doc, size_t row, size_t column)
{
	const json_t *rows = json_object_get(doc, "rows");
	const json_t *value = json_array_get(json_array_get(rows, row), column);

	return json_is_null(value) ? -1 : json_integer_value(value);
}

static size_t
count(const json_t *doc)
{
	return json_array_size(json_object_get(doc, "rows"));
}

static void
rows_tell_what_happened_between_two_looks(void **state)
{
	struct samples *s = samples_new();
	struct samples_now now = { .wall_us = SECOND,
				   .active = 0,
				   .answers = { 100, 50 },
				   .failed = { 7, 1 } };

	samples_add(s, &now); /* the counts before are not of the first row */
	now.wall_us = 6 * SECOND;
	now.active = -1;
	now.answers[0] = 130;
	now.failed[0] = 9;
	now.failed[1] = 2;
	now.lag_ms[0] = 40;
	now.lag_ms[1] = -1;
	now.held = 3;
	samples_add(s, &now);
	{
		JSON_AUTO doc = samples_json(s, 0);
		static const json_int_t want[] = { 6 * SECOND, -1, 40, -1,
						   30,         0,  3,  3 };

		assert_int_equal(count(doc), 1);
		assert_int_equal(
		    json_array_size(json_object_get(doc, "columns")), 8);
		for (size_t i = 0; i < 8; i++)
			assert_int_equal(cell(doc, 0, i), want[i]);
	}
	samples_free(&s);
	assert_null(s);
}

static void
the_ring_keeps_an_hour(void **state)
{
	struct samples *s = samples_new();
	struct samples_now now = { 0 };
	int last = SAMPLES_MAX + 100;

	for (int i = 0; i <= last; i++) {
		now.wall_us = (int64_t)(i + 1) * SECOND;
		now.answers[0] += (uint64_t)i;
		samples_add(s, &now);
	}
	{
		JSON_AUTO all = samples_json(s, 0);
		JSON_AUTO some = samples_json(s, (int64_t)(last - 1) * SECOND);

		assert_int_equal(count(all), SAMPLES_MAX);
		assert_int_equal(cell(all, 0, 4), 101);
		assert_int_equal(cell(all, SAMPLES_MAX - 1, 4), last);
		assert_int_equal(count(some), 2);
		assert_int_equal(cell(some, 0, 4), last - 1);
	}
	samples_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_tell_what_happened_between_two_looks),
		cmocka_unit_test(the_ring_keeps_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
