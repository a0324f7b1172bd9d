#include "proxy/control_record.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "proxy/tell.h"

/* The record on the disk is looked at this often. */
#define CONFIRM_MS 250
/* After a record that could not be written. */
#define RETRY_MS 250
#define ALARM_MS 10000
/* One that takes so long is told while it is still being written. */
#define SLOW_MS 5000

/* A decision that counts as soon as its record is on the disk. */
struct control_pending {
	struct failover after;
	struct failover_change change;
	struct view view;          /* that it was taken on */
	struct failover_word word; /* that it took up */
	bool slow;                 /* said that it takes long */
};

static void on_stored(void *ctx, const struct err *err);

static void
rewrite_record(struct control *c, const struct err *why)
{
	struct err e = { 0 };
	char text[512];

	snprintf(text, sizeof(text), "the authority record was changed: %s",
		 err_text(why));
	if (authority_store(c->authority, &c->f.rec, &e) == 0) {
		c->confirmed_ms = clock_mono_ms();
		strncat(text, "; written again",
			sizeof(text) - strlen(text) - 1);
		tell_alarm(c, text);
		return;
	}
	log_error("control", "error=\"%s; %s\"", text, err_text(&e));
}

/* Whoever starts after us must know how long our grants may last. */
static void
note_ttl(struct control *c, struct authority_record *rec)
{
	bool theirs = clock_mono_ms() - c->begun_ms < c->former_ttl_ms;

	if (c->conf->ttl_ms > c->ttl_ms)
		c->ttl_ms = c->conf->ttl_ms;
	rec->ttl_ms = theirs && c->former_ttl_ms > c->ttl_ms ? c->former_ttl_ms
							     : c->ttl_ms;
}

static void
complain(struct control *c, const struct err *err)
{
	char text[512];

	c->record_retry_ms = clock_mono_ms() + RETRY_MS;
	if (clock_mono_ms() < c->record_alarm_ms)
		return;
	c->record_alarm_ms = clock_mono_ms() + ALARM_MS;
	snprintf(text, sizeof(text),
		 "the authority record cannot be written, nothing moves: %s",
		 err_text(err));
	tell_alarm(c, text);
}

void
control_record_start(struct control *c, const struct failover *after,
		     const struct failover_change *change)
{
	struct control_pending *p = mem_new(struct control_pending);

	c->pending = p;
	p->word = c->f.word;
	p->change = *change;
	p->view = c->view;
	p->after = *after;
	p->after.store = false;
	/* An order that comes meanwhile is the next one. */
	memset(&c->f.word, 0, sizeof(c->f.word));
	note_ttl(c, &p->after.rec);
	authority_store_start(c->authority, &p->after.rec, on_stored, c);
}

static long long
waited_s(const struct control *c)
{
	return (c->view.now_ms - c->pending->view.now_ms) / 1000;
}

void
control_record_look(struct control *c)
{
	struct control_pending *p = c->pending;
	char text[256];

	if (p == NULL || p->slow || c->view.now_ms - p->view.now_ms < SLOW_MS)
		return;
	p->slow = true;
	snprintf(text, sizeof(text),
		 "the authority record has not reached the disk for %lld s, "
		 "nothing moves: look at the disk of proxy.state_dir (%s)",
		 waited_s(c), c->conf->state_dir);
	tell_alarm(c, text);
}

/* Or it was given up: complain says so then. */
static void
tell_written(struct control *c)
{
	char text[128];

	if (!c->pending->slow)
		return;
	snprintf(text, sizeof(text),
		 "the authority record has reached the disk after %lld s",
		 waited_s(c));
	events_add(c->events, "service", c->f.rec.epoch, text, NULL);
}

void
control_record_cancel(struct control *c)
{
	mem_free(c->pending);
	c->pending = NULL;
}

const struct failover *
control_record_next(const struct control *c)
{
	return c->pending != NULL ? &c->pending->after : &c->f;
}

static void
on_stored(void *ctx, const struct err *err)
{
	struct control *c = ctx;
	struct control_pending *p = c->pending;
	struct failover_word next = c->f.word;

	if (err == NULL)
		tell_written(c);
	c->pending = NULL; /* it has ended */
	if (err != NULL) {
		if (next.order == FAILOVER_NO_ORDER)
			c->f.word = p->word;
		complain(c, err);
	} else {
		p->after.conf = c->f.conf;
		c->f = p->after;
		c->f.word = next;
		c->view = p->view;
		c->confirmed_ms = clock_mono_ms();
		tell_change(c, &p->change);
	}
	mem_free(p);
	control_look(c);
}

/* It blocks: but only before the first grant after a start or a reload. */
static bool
ttl_is_recorded(struct control *c)
{
	struct failover before = c->f;
	struct err e = { 0 };

	if (c->conf->ttl_ms <= c->ttl_ms)
		return true;
	if (c->pending != NULL)
		return false;
	note_ttl(c, &c->f.rec);
	if (authority_store(c->authority, &c->f.rec, &e) == 0) {
		c->confirmed_ms = clock_mono_ms();
		return true;
	}
	c->f = before;
	c->ttl_ms = 0;
	complain(c, &e);
	return false;
}

bool
control_record_may_grant(void *ctx)
{
	struct control *c = ctx;
	struct err e = { 0 };
	int64_t now = clock_mono_ms();

	if (c->f.rec.epoch == 0)
		return false;
	if (!ttl_is_recorded(c))
		return false;
	if (now - c->confirmed_ms < CONFIRM_MS)
		return true;
	if (authority_confirm(c->authority, &e) == 0)
		c->confirmed_ms = now;
	else
		rewrite_record(c, &e);
	return now - c->confirmed_ms <= c->conf->staleness_ms;
}
