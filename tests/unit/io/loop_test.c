/* loop, timer, work and fdwatch together: they are one machine. */
#include "io/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/fdwatch.h"
#include "io/helper/turn.h"
#include "io/work.h"

static int
set_up(void **state)
{
	loop_open();
	return 0;
}

static int
tear_down(void **state)
{
	loop_close();
	return 0;
}

static char order[64];
static char letters[] = "abcdefghijklmnopqrstuvwxyz";

static void
on_letter(void *ctx)
{
	size_t n = strlen(order);

	order[n] = *(const char *)ctx;
	order[n + 1] = '\0';
}

static void
on_stop(void *ctx)
{
	loop_stop();
}

static void
on_defer_more(void *ctx)
{
	on_letter(&letters['x' - 'a']);
	loop_defer(on_letter, &letters['y' - 'a']);
	loop_defer(on_stop, NULL);
}

static void
test_deferred_in_order_and_later(void **state)
{
	struct loop_call *cancelled;

	order[0] = '\0';
	loop_defer(on_letter, &letters['a' - 'a']);
	cancelled = loop_defer(on_letter, &letters['b' - 'a']);
	loop_defer(on_defer_more, NULL);
	loop_defer(on_letter, &letters['c' - 'a']);
	assert_string_equal(order, "");
	loop_defer_cancel(&cancelled);
	assert_null(cancelled);
	loop_defer_cancel(&cancelled);
	loop_run();
	assert_string_equal(order, "axcy");
}

static struct loop_call *victim;

static void
on_cancel_victim(void *ctx)
{
	loop_defer_cancel(&victim);
}

static void
test_deferred_cancels_its_neighbour(void **state)
{
	order[0] = '\0';
	loop_defer(on_cancel_victim, NULL);
	victim = loop_defer(on_letter, &letters['v' - 'a']);
	loop_defer(on_letter, &letters['w' - 'a']);
	TURN_UNTIL(order[0] == 'w');
}

static void
test_what_is_left_is_dropped(void **state)
{
	loop_defer(on_letter, letters);
}

struct poster {
	struct loop *loop;
	unsigned *n;
};

static void
on_posted(void *ctx)
{
	unsigned *n = ctx;

	++*n;
}

static void *
post_many(void *arg)
{
	struct poster *p = arg;

	for (int i = 0; i < 1000; i++)
		loop_post(p->loop, on_posted, p->n);
	return NULL;
}

static void
test_posts_from_threads(void **state)
{
	unsigned n = 0;
	struct poster p = { loop_current(), &n };
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, post_many, &p);
	TURN_UNTIL(n == 4000);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	loop_post(loop_current(), on_posted, &n);
	loop_close(); /* runs it */
	assert_int_equal(n, 4001);
	loop_open();
}

struct tick {
	struct timer *timer;
	unsigned times;
	unsigned order; /* among all */
};
static unsigned ticks;

static void
on_tick(void *ctx)
{
	struct tick *t = ctx;

	t->timer = NULL;
	t->times++;
	t->order = ++ticks;
}

static void
on_tick_again(void *ctx)
{
	struct tick *t = ctx;

	t->timer = NULL;
	if (++t->times < 100)
		t->timer = timer_start(0, on_tick_again, t);
}

static void
test_timers(void **state)
{
	struct tick soon = { 0 }, late = { 0 }, never = { 0 }, again = { 0 };
	int64_t start = clock_mono_ms();

	late.timer = timer_start(30, on_tick, &late);
	soon.timer = timer_start(10, on_tick, &soon);
	never.timer = timer_start(20, on_tick, &never);
	again.timer = timer_start(0, on_tick_again, &again);
	assert_int_equal(again.times, 0);
	timer_cancel(&never.timer);
	assert_null(never.timer);
	timer_cancel(&never.timer);
	TURN_UNTIL(soon.times == 1);
	assert_true(clock_mono_ms() - start >= 10);
	TURN_UNTIL(late.times == 1);
	assert_true(late.order > soon.order);
	assert_int_equal(never.times, 0);
	assert_true(clock_mono_ms() - start >= 30);
	TURN_UNTIL(again.times == 100);
}

