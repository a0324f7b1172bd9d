/*
 * Compares one table on two sites, slice by slice, without locks: buckets of
 * a slice first, then the rows of those that differ. What it finds may also
 * be on its way: who gets it asks again before calling it a difference.
 */
#ifndef REPLICATOR_DIGEST_H
#define REPLICATOR_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "io/pgconn.h"
#include "replicator/digest_sql.h"

struct digest;

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

struct digest_progress {
	int64_t rows;      /* compared, of the larger side */
	int64_t estimated; /* of the whole table */
};

struct digest_conf {
	struct pgconn *local, *peer; /* set up by digest_session_sql; borrowed;
					when one goes down: cancel */
	const struct table *table;   /* borrowed */
	int64_t oldest;              /* gsb.tombstone alone */
	unsigned slice_rows;         /* 0: 16,384 */
	/* Pause so many times as long as the work took; 0: none. */
	unsigned pause_factor;
	/* With it: whether the pause goes on; asked with busy_ctx; or NULL. */
	bool (*is_busy)(void *ctx);
	void *busy_ctx;
	/*
	 * Keys that differ; borrowed until digest_go_on, which must be called.
	 */
	void (*on_found)(void *ctx, const struct digest_found *found);
	/* rows: compared. err: the table could not be. Nothing more comes. */
	void (*on_end)(void *ctx, int64_t rows, const struct err *err);
	void *ctx;
};

struct digest *digest_start(const struct digest_conf *conf);
void digest_cancel(struct digest **dp);
void digest_go_on(struct digest *d);

/* What is compared; valid from the first on_found on. */
const struct digest_form *digest_form(const struct digest *d);
void digest_progress(const struct digest *d, struct digest_progress *out);

/*
 * Joins two lists that are sorted by key to the keys that differ: a row's
 * hash here and there. Pure.
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

/* A result of digest_rows_sql or digest_keys_sql, copied into a. */
void digest_read(struct arena *a, const struct pgresult *result,
		 struct digest_list *out);

/* ["key", ...] of those, given. */
char *digest_keys_text(const struct digest_key *keys, size_t n);

#endif
