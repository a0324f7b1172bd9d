#include "proxy/answer.h"

#include "proxy/front.h"
#include "proxy/relay.h"
#include "proxy/tunnel.h"
#include "proxy/worker.h"

/* Sites that do not agree are not asked for ever. */
#define TOLD_TIMES_MAX 3

#define SEND_BUFS 64

static void on_connected(struct upstream *u);
static void on_data(struct upstream *u, char *at, size_t len);
static void on_end(struct upstream *u, int why);
static void on_drained(struct upstream *u);
static void on_deadline(struct upstream *u);

const struct upstream_ops answer_ops = { .on_connected = on_connected,
					 .on_data = on_data,
					 .on_end = on_end,
					 .on_drained = on_drained,
					 .on_deadline = on_deadline };

/* The rest of a body that is larger than what is kept may come. */
static void
want_body(struct request *r)
{
	if (!r->streams || r->whole || r->up->stream.queued > 0)
		return;
	r->body_wanted = true;
	r->front->ops->body(r->front, true);
}

void
answer_send(struct request *r)
{
	struct upstream *u = r->up;
	uv_buf_t bufs[SEND_BUFS];
	unsigned n = 0;

	r->stage = REQUEST_WAITS;
	/* One reading of the clock does for what happens in one turn. */
	if (r->attempts > 1 || r->held_once || !r->kept_connection)
		r->sent_us = worker_now_us();
	else
		r->sent_us = r->read_us > 0 ? r->read_us : worker_now_us();
	r->tries++;
	upstream_set_deadline(u, r->worker->limits.upstream_ms);
	for (struct block *b = r->head; b != NULL && n < SEND_BUFS; b = b->next)
		bufs[n++] = uv_buf_init(b->at, (unsigned)b->len);
	stream_write_kept(&u->stream, bufs, n);
	want_body(r);
}

static void
on_connected(struct upstream *u)
{
	struct request *r = u->request;

	if (r->moved)
		relay_failed(r, RESEND_REFUSED); /* it was never sent */
	else
		answer_send(r);
}

static void
on_drained(struct upstream *u)
{
	struct request *r = u->request;

	if (r->stage == REQUEST_TUNNELS)
		r->front->ops->body(r->front, true);
	else
		want_body(r);
}

static void
on_end(struct upstream *u, int why)
{
	struct request *r = u->request;

	switch (r->stage) {
	case REQUEST_CONNECTS:
		relay_signal(r, why == UV_ETIMEDOUT ? PLANE_TIMEOUT
						    : PLANE_REFUSED);
		relay_failed(r, RESEND_REFUSED);
		return;
	case REQUEST_WAITS:
		relay_signal(r, PLANE_RESET);
		relay_failed(r, RESEND_UNCERTAIN);
		return;
	case REQUEST_ANSWERS:
		if (why != UV_EOF ||
		    http_body_close(&r->answer) != HTTP_BODY_DONE) {
			relay_signal(r, PLANE_RESET);
			relay_cut(r, 'S');
			return;
		}
		r->front->ops->data(r->front, span_make(NULL, 0), true);
		relay_finish(r, false);
		return;
	case REQUEST_TUNNELS:
		tunnel_site_ended(r);
		return;
	case REQUEST_READS:
	case REQUEST_HELD:
	case REQUEST_QUEUES:
		return;
	}
}

static void
cut_late(struct request *r)
{
	worker_count_limit(r->worker, LIMIT_BODY_TIME);
	relay_cut(r, 'T');
}

