/*
 * Messages that must arrive, later if not now: each is a file until its
 * receiver has taken it, so that a restart loses none (a power cut may lose
 * the newest). To one receiver they go in order, to several beside each
 * other. At least once: the id tells a receiver one from the next.
 *
 *   http(s)://...   POST; 2xx is taken, all else is tried again
 *   mailto:ADDRESS  through the mail server; a 5xx of it is final
 *
 * On this thread's loop.
 */
#ifndef IO_OUTBOX_H
#define IO_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/retry.h"
#include "base/span.h"

struct outbox;

/* Everything is copied by outbox_open; texts may be NULL or "". */
struct outbox_conf {
	const char *dir; /* made when missing, 0700; nobody else's */
	const char *smtp_url, *smtp_user, *smtp_password, *smtp_ca;
	bool starttls;
	const char *mail_from;   /* of messages that name none */
	const char *web_ca;      /* PEM file; NULL: the system's */
	struct span web_key;     /* X-GSB-Signature: sha256=HMAC of the body */
	struct retry_conf retry; /* between tries of one receiver */
	int64_t keep_ms;         /* older ones are given up, with a log line */
	unsigned max_waiting;    /* more are refused */
};

struct outbox_message {
	const char *to;      /* http://, https:// or mailto: */
	const char *from;    /* mail: NULL is mail_from */
	const char *subject; /* mail */
	const char *type; /* of the body, such as text/plain; charset=utf-8 */
	struct span body; /* UTF-8 */
};

/* Reads what waits from before. */
struct outbox *outbox_open(const struct outbox_conf *conf, struct err *e)
    __attribute__((warn_unused_result));
void outbox_close(struct outbox **op);

/* Takes over when others should get later messages, or by other ways; what
 * waits goes where it was meant to. The folder stays. */
void outbox_set(struct outbox *o, const struct outbox_conf *conf);

/* 0: it is a file now. */
int outbox_add(struct outbox *o, const struct outbox_message *m, struct err *e)
    __attribute__((warn_unused_result));

/* True for "http(s)://HOST..." and "mailto:LOCAL@HOST"; e says what is wrong.
 */
bool outbox_is_receiver(const char *to, struct err *e);

/* For people and logs: the address, or of a web hook the host alone, for the
 * rest of it is often a secret. Returns out. */
const char *outbox_receiver_name(const char *to, char *out, size_t size);

struct outbox_counts {
	unsigned waiting;
	int64_t oldest_us; /* wall clock; 0: nothing waits */
	uint64_t delivered, failed_tries, given_up;
	const char *last_error; /* borrowed; "" after a success */
};
struct outbox_counts outbox_counts(const struct outbox *o);

#endif
