#include <string.h>

#include "base/crypto.h"
#include "site/made.h"
#include "site/record_columns.h"
#include "site/store.h"
#include "site/store_inner.h"

#define COLUMNS RECORD_COLUMNS(RECORD_MEETING)
#define WITH_HOST " LEFT JOIN account h ON h.id = m.host_id "

/* $1 company, $2 id, $3 number */
#define TARGET                                                         \
	"m.company_id = $1 AND m.id = coalesce($2::uuid, "             \
	"(SELECT t.row_id FROM number t WHERE t.kind = 'meeting' AND " \
	"t.number = $3::bigint))"
/* the same, $4 host */
#define TARGET_OF_HOST TARGET " AND m.host_id = coalesce($4::uuid, m.host_id)"
#define TARGET_PARAMS 3

static const struct pgstmt get = {
	.name = "meeting_get",
	.sql = "SELECT " COLUMNS "FROM meeting m" WITH_HOST "WHERE " TARGET,
	.nparams = TARGET_PARAMS,
};

/* Locked, so that its host is the same one statement later. */
static const struct pgstmt host_of = {
	.name = "meeting_host",
	.sql = "SELECT m.host_id FROM meeting m WHERE " TARGET " FOR UPDATE",
	.nparams = TARGET_PARAMS,
};

/* $1 id, $2 company, $3 fields, $4 access code */
static const struct pgstmt create = {
	.name = "meeting_create",
	.sql =
	    "WITH r AS (SELECT * FROM jsonb_populate_record(NULL::meeting, "
	    "'{\"type\": 3, \"list_status\": \"UNLISTED\", "
	    "\"enforce_password\": true, \"join_before_host\": false, "
	    "\"open_time\": 0, \"telephony\": {}, \"attendee_options\": {}, "
	    "\"options\": {}, \"extra\": {}}' || "
	    "jsonb_strip_nulls($3::jsonb))), "
	    "m AS (INSERT INTO meeting (id, company_id, number, access_code, "
	    "host_id, confname, type, list_status, password, "
	    "enforce_password, join_before_host, starts, timezone_id, "
	    "timezone, duration, open_time, agenda, recurrence, telephony, "
	    "attendee_options, options, extra) SELECT $1::uuid, $2::uuid, "
	    "new_number('meeting'), $4, host_id, confname, type, "
	    "list_status, password, enforce_password, join_before_host, "
	    "starts, timezone_id, timezone, duration, open_time, agenda, "
	    "recurrence, telephony, attendee_options, options, extra FROM r "
	    "RETURNING *), "
	    "n AS (INSERT INTO number (kind, number, row_id, company_id) "
	    "SELECT 'meeting', number, id, company_id FROM m) "
	    "SELECT " COLUMNS "FROM m" WITH_HOST,
	.nparams = 4,
};

/* TARGET_OF_HOST, $5 fields */
static const struct pgstmt update = {
	.name = "meeting_update",
	.sql =
	    "WITH m AS (UPDATE meeting m SET (host_id, confname, type, "
	    "list_status, password, enforce_password, join_before_host, "
	    "starts, timezone_id, timezone, duration, open_time, agenda, "
	    "recurrence) = (SELECT r.host_id, r.confname, r.type, "
	    "r.list_status, r.password, r.enforce_password, "
	    "r.join_before_host, r.starts, r.timezone_id, r.timezone, "
	    "r.duration, r.open_time, r.agenda, r.recurrence "
	    "FROM jsonb_populate_record(m, $5::jsonb) r), " STORE_MERGE("m", "telephony", "$5") ", " STORE_MERGE(
		"m", "attendee_options",
		"$5") ", " STORE_MERGE("m", "options",
				       "$5") ", " STORE_MERGE("m", "extra",
							      "$5") ", "
								    "modified "
								    "= now() "
								    "WHERE"
								    " " TARGET_OF_HOST
								    " RETURNING"
								    " m.*) "
								    "SELECT"
								    " " COLUMNS
								    "FROM "
								    "m" WITH_HOST,
	.nparams = TARGET_PARAMS + 2,
};

static const struct pgstmt delete = {
	.name = "meeting_delete",
	.sql = "WITH m AS (DELETE FROM meeting m WHERE " TARGET_OF_HOST
	       " RETURNING m.*), t AS (DELETE FROM attendee t USING m "
	       "WHERE t.meeting_id = m.id) "
	       "SELECT " COLUMNS "FROM m" WITH_HOST,
	.nparams = TARGET_PARAMS + 1,
};

#define ORDERS(X, param)                          \
	X(param, "starts", "m.starts")            \
	X(param, "confname", "lower(m.confname)") \
	X(param, "host", "lower(h.webexid)")

#define ENDS "m.starts + m.duration * interval '1 minute'"
#define SINCE(what, param) \
	what " >= coalesce(" param "::timestamptz, '-infinity') AND "
#define UNTIL(what, param) \
	what " <= coalesce(" param "::timestamptz, 'infinity') AND "

/* $1 company, $2 host, $3 webexid, $4 email, $5 number, $6 state,
 * $7 $8 overlap, $9 $10 starts, $11 $12 ends, $13 $14 cursor, orders, page */
