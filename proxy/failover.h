/*
 * The decisions of the fail-over, pure: what was seen and the time go in,
 * one row of the table (states.h) at a time comes out. It holds no pointer
 * and does no I/O: whoever runs it keeps a copy before each step, and puts
 * it back when the record could not be written.
 *
 *   failover_step --row--> failover.store? --authority_store--> plan_make
 */
#ifndef PROXY_FAILOVER_H
#define PROXY_FAILOVER_H

#include "proxy/authority.h"
#include "proxy/failover_word.h"
#include "proxy/states.h"
#include "proxy/view.h"

enum failover_back { FAILOVER_AUTO, FAILOVER_WINDOW, FAILOVER_MANUAL };

struct failover_conf {
	bool automatic;
	enum failover_back back;
	int window_from_min, window_to_min; /* of the day, UTC */
	int64_t stable_ms, max_hold_ms, max_drain_ms, fail_hold_ms;
};

struct failover {
	struct failover_conf conf;
	enum states_state state;
	int64_t since_ms;
	struct authority_record rec; /* epoch 0: none yet */
	bool lost;            /* damaged, or missing after a former run */
	uint64_t known_epoch; /* the highest of any source */
	bool store;           /* rec has changed: write it before all else */
	struct failover_word word;
	struct failover_word by; /* who began the bracket, and why */
	bool asked_return;       /* an operator wants it back: no waiting */
	bool fenced;             /* the recorded site may be granted */
	bool served;             /* and has served in this epoch */
	bool redirecting;        /* the bracket moves no site */
	struct redirects next;   /* what is recorded by it */
	bool overdue;            /* said that maintenance should have ended */
	bool said;               /* what it would do in this state, observing */
	bool peer_dead;          /* grants say so */
	bool keep_collab[ROUTE_SITES]; /* rooms of the site not active */
	int64_t fenced_ms, hold_until_ms, drain_until_ms;
	int64_t risk_ms;       /* when commits were last at risk */
	bool counted;          /* since the record became degraded: */
	uint64_t risk_writes;  /* how many the active site had got then */
	int64_t not_before_ms; /* no automatic return after an abort */
	int64_t alone_ms;      /* CLOSED: the other one is back, and alone */
	unsigned aborts;
	uint64_t barriers; /* counts up: names the barriers wanted now */
};

void failover_init(struct failover *f, const struct failover_conf *conf,
		   int64_t now_ms);

/*
 * The record was read (loaded 1), there is none (0), or it is damaged (-1);
 * rec with 1. former: the highest epoch that the audit log knows.
 */
void failover_found(struct failover *f, int loaded,
		    const struct authority_record *rec, uint64_t former);

#define FAILOVER_NOTE 320
struct failover_change {
	enum states_state from, to;
	const struct fsm_row *row;
	char note[FAILOVER_NOTE]; /* what stands behind it, in words; may be ""
				   */
};

/* 1: a row was taken, do what the plan says and look again; 0: nothing. */
int failover_step(struct failover *f, const struct view *v,
		  struct failover_change *out);

static inline enum route_site
failover_other(enum route_site s)
{
	return s == ROUTE_PRIMARY ? ROUTE_BACKUP : ROUTE_PRIMARY;
}

/* Or one of them did lately: barriers both ways. */
static inline bool
failover_both_write(const struct failover *f)
{
	return f->redirecting || f->rec.redirects.n > 0;
}

#endif
