#include "replicator/batch.h"

#include <assert.h>
#include <string.h>
#include <uthash.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "replicator/merge.h"

struct batch_key {
	size_t index;
	UT_hash_handle hh;
};

struct batch *
batch_new(void)
{
	struct batch *b = mem_new(struct batch);

	b->arena = arena_new();
	b->begins = b->ends = true;
	return b;
}

void
batch_free(struct batch **bp)
{
	struct batch *b = *bp;

	*bp = NULL;
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->ntables; i++)
		HASH_CLEAR(hh, b->tables[i]->keys);
	HASH_CLEAR(hh, b->tombstone_keys);
	arena_free(&b->arena);
	mem_free(b);
}

bool
batch_is_empty(const struct batch *b)
{
	return b->rows == 0 && b->ntombstones == 0 && b->nbarriers == 0 &&
	       b->nrejects == 0;
}

/* The list, with room for one more; grows by doubling inside the arena. */
static void *
grown(struct arena *a, void *list, size_t n, size_t size)
{
	void *bigger;

	/* full exactly when n is 0 or a power of two */
	if ((n & (n - 1)) != 0)
		return list;
	bigger = arena_calloc(a, n > 0 ? n * 2 : 1, size);
	if (n > 0)
		memcpy(bigger, list, n * size);
	return bigger;
}

/* Found: its index; else the key is noted under `next`. */
static size_t
find_or_add(struct batch_key **keys, struct arena *a, struct span key,
	    size_t next)
{
	struct batch_key *k;

	HASH_FIND(hh, *keys, key.at, key.len, k);
	if (k != NULL)
		return k->index;
	k = arena_make(a, struct batch_key);
	k->index = next;
	HASH_ADD_KEYPTR(hh, *keys, key.at, key.len, k);
	return next;
}

static bool
is_same_set(const struct table *t, const bool *a, const bool *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return memcmp(a, b, t->ncolumns * sizeof(*a)) == 0;
}

static struct batch_table *
table_of(struct batch *b, const struct relation *r)
{
	struct batch_table *t;

	for (size_t i = b->ntables; i-- > 0;)
		if (b->tables[i]->table == r->table &&
		    is_same_set(r->table, b->tables[i]->missing, r->missing))
			return b->tables[i];
	t = arena_make(b->arena, struct batch_table);
	t->table = r->table;
	if (r->missing != NULL)
		t->missing = arena_dup(b->arena, r->missing,
				       r->table->ncolumns * sizeof(bool));
	b->tables = grown(b->arena, b->tables, b->ntables, sizeof(void *));
	b->tables[b->ntables++] = t;
	return t;
}

/* One column: its bytes; several: each behind its length. */
static struct span
key_of(struct batch *b, const struct table *t, const struct span *values)
{
	STRBUF_AUTO key = { 0 };

	if (t->nkey == 1)
		return values[t->key[0]];
	for (size_t i = 0; i < t->nkey; i++) {
		uint64_t len = values[t->key[i]].len;

		strbuf_add(&key, &len, sizeof(len));
		strbuf_add_span(&key, values[t->key[i]]);
	}
	return span_make(arena_dup(b->arena, key.at, key.len), key.len);
}

static bool
any(const bool *flags, size_t n)
{
	return flags != NULL && memchr(flags, true, n) != NULL;
}

/* An edit of one batch is all that its edits were. */
static struct span
both_changed(struct batch *b, struct span was, struct span is)
{
	uint64_t bits = (uint64_t)merge_int8(was) | (uint64_t)merge_int8(is);
	char bytes[8];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(bits >> (8 * (sizeof(bytes) - 1 - i)));
	return span_make(arena_dup(b->arena, bytes, sizeof(bytes)),
			 sizeof(bytes));
}

static void
join_into(struct batch *b, const struct table *t, struct batch_row *into,
	  const struct span *values, const bool *absent)
{
	struct merge_row was = { into->values, into->absent };
	struct merge_row is = { values, absent };
	unsigned char *take = arena_calloc(b->arena, t->ncolumns, 1);
	bool one = merge_int8(into->values[t->row]) ==
		   merge_int8(values[t->row]);

	merge_join(t, &was, &is, take);
	if (one && t->changed != TABLE_NONE) {
		take[t->changed] = 0;
		into->values[t->changed] = both_changed(
		    b, into->values[t->changed], values[t->changed]);
	}
	if (absent != NULL && into->absent == NULL)
		into->absent = arena_array(b->arena, bool, t->ncolumns);
	for (size_t c = 0; c < t->ncolumns; c++) {
		if (take[c] == 0)
			continue;
		into->values[c] = values[c];
		if (into->absent != NULL)
			into->absent[c] = absent != NULL && absent[c];
	}
	if (!any(into->absent, t->ncolumns))
		into->absent = NULL;
}

