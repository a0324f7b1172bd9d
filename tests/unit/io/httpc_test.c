/* httpc against httpd and bare listeners; ctl, which is thin over both. */
#include "io/httpc.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/ctl.h"
#include "io/helper/turn.h"
#include "io/httpd.h"

static struct {
	struct httpd *httpd;
	struct httpd_req *held;
	char seen[4000]; /* the request as the server saw it */
} self;

struct end {
	struct httpc *call;
	unsigned times;
	int status;
	char body[200];
	char field[64];
	struct err err;
};

static void
on_request(void *ctx, struct httpd_req *r)
{
	struct httpd_field fields[] = { { "X-Seen", "yes" }, { NULL, NULL } };
	struct span name, value;
	size_t n;

	n = (size_t)snprintf(self.seen, sizeof(self.seen), "%.*s %.*s\n",
			     SPAN_ARG(httpd_method(r)),
			     SPAN_ARG(httpd_target(r)));
	for (unsigned i = 0; httpd_field_at(r, i, &name, &value); i++)
		n += (size_t)snprintf(self.seen + n, sizeof(self.seen) - n,
				      "%.*s: %.*s\n", SPAN_ARG(name),
				      SPAN_ARG(value));
	snprintf(self.seen + n, sizeof(self.seen) - n, "\n%.*s",
		 SPAN_ARG(httpd_body(r)));
	if (span_is(httpd_path(r), "/hold"))
		self.held = r;
	else if (span_is(httpd_path(r), "/cut"))
		httpd_abort(r);
	else if (span_is(httpd_path(r), "/elsewhere"))
		httpd_reply(r, 302,
			    (struct httpd_field[]){ { "Location", "/there" },
						    { NULL, NULL } },
			    span_of(""));
	else
		httpd_reply(r, 200, fields, span_of("0123456789"));
}

static void
on_end(void *ctx, const struct httpc_answer *answer, const struct err *err)
{
	struct end *e = ctx;

	e->call = NULL;
	e->times++;
	assert_true((answer == NULL) == (err != NULL));
	if (err != NULL) {
		e->err = *err;
		return;
	}
	e->status = answer->status;
	span_copy(answer->body, e->body, sizeof(e->body));
	span_copy(httpc_field(answer, "x-seen"), e->field, sizeof(e->field));
	assert_null(httpc_field(answer, "x-none").at);
}

static int
set_up(void **state)
{
	struct httpd_conf conf = { .listen = "127.0.0.1:0",
				   .on_request = on_request };
	struct err e = { 0 };

	memset(&self, 0, sizeof(self));
	loop_open();
	self.httpd = httpd_open(&conf, &e);
	return self.httpd != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	httpd_close(&self.httpd);
	loop_close();
	return 0;
}

static void
start(struct end *e, const char *path, struct httpc_request r)
{
	char url[100];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s",
		 httpd_port(self.httpd), path);
	if (r.url == NULL)
		r.url = url;
	*e = (struct end){ 0 };
	e->call = httpc_start(&r, on_end, e);
	assert_int_equal(e->times, 0);
}

static void
finish(struct end *e, const char *path, struct httpc_request r)
{
	start(e, path, r);
	TURN_UNTIL(e->times == 1);
}

static void
test_get_reuses_its_connection(void **state)
{
	struct end e;

	for (int i = 0; i < 3; i++) {
		finish(&e, "/a?b=c", (struct httpc_request){ 0 });
		assert_int_equal(e.status, 200);
		assert_string_equal(e.body, "0123456789");
		assert_string_equal(e.field, "yes");
	}
	assert_int_equal(httpd_connections(self.httpd), 1);
	assert_ptr_equal(strstr(self.seen, "GET /a?b=c\n"), self.seen);
	finish(&e, "/", (struct httpc_request){ .fresh = true });
	TURN_UNTIL(httpd_connections(self.httpd) == 1);
}

