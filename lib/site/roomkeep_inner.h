/* The inside of roomkeep: records that wait, and what asks. */
#ifndef SITE_ROOMKEEP_INNER_H
#define SITE_ROOMKEEP_INNER_H

#include <sys/queue.h>

#include "io/loop.h"
#include "io/pgpool.h"
#include "io/timer.h"
#include "site/roomkeep.h"

struct roomkeep_record {
	STAILQ_ENTRY(roomkeep_record) link;
	size_t len;
	char text[]; /* one JSON object */
};

struct roomkeep {
	struct pgpool *pool;
	char *path;
	int fd; /* of the spool; -1: it failed */
	STAILQ_HEAD(, roomkeep_record) records;
	unsigned waiting;
	size_t bytes;
	uint64_t refused;
	unsigned batch;    /* records of the next one at most */
	unsigned flying;   /* records of the one under way */
	struct pgreq *req; /* that one */
	struct timer *next;
	unsigned failures; /* in a row */
	TAILQ_HEAD(, roomkeep_load) loads;
	struct pgreq *sweep;
	struct timer *drain_end;
	void (*on_drained)(void *ctx);
	void *drain_ctx;
};

struct roomkeep_load {
	TAILQ_ENTRY(roomkeep_load) link;
	struct roomkeep *keep;
	char *company;
	int64_t meeting;
	struct pgreq *req;
	struct timer *deadline;
	int64_t deadline_ms;
	roomkeep_fn *fn;
	void *ctx;
};

/* roomkeep.c: a record of these members (taken); false: too much waits. */
bool roomkeep_add(struct roomkeep *k, json_t *record);

/* roomkeep_sql.c: the statements of a record; false: it is none. */
bool roomkeep_add_sql(struct pgbatch *b, const json_t *record);

/* roomkeep_load.c: now that the records are written. */
void roomkeep_load_go(struct roomkeep *k);

/* roomkeep_spool.c */
int roomkeep_spool_open(struct roomkeep *k, struct err *e);
void roomkeep_spool_add(struct roomkeep *k, struct span line);
void roomkeep_spool_empty(struct roomkeep *k);
void roomkeep_keep(struct roomkeep *k, struct span text); /* in memory */

#endif
