/*
 * Deadlines of a worker's connections, exact to a tick of 100 ms and never
 * early. Moving a deadline later, or clearing it, writes one number: the
 * node is looked at when its old slot comes by.
 */
#ifndef PROXY_WHEEL_H
#define PROXY_WHEEL_H

#include <stdint.h>
#include <sys/queue.h>

#define WHEEL_TICK_MS 100
#define WHEEL_SLOTS 512

struct wheel_node;
typedef void wheel_fn(struct wheel_node *n);

struct wheel_node {
	LIST_ENTRY(wheel_node) entry;
	int64_t at_ms; /* INT64_MAX: none */
	int64_t tick;  /* of the slot that it is in; 0: in none */
	wheel_fn *fn;
};
LIST_HEAD(wheel_list, wheel_node);

struct wheel {
	int64_t tick; /* the last one that was turned */
	struct wheel_list slots[WHEEL_SLOTS];
};

void wheel_init(struct wheel *w, int64_t now_ms);
void wheel_node_init(struct wheel_node *n, wheel_fn *fn);

/* fn is called once when now has reached at_ms. */
void wheel_set(struct wheel *w, struct wheel_node *n, int64_t at_ms);
static inline void
wheel_clear(struct wheel_node *n)
{
	n->at_ms = INT64_MAX;
}
/* Before the node's memory goes. */
void wheel_remove(struct wheel_node *n);

/* Calls what is due. fn may set and remove any node. */
void wheel_turn(struct wheel *w, int64_t now_ms);

#endif
