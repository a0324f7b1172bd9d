#include "proxy/block.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define KEPT_SMALL 4096
#define KEPT_LARGE 256

/* mem_alloc zeroes, which would cost more than the rest of a request. */
static struct block *
make(size_t cap)
{
	struct block *block = malloc(sizeof(*block) + cap);

	assert(block != NULL);
	block->cap = cap;
	return block;
}

struct block *
block_get(struct blocks *b, size_t size)
{
	struct block *block;

	if (size <= BLOCK_SMALL && b->small != NULL) {
		block = b->small;
		b->small = block->next;
		b->nsmall--;
	} else if (size > BLOCK_SMALL && size <= BLOCK_LARGE &&
		   b->large != NULL) {
		block = b->large;
		b->large = block->next;
		b->nlarge--;
	} else if (size <= BLOCK_SMALL) {
		block = make(BLOCK_SMALL);
	} else {
		block = make(size <= BLOCK_LARGE ? BLOCK_LARGE : size);
	}
	block->next = NULL;
	block->len = 0;
	return block;
}

static void
put_one(struct blocks *b, struct block *block)
{
	if (block->cap == BLOCK_SMALL && b->nsmall < KEPT_SMALL) {
		block->next = b->small;
		b->small = block;
		b->nsmall++;
	} else if (block->cap == BLOCK_LARGE && b->nlarge < KEPT_LARGE) {
		block->next = b->large;
		b->large = block;
		b->nlarge++;
	} else {
		mem_free(block);
	}
}

void
block_put_all(struct blocks *b, struct block *block)
{
	while (block != NULL) {
		struct block *next = block->next;

		put_one(b, block);
		block = next;
	}
}

static void
free_list(struct block *block)
{
	while (block != NULL) {
		struct block *next = block->next;

		mem_free(block);
		block = next;
	}
}

void
blocks_fini(struct blocks *b)
{
	free_list(b->small);
	free_list(b->large);
	*b = (struct blocks){ 0 };
}

char *
block_extend(struct blocks *b, struct block **bp, size_t len)
{
	struct block *old = *bp;
	char *at;

	if (old == NULL) {
		*bp = block_get(b, len);
	} else if (old->cap - old->len < len) {
		*bp = block_get(b, 2 * (old->len + len));
		memcpy((*bp)->at, old->at, old->len);
		(*bp)->len = old->len;
		block_put(b, &old);
	}
	at = (*bp)->at + (*bp)->len;
	(*bp)->len += len;
	return at;
}

void
block_append(struct blocks *b, struct block **bp, const void *from, size_t len)
{
	memcpy(block_extend(b, bp, len), from, len);
}

void
block_consume(struct block *b, size_t n)
{
	assert(n <= b->len);
	memmove(b->at, b->at + n, b->len - n);
	b->len -= n;
}
