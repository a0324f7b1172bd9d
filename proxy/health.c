/*
 * Either the timer is armed or a probe is in flight, never both:
 *
 *   health_new --> timer --on_due--> probe --on_answer--> timer ...
 */
#include "proxy/health.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/timer.h"
#include "proxy/ask.h"

#define JITTER_PERCENT 5
/* A probe is asked again meanwhile; what is down already need not be. */
#define AGAIN_MS 100
/* A service that is granted and does not serve for so long has failed: then
 * its key, its clock or its memory of epochs is wrong. */
#define TAKES_NONE_MS 2000

struct health {
	struct health_conf conf;
	char *address;
	struct lease_terms terms;
	struct health_seen seen;
	bool fast;
	bool again; /* poked while a probe was in flight */
	bool blind; /* the probe in flight had no clock to grant by */
	struct timer *timer;
	struct ask *probe;
};

static void on_due(void *ctx);
static void on_say(void *ctx, struct strbuf *body);
static void on_answer(void *ctx, const struct httpc_answer *answer,
		      const struct err *err);

struct health *
health_new(const struct health_conf *conf)
{
	struct health *h = mem_new(struct health);

	h->conf = *conf;
	h->address = mem_strdup(conf->address);
	lease_init(&h->seen.lease, clock_mono_ms(),
		   conf->former_ttl_ms > conf->pace.ttl_ms ? conf->former_ttl_ms
							   : conf->pace.ttl_ms);
	h->timer = timer_start(0, on_due, h);
	return h;
}

void
health_free(struct health **hp)
{
	struct health *h = *hp;

	*hp = NULL;
	if (h == NULL)
		return;
	timer_cancel(&h->timer);
	ask_cancel(&h->probe);
	mem_free(h->address);
	mem_free(h);
}

static uint64_t
wait_ms(const struct health *h)
{
	uint64_t ms = h->fast ? h->conf.pace.fast_ms : h->conf.pace.interval_ms;
	uint64_t spread = ms * JITTER_PERCENT * 2 / 100;

	return ms - spread / 2 +
	       (spread > 0 ? crypto_random_u32() % (spread + 1) : 0);
}

static void
probe_now(struct health *h)
{
	timer_cancel(&h->timer);
	h->timer = timer_start(0, on_due, h);
}

void
health_aim(struct health *h, const struct lease_terms *terms)
{
	if (lease_terms_eq(&h->terms, terms))
		return;
	h->terms = *terms;
	ask_cancel(&h->probe);
	h->seen.in_flight = false;
	probe_now(h);
}

void
health_set_address(struct health *h, const char *address)
{
	if (strcmp(h->address, address) == 0)
		return;
	ask_cancel(&h->probe); /* it borrows the address */
	h->seen.in_flight = false;
	mem_free(h->address);
	h->address = mem_strdup(address);
	probe_now(h);
}

void
health_poke(struct health *h)
{
	if (h->probe != NULL)
		h->again = true;
	else
		probe_now(h);
}

void
health_hurry(struct health *h, bool fast)
{
	bool sooner = fast && !h->fast;

	h->fast = fast;
	/* Not at once: the probe that made it urgent has just ended. */
	if (!sooner || h->probe != NULL)
		return;
	timer_cancel(&h->timer);
	h->timer = timer_start(wait_ms(h), on_due, h);
}

void
health_set_pace(struct health *h, const struct health_pace *pace)
{
	h->conf.pace = *pace;
}

const struct health_seen *
health_seen(const struct health *h)
{
	return &h->seen;
}

static void
on_due(void *ctx)
{
	struct health *h = ctx;
	bool down = h->seen.reach.level == JUDGE_LEVEL_DOWN;

	h->timer = NULL; /* it has fired */
	h->again = false;
	h->blind = h->seen.lease.boot[0] == '\0';
	h->seen.granted = false;
	h->seen.in_flight = true;
	h->probe = ask_start(
	    &(struct ask_conf){ .to = { .address = h->address,
					.path = "/gsb/lease",
					.keys = h->conf.keys,
					.timeout_ms = h->conf.pace.timeout_ms },
				.again_ms = down ? 0 : AGAIN_MS,
				.say = on_say,
				.fn = on_answer,
				.ctx = h });
}

