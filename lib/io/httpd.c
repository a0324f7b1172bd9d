/*
 * The listener. Connections are in httpd_conn.c, answers in httpd_reply.c.
 */
#include <assert.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "io/httpd_inner.h"

static void on_connection(uv_stream_t *listener, int status);
static void on_closed(uv_handle_t *handle);
static void on_drained(void *ctx);

static void
set_defaults(struct httpd_conf *c)
{
	if (c->unix_mode == 0)
		c->unix_mode = 0600;
	if (c->body_limit == 0)
		c->body_limit = 1024 * 1024;
	if (c->head_ms == 0)
		c->head_ms = 10000;
	if (c->body_ms == 0)
		c->body_ms = 30000;
	if (c->idle_ms == 0)
		c->idle_ms = 75000;
	if (c->max_conns == 0)
		c->max_conns = 10000;
}

static int
bind_unix(struct httpd *h, const char *path)
{
	mode_t was;
	int rc;

	h->is_unix = true;
	io_must(uv_pipe_init(loop_uv(), &h->io.pipe, 0));
	addr_unlink_stale(path);
	/* Nobody else may come in before the mode is set. */
	was = umask(0177);
	rc = uv_pipe_bind(&h->io.pipe, path);
	umask(was);
	if (rc == 0 && chmod(path, h->conf.unix_mode) < 0)
		rc = UV_EACCES;
	return rc;
}

static int
bind_listener(struct httpd *h, const struct addr *a)
{
	if (a->path[0] != '\0')
		return bind_unix(h, a->path);
	io_must(uv_tcp_init(loop_uv(), &h->io.tcp));
	return uv_tcp_bind(&h->io.tcp, (const struct sockaddr *)&a->sa, 0);
}

struct httpd *
httpd_open(const struct httpd_conf *conf, struct err *e)
{
	struct httpd *h;
	struct addr a;
	int rc;

	if (addr_parse(&a, conf->listen, e) < 0)
		return NULL;
	h = mem_new(struct httpd);
	h->conf = *conf;
	h->conf.listen = mem_strdup(conf->listen);
	if (conf->spool != NULL)
		h->spool = *conf->spool;
	h->spool.dir = mem_strdup(h->spool.dir);
	if (conf->tls != NULL)
		h->tls = *conf->tls;
	set_defaults(&h->conf);
	TAILQ_INIT(&h->conns);
	TAILQ_INIT(&h->orphans);
	rc = bind_listener(h, &a);
	h->io.handle.data = h;
	h->listening = true;
	if (rc == 0)
		rc = uv_listen(&h->io.stream, 1024, on_connection);
	if (rc == 0)
		return h;
	err_set(e, ERR_IO, "cannot listen on %s: %s", conf->listen,
		uv_strerror(rc));
	httpd_close(&h);
	return NULL;
}

static void
stop_listening(struct httpd *h)
{
	if (!h->listening)
		return;
	h->listening = false;
	uv_close(&h->io.handle, on_closed);
}

static void
httpd_free(struct httpd *h)
{
	mem_free((char *)h->conf.listen);
	mem_free((char *)h->spool.dir);
	mem_free(h);
}

/* Of the listener; the server goes with it if it was closed. */
static void
on_closed(uv_handle_t *handle)
{
	struct httpd *h = handle->data;

	handle->data = NULL;
	if (h->closed)
		httpd_free(h);
}

void
httpd_close(struct httpd **hp)
{
	struct httpd *h = *hp;
	struct httpd_conn *c;
	struct httpd_req *r;

	*hp = NULL;
	if (h == NULL)
		return;
	while ((c = TAILQ_FIRST(&h->conns)) != NULL)
		conn_drop(c);
	while ((r = TAILQ_FIRST(&h->orphans)) != NULL)
		req_free(&r);
	loop_defer_cancel(&h->drained);
	stop_listening(h);
	h->closed = true;
	if (h->io.handle.data == NULL)
		httpd_free(h); /* the listener closed before, by a drain */
}

void
httpd_drain(struct httpd *h, void (*fn)(void *ctx), void *ctx)
{
	struct httpd_conn *c, *next;

	assert(!h->draining);
	h->draining = true;
	h->on_drained = fn;
	h->drain_ctx = ctx;
	stop_listening(h);
	for (c = TAILQ_FIRST(&h->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		conn_drain(c);
	}
	httpd_lost(h);
}

void
httpd_lost(struct httpd *h)
{
	if (h->draining && h->nconns == 0 && h->drained == NULL &&
	    h->on_drained != NULL)
		h->drained = loop_defer(on_drained, h);
	if (h->accept_later && h->listening && h->nconns < h->conf.max_conns) {
		h->accept_later = false;
		conn_accept(h);
	}
}

static void
on_drained(void *ctx)
{
	struct httpd *h = ctx;
	void (*fn)(void *) = h->on_drained;

	h->drained = NULL;
	h->on_drained = NULL;
	fn(h->drain_ctx);
}

static void
on_connection(uv_stream_t *listener, int status)
{
	struct httpd *h = listener->data;

	if (status < 0)
		return;
	/* libuv offers no other one before this one is accepted. */
	if (h->nconns >= h->conf.max_conns)
		h->accept_later = true;
	else
		conn_accept(h);
}

unsigned
httpd_port(const struct httpd *h)
{
	struct sockaddr_storage sa;
	int len = sizeof(sa);

	if (h->is_unix || !h->listening ||
	    uv_tcp_getsockname(&h->io.tcp, (struct sockaddr *)&sa, &len) != 0)
		return 0;
	return addr_port((const struct sockaddr *)&sa);
}

unsigned
httpd_in_flight(const struct httpd *h)
{
	return h->in_flight;
}

unsigned
httpd_connections(const struct httpd *h)
{
	return h->nconns;
}
