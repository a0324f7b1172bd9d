/*
 * Clients that ask without a pause while sites die, come back and change
 * places: every request is answered, well, on the connection it came on.
 */
#include <stdlib.h>

#include "proxy/rig/rig.c"

enum { CLIENTS = 12, ROUNDS = 30 };

static struct {
	uv_thread_t thread;
	unsigned answered, bad;
	int last_status;
} clients[CLIENTS];
static _Atomic bool over;

/* GET, POST with a length, POST in chunks, two at once. */
static const char *const asks[] = {
	"GET /c/ok HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST /c/ok HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
	"POST /c/ok HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	"3\r\nabc\r\n0\r\n\r\n",
	"GET /acme/detectbackup HTTP/1.1\r\nHost: x\r\n\r\n"
	"GET /c/ok HTTP/1.1\r\nHost: x\r\n\r\n",
};

static void
run(void *arg)
{
	size_t i = (size_t)arg;
	unsigned seed = (unsigned)i;
	int fd = client_open();

	while (!over) {
		int kind = rand_r(&seed) % 4;
		struct answer a;

		client_send(fd, asks[kind]);
		for (int n = kind == 3 ? 2 : 1; n > 0; n--) {
			client_read(fd, false, &a);
			clients[i].answered++;
			clients[i].bad += a.status != 200 || !a.whole;
			clients[i].last_status = a.status;
			answer_free(&a);
		}
		if (rand_r(&seed) % 50 == 0 || a.status == 0) {
			close(fd);
			fd = client_open();
		}
	}
	close(fd);
}

static enum route_site
other(void)
{
	return rig.next.active == ROUTE_PRIMARY ? ROUTE_BACKUP : ROUTE_PRIMARY;
}

static void
set_mode(enum route_mode mode)
{
	rig.next.mode = mode;
	rig_publish();
}

static void
set_healthy(enum route_site s, bool healthy)
{
	rig.next.upstream[s][ROUTE_WEB].healthy = healthy;
	rig.next.suspect = !healthy;
	rig_publish();
}

static void
planned(void)
{
	set_mode(ROUTE_HOLD);
	usleep(20000);
	rig.next.active = other();
	rig.next.epoch++;
	set_mode(ROUTE_SERVE);
}

static void
dies(void)
{
	enum route_site dead = rig.next.active;

	rig_site_down(dead);
	usleep(30000);
	set_healthy(dead, false);
	usleep(30000);
	planned();
	rig_site_up(dead);
	rig.next.upstream[dead][ROUTE_WEB].healthy = true;
	rig.next.suspect = false;
	rig_publish();
}

/* Restarted before anybody noticed: no snapshot says a word. */
static void
blinks(void)
{
	rig_site_down(rig.next.active);
	usleep(50000);
	rig_site_up(rig.next.active);
}

static void
suspect(void)
{
	set_healthy(rig.next.active, false);
	usleep(20000);
	set_healthy(rig.next.active, true);
}

static void
test_chaos(void **state)
{
	static void (*const acts[])(void) = { planned, dies, blinks, suspect };
	struct rig_conf conf = { .workers = 2 };
	unsigned answered = 0;

	rig_start(&conf);
	for (size_t i = 0; i < CLIENTS; i++)
		uv_thread_create(&clients[i].thread, run, (void *)i);
	srand(7);
	for (int round = 0; round < ROUNDS; round++) {
		acts[rand() % 4]();
		usleep(30000);
	}
	over = true;
	for (size_t i = 0; i < CLIENTS; i++) {
		uv_thread_join(&clients[i].thread);
		answered += clients[i].answered;
		if (clients[i].bad > 0)
			fail_msg("client %zu: %u of %u bad, last %d", i,
				 clients[i].bad, clients[i].answered,
				 clients[i].last_status);
	}
	assert_true(answered > 1000);
}

static bool
is_quiet(void)
{
	struct plane_counts c;

	rig_counts(&c);
	return c.held + c.held_bytes + c.connections + c.in_flight[0] +
		   c.in_flight[1] + c.may_write[0] + c.may_write[1] ==
	       0;
}

static void
test_quiet(void **state)
{
	rig_wait(is_quiet);
	rig_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chaos),
		cmocka_unit_test(test_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
