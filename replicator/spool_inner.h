/* The inside of spool, for spool.c, spool_take.c and spool_read.c alone. */
#ifndef REPLICATOR_SPOOL_INNER_H
#define REPLICATOR_SPOOL_INNER_H

#include <sys/queue.h>

#include "base/arena.h"
#include "replicator/spool.h"
#include "replicator/spool_files.h"

/* Not yet durable; the first one may be under way. */
struct spool_waiting {
	TAILQ_ENTRY(spool_waiting) entry;
	struct strbuf bytes;
	size_t len; /* of them, without what sealing adds */
	uint64_t number, from, end;
	bool rotates; /* it begins a segment, with all that is known */
	bool sealed;  /* it grows no more */
	bool lost;    /* it will not be written */
};

struct spool_known { /* relation */
	uint32_t oid;
	struct strbuf message;
};

struct spool {
	struct spool_conf conf;
	struct spool_head head; /* for the next segment */
	struct spool_files files;
	struct spool_chain chain;
	struct arena *scratch;
	/* the transaction that comes */
	bool inside, echo, takes, wanted;
	bool next_takes, patient; /* of the next */
	struct strbuf open;       /* messages */
	struct strbuf relations;  /* those of it that introduce them */
	/* what came */
	struct spool_known *known;
	size_t nknown, cap_known;
	TAILQ_HEAD(spool_queue, spool_waiting) waiting;
	size_t waiting_bytes;
	uint64_t numbers; /* of the next frame */
	size_t assigned;  /* bytes that the newest segment will have */
	bool fresh;       /* the next chunk begins a frame, */
	bool rotate;      /* and that one a segment */
	int64_t time_us;  /* of the last commit that came */
	uint64_t edge;    /* all that is above it is in frames to come */
	struct loop_call *starting; /* of the next job */
	struct work *job;
	unsigned quick; /* so many jobs in a row have been */
	int failed;
	int64_t failed_ms;
	bool damaged;
	uint64_t syncs;
	int64_t sync_us;
	/* the reader */
	uint64_t above, number;
	size_t at; /* in that frame's chunks */
	bool loaded;
	struct spool_place place;
	struct strbuf buffer;
	struct spool_frame frame;
};

/* spool.c */
void spool_add_chunk(struct spool *s, uint64_t end_lsn, struct span messages);
/* An 'R' message: what the next segment begins with. */
void spool_learn(struct spool *s, struct span message);
/* Writes soon, if nothing is being written. */
void spool_start(struct spool *s);
void spool_drop_frame(struct spool *s, struct spool_waiting *w);

#endif
