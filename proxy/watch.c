#include "proxy/watch.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct watch {
	struct health *health[ROUTE_SITES][ROUTE_SERVICES];
	struct judge_counts counts;
	int64_t whole_since_ms[ROUTE_SITES]; /* 0: not whole */
};

struct watch *
watch_new(const struct watch_conf *conf)
{
	struct watch *w = mem_new(struct watch);

	w->counts = conf->pace.counts;
	for (int s = 0; s < ROUTE_SITES; s++)
		for (int k = 0; k < ROUTE_SERVICES; k++)
			w->health[s][k] = health_new(&(struct health_conf){
			    .site = (enum route_site)s,
			    .service = (enum route_service)k,
			    .address = conf->address[s][k],
			    .keys = conf->keys,
			    .pace = conf->pace,
			    .former_ttl_ms = conf->former_ttl_ms,
			    .may_grant = conf->may_grant,
			    .on_probed = conf->on_probed,
			    .ctx = conf->ctx });
	return w;
}

void
watch_free(struct watch **wp)
{
	struct watch *w = *wp;

	*wp = NULL;
	if (w == NULL)
		return;
	for (int s = 0; s < ROUTE_SITES; s++)
		for (int k = 0; k < ROUTE_SERVICES; k++)
			health_free(&w->health[s][k]);
	mem_free(w);
}

void
watch_aim(struct watch *w,
	  const struct lease_terms terms[ROUTE_SITES][ROUTE_SERVICES])
{
	for (int s = 0; s < ROUTE_SITES; s++)
		for (int k = 0; k < ROUTE_SERVICES; k++)
			health_aim(w->health[s][k], &terms[s][k]);
}

void
watch_hurry(struct watch *w, bool fast)
{
	for (int s = 0; s < ROUTE_SITES; s++)
		for (int k = 0; k < ROUTE_SERVICES; k++)
			health_hurry(w->health[s][k], fast);
}

void
watch_poke(struct watch *w, enum route_site site, enum route_service service)
{
	health_poke(w->health[site][service]);
}

void
watch_set_address(struct watch *w, enum route_site site,
		  enum route_service service, const char *address)
{
	health_set_address(w->health[site][service], address);
}

void
watch_set_pace(struct watch *w, const struct health_pace *pace)
{
	w->counts = pace->counts;
	for (int s = 0; s < ROUTE_SITES; s++)
		for (int k = 0; k < ROUTE_SERVICES; k++)
			health_set_pace(w->health[s][k], pace);
}

const struct health_seen *
watch_seen(const struct watch *w, enum route_site site,
	   enum route_service service)
{
	return health_seen(w->health[site][service]);
}

static void
view_leases(const struct watch_inputs *in, struct view_site *out)
{
	const struct health_seen *web = in->web, *collab = in->collab;

	/*
	 * Its port refuses, and no request is with it, nor will one be sent:
	 * the process is gone, or at least no answer of it reaches anybody.
	 */
	out->web_over = lease_over(&web->lease, in->epoch, in->now_ms,
				   web->refused && in->quiet &&
				       in->in_flight == 0);
	out->collab_over = lease_over(&collab->lease, in->epoch, in->now_ms,
				      collab->refused && in->quiet &&
					  in->websockets == 0);
	out->serving = web->answered && lease_serves(&web->lease, &web->last,
						     in->epoch, in->now_ms);
	out->collab_serving = collab->answered &&
			      lease_serves(&collab->lease, &collab->last,
					   in->epoch, in->now_ms);
}

void
watch_site(const struct watch_inputs *in, struct view_site *out)
{
	const struct health_seen *web = in->web, *collab = in->collab;
	struct judge_site parts = {
		.web = web->reach.level,
		.db = web->db.level,
		.files = web->files.level,
		.collab = collab->reach.level,
		.rooms = collab->answered ? collab->last.sessions : 0,
	};

	memset(out, 0, sizeof(*out));
	out->verdict = judge_site(&parts);
	out->wavering = judge_wavers(&web->reach, in->counts) ||
			judge_wavers(&web->db, in->counts);
	out->probed = web->probed && collab->probed;
	out->answered = web->answered && collab->answered;
	out->takes_none = web->takes_none;
	out->heard_ms = web->heard_ms;
	out->good = web->reach.ok && web->db.ok;
	out->collab_up = parts.collab == JUDGE_LEVEL_OK;
	out->db_up = parts.web == JUDGE_LEVEL_OK && parts.db == JUDGE_LEVEL_OK;
	out->db_down = parts.db == JUDGE_LEVEL_DOWN;
	out->rooms = parts.rooms;
	out->epoch = web->epoch > collab->epoch ? web->epoch : collab->epoch;
	if (web->answered)
		out->replication = web->last.replication;
	out->known = web->replication;
	out->in_flight = in->in_flight;
	out->may_write = in->may_write;
	out->websockets = in->websockets;
	view_leases(in, out);
}

void
watch_view(struct watch *w, uint64_t epoch, const struct plane_counts *counts,
	   bool settled, struct view *out)
{
	memset(out, 0, sizeof(*out));
	out->now_ms = clock_mono_ms();
	out->wall_us = clock_wall_us();
	out->settled = settled;
	for (int s = 0; s < ROUTE_SITES; s++) {
		struct view_site *site = &out->site[s];
		struct watch_inputs in = {
			.web = health_seen(w->health[s][ROUTE_WEB]),
			.collab = health_seen(w->health[s][ROUTE_COLLAB]),
			.counts = w->counts,
			.epoch = epoch,
			.in_flight = counts->in_flight[s],
			.may_write = counts->may_write[s],
			.websockets = counts->websockets[s],
			.now_ms = out->now_ms,
			.quiet = settled,
		};

		watch_site(&in, site);
		if (site->verdict != JUDGE_WHOLE)
			w->whole_since_ms[s] = 0;
		else if (w->whole_since_ms[s] == 0)
			w->whole_since_ms[s] = out->now_ms;
		site->whole_since_ms = w->whole_since_ms[s];
	}
}

void
watch_gates(const struct watch *w, const struct view *v, enum route_site active,
	    struct gates_inputs *out)
{
	memset(out, 0, sizeof(*out));
	out->active = active;
	out->now_ms = v->now_ms;
	out->wall_us = v->wall_us;
	for (int s = 0; s < ROUTE_SITES; s++) {
		const struct health_seen *web = health_seen(
		    w->health[s][ROUTE_WEB]);
		struct gates_site *site = &out->site[s];

		site->verdict = v->site[s].verdict;
		site->disk_permille = -1;
		if (!web->answered)
			continue;
		site->replication = v->site[s].replication;
		memcpy(site->version, web->last.version, sizeof(site->version));
		site->schema = web->last.schema;
		site->copy_us = web->last.copy_us;
		site->disk_permille = web->last.disk_permille;
		site->clock_known = web->last.wall_us != 0;
		site->clock_ms = web->ahead_us / 1000;
	}
}
