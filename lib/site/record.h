/* Rows as structures. Texts live in the request's arena; NULL is SQL NULL. */
#ifndef SITE_RECORD_H
#define SITE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct api;
struct pgresult;

struct company {
	const char *id, *name, *partner_id, *brand;
	const char *numbers; /* JSON text of telephone numbers; NULL: none */
	int64_t site_id;
	bool disabled;
};

struct account {
	const char *id, *company_id;
	int64_t number; /* userId */
	const char *webexid, *email;
	const char *first_name, *last_name, *display_name;
	const char *title, *language, *locale;
	int64_t timezone_id;  /* -1: unset */
	const char *timezone; /* IANA name */
	const char *active;   /* "active" "locked" "deactivated" */
	bool host, site_admin, ro_site_admin;
	int64_t credentials_no;
	const char *password_hash;
	/* JSON texts; "{}" or "[]" when empty. extra: whatever else an API
	 * was given and must give back, flat: "commOptions.prodAnnounce". */
	const char *phones, *address, *privileges, *meeting_types, *extra;
	int64_t created_us, modified_us; /* UNIX */
};

struct meeting {
	const char *id, *company_id, *host_id;
	int64_t number; /* meetingkey */
	const char *confname, *agenda, *password;
	int64_t type;            /* meetingType */
	int64_t starts_us;       /* UNIX */
	int64_t timezone_id;     /* -1: unset */
	const char *timezone;    /* IANA name */
	int64_t duration;        /* minutes */
	int64_t open_time;       /* seconds */
	const char *list_status; /* PUBLIC PRIVATE UNLISTED */
	bool enforce_password, join_before_host;
	const char *state; /* "scheduled" "in_progress" "ended" */
	int64_t session_no;
	const char *site; /* letter of the site where it runs, or NULL */
	bool host_joined, participants_joined;
	const char *access_code; /* of the telephone conference */
	/* NULL: a meeting of an older version (made.h) */
	const char *host_key, *guest_token;
	/* JSON texts as above; recurrence NULL: none */
	const char *recurrence, *telephony, *attendee_options, *options, *extra;
	int64_t created_us, modified_us;
	/* of the host's account */
	const char *host_webexid, *host_email;
	const char *host_first_name, *host_last_name, *host_display_name;
	int64_t running_us;    /* since when it is in progress; 0: it is not */
	const char *attendees; /* JSON text, only by store_meeting_get */
};

struct attendee {
	const char *id, *meeting_id, *host_id;
	int64_t number, meeting_number;
	const char *email, *name, *first_name, *last_name;
	const char *type, *role, *join_status; /* words of the XML API */
	const char *phones, *address, *extra;  /* JSON texts */
};

/*
 * Row `row` into *out: an account and a meeting are its first columns (SQL:
 * RECORD_COLUMNS(RECORD_ACCOUNT) of record_columns.h); a company begins at
 * column col and is given in the arena.
 */
struct company *record_company(struct api *a, const struct pgresult *r, int row,
			       int col);
void record_account(struct api *a, const struct pgresult *r, int row,
		    struct account *out);
void record_meeting(struct api *a, const struct pgresult *r, int row,
		    struct meeting *out);
void record_attendee(struct api *a, const struct pgresult *r, int row,
		     struct attendee *out);

#endif
