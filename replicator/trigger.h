/*
 * The triggers of one table, generated so that no SQL is put together while
 * people write. All are ordinary triggers: silent in apply sessions.
 */
#ifndef REPLICATOR_TRIGGER_H
#define REPLICATOR_TRIGGER_H

#include "base/strbuf.h"
#include "replicator/table.h"

struct trigger_sql {
	struct strbuf *out;
	const struct table *table;
	int site; /* the number that versions end with */
};

/*
 * The versions of new rows are defaults of their columns: a trigger before
 * insert would cost more than all else, and COPY would go row by row.
 */
void trigger_defaults(struct trigger_sql *s);
/* CREATE TYPE gsb.us: a timestamptz as the microseconds that it is. */
extern const char trigger_us[];
/* CREATE FUNCTION gsb.begun(site): version of what is made now, by the stamp of
 * the request, else by when the transaction began. */
extern const char trigger_begun[];

/*
 * CREATE FUNCTION of each: create (before insert: effective keys; dropped where
 * there are none), version (before update: versions, effective keys), protect
 * (versions that somebody writes), reborn (called to raise a row above its
 * tombstone), born (after insert: calls it if need be; versions that somebody
 * wrote), moved (after a change of key or of a unique value), gone (after
 * delete: the tombstone).
 */
void trigger_creation(struct trigger_sql *s);
void trigger_version(struct trigger_sql *s);
void trigger_protect(struct trigger_sql *s);
void trigger_reborn(struct trigger_sql *s);
void trigger_born(struct trigger_sql *s);
void trigger_moved(struct trigger_sql *s);
void trigger_gone(struct trigger_sql *s);

/* CREATE TRIGGER number i, false when there are no more. */
bool trigger_create(struct trigger_sql *s, size_t i);
/* So many. */
size_t trigger_count(const struct table *t);

/* gsb.tidy() over all tables of a catalog. */
void trigger_tidy(struct strbuf *out, const struct table *tables, size_t n);

#endif
