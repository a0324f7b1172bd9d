#include "site/store_attendee.h"

#include <string.h>

#include "base/crypto.h"
#include "site/made.h"
#include "site/record_attendee.h"
#include "site/sql.h"
#include "site/store_inner.h"

#define COLUMNS RECORD_COLUMNS(RECORD_ATTENDEE)
#define WIDTH RECORD_WIDTH(RECORD_ATTENDEE)

static const struct sql_order orders[] = {
	{ "email", "lower(t.email)" }, { "name", "lower(t.name)" },
	{ "number", "t.number" },      { "status", "t.join_status" },
	{ "type", "t.type" },          { NULL, NULL },
};

/* clang-format off */
/* what stands in no column of its own */
#define EXTRA(of)                                                        \
	of " - '{id,email,name,firstName,lastName,type,role,joinStatus," \
	   "phones,address}'::text[]"

/* $1 company, $2 meeting, $3 list, $4 instead of those there */
static const struct pgstmt add = {
	.name = "attendee_add",
	.sql =
	"WITH r AS (SELECT DISTINCT ON (lower(e ->> 'email')) e, n FROM "
	"jsonb_array_elements($3::jsonb) WITH ORDINALITY AS l(e, n) ORDER BY "
	"lower(e ->> 'email'), n), gone AS (DELETE FROM attendee t WHERE "
	"$4::boolean AND t.meeting_id = $2::uuid AND t.company_id = $1::uuid "
	"AND NOT lower(t.email) = ANY (SELECT lower(e ->> 'email') FROM r)), "
	"t AS (INSERT INTO attendee (id, company_id, meeting_id, number, "
	"email, name, first_name, last_name, type, role, join_status, phones, "
	"address, extra) SELECT (e ->> 'id')::uuid, $1::uuid, $2::uuid, "
	"new_number('attendee'), e ->> 'email', coalesce(e ->> 'name', ''), "
	"coalesce(e ->> 'firstName', ''), coalesce(e ->> 'lastName', ''), "
	"coalesce(e ->> 'type', 'VISITOR'), coalesce(e ->> 'role', "
	"'ATTENDEE'), coalesce(e ->> 'joinStatus', 'INVITE'), coalesce(e -> "
	"'phones', '{}'), coalesce(e -> 'address', '{}'), " EXTRA("e") " "
	"FROM r ORDER BY n ON CONFLICT (meeting_id, gsb_key_email) DO UPDATE "
	"SET name = excluded.name, first_name = excluded.first_name, "
	"last_name = excluded.last_name, type = excluded.type, role = "
	"excluded.role, join_status = excluded.join_status, phones = "
	"excluded.phones, address = excluded.address, extra = excluded.extra, "
	"modified = now() RETURNING *), k AS (INSERT INTO number (kind, "
	"number, row_id, company_id) SELECT 'attendee', number, id, "
	"company_id FROM t ON CONFLICT DO NOTHING) SELECT " COLUMNS "FROM t "
	"JOIN r ON lower(r.e ->> 'email') = lower(t.email) JOIN meeting m ON "
	"m.id = t.meeting_id ORDER BY r.n",
	.nparams = 4,
};

/* $1 company, $2 id, $3 number, $4 host: rows if it is there, and whether
 * it is his */
static const struct pgstmt meeting = {
	.name = "attendee_meeting",
	.sql =
	"SELECT m.id, m.host_id = coalesce($4::uuid, m.host_id) FROM meeting "
	"m WHERE m.company_id = $1 AND m.id = coalesce($2::uuid, (SELECT "
	"k.row_id FROM number k WHERE k.kind = 'meeting' AND k.number = "
	"$3::bigint)) FOR SHARE",
	.nparams = 4,
};

/* $1 company, $2 attendee, $3 host */
static const struct pgstmt owner = {
	.name = "attendee_owner",
	.sql =
	"SELECT m.host_id = coalesce($3::uuid, m.host_id) FROM attendee t "
	"JOIN meeting m ON m.id = t.meeting_id WHERE t.company_id = $1 AND "
	"t.id = $2::uuid FOR UPDATE OF t",
	.nparams = 3,
};

/* $1 company, $2 attendee, $3 host, $4 fields */
static const struct pgstmt update = {
	.name = "attendee_update",
	.sql =
	"WITH t AS (UPDATE attendee t SET name = coalesce(e ->> 'name', "
	"t.name), first_name = coalesce(e ->> 'firstName', t.first_name), "
	"last_name = coalesce(e ->> 'lastName', t.last_name), type = "
	"coalesce(e ->> 'type', t.type), role = coalesce(e ->> 'role', "
	"t.role), join_status = coalesce(e ->> 'joinStatus', t.join_status), "
	"phones = coalesce(e -> 'phones', t.phones), address = coalesce(e -> "
	"'address', t.address), extra = t.extra || (" EXTRA("e") "), "
	"modified = now() FROM (SELECT $4::jsonb AS e) f, meeting m WHERE "
	"t.company_id = $1 AND t.id = $2::uuid AND m.id = t.meeting_id AND "
	"m.host_id = coalesce($3::uuid, m.host_id) RETURNING t.*) SELECT "
	COLUMNS "FROM t JOIN meeting m ON m.id = t.meeting_id",
	.nparams = 4,
};

