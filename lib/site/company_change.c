/*
 * What operators do to companies that are there: show, set, suspend, resume
 * and delete, by the signed operations of /gsb/companies. A suspended company
 * is not found by anybody; only such a one can be deleted. What is
 * configuration is changed at the primary alone (G16).
 *
 *   set: show -> settings? -> row? -> show
 */
#include <string.h>

#include "site/files.h"
#include "site/form.h"
#include "site/record.h"
#include "site/settings.h"
#include "site/signed.h"
#include "site/site.h"
#include "site/store_inner.h"

#define NUMBERS_MAX 20

struct company_change {
	const char *name;
	bool deletes;
	const char *brand, *partner_id, *numbers;
	const char *disabled; /* "t" "f"; NULL: as it is */
	json_t *settings;     /* a merge patch, of the body; or NULL */
};

/* clang-format off */
#define SHOWN                                                            \
	"jsonb_build_object('name', c.name, 'site_id', c.site_id, "      \
	"'partner_id', c.partner_id, 'brand', c.brand, 'suspended', "    \
	"c.disabled, 'numbers', coalesce(c.numbers, '[]'), 'accounts', " \
	"(SELECT count(*) FROM account a WHERE a.company_id = c.id), "   \
	"'meetings', (SELECT count(*) FROM meeting m WHERE "             \
	"m.company_id = c.id))"

static const struct pgstmt show = {
	.name = "company_show",
	.sql =
	"SELECT " SHOWN ", c.disabled FROM company c WHERE c.gsb_key_name = "
	"lower($1)",
	.nparams = 1,
};

static const struct pgstmt set = {
	.name = "company_set",
	.sql =
	"WITH c AS (UPDATE company c SET brand = coalesce($2, c.brand), "
	"partner_id = coalesce($3, c.partner_id), numbers = "
	"coalesce($4::jsonb, c.numbers), disabled = coalesce($5::boolean, "
	"c.disabled), modified = now() WHERE c.gsb_key_name = lower($1) "
	"RETURNING c.*) SELECT " SHOWN " FROM c",
	.nparams = 5,
};

/* In the order of the tables' sizes nothing matters: one transaction. */
static const struct pgstmt delete = {
	.name = "company_delete",
	.sql =
	"WITH c AS (DELETE FROM company WHERE gsb_key_name = lower($1) AND "
	"disabled RETURNING id, name), u AS (DELETE FROM attendance u USING "
	"c, session s WHERE s.company_id = c.id AND u.session_id = s.id), h "
	"AS (DELETE FROM chat h USING c WHERE h.company_id = c.id), s AS "
	"(DELETE FROM session s USING c WHERE s.company_id = c.id), t AS "
	"(DELETE FROM attendee t USING c WHERE t.company_id = c.id), i AS "
	"(DELETE FROM invitation i USING c WHERE i.company_id = c.id), m AS "
	"(DELETE FROM meeting m USING c WHERE m.company_id = c.id), f AS "
	"(DELETE FROM login_failure f USING c, account a WHERE a.company_id = "
	"c.id AND f.account_id = a.id), a AS (DELETE FROM account a USING c "
	"WHERE a.company_id = c.id) SELECT jsonb_build_object('name', c.name) "
	"FROM c",
	.nparams = 1,
};
/* clang-format on */

static int read_change(struct api *a, const char *op, struct company_change *c,
		       struct err *e);
static int read_numbers(struct api *a, struct company_change *c, struct err *e);
static int read_settings(struct api *a, struct company_change *c,
			 struct err *e);
static void ask(struct api *a, api_done_fn *done);
static void on_shown(struct api *a, const struct pgresult *r, size_t n);
static void on_known(struct api *a, const struct pgresult *r, size_t n);
static void on_settings(void *ctx, int64_t version, const struct err *err);
static void fill(struct api *a, struct pgbatch *b);
static void render(struct api *a, const struct pgresult *r, size_t n,
		   struct write_answer *out);

static const struct write_op change_op = { "company.change", fill, render, NULL,
					   false };

static bool
changes_row(const struct company_change *c)
{
	return c->brand != NULL || c->partner_id != NULL || c->numbers != NULL;
}

static bool
is_configuration(const struct company_change *c)
{
	return c->brand != NULL || c->numbers != NULL || c->settings != NULL;
}

void
signed_company_change(struct api *a, const char *op)
{
	struct company_change *c = arena_make(a->arena, struct company_change);
	struct err e = { 0 };

	a->data = c;
	if (read_change(a, op, c, &e) < 0) {
		api_fail(a, FAULT_INVALID, "%s", err_text(&e));
		return;
	}
	if (is_configuration(c) && files_may_change(a->site->files, &e) < 0)
		api_fail(a, FAULT_CONFLICT, "%s", err_text(&e));
	else if (c->settings != NULL)
		ask(a, on_known);
	else if (strcmp(op, "show") == 0)
		ask(a, on_shown);
	else
		write_start(a, &change_op);
}

static void
ask(struct api *a, api_done_fn *done)
{
	const struct company_change *c = a->data;
	struct pgbatch *b = pgbatch_new();
	struct pgparam p = pgparam_text(c->name);

	pgbatch_add(b, &show, &p);
	api_query(a, &b, done);
}

static int
read_change(struct api *a, const char *op, struct company_change *c,
	    struct err *e)
{
	const char *name, *brand = NULL, *partner = NULL;

