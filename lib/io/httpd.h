/*
 * An HTTP/1.1 server on lib/http: strict (a malformed message is answered
 * 4xx and the connection closed), keep-alive, pipelining in order, bodies
 * buffered up to a limit, TCP and unix sockets.
 */
#ifndef IO_HTTPD_H
#define IO_HTTPD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

struct httpd;
struct httpd_req;
struct httpd_field {
	const char *name;
	const char *value;
};

/*
 * A whole request has come. Answer it by httpd_reply, now or later, exactly
 * once; it lives until then, or until on_gone.
 */
typedef void httpd_fn(void *ctx, struct httpd_req *req);

struct httpd_conf {
	const char *listen; /* "HOST:PORT", "[V6]:PORT", "unix:/path"; copied */
	unsigned unix_mode; /* of the socket file; 0: 0600 */
	uint64_t body_limit; /* bytes; 0: 1 MiB; more is answered 413 */
	uint32_t head_ms;    /* for a whole head; 0: 10 s */
	uint32_t body_ms;    /* between pieces of a body; 0: 30 s */
	uint32_t idle_ms;    /* between requests; 0: 75 s */
	unsigned max_conns;  /* 0: 10,000; more wait in the backlog */
	const struct httpd_spool *spool; /* large bodies: httpd_large.h */
	const struct httpd_tls *tls;     /* httpd_tls.h; copied; NULL: none */
	httpd_fn *on_request;
	/* The client went before the answer: req is dead after this. NULL: it
	 * lives on, must be answered, and the answer is dropped. */
	httpd_fn *on_gone;
	/* Writes the body of an answer to a protocol fault (4xx, 5xx of the
	 * server's own) into the arena and gives its fields; NULL: plain text.
	 * req may be half-read: method and target may be empty. */
	struct span (*render)(void *ctx, struct httpd_req *req, int status,
			      const char *why,
			      const struct httpd_field **fields);
	void *ctx;
};

/* NULL with e set when the address cannot be had; the text names it. */
struct httpd *httpd_open(const struct httpd_conf *conf, struct err *e)
    __attribute__((warn_unused_result));

/* Closes everything at once; on_gone is not called. Requests are dead. */
void httpd_close(struct httpd **h);
/*
 * Stops listening, closes idle connections, lets requests finish and closes
 * their connections behind the answer; then calls on_drained, once.
 */
void httpd_drain(struct httpd *h, void (*on_drained)(void *ctx), void *ctx);

/* The bound port (listen port 0 chooses one); 0 for a unix socket. */
unsigned httpd_port(const struct httpd *h);
/* Requests handed out and not yet answered. */
unsigned httpd_in_flight(const struct httpd *h);
unsigned httpd_connections(const struct httpd *h);

/* Of a request; everything is borrowed and lives as long as it. */
struct span httpd_method(const struct httpd_req *r);
struct span httpd_target(const struct httpd_req *r); /* as sent */
struct span httpd_path(const struct httpd_req *r);   /* up to "?", raw */
struct span httpd_query(const struct httpd_req *r);  /* behind "?", raw */
struct span httpd_body(const struct httpd_req *r);
/* The first field of that name; at NULL when there is none. */
struct span httpd_field(const struct httpd_req *r, const char *name);
/* The i-th field in order; false behind the last. */
bool httpd_field_at(const struct httpd_req *r, unsigned i, struct span *name,
		    struct span *value);
const char *httpd_peer(const struct httpd_req *r); /* address, or "unix" */
struct arena *httpd_arena(struct httpd_req *r);
void httpd_set_data(struct httpd_req *r, void *data); /* the handler's own */
void *httpd_data(const struct httpd_req *r);

/*
 * Answers and ends the request (the pointer is dead). Fields up to a NULL
 * name, or NULL (one whose value may not stand in a field is left out);
 * Content-Length, Date and Connection are set here. Everything is copied.
 * HEAD, 204 and 304 send no body. httpd_reply_close also closes.
 */
void httpd_reply(struct httpd_req *r, int status,
		 const struct httpd_field *fields, struct span body);
void httpd_reply_close(struct httpd_req *r, int status,
		       const struct httpd_field *fields, struct span body);

/* Ends the request: cuts its connection without an answer. */
void httpd_abort(struct httpd_req *r);

#endif
