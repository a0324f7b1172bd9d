/*
 * One pass: its connections, what there is to do, and table by table
 *
 *   digest --found--> mend --> digest ... --end--> write --> next table
 *      ^------ something differed: once more ------'
 *
 * A healing pass is followed by one that proves it.
 */
#include "replicator/heal_inner.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "replicator/envelope.h"

#define CALL_MS 30000
#define TRIES 4
/* keys that differ are mended together */
#define MEND_KEYS 20000
/* in the background at most a tenth of the time is worked */
#define PAUSE_FACTOR 9
/* a tombstone this old may be gone at one site already */
#define OLDEST_US (29 * INT64_C(86400000000))

static void on_up(void *ctx);
static void on_asked(void *ctx, const struct pgresult *results, size_t n,
		     const struct err *err);
static void on_found(void *ctx, const struct digest_found *found);
static void on_mended(void *ctx, const struct mend_stats *stats,
		      const struct err *err);
static void on_compared(void *ctx, int64_t rows, const struct err *err);
static void on_written(void *ctx, const struct pgresult *results, size_t n,
		       const struct err *err);
static void on_healed(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);
static void on_down(void *ctx, const struct err *why);
static void next_table(struct heal *h);
static void write_table(struct heal *h, bool equal);

void
heal_pass_free(struct heal *h)
{
	digest_cancel(&h->digest);
	mend_cancel(&h->mend);
	pgconn_cancel(&h->call);
	for (int i = 0; i < HEAL_ENDS; i++)
		pgconn_free(&h->ends[i]);
	statements_free(&h->statements);
	catalog_free(&h->catalog);
	arena_free(&h->arena);
	arena_free(&h->keys_arena);
	mem_free(h->found.keys);
	h->found = (struct digest_found){ 0 };
	h->fetch = NULL;
	h->skip = NULL;
	h->up = 0;
	h->running_demand = false;
}

static struct pgconn *
connect_to(struct heal *h, const char *conninfo, const char *setup)
{
	return pgconn_new(&(struct pgconn_conf){
	    .conninfo = conninfo,
	    .application = "gsb-replicator heal",
	    .setup = setup,
	    .on_up = on_up,
	    .on_down = on_down,
	    .ctx = h,
	});
}

void
heal_pass_begin(struct heal *h)
{
	STRBUF_AUTO merge = { 0 };
	STRBUF_AUTO origin = { 0 };

	heal_learn(h);
	h->begun_ms = clock_mono_ms();
	h->arena = arena_new();
	h->keys_arena = arena_new();
	/* what is merged here must not be sent back: its origin is the peer's
	 * and the peer drops it */
	strbuf_addf(&origin, "gsb_%s_heal", h->conf.peer_site);
	strbuf_adds(&merge, "SET lock_timeout = '10s'; ");
	envelope_session(&merge, strbuf_text(&origin), true);
	h->ends[HEAL_LOCAL] = connect_to(h, h->conf.local, digest_session_sql);
	h->ends[HEAL_PEER] = connect_to(h, h->conf.peer, digest_session_sql);
	h->ends[HEAL_MERGE] = connect_to(h, h->conf.local, strbuf_text(&merge));
	h->state = HEAL_CONNECTING;
}

static void
on_down(void *ctx, const struct err *why)
{
	heal_end_pass(ctx, why);
}

static void
on_up(void *ctx)
{
	struct heal *h = ctx;
	struct pgbatch *b;
	char *names;
	struct pgparam param;

	if (++h->up < HEAL_ENDS)
		return;
	h->state = HEAL_ASKING;
	b = pgbatch_new();
	pgbatch_add_sql(b, "SELECT why, since::text FROM gsb.heal");
	pgbatch_add_sql(
	    b, "SELECT rel, (extract(epoch FROM verified) * 1000000)::int8, "
	       "rows, healed > (SELECT since FROM gsb.heal) FROM gsb.digest");
	names = catalog_parameter(h->decls);
	param = pgparam_text(names);
	pgbatch_add(b, &catalog_query, &param);
	mem_free(names);
	h->call = pgconn_run(h->ends[HEAL_LOCAL], &b, clock_mono_ms() + CALL_MS,
			     on_asked, h);
}

