/*
 *   timer --> look --> on_looked --> go_on --> letter --> on_ended
 *     ^  ^                             | ^                   |
 *     |  +---- all of them are started-+ |                 marks
 *     |                                  |                   |
 *     +---- nothing is to be started ----+---- on_marked ----+
 *
 * A place is taken from the start of a letter until it is marked.
 */
#include "site/mail.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/retry.h"
#include "base/secret.h"
#include "io/outbox.h"
#include "io/timer.h"
#include "site/api.h"
#include "site/letter.h"
#include "site/mail_sql.h"
#include "site/site.h"

#define MODULE "mail"
#define LOOK_MS 1000
#define MARK_AGAIN_MS 1000
#define QUERY_MS 10000
#define DRAIN_MS 10000
#define PLACES 8
#define PLACES_AGAIN (PLACES / 2) /* for those that failed before */
#define TRIES_MAX 500             /* some four days (RFC 5321, 4.5.4.1) */

static const struct retry_conf again = { 5000, 15 * 60 * 1000 };

enum place_state {
	PLACE_FREE,
	PLACE_SENDING,
	PLACE_ENDED, /* to be marked */
	PLACE_MARKING,
};

/* One letter. */
struct place {
	struct mail *mail;
	enum place_state state;
	struct arena *arena; /* of the letter's texts */
	struct letter_of of;
	struct letter *letter; /* sending */
	bool taken, given_up;  /* how it ended; neither: again later */
};

struct mail {
	struct site *site;
	struct timer *timer;      /* to the next look */
	struct timer *mark_timer; /* to the next try to mark */
	struct pgreq *look, *mark;
	struct arena *arena; /* of the letters that were found */
	struct letter_of *found;
	size_t n, next;
	bool left; /* a look passed over some: they wait for a place */
	struct place places[PLACES];
	struct mail_counts counts;
	bool draining;       /* nothing is started any more */
	struct timer *drain; /* until that is told */
	void (*on_drained)(void *ctx);
	void *ctx;
};

static void on_time(void *ctx);
static void look(struct mail *m);
static void on_looked(void *ctx, const struct pgresult *r, size_t n,
		      const struct err *err);
static void go_on(struct mail *m);
static void start(struct place *p, const struct letter_of *of);
static void on_ended(void *ctx, const struct err *err);
static void ended(struct place *p, const struct err *err);
static void marks(struct mail *m);
static void add_mark(const struct place *p, struct pgbatch *b);
static void on_marked(void *ctx, const struct pgresult *r, size_t n,
		      const struct err *err);
static void on_mark_time(void *ctx);
static void on_drain_time(void *ctx);

int
mail_check(const struct site_conf *conf, struct err *e)
{
	struct span url = span_of(conf->mail_smtp);
	char *from = mem_printf("mailto:%s", conf->mail_from);
	bool good = outbox_is_receiver(from, NULL);
	STRBUF_AUTO password = { 0 };

	mem_free(from);
	if (url.len == 0)
		return 0;
	if (!span_starts(url, "smtp://") && !span_starts(url, "smtps://"))
		return err_set(e, ERR_INVALID,
			       "[mail] smtp: \"%s\" must be smtp://HOST:PORT "
			       "or smtps://HOST:PORT",
			       conf->mail_smtp);
	if (!good)
		return err_set(e, ERR_INVALID,
			       "[mail] from: \"%s\" must be NAME@HOST",
			       conf->mail_from);
	if (secret_read(conf->mail_password_file, &password, e) < 0)
		return err_prefix(e, "[mail] password_file");
	return 0;
}

struct mail *
mail_open(struct site *s)
{
	struct mail *m = mem_new(struct mail);

	m->site = s;
	m->arena = arena_new();
	for (size_t i = 0; i < PLACES; i++) {
		m->places[i].mail = m;
		m->places[i].arena = arena_new();
	}
	m->timer = timer_start(LOOK_MS, on_time, m);
	return m;
}

void
mail_close(struct mail **mp)
{
	struct mail *m = *mp;

	*mp = NULL;
	if (m == NULL)
		return;
	timer_cancel(&m->timer);
	timer_cancel(&m->mark_timer);
	timer_cancel(&m->drain);
	pgpool_cancel(&m->look);
	pgpool_cancel(&m->mark);
	for (size_t i = 0; i < PLACES; i++) {
		letter_cancel(&m->places[i].letter);
		arena_free(&m->places[i].arena);
	}
	arena_free(&m->arena);
	mem_free(m);
}

