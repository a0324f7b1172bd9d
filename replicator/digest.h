/*
 * Compares one table on two sites, slice by slice, without locks: the sum of
 * a slice first, then row by row. What it finds may also be on its way: who
 * gets it asks again before calling it a difference.
 */
#ifndef REPLICATOR_DIGEST_H
#define REPLICATOR_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/pgconn.h"
#include "replicator/digest_lists.h"
#include "replicator/digest_sql.h"

struct digest;

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

#endif
