/*
 *   hello (accepted) --> open --> text … --> closed --> destroyed
 *
 * A message is a whole frame, made once for all who get it. It is written at
 * once while nothing waits before it (one call of the kernel, where asking
 * for the library's WRITEABLE event takes four more), else in that event. The
 * owner is told the end in "closed", or in "destroyed" when it never opened;
 * the memory goes in "destroyed".
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/wsd_inner.h"

#define CLOSE_S 2
#define HEAD_MAX 10 /* of a frame that is not masked */

void *
wsd_data(const struct wsd_conn *c)
{
	return c->data;
}

/* RFC 6455 5.2: final, text, not masked; returns its bytes. */
static size_t
frame_head(unsigned char head[HEAD_MAX], size_t len)
{
	unsigned more = len < 126 ? 0 : len <= UINT16_MAX ? 2 : 8;

	head[0] = 0x81;
	head[1] = (unsigned char)(more == 0 ? len : more == 2 ? 126 : 127);
	for (unsigned i = 0; i < more; i++)
		head[2 + i] = (unsigned char)(len >> 8 * (more - 1 - i));
	return 2 + more;
}

struct wsd_msg *
wsd_msg_new(struct span text)
{
	unsigned char head[HEAD_MAX];
	size_t n = frame_head(head, text.len);
	struct wsd_msg *m = mem_alloc(sizeof(*m) + LWS_PRE + n + text.len);

	m->uses = 1;
	m->len = n + text.len;
	memcpy(m->bytes + LWS_PRE, head, n);
	if (text.len > 0)
		memcpy(m->bytes + LWS_PRE + n, text.at, text.len);
	return m;
}

void
wsd_msg_free(struct wsd_msg **mp)
{
	struct wsd_msg *m = *mp;

	*mp = NULL;
	if (m != NULL && --m->uses == 0)
		mem_free(m);
}

static void
drop_first(struct wsd_conn *c)
{
	struct wsd_queued *q = STAILQ_FIRST(&c->queue);

	STAILQ_REMOVE_HEAD(&c->queue, entry);
	c->queued_bytes -= q->msg->len;
	wsd_msg_free(&q->msg);
	mem_free(q);
}

static void
set_end(struct wsd_conn *c, int code, const char *reason, size_t len)
{
	if (c->code != 0)
		return; /* the first cause is the cause */
	c->code = code;
	snprintf(c->reason, sizeof(c->reason), "%.*s", (int)len, reason);
}

/* The library looks at its timers only when it is woken. */
static void
set_timeout(struct wsd_conn *c, int s)
{
	lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_REASON_BASE, s);
	lws_cancel_service(c->wsd->context);
}

void
wsd_close(struct wsd_conn *c, int code, const char *reason)
{
	if (c->closing || c->told)
		return;
	c->closing = true;
	set_end(c, code, reason, strlen(reason));
	/* If it never becomes writable, or is never answered. */
	set_timeout(c, CLOSE_S);
	lws_callback_on_writable(c->wsi);
}

void
wsd_conn_cut(struct wsd_conn *c, int code, const char *reason)
{
	c->closing = true;
	set_end(c, code, reason, strlen(reason));
	set_timeout(c, LWS_TO_KILL_ASYNC);
}

/* What the socket does not take the library keeps, before all that follows. */
static int
write_msg(struct wsd_conn *c, struct wsd_msg *m)
{
	return lws_write(c->wsi, m->bytes + LWS_PRE, m->len, LWS_WRITE_RAW) < 0
		   ? -1
		   : 0;
}

void
wsd_send_msg(struct wsd_conn *c, struct wsd_msg *m)
{
	struct wsd_queued *q;

	if (c->closing || c->told || c->peer_closed)
		return;
	if (STAILQ_EMPTY(&c->queue) && !lws_partial_buffered(c->wsi)) {
		if (write_msg(c, m) < 0)
			wsd_conn_cut(c, 1006, "cut");
		return;
	}
	if (c->queued_bytes + m->len > c->wsd->conf.max_queue) {
		while (!STAILQ_EMPTY(&c->queue))
			drop_first(c);
		wsd_close(c, 1008, "slow consumer");
		return;
	}
	q = mem_new(struct wsd_queued);
	q->msg = m;
	m->uses++;
	c->queued_bytes += m->len;
	STAILQ_INSERT_TAIL(&c->queue, q, entry);
	lws_callback_on_writable(c->wsi);
}

void
wsd_send(struct wsd_conn *c, struct span text)
{
	struct wsd_msg *m = wsd_msg_new(text);

	wsd_send_msg(c, m);
	wsd_msg_free(&m);
}

void
wsd_conn_check(struct wsd_conn *c, int64_t now_ms)
{
	int64_t silent = now_ms - c->heard_ms;

	if (silent > 2 * (int64_t)c->wsd->conf.ping_ms) {
		wsd_conn_cut(c, 1006, "silent");
	} else if (silent >= (int64_t)c->wsd->conf.ping_ms / 2) {
		c->ping_due = true;
		lws_callback_on_writable(c->wsi);
	}
}

