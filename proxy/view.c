#include "proxy/view.h"

#include <stddef.h>

/* A stream that follows within this is caught up: a barrier does the rest. */
#define LAG_MS 2000
/* Checkpoints and their like, which nobody has to apply. */
#define NOISE_BYTES 65536
/* Longer than any healthy synchronous commit waits. */
#define COMMIT_WAIT_MS 300

static bool
is_near(const struct report_replication *r)
{
	return r->out == REPORT_STREAM_STREAMING && r->out_lag_ms <= LAG_MS;
}

bool
view_caught_up(const struct view_site *active, const struct view_site *other)
{
	const struct report_replication *a = &active->replication;
	const struct report_replication *o = &other->replication;

	return a->known && o->known && is_near(a) && is_near(o) &&
	       a->sync != REPORT_SYNC_DEGRADED &&
	       o->sync != REPORT_SYNC_DEGRADED;
}

bool
view_follows(const struct report_replication *r)
{
	return r->out == REPORT_STREAM_STREAMING && r->out_lag_ms == 0 &&
	       r->out_lag_bytes <= NOISE_BYTES;
}

bool
view_peer_dead(const struct view_site *active, const struct view_site *other)
{
	const struct report_replication *a = &active->replication;

	if (!judge_failed(other->verdict))
		return false;
	/* Its web may be dead while its replicator still confirms commits. */
	return other->db_down || !a->known ||
	       a->out != REPORT_STREAM_STREAMING ||
	       a->oldest_commit_wait_ms > COMMIT_WAIT_MS;
}

bool
view_applied(const struct view_site *s)
{
	const struct report_replication *r = &s->replication;

	return r->known && r->in_pending == 0 && r->in != REPORT_STREAM_CATCHUP;
}
