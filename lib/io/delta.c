#include "io/delta.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/work.h"

#include <librsync.h>

#define PIECE (256 * 1024)
/* A signature: 12 bytes of head, 4 and the strong sum for each block. */
#define ENTRY_MAX (4 + 16)

struct delta_make {
	int fd;
	rs_signature_t *sums;
	rs_job_t *job;
	char *in;
	size_t at, len;
	bool eof, done;
};

struct delta_patch {
	rs_job_t *job;
	int basis;
	delta_out_fn *out;
	void *ctx;
	char *piece;
	bool done;
};

/* Else it writes lines of its own on stderr; what failed is in the err. */
static void
be_quiet(void)
{
	rs_trace_to(NULL);
}

static void
begin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, be_quiet);
}

static int
fault(struct err *e, const char *what, rs_result rc)
{
	return err_set(e, rc == RS_IO_ERROR ? ERR_IO : ERR_INVALID, "%s: %s",
		       what, rs_strerror(rc));
}

static int
block_size(int64_t size, size_t *block, size_t *strong, rs_magic_number *magic)
{
	size_t least;

	*magic = RS_RK_BLAKE2_SIG_MAGIC;
	*block = 0;
	*strong = (size_t)-1; /* the least that is safe for this size */
	if (rs_sig_args(size, magic, block, strong) != RS_DONE)
		return -1;
	least = (size_t)(size / (DELTA_SIGNATURE_MAX / ENTRY_MAX)) + 1;
	if (*block < least)
		*block = least;
	return 0;
}

static ssize_t
read_piece(int fd, char *to)
{
	if (!work_cancelled())
		return read(fd, to, PIECE);
	errno = ECANCELED;
	return -1;
}

int
delta_signature(int fd, int64_t size, struct strbuf *out, struct err *e)
{
	char *in = mem_alloc(PIECE);
	rs_buffers_t io = { 0 };
	rs_magic_number magic;
	size_t block, strong;
	rs_job_t *job = NULL;
	rs_result rc = RS_BLOCKED;
	ssize_t n = 1;

	begin();
	if (block_size(size, &block, &strong, &magic) == 0)
		job = rs_sig_begin(block, strong, magic);
	while (job != NULL && rc == RS_BLOCKED && n >= 0) {
		if (io.avail_in == 0 && n > 0) {
			n = read_piece(fd, in);
			io.next_in = in;
			io.avail_in = n > 0 ? (size_t)n : 0;
			io.eof_in = n == 0;
		}
		io.next_out = strbuf_reserve(out, 4096);
		io.avail_out = 4096;
		rc = rs_job_iter(job, &io);
		out->len += 4096 - io.avail_out;
	}
	if (job != NULL)
		rs_job_free(job);
	mem_free(in);
	if (n < 0)
		return err_set(e, ERR_IO, "signature: %s", strerror(errno));
	return rc == RS_DONE ? 0 : fault(e, "signature", rc);
}

/* --- the delta ------------------------------------------------------------
 */

static int
load(struct delta_make *m, struct span signature, struct err *e)
{
	rs_buffers_t io = { .next_in = (char *)signature.at,
			    .avail_in = signature.len,
			    .eof_in = 1 };
	rs_job_t *job = rs_loadsig_begin(&m->sums);
	rs_result rc = rs_job_iter(job, &io);

	rs_job_free(job);
	if (rc == RS_DONE)
		rc = rs_build_hash_table(m->sums);
	return rc == RS_DONE ? 0 : fault(e, "the signature is not one", rc);
}

struct delta_make *
delta_make_new(struct span signature, int fd, int64_t from, struct err *e)
{
	struct delta_make *m = mem_new(struct delta_make);

	begin();
	m->fd = fd;
	m->in = mem_alloc(PIECE);
	if (load(m, signature, e) < 0)
		goto fail;
	if (lseek(fd, from, SEEK_SET) != from) {
		err_set(e, ERR_IO, "seek: %s", strerror(errno));
		goto fail;
	}
	m->job = rs_delta_begin(m->sums);
	return m;
fail:
	delta_make_free(&m);
	return NULL;
}

