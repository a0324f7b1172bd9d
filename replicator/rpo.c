#include "replicator/rpo.h"

#include <assert.h>
#include <stdio.h>

/* so far behind counts as caught up: a moment's writing */
#define CAUGHT_UP_BYTES (1 << 20)
/* the server's processes take a new setting in by then */
#define NAMED_MS 150
/* whoever said "dead" says it again at each grant */
#define DEAD_MS 3000

static const char *const names[] = { "degraded", "named", "arming", "armed" };
static_assert(sizeof(names) / sizeof(names[0]) == RPO_ARMED + 1,
	      "one name for each state");

const char *
rpo_name(enum rpo_state state)
{
	return names[state];
}

void
rpo_init(struct rpo *r, int64_t timeout_ms, enum rpo_state state,
	 int64_t now_ms)
{
	*r = (struct rpo){ .timeout_ms = timeout_ms,
			   .state = state,
			   .moved_ms = now_ms,
			   .named_ms = now_ms };
}

static enum rpo_step
step(struct rpo *r, enum rpo_step s, const char *why)
{
	snprintf(r->why, sizeof(r->why), "%s", why);
	return s;
}

enum rpo_step
rpo_dead(struct rpo *r, int64_t now_ms)
{
	r->dead_ms = now_ms + DEAD_MS;
	if (r->state == RPO_DEGRADED)
		return RPO_NOTHING;
	return step(r, RPO_RELEASE, "the peer is said to be dead");
}

static enum rpo_step
judge_degraded(struct rpo *r, const struct rpo_facts *f)
{
	if (!f->streams || f->now_ms < r->dead_ms ||
	    f->wal_lsn > f->flush_lsn + CAUGHT_UP_BYTES)
		return RPO_NOTHING;
	return step(r, RPO_NAME, "the peer streams and has caught up");
}

/* What a promise needs; moved_ms is when it was last given. */
static bool
stands_still(struct rpo *r, const struct rpo_facts *f)
{
	bool well = f->streams && !f->waits && r->state == RPO_ARMED;

	if (well || (f->streams && f->flush_lsn != r->last_lsn)) {
		r->moved_ms = f->now_ms;
		r->last_lsn = f->flush_lsn;
	}
	return f->now_ms - r->moved_ms >= r->timeout_ms;
}

enum rpo_step
rpo_judge(struct rpo *r, const struct rpo_facts *f)
{
	if (r->state == RPO_DEGRADED)
		return judge_degraded(r, f);
	if (stands_still(r, f))
		return step(r, RPO_RELEASE,
			    f->streams ? "the peer confirms nothing"
				       : "the peer does not stream");
	if (r->state == RPO_NAMED && f->now_ms - r->named_ms >= NAMED_MS) {
		r->state = RPO_ARMING;
		r->arm_lsn = f->wal_lsn;
	}
	if (r->state == RPO_ARMING && f->streams && f->flush_lsn >= r->arm_lsn)
		return step(r, RPO_CONFIRM, "the peer has confirmed");
	return RPO_NOTHING;
}

void
rpo_done(struct rpo *r, enum rpo_step s, int64_t now_ms)
{
	switch (s) {
	case RPO_NOTHING:
		return;
	case RPO_NAME:
		r->state = RPO_NAMED;
		r->named_ms = r->moved_ms = now_ms;
		return;
	case RPO_CONFIRM:
		r->state = RPO_ARMED;
		r->moved_ms = now_ms;
		return;
	case RPO_RELEASE:
		r->state = RPO_DEGRADED;
		return;
	}
}
