/* What two sites answered, side by side. */
#include "replicator/digest_lists.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

/* int8send, then tidsend */
#define HASH_SIZE 8
#define BLOCK_SIZE 4
#define ITEM_SIZE 2
#define PLACE_SIZE (HASH_SIZE + BLOCK_SIZE + ITEM_SIZE)

void
digest_read(struct arena *a, const struct pgresult *result,
	    struct digest_list *out)
{
	out->n = (size_t)pgresult_rows(result);
	out->rows = arena_array(a, struct digest_row, out->n);
	for (size_t i = 0; i < out->n; i++) {
		/* text has the same bytes in both formats */
		out->rows[i].key = arena_span(
		    a, pgresult_bytes(result, (int)i, 0));
		out->rows[i].hash = pgresult_int(result, (int)i, 1);
	}
}

/* Which of the two comes first; 0: both. */
static int
first_of(const struct digest_list *a, size_t i, const struct digest_list *b,
	 size_t k)
{
	if (i == a->n || k == b->n)
		return (i == a->n) - (k == b->n);
	return strcmp(a->rows[i].key, b->rows[k].key);
}

void
digest_join(struct arena *a, const struct digest_list *here,
	    const struct digest_list *there, struct digest_found *out)
{
	size_t i = 0, k = 0;

	out->arena = a;
	out->keys = arena_array(a, struct digest_key, here->n + there->n);
	out->n = 0;
	while (i < here->n || k < there->n) {
		int by = first_of(here, i, there, k);
		struct digest_key key = { .is_here = by <= 0,
					  .is_there = by >= 0 };

		if (key.is_there) {
			key.key = there->rows[k].key;
			key.there = there->rows[k++].hash;
		}
		if (key.is_here) {
			key.key = here->rows[i].key;
			key.here = here->rows[i++].hash;
		}
		if (by != 0 || key.here != key.there)
			out->keys[out->n++] = key;
	}
}

char *
digest_keys_text(const struct digest_key *keys, size_t n)
{
	struct strbuf text = { 0 };

	strbuf_addc(&text, '[');
	for (size_t i = 0; i < n; i++) {
		strbuf_adds(&text, i > 0 ? "," : "");
		strbuf_adds(&text, keys[i].key);
	}
	strbuf_addc(&text, ']');
	return strbuf_take(&text);
}

/* --- places -------------------------------------------------------------- */

static uint64_t
number(const char *at, size_t size)
{
	uint64_t n = 0;

	for (size_t i = 0; i < size; i++)
		n = n << 8 | (unsigned char)at[i];
	return n;
}

void
digest_places_read(struct arena *a, const char *text, struct digest_places *out)
{
	STRBUF_AUTO bytes = { 0 };
	const char *at;

	/* "" is the NULL of no rows, else "\\x..." */
	crypto_unhex(span_skip(span_of(text), 2), &bytes);
	out->n = bytes.len / PLACE_SIZE;
	out->list = arena_array(a, struct digest_place, out->n);
	at = strbuf_text(&bytes);
	for (size_t i = 0; i < out->n; i++, at += PLACE_SIZE)
		out->list[i] = (struct digest_place){
			.hash = number(at, HASH_SIZE),
			.block = (uint32_t)number(at + HASH_SIZE, BLOCK_SIZE),
			.item = (uint16_t)number(at + HASH_SIZE + BLOCK_SIZE,
						 ITEM_SIZE),
		};
}

static int
by_hash(const void *a, const void *b)
{
	const struct digest_place *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

static void
sort(struct digest_places *places)
{
	if (places->n > 0)
		qsort(places->list, places->n, sizeof(*places->list), by_hash);
}

static void
add(struct strbuf *sb, const struct digest_place *p)
{
	strbuf_addf(sb, "%s\"(%u,%u)\"", sb->len > 0 ? "," : "", p->block,
		    p->item);
}

void
digest_places_unlike(struct digest_places *here, struct digest_places *there,
		     struct strbuf *only_here, struct strbuf *only_there)
{
	size_t i = 0, k = 0;

	sort(here);
	sort(there);
	while (i < here->n || k < there->n) {
		int by;

		if (i == here->n || k == there->n)
			by = (i == here->n) - (k == there->n);
		else
			by = by_hash(&here->list[i], &there->list[k]);
		if (by < 0)
			add(only_here, &here->list[i]);
		else if (by > 0)
			add(only_there, &there->list[k]);
		i += by <= 0;
		k += by >= 0;
	}
}
