/*
 *  [barriers --seen--> look again --some still change--> barriers ...]
 *       '---> fetch --> merge --> look --> touch --> fetch the next ...
 *
 * In brackets: only to confirm. The states of one key at two sites, taken
 * before a barrier and unchanged behind it, are different for good: each
 * site has merged by then what the other one had.
 */
#include "replicator/mend.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/timer.h"
#include "replicator/mend_inner.h"

#define CALL_MS 120000
#define BARRIER_MS 30000
#define REPEAT_MS 3000
#define POLL_MS 20
#define ROUNDS 8
#define CHUNK_FIRST 64
#define CHUNK_MAX 1000
#define CHUNK_BYTES (2 << 20)

struct mend {
	struct mend_conf conf;
	mend_fn *fn;
	void *ctx;
	struct arena *arena; /* of the lists */
	struct arena *now;   /* of one chunk */
	struct digest_key *keys;
	size_t n, at, upto; /* at .. upto: the chunk */
	size_t chunk;
	unsigned rounds;
	int64_t deadline_ms; /* of the barriers */
	int64_t repeat_ms;
	char token[64];
	bool seen_here, seen_there;
	struct pgcall *here, *there;
	struct timer *timer;
	struct digest_list lists[2]; /* here, there */
	struct mend_rows *rows;
	struct mend_stats stats;
};

static void on_emitted(void *ctx, const struct pgresult *results, size_t n,
		       const struct err *err);
static void on_poll(void *ctx);
static void on_seen_here(void *ctx, const struct pgresult *results, size_t n,
			 const struct err *err);
static void on_seen_there(void *ctx, const struct pgresult *results, size_t n,
			  const struct err *err);
static void on_again_here(void *ctx, const struct pgresult *results, size_t n,
			  const struct err *err);
static void on_again_there(void *ctx, const struct pgresult *results, size_t n,
			   const struct err *err);
static void on_rows(void *ctx, const struct digest_list *there, size_t bytes,
		    size_t parked, const struct err *err);
