#include "http/head.h"

#include "base/unit.h"

#define GET "GET /a HTTP/1.1\r\n"
#define HOST "Host: h\r\n"

/* The request must be read; the head ends where the text ends. */
static void
reads(struct http_head *h, const char *text)
{
	struct http_fault fault = { 0 };
	size_t scanned = 0;
	size_t n = http_head_end(text, strlen(text), &scanned);

	if (n != strlen(text))
		fail_msg("the head of \"%s\" ends at %zu", text, n);
	if (http_request_parse(h, text, n, NULL, &fault) < 0)
		fail_msg("\"%s\": %d %s", text, fault.status, fault.what);
}

static void
test_request(void **state)
{
	struct http_head h;

	reads(&h, "POST /acme/x?y=1?2 HTTP/1.1\r\nHost: Example.com:81\r\n"
		  "content-length: 12\r\nX-Own:\t a b \t\r\nEmpty:\r\n\r\n");
	assert_int_equal(h.method, HTTP_POST);
	unit_span_is(h.method_text, "POST");
	unit_span_is(h.target, "/acme/x?y=1?2");
	unit_span_is(h.path, "/acme/x");
	unit_span_is(h.query, "y=1?2");
	unit_span_is(h.host, "Example.com:81");
	assert_int_equal(h.form, HTTP_FORM_ORIGIN);
	assert_int_equal(h.minor, 1);
	assert_int_equal(h.body, HTTP_BODY_LENGTH);
	assert_int_equal(h.length, 12);
	assert_true(h.keep_alive);
	assert_false(h.websocket);
	assert_null(h.upgrade.at);
	assert_int_equal(h.nfields, 4);
	assert_int_equal(h.fields[1].id, HTTP_FIELD_CONTENT_LENGTH);
	unit_span_is(h.fields[1].name, "content-length");
	unit_span_is(h.fields[2].value, "a b");
	unit_span_is(h.fields[3].value, "");
	unit_span_is(http_head_find(&h, HTTP_FIELD_HOST), "Example.com:81");
	unit_span_is(http_head_named(&h, "x-own"), "a b");
	assert_null(http_head_named(&h, "x-other").at);
	assert_null(http_head_find(&h, HTTP_FIELD_DATE).at);
}

