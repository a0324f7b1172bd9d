/* The upgrade request: its head is the library's, we copy what is asked. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/status.h"
#include "io/wsd_inner.h"

#define PEER_SIZE 64

static struct span
copy_token(struct arena *arena, struct lws *wsi, enum lws_token_indexes token)
{
	int len = lws_hdr_total_length(wsi, token);
	char *text;

	if (len <= 0)
		return (struct span){ 0 };
	text = arena_alloc(arena, (size_t)len + 1);
	len = lws_hdr_copy(wsi, text, len + 1, token);
	return span_make(text, len > 0 ? (size_t)len : 0);
}

/* The library has cut the query at each "&". */
static struct span
copy_query(struct arena *arena, struct lws *wsi)
{
	STRBUF_AUTO all = { 0 };
	struct span whole;
	char part[4096];
	int len;

	for (int i = 0;; i++) {
		len = lws_hdr_copy_fragment(wsi, part, sizeof(part),
					    WSI_TOKEN_HTTP_URI_ARGS, i);
		if (len < 0)
			break;
		if (i > 0)
			strbuf_addc(&all, '&');
		strbuf_add(&all, part, (size_t)len);
	}
	whole = strbuf_span(&all);
	return span_make(arena_span(arena, whole), whole.len);
}

/* "host:" and so on, as the library's table spells them. */
static int
known_token(const char *name)
{
	for (int i = 0; i < WSI_TOKEN_COUNT; i++) {
		const unsigned char *text = lws_token_to_string(
		    (enum lws_token_indexes)i);

		if (text != NULL && strcmp((const char *)text, name) == 0)
			return i;
	}
	return -1;
}

struct span
wsd_field(const struct wsd_hello *h, const char *name)
{
	const struct wsd_heads *heads = h->heads;
	char *wanted = arena_printf(heads->arena, "%s:", name);
	int wanted_len = (int)strlen(wanted), token, len;
	char *text;

	for (char *p = wanted; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	token = known_token(wanted);
	if (token >= 0)
		return copy_token(heads->arena, heads->wsi,
				  (enum lws_token_indexes)token);
	len = lws_hdr_custom_length(heads->wsi, wanted, wanted_len);
	if (len < 0)
		return (struct span){ 0 };
	text = arena_alloc(heads->arena, (size_t)len + 1);
	if (len > 0)
		lws_hdr_custom_copy(heads->wsi, text, len + 1, wanted,
				    wanted_len);
	return span_trim(span_make(text, (size_t)len));
}

static void
join(struct wsd *w, struct lws *wsi, void *data)
{
	struct wsd_conn *c = mem_new(struct wsd_conn);

	c->wsd = w;
	c->wsi = wsi;
	c->data = data;
	c->heard_ms = clock_mono_ms();
	STAILQ_INIT(&c->queue);
	TAILQ_INSERT_TAIL(&w->conns, c, entry);
	w->nconns++;
	lws_set_opaque_user_data(wsi, c);
	wsd_gained(w);
}

static int
ask_owner(struct wsd *w, struct lws *wsi, void **data)
{
	struct arena *arena = arena_new();
	struct wsd_heads heads = { wsi, arena };
	char peer[PEER_SIZE] = "";
	struct wsd_hello hello = {
		.path = copy_token(arena, wsi, WSI_TOKEN_GET_URI),
		.query = copy_query(arena, wsi),
		.peer = peer,
		.heads = &heads,
	};
	int status = 0;

	lws_get_peer_simple(wsi, peer, sizeof(peer));
	if (w->nconns >= w->conf.max_conns || w->fd < 0)
		status = 503;
	else if (w->conf.on_hello != NULL)
		status = w->conf.on_hello(w->conf.ctx, &hello, data);
	arena_free(&arena);
	return status;
}

/* The library's own answers are HTTP/1.0 here, and HTML. */
int
wsd_refuse(struct wsd *w, struct lws *wsi, int status)
{
	STRBUF_AUTO out = { 0 };

	memset(strbuf_reserve(&out, LWS_PRE), 0, LWS_PRE);
	out.len = LWS_PRE;
	strbuf_addf(&out,
		    "HTTP/1.1 %d %s\r\n%sContent-Length: 0\r\n"
		    "Connection: close\r\n\r\n",
		    status, http_status_reason(status),
		    w->conf.refusal != NULL ? w->conf.refusal : "");
	lws_write(wsi, (unsigned char *)out.at + LWS_PRE, out.len - LWS_PRE,
		  LWS_WRITE_HTTP_HEADERS);
	return -1;
}

int
wsd_hello(struct wsd *w, struct lws *wsi)
{
	void *data = NULL;
	int status;

	if (w->dying)
		return -1;
	status = ask_owner(w, wsi, &data);
	if (status != 0)
		return wsd_refuse(w, wsi, status);
	join(w, wsi, data);
	return 0;
}
