#include "site/auth_lock.h"

#include "base/crypto.h"
#include "site/api.h"
#include "site/made.h"
#include "site/record.h"

#define ADDRESS_MAX 64 /* of the column */

/* clang-format off */
static const struct pgstmt failed = {
	.name = "auth_lock_failed",
	.sql =
	"INSERT INTO login_failure AS f (id, company_id, account_id, address, "
	"failures, last) VALUES ($1, $2, $3, $4, 1, now()) ON CONFLICT (id) "
	"DO UPDATE SET failures = CASE WHEN f.last < now() - " AUTH_LOCK_WINDOW
	" THEN 1 ELSE f.failures % 1000000 + 1 END, last = now()",
	.nparams = 4,
};

/* Right guesses that were under way while it was locked stay unknown. */
static const struct pgstmt passed = {
	.name = "auth_lock_passed",
	.sql =
	"UPDATE login_failure SET failures = 0 WHERE id = $1 AND failures > 0 "
	"AND (failures < " AUTH_LOCK_FAILURES " OR last < now() - "
	AUTH_LOCK_WINDOW ")",
	.nparams = 1,
};

static const struct pgstmt look = {
	.name = "auth_lock_look",
	.sql =
	"SELECT failures >= " AUTH_LOCK_FAILURES " AND last > now() - "
	AUTH_LOCK_WINDOW " FROM login_failure WHERE id = $1",
	.nparams = 1,
};

static const struct pgstmt purge = {
	.name = "auth_lock_purge",
	.sql =
	"DELETE FROM login_failure WHERE id IN (SELECT id FROM login_failure "
	"WHERE last < now() - interval '1 day' ORDER BY last LIMIT $1::bigint)",
	.nparams = 1,
};
/* clang-format on */

static void
begin(struct pgbatch *b)
{
	pgbatch_add_sql(b, "BEGIN");
	pgbatch_add_sql(b, "SET LOCAL synchronous_commit TO local");
}

static struct pgparam
address(const struct api *a)
{
	struct span text = span_of(a->address);

	return pgparam_span(span_make(
	    text.at, text.len < ADDRESS_MAX ? text.len : ADDRESS_MAX));
}

static void
row_id(const struct api *a, const char *of, char out[static CRYPTO_UUID_SIZE])
{
	struct made_from from = { .company = a->company->id,
				  .account = of,
				  .operation = "login_failure",
				  .key = a->address };

	made_uuid(&from, out);
}

/* And the look behind it. */
static size_t
add(const struct pgstmt *s, const struct pgparam *p, struct pgbatch *b)
{
	size_t index;

	begin(b);
	pgbatch_add(b, s, p);
	index = pgbatch_add(b, &look, p);
	pgbatch_commit(b);
	return index;
}

size_t
auth_lock_add_failed(const struct api *a, const char *of, struct pgbatch *b)
{
	char id[CRYPTO_UUID_SIZE];
	struct pgparam p[4];

	row_id(a, of, id);
	p[0] = pgparam_text(id);
	p[1] = pgparam_text(a->company->id);
	p[2] = pgparam_text(of);
	p[3] = address(a);
	return add(&failed, p, b);
}

size_t
auth_lock_add_passed(const struct api *a, const char *of, struct pgbatch *b)
{
	char id[CRYPTO_UUID_SIZE];
	struct pgparam p;

	row_id(a, of, id);
	p = pgparam_text(id);
	return add(&passed, &p, b);
}

bool
auth_lock_is(const struct pgresult *r)
{
	return pgresult_rows(r) > 0 && pgresult_bool(r, 0, 0);
}

size_t
auth_lock_add_purge(struct pgbatch *b)
{
	struct pgparam p = pgparam_int(AUTH_LOCK_PURGE);

	return pgbatch_add(b, &purge, &p);
}