struct batch_row *
batch_join(struct batch *b, struct batch_table *in, struct span *values,
	   bool *absent)
{
	const struct table *t = in->table;
	size_t at = find_or_add(&in->keys, b->arena, key_of(b, t, values),
				in->nrows);
	struct batch_row *row;

	if (!any(absent, t->ncolumns))
		absent = NULL;
	if (at < in->nrows) {
		join_into(b, t, &in->rows[at], values, absent);
		return NULL;
	}
	in->rows = grown(b->arena, in->rows, in->nrows, sizeof(*in->rows));
	row = &in->rows[in->nrows++];
	row->values = values;
	row->absent = absent;
	b->rows++;
	return row;
}

static void
reject(struct batch *b, const struct relation *r, const struct decoder_row *row,
       const char *why)
{
	JSON_AUTO list = json_array();
	struct batch_reject *rj;

	for (unsigned i = 0; i < row->n; i++) {
		json_t *one = json_object();
		STRBUF_AUTO hex = { 0 };

		if (row->columns[i].kind == DATUM_TEXT)
			json_put_span(one, "text", row->columns[i].bytes);
		for (size_t k = 0; row->columns[i].kind == DATUM_BINARY &&
				   k < row->columns[i].bytes.len;
		     k++)
			strbuf_addf(&hex, "%02x",
				    (unsigned char)row->columns[i].bytes.at[k]);
		if (row->columns[i].kind == DATUM_BINARY)
			json_put_str(one, "binary", strbuf_text(&hex));
		json_array_append_new(list, one);
	}
	b->rejects = grown(b->arena, b->rejects, b->nrejects,
			   sizeof(*b->rejects));
	rj = &b->rejects[b->nrejects++];
	rj->rel = arena_strdup(b->arena, r->name);
	rj->key = "";
	rj->why = why;
	STRBUF_AUTO text = { 0 };
	json_write(list, JSON_AS_MADE, &text);
	rj->payload = arena_strdup(b->arena, strbuf_text(&text));
}

/* NULL: fine; else why the row cannot be used. */
static const char *
place(const struct relation *r, const struct decoder_row *row,
      struct span *values, bool *absent)
{
	static const char nothing[1];

	if (row->n != r->ncolumns)
		return "not as many columns as the relation has";
	for (unsigned i = 0; i < row->n; i++) {
		const struct datum *d = &row->columns[i];
		size_t to = r->to[i];

		if (to == TABLE_NONE)
			continue;
		if (d->kind == DATUM_TEXT)
			return "a column's type has no binary form";
		absent[to] = d->kind == DATUM_UNCHANGED;
		if (d->kind == DATUM_BINARY)
			values[to] = span_make(d->bytes.len > 0 ? d->bytes.at
								: nothing,
					       d->bytes.len);
	}
	return NULL;
}

static void
add_tombstone(struct batch *b, const struct relation *r,
	      const struct decoder_row *row)
{
	struct span values[RELATION_TOMB] = { 0 }, key;
	bool absent[RELATION_TOMB] = { 0 };
	STRBUF_AUTO text = { 0 };
	struct batch_tombstone *t;
	const char *why = place(r, row, values, absent);
	size_t at;

	if (why == NULL &&
	    (values[RELATION_REL].at == NULL ||
	     values[RELATION_KEY].at == NULL || values[RELATION_V].len != 8))
		why = "a tombstone without rel, key or v";
	if (why != NULL) {
		reject(b, r, row, why);
		return;
	}
	strbuf_addf(&text, "%zu ", values[RELATION_REL].len);
	strbuf_add_span(&text, values[RELATION_REL]);
	strbuf_add_span(&text, values[RELATION_KEY]);
	key = span_make(arena_dup(b->arena, text.at, text.len), text.len);
	at = find_or_add(&b->tombstone_keys, b->arena, key, b->ntombstones);
	if (at == b->ntombstones) {
		b->tombstones = grown(b->arena, b->tombstones, b->ntombstones,
				      sizeof(*b->tombstones));
		t = &b->tombstones[b->ntombstones++];
		t->rel = values[RELATION_REL];
		t->key = values[RELATION_KEY];
		t->v = merge_int8(values[RELATION_V]);
		t->seen = merge_int8(values[RELATION_SEEN]);
		return;
	}
	t = &b->tombstones[at];
	if (merge_int8(values[RELATION_V]) > t->v)
		t->v = merge_int8(values[RELATION_V]);
	if (merge_int8(values[RELATION_SEEN]) > t->seen)
		t->seen = merge_int8(values[RELATION_SEEN]);
}

