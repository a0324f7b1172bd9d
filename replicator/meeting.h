/*
 * What is remembered of the peer, and the verdict each time it is met: go on
 * streaming, or rejoin it (rejoin.h) because its log cannot be followed.
 */
#ifndef REPLICATOR_MEETING_H
#define REPLICATOR_MEETING_H

#include "replicator/batch.h"
#include "replicator/progress.h"

struct meeting;

struct meeting_conf {
	const char *local, *peer; /* conninfos; borrowed, as all texts */
	const char *state_dir;
	const char *slot;
	/*
	 * Rejoined: all rows are to be healed; what was streamed before counts
	 * for nothing; from is where the stream begins.
	 */
	void (*on_rejoined)(void *ctx, const struct stream_peer *peer,
			    uint64_t from, const char *why);
	void *ctx;
};

/* NULL when the state cannot be had. */
struct meeting *meeting_new(const struct meeting_conf *conf, struct err *e)
    __attribute__((warn_unused_result));
void meeting_free(struct meeting **mp);

/* The stream that asked has ended: a rejoining is begun anew later, what was
 * applied and is not known to be durable is not known of. */
void meeting_cut(struct meeting *m);

/* For the stream: what the peer must know of. */
struct stream_last meeting_last(const struct meeting *m);

/*
 * The peer, as the stream found it. False: it cannot be streamed from now,
 * on_rejoined comes if it is going to be. *is_other: it is not the one that
 * was met last.
 */
struct meeting_stand {
	uint64_t applied, spooled; /* as in progress.h */
	bool may_rejoin; /* else only when all that is here is merged */
};
bool meeting_judge(struct meeting *m, const struct stream_peer *peer,
		   const struct meeting_stand *stand, uint64_t *start,
		   bool *is_other);

/* Whom it follows; system_id 0: nobody yet. */
const struct progress_record *meeting_known(const struct meeting *m);

/* Transactions of it were applied, the last of them as the batch says. */
void meeting_applied(struct meeting *m, const struct batch *b);
/* What was applied up to there does not come again: a crash keeps it. */
void meeting_durable(struct meeting *m, uint64_t lsn);
/* All from applied to acked was for nobody here; remembered. */
void meeting_save(struct meeting *m, uint64_t applied, uint64_t acked);

struct meeting_facts {
	enum progress_verdict verdict;
	uint64_t confirmed;
	int64_t safe_bytes; /* of the slot; -1: no limit, or not known */
};
void meeting_facts(const struct meeting *m, struct meeting_facts *out);

#endif
