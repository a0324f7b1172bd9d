/*
 * The join of two states of a key, on the stream's binary values. What the
 * merge statement does in SQL, without the table.
 */
#include "replicator/merge.h"

#include <assert.h>

/* Big-endian two's complement of 1 to 8 bytes. */
static int64_t
big_endian(struct span value)
{
	uint64_t n = 0;

	assert(value.len >= 1 && value.len <= 8);
	n = (unsigned char)value.at[0] >= 0x80 ? UINT64_MAX : 0;
	for (size_t i = 0; i < value.len; i++)
		n = n << 8 | (unsigned char)value.at[i];
	return (int64_t)n;
}

int64_t
merge_int8(struct span value)
{
	return value.at == NULL ? 0 : big_endian(value);
}

static bool
is_absent(const struct merge_row *r, size_t column)
{
	return r->absent != NULL && r->absent[column];
}

static int
compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* As sqlgen's ranks: unknown labels 0, NULL below all. */
static int64_t
rank_of(const struct rank *k, const struct merge_row *r)
{
	struct span value = r->values[k->column];

	if (k->labels.n == 0)
		return value.at == NULL ? INT64_MIN : big_endian(value);
	for (size_t i = 0; i < k->labels.n; i++)
		if (value.at != NULL && span_is(value, k->labels.at[i]))
			return (int64_t)i + 1;
	return 0;
}

static int
compare_bytes(struct span a, struct span b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int by = 0;

	/* NULL is below all: so a column that has only just come, and is empty
	 * yet, takes nothing away from the site that has had it for long */
	if (a.at == NULL || b.at == NULL)
		return (a.at != NULL) - (b.at != NULL);
	if (shorter > 0)
		by = memcmp(a.at, b.at, shorter);
	return by != 0 ? by : compare((int64_t)a.len, (int64_t)b.len);
}

/* < 0: a is older; > 0: newer; 0: the same. */
static int
group_compare(const struct table *t, const struct group *g,
	      const struct merge_row *a, const struct merge_row *b)
{
	int by = 0;

	for (size_t i = 0; i < g->nranks && by == 0; i++) {
		size_t column = g->ranks[i].column;

		if (!is_absent(a, column) && !is_absent(b, column))
			by = compare(rank_of(&g->ranks[i], a),
				     rank_of(&g->ranks[i], b));
	}
	if (by == 0 && g->version != TABLE_NONE)
		by = compare(merge_int8(a->values[g->version]),
			     merge_int8(b->values[g->version]));
	for (size_t i = 0; i < g->ncolumns && by == 0; i++) {
		size_t column = g->columns[i];

		if (!is_absent(a, column) && !is_absent(b, column))
			by = compare_bytes(a->values[column],
					   b->values[column]);
	}
	return by;
}

/*
 * An absent value is what the other state has if the versions are equal, and
 * only then: a row that took a newer version from us and was changed in
 * another group comes without the value of that version, and what came of it
 * before is of an older one.
 */
static void
join_group(const struct table *t, const struct group *g,
	   const struct merge_row *a, const struct merge_row *b,
	   unsigned char *take)
{
	int by = group_compare(t, g, a, b);

	for (size_t i = 0; i < g->ncolumns; i++) {
		size_t c = g->columns[i];

		take[c] = by == 0 ? is_absent(a, c) : by < 0;
	}
	if (g->version != TABLE_NONE)
		take[g->version] = by < 0;
}

int
merge_join(const struct table *t, const struct merge_row *a,
	   const struct merge_row *b, unsigned char *take)
{
	int by = compare(merge_int8(a->values[t->row]),
			 merge_int8(b->values[t->row]));
	int side = by < 0;

	memset(take, side, t->ncolumns);
	if (by != 0)
		return side;
	for (size_t i = 0; i < t->ngroups; i++)
		join_group(t, &t->groups[i], a, b, take);
	return side;
}
