#include <string.h>

#include "base/crypto.h"
#include "site/made.h"
#include "site/record_columns.h"
#include "site/site.h"
#include "site/sql.h"
#include "site/store.h"
#include "site/store_inner.h"

#define COLUMNS RECORD_COLUMNS(RECORD_ACCOUNT)

/* $1 company, $2 id, $3 webexid, $4 email, $5 number */
#define TARGET                                                         \
	"a.company_id = $1 AND a.id = coalesce($2::uuid, "             \
	"(SELECT t.id FROM account t WHERE t.company_id = $1 AND "     \
	"t.gsb_key_webexid = lower($3)), "                             \
	"(SELECT t.id FROM account t WHERE t.company_id = $1 AND "     \
	"t.gsb_key_email = lower($4)), "                               \
	"(SELECT t.row_id FROM number t WHERE t.kind = 'account' AND " \
	"t.number = $5::bigint))"
#define TARGET_PARAMS 5

/* clang-format off */
static const struct pgstmt get = {
	.name = "account_get",
	.sql =
	"SELECT " COLUMNS "FROM account a WHERE " TARGET,
	.nparams = TARGET_PARAMS,
};

/* $1 id, $2 company, $3 fields */
static const struct pgstmt create = {
	.name = "account_create",
	.sql =
	"WITH r AS (SELECT * FROM jsonb_populate_record(NULL::account, "
	"'{\"first_name\": \"\", \"last_name\": \"\", \"active\": \"active\", "
	"\"host\": true, \"site_admin\": false, \"ro_site_admin\": false, "
	"\"phones\": {}, \"address\": {}, \"privileges\": {}, "
	"\"meeting_types\": [], \"extra\": {}}' || "
	"jsonb_strip_nulls($3::jsonb))), a AS (INSERT INTO account (id, "
	"company_id, number, webexid, email, first_name, last_name, "
	"display_name, title, language, locale, timezone_id, timezone, "
	"password_hash, active, host, site_admin, ro_site_admin, phones, "
	"address, privileges, meeting_types, extra) SELECT $1::uuid, "
	"$2::uuid, new_number('account'), webexid, email, first_name, "
	"last_name, display_name, title, language, locale, timezone_id, "
	"timezone, password_hash, active, host, site_admin, ro_site_admin, "
	"phones, address, privileges, meeting_types, extra FROM r RETURNING "
	"*), n AS (INSERT INTO number (kind, number, row_id, company_id) "
	"SELECT 'account', number, id, company_id FROM a) SELECT " COLUMNS
	"FROM a",
	.nparams = 3,
};

/* A status that goes back needs a new activation: else the greater status
 * would win over it in the merge. */
#define RANK(of)                                                    \
	"array_position('{active,locked,deactivated}'::text[], " of \
	".active::text)"

/* TARGET, $6 fields */
static const struct pgstmt update = {
	.name = "account_update",
	.sql =
	"WITH a AS (UPDATE account a SET (webexid, email, first_name, "
	"last_name, display_name, title, language, locale, timezone_id, "
	"timezone, password_hash, active, activation_no, host, site_admin, "
	"ro_site_admin, meeting_types) = (SELECT r.webexid, r.email, "
	"r.first_name, r.last_name, r.display_name, r.title, r.language, "
	"r.locale, r.timezone_id, r.timezone, r.password_hash, r.active, "
	"a.activation_no + (" RANK("r") " < " RANK("a") ")::int, r.host, "
	"r.site_admin, r.ro_site_admin, r.meeting_types FROM "
	"jsonb_populate_record(a, $6::jsonb) r), credentials_no = "
	"a.credentials_no + ($6::jsonb ? 'password_hash')::int, "
	STORE_MERGE("a", "phones", "$6") ", "
	STORE_MERGE("a", "address", "$6") ", "
	STORE_MERGE("a", "privileges", "$6") ", "
	STORE_MERGE("a", "extra", "$6") ", modified = now() WHERE " TARGET " "
	"RETURNING a.*) SELECT " COLUMNS "FROM a",
	.nparams = TARGET_PARAMS + 1,
};

/* TARGET, $6 fields, $7 id of the row: to the address that he has had, if it
 * can be one (a company's first administrator may have none) */
#define MOVES "lower($6::jsonb ->> 'email') <> lower(a.email)"
static const struct pgstmt notify = {
	.name = "account_notify",
	.sql =
	"INSERT INTO invitation (id, company_id, meeting_id, email, wanted, "
	"sequence, content) SELECT $7::uuid, a.company_id, a.id, a.email, "
	"'account', 1, jsonb_strip_nulls(jsonb_build_object('account', "
	"a.webexid, 'password', $6::jsonb ? 'password_hash', 'moved_to', CASE "
	"WHEN " MOVES " THEN $6::jsonb ->> 'email' END)) FROM account a WHERE "
	TARGET " AND a.active = 'active' AND a.email NOT LIKE '%.invalid' AND "
	"($6::jsonb ? 'password_hash' OR " MOVES ")",
	.nparams = TARGET_PARAMS + 2,
};