void
mail_drain(struct mail *m, void (*on_drained)(void *ctx), void *ctx)
{
	m->on_drained = on_drained;
	m->ctx = ctx;
	m->draining = true;
	m->n = m->next = 0;
	timer_cancel(&m->timer);
	pgpool_cancel(&m->look);
	m->drain = timer_start(DRAIN_MS, on_drain_time, m);
	go_on(m);
}

struct mail_counts
mail_counts(const struct mail *m)
{
	return m->counts;
}

void
mail_add_touch(const struct api *a, struct pgbatch *b)
{
	if (a->meetings != NULL && a->site->conf->mail_smtp[0] != '\0')
		mail_sql_add_touch(a->meetings, b);
}

static void
on_time(void *ctx)
{
	struct mail *m = ctx;

	m->timer = NULL;
	if (m->site->conf->mail_smtp[0] != '\0' &&
	    gate_serving(m->site->web_gate))
		look(m);
	else
		m->timer = timer_start(LOOK_MS, on_time, m);
}

/* Of recipients who are being written to nothing is looked for: so nothing
 * that is on its way is found, nor the next one before it. */
static void
look(struct mail *m)
{
	struct pgbatch *b = pgbatch_new();
	JSON_AUTO busy = json_array();
	STRBUF_AUTO text = { 0 };

	for (size_t i = 0; i < PLACES; i++)
		if (m->places[i].state != PLACE_FREE)
			json_array_append_new(busy,
					      json_string(m->places[i].of.key));
	json_write(busy, JSON_AS_MADE, &text);
	mail_sql_add_look(m->site->conf->mail_remind_ms / 1000,
			  strbuf_text(&text), b);
	m->look = pgpool_run(m->site->pool, &b, clock_mono_ms() + QUERY_MS,
			     on_looked, m);
}

static void
read_letter(struct arena *a, const struct pgresult *r, int row,
	    struct letter_of *out)
{
	out->id = arena_strdup(a, pgresult_text(r, row, MAIL_SQL_ID));
	out->to = arena_strdup(a, pgresult_text(r, row, MAIL_SQL_EMAIL));
	out->key = arena_strdup(a, pgresult_text(r, row, MAIL_SQL_KEY));
	out->company = arena_strdup(a, pgresult_text(r, row, MAIL_SQL_COMPANY));
	out->sequence = pgresult_int(r, row, MAIL_SQL_SEQUENCE);
	out->told = pgresult_int(r, row, MAIL_SQL_TOLD);
	out->cancelled = pgresult_bool(r, row, MAIL_SQL_CANCELLED);
	out->tries = pgresult_int(r, row, MAIL_SQL_TRIES);
	out->remind_us = pgresult_int(r, row, MAIL_SQL_REMIND_US);
	out->content = arena_span(a, pgresult_bytes(r, row, MAIL_SQL_CONTENT));
}

static void
on_looked(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct mail *m = ctx;

	m->look = NULL;
	m->n = m->next = 0;
	if (err == NULL) {
		arena_reset(m->arena);
		m->n = (size_t)pgresult_rows(&r[0]);
		m->found = arena_array(m->arena, struct letter_of, m->n + 1);
	}
	for (size_t i = 0; i < m->n; i++)
		read_letter(m->arena, &r[0], (int)i, &m->found[i]);
	m->left = m->n >= MAIL_SQL_MAX;
	go_on(m);
}

/* The place for it, NULL: it waits for another one to end. */
static struct place *
place_for(struct mail *m, const struct letter_of *of)
{
	struct place *free = NULL;
	unsigned failing = 0;

	for (size_t i = 0; i < PLACES; i++) {
		struct place *p = &m->places[i];

		if (p->state == PLACE_FREE)
			free = p;
		else if (strcmp(p->of.key, of->key) == 0)
			return NULL;
		else
			failing += p->of.tries > 0;
	}
	return of->tries > 0 && failing >= PLACES_AGAIN ? NULL : free;
}

static unsigned
count_free(const struct mail *m)
{
	unsigned n = 0;

	for (size_t i = 0; i < PLACES; i++)
		n += m->places[i].state == PLACE_FREE;
	return n;
}

/* Starts what there is a place for; after the last one: to the next look. */
static void
go_on(struct mail *m)
{
	while (m->next < m->n && count_free(m) > 0) {
		const struct letter_of *of = &m->found[m->next++];
		struct place *p = place_for(m, of);

		if (!gate_is_for(m->site->web_gate, of->company))
			continue;
		if (p != NULL)
			start(p, of);
		else
			m->left = true;
	}
	marks(m);
	if (m->drain != NULL && count_free(m) == PLACES) {
		timer_cancel(&m->drain);
		m->drain = timer_start(0, on_drain_time, m);
	} else if (!m->draining && m->look == NULL && m->timer == NULL &&
		   m->next == m->n) {
		m->timer = timer_start(LOOK_MS, on_time, m);
	}
}

