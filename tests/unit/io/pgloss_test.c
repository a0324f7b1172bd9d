/* pgconn and pgpool when the other side goes, or the standby is missing. */
#include <signal.h>

#include "io/helper/pgtry.h"
#include "io/pgpool.h"

static void
test_killed_backend(void **state)
{
	struct end running, queued;
	unsigned downs = pgtry.downs;

	RUN(&running, 60000, "SELECT pg_sleep(30)");
	RUN(&queued, 60000, "SELECT 1");
	pgcluster_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		      " WHERE application_name = 'pgconn_test'");
	TURN_UNTIL(pgtry.downs == downs + 1);
	assert_int_equal(running.times, 1);
	assert_int_equal(running.err.code, ERR_CLOSED);
	assert_string_equal(running.err.sqlstate, "57P01");
	assert_int_equal(queued.times, 1);
	assert_int_equal(queued.err.code, ERR_CLOSED);
	assert_false(pgconn_is_up(pgtry.conn));
	RUN(&queued, 60000, "SELECT 1"); /* down: fails at once */
	TURN_UNTIL(queued.times == 1);
	assert_int_equal(queued.err.code, ERR_CLOSED);
	pgconn_connect(pgtry.conn);
	TURN_UNTIL(pgconn_is_up(pgtry.conn));
	RUN(&queued, 60000, "SELECT 'again'");
	TURN_UNTIL(queued.times == 1);
	assert_string_equal(queued.first, "again");
}

/* Waits until a session of the test waits for a lock. */
#define BLOCKED                                                        \
	(*pgcluster_sql("SELECT count(*) FROM pg_stat_activity WHERE " \
			"wait_event_type = 'Lock'") != '0')

static void
test_killed_server_makes_commits_uncertain(void **state)
{
	struct end commit, read;
	unsigned downs = pgtry.downs;

	RUN_COMMITTING(&commit, 60000, "SELECT pg_sleep(30)");
	RUN(&read, 60000, "SELECT 1");
	pgcluster_kill();
	TURN_UNTIL(pgtry.downs == downs + 1);
	pgcluster_start();
	assert_int_equal(commit.err.code, ERR_UNCERTAIN);
	assert_int_equal(read.err.code, ERR_CLOSED);
}

static void
test_goodbye_before_commit_is_certain(void **state)
{
	struct pgbatch *b = pgbatch_new();
	struct end e = { 0 };

	pgcluster_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int)");
	pgbatch_add_sql(b, "BEGIN");
	pgbatch_add_sql(b, "SELECT pg_sleep(30)");
	pgbatch_commit(b);
	pgconn_run(pgtry.conn, &b, clock_mono_ms() + 60000, pgtry_on_end, &e);
	TURN_UNTIL(*pgcluster_sql("SELECT count(*) FROM pg_stat_activity "
				  "WHERE wait_event = 'PgSleep'") == '1');
	pgcluster_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		      " WHERE application_name = 'pgconn_test'");
	TURN_UNTIL(e.times == 1);
	assert_int_equal(e.err.code, ERR_CLOSED);
}

static void
set_sync_names(const char *names)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		 "ALTER SYSTEM SET synchronous_standby_names = '%s'", names);
	pgcluster_sql(sql);
	pgcluster_sql("SELECT pg_reload_conf()");
	TURN_UNTIL(strcmp(pgcluster_sql("SHOW synchronous_standby_names"),
			  names) == 0);
}

#define WAITS_FOR_STANDBY                                              \
	(*pgcluster_sql("SELECT count(*) FROM pg_stat_activity WHERE " \
			"wait_event = 'SyncRep'") == '1')

