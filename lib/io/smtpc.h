/*
 * Hands one message to a mail server (SMTP by libcurl), on this thread's
 * loop. Connections are kept for the next messages; one on which the server
 * takes no more is replaced by a new one, without a word of it.
 */
#ifndef IO_SMTPC_H
#define IO_SMTPC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct smtpc;

/* Everything is copied by smtpc_start. */
struct smtpc_message {
	const char *url;       /* smtp://HOST:PORT or smtps://HOST:PORT */
	bool starttls;         /* smtp:// goes over to TLS, or fails */
	const char *user;      /* NULL or "": nobody logs in */
	const char *password;  /* with user */
	const char *ca_file;   /* trust these alone; NULL: the system's */
	const char *from, *to; /* addresses without angle brackets */
	struct span data;      /* header and body, lines with CRLF */
	uint32_t timeout_ms;   /* for all of it; 0: 30 s */
};

/*
 * err NULL: the server has taken it. ERR_INVALID: it has refused it for good
 * (a 5xx of MAIL, RCPT or DATA); any other: to be tried again.
 */
typedef void smtpc_fn(void *ctx, const struct err *err);

struct smtpc *smtpc_start(const struct smtpc_message *m, smtpc_fn *fn,
			  void *ctx);
void smtpc_cancel(struct smtpc **c);

#endif
