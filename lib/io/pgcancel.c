/*
 * One detached thread for each request. The owner and the thread each hold
 * the job; the one that sees the other gone frees it. The loop is only posted
 * to while the owner lives, so a thread that hangs on a stopped server outlives
 * the loop without harm.
 */
#include "io/pgcancel.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/mem.h"
#include "io/inner.h"

struct pgcancel {
	pthread_mutex_t lock;
	bool owned; /* under lock */
	struct loop *loop;
	PGcancel *request;
	loop_fn *fn;
	void *ctx;
};

static void *in_thread(void *arg);
static void on_asked(void *ctx);

static void
pgcancel_free(struct pgcancel *c)
{
	pthread_mutex_destroy(&c->lock);
	PQfreeCancel(c->request);
	mem_free(c);
}

struct pgcancel *
pgcancel_start(PGconn *pg, loop_fn *fn, void *ctx)
{
	struct pgcancel *c = mem_new(struct pgcancel);
	pthread_attr_t attr;
	pthread_t thread;

	io_must(pthread_mutex_init(&c->lock, NULL));
	c->owned = true;
	c->loop = loop_current();
	c->request = PQgetCancel(pg);
	c->fn = fn;
	c->ctx = ctx;
	io_must(pthread_attr_init(&attr));
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	io_must(pthread_create(&thread, &attr, in_thread, c));
	pthread_attr_destroy(&attr);
	return c;
}

void
pgcancel_forget(struct pgcancel **cp)
{
	struct pgcancel *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->owned = false; /* the thread, or on_asked if posted, frees it */
	pthread_mutex_unlock(&c->lock);
}

static void *
in_thread(void *arg)
{
	struct pgcancel *c = arg;
	char why[256];
	bool owned;

	if (c->request != NULL)
		PQcancel(c->request, why, sizeof(why));
	pthread_mutex_lock(&c->lock);
	owned = c->owned;
	if (owned)
		loop_post(c->loop, on_asked, c);
	pthread_mutex_unlock(&c->lock);
	if (!owned)
		pgcancel_free(c);
	return NULL;
}

/* On the loop. The lock waits until the thread has let go of the job. */
static void
on_asked(void *ctx)
{
	struct pgcancel *c = ctx;
	loop_fn *fn = c->fn;
	void *owner = c->ctx;
	bool owned;

	pthread_mutex_lock(&c->lock);
	owned = c->owned;
	pthread_mutex_unlock(&c->lock);
	pgcancel_free(c);
	if (owned)
		fn(owner);
}
