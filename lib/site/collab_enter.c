/* Coming in, waiting to be let in, leaving. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "site/collab_parts.h"

static void
seat(struct guest *g, struct room_person *p)
{
	p->conn = g;
	g->person = p;
	arena_free(&g->arena);
	g->token = (struct jointoken){ 0 };
}

/* He is in: the run has begun, the others hear of him. */
static void
come_in(struct collab *c, struct room_person *p)
{
	struct room *r = p->room;

	collab_run_begin(c, r);
	if (p->owner && r->host == NULL)
		room_give_host(r, p);
	collab_stay_begin(c, p);
	log_info("collab", "joined=%s meeting=%lld people=%u", p->id,
		 (long long)r->meeting, r->npeople);
	collab_welcome(c, p);
	p->aware = true;
	collab_changed(c, r);
}

/* Who waited for a host is in, or knows for what he waits. */
static void
host_came(struct collab *c, struct room *r)
{
	struct room_person *p;

	if (!r->lobby_on) {
		collab_let_all_in(c, r);
		return;
	}
	TAILQ_FOREACH(p, &r->lobby, link)
	collab_tell_waiting(c, p);
}

static void
come_back(struct collab *c, struct guest *g, struct room_person *p)
{
	bool was_lost = p->presence == ROOM_LOST;

	collab_dismiss(p, COLLAB_REPLACED, "joined from elsewhere");
	p->owner = g->token.host;
	seat(g, p);
	if (p->waiting) {
		collab_tell_waiting(c, p);
		return;
	}
	p->presence = ROOM_HERE;
	if (was_lost)
		room_change(p);
	come_in(c, p);
	if (was_lost && p->host)
		host_came(c, p->room);
}

static void
turn_away(struct guest *g, enum room_verdict v)
{
	log_info("collab", "turned away=%s verdict=%d", g->token.participant,
		 (int)v);
	if (v == ROOM_EXPELS)
		wsd_close(g->conn, COLLAB_EXPELLED, "expelled");
	else if (v == ROOM_LOCKED)
		wsd_close(g->conn, COLLAB_LOCKED, "the meeting is locked");
	else
		wsd_close(g->conn, COLLAB_FULL, "the meeting is full");
}

void
collab_enter(struct collab *c, struct guest *g, struct room *r)
{
	const struct room_enter who = { .id = g->token.participant,
					.name = g->token.name,
					.owner = g->token.host,
					.guest = g->token.guest };
	struct room_person *p = room_find(r, who.id);
	enum room_verdict v;

	if (p != NULL) {
		come_back(c, g, p);
		return;
	}
	v = room_judge(r, &who);
	if (v > ROOM_WAITS_TO_BE_LET_IN) {
		turn_away(g, v);
		return;
	}
	p = room_add(r, &who, v != ROOM_IN);
	seat(g, p);
	if (v != ROOM_IN) {
		log_info("collab", "waits=%s meeting=%lld", p->id,
			 (long long)r->meeting);
		collab_tell_waiting(c, p);
		collab_changed(c, r);
		return;
	}
	come_in(c, p);
	if (p->host)
		host_came(c, r);
}

void
collab_let_in(struct collab *c, struct room_person *p)
{
	room_let_in(p);
	come_in(c, p);
}

void
collab_let_all_in(struct collab *c, struct room *r)
{
	struct room_person *p;

	while ((p = TAILQ_FIRST(&r->lobby)) != NULL)
		collab_let_in(c, p);
}

/* His welcome tells him who waits. */
void
collab_give_host(struct collab *c, struct room_person *p)
{
	if (p->host)
		return;
	room_give_host(p->room, p);
	log_info("collab", "host=%s meeting=%lld", p->id,
		 (long long)p->room->meeting);
	collab_welcome(c, p);
	collab_changed(c, p->room);
}

static struct room_person *
next_host(const struct room *r)
{
	struct room_person *p;

	TAILQ_FOREACH(p, &r->people, link)
	if (p->owner && p->presence != ROOM_LOST)
		return p;
	return NULL;
}

void
collab_leave(struct collab *c, struct room_person *p, int64_t since_us)
{
	struct room *r = p->room;
	struct room_person *heir;

	log_info("collab", "left=%s meeting=%lld", p->id,
		 (long long)r->meeting);
	collab_stay_end(c, p, since_us);
	room_remove(&p);
	heir = r->host == NULL ? next_host(r) : NULL;
	if (heir != NULL)
		collab_give_host(c, heir);
	collab_changed(c, r);
	collab_hall_settle(r->owner);
}
