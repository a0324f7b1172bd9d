/*
 * The stream of changes from the peer: reconnects for ever, asks who the peer
 * is and how our slot stands, and always answers keepalives, whatever the
 * owner is doing with what came.
 */
#ifndef REPLICATOR_STREAM_H
#define REPLICATOR_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct stream;

enum stream_state {
	STREAM_WAITING, /* for the next attempt */
	STREAM_CONNECTING,
	STREAM_ASKING, /* who the peer is, how our slot stands */
	STREAM_STARTING,
	STREAM_RUNNING
};

/* What the peer says before streaming. */
struct stream_peer {
	uint64_t system_id;
	uint32_t timeline;
	uint64_t current_lsn; /* where its log ends */
	int version;          /* 150018 */
	bool slot_found;
	bool slot_lost;
	bool other_history; /* stream_last was never committed there */
	uint64_t confirmed_lsn;
	int64_t safe_bytes; /* of log until the slot is lost; -1: no limit */
};
/* A transaction of the peer that was applied; xid 0: none is known. */
struct stream_last {
	uint32_t xid;
	int64_t time_us; /* of its commit, since 2000 */
};

struct stream_begin {
	uint64_t start_lsn, durable_lsn, applied_lsn;
	bool streaming; /* of large transactions before their end */
};

/* Nothing may be freed inside on_message, on_keepalive, on_pause. */
struct stream_conf {
	const char *conninfo; /* without replication=; copied, as all texts */
	const char *application;
	const char *slot, *publication;
	int64_t stream_above;                    /* bytes of memory there */
	struct stream_last (*on_ask)(void *ctx); /* before each on_peer */
	/* Each connection: where to start (0: where the slot stands), up to
	 * where all is durable (0: likewise) and merged; or false to give up
	 * until the next attempt: the owner has logged why. */
	bool (*on_peer)(void *ctx, const struct stream_peer *peer,
			struct stream_begin *begin);
	/* One message of pgoutput, borrowed for the call. False: it makes no
	 * sense; the owner has logged why, and the connection ends. */
	bool (*on_message)(void *ctx, struct span bytes);
	/* The peer has sent everything below end_lsn that concerns us. */
	void (*on_keepalive)(void *ctx, uint64_t end_lsn);
	/* What had come is told. True: there is more than enough to do. */
	bool (*on_pause)(void *ctx);
	/* why: not NULL when a connection or an attempt has failed. */
	void (*on_state)(void *ctx, enum stream_state to,
			 const struct err *why);
	void *ctx;
};

struct stream_stats {
	uint64_t bytes;    /* since the start */
	uint64_t end_lsn;  /* the furthest end that the peer has named */
	int64_t heard_ms;  /* clock_mono_ms of the last message; 0: never */
	unsigned attempts; /* that failed in a row */
	uint64_t connects; /* that led to a stream */
};

struct stream *stream_new(const struct stream_conf *conf);
void stream_free(struct stream **sp);

enum stream_state stream_state(const struct stream *s);
const char *stream_state_name(enum stream_state state);
void stream_stats(const struct stream *s, struct stream_stats *out);
int64_t stream_sent_us(const struct stream *s); /* the last; its clock */

/* All below durable is durable here, below applied is merged. That is told at
 * once, the latter alone soon if not. Neither moves back on one connection. */
void stream_ack(struct stream *s, uint64_t durable, uint64_t applied,
		bool at_once);

/* In on_peer: no attempt until it is taken back; then at once. */
void stream_rest(struct stream *s, bool rest);

/* Stop reading (a status still goes out by time), and go on. */
void stream_hold(struct stream *s, bool hold);

#endif
