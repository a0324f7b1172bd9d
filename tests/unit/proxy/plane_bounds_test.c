/* Limits that have a metric: each is met, has its effect, and is counted. */
#include <stdlib.h>

#include "proxy/rig/rig.c"
#include "proxy/trust.h"

static int
teardown(void **state)
{
	rig_stop();
	return 0;
}

/* Of a line of the metrics that begins so; -1: there is none. */
static long
metric(const char *name)
{
	STRBUF_AUTO text = { 0 };
	struct span rest, line;

	rig_metrics(&text);
	rest = strbuf_span(&text);
	while (span_cut(&rest, '\n', &line))
		if (span_starts(line, name) && line.at[strlen(name)] == ' ')
			return strtol(line.at + strlen(name), NULL, 10);
	return -1;
}

static long
met(const char *limit)
{
	char name[96];

	snprintf(name, sizeof(name), "gsb_proxy_limit_total{limit=\"%s\"}",
		 limit);
	return metric(name);
}

static void
expect(struct answer *a, int status)
{
	if (a->status != status)
		fail_msg("%d instead of %d", a->status, status);
	answer_free(a);
}

static void
get_on(int fd, struct answer *a)
{
	client_send(fd, "GET /c/ok HTTP/1.1\r\nHost: x\r\n\r\n");
	client_read(fd, false, a);
}

static void
test_requests_of_a_connection(void **state)
{
	struct rig_conf conf = { .limits = { .connection_requests = 3 } };
	struct answer a;
	int fd;

	rig_start(&conf);
	fd = client_open();
	for (int i = 1; i <= 3; i++) {
		get_on(fd, &a);
		assert_string_equal(answer_field(&a, "Connection"),
				    i == 3 ? "close" : "");
		expect(&a, 200);
	}
	assert_true(client_at_end(fd));
	close(fd);
	assert_int_equal(met("connection_requests"), 1);
}

static bool
no_connections(void)
{
	struct plane_counts c;

	rig_counts(&c);
	return c.connections == 0;
}

static void
test_connections_in_all(void **state)
{
	struct rig_conf conf = { .limits = { .connections = 2 } };
	struct answer a;
	int fd[3];

	rig_start(&conf);
	for (int i = 0; i < 2; i++) {
		fd[i] = client_open();
		get_on(fd[i], &a);
		expect(&a, 200);
	}
	fd[2] = client_open();
	assert_true(client_at_end(fd[2]));
	assert_int_equal(met("connections"), 1);
	assert_int_equal(met("connections_per_address"), 0);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	rig_wait(no_connections);
	client_get("/c/ok", &a);
	expect(&a, 200);
}

static void
test_connections_of_an_address(void **state)
{
	struct rig_conf conf = { .limits = { .connections_per_address = 1 } };
	struct answer a;
	int one, two;

	rig_start(&conf);
	one = client_open();
	get_on(one, &a);
	expect(&a, 200);
	two = client_open();
	assert_true(client_at_end(two));
	assert_int_equal(met("connections_per_address"), 1);
	close(one);
	close(two);
}

static void
test_heads(void **state)
{
	struct rig_conf conf = { .limits = { .head_bytes = 1000,
					     .fields = 3,
					     .head_ms = 200,
					     .idle_ms = 200 } };
	struct answer a;
	char big[1100];
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
	assert_int_equal(met("head_bytes"), 1);
	fd = client_open();
	client_send(fd, "GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\n"
			"C: 3\r\n\r\n");
	client_read(fd, false, &a);
	expect(&a, 431);
	close(fd);
	assert_int_equal(met("fields"), 1);
	fd = client_open(); /* silent from its beginning */
	assert_true(client_at_end(fd));
	close(fd);
	assert_int_equal(met("head_time"), 1);
	fd = client_open(); /* silent behind an answer */
	get_on(fd, &a);
	expect(&a, 200);
	assert_true(client_at_end(fd));
	close(fd);
	assert_int_equal(met("idle_time"), 1);
}

static void
test_bodies_that_come_slowly(void **state)
{
	struct rig_conf conf = { .limits = { .body_ms = 300,
					     .body_rate = 1000000,
					     .body_limit_bytes = 5000 } };
	static const char head[] = "POST /c/ok HTTP/1.1\r\nHost: x\r\n"
				   "Content-Length: 4000\r\n\r\n";
	struct answer a;
	int fd;

	rig_start(&conf);
	fd = client_open();
	client_send(fd, head);
	client_read(fd, false, &a);
	expect(&a, 408);
	close(fd);
	assert_int_equal(met("body_time"), 1);
	fd = client_open();
	client_send(fd, head);
	while (met("body_rate") == 0) {
		client_send(fd, "x");
		usleep(20000);
	}
	client_read(fd, false, &a);
	expect(&a, 408);
	close(fd);
	client_post("/c/ok", "", &a);
	expect(&a, 200);
	fd = client_open();
	client_send(fd, "POST /c/ok HTTP/1.1\r\nHost: x\r\n"
			"Content-Length: 5001\r\n\r\n");
	client_read(fd, false, &a);
	expect(&a, 413);
	close(fd);
	assert_int_equal(met("body_limit"), 1);
}

/* The client's kernel takes little by itself. */
static int
open_narrow(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)rig.port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), bytes = 4096;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static bool
is_cut_off(void)
{
	return met("body_time") + met("body_rate") == 1;
}

/* How much the kernels take by themselves decides which of the two it is. */
static void
test_answers_that_are_not_taken(void **state)
{
	struct rig_conf conf = { .limits = { .body_ms = 300 } };
	int fd;

	rig_start(&conf);
	fd = open_narrow();
	client_send(fd, "GET /c/huge/9 HTTP/1.1\r\nHost: x\r\n\r\n");
	rig_wait(is_cut_off);
	rig_wait(no_connections);
	close(fd);
}

