/*
 *  S xid --> R Y I U D T M of xid and its parts --> E     (a block)
 *        ... blocks of others, whole small transactions ...
 *  A xid part                                     that part is void
 *  c xid, or A xid xid                            the end
 */
#include "replicator/streamed.h"

#include <string.h>
#include <sys/queue.h>

#include "base/arena.h"
#include "base/mem.h"
#include "replicator/decoder.h"

/* 'R', as a message of its own, by the part that brought it. */
struct said {
	STAILQ_ENTRY(said) entry;
	uint32_t xid;
	struct span message;
	bool is_void;
};

struct unfinished {
	TAILQ_ENTRY(unfinished) entry;
	uint32_t xid;
	struct streamfile *file; /* NULL: it came from here */
	struct arena *arena;     /* of said */
	STAILQ_HEAD(, said) said;
};

struct streamed {
	struct streamed_conf conf;
	struct arena *scratch;   /* of one message */
	struct unfinished *open; /* in its block */
	TAILQ_HEAD(, unfinished) all;
};

struct streamed *
streamed_new(const struct streamed_conf *conf)
{
	struct streamed *s = mem_new(struct streamed);

	s->conf = *conf;
	s->scratch = arena_new();
	TAILQ_INIT(&s->all);
	return s;
}

static void
forget_file(struct streamed *s, struct unfinished *u)
{
	if (u->file != NULL)
		s->conf.on_void(s->conf.ctx, u->file, 0);
	streamfile_free(&u->file);
}

static void
drop(struct streamed *s, struct unfinished *u)
{
	TAILQ_REMOVE(&s->all, u, entry);
	forget_file(s, u);
	arena_free(&u->arena);
	mem_free(u);
}

void
streamed_cut(struct streamed *s)
{
	struct unfinished *u;

	s->open = NULL;
	while ((u = TAILQ_FIRST(&s->all)) != NULL)
		drop(s, u);
}

void
streamed_free(struct streamed **sp)
{
	struct streamed *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	streamed_cut(s);
	arena_free(&s->scratch);
	mem_free(s);
}

static struct unfinished *
find(const struct streamed *s, uint32_t xid)
{
	struct unfinished *u;

	TAILQ_FOREACH(u, &s->all, entry)
	{
		if (u->xid == xid)
			return u;
	}
	return NULL;
}

static int
start(struct streamed *s, const struct decoder_message *m, struct err *e)
{
	struct unfinished *u = find(s, m->xid);
	struct streamfile *file;

	if (s->open != NULL || (u == NULL) != m->first)
		return err_set(e, ERR_INVALID,
			       "streamed: a block of %u that does not follow",
			       m->xid);
	if (u == NULL) {
		file = streamfile_new(s->conf.dir, e);
		if (file == NULL)
			return -1;
		u = mem_new(struct unfinished);
		u->xid = m->xid;
		u->file = file;
		u->arena = arena_new();
		STAILQ_INIT(&u->said);
		TAILQ_INSERT_TAIL(&s->all, u, entry);
	}
	s->open = u;
	return STREAMED_TAKEN;
}

static int
stop(struct streamed *s, struct err *e)
{
	struct unfinished *u = s->open;

	s->open = NULL;
	if (u == NULL)
		return err_set(e, ERR_INVALID, "streamed: the end of no block");
	if (u->file != NULL && streamfile_pause(u->file, e) != 0)
		return -1;
	return STREAMED_TAKEN;
}

static int
commit(struct streamed *s, const struct decoder_message *m,
       struct streamed_whole *whole, struct err *e)
{
	struct unfinished *u = find(s, m->xid);
	struct said *r;

	if (s->open != NULL || u == NULL)
		return err_set(e, ERR_INVALID,
			       "streamed: the commit of %u, which did not come",
			       m->xid);
	STAILQ_FOREACH(r, &u->said, entry)
	{
		if (!r->is_void)
			s->conf.on_relation(s->conf.ctx, r->message);
	}
	*whole = (struct streamed_whole){ .xid = m->xid,
					  .lsn = m->lsn,
					  .end_lsn = m->end_lsn,
					  .time_us = m->time_us,
					  .file = u->file };
	u->file = NULL;
	drop(s, u);
	return STREAMED_WHOLE;
}

