/*
 * A large body on its way to a file: pieces are written in the thread pool,
 * the connection reads on when each is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/httpd_large_inner.h"
#include "io/work.h"

#define PIECE (256 * 1024)

struct spool {
	struct httpd_conn *conn;
	char *path;
	int fd; /* -1: nothing was written yet */
	uint64_t size;
	struct work *writing;
};

/* Has a descriptor of its own: it may outlive the spool. */
struct piece {
	int fd;
	char *at;
	size_t len;
	int why; /* errno, 0: written */
};

static void in_thread(void *job);
static void on_written(void *ctx, void *job);
static void piece_fini(void *job);

struct spool *
spool_new(struct httpd_conn *c)
{
	struct spool *s = mem_new(struct spool);

	s->conn = c;
	s->fd = -1;
	s->path = mem_printf("%s/body.%d.%08x%08x", c->httpd->spool.dir,
			     (int)getpid(), crypto_random_u32(),
			     crypto_random_u32());
	return s;
}

void
spool_free(struct spool **sp)
{
	struct spool *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	work_cancel(&s->writing);
	if (s->fd >= 0) {
		close(s->fd);
		unlink(s->path);
	}
	mem_free(s->path);
	mem_free(s);
}

uint64_t
spool_size(const struct spool *s)
{
	return s != NULL ? s->size : 0;
}

const char *
spool_path(const struct spool *s)
{
	return s->path;
}

bool
spool_wants(const struct httpd_req *r)
{
	if (r->spool == NULL || r->body.len == 0)
		return false;
	return r->body.len >= PIECE || (r->conn->body_done && r->spool->size);
}

void
spool_write(struct spool *s, struct strbuf *body)
{
	struct piece p = { .fd = -1, .len = body->len };

	if (s->fd < 0)
		s->fd = open(s->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			     0600);
	if (s->fd >= 0)
		p.fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
	if (p.fd < 0)
		p.why = errno;
	p.at = strbuf_take(body);
	s->size += p.len;
	s->writing = work_start(in_thread, &p, sizeof(p), piece_fini,
				on_written, s);
}

static void
in_thread(void *job)
{
	struct piece *p = job;
	size_t done = 0;

	while (p->why == 0 && done < p->len) {
		ssize_t n = write(p->fd, p->at + done, p->len - done);

		if (n < 0 && errno != EINTR)
			p->why = errno;
		if (n > 0)
			done += (size_t)n;
	}
}

static void
on_written(void *ctx, void *job)
{
	struct spool *s = ctx;
	struct piece *p = job;

	s->writing = NULL;
	if (p->why != 0)
		log_error("httpd", "spool=%s why=\"%s\"", s->path,
			  strerror(p->why));
	conn_spooled(s->conn, p->why == 0);
}

static void
piece_fini(void *job)
{
	struct piece *p = job;

	if (p->fd >= 0)
		close(p->fd);
	mem_free(p->at);
}
