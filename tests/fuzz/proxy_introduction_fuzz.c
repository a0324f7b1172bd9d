/*
 * The PROXY protocol: what is whole stays the same with bytes behind it, and
 * every prefix of it waits for more.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/introduction.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Its own block, so that reading beyond it is seen. */
	char *text = calloc(1, size + (size == 0));
	struct introduction in, again;
	int used;

	assert(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	used = introduction_parse(text, size, &in);
	assert(used <= (int)size && used <= INTRODUCTION_MAX);
	if (used == 0)
		assert(size < INTRODUCTION_MAX);
	if (used > 0) {
		assert(introduction_parse(text, (size_t)used, &again) == used);
		assert(in.named == again.named);
		for (int n = 0; n < used; n++)
			assert(introduction_parse(text, (size_t)n, &again) ==
			       0);
	}
	free(text);
	return 0;
}
