/* Whatever a participant sends is one thing to do or one error with words;
 * as the row of a room it is borne. */
#include <assert.h>
#include <stdint.h>

#include "site/room_said.h"
#include "site/room_state.h"
#include "site/room_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A line of it can be read again. */
static void
say(struct room *r, const struct room_said *said)
{
	struct room_line line = { .from = "a", .name = "A" };
	STRBUF_AUTO text = { 0 };
	JSON_AUTO again = NULL;
	struct err e;

	line.to = said->id;
	line.text = said->text;
	room_text_chat(room_chat_add(&r->chat, &line), said->ref, &text);
	again = json_read(strbuf_span(&text), &e);
	assert(again != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rooms *rooms = rooms_new();
	struct room *room = rooms_make(rooms, "acme", 1);
	STRBUF_AUTO people = { 0 };
	STRBUF_AUTO lobby = { 0 };
	JSON_AUTO hold = NULL;
	struct room_said said;
	struct err e = { 0 };
	const char *code = room_said_read(span_make((const char *)data, size),
					  &hold, &said, &e);

	assert((code == NULL) == (e.code == ERR_NONE));
	if (code != NULL)
		room_text_error(code, err_text(&e), said.ref, &people);
	else if (said.kind == ROOM_CHAT)
		say(room, &said);
	strbuf_reset(&people);
	room_restore(room, hold, true, 0);
	room_text_news(room, &people, &lobby);
	rooms_free(&rooms);
	return 0;
}
