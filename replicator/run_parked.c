/*
 * Parked rows are tried again by themselves: whenever the catalog has been
 * read anew, for then the schema may have been mended, and now and then.
 */
#include "base/log.h"
#include "io/timer.h"
#include "replicator/parked.h"
#include "replicator/run_inner.h"

#define AGAIN_MS 600000

static void on_retried(void *ctx, const struct parked_stats *stats,
		       const struct err *err);

static void
on_due(void *ctx)
{
	struct run *r = ctx;

	r->retry = NULL;
	run_parked_retry(r);
}

void
run_parked_retry(struct run *r)
{
	run_parked_stop(r);
	r->parked = parked_retry(
	    &(struct parked_conf){ .local = r->conf.local,
				   .tables = r->conf.tables },
	    on_retried, r);
}

static void
on_retried(void *ctx, const struct parked_stats *stats, const struct err *err)
{
	struct run *r = ctx;

	r->parked = NULL;
	if (err != NULL)
		log_warn("run", "why=\"parked rows are not tried again: %s\"",
			 err_text(err));
	else if (stats->merged + stats->failed > 0)
		log_info("run", "parked=retried merged=%u failed=%u",
			 stats->merged, stats->failed);
	r->retry = timer_start(AGAIN_MS, on_due, r);
}

void
run_parked_stop(struct run *r)
{
	timer_cancel(&r->retry);
	parked_cancel(&r->parked);
}
