#include "site/made.h"

#include "base/unit.h"

#include <ctype.h>
#include <string.h>

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const struct made_from from = { "c", "a", "op", "key", "entity" };

static void
test_equal_requests_make_equal_ids(void **state)
{
	struct made_from same = { "c", "a", "op", "key", "entity" };
	char one[CRYPTO_UUID_SIZE], other[CRYPTO_UUID_SIZE];

	made_uuid(&from, one);
	made_uuid(&same, other);
	assert_string_equal(one, other);
	/* for ever: rows that are out there were made like this */
	assert_string_equal(one, "67437b2b-27db-573a-96d6-04483c9135dc");
}

static void
test_every_part_counts_and_none_runs_into_the_next(void **state)
{
	const struct made_from others[] = {
		{ "x", "a", "op", "key", "entity" },
		{ "c", "x", "op", "key", "entity" },
		{ "c", "a", "x", "key", "entity" },
		{ "c", "a", "op", "x", "entity" },
		{ "c", "a", "op", "key", "x" },
		{ "ca", "", "op", "key", "entity" },
		{ "", "ca", "op", "key", "entity" },
		{ NULL, "ca", "op", "keyentity", "" },
	};
	char one[CRYPTO_UUID_SIZE], other[CRYPTO_UUID_SIZE];

	made_uuid(&from, one);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		made_uuid(&others[i], other);
		assert_string_not_equal(one, other);
	}
}

static void
test_passwords_have_all_kinds_of_characters(void **state)
{
	struct keyring *keys = keyring_parse("keys", span_of("k1 " KEY "\n"),
					     NULL);
	char name[16], one[9], again[9];
	struct made_from f = from;

	f.key = name;
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "%d", i);
		made_password(&f, keys, one, sizeof(one));
		made_password(&f, keys, again, sizeof(again));
		assert_string_equal(one, again);
		assert_int_equal(strlen(one), 8);
		assert_int_equal(strspn(one, "0O1lI"), 0);
		assert_true(islower(one[1]) && isupper(one[3]) &&
			    isdigit(one[5]));
	}
	keyring_free(&keys);
}

static void
test_numbers_are_digits(void **state)
{
	struct keyring *keys = keyring_parse("keys", span_of("k1 " KEY "\n"),
					     NULL);
	char digits[10];

	made_number(&from, keys, digits, sizeof(digits));
	assert_int_equal(strspn(digits, "0123456789"), 9);
	assert_int_not_equal(digits[0], '0');
	keyring_free(&keys);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_requests_make_equal_ids),
		cmocka_unit_test(
		    test_every_part_counts_and_none_runs_into_the_next),
		cmocka_unit_test(test_passwords_have_all_kinds_of_characters),
		cmocka_unit_test(test_numbers_are_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
