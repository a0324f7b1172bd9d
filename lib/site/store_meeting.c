#include <assert.h>
#include <string.h>

#include "base/crypto.h"
#include "io/loop.h"
#include "site/api_ahead.h"
#include "site/made.h"
#include "site/record_columns.h"
#include "site/settings.h"
#include "site/sql.h"
#include "site/store.h"
#include "site/store_inner.h"

#define COLUMNS RECORD_COLUMNS(RECORD_MEETING)
#define WIDTH RECORD_WIDTH(RECORD_MEETING)
#define WITH_HOST " LEFT JOIN account h ON h.id = m.host_id "

/* $1 company, $2 id, $3 number */
#define TARGET_ITSELF                                                  \
	"m.id = coalesce($2::uuid, "                                   \
	"(SELECT t.row_id FROM number t WHERE t.kind = 'meeting' AND " \
	"t.number = $3::bigint))"
#define TARGET "m.company_id = $1 AND " TARGET_ITSELF
/* the same, $4 host */
#define TARGET_OF_HOST TARGET " AND m.host_id = coalesce($4::uuid, m.host_id)"
#define TARGET_PARAMS 3

/* clang-format off */
/* Company NULL: not known yet. */
static const struct pgstmt get = {
	.name = "meeting_get",
	.sql =
	"SELECT " COLUMNS ", (SELECT " STORE_ATTENDEES("m.id") ") FROM "
	"meeting m" WITH_HOST "WHERE m.company_id = coalesce($1::uuid, "
	"m.company_id) AND " TARGET_ITSELF,
	.nparams = TARGET_PARAMS,
};

/* Locked, so that its host is the same one statement later. */
static const struct pgstmt host_of = {
	.name = "meeting_host",
	.sql =
	"SELECT m.host_id, m.id FROM meeting m WHERE " TARGET " FOR UPDATE",
	.nparams = TARGET_PARAMS,
};

/* $1 id, $2 company, $3 fields, $4 access code, $5 host key, $6 guests' */
static const struct pgstmt create = {
	.name = "meeting_create",
	.sql =
	"WITH r AS (SELECT * FROM jsonb_populate_record(NULL::meeting, "
	"'{\"type\": 3, \"list_status\": \"UNLISTED\", \"enforce_password\": "
	"true, \"join_before_host\": false, \"open_time\": 0, \"telephony\": "
	"{}, \"attendee_options\": {}, \"options\": {}, \"extra\": {}}' || "
	"jsonb_strip_nulls($3::jsonb))), m AS (INSERT INTO meeting (id, "
	"company_id, number, access_code, host_key, guest_token, host_id, "
	"confname, type, list_status, password, enforce_password, "
	"join_before_host, starts, timezone_id, timezone, duration, "
	"open_time, agenda, recurrence, telephony, attendee_options, options, "
	"extra) SELECT $1::uuid, $2::uuid, new_number('meeting'), $4, $5, $6, "
	"host_id, confname, type, list_status, password, enforce_password, "
	"join_before_host, starts, timezone_id, timezone, duration, "
	"open_time, agenda, recurrence, telephony, attendee_options, options, "
	"extra FROM r RETURNING *), n AS (INSERT INTO number (kind, number, "
	"row_id, company_id) SELECT 'meeting', number, id, company_id FROM m) "
	"SELECT " COLUMNS "FROM m" WITH_HOST,
	.nparams = 6,
};

/* TARGET_OF_HOST, $5 fields */
static const struct pgstmt update = {
	.name = "meeting_update",
	.sql =
	"WITH m AS (UPDATE meeting m SET (host_id, confname, type, "
	"list_status, password, enforce_password, join_before_host, starts, "
	"timezone_id, timezone, duration, open_time, agenda, recurrence) = "
	"(SELECT r.host_id, r.confname, r.type, r.list_status, r.password, "
	"r.enforce_password, r.join_before_host, r.starts, r.timezone_id, "
	"r.timezone, r.duration, r.open_time, r.agenda, r.recurrence FROM "
	"jsonb_populate_record(m, $5::jsonb) r), "
	STORE_MERGE("m", "telephony", "$5") ", "
	STORE_MERGE("m", "attendee_options", "$5") ", "
	STORE_MERGE("m", "options", "$5") ", " STORE_MERGE("m", "extra", "$5")
	", modified = now() WHERE " TARGET_OF_HOST " RETURNING m.*) SELECT "
	COLUMNS "FROM m" WITH_HOST,
	.nparams = TARGET_PARAMS + 2,
};

