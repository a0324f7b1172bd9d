#include "site/files_serve.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "http/url.h"
#include "io/httpd.h"
#include "io/vault_content.h"
#include "site/api_stream.h"
#include "site/files_inner.h"
#include "site/form.h"
#include "site/record.h"
#include "site/site.h"

#define MODULE "files"

/* The file, from the first byte that is wanted. */
struct stream {
	int fd;
	int64_t left;
};

static ssize_t
stream_read(void *job, char *buf, size_t size)
{
	struct stream *s = job;
	ssize_t n;

	if ((uint64_t)s->left < size)
		size = (size_t)s->left;
	do
		n = size > 0 ? read(s->fd, buf, size) : 0;
	while (n < 0 && errno == EINTR);
	if (n > 0)
		s->left -= n;
	return n;
}

static void
stream_fini(void *job)
{
	struct stream *s = job;

	close(s->fd);
	mem_free(s);
}

const char *
files_serve_type(const char *path)
{
	static const char *const types[][2] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".htm", "text/html; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" },
		{ ".txt", "text/plain; charset=utf-8" },
		{ ".json", "application/json" },
		{ ".svg", "image/svg+xml" },
		{ ".png", "image/png" },
		{ ".jpg", "image/jpeg" },
		{ ".jpeg", "image/jpeg" },
		{ ".gif", "image/gif" },
		{ ".webp", "image/webp" },
		{ ".ico", "image/x-icon" },
		{ ".pdf", "application/pdf" },
		{ ".woff2", "font/woff2" },
	};
	const char *end = strrchr(path, '.');

	for (size_t i = 0; end != NULL && i < sizeof(types) / sizeof(types[0]);
	     i++)
		if (strcasecmp(end, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}

/*
 * "bytes=5-9", "bytes=5-", "bytes=-5". 1: *first and *length, 0: all of it
 * (no range, or one that may be passed over), -1: behind the end.
 */
static int
read_range(struct span field, int64_t size, int64_t *first, int64_t *length)
{
	struct span rest = span_skip(field, strlen("bytes=")), from;
	int64_t last = size - 1;

	if (!span_starts(field, "bytes=") || !span_cut(&rest, '-', &from) ||
	    rest.at == NULL || span_find(rest, ',') >= 0)
		return 0;
	if (from.len == 0) {
		if (span_to_i64(rest, &last) < 0 || last < 0)
			return 0;
		*first = last < size ? size - last : 0;
		last = size - 1;
	} else if (span_to_i64(from, first) < 0 || *first < 0 ||
		   (rest.len > 0 && span_to_i64(rest, &last) < 0) ||
		   last < *first - (rest.len == 0)) {
		return 0;
	}
	if (*first >= size)
		return -1;
	*length = (last < size - 1 ? last : size - 1) - *first + 1;
	return 1;
}

struct answer {
	struct httpd_field fields[12];
	size_t n;
};

static void
put(struct answer *to, const char *name, const char *value)
{
	to->fields[to->n++] = (struct httpd_field){ name, value };
}

/*
 * What a company uploads is shown in the pair's own name: it may look as it
 * likes, but runs no script and is in nobody's frame.
 */
static void
put_fields(struct api *a, struct answer *to, const struct files_view *v,
	   const struct manifest_entry *f, bool attachment)
{
	put(to, "Content-Type", files_serve_type(f->path));
	put(to, "ETag", arena_printf(a->arena, "\"%.32s\"", f->sha256));
	put(to, "X-Files-Version",
	    arena_printf(a->arena, "%" PRId64, v->m->version));
	put(to, "Cache-Control", "no-cache");
	put(to, "Accept-Ranges", "bytes");
	put(to, "X-Content-Type-Options", "nosniff");
	put(to, "Referrer-Policy", "no-referrer");
	put(to, "Content-Security-Policy",
	    "default-src 'none'; img-src 'self' data:; style-src 'self' "
	    "'unsafe-inline'; font-src 'self'; media-src 'self'; "
	    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'; "
	    "sandbox allow-popups allow-top-navigation-by-user-activation");
	if (attachment)
		put(to, "Content-Disposition", "attachment");
}

static void
answer_range(struct api *a, struct answer *to, const struct files_view *v,
	     const struct manifest_entry *f)
{
	int64_t first = 0, length = f->size;
	int range = read_range(httpd_field(a->http, "Range"), f->size, &first,
			       &length);
	struct httpd_source source = { .read = stream_read,
				       .fini = stream_fini };
	struct stream *s;
	struct err e = { 0 };

	if (range < 0) {
		put(to, "Content-Range",
		    arena_printf(a->arena, "bytes */%" PRId64, f->size));
		api_answer_fields(a, 416, to->fields, NULL);
		return;
	}
	s = mem_new(struct stream);
	s->fd = vault_content(a->site->files->vault, f, &e);
	if (s->fd < 0 || lseek(s->fd, first, SEEK_SET) != first) {
		log_error(MODULE, "file=\"%s\" why=\"%s\"", f->path,
			  err_text(&e));
		if (s->fd >= 0)
			close(s->fd);
		mem_free(s);
		api_fail(a, FAULT_INTERNAL, NULL);
		return;
	}
	s->left = length;
	source.job = s;
	source.length = length;
	if (range > 0)
		put(to, "Content-Range",
		    arena_printf(a->arena,
				 "bytes %" PRId64 "-%" PRId64 "/%" PRId64,
				 first, first + length - 1, f->size));
	api_answer_fields(a, range > 0 ? 206 : 200, to->fields, &source);
}

void
files_serve(struct api *a, const struct files_view *v,
	    const struct manifest_entry *f, bool attachment)
{
	struct answer to = { 0 };
	struct span known = httpd_field(a->http, "If-None-Match");

	put_fields(a, &to, v, f, attachment);
	if (known.at != NULL && span_is(known, to.fields[1].value))
		api_answer_fields(a, 304, to.fields, NULL);
	else
		answer_range(a, &to, v, f);
}

/* --- what people see --------------------------------------------------------
 */

static const char *
join(struct api *a, const struct url_path *path, unsigned from)
{
	STRBUF_AUTO rest = { 0 };

	for (unsigned i = from; i < path->n; i++) {
		if (i > from)
			strbuf_addc(&rest, '/');
		strbuf_add_span(&rest, path->seg[i]);
	}
	return arena_span(a->arena, strbuf_span(&rest));
}

void
files_serve_public(struct api *a, const struct url_path *path)
{
	struct files_view *v = files_hold(a->site->files);
	bool clients = url_path_is(path, 1, "clients");
	const char *rest = path->n > 2 ? join(a, path, 2) : "index.html";
	const struct manifest_entry *f = files_find(
	    v, clients ? "clients" : "pages", a->company->name, rest);

	if (f == NULL && path->slash_at_end && !clients && path->n > 2)
		f = files_find(v, "pages", a->company->name,
			       arena_printf(a->arena, "%s/index.html", rest));
	if (f != NULL)
		files_serve(a, v, f, clients);
	else
		api_fail(a, FAULT_NO_PAGE, NULL);
	files_release(&v);
}
