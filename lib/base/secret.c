#include "base/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SECRET_MAX 1024

int
secret_read(const char *path, struct strbuf *out, struct err *e)
{
	char line[SECRET_MAX];
	struct stat st;
	FILE *f;
	bool read;

	if (path[0] == '\0')
		return 0;
	f = fopen(path, "re");
	if (f == NULL)
		return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
	if (fstat(fileno(f), &st) < 0 || (st.st_mode & 077) != 0) {
		fclose(f);
		return err_set(e, ERR_REFUSED,
			       "%s: others can read it; chmod 600 it", path);
	}
	read = fgets(line, sizeof(line), f) != NULL;
	fclose(f);
	if (!read || span_trim(span_of(line)).len == 0)
		return err_set(e, ERR_INVALID, "%s: the first line is empty",
			       path);
	strbuf_add_span(out, span_trim(span_of(line)));
	explicit_bzero(line, sizeof(line));
	return 0;
}