static const struct pgstmt delete = {
	.name = "meeting_delete",
	.sql =
	"WITH m AS (DELETE FROM meeting m WHERE " TARGET_OF_HOST " RETURNING "
	"m.*), t AS (DELETE FROM attendee t USING m WHERE t.meeting_id = "
	"m.id) SELECT " COLUMNS "FROM m" WITH_HOST,
	.nparams = TARGET_PARAMS + 1,
};
/* clang-format on */

static const struct sql_order orders[] = {
	{ "starts", "m.starts" },
	{ "confname", "lower(m.confname)" },
	{ "host", "lower(h.webexid)" },
	{ NULL, NULL },
};

/* A meeting that is read before it is known who asks. */
struct ahead {
	struct api_ahead api; /* first */
	struct store_meeting_by by;
	struct meeting *found;
	size_t n;
};

static void add_ahead(struct api *a, struct pgbatch *b);
static void take_ahead(struct api *a, const struct pgresult *r);
static bool is_ahead(const struct api *a, const struct store_meeting_by *by);
static void on_ahead(void *ctx);
static void on_got(struct api *a, const struct pgresult *r, size_t n);
static struct meeting *read_one(struct api *a, const struct pgresult *r);
static void add_tests(struct api *a, const struct store_meeting_filter *f,
		      struct sql *q);
static void on_list(struct api *a, const struct pgresult *r, size_t n);
static struct meeting *rows_of(struct api *a, const struct pgresult *r,
			       size_t rows);
static void fill_create(struct api *a, struct pgbatch *b);
static void render_create(struct api *a, const struct pgresult *r, size_t n,
			  struct write_answer *out);
static void fill_update(struct api *a, struct pgbatch *b);
static void fill_delete(struct api *a, struct pgbatch *b);
static void render_change(struct api *a, const struct pgresult *r, size_t n,
			  struct write_answer *out);

static const struct write_op create_op = { "meeting.create", fill_create,
					   render_create, NULL, false };
static const struct write_op update_op = { "meeting.update", fill_update,
					   render_change, NULL, false };
static const struct write_op delete_op = { "meeting.delete", fill_delete,
					   render_change, NULL, false };

static void
target(const struct api *a, const struct store_meeting_by *by,
       struct pgparam *p)
{
	uint8_t raw[16];
	bool uuid = by->id != NULL &&
		    crypto_uuid_parse(span_of(by->id), raw) == 0;

	p[0] = pgparam_text(a->company != NULL ? a->company->id : NULL);
	p[1] = pgparam_text(uuid ? by->id : NULL);
	p[2] = store_number(by->number);
}

static void
add_get(const struct api *a, const struct store_meeting_by *by,
	struct pgbatch *b)
{
	struct pgparam p[TARGET_PARAMS];

	target(a, by, p);
	pgbatch_add(b, &get, p);
}

void
store_meeting_get(struct api *a, const struct store_meeting_by *by,
		  store_meetings_fn *fn)
{
	struct pgbatch *b;

	store_begin(a)->meetings = fn;
	if (is_ahead(a, by)) {
		a->ahead->told = loop_defer(on_ahead, a);
		return;
	}
	b = pgbatch_new();
	add_get(a, by, b);
	api_query(a, &b, on_got);
}

void
store_meeting_ahead(struct api *a, const struct store_meeting_by *by)
{
	struct ahead *h = arena_make(a->arena, struct ahead);

	assert(a->ahead == NULL && a->company == NULL);
	h->api.add = add_ahead;
	h->api.take = take_ahead;
	h->by = *by;
	a->ahead = &h->api;
}

static void
add_ahead(struct api *a, struct pgbatch *b)
{
	struct ahead *h = (struct ahead *)a->ahead;

	add_get(a, &h->by, b);
}

static void
take_ahead(struct api *a, const struct pgresult *r)
{
	struct ahead *h = (struct ahead *)a->ahead;

	h->n = (size_t)pgresult_rows(r);
	h->found = read_one(a, r);
}

static bool
is_ahead(const struct api *a, const struct store_meeting_by *by)
{
	const struct ahead *h = (const struct ahead *)a->ahead;

	return h != NULL && h->api.state == API_AHEAD_TAKEN &&
	       span_eq(span_of(h->by.id), span_of(by->id)) &&
	       h->by.number == by->number;
}

/* Only now it is known whose it would have to be. */
static void
on_ahead(void *ctx)
{
	struct api *a = ctx;
	const struct ahead *h = (const struct ahead *)a->ahead;
	bool ours = h->n > 0 &&
		    strcmp(h->found->company_id, a->company->id) == 0;

	a->ahead->told = NULL;
	a->store->meetings(a, h->found, ours, ours);
}

