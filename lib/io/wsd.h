/*
 * A WebSocket server (RFC 6455, libwebsockets) on this thread's loop. Whole
 * text messages in and out; a message to many is one shared buffer.
 */
#ifndef IO_WSD_H
#define IO_WSD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct wsd;
struct wsd_conn;
struct wsd_msg;

/* An upgrade request; borrowed for the call. */
struct wsd_hello {
	struct span path;  /* decoded, without the query */
	struct span query; /* decoded, without "?" */
	const char *peer;  /* address */
	const void *heads; /* for wsd_field */
};

struct wsd_conf {
	const char *listen;   /* "HOST:PORT" or "[V6]:PORT"; copied */
	uint32_t max_message; /* bytes of one text in; 0: 64 KiB */
	uint32_t max_queue;   /* bytes waiting for one peer; 0: 1 MiB */
	uint32_t ping_ms;     /* to silent peers; gone after 2; 0: 25 s */
	unsigned max_conns;   /* 0: 10,000 */
	/* Field lines with CRLF that refusals carry, static; or NULL. */
	const char *refusal;
	/*
	 * 0 accepts, else an HTTP status that refuses. *data is what the
	 * owner keeps for the connection (wsd_data); it stays the owner's:
	 * on_close always comes for an accepted one, also if it never opened.
	 */
	int (*on_hello)(void *ctx, const struct wsd_hello *h, void **data);
	void (*on_open)(void *ctx, struct wsd_conn *c);
	void (*on_text)(void *ctx, struct wsd_conn *c, struct span text);
	/* The end: c is dead after this. code as in RFC 6455 7.4.1; 1006 when
	 * it was cut, 1008 with "slow consumer", 1009 too large. */
	void (*on_close)(void *ctx, struct wsd_conn *c, int code,
			 const char *reason);
	void *ctx;
};

/* NULL with e set when the address cannot be had. */
struct wsd *wsd_open(const struct wsd_conf *conf, struct err *e)
    __attribute__((warn_unused_result));

/* Cuts everything; no callback comes any more, not even on_close. */
void wsd_close_all(struct wsd **w);

/*
 * Stops listening and closes every connection with that code (1012) and
 * reason, then calls on_drained once; peers that do not answer the close are
 * cut after 2 s.
 */
void wsd_drain(struct wsd *w, int code, const char *reason,
	       void (*on_drained)(void *ctx), void *ctx);

unsigned wsd_port(const struct wsd *w);
unsigned wsd_connections(const struct wsd *w);

void *wsd_data(const struct wsd_conn *c);

/* First field of that name, at NULL if none; only in on_hello. */
struct span wsd_field(const struct wsd_hello *h, const char *name);

/*
 * Queues a copy. Over max_queue the connection is closed (1008) and later
 * sends do nothing; on_close comes from the loop, never from inside a send.
 */
void wsd_send(struct wsd_conn *c, struct span text);

/* One buffer for many: counted, freed with its last use. */
struct wsd_msg *wsd_msg_new(struct span text);
void wsd_msg_free(struct wsd_msg **m); /* gives back the caller's use */
void wsd_send_msg(struct wsd_conn *c, struct wsd_msg *m);

/*
 * Closes after what is queued was sent; code 1000..4999, reason up to 123
 * bytes. on_close comes later, with this code.
 */
void wsd_close(struct wsd_conn *c, int code, const char *reason);

#endif
