/*
 * One TCP connection of a worker, client's or site's. Reading stays on and
 * goes through the worker's one buffer; writing is tried at once, and only
 * what the kernel does not take is kept. TLS sits between these two and the
 * owner, who sees plain bytes alone.
 */
#ifndef PROXY_STREAM_H
#define PROXY_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct worker;
struct stream;
struct tls;

/* All from the loop. The owner may close the stream in any of them. */
struct stream_ops {
	/* The bytes are the owner's to change until it returns. */
	void (*on_data)(struct stream *s, char *at, size_t len);
	/* Once: the other side closed (UV_EOF) or the connection failed. */
	void (*on_end)(struct stream *s, int why);
	/* What was kept has gone out. */
	void (*on_drained)(struct stream *s);
	/* After stream_close: the memory may go. */
	void (*on_closed)(struct stream *s);
	/* TLS alone, before all others: both sides have agreed. */
	void (*on_ready)(struct stream *s);
};

struct stream {
	uv_tcp_t tcp;
	struct worker *worker;
	const struct stream_ops *ops;
	struct tls *tls;  /* NULL: plain; tls.h sets it */
	size_t queued;    /* bytes kept */
	uint64_t written; /* given to the kernel or kept, in all */
	uv_os_fd_t fd;    /* -1 until it is needed first */
	bool reading;
	bool ended;   /* on_end was called */
	bool closing; /* on_closed is on its way */
	bool failed;  /* a write failed; on_end is on its way */
};

void stream_init(struct stream *s, struct worker *w,
		 const struct stream_ops *ops);
/* Begins to read. */
void stream_start(struct stream *s);

/* Stops and goes on reading. While it is stopped no on_end comes either. */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);

/*
 * Sends; what is not taken at once is copied. After a failure bytes vanish
 * and on_end follows.
 */
void stream_write(struct stream *s, const uv_buf_t *bufs, unsigned n);
/*
 * stream_write in two steps, for who writes to many connections in one turn:
 * to encipher for all of them and then to send to all of them costs less,
 * because each of these is as much code as the processor keeps at hand. False:
 * it was sent at once. Nothing is queued until it is sent.
 */
bool stream_prepare(struct stream *s, const uv_buf_t *buf);
void stream_send_prepared(struct stream *s);
/* stream_write without copying: bytes stay valid until drained or closed. */
void stream_write_kept(struct stream *s, const uv_buf_t *bufs, unsigned n);

/* on_closed follows from the loop, nothing else. Twice is fine. */
void stream_close(struct stream *s);
/* Bytes that came, as if they came now. */
void stream_received(struct stream *s, char *at, size_t len);
/* Ends the sending side after what is kept; reading goes on. */
void stream_shutdown(struct stream *s);
/* Closes with a reset, so that nobody takes what came for all. */
void stream_reset(struct stream *s);

static inline bool
stream_is_closing(const struct stream *s)
{
	return s->closing;
}

/* --- for tls.c alone ---------------------------------------------------- */

/* Past TLS: bytes as they go on the wire. */
void stream_write_raw(struct stream *s, const uv_buf_t *bufs, unsigned n);
/* Nothing more is to be had from the other side: on_end. */
void stream_end(struct stream *s, int why);
/* The connection is of no use; on_end follows, outside of the present call. */
void stream_fail(struct stream *s);

#endif
