#include "proxy/reasons.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "proxy/decide_inner.h"
#include "proxy/judge.h"

#define HOUR_MS INT64_C(3600000)

const char reasons_observes[] = "automation only observes";

void
reasons_say(struct reasons_note *note, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(note->text, sizeof(note->text), fmt, ap);
	va_end(ap);
}

bool
reasons_paused(const struct failover *f, const struct view *v)
{
	return f->rec.paused_until_us > v->wall_us;
}

bool
reasons_may_lose(const struct failover *f, const struct view *v)
{
	const struct report_replication *r = &active_of(f, v)->known;

	if (f->rec.degraded || !r->known)
		return true;
	return r->sync == REPORT_SYNC_OFF && !view_follows(r);
}

__attribute__((format(printf, 2, 3))) static void
add(struct reasons_note *note, const char *fmt, ...)
{
	size_t len = strlen(note->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(note->text + len, sizeof(note->text) - len, fmt, ap);
	va_end(ap);
}

void
reasons_risk(const struct failover *f, const struct view *v,
	     struct reasons_note *note)
{
	const struct view_site *a = active_of(f, v);
	int64_t since_us = f->rec.degraded_us;
	char at[CLOCK_ISO_SIZE];

	if (f->rec.degraded && f->counted)
		add(note, "%llu requests that may have written, ",
		    (unsigned long long)(a->writes - f->risk_writes));
	if (f->rec.degraded && since_us != 0)
		add(note, "since %s, for %lld s; ", clock_iso(since_us, at),
		    (long long)(v->wall_us - since_us) / 1000000);
	if (a->known.known && a->known.at_risk > 0)
		add(note, "at most %lld commits at risk since %s; ",
		    (long long)a->known.at_risk,
		    clock_iso(a->known.at_risk_since_us, at));
	if (!a->known.known)
		add(note, "its replication has never answered");
	else
		add(note,
		    "the stream was %s, %lld bytes and %lld ms behind when it "
		    "last told",
		    report_stream_name(a->known.out),
		    (long long)a->known.out_lag_bytes,
		    (long long)a->known.out_lag_ms);
}

const char *
reasons_bar(const struct failover *f, const struct view *v)
{
	if (!judge_serves(other_of(f, v)->verdict))
		return "the other site cannot serve";
	if (reasons_paused(f, v))
		return "automation is paused";
	if (!f->conf.automatic)
		return "failover.automatic is off";
	/*
	 * G6 promises the way to the backup. The way back loses sight of
	 * what only the backup has, so that needs somebody's word.
	 */
	if (f->rec.active == ROUTE_BACKUP && f->served &&
	    reasons_may_lose(f, v))
		return "the primary lacks writes that the backup acknowledged";
	return f->rec.observe ? reasons_observes : NULL;
}

int64_t
reasons_stable_ms(const struct failover *f, int64_t wall_us)
{
	int64_t ms = f->conf.stable_ms;
	int recent = 0;

	for (int i = 0; i < AUTHORITY_FAILOVERS; i++)
		if (f->rec.failovers[i] > wall_us - HOUR_MS * 1000)
			recent++;
	for (int i = 1; i < recent && ms < HOUR_MS; i++)
		ms *= 2;
	return ms < HOUR_MS ? ms : HOUR_MS;
}

static bool
in_window(const struct failover_conf *c, int64_t wall_us)
{
	int minute = (int)(wall_us / 60000000 % 1440);

	if (c->window_from_min <= c->window_to_min)
		return minute >= c->window_from_min &&
		       minute < c->window_to_min;
	return minute >= c->window_from_min || minute < c->window_to_min;
}

const char *
reasons_lag(const struct view_site *a, const struct view_site *o,
	    struct reasons_note *note)
{
	const struct report_replication *ra = &a->replication;
	const struct report_replication *ro = &o->replication;

	if (!ra->known || !ro->known)
		reasons_say(note, "replication has not answered");
	else if (ra->out != REPORT_STREAM_STREAMING ||
		 ro->out != REPORT_STREAM_STREAMING)
		reasons_say(note, "replication there is %s, back %s",
			    report_stream_name(ra->out),
			    report_stream_name(ro->out));
	else if (!view_caught_up(a, o))
		reasons_say(
		    note, "%lld bytes (%lld ms) behind; commits %s and %s",
		    (long long)ra->out_lag_bytes, (long long)ra->out_lag_ms,
		    report_sync_name(ra->sync), report_sync_name(ro->sync));
	else
		reasons_say(note, "waiting for barriers");
	return note->text;
}

static const char *
automatic_why_not(const struct failover *f, const struct view *v,
		  struct reasons_note *note)
{
	const struct view_site *primary = &v->site[ROUTE_PRIMARY];
	int64_t stable = reasons_stable_ms(f, v->wall_us);
	int64_t whole = v->now_ms - primary->whole_since_ms;
	enum gates_name gate = gates_first(&v->gates, GATES_VERIFIED);

	if (f->asked_return)
		return NULL;
	if (reasons_paused(f, v))
		return "automation is paused";
	if (f->conf.back == FAILOVER_MANUAL)
		return "failback = manual: an operator's failback is needed";
	if (whole < stable) {
		reasons_say(note, "stable %lld of %lld s",
			    (long long)whole / 1000, (long long)stable / 1000);
		return note->text;
	}
	if (gate != GATES_N) {
		reasons_say(note, "%s: %s, the limit is %s", gates_name(gate),
			    v->gates.gate[gate].value,
			    v->gates.gate[gate].limit);
		return note->text;
	}
	if (v->now_ms < f->not_before_ms) {
		reasons_say(note, "the last try was aborted; again in %lld s",
			    (long long)(f->not_before_ms - v->now_ms) / 1000);
		return note->text;
	}
	if (f->conf.back == FAILOVER_WINDOW && !in_window(&f->conf, v->wall_us))
		return "outside of failover.window";
	return f->rec.observe ? reasons_observes : NULL;
}

const char *
reasons_why_not(const struct failover *f, const struct view *v,
		struct reasons_note *note)
{
	const struct view_site *primary = &v->site[ROUTE_PRIMARY];

	if (f->rec.active == ROUTE_PRIMARY)
		return "the primary is active";
	if (f->rec.held)
		return "held on the backup by an operator";
	if (primary->verdict != JUDGE_WHOLE) {
		reasons_say(note, "the primary is %s",
			    judge_name(primary->verdict));
		return note->text;
	}
	if (f->state != STATE_READY_TO_RETURN)
		return reasons_lag(&v->site[ROUTE_BACKUP], primary, note);
	return automatic_why_not(f, v, note);
}

int
reasons_at_risk(const struct failover *f, const struct view *v)
{
	const struct report_replication *r = &active_of(f, v)->replication;

	if (!r->known || r->sync == REPORT_SYNC_UNKNOWN)
		return -1;
	if (r->sync == REPORT_SYNC_OFF)
		return 0;
	return f->peer_dead || r->sync == REPORT_SYNC_DEGRADED;
}
