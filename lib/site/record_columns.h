/* The columns of the records, once for their SQL and for their reading:
 * X(kind, member, expression), in order. c: company, a: account, m: meeting,
 * h: its host's account (LEFT JOIN). */
#ifndef SITE_RECORD_COLUMNS_H
#define SITE_RECORD_COLUMNS_H

#define RECORD_US(column) "(extract(epoch FROM " column ") * 1000000)::bigint"

#define RECORD_COMPANY(X)                   \
	X(TEXT, id, "c.id")                 \
	X(TEXT, name, "c.name")             \
	X(TEXT, partner_id, "c.partner_id") \
	X(TEXT, brand, "c.brand")           \
	X(TEXT, numbers, "c.numbers")       \
	X(INT, site_id, "c.site_id")        \
	X(BOOL, disabled, "c.disabled")

#define RECORD_ACCOUNT(X)                                  \
	X(TEXT, id, "a.id")                                \
	X(TEXT, company_id, "a.company_id")                \
	X(INT, number, "a.number")                         \
	X(TEXT, webexid, "a.webexid")                      \
	X(TEXT, email, "a.email")                          \
	X(TEXT, first_name, "a.first_name")                \
	X(TEXT, last_name, "a.last_name")                  \
	X(TEXT, display_name, "a.display_name")            \
	X(TEXT, title, "a.title")                          \
	X(TEXT, language, "a.language")                    \
	X(TEXT, locale, "a.locale")                        \
	X(INT, timezone_id, "coalesce(a.timezone_id, -1)") \
	X(TEXT, timezone, "a.timezone")                    \
	X(TEXT, active, "a.active")                        \
	X(BOOL, host, "a.host")                            \
	X(BOOL, site_admin, "a.site_admin")                \
	X(BOOL, ro_site_admin, "a.ro_site_admin")          \
	X(INT, credentials_no, "a.credentials_no")         \
	X(TEXT, password_hash, "a.password_hash")          \
	X(TEXT, phones, "a.phones")                        \
	X(TEXT, address, "a.address")                      \
	X(TEXT, privileges, "a.privileges")                \
	X(TEXT, meeting_types, "a.meeting_types")          \
	X(TEXT, extra, "a.extra")                          \
	X(INT, created_us, RECORD_US("a.created"))         \
	X(INT, modified_us, RECORD_US("a.modified"))

#define RECORD_MEETING(X)                                     \
	X(TEXT, id, "m.id")                                   \
	X(TEXT, company_id, "m.company_id")                   \
	X(TEXT, host_id, "m.host_id")                         \
	X(INT, number, "m.number")                            \
	X(TEXT, confname, "m.confname")                       \
	X(TEXT, agenda, "m.agenda")                           \
	X(TEXT, password, "m.password")                       \
	X(INT, type, "m.type")                                \
	X(INT, starts_us, RECORD_US("m.starts"))              \
	X(INT, timezone_id, "coalesce(m.timezone_id, -1)")    \
	X(TEXT, timezone, "m.timezone")                       \
	X(INT, duration, "m.duration")                        \
	X(INT, open_time, "m.open_time")                      \
	X(TEXT, list_status, "m.list_status")                 \
	X(BOOL, enforce_password, "m.enforce_password")       \
	X(BOOL, join_before_host, "m.join_before_host")       \
	X(TEXT, state, "m.state")                             \
	X(INT, session_no, "m.session_no")                    \
	X(TEXT, site, "m.site")                               \
	X(BOOL, host_joined, "m.host_joined")                 \
	X(BOOL, participants_joined, "m.participants_joined") \
	X(TEXT, access_code, "m.access_code")                 \
	X(TEXT, host_key, "m.host_key")                       \
	X(TEXT, guest_token, "m.guest_token")                 \
	X(TEXT, recurrence, "m.recurrence")                   \
	X(TEXT, telephony, "m.telephony")                     \
	X(TEXT, attendee_options, "m.attendee_options")       \
	X(TEXT, options, "m.options")                         \
	X(TEXT, extra, "m.extra")                             \
	X(INT, created_us, RECORD_US("m.created"))            \
	X(INT, modified_us, RECORD_US("m.modified"))          \
	X(TEXT, host_webexid, "h.webexid")                    \
	X(TEXT, host_email, "h.email")                        \
	X(TEXT, host_first_name, "h.first_name")              \
	X(TEXT, host_last_name, "h.last_name")                \
	X(TEXT, host_display_name, "h.display_name")          \
	X(INT, running_us, RECORD_RUNNING)

/* of the session that is running */
#define RECORD_RUNNING                                                        \
	"CASE WHEN m.state = 'in_progress' THEN coalesce((SELECT " RECORD_US( \
	    "max(s.started)") " FROM session s WHERE "                        \
			      "s.meeting_id = m.id AND s.state = "            \
			      "'in_progress'), " RECORD_US(                   \
				  "m.modified") ") ELSE 0 END"

/* For SELECT and RETURNING; the record takes RECORD_WIDTH columns. */
#define RECORD_SQL(kind, member, sql) sql ", "
#define RECORD_ONE(kind, member, sql) +1
#define RECORD_COLUMNS(list) list(RECORD_SQL) "NULL "
#define RECORD_WIDTH(list) (1 list(RECORD_ONE))

#endif