	if (json_need_str(a->body, "name", &name, e) < 0 ||
	    json_get_str(a->body, "brand", &brand, e) < 0 ||
	    json_get_str(a->body, "partner_id", &partner, e) < 0 ||
	    read_numbers(a, c, e) < 0)
		return -1;
	c->name = name;
	c->deletes = strcmp(op, "delete") == 0;
	if (strcmp(op, "suspend") == 0 || strcmp(op, "resume") == 0)
		c->disabled = op[0] == 's' ? "t" : "f";
	if (strcmp(op, "set") != 0)
		return 0;
	c->brand = brand;
	c->partner_id = partner;
	if (read_settings(a, c, e) < 0)
		return -1;
	if (!changes_row(c) && c->settings == NULL)
		return err_set(e, ERR_INVALID,
			       "give brand, partner_id, numbers or settings");
	if ((brand != NULL && strlen(brand) > 128) ||
	    (partner != NULL && strlen(partner) > 64))
		return err_set(e, ERR_INVALID,
			       "brand has at most 128 characters, partner_id "
			       "64");
	return 0;
}

static int
read_numbers(struct api *a, struct company_change *c, struct err *e)
{
	json_t *list = NULL;

	if (json_get_array(a->body, "numbers", &list, e) < 0)
		return -1;
	if (list == NULL)
		return 0;
	if (json_array_size(list) > NUMBERS_MAX)
		return err_set(e, ERR_INVALID, "at most %d numbers",
			       NUMBERS_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *label, *number;
		bool free = false;

		if (json_need_str(one, "label", &label, e) < 0 ||
		    json_need_str(one, "number", &number, e) < 0 ||
		    json_get_bool(one, "toll_free", &free, e) < 0)
			return err_prefix(e, "numbers");
		if (strlen(label) > 64 || strlen(number) > 64 ||
		    number[strspn(number, "+0123456789 ()-./")] != '\0')
			return err_set(e, ERR_INVALID,
				       "numbers: \"%.64s\" is not a telephone "
				       "number",
				       number);
	}
	c->numbers = store_fields(a, json_incref(list));
	return 0;
}

static int
read_settings(struct api *a, struct company_change *c, struct err *e)
{
	c->settings = json_object_get(a->body, "settings");
	if (c->settings == NULL)
		return 0;
	if (!json_is_object(c->settings))
		return err_set(e, ERR_INVALID, "settings must be an object");
	return settings_check(c->settings, e);
}

static bool
is_there(struct api *a, const struct pgresult *r)
{
	const struct company_change *c = a->data;

	if (pgresult_rows(&r[0]) > 0)
		return true;
	api_fail(a, FAULT_NO_SITE, "no company is named \"%s\"", c->name);
	return false;
}

/* The row, and what is in the copy. */
static struct span
with_settings(struct api *a, const struct pgresult *r)
{
	json_t *doc = json_read(pgresult_bytes(r, 0, 0), NULL);
	struct files_view *v = files_hold(a->site->files);
	const json_t *own = files_settings(
	    v, json_string_value(json_object_get(doc, "name")));

	json_put(doc, "settings",
		 own != NULL ? json_deep_copy(own) : json_object());
	files_release(&v);
	return form_json_text(a, doc);
}

static void
on_shown(struct api *a, const struct pgresult *r, size_t n)
{
	if (is_there(a, r))
		api_answer(a, 200, with_settings(a, &r[0]));
}

static void
on_known(struct api *a, const struct pgresult *r, size_t n)
{
	const struct company_change *c = a->data;
	JSON_AUTO doc = NULL;
	struct files_change to = { .who = "operator" };

	if (!is_there(a, r))
		return;
	doc = json_read(pgresult_bytes(&r[0], 0, 0), NULL);
	to.company = json_string_value(json_object_get(doc, "name"));
	to.settings = c->settings;
	a->files = files_change(a->site->files, &to, on_settings, a);
}

static void
on_settings(void *ctx, int64_t version, const struct err *err)
{
	struct api *a = ctx;

	a->files = NULL;
	if (err != NULL)
		api_fail(a, FAULT_CONFLICT, "%s", err_text(err));
	else if (changes_row(a->data))
		write_start(a, &change_op);
	else
		ask(a, on_shown);
}

static void
fill(struct api *a, struct pgbatch *b)
{
	const struct company_change *c = a->data;
	const struct pgparam p[] = { pgparam_text(c->name),
				     pgparam_text(c->brand),
				     pgparam_text(c->partner_id),
				     pgparam_text(c->numbers),
				     pgparam_text(c->disabled) };

	pgbatch_add(b, &show, p);
	pgbatch_add(b, c->deletes ? &delete : &set, p);
}

static void
render(struct api *a, const struct pgresult *r, size_t n,
       struct write_answer *out)
{
	const struct company_change *c = a->data;

	out->refused = true;
	if (pgresult_rows(&r[0]) == 0) {
		out->fault = FAULT_NO_SITE;
		out->words = arena_printf(
		    a->arena, "no company is named \"%s\"", c->name);
		return;
	}
	if (pgresult_rows(&r[1]) == 0) {
		out->fault = FAULT_CONFLICT;
		out->words = arena_printf(a->arena,
					  "company \"%s\" is not suspended: "
					  "suspend it before it is deleted",
					  c->name);
		return;
	}
	out->refused = false;
	out->content = c->deletes ? span_of(arena_span(
					a->arena, pgresult_bytes(&r[1], 0, 0)))
				  : with_settings(a, &r[1]);
}
