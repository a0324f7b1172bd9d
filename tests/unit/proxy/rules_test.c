#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "proxy/orders.h"
#include "proxy/rules.h"

static struct failover f;
static struct view v;

static int
normal(void **state)
{
	memset(&f, 0, sizeof(f));
	memset(&v, 0, sizeof(v));
	f.state = STATE_NORMAL;
	f.rec.epoch = 4;
	f.served = true;
	v.wall_us = INT64_C(1700000000000000);
	for (int s = 0; s < ROUTE_SITES; s++) {
		struct report_replication r = {
			.known = true,
			.sync = REPORT_SYNC_ON,
			.out = REPORT_STREAM_STREAMING
		};

		v.site[s].verdict = JUDGE_WHOLE;
		v.site[s].replication = r;
		v.site[s].known = r;
	}
	return 0;
}

static struct rules_judged
judge(struct rules_order o)
{
	struct rules_judged j;

	rules_judge(&o, &f, &v, &j);
	return j;
}

static void
refused(struct rules_order o, const char *rule, const char *override)
{
	struct rules_judged j = judge(o);

	assert_int_equal(j.verdict, RULES_REFUSED);
	assert_string_equal(j.rule, rule);
	if (override == NULL)
		assert_null(j.override);
	else
		assert_string_equal(j.override, override);
	assert_true(strlen(j.message) > 0);
}

static void
goes(struct rules_order o, enum failover_order order)
{
	struct rules_judged j = judge(o);

	if (j.verdict != RULES_GO)
		fail_msg("%s", j.message);
	assert_int_equal(j.word.order, order);
}

static const struct rules_order to_backup = { .verb = RULES_SWITCHOVER,
					      .to = ROUTE_BACKUP };
static const struct rules_order force_backup = { .verb = RULES_FAILOVER,
						 .to = ROUTE_BACKUP };

static void
test_switchover(void **state)
{
	struct rules_order o = to_backup;

	goes(o, FAILOVER_SWITCH);
	v.site[ROUTE_BACKUP].verdict = JUDGE_PARTIAL;
	refused(o, "target-partial", "--allow-partial");
	o.allow_partial = true;
	goes(o, FAILOVER_SWITCH);
	v.site[ROUTE_BACKUP].verdict = JUDGE_DEAD;
	refused(o, "target-dead", NULL);
	v.site[ROUTE_BACKUP].verdict = JUDGE_WHOLE;
	v.site[ROUTE_PRIMARY].replication.sync = REPORT_SYNC_DEGRADED;
	refused(o, "behind", "--allow-behind");
	o.allow_behind = true;
	goes(o, FAILOVER_SWITCH);
	f.state = STATE_SUSPECT;
	refused(o, "active-in-doubt", NULL);
	f.state = STATE_DRAIN;
	refused(o, "busy", NULL);
	f.state = STATE_LOST;
	refused(o, "no-authority", NULL);
}

static void
test_maintenance(void **state)
{
	struct rules_order start = { .verb = RULES_MAINTAIN,
				     .expires_ms = 1000 };
	struct rules_order finish = { .verb = RULES_FINISH };
	struct rules_order back = { .verb = RULES_FAILBACK };
	struct rules_judged j = judge(start);

	goes(start, FAILOVER_SWITCH);
	assert_true(j.word.maintenance);
	assert_int_equal(j.word.to, ROUTE_BACKUP);
	assert_int_equal(j.word.until_us, v.wall_us + 1000000);
	assert_int_equal(judge(finish).verdict, RULES_NOTHING_TO_DO);
	f.rec.active = ROUTE_BACKUP;
	f.rec.held = true;
	f.state = STATE_MAINTENANCE;
	refused(finish, "no-maintenance", NULL);
	goes(start, FAILOVER_STAY);
	f.rec.maintained_us = 1;
	assert_int_equal(judge(start).verdict, RULES_NOTHING_TO_DO);
	refused(back, "maintenance", "--force");
	goes(finish, FAILOVER_RETURN);
	v.gates.gate[GATES_VERSIONS].verdict = GATES_BAD;
	refused(finish, "versions", "--force");
	v.site[ROUTE_PRIMARY].verdict = JUDGE_PARTIAL;
	refused(finish, "target-dead", NULL);
}