static void
test_post(void **state)
{
	struct httpc_field fields[] = { { "X-One", "1" },
					{ "Content-Type", "a/b" },
					{ NULL, NULL } };
	struct end e;

	finish(&e, "/p",
	       (struct httpc_request){ .method = "POST",
				       .fields = fields,
				       .body = span_of("the body") });
	assert_int_equal(e.status, 200);
	assert_non_null(strstr(self.seen, "POST /p\n"));
	assert_non_null(strstr(self.seen, "X-One: 1\n"));
	assert_non_null(strstr(self.seen, "Content-Type: a/b\n"));
	assert_non_null(strstr(self.seen, "Content-Length: 8\n"));
	assert_non_null(strstr(self.seen, "\n\nthe body"));
	assert_null(strstr(self.seen, "Expect"));
	finish(&e, "/d", (struct httpc_request){ .method = "DELETE" });
	assert_non_null(strstr(self.seen, "DELETE /d\n"));
	finish(&e, "/h", (struct httpc_request){ .method = "HEAD" });
	assert_non_null(strstr(self.seen, "HEAD /h\n"));
	assert_string_equal(e.body, "");
}

static void
test_redirects_are_answers(void **state)
{
	struct end e;

	finish(&e, "/elsewhere", (struct httpc_request){ 0 });
	assert_int_equal(e.status, 302);
}

static void
test_failures_by_kind(void **state)
{
	struct end e;

	finish(&e, "", (struct httpc_request){ .url = "http://127.0.0.1:1/" });
	assert_int_equal(e.err.code, ERR_REFUSED);
	finish(&e, "",
	       (struct httpc_request){ .url = "http://h/",
				       .unix_path = "/tmp/no-such-socket" });
	assert_int_equal(e.err.code, ERR_REFUSED);
	finish(&e, "",
	       (struct httpc_request){ .url = "http://no-such.invalid/" });
	assert_int_equal(e.err.code, ERR_NOT_FOUND);
	finish(&e, "", (struct httpc_request){ .url = "ftp://127.0.0.1/" });
	assert_int_equal(e.err.code, ERR_INVALID);
	finish(&e, "/cut", (struct httpc_request){ 0 });
	assert_int_equal(e.err.code, ERR_CLOSED);
	finish(&e, "/", (struct httpc_request){ .max_answer = 9 });
	assert_int_equal(e.err.code, ERR_LIMIT);
	finish(&e, "/hold", (struct httpc_request){ .timeout_ms = 50 });
	assert_int_equal(e.err.code, ERR_TIMEOUT);
}

/* Its own standing still is not the other side's: not while the connection
 * is made, not with the answer lying in the socket. */
static void
test_standing_still_is_no_waiting(void **state)
{
	struct end e;

	start(&e, "/", (struct httpc_request){ .timeout_ms = 400 });
	usleep(500000);
	TURN_UNTIL(e.times == 1);
	assert_int_equal(e.status, 200);
	start(&e, "/hold", (struct httpc_request){ .timeout_ms = 400 });
	TURN_UNTIL(self.held != NULL || e.times == 1);
	if (e.times == 1)
		return; /* the machine stood still, and turned by turn */
	httpd_reply(self.held, 200, NULL, span_of("held"));
	usleep(500000);
	TURN_UNTIL(e.times == 1);
	assert_string_equal(e.body, "held");
}

#define HEAD                            \
	"HTTP/1.1 100 Continue\r\n\r\n" \
	"HTTP/1.1 200 OK\r\nX-Seen: yes\r\nContent-Length: 4\r\n\r\n"

/* Answers each connection with one byte more than the one before. */
static void *
cut_answers(void *arg)
{
	static const char whole[] = HEAD "body";
	int listener = *(int *)arg;
	char unused[1000];

	for (size_t n = 0; n < sizeof(whole); n++) {
		int fd = accept(listener, NULL, NULL);

		assert_true(read(fd, unused, sizeof(unused)) > 0);
		if (n > 0)
			assert_int_equal(write(fd, whole, n), (ssize_t)n);
		close(fd);
	}
	return NULL;
}

static void
test_cut_at_any_byte(void **state)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(to);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t thread;
	struct end e;
	char url[64];

	assert_int_equal(bind(listener, (struct sockaddr *)&to, len), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&to, &len),
			 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(to.sin_port));
	assert_int_equal(pthread_create(&thread, NULL, cut_answers, &listener),
			 0);
	for (size_t n = 0; n < strlen(HEAD "body"); n++) {
		finish(&e, "", (struct httpc_request){ .url = url });
		/* too little to be called HTTP */
		if (n >= strlen("HTTP/1.1 100") || n == 0)
			assert_int_equal(e.err.code, ERR_CLOSED);
		else
			assert_int_not_equal(e.err.code, ERR_NONE);
	}
	finish(&e, "", (struct httpc_request){ .url = url });
	assert_int_equal(e.status, 200);
	assert_string_equal(e.body, "body");
	pthread_join(thread, NULL);
	close(listener);
}

