#include "io/httpd.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/helper/peer.h"
#include "io/helper/turn.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

static struct {
	struct httpd *httpd;
	struct peer peer;
	struct httpd_req *held[16]; /* of /hold, in order */
	unsigned nheld, gone, drained;
} self;

static void
on_request(void *ctx, struct httpd_req *r)
{
	struct httpd_field fields[] = { { "X-Path", NULL }, { NULL, NULL } };

	fields[0].value = arena_span(httpd_arena(r), httpd_path(r));
	if (span_starts(httpd_path(r), "/hold"))
		self.held[self.nheld++] = r;
	else if (span_is(httpd_path(r), "/abort"))
		httpd_abort(r);
	else if (span_is(httpd_path(r), "/none"))
		httpd_reply(r, 204, NULL, span_of(NULL));
	else if (span_is(httpd_path(r), "/large"))
		httpd_reply(
		    r, 200, NULL,
		    span_of(arena_printf(httpd_arena(r), "%9000000d", 1)));
	else if (httpd_body(r).len > 0)
		httpd_reply(r, 200, fields, httpd_body(r));
	else
		httpd_reply(r, 200, fields, span_of("hello"));
}

static void
on_gone(void *ctx, struct httpd_req *r)
{
	assert_true(span_starts(httpd_path(r), "/hold"));
	self.gone++;
}

static struct span
render(void *ctx, struct httpd_req *r, int status, const char *why,
       const struct httpd_field **fields)
{
	static const struct httpd_field ours[] = {
		{ "Content-Type", "application/json" },
		{ "Cache-Control", "no-cache" },
		{ NULL, NULL },
	};

	*fields = ours;
	return span_of(arena_printf(httpd_arena(r), "{\"status\":%d}", status));
}

static void
open_with(struct httpd_conf conf)
{
	struct err e = { 0 };

	if (conf.listen == NULL)
		conf.listen = "127.0.0.1:0";
	conf.on_request = on_request;
	self.httpd = httpd_open(&conf, &e);
	if (self.httpd == NULL)
		fail_msg("%s", err_text(&e));
}

static int
set_up(void **state)
{
	memset(&self, 0, sizeof(self));
	loop_open();
	open_with(
	    (struct httpd_conf){ .body_limit = 1000, .on_gone = on_gone });
	peer_connect(&self.peer, httpd_port(self.httpd));
	return 0;
}

/* For tests that want another server. */
static void
reopen_with(struct httpd_conf conf)
{
	peer_close(&self.peer);
	httpd_close(&self.httpd);
	open_with(conf);
	peer_connect(&self.peer, httpd_port(self.httpd));
}

static int
tear_down(void **state)
{
	peer_close(&self.peer);
	httpd_close(&self.httpd);
	loop_close();
	return 0;
}

static void
test_keep_alive(void **state)
{
	peer_send(&self.peer, GET("/one?x=1"));
	peer_await(&self.peer, "hello");
	assert_true(strstr(self.peer.in, "HTTP/1.1 200 OK\r\n") != NULL);
	assert_true(strstr(self.peer.in, "X-Path: /one\r\n") != NULL);
	assert_true(strstr(self.peer.in, "Content-Length: 5\r\n") != NULL);
	assert_true(strstr(self.peer.in, "Date: ") != NULL);
	assert_null(strstr(self.peer.in, "Connection:"));
	peer_send(&self.peer, GET("/two"));
	peer_await(&self.peer, "X-Path: /two");
	assert_int_equal(httpd_connections(self.httpd), 1);
}

static void
test_pipelined_in_order(void **state)
{
	peer_send(&self.peer,
		  GET("/hold/1") GET("/b") GET("/hold/3") GET("/d"));
	TURN_UNTIL(self.nheld == 1);
	assert_int_equal(httpd_in_flight(self.httpd), 1);
	httpd_reply(self.held[0], 200, NULL, span_of("first"));
	peer_await(&self.peer, "X-Path: /b");
	assert_true(strstr(self.peer.in, "first") < strstr(self.peer.in, "/b"));
	TURN_UNTIL(self.nheld == 2);
	httpd_reply(self.held[1], 200, NULL, span_of("third"));
	peer_await(&self.peer, "X-Path: /d");
	assert_true(strstr(self.peer.in, "third") < strstr(self.peer.in, "/d"));
}

