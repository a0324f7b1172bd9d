/*
 * gsb-replicator install: makes the local parts (schema gsb, version columns,
 * triggers, publication, slot, origin), each only where it is missing or
 * differs, so that it can run again after every schema step.
 *
 * Names on a site whose peer is PEER: slot and synchronous standby
 * gsb_<PEER> (the peer's replicator connects here with that
 * application_name), origin gsb_<PEER>, publication gsb.
 */
#ifndef REPLICATOR_INSTALL_H
#define REPLICATOR_INSTALL_H

#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "replicator/tables.h"

struct install;

struct install_conf {
	const char *admin;           /* conninfo of a superuser; copied */
	const char *site;            /* "primary" or "backup" */
	const char *sync;            /* "off", "on", "remote_apply" */
	const struct tables *tables; /* borrowed to the end */
	/* SQL for the same transaction, at its end; up to a NULL; borrowed
	 * to the end; or NULL. */
	const char *const *more;
	bool dry_run;        /* prints the SQL and runs none of it */
	FILE *out;           /* what it does, a line each; borrowed */
	uint32_t timeout_ms; /* for all of it; 0: 60 s */
};

/* err NULL: done. */
typedef void install_fn(void *ctx, const struct err *err);

struct install *install_start(const struct install_conf *conf, install_fn *fn,
			      void *ctx);

/* No callback comes; what was committed stays. */
void install_cancel(struct install **ip);

/*
 * A loop of its own around install_start: 0, or -1 with e. For main, before
 * anything else runs in this thread.
 */
int install_run(const struct install_conf *conf, struct err *e)
    __attribute__((warn_unused_result));

#endif
