/* Quick requests that share a connection. */
#include "base/clock.h"
#include "io/helper/pooltry.h"

static struct pgbatch *
quick(struct pgbatch *b)
{
	pgbatch_quick(b);
	return b;
}

/* All connections are open and free: what is asked next is sent at once. */
static void
open_all(void)
{
	struct end e[SIZE];

	for (size_t i = 0; i < SIZE; i++)
		pooltry_begin(&e[i], BATCH("BEGIN"), 60000);
	for (size_t i = 0; i < SIZE; i++)
		TURN_UNTIL(e[i].times == 1);
	for (size_t i = 0; i < SIZE; i++)
		pgtx_commit(e[i].tx, NULL, pooltry_on_end, &e[i]);
	for (size_t i = 0; i < SIZE; i++)
		TURN_UNTIL(e[i].times == 2);
	assert_int_equal(pooltry_stats().open, SIZE);
	assert_int_equal(pooltry_stats().busy, 0);
}

/* One quick request on each connection, and one behind each of these. */
static void
ask_pairs(struct end *first, struct pgbatch *(*make)(void), struct end *second)
{
	open_all();
	for (size_t i = 0; i < SIZE; i++)
		pooltry_run(&first[i], make(), 60000);
	for (size_t i = 0; i < SIZE; i++)
		pooltry_run(&second[i], quick(BATCH("SELECT 'second'")), 60000);
	assert_int_equal(pooltry_stats().busy, SIZE);
	assert_int_equal(pooltry_stats().waiting, 0);
}

static void
expect(const struct end *e, const char *text)
{
	TURN_UNTIL(e->times == 1);
	assert_string_equal(err_text(&e->err), "no error");
	assert_string_equal(e->first, text);
}

static struct pgbatch *
first_one(void)
{
	return quick(BATCH("SELECT 'first'"));
}

static struct pgbatch *
bad_one(void)
{
	return quick(BATCH("SELECT 1/0"));
}

static struct pgbatch *
deadly_one(void)
{
	return quick(BATCH("SELECT pg_terminate_backend(pg_backend_pid())"));
}

static void
test_one_goes_behind_each(void **state)
{
	struct end first[SIZE], second[SIZE], third;

	ask_pairs(first, first_one, second);
	pooltry_run(&third, quick(BATCH("SELECT 'third'")), 60000);
	assert_int_equal(pooltry_stats().waiting, 1);
	expect(&third, "third");
	for (size_t i = 0; i < SIZE; i++) {
		expect(&first[i], "first");
		expect(&second[i], "second");
	}
	TURN_UNTIL(pooltry_stats().busy == 0);
}

/* What takes long, or writes, neither goes behind nor lets behind. */
static void
test_others_do_not_share(void **state)
{
	struct end e[SIZE], more[3];
	struct pgbatch *b = quick(BATCH("SELECT 'commits'"));

	open_all();
	for (size_t i = 0; i < SIZE; i++)
		pooltry_run(&e[i], first_one(), 60000);
	pgbatch_commits(b);
	pooltry_run(&more[0], b, 60000);
	pooltry_run(&more[1], BATCH("SELECT 'long'"), 60000);
	assert_int_equal(pooltry_stats().waiting, 2);
	expect(&more[1], "long");
	expect(&more[0], "commits");
	TURN_UNTIL(pooltry_stats().busy == 0);
	for (size_t i = 0; i < SIZE; i++)
		pooltry_run(&e[i], BATCH("SELECT 'long'"), 60000);
	pooltry_run(&more[2], first_one(), 60000);
	assert_int_equal(pooltry_stats().waiting, 1);
	expect(&more[2], "first");
	for (size_t i = 0; i < SIZE; i++)
		expect(&e[i], "long");
}

static void
test_an_error_is_not_the_next_ones(void **state)
{
	struct end first[SIZE], second[SIZE];

	ask_pairs(first, bad_one, second);
	for (size_t i = 0; i < SIZE; i++) {
		expect(&second[i], "second");
		assert_int_equal(first[i].times, 1);
		assert_string_equal(first[i].err.sqlstate, "22012");
	}
	TURN_UNTIL(pooltry_stats().busy == 0);
}

