/*
 * A room as its row keeps it: the people who are in, who leads, and what was
 * set; so it is there again on the other site. Pure.
 */
#ifndef SITE_ROOM_STATE_H
#define SITE_ROOM_STATE_H

#include "base/json.h"
#include "site/room.h"

/* Given. */
json_t *room_state(const struct room *r);

/*
 * Puts into the room what the row tells and the room does not know: its
 * people, as lost at now_ms, who led them if nobody does, the settings if the
 * room is fresh. What is no such state is left out. Returns who was added.
 */
unsigned room_restore(struct room *r, const json_t *state, bool fresh,
		      int64_t now_ms);

#endif
