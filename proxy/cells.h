/*
 * Memory for what a library allocates for each request: pieces of a few
 * sizes, kept by the thread that they belong to. Larger ones than any of
 * these sizes come from malloc.
 */
#ifndef PROXY_CELLS_H
#define PROXY_CELLS_H

#include <stddef.h>

#define CELLS_SIZES 6

struct cells {
	struct cell *unused[CELLS_SIZES];
	size_t n[CELLS_SIZES]; /* of them */
};

/* Zeroed is empty. Given back are those that were put. */
void cells_fini(struct cells *c);

/* Not zeroed; never fails. put and resize accept NULL, as free and realloc
 * do. */
void *cells_get(struct cells *c, size_t size);
void *cells_get_zeroed(struct cells *c, size_t size);
void *cells_resize(struct cells *c, void *at, size_t size);
void cells_put(struct cells *c, void *at);

#endif
