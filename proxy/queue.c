/*
 *   relay --> queue_admit --> site_requests are there: waits in line
 *               ^                                        |
 *               +-- relay_place <-- one of them ends ----+--> deadline: 503
 */
#include "proxy/queue.h"

#include <assert.h>
#include <stddef.h>

#include "proxy/relay.h"
#include "proxy/worker.h"

static const char too_many[] = "The service is overloaded, please try again";

static void on_deadline(struct wheel_node *n);
static void on_freed(struct turn_node *n);

void
queue_init(struct queue *q, struct worker *w)
{
	q->worker = w;
	TAILQ_INIT(&q->list);
	wheel_node_init(&q->deadline, on_deadline);
	q->freed.fn = on_freed;
}

void
queue_fini(struct queue *q, struct worker *w)
{
	assert(q->n == 0);
	turn_remove(&w->turn, &q->freed);
	wheel_remove(&q->deadline);
}

/* How many may be there now. */
static unsigned
allowed(struct queue *q)
{
	const struct plane_limits *l = &q->worker->limits;
	int64_t age_ms = worker_now_ms(q->worker) - q->slow_ms;

	if (q->slow_ms == 0)
		return l->site_requests;
	if (age_ms >= l->slow_start_ms)
		q->slow_ms = 0;
	return limits_slow_start(l, age_ms);
}

/* When the first one's time is over, or a slow start lets in more. */
static void
set_deadline(struct queue *q)
{
	struct worker *w = q->worker;
	struct request *r = TAILQ_FIRST(&q->list);
	int64_t due_ms;

	if (r == NULL) {
		wheel_clear(&q->deadline);
		return;
	}
	due_ms = r->queued_us / 1000 + w->limits.queue_ms;
	if (q->slow_ms != 0 && due_ms > worker_now_ms(w))
		due_ms = worker_now_ms(w) + WHEEL_TICK_MS;
	wheel_set(&w->wheel, &q->deadline, due_ms);
}

static void
refuse(struct request *r, enum limit limit)
{
	worker_count_limit(r->worker, limit);
	r->who = limit == LIMIT_QUEUE_TIME ? 'T' : 'P';
	relay_refuse(r, 503, too_many);
}

static void
append(struct queue *q, struct request *r)
{
	struct metrics *m = &q->worker->metrics;

	if (r->queued_us == 0) {
		worker_count_limit(q->worker, LIMIT_SITE_REQUESTS);
		r->queued_us = worker_now_us();
	}
	r->stage = REQUEST_QUEUES;
	r->queue = q;
	r->queue_serial = q->worker->snapshot->serial;
	TAILQ_INSERT_TAIL(&q->list, r, entry);
	metrics_add(&m->queued[r->site], 1);
	if (q->n++ == 0)
		set_deadline(q);
}

void
queue_remove(struct request *r)
{
	struct queue *q = r->queue;

	TAILQ_REMOVE(&q->list, r, entry);
	metrics_sub(&q->worker->metrics.queued[r->site], 1);
	r->queue = NULL;
	q->n--;
}

bool
queue_admit(struct queue *q, struct request *r)
{
	bool waited = r->queue_turn;

	r->queue_turn = false;
	if (q->used < allowed(q) && (q->n == 0 || waited))
		return true;
	if (q->n >= q->worker->limits.site_queue)
		refuse(r, LIMIT_SITE_QUEUE);
	else
		append(q, r);
	return false;
}

void
queue_enter(struct queue *q)
{
	q->used++;
}

void
queue_leave(struct queue *q)
{
	assert(q->used > 0);
	q->used--;
	if (q->n > 0)
		turn_add(&q->worker->turn, &q->freed);
}

/* As many as may; each may end, wait elsewhere, or free another place. */
static void
dispatch(struct queue *q)
{
	struct request *r;

	while (q->used < allowed(q) && (r = TAILQ_FIRST(&q->list)) != NULL) {
		queue_remove(r);
		r->queue_turn = true;
		relay_place(r);
	}
	set_deadline(q);
}

static void
on_freed(struct turn_node *n)
{
	dispatch((struct queue *)((char *)n - offsetof(struct queue, freed)));
}

static void
on_deadline(struct wheel_node *n)
{
	struct queue *q = (struct queue *)((char *)n -
					   offsetof(struct queue, deadline));
	int64_t since_us = worker_now_us() -
			   (int64_t)q->worker->limits.queue_ms * 1000;
	struct request *r;

	while ((r = TAILQ_FIRST(&q->list)) != NULL &&
	       r->queued_us <= since_us) {
		queue_remove(r);
		refuse(r, LIMIT_QUEUE_TIME);
	}
	dispatch(q);
}

/* Each once, in order: those that stay go to the end with the new serial. */
void
queue_review(struct queue *q, struct worker *w)
{
	uint64_t serial = w->snapshot->serial;
	struct request *r;

	while ((r = TAILQ_FIRST(&q->list)) != NULL &&
	       r->queue_serial != serial) {
		struct route_pick pick = relay_pick(r);
		bool stays = pick.verdict == ROUTE_TO && pick.site == r->site;

		queue_remove(r);
		if (stays)
			append(q, r);
		else
			relay_place(r);
	}
	set_deadline(q);
}

void
queue_start_slowly(struct queue *q)
{
	q->slow_ms = worker_now_ms(q->worker);
}
