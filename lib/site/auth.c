/*
 *   auth_start --query--> on_account --+--> known, token: fn
 *                                      |
 *                                      +--> check --scrypt--> on_checked --> fn
 *
 * Requests with the same password at the same time share one check: after a
 * fail-over the other site remembers nothing and everybody comes at once.
 */
#include "site/auth.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/token.h"
#include "io/httpd.h"
#include "io/work.h"
#include "site/api.h"
#include "site/auth_check.h"
#include "site/auth_memory.h"
#include "site/record.h"
#include "site/record_columns.h"
#include "site/site.h"

#define MODULE "auth"

struct auth {
	struct api *api;
	auth_fn *fn;
	auth_hash_fn *hashed;
	struct auth_credentials given;
	struct auth_check *check; /* a password is being verified */
	struct work *hash;        /* or a new one hashed */
	int64_t credentials_no;   /* that the token was made for */
	bool token;
};

struct hash_job {
	char *password;
	char hash[CRYPTO_SCRYPT_SIZE];
};

#define ACCOUNT_AND_COMPANY                                           \
	"SELECT " RECORD_COLUMNS(RECORD_ACCOUNT) ", " RECORD_COLUMNS( \
	    RECORD_COMPANY)
#define COMPANY_COLUMN RECORD_WIDTH(RECORD_ACCOUNT)
#define REVOKED_COLUMN (COMPANY_COLUMN + RECORD_WIDTH(RECORD_COMPANY))
#define FROM_COMPANY(join)                                             \
	" FROM company c " join                                        \
	" WHERE ($1::text IS NULL OR c.gsb_key_name = lower($1)) AND " \
	"($2::bigint IS NULL OR c.site_id = $2) ORDER BY c.created LIMIT 1"

static const struct pgstmt by_webexid = {
	.name = "auth_by_webexid",
	.sql = ACCOUNT_AND_COMPANY FROM_COMPANY(
	    "LEFT JOIN account a ON a.company_id = c.id AND "
	    "a.gsb_key_webexid = lower($3)"),
	.nparams = 3,
};

static const struct pgstmt by_email = {
	.name = "auth_by_email",
	.sql = ACCOUNT_AND_COMPANY FROM_COMPANY(
	    "LEFT JOIN account a ON a.company_id = c.id AND "
	    "a.gsb_key_email = lower($3)"),
	.nparams = 3,
};

static const struct pgstmt by_company = {
	.name = "auth_company",
	.sql = "SELECT " RECORD_COLUMNS(RECORD_COMPANY) FROM_COMPANY(""),
	.nparams = 2,
};

static const struct pgstmt by_token = {
	.name = "auth_by_token",
	.sql = ACCOUNT_AND_COMPANY
	", EXISTS (SELECT FROM revocation r WHERE r.id = $3) "
	"FROM account a JOIN company c ON c.id = a.company_id "
	"WHERE a.id = $1 AND a.company_id = $2",
	.nparams = 3,
};

static struct auth *auth_new(struct api *a, const struct auth_credentials *c);
static void start_password(struct auth *u);
static void start_token(struct auth *u, const char *kind, const char *token);
static void on_company(struct api *a, const struct pgresult *r, size_t n);
static void on_account(struct api *a, const struct pgresult *r, size_t n);
static bool company_refused(struct auth *u);
static void verify(struct auth *u);
static void on_checked(void *ctx, bool right);
static void passed(struct auth *u);
static void run_hash(void *job);
static void on_hashed(void *ctx, void *job);
static void free_hash(void *job);

void
auth_start(struct api *a, const struct auth_credentials *c, auth_fn *fn)
{
	struct auth *u = auth_new(a, c);

	u->fn = fn;
	if (c->ticket != NULL)
		start_token(u, AUTH_TICKET, c->ticket);
	else if (c->bearer != NULL)
		start_token(u, AUTH_BEARER, c->bearer);
	else
		start_password(u);
}

static struct auth *
auth_new(struct api *a, const struct auth_credentials *c)
{
	struct auth *u = mem_new(struct auth);

	assert(a->auth == NULL);
	u->api = a;
	if (c != NULL)
		u->given = *c;
	a->auth = u;
	return u;
}

