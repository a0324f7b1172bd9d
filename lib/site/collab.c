/*
 * hello --token, gate--> open --enter--> room <--text-- ... close --> leave
 *
 * Nothing is said without the lease. When it lapses the rooms fall silent;
 * when it is back for this service everybody gets the roster as it is now;
 * when the right to serve went elsewhere everybody is sent there by 1012.
 */
#include "site/collab.h"

#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/url.h"
#include "io/timer.h"
#include "io/wsd.h"
#include "site/gate.h"
#include "site/jointoken.h"
#include "site/role.h"
#include "site/room.h"

#define LOOK_MS 200
#define MOVED 1012
#define REPLACED 4001

struct guest;

struct collab {
	LIST_HEAD(, guest) guests; /* every connection's own */
	struct site *site;
	struct gate *gate;
	struct wsd *wsd;
	struct rooms *rooms;
	struct timer *look; /* armed while somebody is here */
	bool silent;        /* the lease has lapsed */
	void (*on_drained)(void *ctx);
	void *drained_ctx;
};

/* A connection's own: a guest until it is open, then a person. */
struct guest {
	struct arena *arena;
	struct jointoken token;
	struct wsd_conn *conn;
	struct room_person *person; /* NULL: not in, or replaced */
	LIST_ENTRY(guest) link;
};

static int on_hello(void *ctx, const struct wsd_hello *h, void **data);
static void on_open(void *ctx, struct wsd_conn *conn);
static void on_text(void *ctx, struct wsd_conn *conn, struct span text);
static void on_close(void *ctx, struct wsd_conn *conn, int code,
		     const char *reason);
static void on_look(void *ctx);

static void guest_free(struct guest *g);
static bool may_speak(struct collab *c);
static bool read_hello(struct collab *c, const struct wsd_hello *h,
		       struct guest *g, struct err *e);
static void tell(struct collab *c, struct wsd_conn *conn, json_t *message);
static void tell_others(struct collab *c, const struct room_person *p,
			json_t *message);
static void send_away(void *ctx, struct room_person *p);
static void send_roster(void *ctx, struct room_person *p);

struct collab *
collab_open(struct site *s, struct gate *gate, struct err *e)
{
	struct collab *c = mem_new(struct collab);
	const struct wsd_conf conf = {
		.listen = s->conf->collab_listen,
		.on_hello = on_hello,
		.on_open = on_open,
		.on_text = on_text,
		.on_close = on_close,
		.refusal = "GSB-Not-Processed: 1\r\n",
		.ctx = c,
	};

	c->site = s;
	c->gate = gate;
	c->wsd = wsd_open(&conf, e);
	if (c->wsd == NULL) {
		err_prefix(e, "[collab] listen");
		mem_free(c);
		return NULL;
	}
	c->rooms = rooms_new();
	log_info("collab", "listen=%s", s->conf->collab_listen);
	return c;
}

void
collab_close(struct collab **cp)
{
	struct collab *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	timer_cancel(&c->look);
	wsd_close_all(&c->wsd);
	while (!LIST_EMPTY(&c->guests))
		guest_free(LIST_FIRST(&c->guests));
	rooms_free(&c->rooms);
	mem_free(c);
}

unsigned
collab_rooms(const struct collab *c)
{
	return c != NULL ? rooms_count(c->rooms) : 0;
}

static void
on_wsd_drained(void *ctx)
{
	struct collab *c = ctx;

	c->on_drained(c->drained_ctx);
}

void
collab_drain(struct collab *c, void (*on_drained)(void *ctx), void *ctx)
{
	c->on_drained = on_drained;
	c->drained_ctx = ctx;
	wsd_drain(c->wsd, MOVED, "service restarts, rejoin", on_wsd_drained, c);
}

static int
on_hello(void *ctx, const struct wsd_hello *h, void **data)
{
	struct collab *c = ctx;
	struct guest *g;
	struct span epoch = wsd_field(h, "GSB-Epoch");
	int64_t number;
	struct err e = { 0 };

	if (!span_is(wsd_field(h, "GSB-Site"), c->site->role->name) ||
	    span_to_i64(epoch, &number) < 0 || !gate_holds(c->gate, number))
		return 421; /* the proxy sends it to where the lease is */
	g = mem_new(struct guest);
	g->arena = arena_new();
	LIST_INSERT_HEAD(&c->guests, g, link);
	if (!read_hello(c, h, g, &e)) {
		log_info("collab", "refused=%s why=\"%s\"", h->peer,
			 err_text(&e));
		guest_free(g);
		return e.code == ERR_NOT_FOUND ? 404 : 403;
	}
	*data = g;
	return 0;
}

/* "/<company>/ws/<letter>/<meeting>?t=<token>" */
static bool
read_hello(struct collab *c, const struct wsd_hello *h, struct guest *g,
	   struct err *e)
{
	char *buf = arena_alloc(g->arena, h->path.len + 1);
	const char letter[2] = { c->site->role->letter, '\0' };
	STRBUF_AUTO token = { 0 };
	struct url_path path;
	int64_t meeting;

