#include "replicator/streamfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"

#define BUFFER (128 << 10)

struct head {
	uint32_t xid, len;
};

struct streamfile {
	int fd;
	struct strbuf unwritten;
	uint64_t bytes;
	struct strbuf buffer; /* of what was read */
	size_t at;            /* in it */
	off_t offset;         /* in the file, of what is to be read next */
	uint32_t part;
	uint32_t *aborted;
	size_t naborted;
	bool sorted;
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
	strbuf_fini(&f->unwritten);
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
	if (file_write_all(f->fd, strbuf_span(&f->unwritten)) != 0)
		return failed("write", errno, e);
	strbuf_reset(&f->unwritten);
	return 0;
}

int
streamfile_add(struct streamfile *f, uint32_t xid, char kind, struct span rest,
	       struct err *e)
{
	struct head head = { xid, (uint32_t)rest.len + 1 };

	strbuf_add(&f->unwritten, &head, sizeof(head));
	strbuf_addc(&f->unwritten, kind);
	strbuf_add_span(&f->unwritten, rest);
	f->bytes += sizeof(head) + head.len;
	return f->unwritten.len >= BUFFER ? flush(f, e) : 0;
}

int
streamfile_pause(struct streamfile *f, struct err *e)
{
	int rc = flush(f, e);

	strbuf_fini(&f->unwritten);
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
	f->sorted = false;
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
}

static bool
is_void(struct streamfile *f, uint32_t xid)
{
	if (f->naborted == 0)
		return false;
	if (!f->sorted)
		qsort(f->aborted, f->naborted, sizeof(*f->aborted), compare);
	f->sorted = true;
	return bsearch(&xid, f->aborted, f->naborted, sizeof(*f->aborted),
		       compare) != NULL;
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
		f->part = head.xid;
	} while (is_void(f, head.xid));
	return 1;
}

uint32_t
streamfile_part(const struct streamfile *f)
{
	return f->part;
}

bool
streamfile_was_read(const struct streamfile *f)
{
	return f->offset > 0;
}

uint64_t
streamfile_written(const struct streamfile *f)
{
	return f->bytes - f->unwritten.len;
}

uint64_t
streamfile_bytes(const struct streamfile *f)
{
	return f->bytes;
}
