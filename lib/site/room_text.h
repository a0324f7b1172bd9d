/*
 * What a room says, as the texts of docs/contracts.md 6; appended to out. A
 * person's own text is made once and kept until he changes. Pure.
 */
#ifndef SITE_ROOM_TEXT_H
#define SITE_ROOM_TEXT_H

#include "base/strbuf.h"
#include "site/room.h"

/* All that this person may know. */
void room_text_welcome(struct room_person *p, struct strbuf *out);
void room_text_waiting(const struct room_person *p, struct strbuf *out);
void room_text_room(const struct room *r, struct strbuf *out);
void room_text_chat(const struct room_line *l, const char *ref,
		    struct strbuf *out);
void room_text_pong(struct strbuf *out);
/* ref may be NULL. */
void room_text_error(const char *code, const char *message, const char *ref,
		     struct strbuf *out);

/* What changed since it was told, for those who are in, and for the host
 * what changed in the lobby; left as it was when nothing did. Then all is
 * told. */
void room_text_news(struct room *r, struct strbuf *people,
		    struct strbuf *lobby);

#endif
