/*
 * What adopt and release ask and run, as SQL, and what they do to the text of
 * tables.ini. Pure.
 */
#ifndef REPLICATOR_ADOPT_SQL_H
#define REPLICATOR_ADOPT_SQL_H

#include "base/arena.h"
#include "io/pgbatch.h"
#include "replicator/table.h"

struct adopt_name {
	const char *schema, *name;
	const char *rel;    /* schema.name */
	const char *quoted; /* as SQL writes it */
};

/* "name" or "schema.name". */
int adopt_parse(struct arena *a, const char *word, struct adopt_name *out,
		struct err *e) __attribute__((warn_unused_result));

/*
 * $1 schema, $2 name. One row: why it cannot be adopted (or NULL), its lines
 * in tables.ini, SQL that drops its own unique constraints (or NULL), text[]
 * of what makes them again, a remark (or NULL).
 */
extern const struct pgstmt adopt_look_query;

/* $1 rel. None or one row: its lines, when its rows were shipped (or NULL). */
extern const struct pgstmt adopt_state_query;

/* $1 rel, $2 lines, $3 text[]: in the transaction of the install. */
const char *adopt_record_sql(struct arena *a, const struct adopt_name *t,
			     const char *lines, const char *restore);

/* Takes everything of ours off the table; likewise. */
const char *adopt_release_sql(struct arena *a, const struct adopt_name *t);

/* $1 rel: the replicator's session ends, and begins anew knowing it. */
extern const struct pgstmt adopt_tell_query;
/* $1 rel: whether it has begun anew (bool); ends it if it was missed. */
extern const struct pgstmt adopt_known_query;
/* $1 rel */
extern const struct pgstmt adopt_shipped_query;

/* Of the sessions in which all of this runs. */
extern const char adopt_setup_sql[];

/*
 * Writes each row as it is, so that the stream carries it whole; every row in
 * a transaction of its own, so it waits for nobody but who holds that row.
 */
const char *adopt_ship_sql(struct arena *a, const struct table *t);

/* Given: the text with a section for the table; or without it. */
char *adopt_with(struct span text, const struct adopt_name *t,
		 const char *lines);
char *adopt_without(struct span text, const struct adopt_name *t);

#endif
