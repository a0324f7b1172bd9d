/* One connection and what its calls ended with, for the tests of pgconn. */
#ifndef TEST_PGTRY_H
#define TEST_PGTRY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "io/helper/pgcluster.h"
#include "io/helper/turn.h"
#include "io/pgconn.h"

struct pgtry {
	struct pgconn *conn;
	unsigned ups, downs;
	struct err down;
	char channel[32], payload[32];
	unsigned notified;
};
extern struct pgtry pgtry;

/* What a call ended with, kept. */
struct end {
	struct pgcall *call;
	unsigned times;
	unsigned order;
	size_t n;
	struct err err;
	char first[64]; /* cell 0,0 of the last result */
	bool at_risk;
};

/* Callbacks, to be given to pgconn. */
void pgtry_on_up(void *ctx);
void pgtry_on_down(void *ctx, const struct err *why);
pgcall_fn pgtry_on_end; /* ctx: struct end */

/* A new connection, up or (see pgtry.down) down. */
struct pgconn *pgtry_connect(const char *conninfo, const char *setup);

/* One batch of these statements, up to a NULL, on pgtry.conn. */
void pgtry_run(struct end *e, const char *const *sql, bool commits, int64_t ms);
#define RUN(e, ms, ...) \
	pgtry_run(e, (const char *const[]){ __VA_ARGS__, NULL }, false, ms)
#define RUN_COMMITTING(e, ms, ...) \
	pgtry_run(e, (const char *const[]){ __VA_ARGS__, NULL }, true, ms)

/* The server's process of pgtry.conn. */
static inline pid_t
server_of_test(void)
{
	return (pid_t)strtol(
	    pgcluster_sql("SELECT pid FROM pg_stat_activity WHERE "
			  "application_name = 'pgconn_test'"),
	    NULL, 10);
}

/* cmocka's: a loop and pgtry.conn around each test. */
int pgtry_set_up(void **state);
int pgtry_tear_down(void **state);
#define T(f) cmocka_unit_test_setup_teardown(f, pgtry_set_up, pgtry_tear_down)

#endif
