/*
 *   worker: fill --(full, or a tick)--> queue --> writer thread --> file
 *
 * A filled buffer changes hands under a lock, about once in 64 KiB of lines;
 * a line itself costs no lock.
 */
#include "proxy/accesslog.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proxy/metrics.h"

#define SHEET_BYTES 65536
#define QUEUE_MAX 64 /* sheets: 4 MiB wait for the disk at most */

struct sheet {
	struct sheet *next;
	size_t len;
	unsigned lines;
	char at[SHEET_BYTES];
};

struct accesslog {
	char *path; /* NULL: stderr */
	enum plane_log_format format;
	int fd;
	uv_thread_t thread;
	uv_mutex_t lock;
	uv_cond_t wake;
	/* under lock */
	struct sheet *first, **last;
	struct sheet *spare;
	unsigned queued;
	bool closing;
};

struct accesslog_feed {
	struct accesslog *log;
	struct sheet *fill;
	_Atomic uint64_t *lost;
};

static void writer(void *arg);

static int
open_file(struct accesslog *log)
{
	return open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

struct accesslog *
accesslog_open(const char *path, enum plane_log_format format, struct err *e)
{
	struct accesslog *log = mem_new(struct accesslog);
	int rc;

	log->format = format;
	log->fd = STDERR_FILENO;
	log->last = &log->first;
	if (strcmp(path, "-") != 0) {
		log->path = mem_strdup(path);
		log->fd = open_file(log);
	}
	if (log->fd < 0) {
		err_set(e, ERR_IO, "access log \"%s\": %s", path,
			strerror(errno));
		mem_free(log->path);
		mem_free(log);
		return NULL;
	}
	rc = uv_mutex_init(&log->lock);
	assert(rc == 0);
	rc = uv_cond_init(&log->wake);
	assert(rc == 0);
	rc = uv_thread_create(&log->thread, writer, log);
	assert(rc == 0);
	return log;
}

void
accesslog_close(struct accesslog **lp)
{
	struct accesslog *log = *lp;

	*lp = NULL;
	if (log == NULL)
		return;
	uv_mutex_lock(&log->lock);
	log->closing = true;
	uv_cond_signal(&log->wake);
	uv_mutex_unlock(&log->lock);
	uv_thread_join(&log->thread);
	uv_cond_destroy(&log->wake);
	uv_mutex_destroy(&log->lock);
	mem_free(log->spare);
	if (log->path != NULL)
		close(log->fd);
	mem_free(log->path);
	mem_free(log);
}

static void
write_all(int fd, const char *at, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody to tell: the log is the telling */
		at += n;
		len -= (size_t)n;
	}
}

/* Log rotation renames the file: what stands at the path is another one. */
static void
reopen_if_moved(struct accesslog *log, int64_t *checked_ms)
{
	int64_t now = clock_mono_ms();
	struct stat at_path, open_one;
	int fd;

	if (log->path == NULL || now - *checked_ms < 1000)
		return;
	*checked_ms = now;
	if (stat(log->path, &at_path) == 0 && fstat(log->fd, &open_one) == 0 &&
	    at_path.st_ino == open_one.st_ino &&
	    at_path.st_dev == open_one.st_dev)
		return;
	fd = open_file(log);
	if (fd < 0)
		return;
	close(log->fd);
	log->fd = fd;
}

static void
writer(void *arg)
{
	struct accesslog *log = arg;
	int64_t checked_ms = 0;

	uv_mutex_lock(&log->lock);
	while (!log->closing || log->first != NULL) {
		struct sheet *s = log->first;

		if (s == NULL) {
			uv_cond_wait(&log->wake, &log->lock);
			continue;
		}
		log->first = s->next;
		if (log->first == NULL)
			log->last = &log->first;
		log->queued--;
		uv_mutex_unlock(&log->lock);
		reopen_if_moved(log, &checked_ms);
		write_all(log->fd, s->at, s->len);
		uv_mutex_lock(&log->lock);
		mem_free(log->spare);
		log->spare = s;
	}
	uv_mutex_unlock(&log->lock);
}

struct accesslog_feed *
accesslog_feed_new(struct accesslog *log, _Atomic uint64_t *lost)
{
	struct accesslog_feed *f = mem_new(struct accesslog_feed);

	f->log = log;
	f->lost = lost;
	return f;
}

void
accesslog_feed_free(struct accesslog_feed **fp)
{
	struct accesslog_feed *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	accesslog_flush(f);
	mem_free(f->fill);
	mem_free(f);
}

void
accesslog_flush(struct accesslog_feed *f)
{
	struct accesslog *log = f->log;
	struct sheet *s = f->fill;

	if (s == NULL || s->len == 0)
		return;
	uv_mutex_lock(&log->lock);
	if (log->queued < QUEUE_MAX) {
		s->next = NULL;
		*log->last = s;
		log->last = &s->next;
		log->queued++;
		f->fill = log->spare;
		log->spare = NULL;
		uv_cond_signal(&log->wake);
	} else {
		metrics_add(f->lost, s->lines);
	}
	uv_mutex_unlock(&log->lock);
	if (f->fill != NULL) {
		f->fill->len = 0;
		f->fill->lines = 0;
	}
}

void
accesslog_add(struct accesslog_feed *f, const struct accesslog_entry *e)
{
	if (f->fill != NULL && SHEET_BYTES - f->fill->len < ACCESSLOG_LINE_MAX)
		accesslog_flush(f);
	if (f->fill == NULL) {
		f->fill = malloc(sizeof(*f->fill));
		assert(f->fill != NULL);
		f->fill->len = 0;
		f->fill->lines = 0;
	}
	f->fill->len += accesslog_line(f->log->format, e,
				       f->fill->at + f->fill->len);
	f->fill->lines++;
}
