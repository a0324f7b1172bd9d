/*
 *   auth_start --query--> on_account --+--> known, token: fn
 *                                      |
 *                                      +--> check --scrypt--> on_checked
 *                                           right: on_unlocked --> fn
 *   wrong, or a token that ended: write_replay, on_unknown --> on_counted
 *
 * Requests with the same password at the same time share one check: after a
 * fail-over the other site remembers nothing and everybody comes at once.
 */
#include "site/auth.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/token.h"
#include "io/httpd.h"
#include "site/api.h"
#include "site/auth_check.h"
#include "site/auth_lock.h"
#include "site/auth_memory.h"
#include "site/rate.h"
#include "site/record.h"
#include "site/record_columns.h"
#include "site/site.h"
#include "site/write.h"

#define MODULE "auth"

struct auth {
	struct api *api;
	auth_fn *fn;
	struct auth_credentials given;
	struct auth_check *check; /* a password is being verified */
	struct pgreq *count;      /* a failure counted, a lock looked at */
	size_t lock;              /* index of the latter */
	enum fault fault;         /* that it is refused with */
	int64_t credentials_no;   /* that the token was made for */
	bool token;
};

#define ACCOUNT_AND_COMPANY                                           \
	"SELECT " RECORD_COLUMNS(RECORD_ACCOUNT) ", " RECORD_COLUMNS( \
	    RECORD_COMPANY)
#define COMPANY_COLUMN RECORD_WIDTH(RECORD_ACCOUNT)
#define REVOKED_COLUMN (COMPANY_COLUMN + RECORD_WIDTH(RECORD_COMPANY))
#define LOCKED_COLUMN REVOKED_COLUMN

/*
 * $1 name or number of the site, $2 partner: decides between those of one
 * number. Two rows: it would have had to. $3 log-in, $4 address.
 */
#define SITE_NAME "c.gsb_key_name = lower($1)"
#define SITE_ID "c.site_id = $1::bigint"
#define WHERE(site)                                                         \
	" WHERE " site " AND ($2::text IS NULL OR c.partner_id = '' OR "    \
	"c.partner_id = $2) ORDER BY (c.partner_id = $2) DESC NULLS LAST, " \
	"c.created, c.id LIMIT 2"
#define BY_LOGIN(key, site)                                               \
	ACCOUNT_AND_COMPANY                                               \
	", " AUTH_LOCK_SQL("$4") " FROM company c "                       \
				 "LEFT JOIN account a ON a.company_id = " \
				 "c.id AND a.gsb_key_" key                \
				 " = lower($3)" WHERE(site)

/* clang-format off */
#define COMPANY_BY(site) \
	"SELECT " RECORD_COLUMNS(RECORD_COMPANY) " FROM company c" WHERE(site)

/* [by e-mail][by number] */
static const struct pgstmt by_login[2][2] = {
	{
	    { "auth_webexid_name", BY_LOGIN("webexid", SITE_NAME), 4, NULL,
	      false },
	    { "auth_webexid_id", BY_LOGIN("webexid", SITE_ID), 4, NULL, false },
	},
	{
	    { "auth_email_name", BY_LOGIN("email", SITE_NAME), 4, NULL, false },
	    { "auth_email_id", BY_LOGIN("email", SITE_ID), 4, NULL, false },
	}
};
static const struct pgstmt by_company[2] = {
	{ "auth_company_name", COMPANY_BY(SITE_NAME), 2, NULL, false },
	{ "auth_company_id", COMPANY_BY(SITE_ID), 2, NULL, false },
};
/* clang-format on */

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
static bool company_refused(struct auth *u, const struct pgresult *r);
static void verify(struct auth *u, bool locked);
static void on_checked(void *ctx, bool right);
static void on_unlocked(void *ctx, const struct pgresult *r, size_t n,
			const struct err *err);
static void refuse(struct auth *u, enum fault fault);
static void on_unknown(struct api *a);
static void on_counted(void *ctx, const struct pgresult *r, size_t n,
		       const struct err *err);
static void passed(struct auth *u);

void
auth_start(struct api *a, const struct auth_credentials *c, auth_fn *fn)
{
	struct auth *u = auth_new(a, c);

	u->fn = fn;
	if (c->ticket != NULL)
		start_token(u, AUTH_TICKET, c->ticket);
	else if (c->bearer != NULL)
		start_token(u, AUTH_BEARER, c->bearer);
	else if (c->session != NULL)
		start_token(u, AUTH_SESSION, c->session);
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
	pgpool_cancel(&u->count);
	mem_free(u);
}

static bool
is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static void
site_params(const struct auth_credentials *c, struct pgparam *p)
{
	p[0] = c->site_name != NULL ? pgparam_text(c->site_name)
				    : pgparam_int(c->site_id);
	p[1] = pgparam_text(is_given(c->partner_id) ? c->partner_id : NULL);
}

