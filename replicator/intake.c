/*
 *  OUTSIDE --B--> INSIDE --C--> OUTSIDE
 *                 INSIDE --O of our own--> ECHO --C--> OUTSIDE
 *
 * The batch that is open takes transaction after transaction. What a
 * transaction brings cannot be taken out again, so when the connection ends
 * inside one the whole transactions before it are lost with it: they come
 * again, because the stream starts from intake_end_lsn, which only counts
 * what left here or stands in the batch as a whole.
 */
#include "replicator/intake.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

/* times the rows, half as many bytes again: two of them go out at once */
enum { HURRY_ROWS = 4 };

enum intake_place { INTAKE_OUTSIDE, INTAKE_INSIDE, INTAKE_ECHO };

struct intake {
	struct intake_conf conf;
	struct relations *relations;
	struct arena *scratch; /* of one message */
	enum intake_place place;
	struct batch *open;
	bool cut;           /* pieces of this transaction were taken */
	uint64_t taken_lsn; /* end of the last transaction that was taken */
	uint64_t end_lsn;   /* end of the last one that came */
	uint32_t xid;       /* of the one that is under way */
	int64_t since_ms;
	bool hurry;
	struct intake_stats stats;
};

struct intake *
intake_new(const struct intake_conf *conf)
{
	struct intake *in = mem_new(struct intake);

	in->conf = *conf;
	in->conf.own_origin = mem_strdup(conf->own_origin);
	if (in->conf.full_rows == 0)
		in->conf.full_rows = 1000;
	if (in->conf.full_bytes == 0)
		in->conf.full_bytes = 256 << 10;
	if (in->conf.piece_bytes == 0)
		in->conf.piece_bytes = 1 << 20;
	in->relations = relations_new(conf->catalog);
	in->scratch = arena_new();
	in->open = batch_new();
	return in;
}

void
intake_free(struct intake **ip)
{
	struct intake *in = *ip;

	*ip = NULL;
	if (in == NULL)
		return;
	batch_free(&in->open);
	relations_free(&in->relations);
	arena_free(&in->scratch);
	mem_free((void *)in->conf.own_origin);
	mem_free(in);
}

static void
renew(struct intake *in, bool begins)
{
	in->open = batch_new();
	in->open->begins = begins;
}

int
intake_begin(struct intake *in, uint32_t xid, struct err *e)
{
	if (in->place != INTAKE_OUTSIDE)
		return err_set(e, ERR_INVALID,
			       "intake: a transaction inside another");
	in->place = INTAKE_INSIDE;
	in->xid = xid;
	if (batch_is_empty(in->open))
		in->since_ms = clock_mono_ms();
	return 0;
}

void
intake_commit(struct intake *in, uint64_t end_lsn, int64_t time_us)
{
	bool echo = in->place == INTAKE_ECHO;

	in->place = INTAKE_OUTSIDE;
	in->end_lsn = end_lsn;
	if (echo) {
		in->stats.echo_transactions++;
		return;
	}
	in->stats.transactions++;
	/* what brought nothing needs no group of its own */
	if (batch_is_empty(in->open) && in->open->begins)
		return;
	in->open->transactions++;
	in->open->ends = true;
	in->open->end_lsn = end_lsn;
	in->open->time_us = time_us;
	in->open->xid = in->xid;
}

static int
change(struct intake *in, const struct decoder_message *m, struct err *e)
{
	const struct relation *r = relations_find(in->relations, m->oid);

	if (r == NULL)
		return err_set(e, ERR_INVALID,
			       "intake: a change of relation %u, which was "
			       "never introduced",
			       m->oid);
	in->stats.changes++;
	if (r->kind == RELATION_FOREIGN)
		in->stats.foreign_changes++;
	else if (m->kind != DECODER_DELETE)
		batch_add(in->open, r, &m->row, m->kind == DECODER_INSERT);
	return 0;
}

