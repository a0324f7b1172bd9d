#include "replicator/control.h"

#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/ctl.h"
#include "io/pgconn.h"
#include "replicator/parked.h"

#define CALL_MS 10000

/* One who waits for the database. */
struct waiter {
	TAILQ_ENTRY(waiter) entry;
	struct control *control;
	struct ctl_req *req;
	struct pgcall *call;
	struct parked *retry;
	const char *what; /* the list is called */
};

struct control {
	struct control_conf conf;
	struct ctl *ctl;
	TAILQ_HEAD(waiters, waiter) waiters;
};

static void on_request(void *ctx, struct ctl_req *req, const json_t *body);
static void on_list(void *ctx, const struct pgresult *results, size_t n,
		    const struct err *err);
static void on_dropped(void *ctx, const struct pgresult *results, size_t n,
		       const struct err *err);
static void on_retried(void *ctx, const struct parked_stats *stats,
		       const struct err *err);
static void on_undone(void *ctx, const struct pgresult *results, size_t n,
		      const struct err *err);

struct control *
control_open(const struct control_conf *conf, struct err *e)
{
	struct control *c = mem_new(struct control);
	char *path = mem_printf("%s/control", conf->state_dir);

	c->conf = *conf;
	TAILQ_INIT(&c->waiters);
	c->ctl = ctl_open(&(struct ctl_conf){ .path = path,
					      .on_request = on_request,
					      .ctx = c },
			  e);
	mem_free(path);
	if (c->ctl == NULL)
		mem_free(c);
	return c->ctl != NULL ? c : NULL;
}

static void
drop(struct waiter *w)
{
	TAILQ_REMOVE(&w->control->waiters, w, entry);
	pgconn_cancel(&w->call);
	parked_cancel(&w->retry);
	mem_free(w);
}

void
control_close(struct control **cp)
{
	struct control *c = *cp;
	struct waiter *w;

	*cp = NULL;
	if (c == NULL)
		return;
	while ((w = TAILQ_FIRST(&c->waiters)) != NULL)
		drop(w);
	ctl_close(&c->ctl);
	mem_free(c);
}

static struct waiter *
wait_for(struct control *c, struct ctl_req *req)
{
	struct waiter *w = mem_new(struct waiter);

	w->control = c;
	w->req = req;
	TAILQ_INSERT_TAIL(&c->waiters, w, entry);
	return w;
}

static void
refuse_err(struct ctl_req *req, const struct err *err)
{
	int status = 503;

	if (err->code == ERR_NOT_FOUND)
		status = 404;
	else if (err->code == ERR_REFUSED) /* by the database, or a rule */
		status = 409;
	ctl_refuse(req, status, err_text(err));
}

/* fn ends the waiter; NULL: there is no connection, and req has been told. */
static struct waiter *
ask(struct control *c, struct ctl_req *req, const struct pgstmt *stmt,
    const struct pgparam *params, pgcall_fn *fn)
{
	struct pgconn *conn = sync_connection(c->conf.sync);
	struct pgbatch *b;
	struct waiter *w;

	if (conn == NULL) {
		ctl_refuse(req, 503, "the local database is not connected");
		return NULL;
	}
	w = wait_for(c, req);
	b = pgbatch_new();
	pgbatch_add(b, stmt, params);
	w->call = pgconn_run(conn, &b, clock_mono_ms() + CALL_MS, fn, w);
	return w;
}

/* What w waited for has ended. Its request, or NULL: it has been refused. */
static struct ctl_req *
ended(struct waiter *w, const struct err *err)
{
	struct ctl_req *req = w->req;

	w->call = NULL;
	w->retry = NULL;
	drop(w);
	if (err == NULL)
		return req;
	refuse_err(req, err);
	return NULL;
}

static void
reply_status(struct control *c, struct ctl_req *req)
{
	struct status s;

	c->conf.fill(c->conf.ctx, &s);
	ctl_reply(req, 200, status_json(&s));
}

static void
verify(struct control *c, struct ctl_req *req, const json_t *body)
{
	const char *table = NULL;
	struct err e = { 0 };

	if (body != NULL && json_get_str(body, "table", &table, &e) < 0) {
		ctl_refuse(req, 400, err_text(&e));
		return;
	}
	if (heal_verify(c->conf.heal, table, &e) < 0)
		ctl_refuse(req, 404, err_text(&e));
	else
		reply_status(c, req);
}

