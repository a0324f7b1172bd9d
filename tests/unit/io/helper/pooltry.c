#include "io/helper/pooltry.h"

#include "base/clock.h"

struct pooltry pooltry;
static unsigned ends;

static void
on_change(void *ctx, bool up, const struct err *why)
{
	pooltry.ups += up;
	pooltry.downs += !up;
	assert_true(up == (why == NULL));
	if (why != NULL)
		pooltry.why = *why;
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

void
pooltry_on_step(void *ctx, const struct pgresult *results, size_t n,
		const struct err *err)
{
	struct end *e = ctx;

	if (err != NULL)
		e->tx = NULL;
	note(e, results, n, err);
}

/* Of a request, and of a COMMIT. */
void
pooltry_on_end(void *ctx, const struct pgresult *results, size_t n,
	       const struct err *err)
{
	struct end *e = ctx;

	e->req = NULL;
	e->tx = NULL;
	note(e, results, n, err);
}

struct pgpool *
pooltry_open(const char *conninfo)
{
	struct pgpool_conf conf = { .conninfo = conninfo,
				    .application = "pool_test",
				    .size = SIZE,
				    .spare = 1,
				    .max_waiters = MAX_WAITERS,
				    .connect_ms = 5000,
				    .on_change = on_change };

	return pgpool_open(&conf);
}

int
pooltry_set_up(void **state)
{
	memset(&pooltry, 0, sizeof(pooltry));
	loop_open();
	pooltry.pool = pooltry_open(pgcluster_conninfo());
	assert_false(pgpool_up(pooltry.pool));
	TURN_UNTIL(pooltry.ups == 1);
	assert_true(pgpool_up(pooltry.pool));
	return 0;
}

int
pooltry_tear_down(void **state)
{
	pgpool_close(&pooltry.pool);
	loop_close();
	return 0;
}

struct pgbatch *
pooltry_batch(const char *const *sql)
{
	struct pgbatch *b = pgbatch_new();

	for (; *sql != NULL; sql++)
		pgbatch_add_sql(b, *sql);
	return b;
}

void
pooltry_run(struct end *e, struct pgbatch *b, int64_t ms)
{
	*e = (struct end){ 0 };
	e->req = pgpool_run(pooltry.pool, &b, clock_mono_ms() + ms,
			    pooltry_on_end, e);
	assert_null(b);
	assert_int_equal(e->times, 0);
}

void
pooltry_begin(struct end *e, struct pgbatch *b, int64_t ms)
{
	*e = (struct end){ 0 };
	e->tx = pgpool_begin(pooltry.pool, &b, clock_mono_ms() + ms,
			     pooltry_on_step, e);
	assert_null(b);
}

struct pgpool_stats
pooltry_stats(void)
{
	struct pgpool_stats s;

	pgpool_stats(pooltry.pool, &s);
	return s;
}

void
pooltry_table(void)
{
	pgcluster_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int)");
}
