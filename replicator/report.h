/*
 * Where the status goes: the row that gsb.health() reads, and HTTP (/status,
 * /metrics). The row is written when something has changed, at most twice a
 * second, and once a second to show that we live.
 */
#ifndef REPLICATOR_REPORT_H
#define REPLICATOR_REPORT_H

#include "base/err.h"
#include "replicator/status.h"

struct report;

struct report_conf {
	const char *listen; /* "HOST:PORT"; "" or NULL: no HTTP */
	struct sync *sync;  /* whose connection is used; borrowed */
	void (*fill)(void *ctx, struct status *out);
	void *ctx;
	/* Adds to /metrics what others know, or NULL. */
	void (*more)(struct strbuf *out);
	/* Conflicts that are older, or more, are forgotten. */
	int64_t conflicts_age_ms, conflicts_kept;
};

/* NULL when the address cannot be had. */
struct report *report_new(const struct report_conf *conf, struct err *e)
    __attribute__((warn_unused_result));
void report_free(struct report **rp);

/* Other bounds of the history of conflicts, as in the conf. */
void report_set_history(struct report *r, int64_t age_ms, int64_t kept);

/* Something worth telling has changed. */
void report_touch(struct report *r);

/* Who the peer is, into gsb.peer. */
void report_peer(struct report *r, const struct stream_peer *peer,
		 uint64_t applied);

#endif
