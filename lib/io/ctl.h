/*
 * JSON over HTTP: how operators' tools reach a daemon, by a unix socket (who
 * may connect is the file's mode) or, for browsers, by HOST:PORT. Thin over
 * httpd and httpc.
 */
#ifndef IO_CTL_H
#define IO_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/span.h"

struct ctl;
struct ctl_req;
struct ctl_call;
struct httpd_field;
struct httpd_req;
struct httpd_tls;

/* body: borrowed, NULL when none came. Malformed JSON never gets here. */
typedef void ctl_fn(void *ctx, struct ctl_req *req, const json_t *body);

struct ctl_conf {
	const char *path; /* of the socket; a stale one is replaced */
	unsigned mode;    /* 0600 or 0660; 0: 0600 */
	/* Or this, HOST:PORT; and below it TLS, or NULL. */
	const char *listen;
	const struct httpd_tls *tls;
	/* Of every answer, borrowed; NULL: the type of the content alone. */
	const struct httpd_field *fields;
	/* Sees every request first: true, it has answered. Or NULL. */
	bool (*on_http)(void *ctx, struct httpd_req *http);
	ctl_fn *on_request;
	/* The caller went away (long poll): req is dead after this. Or NULL:
	 * then the answer, which must still come, is dropped. */
	void (*on_gone)(void *ctx, struct ctl_req *req);
	void *ctx;
};
struct ctl *ctl_open(const struct ctl_conf *conf, struct err *e)
    __attribute__((warn_unused_result));
void ctl_close(struct ctl **c);

/* Of a request; borrowed until it is answered. */
struct span ctl_method(const struct ctl_req *r);
struct span ctl_path(const struct ctl_req *r);
/* A decoded parameter of the query, in the request's arena; NULL if none. */
const char *ctl_param(const struct ctl_req *r, const char *name);
struct httpd_req *ctl_http(const struct ctl_req *r);
void ctl_set_data(struct ctl_req *r, void *data);
void *ctl_data(const struct ctl_req *r);

/* Answers once, now or later; takes body (NULL: none). r is dead after. */
void ctl_reply(struct ctl_req *r, int status, json_t *body);
/* {"message": why} */
void ctl_refuse(struct ctl_req *r, int status, const char *why);

/*
 * The other end. fn: err NULL and the answer's status and body (borrowed,
 * NULL when it was empty or not JSON), or err as in httpc.h.
 */
typedef void ctl_done_fn(void *ctx, int status, const json_t *body,
			 const struct err *err);
struct ctl_target {
	const char *path;   /* of the socket */
	const char *method; /* "GET", "POST" */
	const char *target; /* "/v1/status?x=1" */
	uint32_t timeout_ms;
};
/* Copies everything; body may be NULL. */
struct ctl_call *ctl_call(const struct ctl_target *to, const json_t *body,
			  ctl_done_fn *fn, void *ctx);
void ctl_cancel(struct ctl_call **c);

#endif
