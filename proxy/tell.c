#include "proxy/tell.h"

#include <stdio.h>

#include "proxy/status.h"

void
tell_alarm(struct control *c, const char *text)
{
	events_add(c->events, "alarm", c->f.rec.epoch, text, NULL);
}

/* Somebody should look, at whatever hour. */
static const char *
kind_of(const struct failover_change *change)
{
	switch (change->row->event) {
	case EVENT_DEGRADED:
	case EVENT_PEER_DEAD:
	case EVENT_NO_RECORD:
	case EVENT_OUTRANKED:
	case EVENT_WOULD_FAIL:
	case EVENT_OVERDUE:
		return "alarm";
	default:
		return change->from == change->to ? "record" : "transition";
	}
}

/* Nobody is answered now: what can be done. */
static void
tell_closed(struct control *c)
{
	enum route_site other = failover_other(c->f.rec.active);
	char text[256];

	if (c->f.state == STATE_LOST)
		snprintf(text, sizeof(text),
			 "nobody is answered: there is no record to trust; "
			 "gsbctl authority adopt --to primary|backup");
	else if (judge_serves(c->view.site[other].verdict))
		snprintf(text, sizeof(text),
			 "nobody is answered: the %s is %s, and the %s may not "
			 "take over by itself; gsbctl failover --to %s",
			 route_site_name(c->f.rec.active),
			 judge_name(c->view.site[c->f.rec.active].verdict),
			 route_site_name(other), route_site_name(other));
	else
		snprintf(text, sizeof(text),
			 "nobody is answered: the primary is %s, the backup is "
			 "%s",
			 judge_name(c->view.site[ROUTE_PRIMARY].verdict),
			 judge_name(c->view.site[ROUTE_BACKUP].verdict));
	tell_alarm(c, text);
}

void
tell_change(struct control *c, const struct failover_change *change)
{
	json_t *detail = json_object();
	char text[512];
	uint64_t ended;

	json_put_str(detail, "from", states_fsm.states[change->from]);
	json_put_str(detail, "to", states_fsm.states[change->to]);
	json_put_str(detail, "event", states_fsm.events[change->row->event]);
	json_put_str(detail, "action", states_fsm.actions[change->row->action]);
	json_put_str(detail, "why", change->row->why);
	json_put_str(detail, "note", change->note);
	json_put_str(detail, "active", route_site_name(c->f.rec.active));
	json_put_bool(detail, "degraded", c->f.rec.degraded);
	json_put(detail, "inputs", status_inputs(&c->view));
	if (change->from == change->to)
		snprintf(text, sizeof(text), "%s: %s%s%s",
			 states_fsm.states[change->to], change->row->why,
			 change->note[0] != '\0' ? "; " : "", change->note);
	else
		snprintf(text, sizeof(text), "%s -> %s: %s%s%s",
			 states_fsm.states[change->from],
			 states_fsm.states[change->to], change->row->why,
			 change->note[0] != '\0' ? "; " : "", change->note);
	if (change->from != change->to)
		c->state_wall_us = c->view.wall_us;
	ended = orders_change(c->orders, change);
	if (ended != 0)
		json_put_int(detail, "order", (int64_t)ended);
	events_add(c->events, kind_of(change), c->f.rec.epoch, text, detail);
	if (change->from != change->to &&
	    (change->to == STATE_CLOSED || change->to == STATE_LOST))
		tell_closed(c);
}

static const char *
hint_of(const struct view_site *site)
{
	if (site->verdict == JUDGE_PARTIAL)
		return "; nothing moves by itself: gsbctl status, then "
		       "switchover if people suffer";
	if (site->takes_none && judge_failed(site->verdict))
		return "; it answers well, but takes no grant: look at its "
		       "clock, its key file and its log";
	return "";
}

void
tell_verdicts(struct control *c)
{
	char text[256];

	for (int s = 0; s < ROUTE_SITES; s++) {
		enum judge_verdict v = c->view.site[s].verdict;

		if (v == c->verdict[s])
			continue;
		snprintf(text, sizeof(text), "the %s is %s, it was %s%s",
			 route_site_name((enum route_site)s), judge_name(v),
			 judge_name(c->verdict[s]), hint_of(&c->view.site[s]));
		c->verdict[s] = v;
		events_add(c->events, v == JUDGE_WHOLE ? "service" : "alarm",
			   c->f.rec.epoch, text, status_inputs(&c->view));
	}
}

void
tell_shares(struct control *c, const struct plane_counts *counts)
{
	char text[256];

	for (int s = 0; s < ROUTE_SITES; s++) {
		struct share *share = &c->share[s];

		if (!share_count(share, counts->answers[s], counts->failed[s],
				 c->view.now_ms))
			continue;
		snprintf(
		    text, sizeof(text),
		    "the %s failed %u.%u %% of %llu requests in %d s "
		    "(judged %s)%s%s",
		    route_site_name((enum route_site)s), share->permille / 10,
		    share->permille % 10, (unsigned long long)share->seen,
		    SHARE_WINDOW_MS / 1000, judge_name(c->view.site[s].verdict),
		    share->high ? "; gsbctl switchover --to " : "",
		    share->high
			? route_site_name(failover_other((enum route_site)s))
			: "");
		events_add(c->events, share->high ? "alarm" : "service",
			   c->f.rec.epoch, text, status_inputs(&c->view));
	}
}

void
tell_order(struct control *c, const struct rules_order *o,
	   const struct rules_judged *judged, uint64_t id)
{
	bool refused = judged->verdict == RULES_REFUSED;
	json_t *detail = json_object();
	char text[1024];

	snprintf(text, sizeof(text), "%s%s%s by %s (%s): %s%s%s",
		 rules_verb_name(o->verb), o->to_given ? " to " : "",
		 o->to_given ? route_site_name(o->to) : "", o->who, o->why,
		 refused ? "refused by rule " : "", refused ? judged->rule : "",
		 refused ? "" : judged->message);
	json_put_str(detail, "verb", rules_verb_name(o->verb));
	json_put_str(detail, "who", o->who);
	json_put_str(detail, "reason", o->why);
	if (o->to_given)
		json_put_str(detail, "to", route_site_name(o->to));
	if (id != 0)
		json_put_int(detail, "order", (int64_t)id);
	if (refused)
		json_put_str(detail, "rule", judged->rule);
	json_put_str(detail, "message", judged->message);
	events_add(c->events, "order", c->f.rec.epoch, text, detail);
}
