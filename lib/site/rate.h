/*
 * How often: a bucket of tokens for each key, filled with `per_s` a second up
 * to twice as many. The longest untouched goes when there are too many. Pure:
 * time is a parameter.
 */
#ifndef SITE_RATE_H
#define SITE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_KEYS_MAX 10000

struct rate;

/* per_s 0: never too often. */
struct rate *rate_new(int64_t per_s);
void rate_free(struct rate **r);

/* Takes a token of that key (up to 63 characters count). */
bool rate_take(struct rate *r, const char *key, int64_t now_us);

#endif
