/*
 * What a participant says (docs/contracts.md 6), read and judged by itself.
 * Pure.
 */
#ifndef SITE_ROOM_SAID_H
#define SITE_ROOM_SAID_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"

#define ROOM_SAID_BYTES (16 * 1024)
#define ROOM_CHAT_CHARS 2000

enum room_kind {
	ROOM_PING,
	ROOM_LEAVE,
	ROOM_CHAT,
	ROOM_PRESENCE,
	ROOM_HAND,
	ROOM_CLAIM,
	ROOM_ADMIT, /* from here on the host's */
	ROOM_REFUSE,
	ROOM_MUTE,
	ROOM_LOWER,
	ROOM_EXPEL,
	ROOM_HOST,
	ROOM_LOCK,
	ROOM_LOBBY,
	ROOM_END,
};

struct room_said {
	enum room_kind kind;
	const char *id;   /* of whom, "to" of a line; NULL: not said */
	const char *text; /* of a line */
	const char *ref;  /* also when it is wrong otherwise; or NULL */
	bool on;          /* away, up, muted, locked, lobby */
};

/*
 * Texts are borrowed from *hold (given, json_decref). NULL: well; else the
 * code of the error, with words in e.
 */
const char *room_said_read(struct span text, json_t **hold,
			   struct room_said *out, struct err *e);

#endif
