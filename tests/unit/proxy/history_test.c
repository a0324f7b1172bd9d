#include "proxy/fake/world.h"

#define P ROUTE_PRIMARY
#define B ROUTE_BACKUP
#define WEB ROUTE_WEB

static struct world w;

static void
random_event(struct world *r, unsigned dice)
{
	int s = (int)(dice >> 8) & 1, k = (int)(dice >> 9) & 1;
	struct world_service *v = &r->service[s][k];

	switch (dice % 10) {
	case 0:
		world_kill(r, s, k);
		break;
	case 1:
		v->process = v->process == RUNS ? STOPPED : v->process;
		break;
	case 2:
	case 3:
	case 4:
		if (v->process == STOPPED)
			v->process = RUNS;
		else if (v->process == GONE)
			world_restart(r, s, k);
		break;
	case 5:
		v->works = !v->works;
		break;
	case 6:
		r->writing[s] = v->process == RUNS ? dice >> 10 & 1 : 0;
		break;
	case 7:
		if (r->disk.epoch > 0)
			world_boot(r, 1, r->disk.epoch);
		break;
	case 8:
		world_order(r, (enum rules_verb)((dice >> 10) % RULES_VERBS),
			    (enum route_site)s);
		break;
	default:
		v->rooms = (dice >> 10) & 1;
	}
}

static void
mend_all(struct world *r)
{
	for (int i = 0; i < ROUTE_SITES * ROUTE_SERVICES; i++) {
		struct world_service *v = &r->service[i / 2][i % 2];

		r->writing[i / 2] = 0;
		if (v->process == STOPPED)
			v->process = RUNS;
		if (v->process == GONE)
			world_restart(r, i / 2, i % 2);
		v->works = true;
	}
}

/* Whatever happens: one server at most, and in the end one that serves. */
static void
test_random_histories(void **state)
{
	for (unsigned seed = 1; seed <= 300; seed++) {
		srand(seed);
		world_init(&w);
		for (int i = 0; i < 60; i++) {
			random_event(&w, (unsigned)rand());
			world_run(&w, rand() % 1500);
		}
		mend_all(&w);
		world_run(&w, 20000);
		if (w.plan.mode != ROUTE_SERVE)
			fail_msg("seed %u ends in %s", seed,
				 states_fsm.states[w.f.state]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
