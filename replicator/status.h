/*
 * What the replicator knows of itself, in one plain structure, and its forms:
 * the row that gsb.health() reads, JSON for people, Prometheus text. Pure.
 */
#ifndef REPLICATOR_STATUS_H
#define REPLICATOR_STATUS_H

#include "base/json.h"
#include "base/strbuf.h"
#include "replicator/apply.h"
#include "replicator/heal.h"
#include "replicator/intake.h"
#include "replicator/lag.h"
#include "replicator/large.h"
#include "replicator/leap.h"
#include "replicator/progress.h"
#include "replicator/spool.h"
#include "replicator/stream.h"
#include "replicator/sync.h"

struct status {
	const char *site, *peer;
	enum stream_state stream;
	bool apply_ready;
	enum progress_verdict verdict;
	const char *sync;   /* gsb.sync_state() as this program sees it */
	uint64_t applied;   /* the peer's log: committed here */
	uint64_t received;  /* whole transactions that came */
	uint64_t peer_end;  /* as far as the peer has named it */
	uint64_t confirmed; /* at the last connection */
	int64_t safe_bytes; /* of the slot; -1: no limit */
	int64_t lag_ms;     /* of what is not applied; 0: nothing is */
	int64_t apply_ms;   /* commit there to commit here, the last one */
	struct stream_stats in;
	struct intake_stats intake;
	struct apply_stats apply;
	struct large_stats large;
	struct leap_stats leap;
	struct spool_stats spool;
	const char *spool_state; /* "on", "off", "full", "failed" */
	int64_t spool_age_ms;    /* of the oldest that is not merged */
	struct sync_stats out;
	struct heal_status digest;
	const struct lag *lag; /* NULL: none */
};

/* "streaming", "catchup" or "down". */
const char *status_in_state(const struct status *s);

/* Given. */
json_t *status_json(const struct status *s);
void status_metrics(const struct status *s, struct strbuf *out);

/* The part of them that is about the digest. */
json_t *status_digest_json(const struct heal_status *h);
void status_digest_metrics(const struct heal_status *h, struct strbuf *out);

#endif
