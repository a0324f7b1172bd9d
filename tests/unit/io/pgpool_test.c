#include "io/pgpool.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/helper/pgcluster.h"
#include "io/helper/turn.h"

#define SIZE 3
#define MAX_WAITERS 5

static struct {
	struct pgpool *pool;
	unsigned ups, downs;
	struct err why;
} self;

struct end {
	struct pgreq *req;
	struct pgtx *tx;
	unsigned times;
	unsigned order;
	size_t n;
	struct err err;
	char first[64];
	bool at_risk;
};
static unsigned ends;

static void
on_change(void *ctx, bool up, const struct err *why)
{
	self.ups += up;
	self.downs += !up;
	assert_true(up == (why == NULL));
	if (why != NULL)
		self.why = *why;
}

static void
note(struct end *e, const struct pgresult *results, size_t n,
     const struct err *err)
{
	e->times++;
	e->order = ++ends;
	e->n = n;
	e->err = (struct err){ 0 };
	if (err != NULL)
		e->err = *err;
	if (n > 0 && pgresult_rows(&results[n - 1]) > 0)
		snprintf(e->first, sizeof(e->first), "%s",
			 pgresult_text(&results[n - 1], 0, 0));
	e->at_risk = n > 0 && results[0].at_risk;
}

static void
on_step(void *ctx, const struct pgresult *results, size_t n,
	const struct err *err)
{
	struct end *e = ctx;

	if (err != NULL)
		e->tx = NULL;
	note(e, results, n, err);
}

/* Of a request, and of a COMMIT. */
static void
on_end(void *ctx, const struct pgresult *results, size_t n,
       const struct err *err)
{
	struct end *e = ctx;

	e->req = NULL;
	e->tx = NULL;
	note(e, results, n, err);
}

static struct pgpool *
open_pool(const char *conninfo)
{
	struct pgpool_conf conf = { .conninfo = conninfo,
				    .application = "pool_test",
				    .size = SIZE,
				    .max_waiters = MAX_WAITERS,
				    .connect_ms = 5000,
				    .on_change = on_change };

	return pgpool_open(&conf);
}

static int
set_up(void **state)
{
	memset(&self, 0, sizeof(self));
	loop_open();
	self.pool = open_pool(pgcluster_conninfo());
	assert_false(pgpool_up(self.pool));
	TURN_UNTIL(self.ups == 1);
	assert_true(pgpool_up(self.pool));
	return 0;
}

static int
tear_down(void **state)
{
	pgpool_close(&self.pool);
	loop_close();
	return 0;
}

static struct pgbatch *
make_batch(const char *const *sql)
{
	struct pgbatch *b = pgbatch_new();

	for (; *sql != NULL; sql++)
		pgbatch_add_sql(b, *sql);
	return b;
}
#define BATCH(...) make_batch((const char *const[]){ __VA_ARGS__, NULL })

static void
run(struct end *e, struct pgbatch *b, int64_t ms)
{
	*e = (struct end){ 0 };
	e->req = pgpool_run(self.pool, &b, clock_mono_ms() + ms, on_end, e);
	assert_null(b);
	assert_int_equal(e->times, 0);
}

static void
begin(struct end *e, struct pgbatch *b, int64_t ms)
{
	*e = (struct end){ 0 };
	e->tx = pgpool_begin(self.pool, &b, clock_mono_ms() + ms, on_step, e);
	assert_null(b);
}

static struct pgpool_stats
stats(void)
{
	struct pgpool_stats s;

	pgpool_stats(self.pool, &s);
	return s;
}

static void
make_table(void)
{
	pgcluster_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int)");
}

