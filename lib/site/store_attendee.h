/*
 * Attendees of meetings; as store.h. An attendee is given as a JSON object
 * with the names of the XML API: email, name, firstName, lastName, type, role,
 * joinStatus, phones, address, and whatever else is to be given back. Of one
 * meeting each address is there once: who is added again is changed.
 */
#ifndef SITE_STORE_ATTENDEE_H
#define SITE_STORE_ATTENDEE_H

#include "site/store.h"

/* NULL and 0 do not filter. host_id: only of this host's meetings. */
struct store_attendee_filter {
	const char *id, *meeting_id, *host_id, *join_status;
	int64_t meeting_number;
	const char *after_id; /* cursor, in the order of ids */
};
typedef void store_attendees_fn(struct api *a, const struct attendee *list,
				size_t n, int64_t total);
/* Orders: email name number status type. */
void store_attendee_list(struct api *a, const struct store_attendee_filter *f,
			 const struct store_page *p, store_attendees_fn *fn);

/* To the meeting of `to` (as in a meeting's update), in the order given.
 * list: taken. Refused as FAULT_NO_MEETING, FAULT_DENIED. */
typedef void store_attendee_render(struct api *a, const struct attendee *list,
				   size_t n, struct write_answer *out);
void store_attendee_create(struct api *a, const struct store_meeting_by *to,
			   json_t *list, store_attendee_render *render);

/* Changes one by f->id: members as above, but email stays. Refused as
 * FAULT_NO_RECORD, FAULT_DENIED. */
void store_attendee_update(struct api *a, const struct store_attendee_filter *f,
			   json_t *fields, store_attendee_render *render);

/*
 * who: an array of {"number"}, {"email", "meeting" (its number)} or {"id"},
 * taken. Nobody found: FAULT_NO_RECORD; one of another host: FAULT_DENIED and
 * all stay.
 */
typedef void store_deleted_render(struct api *a, int64_t n,
				  struct write_answer *out);
void store_attendee_delete(struct api *a, const char *host_id, json_t *who,
			   store_deleted_render *render);

#endif
