#include <signal.h>

#include "base/mem.h"
#include "io/helper/pgtry.h"

/* SIGINT, which is the request to cancel, waits for the stopped process. */
static bool
pgcancel_pending(pid_t pid)
{
	char path[32], line[128];
	unsigned long long pending = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "ShdPnd: %llx", &pending) == 1)
			break;
	fclose(f);
	return (pending & 1ULL << (SIGINT - 1)) != 0;
}

static void
test_pipeline_keeps_order(void **state)
{
	static const uint32_t int8 = 20;
	static const struct pgstmt stmt = { .name = "twice",
					    .sql = "SELECT $1 * 2",
					    .nparams = 1,
					    .types = &int8 };
	struct end e[50] = { 0 };
	char want[16];

	for (int i = 0; i < 50; i++) {
		struct pgbatch *b = pgbatch_new();
		struct pgparam p = pgparam_int(i);

		pgbatch_add(b, &stmt, &p);
		e[i].call = pgconn_run(pgtry.conn, &b, clock_mono_ms() + 5000,
				       pgtry_on_end, &e[i]);
	}
	TURN_UNTIL(e[49].times == 1);
	for (int i = 0; i < 50; i++) {
		snprintf(want, sizeof(want), "%d", 2 * i);
		assert_string_equal(e[i].first, want);
		assert_int_equal(e[i].err.code, ERR_NONE);
		assert_true(i == 0 || e[i].order > e[i - 1].order);
	}
	assert_int_equal(pgconn_in_flight(pgtry.conn), 0);
}

struct typed {
	unsigned times;
};

static void
on_typed(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct typed *t = ctx;

	assert_null(err);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pgresult_rows(&r[i]), 1);
		assert_int_equal(pgresult_columns(&r[i]), 7);
		assert_int_equal(pgresult_int(&r[i], 0, 0), -7);
		assert_int_equal(pgresult_int(&r[i], 0, 1), -70000);
		assert_int_equal(pgresult_int(&r[i], 0, 2), INT64_MIN);
		assert_true(pgresult_bool(&r[i], 0, 3));
		assert_true(pgresult_is_null(&r[i], 0, 4));
		assert_null(pgresult_bytes(&r[i], 0, 4).at);
		assert_int_equal(pgresult_int(&r[i], 0, 4), 0);
		assert_true(span_is(pgresult_bytes(&r[i], 0, 5), "ü"));
		assert_int_equal(pgresult_column(&r[i], "b"), 6);
	}
	assert_string_equal(pgresult_text(&r[0], 0, 6), "\\x0001ff");
	assert_int_equal(pgresult_bytes(&r[1], 0, 6).len, 3);
	t->times++;
}

static void
test_parameters_and_results_of_all_kinds(void **state)
{
	static const char sql[] =
	    "SELECT $1::int2 a, $2::int4, $3::int8, $4::bool, $5::int8,"
	    " $6::text, $7::bytea b";
	static const uint32_t types[] = { 21, 23, 20, 16, 20, 25, 17 };
	static const struct pgstmt text = { "as_text", sql, 7, types, false };
	static const struct pgstmt binary = { "as_binary", sql, 7, types,
					      true };
	struct pgparam p[] = {
		pgparam_int(-7),
		pgparam_int(-70000),
		pgparam_int(INT64_MIN),
		pgparam_bool(true),
		pgparam_null(),
		pgparam_text("ü"),
		pgparam_binary(span_make("\0\1\377", 3)),
	};
	struct pgbatch *b = pgbatch_new();
	struct typed t = { 0 };

	assert_int_equal(pgbatch_add(b, &text, p), 0);
	assert_int_equal(pgbatch_add(b, &binary, p), 1);
	pgconn_run(pgtry.conn, &b, clock_mono_ms() + 5000, on_typed, &t);
	TURN_UNTIL(t.times == 1);
}

