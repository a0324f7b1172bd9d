#include "proxy/tunnel.h"

#include <stddef.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "proxy/frames.h"
#include "proxy/front.h"
#include "proxy/relay.h"
#include "proxy/upstream.h"
#include "proxy/worker.h"

struct tunnel {
	LIST_ENTRY(tunnel) entry;
	struct request *request;
	struct wheel_node due; /* when it must close */
	struct frames frames;  /* of the site */
	bool websocket;
	int code;       /* that it will be closed with */
	bool goes_soon; /* at the next end of a frame */
};

static void on_due(struct wheel_node *n);

void
tunnel_begin(struct request *r, bool websocket)
{
	struct worker *w = r->worker;
	struct tunnel *t = mem_new(struct tunnel);

	r->tunnel = t;
	t->request = r;
	t->websocket = websocket;
	t->code = TUNNEL_MOVES;
	wheel_node_init(&t->due, on_due);
	LIST_INSERT_HEAD(&w->tunnels, t, entry);
	metrics_add(&w->metrics.websockets[r->site], 1);
	upstream_set_deadline(r->up, w->limits.tunnel_idle_ms);
	if (w->draining && !w->retired)
		wheel_set(&w->wheel, &t->due, worker_now_ms(w));
}

void
tunnel_free(struct tunnel **tp)
{
	struct tunnel *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	metrics_sub(&t->request->worker->metrics.websockets[t->request->site],
		    1);
	wheel_remove(&t->due);
	LIST_REMOVE(t, entry);
	mem_free(t);
}

/* At the end of a frame; the last thing that the client hears. */
static void
say_goodbye(struct tunnel *t, const char *why)
{
	struct request *r = t->request;
	char frame[FRAMES_CLOSE_MAX];
	size_t n = 0;

	if (t->websocket && !t->frames.closed)
		n = frames_close(t->code, why, frame);
	r->front->ops->data(r->front, span_make(frame, n), true);
	relay_finish(r, false);
}

static void
touch(struct request *r)
{
	upstream_set_deadline(r->up, r->worker->limits.tunnel_idle_ms);
}

void
tunnel_from_site(struct request *r, const char *at, size_t len)
{
	struct tunnel *t = r->tunnel;
	struct front *f = r->front;

	touch(r);
	if (t->websocket)
		len = frames_follow(&t->frames, at, len, t->goes_soon);
	f->ops->data(f, span_make(at, len), false);
	if (f->queued > 0)
		stream_pause(&r->up->stream);
	if (t->goes_soon && frames_between(&t->frames))
		say_goodbye(t, "the meeting moves");
}

void
tunnel_from_client(struct request *r, const char *at, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)at, (unsigned)len);

	touch(r);
	stream_write(&r->up->stream, &buf, 1);
	if (r->up->stream.queued > 0)
		r->front->ops->body(r->front, false);
}

void
tunnel_site_ended(struct request *r)
{
	struct tunnel *t = r->tunnel;

	if (t->websocket && !frames_between(&t->frames))
		relay_cut(r, 'S');
	else
		say_goodbye(t, "the service went away");
}

void
tunnel_silent(struct request *r)
{
	worker_count_limit(r->worker, LIMIT_TUNNEL_IDLE_TIME);
	relay_cut(r, 'T');
}

static void
on_due(struct wheel_node *n)
{
	struct tunnel *t = (struct tunnel *)((char *)n -
					     offsetof(struct tunnel, due));

	if (frames_between(&t->frames)) {
		say_goodbye(t, "the meeting moves");
		return;
	}
	/* A frame that never ends must not keep it. */
	if (t->goes_soon) {
		relay_cut(t->request, 'P');
		return;
	}
	t->goes_soon = true;
	wheel_set(&t->request->worker->wheel, &t->due,
		  worker_now_ms(t->request->worker) + 2000);
}

void
tunnel_close_all(struct worker *w, enum route_site site, int code,
		 uint32_t spread_ms)
{
	struct tunnel *t;
	int64_t n = 0, i = 0;

	LIST_FOREACH(t, &w->tunnels, entry)
	n += t->request->site == site;
	LIST_FOREACH(t, &w->tunnels, entry)
	{
		if (t->request->site != site || t->goes_soon)
			continue;
		t->code = code;
		wheel_set(&w->wheel, &t->due,
			  worker_now_ms(w) + spread_ms * i++ / n);
	}
}