static void
test_grows_and_serves_in_order(void **state)
{
	struct end e[SIZE + MAX_WAITERS];

	assert_int_equal(stats().open, 1);
	for (size_t i = 0; i < SIZE + MAX_WAITERS - 2; i++)
		run(&e[i], BATCH("SELECT pg_sleep(0.05)"), 5000);
	for (size_t i = 0; i < SIZE + MAX_WAITERS - 2; i++) {
		TURN_UNTIL(e[i].times == 1);
		assert_int_equal(e[i].err.code, ERR_NONE);
	}
	TURN_UNTIL(stats().open == SIZE);
	assert_int_equal(stats().busy, 0);
}

static void
test_waiters_are_bounded(void **state)
{
	struct end busy[1 + MAX_WAITERS], more;

	for (size_t i = 0; i < 1 + MAX_WAITERS; i++)
		run(&busy[i], BATCH("SELECT 1"), 5000);
	run(&more, BATCH("SELECT 1"), 5000);
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
		run(&slow[i], BATCH("SELECT pg_sleep(0.5)"), 5000);
	run(&late, BATCH("SELECT 1"), 50);
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
		run(&slow[i], BATCH("SELECT pg_sleep(30)"), 60000);
	TURN_UNTIL(stats().busy == SIZE);
	run(&waiting, BATCH("SELECT 1"), 5000);
	pgpool_cancel(&waiting.req);
	for (size_t i = 0; i < SIZE; i++)
		pgpool_cancel(&slow[i].req);
	run(&next, BATCH("SELECT 'next'"), 5000);
	TURN_UNTIL(next.times == 1);
	assert_string_equal(next.first, "next");
	assert_int_equal(waiting.times, 0);
	assert_int_equal(slow[0].times, 0);
}

static void
test_error_leaves_a_clean_connection(void **state)
{
	struct end bad, next;

	run(&bad, BATCH("BEGIN", "SELECT 1/0", "COMMIT"), 5000);
	run(&next, BATCH("SELECT 'clean'"), 5000);
	TURN_UNTIL(bad.times == 1 && next.times == 1);
	assert_string_equal(bad.err.sqlstate, "22012");
	assert_int_equal(bad.n, 1);
	run(&next, BATCH("SELECT 'clean'"), 5000);
	TURN_UNTIL(next.times == 1);
	assert_string_equal(err_text(&next.err), "no error");
	assert_string_equal(next.first, "clean");
}

static void
test_transaction_commits(void **state)
{
	struct pgbatch *b;
	struct end e;

	make_table();
	begin(&e, BATCH("BEGIN", "INSERT INTO t VALUES (1)"), 5000);
	TURN_UNTIL(e.times == 1);
	assert_non_null(e.tx);
	b = BATCH("INSERT INTO t VALUES (2)", "SELECT 'in between'");
	pgtx_run(e.tx, &b, on_step, &e);
	TURN_UNTIL(e.times == 2);
	assert_string_equal(e.first, "in between");
	assert_string_equal(pgcluster_sql("SELECT count(*) FROM t"), "0");
	b = BATCH("INSERT INTO t VALUES (3)");
	assert_int_equal(pgbatch_commit(b), 1);
	pgbatch_add_sql(b, "SELECT 'state'");
	pgtx_commit(e.tx, &b, on_end, &e);
	TURN_UNTIL(e.times == 3);
	assert_int_equal(e.err.code, ERR_NONE);
	assert_int_equal(e.n, 3);
	assert_string_equal(e.first, "state");
	assert_string_equal(pgcluster_sql("SELECT count(*) FROM t"), "3");
	assert_int_equal(stats().busy, 0);
}

