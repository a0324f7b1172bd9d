/*
 * A pair in a box: two sites of two services with their leases, a clock that
 * the test turns, and the whole of the proxy's decisions over it, without
 * I/O. Asserts at each turn that at most one site can answer.
 */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/decide.h"
#include "proxy/plan.h"
#include "proxy/rules.h"
#include "proxy/watch.h"

#define WORLD_TICK_MS 10
#define WORLD_TTL_MS 2000
#define WORLD_TIMEOUT_MS 700

extern const struct judge_counts world_counts;

enum world_process { RUNS, STOPPED, GONE };

struct world_service {
	enum world_process process;
	bool stubborn; /* takes no grant */
	bool works;    /* db for web, collab itself for collab */
	int boot;
	uint64_t epoch;
	bool serves;
	bool peer_dead;
	int64_t until_us;
	int64_t rooms;
	struct health_seen seen;
	struct lease_terms terms;
	int64_t due_ms;
	int64_t miss_ms; /* a probe without an answer ends then; 0: none */
};

struct world {
	int64_t now_ms;
	struct failover f;
	struct plan plan;
	struct view view;
	struct world_service service[ROUTE_SITES][ROUTE_SERVICES];
	struct authority_record disk;
	bool disk_fails;
	bool settled;
	char company[16];   /* of redirects ordered */
	bool force;         /* orders carry --force */
	struct gates gates; /* as the view shows them */
	bool barriers_fail;
	int64_t barrier_ms; /* when those of the plan's number are seen */
	uint64_t barriers;
	enum report_sync sync[ROUTE_SITES];
	int64_t pending[ROUTE_SITES]; /* received and not applied */
	bool promised[ROUTE_SITES];   /* some of it is acknowledged */
	int64_t peer_ok_ms[ROUTE_SITES];
	uint64_t writing[ROUTE_SITES]; /* requests in flight that write */
	uint64_t sockets[ROUTE_SITES];
	int64_t whole_since_ms[ROUTE_SITES];
	unsigned changes, switched; /* rows taken; times the active changed */
	unsigned said;              /* "would-..." */
	char last_note[FAILOVER_NOTE];
};

/* A pair that never ran, and a proxy without a record. */
void world_init(struct world *w);

/* A proxy (again): what it knows is w->disk (loaded as authority_load). */
void world_boot(struct world *w, int loaded, uint64_t former);

void world_run(struct world *w, int64_t ms);

/* Milliseconds until that state; fails if it takes longer than max. */
int64_t world_until(struct world *w, enum states_state state, int64_t max);

/* A new pair, NORMAL for two seconds. */
void world_up(struct world *w);

/* Fails unless s is active, granted, and is what requests are sent to. */
void world_serves(struct world *w, enum route_site s);

/* Decides without a turn of the clock. */
void world_look(struct world *w);

void world_kill(struct world *w, int s, int k);
/* A new process: nothing is remembered. */
void world_restart(struct world *w, int s, int k);

enum rules_verdict world_order(struct world *w, enum rules_verb verb,
			       enum route_site to);

#endif
