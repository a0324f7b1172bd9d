#include "replicator/copy_sink.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/manifest_frame.h"
#include "base/mem.h"
#include "io/delta.h"
#include "io/vault_content.h"

/* Of these an interrupted copy keeps what has come. */
#define KEEP_MIN (1024 * 1024)
#define WORDS_MAX 4096

struct copy_sink {
	struct vault *vault;
	const struct copy_need *needs;
	size_t n, at; /* the one that comes, or comes next */
	struct vault_new file;
	char head[MANIFEST_FRAME_SIZE];
	size_t head_len; /* of it; full: a body comes */
	struct manifest_frame frame;
	uint64_t left; /* of the body */
	bool ended;
	struct strbuf words;
	struct err first; /* the first file that is wrong */
	struct copy_sink_stats stats;
	struct delta_patch *patch;
	int basis;
};

static int take_body(struct copy_sink *s, struct span piece, struct err *e);
static int put_together(void *ctx, struct span piece, struct err *e);

struct copy_sink *
copy_sink_files(struct vault *v, const struct copy_need *needs, size_t n)
{
	struct copy_sink *s = mem_new(struct copy_sink);

	s->vault = vault_share(v);
	s->needs = needs;
	s->n = n;
	s->file.fd = -1;
	s->basis = -1;
	return s;
}

struct copy_sink *
copy_sink_delta(struct vault *v, const struct copy_need *need)
{
	struct copy_sink *s = copy_sink_files(v, need, 1);

	s->basis = vault_content(v, need->basis, &s->first);
	if (s->basis >= 0)
		s->patch = delta_patch_new(s->basis, put_together, s);
	return s;
}

void
copy_sink_free(struct copy_sink **sp)
{
	struct copy_sink *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	vault_new_drop(&s->file,
		       s->at < s->n && s->needs[s->at].entry->size >= KEEP_MIN);
	vault_new_fini(&s->file);
	delta_patch_free(&s->patch);
	if (s->basis >= 0)
		close(s->basis);
	strbuf_fini(&s->words);
	vault_close(&s->vault);
	mem_free(s);
}

void
copy_sink_stats(const struct copy_sink *s, struct copy_sink_stats *out)
{
	*out = s->stats;
	if (s->file.fd >= 0 && s->at < s->n)
		out->bytes += s->file.size - s->needs[s->at].have;
}

/* --- one file ---------------------------------------------------------------
 */

static int
begin_file(struct copy_sink *s, struct err *e)
{
	const struct copy_need *need = &s->needs[s->at];
	bool keep = need->entry->size >= KEEP_MIN;

	if (vault_new_begin(&s->file, s->vault,
			    keep ? need->entry->sha256 : NULL, e) < 0)
		return -1;
	if (s->file.size == need->have)
		return 0;
	vault_new_drop(&s->file, false);
	return err_set(e, ERR_IO, "%s: what had come of it has changed",
		       need->entry->path);
}

/* A wrong file is no reason not to take the others. */
static int
note_file(struct copy_sink *s, const struct err *why, struct err *e)
{
	const struct copy_need *need = &s->needs[s->at++];

	if (why->code == ERR_NONE) {
		s->stats.files++;
		s->stats.bytes += need->entry->size - need->have;
		return 0;
	}
	if (why->code != ERR_INVALID)
		return err_set(e, why->code, "%s: %s", need->entry->path,
			       err_text(why));
	if (s->first.code == ERR_NONE)
		err_set(&s->first, ERR_INVALID, "%s came damaged: %s",
			need->entry->path, err_text(why));
	return 0;
}

static int
end_file(struct copy_sink *s, struct err *e)
{
	char hash[MANIFEST_HASH_SIZE];
	struct err why = { 0 };
	int rc = vault_new_end(&s->file, s->needs[s->at].entry->sha256, hash,
			       &why);

	assert(rc == 0 || why.code != ERR_NONE);
	return note_file(s, &why, e);
}

/* All of it is in one piece, as most are. */
static int
take_whole(struct copy_sink *s, struct span data, struct err *e)
{
	const struct copy_need *need = &s->needs[s->at];
	struct err why = { 0 };
	int rc = vault_put(&s->file, s->vault, need->entry->sha256, data, &why);

	assert(rc == 0 || why.code != ERR_NONE);
	return note_file(s, &why, e);
}

/* --- the stream of files
 * ------------------------------------------------------
 */

