#include "site/rate.h"

#include <stdio.h>
#include <uthash.h>

#include "base/mem.h"

#define BURST_S 2

struct bucket {
	char key[64];
	int64_t full_at_us; /* when it would be full again */
	UT_hash_handle hh;  /* in order of the last touch */
};

struct rate {
	int64_t step_us; /* of one token; 0: no limit */
	struct bucket *buckets;
};

struct rate *
rate_new(int64_t per_s)
{
	struct rate *r = mem_new(struct rate);

	r->step_us = per_s > 0 ? 1000000 / per_s : 0;
	return r;
}

static void
drop(struct rate *r, struct bucket *b)
{
	HASH_DEL(r->buckets, b);
	mem_free(b);
}

void
rate_free(struct rate **rp)
{
	struct rate *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	while (r->buckets != NULL)
		drop(r, r->buckets);
	mem_free(r);
}

bool
rate_take(struct rate *r, const char *key, int64_t now_us)
{
	char name[64];
	struct bucket *b;

	if (r->step_us == 0)
		return true;
	snprintf(name, sizeof(name), "%s", key);
	HASH_FIND_STR(r->buckets, name, b);
	if (b != NULL)
		HASH_DEL(r->buckets, b);
	else
		b = mem_new(struct bucket);
	snprintf(b->key, sizeof(b->key), "%s", name);
	HASH_ADD_STR(r->buckets, key, b);
	if (HASH_COUNT(r->buckets) > RATE_KEYS_MAX)
		drop(r, r->buckets);
	if (b->full_at_us < now_us)
		b->full_at_us = now_us;
	if (b->full_at_us + r->step_us > now_us + BURST_S * 1000000)
		return false;
	b->full_at_us += r->step_us;
	return true;
}
