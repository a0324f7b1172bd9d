/*
 * Health and lease of one service of one site: a probe every interval, which
 * asks how it is and carries the grant that control wants it to hold.
 */
#ifndef PROXY_HEALTH_H
#define PROXY_HEALTH_H

#include "base/keyring.h"
#include "proxy/judge.h"
#include "proxy/lease.h"

struct health;

struct health_pace {
	uint32_t interval_ms, fast_ms; /* fast: in transition */
	uint32_t timeout_ms;
	uint32_t ttl_ms;
	struct judge_counts counts;
};

struct health_conf {
	enum route_site site;
	enum route_service service;
	const char *address;        /* HOST:PORT, copied */
	const struct keyring *keys; /* borrowed: outlives the health object */
	struct health_pace pace;
	uint32_t former_ttl_ms; /* of a proxy that ran before this one */
	/* The authority record is fresh enough to grant by it. */
	bool (*may_grant)(void *ctx);
	/* A probe has ended, well or badly; must not free the object. */
	void (*on_probed)(void *ctx);
	void *ctx;
};

/* The first probe starts on the next turn of the loop; it only asks. */
struct health *health_new(const struct health_conf *conf);
void health_free(struct health **hp);

/*
 * What the service should hold from now on. When that is something else
 * than before it is told at once: a probe in flight is given up for it.
 */
void health_aim(struct health *h, const struct lease_terms *terms);

/* Probed there from now on; what is known stays. Copied. */
void health_set_address(struct health *h, const char *address);
/* A probe at once, or right after the one in flight. */
void health_poke(struct health *h);
void health_hurry(struct health *h, bool fast);
void health_set_pace(struct health *h, const struct health_pace *pace);

struct health_seen {
	struct judge_run reach, db, files;
	struct lease lease;
	struct report last;                    /* valid if answered */
	struct report_replication replication; /* the last that was told */
	bool probed, answered;
	bool refused;      /* the last probe met no listener */
	bool granted;      /* the last probe granted it to serve */
	int64_t stays_ms;  /* since when it does not serve for all that; 0 */
	bool takes_none;   /* for so long that it counts as failed */
	int64_t heard_ms;  /* the last answer; 0: none */
	int64_t ahead_us;  /* its wall clock of ours, then */
	uint64_t epoch;    /* the highest that it told */
	unsigned failures; /* probes in a row */
	char error[192];   /* of the last failed probe */
	uint64_t ended;    /* probes, well or badly */
	bool in_flight;
};
/* Borrowed, always current. */
const struct health_seen *health_seen(const struct health *h);

/* The rules alone, without I/O: what a probe that ended means. */
void health_take(struct health_seen *s, enum route_service service,
		 struct judge_counts counts, const struct report *r,
		 int64_t now_ms);
void health_miss(struct health_seen *s, struct judge_counts counts,
		 const struct err *why);

#endif