/* $1 company, $2 names, $3 who asks */
static const struct pgstmt remove_all = {
	.name = "account_remove",
	.sql =
	"WITH f AS (SELECT w.n, w.name, a.id FROM "
	"jsonb_array_elements_text($2::jsonb) WITH ORDINALITY AS w(name, n) "
	"LEFT JOIN account a ON a.company_id = $1 AND a.gsb_key_webexid = "
	"lower(w.name) AND a.id <> $3::uuid), u AS (UPDATE account a SET "
	"active = 'deactivated', modified = now() FROM f WHERE a.id = f.id "
	"AND a.active <> 'deactivated') SELECT f.name, f.id IS NOT NULL FROM "
	"f ORDER BY f.n",
	.nparams = 3,
};
/* clang-format on */

static const struct sql_order orders[] = {
	{ "webexid", "lower(a.webexid)" },
	{ "email", "lower(a.email)" },
	{ "first_name", "lower(a.first_name)" },
	{ "last_name", "lower(a.last_name)" },
	{ "active", "a.active" },
	{ "created", "a.created" },
	{ "number", "a.number" },
	{ NULL, NULL },
};

static void on_list(struct api *a, const struct pgresult *r, size_t n);
static void fill_create(struct api *a, struct pgbatch *b);
static void render_create(struct api *a, const struct pgresult *r, size_t n,
			  struct write_answer *out);
static void fill_update(struct api *a, struct pgbatch *b);
static void render_update(struct api *a, const struct pgresult *r, size_t n,
			  struct write_answer *out);

static void fill_remove(struct api *a, struct pgbatch *b);
static void render_remove(struct api *a, const struct pgresult *r, size_t n,
			  struct write_answer *out);

static const struct write_op create_op = { "account.create", fill_create,
					   render_create, NULL, false };
static const struct write_op update_op = { "account.update", fill_update,
					   render_update, NULL, true };
static const struct write_op remove_op = { "account.remove", fill_remove,
					   render_remove, NULL, false };

/* Binds the company and one way to find a row. */
static void
target(const struct api *a, const struct store_account_by *by,
       struct pgparam *p)
{
	uint8_t raw[16];
	bool uuid = by->id != NULL &&
		    crypto_uuid_parse(span_of(by->id), raw) == 0;

	p[0] = pgparam_text(a->company->id);
	p[1] = pgparam_text(uuid ? by->id : NULL);
	p[2] = pgparam_text(by->webexid);
	p[3] = pgparam_text(by->email);
	p[4] = store_number(by->number);
}

void
store_account_get(struct api *a, const struct store_account_by *by,
		  store_accounts_fn *fn)
{
	struct pgbatch *b = pgbatch_new();
	struct pgparam p[TARGET_PARAMS];

	store_begin(a)->accounts = fn;
	target(a, by, p);
	pgbatch_add(b, &get, p);
	api_query(a, &b, on_list);
}

void
store_account_list(struct api *a, const struct store_account_filter *f,
		   const struct store_page *page, store_accounts_fn *fn)
{
	struct pgbatch *b = pgbatch_new();
	struct sql q = { 0 };
	struct sql_page p = {
		.columns = COLUMNS,
		.from = "account a",
		.counted = page->total ? "account a" : NULL,
		.last = page->total ? "lower(a.webexid), a.id" : "a.id",
		.orders = orders,
		.skip = page->skip,
		.max = page->max,
	};

	memcpy(p.words, page->order, sizeof(p.words));
	sql_test(&q, "a.company_id = $::uuid", pgparam_text(a->company->id));
	sql_open(&q, f->any ? " OR " : " AND ");
	sql_test(&q, "a.gsb_key_webexid = lower($::text)",
		 pgparam_text(f->webexid));
	sql_test(&q, "a.gsb_key_email = lower($::text)",
		 pgparam_text(f->email));
	sql_test(&q, "lower(a.first_name) = lower($::text)",
		 pgparam_text(f->first_name));
	sql_test(&q, "lower(a.last_name) = lower($::text)",
		 pgparam_text(f->last_name));
	sql_test(&q, "a.active = $::text", pgparam_text(f->active));
	sql_close(&q);
	sql_test(&q, "a.created >= $::timestamptz",
		 pgparam_text(f->registered_from));
	sql_test(&q, "a.created <= $::timestamptz",
		 pgparam_text(f->registered_to));
	sql_test(&q, "a.id = $::uuid", store_uuid(f->id));
	sql_test(&q, "a.id > $::uuid", pgparam_text(f->after_id));
	sql_test(&q,
		 "starts_with(lower(coalesce(a.display_name, a.first_name || "
		 "' ' || a.last_name)), lower($::text))",
		 pgparam_text(f->display_name));
	sql_add_page(&q, &p, b);
	sql_fini(&q);
	store_begin(a)->accounts = fn;
	api_query(a, &b, on_list);
}

