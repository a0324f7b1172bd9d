/*
 * We listen and accept ourselves and hand each socket to libwebsockets: so
 * errors of binding are ours to tell, and draining is to stop accepting.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/wsd_inner.h"

#define DRAIN_MS 2000
#define PAUSE_MS 100
#define HEAD_BYTES 20480
#define REAPER_TURNS 8

static void on_acceptable(void *ctx, unsigned events);
static void on_pause_end(void *ctx);
static void on_ping_time(void *ctx);
static void on_drain_end(void *ctx);
static void on_drained(void *ctx);
static void on_destroy(void *ctx);
static void on_reaper_closed(uv_handle_t *handle);

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
on_log(int level, const char *line)
{
	char text[256];

	log_debug("wsd", "libwebsockets=%s",
		  log_quote(text, sizeof(text), line));
}

static void
init_once(void)
{
	lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
}

static void
set_defaults(struct wsd_conf *c)
{
	if (c->max_message == 0)
		c->max_message = 64 * 1024;
	if (c->max_queue == 0)
		c->max_queue = 1024 * 1024;
	if (c->ping_ms == 0)
		c->ping_ms = 25000;
	if (c->max_conns == 0)
		c->max_conns = 10000;
}

static int
open_listener(struct wsd *w, struct err *e)
{
	struct addr a;
	int one = 1;

	if (addr_parse(&a, w->conf.listen, e) < 0)
		return -1;
	if (a.path[0] != '\0')
		return err_set(e, ERR_INVALID,
			       "\"%s\": expected HOST:PORT here",
			       w->conf.listen);
	w->fd = socket(a.sa.ss_family,
		       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (w->fd < 0 ||
	    setsockopt(w->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) <
		0 ||
	    bind(w->fd, (struct sockaddr *)&a.sa, sizeof(a.sa)) < 0 ||
	    listen(w->fd, 1024) < 0)
		return err_set(e, ERR_IO, "cannot listen on %s: %m",
			       w->conf.listen);
	w->watch = fdwatch_start(w->fd, FDWATCH_READ, on_acceptable, w);
	return 0;
}

static void
open_context(struct wsd *w)
{
	static const struct lws_protocols protocols[] = {
		/* each connection has a buffer of its own of this size */
		{ .name = "gsb",
		  .callback = wsd_conn_event,
		  .rx_buffer_size = 2048 },
		{ 0 }
	};
	/* No timers of the library for each connection: ours is one. */
	static const lws_retry_bo_t no_pings = { 0 };
	void *loops[] = { loop_uv() };
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_LIBUV |
			   LWS_SERVER_OPTION_VALIDATE_UTF8 |
			   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
		.foreign_loops = loops,
		.retry_and_idle_policy = &no_pings,
		.max_http_header_data = HEAD_BYTES,
		.pt_serv_buf_size = HEAD_BYTES,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.vhost_name = "gsb",
		.user = w,
	};

	pthread_once(&once, init_once);
	w->context = lws_create_context(&info);
	assert(w->context != NULL);
	w->vhost = lws_get_vhost_by_name(w->context, "gsb");
	assert(w->vhost != NULL);
}

