/* Limits, deadlines, draining, the log, several workers. */
#include <fcntl.h>
#include <jansson.h>

#include "proxy/rig/rig.c"

static char log_path[] = "/tmp/plane-log-XXXXXX";

static int
teardown(void **state)
{
	rig_stop();
	return 0;
}

static void
expect(struct answer *a, int status)
{
	if (a->status != status)
		fail_msg("%d instead of %d", a->status, status);
	answer_free(a);
}

static void
test_heads(void **state)
{
	struct rig_conf conf = { .limits = { .head_bytes = 1000,
					     .head_ms = 300 } };
	char big[1200];
	struct answer a;
	int fd;

	rig_start(&conf);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	fd = client_open();
	client_send(fd, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
	client_send(fd, big);
	client_read(fd, false, &a);
	expect(&a, 431);
	close(fd);
	fd = client_open();
	for (int i = 0; i < 8; i++) { /* drip by drip is no way around it */
		client_send(fd, i == 0 ? "GET / HTTP/1.1\r\n" : "X: y\r\n");
		usleep(80000);
	}
	client_read(fd, false, &a);
	expect(&a, 408);
	close(fd);
	fd = client_open(); /* nothing at all */
	assert_true(client_at_end(fd));
	close(fd);
}

static void
test_bodies(void **state)
{
	struct rig_conf conf = { .limits = { .body_limit_bytes = 1000,
					     .body_buffer_bytes = 100,
					     .body_ms = 300 } };
	struct answer a;
	int fd;

	rig_start(&conf);
	fd = client_open();
	client_send(fd, "POST /v1/x HTTP/1.1\r\nHost: x\r\n"
			"Content-Length: 1001\r\n\r\n");
	client_read(fd, false, &a);
	assert_string_equal(answer_field(&a, "Connection"), "close");
	assert_non_null(strstr(a.body, "\"message\""));
	expect(&a, 413);
	close(fd);
	fd = client_open();
	client_send(fd, "POST /v1/x HTTP/1.1\r\nHost: x\r\n"
			"Content-Length: 50\r\n\r\nabc");
	client_read(fd, false, &a);
	expect(&a, 408);
	close(fd);
}

/* A byte in time, again and again, is not in time on the whole. */
static void
test_dripping_body(void **state)
{
	struct rig_conf conf = { .limits = { .body_ms = 300 } };
	struct answer a;
	int fd;

	rig_start(&conf);
	fd = client_open();
	client_send(fd, "POST /c/ok HTTP/1.1\r\nHost: x\r\n"
			"Content-Length: 30\r\n\r\n");
	for (int i = 0; i < 25; i++) {
		client_send(fd, "x");
		usleep(50000);
	}
	client_read(fd, false, &a);
	expect(&a, 408);
	close(fd);
	assert_int_equal(site_connections(rig.site[0]), 0);
}

static void
post_slowly(int fd, const char *target, size_t size)
{
	char text[256], piece[100];

	memset(piece, 'b', sizeof(piece));
	snprintf(text, sizeof(text),
		 "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
		 target, size);
	client_send(fd, text);
	for (size_t i = 0; i < size; i += sizeof(piece)) {
		client_send_bytes(fd, piece, sizeof(piece));
		usleep(1000);
	}
}

/* Beyond the buffer: streamed; resendable only until more has gone out. */
static void
test_streamed(void **state)
{
	struct rig_conf conf = { .limits = { .body_buffer_bytes = 1000 } };
	STRBUF_AUTO text = { 0 };
	struct answer a;
	int fd;

	rig_start(&conf);
	fd = client_open();
	post_slowly(fd, "/c/echo", 20000);
	client_read(fd, false, &a);
	assert_true(a.len > 20000);
	for (size_t i = a.len - 20000; i < a.len; i++)
		assert_int_equal(a.body[i], 'b');
	answer_free(&a);
	post_slowly(fd, "/c/reset/1", 20000);
	client_read(fd, false, &a);
	expect(&a, 503);
	close(fd);
	assert_int_equal(site_count(rig.site[0], "/c/reset/1"), 1);
	rig_metrics(&text);
	assert_non_null(strstr(text.at, "\ngsb_proxy_streamed_total 2\n"));
}

static void
test_held_bounds(void **state)
{
	struct rig_conf conf = { .limits = { .held_requests = 2 } };
	struct client *c[2];
	struct plane_counts n;
	struct answer a;

	rig_start(&conf);
	rig.next.mode = ROUTE_HOLD;
	rig_publish();
	for (int i = 0; i < 2; i++)
		c[i] = client_start("GET", "/c/ok");
	do {
		rig_counts(&n);
	} while (n.held != 2);
	client_get("/c/ok", &a);
	expect(&a, 503);
	rig.next.mode = ROUTE_SERVE;
	rig_publish();
	for (int i = 0; i < 2; i++) {
		client_join(&c[i], &a);
		expect(&a, 200);
	}
}

static void
test_upstream_deadline(void **state)
{
	struct rig_conf conf = { .limits = { .upstream_ms = 200 } };
	struct answer a;

	rig_start(&conf);
	client_get("/c/slow/1", &a);
	expect(&a, 504);
	rig_wait_signal(ROUTE_PRIMARY, PLANE_TIMEOUT);
}

static bool
is_drained(void)
{
	return rig.drained;
}

/* What runs is finished, what is idle ends, nobody new is let in. */
static void
test_drain(void **state)
{
	struct client *c;
	struct answer a;
	int idle;

	rig_start(NULL);
	idle = client_open();
	client_send(idle, "GET /c/ok HTTP/1.1\r\nHost: x\r\n\r\n");
	client_read(idle, false, &a);
	expect(&a, 200);
	c = client_start("GET", "/c/slow/1");
	while (site_count(rig.site[0], "/c/slow/1") == 0)
		;
	rig_drain();
	assert_true(client_at_end(idle));
	close(idle);
	assert_false(rig.drained);
	site_release(rig.site[0]);
	client_join(&c, &a);
	expect(&a, 200);
	rig_wait(is_drained);
}

static void
test_workers(void **state)
{
	struct rig_conf conf = { .workers = 4 };
	struct answer a;

	rig_start(&conf);
	for (int i = 0; i < 20; i++) {
		rig.next.active = (enum route_site)(i % 2);
		rig.next.epoch++;
		rig_publish();
		for (int k = 0; k < 5; k++) {
			client_get("/c/ok", &a);
			assert_true(span_starts(
			    span_of(a.body), i % 2 ? "backup " : "primary "));
			expect(&a, 200);
		}
	}
}

static bool
answers_on(unsigned port)
{
	unsigned before = rig.port;
	struct answer a;
	int status;

	rig.port = port;
	client_get("/c/ok", &a);
	rig.port = before;
	status = a.status;
	answer_free(&a);
	return status == 200;
}

static unsigned other_port;

static bool
refuses_other_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)other_port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), rc;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
	close(fd);
	return rc != 0;
}