static void
on_got(struct api *a, const struct pgresult *r, size_t n)
{
	size_t rows = (size_t)pgresult_rows(r);

	a->store->meetings(a, read_one(a, r), rows, (int64_t)rows);
}

/* With its attendees; nothing, if it is not there. */
static struct meeting *
read_one(struct api *a, const struct pgresult *r)
{
	size_t rows = (size_t)pgresult_rows(r);
	struct meeting *found = rows_of(a, r, rows);

	if (rows > 0)
		found->attendees = arena_span(a->arena,
					      pgresult_bytes(r, 0, WIDTH));
	return found;
}

void
store_meeting_list(struct api *a, const struct store_meeting_filter *f,
		   const struct store_page *page, store_meetings_fn *fn)
{
	struct pgbatch *b = pgbatch_new();
	struct sql q = { 0 };
	struct sql_page p = {
		.columns = COLUMNS,
		.from = "meeting m" WITH_HOST,
		.counted = page->total ? "meeting m" : NULL,
		.last = "m.starts, m.id",
		.orders = orders,
		.skip = page->skip,
		.max = page->max,
	};

	memcpy(p.words, page->order, sizeof(p.words));
	add_tests(a, f, &q);
	sql_add_page(&q, &p, b);
	sql_fini(&q);
	store_begin(a)->meetings = fn;
	api_query(a, &b, on_list);
}

#define ENDS "m.starts + m.duration * interval '1 minute' "
#define OF_ACCOUNT(key)                                  \
	"m.host_id = (SELECT t.id FROM account t WHERE " \
	"t.company_id = $1 AND t.gsb_key_" key " = lower($::text))"

