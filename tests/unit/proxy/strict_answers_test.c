/*
 * Answers of a site are judged as strictly as requests: what is not exactly
 * right is 502, its connection is used no more, and the client never sees a
 * byte of it. What is right arrives byte by byte.
 */
#include "proxy/rig/rig.c"

#include "proxy/rig/recorder.c"

struct row {
	const char *request;
	const char *answer;
	size_t len;
	bool closes;        /* the site closes behind it */
	bool kept;          /* the connection to the site serves on */
	const char *client; /* what the client gets; NULL: 502 */
};
#define GET "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
#define HEAD "HEAD /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
#define OLD "GET /a HTTP/1.0\r\nHost: h\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\n"
#define CLOSE "Connection: close\r\n"
#define ONE "Content-Length: 1\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define ROW(request, answer, closes, kept, client)                        \
	{                                                                 \
		request, answer, sizeof(answer) - 1, closes, kept, client \
	}
#define FINE(answer, client) ROW(GET, answer, false, true, client)
#define LAST(answer, client) ROW(GET, answer, true, false, client)
#define BAD(answer) ROW(GET, answer, false, false, NULL)

static const struct row right[] = {
	FINE(OK ONE "\r\nx", OK ONE CLOSE "\r\nx"),
	FINE(OK "content-length:1\r\n\r\nx",
	     OK "content-length:1\r\n" CLOSE "\r\nx"),
	FINE(OK "Content-Length: 0\r\n\r\n",
	     OK "Content-Length: 0\r\n" CLOSE "\r\n"),
	FINE("HTTP/1.1 200 \r\n" ONE "\r\nx",
	     "HTTP/1.1 200 \r\n" ONE CLOSE "\r\nx"),
	FINE("HTTP/1.1 299 \xe4 b\tc\r\n" ONE "\r\nx",
	     "HTTP/1.1 299 \xe4 b\tc\r\n" ONE CLOSE "\r\nx"),
	FINE(OK CHUNKED "\r\n1;a=b\r\nx\r\n0\r\nX: 1\r\n\r\n",
	     OK CHUNKED CLOSE "\r\n1;a=b\r\nx\r\n0\r\nX: 1\r\n\r\n"),
	FINE("HTTP/1.1 204 No Content\r\n\r\n",
	     "HTTP/1.1 204 No Content\r\n" CLOSE "\r\n"),
	FINE("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
	     "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n" CLOSE "\r\n"),
	FINE("HTTP/1.1 100 Continue\r\n\r\n" OK ONE "\r\nx",
	     OK ONE CLOSE "\r\nx"),
	FINE("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" OK ONE "\r\nx",
	     "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" OK ONE CLOSE
	     "\r\nx"),
	FINE(OK ONE "GSB-Epoch: 1\r\nGSB-X: 2\r\nX-GSB-Status: H\r\n\r\nx",
	     OK ONE "X-GSB-Status: H\r\n" CLOSE "\r\nx"),
	FINE(OK ONE "Keep-Alive: timeout=5\r\nConnection: X\r\nX: 1\r\n"
		    "Proxy-Authenticate: z\r\nUpgrade: h2c\r\n\r\nx",
	     OK ONE CLOSE "\r\nx"),
	LAST(OK ONE CLOSE "\r\nx", OK ONE CLOSE "\r\nx"),
	LAST(OK "\r\nuntil the end", OK CLOSE "\r\nuntil the end"),
	LAST("HTTP/1.0 200 OK\r\n" ONE "\r\nx", OK ONE CLOSE "\r\nx"),
	ROW(HEAD, OK "Content-Length: 9\r\n\r\n", false, true,
	    OK "Content-Length: 9\r\n" CLOSE "\r\n"),
	ROW(HEAD, OK CHUNKED "\r\n", false, true, OK CLOSE "\r\n"),
	ROW(OLD, OK CHUNKED "\r\n1\r\nx\r\n1\r\ny\r\n0\r\n\r\n", false, true,
	    OK CLOSE "\r\nxy"),
	ROW(OLD, "HTTP/1.1 103 Early Hints\r\n\r\n" OK ONE "\r\nx", false, true,
	    OK ONE CLOSE "\r\nx"),
	/* More than was announced is nobody's answer. */
	ROW(GET, OK ONE "\r\nxHTTP/1.1 200 OK\r\n" ONE "\r\ny", false, false,
	    OK ONE CLOSE "\r\nx"),
	ROW(HEAD, OK ONE "\r\nx", false, false, OK ONE CLOSE "\r\n"),
	ROW(GET, "HTTP/1.1 204 No Content\r\n\r\nx", false, false,
	    "HTTP/1.1 204 No Content\r\n" CLOSE "\r\n"),
	ROW(GET, "HTTP/1.1 304 Not Modified\r\n" ONE "\r\nx", false, false,
	    "HTTP/1.1 304 Not Modified\r\n" ONE CLOSE "\r\n"),
	/* Cut: the head has gone out, so the end must tell. */
	LAST(OK "Content-Length: 5\r\n\r\nabc",
	     OK "Content-Length: 5\r\n" CLOSE "\r\nabc"),
	LAST(OK CHUNKED "\r\n5\r\nabc", OK CHUNKED CLOSE "\r\n5\r\nabc"),
};

