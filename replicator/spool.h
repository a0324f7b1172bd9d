/*
 * What came from the peer and is durable here, though not merged yet: whole
 * transactions as they came, in files. What comes while the thread pool writes
 * goes with the next write; what is small is not handed to it while the disk is
 * quick. Also the queue of what apply has no room for.
 */
#ifndef REPLICATOR_SPOOL_H
#define REPLICATOR_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "replicator/spool_frame.h"

struct spool;
struct spool_conf {
	const char *dir, *slot, *own_origin; /* copied */
	int64_t retry_ms;              /* after writing has failed; 0: 5000 */
	void (*on_durable)(void *ctx); /* more is, or writing has failed */
	void *ctx;
};

/* NULL when what is there cannot be read. */
struct spool *spool_open(const struct spool_conf *conf, struct err *e)
    __attribute__((warn_unused_result));
/* Waits for a write that is under way. */
void spool_close(struct spool **sp);

/* --- what comes ------------------------------------------------------------
 */

/* From the next transaction on: they are taken; patient: whatever happens,
 * for nobody else has them. */
void spool_take(struct spool *s, bool takes, bool patient);

/* Whose log it is: what follows is written down under that name. */
void spool_name(struct spool *s, uint64_t system_id, uint32_t timeline);

/* All that is there is of that log. */
bool spool_is_of(const struct spool *s, uint64_t system_id, uint32_t timeline);

/* One message of pgoutput, but those of streamed transactions. */
int spool_message(struct spool *s, struct span bytes, struct err *e)
    __attribute__((warn_unused_result));
/* A relation of a streamed transaction. */
void spool_relation(struct spool *s, struct span message);
/* One that ends there went elsewhere. */
void spool_skip(struct spool *s, uint64_t end_lsn);
/* The connection ended: what is not whole comes again. */
void spool_cut(struct spool *s);

bool spool_is_inside(const struct spool *s); /* a transaction */
/* When the last one committed there; since 2000, by its clock. */
int64_t spool_time_us(const struct spool *s);

/* Who has all up to lsn, has with what is durable here all up to this. */
uint64_t spool_reach(const struct spool *s, uint64_t lsn);
/* The end of the last transaction, durable or not. */
uint64_t spool_end(const struct spool *s);
/* It could not be written; tried again after a while. */
bool spool_has_failed(const struct spool *s);
/* So much waits for the disk that reading should rest. */
bool spool_is_swollen(const struct spool *s);

/* All up to lsn is merged here, and durable. */
void spool_release(struct spool *s, uint64_t lsn);

/*
 * Who reads stands at lsn; what follows without a gap stays, the rest goes
 * and is to come again. The end of what stays.
 */
uint64_t spool_begin(struct spool *s, uint64_t lsn);
/* Another log is followed, from lsn; nothing of the old one is needed. */
void spool_forget(struct spool *s, uint64_t lsn);

/* --- reading it ------------------------------------------------------------
 */

/* From the first transaction that ends above lsn. */
void spool_seek(struct spool *s, uint64_t lsn);
/*
 * 1: the next, borrowed to the next call of any; is_known: only its relations
 * count. 0: that was all that came. -1: it cannot be read any more.
 */
int spool_next(struct spool *s, struct spool_chunk *out, bool *is_known,
	       struct err *e) __attribute__((warn_unused_result));

struct spool_stats {
	uint64_t bytes; /* in files of which something is not merged */
	bool has_files;
	uint64_t syncs;  /* since the start */
	int64_t sync_us; /* the last */
	int failed;      /* errno, while it has failed */
	bool damaged;    /* when it was opened */
};
void spool_stats(const struct spool *s, struct spool_stats *out);

#endif
