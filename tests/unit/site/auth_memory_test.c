#include "site/auth_memory.h"

#include "base/unit.h"

#include <stdio.h>

#define NOW INT64_C(5000000000)

static int
with_memory(void **state)
{
	*state = auth_memory_new();
	return 0;
}

static int
without_memory(void **state)
{
	auth_memory_free((struct auth_memory **)state);
	return 0;
}

static void
test_a_password_is_known_for_its_time(void **state)
{
	struct auth_memory *m = *state;
	uint8_t key[CRYPTO_SHA256_SIZE];

	auth_memory_key(m, "a", 1, "secret", key);
	assert_false(auth_memory_knows(m, key, NOW));
	auth_memory_learn(m, key, NOW);
	assert_true(auth_memory_knows(m, key, NOW));
	assert_true(auth_memory_knows(m, key, NOW + AUTH_CACHE_US - 1));
	assert_false(auth_memory_knows(m, key, NOW + AUTH_CACHE_US));
}

static void
test_another_account_version_or_password_is_not_known(void **state)
{
	struct auth_memory *m = *state;
	uint8_t key[CRYPTO_SHA256_SIZE];

	auth_memory_key(m, "a", 1, "secret", key);
	auth_memory_learn(m, key, NOW);
	auth_memory_key(m, "b", 1, "secret", key);
	assert_false(auth_memory_knows(m, key, NOW));
	auth_memory_key(m, "a", 2, "secret", key);
	assert_false(auth_memory_knows(m, key, NOW));
	auth_memory_key(m, "a", 1, "Secret", key);
	assert_false(auth_memory_knows(m, key, NOW));
}

static void
test_the_memory_is_bounded(void **state)
{
	struct auth_memory *m = *state;
	uint8_t first[CRYPTO_SHA256_SIZE];
	uint8_t key[CRYPTO_SHA256_SIZE];
	char name[16];

	auth_memory_key(m, "first", 1, "p", first);
	auth_memory_learn(m, first, NOW);
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		auth_memory_key(m, name, 1, "p", key);
		auth_memory_learn(m, key, NOW);
	}
	assert_true(auth_memory_knows(m, key, NOW));
	assert_false(auth_memory_knows(m, first, NOW));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, with_memory, without_memory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_password_is_known_for_its_time),
		TEST(test_another_account_version_or_password_is_not_known),
		TEST(test_the_memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
