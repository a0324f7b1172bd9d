#include "proxy/tell.h"

#include <stdio.h>

#include "proxy/status.h"

void
tell_alarm(struct control *c, const char *text)
{
	events_add(c->events, "alarm", c->f.rec.epoch, text, NULL);
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
	events_add(c->events,
		   change->from == change->to ? "record" : "transition",
		   c->f.rec.epoch, text, detail);
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
			 judge_name(c->verdict[s]),
			 v == JUDGE_PARTIAL
			     ? "; nothing moves by itself: gsbctl status, then "
			       "switchover if people suffer"
			     : "");
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
	char text[768];

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
