/*
 *   relay_begin -> READS -> relay_place -> CONNECTS -> WAITS -> ANSWERS -> end
 *                              ^  |           |          |
 *                              |  v           v          v
 *                              HELD <----- relay_failed --> refused
 */
#include "proxy/relay.h"

#include <assert.h>
#include <string.h>

#include "proxy/answer.h"
#include "proxy/detect.h"
#include "proxy/front.h"
#include "proxy/rewrite.h"
#include "proxy/tunnel.h"
#include "proxy/upstream.h"
#include "proxy/worker.h"

/* How long a site may still finish what is not its own any more. */
#define MOVED_GRACE_MS 100

static const char unavailable[] =
    "The service is temporarily unavailable, please try again";

/* The body follows in the same block when its length is known and small. */
static void
build_head(struct request *r, const struct http_head *head, size_t head_len)
{
	struct rewrite in = { .head = head,
			      .head_len = head_len,
			      .address = r->front->node,
			      .forwarded = r->front->forwarded,
			      .proto = r->front->proto,
			      .id = r->id,
			      .stamp_us = r->stamp_us };
	size_t size = rewrite_request_size(&in);

	if (head->body == HTTP_BODY_LENGTH && head->length <= BLOCK_LARGE)
		size += (size_t)head->length;
	r->head = r->last = block_get(&r->worker->blocks, size);
	r->tail = rewrite_request(&in, r->head->at);
	r->head->len = r->tail + REWRITE_TAIL;
	assert(r->head->len <= r->head->cap);
	r->method_len = head->method_text.len;
	r->target_len = head->path.len;
	if (head->query.at != NULL)
		r->target_len += 1 + head->query.len;
}

/* The path in the head is the one that was judged, byte for byte. */
static void
keep_company(struct request *r, const struct http_head *head,
	     const struct detect *d)
{
	const char *path = r->head->at + r->method_len + 1;

	if (d->company.at == d->text) {
		memcpy(r->company_text, d->text, sizeof(r->company_text));
		r->company = span_make(r->company_text, d->company.len);
	} else if (d->company.len > 0) {
		r->company = span_make(path + (d->company.at - head->path.at),
				       d->company.len);
	}
}

struct request *
relay_begin(struct worker *w, struct front *f, const struct http_head *head,
	    size_t head_len)
{
	struct request *r = request_new(w, f);
	struct detect d;

	r->method = head->method;
	r->upgrade = head->upgrade.len > 0;
	r->form = reply_form_of(head->path);
	detect_path(head->path, r->upgrade, &d);
	build_head(r, head, head_len);
	keep_company(r, head, &d);
	switch (d.kind) {
	case DETECT_FORWARD:
		break;
	case DETECT_BACKUP:
		r->kind = REQUEST_DETECT;
		break;
	case DETECT_ROOM:
		r->kind = REQUEST_ROOM;
		r->service = ROUTE_COLLAB;
		r->letter = d.letter;
		break;
	case DETECT_PRIVATE:
		r->denied = 404;
		break;
	case DETECT_BAD:
		r->denied = 400;
		break;
	}
	if (r->method == HTTP_CONNECT || r->method == HTTP_TRACE)
		r->denied = 405;
	return r;
}

static void
keep_body(struct request *r, const char *at, size_t len)
{
	struct block *last = r->last;
	size_t n = last->cap - last->len;

	if (n > len)
		n = len;
	memcpy(last->at + last->len, at, n);
	last->len += n;
	r->body_kept += len;
	if (n == len)
		return;
	/* Each block as large as all before it: few, however much comes. */
	last->next = block_get(&r->worker->blocks, r->body_kept > BLOCK_LARGE
						       ? r->body_kept
						       : BLOCK_LARGE);
	r->last = last->next;
	memcpy(r->last->at, at + n, len - n);
	r->last->len = len - n;
}

/* What was sent will not be sent again: it needs no memory any more. */
static void
forget(struct request *r)
{
	r->forgotten = true;
	r->last = r->head;
	block_put(&r->worker->blocks, &r->head->next);
	r->head->len = r->tail + REWRITE_TAIL;
}

static void
stream_body(struct request *r, const char *at, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)at, (unsigned)len);

	if (!r->forgotten)
		forget(r);
	upstream_set_deadline(r->up, r->worker->limits.upstream_ms);
	stream_write(&r->up->stream, &buf, 1);
	if (r->up->stream.queued > 0)
		r->front->ops->body(r->front, false);
}

