#include "proxy/shared.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "proxy/introduction.h"

/* Connections per client address; touched at accept and close alone. */
struct address {
	uint8_t key[16];
	unsigned n;
	UT_hash_handle hh;
};

struct addresses {
	uv_mutex_t lock;
	struct address *table;
};

void
edition_drop(struct edition **ep)
{
	struct edition *e = *ep;

	*ep = NULL;
	if (e == NULL || atomic_fetch_sub(&e->holders, 1) != 1)
		return;
	route_free(&e->snapshot);
	mem_free(e);
}

void
shared_init(struct shared *s)
{
	int rc;

	s->addresses = mem_new(struct addresses);
	rc = uv_mutex_init(&s->addresses->lock);
	assert(rc == 0);
}

void
shared_fini(struct shared *s)
{
	struct address *a, *next;

	HASH_ITER(hh, s->addresses->table, a, next)
	{
		HASH_DEL(s->addresses->table, a);
		mem_free(a);
	}
	introduction_trust_free(&s->trust);
	uv_mutex_destroy(&s->addresses->lock);
	mem_free(s->addresses);
	s->addresses = NULL;
}

void
shared_signal(struct shared *s, const struct plane_event *e)
{
	atomic_store(&s->signals[e->site][e->service][e->kind].epoch, e->epoch);
	atomic_fetch_add(&s->signals[e->site][e->service][e->kind].n, 1);
	uv_async_send(&s->to_control);
}

bool
shared_hold(struct shared *s, const struct plane_limits *limits, size_t bytes,
	    enum limit *limit)
{
	uint64_t n = atomic_fetch_add(&s->held, 1);
	uint64_t sum = atomic_fetch_add(&s->held_bytes, bytes) + bytes;

	if (n < limits->held_requests && sum <= limits->held_bytes)
		return true;
	*limit = n >= limits->held_requests ? LIMIT_HELD_REQUESTS
					    : LIMIT_HELD_BYTES;
	shared_release(s, bytes);
	return false;
}

void
shared_release(struct shared *s, size_t bytes)
{
	atomic_fetch_sub(&s->held, 1);
	atomic_fetch_sub(&s->held_bytes, bytes);
}

static void
key_of(const struct sockaddr *from, uint8_t key[static 16])
{
	memset(key, 0, 16);
	if (from->sa_family == AF_INET6)
		memcpy(key, &((const struct sockaddr_in6 *)from)->sin6_addr,
		       16);
	else if (from->sa_family == AF_INET)
		memcpy(key, &((const struct sockaddr_in *)from)->sin_addr, 4);
}

static bool
count_address(struct addresses *all, unsigned limit, const uint8_t *key)
{
	struct address *a;
	bool ok;

	uv_mutex_lock(&all->lock);
	HASH_FIND(hh, all->table, key, 16, a);
	if (a == NULL) {
		a = mem_new(struct address);
		memcpy(a->key, key, 16);
		HASH_ADD(hh, all->table, key, 16, a);
	}
	ok = a->n < limit;
	a->n += ok;
	uv_mutex_unlock(&all->lock);
	return ok;
}

bool
shared_connect(struct shared *s, const struct plane_limits *limits,
	       const struct sockaddr *from, enum limit *limit)
{
	uint8_t key[16];

	*limit = LIMIT_CONNECTIONS;
	if (atomic_fetch_add(&s->connections, 1) >= limits->connections) {
		atomic_fetch_sub(&s->connections, 1);
		return false;
	}
	if (from == NULL)
		return true;
	*limit = LIMIT_CONNECTIONS_PER_ADDRESS;
	key_of(from, key);
	if (count_address(s->addresses, limits->connections_per_address, key))
		return true;
	atomic_fetch_sub(&s->connections, 1);
	return false;
}

void
shared_disconnect(struct shared *s, const struct sockaddr *from)
{
	struct addresses *all = s->addresses;
	struct address *a;
	uint8_t key[16];

	atomic_fetch_sub(&s->connections, 1);
	if (from == NULL)
		return;
	key_of(from, key);
	uv_mutex_lock(&all->lock);
	HASH_FIND(hh, all->table, key, 16, a);
	assert(a != NULL && a->n > 0);
	if (--a->n == 0) {
		HASH_DEL(all->table, a);
		mem_free(a);
	}
	uv_mutex_unlock(&all->lock);
}
