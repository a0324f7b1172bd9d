#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gsbctl/show.h"
#include "gsbctl/words.h"

static const char status[] =
    "{\"version\":\"0.1.0\",\"public_url\":\"http://"
    "m\",\"state\":\"ON_BACKUP\","
    "\"state_ms\":65000,\"epoch\":7,\"active\":\"backup\",\"mode\":"
    "\"automatic\","
    "\"degraded\":true,\"who\":\"automatic\",\"why\":\"the primary was dead\","
    "\"when_us\":1700000000000000,\"automatic\":true,\"routing\":\"serve\","
    "\"failover\":{\"to\":\"primary\",\"ready\":false,\"why_not\":\"dead\"},"
    "\"failback\":{\"ready\":false,\"why_not\":\"the primary is dead\"},"
    "\"sites\":{\"primary\":{\"verdict\":\"dead\",\"active\":false,"
    "\"services\":{\"web\":{\"health\":\"down\",\"error\":\"refused\"},"
    "\"collab\":{\"health\":\"ok\"}},\"replication\":null},"
    "\"backup\":{\"verdict\":\"whole\",\"active\":true,\"services\":{\"web\":"
    "{\"health\":\"ok\",\"db\":\"ok\",\"serving\":true,\"lease_ms\":1500},"
    "\"collab\":{\"health\":\"ok\"}},\"replication\":{\"sync\":\"degraded\","
    "\"out\":{\"state\":\"down\",\"lag_bytes\":2048,\"lag_ms\":10,"
    "\"at_risk\":17},\"in\":{\"pending\":1,\"acknowledged\":1}}}},"
    "\"traffic\":{\"held\":3,\"connections\":12},\"order\":null}";

static const char *
shown(void (*fn)(const struct show *s, const json_t *d), const char *text,
      bool color)
{
	static char buf[8192];
	struct show s = { .color = color };
	JSON_AUTO doc = json_read(span_of(text), NULL);

	assert_non_null(doc);
	memset(buf, 0, sizeof(buf));
	s.to = fmemopen(buf, sizeof(buf) - 1, "w");
	fn(&s, doc);
	fclose(s.to);
	return buf;
}

static void
test_status_says_what_matters(void **state)
{
	static const char *const says[] = {
		"ON_BACKUP for 65 s",
		"backup, epoch 7",
		"DEGRADED",
		"not yet: the primary is dead",
		"primary web: refused",
		"ok, lease 1.5 s",
		"down, 17 at risk",
		"unmerged",
		"acknowledged",
		"12 connections, 3 requests held",
	};
	const char *text = shown(show_status, status, false);

	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		if (strstr(text, says[i]) == NULL)
			fail_msg("\"%s\" is missing in\n%s", says[i], text);
	assert_null(strstr(text, " \n"));
	assert_null(strchr(text, '\033'));
	assert_non_null(strchr(shown(show_status, status, true), '\033'));
}

static void
test_an_empty_answer_is_no_crash(void **state)
{
	assert_non_null(strstr(shown(show_status, "{}", false), "nobody"));
	(void)shown(show_pair, "{}", false);
	(void)shown(show_explain, "{}", false);
}

static void
test_tsv_is_one_value_a_line(void **state)
{
	char buf[512] = { 0 };
	FILE *f = fmemopen(buf, sizeof(buf) - 1, "w");
	JSON_AUTO doc = json_read(
	    span_of("{\"a\":{\"b\":[1,\"x\\ty\"]},\"c\":null,\"d\":true}"),
	    NULL);

	show_tsv(f, doc);
	fclose(f);
	assert_string_equal(buf, "a.b.0\t1\na.b.1\tx y\nc\t\nd\ttrue\n");
}

static void
test_words(void **state)
{
	char buf[WORDS_SIZE];

	assert_string_equal(words_ms(850, buf), "850 ms");
	assert_string_equal(words_ms(1500, buf), "1.5 s");
	assert_string_equal(words_ms(41000, buf), "41 s");
	assert_string_equal(words_ms(133000, buf), "2 min 13 s");
	assert_string_equal(words_ms(7980000, buf), "2 h 13 min");
	assert_string_equal(words_ms(INT64_C(273600000), buf), "3 d 4 h");
	assert_string_equal(words_bytes(12, buf), "12 B");
	assert_string_equal(words_bytes(1536 * 1024, buf), "1.5 MiB");
	assert_string_equal(words_time(0, buf), "1970-01-01 00:00:00Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_says_what_matters),
		cmocka_unit_test(test_an_empty_answer_is_no_crash),
		cmocka_unit_test(test_tsv_is_one_value_a_line),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
