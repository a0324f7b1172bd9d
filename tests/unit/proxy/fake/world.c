#include "proxy/fake/world.h"

const struct judge_counts world_counts = { .rise = 2, .fall = 2 };

static const struct failover_conf world_conf = {
	.automatic = true,
	.back = FAILOVER_AUTO,
	.stable_ms = 5000,
	.max_hold_ms = 5000,
	.max_drain_ms = 3000,
	.fail_hold_ms = 10000,
};

static bool
world_db(const struct world *w, int s)
{
	const struct world_service *web = &w->service[s][ROUTE_WEB];

	return web->works;
}

static void
world_sync(struct world *w, int s)
{
	bool dead = w->service[s][ROUTE_WEB].peer_dead;

	if (w->sync[s] == REPORT_SYNC_OFF)
		return;
	if (world_db(w, 1 - s) && world_db(w, s) && !dead) {
		if (w->peer_ok_ms[s] == 0)
			w->peer_ok_ms[s] = w->now_ms;
		if (w->now_ms - w->peer_ok_ms[s] >= 1000)
			w->sync[s] = REPORT_SYNC_ON;
		return;
	}
	w->peer_ok_ms[s] = 0;
	w->sync[s] = REPORT_SYNC_DEGRADED;
}

static struct report
world_report(const struct world *w, int s, int k)
{
	const struct world_service *v = &w->service[s][k];
	struct report r = { .site = (enum route_site)s,
			    .service = (enum route_service)k,
			    .clock_us = w->now_ms * 1000,
			    .epoch = v->epoch,
			    .serving = v->serves &&
				       v->until_us > w->now_ms * 1000,
			    .sessions = v->rooms };

	snprintf(r.boot, sizeof(r.boot), "b%d", v->boot);
	if (k == ROUTE_COLLAB) {
		r.collab = v->works ? JUDGE_LEVEL_OK : JUDGE_LEVEL_DOWN;
		return r;
	}
	r.web = JUDGE_LEVEL_OK;
	r.db = v->works ? JUDGE_LEVEL_OK : JUDGE_LEVEL_DOWN;
	r.replication.known = v->works;
	r.replication.sync = w->sync[s];
	r.replication.in_pending = w->pending[s];
	r.replication.in_acknowledged = w->promised[s];
	r.replication.in = REPORT_STREAM_STREAMING;
	r.replication.out = world_db(w, 1 - s) ? REPORT_STREAM_STREAMING
					       : REPORT_STREAM_DOWN;
	return r;
}

static void
world_take_grant(struct world *w, int s, int k, int64_t until_us)
{
	struct world_service *v = &w->service[s][k];
	char boot[16];

	snprintf(boot, sizeof(boot), "b%d", v->boot);
	if (v->stubborn || until_us <= v->until_us ||
	    v->terms.epoch < v->epoch || strcmp(v->seen.lease.boot, boot) != 0)
		return;
	assert_true(until_us <= (w->now_ms + 10000) * 1000);
	v->epoch = v->terms.epoch;
	v->serves = v->terms.serve;
	v->peer_dead = v->terms.peer_dead;
	v->until_us = until_us;
}

static void
world_probe(struct world *w, int s, int k)
{
	struct world_service *v = &w->service[s][k];
	struct err refused = { .code = ERR_REFUSED };
	int64_t until = 0;

	if (v->terms.epoch != 0)
		until = lease_until(&v->seen.lease, &v->terms, WORLD_TTL_MS);
	v->seen.granted = until != 0 && v->terms.serve;
	v->due_ms = w->now_ms + (w->plan.fast ? 100 : 500);
	if (v->process == STOPPED) {
		v->miss_ms = w->now_ms + WORLD_TIMEOUT_MS;
		v->due_ms = v->miss_ms + 100;
		return;
	}
	if (v->process == GONE) {
		health_miss(&v->seen, world_counts, &refused);
		return;
	}
	if (until != 0)
		world_take_grant(w, s, k, until);
	struct report r = world_report(w, s, k);
	bool blind = v->seen.lease.boot[0] == '\0';
	health_take(&v->seen, (enum route_service)k, world_counts, &r,
		    w->now_ms);
	if (blind && v->terms.epoch != 0)
		v->due_ms = w->now_ms;
}

