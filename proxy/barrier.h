/*
 * A barrier: a message through one site's log, awaited at the other. When it
 * is seen there, everything that was committed before it has been applied.
 */
#ifndef PROXY_BARRIER_H
#define PROXY_BARRIER_H

#include "base/err.h"
#include "base/keyring.h"

struct barrier;

struct barrier_conf {
	const char *from, *to;      /* web of both sites, HOST:PORT, copied */
	const struct keyring *keys; /* borrowed */
	uint32_t timeout_ms;        /* for one call; the owner ends the whole */
};

/* err NULL: seen. Else the emitting or asking failed; begin a new one. */
typedef void barrier_fn(void *ctx, const struct err *err);

struct barrier *barrier_start(const struct barrier_conf *conf, barrier_fn *fn,
			      void *ctx);
void barrier_cancel(struct barrier **b);

#endif
