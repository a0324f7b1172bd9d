#include "base/xml.h"

#include "base/unit.h"
#include "base/utf8.h"

static int
with_arena(void **state)
{
	*state = arena_new();
	return 0;
}

static int
without_arena(void **state)
{
	arena_free((struct arena **)state);
	return 0;
}

static struct xml_node *
reads(struct arena *a, const char *text)
{
	struct err e = { 0 };
	struct xml_node *n = xml_parse(span_of(text), &XML_LIMITS_DEFAULT, a,
				       &e);

	if (n == NULL)
		fail_msg("%s: %s", text, err_text(&e));
	return n;
}

static void
test_names_and_text(void **state)
{
	struct xml_node *n = reads(
	    *state,
	    "<serv:message xmlns:serv='urn:x'>"
	    "<header><securityContext><webExID> ann </webExID>"
	    "</securityContext></header>"
	    "<serv:body><com:bodyContent xsi:type='java:x.CreateMeeting' "
	    "n='2'><a>1</a><b/><A>2</A> tail</com:bodyContent>"
	    "</serv:body></serv:message>");
	struct xml_node *body;

	assert_string_equal(n->name, "message");
	assert_string_equal(n->prefix, "serv");
	assert_string_equal(
	    xml_text(xml_path(n, "HEADER/securitycontext/webexid")), "ann");
	body = xml_path(n, "body/bodyContent");
	assert_string_equal(body->prefix, "com");
	assert_string_equal(xml_attr(body, "type"), "java:x.CreateMeeting");
	assert_string_equal(body->attrs[0].prefix, "xsi");
	assert_string_equal(xml_attr(body, "N"), "2");
	assert_null(xml_attr(body, "m"));
	assert_string_equal(body->text, "tail");
	assert_string_equal(xml_text(xml_child(body, "a")), "1");
	assert_string_equal(xml_text(xml_next(xml_child(body, "a"), "a")), "2");
	assert_null(xml_next(xml_next(xml_child(body, "a"), "a"), "a"));
	assert_null(xml_child_text(body, "b"));
	assert_string_equal(xml_child_text(body, "a"), "1");
	assert_ptr_equal(body->parent->parent, n);
	assert_string_equal(xml_text(NULL), "");
	assert_null(xml_child(NULL, "x"));
	assert_null(xml_path(n, "body/nothing/x"));
}

static void
test_shapes_that_occur(void **state)
{
	assert_string_equal(reads(*state, "\xef\xbb\xbf \r\n\t<?xml "
					  "version=\"1.0\"?>\n<m/>\n")
				->name,
			    "m");
	assert_string_equal(reads(*state, "\n\n<m>&lt;&#228;<![CDATA[<&]]>"
					  "</m>")
				->text,
			    "<ä<&");
	assert_string_equal(reads(*state, "<?xml version=\"1.0\" "
					  "encoding=\"ISO-8859-1\"?><m>\xe4"
					  "</m>")
				->text,
			    "ä");
	assert_string_equal(reads(*state, "<a:b:c/>")->name, "b:c");
	assert_string_equal(reads(*state, "<m>a<x/>b<!-- no --> c</m>")->text,
			    "ab c");
	assert_int_equal(xml_child(reads(*state, "\n<m>\n<x/></m>"), "x")->line,
			 3);
}

static void
refuses(struct arena *a, const char *text, enum err_code code, const char *part)
{
	struct xml_limits limits = { 200, 5, 10, 2 };
	struct err e = { 0 };
	struct xml_node *n = xml_parse(span_of(text), &limits, a, &e);

	unit_fails(n == NULL ? -1 : 0, &e, part);
	assert_int_equal(e.code, code);
}

static void
test_refused(void **state)
{
	struct arena *a = *state;

	refuses(a, "", ERR_INVALID, "empty");
	refuses(a, " \n ", ERR_INVALID, "empty");
	refuses(a, "hello", ERR_INVALID, "line 1 column 1: ");
	refuses(a, "<a>\n<b></a>", ERR_INVALID, "line 2 column 6: mismatched");
	refuses(a, "\n\n<a>", ERR_INVALID, "line 3");
	refuses(a, "<a>&nbsp;</a>", ERR_INVALID, "undefined entity");
	refuses(a, "<a>\xff</a>", ERR_INVALID, "not well-formed");
	refuses(a, "<a/><b/>", ERR_INVALID, "junk after document");
	refuses(a, "<a b='1' b='2'/>", ERR_INVALID, "duplicate attribute");
	refuses(a, "<?xml version='1.0' encoding='x-unknown'?><a/>",
		ERR_INVALID, "unknown encoding");
	refuses(a, "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", ERR_REFUSED,
		"DOCTYPE is not accepted");
	refuses(a, "<a><b><c><d><e><f/></e></d></c></b></a>", ERR_LIMIT,
		"too deep");
	refuses(a, "<a><b/><b/><b/><b/><b/><b/><b/><b/><b/><b/></a>", ERR_LIMIT,
		"too many elements");
	refuses(a, "<a x='1' y='2' z='3'/>", ERR_LIMIT, "too many attributes");
	refuses(a,
		"<a>0123456789012345678901234567890123456789012345678901234567"
		"01234567890123456789012345678901234567890123456789012345678901"
		"01234567890123456789012345678901234567890123456789012345678901"
		"01234567890123456789012345678901234567890</a>",
		ERR_LIMIT, "at most 200");
}