/* Each time: a grant that comes after another one must count as later. */
static void
on_say(void *ctx, struct strbuf *body)
{
	struct health *h = ctx;
	struct lease_probe probe = { .site = h->conf.site,
				     .service = h->conf.service,
				     .boot = h->seen.lease.boot,
				     .wall_us = clock_wall_us() };

	if (h->terms.epoch != 0 &&
	    (!h->terms.serve || h->conf.may_grant(h->conf.ctx)))
		probe.until_us = lease_until(&h->seen.lease, &h->terms,
					     h->conf.pace.ttl_ms);
	if (probe.until_us != 0 && h->terms.serve)
		h->seen.granted = true;
	lease_body(&probe, &h->terms, body);
}

static int
read_answer(const struct health *h, const struct httpc_answer *answer,
	    const struct err *err, struct report *out, struct err *e)
{
	if (sitecall_check(answer, err, e) < 0) {
		/* Whoever answers is there, whatever he says. */
		if (err == NULL)
			e->code = ERR_INVALID;
		return -1;
	}
	if (report_read(answer->body, out, e) < 0)
		return err_prefix(e, "its answer");
	if (out->site != h->conf.site || out->service != h->conf.service)
		return err_set(e, ERR_INVALID, "%s %s answers at %s",
			       route_site_name(out->site),
			       route_service_name(out->service), h->address);
	return 0;
}

static void
on_answer(void *ctx, const struct httpc_answer *answer, const struct err *err)
{
	struct health *h = ctx;
	struct report a;
	struct err e = { 0 };
	bool good;

	h->probe = NULL; /* it has ended */
	good = read_answer(h, answer, err, &a, &e) == 0;
	h->seen.in_flight = false;
	if (good) {
		health_take(&h->seen, h->conf.service, h->conf.pace.counts, &a,
			    clock_mono_ms());
		h->seen.ahead_us = a.wall_us - clock_wall_us();
	} else
		health_miss(&h->seen, h->conf.pace.counts, &e);
	if (h->seen.failures == 1)
		log_warn("health", "site=%s service=%s error=\"%s\"",
			 route_site_name(h->conf.site),
			 route_service_name(h->conf.service), h->seen.error);
	/* Asked, and now it can be told: the grant need not wait. */
	if (h->again || (good && h->blind && h->terms.epoch != 0))
		h->timer = timer_start(0, on_due, h);
	else
		h->timer = timer_start(wait_ms(h), on_due, h);
	h->conf.on_probed(h->conf.ctx); /* last: it may aim anew */
}

static void
note_grant(struct health_seen *s, bool serving, int64_t now_ms)
{
	if (!s->granted || serving)
		s->stays_ms = 0;
	else if (s->stays_ms == 0)
		s->stays_ms = now_ms;
	s->takes_none = s->stays_ms != 0 &&
			now_ms - s->stays_ms >= TAKES_NONE_MS;
}

void
health_take(struct health_seen *s, enum route_service service,
	    struct judge_counts counts, const struct report *r, int64_t now_ms)
{
	enum judge_level own = service == ROUTE_WEB ? r->web : r->collab;

	s->probed = true;
	s->ended++;
	s->heard_ms = now_ms;
	s->last = *r;
	s->answered = true;
	s->refused = false;
	s->failures = 0;
	if (r->replication.known)
		s->replication = r->replication;
	if (r->epoch > s->epoch)
		s->epoch = r->epoch;
	lease_heard(&s->lease, r, now_ms);
	note_grant(s, r->serving, now_ms);
	judge_count(&s->reach, counts, own == JUDGE_LEVEL_OK && !s->takes_none);
	if (r->db != JUDGE_LEVEL_UNKNOWN)
		judge_count(&s->db, counts, r->db == JUDGE_LEVEL_OK);
	if (r->files != JUDGE_LEVEL_UNKNOWN)
		judge_count(&s->files, counts, r->files == JUDGE_LEVEL_OK);
}

void
health_miss(struct health_seen *s, struct judge_counts counts,
	    const struct err *why)
{
	s->probed = true;
	s->ended++;
	s->refused = why->code == ERR_REFUSED;
	s->failures++;
	snprintf(s->error, sizeof(s->error), "%s", err_text(why));
	lease_lost(&s->lease);
	judge_count(&s->reach, counts, false);
}