/* Nothing lasts longer than a day: that lets the index find ends as well. */
static void
add_tests(struct api *a, const struct store_meeting_filter *f, struct sql *q)
{
	const struct {
		const char *test;
		struct pgparam value;
	} tests[] = {
		{ "m.company_id = $::uuid", pgparam_text(a->company->id) },
		{ "m.host_id = $::uuid", pgparam_text(f->host_id) },
		{ OF_ACCOUNT("webexid"), pgparam_text(f->host_webexid) },
		{ OF_ACCOUNT("email"), pgparam_text(f->host_email) },
		{ "m.id = (SELECT t.row_id FROM number t WHERE "
		  "t.kind = 'meeting' AND t.number = $::bigint)",
		  store_number(f->number) },
		{ "m.id IN (SELECT t.meeting_id FROM attendee t WHERE "
		  "t.company_id = $1 AND lower(t.email) = lower($::text))",
		  pgparam_text(f->attendee_email) },
		{ "m.state <> $::text", pgparam_text(f->not_state) },
		{ "m.type = $::bigint", store_number(f->type) },
		{ "m.type <> $::bigint", store_number(f->not_type) },
		{ "strpos(lower(m.confname), lower($::text)) > 0",
		  pgparam_text(f->confname) },
		{ ENDS ">= $::timestamptz AND m.starts >= $::timestamptz - "
		       "interval '1 day'",
		  pgparam_text(f->from) },
		{ "m.starts <= $::timestamptz", pgparam_text(f->to) },
		{ "m.starts >= $::timestamptz", pgparam_text(f->starts_from) },
		{ "m.starts <= $::timestamptz", pgparam_text(f->starts_to) },
		{ ENDS ">= $::timestamptz AND m.starts >= $::timestamptz - "
		       "interval '1 day'",
		  pgparam_text(f->ends_from) },
		{ ENDS "<= $::timestamptz AND m.starts <= $::timestamptz",
		  pgparam_text(f->ends_to) },
		{ "m.starts >= $::timestamptz", pgparam_text(f->after_start) },
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		sql_test(q, tests[i].test, tests[i].value);
	/* with its value in the text, an index on these alone can be used */
	if (f->state != NULL && strcmp(f->state, "in_progress") == 0)
		sql_plain(q, "m.state = 'in_progress'");
	else
		sql_test(q, "m.state = $::text", pgparam_text(f->state));
	if (f->after_start != NULL) {
		sql_open(q, " OR ");
		sql_test(q, "m.starts > $::timestamptz",
			 pgparam_text(f->after_start));
		sql_test(q, "m.id > $::uuid", pgparam_text(f->after_id));
		sql_close(q);
	}
	if (f->recurring != STORE_ANY)
		sql_plain(q, f->recurring == STORE_YES
				 ? "m.recurrence IS NOT NULL"
				 : "m.recurrence IS NULL");
}

static void
on_list(struct api *a, const struct pgresult *r, size_t n)
{
	size_t rows = (size_t)pgresult_rows(r);
	struct meeting *found = rows_of(a, r, rows);
	int64_t total = (int64_t)rows;

	if (rows > 0 && pgresult_columns(r) > WIDTH)
		total = pgresult_int(r, 0, WIDTH);
	a->store->meetings(a, found, rows, total);
}

static struct meeting *
rows_of(struct api *a, const struct pgresult *r, size_t rows)
{
	struct meeting *found = arena_array(a->arena, struct meeting, rows);

	for (size_t i = 0; i < rows; i++)
		record_meeting(a, r, (int)i, &found[i]);
	return found;
}

void
store_meeting_create(struct api *a, json_t *fields,
		     store_meeting_render *render)
{
	struct store *s;

	if (!settings_let_meeting(a, fields, true)) {
		json_decref(fields);
		return;
	}
	s = store_begin(a);
	s->attendees = store_attendees_of(a, fields, create_op.name);
	s->fields = store_fields(a, fields);
	s->render_meeting = render;
	write_start(a, &create_op);
}

static void
fill_create(struct api *a, struct pgbatch *b)
{
	char id[CRYPTO_UUID_SIZE];
	char code[10], host[MADE_HOST_KEY_SIZE], guest[MADE_GUEST_SIZE];
	struct pgparam p[6];
	struct store_guests guests = { .company_id = a->company->id,
				       .meeting_id = id,
				       .list = a->store->attendees };

	made_id(a, create_op.name, "meeting", id);
	made_digits(a, create_op.name, "access code", code, sizeof(code));
	made_digits(a, create_op.name, "host key", host, sizeof(host));
	made_secret(a, create_op.name, "guests", guest, sizeof(guest));
	p[0] = pgparam_text(id);
	p[1] = pgparam_text(a->company->id);
	p[2] = pgparam_text(a->store->fields);
	p[3] = pgparam_text(code);
	p[4] = pgparam_text(host);
	p[5] = pgparam_text(guest);
	pgbatch_add(b, &create, p);
	if (guests.list != NULL)
		store_attendee_add(b, &guests);
}

/* r[0] is the row */
static void
render_create(struct api *a, const struct pgresult *r, size_t n,
	      struct write_answer *out)
{
	struct meeting *row = arena_make(a->arena, struct meeting);

	record_meeting(a, &r[0], 0, row);
	a->meetings = arena_printf(a->arena, "{%s}", row->id);
	a->store->render_meeting(a, row, out);
}

void
store_meeting_update(struct api *a, const struct store_meeting_by *by,
		     json_t *fields, store_meeting_render *render)
{
	struct store *s;

	if (!settings_let_meeting(a, fields, false)) {
		json_decref(fields);
		return;
	}
	s = store_begin(a);
	s->meeting = *by;
	s->attendees = store_attendees_of(a, fields, update_op.name);
	s->fields = store_fields(a, fields);
	s->render_meeting = render;
	write_start(a, &update_op);
}

static void
fill_update(struct api *a, struct pgbatch *b)
{
	const struct store *s = a->store;
	struct pgparam p[TARGET_PARAMS + 2];
	struct store_guests guests = { .company_id = a->company->id,
				       .meeting_id = s->meeting.id,
				       .list = s->attendees,
				       .instead = true };

	target(a, &s->meeting, p);
	p[TARGET_PARAMS] = pgparam_text(s->meeting.host_id);
	p[TARGET_PARAMS + 1] = pgparam_text(s->fields);
	pgbatch_add(b, &host_of, p);
	pgbatch_add(b, &update, p);
	if (guests.list != NULL)
		store_attendee_add(b, &guests);
}

void
store_meeting_delete(struct api *a, const struct store_meeting_by *by,
		     store_meeting_render *render)
{
	struct store *s = store_begin(a);

	s->meeting = *by;
	s->render_meeting = render;
	write_start(a, &delete_op);
}

static void
fill_delete(struct api *a, struct pgbatch *b)
{
	const struct store *s = a->store;
	struct pgparam p[TARGET_PARAMS + 1];

	target(a, &s->meeting, p);
	p[TARGET_PARAMS] = pgparam_text(s->meeting.host_id);
	pgbatch_add(b, &host_of, p);
	pgbatch_add(b, &delete, p);
}

/* r[0] whether it is there at all, r[1] the row if it was changed */
static void
render_change(struct api *a, const struct pgresult *r, size_t n,
	      struct write_answer *out)
{
	out->refused = true;
	if (pgresult_rows(&r[0]) == 0) {
		out->fault = FAULT_NO_MEETING;
		return;
	}
	if (pgresult_rows(&r[1]) == 0) {
		out->fault = FAULT_DENIED;
		return;
	}
	out->refused = false;
	render_create(a, r + 1, n - 1, out);
}