/* $1 company, $2 host, $3 who: how many were found, how many of them are not
 * his, and they are gone */
static const struct pgstmt delete = {
	.name = "attendee_delete",
	.sql =
	"WITH w AS (SELECT e FROM jsonb_array_elements($3::jsonb) AS l(e)), f "
	"AS (SELECT DISTINCT t.id, t.meeting_id, m.host_id = "
	"coalesce($2::uuid, m.host_id) AS his FROM (SELECT (e ->> 'id')::uuid "
	"AS id FROM w UNION SELECT k.row_id FROM w JOIN number k ON k.kind = "
	"'attendee' AND k.number = (e ->> 'number')::bigint UNION SELECT x.id "
	"FROM w JOIN number k ON k.kind = 'meeting' AND k.number = (e ->> "
	"'meeting')::bigint JOIN attendee x ON x.meeting_id = k.row_id AND "
	"lower(x.email) = lower(e ->> 'email')) l JOIN attendee t ON t.id = "
	"l.id JOIN meeting m ON m.id = t.meeting_id WHERE t.company_id = $1), "
	"d AS (DELETE FROM attendee t USING f WHERE t.id = f.id AND f.his) "
	"SELECT count(*), count(*) FILTER (WHERE NOT his), array_agg(DISTINCT "
	"meeting_id)::text FROM f",
	.nparams = 3,
};
/* clang-format on */

static void on_list(struct api *a, const struct pgresult *r, size_t n);
static void fill_create(struct api *a, struct pgbatch *b);
static void render_create(struct api *a, const struct pgresult *r, size_t n,
			  struct write_answer *out);
static void fill_update(struct api *a, struct pgbatch *b);
static void render_update(struct api *a, const struct pgresult *r, size_t n,
			  struct write_answer *out);
static void fill_delete(struct api *a, struct pgbatch *b);
static void render_delete(struct api *a, const struct pgresult *r, size_t n,
			  struct write_answer *out);

static const struct write_op create_op = { "attendee.create", fill_create,
					   render_create, NULL, false };
static const struct write_op update_op = { "attendee.update", fill_update,
					   render_update, NULL, false };
static const struct write_op delete_op = { "attendee.delete", fill_delete,
					   render_delete, NULL, false };

void
store_attendee_list(struct api *a, const struct store_attendee_filter *f,
		    const struct store_page *page, store_attendees_fn *fn)
{
	struct pgbatch *b = pgbatch_new();
	struct sql q = { 0 };
	struct sql_page p = {
		.columns = COLUMNS,
		.from = "attendee t JOIN meeting m ON m.id = t.meeting_id",
		.counted = page->total ? "attendee t JOIN meeting m ON "
					 "m.id = t.meeting_id"
				       : NULL,
		.last = page->total ? "t.number, t.id" : "t.id",
		.orders = orders,
		.skip = page->skip,
		.max = page->max,
	};

	memcpy(p.words, page->order, sizeof(p.words));
	sql_test(&q, "t.company_id = $::uuid", pgparam_text(a->company->id));
	sql_test(&q, "t.id = $::uuid", store_uuid(f->id));
	sql_test(&q, "t.meeting_id = $::uuid", store_uuid(f->meeting_id));
	sql_test(&q,
		 "t.meeting_id = (SELECT k.row_id FROM number k WHERE "
		 "k.kind = 'meeting' AND k.number = $::bigint)",
		 store_number(f->meeting_number));
	sql_test(&q, "m.host_id = $::uuid", pgparam_text(f->host_id));
	sql_test(&q, "t.join_status = $::text", pgparam_text(f->join_status));
	sql_test(&q, "t.id > $::uuid", pgparam_text(f->after_id));
	sql_add_page(&q, &p, b);
	sql_fini(&q);
	store_begin(a)->guests = fn;
	api_query(a, &b, on_list);
}

static struct attendee *
rows_of(struct api *a, const struct pgresult *r, size_t n)
{
	struct attendee *found = arena_array(a->arena, struct attendee, n);

	for (size_t i = 0; i < n; i++)
		record_attendee(a, r, (int)i, &found[i]);
	return found;
}

static void
on_list(struct api *a, const struct pgresult *r, size_t n)
{
	size_t rows = (size_t)pgresult_rows(r);
	struct attendee *found = rows_of(a, r, rows);
	int64_t total = (int64_t)rows;

	if (rows > 0 && pgresult_columns(r) > WIDTH)
		total = pgresult_int(r, 0, WIDTH);
	a->store->guests(a, found, rows, total);
}