static void
on_deadline(struct upstream *u)
{
	struct request *r = u->request;

	switch (r->stage) {
	case REQUEST_CONNECTS:
		if (!r->moved) {
			worker_count_limit(r->worker, LIMIT_CONNECT_TIME);
			relay_signal(r, PLANE_TIMEOUT);
		}
		relay_failed(r, RESEND_REFUSED);
		return;
	case REQUEST_WAITS:
		if (r->moved) {
			relay_failed(r, RESEND_MOVED);
			return;
		}
		worker_count_limit(r->worker, LIMIT_UPSTREAM_TIME);
		relay_signal(r, PLANE_TIMEOUT);
		r->who = 'T';
		relay_refuse(r, 504, "The service did not answer in time");
		return;
	case REQUEST_ANSWERS:
		if (r->front->queued > 0) /* the client is slow, not the site */
			upstream_set_deadline(u, r->worker->limits.body_ms);
		else
			cut_late(r);
		return;
	case REQUEST_TUNNELS:
		tunnel_silent(r);
		return;
	case REQUEST_READS:
	case REQUEST_HELD:
	case REQUEST_QUEUES:
		return;
	}
}

/* No HTTP, or not an answer to what was asked. */
static void
on_garbage(struct request *r)
{
	relay_signal(r, PLANE_5XX);
	r->who = 'S';
	relay_refuse(r, 502, "The service gave an invalid answer");
}

/* The company is known to the site alone when it stands in the body: G7. */
static bool
was_told(struct request *r, struct span where)
{
	bool primary = span_is(where, "primary");

	if ((!primary && !span_is(where, "backup")) ||
	    r->told_times >= TOLD_TIMES_MAX)
		return false;
	r->told_times++;
	r->told = primary ? ROUTE_PRIMARY : ROUTE_BACKUP;
	r->told_epoch = r->epoch;
	return true;
}

/* True if the site says that this is no answer; then it is dealt with. */
static bool
is_refusal(struct request *r, const struct http_head *head)
{
	if (head->status != 421 && head->status != 503)
		return false;
	if (http_head_find(head, HTTP_FIELD_GSB_NOT_PROCESSED).len > 0) {
		if (!was_told(
			r, http_head_find(head, HTTP_FIELD_GSB_NOT_PROCESSED)))
			relay_signal(r, PLANE_NOT_PROCESSED);
		relay_failed(r, RESEND_NOT_PROCESSED);
		return true;
	}
	if (!span_is(http_head_find(head, HTTP_FIELD_GSB_OUTCOME), "unknown"))
		return false;
	relay_signal(r, PLANE_RESET);
	relay_failed(r, RESEND_UNCERTAIN);
	return true;
}

static void
begin(struct request *r, const struct http_head *head)
{
	struct worker *w = r->worker;

	if (head->status >= 500 && head->status != 501 && head->status != 503)
		relay_signal(r, PLANE_5XX);
	r->stage = REQUEST_ANSWERS;
	r->status = head->status;
	r->answered_us = worker_now_us();
	r->answer_closes = !head->keep_alive;
	request_uncount_write(r);
	w->works_us[r->site] = r->sent_us;
	if (r->canary)
		hold_canary_ended(w);
	r->canary = false;
	http_body_init(&r->answer, head->body, head->length);
}

static void
after_data(struct request *r)
{
	upstream_set_deadline(r->up, r->worker->limits.body_ms);
	if (r->front->queued > 0)
		stream_pause(&r->up->stream);
}

static void
finish(struct request *r, bool extra)
{
	relay_finish(r, !extra && !r->answer_closes);
}

/* Chunked for a front that wants content alone. */
static void
pass_decoded(struct request *r, const char *at, size_t len)
{
	struct front *f = r->front;
	enum http_body_result rc;
	struct span data;
	size_t used;

	do {
		rc = http_body_next(&r->answer, at, len, &used, &data);
		if (rc == HTTP_BODY_DATA)
			f->ops->data(f, data, false);
		at += used;
		len -= used;
	} while (rc == HTTP_BODY_DATA);
	if (rc == HTTP_BODY_BAD) {
		relay_cut(r, 'S');
	} else if (rc == HTTP_BODY_DONE) {
		f->ops->data(f, span_make(NULL, 0), true);
		finish(r, len > 0);
	} else {
		after_data(r);
	}
}

