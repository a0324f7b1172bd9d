/*
 * The private copy lies behind the struct. A cancelled job is orphaned: it
 * runs or is dequeued by libuv, and ends without telling.
 */
#include "io/work.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "io/inner.h"

struct work {
	uv_work_t uv;
	uv_sem_t ran;
	work_fn *run;
	work_fini_fn *fini;
	work_done_fn *done;    /* NULL: cancelled */
	atomic_bool cancelled; /* likewise, for the thread */
	void *ctx;
	max_align_t job[];
};

/* What the thread is busy with. */
static _Thread_local struct work *current;

static void in_thread(uv_work_t *uv);
static void on_done(uv_work_t *uv, int status);

struct work *
work_start(work_fn *run, const void *job, size_t size, work_fini_fn *fini,
	   work_done_fn *done, void *ctx)
{
	struct work *w = mem_alloc(sizeof(*w) + size);

	w->uv.data = w;
	w->run = run;
	w->fini = fini;
	w->done = done;
	atomic_init(&w->cancelled, false);
	w->ctx = ctx;
	io_must(uv_sem_init(&w->ran, 0));
	if (size > 0)
		memcpy(w->job, job, size);
	io_must(uv_queue_work(loop_uv(), &w->uv, in_thread, on_done));
	return w;
}

void
work_cancel(struct work **wp)
{
	struct work *w = *wp;

	*wp = NULL;
	if (w == NULL)
		return;
	w->done = NULL;
	atomic_store(&w->cancelled, true);
	uv_cancel((uv_req_t *)&w->uv); /* if it has not begun */
}

void
work_stop(struct work **wp)
{
	struct work *w = *wp;

	*wp = NULL;
	if (w == NULL)
		return;
	w->done = NULL;
	if (uv_cancel((uv_req_t *)&w->uv) < 0)
		uv_sem_wait(&w->ran);
}

static void
in_thread(uv_work_t *uv)
{
	struct work *w = uv->data;

	current = w;
	w->run(w->job);
	current = NULL;
	uv_sem_post(&w->ran);
}

bool
work_cancelled(void)
{
	return current != NULL && atomic_load(&current->cancelled);
}

/*
 * done may free its ctx and start other work, but not this struct, so fini
 * can come behind it.
 */
static void
on_done(uv_work_t *uv, int status)
{
	struct work *w = uv->data;

	if (w->done != NULL)
		w->done(w->ctx, w->job);
	if (w->fini != NULL)
		w->fini(w->job);
	uv_sem_destroy(&w->ran);
	mem_free(w);
}
