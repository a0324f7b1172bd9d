/*
 *   proxy --grant--> gate_receive --> gate_judge --> gate_lease
 *                                                        |
 *   gate_holds <------- before touching, COMMIT, answer --+
 */
#include "site/gate.h"

#include <assert.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/loop.h"
#include "io/timer.h"

struct gate_wait {
	struct gate *gate;
	struct timer *timer;
	gate_wait_fn *fn;
	void *ctx;
	TAILQ_ENTRY(gate_wait) link;
};

struct gate {
	struct gate_conf conf;
	struct gate_lease lease;
	TAILQ_HEAD(, gate_wait) waits;
	struct loop_call *release; /* waits are about to be told */
};

static const char *const verdict_names[] = {
	"taken", "asked", "foreign", "stale", "too far ahead", "old epoch",
};
static_assert(sizeof(verdict_names) / sizeof(verdict_names[0]) ==
		  GATE_OLD_EPOCH + 1,
	      "one name for each verdict");

static int read_grant(const json_t *body, struct gate_grant *g, struct err *e);
static void note(struct gate *g, const struct gate_lease *was,
		 enum gate_verdict v, const struct gate_grant *grant);
static void on_release(void *ctx);
static void on_too_late(void *ctx);

struct gate *
gate_new(const struct gate_conf *conf)
{
	struct gate *g = mem_new(struct gate);
	uint8_t raw[16];
	STRBUF_AUTO hex = { 0 };

	g->conf = *conf;
	g->lease.service = conf->service;
	g->lease.site = conf->site;
	crypto_random(raw, sizeof(raw));
	crypto_hex(span_make((const char *)raw, sizeof(raw)), &hex);
	assert(span_copy(strbuf_span(&hex), g->lease.boot, GATE_BOOT_SIZE));
	TAILQ_INIT(&g->waits);
	return g;
}

void
gate_free(struct gate **gp)
{
	struct gate *g = *gp;
	struct gate_wait *w;

	*gp = NULL;
	if (g == NULL)
		return;
	while ((w = TAILQ_FIRST(&g->waits)) != NULL)
		gate_wait_cancel(&w);
	loop_defer_cancel(&g->release);
	mem_free(g);
}

int
gate_receive(struct gate *g, struct span body, struct span signature,
	     struct err *e)
{
	struct gate_lease was = g->lease;
	struct gate_grant grant = { 0 };
	enum gate_verdict v;
	JSON_AUTO doc = NULL;

	if (keyring_verify(g->conf.keys, body, signature, e) < 0)
		return -1;
	doc = json_read(body, e);
	if (doc == NULL || read_grant(doc, &grant, e) < 0) {
		e->code = ERR_INVALID;
		return -1;
	}
	v = gate_judge(&g->lease, &grant, clock_boot_us());
	note(g, &was, v, &grant);
	return 0;
}

static int
read_grant(const json_t *body, struct gate_grant *g, struct err *e)
{
	const char *peer = NULL;
	json_t *redirects = NULL, *collab = NULL;

	if (json_need_str(body, "service", &g->service, e) < 0 ||
	    json_need_str(body, "site", &g->site, e) < 0 ||
	    json_need_int(body, "epoch", &g->epoch, e) < 0 ||
	    json_need_bool(body, "serve", &g->serve, e) < 0 ||
	    json_need_str(body, "boot", &g->boot, e) < 0 ||
	    json_need_int(body, "until_us", &g->until_us, e) < 0 ||
	    json_get_int(body, "wall_us", &g->wall_us, e) < 0 ||
	    json_get_bool(body, "degraded", &g->degraded, e) < 0 ||
	    json_get_str(body, "active", &g->active, e) < 0 ||
	    json_get_array(body, "redirects", &redirects, e) < 0 ||
	    json_get_array(body, "collab", &collab, e) < 0 ||
	    json_get_str(body, "peer", &peer, e) < 0)
		return -1;
	if (g->epoch < 0)
		return err_set(e, ERR_INVALID, "epoch must not be negative");
	g->redirects = redirects;
	g->collab = collab;
	g->peer_dead = peer != NULL && strcmp(peer, "dead") == 0;
	return 0;
}

