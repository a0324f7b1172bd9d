/*
 * Heap memory that is zeroed and never fails: out of memory is an assert.
 * Plain malloc underneath, so mem_free and free are the same.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#define mem_new(type) ((type *)mem_alloc(sizeof(type)))
#define mem_array(type, n) ((type *)mem_calloc((n), sizeof(type)))

/* Given. A size of 0 gives a pointer that must be freed as well. */
void *mem_alloc(size_t size);
void *mem_calloc(size_t n, size_t size);

/* Like realloc; bytes beyond old_size are zeroed. p may be NULL. */
void *mem_resize(void *p, size_t old_size, size_t new_size);

void *mem_dup(const void *from, size_t size);

/* NULL gives NULL. strndup stops at a NUL. */
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t len);

/* Given: printf into a new string. */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* NULL is fine. */
void mem_free(void *p);

#endif
