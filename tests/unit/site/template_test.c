#include "site/template.h"

#include "base/unit.h"

#include <string.h>

#include "site/page_files.h"

static struct span
find(void *ctx, struct span name)
{
	if (span_is(name, "inner"))
		return span_of("<{{name}}>");
	for (const struct page_file *f = page_files; f->name != NULL; f++)
		if (span_is(name, f->name) || span_is(name, "page"))
			return span_make(f->text, f->len);
	return (struct span){ 0 };
}

static void
assert_made(const char *text, const char *data, const char *expected)
{
	JSON_AUTO j = json_read(span_of(data), NULL);
	STRBUF_AUTO out = { 0 };

	template_render(span_of(text), j, find, NULL, &out);
	assert_string_equal(strbuf_text(&out), expected);
}

static void
test_values_are_escaped(void **state)
{
	assert_made("{{a}}", "{\"a\":\"<a b=\\\"c\\\">'&\xc3\xa4\"}",
		    "&lt;a b=&quot;c&quot;&gt;&#39;&amp;\xc3\xa4");
	assert_made("x{{a}}y{{b}}{{c}}z", "{\"a\":7,\"b\":true,\"c\":null}",
		    "x7ytruez");
	assert_made("{{a}}", "{\"a\":\"{{b}}\",\"b\":\"no\"}", "{{b}}");
}

static void
test_sections(void **state)
{
	const char *list = "{\"l\":[{\"name\":\"a\"},{\"name\":\"<\"},{}],"
			   "\"name\":\"out\",\"no\":false,\"e\":[],\"t\":\"\"}";

	assert_made("{{#l}}({{name}}){{/l}}", list, "(a)(&lt;)(out)");
	assert_made("{{#l}}{{#name}}{{.}}{{/name}}{{/l}}", list, "a&lt;out");
	assert_made("{{#no}}1{{/no}}{{^no}}2{{/no}}", list, "2");
	assert_made("{{#e}}1{{/e}}{{#t}}1{{/t}}{{#x}}1{{/x}}", list, "");
	assert_made("{{^e}}1{{/e}}{{^t}}2{{/t}}{{^x}}3{{/x}}", list, "123");
	assert_made("{{#l}}{{#l}}x{{/l}}{{/l}}", list, "xxxxxxxxx");
	assert_made("{{#l}}{{>inner}}{{/l}}", list, "<a><&lt;><out>");
}

/* Every section ends, every partial is there. */
static void
test_all_templates_are_whole(void **state)
{
	JSON_AUTO j = json_object();
	STRBUF_AUTO out = { 0 };

	for (const struct page_file *f = page_files; f->name != NULL; f++) {
		if (!span_ends(span_of(f->name), ".html") ||
		    strcmp(f->name, "layout.html") == 0)
			continue;
		template_render(span_make(f->text, f->len), j, find, NULL,
				&out);
		assert_null(strstr(strbuf_text(&out), "{{"));
		strbuf_reset(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_are_escaped),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_all_templates_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