static void
test_transaction_rolls_back(void **state)
{
	struct pgbatch *b;
	struct end e, next;

	make_table();
	begin(&e, BATCH("BEGIN", "INSERT INTO t VALUES (1)"), 5000);
	TURN_UNTIL(e.times == 1);
	pgtx_rollback(&e.tx);
	assert_null(e.tx);
	pgtx_rollback(&e.tx);
	/* In mid-call. */
	begin(&e, BATCH("BEGIN", "INSERT INTO t VALUES (1)"), 60000);
	TURN_UNTIL(e.times == 1);
	b = BATCH("SELECT pg_sleep(30)");
	pgtx_run(e.tx, &b, on_step, &e);
	uv_run(loop_uv(), UV_RUN_NOWAIT);
	pgtx_rollback(&e.tx);
	/* Before it has a connection. */
	begin(&next, BATCH("BEGIN"), 5000);
	pgtx_rollback(&next.tx);
	run(&next, BATCH("SELECT count(*) FROM t"), 5000);
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

	make_table();
	begin(&e, BATCH("BEGIN", "INSERT INTO t VALUES (1)"), 5000);
	TURN_UNTIL(e.times == 1);
	b = BATCH("SELECT 1/0");
	pgtx_run(e.tx, &b, on_step, &e);
	TURN_UNTIL(e.times == 2);
	assert_null(e.tx);
	assert_string_equal(e.err.sqlstate, "22012");
	TURN_UNTIL(stats().busy == 0);
	assert_string_equal(pgcluster_sql("SELECT count(*) FROM t"), "0");
}

static void
test_deadline_is_for_the_whole_transaction(void **state)
{
	struct pgbatch *b;
	struct end e;

	make_table();
	begin(&e, BATCH("BEGIN", "INSERT INTO t VALUES (1)"), 100);
	TURN_UNTIL(e.times == 1);
	b = BATCH("SELECT pg_sleep(30)");
	pgtx_run(e.tx, &b, on_step, &e);
	TURN_UNTIL(e.times == 2);
	assert_int_equal(e.err.code, ERR_TIMEOUT);
	assert_null(e.tx);
}

static void
test_database_dies_under_everybody(void **state)
{
	struct end tx, commit, read, waiting[2], during, after;
	struct pgbatch *b = BATCH("SELECT pg_sleep(30)");

	begin(&tx, BATCH("BEGIN"), 60000);
	TURN_UNTIL(tx.times == 1);
	pgbatch_commits(b);
	run(&commit, b, 60000);
	run(&read, BATCH("SELECT pg_sleep(30)"), 60000);
	TURN_UNTIL(stats().busy == SIZE);
	run(&waiting[0], BATCH("SELECT 1"), 60000);
	run(&waiting[1], BATCH("SELECT 1"), 60000);
	pgcluster_kill();
	TURN_UNTIL(self.downs == 1 && commit.times == 1 && read.times == 1 &&
		   waiting[1].times == 1);
	assert_int_equal(commit.err.code, ERR_UNCERTAIN);
	assert_int_equal(read.err.code, ERR_CLOSED);
	assert_int_equal(waiting[0].err.code, ERR_CLOSED);
	assert_int_equal(waiting[1].err.code, ERR_CLOSED);
	assert_false(pgpool_up(self.pool));
	assert_int_equal(pgpool_error(self.pool)->code, ERR_CLOSED);
	/* The transaction between two calls hears it in the next one. */
	b = BATCH("SELECT 1");
	pgtx_run(tx.tx, &b, on_step, &tx);
	TURN_UNTIL(tx.times == 2);
	assert_int_equal(tx.err.code, ERR_CLOSED);
	run(&during, BATCH("SELECT 1"), 60000);
	TURN_UNTIL(during.times == 1); /* at once */
	assert_int_equal(during.err.code, ERR_CLOSED);
	pgcluster_start();
	TURN_UNTIL(self.ups == 2);
	run(&after, BATCH("SELECT 'back'"), 5000);
	TURN_UNTIL(after.times == 1);
	assert_string_equal(after.first, "back");
	assert_int_equal(pgpool_error(self.pool)->code, ERR_NONE);
}

static void
test_losing_the_last_connection_is_no_outage(void **state)
{
	struct end first, e;

	run(&first, BATCH("SELECT 1"), 5000);
	TURN_UNTIL(first.times == 1);
	pgcluster_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		      " WHERE application_name = 'pool_test'");
	TURN_UNTIL(stats().open == 0);
	run(&e, BATCH("SELECT 'other'"), 5000);
	TURN_UNTIL(e.times == 1);
	assert_string_equal(e.first, "other");
	assert_int_equal(self.downs, 0);
}