const char *
store_attendees_of(struct api *a, json_t *fields, const char *operation)
{
	json_t *list = json_object_get(fields, "attendees");

	if (list == NULL)
		return NULL;
	json_incref(list);
	json_object_del(fields, "attendees");
	for (size_t i = 0; i < json_array_size(list); i++) {
		char id[CRYPTO_UUID_SIZE];

		made_id(a, operation, arena_printf(a->arena, "attendee/%zu", i),
			id);
		json_put_str(json_array_get(list, i), "id", id);
	}
	return store_fields(a, list);
}

void
store_attendee_add(struct pgbatch *b, const struct store_guests *of)
{
	const struct pgparam p[] = { pgparam_text(of->company_id),
				     pgparam_text(of->meeting_id),
				     pgparam_text(of->list),
				     pgparam_bool(of->instead) };

	pgbatch_add(b, &add, p);
}

void
store_attendee_create(struct api *a, const struct store_meeting_by *to,
		      json_t *list, store_attendee_render *render)
{
	struct store *s = store_begin(a);
	json_t *fields = json_object();

	json_put(fields, "attendees", list);
	s->meeting = *to;
	s->attendees = store_attendees_of(a, fields, create_op.name);
	s->render_guests = render;
	json_decref(fields);
	write_start(a, &create_op);
}

static void
fill_create(struct api *a, struct pgbatch *b)
{
	const struct store *s = a->store;
	const struct pgparam p[] = { pgparam_text(a->company->id),
				     store_uuid(s->meeting.id),
				     store_number(s->meeting.number),
				     pgparam_text(s->meeting.host_id) };
	struct store_guests of = { .company_id = a->company->id,
				   .meeting_id = s->meeting.id,
				   .list = s->attendees };

	pgbatch_add(b, &meeting, p);
	store_attendee_add(b, &of);
}

/* r[0] is the meeting, r[1] who was added; what may not be is rolled back */
static void
render_create(struct api *a, const struct pgresult *r, size_t n,
	      struct write_answer *out)
{
	size_t rows = (size_t)pgresult_rows(&r[1]);

	out->refused = true;
	if (pgresult_rows(&r[0]) == 0) {
		out->fault = FAULT_NO_MEETING;
		return;
	}
	if (!pgresult_bool(&r[0], 0, 1)) {
		out->fault = FAULT_DENIED;
		return;
	}
	out->refused = false;
	a->meetings = arena_printf(a->arena, "{%s}",
				   pgresult_text(&r[0], 0, 0));
	a->store->render_guests(a, rows_of(a, &r[1], rows), rows, out);
}

void
store_attendee_update(struct api *a, const struct store_attendee_filter *f,
		      json_t *fields, store_attendee_render *render)
{
	struct store *s = store_begin(a);

	s->guest = *f;
	s->fields = store_fields(a, fields);
	s->render_guests = render;
	write_start(a, &update_op);
}

static void
fill_update(struct api *a, struct pgbatch *b)
{
	const struct store *s = a->store;
	const struct pgparam p[] = { pgparam_text(a->company->id),
				     store_uuid(s->guest.id),
				     pgparam_text(s->guest.host_id),
				     pgparam_text(s->fields) };

	pgbatch_add(b, &owner, p);
	pgbatch_add(b, &update, p);
}

static void
render_update(struct api *a, const struct pgresult *r, size_t n,
	      struct write_answer *out)
{
	struct attendee *guest;

	out->refused = true;
	if (pgresult_rows(&r[0]) == 0) {
		out->fault = FAULT_NO_RECORD;
		return;
	}
	if (pgresult_rows(&r[1]) == 0) {
		out->fault = FAULT_DENIED;
		return;
	}
	out->refused = false;
	guest = rows_of(a, &r[1], 1);
	a->meetings = arena_printf(a->arena, "{%s}", guest->meeting_id);
	a->store->render_guests(a, guest, 1, out);
}

void
store_attendee_delete(struct api *a, const char *host_id, json_t *who,
		      store_deleted_render *render)
{
	struct store *s = store_begin(a);

	s->guest.host_id = host_id;
	s->fields = store_fields(a, who);
	s->render_deleted = render;
	write_start(a, &delete_op);
}

static void
fill_delete(struct api *a, struct pgbatch *b)
{
	const struct pgparam p[] = { pgparam_text(a->company->id),
				     pgparam_text(a->store->guest.host_id),
				     pgparam_text(a->store->fields) };

	pgbatch_add(b, &delete, p);
}

static void
render_delete(struct api *a, const struct pgresult *r, size_t n,
	      struct write_answer *out)
{
	int64_t found = pgresult_int(&r[0], 0, 0);

	out->refused = true;
	if (found == 0) {
		out->fault = FAULT_NO_RECORD;
		return;
	}
	if (pgresult_int(&r[0], 0, 1) > 0) {
		out->fault = FAULT_DENIED;
		return;
	}
	out->refused = false;
	a->meetings = arena_strdup(a->arena, pgresult_text(&r[0], 0, 2));
	a->store->render_deleted(a, found, out);
}