static void
test_cancelled_standby_wait_is_at_risk(void **state)
{
	struct end e;
	struct pgbatch *b = pgbatch_new();

	pgcluster_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int)");
	set_sync_names("nobody");
	e = (struct end){ 0 };
	pgbatch_add_sql(b, "BEGIN");
	pgbatch_add_sql(b, "INSERT INTO t VALUES (1)");
	pgbatch_commit(b);
	pgbatch_add_sql(b, "SELECT 'after'");
	pgconn_run(pgtry.conn, &b, clock_mono_ms() + 60000, pgtry_on_end, &e);
	TURN_UNTIL(WAITS_FOR_STANDBY);
	assert_int_equal(e.times, 0);
	pgconn_cancel_commit(pgtry.conn);
	TURN_UNTIL(e.times == 1);
	assert_int_equal(e.err.code, ERR_NONE);
	assert_int_equal(e.n, 4);
	assert_true(e.at_risk);
	assert_string_equal(e.first, "after");
	set_sync_names("");
}

#define RUNS_BEHIND                                                    \
	(*pgcluster_sql("SELECT count(*) FROM pg_stat_activity WHERE " \
			"wait_event = 'PgSleep'") == '1')

/* The second of the two signals comes late. */
static void
test_cancelled_standby_wait_hits_what_follows(void **state)
{
	struct end e = { 0 };
	struct pgbatch *b = pgbatch_new();
	pid_t server;

	pgcluster_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int)");
	server = server_of_test();
	set_sync_names("nobody");
	pgbatch_add_sql(b, "BEGIN");
	pgbatch_add_sql(b, "INSERT INTO t VALUES (1)");
	pgbatch_commit(b);
	pgbatch_add_sql(b, "SELECT pg_sleep(2)");
	pgbatch_add_sql(b, "SELECT 'after'");
	pgconn_run(pgtry.conn, &b, clock_mono_ms() + 60000, pgtry_on_end, &e);
	TURN_UNTIL(WAITS_FOR_STANDBY);
	pgconn_cancel_commit(pgtry.conn);
	TURN_UNTIL(RUNS_BEHIND);
	assert_int_equal(kill(server, SIGINT), 0);
	TURN_UNTIL(e.times == 1);
	assert_int_equal(e.err.code, ERR_NONE);
	assert_int_equal(e.n, 5);
	assert_true(e.at_risk);
	assert_string_equal(e.first, "after");
	set_sync_names("");
}

static void
test_commit_lost_while_it_waits(void **state)
{
	struct pgbatch *b = pgbatch_new();
	struct end e = { 0 };

	pgcluster_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int)");
	set_sync_names("nobody");
	pgbatch_add_sql(b, "BEGIN");
	pgbatch_add_sql(b, "INSERT INTO t VALUES (1)");
	pgbatch_commit(b);
	pgconn_run(pgtry.conn, &b, clock_mono_ms() + 60000, pgtry_on_end, &e);
	TURN_UNTIL(WAITS_FOR_STANDBY);
	pgcluster_kill();
	TURN_UNTIL(e.times == 1);
	pgcluster_start();
	assert_int_equal(e.err.code, ERR_UNCERTAIN);
	set_sync_names("");
}

static unsigned
open_in(const struct pgpool *p)
{
	struct pgpool_stats s;

	pgpool_stats(p, &s);
	return s.open;
}

/* Nobody asks it for anything. */
static void
test_a_pool_keeps_connections_ready(void **state)
{
	struct pgpool *p = pgpool_open(
	    &(struct pgpool_conf){ .conninfo = pgcluster_conninfo(),
				   .application = "ready",
				   .size = 4,
				   .ready = 3,
				   .max_waiters = 1 });

	TURN_UNTIL(open_in(p) == 3);
	pgcluster_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		      " WHERE application_name = 'ready'");
	TURN_UNTIL(open_in(p) < 3);
	TURN_UNTIL(open_in(p) == 3);
	pgcluster_kill();
	TURN_UNTIL(!pgpool_up(p));
	pgcluster_start();
	TURN_UNTIL(open_in(p) == 3);
	pgpool_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_killed_backend),
		T(test_killed_server_makes_commits_uncertain),
		T(test_goodbye_before_commit_is_certain),
		T(test_cancelled_standby_wait_is_at_risk),
		T(test_cancelled_standby_wait_hits_what_follows),
		T(test_commit_lost_while_it_waits),
		T(test_a_pool_keeps_connections_ready),
	};

	return cmocka_run_group_tests(tests, pgcluster_set_up,
				      pgcluster_tear_down);
}
