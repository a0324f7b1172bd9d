#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gsbctl/args.h"

#define WORDS_MAX 16

/* Splits at blanks; the texts live in a static buffer. */
static int
parse(const char *line, struct args *out, struct err *e)
{
	static char text[512];
	char *argv[WORDS_MAX] = { NULL };
	int argc = 0;

	assert_true(strlen(line) < sizeof(text));
	memcpy(text, line, strlen(line) + 1);
	for (char *at = text; at != NULL && argc < WORDS_MAX - 1;) {
		argv[argc++] = strsep(&at, " ");
	}
	return args_parse(argc, argv, "/env", out, e);
}

static struct args
good(const char *line)
{
	struct args a;
	struct err e = { 0 };

	if (parse(line, &a, &e) < 0)
		fail_msg("%s: %s", line, err_text(&e));
	return a;
}

static void
test_options_stand_anywhere(void **state)
{
	struct args a = good("gsbctl --format json switchover --reason x "
			     "--to backup --yes --connect /s");

	assert_int_equal(a.verb, ARGS_SWITCHOVER);
	assert_int_equal(a.format, ARGS_JSON);
	assert_string_equal(a.connect, "/s");
	assert_string_equal(a.to, "backup");
	assert_true(a.yes);
	assert_string_equal(good("gsbctl status").connect, "/env");
}

static void
test_wait_may_stand_alone(void **state)
{
	assert_int_equal(good("gsbctl failback --reason x --wait").wait_ms,
			 120000);
	assert_int_equal(good("gsbctl failback --wait 5s --reason x").wait_ms,
			 5000);
	assert_true(good("gsbctl failback --wait --yes --reason x").yes);
}

static void
test_two_word_verbs(void **state)
{
	struct args a = good("gsbctl company add acme --site-id 7 --admin a "
			     "--partner-id p --password-file /f");

	assert_int_equal(a.verb, ARGS_COMPANY_ADD);
	assert_string_equal(a.name, "acme");
	assert_int_equal(good("gsbctl company list").verb, ARGS_COMPANY_LIST);
	assert_int_equal(good("gsbctl proxy reload").verb, ARGS_PROXY_RELOAD);
	assert_int_equal(good("gsbctl proxy upgrade").verb, ARGS_PROXY_UPGRADE);
	a = good("gsbctl authority adopt --to primary --reason x");
	assert_string_equal(args_order_name(a.verb), "adopt");
	assert_string_equal(good("gsbctl explain 12").name, "12");
}

static const struct {
	const char *line, *says;
} bad[] = {
	{ "gsbctl", "a verb is needed" },
	{ "gsbctl fly", "\"fly\" is not a verb" },
	{ "gsbctl company", "not a verb" },
	{ "gsbctl status now", "one word too many" },
	{ "gsbctl --speed status", "--speed" },
	{ "gsbctl status --format xml", "table, json or tsv" },
	{ "gsbctl status --connect", "--connect needs a value" },
	{ "gsbctl switchover --to backup", "--reason" },
	{ "gsbctl switchover --reason x", "--to is needed" },
	{ "gsbctl failover --to mars --reason x", "primary or backup" },
	{ "gsbctl pause --reason x", "--expires-in" },
	{ "gsbctl pause --reason x --expires-in soon", "--expires-in" },
	{ "gsbctl events --since x", "--since needs a number" },
	{ "gsbctl company add", "NAME" },
	{ "gsbctl company add acme", "--site-id" },
};

static void
test_mistakes_are_named(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct args a;
		struct err e = { 0 };

		assert_int_equal(parse(bad[i].line, &a, &e), -1);
		if (strstr(err_text(&e), bad[i].says) == NULL)
			fail_msg("%s: %s", bad[i].line, err_text(&e));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_stand_anywhere),
		cmocka_unit_test(test_wait_may_stand_alone),
		cmocka_unit_test(test_two_word_verbs),
		cmocka_unit_test(test_mistakes_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
