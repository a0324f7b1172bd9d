/*
 * Blocks in a list, the newest first; only the newest is filled. A block is
 * zeroed when it is made and when it is kept over a reset, so what the arena
 * gives is zero without work per piece.
 */
#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { FIRST_BYTES = 1024, BLOCK_BYTES = 16384 };

struct block {
	struct block *older;
	size_t size;
	size_t fill;
	alignas(max_align_t) char at[];
};

struct arena {
	struct block *newest;
	size_t used;
};

static struct block *block_new(struct block *older, size_t size);

struct arena *
arena_new(void)
{
	return mem_new(struct arena);
}

static void
drop_blocks(struct block *b)
{
	while (b != NULL) {
		struct block *older = b->older;

		mem_free(b);
		b = older;
	}
}

void
arena_free(struct arena **ap)
{
	struct arena *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	drop_blocks(a->newest);
	mem_free(a);
}

void
arena_reset(struct arena *a)
{
	struct block *b = a->newest;

	a->used = 0;
	if (b == NULL)
		return;
	drop_blocks(b->older);
	b->older = NULL;
	if (b->size > BLOCK_BYTES) {
		drop_blocks(b);
		a->newest = NULL;
		return;
	}
	memset(b->at, 0, b->fill);
	b->fill = 0;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	size_t want = size > 0 ? size : 1;
	struct block *b = a->newest;
	void *p;

	assert(want <= SIZE_MAX / 2);
	want = (want + alignof(max_align_t) - 1) & -alignof(max_align_t);
	if (b == NULL || b->size - b->fill < want) {
		size_t room = b == NULL ? FIRST_BYTES : BLOCK_BYTES;

		b = block_new(b, want > room ? want : room);
		a->newest = b;
	}
	p = b->at + b->fill;
	b->fill += want;
	a->used += want;
	return p;
}

static struct block *
block_new(struct block *older, size_t size)
{
	struct block *b = mem_alloc(sizeof(*b) + size);

	b->older = older;
	b->size = size;
	return b;
}

void *
arena_calloc(struct arena *a, size_t n, size_t size)
{
	size_t bytes;
	bool over = __builtin_mul_overflow(n, size, &bytes);

	assert(!over);
	return arena_alloc(a, bytes);
}

void *
arena_dup(struct arena *a, const void *from, size_t size)
{
	void *to = arena_alloc(a, size);

	if (size > 0)
		memcpy(to, from, size);
	return to;
}

char *
arena_strdup(struct arena *a, const char *text)
{
	return text != NULL ? arena_strndup(a, text, strlen(text)) : NULL;
}

char *
arena_strndup(struct arena *a, const char *text, size_t len)
{
	char *to = arena_alloc(a, len + 1);

	if (len > 0)
		memcpy(to, text, len);
	return to;
}

char *
arena_span(struct arena *a, struct span s)
{
	return arena_strndup(a, s.at, s.len);
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	char small[128];
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	assert(n >= 0);
	if ((size_t)n < sizeof(small))
		return arena_strndup(a, small, (size_t)n);
	text = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}