static void
on_list(struct api *a, const struct pgresult *r, size_t n)
{
	size_t rows = (size_t)pgresult_rows(r);
	struct account *found = arena_array(a->arena, struct account, rows);
	int64_t total = (int64_t)rows;

	for (size_t i = 0; i < rows; i++)
		record_account(a, r, (int)i, &found[i]);
	if (rows > 0 && pgresult_columns(r) > RECORD_WIDTH(RECORD_ACCOUNT))
		total = pgresult_int(r, 0, RECORD_WIDTH(RECORD_ACCOUNT));
	a->store->accounts(a, found, rows, total);
}

void
store_account_create(struct api *a, json_t *fields,
		     store_account_render *render)
{
	struct store *s = store_begin(a);

	s->fields = store_fields(a, fields);
	s->render_account = render;
	write_start(a, &create_op);
}

static void
fill_create(struct api *a, struct pgbatch *b)
{
	char id[CRYPTO_UUID_SIZE];
	struct store_new of = { .id = id,
				.company_id = a->company->id,
				.fields = a->store->fields };

	made_id(a, create_op.name, "account", id);
	store_account_add(b, &of);
}

void
store_account_add(struct pgbatch *b, const struct store_new *of)
{
	const struct pgparam p[] = { pgparam_text(of->id),
				     pgparam_text(of->company_id),
				     pgparam_text(of->fields) };

	pgbatch_add(b, &create, p);
}

static void
render_create(struct api *a, const struct pgresult *r, size_t n,
	      struct write_answer *out)
{
	struct account *row = arena_make(a->arena, struct account);

	record_account(a, &r[0], 0, row);
	a->store->render_account(a, row, out);
}

void
store_account_update(struct api *a, const struct store_account_by *by,
		     json_t *fields, store_account_render *render)
{
	struct store *s = store_begin(a);

	s->account = *by;
	s->notify = a->site->conf->mail_smtp[0] != '\0' &&
		    (json_object_get(fields, "password_hash") != NULL ||
		     json_object_get(fields, "email") != NULL);
	s->fields = store_fields(a, fields);
	s->render_account = render;
	write_start(a, &update_op);
}

static void
fill_update(struct api *a, struct pgbatch *b)
{
	struct pgparam p[TARGET_PARAMS + 2];
	char id[CRYPTO_UUID_SIZE];

	target(a, &a->store->account, p);
	p[TARGET_PARAMS] = pgparam_text(a->store->fields);
	if (a->store->notify) {
		made_id(a, update_op.name, "notice", id);
		p[TARGET_PARAMS + 1] = pgparam_text(id);
		pgbatch_add(b, &notify, p);
	}
	pgbatch_add(b, &update, p);
}

static void
render_update(struct api *a, const struct pgresult *r, size_t n,
	      struct write_answer *out)
{
	r += n - 1; /* of the update */
	if (pgresult_rows(&r[0]) == 0) {
		out->refused = true;
		out->fault = a->store->account.id != NULL ? FAULT_NO_RECORD
							  : FAULT_NO_USER;
		return;
	}
	render_create(a, r, 1, out);
}

void
store_account_remove(struct api *a, json_t *webexids,
		     store_removed_render *render)
{
	struct store *s = store_begin(a);

	s->fields = store_fields(a, webexids);
	s->render_removed = render;
	write_start(a, &remove_op);
}

static void
fill_remove(struct api *a, struct pgbatch *b)
{
	const struct pgparam p[] = { pgparam_text(a->company->id),
				     pgparam_text(a->store->fields),
				     pgparam_text(a->who->id) };

	pgbatch_add(b, &remove_all, p);
}

static void
render_remove(struct api *a, const struct pgresult *r, size_t n,
	      struct write_answer *out)
{
	size_t rows = (size_t)pgresult_rows(&r[0]);
	struct store_removed *list = arena_array(a->arena, struct store_removed,
						 rows);

	for (size_t i = 0; i < rows; i++) {
		list[i].webexid = pgresult_text(&r[0], (int)i, 0);
		list[i].done = pgresult_bool(&r[0], (int)i, 1);
	}
	a->store->render_removed(a, list, rows, out);
}
