#include "replicator/copy_flush.h"

#include <stddef.h>

#include "base/mem.h"
#include "io/loop.h"
#include "io/vault.h"
#include "io/work.h"

#define FLUSH_BYTES (8 << 20)

struct copy_flush {
	struct vault *vault;
	struct work *work;
	int64_t begun; /* bytes that had come when the last one began */
	struct err lost;
	struct loop_call *idle;
	copy_flush_fn *fn; /* NULL: more may come */
	void *ctx;
};

struct job {
	struct vault *vault;
	struct err err;
};

static void in_thread(void *job);
static void on_flushed(void *ctx, void *job);
static void job_fini(void *job);
static void on_idle(void *ctx);

struct copy_flush *
copy_flush_new(struct vault *v)
{
	struct copy_flush *f = mem_new(struct copy_flush);

	f->vault = vault_share(v);
	return f;
}

void
copy_flush_free(struct copy_flush **fp)
{
	struct copy_flush *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	work_cancel(&f->work);
	loop_defer_cancel(&f->idle);
	vault_close(&f->vault);
	mem_free(f);
}

void
copy_flush_note(struct copy_flush *f, int64_t bytes)
{
	struct job job = { 0 };

	if (f->work != NULL || bytes - f->begun < FLUSH_BYTES)
		return;
	f->begun = bytes;
	job.vault = vault_share(f->vault);
	f->work = work_start(in_thread, &job, sizeof(job), job_fini, on_flushed,
			     f);
}

void
copy_flush_end(struct copy_flush *f, copy_flush_fn *fn, void *ctx)
{
	f->fn = fn;
	f->ctx = ctx;
	if (f->work == NULL)
		f->idle = loop_defer(on_idle, f);
}

static void
in_thread(void *arg)
{
	struct job *job = arg;

	if (vault_sync(job->vault, &job->err) < 0)
		err_prefix(&job->err, "what has come");
}

static void
on_flushed(void *ctx, void *arg)
{
	struct copy_flush *f = ctx;
	const struct job *job = arg;

	f->work = NULL;
	if (job->err.code != ERR_NONE)
		f->lost = job->err;
	if (f->fn != NULL)
		on_idle(f);
}

static void
job_fini(void *arg)
{
	vault_close(&((struct job *)arg)->vault);
}

static void
on_idle(void *ctx)
{
	struct copy_flush *f = ctx;

	f->idle = NULL;
	f->fn(f->ctx, f->lost.code != ERR_NONE ? &f->lost : NULL);
}
