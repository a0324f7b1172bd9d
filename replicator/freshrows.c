/*
 * A row of pgoutput: number of columns, for each 'n', or 'b', length, bytes.
 * A row of COPY: number of columns, for each -1, or length, bytes.
 */
#include "replicator/freshrows.h"

#include <string.h>

#include "base/mem.h"
#include "replicator/decoder.h"
#include "replicator/merge.h"
#include "replicator/relation.h"
#include "replicator/sqlgen.h"

#define COPY_HEAD "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
#define COPY_END "\377\377"
#define ELEMENT_AT 8 /* in an array: the oid of its elements */

/* What becomes of a column of the peer's. */
struct fate {
	bool taken;
	bool is_row;      /* gsb_v_row */
	uint32_t element; /* of an array: what its elements are here; or 0 */
};

/* A relation of the peer's as it was introduced. */
struct fresh {
	struct fresh *next;
	uint32_t oid;
	const struct table *table; /* NULL: its rows are nothing to us */
	bool fits;
	unsigned ncolumns, ntaken;
	struct fate *fates;
	struct span *values; /* of the row, at NULL: SQL NULL */
	unsigned *keys;      /* whose values are effective keys as well, */
	size_t nkeys;        /* in columns behind all others */
	const char *sql;
	struct strbuf data;
	int64_t oldest; /* gsb_v_row of its rows; INT64_MAX: none came */
};

struct freshrows {
	const struct catalog *catalog;
	struct relations *relations;
	struct arena *arena;   /* of the list */
	struct arena *scratch; /* of one message */
	struct fresh *list;    /* the newest of an oid first */
	struct fresh *last;    /* that was found */
	uint64_t count;
};

struct freshrows *
freshrows_new(const struct catalog *catalog)
{
	struct freshrows *f = mem_new(struct freshrows);

	f->catalog = catalog;
	f->relations = relations_new(catalog);
	f->arena = arena_new();
	f->scratch = arena_new();
	return f;
}

void
freshrows_free(struct freshrows **fp)
{
	struct freshrows *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	for (struct fresh *r = f->list; r != NULL; r = r->next)
		strbuf_fini(&r->data);
	relations_free(&f->relations);
	arena_free(&f->scratch);
	arena_free(&f->arena);
	mem_free(f);
}

/* --- what the peer's relations are ---------------------------------------- */

static bool
all_come(const struct relation *r, const struct unique *u)
{
	bool all = r->missing == NULL || !r->missing[u->value];

	for (size_t i = 0; i < u->nscope; i++)
		all = all && (r->missing == NULL || !r->missing[u->scope[i]]);
	return all;
}

/* Of texts, the value is the effective key; what is folded, or no text, only
 * the database could make one of. */
static bool
fits(const struct relation *r)
{
	enum { TEXT = 25, VARCHAR = 1043 };

	if (r->kind != RELATION_TABLE || r->unknown != NULL)
		return false;
	for (size_t i = 0; i < r->table->nuniques; i++) {
		const struct unique *u = &r->table->uniques[i];
		uint32_t type = r->table->columns[u->value].type_oid;

		if (u->fold || (type != TEXT && type != VARCHAR) ||
		    !all_come(r, u))
			return false;
	}
	return true;
}

static void
add_keys(struct freshrows *f, struct fresh *r, const struct relation *relation,
	 struct strbuf *names)
{
	const struct table *t = relation->table;

	r->keys = arena_array(f->arena, unsigned, t->nuniques);
	for (size_t u = 0; u < t->nuniques; u++) {
		unsigned i = 0;

		while (relation->to[i] != t->uniques[u].value)
			i++;
		r->keys[r->nkeys++] = i;
		strbuf_adds(names, ", ");
		sqlgen_column(names, NULL, t->uniques[u].column);
	}
}

static void
add_column(struct fresh *r, struct strbuf *names, struct fate *fate,
	   const struct column *c)
{
	fate->taken = true;
	fate->element = c->element_oid;
	if (r->ntaken++ > 0)
		strbuf_adds(names, ", ");
	sqlgen_column(names, NULL, c->name);
}

