/*
 * The table invitation: who is to be told of which meetings. Statements
 * alone; mail.c sends. Its "content", a JSON object of what mail says of a
 * meeting: id number name agenda password starts_us ends_us timezone_id
 * timezone duration recurrence access_code host host_email created_us; what
 * is not set is not there. Or of an account whose credentials have changed, to
 * the address that it had: account password moved_to (store_account.c).
 */
#ifndef SITE_MAIL_SQL_H
#define SITE_MAIL_SQL_H

#include <stdbool.h>
#include <stdint.h>

#include "io/pgbatch.h"

struct letter_of;

/* In a write's transaction, behind its changes of these meetings ("{ID,ID}")
 * and their attendees: what each is to be told. Of what is over, nothing. */
void mail_sql_add_touch(const char *meetings, struct pgbatch *b);

#define MAIL_SQL_MAX 50 /* rows of a look, of each kind */
#define MAIL_SQL_IN_ORDER                                   \
	8 /* tries of one that hold up its recipient's next \
	   */
enum {    /* columns of a look */
       MAIL_SQL_ID,
       MAIL_SQL_EMAIL,
       MAIL_SQL_KEY,     /* of the recipient, within the company */
       MAIL_SQL_COMPANY, /* its name */
       MAIL_SQL_SEQUENCE,
       MAIL_SQL_TOLD,
       MAIL_SQL_CANCELLED,
       MAIL_SQL_TRIES,
       MAIL_SQL_REMIND_US, /* 0: it is no reminder */
       MAIL_SQL_CONTENT,
};
/* What is due, and reminders of what begins within remind_s from now; none to
 * the recipients whose keys are in busy, a JSON array. */
void mail_sql_add_look(int64_t remind_s, const char *busy, struct pgbatch *b);

/* Told what it says; tried once more, again in so many ms; next_us 0: no
 * reminder any more. What has changed meanwhile stays to be told. */
void mail_sql_add_told(const struct letter_of *of, struct pgbatch *b);
void mail_sql_add_again(const struct letter_of *of, int64_t ms,
			struct pgbatch *b);
void mail_sql_add_reminded(const struct letter_of *of, int64_t next_us,
			   struct pgbatch *b);

/* Deletes up to twice MAIL_SQL_PURGE rows of those told long ago not to come.
 */
#define MAIL_SQL_PURGE 1000
size_t mail_sql_add_purge(struct pgbatch *b);

#endif