/* The reader is used again: what came before has no part in what comes. */
static void
test_documents_do_not_meet(void **state)
{
	static const char *const before[] = {
		"<?xml version='1.0' encoding='ISO-8859-1'?><a b='\xe9'/>",
		"<?xml version='1.0' encoding='x-unknown'?><a/>",
		"\xff\xfe<\0a\0",
		"<x:a xmlns:x='u'><b><c>text",
		"<a><![CDATA[ open",
		"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
		"<a b='1' b='2'/>",
		"hello",
	};
	struct arena *a = *state;
	STRBUF_AUTO large = { 0 };

	for (size_t i = 0; i < UNIT_COUNT(before); i++) {
		struct err e = { 0 };
		struct xml_node *n = xml_parse(span_of(before[i]),
					       &XML_LIMITS_DEFAULT, a, &e);

		assert_true(i == 0 ? n != NULL : n == NULL);
		n = reads(a, "\n<a c='\xc3\xa9'> \xc3\xa9 <b/></a>");
		assert_string_equal(n->text, "\xc3\xa9");
		assert_int_equal(n->line, 2);
		assert_int_equal(n->nattrs, 1);
		assert_string_equal(xml_attr(n, "c"), "\xc3\xa9");
		assert_null(n->first->next);
		refuses(a, "<a>&x;</a>", ERR_INVALID, "undefined entity");
	}
	strbuf_adds(&large, "<a>");
	while (large.len < 100000)
		strbuf_adds(&large, "<b>0123456789</b>");
	strbuf_adds(&large, "</a>");
	assert_non_null(reads(a, strbuf_text(&large))->first);
	assert_string_equal(reads(a, "<a>0</a>")->text, "0");
}

static void
test_limits_admit_their_value(void **state)
{
	struct xml_limits limits = { 200, 3, 4, 2 };
	struct err e = { 0 };

	assert_non_null(xml_parse(span_of("<a x='1' y='2'><b><c/></b><d/></a>"),
				  &limits, *state, &e));
}

static void
test_writer(void **state)
{
	static const char *const attrs[] = { "xsi:type", "a\"<\n\t", "x", "",
					     NULL };
	STRBUF_AUTO sb = { 0 };

	xml_start(&sb);
	xml_open_attrs(&sb, "serv:message", attrs);
	xml_open(&sb, "b");
	xml_leaf(&sb, "t", "<&>\"'\r\n\t");
	xml_leaf(&sb, "e", "");
	xml_leaf(&sb, "n", NULL);
	xml_leaf_int(&sb, "i", -7);
	xml_close(&sb, "b");
	xml_close(&sb, "serv:message");
	assert_string_equal(
	    strbuf_text(&sb),
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<serv:message xsi:type=\"a&quot;&lt;&#10;&#9;\" x=\"\"><b>"
	    "<t>&lt;&amp;&gt;&quot;&apos;&#13;\n\t</t><e/><n/><i>-7</i></b>"
	    "</serv:message>");
}

/* Any bytes, written and read again: what is valid comes back as it was. */
static void
test_any_bytes_survive(void **state)
{
	uint32_t seed = 1;

	for (int round = 0; round < 2000; round++) {
		STRBUF_AUTO sb = { 0 };
		char raw[40];
		size_t n = (size_t)round % sizeof(raw);

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1664525 + 1013904223;
			raw[i] = (char)(seed >> 24);
		}
		xml_open(&sb, "a");
		xml_escape(&sb, span_make(raw, n));
		xml_close(&sb, "a");
		assert_true(utf8_valid(strbuf_span(&sb)));
		reads(*state, strbuf_text(&sb));
	}
	{
		STRBUF_AUTO sb = { 0 };

		xml_leaf(&sb, "a", "Grüße <&> \r\n 世界 \"'");
		assert_string_equal(reads(*state, strbuf_text(&sb))->text,
				    "Grüße <&> \r\n 世界 \"'");
		strbuf_reset(&sb);
		xml_leaf(&sb, "a", "\x01\xef\xbf\xbf");
		assert_string_equal(strbuf_text(&sb),
				    "<a>" UTF8_REPLACEMENT UTF8_REPLACEMENT
				    "</a>");
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, with_arena, without_arena)
	const struct CMUnitTest tests[] = {
		TEST(test_names_and_text),
		TEST(test_shapes_that_occur),
		TEST(test_refused),
		TEST(test_limits_admit_their_value),
		TEST(test_documents_do_not_meet),
		TEST(test_writer),
		TEST(test_any_bytes_survive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
