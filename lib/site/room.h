/*
 * The rooms of running meetings: who is in them, who waits to be let in, and
 * who may do what. No I/O: a person's connection is the owner's pointer, time
 * is a parameter.
 */
#ifndef SITE_ROOM_H
#define SITE_ROOM_H

#include "site/room_data.h"

struct rooms *rooms_new(void);
void rooms_free(struct rooms **r); /* rooms and people, not connections */
unsigned rooms_count(const struct rooms *r); /* with people in them */
unsigned rooms_people(const struct rooms *r);
/* The first, then the one after; a room may be ended before its next. */
struct room *rooms_next(struct rooms *r, struct room *after);

struct room *rooms_make(struct rooms *r, const char *company, int64_t meeting);
void rooms_end(struct room **room); /* with all who are in it */

struct room_enter {
	const char *id;
	const char *name;
	bool owner, guest;
};
enum room_verdict {
	ROOM_IN,
	ROOM_WAITS_FOR_HOST,
	ROOM_WAITS_TO_BE_LET_IN,
	ROOM_LOCKED,
	ROOM_EXPELS,
	ROOM_FULL,
};
/* What becomes of him who is not in the room yet. */
enum room_verdict room_judge(const struct room *r, const struct room_enter *w);

/* Texts are copied. */
struct room_person *room_add(struct room *r, const struct room_enter *who,
			     bool waiting);
void room_remove(struct room_person **p);
void room_let_in(struct room_person *p); /* from the lobby */
void room_change(struct room_person *p); /* to be told and written */
void room_told(struct room *r);
struct room_person *room_find(const struct room *r, const char *id);

void room_give_host(struct room *r, struct room_person *to);
/* For the rest of the run. */
void room_expel(struct room *r, const char *id);
bool room_has_expelled(const struct room *r, const char *id);
void room_forgive(struct room *r); /* a new run */

#endif