static void
test_stopped_database(void **state)
{
	struct end e, commit, after;
	struct pgbatch *b;

	begin(&commit, BATCH("BEGIN", "SELECT 1"), 300);
	TURN_UNTIL(commit.times == 1);
	pgcluster_signal(SIGSTOP);
	run(&e, BATCH("SELECT 1"), 200);
	b = pgbatch_new();
	pgbatch_commit(b);
	pgtx_commit(commit.tx, &b, on_end, &commit);
	TURN_UNTIL(e.times == 1 && commit.times == 2);
	assert_int_equal(e.err.code, ERR_TIMEOUT);
	assert_int_equal(commit.err.code, ERR_UNCERTAIN);
	TURN_UNTIL(self.downs == 1);
	pgcluster_signal(SIGCONT);
	TURN_UNTIL(self.ups == 2);
	run(&after, BATCH("SELECT 'back'"), 5000);
	TURN_UNTIL(after.times == 1);
	assert_string_equal(after.first, "back");
}

static void
test_never_there(void **state)
{
	struct pgpool *p = self.pool;
	struct end e = { 0 };
	struct pgbatch *b = BATCH("SELECT 1");

	self.pool = open_pool("host=127.0.0.1 port=1");
	e.req = pgpool_run(self.pool, &b, clock_mono_ms() + 60000, on_end, &e);
	TURN_UNTIL(e.times == 1);
	assert_int_equal(e.err.code, ERR_CLOSED);
	assert_int_equal(self.downs, 1);
	assert_non_null(strstr(err_text(&self.why), "refused"));
	pgpool_close(&self.pool);
	self.pool = p;
}

static void
test_commits_that_wait_are_released(void **state)
{
	struct end e[2];
	struct pgbatch *b;

	make_table();
	pgcluster_sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
	pgcluster_sql("SELECT pg_reload_conf()");
	TURN_UNTIL(strcmp(pgcluster_sql("SHOW synchronous_standby_names"),
			  "nobody") == 0);
	for (int i = 0; i < 2; i++) {
		begin(&e[i], BATCH("BEGIN", "INSERT INTO t VALUES (1)"), 60000);
		TURN_UNTIL(e[i].times == 1);
		b = pgbatch_new();
		pgbatch_commit(b);
		pgbatch_add_sql(b, "SELECT 'state'");
		pgtx_commit(e[i].tx, &b, on_end, &e[i]);
	}
	TURN_UNTIL(*pgcluster_sql("SELECT count(*) FROM pg_stat_activity "
				  "WHERE wait_event = 'SyncRep'") == '2');
	assert_int_equal(e[0].times, 1);
	pgpool_cancel_commits(self.pool);
	TURN_UNTIL(e[0].times == 2 && e[1].times == 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(e[i].err.code, ERR_NONE);
		assert_true(e[i].at_risk);
		assert_string_equal(e[i].first, "state");
	}
	pgcluster_sql("ALTER SYSTEM RESET synchronous_standby_names");
	pgcluster_sql("SELECT pg_reload_conf()");
}

static void
test_closed_with_everything_under_way(void **state)
{
	struct end e[SIZE + 2];

	begin(&e[0], BATCH("BEGIN"), 5000);
	TURN_UNTIL(e[0].times == 1);
	for (size_t i = 1; i < SIZE + 2; i++)
		run(&e[i], BATCH("SELECT pg_sleep(30)"), 60000);
	pgpool_close(&self.pool);
	for (size_t i = 1; i < SIZE + 2; i++)
		assert_int_equal(e[i].times, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

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
		T(test_commits_that_wait_are_released),
		T(test_closed_with_everything_under_way),
	};

	return cmocka_run_group_tests(tests, pgcluster_set_up,
				      pgcluster_tear_down);
}
