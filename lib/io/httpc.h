/*
 * An HTTP/1.1 client (libcurl) on this thread's loop: connections are kept
 * and reused, redirects are not followed, proxy variables are ignored.
 */
#ifndef IO_HTTPC_H
#define IO_HTTPC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct httpc;

struct httpc_field {
	const char *name;
	const char *value;
};

/* A piece of the body; httpc_pause may be called in it, httpc_cancel not. */
typedef void httpc_data_fn(void *ctx, struct span piece);

/* Everything is copied by httpc_start. */
struct httpc_request {
	const char *method;               /* NULL: GET */
	const char *url;                  /* http:// or https:// */
	const struct httpc_field *fields; /* up to a NULL name; or NULL */
	struct span body;                 /* sent when at is not NULL */
	uint32_t timeout_ms;         /* for all of it, while we run; 0: 10 s */
	uint32_t connect_timeout_ms; /* 0: timeout_ms */
	const char *unix_path;       /* connect here instead; or NULL */
	const char *ca_file;         /* trust these alone; NULL: the system's */
	const char *certificate, *key; /* PEM files, shown; NULL: none */
	uint64_t max_answer; /* bytes of body; 0: 1 MiB; else ERR_LIMIT */
	bool fresh;          /* on a new connection, closed afterwards */
	/* Gets the body of a 200 as it comes, then answer's body is empty and
	 * max_answer does not count for it; NULL: none. */
	httpc_data_fn *on_data;
	/* Instead of timeout_ms: so long without a byte; 0: not. Whole s. */
	uint32_t stall_ms;
	int64_t max_rate; /* bytes a second to take in; 0: no limit */
};

struct httpc_answer {
	int status;
	struct span body;
	const void *heads; /* for httpc_field */
};

/*
 * err NULL: a whole answer, whatever its status; borrowed for the call.
 * Else answer is NULL and err->code is ERR_REFUSED (nobody listens),
 * ERR_CLOSED (cut), ERR_TIMEOUT, ERR_NOT_FOUND (name unknown), ERR_LIMIT,
 * ERR_INVALID (URL, or the answer is not HTTP), ERR_IO (TLS and the rest).
 */
typedef void httpc_fn(void *ctx, const struct httpc_answer *answer,
		      const struct err *err);

struct httpc *httpc_start(const struct httpc_request *req, httpc_fn *fn,
			  void *ctx);
void httpc_cancel(struct httpc **c);

/* No on_data until it goes on; what is in the socket stays there. */
void httpc_pause(struct httpc *c);
void httpc_resume(struct httpc *c);

/* The answer's first field of that name; at NULL when there is none. */
struct span httpc_field(const struct httpc_answer *answer, const char *name);

#endif
