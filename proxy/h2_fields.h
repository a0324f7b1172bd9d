/*
 * Heads of answers by HTTP/2; a part of h2 (h2_inner.h).
 */
#ifndef PROXY_H2_FIELDS_H
#define PROXY_H2_FIELDS_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>

#include "base/span.h"
#include "http/head.h"

struct h2;
struct h2_stream;
struct hpack;

struct h2_fields {
	struct hpack *table;
	/* The head that the present call says, and of which stream. */
	const struct http_head *head;
	int32_t id;
	/* nghttp2 kept one back: it says nothing more, the connection ends. */
	bool late;
};

/* With h2_serialise and h2_fields_said to follow. from: NULL, no body. */
void h2_fields_answer(struct h2_stream *s, const struct http_head *head,
		      const nghttp2_data_provider *from);
void h2_fields_said(struct h2 *h);
void h2_fields_interim(struct h2_stream *s, const struct http_head *head);
/* Lines, each with its end. */
void h2_fields_trailers(struct h2_stream *s, struct span text);

/* What nghttp2 wants to be sent, to h->out. */
void h2_fields_append(struct h2 *h, const uint8_t *at, size_t len);

#endif
