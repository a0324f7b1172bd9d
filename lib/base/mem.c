#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *
mem_alloc(size_t size)
{
	return mem_calloc(1, size);
}

void *
mem_calloc(size_t n, size_t size)
{
	void *p;

	if (n == 0 || size == 0)
		n = size = 1;
	p = calloc(n, size);
	assert(p != NULL);
	return p;
}

void *
mem_resize(void *p, size_t old_size, size_t new_size)
{
	char *to = realloc(p, new_size > 0 ? new_size : 1);

	assert(to != NULL);
	if (new_size > old_size)
		memset(to + old_size, 0, new_size - old_size);
	return to;
}

void *
mem_dup(const void *from, size_t size)
{
	void *to = mem_alloc(size);

	if (size > 0)
		memcpy(to, from, size);
	return to;
}

char *
mem_strdup(const char *text)
{
	return text != NULL ? mem_strndup(text, strlen(text)) : NULL;
}

char *
mem_strndup(const char *text, size_t len)
{
	char *to;

	if (text == NULL)
		return NULL;
	len = strnlen(text, len);
	to = mem_alloc(len + 1);
	memcpy(to, text, len);
	return to;
}

char *
mem_printf(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	return text;
}

void
mem_free(void *p)
{
	free(p);
}