static void
test_cancel(void **state)
{
	struct end e;

	start(&e, "/hold", (struct httpc_request){ 0 });
	TURN_UNTIL(self.held != NULL);
	httpc_cancel(&e.call);
	assert_null(e.call);
	TURN_UNTIL(httpd_connections(self.httpd) == 0);
	start(&e, "/", (struct httpc_request){ 0 });
	httpc_cancel(&e.call); /* before it has begun */
	uv_run(loop_uv(), UV_RUN_NOWAIT);
	assert_int_equal(e.times, 0);
	httpc_cancel(&e.call); /* NULL */
}

/* ctl */

struct ctl_end {
	unsigned times, gone;
	int status;
	char text[200];
	struct err err;
};

static void
on_ctl(void *ctx, struct ctl_req *r, const json_t *body)
{
	json_t *answer = json_object();

	if (span_is(ctl_path(r), "/hold")) {
		json_decref(answer);
		ctl_set_data(r, ctx);
		return;
	}
	json_put_span(answer, "method", ctl_method(r));
	json_put_str(answer, "param", ctl_param(r, "p"));
	json_put(answer, "body", json_deep_copy(body));
	ctl_reply(r, 201, answer);
}

static void
on_ctl_gone(void *ctx, struct ctl_req *r)
{
	struct ctl_end *e = ctl_data(r);

	e->gone++;
}

static void
on_ctl_end(void *ctx, int status, const json_t *body, const struct err *err)
{
	struct ctl_end *e = ctx;
	STRBUF_AUTO text = { 0 };

	e->times++;
	e->status = status;
	if (err != NULL)
		e->err = *err;
	if (body == NULL)
		return;
	json_write(body, JSON_SORTED, &text);
	snprintf(e->text, sizeof(e->text), "%s", strbuf_text(&text));
}

static void
test_ctl(void **state)
{
	char dir[] = "/tmp/gsb-ctl-XXXXXX", path[64];
	struct ctl_end end = { 0 };
	struct ctl_conf conf = { .path = path,
				 .on_request = on_ctl,
				 .on_gone = on_ctl_gone,
				 .ctx = &end };
	struct ctl_target to = { path, "POST", "/x?p=a%20b", 5000 };
	struct ctl_call *call;
	struct ctl *ctl;
	struct err e = { 0 };
	json_t *body = json_object();

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	ctl = ctl_open(&conf, &e);
	assert_non_null(ctl);
	json_put_int(body, "n", 7);
	call = ctl_call(&to, body, on_ctl_end, &end);
	TURN_UNTIL(end.times == 1);
	assert_int_equal(end.status, 201);
	assert_string_equal(end.text, "{\"body\":{\"n\":7},\"method\":"
				      "\"POST\",\"param\":\"a b\"}");
	to.target = "/hold";
	call = ctl_call(&to, NULL, on_ctl_end, &end);
	for (int i = 0; i < 20; i++)
		uv_run(loop_uv(), UV_RUN_NOWAIT);
	ctl_cancel(&call);
	TURN_UNTIL(end.gone == 1);
	ctl_close(&ctl);
	call = ctl_call(&to, NULL, on_ctl_end, &end);
	TURN_UNTIL(end.times == 2);
	assert_int_equal(end.err.code, ERR_REFUSED);
	json_decref(body);
	rmdir(dir);
}

static void
test_ctl_refuses_bad_json(void **state)
{
	char dir[] = "/tmp/gsb-ctl-XXXXXX", path[64];
	struct ctl_conf conf = { .path = path, .on_request = on_ctl };
	struct end end;
	struct ctl *ctl;
	struct err e = { 0 };

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	ctl = ctl_open(&conf, &e);
	assert_non_null(ctl);
	finish(&end, "/",
	       (struct httpc_request){ .method = "POST",
				       .url = "http://ctl/",
				       .unix_path = path,
				       .body = span_of("{") });
	assert_int_equal(end.status, 400);
	assert_non_null(strstr(end.body, "{\"message\":"));
	ctl_close(&ctl);
	rmdir(dir);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_get_reuses_its_connection),
		T(test_post),
		T(test_redirects_are_answers),
		T(test_failures_by_kind),
		T(test_standing_still_is_no_waiting),
		T(test_cut_at_any_byte),
		T(test_cancel),
		T(test_ctl),
		T(test_ctl_refuses_bad_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
