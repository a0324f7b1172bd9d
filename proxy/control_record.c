#include "proxy/control_record.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/tell.h"

/* The record on the disk is looked at this often. */
#define CONFIRM_MS 250
/* After a record that could not be written. */
#define RETRY_MS 250
#define ALARM_MS 10000

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
note_ttl(struct control *c)
{
	bool theirs = clock_mono_ms() - c->begun_ms < c->former_ttl_ms;

	if (c->conf->ttl_ms > c->ttl_ms)
		c->ttl_ms = c->conf->ttl_ms;
	c->f.rec.ttl_ms = theirs && c->former_ttl_ms > c->ttl_ms
			      ? c->former_ttl_ms
			      : c->ttl_ms;
}

bool
control_record(struct control *c, const struct failover *before)
{
	struct err e = { 0 };
	char text[512];

	note_ttl(c);
	if (authority_store(c->authority, &c->f.rec, &e) == 0) {
		c->f.store = false;
		c->confirmed_ms = clock_mono_ms();
		return true;
	}
	snprintf(text, sizeof(text),
		 "the authority record cannot be written, nothing moves: %s",
		 err_text(&e));
	c->f = *before;
	c->record_retry_ms = c->view.now_ms + RETRY_MS;
	if (c->view.now_ms >= c->record_alarm_ms) {
		c->record_alarm_ms = c->view.now_ms + ALARM_MS;
		tell_alarm(c, text);
	}
	return false;
}

static bool
ttl_is_recorded(struct control *c)
{
	struct failover before = c->f;

	if (c->conf->ttl_ms <= c->ttl_ms)
		return true;
	note_ttl(c);
	if (control_record(c, &before))
		return true;
	c->ttl_ms = 0;
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
