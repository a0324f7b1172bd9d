#include "proxy/rules.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proxy/decide.h"
#include "proxy/rules_inner.h"

static const char *const verb_names[] = { "switchover",
					  "failover",
					  "failback",
					  "maintenance-start",
					  "maintenance-finish",
					  "redirect-add",
					  "redirect-del",
					  "pause",
					  "observe",
					  "resume",
					  "adopt",
					  "cancel" };
static_assert(sizeof(verb_names) / sizeof(verb_names[0]) == RULES_VERBS,
	      "one name for each verb");

#define PAUSE_MAX_MS INT64_C(604800000)

const char *
rules_verb_name(enum rules_verb v)
{
	return verb_names[v];
}

int
rules_verb_parse(const char *name)
{
	for (int i = 0; i < RULES_VERBS; i++)
		if (strcmp(verb_names[i], name) == 0)
			return i;
	return -1;
}

void
rules_refuse(struct rules_judged *out, const char *rule, const char *override,
	     const char *fmt, ...)
{
	va_list ap;

	out->verdict = RULES_REFUSED;
	out->rule = rule;
	out->override = override;
	va_start(ap, fmt);
	vsnprintf(out->message, sizeof(out->message), fmt, ap);
	va_end(ap);
}

void
rules_nothing(struct rules_judged *out, const char *message)
{
	out->verdict = RULES_NOTHING_TO_DO;
	snprintf(out->message, sizeof(out->message), "%s", message);
}

void
rules_go(struct rules_judged *out, enum failover_order order,
	 const char *message)
{
	out->verdict = RULES_GO;
	out->word.order = order;
	snprintf(out->message, sizeof(out->message), "%s", message);
}

/* In these states traffic is on the move already, or cannot move. */
bool
rules_busy(const struct failover *f, struct rules_judged *out)
{
	const char *name = states_fsm.states[f->state];

	switch (f->state) {
	case STATE_LOST:
		rules_refuse(
		    out, "no-authority", NULL,
		    "there is no authority record to trust; say who serves "
		    "with: gsbctl authority adopt --to primary|backup");
		return true;
	case STATE_START:
	case STATE_FENCING:
	case STATE_HOLD:
	case STATE_DRAIN:
	case STATE_SYNC:
	case STATE_SWITCH:
	case STATE_RELEASE:
		rules_refuse(out, "busy", NULL,
			     "a change is under way (%s); wait for it to end",
			     name);
		return true;
	case STATE_NORMAL:
	case STATE_SUSPECT:
	case STATE_ON_BACKUP:
	case STATE_CATCHING_UP:
	case STATE_READY_TO_RETURN:
	case STATE_MAINTENANCE:
	case STATE_CLOSED:
		break;
	}
	return false;
}

bool
rules_in_doubt(const struct failover *f, struct rules_judged *out)
{
	if (f->state != STATE_SUSPECT && f->state != STATE_CLOSED)
		return false;
	rules_refuse(
	    out, "active-in-doubt", NULL,
	    "the %s does not answer well, so nothing can be drained from "
	    "it; use: gsbctl failover --to %s",
	    route_site_name(f->rec.active),
	    route_site_name(failover_other(f->rec.active)));
	return true;
}

bool
rules_target_bad(const struct rules_order *o, enum route_site to,
		 const struct view *v, struct rules_judged *out)
{
	enum judge_verdict verdict = v->site[to].verdict;

	if (!judge_serves(verdict)) {
		rules_refuse(out, "target-dead", NULL,
			     "the %s is %s: it cannot serve",
			     route_site_name(to), judge_name(verdict));
		return true;
	}
	if (verdict != JUDGE_PARTIAL || o->allow_partial)
		return false;
	rules_refuse(out, "target-partial", "--allow-partial",
		     "the %s is partial: some of it does not work",
		     route_site_name(to));
	return true;
}

bool
rules_lags(const struct rules_order *o, const struct failover *f,
	   const struct view *v, struct rules_judged *out)
{
	enum route_site other = failover_other(f->rec.active);
	const struct report_replication *r = &v->site[f->rec.active]
						  .replication;

	if (o->allow_behind ||
	    view_caught_up(&v->site[f->rec.active], &v->site[other]))
		return false;
	rules_refuse(
	    out, "behind", "--allow-behind",
	    "the %s is not caught up: stream %s, %lld bytes behind, commits "
	    "%s; requests might be held in vain",
	    route_site_name(other), report_stream_name(r->out),
	    (long long)r->out_lag_bytes, report_sync_name(r->sync));
	return true;
}

/* Sites and lag have rules of their own, with flags of their own. */
static bool
gated(const struct rules_order *o, const struct view *v,
      struct rules_judged *out)
{
	enum gates_name n = gates_first(&v->gates, GATES_VERIFIED);
	const struct gates_gate *g;

