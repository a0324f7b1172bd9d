/*
 * What comes: messages of the stream become chunks of frames.
 */
#include "replicator/decoder.h"
#include "replicator/spool_inner.h"

/* of one transaction: a larger one waits for its merge */
#define OPEN_BYTES (16 << 20)
/* so much memory is kept for the next one */
#define IDLE_BYTES (256 << 10)

/* --- what comes ------------------------------------------------------------
 */

void
spool_take(struct spool *s, bool takes, bool patient)
{
	struct spool_waiting *w, *next;

	s->next_takes = takes || patient;
	s->patient = patient;
	for (w = TAILQ_FIRST(&s->waiting); w != NULL && !patient; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->lost)
			spool_drop_frame(s, w);
	}
}

void
spool_name(struct spool *s, uint64_t system_id, uint32_t timeline)
{
	if (s->head.system_id == system_id && s->head.timeline == timeline)
		return;
	s->head.system_id = system_id;
	s->head.timeline = timeline;
	s->fresh = s->rotate = true;
}

static void
begin(struct spool *s)
{
	s->inside = true;
	s->echo = s->wanted = false;
	s->takes = s->next_takes && (s->patient || !spool_has_failed(s));
	strbuf_reset(&s->open);
	strbuf_reset(&s->relations);
}

/* Behind the frame: one that rotates tells what was known before it. */
static void
learn_all(struct spool *s)
{
	struct span rest = strbuf_span(&s->relations), message;

	while (spool_message_next(&rest, &message))
		spool_learn(s, message);
	strbuf_reset(&s->relations);
}

static void
commit(struct spool *s, uint64_t end_lsn)
{
	bool whole = s->wanted && !s->echo;

	s->inside = false;
	if (!s->takes && (whole || s->relations.len > 0))
		s->fresh = s->rotate = true;
	else if (whole)
		spool_add_chunk(s, end_lsn, strbuf_span(&s->open));
	else if (s->relations.len > 0)
		spool_add_chunk(s, 0, strbuf_span(&s->relations));
	if (whole)
		s->edge = end_lsn;
	learn_all(s);
	if (s->open.cap > IDLE_BYTES)
		strbuf_fini(&s->open);
	spool_start(s);
}

static void
keep(struct spool *s, struct span bytes)
{
	if (!s->takes || s->echo)
		return;
	spool_message_add(&s->open, bytes);
	if (s->open.len <= OPEN_BYTES || s->patient)
		return;
	s->takes = false;
	strbuf_fini(&s->open);
}

int
spool_message(struct spool *s, struct span bytes, struct err *e)
{
	struct decoder_message m;

	arena_reset(s->scratch);
	switch (bytes.len > 0 ? bytes.at[0] : '\0') {
	case DECODER_BEGIN:
		begin(s);
		keep(s, bytes);
		return 0;
	case DECODER_ORIGIN:
		if (decoder_read(bytes, s->scratch, &m, e) != 0)
			return -1;
		/* gsb_<site>, or gsb_<site>_heal */
		s->echo = span_starts(m.name, s->conf.own_origin);
		keep(s, bytes);
		return 0;
	case DECODER_COMMIT:
		if (decoder_read(bytes, s->scratch, &m, e) != 0)
			return -1;
		keep(s, bytes);
		s->time_us = m.time_us;
		commit(s, m.end_lsn);
		return 0;
	case DECODER_RELATION:
		if (decoder_read(bytes, s->scratch, &m, e) != 0)
			return -1;
		if (!s->inside) {
			spool_relation(s, bytes);
			return 0;
		}
		spool_message_add(&s->relations, bytes);
		keep(s, bytes);
		return 0;
	case DECODER_INSERT:
	case DECODER_UPDATE:
	case DECODER_DELETE:
	case DECODER_MESSAGE:
		s->wanted = s->wanted || s->inside;
		break;
	default:
		break;
	}
	if (s->inside)
		keep(s, bytes);
	return 0;
}

void
spool_relation(struct spool *s, struct span message)
{
	STRBUF_AUTO one = { 0 };

	spool_message_add(&one, message);
	if (s->next_takes)
		spool_add_chunk(s, 0, strbuf_span(&one));
	else
		s->fresh = s->rotate = true;
	spool_learn(s, message);
}

void
spool_skip(struct spool *s, uint64_t end_lsn)
{
	s->edge = end_lsn;
	s->fresh = true;
}

void
spool_cut(struct spool *s)
{
	s->inside = false;
	strbuf_reset(&s->open);
	strbuf_reset(&s->relations);
}

int64_t
spool_time_us(const struct spool *s)
{
	return s->time_us;
}

bool
spool_is_inside(const struct spool *s)
{
	return s->inside;
}
