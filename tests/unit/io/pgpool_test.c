#include <signal.h>

#include "base/clock.h"
#include "io/helper/pooltry.h"

static void
test_grows_and_serves_in_order(void **state)
{
	struct end e[SIZE + MAX_WAITERS];

	assert_int_equal(pooltry_stats().open, 1);
	for (size_t i = 0; i < SIZE + MAX_WAITERS - 2; i++)
		pooltry_run(&e[i], BATCH("SELECT pg_sleep(0.05)"), 5000);
	for (size_t i = 0; i < SIZE + MAX_WAITERS - 2; i++) {
		TURN_UNTIL(e[i].times == 1);
		assert_int_equal(e[i].err.code, ERR_NONE);
	}
	TURN_UNTIL(pooltry_stats().open == SIZE);
	assert_int_equal(pooltry_stats().busy, 0);
}

static void
test_waiters_are_bounded(void **state)
{
	struct end busy[1 + MAX_WAITERS], more;

	for (size_t i = 0; i < 1 + MAX_WAITERS; i++)
		pooltry_run(&busy[i], BATCH("SELECT 1"), 5000);
	pooltry_run(&more, BATCH("SELECT 1"), 5000);
	TURN_UNTIL(more.times == 1);
	assert_int_equal(more.err.code, ERR_LIMIT);
	TURN_UNTIL(busy[MAX_WAITERS].times == 1);
	assert_int_equal(busy[MAX_WAITERS].err.code, ERR_NONE);
}

static void
test_waiting_counts_against_the_deadline(void **state)
{
	struct end slow[SIZE], late;

	for (size_t i = 0; i < SIZE; i++)
		pooltry_run(&slow[i], BATCH("SELECT pg_sleep(0.5)"), 5000);
	pooltry_run(&late, BATCH("SELECT 1"), 50);
	TURN_UNTIL(late.times == 1);
	assert_int_equal(late.err.code, ERR_TIMEOUT);
	assert_int_equal(slow[0].times, 0);
	TURN_UNTIL(slow[SIZE - 1].times == 1);
}

static void
test_cancel_waiting_and_running(void **state)
{
	struct end slow[SIZE], waiting, next;

	for (size_t i = 0; i < SIZE; i++)
		pooltry_run(&slow[i], BATCH("SELECT pg_sleep(30)"), 60000);
	TURN_UNTIL(pooltry_stats().busy == SIZE);
	pooltry_run(&waiting, BATCH("SELECT 1"), 5000);
	pgpool_cancel(&waiting.req);
	for (size_t i = 0; i < SIZE; i++)
		pgpool_cancel(&slow[i].req);
	pooltry_run(&next, BATCH("SELECT 'next'"), 5000);
	TURN_UNTIL(next.times == 1);
	assert_string_equal(next.first, "next");
	assert_int_equal(waiting.times, 0);
	assert_int_equal(slow[0].times, 0);
}

static void
test_error_leaves_a_clean_connection(void **state)
{
	struct end bad, next;

	pooltry_run(&bad, BATCH("BEGIN", "SELECT 1/0", "COMMIT"), 5000);
	pooltry_run(&next, BATCH("SELECT 'clean'"), 5000);
	TURN_UNTIL(bad.times == 1 && next.times == 1);
	assert_string_equal(bad.err.sqlstate, "22012");
	assert_int_equal(bad.n, 1);
	pooltry_run(&next, BATCH("SELECT 'clean'"), 5000);
	TURN_UNTIL(next.times == 1);
	assert_string_equal(err_text(&next.err), "no error");
	assert_string_equal(next.first, "clean");
}

static void
test_transaction_commits(void **state)
{
	struct pgbatch *b;
	struct end e;

	pooltry_table();
	pooltry_begin(&e, BATCH("BEGIN", "INSERT INTO t VALUES (1)"), 5000);
	TURN_UNTIL(e.times == 1);
	assert_non_null(e.tx);
	b = BATCH("INSERT INTO t VALUES (2)", "SELECT 'in between'");
	pgtx_run(e.tx, &b, pooltry_on_step, &e);
	TURN_UNTIL(e.times == 2);
	assert_string_equal(e.first, "in between");
	assert_string_equal(pgcluster_sql("SELECT count(*) FROM t"), "0");
	b = BATCH("INSERT INTO t VALUES (3)");
	assert_int_equal(pgbatch_commit(b), 1);
	pgbatch_add_sql(b, "SELECT 'state'");
	pgtx_commit(e.tx, &b, pooltry_on_end, &e);
	TURN_UNTIL(e.times == 3);
	assert_int_equal(e.err.code, ERR_NONE);
	assert_int_equal(e.n, 3);
	assert_string_equal(e.first, "state");
	assert_string_equal(pgcluster_sql("SELECT count(*) FROM t"), "3");
	assert_int_equal(pooltry_stats().busy, 0);
}

