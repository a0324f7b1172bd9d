/* As record_columns.h; t: attendee, m: its meeting. */
#ifndef SITE_RECORD_ATTENDEE_H
#define SITE_RECORD_ATTENDEE_H

#include "site/record_columns.h"

#define RECORD_ATTENDEE(X)                    \
	X(TEXT, id, "t.id")                   \
	X(TEXT, meeting_id, "t.meeting_id")   \
	X(TEXT, host_id, "m.host_id")         \
	X(INT, number, "t.number")            \
	X(INT, meeting_number, "m.number")    \
	X(TEXT, email, "t.email")             \
	X(TEXT, name, "t.name")               \
	X(TEXT, first_name, "t.first_name")   \
	X(TEXT, last_name, "t.last_name")     \
	X(TEXT, type, "t.type")               \
	X(TEXT, role, "t.role")               \
	X(TEXT, join_status, "t.join_status") \
	X(TEXT, phones, "t.phones")           \
	X(TEXT, address, "t.address")         \
	X(TEXT, extra, "t.extra")

#endif
