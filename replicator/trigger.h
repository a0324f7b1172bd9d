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
 * CREATE FUNCTION of each: create, version (before insert, before update:
 * versions, effective keys), protect (versions that somebody writes), reborn
 * (called to raise a row above its tombstone), born (after insert: calls it if
 * need be), moved (after a change of key or of a unique value), gone (after
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

/* gsb.tidy() over all tables of a catalog. */
void trigger_tidy(struct strbuf *out, const struct table *tables, size_t n);

#endif