/* Logs what changed and does what follows from it. */
static void
note(struct gate *g, const struct gate_lease *was, enum gate_verdict v,
     const struct gate_grant *grant)
{
	const struct gate_lease *l = &g->lease;

	if (v != GATE_TAKEN && v != GATE_ASKED)
		log_debug("gate", "service=%s grant=\"%s\" epoch=%lld",
			  l->service, gate_verdict_name(v),
			  (long long)grant->epoch);
	if (l->epoch != was->epoch || l->serve != was->serve)
		log_state("gate", "service=%s epoch=%lld serve=%s", l->service,
			  (long long)l->epoch, l->serve ? "yes" : "no");
	if (v != GATE_TAKEN)
		return;
	if (l->degraded && l->serve && g->release == NULL &&
	    !TAILQ_EMPTY(&g->waits))
		g->release = loop_defer(on_release, g);
	if (l->peer_dead == was->peer_dead)
		return;
	log_state("gate", "service=%s peer=%s", l->service,
		  l->peer_dead ? "dead" : "alive");
	if (g->conf.on_peer != NULL)
		g->conf.on_peer(g->conf.ctx, l->peer_dead);
}

json_t *
gate_report(const struct gate *g)
{
	json_t *r = json_object();
	STRBUF_AUTO ids = { 0 };

	json_put_int(r, "v", 1);
	json_put_str(r, "site", g->lease.site);
	json_put_str(r, "service", g->lease.service);
	json_put_str(r, "boot", g->lease.boot);
	json_put_int(r, "clock_us", clock_boot_us());
	json_put_int(r, "epoch", g->lease.epoch);
	json_put_bool(r, "serving", gate_serving(g));
	json_put_str(r, "version", GSB_VERSION);
	json_put_int(r, "wall_us", clock_wall_us());
	keyring_ids(g->conf.keys, &ids);
	json_put_str(r, "keys", strbuf_text(&ids));
	return r;
}

bool
gate_holds(const struct gate *g, int64_t epoch)
{
	return gate_lease_holds(&g->lease, epoch, clock_boot_us());
}

const char *
gate_site_for(const struct gate *g, const char *company)
{
	return gate_lease_site_for(&g->lease, company);
}

const char *
gate_room_site(const struct gate *g, const char *runs)
{
	return gate_lease_room_site(&g->lease, runs);
}

bool
gate_has_rooms_elsewhere(const struct gate *g)
{
	const struct gate_lease *l = &g->lease;

	for (unsigned i = 0; i < l->ncollab; i++)
		if (strcmp(l->collab[i], l->site) != 0)
			return true;
	return false;
}

bool
gate_is_for(const struct gate *g, const char *company)
{
	return strcmp(gate_site_for(g, company), g->lease.site) == 0;
}

bool
gate_serving(const struct gate *g)
{
	return gate_holds(g, g->lease.epoch);
}

bool
gate_is_elsewhere(const struct gate *g)
{
	return g->lease.elsewhere;
}

int64_t
gate_epoch(const struct gate *g)
{
	return g->lease.epoch;
}

bool
gate_peer_dead(const struct gate *g)
{
	return g->lease.peer_dead;
}

bool
gate_degraded(const struct gate *g)
{
	return g->lease.degraded && gate_serving(g);
}

const struct keyring *
gate_keys(const struct gate *g)
{
	return g->conf.keys;
}

struct gate_wait *
gate_wait_degraded(struct gate *g, int64_t deadline_ms, gate_wait_fn *fn,
		   void *ctx)
{
	struct gate_wait *w = mem_new(struct gate_wait);
	int64_t left = deadline_ms - clock_mono_ms();

	w->gate = g;
	w->fn = fn;
	w->ctx = ctx;
	w->timer = timer_start(left > 0 ? (uint64_t)left : 0, on_too_late, w);
	TAILQ_INSERT_TAIL(&g->waits, w, link);
	if (g->release == NULL && gate_degraded(g))
		g->release = loop_defer(on_release, g);
	return w;
}

void
gate_wait_cancel(struct gate_wait **wp)
{
	struct gate_wait *w = *wp;

	*wp = NULL;
	if (w == NULL)
		return;
	TAILQ_REMOVE(&w->gate->waits, w, link);
	timer_cancel(&w->timer);
	mem_free(w);
}

/* One per turn: its owner may end others, or the gate. */
static void
on_release(void *ctx)
{
	struct gate *g = ctx;
	struct gate_wait *w = TAILQ_FIRST(&g->waits);
	struct gate_wait ended;

	g->release = NULL;
	if (w == NULL || !gate_degraded(g))
		return;
	ended = *w;
	gate_wait_cancel(&w);
	if (!TAILQ_EMPTY(&g->waits))
		g->release = loop_defer(on_release, g);
	ended.fn(ended.ctx, true);
}

