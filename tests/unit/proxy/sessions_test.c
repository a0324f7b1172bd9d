#include "proxy/sessions.h"

#include "base/unit.h"

static struct sessions *s;

static int
set_up(void **state)
{
	s = sessions_new();
	return 0;
}

static int
tear_down(void **state)
{
	sessions_free(&s);
	assert_null(s);
	return 0;
}

static void
a_session_lasts_until_its_end(void **state)
{
	struct sessions_one one = *sessions_add(s, "anna", 1000);
	struct span word = span_of(one.word);

	assert_string_equal(sessions_find(s, word, 1001)->who, "anna");
	assert_string_not_equal(one.word, one.csrf);
	assert_null(sessions_find(s, span_of(""), 1001));
	assert_null(sessions_find(s, span_of(one.csrf), 1001));
	assert_non_null(sessions_find(s, word, 999 + SESSIONS_MS));
	assert_null(sessions_find(s, word, 1000 + SESSIONS_MS));
	sessions_end(s, word);
	assert_null(sessions_find(s, word, 1001));
	sessions_end(s, word);
}

static void
one_too_many_ends_the_oldest(void **state)
{
	struct sessions_one first = *sessions_add(s, "first", 1);
	struct sessions_one second = *sessions_add(s, "second", 2);

	for (int i = 0; i < SESSIONS_MAX - 1; i++)
		sessions_add(s, "more", 3 + i);
	assert_null(sessions_find(s, span_of(first.word), 100));
	assert_non_null(sessions_find(s, span_of(second.word), 100));
}

static void
an_invitation_is_good_once_and_for_a_while(void **state)
{
	char word[SESSIONS_WORD];
	const struct sessions_one *one;

	sessions_invite(s, "root", 1000, word);
	assert_null(sessions_find(s, span_of(word), 1000));
	assert_null(sessions_redeem(s, span_of("nonsense"), 1000));
	one = sessions_redeem(s, span_of(word), 1000);
	assert_string_equal(one->who, "root");
	assert_string_not_equal(one->word, word);
	assert_null(sessions_redeem(s, span_of(word), 1000));
	sessions_invite(s, "root", 1000, word);
	assert_null(
	    sessions_redeem(s, span_of(word), 1000 + SESSIONS_INVITE_MS));
}

static void
too_many_wrong_tokens_are_not_heard_for_a_minute(void **state)
{
	for (int i = 0; i < SESSIONS_TRIES; i++) {
		assert_true(sessions_may_try(s, 1000 + i));
		sessions_failed(s, 1000 + i);
	}
	assert_false(sessions_may_try(s, 2000));
	assert_false(sessions_may_try(s, 999 + SESSIONS_TRIES_MS));
	assert_true(sessions_may_try(s, 1000 + SESSIONS_TRIES_MS));
	sessions_failed(s, 1000 + SESSIONS_TRIES_MS);
	assert_true(sessions_may_try(s, 1001 + SESSIONS_TRIES_MS));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_session_lasts_until_its_end,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_too_many_ends_the_oldest,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    an_invitation_is_good_once_and_for_a_while, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    too_many_wrong_tokens_are_not_heard_for_a_minute, set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
