#include "replicator/statements.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "replicator/extra.h"
#include "replicator/merge.h"
#include "replicator/params.h"

enum { OID_INT8 = 20, OID_TEXT = 25, OID_TEXTS = 1009, OID_INT8S = 1016 };

enum row_kind {
	ROWS_WHOLE,
	ROWS_PARTIAL, /* long values did not come */
	ROWS_NEW,     /* should be new here, and whole */
	ROWS_FETCHED  /* not merged: read at the peer */
};

/* One form of the merge: which columns come, and of what rows. */
struct form {
	const bool *missing;
	enum row_kind kind;
	struct pgstmt stmt;
	struct form *next;
};

struct table_set {
	struct form *forms;
	struct pgstmt sweep, sweep_dead, lacking;
	struct pgstmt *demote, *promote; /* per unique */
};

struct statements {
	struct arena *arena;
	const struct catalog *catalog;
	struct table_set *sets; /* per table of the catalog; sweep.sql NULL:
				   not made yet */
	unsigned nforms;
	struct extra *extra;
};

struct statements *
statements_new(const struct catalog *catalog)
{
	struct statements *s = mem_new(struct statements);

	s->arena = arena_new();
	s->catalog = catalog;
	s->sets = arena_array(s->arena, struct table_set, catalog->n);
	s->extra = extra_new(catalog);
	return s;
}

void
statements_free(struct statements **sp)
{
	struct statements *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	extra_free(&s->extra);
	arena_free(&s->arena);
	mem_free(s);
}

struct extra *
statements_extra(struct statements *s)
{
	return s->extra;
}

/* --- the statements ------------------------------------------------------ */

/* Parameters: arrays of these columns. */
static void
set_types(struct statements *s, struct pgstmt *stmt, const struct table *t,
	  const size_t *columns, size_t n)
{
	uint32_t *types = arena_array(s->arena, uint32_t, n + 1);

	for (size_t i = 0; i < n; i++)
		types[i] = t->columns[columns[i]].array_oid;
	stmt->types = types;
	stmt->nparams = (unsigned)n;
}

static void
make_uniques(struct statements *s, struct table_set *set, const struct table *t,
	     size_t index)
{
	size_t n = t->nuniques;
	struct arena *a = s->arena;

	set->demote = arena_array(a, struct pgstmt, n);
	set->promote = arena_array(a, struct pgstmt, n);
	for (size_t u = 0; u < n; u++) {
		set->demote[u].name = arena_printf(a, "demote_%zu_%zu", index,
						   u);
		set->demote[u].sql = merge_demote_sql(a, t, u);
		set->promote[u].name = arena_printf(a, "promote_%zu_%zu", index,
						    u);
		set->promote[u].sql = merge_promote_sql(a, t, u);
	}
}

static struct table_set *
set_of(struct statements *s, const struct table *t)
{
	size_t index = (size_t)(t - s->catalog->list);
	struct table_set *set = &s->sets[index];
	struct arena *a = s->arena;
	static const uint32_t texts[] = { OID_TEXTS };
	size_t *columns;

	assert(index < s->catalog->n);
	if (set->sweep.sql != NULL)
		return set;
	columns = arena_array(a, size_t, t->ncolumns);
	set->sweep.name = arena_printf(a, "sweep_%zu", index);
	set->sweep.sql = merge_sweep_sql(a, t);
	set_types(s, &set->sweep, t, t->key, t->nkey);
	set->sweep_dead.name = arena_printf(a, "sweep_dead_%zu", index);
	set->sweep_dead.sql = merge_sweep_dead_sql(a, t);
	set->sweep_dead.nparams = 1;
	set->sweep_dead.types = texts;
	set->lacking.name = arena_printf(a, "lacking_%zu", index);
	set->lacking.sql = merge_lacking_sql(a, t);
	set_types(s, &set->lacking, t, columns,
		  merge_lacking_columns(t, columns));
	make_uniques(s, set, t, index);
	return set;
}

static bool
comes(const bool *missing, size_t column)
{
	return missing == NULL || !missing[column];
}

