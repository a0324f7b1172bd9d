/*
 * What is left to do at the end of a turn of a worker's loop: bytes of a
 * connection that came all together go out all together.
 */
#ifndef PROXY_TURN_H
#define PROXY_TURN_H

#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

struct turn_node;
typedef void turn_fn(struct turn_node *n);

struct turn_node {
	TAILQ_ENTRY(turn_node) entry;
	turn_fn *fn;
	bool queued;
	bool first; /* before all that are not; set once */
};
TAILQ_HEAD(turn_list, turn_node);

struct turn {
	uv_check_t check;     /* after sockets were read */
	uv_prepare_t prepare; /* after timers, before the loop waits */
	struct turn_list first, list;
};

void turn_init(struct turn *t, uv_loop_t *uv);
void turn_fini(struct turn *t);

/* n->fn is called once before the loop waits; twice is once. */
void turn_add(struct turn *t, struct turn_node *n);
/* Before the node's memory goes. */
void turn_remove(struct turn *t, struct turn_node *n);

#endif
