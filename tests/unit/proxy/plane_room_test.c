/* WebSocket tunnels: where they go, and how they end. */
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

static const char ask_room[] = "GET /acme/ws/%c/123?t=x HTTP/1.1\r\nHost: x\r\n"
			       "Connection: keep-alive, Upgrade\r\n"
			       "Upgrade: websocket\r\nSec-WebSocket-Key: k\r\n"
			       "Sec-WebSocket-Version: 13\r\n\r\n%s";

/* early: bytes sent with the head. */
static int
open_room(char letter, const char *early)
{
	char text[512], frame[8] = { 0 };
	struct answer a;
	int fd = client_open();

	snprintf(text, sizeof(text), ask_room, letter, early);
	client_send(fd, text);
	client_read(fd, false, &a);
	assert_int_equal(a.status, 101);
	assert_string_equal(answer_field(&a, "Upgrade"), "websocket");
	assert_string_equal(answer_field(&a, "Sec-WebSocket-Accept"), "x");
	answer_free(&a);
	assert_int_equal(client_read_bytes(fd, frame, 7), 7);
	assert_string_equal(frame, "\x81\x05hello");
	return fd;
}

static void
expect_bytes(int fd, const char *want, size_t n)
{
	char got[64] = { 0 };

	assert_int_equal(client_read_bytes(fd, got, n), n);
	assert_memory_equal(got, want, n);
}

static void
expect_close(int fd, int code)
{
	char got[80];
	size_t n = client_read_bytes(fd, got, sizeof(got));

	assert_true(n >= 4);
	assert_int_equal((unsigned char)got[0], 0x88);
	assert_int_equal(got[1], n - 2);
	assert_int_equal((unsigned char)got[2] << 8 | (unsigned char)got[3],
			 code);
}

static bool
no_websockets(void)
{
	struct plane_counts c;

	rig_counts(&c);
	return c.websockets[0] + c.websockets[1] + c.in_flight[0] == 0;
}

static void
test_tunnel(void **state)
{
	struct plane_counts c;
	int p = open_room('P', "PING"), b = open_room('B', "");

	expect_bytes(p, "\x81\x04PONG", 6);
	for (int i = 0; i < 3; i++) {
		client_send(b, "PING");
		expect_bytes(b, "\x81\x04PONG", 6);
	}
	rig_counts(&c);
	assert_int_equal(c.websockets[ROUTE_PRIMARY], 1);
	assert_int_equal(c.websockets[ROUTE_BACKUP], 1);
	assert_int_equal(site_connections(rig.collab[ROUTE_PRIMARY]), 1);
	assert_int_equal(site_connections(rig.collab[ROUTE_BACKUP]), 1);
	close(p);
	close(b);
	rig_wait(no_websockets);
}

static void
test_closing_frame_between_frames(void **state)
{
	int fd = open_room('P', "");
	int other = open_room('B', "");

	client_send(fd, "HALF");
	expect_bytes(fd,
		     "\x81\x05"
		     "abc",
		     5);
	rig_close_websockets(ROUTE_PRIMARY, 1012, 0);
	usleep(300000); /* it is due; the frame has not ended */
	client_send(fd, "REST");
	expect_bytes(fd, "de", 2);
	expect_close(fd, 1012);
	client_send(other, "PING"); /* the other site's stay */
	expect_bytes(other, "\x81\x04PONG", 6);
	close(fd);
	close(other);
	rig_wait(no_websockets);
}

static void
test_spread(void **state)
{
	enum { N = 10 };
	int64_t began;
	int fd[N];

	for (int i = 0; i < N; i++)
		fd[i] = open_room('P', "");
	began = clock_mono_ms();
	rig_close_websockets(ROUTE_PRIMARY, 1001, 1000);
	for (int i = N - 1; i >= 0; i--) {
		expect_close(fd[i], 1001);
		close(fd[i]);
	}
	assert_true(clock_mono_ms() - began >= 800);
	rig_wait(no_websockets);
}

static void
test_collab_dies(void **state)
{
	int fd = open_room('P', "");
	int half = open_room('P', "HALF");

	client_send(fd, "DIE");
	expect_close(fd, 1012);
	expect_bytes(half,
		     "\x81\x05"
		     "abc",
		     5);
	client_send(half, "DIE");
	assert_true(client_at_end(half)); /* no close frame can stand there */
	close(fd);
	close(half);
	fd = open_room('P', "");
	client_send(fd, "BYE DIE"); /* the site's own close is the last word */
	expect_bytes(fd, "\x88\x02\x03\xe8", 4);
	assert_true(client_at_end(fd));
	close(fd);
	rig_wait(no_websockets);
}

static bool
is_drained(void)
{
	return rig.drained;
}

static void
test_drain(void **state)
{
	int fd = open_room('P', "");

	rig_drain();
	expect_close(fd, 1012);
	close(fd);
	rig_wait(is_drained);
}

static void
test_no_grant(void **state)
{
	char text[512];
	struct answer a;
	int fd = client_open();

	rig.next.upstream[ROUTE_BACKUP][ROUTE_COLLAB].granted = false;
	rig_publish();
	snprintf(text, sizeof(text), ask_room, 'B', "");
	client_send(fd, text);
	client_read(fd, false, &a);
	assert_int_equal(a.status, 503);
	assert_string_equal(answer_field(&a, "Retry-After"), "3");
	answer_free(&a);
	close(fd);
	fd = open_room('P', "");
	close(fd);
}

/* Without an upgrade, or elsewhere, it is the web's matter. */
static void
test_not_a_room(void **state)
{
	struct answer a;

	client_get("/c/ws", &a);
	assert_int_equal(a.status, 200);
	answer_free(&a);
	assert_int_equal(site_connections(rig.collab[ROUTE_PRIMARY]), 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_tunnel),     CASE(test_closing_frame_between_frames),
		CASE(test_spread),     CASE(test_collab_dies),
		CASE(test_drain),      CASE(test_no_grant),
		CASE(test_not_a_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
