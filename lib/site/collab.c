/*
 * hello --token, gate--> open --(rows read)--> enter --text-- ... close
 *
 * Nothing is said without the lease. When it lapses the rooms fall silent;
 * when it is back for this service everybody gets the room as it is now;
 * when the right to serve went elsewhere everybody is sent there by 1012, and
 * the run goes on there.
 */
#include "site/collab_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/url.h"
#include "site/gate.h"
#include "site/role.h"
#include "site/room_said.h"
#include "site/site.h"

#define LOOK_MS 200
#define SWEEP_MS 60000
#define DRAIN_MS 1500
#define RATE_SAID 10 /* a second, of one */
#define RATE_LINES 4

static int on_hello(void *ctx, const struct wsd_hello *h, void **data);
static void on_open(void *ctx, struct wsd_conn *conn);
static void on_text(void *ctx, struct wsd_conn *conn, struct span text);
static void on_close(void *ctx, struct wsd_conn *conn, int code,
		     const char *reason);
static void on_look(void *ctx);

static void guest_free(struct guest *g);
static bool read_hello(struct collab *c, const struct wsd_hello *h,
		       struct guest *g, struct err *e);
static void park(struct collab *c, bool save);

static int
listen_on(struct collab *c, struct err *e)
{
	const struct wsd_conf conf = {
		.listen = c->site->conf->collab_listen,
		.max_message = ROOM_SAID_BYTES,
		.on_hello = on_hello,
		.on_open = on_open,
		.on_text = on_text,
		.on_close = on_close,
		.refusal = "GSB-Not-Processed: 1\r\n",
		.ctx = c,
	};

	c->wsd = wsd_open(&conf, e);
	return c->wsd != NULL ? 0 : err_prefix(e, "[collab] listen");
}

struct collab *
collab_open(struct site *s, struct gate *gate, struct err *e)
{
	struct collab *c = mem_new(struct collab);

	c->site = s;
	c->gate = gate;
	c->rooms = rooms_new();
	c->rate = rate_new(RATE_SAID);
	c->lines = rate_new(RATE_LINES);
	c->keep = roomkeep_open(s->pool, s->conf->state_dir, e);
	if (c->keep == NULL || listen_on(c, e) < 0) {
		collab_close(&c);
		return NULL;
	}
	c->look = timer_start(LOOK_MS, on_look, c);
	log_info("collab", "listen=%s", s->conf->collab_listen);
	return c;
}

void
collab_close(struct collab **cp)
{
	struct collab *c = *cp;
	struct room *r;
	struct hall *h;

	*cp = NULL;
	if (c == NULL)
		return;
	timer_cancel(&c->look);
	timer_cancel(&c->news);
	wsd_close_all(&c->wsd);
	while ((r = rooms_next(c->rooms, NULL)) != NULL) {
		h = r->owner;
		collab_hall_free(&h);
	}
	while (!LIST_EMPTY(&c->guests))
		guest_free(LIST_FIRST(&c->guests));
	rooms_free(&c->rooms);
	roomkeep_close(&c->keep);
	rate_free(&c->rate);
	rate_free(&c->lines);
	mem_free(c);
}

unsigned
collab_rooms(const struct collab *c)
{
	return c != NULL ? rooms_count(c->rooms) : 0;
}

static void
on_drained(void *ctx)
{
	struct collab *c = ctx;

	if (--c->drains == 0)
		c->on_drained(c->drained_ctx);
}

/* The runs stay open: they go on when the service is back, or elsewhere. */
void
collab_drain(struct collab *c, void (*fn)(void *ctx), void *ctx)
{
	c->on_drained = fn;
	c->drained_ctx = ctx;
	c->draining = true;
	c->drains = 2;
	park(c, collab_may_speak(c));
	wsd_drain(c->wsd, COLLAB_MOVED, "service restarts, rejoin", on_drained,
		  c);
	roomkeep_drain(c->keep, DRAIN_MS, on_drained, c);
}

static int
on_hello(void *ctx, const struct wsd_hello *h, void **data)
{
	struct collab *c = ctx;
	struct guest *g;
	struct span epoch = wsd_field(h, "GSB-Epoch");
	struct span from = wsd_field(h, "X-Forwarded-For");
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
	(void)span_copy(from.len > 0 ? from : span_of(h->peer), g->address,
			sizeof(g->address));
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
	struct guest *g = wsd_data(conn);
	struct hall *h;

	g->conn = conn;
	if (c->draining)
		return;
	h = collab_hall(c, &g->token);
	if (h->asked) {
		collab_enter(c, g, h->room);
		collab_hall_settle(h);
		return;
	}
	g->hall = h;
	TAILQ_INSERT_TAIL(&h->waits, g, waits);
}

static void
on_text(void *ctx, struct wsd_conn *conn, struct span text)
{
	collab_say(ctx, wsd_data(conn), text);
}

