#include "proxy/stream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/mem.h"
#include "proxy/tls.h"
#include "proxy/worker.h"

#define STREAM_BUFS 68 /* 1 MiB of body in large blocks, and some */

/* A write under way; data holds what was copied. */
struct pending {
	uv_write_t req;
	size_t bytes;
	char data[];
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buf);
static void on_written(uv_write_t *req, int status);
static void on_closed(uv_handle_t *handle);

void
stream_init(struct stream *s, struct worker *w, const struct stream_ops *ops)
{
	int rc = uv_tcp_init(w->uv, &s->tcp);

	assert(rc == 0);
	s->tcp.data = s;
	s->worker = w;
	s->ops = ops;
}

void
stream_start(struct stream *s)
{
	stream_resume(s);
}

void
stream_pause(struct stream *s)
{
	if (!s->reading || s->failed)
		return;
	s->reading = false;
	uv_read_stop((uv_stream_t *)&s->tcp);
}

void
stream_resume(struct stream *s)
{
	if (s->reading || s->ended || stream_is_closing(s))
		return;
	s->reading = true;
	uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read);
	if (s->tls != NULL)
		tls_resume(s);
}

bool
stream_is_closing(const struct stream *s)
{
	return uv_is_closing((const uv_handle_t *)&s->tcp);
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct stream *s = handle->data;

	buf->base = s->worker->rx;
	buf->len = WORKER_RX;
}

void
stream_received(struct stream *s, char *at, size_t len)
{
	if (s->tls != NULL)
		tls_receive(s, at, len);
	else
		s->ops->on_data(s, at, len);
}

static void
on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buf)
{
	struct stream *s = tcp->data;

	if (n > 0)
		stream_received(s, buf->base, (size_t)n);
	else if (n < 0)
		stream_end(s, s->tls != NULL ? tls_end(s, (int)n) : (int)n);
}

void
stream_end(struct stream *s, int why)
{
	s->reading = false;
	s->ended = true;
	uv_read_stop((uv_stream_t *)&s->tcp);
	s->ops->on_end(s, why);
}

/* Reading finds out and tells the owner, outside of the owner's own call. */
void
stream_fail(struct stream *s)
{
	s->failed = true;
	stream_resume(s);
}

/* As uv_try_write does it; send costs less than write. */
static ssize_t
send_now(struct stream *s, const uv_buf_t *bufs, unsigned n)
{
	struct msghdr m = { .msg_iov = (struct iovec *)bufs, .msg_iovlen = n };
	uv_os_fd_t fd;
	ssize_t sent;

	if (uv_fileno((const uv_handle_t *)&s->tcp, &fd) != 0)
		return -1;
	do
		sent = n == 1 ? send(fd, bufs->base, bufs->len, MSG_NOSIGNAL)
			      : sendmsg(fd, &m, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	return sent;
}

/* How much was sent at once; -1 when the connection is of no use. */
static ssize_t
try_write(struct stream *s, const uv_buf_t *bufs, unsigned n)
{
	ssize_t sent;

	if (s->failed || stream_is_closing(s))
		return -1;
	if (s->queued > 0)
		return 0;
	sent = send_now(s, bufs, n);
	if (sent < 0)
		stream_fail(s);
	return sent;
}

static size_t
total(const uv_buf_t *bufs, unsigned n)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += bufs[i].len;
	return bytes;
}

static void
enqueue(struct stream *s, struct pending *p, const uv_buf_t *bufs, unsigned n)
{
	s->queued += p->bytes;
	if (uv_write(&p->req, (uv_stream_t *)&s->tcp, bufs, n, on_written) == 0)
		return;
	s->queued -= p->bytes;
	mem_free(p);
	stream_fail(s);
}

static struct pending *
pending_new(size_t bytes, size_t room)
{
	struct pending *p = malloc(sizeof(*p) + room);

	assert(p != NULL);
	p->bytes = bytes;
	return p;
}

void
stream_write_raw(struct stream *s, const uv_buf_t *bufs, unsigned n)
{
	size_t bytes = total(bufs, n), at = 0;
	ssize_t sent = try_write(s, bufs, n);
	struct pending *p;
	size_t skip;

	s->written += bytes;
	if (sent < 0 || (size_t)sent == bytes)
		return;
	skip = (size_t)sent;
	p = pending_new(bytes - skip, bytes - skip);
	for (unsigned i = 0; i < n; i++) {
		size_t gone = skip < bufs[i].len ? skip : bufs[i].len;

		memcpy(p->data + at, bufs[i].base + gone, bufs[i].len - gone);
		at += bufs[i].len - gone;
		skip -= gone;
	}
	enqueue(s, p, &(uv_buf_t){ .base = p->data, .len = p->bytes }, 1);
}

void
stream_write(struct stream *s, const uv_buf_t *bufs, unsigned n)
{
	if (s->tls != NULL)
		tls_write(s, bufs, n);
	else
		stream_write_raw(s, bufs, n);
}

static void
write_kept(struct stream *s, const uv_buf_t *bufs, unsigned n)
{
	size_t bytes = total(bufs, n);
	ssize_t sent = try_write(s, bufs, n);
	uv_buf_t left[STREAM_BUFS];
	unsigned k = 0;
	size_t skip;

	s->written += bytes;
	if (sent < 0 || (size_t)sent == bytes)
		return;
	assert(n <= STREAM_BUFS);
	skip = (size_t)sent;
	for (unsigned i = 0; i < n; i++) {
		size_t gone = skip < bufs[i].len ? skip : bufs[i].len;

		skip -= gone;
		if (gone < bufs[i].len)
			left[k++] = uv_buf_init(bufs[i].base + gone,
						(unsigned)(bufs[i].len - gone));
	}
	enqueue(s, pending_new(bytes - (size_t)sent, 0), left, k);
}

void
stream_write_kept(struct stream *s, const uv_buf_t *bufs, unsigned n)
{
	if (s->tls != NULL)
		tls_write(s, bufs, n);
	else
		write_kept(s, bufs, n);
}

static void
on_written(uv_write_t *req, int status)
{
	struct pending *p = (struct pending *)req;
	struct stream *s = req->handle->data;

	s->queued -= p->bytes;
	mem_free(p);
	if (status == UV_ECANCELED || stream_is_closing(s))
		return;
	if (status != 0)
		stream_fail(s);
	else if (s->queued == 0)
		s->ops->on_drained(s);
}

static void
on_closed(uv_handle_t *handle)
{
	struct stream *s = handle->data;

	tls_free(s);
	s->ops->on_closed(s);
}

void
stream_close(struct stream *s)
{
	if (stream_is_closing(s))
		return;
	if (s->tls != NULL && !s->failed)
		tls_shutdown(s);
	uv_close((uv_handle_t *)&s->tcp, on_closed);
}

static void
on_shutdown(uv_shutdown_t *req, int status)
{
	mem_free(req);
}

void
stream_shutdown(struct stream *s)
{
	uv_shutdown_t *req = mem_new(uv_shutdown_t);

	if (s->tls != NULL)
		tls_shutdown(s);
	if (uv_shutdown(req, (uv_stream_t *)&s->tcp, on_shutdown) != 0)
		mem_free(req);
}

void
stream_reset(struct stream *s)
{
	if (stream_is_closing(s))
		return;
	if (uv_tcp_close_reset(&s->tcp, on_closed) != 0)
		stream_close(s);
}
