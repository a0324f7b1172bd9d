/*
 * What the peer calls a relation, beside the table that it is here. Columns
 * are matched by name, so the sites may be a schema step apart: a column that
 * only the peer has is kept in gsb.extra, one that only we have does not come.
 */
#ifndef REPLICATOR_RELATION_H
#define REPLICATOR_RELATION_H

#include "replicator/catalog.h"
#include "replicator/decoder.h"

enum relation_kind {
	RELATION_TABLE,
	RELATION_TOMBSTONE, /* gsb.tombstone: a table of our own */
	RELATION_FOREIGN    /* not declared here: its changes are counted */
};

/* The columns of gsb.tombstone that matter, in the order of `to`. */
enum { RELATION_REL, RELATION_KEY, RELATION_V, RELATION_SEEN, RELATION_TOMB };

struct relation {
	uint32_t oid; /* the peer's */
	enum relation_kind kind;
	const char *name;
	const struct table *table; /* of RELATION_TABLE */
	unsigned ncolumns;         /* the peer's */
	size_t *to;    /* by its column: the table's, or TABLE_NONE; for
			  RELATION_TOMBSTONE one of RELATION_REL ... */
	bool *missing; /* by the table's column; NULL: all come */
	/* by the peer's column: its name where it is unknown here and must be
	 * kept, else NULL; NULL: none is */
	const char **unknown;
};

struct relations;

struct relations *relations_new(const struct catalog *catalog); /* borrowed */
void relations_free(struct relations **rp);

/* An 'R' message: replaces what the oid meant, and frees that. Borrowed. */
const struct relation *relations_learn(struct relations *r,
				       const struct decoder_relation *said);

/* NULL: the oid was never introduced. */
const struct relation *relations_find(const struct relations *r, uint32_t oid);

/* On a new connection the peer introduces its relations again. */
void relations_forget(struct relations *r);

#endif