/* --- parked rows ---------------------------------------------------------- */

static const char parked_sql[] =
    "SELECT coalesce(json_agg(r), '[]') FROM (SELECT id, rel, key, "
    "(extract(epoch FROM at) * 1000000)::int8 AS at_us, "
    "(extract(epoch FROM last) * 1000000)::int8 AS last_us, tries, "
    "sqlstate, message, lsn::text AS lsn, "
    "left(convert_from(payload, 'UTF8'), 65536) AS payload "
    "FROM gsb.parked ORDER BY id LIMIT 1000) r";

/* $1: its number, or 0: the newest, of each only what was lost. */
static const char conflicts_sql[] =
    "SELECT coalesce(json_agg(r), '[]') FROM (SELECT c.id, rel, key, kind, "
    "part, columns, (extract(epoch FROM at) * 1000000)::int8 AS at_us, "
    "skew_us, (extract(epoch FROM undone) * 1000000)::int8 AS undone_us, "
    "undone_by, (SELECT site FROM gsb.node WHERE number = winner_v & 255 "
    "UNION ALL SELECT peer FROM gsb.node WHERE number <> winner_v & 255) "
    "AS winner_site, (winner_v >> 8) + 946684800000000 AS winner_us, "
    "(loser_v >> 8) + 946684800000000 AS loser_us, "
    "CASE WHEN $1::int8 <> 0 THEN winner ELSE w.values END AS winner, "
    "CASE WHEN $1::int8 <> 0 THEN loser ELSE l.values END AS loser "
    "FROM gsb.conflict c "
    "LEFT JOIN LATERAL (SELECT jsonb_object_agg(n, left(winner ->> n, 100)) "
    "AS values FROM unnest(columns) n) w ON true "
    "LEFT JOIN LATERAL (SELECT jsonb_object_agg(n, left(loser ->> n, 100)) "
    "AS values FROM unnest(columns) n) l ON true "
    "WHERE $1::int8 IN (0, c.id) ORDER BY c.id DESC LIMIT 1000) r";

static void
list(struct control *c, struct ctl_req *req, const char *what, int64_t id)
{
	static const struct pgstmt parked_list = { .name = "parked_list",
						   .sql = parked_sql };
	static const struct pgstmt conflicts_list = { .name = "conflicts_list",
						      .sql = conflicts_sql,
						      .nparams = 1 };
	bool conflicts = strcmp(what, "conflicts") == 0;
	struct pgparam param = pgparam_int(id);
	struct waiter *w = ask(c, req,
			       conflicts ? &conflicts_list : &parked_list,
			       conflicts ? &param : NULL, on_list);

	if (w != NULL)
		w->what = what;
}

static void
on_list(void *ctx, const struct pgresult *results, size_t n,
	const struct err *err)
{
	const char *what = ((struct waiter *)ctx)->what;
	struct ctl_req *req = ended(ctx, err);
	json_t *rows, *all;
	struct err e;

	if (req == NULL)
		return;
	rows = json_read(span_of(pgresult_text(&results[0], 0, 0)), &e);
	if (rows == NULL) {
		refuse_err(req, &e);
		return;
	}
	all = json_object();
	json_put(all, what, rows);
	ctl_reply(req, 200, all);
}

static void
drop_parked(struct control *c, struct ctl_req *req, int64_t id)
{
	static const struct pgstmt stmt = {
		.name = "parked_drop",
		.sql = "DELETE FROM gsb.parked WHERE $1::int8 IN (0, id)",
		.nparams = 1
	};
	struct pgparam param = pgparam_int(id);

	if (ask(c, req, &stmt, &param, on_dropped) != NULL)
		log_info("control", "parked=drop id=%lld", (long long)id);
}

static void
on_dropped(void *ctx, const struct pgresult *results, size_t n,
	   const struct err *err)
{
	struct ctl_req *req = ended(ctx, err);
	json_t *done;

	if (req == NULL)
		return;
	done = json_object();
	json_put_int(done, "dropped", pgresult_affected(&results[0]));
	ctl_reply(req, 200, done);
}

static void
retry_parked(struct control *c, struct ctl_req *req, int64_t id)
{
	struct waiter *w = wait_for(c, req);

	w->retry = parked_retry(&(struct parked_conf){ .local = c->conf.local,
						       .tables = c->conf.tables,
						       .id = id },
				on_retried, w);
}

