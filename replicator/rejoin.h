/*
 * Goes on with a peer whose log cannot be followed from where we stand: the
 * slot is gone or lost its log, the peer forgot changes that we lack, or is
 * another than it was. First gsb.heal is written, durably; then there is a
 * slot to stream from, and everything committed before it is the digest's
 * to bring. Killed anywhere it is done again.
 */
#ifndef REPLICATOR_REJOIN_H
#define REPLICATOR_REJOIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct rejoin;

struct rejoin_conf {
	const char *local, *peer; /* conninfos; copied, as all texts */
	const char *slot;         /* ours, at the peer */
	const char *why;          /* for gsb.heal */
};

/* from: where the slot stands. err: try again. */
typedef void rejoin_fn(void *ctx, uint64_t from, const struct err *err);
struct rejoin *rejoin_start(const struct rejoin_conf *conf, rejoin_fn *fn,
			    void *ctx);
void rejoin_cancel(struct rejoin **rp);

#endif
