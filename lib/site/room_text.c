#include "site/room_text.h"

#include "base/json.h"
#include "base/utf8.h"

static const char *
presence_name(enum room_presence p)
{
	static const char *const names[] = { "here", "away", "lost" };

	return names[p];
}

static const char *
person_text(struct room_person *p)
{
	JSON_AUTO j = NULL;
	struct strbuf sb = { 0 };

	if (p->text != NULL)
		return p->text;
	j = json_object();
	json_put_str(j, "id", p->id);
	json_put_str(j, "name", p->name);
	json_put_bool(j, "host", p->host);
	json_put_bool(j, "guest", p->guest);
	json_put_str(j, "presence", presence_name(p->presence));
	json_put_int(j, "hand", p->hand);
	json_put_bool(j, "muted", p->muted);
	json_write(j, JSON_AS_MADE, &sb);
	p->text = strbuf_take(&sb);
	return p->text;
}

static void
add_text(const char *text, struct strbuf *out)
{
	STRBUF_AUTO clean = { 0 };
	JSON_AUTO j = NULL;

	/* words about an error may have been cut within a character */
	utf8_clean(span_of(text), &clean);
	j = json_string(strbuf_text(&clean));
	json_write(j, JSON_AS_MADE, out);
}

/* Between the brackets of a list. */
static void
add_next(const char *json, struct strbuf *out)
{
	if (out->at[out->len - 1] != '[')
		strbuf_addc(out, ',');
	strbuf_adds(out, json);
}

static void
add_room(const struct room *r, struct strbuf *out)
{
	strbuf_addf(out, "{\"locked\":%s,\"lobby\":%s}",
		    r->locked ? "true" : "false",
		    r->lobby_on ? "true" : "false");
}

static void
add_people(struct room_people *people, struct strbuf *out)
{
	struct room_person *p;

	TAILQ_FOREACH(p, people, link)
	add_next(person_text(p), out);
}

void
room_text_welcome(struct room_person *p, struct strbuf *out)
{
	struct room *r = p->room;
	const struct room_line *l;

	strbuf_addf(out, "{\"type\":\"welcome\",\"meeting\":%lld,\"session\":",
		    (long long)r->meeting);
	if (r->run.id[0] != '\0')
		add_text(r->run.id, out);
	else
		strbuf_adds(out, "null");
	strbuf_adds(out, ",\"you\":");
	add_text(p->id, out);
	strbuf_addf(out, ",\"host\":%s,\"room\":", p->host ? "true" : "false");
	add_room(r, out);
	strbuf_adds(out, ",\"roster\":[");
	add_people(&r->people, out);
	strbuf_adds(out, "],\"waiting\":[");
	if (p->host)
		add_people(&r->lobby, out);
	strbuf_adds(out, "],\"chat\":[");
	TAILQ_FOREACH(l, &r->chat.lines, link)
	if (room_line_is_for(l, p->id))
		add_next(l->json, out);
	strbuf_adds(out, "]}");
}

void
room_text_waiting(const struct room_person *p, struct strbuf *out)
{
	const struct room *r = p->room;

	strbuf_adds(out, "{\"type\":\"waiting\",\"you\":");
	add_text(p->id, out);
	strbuf_addf(out, ",\"why\":\"%s\"}",
		    r->host == NULL && !r->early ? "host" : "lobby");
}

void
room_text_room(const struct room *r, struct strbuf *out)
{
	strbuf_adds(out, "{\"type\":\"room\",\"room\":");
	add_room(r, out);
	strbuf_addc(out, '}');
}

static void
add_ref(const char *ref, struct strbuf *out)
{
	if (ref == NULL)
		return;
	strbuf_adds(out, ",\"ref\":");
	add_text(ref, out);
}

void
room_text_chat(const struct room_line *l, const char *ref, struct strbuf *out)
{
	strbuf_addf(out, "{\"type\":\"chat\",\"line\":%s", l->json);
	add_ref(ref, out);
	strbuf_addc(out, '}');
}

void
room_text_pong(struct strbuf *out)
{
	strbuf_adds(out, "{\"type\":\"pong\"}");
}

void
room_text_error(const char *code, const char *message, const char *ref,
		struct strbuf *out)
{
	strbuf_addf(out,
		    "{\"type\":\"error\",\"code\":\"%s\",\"message\":", code);
	add_text(message, out);
	add_ref(ref, out);
	strbuf_addc(out, '}');
}

/* Who left and came back meanwhile is not gone. */
static void
add_gone(const struct room *r, const struct strbuf *let_in, struct strbuf *out)
{
	strbuf_adds(out, "],\"gone\":[");
	if (let_in != NULL)
		strbuf_add(out, let_in->at, let_in->len);
	for (unsigned i = 0; i < r->ngone; i++) {
		STRBUF_AUTO id = { 0 };

		if (room_find(r, r->gone[i]) != NULL)
			continue;
		add_text(r->gone[i], &id);
		add_next(strbuf_text(&id), out);
	}
	strbuf_adds(out, "]}");
}

static bool
add_changed(struct room_people *people, struct strbuf *out)
{
	struct room_person *p;
	bool any = false;

	TAILQ_FOREACH(p, people, link)
	{
		if (!p->changed)
			continue;
		add_next(person_text(p), out);
		p->changed = false;
		any = true;
	}
	return any;
}

static void
add_let_in(struct room *r, struct strbuf *out)
{
	struct room_person *p;

	TAILQ_FOREACH(p, &r->people, link)
	{
		if (!p->let_in)
			continue;
		p->let_in = false;
		if (out->len > 0)
			strbuf_addc(out, ',');
		add_text(p->id, out);
	}
}

void
room_text_news(struct room *r, struct strbuf *people, struct strbuf *lobby)
{
	STRBUF_AUTO let_in = { 0 };
	bool any;

	if (!r->unsaid)
		return;
	add_let_in(r, &let_in);
	strbuf_adds(people, "{\"type\":\"people\",\"set\":[");
	any = add_changed(&r->people, people);
	if (any || r->ngone > 0)
		add_gone(r, NULL, people);
	else
		strbuf_reset(people);
	strbuf_adds(lobby, "{\"type\":\"lobby\",\"set\":[");
	any = add_changed(&r->lobby, lobby);
	if (any || let_in.len > 0 || r->ngone > 0)
		add_gone(r, let_in.len > 0 ? &let_in : NULL, lobby);
	else
		strbuf_reset(lobby);
	room_told(r);
}
