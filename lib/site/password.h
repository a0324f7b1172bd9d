/*
 * New passwords of accounts: whether the company's policy lets them
 * (settings.h), and what is kept of them. In the pool, for both take long.
 */
#ifndef SITE_PASSWORD_H
#define SITE_PASSWORD_H

#include "site/strength.h"

struct api;
struct password;

#define PASSWORD_MAX 128 /* characters */

/*
 * fn gets the hash, in the request's arena, for store_account_*. One that is
 * too long or that the policy forbids is refused: then the request has been
 * answered.
 */
typedef void password_fn(struct api *a, const char *hash);
void password_hash(struct api *a, const char *password, password_fn *fn);

/* For a person who is about to choose it. */
typedef void password_judged_fn(struct api *a, enum strength s);
void password_judge(struct api *a, const char *password,
		    password_judged_fn *fn);

void password_cancel(struct password **p); /* for api.c */

#endif
