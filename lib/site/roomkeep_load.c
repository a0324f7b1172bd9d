/* What is read: a meeting's run as its rows tell it, and runs that nobody
 * ended. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "site/record_columns.h"
#include "site/room_chat.h"
#include "site/roomkeep_inner.h"

#define MODULE "roomkeep"
#define SWEEP_MS 5000

/* clang-format off */
#define OF_MEETING                                                     \
	"FROM company c JOIN number t ON t.kind = 'meeting' AND "      \
	"t.number = $2::bigint JOIN meeting m ON m.id = t.row_id AND " \
	"m.company_id = c.id "
#define LAST_RUN                                              \
	"(SELECT * FROM session s WHERE s.meeting_id = m.id " \
	"ORDER BY s.session_no DESC LIMIT 1) s "
#define ITS "WHERE c.gsb_key_name = lower($1)"

/* $1 company, $2 the meeting's number */
static const struct pgstmt meeting = {
	.name = "roomkeep_meeting",
	.sql =
	"SELECT m.id, greatest(m.session_no, s.session_no), "
	"m.join_before_host, coalesce(m.options->>'lobby' = 'true', false), "
	"s.state = 'in_progress', s.id, s.site, s.session_no, "
	RECORD_US("s.started") ", s.roster, m.host_joined, "
	"m.participants_joined " OF_MEETING "LEFT JOIN LATERAL " LAST_RUN "ON "
	"true " ITS,
	.nparams = 2,
};

static const struct pgstmt lines = {
	.name = "roomkeep_lines",
	.sql =
	"SELECT h.id, h.n, " RECORD_US("h.said") ", h.from_id, h.from_name, "
	"h.to_id, h.content " OF_MEETING "JOIN LATERAL " LAST_RUN "ON s.state "
	"= 'in_progress' JOIN chat h ON h.session_id = s.id " ITS " ORDER BY "
	"h.n DESC, h.id DESC LIMIT 200",
	.nparams = 2,
};

/* $1 site, $2 of the other as well, $3 those that run here */
static const struct pgstmt sweep = {
	.name = "roomkeep_sweep",
	.sql =
	"WITH s AS (UPDATE session SET state = 'ended', ended = "
	"greatest(seen, started) WHERE state = 'in_progress' AND seen < now() "
	"- interval '3 minutes' AND id <> ALL ($3::uuid[]) AND (site = $1 OR "
	"($2::boolean AND seen < now() - interval '10 minutes')) RETURNING "
	"meeting_id, session_no) UPDATE meeting m SET state = 'ended' FROM s "
	"WHERE m.id = s.meeting_id AND m.session_no = s.session_no AND "
	"m.state = 'in_progress'",
	.nparams = 3,
};
/* clang-format on */

enum {
	MEETING_ID,
	MEETING_NO,
	MEETING_EARLY,
	MEETING_LOBBY,
	MEETING_RUNS,
	MEETING_RUN,
	MEETING_SITE,
	MEETING_RUN_NO,
	MEETING_STARTED,
	MEETING_ROSTER,
	MEETING_HOST_JOINED,
	MEETING_OTHERS_JOINED,
};

static void on_read(void *ctx, const struct pgresult *r, size_t n,
		    const struct err *err);
static void on_deadline(void *ctx);
static void on_swept(void *ctx, const struct pgresult *r, size_t n,
		     const struct err *err);

static void
go(struct roomkeep_load *l)
{
	struct pgbatch *b = pgbatch_new();
	struct pgparam p[2] = { pgparam_text(l->company),
				pgparam_int(l->meeting) };

	pgbatch_add(b, &meeting, p);
	pgbatch_add(b, &lines, p);
	l->req = pgpool_run(l->keep->pool, &b, l->deadline_ms, on_read, l);
}

struct roomkeep_load *
roomkeep_load(struct roomkeep *k, const char *company, int64_t number,
	      unsigned ms, roomkeep_fn *fn, void *ctx)
{
	struct roomkeep_load *l = mem_new(struct roomkeep_load);

	l->keep = k;
	l->company = mem_strdup(company);
	l->meeting = number;
	l->deadline_ms = clock_mono_ms() + ms;
	l->deadline = timer_start(ms, on_deadline, l);
	l->fn = fn;
	l->ctx = ctx;
	TAILQ_INSERT_TAIL(&k->loads, l, link);
	if (k->waiting == 0 || k->failures > 0)
		go(l);
	return l;
}

