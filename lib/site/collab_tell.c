/* What is said to whom; nothing without the lease. */
#include "base/log.h"
#include "site/collab_parts.h"
#include "site/room_text.h"

#define CROWD 100    /* people: news of so large a room are gathered */
#define CROWD_MS 100 /* for so long */

static void on_news(void *ctx);

void
collab_tell(struct collab *c, struct guest *g, const struct strbuf *text)
{
	if (g != NULL && collab_may_speak(c))
		wsd_send(g->conn, strbuf_span(text));
}

/* One buffer for all. */
void
collab_tell_all(struct collab *c, const struct room *r,
		const struct room_person *but, const struct strbuf *text)
{
	const struct room_person *p;
	struct wsd_msg *shared;

	if (!collab_may_speak(c))
		return;
	shared = wsd_msg_new(strbuf_span(text));
	TAILQ_FOREACH(p, &r->people, link)
	{
		struct guest *g = p->conn;

		if (p != but && g != NULL)
			wsd_send_msg(g->conn, shared);
	}
	wsd_msg_free(&shared);
}

void
collab_welcome(struct collab *c, struct room_person *p)
{
	STRBUF_AUTO text = { 0 };

	if (p->conn == NULL)
		return;
	room_text_welcome(p, &text);
	collab_tell(c, p->conn, &text);
}

void
collab_tell_waiting(struct collab *c, struct room_person *p)
{
	STRBUF_AUTO text = { 0 };

	room_text_waiting(p, &text);
	collab_tell(c, p->conn, &text);
}

void
collab_changed(struct collab *c, struct room *r)
{
	struct hall *h = r->owner;

	if (h->listed)
		return;
	h->listed = true;
	LIST_INSERT_HEAD(&c->fresh, h, link);
	if (c->news == NULL)
		c->news = timer_start(r->npeople < CROWD ? 0 : CROWD_MS,
				      on_news, c);
}

/* Who came in alone: the news are of nothing but him, and he has heard. */
static struct room_person *
newcomer(const struct room *r)
{
	struct room_person *p, *only = NULL;

	TAILQ_FOREACH(p, &r->people, link)
	{
		if (!p->changed)
			continue;
		if (only != NULL || !p->aware)
			return NULL;
		only = p;
	}
	return r->ngone == 0 ? only : NULL;
}

static void
say_news(struct collab *c, struct room *r)
{
	STRBUF_AUTO people = { 0 };
	STRBUF_AUTO lobby = { 0 };
	const struct room_person *but = newcomer(r);

	room_text_news(r, &people, &lobby);
	if (people.len > 0)
		collab_tell_all(c, r, but, &people);
	if (lobby.len > 0 && r->host != NULL)
		collab_tell(c, r->host->conn, &lobby);
}

static void
on_news(void *ctx)
{
	struct collab *c = ctx;
	struct hall *h;

	c->news = NULL;
	while ((h = LIST_FIRST(&c->fresh)) != NULL) {
		LIST_REMOVE(h, link);
		h->listed = false;
		say_news(c, h->room);
		collab_beat(c, h);
	}
}

void
collab_dismiss(struct room_person *p, int code, const char *reason)
{
	struct guest *g = p->conn;

	p->conn = NULL;
	if (g == NULL)
		return;
	g->person = NULL;
	wsd_close(g->conn, code, reason);
}