static void
test_targets(void **state)
{
	struct http_head h;

	reads(&h, "GET http://h:80/p?q HTTP/1.1\r\nHost: H:80\r\n\r\n");
	assert_int_equal(h.form, HTTP_FORM_ABSOLUTE);
	unit_span_is(h.path, "/p");
	unit_span_is(h.query, "q");
	unit_span_is(h.host, "H:80");
	reads(&h, "GET HTTPS://h?q HTTP/1.0\r\n\r\n");
	unit_span_is(h.path, "/");
	unit_span_is(h.query, "q");
	unit_span_is(h.host, "h");
	reads(&h, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(h.form, HTTP_FORM_ASTERISK);
	unit_span_is(h.path, "*");
	reads(&h, "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
	assert_int_equal(h.form, HTTP_FORM_AUTHORITY);
	reads(&h, "BREW /? HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(h.method, HTTP_OTHER);
	unit_span_is(h.method_text, "BREW");
	assert_non_null(h.query.at);
	assert_int_equal(h.query.len, 0);
	reads(&h, "GET /a|b{c}[d]^`?100%&\\ HTTP/1.1\r\nHost: h\r\n\r\n");
	unit_span_is(h.path, "/a|b{c}[d]^`");
}

static void
test_connections(void **state)
{
	static const struct {
		const char *text;
		bool keep_alive, names_fields;
	} cases[] = {
		{ GET HOST "\r\n", true, false },
		{ GET HOST "Connection: Close\r\n\r\n", false, false },
		{ GET HOST "Connection: Upgrade\r\n\r\n", true, false },
		{ GET HOST "Connection: upgrades\r\n\r\n", true, true },
		{ GET HOST "Connection: x, close\r\n\r\n", false, true },
		{ GET HOST "Connection: x\r\nConnection: close\r\n\r\n", false,
		  true },
		{ GET HOST "Connection: keep-alive, close\r\n\r\n", false,
		  true },
		{ "GET / HTTP/1.0\r\n\r\n", false, false },
		{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true,
		  false },
		{ "GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n",
		  false, true },
	};
	struct http_head h;

	for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
		reads(&h, cases[i].text);
		if (h.keep_alive != cases[i].keep_alive ||
		    h.names_fields != cases[i].names_fields)
			fail_msg("%s", cases[i].text);
	}
}

static void
test_upgrades_and_expectations(void **state)
{
	struct http_head h;

	reads(&h, GET HOST "Connection: keep-alive, Upgrade\r\n"
			   "Upgrade: WebSocket\r\n\r\n");
	assert_true(h.websocket);
	unit_span_is(h.upgrade, "WebSocket");
	reads(&h, GET HOST "Upgrade: websocket\r\n\r\n");
	assert_false(h.websocket);
	assert_null(h.upgrade.at);
	reads(&h, GET HOST "Connection: upgrade\r\nUpgrade: h2c, x\r\n\r\n");
	assert_false(h.websocket);
	unit_span_is(h.upgrade, "h2c, x");
	reads(&h, "GET / HTTP/1.0\r\nConnection: upgrade\r\n"
		  "Upgrade: websocket\r\n\r\n");
	assert_false(h.websocket);
	reads(&h, "POST / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
		  "Connection: upgrade\r\n\r\n");
	assert_false(h.websocket);
	reads(&h, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n"
		  "Content-Length: 1\r\n\r\n");
	assert_true(h.expect_continue);
	reads(&h, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
		  "Content-Length: 0\r\n\r\n");
	assert_false(h.expect_continue);
	reads(&h, "POST / HTTP/1.0\r\nExpect: 100-continue\r\n"
		  "Content-Length: 1\r\n\r\n");
	assert_false(h.expect_continue);
}

static void
test_bodies(void **state)
{
	struct http_head h;

	reads(&h, GET HOST "\r\n");
	assert_int_equal(h.body, HTTP_BODY_NONE);
	reads(&h, GET HOST "Transfer-Encoding: Chunked\r\n\r\n");
	assert_int_equal(h.body, HTTP_BODY_CHUNKED);
	reads(&h, GET HOST "Content-Length: 000\r\n\r\n");
	assert_int_equal(h.body, HTTP_BODY_LENGTH);
	assert_int_equal(h.length, 0);
	reads(&h, GET HOST "Content-Length: 9223372036854775807\r\n\r\n");
	assert_true(h.length == INT64_MAX);
	reads(&h, "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n"
		  "Content-Length: 0\r\n\r\n");
}

static void
test_lead(void **state)
{
	size_t scanned = 0;

	assert_int_equal(http_head_lead("\r\nGET", 5), 2);
	assert_int_equal(http_head_lead("\r", 1), 0);
	assert_int_equal(http_head_lead("GET", 3), 0);
	assert_int_equal(http_head_end("\r\n", 2, &scanned), 2);
}

/* Byte by byte the end is found at the same place, and never before. */
static void
test_the_end_is_found_incrementally(void **state)
{
	static const char text[] = "GET /a HTTP/1.1\r\nHost: h\r\nX: "
				   "0123456789012345678901234567\r\n\r\nbody";
	size_t end = sizeof(text) - 1 - 4;
	size_t step, scanned;

	for (step = 1; step < sizeof(text); step++) {
		size_t found = 0;

		scanned = 0;
		for (size_t n = step; found == 0 && n < sizeof(text) + step;
		     n += step) {
			size_t len = n < sizeof(text) ? n : sizeof(text) - 1;

			found = http_head_end(text, len, &scanned);
			assert_true(found == 0 || len >= end);
		}
		assert_int_equal(found, end);
	}
	scanned = 0;
	assert_int_equal(http_head_end("GET / HTTP/1.1\nHost", 19, &scanned),
			 15);
}

static void
response(struct http_head *h, const char *text, enum http_method method)
{
	struct http_fault fault = { 0 };

	if (http_response_parse(h, text, strlen(text), method, NULL, &fault) <
	    0)
		fail_msg("\"%s\": %d %s", text, fault.status, fault.what);
}

static void
test_responses(void **state)
{
	struct http_head h;

	response(&h, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", HTTP_GET);
	assert_int_equal(h.status, 200);
	unit_span_is(h.reason, "OK");
	assert_int_equal(h.body, HTTP_BODY_LENGTH);
	assert_int_equal(h.length, 5);
	assert_true(h.keep_alive);
	response(&h, "HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n", HTTP_HEAD);
	assert_int_equal(h.body, HTTP_BODY_NONE);
	unit_span_is(h.reason, "");
	response(&h, "HTTP/1.1 200 Gut f\xc3\xbcr\r\n\r\n", HTTP_GET);
	assert_int_equal(h.body, HTTP_BODY_UNTIL_CLOSE);
	assert_false(h.keep_alive);
	response(&h, "HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n", HTTP_GET);
	assert_int_equal(h.body, HTTP_BODY_NONE);
	response(&h, "HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n", HTTP_GET);
	assert_int_equal(h.body, HTTP_BODY_NONE);
	response(&h, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n",
		 HTTP_POST);
	assert_int_equal(h.body, HTTP_BODY_CHUNKED);
	response(&h, "HTTP/1.1 100 Continue\r\n\r\n", HTTP_POST);
	assert_int_equal(h.body, HTTP_BODY_NONE);
	assert_true(h.keep_alive);
	response(&h, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", HTTP_GET);
	assert_false(h.keep_alive);
	response(&h,
		 "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n"
		 "Connection: Upgrade\r\n\r\n",
		 HTTP_GET);
	assert_true(h.websocket);
	response(&h, "HTTP/1.1 200 Connected\r\n\r\n", HTTP_CONNECT);
	assert_int_equal(h.body, HTTP_BODY_NONE);
}

static void
test_limits(void **state)
{
	struct http_limits few = { 60, 10, 2 };
	struct http_fault fault;
	struct http_head h;
	const char *text = "GET /0123456789 HTTP/1.1\r\nHost: h\r\n\r\n";

	assert_int_equal(
	    http_request_parse(&h, text, strlen(text), &few, &fault), -1);
	assert_int_equal(fault.status, 414);
	text = "GET /012345678 HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
	assert_int_equal(
	    http_request_parse(&h, text, strlen(text), &few, &fault), 0);
	text = "GET /012345678 HTTP/1.1\r\nHost: h\r\nA: b\r\nC: d\r\n\r\n";
	assert_int_equal(
	    http_request_parse(&h, text, strlen(text), &few, &fault), -1);
	assert_int_equal(fault.status, 431);
	text = "GET /0 HTTP/1.1\r\nHost: h\r\nA: 0123456789012345678901234"
	       "567890\r\n\r\n";
	assert_int_equal(
	    http_request_parse(&h, text, strlen(text), &few, &fault), -1);
	assert_int_equal(fault.status, 431);
}

static void
test_many_fields(void **state)
{
	char text[2048] = "GET / HTTP/1.1\r\nHost: h\r\n";
	size_t n = strlen(text);
	struct http_fault fault;
	struct http_head h;

	for (int i = 1; i < HTTP_FIELDS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "A: b\r\n");
	memcpy(text + n, "\r\n", 3);
	assert_int_equal(http_request_parse(&h, text, n + 2, NULL, &fault), 0);
	assert_int_equal(h.nfields, HTTP_FIELDS_MAX);
	memcpy(text + n, "A: b\r\n\r\n", 9);
	assert_int_equal(http_request_parse(&h, text, n + 8, NULL, &fault), -1);
	assert_int_equal(fault.status, 431);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_upgrades_and_expectations),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_lead),
		cmocka_unit_test(test_the_end_is_found_incrementally),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_many_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
