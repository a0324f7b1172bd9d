/*
 * Memory that ends all at once: one arena per request, batch or
 * configuration. Zeroed, never fails; what it gives is valid until
 * arena_reset or arena_free.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/span.h"

struct arena;

struct arena *arena_new(void);

/* NULL is fine; sets *ap NULL. */
void arena_free(struct arena **ap);

/* Empties it and keeps one block, so that re-use costs no malloc. */
void arena_reset(struct arena *a);

#define arena_make(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_calloc((a), (n), sizeof(type)))

/* Aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_calloc(struct arena *a, size_t n, size_t size);
void *arena_dup(struct arena *a, const void *from, size_t size);

/* strdup gives NULL for NULL; strndup copies len bytes, adds NUL. */
char *arena_strdup(struct arena *a, const char *text);
char *arena_strndup(struct arena *a, const char *text, size_t len);
char *arena_span(struct arena *a, struct span s);
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Bytes given out since the last reset. */
size_t arena_used(const struct arena *a);

#endif
