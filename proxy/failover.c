#include "proxy/failover.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proxy/decide.h"

/* An abort waits at least so long before the next automatic try. */
#define ABORT_MS 10000
#define ABORT_DOUBLINGS 8
#define ALONE_MS 900

void
failover_init(struct failover *f, const struct failover_conf *conf,
	      int64_t now_ms)
{
	memset(f, 0, sizeof(*f));
	f->conf = *conf;
	f->state = STATE_START;
	f->since_ms = now_ms;
	f->barriers = 1;
}

void
failover_found(struct failover *f, int loaded,
	       const struct authority_record *rec, uint64_t former)
{
	assert(f->state == STATE_START);
	if (loaded == 1)
		f->rec = *rec;
	f->lost = loaded < 0;
	f->known_epoch = former;
}

static void
signed_by(struct authority_record *rec, const struct failover_word *by,
	  const char *automatic, int64_t wall_us)
{
	bool order = by->order != FAILOVER_NO_ORDER;

	snprintf(rec->who, sizeof(rec->who), "%s",
		 order ? by->who : "automatic");
	snprintf(rec->why, sizeof(rec->why), "%s", order ? by->why : automatic);
	rec->when_us = wall_us;
}

static void
mark_maintenance(struct failover *f, int64_t since_us, int64_t until_us)
{
	f->rec.maintained_us = since_us;
	f->rec.maintained_until_us = until_us;
	f->overdue = false;
}

/* From when on the active site alone has what is acknowledged. */
static void
mark_degraded(struct failover *f, const struct view *v, bool degraded)
{
	if (degraded && !f->rec.degraded) {
		f->rec.degraded_us = v->wall_us;
		f->risk_writes = v->site[f->rec.active].writes;
		f->counted = true;
	} else if (!degraded) {
		f->rec.degraded_us = 0;
	}
	f->rec.degraded = degraded;
}

/*
 * A new epoch: nobody is granted until the old one's leases have ended. But
 * rooms that go on at the site that is active from now on are not sent away
 * for the moment of fencing.
 */
static void
new_epoch(struct failover *f, uint64_t epoch, enum route_site active)
{
	f->rec.epoch = epoch;
	f->rec.active = active;
	f->store = true;
	f->fenced = false;
	f->served = false;
	f->asked_return = false;
	if (active == ROUTE_PRIMARY)
		mark_maintenance(f, 0, 0);
	f->keep_collab[failover_other(active)] = false;
}

static void
record_first(struct failover *f, const struct view *v)
{
	new_epoch(f, 1, ROUTE_PRIMARY);
	mark_degraded(f, v, reasons_at_risk(f, v) != 0);
	signed_by(&f->rec, &f->by, "first start", v->wall_us);
}

static void
record_adopted(struct failover *f, const struct view *v)
{
	uint64_t highest = f->known_epoch;

	if (f->rec.epoch > highest)
		highest = f->rec.epoch;
	f->lost = false;
	f->rec.held = f->word.to == ROUTE_BACKUP;
	f->rec.degraded = false;
	f->peer_dead = false;
	f->keep_collab[f->word.to] = false;
	new_epoch(f, highest + 1, f->word.to);
	mark_degraded(f, v, true);
	signed_by(&f->rec, &f->word, "", v->wall_us);
}

static void
remember_failover(struct authority_record *rec, int64_t wall_us)
{
	memmove(&rec->failovers[1], &rec->failovers[0],
		sizeof(rec->failovers) - sizeof(rec->failovers[0]));
	rec->failovers[0] = wall_us;
}

static void
record_failover(struct failover *f, const struct view *v)
{
	enum route_site old = f->rec.active;
	bool ordered = f->word.order == FAILOVER_FORCE;
	char why[64];

	if (!ordered)
		remember_failover(&f->rec, v->wall_us);
	snprintf(why, sizeof(why), "the %s was %s", route_site_name(old),
		 judge_name(v->site[old].verdict));
	(void)redirects_drop(&f->rec.redirects, old);
	f->redirecting = false;
	f->rec.degraded = false;
	f->rec.held = ordered && f->word.to == ROUTE_BACKUP;
	f->peer_dead = true;
	new_epoch(f, f->rec.epoch + 1,
		  ordered ? f->word.to : failover_other(old));
	mark_degraded(f, v, true);
	f->keep_collab[old] = v->site[old].verdict == JUDGE_SPLIT;
	signed_by(&f->rec, &f->word, why, v->wall_us);
}

/* The same site under a new epoch, which has other redirects. */
static void
record_redirects(struct failover *f, const struct view *v,
		 const struct redirects *next)
{
	enum route_site active = f->rec.active;
	enum route_site other = failover_other(active);
	bool keep = f->keep_collab[other];
	int64_t since = f->rec.maintained_us;
	int64_t until = f->rec.maintained_until_us;

	f->keep_collab[active] = v->site[active].rooms > 0 &&
				 !redirects_lead(next, other, ROUTE_COLLAB);
	new_epoch(f, f->rec.epoch + 1, active);
	mark_maintenance(f, since, until);
	f->keep_collab[other] = keep;
	f->rec.redirects = *next;
	signed_by(&f->rec, &f->by, "redirects", v->wall_us);
}