static void
test_many_pipelined(void **state)
{
	for (int i = 0; i < 800; i++)
		peer_send(&self.peer, GET("/none"));
	peer_send(&self.peer, GET("/last"));
	peer_await(&self.peer, "X-Path: /last");
	assert_int_equal(peer_count(&self.peer, "HTTP/1.1 204 "), 800);
}

static void
test_bodies(void **state)
{
	peer_send(&self.peer, "POST /a HTTP/1.1\r\nHost: h\r\n"
			      "Content-Length: 4\r\n\r\nab");
	peer_send(&self.peer, "cd");
	peer_await(&self.peer, "abcd");
	peer_send(&self.peer, "POST /b HTTP/1.1\r\nHost: h\r\n"
			      "Transfer-Encoding: chunked\r\n\r\n"
			      "2\r\nef\r\n3;x=y\r\nghi\r\n0\r\nT: v\r\n\r\n");
	peer_await(&self.peer, "efghi");
}

static void
test_continue(void **state)
{
	peer_send(&self.peer, "POST /a HTTP/1.1\r\nHost: h\r\n"
			      "Expect: 100-continue\r\n"
			      "Content-Length: 4\r\n\r\n");
	peer_await(&self.peer, "HTTP/1.1 100 Continue\r\n\r\n");
	peer_send(&self.peer, "abcd");
	peer_await(&self.peer, "\r\n\r\nabcd");
}

