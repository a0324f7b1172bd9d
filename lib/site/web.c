#include "site/web.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/field.h"
#include "http/url.h"
#include "io/httpd.h"
#include "io/httpd_large.h"
#include "io/timer.h"
#include "site/api.h"
#include "site/auth_lock.h"
#include "site/files_api.h"
#include "site/form.h"
#include "site/journal.h"
#include "site/jsonapi.h"
#include "site/lease.h"
#include "site/mail_sql.h"
#include "site/page.h"
#include "site/page_config.h"
#include "site/signed.h"
#include "site/site.h"
#include "site/snapshot.h"
#include "site/xmlapi.h"

#define MODULE "web"
#define REQUEST_MS 10000
#define PURGE_MS 60000
#define PURGE_AGAIN_MS 100 /* there was more than one batch of it */

struct web {
	struct site *site;
	struct httpd *httpd;
	struct timer *purge;   /* armed, */
	struct pgreq *purging; /* or under way */
	size_t purge_at;       /* index of its statement, */
	size_t purge_locks_at; /* of the one of failed log-ins, */
	size_t purge_mail_at;  /* and of who was told by mail */
};

static bool may_spool(void *ctx, struct httpd_req *req, struct err *e);
static void on_request(void *ctx, struct httpd_req *req);
static void on_gsb(struct site *s, struct httpd_req *req);
static void on_companies(struct site *s, struct httpd_req *req);
static bool is_change(const char *op);
static void on_api(struct site *s, struct httpd_req *req);
static bool admit(struct api *a);
static bool read_proxy_fields(struct api *a);
static bool read_key(struct api *a);
static void dispatch(struct api *a);
static struct span render(void *ctx, struct httpd_req *req, int status,
			  const char *why, const struct httpd_field **fields);
static const struct httpd_field *fields_of(const struct api *a);
static void on_purge(void *ctx);
static void on_purged(void *ctx, const struct pgresult *r, size_t n,
		      const struct err *err);

struct web *
web_open(struct site *s, struct err *e)
{
	struct web *w = mem_new(struct web);
	char *spool_dir = mem_printf("%s/files/tmp", s->conf->state_dir);
	struct httpd_spool spool = {
		.may = may_spool,
		.dir = spool_dir,
		.limit = (uint64_t)s->conf->web_upload_limit,
	};
	struct httpd_conf conf = {
		.listen = s->conf->web_listen,
		.body_limit = (uint64_t)s->conf->web_body_limit,
		.spool = &spool,
		.on_request = on_request,
		.render = render,
		.ctx = w,
	};

	w->site = s;
	w->httpd = httpd_open(&conf, e);
	mem_free(spool_dir);
	if (w->httpd == NULL) {
		mem_free(w);
		return NULL;
	}
	w->purge = timer_start(PURGE_MS, on_purge, w);
	log_info(MODULE, "listen=%s port=%u", conf.listen,
		 httpd_port(w->httpd));
	return w;
}

void
web_close(struct web **wp)
{
	struct web *w = *wp;
	struct api *a;

	*wp = NULL;
	if (w == NULL)
		return;
	timer_cancel(&w->purge);
	pgpool_cancel(&w->purging);
	while ((a = TAILQ_FIRST(&w->site->requests)) != NULL)
		api_free(&a);
	httpd_close(&w->httpd);
	mem_free(w);
}

void
web_drain(struct web *w, void (*on_drained)(void *ctx), void *ctx)
{
	httpd_drain(w->httpd, on_drained, ctx);
}

static bool
may_spool(void *ctx, struct httpd_req *req, struct err *e)
{
	struct web *w = ctx;

	return files_api_may_spool(w->site, req, e) ||
	       page_config_may_spool(w->site, req, e);
}

static void
on_request(void *ctx, struct httpd_req *req)
{
	struct web *w = ctx;

	if (span_starts(httpd_path(req), "/gsb/"))
		on_gsb(w->site, req);
	else
		on_api(w->site, req);
}

