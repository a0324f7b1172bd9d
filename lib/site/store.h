/*
 * Companies, accounts and meetings as the APIs see them: reads end by fn,
 * writes by their journalled answer (write.h). One statement each.
 *
 * What changes a row is a JSON object keyed by column: absent members stay as
 * they are, null clears, and phones, address, telephony, options and extra
 * are merged member by member. Unknown members are ignored. The caller has
 * checked the values; text is UTF-8. A row that is not there is refused as
 * FAULT_NO_USER or FAULT_NO_MEETING, one of another host as FAULT_DENIED,
 * within the write, so that the journal comes first.
 */
#ifndef SITE_STORE_H
#define SITE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "site/api.h"
#include "site/record.h"
#include "site/write.h"

/* --- accounts --- */

/* The first that is given; n 0 or 1. Company: the request's. */
struct store_account_by {
	const char *id, *webexid, *email;
	int64_t number;
};
typedef void store_accounts_fn(struct api *a, const struct account *list,
			       size_t n, int64_t total);
void store_account_get(struct api *a, const struct store_account_by *by,
		       store_accounts_fn *fn);

/* Orders: names of columns, "-" before it for descending; unknown ones are
 * ignored. Accounts: webexid email first_name last_name active created number;
 * meetings: starts confname host. NULL filters do not filter. */
struct store_page {
	int64_t skip, max;
	const char *order[3];
};
struct store_account_filter {
	bool any; /* one filter is enough (listMethod OR) */
	const char *webexid, *email, *first_name, *last_name, *active;
	const char *registered_from, *registered_to; /* timestamptz texts */
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

/* --- meetings --- */

/* host_id: only if this is its host; NULL: any. number: every one that was
 * ever answered for the meeting. */
struct store_meeting_by {
	const char *id, *host_id;
	int64_t number;
};
typedef void store_meetings_fn(struct api *a, const struct meeting *list,
			       size_t n, int64_t total);
void store_meeting_get(struct api *a, const struct store_meeting_by *by,
		       store_meetings_fn *fn);

struct store_meeting_filter {
	const char *host_id, *host_webexid, *host_email;
	int64_t number;
	const char *state;     /* as in struct meeting */
	const char *from, *to; /* overlap: ends after, starts before */
	const char *starts_from, *starts_to; /* all four: timestamptz texts */
	const char *ends_from, *ends_to;
	const char *after_start, *after_id; /* cursor: behind this one */
};
void store_meeting_list(struct api *a, const struct store_meeting_filter *f,
			const struct store_page *p, store_meetings_fn *fn);

typedef void store_meeting_render(struct api *a, const struct meeting *meeting,
				  struct write_answer *out);
/* fields must have host_id, confname, starts, duration. */
void store_meeting_create(struct api *a, json_t *fields,
			  store_meeting_render *render);
void store_meeting_update(struct api *a, const struct store_meeting_by *by,
			  json_t *fields, store_meeting_render *render);
/* Renders the row as it was. */
void store_meeting_delete(struct api *a, const struct store_meeting_by *by,
			  store_meeting_render *render);

#endif
