/* COPY on a connection that is a pipeline else. */
#include "io/helper/pgtry.h"

/* Rows (first, n): every one of them with a text of 1,000 letters. */
static void
run_copy(struct end *e, int first, int n)
{
	struct strbuf data = { 0 };
	struct pgbatch *b = pgbatch_new();

	for (int i = first; i < first + n; i++)
		strbuf_addf(&data, "%d\t%01000d\n", i, i);
	pgbatch_add_copy(b, "COPY t FROM STDIN", &data);
	assert_null(data.at);
	memset(e, 0, sizeof(*e));
	e->call = pgconn_run(pgtry.conn, &b, clock_mono_ms() + 10000,
			     pgtry_on_end, e);
}

static void
test_copies_among_statements(void **state)
{
	struct end e[7];

	pgcluster_sql("DROP TABLE IF EXISTS t; CREATE TABLE t "
		      "(id int CONSTRAINT t_pk PRIMARY KEY, name text)");
	RUN(&e[0], 5000, "BEGIN");
	run_copy(&e[1], 0, 2000);
	run_copy(&e[2], 2000, 1);
	RUN(&e[3], 5000, "SELECT count(*) FROM t", "COMMIT");
	run_copy(&e[4], 1999, 3000); /* one is known */
	run_copy(&e[5], 5000, 0);
	RUN(&e[6], 5000, "SELECT count(*) FROM t");
	TURN_UNTIL(e[6].times == 1);
	for (int i = 0; i < 7; i++) {
		assert_int_equal(e[i].times, 1);
		assert_string_equal(e[i].err.sqlstate, i == 4 ? "23505" : "");
		assert_int_equal(e[i].n, i == 3 ? 2 : i != 4);
	}
	assert_string_equal(e[4].err.detail, "t_pk");
	assert_string_equal(e[6].first, "2001");
}

static void
test_a_copy_whose_server_goes(void **state)
{
	struct end e;

	pgcluster_sql("DROP TABLE IF EXISTS t; CREATE TABLE t "
		      "(id int, name text)");
	run_copy(&e, 0, 5);
	pgcluster_sql("SELECT pg_terminate_backend(pid, 10000) FROM "
		      "pg_stat_activity WHERE application_name = "
		      "'pgconn_test'");
	TURN_UNTIL(e.times == 1);
	assert_int_equal(e.err.code, ERR_CLOSED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_copies_among_statements),
		T(test_a_copy_whose_server_goes),
	};

	return cmocka_run_group_tests(tests, pgcluster_set_up,
				      pgcluster_tear_down);
}
