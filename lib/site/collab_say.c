/* What people say, and what becomes of it. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "site/collab_parts.h"
#include "site/room_said.h"
#include "site/room_text.h"

#define TOO_FAST_MAX 100 /* then he is cut off */

/* By the host or by himself. */
struct saying {
	struct collab *collab;
	struct room *room;
	struct room_person *by;
	struct room_person *whom; /* said->id; NULL: nobody was named */
	const struct room_said *said;
};

static void
refuse(struct collab *c, struct guest *g, const char *code, const char *words,
       const char *ref)
{
	STRBUF_AUTO text = { 0 };

	room_text_error(code, words, ref, &text);
	collab_tell(c, g, &text);
}

/* --- lines ------------------------------------------------------------- */

static void
deliver(struct collab *c, struct room *r, const struct room_line *l,
	const struct room_person *by)
{
	STRBUF_AUTO text = { 0 };
	struct room_person *to;

	room_text_chat(l, NULL, &text);
	if (l->to == NULL) {
		collab_tell_all(c, r, by, &text);
		return;
	}
	to = room_find(r, l->to);
	if (to != NULL && to != by && !to->waiting)
		collab_tell(c, to->conn, &text);
}

void
collab_say_late_line(struct collab *c, struct room *r,
		     const struct room_line *l)
{
	struct room_person *from = room_find(r, l->from);

	deliver(c, r, l, NULL);
	if (l->to != NULL && from != NULL && !from->waiting) {
		STRBUF_AUTO text = { 0 };

		room_text_chat(l, NULL, &text);
		collab_tell(c, from->conn, &text);
	}
}

/* The order numbers go on from site to site, whatever was not read. */
static void
say_line(struct saying *s)
{
	struct room *r = s->room;
	struct room_line line = { .from = s->by->id,
				  .name = s->by->name,
				  .to = s->whom != NULL ? s->whom->id : NULL,
				  .text = s->said->text };
	const struct room_line *l;
	STRBUF_AUTO text = { 0 };

	line.at_ms = clock_wall_us() / 1000;
	if (line.at_ms > r->chat.last + 1)
		r->chat.last = line.at_ms - 1;
	l = room_chat_add(&r->chat, &line);
	deliver(s->collab, r, l, s->by);
	room_text_chat(l, s->said->ref, &text);
	collab_tell(s->collab, s->by->conn, &text);
	if (r->run.id[0] != '\0')
		(void)roomkeep_line(s->collab->keep, r->run.id, l);
}

static void
on_line(struct saying *s)
{
	struct guest *g = s->by->conn;

	if (!rate_take(s->collab->lines, s->by->id, clock_mono_us()))
		refuse(s->collab, g, "too_fast",
		       "too many lines: wait a second", s->said->ref);
	else if (s->by->muted && (s->whom == NULL || !s->whom->host))
		refuse(s->collab, g, "muted",
		       "you are muted: write to the host alone", s->said->ref);
	else
		say_line(s);
}

/* --- everybody's ------------------------------------------------------- */

static void
on_ping(struct saying *s)
{
	STRBUF_AUTO text = { 0 };

	room_text_pong(&text);
	collab_tell(s->collab, s->by->conn, &text);
}

static void
on_presence(struct saying *s)
{
	enum room_presence now = s->said->on ? ROOM_AWAY : ROOM_HERE;

	if (s->by->presence == now)
		return;
	s->by->presence = now;
	room_change(s->by);
}

static void
on_hand(struct saying *s)
{
	if (s->said->on == (s->by->hand != 0))
		return;
	s->by->hand = s->said->on ? ++s->room->hands : 0;
	room_change(s->by);
}

static void
on_claim(struct saying *s)
{
	if (s->by->owner)
		collab_give_host(s->collab, s->by);
	else
		refuse(s->collab, s->by->conn, "not_host",
		       "the meeting is another one's", s->said->ref);
}

/* --- the host's -------------------------------------------------------- */

static void
on_admit(struct saying *s)
{
	if (s->whom == NULL)
		collab_let_all_in(s->collab, s->room);
	else
		collab_let_in(s->collab, s->whom);
}

static void
on_refuse(struct saying *s)
{
	collab_dismiss(s->whom, COLLAB_REFUSED, "refused by the host");
	room_remove(&s->whom);
}

static void
mute(struct room_person *p, bool muted)
{
	if (p->host || p->muted == muted)
		return;
	p->muted = muted;
	room_change(p);
}

static void
on_mute(struct saying *s)
{
	struct room_person *p;

	if (s->whom != NULL) {
		mute(s->whom, s->said->on);
		return;
	}
	TAILQ_FOREACH(p, &s->room->people, link)
	mute(p, s->said->on);
}

static void
lower(struct room_person *p)
{
	if (p->hand == 0)
		return;
	p->hand = 0;
	room_change(p);
}

static void
on_lower(struct saying *s)
{
	struct room_person *p;

	if (s->whom != NULL) {
		lower(s->whom);
		return;
	}
	TAILQ_FOREACH(p, &s->room->people, link)
	lower(p);
}

