/*
 * Everything that a batch holds lies in one arena. pgconn reads it through
 * pgitem.h.
 */
#include "io/pgbatch.h"

#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/pgitem.h"

/* Of pg_type.dat, fixed for ever. */
enum {
	OID_BOOL = 16,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_OID = 26
};

struct pgparam
pgparam_null(void)
{
	return (struct pgparam){ .kind = PGPARAM_NULL };
}

struct pgparam
pgparam_text(const char *text)
{
	return pgparam_span(span_of(text));
}

struct pgparam
pgparam_span(struct span text)
{
	if (text.at == NULL)
		return pgparam_null();
	return (struct pgparam){ .kind = PGPARAM_TEXT, .bytes = text };
}

struct pgparam
pgparam_binary(struct span bytes)
{
	if (bytes.at == NULL)
		return pgparam_null();
	return (struct pgparam){ .kind = PGPARAM_BINARY, .bytes = bytes };
}

struct pgparam
pgparam_int(int64_t number)
{
	return (struct pgparam){ .kind = PGPARAM_INT, .number = number };
}

struct pgparam
pgparam_bool(bool value)
{
	return pgparam_text(value ? "t" : "f");
}

struct pgbatch *
pgbatch_new(void)
{
	struct pgbatch *b = mem_new(struct pgbatch);

	b->arena = arena_new();
	b->commit_at = SIZE_MAX;
	STAILQ_INIT(&b->items);
	return b;
}

void
pgbatch_free(struct pgbatch **bp)
{
	struct pgbatch *b = *bp;

	*bp = NULL;
	if (b == NULL)
		return;
	strbuf_fini(&b->copy);
	arena_free(&b->arena);
	mem_free(b);
}

static struct pgitem *
add_item(struct pgbatch *b)
{
	struct pgitem *item = arena_make(b->arena, struct pgitem);

	assert(!b->copies);
	STAILQ_INSERT_TAIL(&b->items, item, entry);
	b->count++;
	return item;
}

/* Fills the i-th value; returns its bytes on the wire. */
static size_t
fill(struct arena *a, struct pgitem *item, unsigned i, const struct pgparam *p)
{
	switch (p->kind) {
	case PGPARAM_NULL:
		return 0;
	case PGPARAM_TEXT:
	case PGPARAM_BINARY:
		assert(p->bytes.len <= INT32_MAX);
		item->values[i] = arena_span(a, p->bytes);
		item->lengths[i] = (int)p->bytes.len;
		item->formats[i] = p->kind == PGPARAM_BINARY;
		return p->bytes.len;
	case PGPARAM_INT:
		item->values[i] = arena_printf(a, "%lld", (long long)p->number);
		return 8;
	}
	assert(0);
	return 0;
}

static void
bind(struct pgbatch *b, struct pgitem *item, unsigned n,
     const struct pgparam *params)
{
	item->nparams = n;
	item->values = arena_array(b->arena, const char *, n);
	item->lengths = arena_array(b->arena, int, n);
	item->formats = arena_array(b->arena, int, n);
	for (unsigned i = 0; i < n; i++)
		b->bytes += 8 + fill(b->arena, item, i, &params[i]);
	b->bytes += 64;
}

size_t
pgbatch_add(struct pgbatch *b, const struct pgstmt *stmt,
	    const struct pgparam *params)
{
	struct pgitem *item = add_item(b);

	item->stmt = stmt;
	bind(b, item, stmt->nparams, params);
	return b->count - 1;
}

size_t
pgbatch_add_once(struct pgbatch *b, const char *sql, unsigned n,
		 const struct pgparam *params)
{
	struct pgitem *item = add_item(b);

	item->sql = arena_strdup(b->arena, sql);
	b->bytes += strlen(sql);
	bind(b, item, n, params);
	return b->count - 1;
}

