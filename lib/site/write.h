/*
 * A writing operation, from BEGIN to the answer (docs/contracts.md 5):
 *
 *   BEGIN, stamp, journal?, statements -> render -> gate ->
 *   journal, COMMIT, sync_state -> protected, or "degraded" on record ->
 *   gate -> answer
 *
 * Every way out of it answers the request; nobody else does after
 * write_start.
 */
#ifndef SITE_WRITE_H
#define SITE_WRITE_H

#include "site/api.h"

/* Zeroed before render. */
struct write_answer {
	int status;          /* of a good answer, 200 */
	struct span content; /* in the arena; without what differs by site */
	bool refused;        /* else: rolled back, and this fault */
	enum fault fault;
	const char *words; /* in the arena; NULL: the fault's own */
};

struct write_op {
	const char *name; /* "meeting.create" */
	/* Adds the statements; called again when it starts over. Values come
	 * from the request alone (made.h). */
	void (*fill)(struct api *a, struct pgbatch *b);
	/* From the results of exactly these statements. */
	void (*render)(struct api *a, const struct pgresult *r, size_t n,
		       struct write_answer *out);
	/* What a row that is there already means; NULL: an old key. */
	const char *conflict;
	/* It may change by what the caller is known: its journal row is
	 * found by write_replay as well. */
	bool changes_caller;
};

/* op: static. */
void write_start(struct api *a, const struct write_op *op);

/*
 * For a caller who is refused: perhaps because this very request, which has
 * been executed before, changed his password. Then it is answered from the
 * journal; else unknown is called. The company is known.
 */
typedef void write_unknown_fn(struct api *a);
void write_replay(struct api *a, write_unknown_fn *unknown);

void write_cancel(struct write **w); /* for api.c: no answer any more */

/* Pure rules, for tests. */
enum write_protection {
	WRITE_PROTECTED, /* the peer has it, or nobody asked for that */
	WRITE_AT_RISK,   /* only under a grant that says "degraded" */
};
enum write_protection write_judge(const char *sync_state, bool at_risk,
				  bool local);

/* What a database failure before COMMIT means. */
enum write_retry {
	WRITE_GIVE_UP,
	WRITE_START_OVER, /* once */
};
enum write_retry write_retry(const struct err *e);

/* The documented fault of a violated unique key; FAULT_INTERNAL: none. */
enum fault write_fault(const struct err *e);

#endif
