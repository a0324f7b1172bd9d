#include "base/unit.h"
#include "proxy/follow.h"

static const char good[] =
    "{'routing':'serve','active':'backup','epoch':9,'redirects':[{'company':"
    "'acme','service':'web','to':'primary','until_us':5}],'sites':{'primary':"
    "{'services':{'collab':{'serving':true}}},'backup':{'services':{'collab':"
    "{'serving':true}}}}}";

/* What is at from becomes to, and ' becomes ". */
static json_t *
status(const char *from, const char *to)
{
	char text[512];
	const char *at = from != NULL ? strstr(good, from) : NULL;
	struct err e;
	json_t *doc;

	if (at != NULL)
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good,
			 to, at + strlen(from));
	else
		snprintf(text, sizeof(text), "%s", good);
	for (char *c = text; *c != '\0'; c++)
		if (*c == '\'')
			*c = '"';
	doc = json_read(span_of(text), &e);
	assert_non_null(doc);
	return doc;
}

static void
test_what_serves_is_read(void **state)
{
	JSON_AUTO doc = status(NULL, NULL);
	struct plane_news news;

	assert_true(follow_read(doc, &news));
	assert_int_equal(news.epoch, 9);
	assert_int_equal(news.active, ROUTE_BACKUP);
	assert_true(news.rooms[ROUTE_PRIMARY] && news.rooms[ROUTE_BACKUP]);
	assert_int_equal(news.redirects.n, 1);
	assert_string_equal(news.redirects.one[0].company, "acme");
	assert_int_equal(news.redirects.one[0].to, ROUTE_PRIMARY);
}

static void
test_what_does_not_serve_is_not_followed(void **state)
{
	static const char *const changes[][2] = {
		{ "'serve'", "'hold'" }, { "'serve'", "'closed'" },
		{ "'backup'", "null" },  { ":9", ":0" },
		{ "'acme'", "7" },
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		JSON_AUTO doc = status(changes[i][0], changes[i][1]);
		struct plane_news news;

		assert_false(follow_read(doc, &news));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_serves_is_read),
		cmocka_unit_test(test_what_does_not_serve_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
