/*
 * One client's request, from its head to the last byte of its answer. Plain
 * data that relay, hold, tunnel and the log share.
 */
#ifndef PROXY_REQUEST_DATA_H
#define PROXY_REQUEST_DATA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "http/framing.h"
#include "proxy/block.h"
#include "proxy/reply.h"
#include "proxy/request_stage.h"
#include "proxy/resend.h"
#include "proxy/route.h"

#define REQUEST_ID_SIZE 22

struct front;
struct queue;
struct tunnel;
struct upstream;
struct worker;

struct request {
	struct worker *worker;
	struct front *front;
	struct upstream *up; /* while it connects, waits, answers, tunnels */
	struct tunnel *tunnel;
	TAILQ_ENTRY(request) entry; /* while in_hold, or of queue */
	struct request *next;       /* of the free list */
	enum request_stage stage;
	enum request_kind kind;
	enum reply_form form;
	enum http_method method;

	/* As it goes to the site: head (its last lines at tail), body. */
	struct block *head, *last;
	size_t tail;
	size_t method_len, target_len; /* of the line that head starts with */
	size_t body_kept;
	bool whole;       /* the body has come */
	bool streams;     /* the body is larger than what is kept */
	bool forgotten;   /* a part of it went out and is kept no more */
	bool body_wanted; /* it streams: bytes go on to the site */
	bool upgrade;
	int denied;          /* a status that needs no site; 0: none */
	char who;            /* the log's first letter, of a refusal */
	struct span company; /* in head, or empty */
	enum route_site letter;

	/* Where it is, or was last. */
	enum route_site site;
	enum route_service service;
	uint64_t epoch;
	unsigned attempts, tries;
	uint64_t told_epoch; /* in which a site said: that one is to answer */
	enum route_site told;
	unsigned told_times;
	bool counted, counted_write;
	bool kept_connection; /* the last attempt went over a pooled one */
	bool moved;           /* its site is not the right one any more */

	/* Of the hold. */
	enum resend_action waits_for;
	bool in_hold, held_once, canary;
	uint64_t held_serial;
	size_t held_bytes;
	bool ready;  /* chosen in this turn */
	int verdict; /* enum hold_verdict, then */

	/* Of the queue; it is in that if it is not NULL. */
	struct queue *queue;
	uint64_t queue_serial;
	bool queue_turn;
	int64_t queued_us; /* since when it waits there; 0: never did */

	/* Of the answer. */
	struct http_body answer;
	int status;
	bool answer_closes;

	char id[REQUEST_ID_SIZE];
	int64_t stamp_us; /* since 2000, as the product's rows have it */
	/* Monotonic; 0: not reached. held: the time it waited in all. */
	int64_t begun_us, read_us, sent_us, answered_us, held_us, held_at_us;
	uint64_t bytes_in;
	char company_text[64]; /* when it is not plain in head */
};

#endif