static struct fresh *
make(struct freshrows *f, const struct relation *relation)
{
	struct fresh *r = arena_make(f->arena, struct fresh);
	const struct table *t = relation->table;
	STRBUF_AUTO names = { 0 };

	r->oid = relation->oid;
	r->oldest = INT64_MAX;
	r->fits = fits(relation);
	if (!r->fits) {
		/* any other may be of concern */
		r->table = relation->kind == RELATION_TABLE ? t : NULL;
		r->fits = relation->kind == RELATION_FOREIGN;
		return r;
	}
	r->table = t;
	r->ncolumns = relation->ncolumns;
	r->fates = arena_array(f->arena, struct fate, r->ncolumns);
	r->values = arena_array(f->arena, struct span, r->ncolumns);
	for (unsigned i = 0; i < r->ncolumns; i++) {
		size_t to = relation->to[i];

		if (to == TABLE_NONE)
			continue;
		add_column(r, &names, &r->fates[i], &t->columns[to]);
		r->fates[i].is_row = to == t->row;
	}
	add_keys(f, r, relation, &names);
	r->sql = arena_printf(f->arena,
			      "COPY %s (%s) FROM STDIN (FORMAT binary)",
			      t->quoted, strbuf_text(&names));
	return r;
}

static bool
is_same(const struct fresh *a, const struct fresh *b)
{
	if (a->oid != b->oid || a->table != b->table || a->fits != b->fits ||
	    a->ncolumns != b->ncolumns || (a->sql == NULL) != (b->sql == NULL))
		return false;
	return a->sql == NULL || (strcmp(a->sql, b->sql) == 0 &&
				  memcmp(a->fates, b->fates,
					 a->ncolumns * sizeof(*a->fates)) == 0);
}

static struct fresh *
find(struct freshrows *f, uint32_t oid)
{
	struct fresh *r = f->last;

	if (r != NULL && r->oid == oid)
		return r;
	for (r = f->list; r != NULL && r->oid != oid;)
		r = r->next;
	return f->last = r;
}

/* The peer says again what a relation is whenever it might be another. */
static bool
learn(struct freshrows *f, struct span message)
{
	struct decoder_message m;
	struct fresh *r, *was;
	struct err e;

	arena_reset(f->scratch);
	if (decoder_read(message, f->scratch, &m, &e) != 0)
		return false;
	r = make(f, relations_learn(f->relations, m.relation));
	was = find(f, r->oid);
	if (was != NULL && is_same(was, r))
		return true;
	r->next = f->list;
	f->list = f->last = r;
	return true;
}

/* --- rows ------------------------------------------------------------------
 */

static uint32_t
read_u32(const char *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return __builtin_bswap32(v);
}

static char *
put_u32(char *to, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(to, &v, sizeof(v));
	return to + sizeof(v);
}

static char *
put_value(char *to, struct span value, uint32_t element)
{
	if (value.at == NULL)
		return put_u32(to, UINT32_MAX);
	to = put_u32(to, (uint32_t)value.len);
	memcpy(to, value.at, value.len);
	if (element != 0 && value.len >= ELEMENT_AT + 4)
		put_u32(to + ELEMENT_AT, element);
	return to + value.len;
}

/* Their values; at NULL: SQL NULL. False: it is no row, or no new one. */
static bool
read_columns(struct fresh *r, const char *at, const char *end)
{
	for (unsigned i = 0; i < r->ncolumns; i++) {
		uint32_t len;

		r->values[i] = (struct span){ 0 };
		if (at == end || (*at != 'n' && *at != 'b'))
			return false;
		if (*at++ == 'n')
			continue;
		if (end - at < 4)
			return false;
		len = read_u32(at);
		if ((size_t)(end - at) - 4 < len)
			return false;
		r->values[i] = span_make(at + 4, len);
		at += 4 + (size_t)len;
	}
	return at == end;
}

