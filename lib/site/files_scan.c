/*
 * Uploads are shown to a program that the operator names ([web] scan), such as
 * clamdscan, on its standard input. Its status 0: good, 1: refused, with its
 * last line as the reason; any other: not known, so nothing is stored.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "io/program.h"
#include "site/files_inner.h"

#define MODULE "files"
#define SCAN_MS (5 * 60 * 1000)

/* Memory, as a file at its beginning; or -1. */
static int
as_file(struct span body)
{
	int fd = memfd_create("upload", MFD_CLOEXEC);

	if (fd >= 0 && file_write_all(fd, body) < 0) {
		close(fd);
		return -1;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

/* The last line of what it said, in printable characters. */
static struct span
last_line(struct strbuf *said)
{
	struct span rest, line, last = { 0 };

	for (size_t i = 0; i < said->len; i++)
		if (said->at[i] != '\n' &&
		    (said->at[i] < ' ' || said->at[i] > '~'))
			said->at[i] = '?';
	rest = strbuf_span(said);
	while (span_cut(&rest, '\n', &line))
		if (span_trim(line).len > 0)
			last = span_trim(line);
	return last;
}

int
files_scan(const char *command, struct span body, const char *body_file,
	   struct err *e)
{
	struct program_run p = { .command = command, .timeout_ms = SCAN_MS };
	STRBUF_AUTO said = { 0 };
	struct span last;
	int status;

	p.in = body_file != NULL ? open(body_file, O_RDONLY | O_CLOEXEC)
				 : as_file(body);
	if (p.in < 0)
		return err_set(e, ERR_IO, "the upload: %s", strerror(errno));
	status = program_run(&p, &said, e);
	close(p.in);
	last = last_line(&said);
	if (status == 1)
		return err_set(e, ERR_INVALID,
			       "the file is refused by this site's scanner: "
			       "%.*s",
			       SPAN_ARG(last));
	if (status == 0)
		return 0;
	if (status > 1)
		err_set(e, ERR_IO, "status %d: %.*s", status, SPAN_ARG(last));
	log_error(MODULE, "scan=failed why=\"%s\"", err_text(e));
	return err_set(e, ERR_IO,
		       "this site's scanner cannot judge the file: "
		       "nothing is stored");
}
