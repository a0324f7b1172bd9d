#include "site/form.h"
#include "site/jsonapi.h"

#include "base/unit.h"

#include <string.h>

#include "base/strbuf.h"

#define MINUTE INT64_C(60000000)
#define START INT64_C(1900000000000000)

static void
test_the_state_follows_row_and_clock(void **state)
{
	struct meeting m = { .state = "scheduled",
			     .starts_us = START,
			     .duration = 30 };

	assert_string_equal(jsonapi_state(&m, START - 15 * MINUTE - 1),
			    "scheduled");
	assert_string_equal(jsonapi_state(&m, START - 15 * MINUTE), "ready");
	assert_string_equal(jsonapi_state(&m, START + 30 * MINUTE - 1),
			    "ready");
	assert_string_equal(jsonapi_state(&m, START + 30 * MINUTE), "missed");
	m.state = "in_progress";
	assert_string_equal(jsonapi_state(&m, START + 90 * MINUTE),
			    "inProgress");
	m.state = "ended";
	assert_string_equal(jsonapi_state(&m, START), "ended");
}

static void
test_texts_are_counted_in_characters(void **state)
{
	JSON_AUTO body = json_read(span_of("{\"a\":\"\xc3\xa4\xc3\xb6\","
					   "\"b\":1}"),
				   NULL);
	const char *text = NULL;
	struct err e = { 0 };

	assert_int_equal(jsonapi_text(body, "a", 2, &text, &e), 1);
	assert_int_equal(strlen(text), 4);
	assert_int_equal(jsonapi_text(body, "a", 1, &text, &e), -1);
	assert_non_null(strstr(e.text, "a must have at most 1"));
	assert_int_equal(jsonapi_text(body, "b", 9, &text, &e), -1);
	assert_int_equal(jsonapi_text(body, "c", 9, &text, &e), 0);
}

static void
test_instants(void **state)
{
	struct err e = { 0 };
	int64_t us;

	assert_int_equal(
	    jsonapi_instant("start", "2030-03-17T17:46:40Z", &us, &e), 0);
	assert_int_equal(us, START);
	assert_int_equal(jsonapi_instant("start", "2030-03-17", &us, &e), -1);
	assert_non_null(strstr(e.text, "start must be a time"));
}

static void
test_a_failure_says_it_three_ways(void **state)
{
	JSON_AUTO j = form_json_failure("no", "T1");
	STRBUF_AUTO out = { 0 };

	json_write(j, JSON_AS_MADE, &out);
	assert_string_equal(strbuf_text(&out),
			    "{\"message\":\"no\",\"errors\":[{\"description\":"
			    "\"no\"}],\"trackingId\":\"T1\"}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_state_follows_row_and_clock),
		cmocka_unit_test(test_texts_are_counted_in_characters),
		cmocka_unit_test(test_instants),
		cmocka_unit_test(test_a_failure_says_it_three_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
