#include "proxy/cells.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The smallest; each size is twice the one before. */
#define SMALLEST 64
/* What is kept of each size. */
#define KEPT_BYTES (1 << 20)

/* Stands before the memory that is given out. */
struct cell {
	alignas(max_align_t) struct cell *next;
	size_t size; /* of what follows */
};

static unsigned
rank_of(size_t size)
{
	unsigned rank = 0;

	while (rank < CELLS_SIZES && (size_t)SMALLEST << rank < size)
		rank++;
	return rank;
}

void
cells_fini(struct cells *c)
{
	for (unsigned i = 0; i < CELLS_SIZES; i++)
		while (c->unused[i] != NULL) {
			struct cell *cell = c->unused[i];

			c->unused[i] = cell->next;
			free(cell);
		}
	*c = (struct cells){ 0 };
}

void *
cells_get(struct cells *c, size_t size)
{
	unsigned rank = rank_of(size);
	struct cell *cell;

	if (rank < CELLS_SIZES && c->unused[rank] != NULL) {
		cell = c->unused[rank];
		c->unused[rank] = cell->next;
		c->n[rank]--;
		return cell + 1;
	}
	if (rank < CELLS_SIZES)
		size = (size_t)SMALLEST << rank;
	assert(size <= SIZE_MAX - sizeof(*cell));
	cell = malloc(sizeof(*cell) + size);
	assert(cell != NULL);
	cell->size = size;
	return cell + 1;
}

void *
cells_get_zeroed(struct cells *c, size_t size)
{
	return memset(cells_get(c, size), 0, size);
}

void *
cells_resize(struct cells *c, void *at, size_t size)
{
	struct cell *cell;
	void *to;

	if (at == NULL)
		return cells_get(c, size);
	cell = (struct cell *)at - 1;
	if (size <= cell->size)
		return at;
	to = cells_get(c, size);
	memcpy(to, at, cell->size);
	cells_put(c, at);
	return to;
}

void
cells_put(struct cells *c, void *at)
{
	struct cell *cell;
	unsigned rank;

	if (at == NULL)
		return;
	cell = (struct cell *)at - 1;
	rank = rank_of(cell->size);
	if (rank == CELLS_SIZES || (c->n[rank] + 1) * cell->size > KEPT_BYTES) {
		free(cell);
		return;
	}
	cell->next = c->unused[rank];
	c->unused[rank] = cell;
	c->n[rank]++;
}