	if (n == GATES_N || o->force)
		return false;
	g = &v->gates.gate[n];
	rules_refuse(
	    out, gates_name(n), "--force",
	    "the pair is not ready to be switched: %s is %s, the limit is "
	    "%s; gsbctl readiness shows every gate",
	    gates_name(n), g->value, g->limit);
	return true;
}

static void
judge_failback(const struct rules_order *o, const struct failover *f,
	       const struct view *v, struct rules_judged *out)
{
	enum judge_verdict verdict = v->site[ROUTE_PRIMARY].verdict;

	if (rules_busy(f, out))
		return;
	if (f->rec.active == ROUTE_PRIMARY) {
		rules_nothing(out, "the primary is active already");
		return;
	}
	if (f->rec.maintained_us != 0 && o->verb != RULES_FINISH && !o->force) {
		rules_refuse(
		    out, "maintenance", "--force",
		    "the primary is under maintenance; when that is done: "
		    "gsbctl maintenance finish");
		return;
	}
	if (rules_in_doubt(f, out))
		return;
	if (verdict != JUDGE_WHOLE) {
		rules_refuse(out, "target-dead", NULL,
			     "the primary is %s; a return needs it whole "
			     "(gsbctl failover --to primary goes without)",
			     judge_name(verdict));
		return;
	}
	if (gated(o, v, out))
		return;
	rules_go(out, FAILOVER_RETURN,
		 "back to the primary as soon as it is caught up");
}

static void
judge_switchover(const struct rules_order *o, const struct failover *f,
		 const struct view *v, struct rules_judged *out)
{
	if (o->verb == RULES_SWITCHOVER && o->to == ROUTE_PRIMARY) {
		judge_failback(o, f, v, out);
		return;
	}
	if (rules_busy(f, out))
		return;
	if (f->state == STATE_MAINTENANCE) {
		rules_nothing(out, "the backup is active and held already");
		return;
	}
	if (rules_in_doubt(f, out))
		return;
	if (f->rec.active == ROUTE_BACKUP) {
		rules_go(out, FAILOVER_STAY, "the backup stays active");
		return;
	}
	if (rules_target_bad(o, ROUTE_BACKUP, v, out) ||
	    rules_lags(o, f, v, out) || gated(o, v, out))
		return;
	rules_go(out, FAILOVER_SWITCH, "everybody moves to the backup");
}

static void
judge_maintain(const struct rules_order *o, const struct failover *f,
	       const struct view *v, struct rules_judged *out)
{
	if (o->expires_ms < 0) {
		rules_refuse(out, "until", NULL,
			     "--until must be in the future");
		return;
	}
	if (f->state == STATE_MAINTENANCE && f->rec.maintained_us == 0)
		rules_go(out, FAILOVER_STAY,
			 "the backup serves: it becomes "
			 "maintenance of the primary");
	else
		judge_switchover(o, f, v, out);
	out->word.maintenance = true;
	out->word.until_us = o->expires_ms > 0
				 ? v->wall_us + o->expires_ms * 1000
				 : 0;
}

static void
judge_finish(const struct rules_order *o, const struct failover *f,
	     const struct view *v, struct rules_judged *out)
{
	if (f->rec.maintained_us == 0 && f->rec.active == ROUTE_BACKUP) {
		rules_refuse(
		    out, "no-maintenance", NULL,
		    "no maintenance was begun; the way back is: gsbctl "
		    "failback");
		return;
	}
	judge_failback(o, f, v, out);
}

static void
judge_failover(const struct rules_order *o, const struct failover *f,
	       const struct view *v, struct rules_judged *out)
{
	struct reasons_note risk = { 0 };

	if (rules_busy(f, out))
		return;
	if (o->to == f->rec.active) {
		rules_nothing(out, "that site is active already");
		return;
	}
	if (rules_target_bad(o, o->to, v, out))
		return;
	if (!f->served || !reasons_may_lose(f, v)) {
		rules_go(out, FAILOVER_FORCE, "fails over without a drain");
		return;
	}
	reasons_risk(f, v, &risk);
	if (o->allow_data_loss) {
		rules_go(out, FAILOVER_FORCE, "");
		snprintf(out->message, sizeof(out->message),
			 "fails over without a drain; not seen until the %s is "
			 "back: %s",
			 route_site_name(f->rec.active), risk.text);
		return;
	}
	rules_refuse(out, "data-loss", "--allow-data-loss",
		     "the %s may lack writes that the %s acknowledged (%s); "
		     "they are merged when the %s is back",
		     route_site_name(o->to), route_site_name(f->rec.active),
		     risk.text, route_site_name(f->rec.active));
}

static void
judge_pause(const struct rules_order *o, const struct failover *f,
	    const struct view *v, struct rules_judged *out)
{
	if (o->expires_ms <= 0 || o->expires_ms > PAUSE_MAX_MS) {
		rules_refuse(out, "pause-expires", NULL,
			     "a pause needs an end: --expires-in 1s to 7d");
		return;
	}
	if (f->rec.epoch == 0) {
		rules_refuse(out, "no-authority", NULL,
			     "there is no record yet");
		return;
	}
	rules_go(out, FAILOVER_PAUSE, "nothing moves by itself until then");
	out->word.until_us = v->wall_us + o->expires_ms * 1000;
}

