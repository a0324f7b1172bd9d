/*
 * The right to serve (docs/contracts.md 4): a lease per service, granted by
 * signed probes, ending by this machine's own clock since it began, which a
 * sleep does not stop. A look at the gate costs nothing, so it is taken before
 * anything is touched, before COMMIT and before every answer.
 */
#ifndef SITE_GATE_H
#define SITE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/keyring.h"
#include "site/gate_rules.h"

struct gate;
struct gate_wait;

struct gate_conf {
	const char *service, *site; /* borrowed */
	const struct keyring *keys; /* borrowed */
	/* After a grant was taken in which peer_dead changed. May be NULL. */
	void (*on_peer)(void *ctx, bool dead);
	void *ctx;
};
struct gate *gate_new(const struct gate_conf *conf);
void gate_free(struct gate **g); /* its waits just end */

/* ERR_REFUSED: the signature; ERR_INVALID: the body. Else it was judged. */
int gate_receive(struct gate *g, struct span body, struct span signature,
		 struct err *e) __attribute__((warn_unused_result));

/* {"v", "site", "service", "boot", "clock_us", "epoch", "serving", "wall_us"}:
 * given; the service adds its health. */
json_t *gate_report(const struct gate *g);

/* True while a grant for this epoch holds. */
bool gate_holds(const struct gate *g, int64_t epoch);
/* Under that grant: the site that answers for the company; "": none known. */
const char *gate_site_for(const struct gate *g, const char *company);
const char *gate_lease_site_for(const struct gate_lease *l,
				const char *company);
/* Where a room that runs at that site ("": nowhere yet) is entered. */
const char *gate_room_site(const struct gate *g, const char *runs);
const char *gate_lease_room_site(const struct gate_lease *l, const char *runs);
bool gate_is_for(const struct gate *g, const char *company);
bool gate_serving(const struct gate *g); /* for whichever epoch */
/* The newest grant said that this service is not to serve. */
bool gate_is_elsewhere(const struct gate *g);
/* The other site's collab serves: rooms run on there. */
bool gate_has_rooms_elsewhere(const struct gate *g);
int64_t gate_epoch(const struct gate *g);
bool gate_peer_dead(const struct gate *g);
bool gate_degraded(const struct gate *g); /* under a grant that holds */
const struct keyring *gate_keys(const struct gate *g);

/*
 * Until a grant that holds says that "degraded" is on record (ok), or until
 * deadline_ms of clock_mono_ms. Always ends by fn, from the loop.
 */
typedef void gate_wait_fn(void *ctx, bool ok);
struct gate_wait *gate_wait_degraded(struct gate *g, int64_t deadline_ms,
				     gate_wait_fn *fn, void *ctx);
void gate_wait_cancel(struct gate_wait **w);

#endif
