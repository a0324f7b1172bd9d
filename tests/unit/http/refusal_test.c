/*
 * What must be refused, by family: each row is a way in which two readers
 * could take one message differently, or a malformed message.
 */
#include "base/unit.h"
#include "http/head.h"

struct row {
	const char *text;
	size_t len; /* 0: up to its NUL */
	int status;
	const char *what;
};

#define GET "GET /a HTTP/1.1\r\n"
#define HOST "Host: h\r\n"
#define REQ GET HOST
#define ROW(text, status, what)                      \
	{                                            \
		text, sizeof(text) - 1, status, what \
	}

static const struct row line_ends[] = {
	ROW("GET / HTTP/1.1\nHost: h\n\n", 400, "bare LF"),
	ROW("GET / HTTP/1.1\r\nHost: h\n\r\n", 400, "bare LF"),
	ROW(REQ "A: b\n\n", 400, "bare LF"),
	ROW(REQ "A: b\n\r\n", 400, "bare LF"),
	ROW(REQ "\n\r\n", 400, "bare LF"),
	ROW(REQ "A: b\rC: d\r\n\r\n", 400, "bare CR"),
	ROW("GET / HTTP/1.1\rHost: h\r\n\r\n", 400, "bare CR"),
	ROW(REQ "A: b\r\r\n\r\n", 400, "bare CR"),
	ROW(REQ "\r\r\n\r\n", 400, "bare CR"),
	ROW(REQ "A\rB: b\r\n\r\n", 400, "field name"),
	ROW(REQ "A\n: b\r\n\r\n", 400, "bare LF"),
	ROW("\r\n", 400, "does not begin with a method"),
	ROW(REQ "A: b\r\n c\r\n\r\n", 400, "folded"),
	ROW(REQ "A: b\r\n\tc\r\n\r\n", 400, "folded"),
	ROW(GET " Host: h\r\n\r\n", 400, "folded"),
};

