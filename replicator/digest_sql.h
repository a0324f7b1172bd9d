/*
 * The statements that compare one table on two sites without shipping it:
 *
 *   slice    rows between two keys, or those whose key's hash falls into one
 *            of n parts (where the sites order keys differently)
 *   row      a hash of key, versions and values
 *   place    where a row stands in the table's file (ctid)
 *
 * Both sites are asked the same texts, in sessions set up by
 * digest_session_sql, so that equal rows have equal hashes. A key travels as
 * a JSON array of texts, a list of keys as an array of those. All append.
 */
#ifndef REPLICATOR_DIGEST_SQL_H
#define REPLICATOR_DIGEST_SQL_H

#include "base/strbuf.h"
#include "replicator/table.h"

/* What makes values read the same on both sites; keeps out of the way. */
extern const char digest_session_sql[];

struct digest_form {
	const struct table *t;
	const bool *missing; /* by column: not on both sites; NULL: none */
	int64_t oldest; /* gsb.tombstone alone: below it is not looked at */
};

struct digest_slice {
	const char *above;     /* key, or NULL: from the first */
	const char *upto;      /* key, or NULL: to the last */
	unsigned part, nparts; /* by hash, when nparts > 0 */
};

/* gsb.tombstone as a table of this kind. */
const struct table *digest_tombstones(void);

/*
 * One row: estimated rows, columns (array of names as JSON), how keys are
 * ordered (texts are equal where orders are). None: there is no such table.
 */
void digest_shape_sql(struct strbuf *sb, const struct table *t);

/* The key that stands n rows above; none: fewer are left. */
void digest_edge_sql(struct strbuf *sb, const struct digest_form *f,
		     const struct digest_slice *s, unsigned n);

/* Whether key a comes no later than b. */
void digest_order_sql(struct strbuf *sb, const struct digest_form *f,
		      const char *a, const char *b);

/* rows, sum of their hashes. */
void digest_sum_sql(struct strbuf *sb, const struct digest_form *f,
		    const struct digest_slice *s);

/* One bytea, in no order: of each row its hash (8 bytes) and place (6). */
void digest_places_sql(struct strbuf *sb, const struct digest_form *f,
		       const struct digest_slice *s);

/* key, hash; by key in byte order; of the rows that stand in those places
 * (`"(1,2)","(1,3)"`) in the snapshot in which they were read. */
void digest_placed_sql(struct strbuf *sb, const struct digest_form *f,
		       const char *places);

/* The same of a list of keys. */
void digest_keys_sql(struct strbuf *sb, const struct digest_form *f,
		     const char *keys);

/* $1 the list: key, hash, then the form's params, whole rows. */
void digest_fetch_sql(struct strbuf *sb, const struct digest_form *f);

/* Writes those rows as they are, long values too, so that they stream. */
void digest_touch_sql(struct strbuf *sb, const struct digest_form *f,
		      const char *keys);

#endif
