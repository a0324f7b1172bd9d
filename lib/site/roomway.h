/*
 * The way into a meeting's room: its path with a join token, to the site
 * where the meeting runs. Whoever gets it may enter, so ask first whether he
 * may (roomway_lets_in).
 */
#ifndef SITE_ROOMWAY_H
#define SITE_ROOMWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

struct api;
struct meeting;

struct roomway_who {
	const char *id; /* the account's; NULL: a guest, of a new id */
	const char *name;
	bool host; /* the meeting is his */
};

/* Appends the join token alone. */
void roomway_token(struct api *a, const struct meeting *m,
		   const struct roomway_who *who, int64_t expiry_s,
		   struct strbuf *out);

/* Of the site where it runs, or is to run now (G12; docs/contracts.md 4). */
char roomway_letter(const struct api *a, const struct meeting *m);

/* Appends "/<company>/ws/<letter>/<number>?t=<token>", good until expiry_s. */
void roomway_path(struct api *a, const struct meeting *m,
		  const struct roomway_who *who, int64_t expiry_s,
		  struct strbuf *out);

/* Newcomers wait until the host lets them in. */
bool roomway_has_lobby(const struct meeting *m);

/* It opens with its password alone. */
bool roomway_is_locked(const struct meeting *m);

/*
 * Whether the password (NULL: none) opens the meeting: then fn, else the
 * request has been answered. Wrong ones count (auth_lock.h): who has guessed
 * too often is told so, right or wrong.
 */
typedef void roomway_fn(struct api *a, const struct meeting *m);
void roomway_password(struct api *a, const struct meeting *m,
		      const char *password, roomway_fn *fn);

/* Whether this is the meeting's guestToken, also that of an older row. */
bool roomway_guest_fits(struct api *a, const struct meeting *m,
			const char *token);

#endif