static void
on_too_late(void *ctx)
{
	struct gate_wait *w = ctx;
	struct gate_wait ended = *w;

	w->timer = NULL;
	gate_wait_cancel(&w);
	ended.fn(ended.ctx, false);
}

/* --- rules ------------------------------------------------------------- */

const char *
gate_verdict_name(enum gate_verdict v)
{
	return verdict_names[v];
}

static void
take_redirects(struct gate_lease *l, const struct gate_grant *g)
{
	l->nredirects = 0;
	l->rooms[0] = '\0';
	for (size_t i = 0; i < json_array_size(g->redirects); i++) {
		const json_t *r = json_array_get(g->redirects, i);
		struct gate_redirect *mine = &l->redirects[l->nredirects];
		const char *service = "", *company = "", *to = "";

		(void)json_get_str(r, "service", &service, NULL);
		(void)json_get_str(r, "company", &company, NULL);
		(void)json_get_str(r, "to", &to, NULL);
		if (strcmp(service, "collab") == 0 && company[0] == '\0')
			(void)span_copy(span_of(to), l->rooms,
					sizeof(l->rooms));
		if (strcmp(service, l->service) != 0 || company[0] == '\0' ||
		    l->nredirects == GATE_REDIRECTS ||
		    !span_copy(span_of(to), mine->to, sizeof(mine->to)) ||
		    !span_copy(span_of(company), mine->company,
			       sizeof(mine->company)))
			continue;
		l->nredirects++;
	}
}

static void
take_collab(struct gate_lease *l, const struct gate_grant *g)
{
	l->ncollab = 0;
	for (size_t i = 0; i < json_array_size(g->collab); i++) {
		const char *site = json_string_value(
		    json_array_get(g->collab, i));
		char *mine = l->collab[l->ncollab];

		if (site != NULL && l->ncollab < 2 &&
		    span_copy(span_of(site), mine, sizeof(l->collab[0])))
			l->ncollab++;
	}
}

/*
 * until and boot come from this process's own answer, so a grant is worth
 * nothing that was held up on its way, repeated, or meant for the process
 * that ran here before. The epoch alone is believed whatever became of the
 * rest: it only ever grows, and knowing it early only ends a lease.
 */
enum gate_verdict
gate_judge(struct gate_lease *l, const struct gate_grant *g, int64_t now_us)
{
	if (strcmp(g->service, l->service) != 0 ||
	    strcmp(g->site, l->site) != 0)
		return GATE_FOREIGN;
	if (g->epoch < l->epoch)
		return GATE_OLD_EPOCH;
	if (g->epoch > l->epoch) {
		l->epoch = g->epoch;
		l->serve = false;
		l->elsewhere = !g->serve;
	}
	if (g->until_us == 0 || g->boot[0] == '\0')
		return GATE_ASKED;
	if (strcmp(g->boot, l->boot) != 0)
		return GATE_FOREIGN;
	if (g->until_us <= l->until_us)
		return GATE_STALE;
	if (g->until_us > now_us + GATE_AHEAD_US)
		return GATE_AHEAD;
	l->until_us = g->until_us;
	l->serve = g->serve;
	l->elsewhere = !g->serve;
	l->peer_dead = g->peer_dead;
	l->degraded = g->degraded;
	(void)span_copy(span_of(g->active), l->active, sizeof(l->active));
	take_redirects(l, g);
	take_collab(l, g);
	return GATE_TAKEN;
}

const char *
gate_lease_site_for(const struct gate_lease *l, const char *company)
{
	for (unsigned i = 0; i < l->nredirects; i++)
		if (span_iis(span_of(company), l->redirects[i].company))
			return l->redirects[i].to;
	return l->active[0] != '\0' ? l->active : l->site;
}

static bool
has_rooms(const struct gate_lease *l, const char *site)
{
	for (unsigned i = 0; i < l->ncollab; i++)
		if (strcmp(l->collab[i], site) == 0)
			return true;
	return false;
}

const char *
gate_lease_room_site(const struct gate_lease *l, const char *runs)
{
	if (has_rooms(l, runs))
		return runs;
	if (has_rooms(l, l->rooms))
		return l->rooms;
	return has_rooms(l, l->active) ? l->active : l->site;
}

bool
gate_lease_holds(const struct gate_lease *l, int64_t epoch, int64_t now_us)
{
	return l->serve && l->epoch == epoch && now_us < l->until_us;
}
