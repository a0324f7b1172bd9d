/*
 * The file behind the records that wait: appended at once, so that a killed
 * process leaves them, and emptied when all of them are rows. A power cut
 * may lose the newest: fsync would make a room wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "site/roomkeep_inner.h"

#define MODULE "roomkeep"

void
roomkeep_keep(struct roomkeep *k, struct span text)
{
	struct roomkeep_record *r = mem_alloc(sizeof(*r) + text.len + 1);

	r->len = text.len;
	memcpy(r->text, text.at, text.len);
	STAILQ_INSERT_TAIL(&k->records, r, link);
	k->waiting++;
	k->bytes += text.len;
}

static void
fail(struct roomkeep *k, const char *what)
{
	log_error(MODULE,
		  "file=%s failed=%s error=\"%s\" what waits would not outlive "
		  "this process",
		  k->path, what, strerror(errno));
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

int
roomkeep_spool_open(struct roomkeep *k, struct err *e)
{
	STRBUF_AUTO text = { 0 };
	struct span rest, line;

	k->fd = open(k->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (k->fd < 0)
		return err_set(e, ERR_IO, "%s: %s", k->path, strerror(errno));
	if (file_read_all(k->fd, 4 * (size_t)ROOMKEEP_BYTES, &text, e) < 0)
		return err_prefix(e, "%s", k->path);
	rest = strbuf_span(&text);
	/* what stands behind the last line's end was cut off in writing */
	while (span_cut(&rest, '\n', &line))
		if (line.len > 0 && rest.at != NULL)
			roomkeep_keep(k, line);
	if (k->waiting > 0)
		log_info(MODULE, "file=%s waiting=%u", k->path, k->waiting);
	return 0;
}

void
roomkeep_spool_add(struct roomkeep *k, struct span line)
{
	if (k->fd >= 0 && file_write_all(k->fd, line) < 0)
		fail(k, "write");
}

void
roomkeep_spool_empty(struct roomkeep *k)
{
	if (k->fd >= 0 && ftruncate(k->fd, 0) < 0)
		fail(k, "truncate");
}
