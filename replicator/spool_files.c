#include "replicator/spool_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#define MAX_SEGMENT ((size_t)1 << 30)

/* --- what is there ---------------------------------------------------------
 */

static void
drop(struct spool_files *f, struct spool_segment *s)
{
	TAILQ_REMOVE(&f->segments, s, entry);
	close(s->fd);
	mem_free(s->path);
	mem_free(s);
}

static void
drop_file(struct spool_files *f, struct spool_segment *s)
{
	unlink(s->path);
	drop(f, s);
}

char *
spool_files_path(const struct spool_files *f, uint64_t number)
{
	return mem_printf("%s/spool-%s.%016" PRIx64, f->dir, f->slot, number);
}

static void
insert(struct spool_files *f, struct spool_segment *s)
{
	struct spool_segment *other;

	TAILQ_FOREACH(other, &f->segments, entry)
	{
		if (other->head.number > s->head.number) {
			TAILQ_INSERT_BEFORE(other, s, entry);
			return;
		}
	}
	TAILQ_INSERT_TAIL(&f->segments, s, entry);
}

void
spool_files_add(struct spool_files *f, const struct spool_head *head,
		char *path, int fd)
{
	struct spool_segment *s = mem_new(struct spool_segment);

	s->head = *head;
	s->path = path;
	s->fd = fd;
	s->bytes = SPOOL_HEAD_BYTES;
	if (f->number <= head->number)
		f->number = head->number + 1;
	insert(f, s);
}

/* One without a head was just being made, and held nothing. */
static int
take(struct spool_files *f, const char *name, struct err *e)
{
	char *path = mem_printf("%s/%s", f->dir, name);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char bytes[SPOOL_HEAD_BYTES];
	struct spool_head head;

	if (fd < 0 || pread(fd, bytes, sizeof(bytes), 0) < 0) {
		err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		mem_free(path);
		return -1;
	}
	if (!spool_head_read(span_make(bytes, sizeof(bytes)), &head) ||
	    strcmp(head.slot, f->slot) != 0) {
		log_warn("spool", "path=%s why=\"no head of a segment\"", path);
		close(fd);
		unlink(path);
		mem_free(path);
		return 0;
	}
	spool_files_add(f, &head, path, fd);
	return 0;
}

static int
list(struct spool_files *f, struct err *e)
{
	char *prefix = mem_printf("spool-%s.", f->slot);
	DIR *d = opendir(f->dir);
	struct dirent *entry;
	int rc = 0;

	if (d == NULL)
		rc = err_set(e, ERR_IO, "%s: %s", f->dir, strerror(errno));
	while (rc == 0 && (entry = readdir(d)) != NULL)
		if (span_starts(span_of(entry->d_name), prefix))
			rc = take(f, entry->d_name, e);
	if (d != NULL)
		closedir(d);
	mem_free(prefix);
	return rc;
}

/* Its frames below limit: all that are whole. 1: one was damaged. */
static int
look(struct spool_files *f, struct spool_segment *s, uint64_t limit,
     struct spool_chain *chain, struct err *e)
{
	STRBUF_AUTO text = { 0 };
	struct spool_frame frame;
	struct span rest;
	bool follows;

	/* whoever wrote them may have ended before they were durable */
	if (fdatasync(s->fd) != 0)
		return err_set(e, ERR_IO, "%s: %s", s->path, strerror(errno));
	if (lseek(s->fd, 0, SEEK_SET) < 0 ||
	    file_read_all(s->fd, MAX_SEGMENT, &text, e) != 0)
		return err_prefix(e, "%s", s->path);
	rest = span_skip(strbuf_span(&text), SPOOL_HEAD_BYTES);
	f->frames = s->head.first;
	while (f->frames < limit && spool_frame_read(rest, &frame) &&
	       frame.segment == s->head.number && frame.number == f->frames) {
		if (frame.end != 0) {
			spool_chain_add(chain, frame.from, frame.end);
			s->end = frame.end;
		}
		f->frames++;
		s->bytes += frame.bytes;
		rest = span_skip(rest, frame.bytes);
	}
	if (limit != UINT64_MAX)
		return f->frames < limit && limit > s->head.first;
	follows = spool_frame_follows(rest, s->head.number, f->frames);
	if (!follows && spool_frame_bytes(rest) != 0 &&
	    spool_frame_is_of(rest, s->head.number))
		log_warn("spool",
			 "path=%s at=%" PRIu64 " why=\"the last frame is not "
			 "whole: it was not acknowledged\"",
			 s->path, s->bytes);
	return follows;
}

static int
look_at_all(struct spool_files *f, struct spool_chain *chain, bool *damaged,
	    struct err *e)
{
	struct spool_segment *s, *next;

	for (s = TAILQ_FIRST(&f->segments); s != NULL; s = next) {
		int rc = 1;

		next = TAILQ_NEXT(s, entry);
		if (!*damaged)
			rc = look(f, s,
				  next != NULL ? next->head.limit : UINT64_MAX,
				  chain, e);
		if (rc < 0)
			return -1;
		if (*damaged)
			drop_file(f, s);
		else if (rc > 0)
			log_error("spool",
				  "path=%s at=%" PRIu64 " why=\"it is damaged\""
				  " effect=\"what was acknowledged behind that "
				  "is healed from the peer\"",
				  s->path, s->bytes);
		*damaged = *damaged || rc > 0;
	}
	return 0;
}

int
spool_files_open(struct spool_files *f, const char *dir, const char *slot,
		 struct spool_chain *chain, bool *damaged, struct err *e)
{
	char *spare = mem_printf("%s/spool-%s.spare", dir, slot);

