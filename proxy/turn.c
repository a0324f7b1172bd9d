#include "proxy/turn.h"

static void
run(struct turn *t)
{
	struct turn_node *n;

	while ((n = TAILQ_FIRST(&t->list)) != NULL) {
		turn_remove(t, n);
		n->fn(n); /* its memory may be gone then */
	}
}

static void
on_check(uv_check_t *check)
{
	run(check->data);
}

static void
on_prepare(uv_prepare_t *prepare)
{
	run(prepare->data);
}

void
turn_init(struct turn *t, uv_loop_t *uv)
{
	TAILQ_INIT(&t->list);
	uv_check_init(uv, &t->check);
	uv_prepare_init(uv, &t->prepare);
	t->check.data = t->prepare.data = t;
	uv_check_start(&t->check, on_check);
	uv_prepare_start(&t->prepare, on_prepare);
}

void
turn_fini(struct turn *t)
{
	uv_close((uv_handle_t *)&t->check, NULL);
	uv_close((uv_handle_t *)&t->prepare, NULL);
}

void
turn_add(struct turn *t, struct turn_node *n)
{
	if (n->queued)
		return;
	n->queued = true;
	TAILQ_INSERT_TAIL(&t->list, n, entry);
}

void
turn_remove(struct turn *t, struct turn_node *n)
{
	if (n->queued)
		TAILQ_REMOVE(&t->list, n, entry);
	n->queued = false;
}
