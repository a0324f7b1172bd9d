#include "site/room.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct rooms {
	struct room *table;
	unsigned people;
};

struct rooms *
rooms_new(void)
{
	return mem_new(struct rooms);
}

void
rooms_free(struct rooms **rp)
{
	struct rooms *r = *rp;
	struct room *room;

	*rp = NULL;
	if (r == NULL)
		return;
	while ((room = r->table) != NULL)
		rooms_end(&room);
	mem_free(r);
}

unsigned
rooms_count(const struct rooms *r)
{
	unsigned n = 0;

	for (const struct room *room = r->table; room != NULL;
	     room = room->hh.next)
		n += room->npeople + room->nlobby > 0;
	return n;
}

unsigned
rooms_people(const struct rooms *r)
{
	return r->people;
}

struct room *
rooms_next(struct rooms *r, struct room *after)
{
	return after != NULL ? after->hh.next : r->table;
}

struct room *
rooms_make(struct rooms *r, const char *company, int64_t meeting)
{
	struct room *room;
	char key[sizeof(room->key)];

	snprintf(key, sizeof(key), "%s/%lld", company, (long long)meeting);
	for (char *c = key; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	HASH_FIND_STR(r->table, key, room);
	if (room != NULL)
		return room;
	room = mem_new(struct room);
	memcpy(room->key, key, sizeof(key));
	room->company = mem_strdup(company);
	room->meeting = meeting;
	room->rooms = r;
	TAILQ_INIT(&room->people);
	TAILQ_INIT(&room->lobby);
	room_chat_init(&room->chat);
	HASH_ADD_STR(r->table, key, room);
	return room;
}

static void
person_free(struct room_person *p)
{
	mem_free(p->id);
	mem_free(p->name);
	mem_free(p->text);
	mem_free(p);
}

void
rooms_end(struct room **rp)
{
	struct room *room = *rp;
	struct room_person *p, *next;

	*rp = NULL;
	if (room == NULL)
		return;
	room->rooms->people -= room->npeople + room->nlobby;
	HASH_ITER(hh, room->table, p, next)
	{
		HASH_DEL(room->table, p);
		person_free(p);
	}
	room_told(room);
	room_forgive(room);
	room_chat_fini(&room->chat);
	HASH_DEL(room->rooms->table, room);
	mem_free(room->gone);
	mem_free(room->company);
	mem_free(room);
}

enum room_verdict
room_judge(const struct room *r, const struct room_enter *w)
{
	if (room_has_expelled(r, w->id))
		return ROOM_EXPELS;
	if (r->npeople + r->nlobby >= ROOM_PEOPLE && !w->owner)
		return ROOM_FULL;
	if (w->owner)
		return ROOM_IN;
	if (r->locked)
		return ROOM_LOCKED;
	if (r->host == NULL && !r->early)
		return ROOM_WAITS_FOR_HOST;
	return r->lobby_on ? ROOM_WAITS_TO_BE_LET_IN : ROOM_IN;
}

struct room_person *
room_add(struct room *r, const struct room_enter *who, bool waiting)
{
	struct room_person *p = mem_new(struct room_person);

	p->id = mem_strdup(who->id);
	p->name = mem_strdup(who->name);
	p->owner = who->owner;
	p->guest = who->guest;
	p->waiting = waiting;
	p->room = r;
	if (waiting) {
		TAILQ_INSERT_TAIL(&r->lobby, p, link);
		r->nlobby++;
	} else {
		TAILQ_INSERT_TAIL(&r->people, p, link);
		r->npeople++;
	}
	HASH_ADD_KEYPTR(hh, r->table, p->id, strlen(p->id), p);
	r->rooms->people++;
	room_change(p);
	return p;
}

static void
unlink_person(struct room_person *p)
{
	struct room *r = p->room;

	if (p->waiting) {
		TAILQ_REMOVE(&r->lobby, p, link);
		r->nlobby--;
		return;
	}
	TAILQ_REMOVE(&r->people, p, link);
	r->npeople--;
}

static void
note_gone(struct room *r, const char *id)
{
	if (r->ngone == r->gone_size) {
		unsigned more = r->gone_size > 0 ? 2 * r->gone_size : 8;

		r->gone = mem_resize(r->gone, r->gone_size * sizeof(char *),
				     more * sizeof(char *));
		r->gone_size = more;
	}
	r->gone[r->ngone++] = mem_strdup(id);
}

void
room_remove(struct room_person **pp)
{
	struct room_person *p = *pp;
	struct room *r = p->room;

	*pp = NULL;
	if (r->host == p)
		r->host = NULL;
	unlink_person(p);
	HASH_DEL(r->table, p);
	note_gone(r, p->id);
	person_free(p);
	r->rooms->people--;
	r->unsaid = true;
	r->dirty = true;
}

void
room_let_in(struct room_person *p)
{
	assert(p->waiting);
	unlink_person(p);
	p->waiting = false;
	p->let_in = true;
	TAILQ_INSERT_TAIL(&p->room->people, p, link);
	p->room->npeople++;
	room_change(p);
}

void
room_change(struct room_person *p)
{
	mem_free(p->text);
	p->text = NULL;
	p->changed = true;
	p->aware = false;
	p->room->unsaid = true;
	p->room->dirty = true;
}

void
room_told(struct room *r)
{
	for (unsigned i = 0; i < r->ngone; i++)
		mem_free(r->gone[i]);
	r->ngone = 0;
	r->unsaid = false;
}

struct room_person *
room_find(const struct room *r, const char *id)
{
	struct room_person *p;

	HASH_FIND_STR(r->table, id, p);
	return p;
}

void
room_give_host(struct room *r, struct room_person *to)
{
	struct room_person *was = r->host;

	if (was == to)
		return;
	if (was != NULL) {
		was->host = false;
		room_change(was);
	}
	r->host = to;
	to->host = true;
	to->muted = false;
	room_change(to);
}

void
room_expel(struct room *r, const char *id)
{
	char **at = &r->expelled[r->nexpelled++ % ROOM_EXPELLED];

	mem_free(*at);
	*at = mem_strdup(id);
	r->dirty = true;
}

bool
room_has_expelled(const struct room *r, const char *id)
{
	for (unsigned i = 0; i < ROOM_EXPELLED && r->expelled[i] != NULL; i++)
		if (strcmp(r->expelled[i], id) == 0)
			return true;
	return false;
}

void
room_forgive(struct room *r)
{
	for (unsigned i = 0; i < ROOM_EXPELLED; i++) {
		mem_free(r->expelled[i]);
		r->expelled[i] = NULL;
	}
	r->nexpelled = 0;
}
