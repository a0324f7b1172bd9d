/* The table "What happens to requests", row by row. */
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
switch_to(enum route_site active)
{
	rig.next.mode = ROUTE_SERVE;
	rig.next.active = active;
	rig.next.epoch++;
	rig_publish();
}

static void
hold(void)
{
	rig.next.mode = ROUTE_HOLD;
	rig_publish();
}

static void
expect(struct answer *a, int status, const char *body)
{
	if (a->status != status)
		fail_msg("%d instead of %d: %s", a->status, status,
			 a->body != NULL ? a->body : "");
	if (body != NULL)
		assert_string_equal(a->body, body);
	answer_free(a);
}

static uint64_t
held(void)
{
	struct plane_counts c;

	rig_counts(&c);
	return c.held;
}

static bool
one_held(void)
{
	return held() == 1;
}

static bool
nothing_in_flight(void)
{
	struct plane_counts c;

	rig_counts(&c);
	return c.in_flight[0] + c.in_flight[1] + c.held + c.may_write[0] == 0;
}

/* Connection died before any answer byte, GET and POST: once more. */
static void
test_died_once(void **state)
{
	static const char *const targets[] = { "/c/reset/1", "/c/close/1",
					       "/c/half/1", "/c/unknown/1" };
	struct answer a;
	char target[64];

	for (size_t i = 0; i < UNIT_COUNT(targets); i++) {
		client_get(targets[i], &a);
		expect(&a, 200, "primary 2");
		snprintf(target, sizeof(target), "%s/p", targets[i]);
		client_post(target, "body", &a);
		expect(&a, 200, "primary 2");
	}
	rig_wait(nothing_in_flight);
	rig_wait_signal(ROUTE_PRIMARY, PLANE_RESET);
}

/* It died twice: held until a newer snapshot decides, then resent. */
static void
test_died_twice(void **state)
{
	struct client *c = client_start("POST", "/c/reset/9");
	struct answer a;

	rig_wait(one_held);
	assert_int_equal(site_count(rig.site[ROUTE_PRIMARY], "/c/reset/9"), 2);
	count(rig.site[ROUTE_BACKUP], "/c/reset/9", 9);
	switch_to(ROUTE_BACKUP);
	client_join(&c, &a);
	expect(&a, 200, "backup 10");
	assert_int_equal(site_count(rig.site[ROUTE_PRIMARY], "/c/reset/9"), 2);
}

/* A POST, and the site is not healthy: not even once more. */
static void
test_post_to_a_suspect(void **state)
{
	struct client *c;
	struct answer a;

	rig.next.upstream[ROUTE_PRIMARY][ROUTE_WEB].healthy = false;
	rig_publish();
	c = client_start("POST", "/c/reset/1");
	rig_wait(one_held);
	assert_int_equal(site_count(rig.site[ROUTE_PRIMARY], "/c/reset/1"), 1);
	rig.next.upstream[ROUTE_PRIMARY][ROUTE_WEB].healthy = true;
	rig_publish();
	client_join(&c, &a);
	expect(&a, 200, "primary 2");
}

/* "Not processed": to the right site, POST too. */
static void
test_not_processed(void **state)
{
	struct client *c = client_start("POST", "/c/421/2");
	struct answer a;

	client_join(&c, &a); /* the same site, tried again by itself */
	expect(&a, 200, "primary 3");
	client_post("/c/np/1", "body", &a);
	expect(&a, 200, "primary 2");
	c = client_start("POST", "/c/421/99");
	rig_wait(one_held);
	count(rig.site[ROUTE_BACKUP], "/c/421/99", 99);
	switch_to(ROUTE_BACKUP);
	client_join(&c, &a);
	expect(&a, 200, "backup 100");
	rig_wait_signal(ROUTE_PRIMARY, PLANE_NOT_PROCESSED);
}

/* Nobody listens: held, and sent when it listens again, or elsewhere. */
static void
test_refused(void **state)
{
	struct client *c;
	struct answer a;

	rig_site_down(ROUTE_PRIMARY);
	c = client_start("POST", "/c/ok");
	rig_wait(one_held);
	rig_wait_signal(ROUTE_PRIMARY, PLANE_REFUSED);
	rig_site_up(ROUTE_PRIMARY);
	client_join(&c, &a);
	expect(&a, 200, "primary 1");
	rig_site_down(ROUTE_PRIMARY);
	c = client_start("POST", "/c/ok");
	rig_wait(one_held);
	switch_to(ROUTE_BACKUP);
	client_join(&c, &a);
	expect(&a, 200, "backup 1");
	rig_site_up(ROUTE_PRIMARY);
}

/* A stopped site answers nothing: what waits there moves with the switch. */
static void
test_hanging_moves(void **state)
{
	struct client *c = client_start("POST", "/c/slow/1");
	struct client *g = client_start("GET", "/c/slow/1/g");
	struct plane_counts n;
	struct answer a;

	do {
		rig_counts(&n);
	} while (n.in_flight[ROUTE_PRIMARY] != 2 ||
		 n.may_write[ROUTE_PRIMARY] != 1);
	count(rig.site[ROUTE_BACKUP], "/c/slow/1", 1);
	count(rig.site[ROUTE_BACKUP], "/c/slow/1/g", 1);
	hold();
	switch_to(ROUTE_BACKUP);
	client_join(&c, &a);
	expect(&a, 200, "backup 2");
	client_join(&g, &a);
	expect(&a, 200, "backup 2");
	rig_wait(nothing_in_flight);
}

