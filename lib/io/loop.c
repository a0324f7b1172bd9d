/*
 * Deferred calls run in an idle callback, which exists only while there are
 * some: an idle loop sleeps. Posts come through a locked queue and an async
 * handle.
 */
#include "io/loop.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/queue.h>
#include <uv.h>

#include "base/mem.h"
#include "io/inner.h"

struct loop_call {
	TAILQ_ENTRY(loop_call) entry;
	loop_fn *fn;
	void *ctx;
};
TAILQ_HEAD(call_list, loop_call);

struct loop {
	uv_loop_t uv;
	uv_idle_t idle;
	uv_async_t async;
	struct call_list deferred;
	uv_mutex_t lock;
	struct call_list posted; /* under lock */
	bool stopped;
	struct loop_hooks hooks;
};

static _Thread_local struct loop *current;

static void on_idle(uv_idle_t *idle);
static void on_async(uv_async_t *async);

void
loop_open(void)
{
	struct loop *l = mem_new(struct loop);

	assert(current == NULL);
	TAILQ_INIT(&l->deferred);
	TAILQ_INIT(&l->posted);
	io_must(uv_loop_init(&l->uv));
	io_must(uv_mutex_init(&l->lock));
	io_must(uv_idle_init(&l->uv, &l->idle));
	io_must(uv_async_init(&l->uv, &l->async, on_async));
	l->uv.data = l;
	current = l;
}

static void
on_stray(uv_handle_t *handle, void *arg)
{
	bool *stray = arg;

	if (uv_is_closing(handle))
		return;
	fprintf(stderr, "loop_close: a %s is still open\n",
		uv_handle_type_name(handle->type));
	*stray = true;
}

static void
drop_calls(struct call_list *list)
{
	struct loop_call *c;

	while ((c = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, c, entry);
		mem_free(c);
	}
}

void
loop_close(void)
{
	struct loop *l = loop_current();
	bool stray = false;

	on_async(&l->async);
	if (l->hooks.free_multi != NULL)
		l->hooks.free_multi(&l->hooks.multi);
	if (l->hooks.free_links != NULL)
		l->hooks.free_links(&l->hooks.links);
	if (l->hooks.free_timers != NULL)
		l->hooks.free_timers(&l->hooks.timers);
	uv_close((uv_handle_t *)&l->idle, NULL);
	uv_close((uv_handle_t *)&l->async, NULL);
	/* libwebsockets closes in several turns. */
	for (int turns = 0; turns < 100 && uv_run(&l->uv, UV_RUN_NOWAIT);)
		turns++;
	uv_walk(&l->uv, on_stray, &stray);
	assert(!stray);
	/* Ends with the last closing handle and the last pool job. */
	uv_run(&l->uv, UV_RUN_DEFAULT);
	io_must(uv_loop_close(&l->uv));
	drop_calls(&l->deferred);
	assert(TAILQ_EMPTY(&l->posted));
	uv_mutex_destroy(&l->lock);
	current = NULL;
	mem_free(l);
}

void
loop_run(void)
{
	struct loop *l = loop_current();

	l->stopped = false;
	while (!l->stopped)
		uv_run(&l->uv, UV_RUN_ONCE);
}

void
loop_stop(void)
{
	loop_current()->stopped = true;
	/* The turn must not sleep first when asked from outside a callback. */
	uv_async_send(&loop_current()->async);
}

struct loop *
loop_current(void)
{
	assert(current != NULL);
	return current;
}

struct uv_loop_s *
loop_uv(void)
{
	return &loop_current()->uv;
}

struct loop_hooks *
loop_hooks(void)
{
	return &loop_current()->hooks;
}

struct loop_call *
loop_defer(loop_fn *fn, void *ctx)
{
	struct loop *l = loop_current();
	struct loop_call *c = mem_new(struct loop_call);

	c->fn = fn;
	c->ctx = ctx;
	if (TAILQ_EMPTY(&l->deferred))
		uv_idle_start(&l->idle, on_idle);
	TAILQ_INSERT_TAIL(&l->deferred, c, entry);
	return c;
}

void
loop_defer_cancel(struct loop_call **cp)
{
	struct loop_call *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	TAILQ_REMOVE(&loop_current()->deferred, c, entry);
	mem_free(c);
}

/*
 * Runs what was there at the start of the turn: calls that these calls add
 * wait for the next one, so that input is not starved. A marker in the list
 * ends the round, because any call may cancel any other.
 */
static void
on_idle(uv_idle_t *idle)
{
	struct loop *l = idle->loop->data;
	struct loop_call end = { 0 };
	struct loop_call *c;

	TAILQ_INSERT_TAIL(&l->deferred, &end, entry);
	while ((c = TAILQ_FIRST(&l->deferred)) != &end) {
		loop_fn *fn = c->fn;
		void *ctx = c->ctx;

		TAILQ_REMOVE(&l->deferred, c, entry);
		mem_free(c);
		fn(ctx);
	}
	TAILQ_REMOVE(&l->deferred, &end, entry);
	if (TAILQ_EMPTY(&l->deferred))
		uv_idle_stop(idle);
}

void
loop_post(struct loop *l, loop_fn *fn, void *ctx)
{
	struct loop_call *c = mem_new(struct loop_call);

	c->fn = fn;
	c->ctx = ctx;
	uv_mutex_lock(&l->lock);
	TAILQ_INSERT_TAIL(&l->posted, c, entry);
	uv_async_send(&l->async);
	uv_mutex_unlock(&l->lock);
}

static void
on_async(uv_async_t *async)
{
	struct loop *l = async->loop->data;
	struct call_list calls = TAILQ_HEAD_INITIALIZER(calls);
	struct loop_call *c;

	uv_mutex_lock(&l->lock);
	TAILQ_CONCAT(&calls, &l->posted, entry);
	uv_mutex_unlock(&l->lock);
	while ((c = TAILQ_FIRST(&calls)) != NULL) {
		loop_fn *fn = c->fn;
		void *ctx = c->ctx;

		TAILQ_REMOVE(&calls, c, entry);
		mem_free(c);
		fn(ctx);
	}
}