static bool
put_columns(struct fresh *r, char **to)
{
	for (unsigned i = 0; i < r->ncolumns; i++) {
		const struct fate *fate = &r->fates[i];
		int64_t v;

		if (!fate->taken)
			continue;
		*to = put_value(*to, r->values[i], fate->element);
		if (!fate->is_row)
			continue;
		if (r->values[i].len != 8)
			return false;
		v = merge_int8(r->values[i]);
		r->oldest = v < r->oldest ? v : r->oldest;
	}
	for (size_t i = 0; i < r->nkeys; i++)
		*to = put_value(*to, r->values[r->keys[i]], 0);
	return true;
}

/* 'I', relation, 'N', number of columns, columns. */
static bool
add_row(struct freshrows *f, struct fresh *r, struct span message)
{
	const char *at = message.at + 5, *end = message.at + message.len;
	unsigned n = r->ntaken + (unsigned)r->nkeys;
	size_t room;
	char *to;

	if (end - at < 3 || at[0] != 'N' ||
	    (((unsigned)at[1] & 0xff) << 8 | ((unsigned)at[2] & 0xff)) !=
		r->ncolumns)
		return false;
	if (!read_columns(r, at + 3, end))
		return false;
	if (r->data.len == 0)
		strbuf_add(&r->data, COPY_HEAD, sizeof(COPY_HEAD) - 1);
	room = 2 + 4 * (size_t)n + message.len;
	for (size_t i = 0; i < r->nkeys; i++)
		room += r->values[r->keys[i]].len;
	to = strbuf_reserve(&r->data, room);
	*to++ = (char)(n >> 8);
	*to++ = (char)n;
	if (!put_columns(r, &to))
		return false;
	r->data.len = (size_t)(to - r->data.at);
	f->count++;
	return true;
}

static bool
add_change(struct freshrows *f, struct span message)
{
	struct fresh *r = message.len > 5 ? find(f, read_u32(message.at + 1))
					  : NULL;

	if (r == NULL || !r->fits)
		return false;
	if (r->table == NULL)
		return true;
	return message.at[0] == DECODER_INSERT && add_row(f, r, message);
}

bool
freshrows_add(struct freshrows *f, struct span message)
{
	struct decoder_message m;
	struct err e;

	switch (message.at[0]) {
	case DECODER_INSERT:
	case DECODER_UPDATE:
	case DECODER_DELETE:
		return add_change(f, message);
	case DECODER_RELATION:
		return learn(f, message);
	case DECODER_TYPE:
		return true;
	case DECODER_MESSAGE:
		arena_reset(f->scratch);
		return decoder_read(message, f->scratch, &m, &e) == 0 &&
		       !span_is(m.name, "gsb.barrier");
	default:
		return false;
	}
}

size_t
freshrows_bytes(const struct freshrows *f)
{
	size_t n = 0;

	for (const struct fresh *r = f->list; r != NULL; r = r->next)
		n += r->data.len;
	return n;
}

uint64_t
freshrows_count(const struct freshrows *f)
{
	return f->count;
}

struct pgbatch *
freshrows_take(struct freshrows *f)
{
	struct pgbatch *b;

	for (struct fresh *r = f->list; r != NULL; r = r->next) {
		if (r->data.len == 0)
			continue;
		strbuf_add(&r->data, COPY_END, sizeof(COPY_END) - 1);
		b = pgbatch_new();
		pgbatch_add_copy(b, r->sql, &r->data);
		return b;
	}
	return NULL;
}

static void
add_end(const struct freshrows *f, const struct fresh *r, struct pgbatch *out)
{
	const struct table *t = r->table;
	struct pgparam oldest = pgparam_int(r->oldest);

	pgbatch_add_once(out, merge_sweep_newer_sql(f->scratch, t), 1, &oldest);
	for (size_t u = 0; u < t->nuniques; u++) {
		pgbatch_add_sql(out, merge_demote_sql(f->scratch, t, u));
		pgbatch_add_sql(out, merge_promote_sql(f->scratch, t, u));
	}
}

void
freshrows_add_end(const struct freshrows *f, struct pgbatch *out)
{
	for (const struct fresh *r = f->list; r != NULL; r = r->next)
		if (r->oldest != INT64_MAX)
			add_end(f, r, out);
}