/* Addresses come and go, connections stay; a mistake changes nothing. */
static void
test_reload(void **state)
{
	struct rig_conf conf = { .workers = 2 };
	char listen[128];
	struct answer a;
	int kept;

	rig_start(&conf);
	other_port = port_hold();
	kept = client_open();
	snprintf(listen, sizeof(listen), "127.0.0.1:%u, 127.0.0.1:%u", rig.port,
		 other_port);
	assert_string_equal(rig_reload(listen), "");
	assert_true(answers_on(rig.port));
	assert_true(answers_on(other_port));
	assert_non_null(
	    strstr(rig_reload("127.0.0.1:0,192.0.2.1:1"), "192.0.2.1:1"));
	assert_string_not_equal(rig_reload("nonsense"), "");
	assert_true(answers_on(rig.port));
	assert_true(answers_on(other_port));
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", rig.port);
	assert_string_equal(rig_reload(listen), "");
	rig_wait(refuses_other_port);
	client_send(kept, "GET /c/ok HTTP/1.1\r\nHost: x\r\n\r\n");
	client_read(kept, false, &a);
	expect(&a, 200);
	close(kept);
	assert_true(answers_on(rig.port));
}

static json_t *
read_line(FILE *f)
{
	char line[4096];
	json_t *j;

	assert_non_null(fgets(line, sizeof(line), f));
	j = json_loads(line, 0, NULL);
	if (j == NULL)
		fail_msg("no JSON: %s", line);
	return j;
}

static void
expect_line(FILE *f, int status, const char *target, const char *end)
{
	json_t *j = read_line(f);

	assert_int_equal(json_integer_value(json_object_get(j, "status")),
			 status);
	assert_string_equal(json_string_value(json_object_get(j, "target")),
			    target);
	assert_string_equal(json_string_value(json_object_get(j, "end")), end);
	json_decref(j);
}

static void
test_log(void **state)
{
	struct rig_conf conf = { .access_log = log_path };
	struct answer a;
	FILE *f;
	int fd;

	close(mkstemp(log_path));
	rig_start(&conf);
	client_get("/c/ok?a=\"b\\", &a); /* a quote is no URL character */
	expect(&a, 400);
	client_get("/c/ok?a=b", &a);
	expect(&a, 200);
	client_get("/c/reset/1", &a);
	expect(&a, 200);
	client_get("/acme/detectbackup", &a);
	expect(&a, 200);
	client_get("/gsb/lease", &a);
	expect(&a, 404);
	client_get("/c/cut/1", &a);
	expect(&a, 200);
	fd = client_open();
	client_send(fd, "nonsense\r\n\r\n");
	client_read(fd, false, &a);
	expect(&a, 400);
	close(fd);
	rig_stop();
	f = fopen(log_path, "r");
	assert_non_null(f);
	expect_line(f, 400, "/c/ok?a=*", "PR--"); /* values stay out */
	expect_line(f, 200, "/c/ok?a=*", "---n");
	expect_line(f, 200, "/c/reset/1", "--rn");
	expect_line(f, 200, "/acme/detectbackup", "----");
	expect_line(f, 404, "/gsb/lease", "PR--");
	expect_line(f, 200, "/c/cut/1", "SD-k");
	expect_line(f, 400, "", "PR--");
	fclose(f);
	unlink(log_path);
}

#define CASE(fn) cmocka_unit_test_teardown(fn, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_heads),         CASE(test_bodies),
		CASE(test_dripping_body), CASE(test_streamed),
		CASE(test_held_bounds),   CASE(test_upstream_deadline),
		CASE(test_drain),         CASE(test_workers),
		CASE(test_reload),        cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
