/* The inside of collab: connections, and the halls that their rooms are in. */
#ifndef SITE_COLLAB_INNER_H
#define SITE_COLLAB_INNER_H

#include "base/arena.h"
#include "io/timer.h"
#include "io/wsd.h"
#include "site/collab.h"
#include "site/jointoken.h"
#include "site/rate.h"
#include "site/room.h"
#include "site/roomkeep.h"

#define COLLAB_LEFT 1000
#define COLLAB_MOVED 1012
#define COLLAB_REPLACED 4001
#define COLLAB_ENDED 4002
#define COLLAB_EXPELLED 4003
#define COLLAB_REFUSED 4004
#define COLLAB_LOCKED 4005
#define COLLAB_FULL 4006
#define COLLAB_TOO_FAST 4008

struct collab {
	LIST_HEAD(, guest) guests; /* every connection's own */
	struct site *site;
	struct gate *gate;
	struct wsd *wsd;
	struct rooms *rooms;
	struct roomkeep *keep;
	struct rate *rate;       /* of all that one says */
	struct rate *lines;      /* of the lines among it */
	struct timer *look;      /* always armed */
	struct timer *news;      /* armed while some hall has news */
	LIST_HEAD(, hall) fresh; /* with news */
	int64_t swept_ms;
	bool silent; /* the lease has lapsed */
	bool draining;
	unsigned drains; /* parts that have not drained */
	void (*on_drained)(void *ctx);
	void *drained_ctx;
};

/* A connection's own. */
struct guest {
	struct arena *arena; /* of the token; NULL once he is in */
	struct jointoken token;
	struct wsd_conn *conn;
	struct room_person *person; /* NULL: not in, or not any more */
	struct hall *hall;          /* where he waits for the load; or NULL */
	unsigned too_fast;          /* such ones, less those that were not */
	char address[64];
	LIST_ENTRY(guest) link;
	TAILQ_ENTRY(guest) waits;
};

/* Around a room: what it waits for. */
struct hall {
	struct collab *collab;
	struct room *room;
	struct roomkeep_load *load;
	bool asked;                /* a load has ended, well or not */
	bool read;                 /* what its rows tell is in it */
	unsigned again;            /* reads to come, for lines that come late */
	int64_t again_ms;          /* when */
	int64_t beat_ms;           /* when its stays were last written */
	bool listed;               /* in fresh */
	TAILQ_HEAD(, guest) waits; /* for the load */
	LIST_ENTRY(hall) link;
};

#endif