void
auth_cancel(struct auth **up)
{
	struct auth *u = *up;

	*up = NULL;
	if (u == NULL)
		return;
	auth_check_cancel(&u->check);
	work_cancel(&u->hash);
	mem_free(u);
}

static void
site_params(const struct auth_credentials *c, struct pgparam *p)
{
	p[0] = pgparam_text(c->site_name);
	p[1] = c->site_id > 0 ? pgparam_int(c->site_id) : pgparam_null();
}

static void
start_password(struct auth *u)
{
	const struct auth_credentials *c = &u->given;
	const char *name = c->webexid != NULL ? c->webexid : c->email;
	struct pgbatch *b;
	struct pgparam p[3];

	if (c->site_name == NULL && c->site_id <= 0) {
		api_fail(u->api, FAULT_NO_SITE, "No site is named");
		return;
	}
	if (name == NULL || c->password == NULL) {
		api_fail(u->api, FAULT_UNAUTHENTICATED, NULL);
		return;
	}
	b = pgbatch_new();
	site_params(c, p);
	p[2] = pgparam_text(name);
	pgbatch_add(b, c->webexid != NULL ? &by_webexid : &by_email, p);
	api_query(u->api, &b, on_account);
}

/* Payload of our tokens: "COMPANY ACCOUNT CREDENTIALS_NO ID". */
static void
start_token(struct auth *u, const char *kind, const char *token)
{
	struct span part[4] = { 0 };
	STRBUF_AUTO payload = { 0 };
	struct pgparam p[3];
	struct pgbatch *b;
	struct span rest;
	struct err e = { 0 };

	if (token_read(u->api->site->keys, kind, span_of(token),
		       clock_wall_us() / 1000000, &payload, &e) < 0) {
		api_fail(u->api, FAULT_TICKET, NULL);
		return;
	}
	rest = strbuf_span(&payload);
	for (size_t i = 0; i < 4; i++)
		span_cut(&rest, ' ', &part[i]);
	if (span_to_i64(part[2], &u->credentials_no) < 0 || part[3].len == 0) {
		api_fail(u->api, FAULT_TICKET, NULL);
		return;
	}
	u->token = true;
	b = pgbatch_new();
	p[0] = pgparam_span(part[1]);
	p[1] = pgparam_span(part[0]);
	p[2] = pgparam_span(part[3]);
	pgbatch_add(b, &by_token, p);
	api_query(u->api, &b, on_account);
}

void
auth_company(struct api *a, const struct auth_credentials *c, auth_fn *fn)
{
	struct auth *u = auth_new(a, c);
	struct pgbatch *b;
	struct pgparam p[2];

	u->fn = fn;
	if (c->site_name == NULL && c->site_id <= 0) {
		api_fail(a, FAULT_NO_SITE, "No site is named");
		return;
	}
	b = pgbatch_new();
	site_params(c, p);
	pgbatch_add(b, &by_company, p);
	api_query(a, &b, on_company);
}

static void
on_company(struct api *a, const struct pgresult *r, size_t n)
{
	struct auth *u = a->auth;

	if (pgresult_rows(r) == 0) {
		api_fail(a, FAULT_NO_SITE, NULL);
		return;
	}
	a->company = record_company(a, r, 0, 0);
	if (!company_refused(u))
		passed(u);
}

static void
on_account(struct api *a, const struct pgresult *r, size_t n)
{
	struct auth *u = a->auth;
	struct account *who;

	if (pgresult_rows(r) == 0) {
		api_fail(a, u->token ? FAULT_TICKET : FAULT_NO_SITE, NULL);
		return;
	}
	who = arena_make(a->arena, struct account);
	record_account(a, r, 0, who);
	a->company = record_company(a, r, 0, COMPANY_COLUMN);
	if (company_refused(u))
		return;
	if (who->id == NULL) {
		api_fail(a, FAULT_NO_USER, NULL);
		return;
	}
	a->who = who;
	if (!u->token) {
		verify(u);
		return;
	}
	if (pgresult_bool(r, 0, REVOKED_COLUMN) ||
	    who->credentials_no != u->credentials_no ||
	    (u->given.webexid != NULL &&
	     !span_iis(span_of(who->webexid), u->given.webexid)))
		api_fail(a, FAULT_TICKET, NULL);
	else
		passed(u);
}