static void
on_retried(void *ctx, const struct parked_stats *stats, const struct err *err)
{
	struct ctl_req *req = ended(ctx, err);
	json_t *done;

	if (req == NULL)
		return;
	done = json_object();
	json_put_int(done, "merged", stats->merged);
	json_put_int(done, "failed", stats->failed);
	ctl_reply(req, 200, done);
}

/* {"op": "retry" | "drop", "id": N}; id 0: all of them. */
static void
parked(struct control *c, struct ctl_req *req, const json_t *body)
{
	const char *op = NULL;
	int64_t id = 0;
	struct err e = { 0 };

	if (json_need_str(body, "op", &op, &e) < 0 ||
	    json_need_int(body, "id", &id, &e) < 0) {
		ctl_refuse(req, 400, err_text(&e));
		return;
	}
	if (strcmp(op, "retry") == 0)
		retry_parked(c, req, id);
	else if (strcmp(op, "drop") == 0)
		drop_parked(c, req, id);
	else
		ctl_refuse(req, 400, "op must be retry or drop");
}

/* --- conflicts ------------------------------------------------------------ */

/* Alone, so that the triggers give it a version as to anybody's edit. */
static void
undo(struct control *c, struct ctl_req *req, const json_t *body, int64_t id)
{
	static const struct pgstmt stmt = {
		.name = "conflicts_undo",
		.sql = "SELECT gsb.undo($1::int8, $2::text, $3::bool)",
		.nparams = 3
	};
	const char *who = "operator";
	bool force = false;
	struct err e = { 0 };

	if (json_get_str(body, "who", &who, &e) < 0 ||
	    json_get_bool(body, "force", &force, &e) < 0) {
		ctl_refuse(req, 400, err_text(&e));
		return;
	}
	if (ask(c, req, &stmt,
		(struct pgparam[]){ pgparam_int(id), pgparam_text(who),
				    pgparam_text(force ? "t" : "f") },
		on_undone) != NULL)
		log_info("control", "conflicts=undo id=%lld who=%s",
			 (long long)id, who);
}

static void
on_undone(void *ctx, const struct pgresult *results, size_t n,
	  const struct err *err)
{
	struct ctl_req *req = ended(ctx, err);
	json_t *done;

	if (req == NULL)
		return;
	done = json_object();
	json_put_str(done, "message", pgresult_text(&results[0], 0, 0));
	ctl_reply(req, 200, done);
}

/* {"op": "show" | "undo", "id": N, "who": …, "force": …} */
static void
conflicts(struct control *c, struct ctl_req *req, const json_t *body)
{
	const char *op = NULL;
	int64_t id = 0;
	struct err e = { 0 };

	if (json_need_str(body, "op", &op, &e) < 0 ||
	    json_need_int(body, "id", &id, &e) < 0)
		ctl_refuse(req, 400, err_text(&e));
	else if (id < 1)
		ctl_refuse(req, 400, "id must be the number of a conflict");
	else if (strcmp(op, "show") == 0)
		list(c, req, "conflicts", id);
	else if (strcmp(op, "undo") == 0)
		undo(c, req, body, id);
	else
		ctl_refuse(req, 400, "op must be show or undo");
}

static void
on_request(void *ctx, struct ctl_req *req, const json_t *body)
{
	struct control *c = ctx;
	bool get = span_is(ctl_method(req), "GET");
	struct span path = ctl_path(req);

	if (get && span_is(path, "/v1/status"))
		reply_status(c, req);
	else if (!get && span_is(path, "/v1/verify"))
		verify(c, req, body);
	else if (get && span_is(path, "/v1/parked"))
		list(c, req, "parked", 0);
	else if (!get && span_is(path, "/v1/parked") && body != NULL)
		parked(c, req, body);
	else if (get && span_is(path, "/v1/conflicts"))
		list(c, req, "conflicts", 0);
	else if (!get && span_is(path, "/v1/conflicts") && body != NULL)
		conflicts(c, req, body);
	else
		ctl_refuse(req, 404,
			   "there are GET /v1/status, /v1/parked and "
			   "/v1/conflicts, POST /v1/verify, /v1/parked and "
			   "/v1/conflicts");
}