static void
judge_observe(const struct failover *f, struct rules_judged *out)
{
	if (f->rec.epoch == 0)
		rules_refuse(out, "no-authority", NULL,
			     "there is no record yet");
	else if (f->rec.observe)
		rules_nothing(out, "automation only observes already");
	else
		rules_go(
		    out, FAILOVER_OBSERVE,
		    "decisions are said and not done, until: gsbctl resume");
}

static void
judge_adopt(const struct rules_order *o, const struct failover *f,
	    const struct view *v, struct rules_judged *out)
{
	if (f->state != STATE_LOST &&
	    (f->state != STATE_START || f->rec.epoch > 0)) {
		rules_refuse(
		    out, "authority-known", NULL,
		    "there is a good record (epoch %llu, %s active); use "
		    "switchover or failover",
		    (unsigned long long)f->rec.epoch,
		    route_site_name(f->rec.active));
		return;
	}
	if (!judge_serves(v->site[o->to].verdict)) {
		rules_refuse(
		    out, "target-dead", NULL, "the %s is %s: it cannot serve",
		    route_site_name(o->to), judge_name(v->site[o->to].verdict));
		return;
	}
	rules_go(out, FAILOVER_ADOPT, "begins anew with that site");
}

static void
judge_cancel(const struct failover *f, struct rules_judged *out)
{
	if (!f->asked_return && f->state != STATE_HOLD &&
	    f->state != STATE_DRAIN && f->state != STATE_SYNC) {
		rules_refuse(out, "not-cancellable", NULL,
			     "in %s there is nothing that could be called off",
			     states_fsm.states[f->state]);
		return;
	}
	rules_go(out, FAILOVER_CANCEL, "called off");
}

void
rules_judge(const struct rules_order *o, const struct failover *f,
	    const struct view *v, struct rules_judged *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->word.who, sizeof(out->word.who), "%s", o->who);
	snprintf(out->word.why, sizeof(out->word.why), "%s", o->why);
	out->word.to = o->to;
	out->word.force = o->force;
	switch (o->verb) {
	case RULES_SWITCHOVER:
		return judge_switchover(o, f, v, out);
	case RULES_FAILOVER:
		return judge_failover(o, f, v, out);
	case RULES_FAILBACK:
		out->word.to = ROUTE_PRIMARY;
		return judge_failback(o, f, v, out);
	case RULES_MAINTAIN:
		out->word.to = ROUTE_BACKUP;
		return judge_maintain(o, f, v, out);
	case RULES_FINISH:
		out->word.to = ROUTE_PRIMARY;
		return judge_finish(o, f, v, out);
	case RULES_REDIRECT_ADD:
	case RULES_REDIRECT_DEL:
		return rules_redirect(o, f, v, out);
	case RULES_PAUSE:
		return judge_pause(o, f, v, out);
	case RULES_OBSERVE:
		return judge_observe(f, out);
	case RULES_RESUME:
		if (f->rec.paused_until_us == 0 && !f->rec.observe)
			return rules_nothing(out, "automation is not paused");
		return rules_go(out, FAILOVER_RESUME, "automation goes on");
	case RULES_ADOPT:
		return judge_adopt(o, f, v, out);
	case RULES_CANCEL:
		return judge_cancel(f, out);
	case RULES_VERBS:
		break;
	}
	assert(!"a verb");
}

static bool
at_goal(const struct rules_order *o, enum states_state s)
{
	if (o->verb == RULES_MAINTAIN)
		return s == STATE_MAINTENANCE;
	if (o->verb == RULES_FAILBACK || o->verb == RULES_FINISH ||
	    o->to == ROUTE_PRIMARY)
		return s == STATE_NORMAL;
	return s == STATE_MAINTENANCE;
}

enum rules_progress
rules_progress(const struct rules_order *o,
	       const struct failover_change *change)
{
	int event = change->row->event;

	if (o->verb == RULES_PAUSE || o->verb == RULES_RESUME ||
	    o->verb == RULES_OBSERVE || o->verb == RULES_CANCEL)
		return RULES_DONE;
	if ((o->verb == RULES_REDIRECT_ADD || o->verb == RULES_REDIRECT_DEL) &&
	    event == EVENT_SWITCHED)
		return RULES_DONE;
	if (event == EVENT_ABORT_PRIMARY || event == EVENT_ABORT_BACKUP ||
	    event == EVENT_ABORT_HELD || event == EVENT_FAIL ||
	    change->to == STATE_CLOSED || change->to == STATE_LOST)
		return RULES_FAILED;
	if (o->verb == RULES_REDIRECT_ADD || o->verb == RULES_REDIRECT_DEL)
		return RULES_RUNNING;
	return at_goal(o, change->to) ? RULES_DONE : RULES_RUNNING;
}