static void
test_timer_counts_from_now(void **state)
{
	struct tick t = { 0 };
	int64_t start;

	usleep(50000); /* a long callback: libuv's now is behind */
	start = clock_mono_ms();
	t.timer = timer_start(20, on_tick, &t);
	TURN_UNTIL(t.times == 1);
	assert_true(clock_mono_ms() - start >= 20);
}

struct job {
	int in, out;
	int *finished; /* by fini */
};

static void
run_job(void *job)
{
	struct job *j = job;

	j->out = j->in * 2;
}

static void
on_job_done(void *ctx, void *job)
{
	int *result = ctx;

	*result = ((struct job *)job)->out;
}

static void
fini_job(void *job)
{
	++*((struct job *)job)->finished;
}

static void
test_work(void **state)
{
	int result = 0, finished = 0, other = 0;
	struct job j = { .in = 21, .finished = &finished };
	struct work *w;

	work_start(run_job, &j, sizeof(j), fini_job, on_job_done, &result);
	j.in = 0; /* the job has its own copy */
	w = work_start(run_job, &j, sizeof(j), fini_job, on_job_done, &other);
	work_cancel(&w);
	assert_null(w);
	TURN_UNTIL(finished == 2);
	assert_int_equal(result, 42);
	assert_int_equal(other, 0);
}

struct seen {
	unsigned events;
	unsigned times;
};

static void
on_events(void *ctx, unsigned events)
{
	struct seen *s = ctx;

	s->events = events;
	s->times++;
}

static void
test_fdwatch(void **state)
{
	struct seen s = { 0 };
	struct fdwatch *w;
	int fds[2];
	char c;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	w = fdwatch_start(fds[0], FDWATCH_READ, on_events, &s);
	uv_run(loop_uv(), UV_RUN_NOWAIT);
	assert_int_equal(s.times, 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	TURN_UNTIL(s.times == 1);
	assert_int_equal(s.events, FDWATCH_READ);
	assert_int_equal(read(fds[0], &c, 1), 1);
	fdwatch_set(w, FDWATCH_READ | FDWATCH_WRITE);
	TURN_UNTIL(s.events == FDWATCH_WRITE);
	fdwatch_set(w, 0);
	s.times = 0;
	uv_run(loop_uv(), UV_RUN_NOWAIT);
	assert_int_equal(s.times, 0);
	fdwatch_cancel(&w);
	close(fds[0]);
	close(fds[1]);
}

struct reader {
	struct fdwatch *watch;
	int fd;
	unsigned bytes;
	bool ended;
};

/* One byte a time, as a library may that has read enough for now. */
static void
on_byte(void *ctx, unsigned events)
{
	struct reader *r = ctx;
	char c;

	if (read(r->fd, &c, 1) == 1) {
		r->bytes++;
		return;
	}
	r->ended = true;
	fdwatch_cancel(&r->watch);
}

static void
test_fdwatch_goes_on_after_a_reset(void **state)
{
	struct reader r = { 0 };
	int fds[2];

	/* Closing with unread bytes resets the connection. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	r.fd = fds[0];
	assert_int_equal(write(fds[0], "unread", 6), 6);
	assert_int_equal(write(fds[1], "abc", 3), 3);
	r.watch = fdwatch_start(fds[0], FDWATCH_READ, on_byte, &r);
	close(fds[1]);
	TURN_UNTIL(r.ended);
	close(fds[0]);
}

/* An idle loop sleeps: no turns but those that something asked for. */
static void
test_idle_costs_nothing(void **state)
{
	struct tick t = { 0 };
	struct rusage before, after;
	unsigned turns = 0;

	t.timer = timer_start(0, on_tick, &t);
	TURN_UNTIL(t.times == 1);
	t.timer = timer_start(200, on_tick, &t);
	getrusage(RUSAGE_THREAD, &before);
	for (; t.times == 1; turns++)
		uv_run(loop_uv(), UV_RUN_ONCE);
	getrusage(RUSAGE_THREAD, &after);
	assert_true(turns <= 3);
	assert_true(after.ru_nvcsw - before.ru_nvcsw <= 5);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_deferred_in_order_and_later),
		T(test_deferred_cancels_its_neighbour),
		T(test_what_is_left_is_dropped),
		T(test_posts_from_threads),
		T(test_timers),
		T(test_timer_counts_from_now),
		T(test_work),
		T(test_fdwatch),
		T(test_fdwatch_goes_on_after_a_reset),
		T(test_idle_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
