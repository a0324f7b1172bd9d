/*
 * Pieces of SQL about one table, for merge_*_sql and the generated triggers.
 * All append to sb; names are always quoted; alias is a row's name.
 */
#ifndef REPLICATOR_SQLGEN_H
#define REPLICATOR_SQLGEN_H

#include "base/arena.h"
#include "base/strbuf.h"
#include "replicator/table.h"

/* Literal in single quotes. */
void sqlgen_literal(struct strbuf *sb, const char *text);

/* alias."name" */
void sqlgen_column(struct strbuf *sb, const char *alias, const char *name);

/* alias."a", alias."b" of columns by index; alias NULL: bare names. */
void sqlgen_columns(struct strbuf *sb, const struct table *t, const char *alias,
		    const size_t *columns, size_t n);

/* a."k" = b."k" AND ... */
void sqlgen_key_equal(struct strbuf *sb, const struct table *t, const char *a,
		      const char *b);

/*
 * The same value, made anew: what is stored out of line is written again and
 * comes in the stream. An array holds copies; text and back would depend on
 * the session's settings.
 */
const char *sqlgen_anew(struct arena *a, const struct column *c,
			const char *alias);

/* The row's gsb.tombstone.key. */
void sqlgen_key_text(struct strbuf *sb, const struct table *t,
		     const char *alias);

/*
 * LATERAL: the tombstone "d" of one key (an SQL expression). OFFSET 0 keeps
 * it a look-up of that key, also in a plan that was made when the table was
 * small enough to be read whole.
 */
void sqlgen_tombstone(struct strbuf *sb, const struct table *t,
		      const char *key);

/* alias's key equals the one in text (an SQL expression), by index. */
void sqlgen_key_is(struct strbuf *sb, const struct table *t, const char *alias,
		   const char *text);

/* The greatest version of a row, v_row among them. */
void sqlgen_newest(struct strbuf *sb, const struct table *t, const char *alias);

/*
 * What decides group g between two rows, as one SQL expression for each:
 * its ranks and version, "(1, 2, v)".
 */
void sqlgen_order(struct strbuf *sb, const struct table *t, size_t g,
		  const char *alias);

/* Whether the values of n columns differ in their bytes. */
void sqlgen_differ(struct strbuf *sb, const struct table *t,
		   const size_t *columns, size_t n, const char *const *rows);

/* The comparable value of unique u: text, folded. */
void sqlgen_fold(struct strbuf *sb, const struct unique *u,
		 const struct table *t, const char *alias);

/* It does not hold its bare value: the predicate of the partial index. */
void sqlgen_lost(struct strbuf *sb, const struct unique *u,
		 const struct table *t, const char *alias);

/*
 * Deletes rows "t" below their tombstone "d"; from: what stands behind USING,
 * d and the join among it. Edits that the deleter had not seen are kept.
 */
void sqlgen_sweep(struct strbuf *sb, const struct table *t, const char *from);

/*
 * UPDATEs that put effective keys right; only: a further condition on the
 * lost rows "o" (" AND ..."), or "".
 */
void sqlgen_demote(struct strbuf *sb, const struct table *t,
		   const struct unique *u, const char *only);
void sqlgen_promote(struct strbuf *sb, const struct table *t,
		    const struct unique *u, const char *only);

#endif
