#include "proxy/lease.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

bool
lease_terms_eq(const struct lease_terms *a, const struct lease_terms *b)
{
	return a->epoch == b->epoch && a->active == b->active &&
	       a->serve == b->serve && a->peer_dead == b->peer_dead &&
	       a->degraded == b->degraded &&
	       a->collab[ROUTE_PRIMARY] == b->collab[ROUTE_PRIMARY] &&
	       a->collab[ROUTE_BACKUP] == b->collab[ROUTE_BACKUP];
}

void
lease_init(struct lease *l, int64_t now_ms, int64_t ttl_ms)
{
	memset(l, 0, sizeof(*l));
	l->bound_ms = now_ms + ttl_ms;
}

void
lease_heard(struct lease *l, const struct report *a, int64_t now_ms)
{
	memcpy(l->boot, a->boot, sizeof(l->boot));
	l->clock_us = a->clock_us;
	l->heard_ms = now_ms;
	if (a->serving)
		l->given_up = 0;
	else if (a->epoch > l->given_up)
		l->given_up = a->epoch;
}

void
lease_lost(struct lease *l)
{
	l->boot[0] = '\0';
}

int64_t
lease_until(struct lease *l, const struct lease_terms *t, int64_t ttl_ms)
{
	if (l->boot[0] == '\0' || t->epoch == 0)
		return 0;
	/* Two grants on one answer: the later one must count as later. */
	l->clock_us++;
	if (t->serve) {
		/* 1 ms for the microseconds that both clocks cut off. */
		if (l->heard_ms + ttl_ms + 1 > l->bound_ms)
			l->bound_ms = l->heard_ms + ttl_ms + 1;
		l->given_up = 0;
	}
	return l->clock_us + ttl_ms * 1000;
}

bool
lease_over(const struct lease *l, uint64_t epoch, int64_t now_ms, bool gone)
{
	return gone || l->given_up >= epoch || now_ms >= l->bound_ms;
}

bool
lease_serves(const struct lease *l, const struct report *a, uint64_t epoch,
	     int64_t now_ms)
{
	return a->serving && a->epoch == epoch && now_ms < l->bound_ms;
}

void
lease_body(const struct lease_probe *p, const struct lease_terms *t,
	   struct strbuf *out)
{
	JSON_AUTO doc = json_object();
	json_t *collab = json_array();

	for (int s = 0; s < ROUTE_SITES; s++)
		if (t->collab[s])
			json_array_append_new(
			    collab,
			    json_string(route_site_name((enum route_site)s)));
	json_put_int(doc, "v", 1);
	json_put_str(doc, "service", route_service_name(p->service));
	json_put_str(doc, "site", route_site_name(p->site));
	json_put_int(doc, "epoch", (int64_t)t->epoch);
	json_put_str(doc, "active", route_site_name(t->active));
	json_put_bool(doc, "serve", t->serve);
	json_put_str(doc, "boot", p->until_us != 0 ? p->boot : "");
	json_put_int(doc, "until_us", p->until_us);
	json_put_str(doc, "peer", t->peer_dead ? "dead" : "alive");
	json_put_bool(doc, "degraded", t->degraded);
	json_put(doc, "collab", collab);
	json_put(doc, "redirects",
		 t->redirects != NULL ? redirects_json(t->redirects)
				      : json_array());
	json_put_int(doc, "wall_us", p->wall_us);
	json_write(doc, JSON_AS_MADE, out);
}