size_t
pgbatch_add_sql(struct pgbatch *b, const char *sql)
{
	struct pgitem *item = add_item(b);

	item->sql = arena_strdup(b->arena, sql);
	b->bytes += 64 + strlen(sql);
	return b->count - 1;
}

void
pgbatch_add_copy(struct pgbatch *b, const char *sql, struct strbuf *data)
{
	assert(b->count == 0);
	pgbatch_add_sql(b, sql);
	b->bytes += data->len;
	b->copies = true;
	b->copy = *data;
	*data = (struct strbuf){ 0 };
}

void
pgbatch_commits(struct pgbatch *b)
{
	b->commits = true;
}

size_t
pgbatch_commit(struct pgbatch *b)
{
	pgbatch_commits(b);
	b->commit_at = pgbatch_add_sql(b, "COMMIT");
	return b->commit_at;
}

void
pgbatch_quick(struct pgbatch *b)
{
	b->quick = true;
}

size_t
pgbatch_count(const struct pgbatch *b)
{
	return b->count;
}

int
pgresult_rows(const struct pgresult *r)
{
	return PQntuples(r->pg);
}

int
pgresult_columns(const struct pgresult *r)
{
	return PQnfields(r->pg);
}

int
pgresult_column(const struct pgresult *r, const char *name)
{
	for (int i = 0; i < PQnfields(r->pg); i++)
		if (strcmp(PQfname(r->pg, i), name) == 0)
			return i;
	fprintf(stderr, "pgresult: no column \"%s\"\n", name);
	assert(0);
	return -1;
}

int64_t
pgresult_affected(const struct pgresult *r)
{
	return strtoll(PQcmdTuples(r->pg), NULL, 10);
}

static void
check_cell(const struct pgresult *r, int row, int col)
{
	assert(row >= 0 && row < PQntuples(r->pg));
	assert(col >= 0 && col < PQnfields(r->pg));
}

bool
pgresult_is_null(const struct pgresult *r, int row, int col)
{
	check_cell(r, row, col);
	return PQgetisnull(r->pg, row, col) != 0;
}

struct span
pgresult_bytes(const struct pgresult *r, int row, int col)
{
	if (pgresult_is_null(r, row, col))
		return (struct span){ 0 };
	return span_make(PQgetvalue(r->pg, row, col),
			 (size_t)PQgetlength(r->pg, row, col));
}

const char *
pgresult_text(const struct pgresult *r, int row, int col)
{
	check_cell(r, row, col);
	assert(PQfformat(r->pg, col) == 0);
	return PQgetvalue(r->pg, row, col);
}

static int64_t
read_binary(const char *at, size_t len, Oid type)
{
	uint64_t wide = 0;

	for (size_t i = 0; i < len && i < 8; i++)
		wide = wide << 8 | (unsigned char)at[i];
	switch (type) {
	case OID_INT2:
		return (int16_t)wide;
	case OID_INT4:
		return (int32_t)wide;
	case OID_BOOL:
	case OID_INT8:
	case OID_OID:
		return (int64_t)wide;
	default:
		assert(!"a binary value that is no integer");
		return 0;
	}
}

int64_t
pgresult_int(const struct pgresult *r, int row, int col)
{
	struct span s = pgresult_bytes(r, row, col);
	int64_t n = 0;

	if (s.at == NULL)
		return 0;
	if (PQfformat(r->pg, col) == 1)
		return read_binary(s.at, s.len, PQftype(r->pg, col));
	if (span_to_i64(s, &n) < 0)
		assert(!"a text value that is no integer");
	return n;
}

bool
pgresult_bool(const struct pgresult *r, int row, int col)
{
	struct span s = pgresult_bytes(r, row, col);

	if (s.at == NULL)
		return false;
	if (PQfformat(r->pg, col) == 1)
		return s.len == 1 && s.at[0] == 1;
	assert(span_is(s, "t") || span_is(s, "f"));
	return s.at[0] == 't';
}
