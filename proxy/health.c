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
#include "proxy/sitecall.h"

#define JITTER_PERCENT 5

struct health {
	struct health_conf conf;
	char *address;
	struct lease_terms terms;
	struct health_seen seen;
	bool fast;
	bool again; /* poked while a probe was in flight */
	bool blind; /* the probe in flight had no clock to grant by */
	struct timer *timer;
	struct httpc *probe;
};

static void on_due(void *ctx);
static void on_answer(void *ctx, const struct httpc_answer *answer,
		      const struct err *err);

struct health *
health_new(const struct health_conf *conf)
{
	struct health *h = mem_new(struct health);

	h->conf = *conf;
	h->address = mem_strdup(conf->address);
	lease_init(&h->seen.lease, clock_mono_ms(), conf->pace.ttl_ms);
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
	httpc_cancel(&h->probe);
	mem_free(h->address);
	mem_free(h);
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
	httpc_cancel(&h->probe);
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
	if (sooner && h->probe == NULL)
		probe_now(h);
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
	STRBUF_AUTO body = { 0 };
	struct lease_probe probe = { .site = h->conf.site,
				     .service = h->conf.service,
				     .wall_us = clock_wall_us() };

	h->timer = NULL; /* it has fired */
	h->again = false;
	if (h->terms.epoch != 0 &&
	    (!h->terms.serve || h->conf.may_grant(h->conf.ctx)))
		probe.until_us = lease_until(&h->seen.lease, &h->terms,
					     h->conf.pace.ttl_ms);
	probe.boot = h->seen.lease.boot;
	h->blind = probe.boot[0] == '\0';
	lease_body(&probe, &h->terms, &body);
	h->seen.probes++;
	h->probe = sitecall_start(
	    &(struct sitecall){ .address = h->address,
				.path = "/gsb/lease",
				.keys = h->conf.keys,
				.timeout_ms = h->conf.pace.timeout_ms },
	    strbuf_span(&body), on_answer, h);
}

static void
heard(struct health *h, const struct report *a)
{
	struct health_seen *s = &h->seen;

	s->heard_ms = clock_mono_ms();
	s->last = *a;
	s->answered = true;
	if (a->replication.known)
		s->replication = a->replication;
	s->refused = false;
	s->failures = 0;
	if (a->epoch > s->epoch)
		s->epoch = a->epoch;
	lease_heard(&s->lease, a, s->heard_ms);
	judge_count(&s->reach, h->conf.pace.counts,
		    h->conf.service == ROUTE_WEB ? a->web == JUDGE_LEVEL_OK
						 : a->collab == JUDGE_LEVEL_OK);
	if (a->db != JUDGE_LEVEL_UNKNOWN)
		judge_count(&s->db, h->conf.pace.counts,
			    a->db == JUDGE_LEVEL_OK);
	if (a->files != JUDGE_LEVEL_UNKNOWN)
		judge_count(&s->files, h->conf.pace.counts,
			    a->files == JUDGE_LEVEL_OK);
}

static void
failed(struct health *h, const struct err *e)
{
	struct health_seen *s = &h->seen;

	s->refused = e->code == ERR_REFUSED;
	s->failures++;
	snprintf(s->error, sizeof(s->error), "%s", err_text(e));
	lease_lost(&s->lease);
	judge_count(&s->reach, h->conf.pace.counts, false);
	if (s->failures == 1)
		log_warn("health", "site=%s service=%s error=\"%s\"",
			 route_site_name(h->conf.site),
			 route_service_name(h->conf.service), s->error);
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

static uint64_t
wait_ms(const struct health *h)
{
	uint64_t ms = h->fast ? h->conf.pace.fast_ms : h->conf.pace.interval_ms;
	uint64_t spread = ms * JITTER_PERCENT * 2 / 100;

	return ms - spread / 2 +
	       (spread > 0 ? crypto_random_u32() % (spread + 1) : 0);
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
	if (good)
		heard(h, &a);
	else
		failed(h, &e);
	h->seen.probed = true;
	/* Asked, and now it can be told: the grant need not wait. */
	if (h->again || (good && h->blind && h->terms.epoch != 0))
		h->timer = timer_start(0, on_due, h);
	else
		h->timer = timer_start(wait_ms(h), on_due, h);
	h->conf.on_probed(h->conf.ctx); /* last: it may aim anew */
}
