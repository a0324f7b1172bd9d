#include "base/manifest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/utf8.h"

#define FIRST "gsb-manifest 1"
#define SEGMENT_MAX 255
#define SETTINGS "settings.json"
/* Of nothing: the settings "{}" are what an empty version has. */
#define EMPTY_SETTINGS "{}"

/* What is read, and where in it. */
struct reader {
	struct span rest;
	struct manifest *m;
	size_t line;
	size_t room; /* entries allocated */
};

static int read_head(struct reader *r, struct err *e);
static int read_files(struct reader *r, struct err *e);

struct manifest *
manifest_new(void)
{
	struct arena *arena = arena_new();
	struct manifest *m = arena_make(arena, struct manifest);
	struct crypto_hash *h = crypto_hash_new();

	m->arena = arena;
	m->settings = (struct manifest_entry){
		.path = SETTINGS,
		.size = sizeof(EMPTY_SETTINGS) - 1,
		.mode = 0644,
	};
	crypto_hash_add(h, span_of(EMPTY_SETTINGS));
	crypto_hash_end(h, m->settings.sha256);
	crypto_hash_free(&h);
	manifest_seal(m);
	return m;
}

void
manifest_free(struct manifest **mp)
{
	struct manifest *m = *mp;
	struct arena *arena;

	*mp = NULL;
	if (m == NULL)
		return;
	mem_free(m->files);
	arena = m->arena; /* m lies in it */
	arena_free(&arena);
}

/* --- paths ----------------------------------------------------------------
 */

static int
segment_ok(struct span s, struct err *e)
{
	if (s.len == 0)
		return err_set(e, ERR_INVALID,
			       "a part of the path is empty; write "
			       "pages/COMPANY/NAME");
	if (span_is(s, ".") || span_is(s, ".."))
		return err_set(e, ERR_INVALID,
			       "\"%.*s\" may not be a part of a path",
			       SPAN_ARG(s));
	if (s.len > SEGMENT_MAX)
		return err_set(e, ERR_INVALID,
			       "a part of the path is longer than %d bytes",
			       SEGMENT_MAX);
	return 0;
}

static int
bytes_ok(struct span path, struct err *e)
{
	if (path.len > MANIFEST_PATH_MAX)
		return err_set(e, ERR_INVALID,
			       "the path is longer than %d bytes",
			       MANIFEST_PATH_MAX);
	if (!utf8_valid(path))
		return err_set(e, ERR_INVALID, "the path is not UTF-8");
	for (size_t i = 0; i < path.len; i++) {
		unsigned char c = (unsigned char)path.at[i];

		if (c < ' ' || c == 0x7f || c == '\\')
			return err_set(e, ERR_INVALID,
				       "byte %zu of the path is a control "
				       "character or a backslash",
				       i + 1);
	}
	return 0;
}

int
manifest_path_ok(struct span path, struct err *e)
{
	struct span rest = path, part;
	unsigned n = 0;

	if (bytes_ok(path, e) < 0)
		return -1;
	if (!span_starts(path, "pages/") && !span_starts(path, "clients/"))
		return err_set(e, ERR_INVALID,
			       "a path begins with pages/ or clients/, not "
			       "like \"%.*s\"",
			       (int)(path.len < 40 ? path.len : 40), path.at);
	for (; span_cut(&rest, '/', &part); n++)
		if (segment_ok(part, e) < 0)
			return -1;
	if (n < 3)
		return err_set(e, ERR_INVALID,
			       "a path needs a company and a name: "
			       "pages/COMPANY/NAME");
	return 0;
}

/* --- reading --------------------------------------------------------------
 */

static int
wrong(const struct reader *r, struct err *e, const char *what)
{
	return err_set(e, ERR_INVALID, "manifest line %zu: %s", r->line, what);
}

/* Lines end with a newline, the last one too. */
static bool
next_line(struct reader *r, struct span *line)
{
	r->line++;
	return span_find(r->rest, '\n') >= 0 && span_cut(&r->rest, '\n', line);
}

static bool
take(struct span *line, struct span *word)
{
	return line->at != NULL && span_cut(line, ' ', word) && word->len > 0;
}