static void
read_digests(struct heal *h, const struct pgresult *res)
{
	for (int row = 0; row < pgresult_rows(res); row++)
		for (size_t i = 0; i < h->ntables; i++) {
			struct heal_table *t = &h->tables[i];

			if (strcmp(t->rel, pgresult_text(res, row, 0)) != 0)
				continue;
			t->verified_us = pgresult_int(res, row, 1);
			t->rows = pgresult_int(res, row, 2);
			h->skip[i] = pgresult_bool(res, row, 3);
		}
}

static void
choose(struct heal *h)
{
	/* the tombstones of a table say why a row is only here */
	for (size_t i = 1; i < h->ntables; i++)
		h->skip[i] = h->demand != NULL &&
			     strcmp(h->tables[i].rel, h->demand) != 0;
	h->running_demand = h->demanded;
	h->demanded = false;
}

static void
begin_tables(struct heal *h)
{
	h->at = 0;
	h->tries = 0;
	h->found_in_try = 0;
	next_table(h);
}

static void
on_asked(void *ctx, const struct pgresult *results, size_t n,
	 const struct err *err)
{
	struct heal *h = ctx;
	struct err e;

	h->call = NULL;
	if (err != NULL) {
		e = *err;
		err_prefix(&e, "gsb.heal, gsb.digest; was gsb-replicator "
			       "install run?");
		heal_end_pass(h, &e);
		return;
	}
	h->catalog = catalog_new(h->decls, &results[2], true, &e);
	if (h->catalog == NULL) {
		heal_end_pass(h, &e);
		return;
	}
	h->statements = statements_new(h->catalog);
	h->skip = arena_array(h->arena, bool, h->ntables);
	read_digests(h, &results[1]);
	h->healing = pgresult_rows(&results[0]) == 1;
	mem_free(h->why);
	mem_free(h->since);
	h->why = h->since = NULL;
	if (h->healing) {
		h->why = mem_strdup(pgresult_text(&results[0], 0, 0));
		h->since = mem_strdup(pgresult_text(&results[0], 0, 1));
	}
	h->pass_heals = h->healing;
	if (!h->healing && !h->demanded && !heal_is_due(h)) {
		heal_rest(h);
		return;
	}
	if (!h->healing)
		choose(h);
	heal_set_state(h, h->healing ? HEAL_HEALING : HEAL_VERIFYING,
		       h->healing          ? h->why
		       : h->running_demand ? "a demand"
					   : "by time");
	begin_tables(h);
}

/* --- one table ----------------------------------------------------------- */

static const struct table *
table_of(const struct heal *h)
{
	const struct table_decl *decl;

	if (h->at == 0)
		return digest_tombstones();
	decl = &h->decls->list[h->at - 1];
	return catalog_find(h->catalog, decl->schema, decl->name);
}

static void
finish_pass(struct heal *h)
{
	struct pgbatch *b;
	STRBUF_AUTO sql = { 0 };

	if (!h->pass_heals) {
		heal_end_pass(h, NULL);
		return;
	}
	/* unless there was another reason meanwhile */
	strbuf_addf(&sql, "DELETE FROM gsb.heal WHERE since = '%s'", h->since);
	b = pgbatch_new();
	pgbatch_add_sql(b, strbuf_text(&sql));
	h->call = pgconn_run(h->ends[HEAL_LOCAL], &b, clock_mono_ms() + CALL_MS,
			     on_healed, h);
}

