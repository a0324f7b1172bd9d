#include "io/fdwatch.h"

#include "base/mem.h"
#include "io/inner.h"

struct fdwatch {
	uv_poll_t uv;
	unsigned events;
	fdwatch_fn *fn;
	void *ctx;
};

static void on_ready(uv_poll_t *uv, int status, int events);
static void on_closed(uv_handle_t *handle);

struct fdwatch *
fdwatch_start(int fd, unsigned events, fdwatch_fn *fn, void *ctx)
{
	struct fdwatch *w = mem_new(struct fdwatch);

	w->fn = fn;
	w->ctx = ctx;
	w->uv.data = w;
	io_must(uv_poll_init(loop_uv(), &w->uv, fd));
	fdwatch_set(w, events);
	return w;
}

static void
arm(struct fdwatch *w)
{
	int uv_events = 0;

	if (w->events & FDWATCH_READ)
		uv_events |= UV_READABLE;
	if (w->events & FDWATCH_WRITE)
		uv_events |= UV_WRITABLE;
	if (uv_events == 0)
		io_must(uv_poll_stop(&w->uv));
	else
		io_must(uv_poll_start(&w->uv, uv_events, on_ready));
}

void
fdwatch_set(struct fdwatch *w, unsigned events)
{
	if (w->events == events)
		return;
	w->events = events;
	arm(w);
}

void
fdwatch_cancel(struct fdwatch **wp)
{
	struct fdwatch *w = *wp;

	*wp = NULL;
	if (w != NULL)
		uv_close((uv_handle_t *)&w->uv, on_closed);
}

static void
on_ready(uv_poll_t *uv, int status, int events)
{
	struct fdwatch *w = uv->data;
	unsigned ready = 0;

	/*
	 * libuv stops watching at an error of the socket (a reset), but there
	 * may be more to read before the owner meets it.
	 */
	if (status < 0) {
		ready = w->events;
		arm(w);
	}
	if (events & UV_READABLE)
		ready |= FDWATCH_READ;
	if (events & UV_WRITABLE)
		ready |= FDWATCH_WRITE;
	w->fn(w->ctx, ready);
}

static void
on_closed(uv_handle_t *handle)
{
	mem_free(handle->data);
}
