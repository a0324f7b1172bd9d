/*
 * One of tx, replay, wait is not NULL, or the request has been answered:
 *
 *   write_replay --> on_looked --> (in the journal) from_journal
 *
 *   write_start --> on_first --> on_commit ------------> finish
 *                      |             |  at risk            ^
 *                      |             +--------> on_recorded+
 *                      | in the journal                    |
 *                      +--------> on_replayed -------------+
 *
 * A request that runs twice at once meets itself, at a primary key or as a
 * row that has just gone: the later one starts over and finds the journal.
 */
#include "site/write.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/timer.h"
#include "site/journal.h"
#include "site/mail.h"
#include "site/site.h"

#define MODULE "write"

/* Later than the replicator's own time-out: then it is down as well, and the
 * wait for the peer is ended here (docs/contracts.md 3). */
#define WRITE_STUCK_MS 4000

struct write {
	struct api *api;
	const struct write_op *op;
	write_unknown_fn *unknown; /* of write_replay */
	struct pgtx *tx;
	struct pgreq *replay;
	struct gate_wait *wait;
	struct timer *stuck;
	bool again;    /* it has started over once */
	bool local;    /* COMMIT did not wait for the peer */
	size_t look;   /* index of the journal's look-up */
	size_t first;  /* index of the operation's first statement */
	size_t commit; /* index of COMMIT, sync_state behind it */
	struct write_answer answer;
};

static const struct pgstmt stamp = {
	.name = "write_stamp",
	.sql = "SELECT set_config('gsb.stamp', $1, true)",
	.nparams = 1,
};

/* Writes a commit record and nothing else: waiting for it is waiting for
 * everything before it. */
static const struct pgstmt touch = {
	.name = "write_touch",
	.sql = "SELECT pg_logical_emit_message(true, 'gsb.replay', '')",
};

static const struct pgstmt sync_state = {
	.name = "write_sync_state",
	.sql = "SELECT gsb.sync_state()",
};

static void on_looked(void *ctx, const struct pgresult *r, size_t n,
		      const struct err *err);
static void begin(struct write *w);
static void on_first(void *ctx, const struct pgresult *r, size_t n,
		     const struct err *err);
static void from_journal(struct write *w, enum journal_found found);
static void refused(struct write *w);
static void failed(struct write *w, const struct err *err);
static void commit(struct write *w);
static void on_commit(void *ctx, const struct pgresult *r, size_t n,
		      const struct err *err);
static void on_replayed(void *ctx, const struct pgresult *r, size_t n,
			const struct err *err);
static void on_stuck(void *ctx);
static void judge(struct write *w, const struct pgresult *state);
static void on_recorded(void *ctx, bool ok);
static void finish(struct write *w);

void
write_start(struct api *a, const struct write_op *op)
{
	struct write *w = mem_new(struct write);

	assert(a->write == NULL);
	w->api = a;
	w->op = op;
	a->write = w;
	begin(w);
}

void
write_replay(struct api *a, write_unknown_fn *unknown)
{
	struct write *w = mem_new(struct write);
	struct pgbatch *b = pgbatch_new();

	assert(a->write == NULL);
	w->api = a;
	w->unknown = unknown;
	a->write = w;
	journal_add_look_request(a, b);
	w->replay = pgpool_run(a->site->pool, &b, a->deadline_ms, on_looked, w);
}

static void
on_looked(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct write *w = ctx;
	struct api *a = w->api;
	write_unknown_fn *unknown = w->unknown;

	w->replay = NULL;
	if (err != NULL) {
		api_fail_db(a, err);
		return;
	}
	if (journal_read(a, &r[0], &w->answer.status, &w->answer.content) ==
	    JOURNAL_SAME) {
		from_journal(w, JOURNAL_SAME);
		return;
	}
	write_cancel(&a->write);
	unknown(a);
}

void
write_cancel(struct write **wp)
{
	struct write *w = *wp;

	*wp = NULL;
	if (w == NULL)
		return;
	pgtx_rollback(&w->tx);
	pgpool_cancel(&w->replay);
	gate_wait_cancel(&w->wait);
	timer_cancel(&w->stuck);
	mem_free(w);
}

static void
begin(struct write *w)
{
	struct api *a = w->api;
	struct pgbatch *b = pgbatch_new();
	char text[24];
	struct pgparam p;

	snprintf(text, sizeof(text), "%lld", (long long)a->stamp_us);
	p = pgparam_text(text);
	pgbatch_add_sql(b, "BEGIN");
	pgbatch_add(b, &stamp, &p);
	w->look = journal_add_look(a, b);
	w->first = pgbatch_count(b);
	w->op->fill(a, b);
	w->tx = pgpool_begin(a->site->pool, &b, a->deadline_ms, on_first, w);
}

static void
on_first(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct write *w = ctx;
	struct api *a = w->api;
	enum journal_found found = JOURNAL_NONE;

	if (err != NULL)
		w->tx = NULL; /* it has been rolled back */
	memset(&w->answer, 0, sizeof(w->answer));
	if (n > w->look)
		found = journal_read(a, &r[w->look], &w->answer.status,
				     &w->answer.content);
	if (found != JOURNAL_NONE) {
		from_journal(w, found);
		return;
	}
	if (err != NULL) {
		failed(w, err);
		return;
	}
	w->op->render(a, r + w->first, n - w->first, &w->answer);
	if (w->answer.refused) {
		refused(w);
		return;
	}
	if (!gate_holds(a->site->web_gate, a->epoch)) {
		api_unprocessed(a, 421, "the lease ended before COMMIT");
		return;
	}
	commit(w);
}

/*
 * The first execution may still be at risk, and its answer must not become
 * an acknowledgement by the back door: wait for the peer as it would have.
 */