static void
on_healed(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct heal *h = ctx;

	h->call = NULL;
	if (err != NULL || pgresult_affected(&results[0]) == 0) {
		heal_end_pass(h, err);
		return;
	}
	log_state("heal", "healed=yes why=\"%s\" took_ms=%" PRId64, h->why,
		  clock_mono_ms() - h->begun_ms);
	h->healing = h->pass_heals = false;
	choose(h);
	h->running_demand = true; /* its proof, at full speed */
	memset(h->skip, 0, h->ntables * sizeof(*h->skip));
	heal_set_state(h, HEAL_VERIFYING, "healed");
	begin_tables(h);
}

static void
next_table(struct heal *h)
{
	const struct table *table;

	while (h->at < h->ntables && (h->skip[h->at] || table_of(h) == NULL))
		h->at++;
	if (h->at == h->ntables) {
		finish_pass(h);
		return;
	}
	table = table_of(h);
	h->fetch = NULL;
	if (h->tries == 0) {
		struct heal_table *t = &h->tables[h->at];

		t->different = t->pulled = t->pushed = t->parked = 0;
		h->table_begun_ms = clock_mono_ms();
	}
	h->tables[h->at].unsettled = 0;
	h->compared = false;
	h->tries++;
	h->digest = digest_start(&(struct digest_conf){
	    .local = h->ends[HEAL_LOCAL],
	    .peer = h->ends[HEAL_PEER],
	    .table = table,
	    .oldest = h->at == 0 ? (clock_pg_us() - OLDEST_US) * 256 : 0,
	    .pause_factor = h->pass_heals || h->running_demand ? 0
							       : PAUSE_FACTOR,
	    .is_busy = h->conf.is_behind,
	    .busy_ctx = h->conf.ctx,
	    .on_found = on_found,
	    .on_end = on_compared,
	    .ctx = h,
	});
}

static void
make_fetch(struct heal *h)
{
	STRBUF_AUTO sql = { 0 };

	digest_fetch_sql(&sql, digest_form(h->digest));
	h->fetch = arena_make(h->arena, struct pgstmt);
	h->fetch->name = arena_printf(h->arena, "digest_fetch_%u",
				      h->statements_made++);
	h->fetch->sql = arena_span(h->arena, strbuf_span(&sql));
	h->fetch->nparams = 1;
	h->fetch->binary = true;
	h->form = *digest_form(h->digest);
	if (h->form.missing != NULL)
		h->form.missing = arena_dup(h->arena, h->form.missing,
					    h->form.t->ncolumns * sizeof(bool));
}

static int
by_key(const void *a, const void *b)
{
	return strcmp(((const struct digest_key *)a)->key,
		      ((const struct digest_key *)b)->key);
}

static void
mend(struct heal *h)
{
	qsort(h->found.keys, h->found.n, sizeof(*h->found.keys), by_key);
	h->mend = mend_start(
	    &(struct mend_conf){
		.local = h->ends[HEAL_LOCAL],
		.peer = h->ends[HEAL_PEER],
		.merge = h->ends[HEAL_MERGE],
		.statements = h->statements,
		.form = &h->form,
		.fetch = h->fetch,
		.found = &h->found,
		.confirm = !h->pass_heals,
		.site = h->conf.site,
	    },
	    on_mended, h);
}

/* Many at once: each time a barrier has to go there and back. */
static void
on_found(void *ctx, const struct digest_found *found)
{
	struct heal *h = ctx;
	size_t n = h->found.n;

	if (h->fetch == NULL)
		make_fetch(h);
	h->found.keys = mem_resize(h->found.keys, n * sizeof(*h->found.keys),
				   (n + found->n) * sizeof(*h->found.keys));
	for (size_t i = 0; i < found->n; i++) {
		h->found.keys[n + i] = found->keys[i];
		h->found.keys[n + i].key = arena_strdup(h->keys_arena,
							found->keys[i].key);
	}
	h->found.n += found->n;
	if (h->found.n >= MEND_KEYS)
		mend(h);
	else
		digest_go_on(h->digest);
}

