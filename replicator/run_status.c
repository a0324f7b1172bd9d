#include "base/clock.h"
#include "base/span.h"
#include "replicator/run_inner.h"

/* the work of a moment is none */
#define BEHIND_MS 1000

const char *
run_peer_site(const char *site)
{
	return span_is(span_of(site), "primary") ? "backup" : "primary";
}

unsigned
run_site_number(const char *site)
{
	return span_is(span_of(site), "primary") ? 1 : 2;
}

static int64_t
lag_ms(const struct run *r)
{
	int64_t now = clock_wall_us();

	if (r->behind_since_us == 0 || now <= r->behind_since_us)
		return 0;
	return (now - r->behind_since_us) / 1000;
}

bool
run_is_behind(void *ctx)
{
	struct run *r = ctx;

	return lag_ms(r) > BEHIND_MS || large_is_busy(r->large);
}

void
run_status(void *ctx, struct status *out)
{
	struct run *r = ctx;
	struct meeting_facts facts;

	meeting_facts(r->meeting, &facts);
	*out = (struct status){ .site = r->conf.site,
				.peer = run_peer_site(r->conf.site),
				.sync = sync_state(r->sync),
				.applied = apply_progress(r->apply),
				.apply_ms = r->apply_ms };
	out->lag = &r->lag;
	out->verdict = facts.verdict;
	out->confirmed = facts.confirmed;
	out->safe_bytes = facts.safe_bytes;
	heal_status(r->heal, &out->digest);
	apply_stats(r->apply, &out->apply);
	large_stats(r->large, &out->large);
	sync_stats(r->sync, &out->out);
	spool_stats(r->spool, &out->spool);
	out->spool_state = run_spool_state(r);
	run_leap_status(r, &out->leap);
	out->spool_age_ms = out->spool.bytes > 0 ? lag_ms(r) : 0;
	if (r->intake == NULL)
		return;
	out->apply_ready = true;
	out->stream = stream_state(r->stream);
	out->received = r->seen;
	stream_stats(r->stream, &out->in);
	intake_stats(r->intake, &out->intake);
	out->peer_end = out->in.end_lsn;
	out->lag_ms = lag_ms(r);
}
