/*
 * The right to enter the room of a meeting, signed with the pair's key: good
 * on both sites, so whoever is cut off rejoins wherever the meeting runs.
 * Pure but for the key ring.
 */
#ifndef SITE_JOINTOKEN_H
#define SITE_JOINTOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/keyring.h"
#include "base/span.h"
#include "base/strbuf.h"

#define JOINTOKEN_S (24 * 3600)

struct jointoken {
	const char *company;     /* its name, as in URLs */
	int64_t meeting;         /* its number */
	const char *participant; /* the same person on every rejoin */
	const char *name;        /* shown to the others */
	bool host;
	bool guest; /* has no account */
	/* What the room goes by while it cannot ask the database. */
	const char *row; /* the meeting's; "": not said */
	int64_t no;      /* of its run, or of the next */
	bool early;      /* join before host */
	bool lobby;
};

/* Appended to out; expiry: UNIX seconds. */
void jointoken_make(const struct keyring *keys, const struct jointoken *t,
		    int64_t expiry_s, struct strbuf *out);

/* Texts in the arena. -1: forged, expired, of another kind. */
int jointoken_read(const struct keyring *keys, struct span token, int64_t now_s,
		   struct arena *arena, struct jointoken *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