/* The columns that come, in the order of the parameters. */
static size_t
came(const struct batch_table *in, size_t *columns)
{
	const struct table *t = in->table;
	size_t n = 0;

	for (size_t i = 0; i < t->nparams; i++)
		if (comes(in->missing, t->params[i]))
			columns[n++] = t->params[i];
	return n;
}

static bool
is_form(const struct form *f, const struct batch_table *in, enum row_kind kind)
{
	if (f->kind != kind || (f->missing == NULL) != (in->missing == NULL))
		return false;
	return f->missing == NULL ||
	       memcmp(f->missing, in->missing,
		      in->table->ncolumns * sizeof(bool)) == 0;
}

static const char *
form_sql(struct arena *a, const struct table *t, const struct form *f)
{
	switch (f->kind) {
	case ROWS_WHOLE:
		return merge_rows_sql(a, t, f->missing);
	case ROWS_PARTIAL:
		return merge_partial_sql(a, t, f->missing);
	case ROWS_NEW:
		return merge_new_sql(a, t, f->missing);
	case ROWS_FETCHED:
		return merge_fetch_sql(a, t, f->missing);
	}
	return NULL;
}

static const struct pgstmt *
form_of(struct statements *s, const struct batch_table *in, enum row_kind kind)
{
	struct table_set *set = set_of(s, in->table);
	size_t *columns, n;
	struct form *f;

	for (f = set->forms; f != NULL; f = f->next)
		if (is_form(f, in, kind))
			return &f->stmt;
	f = arena_make(s->arena, struct form);
	f->kind = kind;
	if (in->missing != NULL)
		f->missing = arena_dup(s->arena, in->missing,
				       in->table->ncolumns * sizeof(bool));
	columns = arena_array(s->arena, size_t, in->table->nparams);
	n = kind == ROWS_FETCHED ? in->table->nkey : came(in, columns);
	if (kind == ROWS_FETCHED)
		memcpy(columns, in->table->key, n * sizeof(*columns));
	f->stmt.binary = kind == ROWS_FETCHED;
	f->stmt.name = arena_printf(s->arena, "merge_%u", s->nforms++);
	f->stmt.sql = form_sql(s->arena, in->table, f);
	set_types(s, &f->stmt, in->table, columns, n);
	f->next = set->forms;
	set->forms = f;
	return &f->stmt;
}

/* --- their parameters ---------------------------------------------------- */

/* Rows of a range. */
struct selection {
	const struct batch_row **rows;
	size_t n;
	bool lacking; /* versions of what did not come instead of what did */
};

static enum row_kind
kind_of(const struct statements_range *r, const struct batch_row *row)
{
	if (row->absent != NULL)
		return ROWS_PARTIAL;
	return row->fresh && r->trust ? ROWS_NEW : ROWS_WHOLE;
}

static void
select_rows(const struct statements_range *r, enum row_kind kind,
	    struct selection *out)
{
	out->rows = mem_array(const struct batch_row *, r->to - r->from + 1);
	out->n = 0;
	out->lacking = false;
	for (size_t i = r->from; i < r->to; i++)
		if (kind_of(r, &r->in->rows[i]) == kind)
			out->rows[out->n++] = &r->in->rows[i];
}

static bool
group_came(const struct table *t, const struct batch_row *row, size_t g)
{
	for (size_t i = 0; i < t->groups[g].ncolumns; i++)
		if (row->absent[t->groups[g].columns[i]])
			return false;
	return true;
}

/* NULL where the value is the one that stands here. */
static struct span
value_of(const struct table *t, const struct batch_row *row, size_t column,
	 bool lacking)
{
	const struct column *c = &t->columns[column];

	if (row->absent == NULL)
		return row->values[column];
	if (row->absent[column])
		return (struct span){ 0 };
	if (c->role == COLUMN_VERSION &&
	    group_came(t, row, c->group) == lacking)
		return (struct span){ 0 };
	return row->values[column];
}

