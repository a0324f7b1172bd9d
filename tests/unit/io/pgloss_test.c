/* pgconn and pgpool when the other side goes, or the standby is missing. */
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

#include "io/helper/pgtry.h"
#include "io/pginner.h"
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

static struct {
	pid_t server;
	struct end large;
	unsigned given, ended;
} amid;

static void
on_next_end(void *ctx, const struct pgresult *results, size_t n,
	    const struct err *err)
{
	assert_non_null(err);
	assert_int_equal(err->code, ERR_CLOSED);
	amid.ended++;
}

static void
give_next(void)
{
	struct pgbatch *b = pgbatch_new();

	pgbatch_add_sql(b, "SELECT 1");
	pgconn_run(pgtry.conn, &b, clock_mono_ms() + 60000, on_next_end, NULL);
	amid.given++;
}

/* What is given after the loss has libpq fail to send, then read to the end. */
static void
lose_amid_a_send(void *ctx)
{
	enum { LARGE = 512 << 10, SMALL = 4096 };
	STRBUF_AUTO sql = { 0 };
	int size = SMALL;

	assert_int_equal(setsockopt(PQsocket(pgtry.conn->pg), SOL_SOCKET,
				    SO_SNDBUF, &size, sizeof(size)),
			 0);
	assert_int_equal(kill(amid.server, SIGSTOP), 0);
	strbuf_addf(&sql, "SELECT 1 /*%*s*/", LARGE, "");
	RUN(&amid.large, 60000, strbuf_text(&sql));
	assert_int_equal(kill(amid.server, SIGTERM), 0);
	assert_int_equal(kill(amid.server, SIGCONT), 0);
	for (int64_t end = clock_mono_ms() + 20000;
	     kill(amid.server, 0) == 0 && clock_mono_ms() < end;)
		sched_yield();
	while (amid.given < 8)
		give_next();
	assert_int_equal(PQsocket(pgtry.conn->pg), -1);
}

/*
 * libpq finds out as it sends, reads what is left and closes its socket,
 * which the loop has just been told to watch for room: in a deferred call,
 * so that the loop looks before anything else has its turn.
 */
static void
test_loss_is_found_by_sending(void **state)
{
	unsigned downs = pgtry.downs;

	amid.server = server_of_test();
	loop_defer(lose_amid_a_send, NULL);
	TURN_UNTIL(pgtry.downs == downs + 1);
	assert_int_equal(amid.large.times, 1);
	assert_int_equal(amid.large.err.code, ERR_CLOSED);
	assert_int_equal(amid.ended, amid.given);
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
		T(test_loss_is_found_by_sending),
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
