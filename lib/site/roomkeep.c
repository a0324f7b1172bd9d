/*
 *   record --> spool, queue --batch--> rows --> off the queue
 *                  ^---- later, again ----'
 *
 * One batch is under way at a time, in order. What waits to be read is read
 * when the queue is empty, or when it cannot be emptied now.
 */
#include "site/roomkeep.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/retry.h"
#include "site/room_chat.h"
#include "site/roomkeep_inner.h"

#define MODULE "roomkeep"
#define BATCH 200
#define BATCH_MS 5000
#define GATHER_MS 20 /* what is said together is written together */

static const struct retry_conf retry = { 200, 5000 };

static void on_next(void *ctx);
static void on_written(void *ctx, const struct pgresult *r, size_t n,
		       const struct err *err);
static void on_drain_end(void *ctx);
static void drained(struct roomkeep *k);

struct roomkeep *
roomkeep_open(struct pgpool *pool, const char *dir, struct err *e)
{
	struct roomkeep *k = mem_new(struct roomkeep);

	k->pool = pool;
	k->path = mem_printf("%s/rooms.spool", dir);
	k->batch = BATCH;
	STAILQ_INIT(&k->records);
	TAILQ_INIT(&k->loads);
	if (roomkeep_spool_open(k, e) < 0) {
		roomkeep_close(&k);
		return NULL;
	}
	if (k->waiting > 0)
		k->next = timer_start(0, on_next, k);
	return k;
}

static void
drop_first(struct roomkeep *k)
{
	struct roomkeep_record *r = STAILQ_FIRST(&k->records);

	STAILQ_REMOVE_HEAD(&k->records, link);
	k->waiting--;
	k->bytes -= r->len;
	mem_free(r);
}

void
roomkeep_close(struct roomkeep **kp)
{
	struct roomkeep *k = *kp;
	struct roomkeep_load *l;

	*kp = NULL;
	if (k == NULL)
		return;
	while ((l = TAILQ_FIRST(&k->loads)) != NULL)
		roomkeep_load_cancel(&l);
	pgpool_cancel(&k->req);
	pgpool_cancel(&k->sweep);
	timer_cancel(&k->next);
	timer_cancel(&k->drain_end);
	while (k->waiting > 0)
		drop_first(k);
	if (k->fd >= 0)
		close(k->fd);
	mem_free(k->path);
	mem_free(k);
}

void
roomkeep_drain(struct roomkeep *k, unsigned ms, void (*fn)(void *ctx),
	       void *ctx)
{
	k->on_drained = fn;
	k->drain_ctx = ctx;
	k->drain_end = timer_start(k->waiting > 0 ? ms : 0, on_drain_end, k);
}

static void
on_drain_end(void *ctx)
{
	struct roomkeep *k = ctx;

	k->drain_end = NULL;
	if (k->waiting > 0)
		log_warn(MODULE, "waiting=%u in=%s", k->waiting, k->path);
	drained(k);
}

static void
drained(struct roomkeep *k)
{
	void (*fn)(void *) = k->on_drained;

	timer_cancel(&k->drain_end);
	k->on_drained = NULL;
	fn(k->drain_ctx);
}

bool
roomkeep_add(struct roomkeep *k, json_t *record)
{
	STRBUF_AUTO line = { 0 };
	struct span text;

	json_write(record, JSON_AS_MADE, &line);
	json_decref(record);
	if (k->bytes + line.len > ROOMKEEP_BYTES) {
		if (k->refused++ % 1000 == 0)
			log_error(MODULE, "waiting=%u bytes=%zu refused=%llu",
				  k->waiting, k->bytes,
				  (unsigned long long)k->refused);
		return false;
	}
	text = strbuf_span(&line);
	roomkeep_keep(k, text);
	strbuf_addc(&line, '\n');
	roomkeep_spool_add(k, strbuf_span(&line));
	if (k->req == NULL && k->next == NULL)
		k->next = timer_start(GATHER_MS, on_next, k);
	return true;
}

unsigned
roomkeep_waiting(const struct roomkeep *k)
{
	return k->waiting;
}

