/*
 * Any bytes as messages of pgoutput: each is preceded by its length in two
 * bytes, so that one input holds several. What was read is walked.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "replicator/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned
walk_row(const struct decoder_row *row)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < row->n; i++)
		for (size_t k = 0; k < row->columns[i].bytes.len; k++)
			sum += (unsigned char)row->columns[i].bytes.at[k];
	return sum;
}

static unsigned
walk_relation(const struct decoder_relation *r)
{
	unsigned sum = (unsigned)strlen(r->name) + (unsigned)strlen(r->schema);

	for (unsigned i = 0; i < r->ncolumns; i++)
		sum += (unsigned)strlen(r->columns[i].name);
	return sum;
}

static unsigned
try_message(struct span bytes, struct arena *arena)
{
	struct decoder_message m;
	struct err e = { 0 };

	if (decoder_read(bytes, arena, &m, &e) != 0) {
		assert(e.code == ERR_INVALID && e.text[0] != '\0');
		return 0;
	}
	assert(m.kind != DECODER_RELATION || m.relation != NULL);
	return walk_row(&m.row) + walk_row(&m.old) +
	       (m.relation != NULL ? walk_relation(m.relation) : 0);
}

/* What is read is used, so that no reading is optimized away. */
static volatile unsigned sink;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	unsigned sum = 0;
	size_t at = 0;

	while (size - at >= 2) {
		size_t n = (size_t)data[at] << 8 | data[at + 1];

		at += 2;
		if (n > size - at)
			n = size - at;
		sum += try_message(span_make((const char *)data + at, n),
				   arena);
		at += n;
	}
	arena_free(&arena);
	sink = sum;
	return 0;
}
