/*
 * The four services under watch, and what they and the data plane show at
 * one moment as plain values for the decisions.
 */
#ifndef PROXY_WATCH_H
#define PROXY_WATCH_H

#include "proxy/health.h"
#include "proxy/plane.h"
#include "proxy/view.h"

struct watch;

struct watch_conf {
	const char *address[ROUTE_SITES][ROUTE_SERVICES]; /* of /gsb/lease */
	const struct keyring *keys;                       /* borrowed */
	struct health_pace pace;
	uint32_t former_ttl_ms;
	bool (*may_grant)(void *ctx);
	void (*on_probed)(void *ctx);
	void *ctx;
};

struct watch *watch_new(const struct watch_conf *conf);
void watch_free(struct watch **wp);

void watch_aim(struct watch *w,
	       const struct lease_terms terms[ROUTE_SITES][ROUTE_SERVICES]);
void watch_hurry(struct watch *w, bool fast);
void watch_poke(struct watch *w, enum route_site site,
		enum route_service service);
void watch_set_address(struct watch *w, enum route_site site,
		       enum route_service service, const char *address);
void watch_set_pace(struct watch *w, const struct health_pace *pace);

const struct health_seen *watch_seen(const struct watch *w,
				     enum route_site site,
				     enum route_service service);

/*
 * Fills the sites and the times of *out. epoch: the record's. counts,
 * settled: the data plane's; with settled true no request is sent to a site
 * that is not active.
 */
void watch_view(struct watch *w, uint64_t epoch,
		const struct plane_counts *counts, bool settled,
		struct view *out);

/* What the gates look at; not the certificates. */
void watch_gates(const struct watch *w, const struct view *v,
		 enum route_site active, struct gates_inputs *out);

/* The rule alone: one site at one moment. */
struct watch_inputs {
	const struct health_seen *web, *collab;
	struct judge_counts counts;
	uint64_t epoch, in_flight, may_write, websockets;
	int64_t now_ms;
	bool quiet; /* no request is sent there, nor will one be */
};
void watch_site(const struct watch_inputs *in, struct view_site *out);

#endif
