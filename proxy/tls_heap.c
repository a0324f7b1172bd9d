/*
 * Pieces have no head of ours: malloc knows their sizes. So memory may come
 * from any thread, and from before, and go wherever it is freed.
 */
#include "proxy/tls_heap.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* malloc's sizes are 8 more than multiples of 16; classes are the same. */
#define STEP 16
#define REST 8
#define SMALL 33 /* classes: to 520 bytes */
/* A record with what stands around it, to be read or to be written. */
#define LARGE_FROM 16384
#define LARGE_TO 18432
#define KEPT_SMALL 64 /* of a class */
#define KEPT_LARGE 8

/* Lies in a piece that nobody uses. */
struct piece {
	struct piece *next;
};

struct heap {
	bool open;
	struct piece *small[SMALL];
	unsigned nsmall[SMALL];
	void *large[KEPT_LARGE];
	unsigned nlarge;
};
static _Thread_local struct heap heap;

/* The smallest class that holds size. */
static size_t
class_of(size_t size)
{
	return size <= REST ? 0 : (size - REST + STEP - 1) / STEP;
}

static void *
get_small(struct heap *h, size_t class)
{
	struct piece *p = h->small[class];

	if (p == NULL)
		return malloc(class * STEP + REST);
	h->small[class] = p->next;
	h->nsmall[class]--;
	return p;
}

static void *
get_large(struct heap *h, size_t size)
{
	for (unsigned i = h->nlarge; i-- > 0;)
		if (malloc_usable_size(h->large[i]) >= size) {
			void *at = h->large[i];

			h->large[i] = h->large[--h->nlarge];
			return at;
		}
	return malloc(size);
}

static void *
on_malloc(size_t size, const char *file, int line)
{
	struct heap *h = &heap;

	if (size == 0)
		return NULL;
	if (h->open && class_of(size) < SMALL)
		return get_small(h, class_of(size));
	if (h->open && size >= LARGE_FROM && size <= LARGE_TO)
		return get_large(h, size);
	return malloc(size);
}

static void
on_free(void *at, const char *file, int line)
{
	struct heap *h = &heap;
	size_t size, class;

	if (at == NULL)
		return;
	size = h->open ? malloc_usable_size(at) : 0;
	class = size >= REST ? (size - REST) / STEP : SMALL;
	if (class < SMALL && h->nsmall[class] < KEPT_SMALL) {
		struct piece *p = at;

		p->next = h->small[class];
		h->small[class] = p;
		h->nsmall[class]++;
	} else if (size >= LARGE_FROM && size <= LARGE_TO &&
		   h->nlarge < KEPT_LARGE) {
		h->large[h->nlarge++] = at;
	} else {
		free(at);
	}
}

static void *
on_realloc(void *at, size_t size, const char *file, int line)
{
	if (size == 0) {
		on_free(at, file, line);
		return NULL;
	}
	return at == NULL ? on_malloc(size, file, line) : realloc(at, size);
}

/* Only before OpenSSL has allocated anything at all. */
static void __attribute__((constructor)) hook(void)
{
	CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free);
}

void
tls_heap_open(void)
{
	heap.open = true;
}

void
tls_heap_close(void)
{
	struct heap *h = &heap;

	h->open = false;
	for (size_t i = 0; i < SMALL; i++)
		while (h->small[i] != NULL) {
			struct piece *p = h->small[i];

			h->small[i] = p->next;
			free(p);
		}
	while (h->nlarge > 0)
		free(h->large[--h->nlarge]);
	*h = (struct heap){ 0 };
}