static void
test_head_and_bodyless(void **state)
{
	peer_send(&self.peer, "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
	peer_await(&self.peer, "Content-Length: 5\r\n\r\n");
	peer_send(&self.peer, GET("/none"));
	peer_await(&self.peer, "204 No Content\r\n");
	peer_send(&self.peer, GET("/end"));
	peer_await(&self.peer, "hello");
	assert_int_equal(peer_count(&self.peer, "hello"), 1);
	assert_int_equal(peer_count(&self.peer, "Content-Length"), 2);
}

static void
expect_fault(const char *request, const char *status)
{
	peer_send(&self.peer, request);
	peer_await(&self.peer, status);
	peer_await(&self.peer, "Connection: close\r\n");
	peer_await_eof(&self.peer);
	assert_int_equal(peer_count(&self.peer, "Date: "), 1);
	assert_int_equal(httpd_in_flight(self.httpd), 0);
	peer_close(&self.peer);
	peer_connect(&self.peer, httpd_port(self.httpd));
}

static void
test_faults_close(void **state)
{
	expect_fault("GET / HTTP/1.1\n\n", "HTTP/1.1 400 ");
	expect_fault("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ");
	expect_fault("GET / HTTP/3.1\r\nHost: h\r\n\r\n" GET("/x"),
		     "HTTP/1.1 505 ");
	expect_fault("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n"
		     "\r\n",
		     "HTTP/1.1 413 ");
	expect_fault("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked"
		     "\r\n\r\nxyz\r\n",
		     "HTTP/1.1 400 ");
}

static void
test_chunked_body_over_the_limit(void **state)
{
	peer_send(&self.peer, "POST / HTTP/1.1\r\nHost: h\r\n"
			      "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 101; i++)
		peer_send(&self.peer, "a\r\n0123456789\r\n");
	peer_await(&self.peer, "HTTP/1.1 413 ");
	peer_await_eof(&self.peer);
}

static void
test_head_too_large(void **state)
{
	peer_send(&self.peer, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
	for (int i = 0; i < 2500 && !self.peer.eof; i++)
		peer_send(&self.peer, "0123456789");
	peer_await(&self.peer, "HTTP/1.1 431 ");
	peer_await_eof(&self.peer);
}

static void
test_faults_in_the_form_of_the_program(void **state)
{
	reopen_with((struct httpd_conf){ .render = render });
	peer_send(&self.peer, "nonsense\r\n\r\n");
	peer_await(&self.peer, "{\"status\":400}");
	peer_await(&self.peer, "Content-Type: application/json\r\n"
			       "Cache-Control: no-cache\r\n");
}

static void
test_time_outs(void **state)
{
	reopen_with(
	    (struct httpd_conf){ .head_ms = 50, .body_ms = 50, .idle_ms = 50 });
	peer_send(&self.peer, "GET / HT");
	peer_await(&self.peer, "HTTP/1.1 408 ");
	peer_await_eof(&self.peer);
	peer_close(&self.peer);
	peer_connect(&self.peer, httpd_port(self.httpd));
	peer_send(&self.peer, "POST / HTTP/1.1\r\nHost: h\r\n"
			      "Content-Length: 4\r\n\r\nab");
	peer_await(&self.peer, "HTTP/1.1 408 ");
	peer_close(&self.peer);
	peer_connect(&self.peer, httpd_port(self.httpd));
	peer_send(&self.peer, GET("/"));
	peer_await(&self.peer, "hello");
	peer_await_eof(&self.peer); /* idle: without a word */
	assert_int_equal(peer_count(&self.peer, "HTTP/1.1"), 1);
}

static void
test_client_goes_away(void **state)
{
	peer_send(&self.peer, GET("/hold"));
	TURN_UNTIL(self.nheld == 1);
	peer_close(&self.peer);
	TURN_UNTIL(self.gone == 1);
	assert_int_equal(httpd_in_flight(self.httpd), 0);
	assert_int_equal(httpd_connections(self.httpd), 0);
}

static void
test_client_goes_away_unnoticed(void **state)
{
	reopen_with((struct httpd_conf){ 0 });
	peer_send(&self.peer, GET("/hold/1"));
	TURN_UNTIL(self.nheld == 1);
	peer_close(&self.peer);
	TURN_UNTIL(httpd_connections(self.httpd) == 0);
	httpd_reply(self.held[0], 200, NULL, span_of("nobody hears"));
	peer_connect(&self.peer, httpd_port(self.httpd));
	peer_send(&self.peer, GET("/hold/2"));
	TURN_UNTIL(self.nheld == 2);
	peer_close(&self.peer);
	TURN_UNTIL(httpd_connections(self.httpd) == 0);
	/* This one is never answered: httpd_close frees it. */
}

static void
test_abort_and_old_clients(void **state)
{
	peer_send(&self.peer, GET("/abort"));
	peer_await_eof(&self.peer);
	assert_int_equal(self.peer.len, 0);
	peer_close(&self.peer);
	peer_connect(&self.peer, httpd_port(self.httpd));
	peer_send(&self.peer, "GET / HTTP/1.0\r\n\r\n");
	peer_await(&self.peer, "Connection: close\r\n");
	peer_await_eof(&self.peer);
	assert_true(strstr(self.peer.in, "hello") != NULL);
}

static void
test_large_answer_to_a_slow_reader(void **state)
{
	size_t total = 0;
	int64_t end = clock_mono_ms() + 20000;

	peer_send(&self.peer, "GET /large HTTP/1.1\r\nHost: h\r\n"
			      "Connection: close\r\n\r\n");
	peer_await(&self.peer, "Content-Length: 9000000\r\n");
	total = self.peer.len;
	while (!self.peer.eof && clock_mono_ms() < end) {
		ssize_t n = recv(self.peer.fd, self.peer.in, 60000,
				 MSG_DONTWAIT);

		self.peer.eof = n == 0 || (n < 0 && errno != EAGAIN);
		total += n > 0 ? (size_t)n : 0;
		uv_run(loop_uv(), UV_RUN_NOWAIT);
	}
	assert_true(total > 9000000);
}

static void
on_drained(void *ctx)
{
	self.drained++;
}

static void
test_drain(void **state)
{
	struct peer idle, other;

	peer_connect(&idle, httpd_port(self.httpd));
	peer_send(&idle, GET("/"));
	peer_await(&idle, "hello");
	peer_send(&self.peer, GET("/hold"));
	TURN_UNTIL(self.nheld == 1);
	httpd_drain(self.httpd, on_drained, NULL);
	peer_await_eof(&idle);
	assert_int_equal(self.drained, 0);
	httpd_reply(self.held[0], 200, NULL, span_of("last"));
	peer_await(&self.peer, "last");
	assert_true(strstr(self.peer.in, "Connection: close") != NULL);
	peer_await_eof(&self.peer);
	peer_close(&self.peer);
	TURN_UNTIL(self.drained == 1);
	peer_close(&idle);
	httpd_close(&self.httpd);
	open_with((struct httpd_conf){ 0 });
	peer_connect(&other, httpd_port(self.httpd));
	self.peer = other;
}

static void
test_more_connections_wait(void **state)
{
	struct peer second;

	reopen_with((struct httpd_conf){ .max_conns = 1 });
	peer_send(&self.peer, GET("/hold"));
	TURN_UNTIL(self.nheld == 1);
	peer_connect(&second, httpd_port(self.httpd));
	peer_send(&second, GET("/second"));
	uv_run(loop_uv(), UV_RUN_NOWAIT);
	assert_int_equal(httpd_connections(self.httpd), 1);
	httpd_reply_close(self.held[0], 200, NULL, span_of("one"));
	peer_await_eof(&self.peer);
	peer_close(&self.peer);
	peer_await(&second, "X-Path: /second");
	peer_close(&second);
	peer_connect(&self.peer, httpd_port(self.httpd));
}

static void
test_unix_socket(void **state)
{
	char path[] = "/tmp/gsb-httpd-XXXXXX", listen[64];
	struct stat st;
	struct peer p;

	assert_non_null(mkdtemp(path));
	snprintf(listen, sizeof(listen), "unix:%s/s", path);
	for (int i = 0; i < 2; i++) { /* the second finds a stale file */
		httpd_close(&self.httpd);
		open_with(
		    (struct httpd_conf){ .listen = listen, .unix_mode = 0660 });
		assert_int_equal(stat(listen + 5, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0660);
		peer_connect_unix(&p, listen + 5);
		peer_send(&p, GET("/"));
		peer_await(&p, "hello");
		peer_close(&p);
	}
	httpd_close(&self.httpd);
	assert_int_equal(rmdir(path), 0); /* the socket file has gone */
}

static void
expect_no_open(const char *listen, const char *words)
{
	struct httpd_conf conf = { .listen = listen, .on_request = on_request };
	struct err e = { 0 };

	assert_null(httpd_open(&conf, &e));
	if (strstr(err_text(&e), words) == NULL)
		fail_msg("\"%s\" without \"%s\"", err_text(&e), words);
}

static void
test_addresses(void **state)
{
	char taken[32];

	snprintf(taken, sizeof(taken), "127.0.0.1:%u", httpd_port(self.httpd));
	expect_no_open(taken, "in use");
	expect_no_open("127.0.0.1", "HOST:PORT");
	expect_no_open("127.0.0.1:65536", "HOST:PORT");
	expect_no_open("unix:relative", "unix:/path");
	expect_no_open("unix:/no/such/folder/s", "cannot listen");
	/* a name; whether it is 127.0.0.1 or ::1 is the machine's business */
	peer_close(&self.peer);
	httpd_close(&self.httpd);
	open_with((struct httpd_conf){ .listen = "localhost:0" });
	assert_true(httpd_port(self.httpd) > 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_keep_alive),
		T(test_pipelined_in_order),
		T(test_many_pipelined),
		T(test_bodies),
		T(test_continue),
		T(test_head_and_bodyless),
		T(test_faults_close),
		T(test_chunked_body_over_the_limit),
		T(test_head_too_large),
		T(test_faults_in_the_form_of_the_program),
		T(test_time_outs),
		T(test_client_goes_away),
		T(test_client_goes_away_unnoticed),
		T(test_abort_and_old_clients),
		T(test_large_answer_to_a_slow_reader),
		T(test_drain),
		T(test_more_connections_wait),
		T(test_unix_socket),
		T(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