/* True: it has been answered. */
static bool
company_refused(struct auth *u)
{
	const struct company *c = u->api->company;
	const struct auth_credentials *g = &u->given;

	if (c->disabled ||
	    (g->site_name != NULL &&
	     !span_iis(span_of(c->name), g->site_name)) ||
	    (g->partner_id != NULL && g->partner_id[0] != '\0' &&
	     c->partner_id[0] != '\0' &&
	     strcmp(g->partner_id, c->partner_id) != 0)) {
		api_fail(u->api, FAULT_NO_SITE, NULL);
		return true;
	}
	return false;
}

static void
verify(struct auth *u)
{
	struct api *a = u->api;
	struct auth_memory *m = a->site->memory;
	struct auth_check_of of = { .password = u->given.password,
				    .stored = a->who->password_hash };

	if (auth_memory_locked(m, a->who->id, a->address, clock_mono_us())) {
		api_fail(a, FAULT_LOCKED, NULL);
		return;
	}
	auth_memory_key(m, a->who->id, a->who->credentials_no,
			u->given.password, of.key);
	if (auth_memory_knows(m, of.key, clock_mono_us())) {
		passed(u);
		return;
	}
	u->check = auth_check_start(a->site->checks, &of, on_checked, u);
}

static void
on_checked(void *ctx, bool right)
{
	struct auth *u = ctx;
	struct api *a = u->api;
	struct auth_memory *m = a->site->memory;

	u->check = NULL;
	if (!right) {
		auth_memory_failed(m, a->who->id, a->address, clock_mono_us());
		log_info(MODULE, "account=%s address=%s refused=password",
			 a->who->id, a->address);
		api_fail(a, FAULT_PASSWORD, NULL);
		return;
	}
	auth_memory_passed(m, a->who->id, a->address);
	passed(u);
}

static void
passed(struct auth *u)
{
	struct api *a = u->api;
	auth_fn *fn = u->fn;

	auth_cancel(&a->auth);
	if (a->who != NULL && strcmp(a->who->active, "active") != 0)
		api_fail(a,
			 strcmp(a->who->active, "locked") == 0 ? FAULT_LOCKED
							       : FAULT_INACTIVE,
			 NULL);
	else
		fn(a);
}

void
auth_http(struct api *a, auth_fn *fn)
{
	struct span field = httpd_field(a->http, "Authorization");
	struct auth_credentials c = { 0 };

	if (field.len < 7 ||
	    !span_ieq(span_make(field.at, 7), span_of("Bearer "))) {
		api_fail(a, FAULT_UNAUTHENTICATED, NULL);
		return;
	}
	field = span_trim(span_skip(field, 7));
	if (span_starts(field, AUTH_TICKET "."))
		c.ticket = arena_span(a->arena, field);
	else
		c.bearer = arena_span(a->arena, field);
	auth_start(a, &c, fn);
}

void
auth_token(const struct api *a, const char *kind, int64_t ttl_s,
	   struct strbuf *out)
{
	STRBUF_AUTO payload = { 0 };
	char id[CRYPTO_UUID_SIZE];

	strbuf_addf(&payload, "%s %s %lld %s", a->company->id, a->who->id,
		    (long long)a->who->credentials_no, crypto_uuid4(id));
	token_make(a->site->keys, kind, strbuf_span(&payload),
		   clock_wall_us() / 1000000 + ttl_s, out);
}

void
auth_hash(struct api *a, const char *password, auth_hash_fn *fn)
{
	struct auth *u = auth_new(a, NULL);
	struct hash_job job = { .password = mem_strdup(password) };

	u->hashed = fn;
	u->hash = work_start(run_hash, &job, sizeof(job), free_hash, on_hashed,
			     u);
}

static void
run_hash(void *arg)
{
	struct hash_job *job = arg;

	crypto_scrypt_hash(NULL, span_of(job->password), job->hash);
}

static void
on_hashed(void *ctx, void *arg)
{
	struct auth *u = ctx;
	struct api *a = u->api;
	struct hash_job *job = arg;
	auth_hash_fn *fn = u->hashed;
	const char *hash = arena_strdup(a->arena, job->hash);

	u->hash = NULL;
	auth_cancel(&a->auth);
	fn(a, hash);
}

static void
free_hash(void *arg)
{
	struct hash_job *job = arg;

	explicit_bzero(job->password, strlen(job->password));
	mem_free(job->password);
}
