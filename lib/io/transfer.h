/*
 * What httpc and smtpc share: a libcurl easy handle on this thread's loop.
 * Not for others.
 */
#ifndef IO_TRANSFER_H
#define IO_TRANSFER_H

#include <curl/curl.h>

struct transfer {
	CURL *easy;
	CURLM *multi; /* NULL: taken out */
	struct loop_call *end;
	CURLcode result;
	char words[CURL_ERROR_SIZE];
	/* Its last call, deferred: the owner may start others in it. */
	void (*on_done)(struct transfer *t);
};

/* Makes t->easy, with its words and without signals. */
void transfer_init(struct transfer *t, void (*on_done)(struct transfer *t));

/* t->easy is set up. */
void transfer_start(struct transfer *t);

/* No call comes any more. */
void transfer_fini(struct transfer *t);

/* libcurl's words for what went wrong. */
const char *transfer_words(const struct transfer *t);

/* What it had to tell is told: after a call of libcurl outside of the loop. */
void transfer_collect(void);

#endif
