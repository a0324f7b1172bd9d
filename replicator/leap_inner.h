/* The inside of leap, for leap.c and leap_read.c alone. */
#ifndef REPLICATOR_LEAP_INNER_H
#define REPLICATOR_LEAP_INNER_H

#include "io/pgconn.h"
#include "io/timer.h"
#include "replicator/leap.h"

#define LEAP_CALL_MS 120000

struct leap {
	struct leap_conf conf;
	struct pgconn *conn;
	struct pgcall *call; /* but of a FETCH */
	struct timer *timer;
	struct arena *arena; /* statements; outlives the connection */
	int64_t deadline_ms;
	uint32_t xid; /* a transaction of ours there, before the end */
	int64_t time_us;
	uint64_t end, written; /* the end; where all that is seen was written */
	char *newest;          /* number of the first transaction behind it */
	int64_t age;
	size_t at;            /* table; the catalog's number: tombstones */
	struct pgstmt *fetch; /* of its cursor, by size */
	unsigned size;        /* the next FETCH */
	unsigned largest;     /* of this table's */
	unsigned under_way;
	bool drained;       /* the cursor has no more */
	struct batch *last; /* with the barriers before the end */
	bool hold, begun;
	uint64_t rows;
};

/* leap.c */
void leap_run(struct leap *l, struct pgbatch *b, pgcall_fn *fn);
/* Last: the owner cancels it. */
void leap_end(struct leap *l, const struct err *err);
/* False, and it has ended: on_down says so when the connection went. */
bool leap_went_well(struct leap *l, const struct err *err);
void leap_give(struct leap *l, struct batch *b);
void leap_all_read(struct leap *l);

/* leap_read.c */
void leap_next_table(struct leap *l);

#endif