static int64_t
newest_of(const struct table *t, const struct span *values)
{
	int64_t v = merge_int8(values[t->row]);

	for (size_t g = 0; g < t->ngroups; g++) {
		size_t at = t->groups[g].version;

		if (at != TABLE_NONE && merge_int8(values[at]) > v)
			v = merge_int8(values[at]);
	}
	return v;
}

/* See relation.unknown. Before the row is joined: its values are copied. */
static void
add_extras(struct batch *b, const struct relation *r,
	   const struct decoder_row *row, const struct span *values)
{
	const struct table *t = r->table;
	struct span *copy = arena_dup(b->arena, values,
				      t->ncolumns * sizeof(*values));

	for (unsigned i = 0; i < row->n; i++) {
		const struct datum *d = &row->columns[i];
		struct batch_extra *x;

		if (r->unknown[i] == NULL || d->kind == DATUM_UNCHANGED ||
		    d->kind == DATUM_TEXT)
			continue;
		b->extras = grown(b->arena, b->extras, b->nextras,
				  sizeof(*b->extras));
		x = &b->extras[b->nextras++];
		x->table = t;
		x->row = copy;
		x->name = arena_strdup(b->arena, r->unknown[i]);
		if (d->kind == DATUM_BINARY)
			x->value = span_make(
			    d->bytes.len > 0 ? d->bytes.at : "", d->bytes.len);
		x->born = merge_int8(values[t->row]);
		x->v = newest_of(t, values);
	}
}

static void
add_row(struct batch *b, const struct relation *r,
	const struct decoder_row *row, bool fresh)
{
	struct batch_row *added;
	const struct table *t = r->table;
	struct span *values = arena_array(b->arena, struct span, t->ncolumns);
	bool *absent = arena_array(b->arena, bool, t->ncolumns);
	const char *why = place(r, row, values, absent);

	for (size_t i = 0; why == NULL && i < t->nkey; i++)
		if (values[t->key[i]].at == NULL)
			why = "a column of the key did not come";
	if (why == NULL && values[t->row].len != 8)
		why = "gsb_v_row did not come";
	if (why != NULL) {
		reject(b, r, row, why);
		return;
	}
	if (r->unknown != NULL)
		add_extras(b, r, row, values);
	added = batch_join(b, table_of(b, r), values, absent);
	if (added != NULL)
		added->fresh = fresh;
}

void
batch_add(struct batch *b, const struct relation *r,
	  const struct decoder_row *row, bool fresh)
{
	b->changes++;
	for (unsigned i = 0; i < row->n; i++)
		b->bytes += row->columns[i].bytes.len + 8;
	switch (r->kind) {
	case RELATION_TABLE:
		add_row(b, r, row, fresh);
		return;
	case RELATION_TOMBSTONE:
		add_tombstone(b, r, row);
		return;
	case RELATION_FOREIGN:
		return;
	}
}

void
batch_add_barrier(struct batch *b, struct span token)
{
	b->barriers = grown(b->arena, b->barriers, b->nbarriers,
			    sizeof(*b->barriers));
	b->barriers[b->nbarriers++] = span_make(
	    arena_dup(b->arena, token.at, token.len), token.len);
}

void
batch_comes_again(struct batch *b)
{
	static const char none[8];

	for (size_t i = 0; i < b->ntables; i++) {
		const struct batch_table *in = b->tables[i];
		size_t c = in->table->changed;

		if (c == TABLE_NONE || (in->missing != NULL && in->missing[c]))
			continue;
		for (size_t r = 0; r < in->nrows; r++)
			in->rows[r].values[c] = span_make(none, sizeof(none));
	}
}
