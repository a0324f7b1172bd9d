/*
 * When to try again: exponential back-off with jitter. Pure: the random
 * value is a parameter.
 */
#ifndef BASE_RETRY_H
#define BASE_RETRY_H

#include <stdint.h>

struct retry_conf {
	uint32_t first_ms; /* mean wait before the second try, > 0 */
	uint32_t max_ms;   /* the wait grows by doubling up to this */
};

/*
 * Milliseconds to wait after `failures` failures in a row (1, 2, ...). The
 * span is first_ms * 2^(failures-1), at most max_ms; the wait lies between
 * half of it and all of it, spread by `random` (any 32 bits). 0 failures: 0.
 */
uint32_t retry_wait_ms(const struct retry_conf *conf, unsigned failures,
		       uint32_t random);

#endif