static void
start_password(struct auth *u)
{
	const struct auth_credentials *c = &u->given;
	const char *name = c->webexid != NULL ? c->webexid : c->email;
	struct pgbatch *b;
	struct pgparam p[4];

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
	p[3] = pgparam_text(u->api->address);
	pgbatch_quick(b);
	pgbatch_add(b, &by_login[c->webexid == NULL][c->site_name == NULL], p);
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
	u->api->token_expiry_s = auth_token_expiry(span_of(token));
	b = pgbatch_new();
	p[0] = pgparam_span(part[1]);
	p[1] = pgparam_span(part[0]);
	p[2] = pgparam_span(part[3]);
	pgbatch_quick(b);
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
	pgbatch_quick(b);
	pgbatch_add(b, &by_company[c->site_name == NULL], p);
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
	if (!api_is_elsewhere(a) && !company_refused(u, r))
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
	if (api_is_elsewhere(a) || company_refused(u, r))
		return;
	if (who->id == NULL) {
		refuse(u, FAULT_NO_USER);
		return;
	}
	a->who = who;
	if (!u->token) {
		verify(u, pgresult_bool(r, 0, LOCKED_COLUMN));
		return;
	}
	if (pgresult_bool(r, 0, REVOKED_COLUMN) ||
	    who->credentials_no != u->credentials_no ||
	    (u->given.webexid != NULL &&
	     !span_iis(span_of(who->webexid), u->given.webexid)))
		refuse(u, FAULT_TICKET);
	else
		passed(u);
}

/* True: it has been answered. */
static bool
company_refused(struct auth *u, const struct pgresult *r)
{
	const struct company *c = u->api->company;
	const struct auth_credentials *g = &u->given;

	if (!u->token && g->site_name == NULL && !is_given(g->partner_id) &&
	    pgresult_rows(r) > 1) {
		api_fail(u->api, FAULT_NO_SITE,
			 "siteID %lld is that of several: give partnerID",
			 (long long)g->site_id);
		return true;
	}
	if (c->disabled || (g->site_id > 0 && g->site_id != c->site_id) ||
	    (g->site_name != NULL &&
	     !span_iis(span_of(c->name), g->site_name)) ||
	    (is_given(g->partner_id) && is_given(c->partner_id) &&
	     strcmp(g->partner_id, c->partner_id) != 0)) {
		api_fail(u->api, FAULT_NO_SITE, NULL);
		return true;
	}
	return false;
}

static void
verify(struct auth *u, bool locked)
{
	struct api *a = u->api;
	struct auth_memory *m = a->site->memory;
	struct auth_check_of of = { .password = u->given.password,
				    .stored = a->who->password_hash };

	if (locked) {
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
	struct pgbatch *b;

	u->check = NULL;
	if (!right) {
		log_info(MODULE, "account=%s address=%s refused=password",
			 a->who->id, a->address);
		refuse(u, FAULT_PASSWORD);
		return;
	}
	b = pgbatch_new();
	u->lock = auth_lock_add_passed(a, a->who->id, b);
	u->count = pgpool_run(a->site->pool, &b, a->deadline_ms, on_unlocked,
			      u);
}

static void
on_unlocked(void *ctx, const struct pgresult *r, size_t n,
	    const struct err *err)
{
	struct auth *u = ctx;
	struct api *a = u->api;

	u->count = NULL;
	if (err != NULL)
		api_unprocessed(a, 503, err_text(err));
	else if (auth_lock_is(&r[u->lock]))
		api_fail(a, FAULT_LOCKED, NULL);
	else
		passed(u);
}

/* Unless this very request has changed by what he is known. */
static void
refuse(struct auth *u, enum fault fault)
{
	struct span method = httpd_method(u->api->http);

	if (u->given.session != NULL) {
		u->api->who = NULL;
		passed(u);
		return;
	}
	u->fault = fault;
	if (span_is(method, "GET") || span_is(method, "HEAD"))
		on_unknown(u->api);
	else
		write_replay(u->api, on_unknown);
}

static void
on_unknown(struct api *a)
{
	struct auth *u = a->auth;
	struct pgbatch *b = NULL;

	if (u->fault != FAULT_PASSWORD) {
		api_fail(a, u->fault, NULL);
		return;
	}
	b = pgbatch_new();
	(void)auth_lock_add_failed(a, a->who->id, b);
	u->count = pgpool_run(a->site->pool, &b, a->deadline_ms, on_counted, u);
}

static void
on_counted(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct auth *u = ctx;
	struct api *a = u->api;

	u->count = NULL;
	if (err != NULL)
		api_unprocessed(a, 503,
				err_text(err)); /* a guess tells nothing */
	else
		api_fail(a, FAULT_PASSWORD, NULL);
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
	else if (a->who != NULL &&
		 !rate_take(a->site->rate, a->who->id, clock_mono_us()))
		api_fail(a, FAULT_TOO_MANY, NULL);
	else
		fn(a);
}