static int
take_number(struct span *line, int64_t *out)
{
	struct span word;

	return take(line, &word) && span_to_i64(word, out) == 0 && *out >= 0
		   ? 0
		   : -1;
}

static int
take_hash(struct span *line, char out[static MANIFEST_HASH_SIZE])
{
	struct span word;

	if (!take(line, &word) || word.len != MANIFEST_HASH_SIZE - 1)
		return -1;
	for (size_t i = 0; i < word.len; i++)
		if (memchr("0123456789abcdef", word.at[i], 16) == NULL)
			return -1;
	return span_copy(word, out, MANIFEST_HASH_SIZE) ? 0 : -1;
}

static int
read_version(struct reader *r, struct err *e)
{
	struct manifest *m = r->m;
	struct span line, word;

	if (!next_line(r, &line) || !take(&line, &word) ||
	    !span_is(word, "version") || take_number(&line, &m->version) < 0 ||
	    take_number(&line, &m->made_us) < 0 || !take(&line, &word))
		return wrong(r, e, "must be \"version NUMBER TIME ORIGIN\"");
	if (span_is(word, "override") && line.len > 0 && utf8_valid(line))
		m->override_reason = arena_span(m->arena, line);
	else if (!span_is(word, "primary") || line.at != NULL)
		return wrong(r, e,
			     "the origin is primary, or override and "
			     "its reason");
	return 0;
}

static int
read_head(struct reader *r, struct err *e)
{
	struct manifest_entry *s = &r->m->settings;
	struct span line, word;

	if (!next_line(r, &line) || !span_is(line, FIRST))
		return wrong(r, e, "must be \"" FIRST "\"");
	if (read_version(r, e) < 0)
		return -1;
	if (!next_line(r, &line) || !take(&line, &word) ||
	    !span_is(word, "settings") || take_number(&line, &s->size) < 0 ||
	    take_hash(&line, s->sha256) < 0 || line.at != NULL)
		return wrong(r, e, "must be \"settings SIZE SHA256\"");
	return 0;
}

static struct manifest_entry *
add_entry(struct reader *r)
{
	struct manifest *m = r->m;
	size_t more = r->room == 0 ? 64 : 2 * r->room;

	if (m->n == r->room) {
		m->files = mem_resize(m->files, r->room * sizeof(*m->files),
				      more * sizeof(*m->files));
		r->room = more;
	}
	return &m->files[m->n++];
}

static int
read_mode(struct span *line, unsigned *out)
{
	struct span word;

	if (!take(line, &word))
		return -1;
	*out = span_is(word, "644") ? 0644 : span_is(word, "755") ? 0755 : 0;
	return *out != 0 ? 0 : -1;
}

static int
read_file(struct reader *r, struct span line, struct err *e)
{
	struct manifest *m = r->m;
	struct manifest_entry *f;
	struct err why = { 0 };

	if (m->n == MANIFEST_FILES_MAX)
		return wrong(r, e, "too many files");
	f = add_entry(r);
	f->path = "";
	if (read_mode(&line, &f->mode) < 0)
		return wrong(r, e,
			     "the mode of a file is 644 or 755: it must "
			     "be a regular file");
	if (take_number(&line, &f->size) < 0 ||
	    take_hash(&line, f->sha256) < 0 || line.at == NULL)
		return wrong(r, e, "must be \"file MODE SIZE SHA256 PATH\"");
	if (manifest_path_ok(line, &why) < 0)
		return wrong(r, e, err_text(&why));
	if (f->size > INT64_MAX / 2 - m->bytes)
		return wrong(r, e, "the sizes are too large together");
	f->path = arena_span(m->arena, line);
	m->bytes += f->size;
	if (m->n > 1 && strcmp(f[-1].path, f->path) >= 0)
		return wrong(r, e, "the paths are not in order");
	return 0;
}

/* A path that is also a folder of another could not be on a disk. */
static int
check_folders(struct reader *r, struct err *e)
{
	const struct manifest *m = r->m;
	char path[MANIFEST_PATH_MAX + 2];

	for (size_t i = 0; i + 1 < m->n; i++) {
		size_t len = strlen(m->files[i].path), at;

		memcpy(path, m->files[i].path, len);
		memcpy(path + len, "/", 2);
		at = manifest_lower(m, path);
		if (at < m->n && strncmp(m->files[at].path, path, len + 1) == 0)
			return wrong(r, e, "a file is a folder of another");
	}
	return 0;
}

