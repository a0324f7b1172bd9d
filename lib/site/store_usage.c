#include "site/store_usage.h"

#include <string.h>

#include "site/sql.h"
#include "site/store_inner.h"

/* clang-format off */

/* Whole days, so that a page does not move while it is read. */
#define WITHIN                                                       \
	"s.state = 'ended' AND s.ended >= (date_trunc('day', now() " \
	"AT TIME ZONE 'UTC') - interval '90 days') AT TIME ZONE 'UTC'"

/* The peak: +1 and -1 in the order of their times. Who was there for no time
 * at all was there. */
#define TOTALS                                                        \
	"CROSS JOIN LATERAL (WITH t AS MATERIALIZED (SELECT "         \
	"t.participant, t.joined, t.until, t.seconds "                \
	"FROM attendance_counted t WHERE t.session_id = s.id) "       \
	"SELECT count(DISTINCT t.participant) AS people, "            \
	"coalesce(ceil(sum(t.seconds) / 60), 0)::bigint AS minutes, " \
	"greatest(least(count(*), 1), (SELECT max(e.n) FROM (SELECT " \
	"sum(d.n) OVER (ORDER BY d.at, d.n) AS n FROM ("              \
	"SELECT joined AS at, 1 AS n FROM t UNION ALL "               \
	"SELECT until, -1 FROM t) d) e))::bigint AS peak FROM t) u "

#define RUN_FROM "session s LEFT JOIN account h ON h.id = s.host_id " TOTALS

#define STAY_FROM                                                      \
	"session s JOIN (SELECT c.*, ceil(c.seconds / 60)::bigint AS " \
	"minutes FROM attendance_counted c) t ON t.session_id = s.id " \
	"LEFT JOIN account a ON a.id = t.account_id "

#define AFTER_RUN "(($::text[])[1]::timestamptz, ($::text[])[2]::uuid)"

/* clang-format on */

static const struct sql_order run_orders[] = {
	{ "started", "s.started" },
	{ "confname", "lower(s.confname)" },
	{ "people", "u.people" },
	{ "host", "lower(coalesce(h.display_name, h.first_name || ' ' || "
		  "h.last_name))" },
	{ NULL, NULL },
};

static const struct sql_order stay_orders[] = {
	{ "joined", "t.joined" },
	{ "number", "s.number" },
	{ "company", "lower(a.extra->>'company')" },
	{ "country", "lower(a.address->>'country')" },
	{ "state", "lower(a.address->>'state')" },
	{ "city", "lower(a.address->>'city')" },
	{ NULL, NULL },
};

static void add_tests(struct api *a, const struct store_usage_filter *f,
		      struct sql *q);
static void on_runs(struct api *a, const struct pgresult *r, size_t n);
static void on_stays(struct api *a, const struct pgresult *r, size_t n);
static int64_t total_of(const struct pgresult *r, int width);

void
store_usage_runs(struct api *a, const struct store_usage_filter *f,
		 const struct store_page *page, store_runs_fn *fn)
{
	struct pgbatch *b = pgbatch_new();
	struct sql q = { 0 };
	struct sql_page p = {
		.columns = RECORD_COLUMNS(RECORD_RUN),
		.from = RUN_FROM,
		.counted = page->total ? "session s" : NULL,
		.last = "s.ended, s.id",
		.orders = run_orders,
		.skip = page->skip,
		.max = page->max,
	};

	memcpy(p.words, page->order, sizeof(p.words));
	add_tests(a, f, &q);
	sql_test(&q, "(s.ended, s.id) <> " AFTER_RUN, pgparam_text(f->after));
	sql_add_page(&q, &p, b);
	sql_fini(&q);
	store_begin(a)->runs = fn;
	api_query(a, &b, on_runs);
}

