/* Requests as their owners see them, and answers. */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/status.h"
#include "io/httpd_large_inner.h"

/* Mostly enough for the head of an answer. */
#define HEAD_ROOM 1024

struct httpd_req *
req_new(struct httpd_conn *c)
{
	struct arena *arena = arena_new();
	struct httpd_req *r = arena_make(arena, struct httpd_req);

	r->arena = arena;
	r->httpd = c->httpd;
	r->conn = c;
	memcpy(r->peer, c->peer, sizeof(r->peer));
	return r;
}

void
req_free(struct httpd_req **rp)
{
	struct httpd_req *r = *rp;
	struct arena *arena;

	*rp = NULL;
	if (r == NULL)
		return;
	if (r->conn == NULL)
		TAILQ_REMOVE(&r->httpd->orphans, r, entry);
	strbuf_fini(&r->body);
	spool_free(&r->spool);
	arena = r->arena; /* r lies in it */
	arena_free(&arena);
}

static void
add_field(struct strbuf *out, const char *name, const char *value)
{
	strbuf_adds(out, name);
	strbuf_adds(out, ": ");
	strbuf_adds(out, value);
	strbuf_adds(out, "\r\n");
}

static void
add_head(struct strbuf *out, int status, const struct httpd_field *fields,
	 bool close)
{
	strbuf_adds(out, "HTTP/1.1 ");
	strbuf_addi(out, status);
	strbuf_addc(out, ' ');
	strbuf_adds(out, http_status_reason(status));
	strbuf_adds(out, "\r\n");
	add_field(out, "Date", clock_http_now());
	for (; fields != NULL && fields->name != NULL; fields++) {
		/* It may hold what a client sent: no line may end in it. */
		if (http_value_valid(span_of(fields->value)))
			add_field(out, fields->name, fields->value);
		else
			log_error("httpd", "left-out=%s why=\"not a value\"",
				  fields->name);
	}
	if (close)
		add_field(out, "Connection", "close");
}

static void
add_length(struct strbuf *out, int64_t length)
{
	strbuf_adds(out, "Content-Length: ");
	strbuf_addi(out, length);
	strbuf_adds(out, "\r\n");
}

static void
answer(struct httpd_req *r, int status, const struct httpd_field *fields,
       struct span body, bool close)
{
	struct httpd_conn *c = r->conn;
	STRBUF_AUTO out = { 0 };

	strbuf_reserve(&out, HEAD_ROOM + body.len);
	close = close || c->httpd->draining || !r->head.keep_alive ||
		r->head.minor == 0;
	add_head(&out, status, fields, close);
	if (!http_status_bodyless(status))
		add_length(&out, (int64_t)body.len);
	strbuf_adds(&out, "\r\n");
	if (!http_status_bodyless(status) && r->head.method != HTTP_HEAD)
		strbuf_add_span(&out, body);
	conn_answered(c, &out, close);
}

static void
reply(struct httpd_req *r, int status, const struct httpd_field *fields,
      struct span body, bool close)
{
	assert(status >= 200 && status <= 599);
	if (r->conn == NULL) {
		req_free(&r); /* nobody is there any more */
		return;
	}
	assert(r->conn->state == CONN_HANDLE);
	r->httpd->in_flight--;
	answer(r, status, fields, body, close);
}

void
httpd_reply(struct httpd_req *r, int status, const struct httpd_field *fields,
	    struct span body)
{
	reply(r, status, fields, body, false);
}

void
httpd_reply_close(struct httpd_req *r, int status,
		  const struct httpd_field *fields, struct span body)
{
	reply(r, status, fields, body, true);
}

void
httpd_reply_source(struct httpd_req *r, int status,
		   const struct httpd_field *fields,
		   const struct httpd_source *from)
{
	struct httpd_conn *c = r->conn;
	STRBUF_AUTO out = { 0 };
	/* HTTP/1.0 knows no chunks: the end of the connection is the end. */
	bool close = c != NULL && (c->httpd->draining || !r->head.keep_alive ||
				   r->head.minor == 0);

	if (c == NULL) {
		from->fini(from->job);
		reply(r, status, fields, (struct span){ 0 }, false);
		return;
	}
	assert(c->state == CONN_HANDLE);
	add_head(&out, status, fields, close);
	if (from->length >= 0)
		add_length(&out, from->length);
	else if (r->head.minor > 0)
		strbuf_adds(&out, "Transfer-Encoding: chunked\r\n");
	strbuf_adds(&out, "\r\n");
	if (r->head.method == HTTP_HEAD) {
		from->fini(from->job);
		r->httpd->in_flight--;
		conn_answered(c, &out, close);
		return;
	}
	conn_send(c, out.at, out.len);
	pull_start(c, from, close);
}

const char *
httpd_body_file(const struct httpd_req *r)
{
	return spool_size(r->spool) > 0 ? spool_path(r->spool) : NULL;
}

void
httpd_abort(struct httpd_req *r)
{
	if (r->conn != NULL)
		conn_drop(r->conn);
	else
		req_free(&r);
}

void
req_fault(struct httpd_conn *c, int status, const char *why)
{
	struct httpd *h = c->httpd;
	static const struct httpd_field plain[] = {
		{ "Content-Type", "text/plain" },
		{ NULL, NULL },
	};
	const struct httpd_field *fields = plain;
	struct span body = { 0 };

	if (c->req == NULL)
		c->req = req_new(c);
	if (h->conf.render != NULL)
		body = h->conf.render(h->conf.ctx, c->req, status, why,
				      &fields);
	if (body.at == NULL)
		body = span_of(arena_printf(c->req->arena, "%d %s: %s\n",
					    status, http_status_reason(status),
					    why));
	answer(c->req, status, fields, body, true);
}

struct span
httpd_method(const struct httpd_req *r)
{
	return r->head.method_text;
}

struct span
httpd_target(const struct httpd_req *r)
{
	return r->head.target;
}

struct span
httpd_path(const struct httpd_req *r)
{
	return r->head.path;
}

struct span
httpd_query(const struct httpd_req *r)
{
	return r->head.query;
}

struct span
httpd_body(const struct httpd_req *r)
{
	return strbuf_span(&r->body);
}

struct span
httpd_field(const struct httpd_req *r, const char *name)
{
	return http_head_named(&r->head, name);
}

bool
httpd_field_at(const struct httpd_req *r, unsigned i, struct span *name,
	       struct span *value)
{
	if (i >= r->head.nfields)
		return false;
	*name = r->head.fields[i].name;
	*value = r->head.fields[i].value;
	return true;
}

const char *
httpd_peer(const struct httpd_req *r)
{
	return r->peer;
}

struct arena *
httpd_arena(struct httpd_req *r)
{
	return r->arena;
}

void
httpd_set_data(struct httpd_req *r, void *data)
{
	r->data = data;
}

void *
httpd_data(const struct httpd_req *r)
{
	return r->data;
}
