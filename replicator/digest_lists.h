/* What two sites answer of a table, read and laid side by side. Pure. */
#ifndef REPLICATOR_DIGEST_LISTS_H
#define REPLICATOR_DIGEST_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "io/pgbatch.h"

/* A key whose rows are not the same. */
struct digest_key {
	const char *key;        /* JSON array of texts */
	bool is_here, is_there; /* there is a row */
	int64_t here, there;    /* its hash */
};

struct digest_found {
	struct arena *arena; /* of the keys */
	struct digest_key *keys;
	size_t n;
};

/*
 * Joins two lists that are sorted by key to the keys that differ: a row's
 * hash here and there.
 */
struct digest_row {
	const char *key;
	int64_t hash;
};
struct digest_list {
	struct digest_row *rows;
	size_t n;
};
void digest_join(struct arena *a, const struct digest_list *here,
		 const struct digest_list *there, struct digest_found *out);

/* A result of digest_placed_sql or digest_keys_sql, copied into a. */
void digest_read(struct arena *a, const struct pgresult *result,
		 struct digest_list *out);

/*
 * The hashes of rows and where these stand. Read from the text of what
 * digest_places_sql gives, into a. Unlike: appends the places of the rows
 * whose hash the other side lacks, for digest_placed_sql; puts both lists in
 * the order of their hashes.
 */
struct digest_place {
	uint64_t hash;
	uint32_t block;
	uint16_t item;
};
struct digest_places {
	struct digest_place *list;
	size_t n;
};
void digest_places_read(struct arena *a, const char *text,
			struct digest_places *out);
void digest_places_unlike(struct digest_places *here,
			  struct digest_places *there, struct strbuf *only_here,
			  struct strbuf *only_there);

/* ["key", ...] of those, given. */
char *digest_keys_text(const struct digest_key *keys, size_t n);

#endif