static const struct pgstmt list = {
	.name = "meeting_list",
	.sql = "SELECT " COLUMNS ", count(*) OVER () FROM meeting m" WITH_HOST
	       "WHERE m.company_id = $1 AND "
	       "coalesce(m.host_id = $2::uuid, true) AND "
	       "coalesce(lower(h.webexid) = lower($3), $3 IS NULL) AND "
	       "coalesce(lower(h.email) = lower($4), $4 IS NULL) AND "
	       "($5::bigint IS NULL OR m.id = (SELECT t.row_id FROM number t "
	       "WHERE t.kind = 'meeting' AND t.number = $5::bigint)) AND "
	       "coalesce(m.state = $6, true) AND " SINCE(ENDS, "$7") UNTIL(
		   "m.starts", "$8") SINCE("m.starts", "$9")
		   UNTIL("m.starts", "$10") SINCE(ENDS, "$11") UNTIL(
		       ENDS, "$12") "coalesce((m.starts, m.id) > "
				    "($13::timestamptz, $14::uuid), true) "
				    "ORDER BY " STORE_ORDER(ORDERS, "$15")
					STORE_ORDER(ORDERS, "$16") STORE_ORDER(
					    ORDERS, "$17") "m.starts, m.id "
							   "OFFSET $18::bigint "
							   "LIMIT $19::bigint",
	.nparams = 19,
};

static void on_list(struct api *a, const struct pgresult *r, size_t n);
static void fill_create(struct api *a, struct pgbatch *b);
static void render_create(struct api *a, const struct pgresult *r, size_t n,
			  struct write_answer *out);
static void fill_update(struct api *a, struct pgbatch *b);
static void fill_delete(struct api *a, struct pgbatch *b);
static void render_change(struct api *a, const struct pgresult *r, size_t n,
			  struct write_answer *out);

static const struct write_op create_op = { "meeting.create", fill_create,
					   render_create, NULL };
static const struct write_op update_op = { "meeting.update", fill_update,
					   render_change, NULL };
static const struct write_op delete_op = { "meeting.delete", fill_delete,
					   render_change, NULL };

static void
target(const struct api *a, const struct store_meeting_by *by,
       struct pgparam *p)
{
	uint8_t raw[16];
	bool uuid = by->id != NULL &&
		    crypto_uuid_parse(span_of(by->id), raw) == 0;

	p[0] = pgparam_text(a->company->id);
	p[1] = pgparam_text(uuid ? by->id : NULL);
	p[2] = store_number(by->number);
}

void
store_meeting_get(struct api *a, const struct store_meeting_by *by,
		  store_meetings_fn *fn)
{
	struct pgbatch *b = pgbatch_new();
	struct pgparam p[TARGET_PARAMS];

	store_begin(a)->meetings = fn;
	target(a, by, p);
	pgbatch_add(b, &get, p);
	api_query(a, &b, on_list);
}

void
store_meeting_list(struct api *a, const struct store_meeting_filter *f,
		   const struct store_page *page, store_meetings_fn *fn)
{
	struct pgbatch *b = pgbatch_new();
	const struct pgparam p[] = {
		pgparam_text(a->company->id),  pgparam_text(f->host_id),
		pgparam_text(f->host_webexid), pgparam_text(f->host_email),
		store_number(f->number),       pgparam_text(f->state),
		pgparam_text(f->from),         pgparam_text(f->to),
		pgparam_text(f->starts_from),  pgparam_text(f->starts_to),
		pgparam_text(f->ends_from),    pgparam_text(f->ends_to),
		pgparam_text(f->after_start),  pgparam_text(f->after_id),
		pgparam_text(page->order[0]),  pgparam_text(page->order[1]),
		pgparam_text(page->order[2]),  pgparam_int(page->skip),
		pgparam_int(page->max),
	};

	store_begin(a)->meetings = fn;
	pgbatch_add(b, &list, p);
	api_query(a, &b, on_list);
}

static void
on_list(struct api *a, const struct pgresult *r, size_t n)
{
	size_t rows = (size_t)pgresult_rows(r);
	struct meeting *found = arena_array(a->arena, struct meeting, rows);
	int64_t total = (int64_t)rows;

	for (size_t i = 0; i < rows; i++)
		record_meeting(a, r, (int)i, &found[i]);
	if (rows > 0 && pgresult_columns(r) > RECORD_WIDTH(RECORD_MEETING))
		total = pgresult_int(r, 0, RECORD_WIDTH(RECORD_MEETING));
	a->store->meetings(a, found, rows, total);
}

void
store_meeting_create(struct api *a, json_t *fields,
		     store_meeting_render *render)
{
	struct store *s = store_begin(a);

	s->fields = store_fields(a, fields);
	s->render_meeting = render;
	write_start(a, &create_op);
}

static void
fill_create(struct api *a, struct pgbatch *b)
{
	char id[CRYPTO_UUID_SIZE];
	char code[10];
	struct pgparam p[4];

	made_id(a, create_op.name, "meeting", id);
	made_digits(a, create_op.name, "access code", code, sizeof(code));
	p[0] = pgparam_text(id);
	p[1] = pgparam_text(a->company->id);
	p[2] = pgparam_text(a->store->fields);
	p[3] = pgparam_text(code);
	pgbatch_add(b, &create, p);
}

static void
render_create(struct api *a, const struct pgresult *r, size_t n,
	      struct write_answer *out)
{
	struct meeting *row = arena_make(a->arena, struct meeting);

	record_meeting(a, &r[n - 1], 0, row);
	a->store->render_meeting(a, row, out);
}

void
store_meeting_update(struct api *a, const struct store_meeting_by *by,
		     json_t *fields, store_meeting_render *render)
{
	struct store *s = store_begin(a);

	s->meeting = *by;
	s->fields = store_fields(a, fields);
	s->render_meeting = render;
	write_start(a, &update_op);
}

static void
fill_update(struct api *a, struct pgbatch *b)
{
	const struct store *s = a->store;
	struct pgparam p[TARGET_PARAMS + 2];

	target(a, &s->meeting, p);
	p[TARGET_PARAMS] = pgparam_text(s->meeting.host_id);
	p[TARGET_PARAMS + 1] = pgparam_text(s->fields);
	pgbatch_add(b, &host_of, p);
	pgbatch_add(b, &update, p);
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
	render_create(a, r, n, out);
}
