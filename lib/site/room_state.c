#include "site/room_state.h"

#include <string.h>

json_t *
room_state(const struct room *r)
{
	json_t *j = json_object(), *people = json_array();
	json_t *expelled = json_array();
	const struct room_person *p;

	TAILQ_FOREACH(p, &r->people, link)
	{
		json_t *one = json_object();

		json_put_str(one, "id", p->id);
		json_put_str(one, "name", p->name);
		json_put_bool(one, "owner", p->owner);
		json_put_bool(one, "host", p->host);
		json_put_bool(one, "guest", p->guest);
		json_put_bool(one, "muted", p->muted);
		json_put_int(one, "hand", p->hand);
		json_array_append_new(people, one);
	}
	for (unsigned i = 0; i < ROOM_EXPELLED && r->expelled[i] != NULL; i++)
		json_array_append_new(expelled, json_string(r->expelled[i]));
	json_put(j, "people", people);
	json_put_bool(j, "locked", r->locked);
	json_put_bool(j, "lobby", r->lobby_on);
	json_put(j, "expelled", expelled);
	return j;
}

static bool
restore_person(struct room *r, const json_t *one, int64_t now_ms)
{
	struct room_enter who = { 0 };
	struct room_person *p;
	bool host = false;
	int64_t hand = 0;

	if (json_get_str(one, "id", &who.id, NULL) < 1 ||
	    json_get_str(one, "name", &who.name, NULL) < 1 ||
	    json_get_bool(one, "owner", &who.owner, NULL) < 0 ||
	    json_get_bool(one, "guest", &who.guest, NULL) < 0 ||
	    json_get_bool(one, "host", &host, NULL) < 0 ||
	    json_get_int(one, "hand", &hand, NULL) < 0 ||
	    room_find(r, who.id) != NULL || room_has_expelled(r, who.id) ||
	    r->npeople >= ROOM_PEOPLE)
		return false;
	p = room_add(r, &who, false);
	p->presence = ROOM_LOST;
	p->lost_ms = now_ms;
	p->hand = hand;
	if (hand > r->hands)
		r->hands = hand;
	p->muted = json_is_true(json_object_get(one, "muted"));
	if (host && r->host == NULL)
		room_give_host(r, p);
	return true;
}

unsigned
room_restore(struct room *r, const json_t *state, bool fresh, int64_t now_ms)
{
	const json_t *expelled = json_object_get(state, "expelled");
	const json_t *people = json_object_get(state, "people");
	const json_t *one;
	unsigned added = 0;
	size_t i;

	if (fresh) {
		r->locked = json_is_true(json_object_get(state, "locked"));
		r->lobby_on = json_is_true(json_object_get(state, "lobby"));
	}
	json_array_foreach(expelled, i, one)
	{
		const char *id = json_string_value(one);

		if (id != NULL && !room_has_expelled(r, id))
			room_expel(r, id);
	}
	json_array_foreach(people, i, one)
	    added += restore_person(r, one, now_ms);
	return added;
}