static void
record_switch(struct failover *f, const struct view *v)
{
	enum route_site old = f->rec.active;
	enum route_site to = failover_other(old);

	if (f->redirecting) {
		record_redirects(f, v, &f->next);
		return;
	}
	f->rec.held = to == ROUTE_BACKUP;
	f->rec.degraded = false;
	f->peer_dead = false;
	new_epoch(f, f->rec.epoch + 1, to);
	/* Not protected before that site has said so. */
	mark_degraded(f, v, reasons_at_risk(f, v) != 0);
	f->keep_collab[old] = v->site[old].collab_serving &&
			      (v->site[old].rooms > 0 ||
			       v->site[old].websockets > 0);
	f->aborts = 0;
	if (f->by.maintenance)
		mark_maintenance(f, v->wall_us, f->by.until_us);
	signed_by(&f->rec, &f->by, "fail-back", v->wall_us);
}

static void
begin_switch(struct failover *f, const struct view *v)
{
	if (f->word.order != FAILOVER_NO_ORDER)
		f->by = f->word;
	else if (!f->asked_return)
		memset(&f->by, 0, sizeof(f->by));
	f->redirecting = false;
	f->hold_until_ms = v->now_ms + f->conf.max_hold_ms;
	f->drain_until_ms = 0;
}

/* Or the record was fuller than the rules saw: then nothing is added. */
static void
begin_redirect(struct failover *f, const struct view *v)
{
	bool order = f->word.order == FAILOVER_REDIRECT;

	f->by = f->word;
	f->redirecting = true;
	f->next = f->rec.redirects;
	(void)redirects_expire(&f->next, v->wall_us);
	if (order && f->word.undo)
		(void)redirects_del(&f->next, f->word.redirect.company,
				    f->word.redirect.service);
	else if (order && redirects_set(&f->next, &f->word.redirect) < 0)
		f->by.order = FAILOVER_NO_ORDER;
	f->hold_until_ms = v->now_ms + f->conf.max_hold_ms;
	f->drain_until_ms = 0;
}

static void
record_void(struct failover *f, const struct view *v)
{
	struct redirects next = f->rec.redirects;

	(void)redirects_drop(&next, failover_other(f->rec.active));
	memset(&f->by, 0, sizeof(f->by));
	record_redirects(f, v, &next);
}

static void
abort_switch(struct failover *f, const struct view *v)
{
	unsigned n = f->aborts < ABORT_DOUBLINGS ? f->aborts : ABORT_DOUBLINGS;

	f->aborts++;
	f->not_before_ms = v->now_ms + ((int64_t)ABORT_MS << n);
	f->asked_return = f->asked_return && f->redirecting;
	f->redirecting = false;
	f->barriers++;
}

static void
record_held(struct failover *f, const struct view *v, bool held)
{
	f->rec.held = held;
	f->asked_return = !held;
	f->by = f->word;
	if (f->word.maintenance)
		mark_maintenance(f, v->wall_us, f->word.until_us);
	f->store = true;
	signed_by(&f->rec, &f->word, "", v->wall_us);
}

static void
record_degraded(struct failover *f, const struct view *v, bool degraded)
{
	if (degraded)
		f->risk_ms = v->now_ms;
	mark_degraded(f, v, degraded);
	f->store = true;
}

static void
record_pause(struct failover *f, enum states_action action)
{
	if (action == ACTION_RECORD_PAUSE)
		f->rec.paused_until_us = f->word.until_us;
	else if (action != ACTION_RECORD_OBSERVE)
		f->rec.paused_until_us = 0;
	if (action == ACTION_RECORD_OBSERVE || action == ACTION_RECORD_RESUME)
		f->rec.observe = action == ACTION_RECORD_OBSERVE;
	f->store = true;
}

static void
fence_other(struct failover *f, const struct view *v)
{
	enum route_site other = failover_other(f->rec.active);

	/* A forerunner may have left it its rooms, under this same epoch. */
	f->keep_collab[other] = v->site[other].collab_serving &&
				v->site[other].rooms > 0;
	f->peer_dead = f->rec.degraded;
	f->served = true;
}

static void
set_peer_dead(struct failover *f, const struct view *v)
{
	f->peer_dead = true;
	if (reasons_at_risk(f, v) == 1 && !f->rec.degraded)
		record_degraded(f, v, true);
}

static void
mark_fenced(struct failover *f, const struct view *v)
{
	f->fenced = true;
	f->fenced_ms = v->now_ms;
}

static void
set_peer_alive(struct failover *f, const struct view *v)
{
	f->peer_dead = false;
	f->risk_ms = v->now_ms;
}

