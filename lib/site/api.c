#include "site/api.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/httpd.h"
#include "io/loop.h"
#include "site/api_ahead.h"
#include "site/api_stream.h"
#include "site/auth.h"
#include "site/files.h"
#include "site/form.h"
#include "site/gate.h"
#include "site/password.h"
#include "site/record.h"
#include "site/site.h"
#include "site/write.h"

#define MODULE "api"

/* Fields that an answer may get, all sources together. */
#define FIELDS_MAX 16

struct reply {
	int status;
	struct span body;
	const struct httpd_field *extra; /* up to a NULL name; or NULL */
};

static void on_query(void *ctx, const struct pgresult *r, size_t n,
		     const struct err *err);
static bool gate_refuses(struct api *a);
static void fail_with(struct api *a, const struct fault_row *row, int status,
		      const char *text, const struct httpd_field *extra);
static void reply(struct api *a, const struct reply *r);

struct api *
api_new(struct site *s, struct httpd_req *http)
{
	struct arena *arena = httpd_arena(http);
	struct api *a = arena_make(arena, struct api);

	a->site = s;
	a->http = http;
	a->arena = arena;
	TAILQ_INSERT_TAIL(&s->requests, a, link);
	s->in_flight++;
	httpd_set_data(http, a);
	return a;
}

void
api_free(struct api **ap)
{
	struct api *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	pgpool_cancel(&a->query);
	if (a->ahead != NULL)
		loop_defer_cancel(&a->ahead->told);
	auth_cancel(&a->auth);
	password_cancel(&a->password);
	write_cancel(&a->write);
	files_cancel(&a->files);
	json_decref(a->body);
	TAILQ_REMOVE(&a->site->requests, a, link);
	a->site->in_flight--;
	httpd_set_data(a->http, NULL);
}

void
api_query(struct api *a, struct pgbatch **batch, api_done_fn *done)
{
	struct api_ahead *ahead = a->ahead;

	assert(a->query == NULL);
	a->done = done;
	if (ahead != NULL && ahead->state == API_AHEAD_NEW) {
		ahead->add(a, *batch);
		ahead->state = API_AHEAD_SENT;
	}
	a->query = pgpool_run(a->site->pool, batch, a->deadline_ms, on_query,
			      a);
}

static void
on_query(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct api *a = ctx;
	struct api_ahead *ahead = a->ahead;

	a->query = NULL;
	if (err != NULL) {
		api_fail_db(a, err);
		return;
	}
	if (ahead != NULL && ahead->state == API_AHEAD_SENT) {
		ahead->take(a, &r[--n]);
		ahead->state = API_AHEAD_TAKEN;
	}
	a->done(a, r, n);
}

static void
add(struct httpd_field *to, size_t *n, const struct httpd_field *from)
{
	for (; from != NULL && from->name != NULL; from++) {
		assert(*n < FIELDS_MAX - 1);
		to[(*n)++] = *from;
	}
}

void
api_answer(struct api *a, int status, struct span content)
{
	struct reply r = { .status = status };

	if (gate_refuses(a))
		return;
	r.body = a->form->answer(a, content);
	r.extra = a->extra;
	reply(a, &r);
}

void
api_answer_fields(struct api *a, int status, const struct httpd_field *fields,
		  const struct httpd_source *body)
{
	struct httpd_field own[] = {
		{ "X-GSB-Status", a->site->role->gsb_status },
		{ "trackingId", a->tracking },
		{ NULL, NULL },
	};
	struct httpd_field all[FIELDS_MAX] = { 0 };
	struct httpd_req *http = a->http;
	size_t n = 0;

	if (gate_refuses(a)) {
		if (body != NULL)
			body->fini(body->job);
		return;
	}
	add(all, &n, own);
	add(all, &n, form_https(a->site));
	add(all, &n, fields);
	api_free(&a);
	if (body != NULL)
		httpd_reply_source(http, status, all, body);
	else
		httpd_reply(http, status, all, (struct span){ 0 });
}

void
api_fail(struct api *a, enum fault f, const char *fmt, ...)
{
	static const struct httpd_field retry[] = { { "Retry-After", "1" },
						    { NULL, NULL } };
	const struct fault_row *row = fault_row(f);
	const char *text = row->text;
	char words[512];
	va_list ap;

	if (gate_refuses(a))
		return;
	if (fmt != NULL) {
		va_start(ap, fmt);
		vsnprintf(words, sizeof(words), fmt, ap);
		va_end(ap);
		text = words;
	}
	fail_with(a, row, a->form->failures_are_200 ? 200 : row->status, text,
		  row->status == 429 || row->status == 503 ? retry : NULL);
}

