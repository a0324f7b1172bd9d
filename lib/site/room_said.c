#include "site/room_said.h"

#include <string.h>

#include "base/utf8.h"

#define ID_MAX 64
#define REF_MAX 64

enum { ID_MAY = 1, ID_MUST = 2 };

/* A row for each type; on: the member that says yes or no. */
static const struct room_type {
	const char *name;
	enum room_kind kind;
	int id;
	const char *on;
} types[] = {
	{ "ping", ROOM_PING, 0, NULL },
	{ "leave", ROOM_LEAVE, 0, NULL },
	{ "chat", ROOM_CHAT, 0, NULL },
	{ "presence", ROOM_PRESENCE, 0, NULL },
	{ "hand", ROOM_HAND, 0, "up" },
	{ "claim", ROOM_CLAIM, 0, NULL },
	{ "admit", ROOM_ADMIT, ID_MAY, NULL },
	{ "refuse", ROOM_REFUSE, ID_MUST, NULL },
	{ "mute", ROOM_MUTE, ID_MAY, "muted" },
	{ "lower", ROOM_LOWER, ID_MAY, NULL },
	{ "expel", ROOM_EXPEL, ID_MUST, NULL },
	{ "host", ROOM_HOST, ID_MUST, NULL },
	{ "lock", ROOM_LOCK, 0, "locked" },
	{ "lobby", ROOM_LOBBY, 0, "on" },
	{ "end", ROOM_END, 0, NULL },
};

static const struct room_type *
find_type(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

static size_t
characters(const char *text)
{
	struct span s = span_of(text);
	size_t n = 0;

	for (; s.len > 0; n++)
		s = span_skip(s, utf8_first(s, NULL));
	return n;
}

static const char *
read_id(const json_t *j, const char *key, bool must, struct room_said *out,
	struct err *e)
{
	int rc = json_get_str(j, key, &out->id, e);

	if (rc < 0 || (rc == 0 && !must))
		return rc < 0 ? "bad_message" : NULL;
	if (rc == 0 || out->id[0] == '\0' || strlen(out->id) > ID_MAX) {
		err_set(e, ERR_INVALID,
			"%s must be the id of a person, 1 to %d bytes", key,
			ID_MAX);
		return "bad_message";
	}
	return NULL;
}

static const char *
read_chat(const json_t *j, struct room_said *out, struct err *e)
{
	const char *code = read_id(j, "to", false, out, e);
	struct span text;

	if (code != NULL || json_need_str(j, "text", &out->text, e) < 0)
		return "bad_message";
	text = span_trim(span_of(out->text));
	if (text.len == 0) {
		err_set(e, ERR_INVALID, "text must not be empty");
		return "bad_message";
	}
	if (characters(out->text) > ROOM_CHAT_CHARS) {
		err_set(e, ERR_LIMIT, "text must be at most %d characters",
			ROOM_CHAT_CHARS);
		return "too_long";
	}
	return NULL;
}

static const char *
read_presence(const json_t *j, struct room_said *out, struct err *e)
{
	const char *word = NULL;

	if (json_need_str(j, "presence", &word, e) < 0)
		return "bad_message";
	out->on = strcmp(word, "away") == 0;
	if (out->on || strcmp(word, "here") == 0)
		return NULL;
	err_set(e, ERR_INVALID, "presence must be \"away\" or \"here\"");
	return "bad_message";
}

static const char *
read_members(const json_t *j, const struct room_type *t, struct room_said *out,
	     struct err *e)
{
	const char *code;

	if (t->kind == ROOM_CHAT)
		return read_chat(j, out, e);
	if (t->kind == ROOM_PRESENCE)
		return read_presence(j, out, e);
	if (t->id != 0) {
		code = read_id(j, "id", t->id == ID_MUST, out, e);
		if (code != NULL)
			return code;
	}
	if (t->on != NULL && json_need_bool(j, t->on, &out->on, e) < 0)
		return "bad_message";
	return NULL;
}

static const char *
read_ref(const json_t *j, struct room_said *out, struct err *e)
{
	const char *ref = NULL;

	if (json_get_str(j, "ref", &ref, e) < 0)
		return "bad_message";
	if (ref != NULL && characters(ref) > REF_MAX) {
		err_set(e, ERR_LIMIT, "ref must be at most %d characters",
			REF_MAX);
		return "bad_message";
	}
	out->ref = ref;
	return NULL;
}

const char *
room_said_read(struct span text, json_t **hold, struct room_said *out,
	       struct err *e)
{
	const struct room_type *t;
	const char *name = NULL, *code;

	*out = (struct room_said){ 0 };
	*hold = json_read(text, e);
	if (*hold == NULL)
		return "bad_json";
	if (!json_is_object(*hold)) {
		err_set(e, ERR_INVALID,
			"expected a JSON object with a text \"type\"");
		return "bad_message";
	}
	code = read_ref(*hold, out, e);
	if (code != NULL)
		return code;
	if (json_need_str(*hold, "type", &name, e) < 0)
		return "bad_message";
	t = find_type(name);
	if (t == NULL) {
		err_set(e, ERR_INVALID, "unknown type");
		return "unknown_type";
	}
	out->kind = t->kind;
	return read_members(*hold, t, out, e);
}
