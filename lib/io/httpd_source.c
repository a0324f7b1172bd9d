/*
 *   read A | write A   write B ...
 *          | read B  | read A  ...
 *
 * While a piece is sent, the next one is made. The struct is shared by the
 * connection, the pool's thread and the write; the last one ends it.
 */
#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/httpd_large_inner.h"
#include "io/work.h"

#define PIECE (256 * 1024)

struct piece {
	char head[16]; /* of a chunk */
	char *at;
	ssize_t len; /* 0: the end, -1: it cannot be made */
};

struct pull {
	struct httpd_conn *conn; /* NULL: nobody wants it any more */
	struct httpd_source from;
	unsigned refs;
	struct piece piece[2];
	unsigned next; /* which is read, or will be */
	bool chunked;
	bool close; /* the connection ends behind it */
	bool have;  /* piece[next] is filled and waits for the write */
	int64_t sent;
	struct work *reading;
	uv_write_t writing;
	bool in_write;
};

static void read_next(struct pull *p);
static void in_thread(void *job);
static void on_piece(void *ctx, void *job);
static void job_fini(void *job);
static void on_written(uv_write_t *req, int status);
static void go_on(struct pull *p);

static void
unref(struct pull *p)
{
	assert(p->refs > 0);
	if (--p->refs > 0)
		return;
	p->from.fini(p->from.job);
	mem_free(p->piece[0].at);
	mem_free(p->piece[1].at);
	mem_free(p);
}

void
pull_start(struct httpd_conn *c, const struct httpd_source *from, bool close)
{
	struct pull *p = mem_new(struct pull);

	assert(c->tls == NULL); /* pieces go straight to the socket */
	p->conn = c;
	p->from = *from;
	p->chunked = from->length < 0 && c->req->head.minor > 0;
	p->close = close;
	p->refs = 1;
	p->piece[0].at = mem_alloc(PIECE);
	p->piece[1].at = mem_alloc(PIECE);
	c->pull = p;
	read_next(p);
}

void
pull_stop(struct pull **pp)
{
	struct pull *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	p->conn = NULL;
	work_cancel(&p->reading);
	unref(p);
}

static void
read_next(struct pull *p)
{
	p->refs++;
	p->reading = work_start(in_thread, &p, sizeof(p), job_fini, on_piece,
				p);
}

/* The thread touches nothing of it but the piece that is its turn. */
static void
in_thread(void *job)
{
	struct pull *p = *(struct pull **)job;
	struct piece *to = &p->piece[p->next];

	to->len = p->from.read(p->from.job, to->at, PIECE);
}

static void
job_fini(void *job)
{
	unref(*(struct pull **)job);
}

static void
on_piece(void *ctx, void *job)
{
	struct pull *p = ctx;

	p->reading = NULL;
	p->have = true;
	if (!p->in_write)
		go_on(p);
}

/* A source that gives less or more than it said must not look whole. */
static bool
is_wrong(const struct pull *p, const struct piece *piece)
{
	if (piece->len < 0)
		return true;
	if (p->from.length < 0)
		return false;
	return p->sent + piece->len > p->from.length ||
	       (piece->len == 0 && p->sent < p->from.length);
}

static void
finish(struct pull *p)
{
	struct httpd_conn *c = p->conn;
	STRBUF_AUTO tail = { 0 };
	bool close = p->close;

	if (p->chunked)
		strbuf_adds(&tail, "0\r\n\r\n");
	pull_stop(&c->pull);
	c->httpd->in_flight--;
	conn_answered(c, &tail, close);
}

static void
send_piece(struct pull *p, struct piece *piece)
{
	struct httpd_conn *c = p->conn;
	uv_buf_t bufs[3];
	unsigned n = 0;

	if (p->chunked) {
		snprintf(piece->head, sizeof(piece->head), "%zx\r\n",
			 (size_t)piece->len);
		bufs[n++] = uv_buf_init(piece->head,
					(unsigned)strlen(piece->head));
	}
	bufs[n++] = uv_buf_init(piece->at, (unsigned)piece->len);
	if (p->chunked)
		bufs[n++] = uv_buf_init((char *)"\r\n", 2);
	p->sent += piece->len;
	p->refs++;
	p->in_write = true;
	p->writing.data = p;
	conn_set_timer(c, c->httpd->conf.body_ms);
	io_must(uv_write(&p->writing, &c->io.stream, bufs, n, on_written));
}

/* piece[next] is there and nothing is being written. */
static void
go_on(struct pull *p)
{
	struct piece *piece = &p->piece[p->next];

	if (is_wrong(p, piece)) {
		log_warn("httpd", "answer=cut bytes=%lld", (long long)p->sent);
		conn_drop(p->conn);
		return;
	}
	if (piece->len == 0) {
		finish(p);
		return;
	}
	p->have = false;
	p->next ^= 1;
	send_piece(p, piece);
	read_next(p);
}

static void
on_written(uv_write_t *req, int status)
{
	struct pull *p = req->data;
	bool alive = p->conn != NULL;

	p->in_write = false;
	if (alive) /* what is being made may take its time */
		conn_set_timer(p->conn, 0);
	if (alive && status < 0)
		conn_drop(p->conn);
	else if (alive && p->have)
		go_on(p);
	unref(p);
}
