/*
 * The right to serve (docs/contracts.md 4): a lease per service, granted by
 * signed probes, ending by this process's own monotonic clock. A look at the
 * gate costs nothing, so it is taken before anything is touched, before
 * COMMIT and before every answer.
 */
#ifndef SITE_GATE_H
#define SITE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/keyring.h"

#define GATE_BOOT_SIZE 33
#define GATE_AHEAD_US INT64_C(10000000) /* the farthest `until` taken */

struct gate_grant {
	const char *service, *site, *boot;
	int64_t epoch, until_us, wall_us;
	bool serve, peer_dead, degraded;
};

/* What the service knows; the rules below are all that change it. */
struct gate_lease {
	const char *service, *site;
	char boot[GATE_BOOT_SIZE];
	int64_t epoch;    /* the highest seen */
	int64_t until_us; /* of the last grant taken */
	bool serve, peer_dead, degraded;
	bool elsewhere; /* it was told not to serve, not only not told to */
};

enum gate_verdict {
	GATE_TAKEN,
	GATE_ASKED,     /* it only asks */
	GATE_FOREIGN,   /* for another service, site or boot of it */
	GATE_STALE,     /* not later than what it has: repeated, overtaken */
	GATE_AHEAD,     /* ends too far in the future */
	GATE_OLD_EPOCH, /* below the highest seen */
};
const char *gate_verdict_name(enum gate_verdict v);

/* Takes the grant or leaves it; a higher epoch ends the old lease anyway. */
enum gate_verdict gate_judge(struct gate_lease *l, const struct gate_grant *g,
			     int64_t now_us);
bool gate_lease_holds(const struct gate_lease *l, int64_t epoch,
		      int64_t now_us);

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
bool gate_serving(const struct gate *g); /* for whichever epoch */
/* The newest grant said that this service is not to serve. */
bool gate_is_elsewhere(const struct gate *g);
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
