/*
 * One mail on its way to the mail server: made from a row of
 * the table invitation (mail_sql.h) and handed over, as long as this site
 * answers for the company.
 */
#ifndef SITE_LETTER_H
#define SITE_LETTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct letter;
struct site;

/* Who is to be told, and of what. */
struct letter_of {
	const char *id, *to, *company;
	const char *key; /* of the recipient, within the company */
	int64_t sequence, told, tries;
	int64_t remind_us; /* 0: it is no reminder */
	bool cancelled;
	const char *content; /* JSON (mail_sql.h) */
};

/* Why nobody needs it any more, NULL: somebody does. */
const char *letter_late(const struct letter_of *of, int64_t now_us);

/*
 * err NULL: the server has taken it. ERR_INVALID: it has refused it for good;
 * ERR_CANCELLED: this site does not answer for the company any more; any
 * other: to be tried again.
 */
typedef void letter_fn(void *ctx, const struct err *err);

/* of: borrowed until fn. NULL: it cannot be sent, *e as above. */
struct letter *letter_start(const struct site *s, const struct letter_of *of,
			    letter_fn *fn, void *ctx, struct err *e);
void letter_cancel(struct letter **l);

/* After this reminder: the next occurrence to be reminded of, 0: none. */
int64_t letter_next_reminder(const struct letter_of *of, int64_t now_us);

#endif