static void
test_error_in_the_middle(void **state)
{
	struct end bad, good;

	pgcluster_sql("DROP TABLE IF EXISTS t; CREATE TABLE t "
		      "(id int CONSTRAINT t_pk PRIMARY KEY)");
	RUN(&bad, 5000, "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)",
	    "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (3)");
	RUN(&good, 5000, "SELECT count(*) FROM t");
	TURN_UNTIL(good.times == 1);
	assert_int_equal(bad.times, 1);
	assert_int_equal(bad.n, 2);
	assert_int_equal(bad.err.code, ERR_REFUSED);
	assert_string_equal(bad.err.sqlstate, "23505");
	assert_string_equal(bad.err.detail, "t_pk");
	assert_int_equal(good.err.code, ERR_NONE);
	assert_string_equal(good.first, "0"); /* one transaction */
}

static void
test_error_does_not_unprepare(void **state)
{
	static const struct pgstmt stmt = { .name = "later",
					    .sql = "SELECT 'later'" };
	struct end e[2] = { { 0 } };

	for (int i = 0; i < 2; i++) {
		struct pgbatch *b = pgbatch_new();

		if (i == 0)
			pgbatch_add_sql(b, "SELECT 1/0");
		pgbatch_add(b, &stmt, NULL);
		pgconn_run(pgtry.conn, &b, clock_mono_ms() + 5000, pgtry_on_end,
			   &e[i]);
	}
	TURN_UNTIL(e[1].times == 1);
	assert_string_equal(e[0].err.sqlstate, "22012");
	assert_int_equal(e[1].err.code, ERR_NONE);
	assert_string_equal(e[1].first, "later");
}

static void
test_bad_statement_says_its_own_error(void **state)
{
	static const struct pgstmt stmt = { .name = "bad",
					    .sql = "SELECT * FROM no_such" };
	struct end e[2] = { { 0 } };

	for (int i = 0; i < 2; i++) {
		struct pgbatch *b = pgbatch_new();

		pgbatch_add(b, &stmt, NULL);
		pgconn_run(pgtry.conn, &b, clock_mono_ms() + 5000, pgtry_on_end,
			   &e[i]);
		TURN_UNTIL(e[i].times == 1);
		assert_string_equal(e[i].err.sqlstate, "42P01");
	}
}

static void
test_error_behind_commit_is_not_a_rollback(void **state)
{
	struct pgbatch *b = pgbatch_new();
	struct end e = { 0 };

	pgcluster_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int)");
	pgbatch_add_sql(b, "BEGIN");
	pgbatch_add_sql(b, "INSERT INTO t VALUES (1)");
	pgbatch_commit(b);
	pgbatch_add_sql(b, "SELECT 1/0");
	pgconn_run(pgtry.conn, &b, clock_mono_ms() + 5000, pgtry_on_end, &e);
	TURN_UNTIL(e.times == 1);
	assert_int_equal(e.n, 3);
	assert_int_equal(e.err.code, ERR_UNCERTAIN);
	assert_string_equal(pgcluster_sql("SELECT count(*) FROM t"), "1");
}

static void
test_commit_of_a_failed_transaction(void **state)
{
	struct pgbatch *b = pgbatch_new();
	struct end first, e = { 0 };

	RUN(&first, 5000, "BEGIN", "SELECT 1/0");
	pgbatch_commit(b);
	pgconn_run(pgtry.conn, &b, clock_mono_ms() + 5000, pgtry_on_end, &e);
	TURN_UNTIL(e.times == 1);
	assert_int_equal(first.err.code, ERR_REFUSED);
	assert_int_equal(e.err.code, ERR_REFUSED);
}

/* The error of an implicit transaction's commit comes at its SYNC. */
static void
test_error_at_the_very_end(void **state)
{
	struct end e, next;

	pgcluster_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int "
		      "CONSTRAINT late UNIQUE DEFERRABLE INITIALLY DEFERRED)");
	RUN_COMMITTING(&e, 5000, "INSERT INTO t VALUES (1)",
		       "INSERT INTO t VALUES (1)");
	RUN(&next, 5000, "SELECT count(*) FROM t");
	TURN_UNTIL(next.times == 1);
	assert_int_equal(e.err.code, ERR_REFUSED);
	assert_string_equal(e.err.detail, "late");
	assert_string_equal(next.first, "0");
}