/* The answer had begun: cut, and nobody executes it again. */
static void
test_cut(void **state)
{
	STRBUF_AUTO text = { 0 };
	struct answer a;

	client_get("/c/cut/9", &a);
	assert_int_equal(a.status, 200);
	assert_false(a.whole);
	answer_free(&a);
	assert_int_equal(site_count(rig.site[ROUTE_PRIMARY], "/c/cut/9"), 1);
	rig_metrics(&text);
	assert_non_null(strstr(text.at, "\ngsb_proxy_cut_total 1\n"));
	assert_non_null(strstr(text.at, "gsb_proxy_epoch 7\n"));
}

static void
test_hold_and_release(void **state)
{
	enum { N = 60 };
	struct client *c[N];
	struct plane_counts n;
	struct answer a;

	hold();
	for (int i = 0; i < N; i++)
		c[i] = client_start(i % 2 ? "GET" : "POST", "/c/ok");
	do {
		rig_counts(&n);
	} while (n.held != N);
	assert_true(n.held_bytes > 0);
	assert_int_equal(n.in_flight[0] + n.in_flight[1], 0);
	switch_to(ROUTE_BACKUP);
	for (int i = 0; i < N; i++) {
		client_join(&c[i], &a);
		expect(&a, 200, NULL);
	}
	assert_int_equal(site_count(rig.site[ROUTE_BACKUP], "/c/ok"), N);
	assert_int_equal(site_count(rig.site[ROUTE_PRIMARY], "/c/ok"), 0);
	rig_wait(nothing_in_flight);
}

/* 503 in the form of the API that was called, when the time is over. */
static void
test_expires(void **state)
{
	struct answer a;

	rig.next.hold_ms = 200;
	hold();
	client_post("/WBXService/XMLService", "<x/>", &a);
	assert_int_equal(a.status, 503);
	assert_string_equal(answer_field(&a, "Retry-After"), "3");
	assert_string_equal(answer_field(&a, "Content-Type"),
			    "text/xml;charset=UTF-8");
	assert_non_null(strstr(a.body, "<serv:result>FAILURE</serv:result>"
				       "<serv:reason>"));
	assert_non_null(
	    strstr(a.body, "<serv:gsbStatus>PRIMARY</serv:gsbStatus>"));
	answer_free(&a);
	client_get("/v1/meetings", &a);
	assert_int_equal(a.status, 503);
	assert_non_null(strstr(a.body, "\"trackingId\": \""));
	assert_int_equal(strlen(answer_field(&a, "trackingId")), 22);
	answer_free(&a);
	rig.next.mode = ROUTE_CLOSED;
	rig_publish();
	client_get("/acme/x", &a);
	assert_string_equal(answer_field(&a, "Content-Type"),
			    "text/plain;charset=UTF-8");
	expect(&a, 503, NULL);
}

/* Nobody will answer it: better now than after upstream_time. */
static void
test_hanging_when_nobody_may_serve(void **state)
{
	struct client *c = client_start("POST", "/c/slow/1");
	struct plane_counts n;
	struct answer a;

	do {
		rig_counts(&n);
	} while (n.may_write[ROUTE_PRIMARY] != 1);
	rig.next.mode = ROUTE_CLOSED;
	rig_publish();
	client_join(&c, &a);
	expect(&a, 503, NULL);
	rig_wait(nothing_in_flight);
}

/* A client that goes away frees what is held for it. */
static void
test_client_leaves(void **state)
{
	int fd = client_open();

	hold();
	client_send(fd, "GET /c/ok HTTP/1.1\r\nHost: x\r\n\r\n");
	rig_wait(one_held);
	close(fd);
	rig_wait(nothing_in_flight);
	switch_to(ROUTE_PRIMARY);
	fd = client_open();
	client_send(fd, "GET /c/slow/1 HTTP/1.1\r\nHost: x\r\n\r\n");
	while (site_count(rig.site[ROUTE_PRIMARY], "/c/slow/1") == 0)
		;
	close(fd);
	rig_wait(nothing_in_flight);
	assert_int_equal(site_count(rig.site[ROUTE_PRIMARY], "/c/ok"), 0);
}

static void
test_detect(void **state)
{
	struct client *c;
	struct answer a;

	client_get("/acme/detectbackup.php", &a);
	assert_string_equal(answer_field(&a, "Content-Type"),
			    "text/html;charset=UTF-8");
	assert_string_equal(answer_field(&a, "Cache-Control"), "no-store");
	expect(&a, 200, "Primary");
	client_get("/%41CME/detectbackup", &a);
	expect(&a, 200, "Primary");
	client_get("/nobody/detectbackup.php", &a);
	expect(&a, 404, NULL);
	rig.next.suspect = true;
	rig_publish();
	c = client_start("GET", "/acme/detectbackup");
	rig_wait(one_held);
	rig.next.suspect = false;
	switch_to(ROUTE_BACKUP);
	client_join(&c, &a);
	expect(&a, 200, "Backup");
	assert_int_equal(site_connections(rig.site[ROUTE_PRIMARY]), 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_died_once),
		CASE(test_died_twice),
		CASE(test_post_to_a_suspect),
		CASE(test_not_processed),
		CASE(test_refused),
		CASE(test_hanging_moves),
		CASE(test_hanging_when_nobody_may_serve),
		CASE(test_cut),
		CASE(test_hold_and_release),
		CASE(test_expires),
		CASE(test_client_leaves),
		CASE(test_detect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
