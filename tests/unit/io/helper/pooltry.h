/* A pool and what its requests ended with, for the tests of pgpool. */
#ifndef TEST_POOLTRY_H
#define TEST_POOLTRY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/helper/pgcluster.h"
#include "io/helper/turn.h"
#include "io/pgpool.h"

#define SIZE 3
#define MAX_WAITERS 5

extern struct pooltry {
	struct pgpool *pool; /* SIZE connections and a spare one */
	unsigned ups, downs;
	struct err why;
} pooltry;

/* What a request ended with, kept. */
struct end {
	struct pgreq *req;
	struct pgtx *tx;
	unsigned times;
	unsigned order;
	size_t n;
	struct err err;
	char first[64]; /* cell 0,0 of the last result */
	bool at_risk;
};

/* Callbacks; ctx: struct end. */
pgcall_fn pooltry_on_step; /* of a transaction that goes on */
pgcall_fn pooltry_on_end;  /* of a request, and of a COMMIT */

struct pgpool *pooltry_open(const char *conninfo);

/* The statements up to a NULL. */
struct pgbatch *pooltry_batch(const char *const *sql);
#define BATCH(...) pooltry_batch((const char *const[]){ __VA_ARGS__, NULL })

/* Of pooltry.pool; both take the batch. */
void pooltry_run(struct end *e, struct pgbatch *b, int64_t ms);
void pooltry_begin(struct end *e, struct pgbatch *b, int64_t ms);
struct pgpool_stats pooltry_stats(void);

/* An empty table t (id int). */
void pooltry_table(void);

/* cmocka's: a loop and pooltry.pool around each test. */
int pooltry_set_up(void **state);
int pooltry_tear_down(void **state);
#define T(f) \
	cmocka_unit_test_setup_teardown(f, pooltry_set_up, pooltry_tear_down)

#endif
