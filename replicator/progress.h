/*
 * Where we stand in the peer's log, and what that means on a new connection.
 *
 * Data and progress commit together in the origin of the local database.
 * Beside it a small file keeps what was acknowledged beyond it, when all that
 * came there held nothing for us: writing that into the database would make
 * log for the peer to acknowledge, and so on for ever. It also says whom we
 * followed.
 */
#ifndef REPLICATOR_PROGRESS_H
#define REPLICATOR_PROGRESS_H

#include <stdint.h>

#include "base/err.h"
#include "replicator/stream.h"

struct progress_record {
	uint64_t system_id; /* of the peer; 0: none yet */
	uint32_t timeline;
	uint64_t applied; /* merged or in the spool when it was written */
	uint64_t acked;   /* acknowledged; all from there was for nobody here */
	struct stream_last last;
};

struct progress;

/* Opens or makes DIR/progress-SLOT. */
struct progress *progress_open(const char *dir, const char *slot, struct err *e)
    __attribute__((warn_unused_result));
void progress_close(struct progress **pp);

/* Zeroes when there was none, or it was not whole. */
const struct progress_record *progress_record(const struct progress *p);

/* Written when it differs; a failure is logged once. */
void progress_save(struct progress *p, const struct progress_record *to);

enum progress_verdict {
	PROGRESS_FRESH,      /* nothing was ever applied */
	PROGRESS_CONTINUE,   /* the peer goes on where we stand */
	PROGRESS_REDELIVERY, /* it stands behind us: what comes twice is nothing
			      */
	PROGRESS_GAP,        /* it has forgotten what we have not applied */
	PROGRESS_BEHIND,     /* its log does not hold what we applied */
	PROGRESS_OTHER,      /* another cluster, or another timeline of it */
	PROGRESS_NO_SLOT,    /* it was dropped, or never made */
	PROGRESS_LOST_SLOT   /* the slot's log was removed */
};
const char *progress_name(enum progress_verdict v);
/*
 * What has happened, for operators; NULL: nothing. Then the stream cannot
 * bring all: see rejoin.h.
 */
const char *progress_alarm(enum progress_verdict v);

/*
 * applied: the origin's position. spooled: what comes with the spool too is
 * here up to that; at least applied. start: where to begin (0: where the slot
 * stands); no use when the verdict is an alarm. Pure.
 */
enum progress_verdict progress_judge(const struct stream_peer *peer,
				     uint64_t applied, uint64_t spooled,
				     const struct progress_record *known,
				     uint64_t *start);

#endif