static void
stop_listening(struct wsd *w)
{
	timer_cancel(&w->pause);
	fdwatch_cancel(&w->watch);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static void
wsd_free(struct wsd *w)
{
	mem_free((char *)w->conf.listen);
	mem_free(w);
}

struct wsd *
wsd_open(const struct wsd_conf *conf, struct err *e)
{
	struct wsd *w = mem_new(struct wsd);

	w->conf = *conf;
	w->conf.listen = mem_strdup(conf->listen);
	w->fd = -1;
	set_defaults(&w->conf);
	TAILQ_INIT(&w->conns);
	if (open_listener(w, e) == 0) {
		open_context(w);
		return w;
	}
	stop_listening(w);
	wsd_free(w);
	return NULL;
}

static void
destroy_context(struct wsd *w)
{
	lws_context_destroy(w->context);
	w->reaper_turns = REAPER_TURNS;
	w->reaper.data = w;
	on_reaper_closed((uv_handle_t *)&w->reaper);
}

/*
 * On somebody else's loop the library begins to close in the first call of
 * lws_context_destroy and wants another one when its handles have closed,
 * which takes some turns of the loop.
 */
static void
on_reaper_closed(uv_handle_t *handle)
{
	struct wsd *w = handle->data;

	if (w->reaper_turns-- > 0) {
		io_must(uv_idle_init(loop_uv(), &w->reaper));
		uv_close(handle, on_reaper_closed);
		return;
	}
	lws_context_destroy(w->context);
	assert(w->nconns == 0);
	wsd_free(w);
}

static void
on_destroy(void *ctx)
{
	struct wsd *w = ctx;

	w->destroy = NULL;
	destroy_context(w);
}

void
wsd_close_all(struct wsd **wp)
{
	struct wsd *w = *wp;

	*wp = NULL;
	if (w == NULL)
		return;
	w->dying = true;
	stop_listening(w);
	timer_cancel(&w->pinger);
	timer_cancel(&w->drain_end);
	loop_defer_cancel(&w->drained);
	if (w->in_callback > 0)
		w->destroy = loop_defer(on_destroy, w);
	else
		destroy_context(w);
}

void
wsd_drain(struct wsd *w, int code, const char *reason, void (*fn)(void *ctx),
	  void *ctx)
{
	struct wsd_conn *c;

	assert(w->on_drained == NULL);
	w->on_drained = fn;
	w->drain_ctx = ctx;
	stop_listening(w);
	for (c = TAILQ_FIRST(&w->conns); c != NULL; c = TAILQ_NEXT(c, entry))
		wsd_close(c, code, reason);
	w->drain_end = timer_start(DRAIN_MS, on_drain_end, w);
	wsd_lost(w);
}

static void
on_drain_end(void *ctx)
{
	struct wsd *w = ctx;
	struct wsd_conn *c;

	w->drain_end = NULL;
	for (c = TAILQ_FIRST(&w->conns); c != NULL; c = TAILQ_NEXT(c, entry))
		wsd_conn_cut(c, 1006, "no answer to the close");
}

void
wsd_gained(struct wsd *w)
{
	if (w->pinger == NULL && !w->dying)
		w->pinger = timer_start(w->conf.ping_ms, on_ping_time, w);
}

void
wsd_lost(struct wsd *w)
{
	if (w->dying || w->nconns > 0)
		return;
	timer_cancel(&w->pinger);
	if (w->on_drained == NULL || w->drained != NULL)
		return;
	timer_cancel(&w->drain_end);
	w->drained = loop_defer(on_drained, w);
}

static void
on_drained(void *ctx)
{
	struct wsd *w = ctx;
	void (*fn)(void *) = w->on_drained;

	w->drained = NULL;
	fn(w->drain_ctx);
}

static void
on_acceptable(void *ctx, unsigned events)
{
	struct wsd *w = ctx;
	int fd;

	while (w->fd >= 0) {
		fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
			/* It stays readable: look again in a while. */
			fdwatch_set(w->watch, 0);
			w->pause = timer_start(PAUSE_MS, on_pause_end, w);
		}
		if (fd < 0)
			return;
		/* It closes fd itself when it cannot take it. */
		w->in_callback++;
		lws_adopt_socket_vhost(w->vhost, fd);
		w->in_callback--;
	}
}

static void
on_pause_end(void *ctx)
{
	struct wsd *w = ctx;

	w->pause = NULL;
	fdwatch_set(w->watch, FDWATCH_READ);
}

static void
on_ping_time(void *ctx)
{
	struct wsd *w = ctx;
	int64_t now = clock_mono_ms();
	struct wsd_conn *c;

	w->pinger = NULL;
	for (c = TAILQ_FIRST(&w->conns); c != NULL; c = TAILQ_NEXT(c, entry))
		wsd_conn_check(c, now);
	if (w->nconns > 0)
		wsd_gained(w);
}

unsigned
wsd_port(const struct wsd *w)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (w->fd < 0 || getsockname(w->fd, (struct sockaddr *)&sa, &len) < 0)
		return 0;
	return addr_port((const struct sockaddr *)&sa);
}

unsigned
wsd_connections(const struct wsd *w)
{
	return w->nconns;
}
