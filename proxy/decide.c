#include "proxy/decide.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proxy/decide_inner.h"
#include "proxy/judge.h"

/* How long a fail-over waits for the target to apply what it has. */
#define APPLY_MS 3000
/* A site that is not judged yet counts as unable after this. */
#define UNKNOWN_MS 2000
/* Answers to commits at risk that are on their way go out before it ends. */
#define RISK_MS 1000
/* Sockets of the old site are closed over 5 s. */
#define RELEASE_MS 6000

enum states_event
decide_serves(const struct authority_record *rec)
{
	if (rec->active == ROUTE_PRIMARY)
		return EVENT_SERVES_PRIMARY;
	return rec->held ? EVENT_SERVES_HELD : EVENT_SERVES_BACKUP;
}

enum states_event
decide_abort(const struct authority_record *rec)
{
	if (rec->active == ROUTE_PRIMARY)
		return EVENT_ABORT_PRIMARY;
	return rec->held ? EVENT_ABORT_HELD : EVENT_ABORT_BACKUP;
}

static int
start_event(const struct failover *f, const struct view *v)
{
	const struct view_site *p = &v->site[ROUTE_PRIMARY];
	const struct view_site *b = &v->site[ROUTE_BACKUP];

	if (f->rec.epoch > 0)
		return p->probed && b->probed ? (int)EVENT_RECORD : -1;
	if (f->lost || f->known_epoch > 0)
		return EVENT_NO_RECORD;
	return p->answered && b->answered && judge_serves(p->verdict)
		   ? (int)EVENT_FIRST
		   : -1;
}

static bool
fenced_now(const struct failover *f, const struct view *v)
{
	enum route_site other = failover_other(f->rec.active);
	const struct view_site *o = &v->site[other];

	/* Of one epoch to the next a company may go either way. */
	if (f->redirecting && !active_of(f, v)->web_over)
		return false;
	return !f->fenced && o->web_over &&
	       (o->collab_over || f->keep_collab[other]);
}

/* What the record-failover that follows leaves behind for now. */
static void
say_risk(const struct failover *f, const struct view *v,
	 struct reasons_note *note)
{
	struct reasons_note risk = { 0 };
	size_t len = strlen(note->text);

	if (!f->served || !reasons_may_lose(f, v))
		return;
	reasons_risk(f, v, &risk);
	snprintf(note->text + len, sizeof(note->text) - len,
		 "; it alone has: %s", risk.text);
}

/*
 * Or it has had the time to, since it could. What the other site's people were
 * told is done is waited for without end: its replicator merges it by itself.
 */
static bool
has_applied(const struct failover *f, const struct view *v,
	    struct reasons_note *note)
{
	const struct view_site *target = active_of(f, v);
	int64_t from = f->fenced_ms > target->whole_since_ms
			   ? f->fenced_ms
			   : target->whole_since_ms;

	if (view_applied(target))
		return true;
	if (target->replication.known &&
	    target->replication.in_acknowledged != 0)
		return false;
	if (v->now_ms - from < APPLY_MS)
		return false;
	reasons_say(note, "not known to have applied everything");
	return true;
}

static int
fencing_event(const struct failover *f, const struct view *v,
	      struct reasons_note *note)
{
	const struct view_site *target = active_of(f, v);

	if (judge_failed(target->verdict))
		return EVENT_TARGET_DEAD;
	if (fenced_now(f, v)) {
		reasons_say(note, "after %lld ms",
			    (long long)(v->now_ms - f->since_ms));
		return EVENT_FENCED;
	}
	if (!f->fenced || !target->serving || !has_applied(f, v, note))
		return -1;
	return (int)decide_serves(&f->rec);
}

static int
suspect_event(const struct failover *f, const struct view *v,
	      struct reasons_note *note)
{
	const struct view_site *a = active_of(f, v);
	const struct view_site *o = other_of(f, v);
	const char *bar;