static int
inside(struct intake *in, const struct decoder_message *m, struct err *e)
{
	switch (m->kind) {
	case DECODER_COMMIT:
		intake_commit(in, m->end_lsn, m->time_us);
		return 0;
	case DECODER_INSERT:
	case DECODER_UPDATE:
	case DECODER_DELETE:
		return change(in, m, e);
	case DECODER_ORIGIN:
		/* gsb_<site>, or gsb_<site>_heal */
		if (span_starts(m->name, in->conf.own_origin))
			in->place = INTAKE_ECHO;
		return 0;
	case DECODER_RELATION:
		relations_learn(in->relations, m->relation);
		return 0;
	case DECODER_MESSAGE:
		if (m->transactional && span_is(m->name, "gsb.barrier"))
			batch_add_barrier(in->open, m->content);
		return 0;
	case DECODER_TRUNCATE:
		log_warn("intake", "why=\"the peer sent a TRUNCATE, which is "
				   "not replicated\"");
		return 0;
	case DECODER_BEGIN:
	case DECODER_TYPE:
		return 0;
	case DECODER_STREAM_START:
	case DECODER_STREAM_STOP:
	case DECODER_STREAM_COMMIT:
	case DECODER_STREAM_ABORT:
		return err_set(e, ERR_INVALID,
			       "intake: message %c of a transaction that is "
			       "streamed",
			       m->kind);
	}
	return 0;
}

/* Rows must outlive the message; the rest is looked at and forgotten. */
static struct span
kept(struct intake *in, struct span bytes)
{
	if (bytes.at[0] != DECODER_INSERT && bytes.at[0] != DECODER_UPDATE)
		return bytes;
	return span_make(arena_dup(in->open->arena, bytes.at, bytes.len),
			 bytes.len);
}

/* Of our own: only its relations and its end matter. */
static bool
is_skipped(const struct intake *in, struct span bytes)
{
	return in->place == INTAKE_ECHO && bytes.len > 0 &&
	       bytes.at[0] != DECODER_COMMIT && bytes.at[0] != DECODER_RELATION;
}

int
intake_message(struct intake *in, struct span bytes, struct err *e)
{
	struct decoder_message m;

	in->stats.bytes += bytes.len;
	if (in->place == INTAKE_ECHO)
		in->stats.echo_bytes += bytes.len;
	if (is_skipped(in, bytes))
		return 0;
	arena_reset(in->scratch);
	if (bytes.len > 0)
		bytes = kept(in, bytes);
	if (decoder_read(bytes, in->scratch, &m, e) != 0)
		return -1;
	if (m.kind == DECODER_BEGIN)
		return intake_begin(in, m.xid, e);
	/* schema, types and loose messages may come between transactions */
	if (in->place == INTAKE_OUTSIDE &&
	    (m.kind == DECODER_COMMIT || m.kind == DECODER_INSERT ||
	     m.kind == DECODER_UPDATE || m.kind == DECODER_DELETE))
		return err_set(e, ERR_INVALID,
			       "intake: message %c outside a transaction",
			       m.kind);
	return inside(in, &m, e);
}

void
intake_hurry(struct intake *in, bool hurry)
{
	in->hurry = hurry;
}

static bool
is_full(const struct intake *in)
{
	size_t rows = in->conf.full_rows, bytes = in->conf.full_bytes;

	if (in->hurry) {
		rows *= HURRY_ROWS;
		bytes += bytes / 2;
	}
	return in->open->rows >= rows || in->open->bytes >= bytes;
}

enum intake_ready
intake_ready(const struct intake *in)
{
	const struct batch *b = in->open;

	if (in->place == INTAKE_INSIDE)
		return b->bytes >= in->conf.piece_bytes ? INTAKE_FULL
							: INTAKE_EMPTY;
	if (batch_is_empty(b) && b->begins)
		return INTAKE_EMPTY;
	return !b->begins || is_full(in) ? INTAKE_FULL : INTAKE_SOME;
}

struct batch *
intake_take(struct intake *in)
{
	struct batch *b = in->open;
	bool piece = in->place == INTAKE_INSIDE;

	assert(intake_ready(in) != INTAKE_EMPTY);
	b->ends = !piece;
	if (!piece)
		in->taken_lsn = b->end_lsn;
	in->cut = piece;
	renew(in, !piece);
	return b;
}

int64_t
intake_since_ms(const struct intake *in)
{
	return in->since_ms;
}

uint64_t
intake_end_lsn(const struct intake *in)
{
	return in->end_lsn;
}

bool
intake_is_busy(const struct intake *in)
{
	return in->place != INTAKE_OUTSIDE || !batch_is_empty(in->open) ||
	       !in->open->begins;
}

bool
intake_cut(struct intake *in)
{
	bool whole = in->place != INTAKE_INSIDE || !in->cut;

	relations_forget(in->relations);
	if (in->place == INTAKE_INSIDE) {
		/* its beginning stands in the batch and cannot be told apart */
		batch_free(&in->open);
		renew(in, true);
		in->end_lsn = in->taken_lsn;
		in->cut = false;
	}
	in->place = INTAKE_OUTSIDE;
	return whole;
}

void
intake_stats(const struct intake *in, struct intake_stats *out)
{
	*out = in->stats;
}
