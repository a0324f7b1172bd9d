#include "proxy/plan.h"

#include <string.h>

/* How soon to look again when nothing calls: in a bracket, in a change. */
#define TICK_BRACKET_MS 5
#define TICK_CHANGE_MS 50
#define TICK_MS 500

static enum route_mode
mode_of(const struct failover *f, const struct view *v)
{
	switch (f->state) {
	case STATE_START:
	case STATE_CLOSED: /* often both are only slow for a moment */
		return v->now_ms - f->since_ms < f->conf.fail_hold_ms
			   ? ROUTE_HOLD
			   : ROUTE_CLOSED;
	case STATE_LOST:
		return ROUTE_CLOSED;
	case STATE_FENCING:
	case STATE_HOLD:
	case STATE_DRAIN:
	case STATE_SYNC:
	case STATE_SWITCH:
		return ROUTE_HOLD;
	case STATE_NORMAL:
	case STATE_SUSPECT:
	case STATE_ON_BACKUP:
	case STATE_CATCHING_UP:
	case STATE_READY_TO_RETURN:
	case STATE_RELEASE:
	case STATE_MAINTENANCE:
		break;
	}
	return ROUTE_SERVE;
}

static bool
in_bracket(enum states_state s)
{
	return s == STATE_HOLD || s == STATE_DRAIN || s == STATE_SYNC ||
	       s == STATE_SWITCH;
}

static bool
in_change(enum states_state s)
{
	return s == STATE_START || s == STATE_SUSPECT || s == STATE_FENCING ||
	       s == STATE_CLOSED || s == STATE_RELEASE || in_bracket(s);
}

static bool
may_serve(const struct failover *f, int site, int service)
{
	if (f->state == STATE_START || f->state == STATE_LOST)
		return false;
	if (service == ROUTE_COLLAB && f->keep_collab[site])
		return true;
	if (!f->fenced)
		return false;
	if (redirects_lead(&f->rec.redirects, (enum route_site)site,
			   (enum route_service)service))
		return true;
	/* The rooms of all are elsewhere; web keeps what is not redirected. */
	if (service == ROUTE_COLLAB &&
	    redirects_lead(&f->rec.redirects,
			   failover_other((enum route_site)site), ROUTE_COLLAB))
		return false;
	return site == (int)f->rec.active;
}

/* Where a room may be entered: not where it is about to leave. */
static bool
takes_rooms(const struct failover *f, int site)
{
	bool leaves = (f->state == STATE_SWITCH || f->state == STATE_RELEASE) &&
		      !f->redirecting && site != (int)f->rec.active;

	return !leaves && may_serve(f, site, ROUTE_COLLAB);
}

static void
make_terms(const struct failover *f, struct plan *out)
{
	bool asks = f->state == STATE_START || f->state == STATE_LOST;

	for (int s = 0; s < ROUTE_SITES; s++)
		for (int k = 0; k < ROUTE_SERVICES; k++) {
			struct lease_terms *t = &out->terms[s][k];

			t->epoch = asks ? 0 : f->rec.epoch;
			t->active = f->rec.active;
			t->serve = may_serve(f, s, k);
			t->peer_dead = f->peer_dead;
			t->degraded = f->rec.degraded;
			t->redirects = &f->rec.redirects;
			t->collab[ROUTE_PRIMARY] = takes_rooms(f,
							       ROUTE_PRIMARY);
			t->collab[ROUTE_BACKUP] = takes_rooms(f, ROUTE_BACKUP);
		}
}

static uint32_t
hold_of(const struct failover *f, const struct view *v)
{
	int64_t left = 0;

	/* A switch is given up before hold_until; should that come late,
	 * requests wait rather than fail. Past SWITCH there is no way back:
	 * wait as in a fail-over. */
	if (in_bracket(f->state) && f->state != STATE_SWITCH &&
	    f->hold_until_ms > v->now_ms)
		left = f->hold_until_ms - v->now_ms;
	return (uint32_t)(left + f->conf.fail_hold_ms);
}

void
plan_make(const struct failover *f, const struct view *v, struct plan *out)
{
	memset(out, 0, sizeof(*out));
	make_terms(f, out);
	out->fast = in_change(f->state);
	out->mode = mode_of(f, v);
	out->suspect = f->state == STATE_SUSPECT;
	out->active = f->rec.active;
	out->epoch = f->rec.epoch;
	out->hold_ms = hold_of(f, v);
	out->barrier_there = f->state == STATE_CATCHING_UP ||
			     f->state == STATE_SYNC;
	out->barrier_back = f->state == STATE_CATCHING_UP ||
			    (f->state == STATE_SYNC && failover_both_write(f));
	out->barriers = out->barrier_there || out->barrier_back ? f->barriers
								: 0;
	out->tick_ms = in_bracket(f->state)  ? TICK_BRACKET_MS
		       : in_change(f->state) ? TICK_CHANGE_MS
					     : TICK_MS;
	for (int s = 0; s < ROUTE_SITES; s++) {
		const struct view_site *site = &v->site[s];

		out->granted[s][ROUTE_WEB] = out->terms[s][ROUTE_WEB].serve &&
					     site->serving;
		out->granted[s][ROUTE_COLLAB] = out->terms[s][ROUTE_COLLAB]
						    .serve &&
						site->collab_serving;
		out->coming[s] = out->terms[s][ROUTE_COLLAB].serve &&
				 !site->collab_serving && site->collab_up;
	}
	/* Who is told to rejoin finds rooms that are open. */
	out->close_websockets =
	    (f->state == STATE_RELEASE && !f->redirecting &&
	     !out->coming[f->rec.active]) ||
	    (out->mode == ROUTE_SERVE &&
	     !out->terms[failover_other(f->rec.active)][ROUTE_COLLAB].serve);
}