	if (judge_serves(a->verdict) && !a->wavering)
		return (int)decide_serves(&f->rec);
	if (!judge_failed(a->verdict))
		return -1;
	bar = reasons_bar(f, v);
	reasons_say(note, "the %s is %s%s%s", route_site_name(f->rec.active),
		    judge_name(a->verdict), bar != NULL ? "; " : "",
		    bar != NULL ? bar : "");
	/* Perhaps that one has begun to fail as well: its next probe tells. */
	if (bar == NULL || bar == reasons_observes) {
		if (!o->good || o->heard_ms < f->since_ms)
			return -1;
		say_risk(f, v, note);
		if (bar == NULL)
			return EVENT_FAIL;
		return f->said ? (int)EVENT_NOT_ALLOWED : (int)EVENT_WOULD_FAIL;
	}
	if (judge_serves(o->verdict))
		return EVENT_NOT_ALLOWED;
	if (o->verdict == JUDGE_UNKNOWN && v->now_ms - f->since_ms < UNKNOWN_MS)
		return -1;
	return EVENT_NO_TARGET;
}

static int
closed_event(const struct failover *f, const struct view *v,
	     struct reasons_note *note)
{
	const struct view_site *a = active_of(f, v);
	const char *bar;

	if (fenced_now(f, v))
		return EVENT_FENCED;
	if (judge_serves(a->verdict) && !a->wavering)
		return a->serving && (f->served || has_applied(f, v, note))
			   ? (int)decide_serves(&f->rec)
			   : -1;
	/* Both come back at once: the other one is only judged sooner. */
	bar = reasons_bar(f, v);
	if (!judge_failed(a->verdict) || a->good || v->now_ms < f->alone_ms ||
	    (bar != NULL && (bar != reasons_observes || f->said)))
		return -1;
	reasons_say(note, "the %s is %s, the other site can serve",
		    route_site_name(f->rec.active), judge_name(a->verdict));
	say_risk(f, v, note);
	return bar == NULL ? EVENT_FAIL : EVENT_WOULD_FAIL;
}

static int
backup_event(const struct failover *f, const struct view *v,
	     struct reasons_note *note)
{
	const struct view_site *p = &v->site[ROUTE_PRIMARY];
	bool met = v->barriers == f->barriers && v->barrier_there &&
		   v->barrier_back;
	const char *why;

	if (f->state == STATE_ON_BACKUP)
		return p->verdict == JUDGE_WHOLE ? (int)EVENT_PEER_WHOLE : -1;
	if (p->verdict != JUDGE_WHOLE) {
		reasons_say(note, "the primary is %s", judge_name(p->verdict));
		return EVENT_PEER_LOST;
	}
	if (f->state == STATE_CATCHING_UP)
		return met && view_caught_up(active_of(f, v), p)
			   ? (int)EVENT_CAUGHT_UP
			   : -1;
	if (!view_caught_up(active_of(f, v), p)) {
		(void)reasons_lag(active_of(f, v), p, note);
		return EVENT_BEHIND;
	}
	why = reasons_why_not(f, v, note);
	if (why != NULL && (why != reasons_observes || f->said))
		return -1;
	reasons_say(note, "%s", f->asked_return ? "ordered" : "stable");
	return why == NULL ? EVENT_RETURN : EVENT_WOULD_RETURN;
}

static const char drain_fault[] = "max_drain";

static const char *
bracket_fault(const struct failover *f, const struct view *v)
{
	int64_t reserve = f->conf.max_hold_ms / 4;

	if (judge_failed(active_of(f, v)->verdict) || active_of(f, v)->wavering)
		return "the old site failed a probe";
	if (!judge_serves(other_of(f, v)->verdict))
		return "the new site cannot serve";
	if (f->state == STATE_DRAIN && v->now_ms >= f->drain_until_ms &&
	    !f->by.force)
		return drain_fault;
	/* SWITCH needs some of the time as well. */
	if (v->now_ms >= f->hold_until_ms - reserve)
		return f->state == STATE_SYNC
			   ? "the barrier was not applied within max_hold"
			   : "max_hold";
	return NULL;
}

static uint64_t
writes_left(const struct failover *f, const struct view *v)
{
	uint64_t left = active_of(f, v)->may_write;

	if (failover_both_write(f) && !judge_failed(other_of(f, v)->verdict))
		left += other_of(f, v)->may_write;
	return left;
}