static void
test_gates(void **state)
{
	struct rules_order o = to_backup;
	struct gates_gate *g = &v.gates.gate[GATES_VERIFIED];

	g->verdict = GATES_BAD;
	snprintf(g->value, sizeof(g->value), "30 h ago");
	refused(o, "verified", "--force");
	assert_non_null(strstr(judge(o).message, "30 h ago"));
	goes(force_backup, FAILOVER_FORCE);
	o.force = true;
	goes(o, FAILOVER_SWITCH);
	assert_true(judge(o).word.force);
	o.force = false;
	g->verdict = GATES_UNKNOWN;
	goes(o, FAILOVER_SWITCH);
	v.gates.unknown_bars = true;
	refused(o, "verified", "--force");
}

static void
test_failover(void **state)
{
	struct rules_order o = force_backup;

	goes(o, FAILOVER_FORCE);
	f.rec.degraded = true;
	refused(o, "data-loss", "--allow-data-loss");
	f.served = false;
	goes(o, FAILOVER_FORCE);
	f.served = true;
	o.allow_data_loss = true;
	goes(o, FAILOVER_FORCE);
	o.to = ROUTE_PRIMARY;
	assert_int_equal(judge(o).verdict, RULES_NOTHING_TO_DO);
}

/* Before it is done as well as when it is refused. */
static void
test_what_a_failover_leaves_behind_is_named(void **state)
{
	struct rules_order o = force_backup;
	struct view_site *p = &v.site[ROUTE_PRIMARY];

	f.rec.degraded = true;
	f.rec.degraded_us = v.wall_us - 184000000;
	f.counted = true;
	f.risk_writes = 100;
	p->writes = 5313;
	p->known.out = REPORT_STREAM_DOWN;
	p->known.out_lag_bytes = 73211;
	p->known.out_lag_ms = 12000;
	p->known.at_risk = 4711;
	p->known.at_risk_since_us = v.wall_us - 184000000;
	for (int i = 0; i < 2; i++) {
		struct rules_judged j = judge(o);
		const char *says = j.message;

		assert_non_null(strstr(says, "5213 requests that may have "
					     "written, since 2023-11-14T22:"));
		assert_non_null(strstr(says, "for 184 s"));
		assert_non_null(strstr(says, "down, 73211 bytes and 12000 ms"));
		assert_non_null(strstr(says, "at most 4711 commits at risk "
					     "since 2023-11-14T22:"));
		o.allow_data_loss = true;
	}
	goes(o, FAILOVER_FORCE);
	f.counted = false; /* another proxy counted */
	assert_null(strstr(judge(o).message, "requests"));
	p->known.known = false;
	assert_non_null(strstr(judge(o).message, "never answered"));
}

static void
test_failover_with_sync_off_looks_at_the_lag(void **state)
{
	struct report_replication *r = &v.site[ROUTE_PRIMARY].known;

	r->sync = REPORT_SYNC_OFF;
	r->out_lag_bytes = 300; /* the log's own noise */
	goes(force_backup, FAILOVER_FORCE);
	r->out_lag_ms = 5;
	refused(force_backup, "data-loss", "--allow-data-loss");
	r->out_lag_ms = 0;
	r->out = REPORT_STREAM_DOWN;
	refused(force_backup, "data-loss", "--allow-data-loss");
}

static void
test_failback(void **state)
{
	struct rules_order o = { .verb = RULES_FAILBACK };

	assert_int_equal(judge(o).verdict, RULES_NOTHING_TO_DO);
	f.rec.active = ROUTE_BACKUP;
	f.state = STATE_ON_BACKUP;
	goes(o, FAILOVER_RETURN);
	f.state = STATE_MAINTENANCE;
	goes(o, FAILOVER_RETURN);
	v.site[ROUTE_PRIMARY].verdict = JUDGE_PARTIAL;
	refused(o, "target-dead", NULL);
	f.state = STATE_CLOSED;
	refused(o, "active-in-doubt", NULL);
	/* The same road under its other name. */
	o.verb = RULES_SWITCHOVER;
	refused(o, "active-in-doubt", NULL);
}

static void
test_staying_on_the_backup(void **state)
{
	f.rec.active = ROUTE_BACKUP;
	f.state = STATE_CATCHING_UP;
	goes(to_backup, FAILOVER_STAY);
	f.state = STATE_MAINTENANCE;
	assert_int_equal(judge(to_backup).verdict, RULES_NOTHING_TO_DO);
}