static const struct row request_lines[] = {
	ROW("GET /\r\n\r\n", 400, "no HTTP version"),
	ROW("GET\r\n\r\n", 400, "no single blank after the method"),
	ROW("GET  / HTTP/1.1\r\n" HOST "\r\n", 400, "empty"),
	ROW("GET /  HTTP/1.1\r\n" HOST "\r\n", 400, "version is malformed"),
	ROW("GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400, "no single blank"),
	ROW("GET /\tHTTP/1.1\r\n" HOST "\r\n", 400, "request target"),
	ROW(" GET / HTTP/1.1\r\n" HOST "\r\n", 400, "begin with a method"),
	ROW("GET / HTTP/1.1 \r\n" HOST "\r\n", 400, "control character"),
	ROW("G(T / HTTP/1.1\r\n" HOST "\r\n", 400, "no single blank"),
	ROW("G\0T / HTTP/1.1\r\n" HOST "\r\n", 400, "no single blank"),
	ROW("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n" HOST "\r\n", 501,
	    "method is too long"),
	ROW("GET / HTTP/1.2\r\n" HOST "\r\n", 505, "only HTTP/1.0"),
	ROW("GET / HTTP/2.0\r\n" HOST "\r\n", 505, "only HTTP/1.0"),
	ROW("PRI * HTTP/2.0\r\n\r\n", 505, "only HTTP/1.0"),
	ROW("GET / HTTP/0.9\r\n\r\n", 505, "only HTTP/1.0"),
	ROW("GET / http/1.1\r\n" HOST "\r\n", 400, "malformed"),
	ROW("GET / HTTP/1.10\r\n" HOST "\r\n", 400, "control character"),
	ROW("GET / HTTP/11\r\n" HOST "\r\n", 400, "malformed"),
	ROW("GET / HTTP/01.1\r\n" HOST "\r\n", 400, "malformed"),
	ROW("GET / HTTP/1.\r\n\r\n", 400, "malformed"),
	ROW("GET / HTTP/1.1", 400, "bare CR"),
	ROW("GET / XTTP/1.1\r\n" HOST "\r\n", 400, "malformed"),
};

static const struct row targets[] = {
	ROW("GET a HTTP/1.1\r\n" HOST "\r\n", 400, "neither a path"),
	ROW("GET * HTTP/1.1\r\n" HOST "\r\n", 400, "for OPTIONS alone"),
	ROW("GET h:80 HTTP/1.1\r\n" HOST "\r\n", 400, "neither a path"),
	ROW("GET ftp://h/ HTTP/1.1\r\n" HOST "\r\n", 400, "neither a path"),
	ROW("GET http:/a HTTP/1.1\r\n" HOST "\r\n", 400, "neither a path"),
	ROW("GET http:///a HTTP/1.1\r\n" HOST "\r\n", 400, "invalid host"),
	ROW("GET http://u@h/ HTTP/1.1\r\n" HOST "\r\n", 400, "invalid host"),
	ROW("GET http://g/ HTTP/1.1\r\n" HOST "\r\n", 400, "Host differs"),
	ROW("GET http://h:80/ HTTP/1.1\r\n" HOST "\r\n", 400, "Host differs"),
	ROW("CONNECT / HTTP/1.1\r\n" HOST "\r\n", 400, "host:port"),
	ROW("CONNECT h HTTP/1.1\r\n" HOST "\r\n", 400, "host:port"),
	ROW("CONNECT h: HTTP/1.1\r\n" HOST "\r\n", 400, "host:port"),
	ROW("CONNECT [::1] HTTP/1.1\r\n" HOST "\r\n", 400, "host:port"),
	ROW("CONNECT h:1 HTTP/1.1\r\n" HOST "\r\n", 400, "Host differs"),
	ROW("GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400, "request target"),
	ROW("GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", 400, "request target"),
	ROW("GET /\x01 HTTP/1.1\r\n" HOST "\r\n", 400, "request target"),
	ROW("GET /\0 HTTP/1.1\r\n" HOST "\r\n", 400, "request target"),
	ROW("GET /\x7f HTTP/1.1\r\n" HOST "\r\n", 400, "request target"),
	ROW("GET /<a> HTTP/1.1\r\n" HOST "\r\n", 400, "request target"),
	ROW("GET /a\"b HTTP/1.1\r\n" HOST "\r\n", 400, "request target"),
	ROW("GET /a\\b HTTP/1.1\r\n" HOST "\r\n", 400, "backslash"),
};

static const struct row fields[] = {
	ROW(REQ "A : b\r\n\r\n", 400, "blank before the colon"),
	ROW(REQ "A\t: b\r\n\r\n", 400, "blank before the colon"),
	ROW(REQ "Content-Length : 1\r\n\r\n", 400, "blank before the colon"),
	ROW(REQ ": b\r\n\r\n", 400, "without a name"),
	ROW(REQ "A\r\n\r\n", 400, "field name"),
	ROW(REQ "A b: c\r\n\r\n", 400, "blank before the colon"),
	ROW(REQ "A(b): c\r\n\r\n", 400, "field name"),
	ROW(REQ "A\xc3\xa4: c\r\n\r\n", 400, "field name"),
	ROW(REQ "A\0: c\r\n\r\n", 400, "field name"),
	ROW(REQ "A: b\0c\r\n\r\n", 400, "control character"),
	ROW(REQ "A: b\x01\r\n\r\n", 400, "control character"),
	ROW(REQ "A: b\x7f\r\n\r\n", 400, "control character"),
	ROW(REQ "A: b\x0b\r\n\r\n", 400, "control character"),
	ROW(REQ "A: 0123456789abcdef\x1b[0m\r\n\r\n", 400, "control char"),
	ROW(REQ "Connection: a b\r\n\r\n", 400, "list of tokens"),
	ROW(REQ "Connection: close;q\r\n\r\n", 400, "list of tokens"),
	ROW(REQ "Connection: Content-Length\r\n\r\n", 400, "end-to-end"),
	ROW(REQ "Connection: close, host\r\n\r\n", 400, "end-to-end"),
	ROW(REQ "Upgrade: a\r\nUpgrade: b\r\n\r\n", 400, "several Upgrade"),
	ROW(REQ "Expect: 200-ok\r\n\r\n", 417, "100-continue"),
	ROW(REQ "\r\nA: b\r\n\r\n", 400, "after the head"),
};

static const struct row hosts[] = {
	ROW(GET "\r\n", 400, "without Host"),
	ROW(GET HOST HOST "\r\n", 400, "several Host"),
	ROW(GET HOST "host: g\r\n\r\n", 400, "several Host"),
	ROW("GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400, "several Host"),
	ROW(GET "Host:\r\n\r\n", 400, "optional port"),
	ROW(GET "Host: a b\r\n\r\n", 400, "optional port"),
	ROW(GET "Host: a, b\r\n\r\n", 400, "optional port"),
	ROW(GET "Host: u@h\r\n\r\n", 400, "optional port"),
	ROW(GET "Host: h/x\r\n\r\n", 400, "optional port"),
	ROW(GET "Host: h:port\r\n\r\n", 400, "optional port"),
	ROW(GET "Host: http://h\r\n\r\n", 400, "optional port"),
};

#define CL "Content-Length: "
#define TE "Transfer-Encoding: "
static const struct row framings[] = {
	ROW(REQ CL "5\r\n" TE "chunked\r\n\r\n", 400, "both"),
	ROW(REQ TE "chunked\r\n" CL "5\r\n\r\n", 400, "both"),
	ROW(REQ CL "0\r\n" TE "chunked\r\n\r\n", 400, "both"),
	ROW(REQ CL "5\r\n" CL "6\r\n\r\n", 400, "several Content-Length"),
	ROW(REQ CL "5\r\n" CL "5\r\n\r\n", 400, "several Content-Length"),
	ROW(REQ CL "5, 5\r\n\r\n", 400, "not one number"),
	ROW(REQ CL "5,\r\n\r\n", 400, "not one number"),
	ROW(REQ CL "+5\r\n\r\n", 400, "not one number"),
	ROW(REQ CL "-5\r\n\r\n", 400, "not one number"),
	ROW(REQ CL "5 5\r\n\r\n", 400, "not one number"),
	ROW(REQ CL "0x5\r\n\r\n", 400, "not one number"),
	ROW(REQ CL "5a\r\n\r\n", 400, "not one number"),
	ROW(REQ CL "\"5\"\r\n\r\n", 400, "not one number"),
	ROW(REQ CL "\r\n\r\n", 400, "not one number"),
	ROW(REQ CL "9223372036854775808\r\n\r\n", 400, "not one number"),
	ROW(REQ CL "18446744073709551621\r\n\r\n", 400, "not one number"),
	ROW(REQ CL "\xd9\xa5\r\n\r\n", 400, "not one number"),
	ROW(REQ TE "gzip\r\n\r\n", 400, "not chunked"),
	ROW(REQ TE "identity\r\n\r\n", 400, "not chunked"),
	ROW(REQ TE "chunked, identity\r\n\r\n", 400, "not chunked"),
	ROW(REQ TE "chunked, chunked\r\n\r\n", 400, "not chunked"),
	ROW(REQ TE "chunked;q=1\r\n\r\n", 400, "not chunked"),
	ROW(REQ TE "\"chunked\"\r\n\r\n", 400, "not chunked"),
	ROW(REQ TE "xchunked\r\n\r\n", 400, "not chunked"),
	ROW(REQ TE "chunked,\r\n\r\n", 400, "not chunked"),
	ROW(REQ TE "\r\n\r\n", 400, "not chunked"),
	ROW(REQ TE "\x0b"
		   "chunked\r\n\r\n",
	    400, "control character"),
	ROW(REQ TE "gzip, chunked\r\n\r\n", 501, "no transfer coding"),
	ROW(REQ TE "chunked\r\n" TE "chunked\r\n\r\n", 400, "several Tr"),
	ROW(REQ TE "gzip\r\n" TE "chunked\r\n\r\n", 400, "not chunked"),
	ROW(REQ TE "chunked\r\n" TE "identity\r\n\r\n", 400, "several Tr"),
	ROW("POST / HTTP/1.0\r\n" TE "chunked\r\n\r\n", 400, "HTTP/1.0"),
	ROW("TRACE / HTTP/1.1\r\n" HOST CL "1\r\n\r\n", 400, "knows none"),
	ROW("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n" TE "chunked\r\n\r\n", 400,
	    "knows none"),
	ROW(REQ "Connection: upgrade\r\nUpgrade: websocket\r\n" CL "5\r\n\r\n",
	    400, "WebSocket"),
};

#define OK "HTTP/1.1 200 OK\r\n"
static const struct row responses[] = {
	ROW("HTTP/1.1 200\r\n\r\n", 502, "status line"),
	ROW("HTTP/1.1  200 OK\r\n\r\n", 502, "status line"),
	ROW("HTTP/1.1 20 OK\r\n\r\n", 502, "status line"),
	ROW("HTTP/1.1 2000 OK\r\n\r\n", 502, "status line"),
	ROW("HTTP/1.1 099 OK\r\n\r\n", 502, "status line"),
	ROW("HTTP/1.1 600 OK\r\n\r\n", 502, "status line"),
	ROW("HTTP/1.1 2x0 OK\r\n\r\n", 502, "status line"),
	ROW("HTTP/2.0 200 OK\r\n\r\n", 502, "only HTTP/1.0"),
	ROW("ICY 200 OK\r\n\r\n", 502, "malformed"),
	ROW("HTTP/1.1 200 O\x01K\r\n\r\n", 502, "control character"),
	ROW("HTTP/1.1 200 OK\nA: b\n\n", 502, "bare LF"),
	ROW(OK CL "5\r\n" TE "chunked\r\n\r\n", 502, "both"),
	ROW(OK CL "5\r\n" CL "5\r\n\r\n", 502, "several Content-Length"),
	ROW(OK TE "gzip\r\n\r\n", 502, "not chunked"),
	ROW(OK TE "gzip, chunked\r\n\r\n", 502, "no transfer coding"),
	ROW("HTTP/1.0 200 OK\r\n" TE "chunked\r\n\r\n", 502, "HTTP/1.0"),
	ROW("HTTP/1.1 204 X\r\n" CL "5\r\n\r\n", 502, "knows none"),
	ROW("HTTP/1.1 204 X\r\n" TE "chunked\r\n\r\n", 502, "knows none"),
	ROW("HTTP/1.1 100 X\r\n" CL "5\r\n\r\n", 502, "knows none"),
	ROW("HTTP/1.1 101 X\r\n" TE "chunked\r\n\r\n", 502, "knows none"),
	ROW(OK "A : b\r\n\r\n", 502, "blank before the colon"),
	ROW(OK "A: b\r\n c\r\n\r\n", 502, "folded"),
};

static void
check(const struct row *row, int rc, const struct http_fault *fault)
{
	if (rc != -1)
		fail_msg("accepted: %s", row->text);
	if (fault->status != row->status ||
	    strstr(fault->what, row->what) == NULL)
		fail_msg("\"%s\": %d %s, not %d %s", row->text, fault->status,
			 fault->what, row->status, row->what);
}

static void
refuse_all(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct http_fault fault = { 0 };
		struct http_head h;

		check(&rows[i],
		      http_request_parse(&h, rows[i].text, rows[i].len, NULL,
					 &fault),
		      &fault);
	}
}

#define FAMILY(rows)                                \
	static void test_##rows(void **state)       \
	{                                           \
		refuse_all(rows, UNIT_COUNT(rows)); \
	}
FAMILY(line_ends)
FAMILY(request_lines)
FAMILY(targets)
FAMILY(fields)
FAMILY(hosts)
FAMILY(framings)

static void
test_responses(void **state)
{
	for (size_t i = 0; i < UNIT_COUNT(responses); i++) {
		const struct row *row = &responses[i];
		struct http_fault fault = { 0 };
		struct http_head h;

		check(row,
		      http_response_parse(&h, row->text, row->len, HTTP_GET,
					  NULL, &fault),
		      &fault);
	}
}

/* A head that is cut anywhere is refused, not read as another one. */
static void
test_every_cut_is_refused(void **state)
{
	static const char text[] =
	    "POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\n";
	struct http_fault fault;
	struct http_head h;

	for (size_t n = 0; n < sizeof(text) - 1; n++)
		if (http_request_parse(&h, text, n, NULL, &fault) == 0)
			fail_msg("the first %zu bytes were read", n);
	assert_int_equal(
	    http_request_parse(&h, text, sizeof(text) - 1, NULL, &fault), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_request_lines),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_framings),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_every_cut_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
