/*
 * A head that goes out at once is given to nghttp2 as a bare ":status: 200",
 * one byte; its fields are put in that byte's place when the frame comes out,
 * by our own table (hpack). nghttp2's stays empty: what it writes itself (heads
 * that must wait, interim ones, trailers) is marked as never to be put there.
 */
#include "proxy/h2_fields.h"

#include <assert.h>
#include <string.h>

#include "proxy/h2_inner.h"
#include "proxy/hpack.h"
#include "proxy/rewrite.h"
#include "proxy/worker.h"

#define FRAME_HEAD 9
/* A larger head does not surely fit into one frame (RFC 9113 4.2). */
#define FRAME_MAX 16000

/* Fields as nghttp2 wants them; names are written to text in small letters. */
struct fields {
	nghttp2_nv nv[HTTP_FIELDS_MAX + 2];
	size_t n;
	char *text;
};

static struct worker *
worker_of(const struct h2_stream *s)
{
	return s->h2->client.stream.worker;
}

static void
add(struct fields *f, struct span name, struct span value, uint8_t flags)
{
	f->nv[f->n++] = (nghttp2_nv){ .name = (uint8_t *)f->text,
				      .namelen = name.len,
				      .value = (uint8_t *)value.at,
				      .valuelen = value.len,
				      .flags = flags };
	f->text = hpack_small(f->text, name);
}

/* For the call of nghttp2 that follows, which copies; into the worker's tx. */
static void
set_fields(struct h2_stream *s, const struct http_head *head, struct fields *f)
{
	char *status = worker_of(s)->tx;
	bool brief = hpack_status(status, head->status) == status + 1;

	f->n = 0;
	f->text = status + 8;
	status[0] = (char)('0' + head->status / 100);
	status[1] = (char)('0' + head->status / 10 % 10);
	status[2] = (char)('0' + head->status % 10);
	add(f, span_make(":status", 7), span_make(status, 3),
	    brief ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX);
	for (unsigned i = 0; i < head->nfields; i++)
		if (rewrite_passes(head, &head->fields[i]))
			add(f, head->fields[i].name, head->fields[i].value,
			    NGHTTP2_NV_FLAG_NO_INDEX);
}

/* At most, as a header block. */
static size_t
size_of(const struct http_head *head)
{
	const struct http_line *first = head->fields, *last;

	if (head->nfields == 0)
		return HPACK_STATUS;
	last = first + head->nfields - 1;
	return HPACK_STATUS + (size_t)head->nfields * HPACK_FIELD +
	       (size_t)(last->value.at + last->value.len - first->name.at);
}

void
h2_fields_answer(struct h2_stream *s, const struct http_head *head,
		 const nghttp2_data_provider *from)
{
	static const nghttp2_nv bare = {
		.name = (uint8_t *)":status",
		.namelen = 7,
		.value = (uint8_t *)"200",
		.valuelen = 3,
		.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME |
			 NGHTTP2_NV_FLAG_NO_COPY_VALUE
	};
	struct h2 *h = s->h2;
	struct fields fields;

	if (h->in_session || h->client.stream.queued > 0 ||
	    size_of(head) > FRAME_MAX) {
		set_fields(s, head, &fields);
		nghttp2_submit_response(h->session, s->id, fields.nv, fields.n,
					from);
		return;
	}
	h->fields.head = head;
	h->fields.id = s->id;
	nghttp2_submit_response(h->session, s->id, &bare, 1, from);
}

void
h2_fields_said(struct h2 *h)
{
	if (h->in_session || h->fields.head == NULL)
		return;
	/* When it comes, it comes bare: a head that the site never sent. */
	h->fields.head = NULL;
	h->fields.late = h->closes = true;
}

void
h2_fields_interim(struct h2_stream *s, const struct http_head *head)
{
	struct fields fields;

	set_fields(s, head, &fields);
	nghttp2_submit_headers(s->h2->session, NGHTTP2_FLAG_NONE, s->id, NULL,
			       fields.nv, fields.n, NULL);
}

void
h2_fields_trailers(struct h2_stream *s, struct span text)
{
	char names[HTTP_TRAILER_MAX];
	struct fields f = { .text = names };
	struct span line, name;

	while (span_cut(&text, '\n', &line) && f.n < HTTP_FIELDS_MAX)
		if (span_cut(&line, ':', &name) && name.len > 0 &&
		    line.at != NULL)
			add(&f, name, span_trim(line),
			    NGHTTP2_NV_FLAG_NO_INDEX);
	nghttp2_submit_trailer(s->h2->session, s->id, f.nv, f.n);
}

/* lead: the frame's head, and what stays of its block. */
static void
put(struct h2 *h, const uint8_t *at, size_t lead)
{
	const struct http_head *head = h->fields.head;
	size_t most = lead + size_of(head), len;
	char *out = block_extend(&h->client.stream.worker->blocks, &h->out,
				 most);
	char *end = out + lead;

	memcpy(out, at, lead);
	end = hpack_status(end, head->status);
	for (unsigned i = 0; i < head->nfields; i++)
		if (rewrite_passes(head, &head->fields[i]))
			end = hpack_field(h->fields.table, end,
					  &head->fields[i]);
	h->out->len -= most - (size_t)(end - out);
	len = (size_t)(end - out) - FRAME_HEAD;
	out[0] = (char)(len >> 16);
	out[1] = (char)(len >> 8);
	out[2] = (char)len;
	h->fields.head = NULL;
}

static int32_t
id_of(const uint8_t *frame)
{
	return (int32_t)((uint32_t)frame[5] << 24 | (uint32_t)frame[6] << 16 |
			 (uint32_t)frame[7] << 8 | frame[8]);
}

void
h2_fields_append(struct h2 *h, const uint8_t *at, size_t len)
{
	struct blocks *blocks = &h->client.stream.worker->blocks;
	size_t resized;

	if (len <= FRAME_HEAD || at[3] != NGHTTP2_HEADERS) {
		block_append(blocks, &h->out, at, len);
		return;
	}
	resized = hpack_resized(h->fields.table, at + FRAME_HEAD,
				len - FRAME_HEAD);
	/* The client has one table for what we and nghttp2 write. */
	assert(nghttp2_session_get_hd_deflate_dynamic_table_size(h->session) ==
	       0);
	if (h->fields.head != NULL && id_of(at) == h->fields.id)
		put(h, at, FRAME_HEAD + resized);
	else
		block_append(blocks, &h->out, at, len);
}
