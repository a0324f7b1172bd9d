#include "base/mem.h"

#include "base/unit.h"

static void
test_memory_is_zeroed(void **state)
{
	int *n = mem_array(int, 1000);
	char *p = mem_alloc(0);

	for (int i = 0; i < 1000; i++)
		assert_int_equal(n[i], 0);
	memset(n, 0xff, 1000 * sizeof(*n));
	n = mem_resize(n, 1000 * sizeof(*n), 5000 * sizeof(*n));
	assert_int_equal(n[999], -1);
	for (int i = 1000; i < 5000; i++)
		assert_int_equal(n[i], 0);
	assert_non_null(p);
	mem_free(p);
	mem_free(n);
	mem_free(NULL);
}

static void
test_strings(void **state)
{
	char *a = mem_strdup("abc");
	char *b = mem_strndup("abcdef", 3);
	char *c = mem_strndup("ab\0cd", 5);
	char *d = mem_printf("%d-%s", 5, "x");
	int *e = mem_dup(&(int){ 42 }, sizeof(int));

	assert_string_equal(a, "abc");
	assert_string_equal(b, "abc");
	assert_string_equal(c, "ab");
	assert_string_equal(d, "5-x");
	assert_int_equal(*e, 42);
	assert_null(mem_strdup(NULL));
	assert_null(mem_strndup(NULL, 4));
	mem_free(a);
	mem_free(b);
	mem_free(c);
	mem_free(d);
	mem_free(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_zeroed),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
