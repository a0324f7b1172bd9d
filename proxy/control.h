/*
 * Where decisions meet the world: looks (watch, plane), decides (failover),
 * records (authority, events), and makes the world as the plan says.
 * Everything runs on the loop that opened it.
 */
#ifndef PROXY_CONTROL_H
#define PROXY_CONTROL_H

#include "proxy/authority.h"
#include "proxy/barrier.h"
#include "proxy/companies.h"
#include "proxy/conf.h"
#include "proxy/events.h"
#include "proxy/orders.h"
#include "proxy/plan.h"
#include "proxy/share.h"
#include "proxy/watch.h"

/* What distinguishes one published snapshot from the next. */
struct control_published {
	uint64_t epoch, companies;
	enum route_site active;
	enum route_mode mode;
	bool suspect;
	bool healthy[ROUTE_SITES][ROUTE_SERVICES];
	bool granted[ROUTE_SITES][ROUTE_SERVICES];
	bool coming[ROUTE_SITES];
};

/* Read by status and admin; changed by control.c alone. */
struct control {
	const struct conf *conf; /* borrowed */
	struct keyring *keys;
	struct route_address web[ROUTE_SITES], collab[ROUTE_SITES];
	struct trust *trust; /* of those with TLS */
	struct authority *authority;
	struct events *events;
	struct orders *orders;
	struct companies *companies;
	struct watch *watch;
	struct plane *plane;
	struct failover f;
	struct control_pending *pending; /* its record is being written */
	struct view view;
	struct gates gates;
	struct plan plan;
	struct control_published published;
	bool publish; /* again, though it says the same */
	uint64_t signalled[ROUTE_SITES][ROUTE_SERVICES]; /* probes then; 0 */
	uint64_t signals[PLANE_SIGNALS];
	int64_t former_ttl_ms; /* of a proxy that ran before this one */
	int64_t ttl_ms;        /* the longest that this one has granted */
	int64_t begun_ms;
	int64_t confirmed_ms; /* the record on the disk is ours */
	int64_t record_retry_ms, record_alarm_ms;
	int64_t sockets_ms; /* when those that are left are told to move; 0 */
	uint64_t barriers;  /* the number that these belong to */
	struct barrier *there, *back;
	bool there_seen, back_seen;
	int64_t barrier_retry_ms;
	enum judge_verdict verdict[ROUTE_SITES]; /* last told as an event */
	struct share share[ROUTE_SITES];
	int64_t begun_wall_us, state_wall_us;
	struct timer *tick;
	uint32_t tick_ms;
};

/* What control begins with; NULL or zeros: nothing, all is opened. */
struct control_origin {
	struct plane *plane; /* runs already; taken, but not when it fails */
	const struct listener_socket *sockets; /* of a former process */
	unsigned nsockets;
};
struct control *control_open(const struct conf *conf,
			     const struct control_origin *from, struct err *e)
    __attribute__((warn_unused_result));
void control_close(struct control **cp);
/* Closes all but the data plane, which goes on as it was last told. */
struct plane *control_leave(struct control **cp);

/* Another configuration; addresses and files stay until a restart. -1: a
 * certificate is not to be had, nothing has changed. */
int control_reload(struct control *c, const struct conf *conf, struct err *e)
    __attribute__((warn_unused_result));

/* Stops granting nothing: leases go on until the data plane is empty. */
void control_drain(struct control *c, void (*on_drained)(void *ctx), void *ctx);

/* Judges the order and, unless dry, takes it: *id is its number then. */
void control_order(struct control *c, const struct rules_order *o, bool dry,
		   struct rules_judged *judged, uint64_t *id);

/* Looks, decides and acts until there is nothing more to decide. */
void control_look(struct control *c);

#endif