static void
test_stale_statements_are_prepared_anew(void **state)
{
	static const struct pgstmt stmt = { .name = "all_of_t",
					    .sql = "SELECT * FROM t" };
	struct end e[3] = { { 0 } };
	unsigned downs = pgtry.downs;

	pgcluster_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int)");
	for (int i = 0; i < 3; i++) {
		struct pgbatch *b = pgbatch_new();

		if (i == 1)
			pgcluster_sql("ALTER TABLE t ADD more int");
		if (i == 2) {
			TURN_UNTIL(pgtry.downs == downs + 1);
			pgconn_connect(pgtry.conn);
			TURN_UNTIL(pgconn_is_up(pgtry.conn));
		}
		pgbatch_add(b, &stmt, NULL);
		pgconn_run(pgtry.conn, &b, clock_mono_ms() + 5000, pgtry_on_end,
			   &e[i]);
		TURN_UNTIL(e[i].times == 1);
	}
	assert_int_equal(e[0].err.code, ERR_NONE);
	assert_string_equal(e[1].err.sqlstate, "0A000");
	assert_int_equal(e[2].err.code, ERR_NONE);
}

static void
test_deadline_cancels_on_the_server(void **state)
{
	struct end slow, next;
	int64_t start = clock_mono_ms();

	RUN(&slow, 100, "SELECT pg_sleep(30)");
	TURN_UNTIL(slow.times == 1);
	assert_int_equal(slow.err.code, ERR_TIMEOUT);
	RUN(&next, 5000, "SELECT 'next'");
	TURN_UNTIL(next.times == 1);
	assert_int_equal(next.err.code, ERR_NONE);
	assert_string_equal(next.first, "next");
	assert_true(clock_mono_ms() - start < 4000);
	assert_int_equal(slow.times, 1);
}

static void
test_deadline_before_it_is_sent(void **state)
{
	struct end e;

	RUN(&e, -1, "SELECT 1");
	TURN_UNTIL(e.times == 1);
	assert_int_equal(e.err.code, ERR_TIMEOUT);
}

static void
test_cancel_is_silent(void **state)
{
	struct end slow, next;

	RUN(&slow, 60000, "SELECT pg_sleep(30)");
	TURN_UNTIL(*pgcluster_sql("SELECT 1 FROM pg_stat_activity WHERE "
				  "query LIKE '%pg_sleep(30)' AND "
				  "application_name = 'pgconn_test'") == '1');
	pgconn_cancel(&slow.call);
	assert_null(slow.call);
	RUN(&next, 5000, "SELECT 'next'");
	TURN_UNTIL(next.times == 1);
	assert_string_equal(next.first, "next");
	assert_int_equal(slow.times, 0);
}

/* The server's side sleeps while the request to cancel goes by. */
static void
test_cancel_that_comes_too_early(void **state)
{
	struct end slow, next;
	unsigned downs = pgtry.downs;
	pid_t server;

	server = server_of_test();
	assert_true(server > 0);
	assert_int_equal(kill(server, SIGSTOP), 0);
	RUN(&slow, 60000, "SELECT pg_sleep(30)");
	uv_run(loop_uv(), UV_RUN_NOWAIT);
	pgconn_cancel(&slow.call);
	TURN_UNTIL(pgconn_in_flight(pgtry.conn) == 1 &&
		   pgcancel_pending(server));
	assert_int_equal(kill(server, SIGCONT), 0);
	RUN(&next, 10000, "SELECT 'next'");
	TURN_UNTIL(next.times == 1);
	assert_string_equal(next.err.text, "");
	assert_string_equal(next.first, "next");
	assert_int_equal(pgtry.downs, downs);
}

static void
test_large_batches_all_arrive(void **state)
{
	static const struct pgstmt stmt = { .name = "size",
					    .sql = "SELECT length($1::text)",
					    .nparams = 1 };
	size_t size = 700 * 1000;
	char *text = mem_alloc(size + 1);
	struct end e[8] = { { 0 } };
	struct pgparam p;

	for (size_t i = 0; i < size; i++)
		text[i] = 'x';
	p = pgparam_span(span_make(text, size));
	for (int i = 0; i < 8; i++) {
		struct pgbatch *b = pgbatch_new();

		pgbatch_add(b, &stmt, &p);
		pgconn_run(pgtry.conn, &b, clock_mono_ms() + 10000,
			   pgtry_on_end, &e[i]);
	}
	TURN_UNTIL(e[7].times == 1);
	for (int i = 0; i < 8; i++)
		assert_string_equal(e[i].first, "700000");
	mem_free(text);
}