void
relay_body(struct request *r, const char *at, size_t len)
{
	struct worker *w = r->worker;

	r->bytes_in += len;
	if (r->stage == REQUEST_TUNNELS) {
		tunnel_from_client(r, at, len);
		return;
	}
	if (r->body_wanted && r->up != NULL) {
		stream_body(r, at, len);
		return;
	}
	keep_body(r, at, len);
	if (r->streams ||
	    (r->body_kept <= w->limits.body_buffer_bytes && !r->front->full))
		return;
	r->streams = true;
	metrics_add(&w->metrics.streamed, 1);
	r->front->ops->body(r->front, false);
	relay_place(r);
}

void
relay_body_end(struct request *r)
{
	r->whole = true;
	r->read_us = r->bytes_in > 0 ? worker_now_us() : r->begun_us;
	if (!r->streams)
		relay_place(r);
}

void
relay_refuse(struct request *r, int status, const char *why)
{
	const struct route_snapshot *s = r->worker->snapshot;
	struct reply reply = {
		.status = status,
		.form = r->form,
		.why = why,
		.active = s != NULL ? s->active : ROUTE_PRIMARY,
		.id = span_make(r->id, REQUEST_ID_SIZE),
		.allow = status == 405
			     ? "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
			     : NULL,
	};

	if (status == 503)
		reply.retry_after_s = s != NULL && s->retry_after_s > 0
					  ? s->retry_after_s
					  : 2;
	r->status = status;
	r->answered_us = 0;
	upstream_close(&r->up);
	r->front->ops->reply(r->front, &reply);
	relay_end(r, r->who != '\0' ? r->who : 'P');
}

static void
answer_detect(struct request *r)
{
	const struct route_snapshot *s = r->worker->snapshot;
	struct route_pick pick = route_pick(s, r->company);
	struct reply reply = { .status = 200,
			       .body = pick.site == ROUTE_PRIMARY ? "Primary"
								  : "Backup" };

	if (s->companies != NULL &&
	    !route_companies_has(s->companies, r->company)) {
		relay_refuse(r, 404, "There is no such company");
		return;
	}
	r->status = 200;
	r->front->ops->reply(r->front, &reply);
	relay_end(r, '-');
}

struct route_pick
relay_pick(const struct request *r)
{
	static const struct route_pick wait = { .verdict = ROUTE_WAIT };
	const struct route_snapshot *s = r->worker->snapshot;
	struct route_pick pick;

	if (s == NULL)
		return wait;
	if (r->kind == REQUEST_ROOM)
		return route_pick_room(s, r->letter);
	pick = route_pick(s, r->company);
	if (r->told_epoch == s->epoch && pick.verdict == ROUTE_TO)
		pick.site = r->told;
	/* It must say where a request made now ends up: that is open. */
	if (r->kind == REQUEST_DETECT && s->suspect && pick.verdict == ROUTE_TO)
		return wait;
	return pick;
}

static void
send_to(struct request *r, enum route_site site)
{
	r->site = site;
	if (!queue_admit(&r->worker->queues[site][r->service], r))
		return;
	r->epoch = r->worker->snapshot->epoch;
	r->moved = false;
	if (r->attempts++ > 0)
		metrics_add(&r->worker->metrics.resent, 1);
	rewrite_tail(r->head->at + r->tail, r->epoch, site);
	request_count(r);
	r->stage = REQUEST_CONNECTS;
	r->up = upstream_get(r->worker, site, r->service, r, &answer_ops);
	r->kept_connection = r->up->connected;
	if (r->up->connected)
		answer_send(r);
}

static bool
is_denied(struct request *r)
{
	switch (r->denied) {
	case 0:
		break;
	case 400:
		relay_refuse(r, 400, "The path is malformed");
		return true;
	case 404:
		relay_refuse(r, 404, "There is nothing here");
		return true;
	default:
		relay_refuse(r, 405, "The method is not supported");
		return true;
	}
	if (r->kind != REQUEST_DETECT || r->method == HTTP_GET ||
	    r->method == HTTP_HEAD)
		return false;
	relay_refuse(r, 405, "The method is not supported");
	return true;
}