static const struct row wrong[] = {
	BAD("\r\n" OK ONE "\r\nx"),
	BAD("HTTP/1.1 200 OK\n" ONE "\r\nx"),
	BAD(OK "Content-Length: 1\n\r\nx"),
	BAD(OK ONE "\n\nx"),
	BAD("HTTP/1.1  200 OK\r\n" ONE "\r\nx"),
	BAD("HTTP/1.1\t200 OK\r\n" ONE "\r\nx"),
	BAD("HTTP/1.1 20 OK\r\n" ONE "\r\nx"),
	BAD("HTTP/1.1 2000 OK\r\n" ONE "\r\nx"),
	BAD("HTTP/1.1 2x0 OK\r\n" ONE "\r\nx"),
	BAD("HTTP/1.1 099 OK\r\n" ONE "\r\nx"),
	BAD("HTTP/1.1 -20 OK\r\n" ONE "\r\nx"),
	BAD("HTTP/1.1 200 O\x01K\r\n" ONE "\r\nx"),
	BAD("HTTP/2.0 200 OK\r\n" ONE "\r\nx"),
	BAD("HTTP/1.2 200 OK\r\n" ONE "\r\nx"),
	BAD("http/1.1 200 OK\r\n" ONE "\r\nx"),
	BAD("ICY 200 OK\r\n" ONE "\r\nx"),
	BAD("200 OK\r\n\r\n"),
	BAD(OK "A: b\r\n c\r\n" ONE "\r\nx"),
	BAD(OK "A : b\r\n" ONE "\r\nx"),
	BAD(OK "A b: c\r\n" ONE "\r\nx"),
	BAD(OK "A: b\x01\r\n" ONE "\r\nx"),
	BAD(OK "A: b\0\r\n" ONE "\r\nx"),
	BAD(OK "A: b\rc\r\n" ONE "\r\nx"),
	BAD(OK "A\r\n" ONE "\r\nx"),
	BAD(OK ": b\r\n" ONE "\r\nx"),
	BAD(OK ONE ONE "\r\nx"),
	BAD(OK ONE "Content-Length: 2\r\n\r\nx"),
	BAD(OK "Content-Length: 1, 1\r\n\r\nx"),
	BAD(OK "Content-Length: +1\r\n\r\nx"),
	BAD(OK "Content-Length: 0x1\r\n\r\nx"),
	BAD(OK "Content-Length:\r\n\r\nx"),
	BAD(OK "Content-Length: 9223372036854775808\r\n\r\nx"),
	BAD(OK "Content-Length : 1\r\n\r\nx"),
	BAD(OK ONE CHUNKED "\r\n0\r\n\r\n"),
	BAD(OK CHUNKED CHUNKED "\r\n0\r\n\r\n"),
	BAD(OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
	BAD(OK "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
	BAD(OK "Transfer-Encoding: identity\r\n" ONE "\r\nx"),
	BAD(OK "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
	BAD(OK "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
	BAD("HTTP/1.0 200 OK\r\n" CHUNKED "\r\n0\r\n\r\n"),
	BAD("HTTP/1.1 204 No Content\r\n" CHUNKED "\r\n0\r\n\r\n"),
	BAD(OK CHUNKED "\r\n1\nx\r\n0\r\n\r\n"),
	BAD(OK CHUNKED "\r\nx\r\n0\r\n\r\n"),
	BAD(OK CHUNKED "\r\n 1\r\nx\r\n0\r\n\r\n"),
	BAD(OK CHUNKED "\r\n0x1\r\nx\r\n0\r\n\r\n"),
	BAD(OK CHUNKED "\r\n1\r\nxy\r\n0\r\n\r\n"),
	BAD(OK CHUNKED "\r\n0\r\nContent-Length: 1\r\n\r\n"),
	BAD(OK CHUNKED "\r\n0\r\nX: 1\n\r\n"),
	BAD("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
	    "Upgrade: x\r\n\r\n"),
	BAD("HTTP/1.1 103 Early\nLink: a\r\n\r\n" OK ONE "\r\nx"),
	BAD("HTTP/1.1 100 Continue\r\n\r\nnonsense\r\n\r\n"),
	BAD("\x16\x03\x01\x00\x20\r\n\r\n"),
};

static int
setup(void **state)
{
	rig_start(NULL);
	recorder_start();
	return 0;
}

static int
teardown(void **state)
{
	rig_stop();
	recorder_stop();
	return 0;
}

/* Everything up to the end of the connection. */
static size_t
exchange(const char *request, char *out, size_t size)
{
	int fd = client_open();
	size_t n;

	client_send(fd, request);
	n = client_read_bytes(fd, out, size - 1);
	out[n] = '\0';
	close(fd);
	return n;
}

static void
try_row(const struct row *row)
{
	STRBUF_AUTO saw = { 0 };
	unsigned before, after;
	char got[4096];

	recorder_answer(span_make(row->answer, row->len), row->closes, false);
	recorder_take(&saw);
	exchange(row->request, got, sizeof(got));
	if (row->client == NULL && strncmp(got, "HTTP/1.1 502 ", 13) != 0)
		fail_msg("no 502: %s\n--- but\n%s", row->answer, got);
	if (row->client == NULL && strstr(got, "\r\n\r\nx") != NULL)
		fail_msg("let through: %s", row->answer);
	if (row->client != NULL && strcmp(got, row->client) != 0)
		fail_msg("%s\n--- became\n%s", row->answer, got);
	recorder_take(&saw);
	assert_non_null(saw.at);
	if (strstr(saw.at + 1, " /a HTTP") != strstr(saw.at, " /a HTTP"))
		fail_msg("sent twice: %s", row->answer);
	before = recorder_connections();
	recorder_answer(span_of(OK ONE "\r\nx"), false, false);
	exchange(GET, got, sizeof(got));
	assert_string_equal(got, OK ONE CLOSE "\r\nx");
	after = recorder_connections();
	if ((after == before) != row->kept)
		fail_msg("%skept: %s", row->kept ? "not " : "", row->answer);
}

static void
test_right(void **state)
{
	for (size_t i = 0; i < UNIT_COUNT(right); i++)
		try_row(&right[i]);
}

static void
test_wrong(void **state)
{
	for (size_t i = 0; i < UNIT_COUNT(wrong); i++)
		try_row(&wrong[i]);
}

/* A client that stays is told by its framing, and serves on after a 502. */
static void
test_goes_on_after(void **state)
{
	struct answer a;
	int fd = client_open();

	recorder_answer(span_of("nonsense\r\n\r\n"), false, false);
	client_send(fd, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
	client_read(fd, false, &a);
	assert_int_equal(a.status, 502);
	answer_free(&a);
	recorder_answer(span_of(OK ONE "\r\nx"), false, false);
	client_send(fd, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
	client_read(fd, false, &a);
	assert_string_equal(a.body, "x");
	answer_free(&a);
	close(fd);
}

/* More than any head may have. */
static void
test_endless_head(void **state)
{
	STRBUF_AUTO text = { 0 };
	char got[4096];

	strbuf_adds(&text, OK "X: ");
	memset(strbuf_reserve(&text, 40000), 'y', 40000);
	text.len += 40000;
	recorder_answer(strbuf_span(&text), false, false);
	exchange(GET, got, sizeof(got));
	assert_int_equal(strncmp(got, "HTTP/1.1 502 ", 13), 0);
}

/* A pooled connection that speaks without being asked is closed. */
static void
test_unasked(void **state)
{
	unsigned before;
	char got[4096];

	recorder_answer(span_of(OK ONE "\r\nx"), false, false);
	exchange(GET, got, sizeof(got));
	before = recorder_connections();
	recorder_say(span_of(OK ONE "\r\n!"));
	recorder_wait_closed();
	exchange(GET, got, sizeof(got));
	assert_string_equal(got, OK ONE CLOSE "\r\nx");
	assert_int_equal(recorder_connections(), before + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_goes_on_after),
		cmocka_unit_test(test_endless_head),
		cmocka_unit_test(test_unasked),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
