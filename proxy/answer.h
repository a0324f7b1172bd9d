/*
 * What a service says of itself: the body of an answer to /gsb/lease as
 * plain values (docs/contracts.md 4). Strict about what the proxy acts on,
 * silent about members that it does not know.
 */
#ifndef PROXY_ANSWER_H
#define PROXY_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/span.h"
#include "proxy/judge.h"
#include "proxy/route.h"

enum answer_sync {
	ANSWER_SYNC_UNKNOWN,
	ANSWER_SYNC_OFF,
	ANSWER_SYNC_ON,
	ANSWER_SYNC_REMOTE_APPLY,
	ANSWER_SYNC_DEGRADED
};

enum answer_stream {
	ANSWER_STREAM_UNKNOWN,
	ANSWER_STREAM_STREAMING,
	ANSWER_STREAM_CATCHUP,
	ANSWER_STREAM_DOWN
};

struct answer_replication {
	bool known;
	enum answer_sync sync;
	enum answer_stream out, in;
	int64_t oldest_commit_wait_ms;
	int64_t out_lag_bytes, out_lag_ms, in_lag_ms;
	int64_t in_pending; /* received and not yet applied; 0 if not told */
	int64_t parked, conflicts, replicator_age_ms;
};

struct answer {
	enum route_site site;
	enum route_service service;
	char boot[40];
	int64_t clock_us;
	uint64_t epoch;
	bool serving;
	char version[32];
	int64_t schema;
	enum judge_level web, db, files, collab;
	struct answer_replication replication;
	int64_t sessions, in_flight;
	char companies[72]; /* etag; "" if none */
	int64_t wall_us;
};

int answer_read(struct span body, struct answer *out, struct err *e)
    __attribute__((warn_unused_result));

/* The same from a document that is read already. */
int answer_take(const json_t *doc, struct answer *out, struct err *e)
    __attribute__((warn_unused_result));

const char *answer_sync_name(enum answer_sync s);
const char *answer_stream_name(enum answer_stream s);

#endif