static void
test_pause(void **state)
{
	struct rules_order o = { .verb = RULES_PAUSE };

	refused(o, "pause-expires", NULL);
	o.expires_ms = INT64_C(8) * 86400000;
	refused(o, "pause-expires", NULL);
	o.expires_ms = 1000;
	goes(o, FAILOVER_PAUSE);
	assert_int_equal(judge(o).word.until_us - v.wall_us, 1000000);
	o.verb = RULES_RESUME;
	assert_int_equal(judge(o).verdict, RULES_NOTHING_TO_DO);
	f.rec.paused_until_us = 1;
	goes(o, FAILOVER_RESUME);
}

static void
test_adopt(void **state)
{
	struct rules_order o = { .verb = RULES_ADOPT, .to = ROUTE_BACKUP };

	refused(o, "authority-known", NULL);
	f.state = STATE_LOST;
	goes(o, FAILOVER_ADOPT);
	v.site[ROUTE_BACKUP].verdict = JUDGE_UNKNOWN;
	refused(o, "target-dead", NULL);
}

static const struct {
	const char *body, *says;
} bad[] = {
	{ "[]", "object" },
	{ "{}", "verb" },
	{ "{\"verb\":\"fly\",\"reason\":\"x\"}", "switchover" },
	{ "{\"verb\":\"failback\"}", "reason" },
	{ "{\"verb\":\"failback\",\"reason\":\" \"}", "empty" },
	{ "{\"verb\":\"failover\",\"reason\":\"x\"}", "primary or backup" },
	{ "{\"verb\":\"failover\",\"reason\":\"x\",\"to\":\"moon\"}", "moon" },
	{ "{\"verb\":\"failback\",\"reason\":\"x\",\"dry_run\":1}", "dry_run" },
	{ "{\"verb\":\"pause\",\"reason\":\"x\",\"expires_in_ms\":\"1\"}",
	  "expires_in_ms" },
};

static void
test_bad_bodies_are_explained(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		JSON_AUTO doc = json_read(span_of(bad[i].body), NULL);
		struct rules_order o;
		struct err e = { 0 };
		bool dry;

		assert_int_equal(orders_parse(doc, &o, &dry, &e), -1);
		if (strstr(err_text(&e), bad[i].says) == NULL)
			fail_msg("%s: %s", bad[i].body, err_text(&e));
	}
}

static struct failover_change
change(enum states_state from, enum states_event event)
{
	struct failover_change c = { .from = from };

	c.row = fsm_find(&states_fsm, from, event);
	c.to = (enum states_state)fsm_to(c.row, from);
	return c;
}

static void
ends(struct orders *os, struct failover_change c, uint64_t id, const char *how)
{
	const char *state;

	assert_int_equal(orders_change(os, &c), id);
	JSON_AUTO doc = orders_json(os, id);
	assert_int_equal(json_need_str(doc, "state", &state, NULL), 0);
	assert_string_equal(state, how);
	assert_true(orders_ended(os, id));
}

static void
test_an_orders_life(void **state)
{
	struct orders *os = orders_new();
	uint64_t id = orders_take(os, &to_backup, "begins");
	struct failover_change c = change(STATE_NORMAL, EVENT_ORDER_SWITCH);

	assert_int_equal(orders_change(os, &c), 0);
	assert_false(orders_ended(os, id));
	ends(os, change(STATE_RELEASE, EVENT_SERVES_HELD), id, "done");
	id = orders_take(os, &to_backup, "begins");
	ends(os, change(STATE_DRAIN, EVENT_ABORT_PRIMARY), id, "failed");
	assert_null(orders_json(os, id + 1));
	orders_free(&os);
}

static void
test_a_newer_order_takes_the_place_of_one_that_waits(void **state)
{
	struct orders *os = orders_new();
	struct rules_order back = { .verb = RULES_FAILBACK };
	uint64_t first = orders_take(os, &back, "waits");
	uint64_t second = orders_take(os, &to_backup, "stays");

	assert_true(orders_ended(os, first));
	assert_false(orders_ended(os, second));
	assert_int_equal(orders_last(os), second);
	orders_free(&os);
}

#define TEST(t) cmocka_unit_test_setup(t, normal)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_switchover),
		TEST(test_maintenance),
		TEST(test_gates),
		TEST(test_failover),
		TEST(test_what_a_failover_leaves_behind_is_named),
		TEST(test_failover_with_sync_off_looks_at_the_lag),
		TEST(test_failback),
		TEST(test_staying_on_the_backup),
		TEST(test_pause),
		TEST(test_adopt),
		TEST(test_bad_bodies_are_explained),
		TEST(test_an_orders_life),
		TEST(test_a_newer_order_takes_the_place_of_one_that_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
