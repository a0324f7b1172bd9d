#include "proxy/view.h"

#include <stddef.h>

/* A stream that follows within this is caught up: a barrier does the rest. */
#define LAG_MS 2000
/* Longer than any healthy synchronous commit waits. */
#define COMMIT_WAIT_MS 300

static bool
follows(const struct answer_replication *r)
{
	return r->out == ANSWER_STREAM_STREAMING && r->out_lag_ms <= LAG_MS;
}

bool
view_caught_up(const struct view_site *active, const struct view_site *other)
{
	const struct answer_replication *a = &active->replication;
	const struct answer_replication *o = &other->replication;

	return a->known && o->known && follows(a) && follows(o) &&
	       a->sync != ANSWER_SYNC_DEGRADED &&
	       o->sync != ANSWER_SYNC_DEGRADED;
}

bool
view_peer_dead(const struct view_site *active, const struct view_site *other)
{
	const struct answer_replication *a = &active->replication;

	if (!judge_failed(other->verdict))
		return false;
	/* Its web may be dead while its replicator still confirms commits. */
	return other->db_down || !a->known ||
	       a->out != ANSWER_STREAM_STREAMING ||
	       a->oldest_commit_wait_ms > COMMIT_WAIT_MS;
}

bool
view_applied(const struct view_site *s)
{
	const struct answer_replication *r = &s->replication;

	return r->known && r->in_pending == 0 && r->in != ANSWER_STREAM_CATCHUP;
}
