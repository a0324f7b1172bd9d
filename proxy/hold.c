/*
 * A turn runs every 20 ms while something waits, and at once when a snapshot
 * comes. It moves what is due from queue to ready, then empties ready:
 * whatever a request's end does to other ones, the lists stay whole.
 */
#include "proxy/hold.h"

#include <assert.h>

#include "proxy/relay.h"
#include "proxy/worker.h"

#define TURN_MS 20
#define RELEASE_MS 200      /* a full queue goes out within this time */
#define RELEASE_MIN 16      /* per turn, however short the queue */
#define CANARY_MS 40        /* between two tries of a site that refused */
#define CANARY_HANGS_MS 500 /* then another one may try */
#define FIRST_HOLD_MS 5000  /* before the first snapshot says how long */

static const char too_many[] = "The service is overloaded, please try again";

static void on_turn(uv_timer_t *timer);

void
hold_init(struct hold *h, struct worker *w)
{
	TAILQ_INIT(&h->queue);
	TAILQ_INIT(&h->ready);
	uv_timer_init(w->uv, &h->timer);
	h->timer.data = w;
}

void
hold_close(struct hold *h)
{
	assert(h->n == 0);
	uv_close((uv_handle_t *)&h->timer, NULL);
}

static uint64_t
serial_of(const struct worker *w)
{
	return w->snapshot != NULL ? w->snapshot->serial : 0;
}

void
hold_add(struct request *r, enum resend_action waits_for)
{
	struct worker *w = r->worker;
	struct hold *h = &w->hold;
	enum limit limit;

	r->held_bytes = r->head->len + r->body_kept;
	if (!shared_hold(w->shared, &w->limits, r->held_bytes, &limit)) {
		metrics_add(&w->metrics.limits[limit], 1);
		metrics_add(&w->metrics.hold_refused, 1);
		r->canary = false;
		relay_refuse(r, 503, too_many);
		return;
	}
	r->held_at_us = worker_now_us();
	if (!r->held_once)
		metrics_add(&w->metrics.held, 1);
	r->held_once = true;
	r->stage = REQUEST_HELD;
	r->waits_for = waits_for;
	r->held_serial = serial_of(w);
	r->in_hold = true;
	r->ready = false;
	if (r->canary)
		TAILQ_INSERT_HEAD(&h->queue, r, entry);
	else
		TAILQ_INSERT_TAIL(&h->queue, r, entry);
	r->canary = false;
	if (h->n++ == 0)
		uv_timer_start(&h->timer, on_turn, TURN_MS, TURN_MS);
	if (h->n > h->burst)
		h->burst = h->n;
}

void
hold_remove(struct request *r)
{
	struct worker *w = r->worker;
	struct hold *h = &w->hold;

	assert(r->in_hold);
	TAILQ_REMOVE(r->ready ? &h->ready : &h->queue, r, entry);
	r->in_hold = false;
	r->held_us += worker_now_us() - r->held_at_us;
	shared_release(w->shared, r->held_bytes);
	if (--h->n > 0)
		return;
	h->burst = 0;
	uv_timer_stop(&h->timer);
}

enum hold_verdict
hold_judge(const struct hold_case *c)
{
	if (c->expired)
		return HOLD_EXPIRE;
	if (c->pick.verdict == ROUTE_REFUSE)
		return HOLD_REFUSE;
	if (c->pick.verdict == ROUTE_WAIT)
		return HOLD_KEEP;
	if (c->waits_for == RESEND_NOW || !c->same || c->proven)
		return HOLD_RELEASE;
	if (c->newer && c->healthy)
		return HOLD_RELEASE;
	if (c->waits_for == RESEND_WHEN_IT_WORKS && c->may_try)
		return HOLD_CANARY;
	return HOLD_KEEP;
}

static enum hold_verdict
judge(const struct request *r)
{
	const struct worker *w = r->worker;
	const struct hold *h = &w->hold;
	const struct route_snapshot *s = w->snapshot;
	int64_t now_us = worker_now_us(), now_ms = worker_now_ms(w);
	int64_t waited_us = r->held_us + now_us - r->held_at_us;
	int64_t most_ms = s != NULL ? s->hold_ms : FIRST_HOLD_MS;
	struct hold_case c = {
		.pick = relay_pick(r),
		.waits_for = r->waits_for,
		.newer = serial_of(w) > r->held_serial,
		.expired = waited_us >= most_ms * 1000,
		.may_try = now_ms >= h->next_canary_ms,
	};

	if (s != NULL && c.pick.verdict == ROUTE_TO) {
		enum route_site to = c.pick.site;

		c.same = r->site == to && r->epoch == s->epoch;
		c.healthy = s->upstream[to][r->service].healthy;
		c.proven = w->works_us[to] > r->held_at_us;
	}
	return hold_judge(&c);
}

static void
choose(struct hold *h, struct request *r, enum hold_verdict verdict)
{
	TAILQ_REMOVE(&h->queue, r, entry);
	TAILQ_INSERT_TAIL(&h->ready, r, entry);
	r->ready = true;
	r->verdict = verdict;
	if (verdict == HOLD_CANARY) {
		r->canary = true;
		h->next_canary_ms = worker_now_ms(r->worker) + CANARY_HANGS_MS;
	}
}

static void
choose_all(struct worker *w)
{
	struct hold *h = &w->hold;
	unsigned quota = h->burst / (RELEASE_MS / TURN_MS) + RELEASE_MIN;
	struct request *r, *next;

	for (r = TAILQ_FIRST(&h->queue); r != NULL; r = next) {
		enum hold_verdict verdict = judge(r);

		next = TAILQ_NEXT(r, entry);
		if (verdict == HOLD_KEEP)
			continue;
		if (verdict == HOLD_RELEASE && quota-- == 0)
			return;
		choose(h, r, verdict);
	}
}

static void
let_go(struct request *r)
{
	enum hold_verdict verdict = r->verdict;

	hold_remove(r);
	switch (verdict) {
	case HOLD_RELEASE:
	case HOLD_CANARY:
	case HOLD_REFUSE: /* it finds out by itself, and says so */
		relay_place(r);
		return;
	case HOLD_EXPIRE:
		relay_expire(r);
		return;
	case HOLD_KEEP:
		break;
	}
	assert(!"kept");
}

static void
turn(struct worker *w)
{
	struct hold *h = &w->hold;

	choose_all(w);
	while (!TAILQ_EMPTY(&h->ready))
		let_go(TAILQ_FIRST(&h->ready));
}

static void
on_turn(uv_timer_t *timer)
{
	turn(timer->data);
}

void
hold_review(struct worker *w)
{
	if (w->hold.n > 0)
		turn(w);
}

void
hold_canary_ended(struct worker *w)
{
	w->hold.next_canary_ms = worker_now_ms(w) + CANARY_MS;
}
