/*
 * One chunk of keys: the peer's rows, read whole and merged here. A row that
 * cannot be merged is parked, once. For mend.c alone.
 */
#ifndef REPLICATOR_MEND_INNER_H
#define REPLICATOR_MEND_INNER_H

#include "replicator/mend.h"

struct mend_rows;

struct mend_rows_conf {
	struct pgconn *peer, *merge; /* borrowed */
	struct statements *statements;
	const struct digest_form *form;
	const struct pgstmt *fetch; /* of digest_fetch_sql */
	const char *keys;           /* JSON array; copied */
};

/* there: what the peer had, sorted by key; borrowed for the call. */
typedef void mend_rows_fn(void *ctx, const struct digest_list *there,
			  size_t bytes, size_t parked, const struct err *err);
struct mend_rows *mend_rows_start(const struct mend_rows_conf *conf,
				  mend_rows_fn *fn, void *ctx);
void mend_rows_cancel(struct mend_rows **rp);

#endif