void
delta_make_free(struct delta_make **mp)
{
	struct delta_make *m = *mp;

	*mp = NULL;
	if (m == NULL)
		return;
	if (m->job != NULL)
		rs_job_free(m->job);
	if (m->sums != NULL)
		rs_free_sumset(m->sums);
	close(m->fd);
	mem_free(m->in);
	mem_free(m);
}

ssize_t
delta_make_read(struct delta_make *m, char *buf, size_t size, struct err *e)
{
	rs_buffers_t io = { .next_out = buf, .avail_out = size };

	while (!m->done && io.avail_out == size) {
		rs_result rc;

		if (m->len == 0 && !m->eof) {
			ssize_t n = read_piece(m->fd, m->in);

			if (n < 0)
				return err_set(e, ERR_IO, "read: %s",
					       strerror(errno));
			m->at = 0;
			m->len = (size_t)n;
			m->eof = n == 0;
		}
		io.next_in = m->in + m->at;
		io.avail_in = m->len;
		io.eof_in = m->eof;
		rc = rs_job_iter(m->job, &io);
		m->at += m->len - io.avail_in;
		m->len = io.avail_in;
		m->done = rc == RS_DONE;
		if (rc != RS_DONE && rc != RS_BLOCKED)
			return fault(e, "delta", rc);
	}
	return (ssize_t)(size - io.avail_out);
}

/* --- putting together -------------------------------------------------------
 */

static rs_result
copy(void *ctx, rs_long_t pos, size_t *len, void **buf)
{
	const struct delta_patch *p = ctx;
	ssize_t n = work_cancelled() ? -1 : pread(p->basis, *buf, *len, pos);

	if (n <= 0)
		return n < 0 ? RS_IO_ERROR : RS_INPUT_ENDED;
	*len = (size_t)n;
	return RS_DONE;
}

struct delta_patch *
delta_patch_new(int basis, delta_out_fn *out, void *ctx)
{
	struct delta_patch *p = mem_new(struct delta_patch);

	begin();
	p->basis = basis;
	p->out = out;
	p->ctx = ctx;
	p->piece = mem_alloc(PIECE);
	p->job = rs_patch_begin(copy, p);
	return p;
}

void
delta_patch_free(struct delta_patch **pp)
{
	struct delta_patch *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	rs_job_free(p->job);
	mem_free(p->piece);
	mem_free(p);
}

static int
patch(struct delta_patch *p, struct span delta, bool eof, struct err *e)
{
	rs_buffers_t io = { .next_in = (char *)delta.at,
			    .avail_in = delta.len,
			    .eof_in = eof };
	rs_result rc;

	do {
		if (p->done)
			return delta.len == 0 || io.avail_in == 0
				   ? 0
				   : err_set(e, ERR_INVALID,
					     "something stands behind the "
					     "delta");
		io.next_out = p->piece;
		io.avail_out = PIECE;
		rc = rs_job_iter(p->job, &io);
		if (rc != RS_DONE && rc != RS_BLOCKED)
			return fault(e, "the delta", rc);
		p->done = rc == RS_DONE;
		if (io.avail_out < PIECE &&
		    p->out(p->ctx, span_make(p->piece, PIECE - io.avail_out),
			   e) < 0)
			return -1;
	} while (io.avail_in > 0 || io.avail_out == 0 || p->done);
	return 0;
}

int
delta_patch_add(struct delta_patch *p, struct span delta, struct err *e)
{
	return patch(p, delta, false, e);
}

int
delta_patch_end(struct delta_patch *p, struct err *e)
{
	if (!p->done && patch(p, (struct span){ 0 }, true, e) < 0)
		return -1;
	return p->done ? 0 : err_set(e, ERR_CLOSED, "the delta is not whole");
}
