/*
 * Transactions that the peer streams before their end, several at once, each
 * in a file until it is known whether it commits.
 */
#ifndef REPLICATOR_STREAMED_H
#define REPLICATOR_STREAMED_H

#include "replicator/streamfile.h"

struct streamed;

struct streamed_conf {
	const char *dir;        /* borrowed, as all texts */
	const char *own_origin; /* whose transactions are dropped */
	/*
	 * An 'R' message of a transaction that commits: from then on the peer
	 * takes it as known everywhere. Before that commit is returned.
	 */
	void (*on_relation)(void *ctx, struct span message);
	/* What part (0: every one) has brought of one that has not committed
	 * is void; the file goes with the last. */
	void (*on_void)(void *ctx, const struct streamfile *file,
			uint32_t part);
	void *ctx;
};

/* One that has committed. */
struct streamed_whole {
	uint32_t xid;
	uint64_t lsn, end_lsn;   /* of its commit; where the next may start */
	int64_t time_us;         /* since 2000 */
	struct streamfile *file; /* given; NULL: it came from here */
};

struct streamed *streamed_new(const struct streamed_conf *conf);
void streamed_free(struct streamed **sp);

enum streamed_what {
	STREAMED_OTHER, /* no message of a streamed transaction */
	STREAMED_TAKEN,
	STREAMED_WHOLE /* *whole is set */
};

/* -1: it makes no sense, or (ERR_IO) the file cannot be written. */
int streamed_message(struct streamed *s, struct span bytes,
		     struct streamed_whole *whole, struct err *e)
    __attribute__((warn_unused_result));

/* Of the one whose block is open; borrowed; NULL: none, or it is not kept. */
struct streamfile *streamed_file(const struct streamed *s);

/* The connection ended: what has not committed will come again. */
void streamed_cut(struct streamed *s);

/* Of those that have not committed. */
uint64_t streamed_bytes(const struct streamed *s);

#endif
