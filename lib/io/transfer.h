/*
 * What httpc stands on: a libcurl easy handle on this thread's loop.
 * Not for others.
 */
#ifndef IO_TRANSFER_H
#define IO_TRANSFER_H

#include <curl/curl.h>
#include <stdint.h>

struct transfer {
	CURL *easy;
	CURLM *multi; /* NULL: taken out */
	struct loop_call *end;
	struct timer *deadline; /* of the present slice */
	uint32_t limit_ms;
	unsigned slices; /* that have gone */
	CURLcode result;
	char words[CURL_ERROR_SIZE];
	/* Its last call, deferred: the owner may start others in it. */
	void (*on_done)(struct transfer *t);
};

/* libcurl is ready: before its first handle. */
void transfer_library(void);

/* Makes t->easy, with its words and without signals. */
void transfer_init(struct transfer *t, void (*on_done)(struct transfer *t));

/*
 * t->easy is set up. It ends with CURLE_OPERATION_TIMEDOUT after limit_ms
 * (0: never) of time in which this process ran: who stood still himself, as a
 * frozen or starved process does, has not been waiting for the other side.
 */
void transfer_start(struct transfer *t, uint32_t limit_ms);

/* No call comes any more. */
void transfer_fini(struct transfer *t);

/* libcurl's words for what went wrong. */
const char *transfer_words(const struct transfer *t);

/* What it had to tell is told: after a call of libcurl outside of the loop. */
void transfer_collect(void);

#endif
