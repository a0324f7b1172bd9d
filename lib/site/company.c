/*
 * A new company and its first administrator, one transaction. Ids are made
 * from the name alone: added on both sites it is one company.
 */
#include <ctype.h>
#include <string.h>

#include "site/made.h"
#include "site/password.h"
#include "site/record.h"
#include "site/signed.h"
#include "site/store_inner.h"

#define OPERATION "company.add"

struct company_add {
	const char *name;
	int64_t site_id;
	const char *partner_id, *admin, *email, *password;
	char company[CRYPTO_UUID_SIZE];
	char account[CRYPTO_UUID_SIZE];
	const char *fields; /* of the administrator */
};

/* $1 name, $2 site id, $3 partner: two companies may share a number that
 * different partners gave them. */
#define TAKEN                                                            \
	"SELECT name FROM company WHERE gsb_key_name = lower($1) OR "    \
	"(site_id = $2::bigint AND (partner_id = $3 OR partner_id = '' " \
	"OR $3 = '')) LIMIT 1"

static const struct pgstmt find = {
	.name = "company_find",
	.sql = TAKEN,
	.nparams = 3,
};

/* Nothing happens if the company is there: the rendering says so. */
static const struct pgstmt insert = {
	.name = "company_insert",
	.sql = "INSERT INTO company (name, site_id, partner_id, id) "
	       "SELECT $1::varchar, $2::bigint, $3::varchar, $4::uuid WHERE "
	       "NOT EXISTS (" TAKEN ")",
	.nparams = 4,
};

static int read_add(const json_t *body, struct arena *arena,
		    struct company_add *c, struct err *e);
static int check_add(const struct company_add *c, struct err *e);
static void on_hash(struct api *a, const char *hash);
static void fill(struct api *a, struct pgbatch *b);
static void render(struct api *a, const struct pgresult *r, size_t n,
		   struct write_answer *out);

static const struct write_op op = {
	.name = OPERATION,
	.fill = fill,
	.render = render,
	.conflict = "a company of that name exists",
};

void
signed_company_add(struct api *a)
{
	struct company_add *c = arena_make(a->arena, struct company_add);
	struct err e = { 0 };
	int rc = read_add(a->body, a->arena, c, &e);

	if (rc < 0 || check_add(c, &e) < 0) {
		api_fail(a, FAULT_INVALID, "%s", err_text(&e));
		return;
	}
	a->data = c;
	password_hash(a, c->password, on_hash);
}

static int
read_add(const json_t *body, struct arena *arena, struct company_add *c,
	 struct err *e)
{
	const char *name, *admin, *password;
	const char *partner = NULL, *email = NULL;

	if (json_need_str(body, "name", &name, e) < 0 ||
	    json_need_int(body, "site_id", &c->site_id, e) < 0 ||
	    json_get_str(body, "partner_id", &partner, e) < 0 ||
	    json_need_str(body, "admin", &admin, e) < 0 ||
	    json_get_str(body, "email", &email, e) < 0 ||
	    json_need_str(body, "password", &password, e) < 0)
		return -1;
	c->name = arena_strdup(arena, name);
	c->partner_id = arena_strdup(arena, partner != NULL ? partner : "");
	c->admin = arena_strdup(arena, admin);
	c->password = arena_strdup(arena, password);
	if (email != NULL)
		c->email = arena_strdup(arena, email);
	else if (strchr(admin, '@') != NULL)
		c->email = c->admin;
	else
		c->email = arena_printf(arena, "%s@%s.invalid", admin, name);
	return 0;
}

static int
check_add(const struct company_add *c, struct err *e)
{
	static const char *const taken[] = { "gsb", "v1", "wbxservice", NULL };
	size_t len = strlen(c->name);
	size_t i = 0;

	while (i < len && (isalnum((unsigned char)c->name[i]) ||
			   (i > 0 && c->name[i] == '-')))
		i++;
	if (len == 0 || len > 63 || i < len)
		return err_set(e, ERR_INVALID,
			       "name must be 1 to 63 letters, digits and "
			       "hyphens and start with a letter or digit");
	for (i = 0; taken[i] != NULL; i++)
		if (strcasecmp(c->name, taken[i]) == 0)
			return err_set(e, ERR_INVALID,
				       "the name \"%s\" is reserved", c->name);
	if (c->site_id <= 0)
		return err_set(e, ERR_INVALID, "site_id must be positive");
	if (c->admin[0] == '\0' || strlen(c->admin) > 128)
		return err_set(e, ERR_INVALID,
			       "admin must have 1 to 128 characters");
	if (strlen(c->password) < 4)
		return err_set(e, ERR_INVALID,
			       "password must have at least 4 characters");
	return 0;
}

static void
on_hash(struct api *a, const char *hash)
{
	struct company_add *c = a->data;
	char *folded = arena_strdup(a->arena, c->name);
	struct made_from from = { .operation = OPERATION,
				  .key = folded,
				  .entity = "company" };
	json_t *fields = json_object();

	for (char *at = folded; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	made_uuid(&from, c->company);
	from.entity = "admin";
	made_uuid(&from, c->account);
	json_put_str(fields, "webexid", c->admin);
	json_put_str(fields, "email", c->email);
	json_put_str(fields, "password_hash", hash);
	json_put_bool(fields, "site_admin", true);
	c->fields = store_fields(a, fields);
	write_start(a, &op);
}

static void
fill(struct api *a, struct pgbatch *b)
{
	const struct company_add *c = a->data;
	const struct pgparam add[] = { pgparam_text(c->name),
				       pgparam_int(c->site_id),
				       pgparam_text(c->partner_id),
				       pgparam_text(c->company) };
	const struct store_new admin = { .id = c->account,
					 .company_id = c->company,
					 .fields = c->fields };

	pgbatch_add(b, &find, add);
	pgbatch_add(b, &insert, add);
	store_account_add(b, &admin);
}

static void
render(struct api *a, const struct pgresult *r, size_t n,
       struct write_answer *out)
{
	const struct company_add *c = a->data;
	json_t *doc;

	if (pgresult_rows(&r[0]) > 0) {
		out->refused = true;
		out->fault = FAULT_CONFLICT;
		out->words = arena_printf(a->arena,
					  "company \"%s\" exists, or site id "
					  "%lld is taken by \"%s\"",
					  c->name, (long long)c->site_id,
					  pgresult_text(&r[0], 0, 0));
		return;
	}
	doc = json_object();
	json_put_str(doc, "name", c->name);
	out->content = span_of(store_fields(a, doc));
}
