/* A pool whose commits wait for the other site. */
#include "io/helper/pooltry.h"

/* Until let_commits_go. */
static void
hold_commits(void)
{
	pooltry_table();
	pgcluster_sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
	pgcluster_sql("SELECT pg_reload_conf()");
	TURN_UNTIL(strcmp(pgcluster_sql("SHOW synchronous_standby_names"),
			  "nobody") == 0);
}

static void
let_commits_go(void)
{
	pgcluster_sql("ALTER SYSTEM RESET synchronous_standby_names");
	pgcluster_sql("SELECT pg_reload_conf()");
}

static bool
commits_wait(char n)
{
	return *pgcluster_sql("SELECT count(*) FROM pg_stat_activity "
			      "WHERE wait_event = 'SyncRep'") == n;
}

static void
test_commits_that_wait_are_released(void **state)
{
	struct end e[2];
	struct pgbatch *b;

	hold_commits();
	for (int i = 0; i < 2; i++) {
		pooltry_begin(&e[i], BATCH("BEGIN", "INSERT INTO t VALUES (1)"),
			      60000);
		TURN_UNTIL(e[i].times == 1);
		b = pgbatch_new();
		pgbatch_commit(b);
		pgbatch_add_sql(b, "SELECT 'state'");
		pgtx_commit(e[i].tx, &b, pooltry_on_end, &e[i]);
	}
	TURN_UNTIL(commits_wait('2'));
	assert_int_equal(e[0].times, 1);
	pgpool_cancel_commits(pooltry.pool);
	TURN_UNTIL(e[0].times == 2 && e[1].times == 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(e[i].err.code, ERR_NONE);
		assert_true(e[i].at_risk);
		assert_string_equal(e[i].first, "state");
	}
	let_commits_go();
}

static void
write_one(struct end *e)
{
	struct pgbatch *b = BATCH("INSERT INTO t VALUES (1)");

	pgbatch_commits(b);
	pooltry_run(e, b, 60000);
}

static void
test_reads_pass_commits_that_wait(void **state)
{
	struct end writes[SIZE + 1], reads[3];

	hold_commits();
	for (size_t i = 0; i < SIZE + 1; i++)
		write_one(&writes[i]);
	TURN_UNTIL(commits_wait('0' + SIZE));
	for (size_t i = 0; i < 3; i++)
		pooltry_run(&reads[i], BATCH("SELECT 'read'"), 60000);
	TURN_UNTIL(reads[0].times + reads[1].times + reads[2].times == 3);
	assert_string_equal(reads[2].first, "read");
	assert_int_equal(pooltry_stats().open, SIZE + 1);
	assert_true(commits_wait('0' + SIZE)); /* the last one has to wait */
	assert_int_equal(pooltry_stats().waiting, 1);
	let_commits_go();
	for (size_t i = 0; i < SIZE + 1; i++)
		TURN_UNTIL(writes[i].times == 1);
	TURN_UNTIL(pooltry_stats().open == SIZE && pooltry_stats().busy == 0);
}

#define ROUNDS 100

/* A spare connection costs the server a process: not for every short wait. */
static void
test_writes_that_do_not_wait_need_no_spare(void **state)
{
	struct end writes[SIZE], read;
	char seen[ROUNDS][sizeof(read.first)];
	size_t processes = 0;

	pooltry_table();
	for (size_t n = 0; n < ROUNDS; n++) {
		size_t known = 0;

		for (size_t i = 0; i < SIZE; i++)
			write_one(&writes[i]);
		pooltry_run(&read, BATCH("SELECT pg_backend_pid()"), 60000);
		for (size_t i = 0; i < SIZE; i++)
			TURN_UNTIL(writes[i].times == 1);
		TURN_UNTIL(read.times == 1);
		while (known < processes &&
		       strcmp(seen[known], read.first) != 0)
			known++;
		if (known == processes)
			memcpy(seen[processes++], read.first,
			       sizeof(read.first));
	}
	/* a machine that stands still makes a wait long */
	assert_in_range(processes, 1, SIZE + ROUNDS / 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_commits_that_wait_are_released),
		T(test_reads_pass_commits_that_wait),
		T(test_writes_that_do_not_wait_need_no_spare),
	};

	return cmocka_run_group_tests(tests, pgcluster_set_up,
				      pgcluster_tear_down);
}
