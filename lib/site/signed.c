#include "site/signed.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "io/httpd.h"
#include "io/pgpool.h"
#include "site/lease.h"

#define SKEW_US INT64_C(300000000)
#define DEADLINE_MS 5000

enum signed_op { EMIT, SEEN, LIST };

/* Lives in the request's arena. */
struct signed_call {
	struct httpd_req *http;
	enum signed_op op;
	size_t index; /* of the statement that answers */
	struct pgreq *query;
};

/* Commits at once: it carries nothing but itself. */
static const struct pgstmt emit = {
	.name = "signed_emit",
	.sql = "SELECT gsb.barrier($1)",
	.nparams = 1,
};

static const struct pgstmt seen = {
	.name = "signed_seen",
	.sql = "SELECT gsb.barrier_seen($1)",
	.nparams = 1,
};

static const struct pgstmt list = {
	.name = "signed_list",
	.sql = "SELECT coalesce(md5(string_agg(name, ',' ORDER BY name)), ''), "
	       "coalesce(jsonb_agg(name ORDER BY name), '[]') "
	       "FROM company WHERE NOT disabled",
};

static json_t *read_json(struct site *s, struct httpd_req *req,
			 struct span text);
static void run(struct site *s, struct signed_call *c, struct pgbatch *b);
static void on_done(void *ctx, const struct pgresult *r, size_t n,
		    const struct err *err);
static json_t *answer(const struct signed_call *c, const struct pgresult *r);

json_t *
signed_read(struct site *s, struct httpd_req *req)
{
	return read_json(s, req, httpd_body(req));
}

json_t *
signed_read_line(struct site *s, struct httpd_req *req, struct span *rest)
{
	struct span line;

	*rest = httpd_body(req);
	if (!span_cut(rest, '\n', &line))
		line = (struct span){ 0 };
	return read_json(s, req, line);
}

static json_t *
read_json(struct site *s, struct httpd_req *req, struct span text)
{
	struct err e = { 0 };
	json_t *body;
	int64_t at;

	if (keyring_verify(s->keys, httpd_body(req),
			   httpd_field(req, "GSB-Signature"), &e) < 0) {
		log_warn("signed", "address=%s refused=\"%s\"", httpd_peer(req),
			 err_text(&e));
		lease_refuse(req, 403, err_text(&e));
		return NULL;
	}
	body = json_read(text, &e);
	if (body == NULL || json_need_int(body, "at_us", &at, &e) < 0) {
		lease_refuse(req, 400, err_text(&e));
		json_decref(body);
		return NULL;
	}
	if (at < clock_wall_us() - SKEW_US || at > clock_wall_us() + SKEW_US) {
		lease_refuse(req, 403, "at_us is not within 5 minutes of now");
		json_decref(body);
		return NULL;
	}
	return body;
}

void
signed_barrier(struct site *s, struct httpd_req *req, const json_t *body)
{
	struct signed_call *c;
	struct err e = { 0 };
	struct pgbatch *b;
	struct pgparam p;
	const char *op, *token;

	if (json_need_str(body, "op", &op, &e) < 0 ||
	    json_need_str(body, "token", &token, &e) < 0) {
		lease_refuse(req, 400, err_text(&e));
		return;
	}
	if (strcmp(op, "emit") != 0 && strcmp(op, "seen") != 0) {
		lease_refuse(req, 400, "op must be \"emit\" or \"seen\"");
		return;
	}
	c = arena_make(httpd_arena(req), struct signed_call);
	c->http = req;
	c->op = strcmp(op, "emit") == 0 ? EMIT : SEEN;
	b = pgbatch_new();
	p = pgparam_text(token);
	if (c->op == SEEN) {
		pgbatch_add(b, &seen, &p);
	} else {
		pgbatch_add_sql(b, "BEGIN");
		pgbatch_add_sql(b, "SET LOCAL synchronous_commit TO local");
		c->index = pgbatch_add(b, &emit, &p);
		pgbatch_commit(b);
	}
	run(s, c, b);
}

void
signed_companies(struct site *s, struct httpd_req *req)
{
	struct signed_call *c = arena_make(httpd_arena(req),
					   struct signed_call);
	struct pgbatch *b = pgbatch_new();

	c->http = req;
	c->op = LIST;
	pgbatch_add(b, &list, NULL);
	run(s, c, b);
}

static void
run(struct site *s, struct signed_call *c, struct pgbatch *b)
{
	c->query = pgpool_run(s->pool, &b, clock_mono_ms() + DEADLINE_MS,
			      on_done, c);
}

static void
on_done(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	static const struct httpd_field fields[] = {
		{ "Content-Type", "application/json" },
		{ NULL, NULL },
	};
	struct signed_call *c = ctx;
	STRBUF_AUTO text = { 0 };
	JSON_AUTO doc = NULL;

	c->query = NULL;
	if (err != NULL) {
		lease_refuse(c->http, 503, err_text(err));
		return;
	}
	doc = answer(c, &r[c->index]);
	json_write(doc, JSON_AS_MADE, &text);
	httpd_reply(c->http, 200, fields, strbuf_span(&text));
}

static json_t *
answer(const struct signed_call *c, const struct pgresult *r)
{
	json_t *doc = json_object();

	switch (c->op) {
	case EMIT:
		json_put_str(doc, "lsn", pgresult_text(r, 0, 0));
		break;
	case SEEN:
		json_put_bool(doc, "seen", pgresult_bool(r, 0, 0));
		break;
	case LIST:
		json_put_str(doc, "etag", pgresult_text(r, 0, 0));
		json_put(doc, "companies",
			 json_read(span_of(pgresult_text(r, 0, 1)), NULL));
		break;
	}
	return doc;
}
