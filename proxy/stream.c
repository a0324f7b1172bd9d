#include "proxy/stream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "proxy/tls.h"
#include "proxy/worker.h"

#define STREAM_BUFS 68 /* 1 MiB of body in large blocks, and some */
#define TURNS 32       /* full buffers from one connection before another's */

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
	s->fd = -1;
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

/* No buffer for libuv: it then tells on_read, which receives by itself. */
static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	*buf = uv_buf_init(NULL, 0);
}

void
stream_received(struct stream *s, char *at, size_t len)
{
	if (s->tls != NULL)
		tls_receive(s, at, len);
	else
		s->ops->on_data(s, at, len);
}

/* libuv has one as soon as the stream is accepted or connects. */
static uv_os_fd_t
fd_of(struct stream *s)
{
	if (s->fd < 0)
		uv_fileno((const uv_handle_t *)&s->tcp, &s->fd);
	return s->fd;
}

/*
 * What has come, UV_EOF, or what the connection died of; 0: nothing new. Past
 * libc, here and below: a point of cancellation costs two locked instructions
 * in a program with threads, and nobody is ever cancelled.
 */
static ssize_t
receive(struct stream *s)
{
	ssize_t n;

	do
		n = syscall(SYS_recvfrom, fd_of(s), s->worker->rx,
			    (size_t)WORKER_RX, 0, NULL, NULL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	return n > 0 ? n : UV_EOF;
}

/* The other side's end, behind all that has come from it. */
static void
take_end(struct stream *s, int why)
{
	if (s->tls == NULL)
		stream_end(s, why);
	else if (tls_catch_up(s))
		stream_end(s, tls_end(s, why));
}

/* There is something to receive: recv costs less than libuv's own read. */
static void
on_read(uv_stream_t *tcp, ssize_t why, const uv_buf_t *buf)
{
	struct stream *s = tcp->data;
	int turns = TURNS;
	ssize_t n;

	do {
		n = why == UV_ENOBUFS ? receive(s) : why;
		if (n > 0)
			stream_received(s, s->worker->rx, (size_t)n);
		else if (n < 0)
			take_end(s, (int)n);
	} while (n == WORKER_RX && s->reading && --turns > 0 &&
		 !stream_is_closing(s));
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
	ssize_t sent;

	do
		sent = n == 1
			   ? syscall(SYS_sendto, fd_of(s), bufs->base,
				     bufs->len, MSG_NOSIGNAL, NULL, 0)
			   : syscall(SYS_sendmsg, fd_of(s), &m, MSG_NOSIGNAL);
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

bool
stream_prepare(struct stream *s, const uv_buf_t *buf)
{
	if (s->tls != NULL)
		tls_prepare(s, buf);
	else
		stream_write_raw(s, buf, 1);
	return s->tls != NULL;
}

void
stream_send_prepared(struct stream *s)
{
	tls_send_prepared(s);
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
	s->closing = true;
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
	s->closing = uv_tcp_close_reset(&s->tcp, on_closed) == 0;
	if (!s->closing)
		stream_close(s);
}