	*f = (struct spool_files){ .dir = mem_strdup(dir),
				   .slot = mem_strdup(slot),
				   .frames = 1,
				   .number = 1 };
	TAILQ_INIT(&f->segments);
	*damaged = false;
	unlink(spare);
	mem_free(spare);
	if (list(f, e) == 0 && look_at_all(f, chain, damaged, e) == 0)
		return 0;
	spool_files_close(f);
	return -1;
}

void
spool_files_close(struct spool_files *f)
{
	struct spool_segment *s;

	while (f->dir != NULL && (s = TAILQ_FIRST(&f->segments)) != NULL)
		drop(f, s);
	mem_free(f->dir);
	mem_free(f->slot);
	mem_free(f->spare);
	f->dir = f->slot = f->spare = NULL;
}

/* --- what is no more needed ------------------------------------------------
 */

static void
retire(struct spool_files *f, struct spool_segment *s)
{
	char *spare;

	if (f->spare != NULL) {
		drop_file(f, s);
		return;
	}
	spare = mem_printf("%s/spool-%s.spare", f->dir, f->slot);
	if (rename(s->path, spare) == 0) {
		f->spare = spare;
		drop(f, s);
	} else {
		mem_free(spare);
		drop_file(f, s);
	}
}

void
spool_files_release(struct spool_files *f, uint64_t lsn)
{
	struct spool_segment *s;

	while ((s = TAILQ_FIRST(&f->segments)) != NULL && s->end <= lsn &&
	       TAILQ_NEXT(s, entry) != NULL)
		retire(f, s);
}

void
spool_files_clear(struct spool_files *f)
{
	struct spool_segment *s;

	while ((s = TAILQ_FIRST(&f->segments)) != NULL)
		drop_file(f, s);
}

uint64_t
spool_files_bytes(const struct spool_files *f)
{
	const struct spool_segment *s;
	uint64_t bytes = 0;

	TAILQ_FOREACH(s, &f->segments, entry)
	{
		bytes += s->bytes;
	}
	return bytes;
}

/* --- reading ----------------------------------------------------------------
 */

/* The last that begins at number or below, else the first. */
static const struct spool_segment *
find(const struct spool_files *f, uint64_t number)
{
	const struct spool_segment *s, *found = TAILQ_FIRST(&f->segments);

	TAILQ_FOREACH(s, &f->segments, entry)
	{
		if (s->head.first <= number)
			found = s;
	}
	return found;
}

static int
fetch(const struct spool_segment *s, uint64_t offset, size_t n,
      struct strbuf *out)
{
	ssize_t got;

	if (n > s->bytes - offset)
		return -1;
	strbuf_reset(out);
	got = pread(s->fd, strbuf_reserve(out, n), n, (off_t)offset);
	if (got != (ssize_t)n)
		return -1;
	out->len = n;
	return 0;
}

static int
read_at(const struct spool_segment *s, uint64_t offset, struct strbuf *out,
	struct spool_frame *frame, struct err *e)
{
	uint64_t n = 0;

	if (fetch(s, offset, SPOOL_FRAME_HEAD_BYTES, out) == 0)
		n = spool_frame_bytes(strbuf_span(out));
	if (n != 0 && fetch(s, offset, n, out) == 0 &&
	    spool_frame_read(strbuf_span(out), frame) &&
	    frame->segment == s->head.number)
		return 0;
	return err_set(e, ERR_IO, "%s: the frame at %" PRIu64 " cannot be read",
		       s->path, offset);
}

int
spool_files_read(const struct spool_files *f, uint64_t number,
		 struct spool_place *hint, struct strbuf *out,
		 struct spool_frame *frame, struct err *e)
{
	const struct spool_segment *s = find(f, number);

	while (s != NULL) {
		if (hint->segment != s->head.number)
			*hint = (struct spool_place){ s->head.number,
						      SPOOL_HEAD_BYTES };
		if (hint->offset >= s->bytes) {
			s = TAILQ_NEXT(s, entry);
			continue;
		}
		if (read_at(s, hint->offset, out, frame, e) != 0)
			return -1;
		hint->offset += frame->bytes;
		if (frame->number >= number)
			return 1;
	}
	return 0;
}

/* Where the first frame stands that does not follow; false: all do. */
static bool
find_gap(const struct spool_files *f, uint64_t lsn, struct spool_place *at,
	 uint64_t *number)
{
	struct spool_place next = { 0 };
	STRBUF_AUTO bytes = { 0 };
	struct spool_frame frame;
	struct err e;
	int rc;

	*number = 0;
	for (;;) {
		*at = next;
		rc = spool_files_read(f, *number, &next, &bytes, &frame, &e);
		if (rc <= 0)
			break;
		if (at->segment != next.segment)
			*at = (struct spool_place){ next.segment,
						    SPOOL_HEAD_BYTES };
		*number = frame.number;
		if (frame.end != 0 && frame.from > lsn)
			return true;
		if (frame.end > lsn)
			lsn = frame.end;
		++*number;
	}
	if (rc < 0)
		log_error("spool", "why=\"%s\"", err_text(&e));
	*at = next;
	return rc < 0;
}

bool
spool_files_cut(struct spool_files *f, uint64_t lsn)
{
	struct spool_segment *s, *next;
	struct spool_place at;
	uint64_t number;

	if (!find_gap(f, lsn, &at, &number))
		return false;
	f->frames = number;
	for (s = TAILQ_FIRST(&f->segments); s != NULL; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (s->head.number > at.segment)
			drop_file(f, s);
		else if (s->head.number == at.segment)
			s->bytes = at.offset;
	}
	return true;
}
