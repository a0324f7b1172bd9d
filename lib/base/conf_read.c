/*
 * inih does the lines; what it would pass over in silence (lines that are
 * too long, keys that are taken for continuations, text after a section) is
 * refused here, where it asks for its next line.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/strbuf.h"

enum { LINE_MAX_BYTES = 4000, NAME_MAX_BYTES = 48, FILE_MAX_BYTES = 1 << 20 };

struct reader {
	const char *name;
	struct span rest;
	conf_fn *fn;
	void *ctx;
	struct err *e;
	bool failed;
	unsigned line;
	bool indented; /* the line that inih holds */
	char section[NAME_MAX_BYTES + 1];
	char key[NAME_MAX_BYTES + 1]; /* pending: it may be continued */
	struct strbuf value;
	unsigned key_line; /* 0: no key is pending */
};

static char *next_line(char *out, int size, void *ctx);
static int on_pair(void *ctx, const char *section, const char *key,
		   const char *value);

/* The key that is pending is whole now: it goes to the owner. */
static int
flush(struct reader *r)
{
	unsigned line = r->key_line;

	if (line == 0)
		return 0;
	r->key_line = 0;
	if (r->fn(r->ctx, r->section, r->key, strbuf_text(&r->value), r->e) ==
	    0)
		return 0;
	r->failed = true;
	return err_prefix(r->e, "%s:%u", r->name, line);
}

static int ERR_PRINTF(2) refuse(struct reader *r, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->failed = true;
	return err_set(r->e, ERR_INVALID, "%s:%u: %s", r->name, r->line, text);
}

int
conf_read_text(const char *name, struct span text, conf_fn *fn, void *ctx,
	       struct err *e)
{
	struct reader r = {
		.name = name, .rest = text, .fn = fn, .ctx = ctx, .e = e
	};
	int rc;

	ini_allow_inline_comments = false; /* a value may hold " ;" */
	ini_use_stack = false;
	ini_max_line = LINE_MAX_BYTES + 2;
	ini_initial_alloc = LINE_MAX_BYTES + 2;
	ini_stop_on_first_error = true;
	if (span_starts(r.rest, "\xef\xbb\xbf"))
		r.rest = span_skip(r.rest, 3);
	rc = ini_parse_stream(next_line, &r, on_pair, &r);
	assert(rc >= 0); /* out of memory */
	if (!r.failed && rc > 0)
		refuse(&r, "is neither [section] nor key = value");
	if (!r.failed)
		flush(&r);
	strbuf_fini(&r.value);
	return r.failed ? -1 : 0;
}

static int
begin_section(struct reader *r, struct span line)
{
	ptrdiff_t end = span_find(line, ']');
	struct span name;

	if (flush(r) < 0)
		return -1;
	if (end < 0)
		return refuse(r, "the section has no ]");
	name = span_make(line.at + 1, (size_t)end - 1);
	if (name.len == 0 || !span_eq(name, span_trim(name)) ||
	    !span_copy(name, r->section, sizeof(r->section)))
		return refuse(r, "a section is [NAME] with 1 to %d characters",
			      NAME_MAX_BYTES);
	if (span_skip(line, (size_t)end + 1).len > 0)
		return refuse(r, "nothing may follow the ] of a section");
	if (r->fn(r->ctx, r->section, NULL, NULL, r->e) == 0)
		return 0;
	r->failed = true;
	return err_prefix(r->e, "%s:%u", r->name, r->line);
}

static int
check_line(struct reader *r, struct span line)
{
	struct span bare = span_trim(line);

	if (line.len > LINE_MAX_BYTES)
		return refuse(r,
			      "the line has more than %d bytes; "
			      "continue it on indented lines",
			      LINE_MAX_BYTES);
	if (span_find(line, '\0') >= 0)
		return refuse(r, "the line holds a NUL byte");
	if (bare.len == 0 || bare.at[0] == ';' || bare.at[0] == '#')
		return 0;
	r->indented = bare.at != line.at;
	if (r->indented && bare.at[0] == '[')
		return refuse(r, "a section must start its line");
	if (r->indented && r->key_line == 0)
		return refuse(r, "an indented line continues the value "
				 "above it, but there is none; keys start "
				 "at the beginning of a line");
	if (bare.at[0] == '[')
		return begin_section(r, bare);
	if (!r->indented && r->section[0] == '\0')
		return refuse(r, "a key stands before the first [section]");
	return 0;
}

/* What fgets does, for inih. */
static char *
next_line(char *out, int size, void *ctx)
{
	struct reader *r = ctx;
	struct span line;

	if (r->failed || r->rest.len == 0 || !span_cut(&r->rest, '\n', &line))
		return NULL;
	r->line++;
	if (check_line(r, line) < 0)
		return NULL;
	if (!span_copy(line, out, (size_t)size)) {
		refuse(r, "the line is too long");
		return NULL;
	}
	return out;
}

static int
on_pair(void *ctx, const char *section, const char *key, const char *value)
{
	struct reader *r = ctx;

	if (r->failed)
		return 0;
	if (r->indented) {
		strbuf_addf(&r->value, " %s", value);
		return 1;
	}
	if (flush(r) < 0)
		return 0;
	if (key[0] == '\0' || strlen(key) >= NAME_MAX_BYTES)
		return refuse(r, "a key has 1 to %d characters",
			      NAME_MAX_BYTES - 1) == 0;
	snprintf(r->key, sizeof(r->key), "%s", key);
	strbuf_reset(&r->value);
	strbuf_adds(&r->value, value);
	r->key_line = r->line;
	return 1;
}

static int
read_file(const char *path, struct strbuf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
			       "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_INVALID, "%s: is not a regular file",
			       path);
	}
	while (out->len <= FILE_MAX_BYTES) {
		n = read(fd, strbuf_reserve(out, 65536), 65536);
		if (n <= 0)
			break;
		out->len += (size_t)n;
		strbuf_cut(out, out->len);
	}
	close(fd);
	if (n < 0)
		return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
	if (n > 0)
		return err_set(e, ERR_LIMIT, "%s: is larger than %d bytes",
			       path, FILE_MAX_BYTES);
	return 0;
}

int
conf_read(const char *path, conf_fn *fn, void *ctx, struct err *e)
{
	STRBUF_AUTO text = { 0 };

	if (read_file(path, &text, e) < 0)
		return -1;
	return conf_read_text(path, strbuf_span(&text), fn, ctx, e);
}
