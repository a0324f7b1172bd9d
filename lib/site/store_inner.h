/* What store_account.c and store_meeting.c share; nobody else includes it. */
#ifndef SITE_STORE_INNER_H
#define SITE_STORE_INNER_H

#include "site/store.h"

/* An operation's arguments, in the request's arena: a write may start over
 * and fill its statements again. */
struct store {
	struct store_account_by account;
	struct store_meeting_by meeting;
	const char *fields; /* JSON text */
	store_account_render *render_account;
	store_meeting_render *render_meeting;
	store_accounts_fn *accounts;
	store_meetings_fn *meetings;
};

struct store *store_begin(struct api *a);

/* Takes fields. */
const char *store_fields(struct api *a, json_t *fields);

/* Statements of an account that is new (store_account.c). */
struct store_new {
	const char *id, *company_id;
	const char *fields;
};
void store_account_add(struct pgbatch *b, const struct store_new *of);

/* A number, or NULL for 0; a text that must be a UUID, or NULL. */
struct pgparam store_number(int64_t number);

/* A JSON column that is merged member by member; null removes one. */
#define STORE_MERGE(alias, column, param)                         \
	column " = jsonb_strip_nulls(" alias "." column           \
	       " || coalesce(nullif(" param "::jsonb -> '" column \
	       "', 'null'), '{}'))"

/* ORDER BY one of the words, "-" for descending: X(param, word, sql) list. */
#define STORE_ORDER_TERM(param, word, sql)                    \
	"CASE WHEN " param " = '" word "' THEN " sql " END, " \
	"CASE WHEN " param " = '-" word "' THEN " sql " END DESC, "
#define STORE_ORDER(list, param) list(STORE_ORDER_TERM, param)

#endif