static void
world_see(struct world *w)
{
	memset(&w->view, 0, sizeof(w->view));
	w->view.now_ms = w->now_ms;
	w->view.wall_us = w->now_ms * 1000;
	w->view.settled = w->settled;
	w->view.gates = w->gates;
	for (int s = 0; s < ROUTE_SITES; s++) {
		struct watch_inputs in = {
			.web = &w->service[s][ROUTE_WEB].seen,
			.collab = &w->service[s][ROUTE_COLLAB].seen,
			.counts = world_counts,
			.epoch = w->f.rec.epoch,
			.in_flight = w->writing[s],
			.may_write = w->writing[s],
			.websockets = w->sockets[s],
			.now_ms = w->now_ms,
			.quiet = w->settled,
		};

		watch_site(&in, &w->view.site[s]);
		if (w->view.site[s].verdict != JUDGE_WHOLE)
			w->whole_since_ms[s] = 0;
		else if (w->whole_since_ms[s] == 0)
			w->whole_since_ms[s] = w->now_ms;
		w->view.site[s].whole_since_ms = w->whole_since_ms[s];
	}
	w->view.barriers = w->barriers;
	w->view.barrier_there = w->view.barrier_back = !w->barriers_fail &&
						       w->barrier_ms != 0 &&
						       w->now_ms >=
							   w->barrier_ms;
}

static void
world_apply(struct world *w)
{
	struct plan was = w->plan;

	plan_make(&w->f, &w->view, &w->plan);
	for (int s = 0; s < ROUTE_SITES; s++)
		for (int k = 0; k < ROUTE_SERVICES; k++) {
			struct world_service *v = &w->service[s][k];

			if (w->plan.fast && !was.fast)
				v->due_ms = w->now_ms;
			if (lease_terms_eq(&v->terms, &w->plan.terms[s][k]))
				continue;
			v->terms = w->plan.terms[s][k];
			v->due_ms = w->now_ms;
			v->miss_ms = 0;
		}
	if (was.mode != w->plan.mode || was.epoch != w->plan.epoch ||
	    was.active != w->plan.active)
		w->settled = false;
	if (w->plan.barriers != w->barriers) {
		w->barriers = w->plan.barriers;
		w->barrier_ms = w->now_ms + 20;
	}
}

/* Two may serve different companies, as one epoch has it. */
static void
check_both(const struct world *w, const struct world_service *a,
	   const struct world_service *b)
{
	if (a == NULL)
		return;
	assert_int_equal(a->epoch, b->epoch);
	assert_true(a->epoch < w->disk.epoch || w->disk.redirects.n > 0);
}

/* Never two sites whose answers could reach a client. */
static void
world_check(const struct world *w)
{
	const struct world_service *first = NULL;

	for (int s = 0; s < ROUTE_SITES; s++) {
		const struct world_service *v = &w->service[s][ROUTE_WEB];

		if (v->process != GONE && v->serves &&
		    v->until_us > w->now_ms * 1000)
			check_both(w, first, v);
		if (v->process != GONE && v->serves &&
		    v->until_us > w->now_ms * 1000)
			first = v;
		assert_true(v->epoch <= w->disk.epoch);
	}
}

void
world_look(struct world *w)
{
	struct failover_change change;

	for (int i = 0; i < 100; i++) {
		struct failover before = w->f;

		world_see(w);
		if (failover_step(&w->f, &w->view, &change) == 0) {
			world_apply(w);
			return;
		}
		if (w->f.store && w->disk_fails) {
			w->f = before;
			world_apply(w);
			return;
		}
		if (w->f.store) {
			assert_true(w->f.rec.epoch >= w->disk.epoch);
			w->switched += w->f.rec.active != w->disk.active;
			w->disk = w->f.rec;
			w->f.store = false;
		}
		w->changes++;
		w->said += change.row->action == ACTION_SAY;
		if (change.from != change.to)
			memcpy(w->last_note, change.note, sizeof(change.note));
		world_apply(w);
	}
	fail_msg("decisions never end in %s", states_fsm.states[w->f.state]);
}

