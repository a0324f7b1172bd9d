#include "proxy/rewrite.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/unit.h"

static struct http_head head;

static size_t
parse(const char *text)
{
	struct http_fault fault;
	size_t len = strlen(text);

	if (http_request_parse(&head, text, len, NULL, &fault) != 0)
		fail_msg("%s: %s", text, fault.what);
	return len;
}

static void
expect_request(const char *text, const char *want)
{
	struct rewrite in = { .head = &head,
			      .head_len = parse(text),
			      .address = "\"[::1]\"",
			      .forwarded = "X-Forwarded-For: ::1\r\n",
			      .proto = "http",
			      .id = "0123456789012345678901",
			      .stamp_us = 42 };
	char out[2048] = { 0 };
	size_t n = rewrite_request(&in, out);

	rewrite_tail(out + n, 7, ROUTE_BACKUP);
	assert_true(n + REWRITE_TAIL <= rewrite_request_size(&in));
	assert_int_equal(strlen(out), n + REWRITE_TAIL);
	assert_string_equal(out, want);
	rewrite_tail(out + n, UINT64_MAX, ROUTE_PRIMARY);
	assert_int_equal(strlen(out), n + REWRITE_TAIL);
	/* and the site reads it as it was meant */
	parse(out);
	unit_span_is(http_head_find(&head, HTTP_FIELD_GSB_EPOCH),
		     "18446744073709551615");
	unit_span_is(http_head_find(&head, HTTP_FIELD_GSB_SITE), "primary");
}

#define OURS(host)                                                  \
	"X-Forwarded-For: ::1\r\nX-Forwarded-Host: " host "\r\n"    \
	"Forwarded: for=\"[::1]\";proto=http;host=\"" host "\"\r\n" \
	"GSB-Request: 0123456789012345678901;42\r\n"                \
	"GSB-Epoch:                    7\r\nGSB-Site:  backup\r\n\r\n"

static void
test_request(void **state)
{
	expect_request("GET /a?b=c HTTP/1.1\r\nHost: h:1\r\nA: 1 \r\n"
		       "B:2\t\r\n\r\n",
		       "GET /a?b=c HTTP/1.1\r\nHost: h:1\r\nA: 1 \r\n"
		       "B:2\r\n" OURS("h:1"));
	expect_request("GET http://h HTTP/1.1\r\nHost: h\r\nA: 1\r\n\r\n",
		       "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\n" OURS("h"));
	expect_request("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
		       "OPTIONS * HTTP/1.1\r\nHost: h\r\n" OURS("h"));
	expect_request(
	    "POST /? HTTP/1.0\r\nHost: h\r\nContent-Length: 1\r\n\r\n",
	    "POST /? HTTP/1.1\r\nHost: h\r\n"
	    "Content-Length: 1\r\n" OURS("h"));
	expect_request("GET / HTTP/1.0\r\n\r\n",
		       "GET / HTTP/1.1\r\nHost: localhost\r\n"
		       "X-Forwarded-For: ::1\r\n"
		       "Forwarded: for=\"[::1]\";proto=http\r\n"
		       "GSB-Request: 0123456789012345678901;42\r\n"
		       "GSB-Epoch:                    7\r\n"
		       "GSB-Site:  backup\r\n\r\n");
}

static void
test_stripped(void **state)
{
	expect_request("PUT / HTTP/1.1\r\nConnection: close, x-a\r\n"
		       "Host: h\r\nGSB-Epoch: 1\r\ngsb-x: 1\r\nX-A: 1\r\n"
		       "X-B: 2\r\nTransfer-Encoding: chunked\r\n"
		       "Connection: X-C\r\nX-C: 3\r\nKeep-Alive: 5\r\n"
		       "TE: trailers\r\nUpgrade: h2c\r\nX-D: 4\r\n"
		       "X-Forwarded-For: 1\r\nForwarded: for=1\r\n"
		       "X-Forwarded-Host: 1\r\nX-Forwarded-Proto: 1\r\n"
		       "Proxy-Connection: x\r\nExpect: 100-continue\r\n\r\n",
		       "PUT / HTTP/1.1\r\nHost: h\r\nX-B: 2\r\nX-D: 4\r\n"
		       "Transfer-Encoding: chunked\r\n" OURS("h"));
	expect_request(
	    "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
	    "Upgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: k\r\n"
	    "Connection: Upgrade\r\nUpgrade: websocket\r\n" OURS("h"));
}

static void
expect_answer(const char *text, enum rewrite_connection connection, bool plain,
	      const char *want)
{
	struct http_fault fault;
	char out[1024] = { 0 };
	size_t n;

	if (http_response_parse(&head, text, strlen(text), HTTP_GET, NULL,
				&fault) != 0)
		fail_msg("%s", fault.what);
	n = rewrite_answer(&head, connection, plain, out);
	assert_int_equal(n, strlen(want));
	assert_string_equal(out, want);
	assert_true(n <= rewrite_answer_size(&head, strlen(text)));
}

static void
test_answer(void **state)
{
	expect_answer("HTTP/1.0 404 Not Here\r\nA: 1\r\nGSB-Outcome: x\r\n"
		      "X-GSB-Status: PRIMARY\r\nKeep-Alive: 1\r\n\r\n",
		      REWRITE_CLOSE, false,
		      "HTTP/1.1 404 Not Here\r\nA: 1\r\n"
		      "X-GSB-Status: PRIMARY\r\nConnection: close\r\n\r\n");
	expect_answer("HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n",
		      REWRITE_SILENT, false,
		      "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n");
	expect_answer("HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n",
		      REWRITE_KEEP, true,
		      "HTTP/1.1 200 \r\nConnection: keep-alive\r\n\r\n");
	expect_answer("HTTP/1.1 101 Go\r\nUpgrade: websocket\r\n"
		      "Connection: upgrade\r\nB: 2\r\n\r\n",
		      REWRITE_UPGRADE, false,
		      "HTTP/1.1 101 Go\r\nB: 2\r\nConnection: Upgrade\r\n"
		      "Upgrade: websocket\r\n\r\n");
}

static void
test_number(void **state)
{
	char out[21] = { 0 };

	assert_int_equal(rewrite_number(0, out), 1);
	assert_int_equal(out[0], '0');
	assert_int_equal(rewrite_number(UINT64_MAX, out), 20);
	assert_string_equal(out, "18446744073709551615");
	for (uint64_t ten = 1; ten <= UINT64_MAX / 10; ten *= 10)
		for (uint64_t n = ten - 1; n <= ten + 1; n++) {
			char want[21];
			int len = snprintf(want, sizeof(want), "%" PRIu64, n);

			assert_int_equal(rewrite_number(n, out), len);
			assert_memory_equal(out, want, (size_t)len);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_stripped),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
