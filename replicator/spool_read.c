/*
 * The reader: first through the files, then through what waits to be written.
 * A frame keeps its number on its way from there to the file, and so does the
 * place in it.
 */
#include "replicator/spool_inner.h"

void
spool_seek(struct spool *s, uint64_t lsn)
{
	const struct spool_segment *f;
	const struct spool_waiting *w = TAILQ_FIRST(&s->waiting);

	s->above = lsn;
	s->at = 0;
	s->loaded = false;
	s->place = (struct spool_place){ 0 };
	TAILQ_FOREACH(f, &s->files.segments, entry)
	{
		if (f->end > lsn)
			break;
	}
	/* those that follow in memory may lack what it tells of relations */
	if (f == NULL && (w == NULL || !w->rotates))
		f = TAILQ_LAST(&s->files.segments, spool_segments);
	/* one that tells of no transaction may tell of relations */
	if (f != NULL)
		s->number = f->head.first;
	else
		s->number = w != NULL ? w->number : s->numbers;
}

static struct spool_waiting *
in_memory(const struct spool *s)
{
	struct spool_waiting *w;

	TAILQ_FOREACH(w, &s->waiting, entry)
	{
		if (w->number >= s->number)
			return w;
	}
	return NULL;
}

/* 1: in a file. One that could not be written stands in memory alone, though
 * later ones are in files. */
static int
load_file(struct spool *s, const struct spool_waiting *w, struct err *e)
{
	struct spool_place back = s->place;
	int rc;

	if (s->loaded)
		return 1;
	if (s->number >= s->files.frames ||
	    (w != NULL && w->number == s->number))
		return 0;
	rc = spool_files_read(&s->files, s->number, &s->place, &s->buffer,
			      &s->frame, e);
	if (rc > 0 && w != NULL && w->number < s->frame.number) {
		s->place = back;
		return 0;
	}
	return rc;
}

/* 1: the chunks of the frame `number`, or of the first behind it. */
static int
load(struct spool *s, struct span *chunks, struct err *e)
{
	const struct spool_waiting *w = in_memory(s);
	int rc = load_file(s, w, e);

	if (rc > 0) {
		if (s->frame.number != s->number)
			s->at = 0;
		s->loaded = true;
		s->number = s->frame.number;
		*chunks = s->frame.chunks;
		return 1;
	}
	if (rc < 0 || w == NULL)
		return rc;
	if (w->number != s->number)
		s->at = 0;
	s->number = w->number;
	*chunks = span_skip(span_make(strbuf_text(&w->bytes),
				      w->len != 0 ? w->len : w->bytes.len),
			    SPOOL_FRAME_HEAD_BYTES);
	return 1;
}

/* Those that will never be in a file are gone when they have been read. */
static void
pass(struct spool *s)
{
	struct spool_waiting *w = TAILQ_FIRST(&s->waiting);

	s->number++;
	s->at = 0;
	s->loaded = false;
	if (w != NULL && w->lost && w->sealed && w->number < s->number)
		spool_drop_frame(s, w);
}

int
spool_next(struct spool *s, struct spool_chunk *out, bool *is_known,
	   struct err *e)
{
	struct span chunks;
	size_t len;
	int rc;

	while ((rc = load(s, &chunks, e)) > 0) {
		len = chunks.len;
		chunks = span_skip(chunks, s->at);
		if (spool_chunk_next(&chunks, out)) {
			s->at = len - chunks.len;
			*is_known = out->end_lsn != 0 &&
				    out->end_lsn <= s->above;
			return 1;
		}
		/* the newest may grow */
		if (s->number + 1 == s->numbers)
			return 0;
		pass(s);
	}
	return rc;
}
