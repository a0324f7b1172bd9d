#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/url.h"
#include "site/xmlapi_request.h"
#include "site/xmlvalue.h"

#define CREATE "java:com.webex.service.binding.meeting.CreateMeeting"

static struct arena *arena;
static struct xmlapi_request request;
static struct err fault;

static int
read_text(const char *text)
{
	return xmlapi_request_read(span_of(text), arena, &request, &fault);
}

static int
setup(void **state)
{
	arena = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	arena_free(&arena);
	return 0;
}

static void
assert_the_usual(void)
{
	assert_string_equal(request.service, "meeting");
	assert_true(span_iis(span_of(request.operation), "CreateMeeting"));
	assert_string_equal(request.security.webex_id, "hans");
	assert_string_equal(request.security.password, "p&s");
	assert_string_equal(request.security.site_name, "acme");
	assert_string_equal(
	    xml_text(xml_path(request.body, "metaData/confName")), "Team");
}

#define BODY(type)                                                          \
	"<body><bodyContent xsi:type=\"" type "\"><metaData><confName>Team" \
	"</confName></metaData></bodyContent></body>"
#define HEADER                                                              \
	"<header><securityContext><webExID>hans</webExID><password>p&amp;s" \
	"</password><siteID></siteID><siteName>acme</siteName>"             \
	"</securityContext></header>"

static void
test_every_shape_is_the_same(void **state)
{
	static const char *const shapes[] = {
		/* declared, not declared, default namespace, messageType */
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?><serv:message "
		"xmlns:serv=\"http://www.webex.com/schemas/2002/06/service\" "
		"xmlns:xsi=\"http://www.w3.org/2001/"
		"XMLSchema-instance\">" HEADER BODY(CREATE) "</serv:message>",
		"<serv:message>" HEADER BODY(CREATE) "</serv:message>",
		"<message xmlns=\"x\">" HEADER BODY(CREATE) "</message>",
		"<serv:messageType>" HEADER BODY(CREATE) "</serv:messageType>",
		"<serv:message>" HEADER BODY("java: "
					     "com.webex.service.binding."
					     "meeting.CreateMeeting") "</"
								      "serv:"
								      "message"
								      ">",
		"<serv:message>" HEADER BODY(
		    "meet:createMeeting") "</serv:message>",
		" \r\n\xef\xbb\xbf<?xml version=\"1.0\" "
		"encoding=\"ISO-8859-1\"?><message>" HEADER BODY(
		    CREATE) "</message>",
		/* fully qualified, and in another case */
		"<serv:message><serv:header><serv:securityContext>"
		"<com:webExId>hans</com:webExId><com:password>p&amp;s"
		"</com:password><com:SITENAME>acme</com:SITENAME>"
		"</serv:securityContext></serv:header><serv:body>"
		"<serv:bodyContent xsi:type=\"" CREATE "\"><meet:metaData>"
		"<meet:confName>Team</meet:confName></meet:metaData>"
		"</serv:bodyContent></serv:body></serv:message>",
		/* a form with the raw document */
		"XML=<message>" HEADER BODY(CREATE) "</message>",
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		assert_int_equal(read_text(shapes[i]), 0);
		assert_the_usual();
		assert_int_equal(request.security.site_id, 0);
	}
}

static void
test_form_with_encoded_document(void **state)
{
	STRBUF_AUTO sb = { 0 };

	strbuf_adds(&sb, "UID=hans&PWD=p%26s&SID=4711&PID=g0&xml=");
	url_encode(span_of("<message><header><securityContext><siteName>acme"
			   "</siteName></securityContext></header>" BODY(
			       CREATE) "</message>"),
		   &sb);
	assert_int_equal(read_text(strbuf_text(&sb)), 0);
	assert_the_usual();
	assert_int_equal(request.security.site_id, 4711);
	assert_string_equal(request.security.partner_id, "g0");
}

