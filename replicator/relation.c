#include "replicator/relation.h"

#include <string.h>
#include <uthash.h>

#include "base/log.h"
#include "base/mem.h"

struct entry {
	struct relation relation;
	struct arena *arena;
	UT_hash_handle hh;
};

struct relations {
	const struct catalog *catalog;
	struct entry *by_oid;
};

struct relations *
relations_new(const struct catalog *catalog)
{
	struct relations *r = mem_new(struct relations);

	r->catalog = catalog;
	return r;
}

static void
entry_free(struct entry *e)
{
	arena_free(&e->arena);
	mem_free(e);
}

static void
drop(struct relations *r, struct entry *e)
{
	HASH_DEL(r->by_oid, e);
	entry_free(e);
}

void
relations_free(struct relations **rp)
{
	struct relations *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	relations_forget(r);
	mem_free(r);
}

static size_t
tombstone_column(const char *name)
{
	static const char *const names[RELATION_TOMB] = { "rel", "key", "v",
							  "seen" };

	for (size_t i = 0; i < RELATION_TOMB; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return TABLE_NONE;
}

static bool
is_replicated(const struct column *c)
{
	return c->role != COLUMN_EFFECTIVE && c->role != COLUMN_GENERATED;
}

static size_t
table_place(const struct table *t, const char *name)
{
	size_t at = table_column(t, name);

	return at != TABLE_NONE && is_replicated(&t->columns[at]) ? at
								  : TABLE_NONE;
}

/* Which of the table's columns the peer does not have. */
static void
find_missing(struct relation *r, struct arena *arena)
{
	const struct table *t = r->table;
	bool *comes = arena_array(arena, bool, t->ncolumns);
	size_t n = 0;

	for (unsigned i = 0; i < r->ncolumns; i++)
		if (r->to[i] != TABLE_NONE)
			comes[r->to[i]] = true;
	for (size_t i = 0; i < t->ncolumns; i++) {
		comes[i] = !comes[i] && is_replicated(&t->columns[i]);
		n += comes[i];
	}
	r->missing = n > 0 ? comes : NULL;
}

/* What is derived on each site, or about one edit, need not be kept. */
static void
find_unknown(struct relation *r, struct arena *arena,
	     const struct decoder_relation *said)
{
	for (unsigned i = 0; i < r->ncolumns; i++) {
		const char *name = said->columns[i].name;

		if (table_column(r->table, name) != TABLE_NONE ||
		    strncmp(name, "gsb_key_", 8) == 0 ||
		    strcmp(name, "gsb_changed") == 0)
			continue;
		if (r->unknown == NULL)
			r->unknown = arena_array(arena, const char *,
						 r->ncolumns);
		r->unknown[i] = arena_strdup(arena, name);
	}
}

static struct entry *
entry_new(const struct catalog *catalog, const struct decoder_relation *said)
{
	struct entry *e = mem_new(struct entry);
	struct relation *r = &e->relation;

	e->arena = arena_new();
	r->oid = said->oid;
	r->name = arena_printf(e->arena, "%s.%s", said->schema, said->name);
	r->table = catalog_find(catalog, said->schema, said->name);
	r->kind = r->table != NULL ? RELATION_TABLE : RELATION_FOREIGN;
	if (strcmp(r->name, "gsb.tombstone") == 0)
		r->kind = RELATION_TOMBSTONE;
	r->ncolumns = said->ncolumns;
	r->to = arena_array(e->arena, size_t, said->ncolumns);
	for (unsigned i = 0; i < said->ncolumns; i++) {
		const char *name = said->columns[i].name;

		r->to[i] = TABLE_NONE;
		if (r->kind == RELATION_TABLE)
			r->to[i] = table_place(r->table, name);
		else if (r->kind == RELATION_TOMBSTONE)
			r->to[i] = tombstone_column(name);
	}
	if (r->kind == RELATION_TABLE) {
		find_missing(r, e->arena);
		find_unknown(r, e->arena, said);
	}
	return e;
}

static bool
is_same(const struct relation *a, const struct relation *b)
{
	return a->unknown == NULL && b->unknown == NULL && a->oid == b->oid &&
	       a->kind == b->kind && a->table == b->table &&
	       a->ncolumns == b->ncolumns && strcmp(a->name, b->name) == 0 &&
	       (a->ncolumns == 0 ||
		memcmp(a->to, b->to, a->ncolumns * sizeof(*a->to)) == 0);
}

const struct relation *
relations_learn(struct relations *r, const struct decoder_relation *said)
{
	struct entry *fresh = entry_new(r->catalog, said), *now;

	HASH_FIND(hh, r->by_oid, &said->oid, sizeof(said->oid), now);
	if (now != NULL && is_same(&now->relation, &fresh->relation)) {
		entry_free(fresh);
		return &now->relation;
	}
	if (now != NULL)
		drop(r, now);
	log_info("relation", "oid=%u name=%s columns=%u declared=%s", said->oid,
		 fresh->relation.name, said->ncolumns,
		 fresh->relation.kind == RELATION_FOREIGN ? "no" : "yes");
	HASH_ADD(hh, r->by_oid, relation.oid, sizeof(uint32_t), fresh);
	return &fresh->relation;
}

const struct relation *
relations_find(const struct relations *r, uint32_t oid)
{
	struct entry *e;

	HASH_FIND(hh, r->by_oid, &oid, sizeof(oid), e);
	return e != NULL ? &e->relation : NULL;
}

void
relations_forget(struct relations *r)
{
	struct entry *e, *next;

	HASH_ITER(hh, r->by_oid, e, next)
	{
		drop(r, e);
	}
}
