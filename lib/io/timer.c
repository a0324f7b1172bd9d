/*
 * Stopped timers wait in a pool of their loop: starting and cancelling cost
 * no malloc and no uv_close, and there is nothing asynchronous to hide.
 */
#include "io/timer.h"

#include <sys/queue.h>

#include "base/mem.h"
#include "io/inner.h"

/* More than this many unused ones are given back. */
#define POOL_MAX 4096

struct timer {
	uv_timer_t uv;
	SLIST_ENTRY(timer) entry; /* in the pool */
	timer_fn *fn;
	void *ctx;
	struct loop_call *soon; /* for 0 ms; then uv is not started */
};

struct timer_pool {
	SLIST_HEAD(, timer) unused;
	unsigned n;
};

static void on_closed(uv_handle_t *handle);
static void on_fired(uv_timer_t *uv);
static void on_soon(void *ctx);

static void
pool_free(struct timer_pool **pp)
{
	struct timer_pool *p = *pp;
	struct timer *t;

	*pp = NULL;
	while ((t = SLIST_FIRST(&p->unused)) != NULL) {
		SLIST_REMOVE_HEAD(&p->unused, entry);
		uv_close((uv_handle_t *)&t->uv, on_closed);
	}
	mem_free(p);
}

static struct timer_pool *
pool_get(void)
{
	struct loop_hooks *hooks = loop_hooks();

	if (hooks->timers == NULL) {
		hooks->timers = mem_new(struct timer_pool);
		hooks->free_timers = pool_free;
	}
	return hooks->timers;
}

static struct timer *
take(void)
{
	struct timer_pool *p = pool_get();
	struct timer *t = SLIST_FIRST(&p->unused);

	if (t != NULL) {
		SLIST_REMOVE_HEAD(&p->unused, entry);
		p->n--;
		return t;
	}
	t = mem_new(struct timer);
	io_must(uv_timer_init(loop_uv(), &t->uv));
	t->uv.data = t;
	return t;
}

static void
give_back(struct timer *t)
{
	struct timer_pool *p = pool_get();

	if (p->n >= POOL_MAX) {
		uv_close((uv_handle_t *)&t->uv, on_closed);
		return;
	}
	SLIST_INSERT_HEAD(&p->unused, t, entry);
	p->n++;
}

struct timer *
timer_start(uint64_t ms, timer_fn *fn, void *ctx)
{
	struct timer *t = take();

	t->fn = fn;
	t->ctx = ctx;
	if (ms == 0) {
		t->soon = loop_defer(on_soon, t);
		return t;
	}
	/* A long callback has left libuv's idea of now behind. */
	uv_update_time(loop_uv());
	io_must(uv_timer_start(&t->uv, on_fired, ms, 0));
	return t;
}

void
timer_cancel(struct timer **tp)
{
	struct timer *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	loop_defer_cancel(&t->soon);
	uv_timer_stop(&t->uv);
	give_back(t);
}

static void
on_soon(void *ctx)
{
	struct timer *t = ctx;

	t->soon = NULL;
	on_fired(&t->uv);
}

static void
on_fired(uv_timer_t *uv)
{
	struct timer *t = uv->data;
	timer_fn *fn = t->fn;
	void *ctx = t->ctx;

	give_back(t);
	fn(ctx);
}

static void
on_closed(uv_handle_t *handle)
{
	mem_free(handle->data);
}