	if (url_path_parse(h->path, buf, h->path.len + 1, &path, e) < 0)
		return false;
	if (path.n != 4 || !url_path_is(&path, 1, "ws") ||
	    !url_path_iis(&path, 2, letter) ||
	    span_to_i64(path.seg[3], &meeting) < 0)
		return err_set(e, ERR_NOT_FOUND,
			       "path %.*s, expected /COMPANY/ws/%s/MEETING",
			       SPAN_ARG(h->path), letter) == 0;
	if (url_pair_get(h->query, "t", &token, e) < 1)
		return err_set(e, ERR_REFUSED, "no join token (t=)") == 0;
	if (jointoken_read(gate_keys(c->gate), strbuf_span(&token),
			   clock_wall_us() / 1000000, g->arena, &g->token,
			   e) < 0)
		return false;
	if (g->token.meeting != meeting ||
	    !span_iis(path.seg[0], g->token.company))
		return err_set(e, ERR_REFUSED,
			       "the join token is for another meeting") == 0;
	return true;
}

static void
on_open(void *ctx, struct wsd_conn *conn)
{
	struct collab *c = ctx;
	struct guest *g = wsd_data(conn), *old;
	const struct room_enter who = {
		.company = g->token.company,
		.meeting = g->token.meeting,
		.id = g->token.participant,
		.name = g->token.name,
		.host = g->token.host,
	};
	void *was;

	g->conn = conn;
	g->person = rooms_enter(c->rooms, &who, g, &was);
	old = was;
	if (old != NULL) {
		old->person = NULL;
		wsd_close(old->conn, REPLACED, "joined from elsewhere");
	}
	log_info("collab", "joined=%s meeting=%lld rooms=%u people=%u", who.id,
		 (long long)who.meeting, rooms_count(c->rooms),
		 rooms_people(c->rooms));
	tell(c, conn, room_welcome(g->person));
	if (old == NULL)
		tell_others(c, g->person, room_joined(g->person));
	if (c->look == NULL)
		c->look = timer_start(LOOK_MS, on_look, c);
}

static void
on_text(void *ctx, struct wsd_conn *conn, struct span text)
{
	struct collab *c = ctx;
	JSON_AUTO message = NULL;
	const char *type = NULL;
	json_t *answer;
	struct err e = { 0 };

	if (!may_speak(c))
		return;
	message = json_read(text, &e);
	if (!json_is_object(message) ||
	    json_need_str(message, "type", &type, &e) < 0)
		type = "";
	if (strcmp(type, "leave") == 0) {
		wsd_close(conn, 1000, "left");
		return;
	}
	answer = json_object();
	if (strcmp(type, "ping") == 0) {
		json_put_str(answer, "type", "pong");
	} else {
		json_put_str(answer, "type", "error");
		json_put_str(answer, "message",
			     type[0] != '\0'
				 ? "unknown type, expected ping or leave"
				 : "expected a JSON object with a text "
				   "\"type\"");
	}
	tell(c, conn, answer);
}

static void
on_close(void *ctx, struct wsd_conn *conn, int code, const char *reason)
{
	struct collab *c = ctx;
	struct guest *g = wsd_data(conn);

	if (g->person != NULL) {
		log_info("collab", "left=%s code=%d why=\"%s\"", g->person->id,
			 code, reason);
		tell_others(c, g->person, room_left(g->person));
		rooms_leave(c->rooms, &g->person);
	}
	guest_free(g);
}

static void
guest_free(struct guest *g)
{
	LIST_REMOVE(g, link);
	arena_free(&g->arena);
	mem_free(g);
}

static void
on_look(void *ctx)
{
	struct collab *c = ctx;

	c->look = NULL;
	if (gate_is_elsewhere(c->gate)) {
		rooms_each(c->rooms, send_away, NULL);
	} else if (may_speak(c) && c->silent) {
		c->silent = false;
		log_state("collab", "rooms=%u speak again",
			  rooms_count(c->rooms));
		rooms_each(c->rooms, send_roster, c);
	}
	if (rooms_people(c->rooms) > 0)
		c->look = timer_start(LOOK_MS, on_look, c);
	else
		c->silent = false;
}

/* Whoever misses something by it gets the roster when it is over. */
static bool
may_speak(struct collab *c)
{
	bool serving = gate_serving(c->gate);

	if (!serving && !c->silent) {
		c->silent = true;
		log_state("collab", "rooms=%u are silent: no lease",
			  rooms_count(c->rooms));
	}
	return serving;
}

static void
send_away(void *ctx, struct room_person *p)
{
	struct guest *g = p->conn;

	wsd_close(g->conn, MOVED, "the meeting moves, rejoin");
}

static void
send_roster(void *ctx, struct room_person *p)
{
	struct guest *g = p->conn;

	tell(ctx, g->conn, room_welcome(p));
}

/* Takes the message. */
static void
tell(struct collab *c, struct wsd_conn *conn, json_t *message)
{
	STRBUF_AUTO sb = { 0 };

	json_write(message, JSON_AS_MADE, &sb);
	json_decref(message);
	if (may_speak(c))
		wsd_send(conn, strbuf_span(&sb));
}

/* One buffer for all; who is replaced or away gets the roster later. */
static void
tell_others(struct collab *c, const struct room_person *p, json_t *message)
{
	STRBUF_AUTO sb = { 0 };
	struct wsd_msg *shared;

	json_write(message, JSON_AS_MADE, &sb);
	json_decref(message);
	if (!may_speak(c))
		return;
	shared = wsd_msg_new(strbuf_span(&sb));
	for (struct room_person *o = room_first(p->room); o != NULL;
	     o = o->next) {
		struct guest *g = o->conn;

		if (o != p)
			wsd_send_msg(g->conn, shared);
	}
	wsd_msg_free(&shared);
}
