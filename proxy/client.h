/*
 * One client's connection: accepted and counted, introduced by a balancer
 * before us if it comes from one, made secure if its listener says so, then in
 * the hands of a protocol, which lives in the same memory.
 */
#ifndef PROXY_CLIENT_H
#define PROXY_CLIENT_H

#include <stdbool.h>
#include <sys/queue.h>

#include "proxy/introduction.h"
#include "proxy/rewrite.h"
#include "proxy/stream.h"
#include "proxy/wheel.h"

struct client;
struct front;
struct worker;

/* Of the protocol, for the connections that it was given. */
struct client_ops {
	struct stream_ops stream;
	void (*on_deadline)(struct client *c);
	/* The worker drains: idle ones close, others behind their answer. */
	void (*on_drain)(struct client *c);
	/* The worker retires: may be NULL; else they are told to go. */
	void (*on_retire)(struct client *c);
	/* It is about to be closed from outside: requests end unheard. */
	void (*on_abort)(struct client *c);
};

struct client {
	struct stream stream; /* first: a stream is cast back */
	const struct client_ops *ops;
	LIST_ENTRY(client) entry; /* of the worker's clients */
	struct wheel_node deadline;
	union introduction_address peer; /* the client, as far as we know */
	struct block *early;             /* an introduction that is not whole */
	bool nameless;                   /* it is still to be introduced */
	bool tls;
	uint32_t requests; /* so far */
	/* While it does not take what was sent: since when (0: it does), what
	 * had gone by then, and when that was last looked at. */
	int64_t out_since_ms;
	uint64_t out_base, out_seen;
	char address[INET6_ADDRSTRLEN];
	char node[INET6_ADDRSTRLEN + 4]; /* as Forwarded writes it */
	char forwarded[REWRITE_FORWARDED_SIZE];
};

/* A connection waits on that listening socket. */
void client_accept(struct worker *w, uv_stream_t *server, bool tls);

void client_set_deadline(struct client *c, uint32_t ms);
/* Something is queued for it and no deadline is set: it must be taken. */
void client_must_take(struct client *c);
/*
 * The deadline has come: false if the client takes too little or nothing
 * (then that is counted); else there is a new one.
 */
bool client_takes(struct client *c);
/* Counts it; false: it is the last one of this connection. */
bool client_count_request(struct client *c);
/* What a front says of its client. */
void client_introduce(const struct client *c, struct front *f);

/*
 * ops->stream.on_closed follows. reset: so that the client sees that what it
 * got was not all. Twice is fine.
 */
void client_close(struct client *c, bool reset);
/* What came is no request (worker->request_head says how much of one). */
void client_log_fault(const struct client *c, const char *protocol, int status,
		      uint64_t sent);
/* Ends its requests first. */
void client_abort(struct client *c);

#endif
