/*
 * Tells people by mail which meetings they are invited to, what changed,
 * what is cancelled, and what begins soon; and that their account has another
 * password or address. What is to be told are rows of
 * the table invitation, written with the change itself and replicated; only
 * the site that answers for the company sends, several at once, and marks
 * each when the mail server has taken it. Off unless [mail] smtp is set.
 *
 * To one recipient one at a time, in the order in which things happened; what
 * was not taken holds up his later ones for MAIL_SQL_IN_ORDER tries, nobody
 * else's at any time.
 *
 * Once: a mail goes twice only when this site dies, or loses its database
 * and its lease, between the server's answer and the mark; then it has the
 * same Message-ID, UID and SEQUENCE, so it is the same to a calendar. That
 * can be so many as are sent at once.
 */
#ifndef SITE_MAIL_H
#define SITE_MAIL_H

#include <stdint.h>

#include "base/err.h"

struct api;
struct mail;
struct pgbatch;
struct site;
struct site_conf;

/* Whether its [mail] can be; the password file is read. */
int mail_check(const struct site_conf *conf, struct err *e)
    __attribute__((warn_unused_result));

struct mail *mail_open(struct site *s);
void mail_close(struct mail **m);

/* Starts none any more; what is on its way has some seconds to be taken and
 * marked. */
void mail_drain(struct mail *m, void (*on_drained)(void *ctx), void *ctx);

/* Since mail_open. */
struct mail_counts {
	uint64_t sent, failed_tries, given_up;
};
struct mail_counts mail_counts(const struct mail *m);

/* In the transaction that has changed a->meetings: what to tell. */
void mail_add_touch(const struct api *a, struct pgbatch *b);

#endif