/* Who said that he leaves is gone; who was cut off may come back. */
static void
on_close(void *ctx, struct wsd_conn *conn, int code, const char *reason)
{
	struct collab *c = ctx;
	struct guest *g = wsd_data(conn);
	struct room_person *p = g->person;

	if (g->hall != NULL)
		TAILQ_REMOVE(&g->hall->waits, g, waits);
	guest_free(g);
	if (p == NULL)
		return;
	p->conn = NULL;
	log_info("collab", "closed=%s code=%d why=\"%s\"", p->id, code, reason);
	if (code == COLLAB_LEFT || p->waiting) {
		collab_leave(c, p, clock_wall_us());
		return;
	}
	p->presence = ROOM_LOST;
	p->lost_ms = clock_mono_ms();
	room_change(p);
	collab_changed(c, p->room);
}

static void
guest_free(struct guest *g)
{
	LIST_REMOVE(g, link);
	arena_free(&g->arena);
	mem_free(g);
}

/* Whoever is here is sent away; the rooms are as if they had never been. */
static void
park(struct collab *c, bool save)
{
	int64_t now = clock_wall_us();
	struct room_person *p;
	struct room *r;
	struct guest *g;
	struct hall *h;

	while ((r = rooms_next(c->rooms, NULL)) != NULL) {
		h = r->owner;
		if (save)
			collab_run_save(c, r);
		TAILQ_FOREACH(p, &r->people, link)
		collab_stay_end(c, p, now);
		collab_hall_free(&h);
	}
	LIST_FOREACH(g, &c->guests, link)
	{
		g->person = NULL;
		if (g->conn != NULL)
			wsd_close(g->conn, COLLAB_MOVED,
				  "the meeting moves, rejoin");
	}
}

/* The grace time of those who were cut off. */
static void
look_for_lost(struct collab *c, struct room *r)
{
	int64_t now = clock_mono_ms();
	int64_t grace_ms = c->site->conf->collab_grace_s * 1000;
	struct room_person *p, *next;
	bool last;

	for (p = TAILQ_FIRST(&r->people); p != NULL; p = next) {
		next = TAILQ_NEXT(p, link);
		if (p->presence != ROOM_LOST || now - p->lost_ms < grace_ms)
			continue;
		last = r->npeople == 1; /* the room may go with him */
		collab_leave(c, p, clock_wall_us() - (now - p->lost_ms) * 1000);
		if (last)
			return;
	}
}

static void
look_at(struct collab *c, struct room *r)
{
	struct hall *h = r->owner;

	if (h->load == NULL && h->again_ms != 0 &&
	    clock_mono_ms() >= h->again_ms)
		collab_hall_read(h);
	collab_beat(c, h);
	look_for_lost(c, r);
}

static void
sweep(struct collab *c)
{
	int64_t now = clock_mono_ms();
	STRBUF_AUTO ids = { 0 };

	if (c->swept_ms == 0)
		c->swept_ms = now;
	if (now - c->swept_ms < SWEEP_MS)
		return;
	c->swept_ms = now;
	strbuf_addc(&ids, '{');
	for (struct room *r = rooms_next(c->rooms, NULL); r != NULL;
	     r = rooms_next(c->rooms, r))
		if (r->run.id[0] != '\0')
			strbuf_addf(&ids, "%s%s", ids.len > 1 ? "," : "",
				    r->run.id);
	strbuf_addc(&ids, '}');
	roomkeep_sweep(c->keep, c->site->role->letter,
		       !gate_has_rooms_elsewhere(c->gate), strbuf_text(&ids));
}

static void
welcome_all(struct collab *c)
{
	struct room_person *p;

	for (struct room *r = rooms_next(c->rooms, NULL); r != NULL;
	     r = rooms_next(c->rooms, r)) {
		TAILQ_FOREACH(p, &r->people, link)
		collab_welcome(c, p);
		TAILQ_FOREACH(p, &r->lobby, link)
		collab_tell_waiting(c, p);
	}
}

static void
on_look(void *ctx)
{
	struct collab *c = ctx;
	struct room *r, *next;

	c->look = timer_start(LOOK_MS, on_look, c);
	if (c->draining)
		return;
	if (gate_is_elsewhere(c->gate)) {
		if (!LIST_EMPTY(&c->guests) ||
		    rooms_next(c->rooms, NULL) != NULL)
			park(c, false);
		return;
	}
	if (!collab_may_speak(c))
		return;
	if (c->silent) {
		c->silent = false;
		log_state("collab", "rooms=%u speak again",
			  rooms_count(c->rooms));
		welcome_all(c);
	}
	for (r = rooms_next(c->rooms, NULL); r != NULL; r = next) {
		next = rooms_next(c->rooms, r);
		look_at(c, r);
	}
	sweep(c);
}

/* Whoever misses something by it gets the room when it is over. */
bool
collab_may_speak(struct collab *c)
{
	bool serving = gate_serving(c->gate);

	if (!serving && !c->silent) {
		c->silent = true;
		if (rooms_people(c->rooms) > 0)
			log_state("collab", "rooms=%u are silent: no lease",
				  rooms_count(c->rooms));
	}
	return serving && !c->draining;
}
