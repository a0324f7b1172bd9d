/*
 * A declared table merged with what pg_catalog says about it: the columns in
 * attnum order, the part that each plays, and the parameters of its merge
 * statements. Plain data, made by catalog.h, immutable.
 */
#ifndef REPLICATOR_TABLE_H
#define REPLICATOR_TABLE_H

#include <stdint.h>

#include "replicator/tables.h"

#define TABLE_NONE SIZE_MAX

enum column_role {
	COLUMN_KEY,
	COLUMN_VALUE,     /* belongs to a group */
	COLUMN_ROW,       /* gsb_v_row: the incarnation */
	COLUMN_VERSION,   /* gsb_v_<group> */
	COLUMN_EFFECTIVE, /* gsb_key_<unique>: derived here, never merged */
	COLUMN_CHANGED,   /* gsb_changed: what the last local edit changed */
	COLUMN_GENERATED, /* computed by PostgreSQL: never sent */
};

struct column {
	const char *name;
	const char *type; /* as SQL writes it, under search_path pg_catalog */
	uint32_t type_oid, array_oid;
	uint32_t element_oid; /* of an array type, else 0 */
	const char *item;     /* what array_oid is an array of: the type, or */
	uint32_t item_oid;    /* for an array type gsb."array_..." around it */
	enum column_role role;
	size_t group;   /* of a value or a version, else TABLE_NONE */
	bool toastable; /* may come as unchanged TOAST ('u') */
	bool exact;     /* equal by its type's = means equal bytes */
	bool named; /* enum or array of: its bytes here are not the peer's */
	bool not_null;
	bool always;  /* GENERATED ALWAYS AS IDENTITY */
	bool bounded; /* varlena with a short limit: never out of line */
};

struct rank {
	size_t column;
	struct names labels;
};

struct group {
	const char *name;
	size_t *columns, ncolumns;
	struct rank *ranks; /* none: lww */
	size_t nranks;
	size_t version; /* its column, TABLE_NONE before install */
	bool quiet;     /* what lost in it is not kept */
	unsigned bit;   /* in gsb_changed: by name, alike on both sites */
};

struct unique {
	const char *name;
	size_t *scope, nscope;
	size_t value;
	bool fold;
	const char *column; /* gsb_key_<name> */
	const char *index;  /* <table>_<name>_gsb_key */
	size_t effective;   /* its column, TABLE_NONE before install */
};

/* The column holds the key of a row of another table. */
struct ref {
	const char *name, *target; /* schema.name */
	size_t column;
};

struct table {
	const char *schema, *name;
	const char *rel;    /* schema.name as gsb.tombstone.rel has it */
	const char *quoted; /* as SQL writes it */
	const struct table_decl *decl;
	uint32_t oid;
	struct column *columns;
	size_t ncolumns;
	size_t *key, nkey; /* in the order of the declaration */
	size_t row;        /* gsb_v_row, TABLE_NONE before install */
	size_t changed;    /* gsb_changed, likewise */
	struct group *groups;
	size_t ngroups;
	struct unique *uniques;
	size_t nuniques;
	struct ref *refs;
	size_t nrefs;
	/*
	 * The replicated columns, in attnum order: one parameter each of the
	 * merge, an array of columns[params[i]].array_oid.
	 */
	size_t *params, nparams;
};

/* Index in t->columns, or TABLE_NONE. */
size_t table_column(const struct table *t, const char *name);

#endif
