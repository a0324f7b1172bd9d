#include "replicator/copy_ctl.h"

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "io/ctl.h"

#define REASON_MAX 200

struct copy_ctl {
	struct copy_ctl_conf conf;
	struct ctl *ctl;
};

static void on_request(void *ctx, struct ctl_req *req, const json_t *body);

struct copy_ctl *
copy_ctl_open(const struct copy_ctl_conf *conf, struct err *e)
{
	struct copy_ctl *c = mem_new(struct copy_ctl);

	c->conf = *conf;
	c->ctl = ctl_open(&(struct ctl_conf){ .path = conf->path,
					      .on_request = on_request,
					      .ctx = c },
			  e);
	if (c->ctl != NULL)
		return c;
	mem_free(c);
	return NULL;
}

void
copy_ctl_close(struct copy_ctl **cp)
{
	struct copy_ctl *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	ctl_close(&c->ctl);
	mem_free(c);
}

/* It becomes a word of a line in a manifest. */
static int
check_reason(const char *reason, struct err *e)
{
	if (reason == NULL || *reason == '\0')
		return err_set(e, ERR_INVALID, "a reason is needed");
	if (strlen(reason) > REASON_MAX || !utf8_valid(span_of(reason)))
		return err_set(e, ERR_INVALID,
			       "a reason has at most %d bytes of UTF-8",
			       REASON_MAX);
	for (const char *at = reason; *at != '\0'; at++)
		if ((unsigned char)*at < ' ')
			return err_set(e, ERR_INVALID, "a reason is one line");
	return 0;
}

static int
read_order(const json_t *body, struct copy_order *o, struct err *e)
{
	if (json_need_str(body, "verb", &o->verb, e) < 0 ||
	    json_get_str(body, "reason", &o->reason, e) < 0 ||
	    json_get_str(body, "who", &o->who, e) < 0 ||
	    json_get_int(body, "expires_in_ms", &o->expires_ms, e) < 0 ||
	    json_get_bool(body, "verify", &o->verify, e) < 0)
		return -1;
	return strcmp(o->verb, "run") == 0 || strcmp(o->verb, "protect") == 0
		   ? 0
		   : check_reason(o->reason, e);
}

static void
on_request(void *ctx, struct ctl_req *req, const json_t *body)
{
	struct copy_ctl *c = ctx;
	struct copy_order order = { .who = "operator" };
	struct err e = { 0 };

	if (!span_is(ctl_path(req), "/v1/copy")) {
		ctl_refuse(req, 404, "no such path");
	} else if (span_is(ctl_method(req), "GET")) {
		ctl_reply(req, 200, c->conf.status(c->conf.ctx));
	} else if (!span_is(ctl_method(req), "POST")) {
		ctl_refuse(req, 405, "the method is not allowed");
	} else if (read_order(body, &order, &e) < 0) {
		ctl_refuse(req, 400, err_text(&e));
	} else if (c->conf.order(c->conf.ctx, &order, &e) < 0) {
		ctl_refuse(req, 409, err_text(&e));
	} else {
		ctl_reply(req, 200, c->conf.status(c->conf.ctx));
	}
}