static void
test_transaction_rolls_back(void **state)
{
	struct pgbatch *b;
	struct end e, next;

	pooltry_table();
	pooltry_begin(&e, BATCH("BEGIN", "INSERT INTO t VALUES (1)"), 5000);
	TURN_UNTIL(e.times == 1);
	pgtx_rollback(&e.tx);
	assert_null(e.tx);
	pgtx_rollback(&e.tx);
	/* In mid-call. */
	pooltry_begin(&e, BATCH("BEGIN", "INSERT INTO t VALUES (1)"), 60000);
	TURN_UNTIL(e.times == 1);
	b = BATCH("SELECT pg_sleep(30)");
	pgtx_run(e.tx, &b, pooltry_on_step, &e);
	uv_run(loop_uv(), UV_RUN_NOWAIT);
	pgtx_rollback(&e.tx);
	/* Before it has a connection. */
	pooltry_begin(&next, BATCH("BEGIN"), 5000);
	pgtx_rollback(&next.tx);
	pooltry_run(&next, BATCH("SELECT count(*) FROM t"), 5000);
	TURN_UNTIL(next.times == 1);
	assert_string_equal(next.first, "0");
	assert_int_equal(e.times, 1);
	TURN_UNTIL(*pgcluster_sql("SELECT count(*) FROM pg_stat_activity "
				  "WHERE application_name = 'pool_test' AND "
				  "state <> 'idle'") == '0');
}

static void
test_transaction_ends_with_its_error(void **state)
{
	struct pgbatch *b;
	struct end e;

	pooltry_table();
	pooltry_begin(&e, BATCH("BEGIN", "INSERT INTO t VALUES (1)"), 5000);
	TURN_UNTIL(e.times == 1);
	b = BATCH("SELECT 1/0");
	pgtx_run(e.tx, &b, pooltry_on_step, &e);
	TURN_UNTIL(e.times == 2);
	assert_null(e.tx);
	assert_string_equal(e.err.sqlstate, "22012");
	TURN_UNTIL(pooltry_stats().busy == 0);
	assert_string_equal(pgcluster_sql("SELECT count(*) FROM t"), "0");
}

static void
test_deadline_is_for_the_whole_transaction(void **state)
{
	struct pgbatch *b;
	struct end e;

	pooltry_table();
	pooltry_begin(&e, BATCH("BEGIN", "INSERT INTO t VALUES (1)"), 100);
	TURN_UNTIL(e.times == 1);
	b = BATCH("SELECT pg_sleep(30)");
	pgtx_run(e.tx, &b, pooltry_on_step, &e);
	TURN_UNTIL(e.times == 2);
	assert_int_equal(e.err.code, ERR_TIMEOUT);
	assert_null(e.tx);
}

static void
test_database_dies_under_everybody(void **state)
{
	struct end tx, commit, read, waiting[2], during, after;
	struct pgbatch *b = BATCH("SELECT pg_sleep(30)");

	pooltry_begin(&tx, BATCH("BEGIN"), 60000);
	TURN_UNTIL(tx.times == 1);
	pgbatch_commits(b);
	pooltry_run(&commit, b, 60000);
	pooltry_run(&read, BATCH("SELECT pg_sleep(30)"), 60000);
	TURN_UNTIL(pooltry_stats().busy == SIZE);
	pooltry_run(&waiting[0], BATCH("SELECT 1"), 60000);
	pooltry_run(&waiting[1], BATCH("SELECT 1"), 60000);
	pgcluster_kill();
	TURN_UNTIL(pooltry.downs == 1 && commit.times == 1 && read.times == 1 &&
		   waiting[1].times == 1);
	assert_int_equal(commit.err.code, ERR_UNCERTAIN);
	assert_int_equal(read.err.code, ERR_CLOSED);
	assert_int_equal(waiting[0].err.code, ERR_CLOSED);
	assert_int_equal(waiting[1].err.code, ERR_CLOSED);
	assert_false(pgpool_up(pooltry.pool));
	assert_int_equal(pgpool_error(pooltry.pool)->code, ERR_CLOSED);
	/* The transaction between two calls hears it in the next one. */
	b = BATCH("SELECT 1");
	pgtx_run(tx.tx, &b, pooltry_on_step, &tx);
	TURN_UNTIL(tx.times == 2);
	assert_int_equal(tx.err.code, ERR_CLOSED);
	pooltry_run(&during, BATCH("SELECT 1"), 60000);
	TURN_UNTIL(during.times == 1); /* at once */
	assert_int_equal(during.err.code, ERR_CLOSED);
	pgcluster_start();
	TURN_UNTIL(pooltry.ups == 2);
	pooltry_run(&after, BATCH("SELECT 'back'"), 5000);
	TURN_UNTIL(after.times == 1);
	assert_string_equal(after.first, "back");
	assert_int_equal(pgpool_error(pooltry.pool)->code, ERR_NONE);
}