static int
begin_body(struct copy_sink *s, struct err *e)
{
	const struct copy_need *need = &s->needs[s->at];
	const struct manifest_frame *f = &s->frame;

	s->ended = f->kind == MANIFEST_FRAME_END;
	if (s->ended && s->at == s->n && f->length == 0)
		return 0;
	if (s->ended || s->at == s->n || f->index != need->index)
		return err_set(e, ERR_INVALID,
			       "the stream holds another file than was asked "
			       "for");
	s->left = f->length;
	if (f->kind == MANIFEST_FRAME_ERROR) {
		strbuf_reset(&s->words);
		if (f->length <= WORDS_MAX)
			return f->length > 0 ? 0 : take_body(s, span_of(""), e);
	} else if (f->length == (uint64_t)(need->entry->size - need->have)) {
		return f->length > 0 ? 0 : take_body(s, span_of(""), e);
	}
	return err_set(e, ERR_INVALID, "%s has another size than announced",
		       need->entry->path);
}

static void
note_error(struct copy_sink *s)
{
	const struct copy_need *need = &s->needs[s->at++];

	if (s->first.code == ERR_NONE)
		err_set(&s->first, ERR_IO, "the primary cannot read %s: %s",
			need->entry->path, strbuf_text(&s->words));
}

static int
take_words(struct copy_sink *s, struct span piece)
{
	strbuf_add_span(&s->words, piece);
	s->left -= piece.len;
	if (s->left > 0)
		return 0;
	s->head_len = 0;
	note_error(s);
	return 0;
}

/* At most what is left of it. */
static int
take_body(struct copy_sink *s, struct span piece, struct err *e)
{
	if (s->frame.kind == MANIFEST_FRAME_ERROR)
		return take_words(s, piece);
	if (s->file.fd < 0 && piece.len == s->left &&
	    s->needs[s->at].have == 0) {
		s->head_len = 0;
		return take_whole(s, piece, e);
	}
	if ((s->file.fd < 0 && begin_file(s, e) < 0) ||
	    vault_new_add(&s->file, piece, e) < 0)
		return -1;
	s->left -= piece.len;
	if (s->left > 0)
		return 0;
	s->head_len = 0;
	return end_file(s, e);
}

static int
add_files(struct copy_sink *s, struct span piece, struct err *e)
{
	while (piece.len > 0) {
		size_t n = sizeof(s->head) - s->head_len;

		if (s->ended)
			return err_set(e, ERR_INVALID,
				       "something stands behind the stream");
		if (n > 0) {
			n = piece.len < n ? piece.len : n;
			memcpy(s->head + s->head_len, piece.at, n);
			s->head_len += n;
			piece = span_skip(piece, n);
			if (s->head_len == sizeof(s->head) &&
			    (manifest_frame_get(s->head, &s->frame, e) < 0 ||
			     begin_body(s, e) < 0))
				return -1;
			continue;
		}
		n = piece.len < s->left ? piece.len : (size_t)s->left;
		if (take_body(s, span_make(piece.at, n), e) < 0)
			return -1;
		piece = span_skip(piece, n);
	}
	return 0;
}

/* --- a delta --------------------------------------------------------------
 */

static int
put_together(void *ctx, struct span piece, struct err *e)
{
	struct copy_sink *s = ctx;
	const struct copy_need *need = &s->needs[0];

	if (s->file.size + (int64_t)piece.len > need->entry->size)
		return err_set(e, ERR_INVALID,
			       "%s: the delta makes it too large",
			       need->entry->path);
	return vault_new_add(&s->file, piece, e);
}

static int
add_delta(struct copy_sink *s, struct span piece, struct err *e)
{
	if (s->patch == NULL)
		return err_set(e, s->first.code, "%s", err_text(&s->first));
	if (s->file.fd < 0 && begin_file(s, e) < 0)
		return -1;
	return delta_patch_add(s->patch, piece, e);
}

/* --- both -----------------------------------------------------------------
 */

int
copy_sink_add(struct copy_sink *s, struct span piece, struct err *e)
{
	return s->needs[0].basis != NULL ? add_delta(s, piece, e)
					 : add_files(s, piece, e);
}

int
copy_sink_end(struct copy_sink *s, struct err *e)
{
	if (s->n > 0 && s->needs[0].basis != NULL) {
		if (add_delta(s, (struct span){ 0 }, e) < 0 ||
		    delta_patch_end(s->patch, e) < 0 || end_file(s, e) < 0)
			return -1;
	} else if (!s->ended) {
		return err_set(e, ERR_CLOSED,
			       "the stream of files is not whole");
	}
	if (s->first.code == ERR_NONE)
		return 0;
	return err_set(e, s->first.code, "%s", err_text(&s->first));
}