static void
on_gsb(struct site *s, struct httpd_req *req)
{
	struct span path = httpd_path(req);
	JSON_AUTO body = NULL;

	if (!span_is(httpd_method(req), "POST")) {
		lease_refuse(req, 405, "the method is not allowed");
		return;
	}
	if (span_is(path, "/gsb/lease")) {
		lease_handle(s, s->web_gate, req);
	} else if (span_is(path, "/gsb/barrier")) {
		body = signed_read(s, req);
		if (body != NULL)
			signed_barrier(s, req, body);
	} else if (span_is(path, "/gsb/snapshot")) {
		snapshot_handle(s->snapshot, req);
	} else if (span_is(path, "/gsb/companies")) {
		on_companies(s, req);
	} else {
		lease_refuse(req, 404, "no such path");
	}
}

static void
on_companies(struct site *s, struct httpd_req *req)
{
	json_t *body = signed_read(s, req);
	const char *op = "";
	struct api *a;

	if (body == NULL)
		return;
	json_get_str(body, "op", &op, NULL);
	if (strcmp(op, "list") == 0) {
		json_decref(body);
		signed_companies(s, req);
		return;
	}
	if (!is_change(op)) {
		json_decref(body);
		lease_refuse(req, 400,
			     "op must be \"list\", \"add\", \"show\", "
			     "\"set\", \"suspend\", \"resume\" or "
			     "\"delete\"");
		return;
	}
	a = api_new(s, req);
	a->form = &form_json;
	a->body = body;
	if (!admit(a))
		return;
	if (strcmp(op, "add") == 0)
		signed_company_add(a);
	else
		signed_company_change(a, op);
}

static bool
is_change(const char *op)
{
	static const char *const ops[] = { "add",     "show",   "set",
					   "suspend", "resume", "delete" };

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (strcmp(op, ops[i]) == 0)
			return true;
	return false;
}

static void
on_api(struct site *s, struct httpd_req *req)
{
	struct api *a = api_new(s, req);
	struct span path = httpd_path(req);

	a->form = &form_page;
	if (span_starts(path, "/v1/") || span_is(path, "/v1"))
		a->form = &form_json;
	else if (span_starts(path, "/WBXService/"))
		a->form = &xmlapi_form;
	if (admit(a))
		dispatch(a);
}

/* The gate before anything is touched. False: it has been answered. */
static bool
admit(struct api *a)
{
	uint8_t raw[8];
	STRBUF_AUTO hex = { 0 };

	a->deadline_ms = clock_mono_ms() + REQUEST_MS;
	if (!read_proxy_fields(a)) {
		crypto_random(raw, sizeof(raw));
		crypto_hex(span_make((const char *)raw, sizeof(raw)), &hex);
		a->tracking = arena_printf(a->arena, "GSB_%.*s",
					   SPAN_ARG(strbuf_span(&hex)));
		api_unprocessed(a, 421, "it came past the proxy");
		return false;
	}
	if (!gate_holds(a->site->web_gate, a->epoch)) {
		api_unprocessed(a, 421, "no lease for this epoch");
		return false;
	}
	return read_key(a);
}

static bool
read_proxy_fields(struct api *a)
{
	struct span stamp = httpd_field(a->http, "GSB-Request");
	struct span epoch = httpd_field(a->http, "GSB-Epoch");
	struct span from = httpd_field(a->http, "X-Forwarded-For");
	struct span id, first;

	if (span_to_i64(epoch, &a->epoch) < 0 ||
	    !span_is(httpd_field(a->http, "GSB-Site"), a->site->role->name) ||
	    !span_cut(&stamp, ';', &id) || id.len < 8 || id.len > 64 ||
	    span_to_i64(stamp, &a->stamp_us) < 0 || a->stamp_us < 0)
		return false;
	a->key = arena_span(a->arena, id);
	a->tracking = arena_printf(a->arena, "GSB_%s", a->key);
	a->address = httpd_peer(a->http);
	if (http_list_next(&from, &first))
		a->address = arena_span(a->arena, first);
	return http_value_valid(id);
}

/* The client's own key, on POST. False: it has been answered. */
static bool
read_key(struct api *a)
{
	struct span key = httpd_field(a->http, "Idempotency-Key");

	if (key.at == NULL || !span_is(httpd_method(a->http), "POST"))
		return true;
	if (key.len == 0 || key.len > 255) {
		api_fail(a, FAULT_INVALID,
			 "Idempotency-Key must have 1 to 255 characters");
		return false;
	}
	a->key = arena_printf(a->arena, "client:%.*s", SPAN_ARG(key));
	a->client_key = true;
	return true;
}

