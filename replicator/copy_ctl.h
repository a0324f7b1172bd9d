/*
 * What operators ask of the copy: a unix socket with HTTP and JSON
 * (docs/contracts.md 8).
 */
#ifndef REPLICATOR_COPY_CTL_H
#define REPLICATOR_COPY_CTL_H

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

struct copy_ctl;

/* An order, borrowed. */
struct copy_order {
	const char *verb; /* "run", "rollback", "override", "protect" */
	const char *reason, *who;
	int64_t expires_ms;
	bool verify;
};

struct copy_ctl_conf {
	const char *path;
	json_t *(*status)(void *ctx); /* given */
	/* 0, or -1: refused, with the words. */
	int (*order)(void *ctx, const struct copy_order *order, struct err *e);
	void *ctx;
};

struct copy_ctl *copy_ctl_open(const struct copy_ctl_conf *conf, struct err *e)
    __attribute__((warn_unused_result));
void copy_ctl_close(struct copy_ctl **c);

#endif
