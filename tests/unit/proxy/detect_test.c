#include "proxy/detect.h"

#include "base/unit.h"
#include "proxy/reply.h"

static void
expect(const char *path, bool upgrade, enum detect_kind kind,
       const char *company)
{
	struct detect d;

	detect_path(span_of(path), upgrade, &d);
	if (d.kind != kind)
		fail_msg("%s: %d instead of %d", path, d.kind, kind);
	if (company != NULL)
		unit_span_is(d.company, company);
}

static void
test_paths(void **state)
{
	expect("/", false, DETECT_FORWARD, "");
	expect("*", false, DETECT_FORWARD, "");
	expect("", false, DETECT_FORWARD, "");
	expect("/acme/j.php", false, DETECT_FORWARD, "acme");
	expect("/WBXService/XMLService", false, DETECT_FORWARD, "WBXService");
	expect("/acme/detectbackup", false, DETECT_BACKUP, "acme");
	expect("/acme/detectbackup.php", false, DETECT_BACKUP, "acme");
	expect("//acme//detectbackup", false, DETECT_BACKUP, "acme");
	expect("/%61cme/detect%62ackup", false, DETECT_BACKUP, "acme");
	expect("/acme/detectbackup/", false, DETECT_FORWARD, "acme");
	expect("/acme/detectbackup.php/x", false, DETECT_FORWARD, "acme");
	expect("/acme/x/detectbackup", false, DETECT_FORWARD, "acme");
	expect("/detectbackup", false, DETECT_FORWARD, NULL);
	expect("/a/d%zz", false, DETECT_BAD, NULL);
}

/* However it is written, nobody reaches it from outside. */
static void
test_private(void **state)
{
	static const char *const paths[] = {
		"/gsb",         "/gsb/lease", "/GSB/lease",      "//gsb/lease",
		"/%67sb/lease", "/g%73%62/x", "///%67%73%62//y",
	};
	static const char *const bad[] = { "/./gsb/lease", "/a/../gsb/lease",
					   "/%2e/gsb",     "/a/%2e%2e/gsb/x",
					   "/%00/gsb",     "/gsb%2flease",
					   "/a/b/..",      "/a/b%2fc",
					   "/a/.",         "/a/%zz" };

	for (size_t i = 0; i < UNIT_COUNT(paths); i++)
		expect(paths[i], false, DETECT_PRIVATE, NULL);
	for (size_t i = 0; i < UNIT_COUNT(bad); i++)
		expect(bad[i], false, DETECT_BAD, NULL);
	expect("/gsbx/lease", false, DETECT_FORWARD, "gsbx");
	expect("/acme/gsb/lease", false, DETECT_FORWARD, "acme");
	expect("/acme/.x/..y/a%20b", false, DETECT_FORWARD, "acme");
}

static void
test_rooms(void **state)
{
	struct detect d;

	expect("/acme/ws/P/12", true, DETECT_ROOM, "acme");
	expect("/acme/ws/P/12", false, DETECT_FORWARD, "acme");
	expect("/acme/ws/p/12", true, DETECT_FORWARD, "acme");
	expect("/acme/ws/X/12", true, DETECT_FORWARD, "acme");
	expect("/acme/ws/P", true, DETECT_FORWARD, "acme");
	expect("/acme/ws/P/12/x", true, DETECT_FORWARD, "acme");
	detect_path(span_of("/acme/ws/B/12"), true, &d);
	assert_int_equal(d.letter, ROUTE_BACKUP);
}

static void
test_forms(void **state)
{
	assert_int_equal(reply_form_of(span_of("/WBXService/XMLService")),
			 REPLY_XML);
	assert_int_equal(reply_form_of(span_of("/wbxservice/x")), REPLY_XML);
	assert_int_equal(reply_form_of(span_of("/v1")), REPLY_JSON);
	assert_int_equal(reply_form_of(span_of("/v1/meetings")), REPLY_JSON);
	assert_int_equal(reply_form_of(span_of("/v10")), REPLY_PLAIN);
	assert_int_equal(reply_form_of(span_of("/acme/v1/")), REPLY_PLAIN);
	assert_int_equal(reply_form_of(span_of("")), REPLY_PLAIN);
}

/* Literally what the site would write (site-api.md 1). */
static void
test_xml(void **state)
{
	struct reply r = { .status = 503,
			   .form = REPLY_XML,
			   .why = "Not a valid session ticket",
			   .active = ROUTE_BACKUP };
	STRBUF_AUTO out = { 0 };

	reply_body(&r, &out);
	assert_string_equal(
	    out.at,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<serv:message "
	    "xmlns:serv=\"http://www.webex.com/schemas/2002/06/service\" "
	    "xmlns:com=\"http://www.webex.com/schemas/2002/06/common\" "
	    "xmlns:use=\"http://www.webex.com/schemas/2002/06/service/user\">"
	    "<serv:header><serv:response><serv:result>FAILURE</serv:result>"
	    "<serv:reason>Not a valid session ticket</serv:reason>"
	    "<serv:gsbStatus>BACKUP</serv:gsbStatus>"
	    "<serv:exceptionID>000000</serv:exceptionID></serv:response>"
	    "</serv:header><serv:body><serv:bodyContent/></serv:body>"
	    "</serv:message>");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths), cmocka_unit_test(test_private),
		cmocka_unit_test(test_rooms), cmocka_unit_test(test_forms),
		cmocka_unit_test(test_xml),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
