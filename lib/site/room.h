/*
 * The rooms of running meetings: who is in them, and what is said to whom.
 * No I/O: a person's connection is the owner's pointer.
 */
#ifndef SITE_ROOM_H
#define SITE_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct room;
struct rooms;

struct room_person {
	const char *id; /* the same on every rejoin */
	const char *name;
	bool host;
	void *conn; /* the owner's */
	struct room *room;
	struct room_person *next; /* in order of arrival */
};

struct rooms *rooms_new(void);

/* Frees rooms and people; connections are the owner's. */
void rooms_free(struct rooms **r);

unsigned rooms_count(const struct rooms *r); /* with people in them */
unsigned rooms_people(const struct rooms *r);

/*
 * Enters a room, which begins with its first person. Texts are copied. Who
 * is there already (same id) is taken over: *was gets the connection that he
 * had, else NULL; the others are told only of new people.
 */
struct room_enter {
	const char *company;
	int64_t meeting;
	const char *id;
	const char *name;
	bool host;
};
struct room_person *rooms_enter(struct rooms *r, const struct room_enter *who,
				void *conn, void **was);

/* Leaves; the room ends with its last person. Frees the person. */
void rooms_leave(struct rooms *r, struct room_person **p);

/* The first of the same room; go on by ->next. */
struct room_person *room_first(const struct room *room);

/* Everyone, of all rooms. */
typedef void rooms_fn(void *ctx, struct room_person *p);
void rooms_each(struct rooms *r, rooms_fn *fn, void *ctx);

/*
 * Messages, as JSON objects (given):
 *   {"type":"welcome","meeting":N,"you":ID,"host":B,"roster":[...]}
 *   {"type":"joined","person":{"id":ID,"name":TEXT,"host":B}}
 *   {"type":"left","person":{"id":ID}}
 */
json_t *room_welcome(const struct room_person *p);
json_t *room_joined(const struct room_person *p);
json_t *room_left(const struct room_person *p);

#endif
