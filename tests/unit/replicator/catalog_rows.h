/* Rows of catalog_query without a server: one line per column of table
 * public.item, its primary key the column marked so. */
#ifndef CATALOG_ROWS_H
#define CATALOG_ROWS_H

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "io/pgbatch.h"

struct catalog_column {
	const char *name, *type;
	const char *flags; /* k key, n NOT NULL, t toastable, b bounded,
			      e exact, g generated, a an array,
			      x its gsb."array_..." exists */
	unsigned oid;
};

static const struct catalog_column item_columns[] = {
	{ "id", "uuid", "kne", 2950 },
	{ "owner", "integer", "ne", 23 },
	{ "mail", "text", "te", 25 },
	{ "a", "character varying", "tbe", 1043 },
	{ "b", "character varying", "tbe", 1043 },
	{ "no", "integer", "e", 23 },
	{ "state", "character varying", "tbe", 1043 },
	{ "body", "jsonb", "t", 3802 },
	{ "doubled", "integer", "eg", 23 },
	{ "gsb_v_text", "bigint", "ne", 20 },
	{ "gsb_v_state", "bigint", "ne", 20 },
	{ "gsb_v_mail", "bigint", "ne", 20 },
	{ "gsb_v_rest", "bigint", "ne", 20 },
	{ "gsb_v_body", "bigint", "ne", 20 },
	{ "gsb_v_row", "bigint", "ne", 20 },
	{ "gsb_key_mail", "text", "te", 25 },
	{ 0 },
};

static void
catalog_put(PGresult *res, int row, int col, const char *text)
{
	char copy[128];

	snprintf(copy, sizeof(copy), "%s", text);
	PQsetvalue(res, row, col, copy, (int)strlen(copy));
}

static struct pgresult
catalog_rows(const struct catalog_column *list)
{
	PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc attrs[21];
	char names[21][4];

	for (int i = 0; i < 21; i++) {
		snprintf(names[i], sizeof(names[i]), "c%d", i);
		attrs[i] = (PGresAttDesc){ .name = names[i], .typid = 25 };
	}
	/* oids and positions are numbers, flags booleans */
	attrs[2].typid = attrs[6].typid = attrs[7].typid = 26;
	attrs[17].typid = attrs[19].typid = attrs[20].typid = 26;
	for (int i = 8; i < 17; i++)
		attrs[i].typid = i == 15 ? 23 : 16;
	PQsetResultAttrs(res, 21, attrs);
	for (int r = 0; list[r].name != NULL; r++) {
		const char *flags = list[r].flags, *order = "ng?tbe";
		char number[16];

		catalog_put(res, r, 0, "public");
		catalog_put(res, r, 1, "item");
		catalog_put(res, r, 2, "16400");
		catalog_put(res, r, 3, "r");
		catalog_put(res, r, 4, list[r].name);
		catalog_put(res, r, 5, list[r].type);
		snprintf(number, sizeof(number), "%u", list[r].oid);
		catalog_put(res, r, 6, number);
		catalog_put(res, r, 7, strchr(flags, 'a') ? "0" : "1000");
		for (int f = 0; f < 6; f++)
			catalog_put(res, r, 8 + f,
				    strchr(flags, order[f]) ? "t" : "f");
		catalog_put(res, r, 14, strchr(flags, 'e') ? "t" : "f");
		catalog_put(res, r, 15, strchr(flags, 'k') ? "1" : "0");
		catalog_put(res, r, 16, "f");
		catalog_put(res, r, 17, strchr(flags, 'a') ? "25" : "0");
		catalog_put(res, r, 18, "array_of_it");
		catalog_put(res, r, 19, strchr(flags, 'x') ? "17000" : "0");
		catalog_put(res, r, 20, strchr(flags, 'x') ? "17001" : "0");
	}
	return (struct pgresult){ .pg = res };
}

static void
catalog_rows_free(struct pgresult *r)
{
	PQclear(r->pg);
	r->pg = NULL;
}

#endif
