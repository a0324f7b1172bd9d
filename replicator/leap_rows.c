#include "replicator/leap_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "replicator/digest_sql.h"
#include "replicator/merge.h"
#include "replicator/sqlgen.h"

#define SITE_BITS 8

const char leap_tables_sql[] =
    "SELECT n.nspname || '.' || c.relname, string_agg(a.attname, ',' ORDER BY "
    "a.attname COLLATE \"C\"), pg_table_size(c.oid) FROM pg_publication_tables "
    "p JOIN pg_namespace n ON n.nspname = p.schemaname JOIN pg_class c ON "
    "c.relnamespace = n.oid AND c.relname = p.tablename JOIN pg_attribute a "
    "ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "WHERE p.pubname = 'gsb' GROUP BY n.nspname, c.relname, c.oid";

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* As leap_tables_sql has them. */
static void
add_columns(struct strbuf *out, const struct table *t)
{
	const char **names = mem_array(const char *, t->ncolumns);

	for (size_t i = 0; i < t->ncolumns; i++)
		names[i] = t->columns[i].name;
	qsort(names, t->ncolumns, sizeof(*names), by_name);
	for (size_t i = 0; i < t->ncolumns; i++)
		strbuf_addf(out, "%s%s", i > 0 ? "," : "", names[i]);
	mem_free(names);
}

static int
find_row(const struct pgresult *res, const struct table *t)
{
	for (int row = 0; row < pgresult_rows(res); row++)
		if (strcmp(pgresult_text(res, row, 0), t->rel) == 0)
			return row;
	return -1;
}

int64_t
leap_check_tables(const struct catalog *c, const struct pgresult *res,
		  struct err *e)
{
	int64_t bytes = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct table *t = &c->list[i];
		STRBUF_AUTO columns = { 0 };
		int row = find_row(res, t);

		if (row < 0)
			return err_set(e, ERR_NOT_FOUND,
				       "%s is not published at the peer",
				       t->rel);
		add_columns(&columns, t);
		if (strcmp(strbuf_text(&columns), pgresult_text(res, row, 1)) !=
		    0)
			return err_set(e, ERR_REFUSED,
				       "%s has other columns at the peer",
				       t->rel);
		bytes += pgresult_int(res, row, 2);
	}
	return bytes;
}

/* age() counts from one number for all of a transaction. A frozen row still
 * has its number. */
void
leap_cursor_sql(struct strbuf *sb, const struct table *t, const char *name,
		int64_t age)
{
	strbuf_addf(sb, "DECLARE %s NO SCROLL CURSOR FOR SELECT ", name);
	sqlgen_columns(sb, t, "t", t->params, t->nparams);
	strbuf_addf(sb, " FROM %s t WHERE age(t.xmin) <= %" PRId64, t->quoted,
		    age);
}

/* --- rows ------------------------------------------------------------------
 */

static struct span
copied(struct batch *b, struct span v)
{
	b->bytes += v.len + 8;
	if (v.at != NULL)
		v.at = arena_dup(b->arena, v.at, v.len + 1);
	return v;
}

static struct span
int8(struct batch *b, uint64_t n)
{
	char bytes[8];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(n >> (8 * (sizeof(bytes) - 1 - i)));
	return span_make(arena_dup(b->arena, bytes, sizeof(bytes)),
			 sizeof(bytes));
}

static bool
is_beyond(int64_t version, const struct leap_horizon *beyond)
{
	return (version >> SITE_BITS) > beyond->us;
}

static bool
is_of_peer(int64_t version, const struct leap_horizon *beyond)
{
	return (unsigned)(version & ((1 << SITE_BITS) - 1)) == beyond->peer;
}

/* False: there is one of this site. *bits: gsb_changed for what the peer wrote
 * beyond the horizon. */
static bool
find_edits(const struct table *t, const struct span *values,
	   const struct leap_horizon *beyond, uint64_t *bits)
{
	*bits = 0;
	for (size_t g = 0; g < t->ngroups; g++) {
		int64_t v = merge_int8(values[t->groups[g].version]);

		if (!is_beyond(v, beyond))
			continue;
		if (!is_of_peer(v, beyond))
			return false;
		*bits |= UINT64_C(1) << t->groups[g].bit;
	}
	return true;
}

static uint64_t
all_groups(const struct table *t)
{
	uint64_t bits = 0;

	for (size_t g = 0; g < t->ngroups; g++)
		bits |= UINT64_C(1) << t->groups[g].bit;
	return bits;
}

/*
 * Surely not known here: made there beyond the horizon, and nobody but the
 * peer has written to it. With effective keys another row of the piece may
 * have to let go of a value first.
 */
static bool
is_fresh(const struct table *t, const struct span *values, uint64_t bits,
	 const struct leap_horizon *beyond)
{
	return t->nuniques == 0 && bits == all_groups(t) &&
	       is_beyond(merge_int8(values[t->row]), beyond);
}

static bool
add_row(struct batch *b, struct batch_table *in, const struct pgresult *res,
	int row, const struct leap_horizon *beyond)
{
	const struct table *t = in->table;
	struct span *values = arena_array(b->arena, struct span, t->ncolumns);
	struct batch_row *added;
	uint64_t bits;

	for (size_t i = 0; i < t->nparams; i++)
		values[t->params[i]] = copied(b,
					      pgresult_bytes(res, row, (int)i));
	if (!find_edits(t, values, beyond, &bits))
		return false;
	if (t->changed != TABLE_NONE)
		values[t->changed] = int8(b, bits);
	added = batch_join(b, in, values, NULL);
	if (added != NULL)
		added->fresh = is_fresh(t, values, bits, beyond);
	return true;
}

static bool
add_tombstone(struct batch *b, const struct pgresult *res, int row,
	      const struct leap_horizon *beyond)
{
	int64_t v = pgresult_int(res, row, 2);

	b->tombstones[b->ntombstones++] = (struct batch_tombstone){
		.rel = copied(b, pgresult_bytes(res, row, 0)),
		.key = copied(b, pgresult_bytes(res, row, 1)),
		.v = v,
		.seen = pgresult_int(res, row, 3),
	};
	return !is_beyond(v, beyond) || is_of_peer(v, beyond);
}

struct batch *
leap_batch(const struct table *t, const struct pgresult *res,
	   const struct leap_horizon *beyond)
{
	struct batch *b = batch_new();
	int n = pgresult_rows(res), row = 0;
	struct batch_table *in;

	b->begins = b->ends = false;
	b->changes = (size_t)n;
	if (t == digest_tombstones()) {
		b->tombstones = arena_array(b->arena, struct batch_tombstone,
					    (size_t)n);
		while (row < n && add_tombstone(b, res, row, beyond))
			row++;
	} else {
		in = arena_make(b->arena, struct batch_table);
		in->table = t;
		b->tables = arena_array(b->arena, struct batch_table *, 1);
		b->tables[b->ntables++] = in;
		while (row < n && add_row(b, in, res, row, beyond))
			row++;
	}
	if (row < n)
		batch_free(&b);
	return b;
}
