/*
 * What operators do to companies that are there: show, set, suspend, resume
 * and delete, by the signed operations of /gsb/companies. A suspended company
 * is not found by anybody; only such a one can be deleted.
 */
#include <string.h>

#include "site/record.h"
#include "site/signed.h"
#include "site/store_inner.h"

#define NUMBERS_MAX 20

struct company_change {
	const char *name;
	bool deletes;
	const char *brand, *partner_id, *numbers;
	const char *disabled; /* "t" "f"; NULL: as it is */
};

/* clang-format off: SQL reads in its own lines */
#define SHOWN                                                            \
	"jsonb_build_object('name', c.name, 'site_id', c.site_id, "      \
	"'partner_id', c.partner_id, 'brand', c.brand, 'suspended', "    \
	"c.disabled, 'numbers', coalesce(c.numbers, '[]'), 'accounts', " \
	"(SELECT count(*) FROM account a WHERE a.company_id = c.id), "   \
	"'meetings', (SELECT count(*) FROM meeting m WHERE "             \
	"m.company_id = c.id))"

static const struct pgstmt show = {
	.name = "company_show",
	.sql = "SELECT " SHOWN ", c.disabled FROM company c "
	       "WHERE c.gsb_key_name = lower($1)",
	.nparams = 1,
};

static const struct pgstmt set = {
	.name = "company_set",
	.sql = "WITH c AS (UPDATE company c SET brand = coalesce($2, c.brand), "
	       "partner_id = coalesce($3, c.partner_id), "
	       "numbers = coalesce($4::jsonb, c.numbers), "
	       "disabled = coalesce($5::boolean, c.disabled), modified = now() "
	       "WHERE c.gsb_key_name = lower($1) RETURNING c.*) "
	       "SELECT " SHOWN " FROM c",
	.nparams = 5,
};

/* In the order of the tables' sizes nothing matters: one transaction. */
static const struct pgstmt delete = {
	.name = "company_delete",
	.sql =
	    "WITH c AS (DELETE FROM company WHERE gsb_key_name = lower($1) AND "
	    "disabled RETURNING id, name), "
	    "u AS (DELETE FROM attendance u USING c, session s WHERE "
	    "s.company_id = c.id AND u.session_id = s.id), "
	    "s AS (DELETE FROM session s USING c WHERE s.company_id = c.id), "
	    "t AS (DELETE FROM attendee t USING c WHERE t.company_id = c.id), "
	    "m AS (DELETE FROM meeting m USING c WHERE m.company_id = c.id), "
	    "f AS (DELETE FROM login_failure f USING c, account a WHERE "
	    "a.company_id = c.id AND f.account_id = a.id), "
	    "a AS (DELETE FROM account a USING c WHERE a.company_id = c.id) "
	    "SELECT jsonb_build_object('name', c.name) FROM c",
	.nparams = 1,
};
/* clang-format on */

static int read_change(struct api *a, const char *op, struct company_change *c,
		       struct err *e);
static int read_numbers(struct api *a, struct company_change *c, struct err *e);
static void on_shown(struct api *a, const struct pgresult *r, size_t n);
static void fill(struct api *a, struct pgbatch *b);
static void render(struct api *a, const struct pgresult *r, size_t n,
		   struct write_answer *out);

static const struct write_op change_op = { "company.change", fill, render, NULL,
					   false };

void
signed_company_change(struct api *a, const char *op)
{
	struct company_change *c = arena_make(a->arena, struct company_change);
	struct pgbatch *b;
	struct pgparam p;
	struct err e = { 0 };

	a->data = c;
	if (read_change(a, op, c, &e) < 0) {
		api_fail(a, FAULT_INVALID, "%s", err_text(&e));
		return;
	}
	if (strcmp(op, "show") != 0) {
		write_start(a, &change_op);
		return;
	}
	b = pgbatch_new();
	p = pgparam_text(c->name);
	pgbatch_add(b, &show, &p);
	api_query(a, &b, on_shown);
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
	if (brand == NULL && partner == NULL && c->numbers == NULL)
		return err_set(e, ERR_INVALID,
			       "give brand, partner_id or numbers");
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

static void
on_shown(struct api *a, const struct pgresult *r, size_t n)
{
	const struct company_change *c = a->data;

	if (pgresult_rows(&r[0]) == 0)
		api_fail(a, FAULT_NO_SITE, "no company is named \"%s\"",
			 c->name);
	else
		api_answer(a, 200, pgresult_bytes(&r[0], 0, 0));
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
	out->content = span_of(
	    arena_span(a->arena, pgresult_bytes(&r[1], 0, 0)));
}