static bool
one_queued(void)
{
	return metric("gsb_proxy_queued{site=\"primary\"}") == 1;
}

static bool
one_at_site(void)
{
	return site_count(rig.site[0], "/c/slow/1") == 1;
}

/* The site is asked for one at a time; in order. */
static void
test_a_site_gets_no_more_than_its_share(void **state)
{
	struct rig_conf conf = { .limits = { .site_requests = 1,
					     .site_queue = 1 } };
	struct client *stuck, *waits;
	struct answer a;

	rig_start(&conf);
	stuck = client_start("GET", "/c/slow/1");
	rig_wait(one_at_site);
	waits = client_start("POST", "/c/ok");
	rig_wait(one_queued);
	assert_int_equal(site_count(rig.site[0], "/c/ok"), 0);
	client_get("/c/ok", &a); /* one too many */
	assert_string_equal(answer_field(&a, "Retry-After"), "3");
	expect(&a, 503);
	site_release(rig.site[0]);
	client_join(&stuck, &a);
	expect(&a, 200);
	client_join(&waits, &a);
	expect(&a, 200);
	assert_int_equal(site_connections(rig.site[0]), 1);
	assert_int_equal(met("site_requests"), 1);
	assert_int_equal(met("site_queue"), 1);
}

static void
test_the_queue_has_a_deadline(void **state)
{
	struct rig_conf conf = { .limits = { .site_requests = 1,
					     .queue_ms = 300 } };
	struct client *stuck;
	struct answer a;

	rig_start(&conf);
	stuck = client_start("GET", "/c/slow/1");
	rig_wait(one_at_site);
	client_get("/c/ok", &a);
	expect(&a, 503);
	assert_int_equal(met("queue_time"), 1);
	assert_int_equal(site_count(rig.site[0], "/c/ok"), 0);
	site_release(rig.site[0]);
	client_join(&stuck, &a);
	expect(&a, 200);
}

static bool
stuck_at_backup(void)
{
	return site_count(rig.site[1], "/c/slow/1") == 1;
}

/* What waits at a site that is not its own any more goes to the right one. */
static void
test_the_queue_moves(void **state)
{
	struct rig_conf conf = { .limits = { .site_requests = 1 } };
	struct client *stuck, *waits;
	struct answer a;

	rig_start(&conf);
	stuck = client_start("GET", "/c/slow/1");
	rig_wait(one_at_site);
	waits = client_start("GET", "/c/ok");
	rig_wait(one_queued);
	rig.next.active = ROUTE_BACKUP;
	rig.next.epoch++;
	rig_publish();
	rig_wait(stuck_at_backup); /* taken away from the old one */
	site_release(rig.site[1]);
	client_join(&waits, &a);
	assert_true(span_starts(span_of(a.body), "backup "));
	expect(&a, 200);
	client_join(&stuck, &a);
	expect(&a, 200);
	assert_false(one_queued());
}

/* Their clients go away, and are forgotten. */
static void
test_clients_of_the_queue_go_away(void **state)
{
	struct rig_conf conf = { .limits = { .site_requests = 1 } };
	struct client *stuck;
	struct answer a;
	int fd;

	rig_start(&conf);
	stuck = client_start("GET", "/c/slow/1");
	rig_wait(one_at_site);
	fd = client_open();
	client_send(fd, "GET /c/ok HTTP/1.1\r\nHost: x\r\n\r\n");
	rig_wait(one_queued);
	close(fd);
	while (one_queued())
		usleep(1000);
	site_release(rig.site[0]);
	client_join(&stuck, &a);
	expect(&a, 200);
	assert_int_equal(site_count(rig.site[0], "/c/ok"), 0);
}

static bool
is_refused(void)
{
	return metric("gsb_proxy_site_tls_failed_total{site=\"primary\"}") > 1;
}

/* Who does not speak TLS (here the proxy itself) is asked for nothing. */
static void
test_no_site_without_its_tls(void **state)
{
	struct rig_conf conf = { .limits = { .head_ms = 100 } };
	struct trust_conf none = { 0 };
	struct route_address *to;
	struct client *waits;
	struct answer a;
	struct err e;
	char text[64];

	rig_start(&conf);
	client_get("/c/ok", &a);
	expect(&a, 200);
	to = &rig.next.upstream[ROUTE_PRIMARY][ROUTE_WEB].address;
	snprintf(text, sizeof(text), "https://127.0.0.1:%u", rig.port);
	unit_works(route_address_parse(text, to, &e), &e);
	rig.next.trust = trust_load(&none, &e);
	assert_non_null(rig.next.trust);
	rig_publish();
	waits = client_start("POST", "/c/secret");
	rig_wait(is_refused); /* tried again and again */
	rig.next.active = ROUTE_BACKUP;
	rig.next.epoch++;
	rig_publish();
	client_join(&waits, &a);
	assert_true(span_starts(span_of(a.body), "backup "));
	expect(&a, 200);
	assert_int_equal(site_count(rig.site[0], "/c/secret"), 0);
	trust_drop(&rig.next.trust);
}

#define CASE(fn) cmocka_unit_test_teardown(fn, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_requests_of_a_connection),
		CASE(test_connections_in_all),
		CASE(test_connections_of_an_address),
		CASE(test_heads),
		CASE(test_bodies_that_come_slowly),
		CASE(test_answers_that_are_not_taken),
		CASE(test_a_site_gets_no_more_than_its_share),
		CASE(test_the_queue_has_a_deadline),
		CASE(test_the_queue_moves),
		CASE(test_clients_of_the_queue_go_away),
		CASE(test_no_site_without_its_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
