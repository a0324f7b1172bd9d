/*
 * Who asks. One statement finds company and account; passwords are verified
 * in the thread pool, with a short memory of right ones because the XML API
 * sends the password with every call. Tickets and bearer tokens are signed
 * with the pair's key: good on both sites without replication; they end with
 * their expiry, a change of the password, or a row in revocation.
 */
#ifndef SITE_AUTH_H
#define SITE_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"

struct api;
struct auth;

#define AUTH_TICKET "ticket"
#define AUTH_TICKET_S 5400
#define AUTH_BEARER "bearer"
#define AUTH_BEARER_S (12 * 3600)
#define AUTH_SESSION "session" /* of a browser: no token of an API */

/* Absent ones are NULL or 0; borrowed until fn. */
struct auth_credentials {
	const char *site_name; /* or site_id */
	int64_t site_id;
	const char *partner_id; /* must agree when given and known */
	const char *webexid;    /* or email: with a password, or to agree */
	const char *email;
	const char *password; /* or ticket, bearer, session */
	const char *ticket;
	const char *bearer;
	const char *session; /* one that has ended is nobody: a->who NULL */
};

/* a->company and a->who are set. Not called when the request was refused:
 * then it has been answered. */
typedef void auth_fn(struct api *a);

/* The whole of it. A ticket or bearer needs no site. */
void auth_start(struct api *a, const struct auth_credentials *c, auth_fn *fn);

/* The company alone (GetAPIVersion, pages); a->who stays NULL. */
void auth_company(struct api *a, const struct auth_credentials *c, auth_fn *fn);

/* By "Authorization: Bearer TOKEN", a ticket is one as well; without the field
 * FAULT_UNAUTHENTICATED. */
void auth_http(struct api *a, auth_fn *fn);

/* When a genuine token ends: its second part, UNIX seconds. */
int64_t auth_token_expiry(struct span token);

/* How long a token is good that a->who gets now: ttl_s, but not longer than
 * the one that he asks with. */
int64_t auth_life_s(const struct api *a, int64_t ttl_s);

/* Appends a token for a->who, good for auth_life_s. */
void auth_token(const struct api *a, const char *kind, int64_t ttl_s,
		struct strbuf *out);

void auth_cancel(struct auth **op); /* for api.c */

#endif