static int
read_files(struct reader *r, struct err *e)
{
	struct span line = { 0 }, word;
	int64_t count;

	while (next_line(r, &line)) {
		if (!take(&line, &word))
			break;
		if (span_is(word, "end")) {
			if (take_number(&line, &count) < 0 || line.at != NULL ||
			    (size_t)count != r->m->n)
				return wrong(r, e, "the count is wrong");
			return r->rest.len == 0
				   ? check_folders(r, e)
				   : wrong(r, e, "something stands behind it");
		}
		if (!span_is(word, "file"))
			break;
		if (read_file(r, line, e) < 0)
			return -1;
	}
	return wrong(r, e,
		     "must be a whole line \"file ...\" or \"end COUNT\"");
}

struct manifest *
manifest_parse(struct span text, struct err *e)
{
	struct reader r = { .rest = text, .m = manifest_new() };

	if (read_head(&r, e) < 0 || read_files(&r, e) < 0) {
		manifest_free(&r.m);
		return NULL;
	}
	manifest_seal(r.m);
	return r.m;
}

/* --- writing --------------------------------------------------------------
 */

static void
put_settings(const struct manifest *m, struct strbuf *out)
{
	strbuf_addf(out, "settings %" PRId64 " %s\n", m->settings.size,
		    m->settings.sha256);
}

static void
put_files(const struct manifest *m, struct strbuf *out)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct manifest_entry *f = &m->files[i];

		strbuf_addf(out, "file %o %" PRId64 " %s ", f->mode, f->size,
			    f->sha256);
		strbuf_adds(out, f->path);
		strbuf_addc(out, '\n');
	}
}

void
manifest_seal(struct manifest *m)
{
	struct crypto_hash *h = crypto_hash_new();
	STRBUF_AUTO text = { 0 };

	put_settings(m, &text);
	put_files(m, &text);
	crypto_hash_add(h, strbuf_span(&text));
	crypto_hash_end(h, m->digest);
	crypto_hash_free(&h);
}

void
manifest_write(const struct manifest *m, struct strbuf *out)
{
	strbuf_addf(out, FIRST "\nversion %" PRId64 " %" PRId64 " ", m->version,
		    m->made_us);
	if (m->override_reason != NULL)
		strbuf_addf(out, "override %s\n", m->override_reason);
	else
		strbuf_adds(out, "primary\n");
	put_settings(m, out);
	put_files(m, out);
	strbuf_addf(out, "end %zu\n", m->n);
}

/* --- looking, changing ------------------------------------------------------
 */

size_t
manifest_lower(const struct manifest *m, const char *path)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(m->files[mid].path, path) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct manifest_entry *
manifest_find(const struct manifest *m, const char *path)
{
	size_t at = manifest_lower(m, path);

	return at < m->n && strcmp(m->files[at].path, path) == 0 ? &m->files[at]
								 : NULL;
}

static void
copy_entry(struct manifest *to, const struct manifest_entry *f)
{
	struct manifest_entry *own = &to->files[to->n++];

	*own = *f;
	own->path = arena_strdup(to->arena, f->path);
	to->bytes += f->size;
}

struct manifest *
manifest_with(const struct manifest *m, const char *path,
	      const struct manifest_entry *e)
{
	struct manifest *to = manifest_new();
	size_t at = path != NULL ? manifest_lower(m, path) : m->n;

	to->version = m->version;
	to->made_us = m->made_us;
	to->settings = m->settings;
	to->settings.path = SETTINGS;
	to->override_reason = arena_strdup(to->arena, m->override_reason);
	to->files = mem_array(struct manifest_entry, m->n + 1);
	for (size_t i = 0; i < at; i++)
		copy_entry(to, &m->files[i]);
	if (e != NULL)
		copy_entry(to, e);
	if (at < m->n && path != NULL && strcmp(m->files[at].path, path) == 0)
		at++;
	for (size_t i = at; i < m->n; i++)
		copy_entry(to, &m->files[i]);
	manifest_seal(to);
	return to;
}
