#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PIECE 4096

int
file_read_all(int fd, size_t max, struct strbuf *out, struct err *e)
{
	for (;;) {
		ssize_t n = read(fd, strbuf_reserve(out, PIECE), PIECE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_IO, "%s", strerror(errno));
		if (n == 0)
			return 0;
		out->len += (size_t)n;
		out->at[out->len] = '\0';
		if (out->len > max)
			return err_set(e, ERR_LIMIT, "longer than %zu bytes",
				       max);
	}
}

int
file_read(const char *path, size_t max, struct strbuf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int done;

	if (fd < 0)
		return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
			       "%s: %s", path, strerror(errno));
	done = file_read_all(fd, max, out, e);
	close(fd);
	return done < 0 ? err_prefix(e, "%s", path) : 0;
}

int
file_write_all(int fd, struct span data)
{
	while (data.len > 0) {
		ssize_t n = write(fd, data.at, data.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data = span_skip(data, (size_t)n);
	}
	return 0;
}
