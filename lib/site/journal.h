/*
 * The idempotency journal: what a writing request answered, stored in its own
 * transaction, so that the same request again, on either site, is answered
 * and not executed. Kept 24 hours.
 */
#ifndef SITE_JOURNAL_H
#define SITE_JOURNAL_H

#include <stddef.h>

#include "base/span.h"
#include "io/pgbatch.h"

struct api;
struct write_answer;
struct write_op;

enum journal_found {
	JOURNAL_NONE,
	JOURNAL_SAME,  /* answer it from here */
	JOURNAL_OTHER, /* the key was used for another request: 409 */
};

/* Statements of the write's transaction (write.h). */
size_t journal_add_look(const struct api *a, struct pgbatch *b);
void journal_add_store(const struct api *a, const struct write_op *op,
		       const struct write_answer *answer, struct pgbatch *b);

/* By the request alone, without its account: what changed a caller. */
size_t journal_add_look_request(const struct api *a, struct pgbatch *b);

/* Reads what journal_add_look found; content into the request's arena. */
enum journal_found journal_read(struct api *a, const struct pgresult *r,
				int *status, struct span *content);

/* Deletes up to JOURNAL_PURGE rows that are too old. */
#define JOURNAL_PURGE 1000
size_t journal_add_purge(struct pgbatch *b);

#endif
