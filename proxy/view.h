/*
 * Everything that the decisions look at, as plain values of one moment.
 */
#ifndef PROXY_VIEW_H
#define PROXY_VIEW_H

#include "proxy/gates.h"
#include "proxy/judge.h"
#include "proxy/report.h"
#include "proxy/route.h"

struct view_site {
	enum judge_verdict verdict;
	bool wavering;   /* web or db failed lately, or a burst of failures */
	bool probed;     /* both services were asked once, well or badly */
	bool answered;   /* both have answered since the start */
	bool takes_none; /* of the grants that web gets */
	bool good;       /* web and db in the last probe, whatever is judged */
	bool serving;    /* web says so under the record's epoch */
	bool web_over;   /* its leases of older epochs have surely ended */
	bool collab_over;
	bool collab_up;
	bool collab_serving;
	bool db_up; /* and web answers */
	bool db_down;
	int64_t rooms;
	int64_t heard_ms;                      /* web's last answer */
	uint64_t epoch;                        /* the highest that it knows */
	int64_t whole_since_ms;                /* 0: it is not whole */
	struct report_replication replication; /* of its last answer */
	struct report_replication known;       /* the last that it ever told */
	uint64_t in_flight, may_write, websockets;
	uint64_t answers, failed; /* ever; those of 5xx */
	uint64_t writes;          /* ever sent there, that may write */
};

struct view {
	int64_t now_ms;  /* monotonic */
	int64_t wall_us; /* UNIX */
	struct view_site site[ROUTE_SITES];
	bool settled;       /* every worker has the newest snapshot */
	uint64_t barriers;  /* those below belong to this number */
	bool barrier_there; /* active's barrier was seen at the other site */
	bool barrier_back;  /* the other's at the active one */
	struct gates gates; /* of a move on purpose */
};

/* Behind by bytes or time, or not told. */
bool view_caught_up(const struct view_site *active,
		    const struct view_site *other);

/* The peer has all that this site committed, but for the log's own noise. */
bool view_follows(const struct report_replication *r);

/* Commits at `active` should not wait for `other` any more. */
bool view_peer_dead(const struct view_site *active,
		    const struct view_site *other);

/* All that it received from the other site is applied, as far as told. */
bool view_applied(const struct view_site *s);

#endif