/* What an operator's word does to the record or the wishes. */
static void
act_word(struct failover *f, const struct view *v, enum states_action action)
{
	if (action == ACTION_ASK_RETURN) {
		f->asked_return = true;
		f->by = f->word;
	} else if (action == ACTION_RECORD_HELD ||
		   action == ACTION_RECORD_RETURN) {
		record_held(f, v, action == ACTION_RECORD_HELD);
	} else {
		record_pause(f, action);
	}
}

static void
act(struct failover *f, const struct view *v, enum states_action action)
{
	switch (action) {
	case ACTION_NOTHING:
	case ACTION_CLOSE:
	case ACTION_OVERDUE:
	case ACTION_ALARM:
	case ACTION_SAY:
		return;
	case ACTION_FENCE_OTHER:
		return fence_other(f, v);
	case ACTION_RECORD_FIRST:
		return record_first(f, v);
	case ACTION_RECORD_ADOPTED:
		return record_adopted(f, v);
	case ACTION_RECORD_FAILOVER:
		return record_failover(f, v);
	case ACTION_MARK_FENCED:
		return mark_fenced(f, v);
	case ACTION_SERVE:
	case ACTION_RELEASE:
		f->served = true;
		return;
	case ACTION_CATCH_UP:
	case ACTION_SYNC:
		f->barriers++;
		return;
	case ACTION_BEGIN_SWITCH:
		return begin_switch(f, v);
	case ACTION_BEGIN_REDIRECT:
		return begin_redirect(f, v);
	case ACTION_DRAIN:
		f->drain_until_ms = v->now_ms + f->conf.max_drain_ms;
		return;
	case ACTION_RECORD_SWITCH:
		return record_switch(f, v);
	case ACTION_RECORD_VOID:
		return record_void(f, v);
	case ACTION_ABORT:
		return abort_switch(f, v);
	case ACTION_RECORD_DEGRADED:
	case ACTION_RECORD_PROTECTED:
		return record_degraded(f, v, action == ACTION_RECORD_DEGRADED);
	case ACTION_RECORD_PEER_DEAD:
		return set_peer_dead(f, v);
	case ACTION_PEER_ALIVE:
		return set_peer_alive(f, v);
	case ACTION_ASK_RETURN:
	case ACTION_RECORD_HELD:
	case ACTION_RECORD_RETURN:
	case ACTION_RECORD_PAUSE:
	case ACTION_RECORD_OBSERVE:
	case ACTION_RECORD_RESUME:
	case ACTION_RECORD_UNPAUSED:
		return act_word(f, v, action);
	}
	assert(!"an action");
}

/*
 * Both were dead: what ends may be a cut before the proxy. Whichever is asked
 * first is heard first, and by no more than a probe's time-out; so long the
 * site that served last has to come back as well.
 */
static void
note_closed(struct failover *f, const struct view *v)
{
	enum route_site other = failover_other(f->rec.active);

	if (f->state != STATE_CLOSED)
		f->alone_ms = 0;
	else if (judge_failed(v->site[other].verdict))
		f->alone_ms = v->now_ms + ALONE_MS;
}

/* What follows from the view alone, whatever the state. */
static void
take_note(struct failover *f, const struct view *v)
{
	note_closed(f, v);
	for (int s = 0; s < ROUTE_SITES; s++) {
		if (v->site[s].epoch > f->known_epoch)
			f->known_epoch = v->site[s].epoch;
		/* Rooms of the other site end for good, they never return. */
		if (f->state != STATE_FENCING && f->state != STATE_SWITCH &&
		    f->state != STATE_RELEASE &&
		    (v->site[s].rooms == 0 || !v->site[s].collab_up))
			f->keep_collab[s] = false;
	}
	if (reasons_at_risk(f, v) == 1)
		f->risk_ms = v->now_ms;
}

int
failover_step(struct failover *f, const struct view *v,
	      struct failover_change *out)
{
	struct reasons_note note;
	int event;

	assert(!f->store);
	take_note(f, v);
	event = decide_event(f, v, &note);
	if (event < 0)
		return 0;
	out->row = fsm_find(&states_fsm, (int)f->state, event);
	assert(out->row != NULL);
	out->from = f->state;
	out->to = (enum states_state)fsm_to(out->row, (int)f->state);
	memcpy(out->note, note.text, sizeof(out->note));
	act(f, v, (enum states_action)out->row->action);
	if (f->word.order == FAILOVER_CANCEL)
		f->asked_return = false;
	memset(&f->word, 0, sizeof(f->word));
	if (out->row->action == ACTION_OVERDUE)
		f->overdue = true;
	if (out->row->action == ACTION_SAY)
		f->said = true;
	if (out->to != f->state) {
		f->since_ms = v->now_ms;
		/* In CLOSED the same is not said once more. */
		f->said = f->said && out->to == STATE_CLOSED;
	}
	if (f->state == STATE_RELEASE && out->to != STATE_RELEASE) {
		if (!f->redirecting)
			f->keep_collab[failover_other(f->rec.active)] = false;
		f->redirecting = false;
	}
	f->state = out->to;
	return 1;
}
