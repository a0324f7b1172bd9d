/*
 * The companies that the pair serves: asked from the active site when its
 * answers tell another etag, kept in state_dir so that a proxy knows them
 * from its start on. New ones are made by the active site.
 */
#ifndef PROXY_COMPANIES_H
#define PROXY_COMPANIES_H

#include "base/err.h"
#include "base/json.h"
#include "base/keyring.h"
#include "proxy/route.h"

struct companies;
struct companies_add;

struct companies_conf {
	const char *dir;            /* of the cache, copied */
	const struct keyring *keys; /* borrowed */
	/* There is a new list. */
	void (*on_change)(void *ctx);
	void *ctx;
};

/* A cache that cannot be read counts as empty, and is logged. */
struct companies *companies_open(const struct companies_conf *conf);
void companies_close(struct companies **cp);

/* The active site's web, and the etag that its last answer told. */
void companies_heard(struct companies *c, const char *address,
		     const char *etag);

/* Given: for a snapshot; NULL: not known yet. */
struct route_companies *companies_hold(struct companies *c);
bool companies_know(const struct companies *c, const char *name);
/* Grows with each list. */
uint64_t companies_serial(const struct companies *c);
/* Given: {"etag", "companies"}. */
json_t *companies_json(const struct companies *c);

struct companies_target {
	const char *address; /* the active site's web */
	enum route_site site;
	uint64_t epoch;
};

/* status and body (borrowed, may be NULL) as the site said; or err. */
typedef void companies_added_fn(void *ctx, int status, const json_t *body,
				const struct err *err);
/* body: {"name", "site_id", "partner_id", "admin", "password"}, or another
 * "op" (docs/contracts.md 4); borrowed. */
struct companies_add *companies_add(struct companies *c,
				    const struct companies_target *to,
				    const json_t *body, companies_added_fn *fn,
				    void *ctx);
void companies_add_cancel(struct companies_add **a);

#endif
