/* What the files that generate triggers share. */
#ifndef REPLICATOR_TRIGGER_INNER_H
#define REPLICATOR_TRIGGER_INNER_H

#include "replicator/trigger.h"

/* The stamp of the request, else the clock. */
#define TRIGGER_STAMP(clock)                                   \
	"coalesce(nullif(current_setting('gsb.stamp', true), " \
	"'')::bigint, " clock "::gsb.us::bigint)"
#define TRIGGER_NOW TRIGGER_STAMP("clock_timestamp()")

extern const char *const trigger_new_old[]; /* "NEW", "OLD" */

void trigger_begin(struct trigger_sql *s, const char *name,
		   const char *options);
void trigger_end(struct trigger_sql *s, const char *value);

/* NEW and OLD differ in the value of u as people wrote it, or in scope. */
void trigger_unique_changed(struct trigger_sql *s, const struct unique *u);
void trigger_key_changed(struct trigger_sql *s);

#endif
