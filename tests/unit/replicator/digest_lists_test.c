/* Which rows two sites do not have alike, by hashes and by keys. */
#include "replicator/digest_lists.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"

static struct arena *arena;

static struct digest_places
places_of(const char *text)
{
	struct digest_places out;

	digest_places_read(arena, text, &out);
	return out;
}

static void
assert_unlike(const char *here, const char *there, const char *only_here,
	      const char *only_there)
{
	STRBUF_AUTO a = { 0 };
	STRBUF_AUTO b = { 0 };
	struct digest_places h = places_of(here), t = places_of(there);

	digest_places_unlike(&h, &t, &a, &b);
	assert_string_equal(strbuf_text(&a), only_here);
	assert_string_equal(strbuf_text(&b), only_there);
}

#define ONE "0000000000000001"
#define TWO "fffffffffffffffe"
#define AT_7_3 "000000070003"
#define AT_HIGH "ffffffffffff"

static void
test_a_place_is_a_hash_a_block_and_an_item(void **state)
{
	struct digest_places p = places_of("\\x" TWO AT_7_3 ONE AT_HIGH);

	assert_int_equal(p.n, 2);
	assert_true(p.list[0].hash == UINT64_MAX - 1);
	assert_int_equal(p.list[0].block, 7);
	assert_int_equal(p.list[0].item, 3);
	assert_true(p.list[1].hash == 1);
	assert_true(p.list[1].block == UINT32_MAX);
	assert_int_equal(p.list[1].item, UINT16_MAX);
	assert_int_equal(places_of("").n, 0);
}

static void
test_like_rows_are_left_out_wherever_they_stand(void **state)
{
	assert_unlike("", "", "", "");
	assert_unlike("\\x" ONE AT_7_3 TWO AT_HIGH, "\\x" TWO AT_7_3 ONE AT_7_3,
		      "", "");
}

static void
test_the_rest_is_named_by_its_place(void **state)
{
	assert_unlike("\\x" TWO AT_7_3 ONE AT_HIGH, "",
		      "\"(4294967295,65535)\",\"(7,3)\"", "");
	assert_unlike("", "\\x" ONE AT_7_3, "", "\"(7,3)\"");
	assert_unlike("\\x" ONE AT_7_3, "\\x" TWO AT_HIGH, "\"(7,3)\"",
		      "\"(4294967295,65535)\"");
}

/* Two rows may have one hash: of three here and two there one is left. */
static void
test_each_hash_is_counted(void **state)
{
	assert_unlike("\\x" ONE AT_7_3 ONE AT_7_3 ONE AT_7_3,
		      "\\x" ONE AT_HIGH ONE AT_HIGH, "\"(7,3)\"", "");
}

static void
test_keys_are_joined(void **state)
{
	struct digest_row a[] = { { "[\"a\"]", 1 }, { "[\"b\"]", 2 } };
	struct digest_row b[] = { { "[\"b\"]", 3 }, { "[\"c\"]", 4 } };
	struct digest_list here = { a, 2 }, there = { b, 2 };
	struct digest_found found;
	char *keys;

	digest_join(arena, &here, &there, &found);
	assert_int_equal(found.n, 3);
	assert_true(found.keys[0].is_here && !found.keys[0].is_there);
	assert_true(found.keys[1].is_here && found.keys[1].is_there);
	assert_true(found.keys[1].here == 2 && found.keys[1].there == 3);
	assert_true(!found.keys[2].is_here && found.keys[2].there == 4);
	keys = digest_keys_text(found.keys, found.n);
	assert_string_equal(keys, "[[\"a\"],[\"b\"],[\"c\"]]");
	mem_free(keys);
	digest_join(arena, &here, &here, &found);
	assert_int_equal(found.n, 0);
}

static int
begin(void **state)
{
	arena = arena_new();
	return 0;
}

static int
end(void **state)
{
	arena_free(&arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_place_is_a_hash_a_block_and_an_item),
		cmocka_unit_test(
		    test_like_rows_are_left_out_wherever_they_stand),
		cmocka_unit_test(test_the_rest_is_named_by_its_place),
		cmocka_unit_test(test_each_hash_is_counted),
		cmocka_unit_test(test_keys_are_joined),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
