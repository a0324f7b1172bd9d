/*
 * Requests that wait until fewer are at their site's service: a worker keeps
 * at most site_requests of them there (tunnels do not count), fewer for a
 * moment after a switch. In order, bounded, with a deadline: 503 then.
 */
#ifndef PROXY_QUEUE_H
#define PROXY_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/hold.h"
#include "proxy/turn.h"
#include "proxy/wheel.h"

/* Of one service of one site. */
struct queue {
	struct worker *worker;
	struct request_queue list;
	unsigned n;      /* in it */
	unsigned used;   /* at the site */
	int64_t slow_ms; /* since when it is loaded slowly; 0: it is not */
	struct wheel_node deadline;
	struct turn_node freed;
};

void queue_init(struct queue *q, struct worker *w);
/* Its requests must be gone. */
void queue_fini(struct queue *q, struct worker *w);

/*
 * False: r waits, and is placed again (relay_place) when it is its turn; or
 * it was refused. True: it may go; queue_enter and queue_leave count it.
 */
bool queue_admit(struct queue *q, struct request *r);
void queue_enter(struct queue *q);
void queue_leave(struct queue *q);

/* Its client went away. */
void queue_remove(struct request *r);
/* A new snapshot: those that are to go elsewhere do. */
void queue_review(struct queue *q, struct worker *w);
/* Requests come there from now on that went elsewhere. */
void queue_start_slowly(struct queue *q);

#endif
