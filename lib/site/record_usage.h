/* Rows of the usage reports; as record.h and record_columns.h. s: session,
 * h: its host's account, u: what its stays add up to; t: a stay, a: its
 * person's account. */
#ifndef SITE_RECORD_USAGE_H
#define SITE_RECORD_USAGE_H

#include "site/record.h"
#include "site/record_columns.h"

/* One run of a meeting. */
struct run {
	const char *id, *meeting_id;
	int64_t number; /* confID */
	int64_t meeting_number, type;
	const char *confname;
	int64_t started_us, ended_us; /* UNIX */
	int64_t timezone_id;          /* -1: unset */
	const char *timezone;
	const char *host_webexid, *host_email;
	const char *host_first_name, *host_last_name, *host_display_name;
	int64_t host_number;
	int64_t people; /* different ones */
	int64_t minutes, peak;
};

/* One stay of a person in it. */
struct stay {
	const char *id, *run_id;
	int64_t number; /* confID */
	int64_t meeting_number, ended_us;
	const char *meeting_id, *confname;
	const char *name, *email, *ip, *agent;
	bool host;
	int64_t joined_us, until_us, minutes;
	const char *title, *phones, *address, *extra; /* NULL: a guest */
};

#define RECORD_RUN(X)                                      \
	X(TEXT, id, "s.id")                                \
	X(TEXT, meeting_id, "s.meeting_id")                \
	X(INT, number, "s.number")                         \
	X(INT, meeting_number, "s.meeting_number")         \
	X(INT, type, "s.type")                             \
	X(TEXT, confname, "coalesce(s.confname, '')")      \
	X(INT, started_us, RECORD_US("s.started"))         \
	X(INT, ended_us, RECORD_US("s.ended"))             \
	X(INT, timezone_id, "coalesce(s.timezone_id, -1)") \
	X(TEXT, timezone, "s.timezone")                    \
	X(TEXT, host_webexid, "h.webexid")                 \
	X(TEXT, host_email, "h.email")                     \
	X(TEXT, host_first_name, "h.first_name")           \
	X(TEXT, host_last_name, "h.last_name")             \
	X(TEXT, host_display_name, "h.display_name")       \
	X(INT, host_number, "h.number")                    \
	X(INT, people, "u.people")                         \
	X(INT, minutes, "u.minutes")                       \
	X(INT, peak, "u.peak")

#define RECORD_STAY(X)                                \
	X(TEXT, id, "t.id")                           \
	X(TEXT, run_id, "s.id")                       \
	X(INT, number, "s.number")                    \
	X(INT, meeting_number, "s.meeting_number")    \
	X(INT, ended_us, RECORD_US("s.ended"))        \
	X(TEXT, meeting_id, "s.meeting_id")           \
	X(TEXT, confname, "coalesce(s.confname, '')") \
	X(TEXT, name, "t.name")                       \
	X(TEXT, email, "t.email")                     \
	X(TEXT, ip, "t.address")                      \
	X(TEXT, agent, "t.agent")                     \
	X(BOOL, host, "t.host")                       \
	X(INT, joined_us, RECORD_US("t.joined"))      \
	X(INT, until_us, RECORD_US("t.until"))        \
	X(INT, minutes, "t.minutes")                  \
	X(TEXT, title, "a.title")                     \
	X(TEXT, phones, "a.phones")                   \
	X(TEXT, address, "a.address")                 \
	X(TEXT, extra, "a.extra")

void record_run(struct api *a, const struct pgresult *r, int row,
		struct run *out);
void record_stay(struct api *a, const struct pgresult *r, int row,
		 struct stay *out);

#endif