/* One that is not known came to nothing before we streamed. */
static int
void_part(struct streamed *s, const struct decoder_message *m)
{
	struct unfinished *u = find(s, m->xid);
	struct said *r;

	if (u == NULL)
		return STREAMED_TAKEN;
	if (m->sub_xid == m->xid) {
		drop(s, u);
		return STREAMED_TAKEN;
	}
	if (u->file != NULL) {
		streamfile_abort(u->file, m->sub_xid);
		s->conf.on_void(s->conf.ctx, u->file, m->sub_xid);
	}
	STAILQ_FOREACH(r, &u->said, entry)
	{
		r->is_void = r->is_void || r->xid == m->sub_xid;
	}
	return STREAMED_TAKEN;
}

static void
remember(struct unfinished *u, uint32_t xid, struct span rest)
{
	struct said *r = arena_make(u->arena, struct said);
	char *copy = arena_alloc(u->arena, rest.len + 1);

	copy[0] = DECODER_RELATION;
	memcpy(copy + 1, rest.at, rest.len);
	r->xid = xid;
	r->message = span_make(copy, rest.len + 1);
	STAILQ_INSERT_TAIL(&u->said, r, entry);
}

/* In a block: kind, the part's xid, what follows the kind elsewhere. */
static int
inside(struct streamed *s, struct span bytes, struct err *e)
{
	struct unfinished *u = s->open;
	struct span rest;
	uint32_t xid = 0;

	if (bytes.len < 5)
		return err_set(e, ERR_INVALID,
			       "streamed: message 0x%02x of %zu bytes",
			       (unsigned)bytes.at[0] & 0xff, bytes.len);
	for (int i = 1; i <= 4; i++)
		xid = xid << 8 | (unsigned char)bytes.at[i];
	rest = span_make(bytes.at + 5, bytes.len - 5);
	if (bytes.at[0] == DECODER_RELATION)
		remember(u, xid, rest);
	if (u->file != NULL &&
	    streamfile_add(u->file, xid, bytes.at[0], rest, e) != 0)
		return -1;
	return STREAMED_TAKEN;
}

int
streamed_message(struct streamed *s, struct span bytes,
		 struct streamed_whole *whole, struct err *e)
{
	static const char ours[] = { DECODER_STREAM_START, DECODER_STREAM_STOP,
				     DECODER_STREAM_COMMIT,
				     DECODER_STREAM_ABORT, DECODER_ORIGIN };
	struct decoder_message m;

	if (bytes.len == 0)
		return STREAMED_OTHER;
	if (memchr(ours, bytes.at[0], sizeof(ours)) == NULL)
		return s->open != NULL ? inside(s, bytes, e) : STREAMED_OTHER;
	if (bytes.at[0] == DECODER_ORIGIN && s->open == NULL)
		return STREAMED_OTHER;
	arena_reset(s->scratch);
	if (decoder_read(bytes, s->scratch, &m, e) != 0)
		return -1;
	if (m.kind == DECODER_STREAM_START)
		return start(s, &m, e);
	if (m.kind == DECODER_STREAM_STOP)
		return stop(s, e);
	if (m.kind == DECODER_STREAM_COMMIT)
		return commit(s, &m, whole, e);
	if (m.kind == DECODER_STREAM_ABORT)
		return void_part(s, &m);
	/* gsb_<site>, or more behind it: an echo */
	if (span_starts(m.name, s->conf.own_origin))
		forget_file(s, s->open);
	return STREAMED_TAKEN;
}

struct streamfile *
streamed_file(const struct streamed *s)
{
	return s->open != NULL ? s->open->file : NULL;
}

uint64_t
streamed_bytes(const struct streamed *s)
{
	const struct unfinished *u;
	uint64_t bytes = 0;

	TAILQ_FOREACH(u, &s->all, entry)
	{
		if (u->file != NULL)
			bytes += streamfile_bytes(u->file);
	}
	return bytes;
}