static void
count(struct heal *h, const struct mend_stats *stats)
{
	struct heal_table *t = &h->tables[h->at];

	t->different += stats->different;
	t->pulled += stats->pulled;
	t->pushed += stats->pushed;
	t->parked += stats->parked;
	t->unsettled += stats->unsettled;
	h->found_in_try += stats->different + stats->unsettled;
	h->total.different += stats->different;
	h->total.pulled += stats->pulled;
	h->total.pushed += stats->pushed;
	h->total.parked += stats->parked;
}

static void
on_mended(void *ctx, const struct mend_stats *stats, const struct err *err)
{
	struct heal *h = ctx;
	struct heal_table *t = &h->tables[h->at];

	h->mend = NULL;
	count(h, stats);
	arena_reset(h->keys_arena);
	h->found.n = 0;
	if (err != NULL) {
		heal_end_pass(h, err);
		return;
	}
	if (!h->pass_heals && stats->different > 0)
		log_error("heal",
			  "alarm=different table=%s rows=%" PRIu64
			  " pulled=%" PRIu64 " pushed=%" PRIu64
			  " parked=%" PRIu64,
			  t->rel, stats->different, stats->pulled,
			  stats->pushed, stats->parked);
	if (h->compared)
		write_table(h, !h->pass_heals && h->found_in_try == 0);
	else
		digest_go_on(h->digest);
}

/* Whether the rows that were compared last are equal. */
static void
write_table(struct heal *h, bool equal)
{
	struct heal_table *t = &h->tables[h->at];
	struct pgbatch *b = pgbatch_new();
	static const struct pgstmt stmt = {
		.name = "digest_outcome",
		.sql = "INSERT INTO gsb.digest AS d (rel, verified, healed, "
		       "rows, different, ms) VALUES ($1, CASE WHEN $2::bool "
		       "THEN clock_timestamp() END, CASE WHEN $3::bool THEN "
		       "clock_timestamp() END, $4, $5, $6) ON CONFLICT (rel) "
		       "DO UPDATE SET verified = coalesce(excluded.verified, "
		       "d.verified), healed = coalesce(excluded.healed, "
		       "d.healed), rows = excluded.rows, different = "
		       "excluded.different, ms = excluded.ms",
		.nparams = 6
	};

	t->ms = clock_mono_ms() - h->table_begun_ms;
	if (equal)
		t->verified_us = clock_wall_us();
	pgbatch_add(b, &stmt,
		    (struct pgparam[]){
			pgparam_text(t->rel),
			pgparam_bool(equal),
			pgparam_bool(h->pass_heals),
			pgparam_int(t->rows),
			pgparam_int((int64_t)t->different),
			pgparam_int(t->ms),
		    });
	h->call = pgconn_run(h->ends[HEAL_LOCAL], &b, clock_mono_ms() + CALL_MS,
			     on_written, h);
}

static void
on_compared(void *ctx, int64_t rows, const struct err *err)
{
	struct heal *h = ctx;
	struct heal_table *t = &h->tables[h->at];

	h->digest = NULL;
	t->rows = rows;
	mem_free((void *)t->failure);
	t->failure = NULL;
	if (err != NULL && err->code != ERR_NOT_FOUND) {
		heal_end_pass(h, err);
		return;
	}
	if (err != NULL) {
		t->failure = mem_strdup(err_text(err));
		log_warn("heal", "table=%s why=\"%s\"", t->rel, t->failure);
		write_table(h, false);
		return;
	}
	h->compared = true;
	if (h->found.n > 0)
		mend(h);
	else
		write_table(h, !h->pass_heals && h->found_in_try == 0);
}

static void
on_written(void *ctx, const struct pgresult *results, size_t n,
	   const struct err *err)
{
	struct heal *h = ctx;
	bool again = !h->pass_heals && h->found_in_try > 0 && h->tries < TRIES;

	h->call = NULL;
	if (err != NULL) {
		heal_end_pass(h, err);
		return;
	}
	if (!again) {
		h->at++;
		h->tries = 0;
	}
	h->found_in_try = 0;
	h->conf.on_change(h->conf.ctx);
	next_table(h);
}