static void
world_tick(struct world *w)
{
	struct err late = { .code = ERR_TIMEOUT };

	w->now_ms += WORLD_TICK_MS;
	w->settled = true;
	if (w->plan.close_websockets && w->now_ms % 1000 == 0)
		w->sockets[1 - (int)w->plan.active] = 0;
	for (int s = 0; s < ROUTE_SITES; s++) {
		world_sync(w, s);
		for (int k = 0; k < ROUTE_SERVICES; k++) {
			struct world_service *v = &w->service[s][k];

			/* A process that goes on answers what it was asked. */
			if (v->miss_ms != 0 && v->process == RUNS)
				v->miss_ms = v->due_ms = 0;
			if (v->miss_ms != 0 && w->now_ms >= v->miss_ms) {
				v->miss_ms = 0;
				health_miss(&v->seen, world_counts, &late);
			}
			if (w->now_ms >= v->due_ms && v->miss_ms == 0)
				world_probe(w, s, k);
		}
	}
	world_look(w);
	world_check(w);
}

void
world_run(struct world *w, int64_t ms)
{
	for (int64_t end = w->now_ms + ms; w->now_ms < end;)
		world_tick(w);
}

int64_t
world_until(struct world *w, enum states_state state, int64_t max)
{
	int64_t from = w->now_ms;

	while (w->f.state != state) {
		if (w->now_ms - from >= max)
			fail_msg("%s, not %s, after %lld ms (%s)",
				 states_fsm.states[w->f.state],
				 states_fsm.states[state], (long long)max,
				 w->last_note);
		world_tick(w);
	}
	return w->now_ms - from;
}

void
world_boot(struct world *w, int loaded, uint64_t former)
{
	failover_init(&w->f, &world_conf, w->now_ms);
	failover_found(&w->f, loaded, &w->disk, former);
	memset(&w->plan, 0, sizeof(w->plan));
	w->barriers = 0;
	for (int s = 0; s < ROUTE_SITES; s++)
		for (int k = 0; k < ROUTE_SERVICES; k++) {
			struct world_service *v = &w->service[s][k];

			memset(&v->seen, 0, sizeof(v->seen));
			memset(&v->terms, 0, sizeof(v->terms));
			v->due_ms = v->miss_ms = 0;
			lease_init(&v->seen.lease, w->now_ms, WORLD_TTL_MS);
		}
}

void
world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->now_ms = 100000000;
	for (int s = 0; s < ROUTE_SITES; s++) {
		w->sync[s] = REPORT_SYNC_ON;
		for (int k = 0; k < ROUTE_SERVICES; k++)
			w->service[s][k].works = true;
	}
	world_boot(w, 0, 0);
}

void
world_kill(struct world *w, int s, int k)
{
	w->service[s][k].process = GONE;
	w->service[s][k].rooms = 0;
	w->writing[s] = k == ROUTE_WEB ? 0 : w->writing[s];
}

void
world_restart(struct world *w, int s, int k)
{
	struct world_service *v = &w->service[s][k];

	v->process = RUNS;
	v->boot++;
	v->epoch = 0;
	v->serves = false;
	v->peer_dead = false;
	v->until_us = 0;
}

enum rules_verdict
world_order(struct world *w, enum rules_verb verb, enum route_site to)
{
	struct rules_order o = { .verb = verb,
				 .to_given = true,
				 .to = to,
				 .expires_ms = 60000,
				 .force = w->force,
				 .who = "test",
				 .why = "because" };
	struct rules_judged judged;

	snprintf(o.company, sizeof(o.company), "%s", w->company);
	o.company_known = true;
	world_see(w);
	rules_judge(&o, &w->f, &w->view, &judged);
	if (judged.verdict == RULES_GO) {
		w->f.word = judged.word;
		world_look(w);
	}
	return judged.verdict;
}

void
world_up(struct world *w)
{
	world_init(w);
	world_until(w, STATE_NORMAL, 1000);
	world_run(w, 2000);
	assert_int_equal(w->f.state, STATE_NORMAL);
}

void
world_serves(struct world *w, enum route_site s)
{
	world_run(w, 20);
	assert_int_equal(w->plan.mode, ROUTE_SERVE);
	assert_int_equal(w->plan.active, s);
	assert_true(w->plan.granted[s][ROUTE_WEB]);
}
