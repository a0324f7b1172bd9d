/*
 * One SELECT of a page, put together from what a request filters and orders
 * by: a statement with a test for every filter that nobody asked for has a
 * plan for none. Texts are the callers' constants; values are parameters.
 */
#ifndef SITE_SQL_H
#define SITE_SQL_H

#include "base/strbuf.h"
#include "io/pgbatch.h"

#define SQL_PARAMS_MAX 32
#define SQL_ORDERS 3

struct sql {
	struct strbuf where; /* sql_fini */
	struct pgparam params[SQL_PARAMS_MAX];
	unsigned n;
	const char *glue; /* between the tests; NULL: " AND " */
	size_t opened;    /* where the group began */
	bool fresh;       /* nothing in the group yet */
};
void sql_fini(struct sql *q);

/* "m.host_id = $::uuid": each $ without a number is that value. A NULL value
 * is no test. */
void sql_test(struct sql *q, const char *test, struct pgparam value);
/* A test without a value. */
void sql_plain(struct sql *q, const char *test);

/* Tests until sql_close hold together by glue; none at all is no group. */
void sql_open(struct sql *q, const char *glue);
void sql_close(struct sql *q);

/* Pairs of a word and its expression, up to a NULL word. */
struct sql_order {
	const char *word;
	const char *by;
};
struct sql_page {
	const char *columns;
	const char *from;    /* "meeting m LEFT JOIN ..." */
	const char *counted; /* what the tests need of it; NULL: no total */
	const char *last;    /* ORDER BY, behind the words */
	const struct sql_order *orders;
	const char *words[SQL_ORDERS]; /* "-" before it: descending */
	int64_t skip, max;
};
/* The total is the last column. */
void sql_add_page(struct sql *q, const struct sql_page *page,
		  struct pgbatch *b);

#endif