static void
test_notifications(void **state)
{
	struct end e;

	pgtry.notified = 0;
	RUN(&e, 5000, "LISTEN news");
	TURN_UNTIL(e.times == 1);
	pgcluster_sql("NOTIFY news, 'one'; NOTIFY news, 'two'");
	TURN_UNTIL(pgtry.notified == 2);
	assert_string_equal(pgtry.channel, "news");
	assert_string_equal(pgtry.payload, "two");
}

static void
test_freed_in_mid_air(void **state)
{
	struct end e;

	RUN(&e, 60000, "SELECT pg_sleep(30)");
	pgconn_free(&pgtry.conn);
	pgtry.conn = pgtry_connect(pgcluster_conninfo(),
				   "SET work_mem = '5MB'");
	RUN(&e, 5000, "SHOW work_mem");
	TURN_UNTIL(e.times == 1);
	assert_string_equal(e.first, "5MB");
}

static void
expect_down(const char *conninfo, const char *setup, const char *words)
{
	struct pgconn *c = pgtry_connect(conninfo, setup);

	assert_false(pgconn_is_up(c));
	if (strstr(err_text(&pgtry.down), words) == NULL)
		fail_msg("\"%s\" without \"%s\"", err_text(&pgtry.down), words);
	pgconn_free(&c);
}

static void
test_names_and_failures_to_connect(void **state)
{
	char conninfo[160];
	struct pgconn *c;

	snprintf(conninfo, sizeof(conninfo),
		 "host=localhost,127.0.0.1 port=%u user=tester dbname=postgres",
		 pgcluster_port());
	c = pgtry_connect(conninfo, NULL);
	assert_true(pgconn_is_up(c));
	pgconn_free(&c);
	expect_down("host=127.0.0.1 port=1", NULL, "refused");
	expect_down("host=no-such-host.invalid", NULL, "no-such-host");
	expect_down("nonsense", NULL, "connection string");
	expect_down(pgcluster_conninfo(), "SET no_such = 1", "no_such");
}

static void
test_reconnects_by_itself(void **state)
{
	struct pgconn_conf conf = {
		.conninfo = pgcluster_conninfo(),
		.application = "again",
		.retry_first_ms = 10,
		.retry_max_ms = 100,
		.on_up = pgtry_on_up,
		.on_down = pgtry_on_down,
	};
	unsigned ups = pgtry.ups, downs = pgtry.downs;
	struct pgconn *c = pgconn_new(&conf);

	TURN_UNTIL(pgtry.ups == ups + 1);
	pgcluster_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		      " WHERE application_name = 'again'");
	TURN_UNTIL(pgtry.ups == ups + 2);
	assert_int_equal(pgtry.downs, downs + 1);
	pgconn_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_pipeline_keeps_order),
		T(test_parameters_and_results_of_all_kinds),
		T(test_error_in_the_middle),
		T(test_error_does_not_unprepare),
		T(test_bad_statement_says_its_own_error),
		T(test_error_behind_commit_is_not_a_rollback),
		T(test_commit_of_a_failed_transaction),
		T(test_error_at_the_very_end),
		T(test_stale_statements_are_prepared_anew),
		T(test_deadline_cancels_on_the_server),
		T(test_deadline_before_it_is_sent),
		T(test_cancel_is_silent),
		T(test_cancel_that_comes_too_early),
		T(test_large_batches_all_arrive),
		T(test_notifications),
		T(test_freed_in_mid_air),
		T(test_names_and_failures_to_connect),
		T(test_reconnects_by_itself),
	};

	return cmocka_run_group_tests(tests, pgcluster_set_up,
				      pgcluster_tear_down);
}
