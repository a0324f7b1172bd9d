/* The inside of a batch, for pgbatch and pgcall alone. */
#ifndef IO_PGITEM_H
#define IO_PGITEM_H

#include <stdbool.h>
#include <sys/queue.h>

#include "base/arena.h"
#include "io/pgbatch.h"

struct pgitem {
	STAILQ_ENTRY(pgitem) entry;
	const struct pgstmt *stmt; /* or NULL: then */
	const char *sql;
	unsigned nparams;
	const char **values; /* nparams each */
	int *lengths;
	int *formats;
};
STAILQ_HEAD(pgitem_list, pgitem);

struct pgbatch {
	struct arena *arena;
	struct pgitem_list items;
	size_t count;
	size_t bytes;       /* about, on the wire */
	bool copies;        /* its one statement, from: */
	struct strbuf copy; /* emptied when it is on its way */
	bool quick;
	bool commits;
	size_t commit_at; /* index of the COMMIT, if it is explicit */
};

#endif
