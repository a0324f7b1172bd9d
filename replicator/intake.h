/*
 * Makes batches of the messages of the stream: whole transactions, without
 * those that came from here and are echoed by the peer; only a huge one is
 * cut into pieces. Pure.
 */
#ifndef REPLICATOR_INTAKE_H
#define REPLICATOR_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "replicator/batch.h"

struct intake;

struct intake_conf {
	const struct catalog *catalog; /* borrowed to the end */
	const char *own_origin; /* whose transactions are dropped; copied */
	size_t full_rows;       /* a batch of so many is full; 0: 1,000 */
	size_t full_bytes;      /* 0: 256 KiB */
	size_t piece_bytes;     /* a transaction is cut here; 0: 1 MiB */
};

struct intake *intake_new(const struct intake_conf *conf);
void intake_free(struct intake **ip);

/* -1: the stream makes no sense; start it anew from what is known. */
int intake_message(struct intake *in, struct span bytes, struct err *e)
    __attribute__((warn_unused_result));
/* What the messages B and C do: for one whose changes were kept elsewhere. */
int intake_begin(struct intake *in, uint32_t xid, struct err *e)
    __attribute__((warn_unused_result));
void intake_commit(struct intake *in, uint64_t end_lsn, int64_t time_us);

/* Behind it there is enough to do: a batch grows beyond full. */
void intake_hurry(struct intake *in, bool hurry);

/* How ready the open batch is. */
enum intake_ready {
	INTAKE_EMPTY, /* nothing in it, or a transaction not at its end */
	INTAKE_SOME,  /* whole transactions */
	INTAKE_FULL   /* it should grow no further */
};
enum intake_ready intake_ready(const struct intake *in);

/* Given; when it is not INTAKE_EMPTY. */
struct batch *intake_take(struct intake *in);

/* When the first of what intake_take would give came; clock_mono_ms. */
int64_t intake_since_ms(const struct intake *in);

/* End of the last whole transaction that came, echoes included; or 0. */
uint64_t intake_end_lsn(const struct intake *in);

/* Between B and C, or something waits to be taken. */
bool intake_is_busy(const struct intake *in);

/* The connection ended: drops the transaction that was under way, keeps the
 * whole ones, and forgets the relations. False: pieces of that transaction
 * were taken already. */
bool intake_cut(struct intake *in);

struct intake_stats {
	uint64_t transactions, changes, bytes;
	uint64_t echo_transactions, echo_bytes;
	uint64_t foreign_changes; /* of relations that are not declared */
};
void intake_stats(const struct intake *in, struct intake_stats *out);

#endif