static void
on_expel(struct saying *s)
{
	if (s->whom->host) {
		refuse(s->collab, s->by->conn, "bad_message",
		       "the host cannot be expelled: hand over first",
		       s->said->ref);
		return;
	}
	log_info("collab", "expelled=%s meeting=%lld", s->whom->id,
		 (long long)s->room->meeting);
	room_expel(s->room, s->whom->id);
	collab_stay_end(s->collab, s->whom, clock_wall_us());
	collab_dismiss(s->whom, COLLAB_EXPELLED, "expelled");
	room_remove(&s->whom);
}

static void
on_host(struct saying *s)
{
	collab_give_host(s->collab, s->whom);
}

static void
say_room(struct saying *s)
{
	STRBUF_AUTO text = { 0 };

	s->room->dirty = true;
	room_text_room(s->room, &text);
	collab_tell_all(s->collab, s->room, NULL, &text);
}

static void
on_lock(struct saying *s)
{
	s->room->locked = s->said->on;
	say_room(s);
}

static void
on_lobby(struct saying *s)
{
	s->room->lobby_on = s->said->on;
	say_room(s);
	if (!s->said->on)
		collab_let_all_in(s->collab, s->room);
}

/* The room is gone after this. */
static void
on_end(struct saying *s)
{
	struct room *r = s->room;
	struct hall *h = r->owner;
	int64_t now = clock_wall_us();
	struct room_person *p;

	log_info("collab", "ended by=%s meeting=%lld", s->by->id,
		 (long long)r->meeting);
	TAILQ_FOREACH(p, &r->lobby, link)
	collab_dismiss(p, COLLAB_ENDED, "the meeting has ended");
	TAILQ_FOREACH(p, &r->people, link)
	{
		collab_stay_end(s->collab, p, now);
		collab_dismiss(p, COLLAB_ENDED, "the meeting has ended");
	}
	collab_run_end(s->collab, r);
	collab_hall_free(&h);
}

/* --- what is asked of whom --------------------------------------------- */

static const struct action {
	void (*run)(struct saying *s);
	bool waiting; /* whom it names is in the lobby */
} actions[] = {
	[ROOM_PING] = { on_ping, false },
	[ROOM_CHAT] = { on_line, false },
	[ROOM_PRESENCE] = { on_presence, false },
	[ROOM_HAND] = { on_hand, false },
	[ROOM_CLAIM] = { on_claim, false },
	[ROOM_ADMIT] = { on_admit, true },
	[ROOM_REFUSE] = { on_refuse, true },
	[ROOM_MUTE] = { on_mute, false },
	[ROOM_LOWER] = { on_lower, false },
	[ROOM_EXPEL] = { on_expel, false },
	[ROOM_HOST] = { on_host, false },
	[ROOM_LOCK] = { on_lock, false },
	[ROOM_LOBBY] = { on_lobby, false },
	[ROOM_END] = { on_end, false },
};

static void
act(struct collab *c, struct guest *g, const struct room_said *said)
{
	struct saying s = { c, g->person->room, g->person, NULL, said };
	const struct action *a = &actions[said->kind];

	if (s.by->waiting) {
		refuse(c, g, "waiting", "you are in the lobby", said->ref);
		return;
	}
	if (said->kind >= ROOM_ADMIT && !s.by->host) {
		refuse(c, g, "not_host", "the host alone does this", said->ref);
		return;
	}
	if (said->id != NULL) {
		s.whom = room_find(s.room, said->id);
		if (s.whom == NULL || s.whom->waiting != a->waiting) {
			refuse(c, g, "not_found",
			       a->waiting ? "nobody of that id waits"
					  : "nobody of that id is in",
			       said->ref);
			return;
		}
	}
	if (said->kind != ROOM_END)
		collab_changed(c, s.room);
	a->run(&s);
}

/* Wrong ones count as well. */
static bool
is_too_fast(struct collab *c, struct guest *g, const struct room_said *said)
{
	if (rate_take(c->rate, g->person->id, clock_mono_us())) {
		g->too_fast -= g->too_fast > 0;
		return false;
	}
	if (g->too_fast++ < TOO_FAST_MAX)
		refuse(c, g, "too_fast", "too much: wait a second", said->ref);
	else
		wsd_close(g->conn, COLLAB_TOO_FAST, "too fast");
	return true;
}

void
collab_say(struct collab *c, struct guest *g, struct span text)
{
	JSON_AUTO hold = NULL;
	struct room_said said;
	struct err e = { 0 };
	const char *code;

	if (g->person == NULL || !collab_may_speak(c))
		return;
	code = room_said_read(text, &hold, &said, &e);
	if (is_too_fast(c, g, &said))
		return;
	if (code != NULL)
		refuse(c, g, code, err_text(&e), said.ref);
	else if (said.kind == ROOM_LEAVE)
		wsd_close(g->conn, COLLAB_LEFT, "left");
	else if (said.kind == ROOM_PING && g->person->waiting)
		on_ping(&(struct saying){ .collab = c, .by = g->person });
	else
		act(c, g, &said);
}