static void
test_losing_the_last_connection_is_no_outage(void **state)
{
	struct end first, e;

	pooltry_run(&first, BATCH("SELECT 1"), 5000);
	TURN_UNTIL(first.times == 1);
	pgcluster_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		      " WHERE application_name = 'pool_test'");
	TURN_UNTIL(pooltry_stats().open == 0);
	pooltry_run(&e, BATCH("SELECT 'other'"), 5000);
	TURN_UNTIL(e.times == 1);
	assert_string_equal(e.first, "other");
	assert_int_equal(pooltry.downs, 0);
}

static void
test_stopped_database(void **state)
{
	struct end e, commit, after;
	struct pgbatch *b;

	pooltry_begin(&commit, BATCH("BEGIN", "SELECT 1"), 300);
	TURN_UNTIL(commit.times == 1);
	pgcluster_signal(SIGSTOP);
	pooltry_run(&e, BATCH("SELECT 1"), 200);
	b = pgbatch_new();
	pgbatch_commit(b);
	pgtx_commit(commit.tx, &b, pooltry_on_end, &commit);
	TURN_UNTIL(e.times == 1 && commit.times == 2);
	assert_int_equal(e.err.code, ERR_TIMEOUT);
	assert_int_equal(commit.err.code, ERR_UNCERTAIN);
	TURN_UNTIL(pooltry.downs == 1);
	pgcluster_signal(SIGCONT);
	TURN_UNTIL(pooltry.ups == 2);
	pooltry_run(&after, BATCH("SELECT 'back'"), 5000);
	TURN_UNTIL(after.times == 1);
	assert_string_equal(after.first, "back");
}

static void
test_never_there(void **state)
{
	struct pgpool *p = pooltry.pool;
	struct end e = { 0 };
	struct pgbatch *b = BATCH("SELECT 1");

	pooltry.pool = pooltry_open("host=127.0.0.1 port=1");
	e.req = pgpool_run(pooltry.pool, &b, clock_mono_ms() + 60000,
			   pooltry_on_end, &e);
	TURN_UNTIL(e.times == 1);
	assert_int_equal(e.err.code, ERR_CLOSED);
	assert_int_equal(pooltry.downs, 1);
	assert_non_null(strstr(err_text(&pooltry.why), "refused"));
	pgpool_close(&pooltry.pool);
	pooltry.pool = p;
}

static void
test_closed_with_everything_under_way(void **state)
{
	struct end e[SIZE + 2];

	pooltry_begin(&e[0], BATCH("BEGIN"), 5000);
	TURN_UNTIL(e[0].times == 1);
	for (size_t i = 1; i < SIZE + 2; i++)
		pooltry_run(&e[i], BATCH("SELECT pg_sleep(30)"), 60000);
	pgpool_close(&pooltry.pool);
	for (size_t i = 1; i < SIZE + 2; i++)
		assert_int_equal(e[i].times, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_grows_and_serves_in_order),
		T(test_waiters_are_bounded),
		T(test_waiting_counts_against_the_deadline),
		T(test_cancel_waiting_and_running),
		T(test_error_leaves_a_clean_connection),
		T(test_transaction_commits),
		T(test_transaction_rolls_back),
		T(test_transaction_ends_with_its_error),
		T(test_deadline_is_for_the_whole_transaction),
		T(test_database_dies_under_everybody),
		T(test_losing_the_last_connection_is_no_outage),
		T(test_stopped_database),
		T(test_never_there),
		T(test_closed_with_everything_under_way),
	};

	return cmocka_run_group_tests(tests, pgcluster_set_up,
				      pgcluster_tear_down);
}
