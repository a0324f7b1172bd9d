#include "base/arena.h"

#include <stdalign.h>

#include "base/unit.h"

static void
assert_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], 0);
}

static void
test_pieces_are_apart_aligned_and_zero(void **state)
{
	struct arena *a = arena_new();
	char *last = NULL;

	for (size_t size = 0; size < 3000; size += 7) {
		char *p = arena_alloc(a, size);

		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		assert_zero(p, size);
		memset(p, 0xee, size);
		assert_ptr_not_equal(p, last);
		last = p;
	}
	arena_free(&a);
	assert_null(a);
	arena_free(&a);
}

static void
test_reset_keeps_zeroes(void **state)
{
	struct arena *a = arena_new();

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 50; i++) {
			char *p = arena_alloc(a, 900);

			assert_zero(p, 900);
			memset(p, 0xee, 900);
		}
		assert_true(arena_used(a) >= 50 * 900);
		arena_reset(a);
		assert_int_equal(arena_used(a), 0);
	}
	memset(arena_alloc(a, 1 << 20), 0xee, 1 << 20);
	arena_reset(a);
	assert_zero(arena_alloc(a, 100), 100);
	arena_free(&a);
}

static void
test_strings(void **state)
{
	struct arena *a = arena_new();
	char big[5000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_string_equal(arena_strdup(a, "abc"), "abc");
	assert_null(arena_strdup(a, NULL));
	assert_string_equal(arena_strndup(a, "abcdef", 3), "abc");
	assert_string_equal(arena_span(a, span_of(NULL)), "");
	assert_string_equal(arena_printf(a, "%s-%d", "x", 5), "x-5");
	assert_string_equal(arena_printf(a, "%s", big), big);
	assert_int_equal(*(int *)arena_dup(a, &(int){ 42 }, sizeof(int)), 42);
	assert_non_null(arena_array(a, uint64_t, 10));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_are_apart_aligned_and_zero),
		cmocka_unit_test(test_reset_keeps_zeroes),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
