/*
 * How long changes take from the peer's commit to our readers, by stage: the
 * percentiles of the last half to whole minute. Pure.
 *
 *   sent       commit there --> it was sent          (the peer's clock)
 *   received   sent --> it was here                  (both clocks)
 *   spooled    written to the spool --> durable there (our clock)
 *   applied    here --> committed here               (our clock)
 *   visible    commit there --> committed here       (both clocks)
 */
#ifndef REPLICATOR_LAG_H
#define REPLICATOR_LAG_H

#include <stdbool.h>
#include <stdint.h>

#include "replicator/batch.h"

enum lag_stage {
	LAG_SENT,
	LAG_RECEIVED,
	LAG_SPOOLED,
	LAG_APPLIED,
	LAG_VISIBLE,
	LAG_STAGES
};
const char *lag_stage_name(enum lag_stage s);

/* Four buckets for each doubling, from 1 µs to an hour. */
#define LAG_BUCKETS 128

struct lag_window {
	uint32_t count[LAG_STAGES][LAG_BUCKETS];
	int64_t max_us[LAG_STAGES];
	uint64_t n[LAG_STAGES];
};

/* { 0 } is empty. */
struct lag {
	struct lag_window now, before;
	int64_t since_us;
	int64_t ahead_us, ahead_before_us; /* each of half a minute */
	int64_t heard_us;                  /* since when; 0: nothing was */
};

/* Of one transaction, µs since 2000, each by the clock of its place. */
struct lag_times {
	int64_t committed_us, sent_us, received_us, applied_us;
};
void lag_add(struct lag *l, const struct lag_times *t);

/* One write of the spool. */
void lag_spooled(struct lag *l, int64_t took_us, int64_t now_us);

/* The last transaction of a batch, now committed here. */
void lag_applied(struct lag *l, const struct batch *b, int64_t now_us);

/* At most a fifth too long; 0 when there was none. q: 0.5, 0.95, 0.99 */
int64_t lag_quantile_us(const struct lag *l, enum lag_stage s, double q);
int64_t lag_max_us(const struct lag *l, enum lag_stage s);

/* Something was sent by the peer's clock, and came by ours. */
void lag_heard(struct lag *l, int64_t sent_us, int64_t received_us);

/*
 * By how much the peer's clock is ahead of ours, less the shortest way that a
 * message of the last minute took; false: nothing was heard.
 */
bool lag_ahead_us(const struct lag *l, int64_t *us);

#endif
