/* What store_account.c and store_meeting.c share; nobody else includes it. */
#ifndef SITE_STORE_INNER_H
#define SITE_STORE_INNER_H

#include "site/store.h"
#include "site/store_attendee.h"
#include "site/store_usage.h"

/* An operation's arguments, in the request's arena: a write may start over
 * and fill its statements again. */
struct store {
	struct store_account_by account;
	struct store_meeting_by meeting;
	const char *fields;    /* JSON text */
	bool notify;           /* of an account's credentials or address */
	const char *attendees; /* of a meeting, JSON text; NULL: as they are */
	struct store_attendee_filter guest;
	store_attendees_fn *guests;
	store_attendee_render *render_guests;
	store_deleted_render *render_deleted;
	store_removed_render *render_removed;
	store_account_render *render_account;
	store_meeting_render *render_meeting;
	store_accounts_fn *accounts;
	store_meetings_fn *meetings;
	store_runs_fn *runs;
	store_stays_fn *stays;
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

/* Attendees of a meeting that is there, or in the same batch before it. */
struct store_guests {
	const char *company_id, *meeting_id;
	const char *list; /* JSON text */
	bool instead;     /* of those who were there */
};
void store_attendee_add(struct pgbatch *b, const struct store_guests *of);

/* Takes "attendees" out of fields; each gets an id. NULL: there is none. */
const char *store_attendees_of(struct api *a, json_t *fields,
			       const char *operation);

/* Those of a meeting as they were given (store.h), in their order. */
#define STORE_ATTENDEES(meeting)                                      \
	"jsonb_agg(t.extra || jsonb_build_object('email', t.email, "  \
	"'name', t.name, 'firstName', t.first_name, 'lastName', "     \
	"t.last_name, 'type', t.type, 'role', t.role, 'joinStatus', " \
	"t.join_status, 'phones', t.phones, 'address', t.address) "   \
	"ORDER BY t.number) FROM attendee t WHERE t.meeting_id = " meeting

/* A number, or NULL for 0; a UUID, or NULL: what is none is nobody's. */
struct pgparam store_number(int64_t number);
struct pgparam store_uuid(const char *id);

/* A JSON column that is merged member by member; null removes one. */
#define STORE_MERGE(alias, column, param)                         \
	column " = jsonb_strip_nulls(" alias "." column           \
	       " || coalesce(nullif(" param "::jsonb -> '" column \
	       "', 'null'), '{}'))"

#endif
