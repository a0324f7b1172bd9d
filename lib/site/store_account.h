/* Accounts; part of store.h, which says how. */
#ifndef SITE_STORE_ACCOUNT_H
#define SITE_STORE_ACCOUNT_H

#include "site/store.h"

/* The first that is given; n 0 or 1. Company: the request's. */
struct store_account_by {
	const char *id, *webexid, *email;
	int64_t number;
};
typedef void store_accounts_fn(struct api *a, const struct account *list,
			       size_t n, int64_t total);
void store_account_get(struct api *a, const struct store_account_by *by,
		       store_accounts_fn *fn);

struct store_account_filter {
	bool any; /* one filter is enough (listMethod OR) */
	const char *webexid, *email, *first_name, *last_name, *active;
	const char *registered_from, *registered_to; /* timestamptz texts */
	const char *id, *display_name;               /* the latter's start */
	const char *after_id; /* cursor, in the order of ids */
};
void store_account_list(struct api *a, const struct store_account_filter *f,
			const struct store_page *p, store_accounts_fn *fn);

/* Makes the answer from the row as it is now. */
typedef void store_account_render(struct api *a, const struct account *account,
				  struct write_answer *out);
/* fields: taken. "password_hash" makes a new credentials number. */
void store_account_create(struct api *a, json_t *fields,
			  store_account_render *render);
void store_account_update(struct api *a, const struct store_account_by *by,
			  json_t *fields, store_account_render *render);

/* Deactivates them, but never the caller himself. */
struct store_removed {
	const char *webexid; /* as it was named */
	bool done;           /* false: not there, or himself */
};
typedef void store_removed_render(struct api *a,
				  const struct store_removed *list, size_t n,
				  struct write_answer *out);
/* webexids: an array of texts, taken. */
void store_account_remove(struct api *a, json_t *webexids,
			  store_removed_render *render);

#endif
