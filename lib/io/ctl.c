/* The server's side. The caller's is in ctl_call.c. */
#include "io/ctl.h"

#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "http/url.h"
#include "io/httpd.h"

struct ctl {
	struct httpd *httpd;
	const struct httpd_field *fields;
	bool (*on_http)(void *ctx, struct httpd_req *http);
	ctl_fn *on_request;
	void (*on_gone)(void *ctx, struct ctl_req *req);
	void *ctx;
};

struct ctl_req { /* in the arena of */
	const struct ctl *ctl;
	struct httpd_req *http;
	void *data;
};

static void on_request(void *ctx, struct httpd_req *http);
static void on_gone(void *ctx, struct httpd_req *http);
static struct span render(void *ctx, struct httpd_req *http, int status,
			  const char *why, const struct httpd_field **fields);

static const struct httpd_field json_fields[] = {
	{ "Content-Type", "application/json" },
	{ NULL, NULL },
};

struct ctl *
ctl_open(const struct ctl_conf *conf, struct err *e)
{
	struct ctl *c = mem_new(struct ctl);
	char *listen = conf->path != NULL ? mem_printf("unix:%s", conf->path)
					  : mem_strdup(conf->listen);
	struct httpd_conf httpd = {
		.listen = listen,
		.tls = conf->tls,
		.unix_mode = conf->mode,
		.on_request = on_request,
		.on_gone = conf->on_gone != NULL ? on_gone : NULL,
		.render = render,
		.ctx = c,
	};

	c->fields = conf->fields != NULL ? conf->fields : json_fields;
	c->on_http = conf->on_http;
	c->on_request = conf->on_request;
	c->on_gone = conf->on_gone;
	c->ctx = conf->ctx;
	c->httpd = httpd_open(&httpd, e);
	mem_free(listen);
	if (c->httpd == NULL)
		ctl_close(&c);
	return c;
}

void
ctl_close(struct ctl **cp)
{
	struct ctl *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	httpd_close(&c->httpd);
	mem_free(c);
}

static void
on_request(void *ctx, struct httpd_req *http)
{
	struct ctl *c = ctx;
	struct ctl_req *r;
	JSON_AUTO body = NULL;
	struct err e = { 0 };

	if (c->on_http != NULL && c->on_http(c->ctx, http))
		return;
	r = arena_make(httpd_arena(http), struct ctl_req);
	r->ctl = c;
	r->http = http;
	httpd_set_data(http, r);
	if (httpd_body(http).len > 0) {
		body = json_read(httpd_body(http), &e);
		if (body == NULL) {
			ctl_refuse(r, 400, err_text(&e));
			return;
		}
	}
	/* It lives for this call alone: an answer in it may end the rest. */
	c->on_request(c->ctx, r, body);
}

static void
on_gone(void *ctx, struct httpd_req *http)
{
	struct ctl *c = ctx;

	c->on_gone(c->ctx, httpd_data(http));
}

static struct span
make_message(struct arena *arena, const char *why)
{
	JSON_AUTO body = json_object();
	STRBUF_AUTO text = { 0 };

	json_put_str(body, "message", why);
	json_write(body, JSON_AS_MADE, &text);
	return span_make(arena_span(arena, strbuf_span(&text)), text.len);
}

static struct span
render(void *ctx, struct httpd_req *http, int status, const char *why,
       const struct httpd_field **fields)
{
	*fields = ((struct ctl *)ctx)->fields;
	return make_message(httpd_arena(http), why);
}

struct span
ctl_method(const struct ctl_req *r)
{
	return httpd_method(r->http);
}

struct span
ctl_path(const struct ctl_req *r)
{
	return httpd_path(r->http);
}

const char *
ctl_param(const struct ctl_req *r, const char *name)
{
	STRBUF_AUTO value = { 0 };

	if (url_pair_get(httpd_query(r->http), name, &value, NULL) != 1)
		return NULL;
	return arena_strdup(httpd_arena(r->http), strbuf_text(&value));
}

struct httpd_req *
ctl_http(const struct ctl_req *r)
{
	return r->http;
}

void
ctl_set_data(struct ctl_req *r, void *data)
{
	r->data = data;
}

void *
ctl_data(const struct ctl_req *r)
{
	return r->data;
}

void
ctl_reply(struct ctl_req *r, int status, json_t *body)
{
	STRBUF_AUTO text = { 0 };
	JSON_AUTO taken = body;

	if (taken != NULL)
		json_write(taken, JSON_AS_MADE, &text);
	httpd_reply(r->http, status, r->ctl->fields, strbuf_span(&text));
}

void
ctl_refuse(struct ctl_req *r, int status, const char *why)
{
	httpd_reply(r->http, status, r->ctl->fields,
		    make_message(httpd_arena(r->http), why));
}
