/*
 * Buffers of a worker from free lists, so that a request costs no malloc.
 * Not zeroed. Two sizes are kept; larger ones come and go.
 */
#ifndef PROXY_BLOCK_H
#define PROXY_BLOCK_H

#include <stddef.h>

#define BLOCK_SMALL 4064
#define BLOCK_LARGE 32736

struct block {
	struct block *next; /* the owner's to chain with */
	size_t cap;
	size_t len; /* 0 at first */
	char at[];
};

/* { 0 } is empty. */
struct blocks {
	struct block *small, *large;
	unsigned nsmall, nlarge;
};

/* cap is at least `size`. */
struct block *block_get(struct blocks *b, size_t size);
void block_put_all(struct blocks *b, struct block *first);
/* NULL is fine; sets *bp NULL. Frees the chain behind it as well. */
static inline void
block_put(struct blocks *b, struct block **bp)
{
	struct block *block = *bp;

	*bp = NULL;
	if (block != NULL)
		block_put_all(b, block);
}
void blocks_fini(struct blocks *b);

/* Room for len bytes more at the end of *bp (NULL: a new one), which count as
 * there from then on. */
char *block_extend(struct blocks *b, struct block **bp, size_t len);
/* Appends to *bp (NULL: a new one), which grows as needed. */
void block_append(struct blocks *b, struct block **bp, const void *from,
		  size_t len);
/* The first n bytes go. */
void block_consume(struct block *b, size_t n);

#endif
