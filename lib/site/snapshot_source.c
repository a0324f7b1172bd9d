#include "site/snapshot_source.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/manifest_frame.h"
#include "base/mem.h"
#include "io/delta.h"
#include "io/vault_content.h"
#include "site/files_inner.h"

#define MODULE "snapshot"

/* Indexes as in manifest_frame.h, both ends included. */
struct range {
	int64_t first, last;
};

struct source {
	struct vault *vault;
	struct files_view *view; /* only on the loop, but for m */
	struct range *want;
	size_t n, at; /* the range that is being sent */
	int64_t next; /* index in it; 0 before its beginning */
	int64_t from; /* offset in the first file */
	int fd;       /* of the file that is being sent, -1 */
	int64_t left; /* of it */
	bool ended;
	/* Or a delta. */
	char *signature;
	size_t signature_len;
	struct delta_make *delta;
};

static ssize_t read_files(void *job, char *buf, size_t size);
static ssize_t read_delta(void *job, char *buf, size_t size);
static void fini(void *job);

static int
read_ranges(struct source *s, const json_t *body, struct err *e)
{
	json_t *want = NULL, *pair;
	size_t i;

	if (json_get_array(body, "want", &want, e) != 1)
		return err_set(e, ERR_INVALID, "want is missing: [[0,5],...]");
	s->n = json_array_size(want);
	s->want = mem_array(struct range, s->n + 1);
	json_array_foreach(want, i, pair)
	{
		struct range *r = &s->want[i];

		r->first = json_integer_value(json_array_get(pair, 0));
		r->last = json_integer_value(json_array_get(pair, 1));
		if (!json_is_integer(json_array_get(pair, 0)) ||
		    !json_is_integer(json_array_get(pair, 1)) || r->first < 0 ||
		    r->last < r->first || (size_t)r->last > s->view->m->n)
			return err_set(e, ERR_INVALID,
				       "want[%zu] is no range of this version",
				       i);
	}
	s->next = s->want[0].first;
	return 0;
}

static const struct manifest_entry *
entry(const struct source *s, int64_t index)
{
	const struct manifest *m = s->view->m;

	return index == 0 ? &m->settings : &m->files[index - 1];
}

static int
read_request(struct source *s, const json_t *body, struct span rest,
	     struct err *e)
{
	const char *op = "";

	json_get_str(body, "op", &op, NULL);
	if (json_get_int(body, "from", &s->from, e) < 0 ||
	    read_ranges(s, body, e) < 0)
		return -1;
	if (s->n > 0 && (s->from < 0 || s->from > entry(s, s->next)->size))
		return err_set(e, ERR_INVALID, "from lies behind the file");
	if (strcmp(op, "delta") != 0)
		return 0;
	if (s->n != 1 || s->want[0].first != s->want[0].last || rest.len == 0)
		return err_set(e, ERR_INVALID,
			       "a delta is of one file, with a signature");
	s->signature = mem_dup(rest.at, rest.len);
	s->signature_len = rest.len;
	return 0;
}

int
snapshot_source(struct vault *v, struct files_view *view, const json_t *body,
		struct span rest, struct httpd_source *out, struct err *e)
{
	struct source *s = mem_new(struct source);

	s->vault = vault_share(v);
	view->refs++;
	s->view = view;
	s->fd = -1;
	if (read_request(s, body, rest, e) < 0) {
		fini(s);
		return -1;
	}
	*out = (struct httpd_source){
		.length = -1,
		.read = s->signature != NULL ? read_delta : read_files,
		.fini = fini,
		.job = s,
	};
	return 0;
}

static void
fini(void *job)
{
	struct source *s = job;

	delta_make_free(&s->delta);
	if (s->fd >= 0)
		close(s->fd);
	files_release(&s->view);
	vault_close(&s->vault);
	mem_free(s->want);
	mem_free(s->signature);
	mem_free(s);
}

/* --- in a pool thread -----------------------------------------------------
 */

static size_t
put_frame(const struct manifest_frame *f, char *buf)
{
	manifest_frame_put(f, buf);
	return MANIFEST_FRAME_SIZE;
}

static size_t
put_error(int64_t index, const struct err *why, char *buf)
{
	struct manifest_frame f = { .kind = MANIFEST_FRAME_ERROR,
				    .index = (uint32_t)index,
				    .length = strlen(err_text(why)) };

	put_frame(&f, buf);
	memcpy(buf + MANIFEST_FRAME_SIZE, err_text(why), f.length);
	return MANIFEST_FRAME_SIZE + f.length;
}

/* The head of the next file; what cannot be read is said in its place. */
static size_t
begin_file(struct source *s, char *buf)
{
	const struct manifest_entry *f;
	struct manifest_frame frame = { .kind = MANIFEST_FRAME_END };
	struct err why = { 0 };

	while (s->at < s->n && s->next > s->want[s->at].last) {
		s->at++;
		s->next = s->at < s->n ? s->want[s->at].first : 0;
	}
	s->ended = s->at == s->n;
	if (s->ended)
		return put_frame(&frame, buf);
	frame.kind = MANIFEST_FRAME_FILE;
	frame.index = (uint32_t)s->next++;
	f = entry(s, frame.index);
	s->fd = vault_content(s->vault, f, &why);
	if (s->fd >= 0 && s->from > 0 &&
	    lseek(s->fd, s->from, SEEK_SET) != s->from)
		err_set(&why, ERR_IO, "cannot seek");
	s->left = f->size - s->from;
	frame.length = (uint64_t)s->left;
	s->from = 0;
	if (why.code == ERR_NONE)
		return put_frame(&frame, buf);
	log_error(MODULE, "file=\"%s\" why=\"%s\"", f->path, err_text(&why));
	s->left = 0;
	return put_error(frame.index, &why, buf);
}

static ssize_t
read_files(void *job, char *buf, size_t size)
{
	struct source *s = job;
	size_t used = 0;

	while (!s->ended &&
	       size - used > MANIFEST_FRAME_SIZE + sizeof(struct err)) {
		size_t room = size - used;
		ssize_t n;

		if (s->fd < 0) {
			used += begin_file(s, buf + used);
			continue;
		}
		if (room > (uint64_t)s->left)
			room = (size_t)s->left;
		n = room > 0 ? read(s->fd, buf + used, room) : 0;
		if (n < 0 || (n == 0 && s->left > 0)) {
			log_error(MODULE, "a file became shorter while it "
					  "was read");
			return -1;
		}
		used += (size_t)n;
		s->left -= n;
		if (s->left == 0) {
			close(s->fd);
			s->fd = -1;
		}
	}
	return (ssize_t)used;
}

static ssize_t
read_delta(void *job, char *buf, size_t size)
{
	struct source *s = job;
	struct err e = { 0 };
	ssize_t n = -1;
	int fd;

	if (s->delta == NULL) {
		fd = vault_content(s->vault, entry(s, s->next), &e);
		if (fd >= 0)
			s->delta = delta_make_new(
			    span_make(s->signature, s->signature_len), fd,
			    s->from, &e);
	}
	if (s->delta != NULL)
		n = delta_make_read(s->delta, buf, size, &e);
	if (n < 0)
		log_error(MODULE, "file=\"%s\" delta=\"%s\"",
			  entry(s, s->next)->path, err_text(&e));
	return n;
}
