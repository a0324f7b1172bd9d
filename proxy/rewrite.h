/*
 * Heads as they are passed on: the sender's lines in runs as they came, less
 * what belongs to one connection or to the pair alone, plus ours. Pure.
 */
#ifndef PROXY_REWRITE_H
#define PROXY_REWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/head.h"
#include "proxy/route.h"

struct rewrite {
	const struct http_head *head;
	size_t head_len;
	const char *address;   /* of the client, as Forwarded writes it */
	const char *forwarded; /* ready lines, see rewrite_forwarded */
	const char *proto;
	const char *id; /* 22 characters */
	int64_t stamp_us;
};

/* Of the last lines, which are written anew for each attempt. */
#define REWRITE_TAIL                                  \
	(sizeof("GSB-Epoch: 18446744073709551615\r\n" \
		"GSB-Site: primary\r\n\r\n") -        \
	 1)

/* Room that rewrite_request needs, its tail too. */
size_t rewrite_request_size(const struct rewrite *in);
/* Writes all but the tail; the number of bytes. */
size_t rewrite_request(const struct rewrite *in, char *out);
/* Always REWRITE_TAIL bytes: shorter values are padded with blanks. */
void rewrite_tail(char *out, uint64_t epoch, enum route_site site);

enum rewrite_connection {
	REWRITE_SILENT, /* what the version means by itself */
	REWRITE_CLOSE,
	REWRITE_KEEP, /* said to a 1.0 client */
	REWRITE_UPGRADE
};
/* Room for, and the answer's head for an HTTP/1 client. plain: without
 * Transfer-Encoding, because the body is decoded here. */
size_t rewrite_answer_size(const struct http_head *head, size_t head_len);
size_t rewrite_answer(const struct http_head *head,
		      enum rewrite_connection connection, bool plain,
		      char *out);

/* Whether a field of an answer is passed on to a client. */
bool rewrite_passes(const struct http_head *head, const struct http_line *l);

/* "X-Forwarded-For: A\r\nX-Forwarded-Proto: P\r\n" into out; its length. */
#define REWRITE_FORWARDED_SIZE 128
size_t rewrite_forwarded(const char *address, const char *proto,
			 char out[static REWRITE_FORWARDED_SIZE]);

/* Decimal without a terminator; its length, at most 20. */
size_t rewrite_number(uint64_t n, char *out);

#endif