static void
dispatch(struct api *a)
{
	struct url_path *path = arena_make(a->arena, struct url_path);
	struct span raw = httpd_path(a->http);
	char *buf = arena_alloc(a->arena, raw.len + 1);
	struct err e = { 0 };

	if (url_path_parse(raw, buf, raw.len + 1, path, &e) < 0) {
		api_fail(a, FAULT_INVALID, "%s", err_text(&e));
		return;
	}
	if (url_path_is(path, 0, "v1")) {
		a->form = &form_json;
		jsonapi_handle(a, path);
	} else if (!url_path_is(path, 0, "WBXService")) {
		page_handle(a, path);
	} else if (path->n != 2 || !url_path_is(path, 1, "XMLService")) {
		api_fail(a, FAULT_NO_PAGE, NULL);
	} else if (!span_is(httpd_method(a->http), "POST")) {
		api_fail(a, FAULT_METHOD, NULL);
	} else {
		xmlapi_handle(a);
	}
}

/* What httpd itself refuses, in the form of the API that was called; there
 * is no request behind it, only its form. */
static struct span
render(void *ctx, struct httpd_req *req, int status, const char *why,
       const struct httpd_field **fields)
{
	struct web *w = ctx;
	struct span target = httpd_target(req);
	struct fault_row row = { .status = status, .text = why };
	struct api a = { .site = w->site,
			 .http = req,
			 .arena = httpd_arena(req),
			 .tracking = "-",
			 .form = &form_page };

	if (span_starts(target, "/v1/"))
		a.form = &form_json;
	else if (span_starts(target, "/WBXService/"))
		a.form = &xmlapi_form;
	*fields = fields_of(&a);
	return a.form->failure(&a, &row, why);
}

/* The same as of every other answer of this form (api.c). */
static const struct httpd_field *
fields_of(const struct api *a)
{
	const struct httpd_field *from = a->form->fields;
	const struct httpd_field *https = form_https(a->site);
	struct httpd_field *all;
	size_t n = 0;

	while (from[n].name != NULL)
		n++;
	all = arena_array(a->arena, struct httpd_field, n + 4);
	all[0].name = "X-GSB-Status";
	all[0].value = a->site->role->gsb_status;
	all[1].name = "Content-Type";
	all[1].value = a->form->content_type;
	memcpy(&all[2], from, n * sizeof(*from));
	if (https != NULL)
		all[2 + n] = *https;
	return all;
}

/* --- what is too old ---------------------------------------------------- */

/* By the site that serves; the other one hears of it by replication. */
static void
on_purge(void *ctx)
{
	struct web *w = ctx;
	struct pgbatch *b;

	w->purge = NULL;
	if (!gate_serving(w->site->web_gate)) {
		w->purge = timer_start(PURGE_MS, on_purge, w);
		return;
	}
	b = pgbatch_new();
	pgbatch_add_sql(b, "BEGIN");
	pgbatch_add_sql(b, "SET LOCAL synchronous_commit TO local");
	w->purge_at = journal_add_purge(b);
	w->purge_locks_at = auth_lock_add_purge(b);
	w->purge_mail_at = mail_sql_add_purge(b);
	pgbatch_commit(b);
	w->purging = pgpool_run(w->site->pool, &b, clock_mono_ms() + REQUEST_MS,
				on_purged, w);
}

static void
on_purged(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct web *w = ctx;
	bool more = err == NULL &&
		    (pgresult_affected(&r[w->purge_at]) >= JOURNAL_PURGE ||
		     pgresult_affected(&r[w->purge_locks_at]) >=
			 AUTH_LOCK_PURGE ||
		     pgresult_affected(&r[w->purge_mail_at]) >= MAIL_SQL_PURGE);

	w->purging = NULL;
	if (err != NULL)
		log_warn(MODULE, "what is too old is not purged: why=\"%s\"",
			 err_text(err));
	w->purge = timer_start(more ? PURGE_AGAIN_MS : PURGE_MS, on_purge, w);
}
