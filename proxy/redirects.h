/*
 * What an operator has moved apart from the whole (G7): one company's
 * requests, or the rooms of all, each until its time. Pure.
 */
#ifndef PROXY_REDIRECTS_H
#define PROXY_REDIRECTS_H

#include "base/err.h"
#include "base/json.h"
#include "proxy/route.h"

#define REDIRECTS_MAX 16

struct redirects_one {
	char company[64]; /* "": all; for web it names one */
	enum route_service service;
	enum route_site to;
	int64_t until_us; /* UNIX */
};

struct redirects {
	unsigned n;
	struct redirects_one one[REDIRECTS_MAX];
};

/* In the place of one for the same; -1: there is no room. */
int redirects_set(struct redirects *r, const struct redirects_one *one)
    __attribute__((warn_unused_result));
/* False: there is none for that. */
bool redirects_del(struct redirects *r, const char *company,
		   enum route_service service);
/* Those that lead to the site go / whose time is over; true: some did. */
bool redirects_drop(struct redirects *r, enum route_site to);
bool redirects_expire(struct redirects *r, int64_t wall_us);

/* The service of that site answers because of one of them. */
bool redirects_lead(const struct redirects *r, enum route_site to,
		    enum route_service service);

/* As in the record and in grants: given; and back. */
json_t *redirects_json(const struct redirects *r);
int redirects_parse(const json_t *list, struct redirects *out, struct err *e)
    __attribute__((warn_unused_result));

/* For a snapshot: mem_alloc'ed, given; NULL for none. */
const struct route_redirect *redirects_route(const struct redirects *r);

#endif
