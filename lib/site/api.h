/*
 * A request as an operation sees it, whichever API it came by, past the gate.
 * It ends by exactly one of api_answer, api_fail*, a write (write.h); each of
 * them looks at the gate again, and it is dead after it. One thing is under
 * way at a time, cancelled when the client or the service goes away.
 */
#ifndef SITE_API_H
#define SITE_API_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/span.h"
#include "io/pgpool.h"
#include "site/fault.h"

struct account;
struct api;
struct api_ahead;
struct auth;
struct company;
struct httpd_field;
struct httpd_req;
struct site;
struct store;
struct write;

/* How an API says things. Spans go into the request's arena. */
struct api_form {
	const char *name; /* for logs */
	const char *content_type;
	const struct httpd_field *fields; /* always sent; up to a NULL name */
	bool failures_are_200; /* apart from what the proxy must see */
	/* Around what the operation made: what differs by site goes here,
	 * never into content; a->extra may be set. */
	struct span (*answer)(struct api *a, struct span content);
	struct span (*failure)(struct api *a, const struct fault_row *row,
			       const char *text);
};

struct api {
	struct site *site;
	struct httpd_req *http; /* method, fields, body */
	struct arena *arena;    /* lives as long as the request */
	const struct api_form *form;
	void *data;   /* the operation's own, best in the arena */
	json_t *body; /* as JSON, if that was read; freed with the request */

	int64_t deadline_ms;  /* clock_mono_ms, for all of it */
	int64_t epoch;        /* that it was sent under */
	int64_t stamp_us;     /* when the proxy first saw it, since 2000 */
	const char *key;      /* Idempotency-Key, or the proxy's request id */
	bool client_key;      /* the former */
	const char *address;  /* of the client */
	const char *tracking; /* id for the client and the log */

	const struct company *company; /* set by auth.h */
	const struct account *who;     /* set by auth.h; NULL: nobody */
	int64_t token_expiry_s;        /* of what he asks with; 0: a password */

	const struct httpd_field *extra; /* fields of a good answer; or NULL */
	/* What is under way (api.c, auth.c, store_*.c, write.c). */
	void (*done)(struct api *a, const struct pgresult *r, size_t n);
	struct pgreq *query;
	struct api_ahead *ahead; /* in the arena */
	struct auth *auth;
	struct password *password;
	struct write *write;
	struct store *store;
	struct files_op *files;
	const char *meetings; /* "{ID,ID}" that its write has changed */
	bool committed;       /* its write has (perhaps) happened */
	bool no_answer;       /* but a word to the proxy */
	TAILQ_ENTRY(api) link;
};

/* For web.c: form may still change; free cancels what is under way. */
struct api *api_new(struct site *s, struct httpd_req *http);
void api_free(struct api **a);
/* Content of a good answer; the journal's too. */
void api_answer(struct api *a, int status, struct span content);
/* fmt NULL: the fault's own words. */
void api_fail(struct api *a, enum fault f, const char *fmt, ...) ERR_PRINTF(3);
/* A read or uncommitted write failed: 503 not processed, or 500 and a log. */
void api_fail_db(struct api *a, const struct err *why);
/* GSB-Not-Processed: nothing was touched. */
void api_unprocessed(struct api *a, int status, const char *why);
/* The other site answers for a->company: this has been answered. */
bool api_is_elsewhere(struct api *a);
/* 503 + GSB-Outcome: unknown: COMMIT sent, outcome not known or not to tell. */
void api_unknown(struct api *a, const char *why);
/* One read-only batch (taken). Unless all went well it has been answered. */
typedef void api_done_fn(struct api *a, const struct pgresult *r, size_t n);
void api_query(struct api *a, struct pgbatch **batch, api_done_fn *done);

#endif
