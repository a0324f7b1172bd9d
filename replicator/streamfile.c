#include "replicator/streamfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"

#define BUFFER (64 << 10)

struct head {
	uint32_t xid, len;
};

struct streamfile {
	int fd;
	struct strbuf buffer; /* to be written, or read */
	size_t at;            /* in it, of what was read */
	off_t offset;         /* in the file, of what is to be read next */
	uint64_t bytes;
	uint32_t *aborted;
	size_t naborted;
};

struct streamfile *
streamfile_new(const char *dir, struct err *e)
{
	char *path = mem_printf("%s/streamed.XXXXXX", dir);
	int fd = mkostemp(path, O_CLOEXEC);
	struct streamfile *f;

	if (fd < 0) {
		err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
		mem_free(path);
		return NULL;
	}
	unlink(path);
	mem_free(path);
	f = mem_new(struct streamfile);
	f->fd = fd;
	return f;
}

void
streamfile_free(struct streamfile **fp)
{
	struct streamfile *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	close(f->fd);
	strbuf_fini(&f->buffer);
	mem_free(f->aborted);
	mem_free(f);
}

static int
failed(const char *doing, int why, struct err *e)
{
	return err_set(e, ERR_IO,
		       "a transaction of the peer, in replicator.state_dir: "
		       "%s: %s",
		       doing, strerror(why));
}

static int
flush(struct streamfile *f, struct err *e)
{
	if (file_write_all(f->fd, strbuf_span(&f->buffer)) != 0)
		return failed("write", errno, e);
	strbuf_reset(&f->buffer);
	return 0;
}

int
streamfile_add(struct streamfile *f, uint32_t xid, char kind, struct span rest,
	       struct err *e)
{
	struct head head = { xid, (uint32_t)rest.len + 1 };

	strbuf_add(&f->buffer, &head, sizeof(head));
	strbuf_addc(&f->buffer, kind);
	strbuf_add_span(&f->buffer, rest);
	f->bytes += sizeof(head) + head.len;
	return f->buffer.len >= BUFFER ? flush(f, e) : 0;
}

int
streamfile_pause(struct streamfile *f, struct err *e)
{
	int rc = flush(f, e);

	strbuf_fini(&f->buffer);
	return rc;
}

void
streamfile_abort(struct streamfile *f, uint32_t xid)
{
	/* grows by doubling: full exactly when n is 0 or a power of two */
	if ((f->naborted & (f->naborted - 1)) == 0) {
		size_t more = f->naborted > 0 ? f->naborted * 2 : 1;

		f->aborted = mem_resize(f->aborted,
					f->naborted * sizeof(*f->aborted),
					more * sizeof(*f->aborted));
	}
	f->aborted[f->naborted++] = xid;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void
streamfile_rewind(struct streamfile *f)
{
	f->at = 0;
	f->offset = 0;
	strbuf_reset(&f->buffer);
	if (f->naborted > 0)
		qsort(f->aborted, f->naborted, sizeof(*f->aborted), compare);
}

/* 1: n bytes stand at f->at; 0: the file ends. */
static int
have(struct streamfile *f, size_t n, struct err *e)
{
	while (f->buffer.len - f->at < n) {
		size_t want = n > BUFFER ? n : BUFFER;
		ssize_t got;

		strbuf_consume(&f->buffer, f->at);
		f->at = 0;
		got = pread(f->fd, strbuf_reserve(&f->buffer, want), want,
			    f->offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return failed("read", errno, e);
		if (got == 0)
			return 0;
		f->buffer.len += (size_t)got;
		f->offset += got;
	}
	return 1;
}

int
streamfile_next(struct streamfile *f, struct span *message, struct err *e)
{
	struct head head;
	int rc;

	do {
		rc = have(f, sizeof(head), e);
		if (rc <= 0)
			return rc;
		memcpy(&head, strbuf_text(&f->buffer) + f->at, sizeof(head));
		f->at += sizeof(head);
		rc = have(f, head.len, e);
		if (rc <= 0)
			return rc == 0 ? failed("read", EIO, e) : rc;
		*message = span_make(strbuf_text(&f->buffer) + f->at, head.len);
		f->at += head.len;
	} while (f->naborted > 0 &&
		 bsearch(&head.xid, f->aborted, f->naborted,
			 sizeof(*f->aborted), compare) != NULL);
	return 1;
}

uint64_t
streamfile_bytes(const struct streamfile *f)
{
	return f->bytes;
}