static void
start(struct place *p, const struct letter_of *of)
{
	struct mail *m = p->mail;
	struct arena *a = p->arena;
	const char *late = letter_late(of, clock_wall_us());
	struct err e = { 0 };

	arena_reset(a);
	p->of = *of;
	p->of.id = arena_strdup(a, of->id);
	p->of.to = arena_strdup(a, of->to);
	p->of.key = arena_strdup(a, of->key);
	p->of.company = arena_strdup(a, of->company);
	p->of.content = arena_strdup(a, of->content);
	p->state = PLACE_SENDING;
	p->taken = p->given_up = false;
	if (late != NULL)
		err_set(&e, ERR_INVALID, "%s", late);
	else
		p->letter = letter_start(m->site, &p->of, on_ended, p, &e);
	if (p->letter == NULL)
		ended(p, &e);
}

static void
on_ended(void *ctx, const struct err *err)
{
	struct place *p = ctx;

	p->letter = NULL;
	ended(p, err);
	go_on(p->mail);
}

/* A reminder has one try; what the server refuses for good has no other. */
static void
ended(struct place *p, const struct err *err)
{
	struct mail_counts *counts = &p->mail->counts;
	const struct letter_of *of = &p->of;

	p->state = PLACE_ENDED;
	p->taken = err == NULL;
	if (err == NULL) {
		counts->sent++;
		return;
	}
	if (err->code == ERR_CANCELLED) {
		p->state = PLACE_FREE;
		return;
	}
	p->given_up = err->code == ERR_INVALID || of->remind_us > 0 ||
		      of->tries + 1 >= TRIES_MAX;
	counts->failed_tries++;
	counts->given_up += p->given_up;
	log_warn(MODULE, "invitation=%s try=%lld why=\"%s\"%s", of->id,
		 (long long)of->tries + 1, err_text(err),
		 p->given_up ? " given_up=yes" : "");
}

/* All that have ended: one connection is enough, each its own transaction,
 * for two rows in one could wait for those who touch them in another order. */
static void
marks(struct mail *m)
{
	struct pgbatch *b = NULL;

	if (m->mark != NULL || m->mark_timer != NULL)
		return;
	for (size_t i = 0; i < PLACES; i++) {
		struct place *p = &m->places[i];

		if (p->state != PLACE_ENDED)
			continue;
		if (b == NULL)
			b = pgbatch_new();
		p->state = PLACE_MARKING;
		pgbatch_add_sql(b, "BEGIN");
		if (gate_peer_dead(m->site->web_gate))
			pgbatch_add_sql(
			    b, "SET LOCAL synchronous_commit TO local");
		add_mark(p, b);
		pgbatch_commit(b);
	}
	if (b != NULL)
		m->mark = pgpool_run(m->site->pool, &b,
				     clock_mono_ms() + QUERY_MS, on_marked, m);
}

/* Marked again it says the same. */
static void
add_mark(const struct place *p, struct pgbatch *b)
{
	const struct letter_of *of = &p->of;

	if (of->remind_us > 0)
		mail_sql_add_reminded(
		    of, letter_next_reminder(of, clock_wall_us()), b);
	else if (p->taken || p->given_up)
		mail_sql_add_told(of, b);
	else
		mail_sql_add_again(of,
				   retry_wait_ms(&again,
						 (unsigned)of->tries + 1,
						 crypto_random_u32()),
				   b);
}

/* What is not marked is not forgotten: it would go again. */
static void
on_marked(void *ctx, const struct pgresult *r, size_t n, const struct err *err)
{
	struct mail *m = ctx;

	m->mark = NULL;
	for (size_t i = 0; i < PLACES; i++)
		if (m->places[i].state == PLACE_MARKING)
			m->places[i].state = err == NULL ? PLACE_FREE
							 : PLACE_ENDED;
	if (err != NULL) {
		log_warn(MODULE, "marked=no why=\"%s\"", err_text(err));
		m->mark_timer = timer_start(MARK_AGAIN_MS, on_mark_time, m);
		return;
	}
	if (m->left && m->timer != NULL) {
		timer_cancel(&m->timer);
		on_time(m);
	}
	go_on(m);
}

static void
on_mark_time(void *ctx)
{
	struct mail *m = ctx;

	m->mark_timer = NULL;
	marks(m);
}

static void
on_drain_time(void *ctx)
{
	struct mail *m = ctx;

	m->drain = NULL;
	m->on_drained(m->ctx);
}
