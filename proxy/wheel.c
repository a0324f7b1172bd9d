#include "proxy/wheel.h"

#include <stddef.h>

void
wheel_init(struct wheel *w, int64_t now_ms)
{
	w->tick = now_ms / WHEEL_TICK_MS;
	for (int i = 0; i < WHEEL_SLOTS; i++)
		LIST_INIT(&w->slots[i]);
}

void
wheel_node_init(struct wheel_node *n, wheel_fn *fn)
{
	n->at_ms = INT64_MAX;
	n->tick = 0;
	n->fn = fn;
}

static void
place(struct wheel *w, struct wheel_node *n, int64_t tick)
{
	n->tick = tick;
	LIST_INSERT_HEAD(&w->slots[tick % WHEEL_SLOTS], n, entry);
}

/* The tick at which at_ms has surely passed, or the farthest one. */
static int64_t
tick_of(const struct wheel *w, int64_t at_ms)
{
	int64_t tick = at_ms / WHEEL_TICK_MS + 1;

	if (tick <= w->tick)
		return w->tick + 1;
	if (tick >= w->tick + WHEEL_SLOTS)
		return w->tick + WHEEL_SLOTS - 1;
	return tick;
}

void
wheel_set(struct wheel *w, struct wheel_node *n, int64_t at_ms)
{
	n->at_ms = at_ms;
	if (n->tick != 0 && n->tick * WHEEL_TICK_MS <= at_ms)
		return; /* its slot comes by before, and moves it */
	if (n->tick != 0)
		LIST_REMOVE(n, entry);
	place(w, n, tick_of(w, at_ms));
}

void
wheel_remove(struct wheel_node *n)
{
	if (n->tick != 0)
		LIST_REMOVE(n, entry);
	n->tick = 0;
	n->at_ms = INT64_MAX;
}

static void
visit(struct wheel *w, struct wheel_node *n, int64_t now_ms)
{
	LIST_REMOVE(n, entry);
	n->tick = 0;
	if (n->at_ms == INT64_MAX)
		return;
	if (n->at_ms > now_ms) {
		place(w, n, tick_of(w, n->at_ms));
		return;
	}
	n->at_ms = INT64_MAX;
	n->fn(n);
}

static void
take(struct wheel_list *from, struct wheel_list *to)
{
	LIST_FIRST(to) = LIST_FIRST(from);
	LIST_INIT(from);
	if (!LIST_EMPTY(to))
		LIST_FIRST(to)->entry.le_prev = &LIST_FIRST(to);
}

void
wheel_turn(struct wheel *w, int64_t now_ms)
{
	int64_t end = now_ms / WHEEL_TICK_MS;

	if (end - w->tick > WHEEL_SLOTS)
		w->tick = end - WHEEL_SLOTS;
	while (w->tick < end) {
		struct wheel_list due = LIST_HEAD_INITIALIZER(due);
		struct wheel_list *slot;

		w->tick++;
		slot = &w->slots[w->tick % WHEEL_SLOTS];
		take(slot, &due);
		while (!LIST_EMPTY(&due))
			visit(w, LIST_FIRST(&due), now_ms);
	}
}
