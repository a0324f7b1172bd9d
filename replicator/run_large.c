#include "replicator/run_inner.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

static void on_relation(void *ctx, struct span message);
static void on_done(void *ctx, const struct batch *b);
static void on_barrier(void *ctx, struct span token);

void
run_large_new(struct run *r)
{
	r->large_origin = mem_printf("%s_large", r->peer_name);
	r->large = large_new(&(struct large_conf){
	    .conninfo = r->conf.local,
	    .peer_conninfo = r->conf.peer,
	    .dir = r->conf.state_dir,
	    .own_origin = r->own_name,
	    .origin = r->large_origin,
	    .tables = r->conf.tables,
	    .on_relation = on_relation,
	    .on_done = on_done,
	    .on_barrier = on_barrier,
	    .ctx = r,
	});
}

int
run_large_message(struct run *r, struct span bytes)
{
	uint64_t end_lsn;
	struct err e;
	int what = large_message(r->large, bytes, stream_sent_us(r->stream),
				 &end_lsn, &e);

	if (what < 0)
		log_error("run", "why=\"%s\"", err_text(&e));
	if (what != LARGE_WHOLE)
		return what;
	if (end_lsn > r->seen)
		r->seen = end_lsn;
	spool_skip(r->spool, end_lsn);
	apply_hold(r->apply, large_from(r->large));
	return what;
}

/* The peer will not introduce it to us again. */
static void
on_relation(void *ctx, struct span message)
{
	struct run *r = ctx;
	struct err e;

	spool_relation(r->spool, message);
	if (!r->behind && intake_message(r->intake, message, &e) != 0)
		log_error("run", "why=\"%s\"", err_text(&e));
}

static void
on_done(void *ctx, const struct batch *b)
{
	struct run *r = ctx;

	if (b != NULL)
		run_count(r, b);
	r->swollen = true;
	apply_hold(r->apply, large_from(r->large));
	apply_catch_up(r->apply, b != NULL && run_is_idle(r) ? b->end_lsn : 0);
	run_acknowledge(r);
}

void
run_large_hold_back(struct run *r, struct batch *b)
{
	if (!large_is_busy(r->large))
		return;
	for (size_t i = 0; i < b->nbarriers; i++)
		large_add_barrier(r->large, b->barriers[i]);
	b->nbarriers = 0;
}

/* Behind all that has been submitted: what came before it is in there. */
static void
on_barrier(void *ctx, struct span token)
{
	struct run *r = ctx;
	struct batch *b = batch_new();

	batch_add_barrier(b, token);
	b->end_lsn = apply_submitted(r->apply);
	b->time_us = clock_pg_us();
	apply_submit(r->apply, &b);
}
