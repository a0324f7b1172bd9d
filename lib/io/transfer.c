/*
 * libcurl's multi interface: it says which sockets and which timer it wants,
 * we watch them and call it. One multi handle (and so one store of idle
 * connections) for each loop.
 */
#include "io/transfer.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>

#include "base/mem.h"
#include "io/fdwatch.h"
#include "io/inner.h"

/* A slice in which the process stood still counts as one all the same. */
#define SLICES 8

struct transfer_multi {
	CURLM *curl;
	struct timer *timer;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static int on_timer_wanted(CURLM *curl, long ms, void *ctx);
static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *ctx,
			    void *watch);
static void on_time(void *ctx);
static void on_ready(void *ctx, unsigned events);
static void on_slice(void *ctx);
static void on_done(void *ctx);

/* A socket that libcurl asked to watch. */
struct watched {
	struct fdwatch *watch;
	curl_socket_t fd;
	struct transfer_multi *multi;
};

static void
init_once(void)
{
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		assert(!"libcurl cannot start");
}

static void
multi_free(struct transfer_multi **mp)
{
	struct transfer_multi *m = *mp;

	*mp = NULL;
	if (m == NULL)
		return;
	curl_multi_cleanup(m->curl);
	timer_cancel(&m->timer);
	mem_free(m);
}

void
transfer_library(void)
{
	pthread_once(&once, init_once);
}

static struct transfer_multi *
multi_get(void)
{
	struct loop_hooks *hooks = loop_hooks();
	struct transfer_multi *m = hooks->multi;

	if (m != NULL)
		return m;
	transfer_library();
	m = mem_new(struct transfer_multi);
	m->curl = curl_multi_init();
	assert(m->curl != NULL);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
	hooks->multi = m;
	hooks->free_multi = multi_free;
	return m;
}

void
transfer_init(struct transfer *t, void (*done)(struct transfer *t))
{
	(void)multi_get(); /* libcurl is ready before its first handle */
	t->on_done = done;
	t->easy = curl_easy_init();
	assert(t->easy != NULL);
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->words);
	curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
}

void
transfer_start(struct transfer *t, uint32_t limit_ms)
{
	t->limit_ms = limit_ms;
	if (limit_ms > 0)
		t->deadline = timer_start((limit_ms + SLICES - 1) / SLICES,
					  on_slice, t);
	t->multi = multi_get()->curl;
	if (curl_multi_add_handle(t->multi, t->easy) != CURLM_OK)
		assert(!"libcurl refuses a transfer");
}

static void
take_out(struct transfer *t)
{
	if (t->multi != NULL)
		curl_multi_remove_handle(t->multi, t->easy);
	t->multi = NULL;
	timer_cancel(&t->deadline);
}

void
transfer_fini(struct transfer *t)
{
	take_out(t);
	curl_easy_cleanup(t->easy);
	loop_defer_cancel(&t->end);
}

const char *
transfer_words(const struct transfer *t)
{
	return t->words[0] != '\0' ? t->words : curl_easy_strerror(t->result);
}

static int
on_timer_wanted(CURLM *curl, long ms, void *ctx)
{
	struct transfer_multi *m = ctx;

	timer_cancel(&m->timer);
	if (ms >= 0)
		m->timer = timer_start((uint64_t)ms, on_time, m);
	return 0;
}

static int
on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *ctx, void *watch)
{
	struct transfer_multi *m = ctx;
	struct watched *w = watch;
	unsigned events = 0;

	if (what == CURL_POLL_REMOVE) {
		if (w != NULL)
			fdwatch_cancel(&w->watch);
		mem_free(w);
		curl_multi_assign(m->curl, fd, NULL);
		return 0;
	}
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= FDWATCH_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= FDWATCH_WRITE;
	if (w == NULL) {
		w = mem_new(struct watched);
		w->fd = fd;
		w->multi = m;
		w->watch = fdwatch_start(fd, events, on_ready, w);
		curl_multi_assign(m->curl, fd, w);
	} else {
		fdwatch_set(w->watch, events);
	}
	return 0;
}

/* The last one is only for what has come already: sockets are read between a
 * timer and one that it starts. */
static void
on_slice(void *ctx)
{
	struct transfer *t = ctx;

	t->deadline = NULL; /* it has fired */
	if (++t->slices <= SLICES) {
		t->deadline = timer_start(
		    t->slices < SLICES ? (t->limit_ms + SLICES - 1) / SLICES
				       : 1,
		    on_slice, t);
		return;
	}
	take_out(t);
	t->result = CURLE_OPERATION_TIMEDOUT;
	snprintf(t->words, sizeof(t->words), "not done within %u ms",
		 t->limit_ms);
	t->on_done(t);
}

static void
on_done(void *ctx)
{
	struct transfer *t = ctx;

	t->end = NULL;
	t->on_done(t);
}

void
transfer_collect(void)
{
	struct transfer_multi *m = multi_get();
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(m->curl, &left)) != NULL) {
		struct transfer *t = NULL;
		CURLcode result = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);
		t->result = result;
		take_out(t);
		t->end = loop_defer(on_done, t);
	}
}

static void
on_time(void *ctx)
{
	struct transfer_multi *m = ctx;
	int running;

	m->timer = NULL;
	curl_multi_socket_action(m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
	transfer_collect();
}

static void
on_ready(void *ctx, unsigned events)
{
	struct watched *w = ctx;
	struct transfer_multi *m = w->multi;
	int flags = 0, running;

	if (events & FDWATCH_READ)
		flags |= CURL_CSELECT_IN;
	if (events & FDWATCH_WRITE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(m->curl, w->fd, flags, &running);
	transfer_collect();
}
