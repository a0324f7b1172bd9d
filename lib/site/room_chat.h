/*
 * The lines that were written in a room: the last ones, in their order. A
 * line is one JSON text, made once. Pure.
 */
#ifndef SITE_ROOM_CHAT_H
#define SITE_ROOM_CHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/crypto.h"

#define ROOM_CHAT_LINES 200
#define ROOM_CHAT_BYTES (256 * 1024)

struct room_line {
	char id[CRYPTO_UUID_SIZE];
	int64_t n;
	int64_t at_ms; /* UNIX */
	const char *from;
	const char *name;
	const char *to; /* NULL: everybody */
	const char *text;
	const char *json; /* LINE of docs/contracts.md 6 */
	TAILQ_ENTRY(room_line) link;
};
TAILQ_HEAD(room_lines, room_line);

struct room_chat {
	struct room_lines lines; /* by (n, id) */
	unsigned count;
	size_t bytes;
	int64_t last; /* the highest n */
};

void room_chat_init(struct room_chat *c);
void room_chat_fini(struct room_chat *c); /* ready for the next run */

/* line: texts are borrowed; id "" and n 0: a new one. NULL: it is there, or
 * older than what is kept; else borrowed until the next call. */
const struct room_line *room_chat_add(struct room_chat *c,
				      const struct room_line *line);

/* Whether this participant sees it. */
bool room_line_is_for(const struct room_line *l, const char *id);

#endif
