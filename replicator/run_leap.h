/* When a backlog is leapt over, and what becomes of it. For run*.c alone. */
#ifndef REPLICATOR_RUN_LEAP_H
#define REPLICATOR_RUN_LEAP_H

#include "replicator/leap.h"
#include "replicator/stream.h"

struct run;

/* True: the stream rests until it has ended. */
bool run_leap_begins(struct run *r, const struct stream_peer *peer,
		     uint64_t from);
/* A group was applied, or a piece. */
void run_leap_applied(struct run *r, const struct batch *b);
/* why: what broke it off; NULL: we end. */
void run_leap_stop(struct run *r, const struct err *why);
void run_leap_status(const struct run *r, struct leap_stats *out);

#endif