/* Redirects are fixed for an epoch, and so is who answers for a company. */
bool
api_is_elsewhere(struct api *a)
{
	const char *company = a->company != NULL ? a->company->name : "";
	const struct httpd_field fields[] = {
		{ "GSB-Not-Processed",
		  gate_site_for(a->site->web_gate, company) },
		{ NULL, NULL },
	};

	if (gate_is_for(a->site->web_gate, company))
		return false;
	a->no_answer = true;
	fail_with(a, fault_row(FAULT_UNAVAILABLE), 421,
		  fault_row(FAULT_UNAVAILABLE)->text, fields);
	return true;
}

/*
 * No answer leaves the site after the end of its lease. A write that has
 * happened is then an unknown outcome: the proxy sends the request again,
 * and the journal answers it.
 */
static bool
gate_refuses(struct api *a)
{
	if (gate_holds(a->site->web_gate, a->epoch))
		return !a->committed && api_is_elsewhere(a);
	if (a->committed)
		api_unknown(a, "the lease ended before the answer");
	else
		api_unprocessed(a, 421, "no lease for this epoch");
	return true;
}

void
api_fail_db(struct api *a, const struct err *why)
{
	const char *state = why->sqlstate;
	bool input = strncmp(state, "22", 2) == 0 ||
		     strcmp(state, "23502") == 0 || strcmp(state, "23514") == 0;
	bool away = why->code != ERR_REFUSED || strncmp(state, "08", 2) == 0 ||
		    strncmp(state, "40", 2) == 0 ||
		    strncmp(state, "53", 2) == 0 ||
		    strncmp(state, "55", 2) == 0 ||
		    strncmp(state, "57", 2) == 0;

	if (why->code == ERR_UNCERTAIN) {
		api_unknown(a, err_text(why));
		return;
	}
	if (away) {
		api_unprocessed(a, 503, err_text(why));
		return;
	}
	if (input) {
		api_fail(a, FAULT_INVALID, "%s", err_text(why));
		return;
	}
	log_error(MODULE, "tracking=%s sqlstate=%s why=\"%s\"", a->tracking,
		  state, err_text(why));
	api_fail(a, FAULT_INTERNAL, NULL);
}

void
api_unprocessed(struct api *a, int status, const char *why)
{
	static const struct httpd_field fields[] = {
		{ "GSB-Not-Processed", "1" },
		{ "Retry-After", "1" },
		{ NULL, NULL },
	};

	a->no_answer = true;
	log_debug(MODULE, "tracking=%s status=%d not-processed=\"%s\"",
		  a->tracking, status, why);
	fail_with(a, fault_row(FAULT_UNAVAILABLE), status,
		  fault_row(FAULT_UNAVAILABLE)->text, fields);
}

void
api_unknown(struct api *a, const char *why)
{
	static const struct httpd_field fields[] = {
		{ "GSB-Outcome", "unknown" },
		{ "Retry-After", "1" },
		{ NULL, NULL },
	};

	a->no_answer = true;
	log_warn(MODULE, "tracking=%s outcome=unknown why=\"%s\"", a->tracking,
		 why);
	fail_with(a, fault_row(FAULT_UNAVAILABLE), 503,
		  fault_row(FAULT_UNAVAILABLE)->text, fields);
}

static void
fail_with(struct api *a, const struct fault_row *row, int status,
	  const char *text, const struct httpd_field *extra)
{
	struct reply r = { .status = status, .extra = extra };

	r.body = a->form->failure(a, row, text);
	reply(a, &r);
}

/* Ends the request; a is dead after it. */
static void
reply(struct api *a, const struct reply *r)
{
	struct httpd_field own[] = {
		{ "GSB-Served",
		  arena_printf(a->arena, "%lld %lld", (long long)a->epoch,
			       (long long)clock_mono_us()) },
		{ "X-GSB-Status", a->site->role->gsb_status },
		{ "trackingId", a->tracking },
		{ "Content-Type", a->form->content_type },
		{ NULL, NULL },
	};
	struct httpd_field fields[FIELDS_MAX] = { 0 };
	struct httpd_req *http = a->http;
	size_t n = 0;

	add(fields, &n, a->no_answer ? own + 1 : own);
	add(fields, &n, form_https(a->site));
	add(fields, &n, a->form->fields);
	add(fields, &n, r->extra);
	api_free(&a);
	httpd_reply(http, r->status, fields, r->body);
}
