#include "site/room_chat.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"

void
room_chat_init(struct room_chat *c)
{
	*c = (struct room_chat){ 0 };
	TAILQ_INIT(&c->lines);
}

static void
drop(struct room_chat *c, struct room_line *l)
{
	TAILQ_REMOVE(&c->lines, l, link);
	c->count--;
	c->bytes -= strlen(l->json);
	mem_free((char *)l->from);
	mem_free((char *)l->name);
	mem_free((char *)l->to);
	mem_free((char *)l->text);
	mem_free((char *)l->json);
	mem_free(l);
}

void
room_chat_fini(struct room_chat *c)
{
	while (!TAILQ_EMPTY(&c->lines))
		drop(c, TAILQ_FIRST(&c->lines));
	room_chat_init(c);
}

static char *
line_json(const struct room_line *l)
{
	JSON_AUTO j = json_object();
	struct strbuf sb = { 0 };

	json_put_str(j, "id", l->id);
	json_put_int(j, "n", l->n);
	json_put_str(j, "from", l->from);
	json_put_str(j, "name", l->name);
	json_put_str(j, "to", l->to);
	json_put_str(j, "text", l->text);
	json_put_int(j, "at_ms", l->at_ms);
	json_write(j, JSON_AS_MADE, &sb);
	return strbuf_take(&sb);
}

static bool
is_before(const struct room_line *a, const struct room_line *b)
{
	return a->n != b->n ? a->n < b->n : strcmp(a->id, b->id) < 0;
}

/* The last one before it; *known: it is there itself. */
static struct room_line *
find_place(const struct room_chat *c, const struct room_line *line, bool *known)
{
	struct room_line *at = TAILQ_LAST(&c->lines, room_lines);

	while (at != NULL && is_before(line, at))
		at = TAILQ_PREV(at, room_lines, link);
	*known = at != NULL && strcmp(at->id, line->id) == 0;
	return at;
}

const struct room_line *
room_chat_add(struct room_chat *c, const struct room_line *line)
{
	struct room_line *l = mem_dup(line, sizeof(*line)), *at;
	bool known = false;

	if (l->id[0] == '\0') {
		crypto_uuid4(l->id);
		l->n = c->last + 1;
	}
	at = find_place(c, l, &known);
	if (known || (at == NULL && c->count >= ROOM_CHAT_LINES)) {
		mem_free(l);
		return NULL;
	}
	l->from = mem_strdup(line->from);
	l->name = mem_strdup(line->name);
	l->to = mem_strdup(line->to);
	l->text = mem_strdup(line->text);
	l->json = line_json(l);
	if (at != NULL)
		TAILQ_INSERT_AFTER(&c->lines, at, l, link);
	else
		TAILQ_INSERT_HEAD(&c->lines, l, link);
	c->count++;
	c->bytes += strlen(l->json);
	if (l->n > c->last)
		c->last = l->n;
	while (TAILQ_FIRST(&c->lines) != l &&
	       (c->count > ROOM_CHAT_LINES || c->bytes > ROOM_CHAT_BYTES))
		drop(c, TAILQ_FIRST(&c->lines));
	return l;
}

bool
room_line_is_for(const struct room_line *l, const char *id)
{
	return l->to == NULL || strcmp(l->to, id) == 0 ||
	       strcmp(l->from, id) == 0;
}