static int
write_ping(struct wsd_conn *c)
{
	unsigned char bytes[LWS_PRE];

	c->ping_due = false;
	return lws_write(c->wsi, bytes + LWS_PRE, 0, LWS_WRITE_PING) < 0 ? -1
									 : 0;
}

/*
 * By ourselves: with libuv, Debian's 4.1.6 (built with _DEBUG) cuts the
 * connection before the frame that lws_close_reason prepares.
 */
static int
write_close(struct wsd_conn *c)
{
	unsigned char bytes[LWS_PRE + 4 + WSD_REASON_MAX];
	unsigned char *frame = bytes + LWS_PRE;
	size_t len = strlen(c->reason);

	c->close_sent = true;
	frame[0] = 0x88;
	frame[1] = (unsigned char)(2 + len);
	frame[2] = (unsigned char)(c->code >> 8);
	frame[3] = (unsigned char)c->code;
	memcpy(frame + 4, c->reason, len);
	return lws_write(c->wsi, frame, 4 + len, LWS_WRITE_RAW) < 0 ? -1 : 0;
}

static int
on_writeable(struct wsd_conn *c)
{
	struct wsd_msg *m;

	if (c->ping_due && !c->closing && write_ping(c) < 0)
		return -1;
	while (!STAILQ_EMPTY(&c->queue) && !lws_send_pipe_choked(c->wsi)) {
		m = STAILQ_FIRST(&c->queue)->msg;
		if (write_msg(c, m) < 0)
			return -1;
		drop_first(c);
	}
	if (!STAILQ_EMPTY(&c->queue))
		lws_callback_on_writable(c->wsi);
	else if (c->closing && !c->close_sent)
		return write_close(c);
	return 0;
}

static int
on_receive(struct wsd_conn *c, const char *at, size_t len)
{
	struct wsd *w = c->wsd;

	c->heard_ms = clock_mono_ms();
	if (c->closing || w->dying)
		return 0;
	if (lws_frame_is_binary(c->wsi)) {
		wsd_close(c, 1003, "text only");
		return 0;
	}
	if (c->in.len + len > w->conf.max_message) {
		wsd_close(c, 1009, "message too large");
		return 0;
	}
	strbuf_add(&c->in, at, len);
	if (!lws_is_final_fragment(c->wsi) ||
	    lws_remaining_packet_payload(c->wsi) > 0)
		return 0;
	if (w->conf.on_text != NULL)
		w->conf.on_text(w->conf.ctx, c, strbuf_span(&c->in));
	strbuf_reset(&c->in);
	return 0;
}

/* The answer to ours ends it; else the library answers, then ends it. */
static int
on_peer_close(struct wsd_conn *c, const unsigned char *at, size_t len)
{
	c->peer_closed = true;
	if (len >= 2)
		set_end(c, at[0] << 8 | at[1], (const char *)at + 2, len - 2);
	else
		set_end(c, 1005, "", 0);
	return c->close_sent ? -1 : 0;
}

static void
tell_end(struct wsd_conn *c)
{
	struct wsd *w = c->wsd;

	if (c->told)
		return;
	c->told = true;
	set_end(c, 1006, "cut", 3);
	if (!w->dying && w->conf.on_close != NULL)
		w->conf.on_close(w->conf.ctx, c, c->code, c->reason);
}

static void
destroy(struct wsd_conn *c)
{
	struct wsd *w = c->wsd;

	tell_end(c);
	lws_set_opaque_user_data(c->wsi, NULL);
	TAILQ_REMOVE(&w->conns, c, entry);
	w->nconns--;
	while (!STAILQ_EMPTY(&c->queue))
		drop_first(c);
	strbuf_fini(&c->in);
	mem_free(c);
	wsd_lost(w);
}

static int
conn_event(struct wsd_conn *c, enum lws_callback_reasons reason, void *in,
	   size_t len)
{
	struct wsd *w = c->wsd;

	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		if (!w->dying && w->conf.on_open != NULL)
			w->conf.on_open(w->conf.ctx, c);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		return on_receive(c, in, len);
	case LWS_CALLBACK_RECEIVE_PONG:
		c->heard_ms = clock_mono_ms();
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return on_writeable(c);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		return on_peer_close(c, in, len);
	case LWS_CALLBACK_CLOSED:
		tell_end(c);
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		destroy(c);
		return 0;
	default:
		return 0;
	}
}

/* What comes before there is a connection of ours. */
static int
server_event(struct wsd *w, struct lws *wsi, enum lws_callback_reasons reason)
{
	switch (reason) {
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return wsd_hello(w, wsi);
	case LWS_CALLBACK_HTTP:
		return wsd_refuse(w, wsi, 426);
	default:
		return 0;
	}
}

int
wsd_conn_event(struct lws *wsi, enum lws_callback_reasons reason, void *user,
	       void *in, size_t len)
{
	struct wsd_conn *c = wsi != NULL ? lws_get_opaque_user_data(wsi) : NULL;
	struct wsd *w = c != NULL ? c->wsd
				  : lws_context_user(lws_get_context(wsi));
	int rc;

	if (w == NULL)
		return 0;
	w->in_callback++;
	rc = c != NULL ? conn_event(c, reason, in, len)
		       : server_event(w, wsi, reason);
	w->in_callback--;
	return rc;
}
