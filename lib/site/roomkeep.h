/*
 * What rooms leave in the database: runs with their rosters, lines, stays.
 * Nobody waits for it: a record is a line of a file (state_dir/rooms.spool)
 * until it is a row, however long the database is away, and over a restart;
 * what is written twice is the same row.
 */
#ifndef SITE_ROOMKEEP_H
#define SITE_ROOMKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "io/pgbatch.h"
#include "site/usage.h"

#define ROOMKEEP_BYTES (64 * 1024 * 1024) /* that wait; more is refused */

struct pgpool;
struct roomkeep;
struct roomkeep_load;

/* pool: borrowed. Takes up what waits from before. */
struct roomkeep *roomkeep_open(struct pgpool *pool, const char *dir,
			       struct err *e)
    __attribute__((warn_unused_result));
void roomkeep_close(struct roomkeep **k); /* what waits stays in the file */

/* Once, when nothing waits any more or after ms. */
void roomkeep_drain(struct roomkeep *k, unsigned ms, void (*fn)(void *ctx),
		    void *ctx);

/* A run as it is: times are UNIX µs, ended 0: it goes on. */
struct roomkeep_run {
	const char *id, *meeting;
	int64_t no;
	char site;
	int64_t started_us, ended_us, seen_us;
	bool host_joined, others_joined;
	const json_t *roster; /* borrowed */
};
/* False: too much waits. */
bool roomkeep_run(struct roomkeep *k, const struct roomkeep_run *run);
bool roomkeep_stay(struct roomkeep *k, const struct usage_stay *stay);
struct room_line;
bool roomkeep_line(struct roomkeep *k, const char *run,
		   const struct room_line *line);
unsigned roomkeep_waiting(const struct roomkeep *k);

/* What the database knows of a meeting. */
struct roomkeep_meeting {
	const char *id; /* NULL: no such meeting */
	int64_t no;     /* of the run in progress, else of the next */
	bool early, lobby;
	const char *run, *site; /* in progress, where; NULL: none is */
	int64_t started_us;
	json_t *roster; /* borrowed */
	bool host_joined, others_joined;
	const struct room_line *lines; /* of that run, any order */
	size_t nlines;
};
/* m NULL: the database is away. Everything is valid in this call alone. */
typedef void roomkeep_fn(void *ctx, const struct roomkeep_meeting *m);
/* After what waits, if that can be written; ends within ms. */
struct roomkeep_load *roomkeep_load(struct roomkeep *k, const char *company,
				    int64_t meeting, unsigned ms,
				    roomkeep_fn *fn, void *ctx);
void roomkeep_load_cancel(struct roomkeep_load **l);

/*
 * Ends runs of which nobody has heard for minutes: of this site, but those in
 * ids (uuids by commas in braces), and with others those of the other site.
 */
void roomkeep_sweep(struct roomkeep *k, char site, bool others,
		    const char *ids);

#endif
