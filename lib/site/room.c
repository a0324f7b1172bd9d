#include "site/room.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

#include "base/mem.h"

struct room {
	char key[96]; /* "company/meeting", lower case */
	int64_t meeting;
	struct room_person *first;
	struct room_person **last;
	UT_hash_handle hh;
};

struct rooms {
	struct room *table;
	unsigned people;
};

static struct room *find_or_make(struct rooms *r, const struct room_enter *who);
static struct room_person *find_person(const struct room *room, const char *id);
static void free_person(struct room_person *p);
static json_t *person_json(const struct room_person *p);

struct rooms *
rooms_new(void)
{
	return mem_new(struct rooms);
}

void
rooms_free(struct rooms **rp)
{
	struct rooms *r = *rp;
	struct room *room, *next;

	*rp = NULL;
	if (r == NULL)
		return;
	HASH_ITER(hh, r->table, room, next)
	{
		while (room->first != NULL) {
			struct room_person *p = room->first;

			room->first = p->next;
			free_person(p);
		}
		HASH_DEL(r->table, room);
		mem_free(room);
	}
	mem_free(r);
}

unsigned
rooms_count(const struct rooms *r)
{
	return HASH_COUNT(r->table);
}

unsigned
rooms_people(const struct rooms *r)
{
	return r->people;
}

struct room_person *
rooms_enter(struct rooms *r, const struct room_enter *who, void *conn,
	    void **was)
{
	struct room *room = find_or_make(r, who);
	struct room_person *p = find_person(room, who->id);

	*was = NULL;
	if (p != NULL) {
		*was = p->conn;
		p->conn = conn;
		return p;
	}
	p = mem_new(struct room_person);
	p->id = mem_strdup(who->id);
	p->name = mem_strdup(who->name);
	p->host = who->host;
	p->conn = conn;
	p->room = room;
	*room->last = p;
	room->last = &p->next;
	r->people++;
	return p;
}

void
rooms_leave(struct rooms *r, struct room_person **pp)
{
	struct room_person *p = *pp;
	struct room *room = p->room;
	struct room_person **at = &room->first;

	*pp = NULL;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (p->next == NULL)
		room->last = at;
	free_person(p);
	r->people--;
	if (room->first != NULL)
		return;
	HASH_DEL(r->table, room);
	mem_free(room);
}

struct room_person *
room_first(const struct room *room)
{
	return room->first;
}

void
rooms_each(struct rooms *r, rooms_fn *fn, void *ctx)
{
	struct room *room, *next;

	HASH_ITER(hh, r->table, room, next)
	for (struct room_person *p = room->first; p != NULL; p = p->next)
		fn(ctx, p);
}

json_t *
room_welcome(const struct room_person *p)
{
	json_t *j = json_object();
	json_t *roster = json_array();

	for (const struct room_person *o = p->room->first; o != NULL;
	     o = o->next)
		json_array_append_new(roster, person_json(o));
	json_put_str(j, "type", "welcome");
	json_put_int(j, "meeting", p->room->meeting);
	json_put_str(j, "you", p->id);
	json_put_bool(j, "host", p->host);
	json_put(j, "roster", roster);
	return j;
}

json_t *
room_joined(const struct room_person *p)
{
	json_t *j = json_object();

	json_put_str(j, "type", "joined");
	json_put(j, "person", person_json(p));
	return j;
}

json_t *
room_left(const struct room_person *p)
{
	json_t *j = json_object();
	json_t *person = json_object();

	json_put_str(person, "id", p->id);
	json_put_str(j, "type", "left");
	json_put(j, "person", person);
	return j;
}

static struct room *
find_or_make(struct rooms *r, const struct room_enter *who)
{
	struct room *room;
	char key[sizeof(room->key)];

	snprintf(key, sizeof(key), "%s/%lld", who->company,
		 (long long)who->meeting);
	for (char *c = key; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	HASH_FIND_STR(r->table, key, room);
	if (room != NULL)
		return room;
	room = mem_new(struct room);
	memcpy(room->key, key, sizeof(key));
	room->meeting = who->meeting;
	room->last = &room->first;
	HASH_ADD_STR(r->table, key, room);
	return room;
}

static struct room_person *
find_person(const struct room *room, const char *id)
{
	struct room_person *p = room->first;

	while (p != NULL && strcmp(p->id, id) != 0)
		p = p->next;
	return p;
}

static void
free_person(struct room_person *p)
{
	mem_free((void *)p->id);
	mem_free((void *)p->name);
	mem_free(p);
}

static json_t *
person_json(const struct room_person *p)
{
	json_t *j = json_object();

	json_put_str(j, "id", p->id);
	json_put_str(j, "name", p->name);
	json_put_bool(j, "host", p->host);
	return j;
}
