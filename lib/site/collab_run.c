/* The run of a meeting and the stays in it, on their way to their rows. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "site/collab_parts.h"
#include "site/role.h"
#include "site/room_state.h"
#include "site/site.h"

#define SAVE_MS 200    /* a roster is written at most so often, */
#define EACH_MS 1      /* later by this for everybody in it */
#define BEAT_MS 30000  /* and so often when nothing happens */
#define STAYS_MS 60000 /* the stays too */

static bool
is_known(const struct room *r)
{
	return r->run.meeting[0] != '\0' && r->run.id[0] != '\0';
}

void
collab_run_begin(struct collab *c, struct room *r)
{
	if (r->run.meeting[0] == '\0' || r->run.id[0] != '\0')
		return;
	usage_session_id(r->run.meeting, r->run.no, r->run.id);
	r->run.started_us = clock_wall_us();
	r->dirty = true;
	log_info("collab", "began=%s meeting=%lld no=%lld", r->run.id,
		 (long long)r->meeting, (long long)r->run.no);
	collab_changed(c, r);
}

static void
save(struct collab *c, struct room *r, int64_t ended_us)
{
	JSON_AUTO roster = NULL;
	struct roomkeep_run run = {
		.id = r->run.id,
		.meeting = r->run.meeting,
		.no = r->run.no,
		.site = c->site->role->letter,
		.started_us = r->run.started_us,
		.ended_us = ended_us,
		.seen_us = clock_wall_us(),
		.host_joined = r->run.host_joined,
		.others_joined = r->run.others_joined,
	};

	if (!is_known(r))
		return;
	roster = room_state(r);
	run.roster = roster;
	r->dirty = !roomkeep_run(c->keep, &run);
	r->saved_ms = clock_mono_ms();
}

void
collab_run_save(struct collab *c, struct room *r)
{
	save(c, r, 0);
}

/* What follows is another run of the meeting. Without the lease it may go on
 * elsewhere: whoever hears of it no more ends it (sweep). */
void
collab_run_end(struct collab *c, struct room *r)
{
	if (is_known(r) && collab_may_speak(c)) {
		save(c, r, clock_wall_us());
		log_info("collab", "ended=%s meeting=%lld", r->run.id,
			 (long long)r->meeting);
		r->run.id[0] = '\0';
		r->run.no++;
	}
	r->run.host_joined = r->run.others_joined = false;
	r->locked = false;
	room_forgive(r);
	room_chat_fini(&r->chat);
}

static void
write_stay(struct collab *c, const struct room_person *p, int64_t left_us)
{
	const struct room *r = p->room;
	const struct guest *g = p->conn;
	uint8_t raw[16];
	bool account = !p->guest && crypto_uuid_parse(span_of(p->id), raw) == 0;
	const struct usage_stay stay = {
		.session_id = r->run.id,
		.participant = p->id,
		.account_id = account ? p->id : NULL,
		.name = p->name,
		.address = g != NULL ? g->address : NULL,
		.host = p->owner,
		.site = c->site->role->letter,
		.joined_us = p->joined_us,
		.seen_us = left_us != 0 ? left_us : clock_wall_us(),
		.left_us = left_us,
	};

	(void)roomkeep_stay(c->keep, &stay);
}

void
collab_stay_begin(struct collab *c, struct room_person *p)
{
	struct room_run *run = &p->room->run;
	bool first = p->owner ? !run->host_joined : !run->others_joined;

	if (!is_known(p->room) || p->joined_us != 0)
		return;
	if (p->owner)
		run->host_joined = true;
	else
		run->others_joined = true;
	/* its row is there before the stay's */
	if (first)
		collab_run_save(c, p->room);
	p->joined_us = clock_wall_us();
	write_stay(c, p, 0);
}

void
collab_stay_end(struct collab *c, struct room_person *p, int64_t left_us)
{
	if (p->joined_us == 0)
		return;
	if (left_us < p->joined_us)
		left_us = p->joined_us;
	write_stay(c, p, left_us);
	p->joined_us = 0;
}

static void
write_stays(struct collab *c, struct room *r)
{
	struct room_person *p;

	TAILQ_FOREACH(p, &r->people, link)
	if (p->joined_us != 0 && p->presence != ROOM_LOST)
		write_stay(c, p, 0);
}

void
collab_beat(struct collab *c, struct hall *h)
{
	struct room *r = h->room;
	int64_t now = clock_mono_ms();
	int64_t gap = r->dirty ? SAVE_MS + r->npeople * EACH_MS : BEAT_MS;

	if (!is_known(r) || !collab_may_speak(c))
		return;
	if (now - r->saved_ms >= gap)
		collab_run_save(c, r);
	if (h->beat_ms == 0)
		h->beat_ms = now;
	if (now - h->beat_ms >= STAYS_MS) {
		h->beat_ms = now;
		write_stays(c, r);
	}
}
