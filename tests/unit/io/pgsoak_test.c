/*
 * Random use of a pool while sessions and the whole server are killed. What
 * must hold: every request ends once (or was cancelled and never ends), what
 * was said to be committed is there, and what surely was not is not there;
 * only ERR_UNCERTAIN leaves it open.
 *
 *   io-pgsoak [SEED]      a failing seed is printed and replays
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/helper/pgcluster.h"
#include "io/helper/turn.h"
#include "io/pgpool.h"

#define WRITES 500
#define AT_ONCE 12

enum fate { FATE_RUNNING, FATE_YES, FATE_NO, FATE_OPEN, FATE_CANCELLED };

struct write {
	unsigned id;
	struct pgtx *tx;
	struct pgreq *req;
	enum fate fate;
	unsigned ends;
	bool committing;
};

static struct {
	struct pgpool *pool;
	struct write writes[WRITES];
	unsigned started, running;
	unsigned fates[FATE_CANCELLED + 1];
} self;

static const struct pgstmt insert = { .name = "soak_insert",
				      .sql = "INSERT INTO soak VALUES ($1)",
				      .nparams = 1 };

static void
end(struct write *w, enum fate fate)
{
	assert_int_equal(w->ends++, 0);
	w->fate = fate;
	w->tx = NULL;
	w->req = NULL;
	self.fates[fate]++;
	self.running--;
}

static enum fate
fate_of(const struct err *err)
{
	if (err == NULL)
		return FATE_YES;
	return err->code == ERR_UNCERTAIN ? FATE_OPEN : FATE_NO;
}

static void
on_end(void *ctx, const struct pgresult *results, size_t n,
       const struct err *err)
{
	end(ctx, fate_of(err));
}

static void
on_begun(void *ctx, const struct pgresult *results, size_t n,
	 const struct err *err)
{
	struct write *w = ctx;
	struct pgbatch *b;

	if (err != NULL) {
		end(w, fate_of(err));
		return;
	}
	w->committing = true;
	if (random() % 3 == 0) {
		pgtx_commit(w->tx, NULL, on_end, w);
		return;
	}
	b = pgbatch_new();
	pgbatch_commit(b);
	pgbatch_add_sql(b, random() % 5 == 0 ? "SELECT 1/0" : "SELECT 1");
	pgtx_commit(w->tx, &b, on_end, w);
}

static void
add_insert(struct pgbatch *b, const struct write *w)
{
	struct pgparam p = pgparam_int(w->id);

	if (random() % 10 == 0)
		pgbatch_add_sql(b, "SELECT pg_sleep(0.02)");
	pgbatch_add(b, &insert, &p);
	if (random() % 10 == 0)
		pgbatch_add_sql(b, "SELECT nonsense");
}

static void
start_one(void)
{
	struct write *w = &self.writes[self.started];
	int64_t deadline = clock_mono_ms() +
			   (random() % 10 == 0 ? random() % 20 : 10000);
	struct pgbatch *b = pgbatch_new();

	w->id = self.started++;
	self.running++;
	if (random() % 2 == 0) {
		add_insert(b, w);
		pgbatch_commits(b);
		w->req = pgpool_run(self.pool, &b, deadline, on_end, w);
		return;
	}
	pgbatch_add_sql(b, "BEGIN");
	add_insert(b, w);
	w->tx = pgpool_begin(self.pool, &b, deadline, on_begun, w);
}

/* One that runs is given up by its owner. */
static void
cancel_one(void)
{
	unsigned among = self.started < AT_ONCE ? self.started : AT_ONCE;
	struct write *w;

	if (among == 0)
		return;
	w = &self.writes[self.started - 1 - (unsigned)random() % among];
	if (w->ends > 0 || (w->req == NULL && w->tx == NULL))
		return;
	pgpool_cancel(&w->req);
	pgtx_rollback(&w->tx);
	end(w, FATE_CANCELLED);
}

static void
disturb(void)
{
	switch (random() % 60) {
	case 0:
		pgcluster_sql("SELECT pg_terminate_backend(pid) FROM "
			      "pg_stat_activity WHERE application_name = "
			      "'soak' AND random() < 0.5");
		return;
	case 1:
		pgcluster_sql("SELECT pg_cancel_backend(pid) FROM "
			      "pg_stat_activity WHERE application_name = "
			      "'soak'");
		return;
	case 2:
		if (random() % 5 == 0) {
			pgcluster_kill();
			pgcluster_start();
		}
		return;
	case 3:
	case 4:
	case 5:
		cancel_one();
		return;
	default:
		return;
	}
}

static void
check_against_database(void)
{
	bool *there = mem_array(bool, WRITES);
	unsigned max = WRITES;
	char sql[100];

	/* In pieces: what pgcluster_sql gives is bounded. */
	for (unsigned at = 0; at < max; at += 500) {
		const char *text;

		snprintf(sql, sizeof(sql),
			 "SELECT string_agg(id::text, ' ') || ' ' FROM soak "
			 "WHERE id >= %u AND id < %u",
			 at, at + 500);
		text = pgcluster_sql(sql);
		for (char *next; *text != '\0'; text = next) {
			unsigned long id = strtoul(text, &next, 10);

			if (next == text)
				break;
			there[id] = true;
		}
	}
	for (unsigned i = 0; i < WRITES; i++) {
		if (self.writes[i].fate == FATE_YES && !there[i])
			fail_msg("%u was answered and is lost", i);
		if (self.writes[i].fate == FATE_NO && there[i])
			fail_msg("%u surely not committed, but there", i);
	}
	mem_free(there);
}

static void
test_soak(void **state)
{
	struct pgpool_conf conf = { .conninfo = pgcluster_conninfo(),
				    .application = "soak",
				    .size = 4,
				    .max_waiters = 1000,
				    .connect_ms = 5000 };

	pgcluster_sql("CREATE TABLE soak (id int PRIMARY KEY)");
	loop_open();
	self.pool = pgpool_open(&conf);
	while (self.started < WRITES) {
		if (pgpool_up(self.pool) && self.running < AT_ONCE)
			start_one();
		disturb();
		TURN_UNTIL(uv_run(loop_uv(), UV_RUN_NOWAIT) >= 0);
		TURN_UNTIL(self.running < AT_ONCE && pgpool_up(self.pool));
	}
	TURN_UNTIL(self.running == 0);
	pgpool_close(&self.pool);
	loop_close();
	printf("committed %u, not %u, uncertain %u, cancelled %u\n",
	       self.fates[FATE_YES], self.fates[FATE_NO], self.fates[FATE_OPEN],
	       self.fates[FATE_CANCELLED]);
	check_against_database();
	assert_true(self.fates[FATE_YES] > WRITES / 3);
	assert_true(self.fates[FATE_OPEN] < WRITES / 5);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_soak) };
	unsigned seed = (unsigned)clock_wall_us();

	if (argc > 1)
		seed = (unsigned)strtoul(argv[1], NULL, 10);
	printf("seed %u\n", seed);
	srandom(seed);
	return cmocka_run_group_tests(tests, pgcluster_set_up,
				      pgcluster_tear_down);
}