/* What to look at: such a COMMIT waits for a site, or for a disk. */
static void
say_left(const struct failover *f, const struct view *v,
	 struct reasons_note *note)
{
	const struct report_replication *r = &active_of(f, v)->replication;
	const char *here = route_site_name(f->rec.active);
	const char *there = route_site_name(failover_other(f->rec.active));
	unsigned long long left = writes_left(f, v);

	if (r->known && r->oldest_commit_wait_ms > 0)
		reasons_say(note,
			    "writes in flight did not end within max_drain: "
			    "%llu, and a COMMIT at the %s has waited %lld ms "
			    "for the %s",
			    left, here, (long long)r->oldest_commit_wait_ms,
			    there);
	else
		reasons_say(note,
			    "writes in flight did not end within max_drain: "
			    "%llu, and no COMMIT waits for the %s: look at "
			    "who sends them, and at the %s's database and disk",
			    left, there, here);
}

/* A write that is left behind meets a gate of the old site, and is resent. */
static int
drain_event(const struct failover *f, const struct view *v,
	    struct reasons_note *note)
{
	uint64_t left = writes_left(f, v);

	if (left == 0)
		return EVENT_DRAINED;
	if (!f->by.force || v->now_ms < f->drain_until_ms)
		return -1;
	reasons_say(note, "forced, with %llu writes in flight",
		    (unsigned long long)left);
	return EVENT_DRAINED;
}

static int
bracket_event(const struct failover *f, const struct view *v,
	      struct reasons_note *note)
{
	const char *fault = bracket_fault(f, v);

	if (fault == drain_fault)
		say_left(f, v, note);
	else if (fault != NULL)
		reasons_say(note, "%s", fault);
	if (fault != NULL)
		return (int)decide_abort(&f->rec);
	if (f->state == STATE_HOLD)
		return v->settled ? (int)EVENT_HELD : -1;
	if (f->state == STATE_DRAIN)
		return drain_event(f, v, note);
	return v->barriers == f->barriers && v->barrier_there &&
		       (v->barrier_back || !failover_both_write(f))
		   ? (int)EVENT_APPLIED
		   : -1;
}

static int
switch_event(const struct failover *f, const struct view *v)
{
	const struct view_site *target = active_of(f, v);
	const struct view_site *o = other_of(f, v);

	if (judge_failed(target->verdict))
		return EVENT_TARGET_DEAD;
	if (fenced_now(f, v))
		return EVENT_FENCED;
	if (f->redirecting && !o->serving && !judge_failed(o->verdict) &&
	    redirects_lead(&f->rec.redirects, failover_other(f->rec.active),
			   ROUTE_WEB))
		return -1;
	return f->fenced && target->serving ? (int)EVENT_SWITCHED : -1;
}

static int
state_event(const struct failover *f, const struct view *v,
	    struct reasons_note *note)
{
	const struct view_site *a = active_of(f, v);
	bool doubt = a->wavering || judge_failed(a->verdict);

	switch (f->state) {
	case STATE_START:
		return start_event(f, v);
	case STATE_LOST:
		return -1;
	case STATE_NORMAL:
	case STATE_MAINTENANCE:
		return doubt ? (int)EVENT_SUSPECT : -1;
	case STATE_SUSPECT:
		return suspect_event(f, v, note);
	case STATE_FENCING:
		return fencing_event(f, v, note);
	case STATE_ON_BACKUP:
	case STATE_CATCHING_UP:
	case STATE_READY_TO_RETURN:
		return doubt ? (int)EVENT_SUSPECT : backup_event(f, v, note);
	case STATE_HOLD:
	case STATE_DRAIN:
	case STATE_SYNC:
		return bracket_event(f, v, note);
	case STATE_SWITCH:
		return switch_event(f, v);
	case STATE_RELEASE:
		if (doubt)
			return EVENT_SUSPECT;
		return f->redirecting || other_of(f, v)->websockets == 0 ||
			       v->now_ms - f->since_ms >= RELEASE_MS
			   ? (int)decide_serves(&f->rec)
			   : -1;
	case STATE_CLOSED:
		return closed_event(f, v, note);
	}
	assert(!"a state");
	return -1;
}