void
relay_place(struct request *r)
{
	struct route_pick pick;

	if (is_denied(r))
		return;
	pick = relay_pick(r);
	switch (pick.verdict) {
	case ROUTE_TO:
		if (r->kind == REQUEST_DETECT)
			answer_detect(r);
		else
			send_to(r, pick.site);
		return;
	case ROUTE_WAIT:
		hold_add(r, RESEND_NOW);
		return;
	case ROUTE_REFUSE:
		relay_refuse(r, 503, unavailable);
		return;
	}
}

void
relay_expire(struct request *r)
{
	metrics_add(&r->worker->metrics.hold_expired, 1);
	r->who = 'T';
	relay_refuse(r, 503, unavailable);
}

void
relay_signal(const struct request *r, enum plane_signal kind)
{
	struct plane_event e = { .site = r->site,
				 .service = r->service,
				 .kind = kind,
				 .epoch = r->epoch,
				 .n = 1 };

	metrics_add(&r->worker->metrics.signals[r->site][kind], 1);
	shared_signal(r->worker->shared, &e);
}

static enum resend_action
judge_failure(const struct request *r, enum resend_event event)
{
	const struct route_snapshot *s = r->worker->snapshot;
	struct route_pick pick = relay_pick(r);
	struct resend_case c = {
		.event = event,
		.kept = !r->forgotten,
		.idempotent = http_method_idempotent(r->method),
		.healthy = s->upstream[pick.site][r->service].healthy,
		.same = pick.verdict == ROUTE_TO && pick.site == r->site &&
			s->epoch == r->epoch,
		.tries = r->tries,
	};

	return resend_judge(&c);
}

static void
end_canary(struct request *r)
{
	if (r->canary)
		hold_canary_ended(r->worker);
	r->canary = false;
}

void
relay_failed(struct request *r, enum resend_event event)
{
	enum resend_action action = judge_failure(r, event);
	bool canary = r->canary;

	upstream_close(&r->up);
	request_uncount(r);
	if (event == RESEND_NOT_PROCESSED)
		r->tries--;
	end_canary(r);
	if (r->body_wanted)
		r->front->ops->body(r->front, false);
	r->body_wanted = false;
	switch (action) {
	case RESEND_NOW:
		/* Many move at once: they go out in turns, as held ones. */
		if (event == RESEND_MOVED)
			hold_add(r, RESEND_NOW);
		else
			relay_place(r);
		return;
	case RESEND_WHEN_IT_WORKS:
	case RESEND_WHEN_DECIDED:
		r->canary = canary; /* it keeps its place in the queue */
		hold_add(r, action);
		return;
	case RESEND_GIVE_UP:
		r->who = 'S';
		relay_refuse(r, 503, unavailable);
		return;
	}
}

void
relay_end(struct request *r, char who)
{
	struct front *f = r->front;

	end_canary(r);
	request_end(r, who);
	f->ops->ended(f); /* last: it may begin the next one, or close */
}

void
relay_finish(struct request *r, bool reusable)
{
	if (reusable && r->whole)
		upstream_put(&r->up);
	else
		upstream_close(&r->up);
	relay_end(r, '-');
}

void
relay_cut(struct request *r, char who)
{
	metrics_add(&r->worker->metrics.cut, 1);
	upstream_close(&r->up);
	r->front->ops->cut(r->front);
	relay_end(r, who);
}

void
relay_drop(struct request *r)
{
	if (r->in_hold)
		hold_remove(r);
	if (r->queue != NULL)
		queue_remove(r);
	upstream_close(&r->up);
	end_canary(r);
	metrics_add(&r->worker->metrics.client_gone, 1);
	request_end(r, 'C');
}

void
relay_drained(struct request *r)
{
	if (r->up != NULL)
		stream_resume(&r->up->stream);
}

void
relay_review(struct worker *w)
{
	struct upstream *u;

	LIST_FOREACH(u, &w->upstreams, entry)
	{
		struct request *r = u->request;
		struct route_pick pick;

		if (r == NULL ||
		    (r->stage != REQUEST_CONNECTS && r->stage != REQUEST_WAITS))
			continue;
		pick = relay_pick(r);
		if (pick.verdict == ROUTE_WAIT ||
		    (pick.verdict == ROUTE_TO && pick.site == r->site))
			continue;
		r->moved = true;
		upstream_set_deadline(u, MOVED_GRACE_MS);
	}
}
