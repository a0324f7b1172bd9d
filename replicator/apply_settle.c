/*
 * What becomes of a group that failed: it is sent again at once where it took
 * something for granted, later where the reason passes, and in the end in
 * parts.
 */
#include <string.h>

#include "replicator/apply_inner.h"
#include "replicator/envelope.h"
#include "replicator/remedy.h"

/* A group that is one statement's transaction left nothing behind. */
static void
again(struct apply *a)
{
	a->state = APPLY_READY;
	apply_pump(a);
}

/* Its group is sent again, with sweeps. */
static bool
is_no_calm(struct apply *a, const struct err *e)
{
	if (!TAILQ_FIRST(&a->groups)->calm ||
	    strcmp(e->sqlstate, ENVELOPE_CALM_STATE) != 0)
		return false;
	a->calm = false;
	return true;
}

/* Its group is sent again, as rows that may be known. */
static bool
is_known_row(struct apply *a, const struct err *e)
{
	const struct apply_group *g = TAILQ_FIRST(&a->groups);

	if (!g->batch->trust || strcmp(e->sqlstate, "23505") != 0)
		return false;
	a->distrust = g->batch->begins && g->batch->ends ? DISTRUST
							 : DISTRUST_HUGE;
	return true;
}

void
apply_settle(struct apply *a)
{
	struct err e = a->failure;

	err_clear(&a->failure);
	if (e.code != ERR_REFUSED) {
		apply_reset(a, &e);
		return;
	}
	if (is_no_calm(a, &e)) {
		again(a);
		return;
	}
	if (is_known_row(a, &e)) {
		if (a->distrust == DISTRUST)
			again(a);
		else
			apply_retry(a, &e);
		return;
	}
	if (remedy_is_transient(&e)) {
		apply_retry(a, &e);
		return;
	}
	if (a->reloaded_at != a->progress) {
		/* perhaps the tables are not what they were */
		a->reloaded_at = a->progress;
		apply_reset(a, &e);
		return;
	}
	a->careful_at = a->progress;
	if (!TAILQ_FIRST(&a->groups)->batch->begins) {
		apply_reset(a, &e);
		return;
	}
	apply_retry(a, &e);
}