/* One array per column, all in buf; params point into it at the end. */
static void
put_columns(struct strbuf *buf, const struct table *t,
	    const struct selection *rows, const size_t *columns, size_t n,
	    struct pgparam *params)
{
	size_t *from = mem_array(size_t, n + 1);

	for (size_t i = 0; i < n; i++) {
		from[i] = buf->len;
		params_array(buf, t->columns[columns[i]].item_oid, rows->n);
		for (size_t k = 0; k < rows->n; k++)
			params_value(buf, &t->columns[columns[i]],
				     value_of(t, rows->rows[k], columns[i],
					      rows->lacking));
	}
	from[n] = buf->len;
	for (size_t i = 0; i < n; i++)
		params[i] = pgparam_binary(
		    span_make(buf->at + from[i], from[i + 1] - from[i]));
	mem_free(from);
}

static void
add_with(struct pgbatch *out, const struct pgstmt *stmt, const struct table *t,
	 const struct selection *rows, const size_t *columns)
{
	struct pgparam *params = mem_array(struct pgparam, stmt->nparams + 1);
	STRBUF_AUTO buf = { 0 };

	put_columns(&buf, t, rows, columns, stmt->nparams, params);
	pgbatch_add(out, stmt, params);
	mem_free(params);
}

static void
add_merge(struct statements *s, struct pgbatch *out,
	  const struct statements_range *range, enum row_kind kind)
{
	size_t *columns = mem_array(size_t, range->in->table->nparams);
	struct selection rows;

	select_rows(range, kind, &rows);
	came(range->in, columns);
	if (rows.n > 0)
		add_with(out, form_of(s, range->in, kind), range->in->table,
			 &rows, columns);
	mem_free(rows.rows);
	mem_free(columns);
}

static void
add_merge_and_sweep(struct statements *s, struct pgbatch *out,
		    const struct statements_range *range)
{
	const struct table *t = range->in->table;
	struct selection all = { 0 };

	add_merge(s, out, range, ROWS_WHOLE);
	add_merge(s, out, range, ROWS_PARTIAL);
	/* last: what the others let go of they may claim */
	add_merge(s, out, range, ROWS_NEW);
	all.rows = mem_array(const struct batch_row *,
			     range->to - range->from + 1);
	for (size_t i = range->from; i < range->to; i++)
		all.rows[all.n++] = &range->in->rows[i];
	if (all.n > 0 && !range->calm)
		add_with(out, &set_of(s, t)->sweep, t, &all, t->key);
	mem_free(all.rows);
}

static void
add_effective_keys(struct statements *s, struct pgbatch *out,
		   const struct table *t)
{
	struct table_set *set = set_of(s, t);

	for (size_t u = 0; u < t->nuniques; u++) {
		pgbatch_add(out, &set->demote[u], NULL);
		pgbatch_add(out, &set->promote[u], NULL);
	}
}

void
statements_add_rows(struct statements *s, struct pgbatch *out,
		    const struct statements_range *range)
{
	add_merge_and_sweep(s, out, range);
	add_effective_keys(s, out, range->in->table);
}

/* True when a tombstone is about this table. */
static bool
add_dead(struct statements *s, struct pgbatch *out, const struct batch *b,
	 const struct table *t)
{
	struct table_set *set = set_of(s, t);
	STRBUF_AUTO keys = { 0 };
	STRBUF_AUTO array = { 0 };
	struct pgparam param;
	size_t n = 0;

	for (size_t i = 0; i < b->ntombstones; i++)
		if (span_is(b->tombstones[i].rel, t->rel)) {
			params_element(&keys, b->tombstones[i].key);
			n++;
		}
	if (n == 0)
		return false;
	params_array(&array, OID_TEXT, n);
	strbuf_add_span(&array, strbuf_span(&keys));
	param = pgparam_binary(strbuf_span(&array));
	pgbatch_add(out, &set->sweep_dead, &param);
	return true;
}

