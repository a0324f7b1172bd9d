/*
 *   first guest --> read (bounded) --> people come in ... nobody is left
 *
 * A room never waits long for its rows: when they cannot be read it goes by
 * what the token says and reads them later.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "site/collab_parts.h"
#include "site/role.h"
#include "site/room_state.h"
#include "site/site.h"

#define READ_MS 1000
#define RETRY_MS 2000 /* while the database is away */

/* When lines are looked for that the other site had not sent yet. */
static const unsigned again_ms[] = { 10000, 3000, 1000 };
#define AGAIN (sizeof(again_ms) / sizeof(again_ms[0]))

static void on_read(void *ctx, const struct roomkeep_meeting *m);

struct hall *
collab_hall(struct collab *c, const struct jointoken *t)
{
	struct room *r = rooms_make(c->rooms, t->company, t->meeting);
	struct hall *h = r->owner;

	if (h != NULL)
		return h;
	h = mem_new(struct hall);
	h->collab = c;
	h->room = r;
	TAILQ_INIT(&h->waits);
	r->owner = h;
	(void)span_copy(span_of(t->row), r->run.meeting,
			sizeof(r->run.meeting));
	r->run.no = t->no;
	r->early = t->early;
	r->lobby_on = t->lobby;
	collab_hall_read(h);
	return h;
}

void
collab_hall_free(struct hall **hp)
{
	struct hall *h = *hp;
	struct guest *g;

	*hp = NULL;
	while ((g = TAILQ_FIRST(&h->waits)) != NULL) {
		TAILQ_REMOVE(&h->waits, g, waits);
		g->hall = NULL;
	}
	if (h->listed)
		LIST_REMOVE(h, link);
	roomkeep_load_cancel(&h->load);
	rooms_end(&h->room);
	mem_free(h);
}

void
collab_hall_read(struct hall *h)
{
	h->load = roomkeep_load(h->collab->keep, h->room->company,
				h->room->meeting, READ_MS, on_read, h);
}

static void
take_run(struct room *r, const struct roomkeep_meeting *m)
{
	(void)span_copy(span_of(m->run), r->run.id, sizeof(r->run.id));
	r->run.no = m->no;
	r->run.started_us = m->started_us;
	r->run.host_joined |= m->host_joined;
	r->run.others_joined |= m->others_joined;
}

/* The first time: the run goes on with its people and settings. */
static void
take_room(struct hall *h, const struct roomkeep_meeting *m)
{
	struct room *r = h->room;
	bool fresh = r->npeople == 0;
	unsigned added;

	(void)span_copy(span_of(m->id), r->run.meeting, sizeof(r->run.meeting));
	r->early = m->early;
	if (fresh)
		r->lobby_on = m->lobby;
	if (m->run != NULL) {
		take_run(r, m);
		added = room_restore(r, m->roster, fresh, clock_mono_ms());
		log_info("collab", "again=%s meeting=%lld from=%s people=%u",
			 r->run.id, (long long)r->meeting, m->site, added);
		h->again = AGAIN;
	} else if (r->run.id[0] == '\0') {
		r->run.no = m->no;
	} else if (m->no > r->run.no) {
		/* begun by an old token: that run has ended long ago */
		r->run.no = m->no;
		usage_session_id(r->run.meeting, r->run.no, r->run.id);
	}
	r->dirty = true;
}

static void
take_lines(struct hall *h, const struct roomkeep_meeting *m, bool tell)
{
	struct room *r = h->room;

	if (m->run == NULL || strcmp(m->run, r->run.id) != 0)
		return;
	for (size_t i = m->nlines; i-- > 0;) {
		const struct room_line *l = room_chat_add(&r->chat,
							  &m->lines[i]);

		if (l != NULL && tell)
			collab_say_late_line(h->collab, r, l);
	}
}

static void
on_read(void *ctx, const struct roomkeep_meeting *m)
{
	struct hall *h = ctx;
	struct collab *c = h->collab;
	bool tell = h->asked;
	struct guest *g;

	h->load = NULL;
	h->asked = true;
	if (m != NULL && m->id != NULL) {
		if (!h->read)
			take_room(h, m);
		take_lines(h, m, tell);
		collab_changed(c, h->room);
	}
	h->read |= m != NULL;
	if (h->again > 0 && m != NULL)
		h->again_ms = clock_mono_ms() + again_ms[--h->again];
	else
		h->again_ms = h->read ? 0 : clock_mono_ms() + RETRY_MS;
	while ((g = TAILQ_FIRST(&h->waits)) != NULL) {
		TAILQ_REMOVE(&h->waits, g, waits);
		g->hall = NULL;
		collab_enter(c, g, h->room);
	}
	collab_hall_settle(h);
}

void
collab_hall_settle(struct hall *h)
{
	struct room *r = h->room;

	if (r->npeople > 0)
		return;
	collab_run_end(h->collab, r);
	if (r->nlobby == 0 && TAILQ_EMPTY(&h->waits) && h->load == NULL)
		collab_hall_free(&h);
}
