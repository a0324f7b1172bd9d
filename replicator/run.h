/*
 * The running replicator: stream, intake, apply, sync and status tied
 * together, and the positions that go back to the peer.
 */
#ifndef REPLICATOR_RUN_H
#define REPLICATOR_RUN_H

#include <stdint.h>

#include "base/err.h"
#include "replicator/status.h"
#include "replicator/tables.h"

struct run;

struct run_conf {
	const char *site;         /* "primary" or "backup"; borrowed, as all */
	const char *local, *peer; /* conninfos */
	const char *state_dir;
	int64_t stream_above; /* bytes; as in stream.h */
	int64_t leap_above;   /* bytes of log; 0: never; see leap.h */
	const char *listen;   /* HTTP, or "" */
	enum sync_mode sync;
	int64_t spool_max; /* bytes */
	int64_t sync_timeout_ms;
	int64_t verify_ms; /* between digests in the background; 0: none */
	int64_t conflicts_age_ms, conflicts_kept; /* as in report.h */
	const struct tables *tables;
	void (*more_metrics)(struct strbuf *out); /* or NULL */
};

/* NULL when the state or the address cannot be had. */
struct run *run_new(const struct run_conf *conf, struct err *e)
    __attribute__((warn_unused_result));
void run_free(struct run **rp);

/* Takes over sync, times and bounds, and tables.ini where it was written. */
void run_reload(struct run *r, const struct run_conf *conf);

/*
 * Takes in no more, applies what has come as whole, tells the peer; then
 * calls fn once, after at most a second.
 */
void run_drain(struct run *r, void (*fn)(void *ctx), void *ctx);

#endif