/* Those that cannot be read are none: they go with their batch. */
static void
on_next(void *ctx)
{
	struct roomkeep *k = ctx;
	struct pgbatch *b = pgbatch_new();
	struct roomkeep_record *r;

	k->next = NULL;
	k->flying = 0;
	pgbatch_add_sql(b, "BEGIN");
	pgbatch_add_sql(b, "SET LOCAL synchronous_commit TO local");
	STAILQ_FOREACH(r, &k->records, link)
	{
		JSON_AUTO j = json_read(span_make(r->text, r->len), NULL);

		if (k->flying == k->batch)
			break;
		k->flying++;
		if (!roomkeep_add_sql(b, j))
			log_error(MODULE, "unreadable=%zu", r->len);
	}
	pgbatch_commit(b);
	k->req = pgpool_run(k->pool, &b, clock_mono_ms() + BATCH_MS, on_written,
			    k);
}

/* One that the database refuses must not stand in the way of the others. */
static void
refused(struct roomkeep *k, const struct err *err)
{
	struct roomkeep_record *r = STAILQ_FIRST(&k->records);

	if (k->batch > 1) {
		k->batch = 1;
		return;
	}
	log_error(MODULE, "lost=\"%.200s\" sqlstate=%s why=\"%s\"", r->text,
		  err->sqlstate, err_text(err));
	drop_first(k);
}

/* Classes 22 and 23: what it says is wrong, now and later. */
static bool
is_its_fault(const struct err *err)
{
	return err->code == ERR_REFUSED && err->sqlstate[0] == '2' &&
	       (err->sqlstate[1] == '2' || err->sqlstate[1] == '3');
}

static void
on_written(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct roomkeep *k = ctx;
	uint64_t wait = 0;

	k->req = NULL;
	if (err == NULL) {
		if (k->failures > 0)
			log_state(MODULE, "written again, waiting=%u",
				  k->waiting);
		k->failures = 0;
		for (; k->flying > 0; k->flying--)
			drop_first(k);
	} else if (is_its_fault(err)) {
		refused(k, err);
	} else {
		if (k->failures++ == 0)
			log_state(MODULE, "not written: %s", err_text(err));
		wait = retry_wait_ms(&retry, k->failures, crypto_random_u32());
	}
	if (k->waiting == 0) {
		k->batch = BATCH;
		roomkeep_spool_empty(k);
	} else {
		k->next = timer_start(wait, on_next, k);
	}
	roomkeep_load_go(k);
	if (k->waiting == 0 && k->on_drained != NULL)
		drained(k);
}

static json_t *
record(const char *kind)
{
	json_t *j = json_object();

	json_put_str(j, "kind", kind);
	return j;
}

bool
roomkeep_run(struct roomkeep *k, const struct roomkeep_run *run)
{
	const char site[2] = { run->site, '\0' };
	json_t *j = record("run");

	json_put_str(j, "id", run->id);
	json_put_str(j, "meeting", run->meeting);
	json_put_int(j, "no", run->no);
	json_put_str(j, "site", site);
	json_put_int(j, "started", run->started_us);
	json_put_int(j, "ended", run->ended_us);
	json_put_int(j, "seen", run->seen_us);
	json_put_bool(j, "host_joined", run->host_joined);
	json_put_bool(j, "others_joined", run->others_joined);
	json_put(j, "roster", json_incref((json_t *)run->roster));
	return roomkeep_add(k, j);
}

bool
roomkeep_stay(struct roomkeep *k, const struct usage_stay *s)
{
	const char site[2] = { s->site, '\0' };
	json_t *j = record("stay");

	json_put_str(j, "run", s->session_id);
	json_put_str(j, "participant", s->participant);
	json_put_str(j, "account", s->account_id);
	json_put_str(j, "name", s->name);
	json_put_bool(j, "host", s->host);
	json_put_str(j, "address", s->address);
	json_put_str(j, "site", site);
	json_put_int(j, "joined", s->joined_us);
	json_put_int(j, "seen", s->seen_us);
	json_put_int(j, "left", s->left_us);
	return roomkeep_add(k, j);
}

bool
roomkeep_line(struct roomkeep *k, const char *run, const struct room_line *l)
{
	json_t *j = record("line");

	json_put_str(j, "run", run);
	json_put_str(j, "id", l->id);
	json_put_int(j, "n", l->n);
	json_put_int(j, "at", l->at_ms * 1000);
	json_put_str(j, "from", l->from);
	json_put_str(j, "name", l->name);
	json_put_str(j, "to", l->to);
	json_put_str(j, "text", l->text);
	return roomkeep_add(k, j);
}
