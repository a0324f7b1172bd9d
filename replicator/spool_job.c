#include "replicator/spool_job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static int
write_at(int fd, struct span bytes, uint64_t offset)
{
	while (bytes.len > 0) {
		ssize_t n = pwrite(fd, bytes.at, bytes.len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		offset += (uint64_t)n;
		bytes = span_skip(bytes, (size_t)n);
	}
	return 0;
}

static int
sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc, why;

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	why = errno;
	close(fd);
	errno = why;
	return rc;
}

/* A file that was a segment has its blocks. */
static int
fill(int fd)
{
	static const char zeros[64 << 10];

	for (uint64_t at = 0; at < SPOOL_SEGMENT_BYTES; at += sizeof(zeros))
		if (write_at(fd, span_make(zeros, sizeof(zeros)), at) != 0)
			return -1;
	return fsync(fd);
}

/* The old head must be gone from the disk before the name is there. */
static int
make(const struct spool_job *j)
{
	char head[SPOOL_HEAD_BYTES];

	spool_head_write(&j->head, head);
	if (j->spare == NULL && fill(j->fd) != 0)
		return -1;
	if (write_at(j->fd, span_make(head, sizeof(head)), 0) != 0 ||
	    fdatasync(j->fd) != 0)
		return -1;
	if (j->spare != NULL && rename(j->spare, j->path) != 0)
		return -1;
	return sync_dir(j->dir);
}

static int
run(struct spool_job *j)
{
	if (j->path != NULL) {
		j->fd = j->spare != NULL
			    ? open(j->spare, O_RDWR | O_CLOEXEC)
			    : open(j->path,
				   O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (j->fd < 0 || make(j) != 0)
			return -1;
	}
	if (write_at(j->fd, j->frame, j->offset) != 0)
		return -1;
	return fdatasync(j->fd);
}

void
spool_job_run(void *job)
{
	struct spool_job *j = job;
	int64_t begin = clock_mono_us();

	j->why = run(j) != 0 ? errno : 0;
	j->us = clock_mono_us() - begin;
}
