/*
 * Requests that wait for a site, in order: for a switch to end, for a site
 * to work again, or for a decision. They are released in order, at most
 * within 200 ms; one that nobody may answer in time gets 503.
 */
#ifndef PROXY_HOLD_H
#define PROXY_HOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "proxy/resend.h"
#include "proxy/route.h"

struct request;
struct worker;
TAILQ_HEAD(request_queue, request);

struct hold {
	struct request_queue queue;
	struct request_queue ready; /* chosen in this turn, in order */
	unsigned n;                 /* of both */
	unsigned burst;             /* the largest n since it was 0 */
	int64_t next_canary_ms;     /* when one may try its site */
	uv_timer_t timer;
};

void hold_init(struct hold *h, struct worker *w);
void hold_close(struct hold *h);

/* Queues it, or answers it at once when the queue is full. */
void hold_add(struct request *r, enum resend_action waits_for);
/* Its client went away. */
void hold_remove(struct request *r);
/* A new snapshot has come. */
void hold_review(struct worker *w);
/* A request that went out as canary was answered, or came back. */
void hold_canary_ended(struct worker *w);

/* What becomes of a held request now. Pure. */
struct hold_case {
	struct route_pick pick; /* by the newest snapshot */
	enum resend_action waits_for;
	bool newer;   /* a snapshot came since it was held */
	bool same;    /* it would go where it failed, under the same epoch */
	bool healthy; /* that site's probes are good */
	bool proven;  /* it has answered a request sent since */
	bool expired;
	bool may_try; /* a canary may go out */
};
enum hold_verdict {
	HOLD_KEEP,
	HOLD_RELEASE,
	HOLD_CANARY,
	HOLD_REFUSE,
	HOLD_EXPIRE
};
enum hold_verdict hold_judge(const struct hold_case *c);

#endif