static void
pass(struct request *r, const char *at, size_t len)
{
	struct front *f = r->front;
	enum http_body_result rc;
	size_t used;

	if (f->decoded && r->answer.kind == HTTP_BODY_CHUNKED) {
		pass_decoded(r, at, len);
		return;
	}
	rc = http_body_pass(&r->answer, at, len, &used);
	if (rc == HTTP_BODY_BAD) {
		relay_cut(r, 'S');
		return;
	}
	f->ops->data(f, span_make(at, used), rc == HTTP_BODY_DONE);
	if (rc == HTTP_BODY_DONE)
		finish(r, used < len);
	else
		after_data(r);
}

static void
begin_tunnel(struct request *r, const struct http_head *head, const char *at,
	     size_t len)
{
	if (!r->upgrade || head->upgrade.len == 0) {
		on_garbage(r);
		return;
	}
	begin(r, head);
	r->front->ops->answer(r->front, head, span_make(NULL, 0), false);
	request_uncount(r);
	r->stage = REQUEST_TUNNELS;
	tunnel_begin(r, head->websocket);
	r->front->ops->body(r->front, true); /* what came early goes on */
	if (len > 0)
		tunnel_from_site(r, at, len);
}

/* The head and as much of the body as came with it. */
static void
on_answer(struct request *r, const struct http_head *head, const char *at,
	  size_t len)
{
	struct front *f = r->front;
	enum http_body_result rc;
	size_t used;

	if (is_refusal(r, head))
		return;
	if (head->status == 101) {
		begin_tunnel(r, head, at, len);
		return;
	}
	begin(r, head);
	if (f->decoded && head->body == HTTP_BODY_CHUNKED) {
		f->ops->answer(f, head, span_make(NULL, 0), false);
		pass_decoded(r, at, len);
		return;
	}
	rc = http_body_pass(&r->answer, at, len, &used);
	if (rc == HTTP_BODY_BAD) {
		r->answered_us = 0;
		on_garbage(r);
		return;
	}
	f->ops->answer(f, head, span_make(at, used), rc == HTTP_BODY_DONE);
	if (rc == HTTP_BODY_DONE)
		finish(r, used < len);
	else
		after_data(r);
}

/*
 * A whole head, perhaps after interim ones. Returns the bytes that are not
 * used up because the head is not whole, or -1 when that is over.
 */
static ssize_t
read_head(struct request *r, const char *at, size_t len)
{
	struct worker *w = r->worker;
	struct http_head *head = &w->answer_head;
	struct http_fault fault;

	for (;;) {
		size_t scanned = 0;
		size_t end = http_head_end(at, len, &scanned);

		if (end == 0 && len <= WORKER_HEAD_MAX)
			return (ssize_t)len;
		if (end == 0 ||
		    http_response_parse(head, at, end, r->method,
					&w->answer_limits, &fault) != 0) {
			on_garbage(r);
			return -1;
		}
		at += end;
		len -= end;
		if (head->status >= 200 || head->status == 101) {
			on_answer(r, head, at, len);
			return -1;
		}
		if (head->status != 100)
			r->front->ops->interim(r->front, head);
	}
}

/* A head that came in pieces is put together in u->partial. */
static void
on_head_bytes(struct upstream *u, char *at, size_t len)
{
	struct request *r = u->request;
	struct blocks *blocks = &r->worker->blocks;
	struct block *whole = u->partial;
	ssize_t left;

	u->partial = NULL;
	if (whole != NULL) {
		block_append(blocks, &whole, at, len);
		at = whole->at;
		len = whole->len;
	}
	left = read_head(r, at, len); /* r and u may be gone, unless >= 0 */
	if (left >= 0)
		block_append(blocks, &u->partial, at + len - left,
			     (size_t)left);
	block_put(blocks, &whole);
}

static void
on_data(struct upstream *u, char *at, size_t len)
{
	struct request *r = u->request;

	switch (r->stage) {
	case REQUEST_WAITS:
		on_head_bytes(u, at, len);
		return;
	case REQUEST_ANSWERS:
		pass(r, at, len);
		return;
	case REQUEST_TUNNELS:
		tunnel_from_site(r, at, len);
		return;
	case REQUEST_READS:
	case REQUEST_HELD:
	case REQUEST_QUEUES:
	case REQUEST_CONNECTS:
		return;
	}
}
