#include "io/helper/pgtry.h"

struct pgtry pgtry;
static unsigned ends;

void
pgtry_on_up(void *ctx)
{
	pgtry.ups++;
}

void
pgtry_on_down(void *ctx, const struct err *why)
{
	pgtry.downs++;
	pgtry.down = *why;
}

static void
on_notify(void *ctx, const char *channel, const char *payload)
{
	snprintf(pgtry.channel, sizeof(pgtry.channel), "%s", channel);
	snprintf(pgtry.payload, sizeof(pgtry.payload), "%s", payload);
	pgtry.notified++;
}

void
pgtry_on_end(void *ctx, const struct pgresult *results, size_t n,
	     const struct err *err)
{
	struct end *e = ctx;

	e->call = NULL;
	e->times++;
	e->order = ++ends;
	e->n = n;
	if (err != NULL)
		e->err = *err;
	if (n > 0 && pgresult_rows(&results[n - 1]) > 0)
		snprintf(e->first, sizeof(e->first), "%s",
			 pgresult_text(&results[n - 1], 0, 0));
	e->at_risk = n > 0 && results[0].at_risk;
}

struct pgconn *
pgtry_connect(const char *conninfo, const char *setup)
{
	struct pgconn_conf conf = {
		.conninfo = conninfo,
		.application = "pgconn_test",
		.setup = setup,
		.connect_ms = 5000,
		.on_up = pgtry_on_up,
		.on_down = pgtry_on_down,
		.on_notify = on_notify,
	};
	unsigned ups = pgtry.ups, downs = pgtry.downs;
	struct pgconn *c = pgconn_new(&conf);

	TURN_UNTIL(pgtry.ups > ups || pgtry.downs > downs);
	return c;
}

int
pgtry_set_up(void **state)
{
	loop_open();
	pgtry.conn = pgtry_connect(pgcluster_conninfo(), NULL);
	assert_true(pgconn_is_up(pgtry.conn));
	return 0;
}

int
pgtry_tear_down(void **state)
{
	pgconn_free(&pgtry.conn);
	loop_close();
	return 0;
}

void
pgtry_run(struct end *e, const char *const *sql, bool commits, int64_t ms)
{
	struct pgbatch *b = pgbatch_new();

	*e = (struct end){ 0 };
	for (; *sql != NULL; sql++)
		pgbatch_add_sql(b, *sql);
	if (commits)
		pgbatch_commits(b);
	e->call = pgconn_run(pgtry.conn, &b, clock_mono_ms() + ms, pgtry_on_end,
			     e);
	assert_null(b);
	assert_int_equal(e->times, 0); /* never before start returns */
}
