/*
 * One replication connection (libpq), non-blocking: first a few questions,
 * then the copy stream in both directions. What is asked and what the bytes
 * mean is the owner's (stream.c).
 */
#ifndef REPLICATOR_RECEIVER_H
#define REPLICATOR_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct receiver;
struct receiver_row; /* of an answer, as text */

/*
 * The first call to on_down ends it: then only receiver_free is allowed.
 * Nothing may be freed from inside on_data.
 */
struct receiver_conf {
	const char *conninfo;    /* without replication=; borrowed */
	const char *application; /* application_name; borrowed */
	int64_t work_bytes;      /* that decoding may take there */
	void (*on_up)(void *ctx, int server_version);
	/* The answer to a question; row is NULL when it had none. */
	void (*on_answer)(void *ctx, const struct receiver_row *row);
	void (*on_copy)(void *ctx); /* the stream has begun */
	/* Borrowed for the call. False: it makes no sense, on_down follows. */
	bool (*on_data)(void *ctx, struct span bytes);
	void (*on_pause)(void *ctx); /* what had come is told */
	void (*on_down)(void *ctx, const struct err *why);
	void *ctx;
};

/* Begins to connect; names are resolved in the thread pool. */
struct receiver *receiver_new(const struct receiver_conf *conf);
void receiver_free(struct receiver **rp);

/* One question at a time: an SQL text, or a replication command. */
void receiver_ask(struct receiver *r, const char *command);

/* A field of an answer's first row, "" for NULL and beyond the last. */
const char *receiver_field(const struct receiver_row *row, int column);

/* Into the stream; when libpq's buffer is full it is dropped. */
void receiver_send(struct receiver *r, struct span bytes);

/* Stop reading the stream, and go on. */
void receiver_hold(struct receiver *r, bool hold);

#endif