static void
merge_tombstones(struct pgbatch *out, const struct batch *b)
{
	static const uint32_t types[] = { OID_TEXTS, OID_TEXTS, OID_INT8S,
					  OID_INT8S };
	static const struct pgstmt stmt = { .name = "tombstones",
					    .sql = merge_tombstones_sql,
					    .nparams = 4,
					    .types = types };
	STRBUF_AUTO rel = { 0 };
	STRBUF_AUTO key = { 0 };
	STRBUF_AUTO v = { 0 };
	STRBUF_AUTO seen = { 0 };

	params_array(&rel, OID_TEXT, b->ntombstones);
	params_array(&key, OID_TEXT, b->ntombstones);
	params_array(&v, OID_INT8, b->ntombstones);
	params_array(&seen, OID_INT8, b->ntombstones);
	for (size_t i = 0; i < b->ntombstones; i++) {
		params_element(&rel, b->tombstones[i].rel);
		params_element(&key, b->tombstones[i].key);
		params_int8(&v, b->tombstones[i].v);
		params_int8(&seen, b->tombstones[i].seen);
	}
	pgbatch_add(out, &stmt,
		    (struct pgparam[]){ pgparam_binary(strbuf_span(&rel)),
					pgparam_binary(strbuf_span(&key)),
					pgparam_binary(strbuf_span(&v)),
					pgparam_binary(strbuf_span(&seen)) });
}

void
statements_add_tombstones(struct statements *s, struct pgbatch *out,
			  const struct batch *b)
{
	extra_add(s->extra, out, b);
	if (b->ntombstones == 0)
		return;
	merge_tombstones(out, b);
	for (size_t i = 0; i < s->catalog->n; i++)
		if (add_dead(s, out, b, &s->catalog->list[i]))
			add_effective_keys(s, out, &s->catalog->list[i]);
}

static void
add_table(struct statements *s, struct pgbatch *out, const struct batch *b,
	  bool calm, const struct table *t)
{
	bool touched = false;

	for (size_t i = 0; i < b->ntables; i++) {
		struct statements_range all = { b->tables[i], 0,
						b->tables[i]->nrows, b->trust,
						calm };

		if (b->tables[i]->table != t)
			continue;
		add_merge_and_sweep(s, out, &all);
		touched = true;
	}
	if (b->ntombstones > 0 && add_dead(s, out, b, t))
		touched = true;
	if (touched)
		add_effective_keys(s, out, t);
}

void
statements_add_all(struct statements *s, struct pgbatch *out,
		   const struct batch *b, bool calm)
{
	if (b->ntombstones > 0)
		merge_tombstones(out, b);
	for (size_t i = 0; i < s->catalog->n; i++)
		add_table(s, out, b, calm, &s->catalog->list[i]);
	extra_add(s->extra, out, b);
}

bool
statements_add_lacking(struct statements *s, struct pgbatch *out,
		       const struct batch_table *in)
{
	struct statements_range all = { in, 0, in->nrows, false, false };
	const struct table *t = in->table;
	const struct pgstmt *stmt = &set_of(s, t)->lacking;
	size_t *columns = mem_array(size_t, t->ncolumns);
	struct selection rows;
	bool some;

	merge_lacking_columns(t, columns);
	select_rows(&all, ROWS_PARTIAL, &rows);
	rows.lacking = true;
	some = rows.n > 0;
	if (some)
		add_with(out, stmt, t, &rows, columns);
	mem_free(rows.rows);
	mem_free(columns);
	return some;
}

void
statements_add_fetch(struct statements *s, struct pgbatch *out,
		     const struct batch_table *in, const size_t *number,
		     size_t n)
{
	struct statements_range all = { in, 0, in->nrows, false, false };
	const struct table *t = in->table;
	struct selection rows, wanted;

	select_rows(&all, ROWS_PARTIAL, &rows);
	wanted.rows = mem_array(const struct batch_row *, n + 1);
	wanted.n = 0;
	wanted.lacking = false;
	for (size_t i = 0; i < n; i++)
		if (number[i] >= 1 && number[i] <= rows.n)
			wanted.rows[wanted.n++] = rows.rows[number[i] - 1];
	add_with(out, form_of(s, in, ROWS_FETCHED), t, &wanted, t->key);
	mem_free(rows.rows);
	mem_free(wanted.rows);
}
