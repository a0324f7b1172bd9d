/*
 * What a service says of itself: the body of an answer to /gsb/lease as
 * plain values (docs/contracts.md 4). Strict about what the proxy acts on,
 * silent about members that it does not know.
 */
#ifndef PROXY_REPORT_H
#define PROXY_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/span.h"
#include "proxy/judge.h"
#include "proxy/route.h"

enum report_sync {
	REPORT_SYNC_UNKNOWN,
	REPORT_SYNC_OFF,
	REPORT_SYNC_ON,
	REPORT_SYNC_REMOTE_APPLY,
	REPORT_SYNC_DEGRADED
};

enum report_stream {
	REPORT_STREAM_UNKNOWN,
	REPORT_STREAM_STREAMING,
	REPORT_STREAM_CATCHUP,
	REPORT_STREAM_DOWN
};

struct report_replication {
	bool known;
	enum report_sync sync;
	enum report_stream out, in;
	int64_t oldest_commit_wait_ms;
	int64_t out_lag_bytes, out_lag_ms, in_lag_ms;
	/* of its commits, at most, that the other has not flushed; -1: not
	 * told; since when, UNIX, 0: none is */
	int64_t at_risk, at_risk_since_us;
	int64_t in_pending; /* received and not yet applied; 0 if not told */
	int64_t in_acknowledged; /* not 0: something of it is acknowledged */
	int64_t parked, conflicts, replicator_age_ms;
	int64_t key_conflicts; /* open; -1: not told */
	int64_t verified_us;   /* both found equal, UNIX; 0: not told */
};

/* Mail since its web began; -1: not told. */
struct report_mail {
	int64_t sent, failed_tries, given_up;
};

struct report {
	enum route_site site;
	enum route_service service;
	char boot[40];
	int64_t clock_us;
	uint64_t epoch;
	bool serving;
	char version[32];
	int64_t schema;
	enum judge_level web, db, files, collab;
	struct report_replication replication;
	int64_t sessions, in_flight;
	char companies[72]; /* etag; "" if none */
	int64_t wall_us;
	char keys[192];        /* ids it knows, by commas; "": not told */
	int64_t copy_us;       /* of the daily copy it runs; 0: not told */
	int64_t disk_permille; /* free; -1: not told */
	struct report_mail mail;
};

int report_read(struct span body, struct report *out, struct err *e)
    __attribute__((warn_unused_result));

/* The same from a document that is read already. */
int report_take(const json_t *doc, struct report *out, struct err *e)
    __attribute__((warn_unused_result));

const char *report_sync_name(enum report_sync s);
const char *report_stream_name(enum report_stream s);

#endif