void
roomkeep_load_cancel(struct roomkeep_load **lp)
{
	struct roomkeep_load *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	TAILQ_REMOVE(&l->keep->loads, l, link);
	pgpool_cancel(&l->req);
	timer_cancel(&l->deadline);
	mem_free(l->company);
	mem_free(l);
}

void
roomkeep_load_go(struct roomkeep *k)
{
	struct roomkeep_load *l;

	if (k->waiting > 0 && k->failures == 0)
		return;
	TAILQ_FOREACH(l, &k->loads, link)
	if (l->req == NULL)
		go(l);
}

static void
end(struct roomkeep_load *l, const struct roomkeep_meeting *m)
{
	roomkeep_fn *fn = l->fn;
	void *ctx = l->ctx;

	roomkeep_load_cancel(&l);
	fn(ctx, m);
}

static void
on_deadline(void *ctx)
{
	struct roomkeep_load *l = ctx;

	l->deadline = NULL;
	end(l, NULL);
}

static struct room_line *
read_lines(const struct pgresult *r)
{
	int rows = pgresult_rows(r);
	struct room_line *list = mem_array(struct room_line, (size_t)rows);

	for (int i = 0; i < rows; i++) {
		struct room_line *l = &list[i];

		(void)span_copy(pgresult_bytes(r, i, 0), l->id, sizeof(l->id));
		l->n = pgresult_int(r, i, 1);
		l->at_ms = pgresult_int(r, i, 2) / 1000;
		l->from = pgresult_text(r, i, 3);
		l->name = pgresult_text(r, i, 4);
		if (!pgresult_is_null(r, i, 5))
			l->to = pgresult_text(r, i, 5);
		l->text = pgresult_text(r, i, 6);
	}
	return list;
}

static void
read_meeting(const struct pgresult *r, struct roomkeep_meeting *m)
{
	m->id = pgresult_text(r, 0, MEETING_ID);
	m->no = pgresult_int(r, 0, MEETING_NO) + 1;
	m->early = pgresult_bool(r, 0, MEETING_EARLY);
	m->lobby = pgresult_bool(r, 0, MEETING_LOBBY);
	if (!pgresult_bool(r, 0, MEETING_RUNS))
		return;
	m->no = pgresult_int(r, 0, MEETING_RUN_NO);
	m->run = pgresult_text(r, 0, MEETING_RUN);
	m->site = pgresult_text(r, 0, MEETING_SITE);
	m->started_us = pgresult_int(r, 0, MEETING_STARTED);
	m->roster = json_read(pgresult_bytes(r, 0, MEETING_ROSTER), NULL);
	m->host_joined = pgresult_bool(r, 0, MEETING_HOST_JOINED);
	m->others_joined = pgresult_bool(r, 0, MEETING_OTHERS_JOINED);
}

static void
on_read(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct roomkeep_load *l = ctx;
	struct roomkeep_meeting m = { 0 };
	struct room_line *list;

	l->req = NULL;
	if (err != NULL) {
		log_info(MODULE, "meeting=%lld not read: %s",
			 (long long)l->meeting, err_text(err));
		end(l, NULL);
		return;
	}
	if (pgresult_rows(&r[0]) > 0)
		read_meeting(&r[0], &m);
	list = read_lines(&r[1]);
	m.lines = list;
	m.nlines = (size_t)pgresult_rows(&r[1]);
	end(l, &m);
	json_decref(m.roster);
	mem_free(list);
}

void
roomkeep_sweep(struct roomkeep *k, char site, bool others, const char *ids)
{
	const char text[2] = { site, '\0' };
	struct pgbatch *b;

	if (k->sweep != NULL)
		return;
	b = pgbatch_new();
	pgbatch_add(b, &sweep,
		    (struct pgparam[]){ pgparam_text(text),
					pgparam_bool(others),
					pgparam_text(ids) });
	pgbatch_commits(b);
	k->sweep = pgpool_run(k->pool, &b, clock_mono_ms() + SWEEP_MS, on_swept,
			      k);
}

static void
on_swept(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct roomkeep *k = ctx;

	k->sweep = NULL;
	if (err != NULL)
		log_info(MODULE, "sweep failed: %s", err_text(err));
	else if (pgresult_affected(&r[0]) > 0)
		log_info(MODULE, "swept=%lld",
			 (long long)pgresult_affected(&r[0]));
}
