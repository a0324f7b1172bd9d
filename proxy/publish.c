#include "proxy/publish.h"

#include <string.h>

#include "proxy/trust.h"

#include "base/mem.h"

#define RETRY_SWITCH_S 1
#define RETRY_CLOSED_S 5

static bool
is_healthy(const struct control *c, int s, int k)
{
	const struct health_seen *seen = watch_seen(
	    c->watch, (enum route_site)s, (enum route_service)k);

	return seen->reach.level == JUDGE_LEVEL_OK && seen->reach.ok &&
	       (k == ROUTE_COLLAB || seen->db.ok);
}

static void
make(const struct control *c, struct control_published *p)
{
	memset(p, 0, sizeof(*p));
	p->epoch = c->plan.epoch;
	p->companies = companies_serial(c->companies);
	p->active = c->plan.active;
	p->mode = c->plan.mode;
	p->suspect = c->plan.suspect;
	memcpy(p->granted, c->plan.granted, sizeof(p->granted));
	memcpy(p->coming, c->plan.coming, sizeof(p->coming));
	for (int s = 0; s < ROUTE_SITES; s++)
		for (int k = 0; k < ROUTE_SERVICES; k++)
			p->healthy[s][k] = is_healthy(c, s, k);
}

static struct route_snapshot *
snapshot(const struct control *c, const struct control_published *p)
{
	struct route_snapshot *s = mem_new(struct route_snapshot);

	s->epoch = p->epoch;
	s->active = p->active;
	s->mode = p->mode;
	s->suspect = p->suspect;
	s->hold_ms = c->plan.hold_ms;
	s->retry_after_s = p->mode == ROUTE_CLOSED ? RETRY_CLOSED_S
						   : RETRY_SWITCH_S;
	s->nredirects = c->f.rec.redirects.n;
	s->redirects = redirects_route(&c->f.rec.redirects);
	s->trust = trust_hold(c->trust);
	s->companies = companies_hold(c->companies);
	for (int i = 0; i < ROUTE_SITES; i++) {
		s->upstream[i][ROUTE_WEB].address = c->web[i];
		s->upstream[i][ROUTE_COLLAB].address = c->collab[i];
		s->upstream[i][ROUTE_COLLAB].coming = p->coming[i];
		for (int k = 0; k < ROUTE_SERVICES; k++) {
			s->upstream[i][k].healthy = p->healthy[i][k];
			s->upstream[i][k].granted = p->granted[i][k];
		}
	}
	return s;
}

void
publish_if_new(struct control *c)
{
	struct control_published p;
	struct route_snapshot *s;

	make(c, &p);
	if (!c->publish && memcmp(&p, &c->published, sizeof(p)) == 0)
		return;
	c->publish = false;
	c->published = p;
	s = snapshot(c, &p);
	plane_publish(c->plane, &s);
}
