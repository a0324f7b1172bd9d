/*
 * Tells people by mail which meetings they are invited to, what changed,
 * what is cancelled, and what begins soon. What is to be told are rows of
 * the table invitation, written with the change itself and replicated; only
 * the site that answers for the company sends, one at a time, and marks each
 * when the mail server has taken it. Off unless [mail] smtp is set.
 *
 * Once: a mail goes twice only when this site dies, or loses its database,
 * between the server's answer and the mark; then it has the same Message-ID,
 * UID and SEQUENCE, so it is the same to a calendar.
 */
#ifndef SITE_MAIL_H
#define SITE_MAIL_H

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

/* In the transaction that has changed a->meetings: what to tell. */
void mail_add_touch(const struct api *a, struct pgbatch *b);

#endif