static void
from_journal(struct write *w, enum journal_found found)
{
	struct api *a = w->api;
	struct pgbatch *b;

	pgtx_rollback(&w->tx);
	if (found == JOURNAL_OTHER) {
		api_fail(a, FAULT_CONFLICT,
			 "the Idempotency-Key was used for another request");
		return;
	}
	b = pgbatch_new();
	a->committed = true;
	w->local = gate_peer_dead(a->site->web_gate);
	pgbatch_add_sql(b, "BEGIN");
	if (w->local)
		pgbatch_add_sql(b, "SET LOCAL synchronous_commit TO local");
	pgbatch_add(b, &touch, NULL);
	w->commit = pgbatch_commit(b);
	pgbatch_add(b, &sync_state, NULL);
	w->stuck = timer_start(WRITE_STUCK_MS, on_stuck, w);
	w->replay = pgpool_run(a->site->pool, &b, a->deadline_ms, on_replayed,
			       w);
}

/*
 * Perhaps because its first execution has committed between the look at the
 * journal and the statement: what it deleted is not there.
 */
static void
refused(struct write *w)
{
	if (!w->again) {
		w->again = true;
		pgtx_rollback(&w->tx);
		begin(w);
		return;
	}
	api_fail(w->api, w->answer.fault, w->answer.words != NULL ? "%s" : NULL,
		 w->answer.words);
}

static void
failed(struct write *w, const struct err *err)
{
	struct api *a = w->api;
	enum fault f = write_fault(err);

	if (!w->again && write_retry(err) == WRITE_START_OVER) {
		w->again = true;
		begin(w);
		return;
	}
	if (f == FAULT_CONFLICT)
		api_fail(a, f, "%s",
			 w->op->conflict != NULL
			     ? w->op->conflict
			     : "the Idempotency-Key was used before, more "
			       "than 24 hours ago");
	else if (f != FAULT_INTERNAL)
		api_fail(a, f, NULL);
	else
		api_fail_db(a, err);
}

static void
commit(struct write *w)
{
	struct api *a = w->api;
	struct pgbatch *b = pgbatch_new();

	if (w->answer.status == 0)
		w->answer.status = 200;
	w->local = gate_peer_dead(a->site->web_gate);
	if (w->local)
		pgbatch_add_sql(b, "SET LOCAL synchronous_commit TO local");
	mail_add_touch(a, b);
	journal_add_store(a, w->op, &w->answer, b);
	w->commit = pgbatch_commit(b);
	pgbatch_add(b, &sync_state, NULL);
	w->stuck = timer_start(WRITE_STUCK_MS, on_stuck, w);
	pgtx_commit(w->tx, &b, on_commit, w);
}

static void
on_commit(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct write *w = ctx;
	struct api *a = w->api;

	w->tx = NULL;
	timer_cancel(&w->stuck);
	if (err != NULL && err->code != ERR_UNCERTAIN && n <= w->commit) {
		failed(w, err); /* before COMMIT: surely rolled back */
		return;
	}
	a->committed = true;
	if (err != NULL)
		api_unknown(a, err_text(err));
	else
		judge(w, &r[w->commit + 1]);
}

static void
on_replayed(void *ctx, const struct pgresult *r, size_t n,
	    const struct err *err)
{
	struct write *w = ctx;

	w->replay = NULL;
	timer_cancel(&w->stuck);
	if (err != NULL)
		api_unknown(w->api, err_text(err));
	else
		judge(w, &r[w->commit + 1]);
}

static void
on_stuck(void *ctx)
{
	struct write *w = ctx;

	w->stuck = NULL;
	log_warn(MODULE, "commits wait for the peer and nobody degrades: "
			 "waiting=ended");
	pgpool_cancel_commits(w->api->site->pool);
}

static void
judge(struct write *w, const struct pgresult *state)
{
	struct api *a = w->api;
	struct gate *gate = a->site->web_gate;

	if (write_judge(pgresult_text(state, 0, 0), state->at_risk, w->local) ==
		WRITE_PROTECTED ||
	    gate_degraded(gate)) {
		finish(w);
		return;
	}
	w->wait = gate_wait_degraded(gate, a->deadline_ms, on_recorded, w);
}

static void
on_recorded(void *ctx, bool ok)
{
	struct write *w = ctx;

	w->wait = NULL;
	if (ok)
		finish(w);
	else
		api_unknown(w->api, "at risk, and not on record as degraded");
}

static void
finish(struct write *w)
{
	api_answer(w->api, w->answer.status, w->answer.content);
}

/* --- rules ------------------------------------------------------------- */

enum write_protection
write_judge(const char *state, bool at_risk, bool local)
{
	if (strcmp(state, "off") == 0)
		return WRITE_PROTECTED;
	if (at_risk || local)
		return WRITE_AT_RISK;
	if (strcmp(state, "on") == 0 || strcmp(state, "remote_apply") == 0)
		return WRITE_PROTECTED;
	return WRITE_AT_RISK;
}

enum write_retry
write_retry(const struct err *e)
{
	static const char *const states[] = { "23505", "40001", "40P01" };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(e->sqlstate, states[i]) == 0)
			return WRITE_START_OVER;
	return WRITE_GIVE_UP;
}

enum fault
write_fault(const struct err *e)
{
	static const struct {
		const char *index;
		enum fault fault;
	} keys[] = {
		{ "account_webexid_gsb_key", FAULT_WEBEXID_EXISTS },
		{ "account_email_gsb_key", FAULT_EMAIL_EXISTS },
	};
	if (strcmp(e->sqlstate, "23505") != 0)
		return FAULT_INTERNAL;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(e->detail, keys[i].index) == 0)
			return keys[i].fault;
	return FAULT_CONFLICT;
}