static int
order_event(const struct failover *f, struct reasons_note *note)
{
	static const int events[] = {
		[FAILOVER_SWITCH] = EVENT_ORDER_SWITCH,
		[FAILOVER_RETURN] = EVENT_ORDER_RETURN,
		[FAILOVER_STAY] = EVENT_ORDER_STAY,
		[FAILOVER_FORCE] = EVENT_ORDER_FAILOVER,
		[FAILOVER_REDIRECT] = EVENT_ORDER_REDIRECT,
		[FAILOVER_ADOPT] = EVENT_ADOPT,
		[FAILOVER_PAUSE] = EVENT_ORDER_PAUSE,
		[FAILOVER_OBSERVE] = EVENT_ORDER_OBSERVE,
		[FAILOVER_RESUME] = EVENT_ORDER_RESUME,
	};

	reasons_say(note, "%s: %s", f->word.who, f->word.why);
	if (f->word.order == FAILOVER_CANCEL)
		return (int)decide_abort(&f->rec);
	return events[f->word.order];
}

static bool
may_hold(enum states_state s)
{
	return s == STATE_NORMAL || s == STATE_ON_BACKUP ||
	       s == STATE_CATCHING_UP || s == STATE_READY_TO_RETURN ||
	       s == STATE_MAINTENANCE;
}

/* What was moved by hand comes back by itself when it must. */
static int
redirect_event(const struct failover *f, const struct view *v)
{
	const struct view_site *o = other_of(f, v);
	struct redirects left = f->rec.redirects;

	if (judge_failed(o->verdict) && f->conf.automatic && !f->rec.observe &&
	    !reasons_paused(f, v) &&
	    redirects_drop(&left, failover_other(f->rec.active)))
		return EVENT_REDIRECT_VOID;
	if (judge_serves(o->verdict) && v->now_ms >= f->not_before_ms &&
	    redirects_expire(&left, v->wall_us))
		return EVENT_REDIRECT_ENDS;
	return -1;
}

/* Changes of the record that move nothing. */
static int
record_event(const struct failover *f, const struct view *v)
{
	const struct view_site *a = active_of(f, v);
	const struct view_site *o = other_of(f, v);
	int risk = reasons_at_risk(f, v), redirect = -1;

	if (f->rec.paused_until_us != 0 && !reasons_paused(f, v))
		return EVENT_PAUSE_ENDS;
	if (f->rec.maintained_until_us != 0 && !f->overdue &&
	    v->wall_us > f->rec.maintained_until_us)
		return EVENT_OVERDUE;
	if (f->state == STATE_FENCING || f->state == STATE_SWITCH ||
	    f->state == STATE_CLOSED || !judge_serves(a->verdict))
		return -1;
	if (may_hold(f->state) && f->rec.redirects.n > 0)
		redirect = redirect_event(f, v);
	if (redirect >= 0)
		return redirect;
	if (!f->peer_dead && view_peer_dead(a, o))
		return EVENT_PEER_DEAD;
	if (f->peer_dead && o->db_up && !judge_failed(o->verdict))
		return EVENT_PEER_ALIVE;
	if (risk == 1 && !f->rec.degraded)
		return EVENT_DEGRADED;
	if (risk == 0 && f->rec.degraded && v->now_ms - f->risk_ms >= RISK_MS)
		return EVENT_PROTECTED;
	return -1;
}

int
decide_event(const struct failover *f, const struct view *v,
	     struct reasons_note *note)
{
	int event;

	note->text[0] = '\0';
	if (f->word.order != FAILOVER_NO_ORDER)
		return order_event(f, note);
	if (f->known_epoch > f->rec.epoch && f->state != STATE_LOST &&
	    f->state != STATE_START) {
		reasons_say(note,
			    "a site knows epoch %llu, the record says %llu",
			    (unsigned long long)f->known_epoch,
			    (unsigned long long)f->rec.epoch);
		return EVENT_OUTRANKED;
	}
	event = state_event(f, v, note);
	if (event < 0 && f->state != STATE_START && f->state != STATE_LOST)
		event = record_event(f, v);
	return event;
}
