/* What is forwarded, and how: heads, framing, pools, strictness. */
#include "proxy/rig/rig.c"

static int
setup(void **state)
{
	rig_start(NULL);
	return 0;
}

static int
teardown(void **state)
{
	rig_stop();
	return 0;
}

static void
test_get(void **state)
{
	struct answer a;

	client_get("/acme/ok", &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, "primary 1");
	assert_string_equal(answer_field(&a, "X-Seen"), "yes");
	assert_string_equal(answer_field(&a, "Connection"), "close");
	answer_free(&a);
}

/* Our fields are set, the client's and the site's are gone. */
static void
test_fields(void **state)
{
	struct answer a;
	int fd = client_open();

	client_send(
	    fd, "GET http://Shared.example:80/acme/echo?x=1 HTTP/1.1\r\n"
		"Host: shared.example:80\r\nGSB-Epoch: forged\r\n"
		"gsb-anything: 1\r\nX-Forwarded-For: 6.6.6.6\r\n"
		"Forwarded: for=6.6.6.6\r\nConnection: keep-alive, X-Hop\r\n"
		"X-Hop: 1\r\nX-Keep: 2\r\nTE: trailers\r\n\r\n");
	client_read(fd, false, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "GET /acme/echo?x=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(a.body, "\r\nHost: shared.example:80\r\n"));
	assert_non_null(strstr(a.body, "\r\nX-Keep: 2\r\n"));
	assert_non_null(strstr(a.body, "\r\nX-Forwarded-For: 127.0.0.1\r\n"));
	assert_non_null(strstr(a.body, "\r\nX-Forwarded-Proto: http\r\n"));
	assert_non_null(
	    strstr(a.body, "\r\nX-Forwarded-Host: shared.example:80\r\n"));
	assert_non_null(strstr(a.body,
			       "\r\nForwarded: for=127.0.0.1;proto=http;host="
			       "\"shared.example:80\"\r\n"));
	assert_non_null(strstr(a.body, "GSB-Epoch:                    7\r\n"));
	assert_non_null(strstr(a.body, "GSB-Site: primary\r\n"));
	assert_non_null(strstr(a.body, "GSB-Request: "));
	assert_null(strstr(a.body, "forged"));
	assert_null(strstr(a.body, "anything"));
	assert_null(strstr(a.body, "6.6.6.6"));
	assert_null(strstr(a.body, "Hop"));
	assert_null(strstr(a.body, "TE:"));
	assert_string_equal(answer_field(&a, "GSB-Secret"), "");
	assert_string_equal(answer_field(&a, "Keep-Alive"), "");
	assert_string_equal(answer_field(&a, "X-GSB-Status"), "HERE");
	answer_free(&a);
	close(fd);
}

/* Many requests, one connection on either side; answers in order. */
static void
test_pipelining(void **state)
{
	struct answer a;
	char want[32];
	int fd = client_open();

	for (int i = 0; i < 20; i++)
		client_send(fd, "GET /acme/ok HTTP/1.1\r\nHost: x\r\n\r\n");
	client_send(fd, "POST /acme/ok HTTP/1.1\r\nHost: x\r\n"
			"Content-Length: 3\r\n\r\nabc"
			"GET /acme/ok HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 1; i <= 22; i++) {
		client_read(fd, false, &a);
		snprintf(want, sizeof(want), "primary %d", i);
		assert_string_equal(a.body, want);
		answer_free(&a);
	}
	assert_int_equal(site_connections(rig.site[ROUTE_PRIMARY]), 1);
	close(fd);
}

/* A request in pieces of one byte is the same request. */
static void
test_pieces(void **state)
{
	static const char text[] = "\r\nPOST /acme/echo HTTP/1.1\r\nHost: x\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n"
				   "3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n";
	struct answer a;
	int fd = client_open();

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		client_send_bytes(fd, text + i, 1);
		usleep(300);
	}
	client_read(fd, false, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"));
	answer_free(&a);
	close(fd);
}

struct kind {
	const char *request;
	bool head;
	int status;
	const char *body;
	bool closed;
};

static void
test_framings(void **state)
{
	static const struct kind kinds[] = {
		{ "GET /c/chunked/1 HTTP/1.1", false, 200, "hello world", 0 },
		{ "GET /c/chunked/2 HTTP/1.0", false, 200, "hello world", 1 },
		{ "GET /c/nolength/1 HTTP/1.1", false, 200, "until the end",
		  1 },
		{ "GET /c/extra/1 HTTP/1.1", false, 200, "ok", 0 },
		{ "GET /c/old/1 HTTP/1.1", false, 200, "old", 0 },
		{ "GET /c/interim/1 HTTP/1.1", false, 200, "ok", 0 },
		{ "GET /c/silent204/1 HTTP/1.1", false, 204, "", 0 },
		{ "HEAD /c/ok HTTP/1.1", true, 200, "", 0 },
		{ "GET /c/500/1 HTTP/1.1", false, 500, "oops", 0 },
		{ "GET /c/503/1 HTTP/1.1", false, 503, "busy", 0 },
		{ "GET /c/garbage/1 HTTP/1.1", false, 502, NULL, 0 },
		{ "GET /c/badchunk/1 HTTP/1.1", false, 502, NULL, 0 },
		{ "GET /c/switch/1 HTTP/1.1", false, 502, NULL, 0 },
		{ "OPTIONS * HTTP/1.1", false, 200, NULL, 0 },
	};

	for (size_t i = 0; i < UNIT_COUNT(kinds); i++) {
		const struct kind *k = &kinds[i];
		struct answer a;
		int fd = client_open();

		client_send(fd, k->request);
		client_send(fd, "\r\nHost: x\r\n\r\n");
		if (k->head)
			client_send(fd,
				    "GET /c/ok HTTP/1.1\r\nHost: x\r\n\r\n");
		client_read(fd, k->head, &a);
		if (a.status != k->status)
			fail_msg("%s: %d", k->request, a.status);
		if (k->body != NULL)
			assert_string_equal(a.body, k->body);
		if (k->closed)
			assert_true(client_at_end(fd));
		answer_free(&a);
		close(fd);
	}
}

static void
test_refused_heads(void **state)
{
	static const struct {
		const char *text;
		int status;
	} bad[] = {
		{ "GET / HTTP/1.1\nHost: x\n\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400 },
		{ "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505 },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n",
		  400 },
		{ "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
		  "\r\n\r\nzz\r\n",
		  400 },
		{ "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405 },
		{ "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405 },
		{ "GET /gsb/lease HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "GET //%67sb/lease HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "GET /%2e%2e/gsb HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "POST /acme/detectbackup HTTP/1.1\r\nHost: x\r\n"
		  "Content-Length: 0\r\n\r\n",
		  405 },
	};

	for (size_t i = 0; i < UNIT_COUNT(bad); i++) {
		struct answer a;
		int fd = client_open();

		client_send(fd, bad[i].text);
		client_read(fd, false, &a);
		if (a.status != bad[i].status)
			fail_msg("%s: %d", bad[i].text, a.status);
		answer_free(&a);
		close(fd);
	}
	assert_int_equal(site_connections(rig.site[ROUTE_PRIMARY]), 0);
}

static void
test_continue(void **state)
{
	char text[64] = { 0 };
	struct answer a;
	int fd = client_open();

	client_send(fd, "POST /c/echo HTTP/1.1\r\nHost: x\r\n"
			"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
	assert_int_equal(client_read_bytes(fd, text, 25), 25);
	assert_string_equal(text, "HTTP/1.1 100 Continue\r\n\r\n");
	client_send(fd, "abcd");
	client_read(fd, false, &a);
	assert_int_equal(a.status, 200);
	assert_null(strstr(a.body, "Expect"));
	assert_non_null(strstr(a.body, "\r\n\r\nabcd"));
	answer_free(&a);
	close(fd);
}

/* A large answer to a client that reads late, and a large body. */
static void
test_large(void **state)
{
	size_t size = 5000000;
	char *body = mem_alloc(size + 1);
	struct answer a;
	int fd = client_open();

	client_send(fd, "GET /c/big/9 HTTP/1.1\r\nHost: x\r\n\r\n");
	usleep(300000);
	client_read(fd, false, &a);
	assert_int_equal(a.len, 3000000);
	for (size_t i = 0; i < a.len; i++)
		assert_int_equal(a.body[i], 'a' + i % 23);
	answer_free(&a);
	close(fd);
	for (size_t i = 0; i < size; i++)
		body[i] = (char)('A' + i % 25);
	client_post("/c/echo", body, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, body));
	answer_free(&a);
	mem_free(body);
}

static void
do_follow(void *arg)
{
	assert_true(plane_follow(rig.plane, arg));
	assert_false(plane_follow(rig.plane, arg)); /* it says so already */
}

/* Another process decides: what it has redirected goes there from here too. */
static void
test_redirects_are_followed(void **state)
{
	struct plane_news news = { .epoch = 8,
				   .active = ROUTE_PRIMARY,
				   .rooms = { true, true } };
	struct redirects_one acme = { .company = "acme",
				      .service = ROUTE_WEB,
				      .to = ROUTE_BACKUP };
	struct answer a;

	assert_int_equal(redirects_set(&news.redirects, &acme), 0);
	rig.settled = 0;
	call(do_follow, &news);
	rig_wait(is_settled);
	client_get("/acme/ok", &a);
	assert_string_equal(a.body, "backup 1");
	answer_free(&a);
	client_get("/c/ok", &a);
	assert_string_equal(a.body, "primary 1");
	answer_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_get, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipelining, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_heads, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_continue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_redirects_are_followed,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
