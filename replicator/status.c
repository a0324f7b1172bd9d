#include "replicator/status.h"

#include <inttypes.h>

#include "replicator/decoder.h"

/* so far behind it is not the stream of the day any more */
#define CATCHUP_BYTES (1 << 20)

const char *
status_in_state(const struct status *s)
{
	if (s->leap.active)
		return "catchup";
	if (s->stream != STREAM_RUNNING || !s->apply_ready)
		return "down";
	return s->peer_end > s->applied + CATCHUP_BYTES && s->lag_ms > 0
		   ? "catchup"
		   : "streaming";
}

static uint64_t
beyond(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static void
put_lsn(json_t *obj, const char *key, uint64_t lsn)
{
	char buf[DECODER_LSN_SIZE];

	json_put_str(obj, key, decoder_lsn(lsn, buf));
}

static const struct {
	const char *name, *label;
	double q;
} quantiles[] = { { "p50_us", "0.5", 0.5 },
		  { "p95_us", "0.95", 0.95 },
		  { "p99_us", "0.99", 0.99 } };
#define NQUANTILES (sizeof(quantiles) / sizeof(quantiles[0]))

static json_t *
lag_json(const struct lag *l)
{
	json_t *all = json_object();

	for (enum lag_stage s = 0; l != NULL && s < LAG_STAGES; s++) {
		json_t *one = json_object();

		for (size_t i = 0; i < NQUANTILES; i++)
			json_put_int(one, quantiles[i].name,
				     lag_quantile_us(l, s, quantiles[i].q));
		json_put_int(one, "max_us", lag_max_us(l, s));
		json_put(all, lag_stage_name(s), one);
	}
	return all;
}

static void
put_lag(struct strbuf *out, const struct lag *l)
{
	strbuf_adds(out, "# HELP gsb_replicator_lag_seconds From the stage "
			 "before; visible: from the commit. Of the last "
			 "minute.\n# TYPE gsb_replicator_lag_seconds "
			 "gauge\n");
	for (enum lag_stage s = 0; l != NULL && s < LAG_STAGES; s++)
		for (size_t i = 0; i < NQUANTILES; i++)
			strbuf_addf(
			    out,
			    "gsb_replicator_lag_seconds{stage=\"%s\","
			    "quantile=\"%s\"} %.6f\n",
			    lag_stage_name(s), quantiles[i].label,
			    (double)lag_quantile_us(l, s, quantiles[i].q) /
				1e6);
}

static json_t *
large_json(const struct large_stats *l)
{
	json_t *one = json_object(), *early = json_object();

	for (enum early_end i = 0; i < EARLY_ENDS; i++)
		json_put_int(early, early_name(i), (int64_t)l->early[i]);
	json_put(one, "early", early);
	json_put_int(one, "pending", l->pending);
	json_put_int(one, "kept_bytes", (int64_t)l->kept_bytes);
	json_put_int(one, "transactions", (int64_t)l->transactions);
	json_put_int(one, "rows", (int64_t)l->rows);
	json_put_int(one, "retries", (int64_t)l->retries);
	json_put_int(one, "parked_rows", (int64_t)l->parked);
	return one;
}

static json_t *
spool_json(const struct status *s)
{
	json_t *one = json_object();

	json_put_str(one, "state", s->spool_state);
	json_put_int(one, "bytes", (int64_t)s->spool.bytes);
	json_put_int(one, "oldest_ms", s->spool_age_ms);
	json_put_int(one, "syncs", (int64_t)s->spool.syncs);
	return one;
}

static json_t *
leap_json(const struct leap_stats *l)
{
	json_t *one = json_object();

	json_put_bool(one, "active", l->active);
	json_put_int(one, "done", (int64_t)l->done);
	json_put_int(one, "failed", (int64_t)l->failed);
	json_put_int(one, "rows", (int64_t)l->rows);
	return one;
}

static json_t *
in_json(const struct status *s)
{
	json_t *in = json_object();
	int64_t ahead_us;

	json_put_str(in, "state", status_in_state(s));
	json_put_str(in, "connection", stream_state_name(s->stream));
	json_put_str(in, "verdict", progress_name(s->verdict));
	json_put_str(in, "alarm", progress_alarm(s->verdict));
	put_lsn(in, "applied_lsn", s->applied);
	put_lsn(in, "received_lsn", s->received);
	put_lsn(in, "peer_lsn", s->peer_end);
	json_put_int(in, "not_received_bytes",
		     (int64_t)beyond(s->peer_end, s->received));
	json_put_int(in, "not_applied_bytes", (int64_t)s->apply.queued_bytes);
	json_put_int(in, "lag_ms", s->lag_ms);
	json_put_int(in, "apply_ms", s->apply_ms);
	json_put(in, "lag", lag_json(s->lag));
	if (s->lag != NULL && lag_ahead_us(s->lag, &ahead_us))
		json_put_int(in, "clock_ahead_us", ahead_us);
	json_put_int(in, "slot_safe_bytes", s->safe_bytes);
	json_put_int(in, "echo_bytes", (int64_t)s->intake.echo_bytes);
	json_put_int(in, "bytes", (int64_t)s->in.bytes);
	json_put_int(in, "transactions", (int64_t)s->apply.transactions);
	json_put_int(in, "rows", (int64_t)s->apply.rows);
	json_put_int(in, "groups", (int64_t)s->apply.groups);
	json_put_int(in, "retries", (int64_t)s->apply.retries);
	json_put_int(in, "fetched_rows", (int64_t)s->apply.fetched);
	json_put_int(in, "parked_rows", (int64_t)s->apply.parked);
	json_put_bool(in, "stuck", s->apply.stuck);
	json_put(in, "large", large_json(&s->large));
	json_put(in, "spool", spool_json(s));
	json_put(in, "leap", leap_json(&s->leap));
	return in;
}

json_t *
status_json(const struct status *s)
{
	json_t *all = json_object(), *out = json_object();

	json_put_str(all, "site", s->site);
	json_put_str(all, "peer", s->peer);
	json_put_str(all, "sync", s->sync);
	json_put_bool(all, "database", s->apply_ready);
	json_put(all, "in", in_json(s));
	json_put_bool(out, "streams", s->out.peer_streams);
	json_put_int(out, "lag_bytes", (int64_t)s->out.out_lag_bytes);
	json_put_int(out, "degradations", (int64_t)s->out.degradations);
	if (s->out.at_risk >= 0)
		json_put_int(out, "at_risk", s->out.at_risk);
	json_put_int(out, "at_risk_since_us", s->out.at_risk_since_us);
	if (s->out.counted_xid != 0)
		json_put_int(out, "counted_xid", (int64_t)s->out.counted_xid);
	json_put_int(out, "own", s->out.own);
	json_put(all, "out", out);
	json_put(all, "digest", status_digest_json(&s->digest));
	return all;
}

static void
put(struct strbuf *out, const char *name, const char *type, const char *help,
    int64_t value)
{
	strbuf_addf(out,
		    "# HELP gsb_replicator_%s %s\n# TYPE gsb_replicator_%s "
		    "%s\ngsb_replicator_%s %" PRId64 "\n",
		    name, help, name, type, name, value);
}

static void
put_early(struct strbuf *out, const struct large_stats *l)
{
	strbuf_adds(out, "# HELP gsb_replicator_large_early_total Large ones "
			 "that were applied while they came, by how that "
			 "ended; but for done, from their file then.\n"
			 "# TYPE gsb_replicator_large_early_total counter\n");
	for (enum early_end i = 0; i < EARLY_ENDS; i++)
		strbuf_addf(out,
			    "gsb_replicator_large_early_total{end=\"%s\"} "
			    "%" PRIu64 "\n",
			    early_name(i), l->early[i]);
}

static void
put_states(struct strbuf *out, const struct status *s)
{
	static const char *const states[] = { "off", "on", "remote_apply",
					      "degraded", "unknown" };

	strbuf_adds(out, "# HELP gsb_replicator_sync Mode of commit.\n"
			 "# TYPE gsb_replicator_sync gauge\n");
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		strbuf_addf(out, "gsb_replicator_sync{state=\"%s\"} %d\n",
			    states[i],
			    span_is(span_of(s->sync), states[i]) ? 1 : 0);
	strbuf_adds(out, "# HELP gsb_replicator_lag_bytes Not yet at the "
			 "stage.\n# TYPE gsb_replicator_lag_bytes gauge\n");
	strbuf_addf(
	    out, "gsb_replicator_lag_bytes{stage=\"received\"} %" PRIu64 "\n",
	    beyond(s->peer_end, s->received));
	strbuf_addf(out, "gsb_replicator_lag_bytes{stage=\"applied\"} %zu\n",
		    s->apply.queued_bytes);
	strbuf_addf(
	    out, "gsb_replicator_lag_bytes{stage=\"confirmed\"} %" PRIu64 "\n",
	    s->out.out_lag_bytes);
}

static void
put_clock(struct strbuf *out, const struct lag *l)
{
	int64_t us;

	if (l == NULL || !lag_ahead_us(l, &us))
		return;
	strbuf_addf(out,
		    "# HELP gsb_replicator_clock_skew_seconds The peer's "
		    "clock minus ours, less the way from there.\n"
		    "# TYPE gsb_replicator_clock_skew_seconds gauge\n"
		    "gsb_replicator_clock_skew_seconds %.6f\n",
		    (double)us / 1e6);
}

static void
put_spool(struct strbuf *out, const struct status *s)
{
	put(out, "spool_bytes", "gauge",
	    "Durable here, not merged yet; in files.", (int64_t)s->spool.bytes);
	put(out, "spool_oldest_ms", "gauge", "Age of the oldest of it.",
	    s->spool_age_ms);
	put(out, "spool_syncs_total", "counter", "Writes of it to the disk.",
	    (int64_t)s->spool.syncs);
	put(out, "spool_fallback", "gauge",
	    "It is full or cannot be written: commits wait for merging.",
	    span_is(span_of(s->spool_state), "full") ||
		span_is(span_of(s->spool_state), "failed"));
}

static void
put_leaps(struct strbuf *out, const struct leap_stats *l)
{
	put(out, "leaps_total", "counter",
	    "Backlogs made up for by state instead of by log.",
	    (int64_t)l->done);
	put(out, "leaps_failed_total", "counter",
	    "Begun, and given up for the log.", (int64_t)l->failed);
	put(out, "leap_rows_total", "counter", "Read by them.",
	    (int64_t)l->rows);
}

void
status_metrics(const struct status *s, struct strbuf *out)
{
	put_states(out, s);
	status_digest_metrics(&s->digest, out);
	put_lag(out, s->lag);
	put_clock(out, s->lag);
	put(out, "stream_up", "gauge", "The peer's log is being read.",
	    s->stream == STREAM_RUNNING);
	put(out, "database_up", "gauge", "The local session is ready.",
	    s->apply_ready);
	put(out, "peer_streams", "gauge", "The peer reads our log.",
	    s->out.peer_streams);
	put(out, "lag_ms", "gauge", "Age of the oldest change not applied.",
	    s->lag_ms);
	put(out, "apply_ms", "gauge", "Commit there to commit here, last.",
	    s->apply_ms);
	put(out, "slot_safe_bytes", "gauge",
	    "Log until the slot is lost; -1 unlimited.", s->safe_bytes);
	put(out, "received_bytes_total", "counter", "Of the stream.",
	    (int64_t)s->in.bytes);
	put(out, "echo_bytes_total", "counter", "Of our own, dropped.",
	    (int64_t)s->intake.echo_bytes);
	put(out, "transactions_total", "counter", "Applied.",
	    (int64_t)s->apply.transactions);
	put(out, "rows_total", "counter", "Merged.", (int64_t)s->apply.rows);
	put(out, "groups_total", "counter", "Commits of ours.",
	    (int64_t)s->apply.groups);
	put(out, "retries_total", "counter", "Groups tried again.",
	    (int64_t)s->apply.retries);
	put(out, "fetched_rows_total", "counter", "Read whole from the peer.",
	    (int64_t)s->apply.fetched);
	put(out, "parked_rows_total", "counter", "That could not be merged.",
	    (int64_t)s->apply.parked);
	put_spool(out, s);
	put(out, "large_pending", "gauge",
	    "Large transactions that are not applied yet.", s->large.pending);
	put(out, "large_kept_bytes", "gauge", "Of large ones, in files.",
	    (int64_t)s->large.kept_bytes);
	put(out, "large_transactions_total", "counter",
	    "Applied on a session of their own.",
	    (int64_t)s->large.transactions);
	put_early(out, &s->large);
	put_leaps(out, &s->leap);
	put(out, "stuck", "gauge", "A group fails and is tried again.",
	    s->apply.stuck);
	put(out, "connects_total", "counter", "Streams begun.",
	    (int64_t)s->in.connects);
	put(out, "degradations_total", "counter", "Of synchronous commit.",
	    (int64_t)s->out.degradations);
	if (s->out.at_risk >= 0)
		put(out, "commits_at_risk", "gauge",
		    "Of this site, not flushed by the peer; at most.",
		    s->out.at_risk);
	put(out, "at_risk_since_seconds", "gauge",
	    "Unix time at which the peer had all; 0: it has.",
	    s->out.at_risk_since_us / 1000000);
}
