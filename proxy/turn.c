#include "proxy/turn.h"

static struct turn_list *
list_of(struct turn *t, const struct turn_node *n)
{
	return n->first ? &t->first : &t->list;
}

static struct turn_node *
next(const struct turn *t)
{
	struct turn_node *n = TAILQ_FIRST(&t->first);

	return n != NULL ? n : TAILQ_FIRST(&t->list);
}

static void
run(struct turn *t)
{
	struct turn_node *n;

	while ((n = next(t)) != NULL) {
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
	TAILQ_INIT(&t->first);
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
	TAILQ_INSERT_TAIL(list_of(t, n), n, entry);
}

void
turn_remove(struct turn *t, struct turn_node *n)
{
	if (n->queued)
		TAILQ_REMOVE(list_of(t, n), n, entry);
	n->queued = false;
}