void
store_usage_stays(struct api *a, const struct store_usage_filter *f,
		  const struct store_page *page, store_stays_fn *fn)
{
	struct pgbatch *b = pgbatch_new();
	struct sql q = { 0 };
	struct sql_page p = {
		.columns = RECORD_COLUMNS(RECORD_STAY),
		.from = STAY_FROM,
		.counted = page->total ? "session s JOIN attendance t ON "
					 "t.session_id = s.id"
				       : NULL,
		.last = "s.ended, s.id, t.joined, t.id",
		.orders = stay_orders,
		.skip = page->skip,
		.max = page->max,
	};

	memcpy(p.words, page->order, sizeof(p.words));
	add_tests(a, f, &q);
	sql_test(&q,
		 "(s.ended, s.id, t.joined, t.id) > "
		 "(($::text[])[1]::timestamptz, ($::text[])[2]::uuid, "
		 "($::text[])[3]::timestamptz, ($::text[])[4]::uuid)",
		 pgparam_text(f->after));
	sql_add_page(&q, &p, b);
	sql_fini(&q);
	store_begin(a)->stays = fn;
	api_query(a, &b, on_stays);
}

#define OF_NUMBER(kind)                                \
	"(SELECT n.row_id FROM number n WHERE n.kind " \
	"= '" kind "' AND n.number = $::bigint)"

static void
add_tests(struct api *a, const struct store_usage_filter *f, struct sql *q)
{
	const struct {
		const char *test;
		struct pgparam value;
	} tests[] = {
		{ "s.company_id = $::uuid", pgparam_text(a->company->id) },
		{ "s.host_id = $::uuid", pgparam_text(f->host_id) },
		{ "s.host_id = (SELECT t.id FROM account t WHERE "
		  "t.company_id = $1 AND t.gsb_key_webexid = lower($::text))",
		  pgparam_text(f->host_webexid) },
		{ "s.meeting_id = $::uuid", store_uuid(f->meeting_id) },
		{ "s.meeting_id = " OF_NUMBER("meeting"),
		  store_number(f->meeting) },
		{ "s.id = " OF_NUMBER("session"), store_number(f->number) },
		{ "strpos(lower(s.confname), lower($::text)) > 0",
		  pgparam_text(f->confname) },
		{ "s.type IS DISTINCT FROM $::bigint",
		  store_number(f->not_type) },
		{ "s.started >= $::timestamptz", pgparam_text(f->starts_from) },
		{ "s.started <= $::timestamptz", pgparam_text(f->starts_to) },
		{ "s.ended >= $::timestamptz", pgparam_text(f->ends_from) },
		{ "s.ended <= $::timestamptz", pgparam_text(f->ends_to) },
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		sql_test(q, tests[i].test, tests[i].value);
	sql_plain(q, WITHIN);
	sql_test(q, "(s.ended, s.id) >= " AFTER_RUN, pgparam_text(f->after));
}

static void
on_runs(struct api *a, const struct pgresult *r, size_t n)
{
	size_t rows = (size_t)pgresult_rows(r);
	struct run *list = arena_array(a->arena, struct run, rows);

	for (size_t i = 0; i < rows; i++)
		record_run(a, r, (int)i, &list[i]);
	a->store->runs(a, list, rows, total_of(r, RECORD_WIDTH(RECORD_RUN)));
}

static void
on_stays(struct api *a, const struct pgresult *r, size_t n)
{
	size_t rows = (size_t)pgresult_rows(r);
	struct stay *list = arena_array(a->arena, struct stay, rows);

	for (size_t i = 0; i < rows; i++)
		record_stay(a, r, (int)i, &list[i]);
	a->store->stays(a, list, rows, total_of(r, RECORD_WIDTH(RECORD_STAY)));
}

/* A page that was counted has it behind its columns. */
static int64_t
total_of(const struct pgresult *r, int width)
{
	int rows = pgresult_rows(r);

	if (rows > 0 && pgresult_columns(r) > width)
		return pgresult_int(r, 0, width);
	return rows;
}

const char *
store_run_host(const struct run *r, struct arena *arena)
{
	if (r->host_display_name != NULL || r->host_webexid == NULL)
		return r->host_display_name;
	if (r->host_first_name[0] == '\0' && r->host_last_name[0] == '\0')
		return r->host_webexid;
	return arena_printf(arena, "%s %s", r->host_first_name,
			    r->host_last_name);
}