static void
test_either_may_be_cancelled(void **state)
{
	struct end first[SIZE], second[SIZE], next[2 * SIZE];

	ask_pairs(first, first_one, second);
	assert_true(SIZE >= 2);
	pgpool_cancel(&first[0].req);
	pgpool_cancel(&second[1].req);
	expect(&second[0], "second");
	expect(&first[1], "first");
	for (size_t i = 0; i < SIZE; i++)
		pooltry_run(&next[i], first_one(), 60000);
	for (size_t i = 0; i < SIZE; i++)
		expect(&next[i], "first");
	ask_pairs(first, first_one, second);
	for (size_t i = 0; i < SIZE; i++) {
		pgpool_cancel(i % 2 ? &first[i].req : &second[i].req);
		pgpool_cancel(i % 2 ? &second[i].req : &first[i].req);
	}
	pooltry_run(&next[0], BATCH("SELECT 'next'"), 60000);
	expect(&next[0], "next");
	TURN_UNTIL(pooltry_stats().busy == 0);
	assert_int_equal(first[0].times + second[0].times, 0);
}

static void
test_a_lost_connection_is_told_to_both(void **state)
{
	struct end first[SIZE], second[SIZE], next;

	ask_pairs(first, deadly_one, second);
	for (size_t i = 0; i < SIZE; i++) {
		TURN_UNTIL(first[i].times == 1 && second[i].times == 1);
		assert_int_equal(first[i].err.code, ERR_CLOSED);
		assert_int_equal(second[i].err.code, ERR_CLOSED);
	}
	TURN_UNTIL(pgpool_up(pooltry.pool));
	pooltry_run(&next, BATCH("SELECT 'next'"), 60000);
	expect(&next, "next");
}

/* The second one's time is over while the first waits for a lock. */
static void
test_the_second_may_run_out_of_time(void **state)
{
	struct end holder, first[SIZE - 1], second, next;

	open_all();
	pooltry_begin(&holder,
		      BATCH("BEGIN", "SELECT pg_advisory_xact_lock(5)"), 60000);
	TURN_UNTIL(holder.times == 1);
	for (size_t i = 0; i < SIZE - 1; i++)
		pooltry_run(&first[i],
			    quick(BATCH("SELECT pg_advisory_xact_lock(5)")),
			    60000);
	pooltry_run(&second, quick(BATCH("SELECT 'second'")), 50);
	assert_int_equal(pooltry_stats().waiting, 0);
	TURN_UNTIL(second.times == 1);
	assert_int_equal(second.err.code, ERR_TIMEOUT);
	assert_int_equal(first[0].times, 0);
	pgtx_rollback(&holder.tx);
	for (size_t i = 0; i < SIZE - 1; i++)
		expect(&first[i], "");
	pooltry_run(&next, BATCH("SELECT 'next'"), 60000);
	expect(&next, "next");
	TURN_UNTIL(pooltry_stats().busy == 0);
	assert_int_equal(second.times, 1);
}

static void
test_closed_with_pairs_under_way(void **state)
{
	struct end first[SIZE], second[SIZE];

	ask_pairs(first, first_one, second);
	pgpool_close(&pooltry.pool);
	uv_run(loop_uv(), UV_RUN_NOWAIT);
	for (size_t i = 0; i < SIZE; i++)
		assert_int_equal(first[i].times + second[i].times, 0);
}

static struct end again;

static void
on_told(void *ctx, const struct pgresult *results, size_t n,
	const struct err *err)
{
	pooltry_on_end(ctx, results, n, err);
	if (again.req == NULL)
		pooltry_run(&again, first_one(), 60000);
}

/* Who is told of a loss may ask at once: nobody is where the connection was. */
static void
test_who_hears_of_a_loss_may_ask_again(void **state)
{
	struct pgbatch *b = deadly_one();
	struct end e = { 0 };

	again = (struct end){ 0 };
	open_all();
	e.req = pgpool_run(pooltry.pool, &b, clock_mono_ms() + 60000, on_told,
			   &e);
	TURN_UNTIL(e.times == 1);
	expect(&again, "first");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_one_goes_behind_each),
		T(test_others_do_not_share),
		T(test_an_error_is_not_the_next_ones),
		T(test_either_may_be_cancelled),
		T(test_a_lost_connection_is_told_to_both),
		T(test_the_second_may_run_out_of_time),
		T(test_closed_with_pairs_under_way),
		T(test_who_hears_of_a_loss_may_ask_again),
	};

	return cmocka_run_group_tests(tests, pgcluster_set_up,
				      pgcluster_tear_down);
}
