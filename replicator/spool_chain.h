/*
 * Which parts of the peer's log a spool holds durably, as a list of stretches.
 * Pure.
 */
#ifndef REPLICATOR_SPOOL_CHAIN_H
#define REPLICATOR_SPOOL_CHAIN_H

#include <stddef.h>
#include <stdint.h>

struct spool_stretch {
	uint64_t from, end;
};

/* { 0 } is empty. */
struct spool_chain {
	struct spool_stretch *at;
	size_t n, cap;
};

void spool_chain_fini(struct spool_chain *c);

/* Behind all that was added before. */
void spool_chain_add(struct spool_chain *c, uint64_t from, uint64_t end);

/* With all up to lsn, and what is here, one has all up to what it returns. */
uint64_t spool_chain_reach(const struct spool_chain *c, uint64_t lsn);

/* What ends at lsn or below is of no more use. */
void spool_chain_release(struct spool_chain *c, uint64_t lsn);

/* Nothing above lsn. */
void spool_chain_cut(struct spool_chain *c, uint64_t lsn);

#endif
