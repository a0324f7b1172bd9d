/* When what intake has goes to apply. */
#include "base/clock.h"
#include "io/timer.h"
#include "replicator/run_inner.h"

/* a batch that is not full waits so long while another is under way */
#define LINGER_MS 5
/* while none is, and nobody waits for it, until nothing came for PAUSE_MS:
 * a small group costs 0.4 ms, which the next commits would wait for */
#define GATHER_MS 10
#define PAUSE_MS 2

static void on_linger(void *ctx);

void
run_submit(struct run *r)
{
	struct batch *b = intake_take(r->intake);
	struct apply_stats st;

	timer_cancel(&r->linger);
	run_large_hold_back(r, b);
	if (b->ends && b->end_lsn <= apply_seen(r->apply))
		batch_comes_again(b);
	b->awaited = run_is_awaited(r);
	b->sent_us = r->sent_us;
	b->received_us = r->received_us;
	if (r->behind_since_us == 0)
		r->behind_since_us = b->time_us + CLOCK_PG_EPOCH_US;
	apply_submit(r->apply, &b);
	apply_stats(r->apply, &st);
	if (st.queued_bytes > RUN_QUEUE_LOW)
		r->swollen = true;
	run_spool_hold(r);
}

/* Until what has gathered goes to apply, from its first row on. */
static int64_t
wait_ms(const struct run *r, unsigned busy, int64_t age_ms)
{
	int64_t quiet_ms = (clock_pg_us() - r->received_us) / 1000;

	if (busy > 0)
		return LINGER_MS - age_ms;
	if (!run_spool_promises(r))
		return 0;
	return PAUSE_MS - quiet_ms < GATHER_MS - age_ms ? PAUSE_MS - quiet_ms
							: GATHER_MS - age_ms;
}

/*
 * Idle: at once, or, where commits do not wait for it, with what comes in a
 * moment. Behind: when it is full, or has waited for a while.
 */
void
run_submit_what_is_due(struct run *r)
{
	enum intake_ready ready;
	struct apply_stats st;
	int64_t wait;
	unsigned busy;

	apply_stats(r->apply, &st);
	intake_hurry(r->intake, st.queued > 0);
	ready = intake_ready(r->intake);
	if (ready == INTAKE_EMPTY)
		return;
	busy = st.queued + st.in_flight;
	wait = wait_ms(r, busy, clock_mono_ms() - intake_since_ms(r->intake));
	if (ready == INTAKE_FULL || (busy <= 1 && wait <= 0))
		run_submit(r);
	else if (busy <= 1 && r->linger == NULL)
		r->linger = timer_start((uint64_t)wait, on_linger, r);
}

static void
on_linger(void *ctx)
{
	struct run *r = ctx;

	r->linger = NULL;
	run_submit_what_is_due(r);
}
