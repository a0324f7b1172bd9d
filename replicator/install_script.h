/*
 * What install runs, as data: a list of single statements in order.
 */
#ifndef REPLICATOR_INSTALL_SCRIPT_H
#define REPLICATOR_INSTALL_SCRIPT_H

#include "base/arena.h"
#include "replicator/catalog.h"

struct step {
	const char *what; /* to tell when it is done; NULL: not worth a line */
	const char *sql;
};

struct script {
	struct arena *arena; /* borrowed: holds the texts */
	/* Of install_triggers_query, or NULL; borrowed. */
	const struct pgresult *triggers;
	const char *const *more; /* before COMMIT; up to a NULL; or NULL */
	struct step *steps;
	size_t n, cap;
};

/* what may be NULL; sql is copied. */
void script_add(struct script *s, const char *what, const char *sql);
void script_addf(struct script *s, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

struct install_site {
	const char *name, *peer; /* "primary", "backup" */
	int number;              /* the low byte of versions: 1, 2 */
	const char *sync;
};

/* Which triggers are in place: function, digest of what made them. */
extern const struct pgstmt install_triggers_query;

/* The schema gsb: tables and functions. */
void install_schema(struct script *s, const struct install_site *site);
void install_functions(struct script *s);
void install_conflicts(struct script *s);

/* What is noted of rows whose targets were deleted. */
void install_refs(struct script *s, const struct catalog *c);

/* One table's columns, indexes, triggers and grants. */
void install_table(struct script *s, const struct table *t,
		   const struct install_site *site);

/* All of it between BEGIN and COMMIT, in one transaction. */
void install_all(struct script *s, const struct catalog *c,
		 const struct install_site *site);

#endif