static void
test_latin1_becomes_utf8(void **state)
{
	assert_int_equal(
	    read_text("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>"
		      "<message><body><bodyContent xsi:type=\"use:getUser\">"
		      "<webExId>m\xfcller</webExId></bodyContent></body>"
		      "</message>"),
	    0);
	assert_string_equal(xml_child_text(request.body, "webExId"),
			    "m\xc3\xbcller");
	assert_string_equal(request.service, "user");
	assert_string_equal(request.operation, "getUser");
}

static void
test_bad_input_says_what(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "", "empty body" },
		{ "   ", "empty body" },
		{ "hello", "neither an XML document" },
		{ "XML=", "neither an XML document" },
		{ "XML=%zz", "form" },
		{ "<html><body/></html>", "root element <html>" },
		{ "<message><body/></message>", "bodyContent" },
		{ "<message><body><bodyContent/></body></message>",
		  "xsi:type" },
		{ "<message><body><bodyContent xsi:type=\"meet:\"/></body>"
		  "</message>",
		  "names no operation" },
		{ "<!DOCTYPE a [<!ENTITY b \"c\">]><message>&b;</message>",
		  "validation" },
		{ "<message><body>", "line" },
		{ "<message><header><securityContext><siteID>12x</siteID>"
		  "</securityContext></header>" BODY(CREATE) "</message>",
		  "siteID \"12x\"" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(read_text(rows[i].text), -1);
		assert_non_null(strstr(err_text(&fault), rows[i].says));
		assert_non_null(strstr(err_text(&fault), "validation"));
	}
}

static void
test_dates(void **state)
{
	static const char *const good[] = { "06/09/2019 05:04:03",
					    "6/9/2019 5:4:3",
					    " 6/9/2019  5:4:3 " };
	static const char *const bad[] = { "2019-06-09",
					   "13/01/2019 00:00:00",
					   "02/30/2020 00:00:00",
					   "6/9/2019 25:00:00",
					   "6/9/2019 5",
					   "6/9/2019 5:4:3x",
					   "",
					   "6/9/19 1:1" };
	const struct timezone_info *berlin = timezone_by_id(25);
	struct clock_civil c;
	int64_t at;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(xmlvalue_date(good[i], "d", &c, &fault), 0);
		assert_int_equal(c.month, 6);
		assert_int_equal(c.day, 9);
		assert_int_equal(c.second, 3);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(xmlvalue_date(bad[i], "d", &c, &fault), -1);
	assert_int_equal(
	    xmlvalue_instant("7/1/2026 12:00:00", "d", berlin, &at, &fault), 0);
	assert_string_equal(xmlvalue_date_text(at, berlin, arena),
			    "07/01/2026 12:00:00");
	assert_string_equal(
	    xmlvalue_date_text(at, timezone_by_id(TIMEZONE_GMT), arena),
	    "07/01/2026 10:00:00");
}

static void
test_names_and_addresses(void **state)
{
	static const char *const bad[] = { "",      "a",     "@",
					   "a@",    "@b",    "a@b@",
					   "a b@c", "a@b\n", "a@\x7f" };

	assert_int_equal(xmlvalue_email(NULL, "e", 3, &fault), 0);
	assert_int_equal(xmlvalue_email("a@b", "e", 3, &fault), 0);
	assert_int_equal(xmlvalue_email("\xc3\xa4@b", "e", 3, &fault), 0);
	assert_int_equal(xmlvalue_email("aa@b", "e", 3, &fault), -1);
	assert_non_null(strstr(err_text(&fault), "e is longer than 3"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(xmlvalue_email(bad[i], "e", 99, &fault), -1);
	assert_int_equal(xmlvalue_login("o'neil@x", "w", 8, &fault), 0);
	assert_int_equal(xmlvalue_login("o neil", "w", 8, &fault), -1);
	assert_int_equal(xmlvalue_login("o\tneil", "w", 8, &fault), -1);
	assert_int_equal(xmlvalue_login("123456789", "w", 8, &fault), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_shape_is_the_same),
		cmocka_unit_test(test_form_with_encoded_document),
		cmocka_unit_test(test_latin1_becomes_utf8),
		cmocka_unit_test(test_bad_input_says_what),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_names_and_addresses),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
