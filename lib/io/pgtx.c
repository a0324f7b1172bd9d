/* A transaction is a request that keeps its connection. */
#include <assert.h>

#include "base/mem.h"
#include "io/pgslot.h"

struct pgtx *
pgpool_begin(struct pgpool *p, struct pgbatch **first, int64_t deadline_ms,
	     pgcall_fn *fn, void *ctx)
{
	struct pgtx *t = mem_new(struct pgtx);

	t->req.fn = fn;
	t->req.ctx = ctx;
	pgreq_init(&t->req, p, first, deadline_ms);
	return t;
}

void
pgtx_run(struct pgtx *t, struct pgbatch **batch, pgcall_fn *fn, void *ctx)
{
	t->req.fn = fn;
	t->req.ctx = ctx;
	pgreq_run(&t->req, batch);
}

void
pgtx_commit(struct pgtx *t, struct pgbatch **last, pgcall_fn *fn, void *ctx)
{
	struct pgbatch *own = NULL;

	if (last == NULL) {
		own = pgbatch_new();
		pgbatch_commit(own);
		last = &own;
	}
	assert((*last)->commits);
	t->req.last = true;
	pgtx_run(t, last, fn, ctx);
}

void
pgtx_rollback(struct pgtx **tp)
{
	struct pgtx *t = *tp;

	*tp = NULL;
	if (t != NULL)
		pgreq_drop(&t->req);
}
