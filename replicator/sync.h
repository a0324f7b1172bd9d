/*
 * Keeps the promise of synchronous commit on the local database: names the
 * peer's replicator as the synchronous standby while it keeps up, and takes
 * the name away, telling gsb.sync_state() first, when it does not.
 */
#ifndef REPLICATOR_SYNC_H
#define REPLICATOR_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "replicator/rpo.h"

struct pgconn;
struct sync;

enum sync_mode { SYNC_OFF, SYNC_ON, SYNC_REMOTE_APPLY };

struct sync_conf {
	const char *conninfo; /* local; copied, as all texts */
	const char *application;
	const char *standby; /* gsb_<peer>: the peer's replicator's name */
	enum sync_mode mode;
	int64_t timeout_ms;
	/* The state, or the connection, is another than before. */
	void (*on_change)(void *ctx);
	void *ctx;
};

struct sync *sync_new(const struct sync_conf *conf);
void sync_free(struct sync **sp);

/* As if it had been made with these. */
void sync_change(struct sync *s, enum sync_mode mode, int64_t timeout_ms);

/* "off", "on", "remote_apply", "degraded"; "unknown" before it is read. */
const char *sync_state(const struct sync *s);

struct sync_stats {
	uint64_t degradations; /* since the start */
	int64_t since_ms;      /* clock_mono_ms of the last change */
	bool peer_streams;     /* reads our log */
	uint64_t out_lag_bytes;
	/* of our own commits, that the peer has not flushed: at most; -1: not
	 * counted yet, or never (without track_commit_timestamp) */
	int64_t at_risk;
	int64_t at_risk_since_us; /* wall clock; 0: none */
	uint64_t counted_xid;     /* below it all is counted */
	unsigned own;             /* not below it, of ours */
};
void sync_stats(const struct sync *s, struct sync_stats *out);

/* A transaction of that connection, which concerns nobody else. */
void sync_own(struct sync *s, uint64_t xid);

/* Its connection, for statements that commit locally; NULL while down. */
struct pgconn *sync_connection(struct sync *s);

#endif
