/*
 * Who is logged in to the dashboard: a bounded table in memory, and the
 * one-time words that let somebody in who may use the operators' socket.
 * Pure: time is a parameter. Words are random, 256 bits, compared in
 * constant time.
 */
#ifndef PROXY_SESSIONS_H
#define PROXY_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define SESSIONS_WORD 44 /* base64url of 32 bytes, and NUL */
#define SESSIONS_WHO 48
#define SESSIONS_MAX 32      /* one more ends the oldest */
#define SESSIONS_INVITED 8   /* the same */
#define SESSIONS_MS 43200000 /* 12 h */
#define SESSIONS_INVITE_MS 120000
#define SESSIONS_TRIES                                         \
	10 /* wrong tokens within a minute; then none is heard \
	    */
#define SESSIONS_TRIES_MS 60000

struct sessions;

struct sessions_one {
	char word[SESSIONS_WORD]; /* of the cookie */
	char csrf[SESSIONS_WORD]; /* of every POST */
	char who[SESSIONS_WHO];
	int64_t until_ms;
};

struct sessions *sessions_new(void);
void sessions_free(struct sessions **sp);

/* Borrowed until the next call that adds or ends one. who is cut to fit. */
const struct sessions_one *sessions_add(struct sessions *s, const char *who,
					int64_t now_ms);
/* NULL: no such session, or it is over. */
const struct sessions_one *sessions_find(const struct sessions *s,
					 struct span word, int64_t now_ms);
void sessions_end(struct sessions *s, struct span word);

/* A word that lets `who` in once within two minutes. */
void sessions_invite(struct sessions *s, const char *who, int64_t now_ms,
		     char out[static SESSIONS_WORD]);
/* The session of the word, which is used up; NULL: it is not, or not any
 * more, one of them. */
const struct sessions_one *sessions_redeem(struct sessions *s, struct span word,
					   int64_t now_ms);

/* Tokens that were wrong: may another one be tried now? */
bool sessions_may_try(const struct sessions *s, int64_t now_ms);
void sessions_failed(struct sessions *s, int64_t now_ms);

#endif