static void on_looked(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_touched(void *ctx, const struct pgresult *results, size_t n,
		       const struct err *err);
static void emit(struct mend *m);
static void begin_chunk(void *ctx);

struct mend *
mend_start(const struct mend_conf *conf, mend_fn *fn, void *ctx)
{
	struct mend *m = mem_new(struct mend);

	m->conf = *conf;
	m->fn = fn;
	m->ctx = ctx;
	m->arena = arena_new();
	m->now = arena_new();
	m->keys = conf->found->keys;
	m->n = conf->found->n;
	m->chunk = CHUNK_FIRST;
	if (conf->confirm)
		emit(m);
	else
		m->timer = timer_start(0, begin_chunk, m);
	return m;
}

void
mend_cancel(struct mend **mp)
{
	struct mend *m = *mp;

	*mp = NULL;
	if (m == NULL)
		return;
	timer_cancel(&m->timer);
	pgconn_cancel(&m->here);
	pgconn_cancel(&m->there);
	mend_rows_cancel(&m->rows);
	arena_free(&m->arena);
	arena_free(&m->now);
	mem_free(m);
}

static void
end(struct mend *m, const struct err *err)
{
	struct err copy = { 0 };
	struct mend_stats stats = m->stats;
	mend_fn *fn = m->fn;
	void *ctx = m->ctx;

	if (err != NULL)
		copy = *err;
	mend_cancel(&m);
	fn(ctx, &stats, err != NULL ? &copy : NULL);
}

static struct pgcall *
run(struct mend *m, struct pgconn *conn, const char *sql, pgcall_fn *fn)
{
	struct pgbatch *b = pgbatch_new();

	pgbatch_add_sql(b, sql);
	return pgconn_run(conn, &b, clock_mono_ms() + CALL_MS, fn, m);
}

/* --- is it different, or on its way? ------------------------------------- */

/* A slot made meanwhile does not bring what was sent before it. */
static void
emit_once_more(struct mend *m)
{
	STRBUF_AUTO sql = { 0 };

	m->repeat_ms = clock_mono_ms() + REPEAT_MS;
	strbuf_addf(&sql, "SELECT gsb.barrier('%s')", m->token);
	m->here = run(m, m->conf.local, strbuf_text(&sql), on_emitted);
}

static void
emit(struct mend *m)
{
	snprintf(m->token, sizeof(m->token), "digest-%s-%" PRId64, m->conf.site,
		 clock_pg_us());
	m->deadline_ms = clock_mono_ms() + BARRIER_MS;
	m->seen_here = m->seen_there = false;
	emit_once_more(m);
}

static void
on_emitted(void *ctx, const struct pgresult *results, size_t n,
	   const struct err *err)
{
	struct mend *m = ctx;
	STRBUF_AUTO sql = { 0 };

	if (m->here != NULL) {
		m->here = NULL;
		if (err != NULL) {
			end(m, err);
			return;
		}
		strbuf_addf(&sql, "SELECT gsb.barrier('%s')", m->token);
		m->there = run(m, m->conf.peer, strbuf_text(&sql), on_emitted);
		return;
	}
	m->there = NULL;
	if (err != NULL)
		end(m, err);
	else
		on_poll(m);
}

static void
on_poll(void *ctx)
{
	struct mend *m = ctx;
	STRBUF_AUTO sql = { 0 };

	m->timer = NULL;
	strbuf_addf(&sql, "SELECT gsb.barrier_seen('%s')", m->token);
	m->here = run(m, m->conf.local, strbuf_text(&sql), on_seen_here);
	m->there = run(m, m->conf.peer, strbuf_text(&sql), on_seen_there);
}

static void
look_again(struct mend *m)
{
	STRBUF_AUTO sql = { 0 };
	char *keys = digest_keys_text(m->keys, m->n);

	digest_keys_sql(&sql, m->conf.form, keys);
	mem_free(keys);
	m->here = run(m, m->conf.local, strbuf_text(&sql), on_again_here);
	m->there = run(m, m->conf.peer, strbuf_text(&sql), on_again_there);
}

static void
on_polled(struct mend *m)
{
	struct err e;

	if (m->here != NULL || m->there != NULL)
		return;
	if (m->seen_here && m->seen_there) {
		look_again(m);
		return;
	}
	if (clock_mono_ms() > m->deadline_ms) {
		err_set(&e, ERR_TIMEOUT,
			"a barrier has not come %s in %d s: is the "
			"replicator there running?",
			m->seen_here ? "to the peer" : "here",
			BARRIER_MS / 1000);
		end(m, &e);
		return;
	}
	if (clock_mono_ms() > m->repeat_ms)
		emit_once_more(m);
	else
		m->timer = timer_start(POLL_MS, on_poll, m);
}

static void
on_seen_here(void *ctx, const struct pgresult *results, size_t n,
	     const struct err *err)
{
	struct mend *m = ctx;

	m->here = NULL;
	if (err != NULL) {
		end(m, err);
		return;
	}
	m->seen_here = pgresult_bool(&results[0], 0, 0);
	on_polled(m);
}

static void
on_seen_there(void *ctx, const struct pgresult *results, size_t n,
	      const struct err *err)
{
	struct mend *m = ctx;

	m->there = NULL;
	if (err != NULL) {
		end(m, err);
		return;
	}
	m->seen_there = pgresult_bool(&results[0], 0, 0);
	on_polled(m);
}

static bool
is_same(const struct digest_key *a, const struct digest_key *b)
{
	return a->is_here == b->is_here && a->is_there == b->is_there &&
	       a->here == b->here && a->there == b->there;
}

static const struct digest_key *
find_key(const struct digest_key *keys, size_t n, const char *key)
{
	size_t from = 0, to = n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int by = strcmp(keys[middle].key, key);

		if (by == 0)
			return &keys[middle];
		if (by < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return NULL;
}

/* What stayed as it was is different; what changed is looked at once more. */
static void
judge(struct mend *m)
{
	struct digest_found now;
	size_t settled = 0;

	digest_join(m->arena, &m->lists[0], &m->lists[1], &now);
	for (size_t i = 0; i < now.n; i++) {
		const struct digest_key *was = find_key(m->keys, m->n,
							now.keys[i].key);

		settled += was != NULL && is_same(was, &now.keys[i]);
	}
	m->keys = now.keys;
	m->n = now.n;
	if (settled < now.n && ++m->rounds < ROUNDS) {
		emit(m);
		return;
	}
	m->stats.unsettled = now.n - settled;
	m->stats.different = settled;
	begin_chunk(m);
}

static void
on_again(struct mend *m, int side, const struct pgresult *results,
	 const struct err *err)
{
	if (err != NULL) {
		end(m, err);
		return;
	}
	digest_read(m->arena, &results[0], &m->lists[side]);
	if (m->here == NULL && m->there == NULL)
		judge(m);
}

static void
on_again_here(void *ctx, const struct pgresult *results, size_t n,
	      const struct err *err)
{
	struct mend *m = ctx;

	m->here = NULL;
	on_again(m, 0, results, err);
}

static void
on_again_there(void *ctx, const struct pgresult *results, size_t n,
	       const struct err *err)
{
	struct mend *m = ctx;

	m->there = NULL;
	on_again(m, 1, results, err);
}

/* --- making it equal ----------------------------------------------------- */

static void
begin_chunk(void *ctx)
{
	struct mend *m = ctx;
	char *keys;

	m->timer = NULL;
	if (!m->conf.confirm)
		m->stats.different = m->n;
	if (m->at == m->n) {
		end(m, NULL);
		return;
	}
	arena_reset(m->now);
	m->upto = m->n - m->at > m->chunk ? m->at + m->chunk : m->n;
	keys = digest_keys_text(m->keys + m->at, m->upto - m->at);
	m->rows = mend_rows_start(
	    &(struct mend_rows_conf){
		.peer = m->conf.peer,
		.merge = m->conf.merge,
		.statements = m->conf.statements,
		.form = m->conf.form,
		.fetch = m->conf.fetch,
		.keys = keys,
	    },
	    on_rows, m);
	mem_free(keys);
}

static void
on_rows(void *ctx, const struct digest_list *there, size_t bytes, size_t parked,
	const struct err *err)
{
	struct mend *m = ctx;
	STRBUF_AUTO sql = { 0 };
	char *keys;

	m->rows = NULL;
	if (err != NULL) {
		end(m, err);
		return;
	}
	m->stats.pulled += there->n;
	m->stats.parked += parked;
	m->lists[1].n = there->n;
	m->lists[1].rows = arena_array(m->now, struct digest_row, there->n);
	for (size_t i = 0; i < there->n; i++) {
		m->lists[1].rows[i].key = arena_strdup(m->now,
						       there->rows[i].key);
		m->lists[1].rows[i].hash = there->rows[i].hash;
	}
	if (bytes > CHUNK_BYTES && m->chunk > 1)
		m->chunk /= 2;
	else if (bytes < CHUNK_BYTES / 4 && m->chunk < CHUNK_MAX)
		m->chunk *= 2;
	keys = digest_keys_text(m->keys + m->at, m->upto - m->at);
	digest_keys_sql(&sql, m->conf.form, keys);
	mem_free(keys);
	m->here = run(m, m->conf.local, strbuf_text(&sql), on_looked);
}

static void
on_looked(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct mend *m = ctx;
	struct digest_found left;
	STRBUF_AUTO sql = { 0 };
	size_t k = 0;
	char *keys;

	m->here = NULL;
	if (err != NULL) {
		end(m, err);
		return;
	}
	digest_read(m->now, &results[0], &m->lists[0]);
	digest_join(m->now, &m->lists[0], &m->lists[1], &left);
	/* what is only there is below a tombstone of ours, or parked */
	for (size_t i = 0; i < left.n; i++)
		if (left.keys[i].is_here)
			left.keys[k++] = left.keys[i];
	m->at = m->upto;
	if (k == 0) {
		begin_chunk(m);
		return;
	}
	m->stats.pushed += k;
	keys = digest_keys_text(left.keys, k);
	digest_touch_sql(&sql, m->conf.form, keys);
	mem_free(keys);
	m->here = run(m, m->conf.local, strbuf_text(&sql), on_touched);
}

static void
on_touched(void *ctx, const struct pgresult *results, size_t n,
	   const struct err *err)
{
	struct mend *m = ctx;

	m->here = NULL;
	if (err != NULL)
		end(m, err);
	else
		begin_chunk(m);
}
