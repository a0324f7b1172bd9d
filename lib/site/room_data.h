/* What a room is made of; room.h says what becomes of it. */
#ifndef SITE_ROOM_DATA_H
#define SITE_ROOM_DATA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uthash.h>

#include "base/crypto.h"
#include "site/room_chat.h"

#define ROOM_PEOPLE 5000  /* of one room, those who wait included */
#define ROOM_EXPELLED 500 /* the oldest is forgotten */

struct rooms;

enum room_presence { ROOM_HERE, ROOM_AWAY, ROOM_LOST };

struct room_person {
	char *id; /* the same on every rejoin */
	char *name;
	bool owner; /* whose meeting it is */
	bool host;  /* who leads it now: one at most */
	bool guest; /* has no account */
	bool muted;
	bool waiting; /* in the lobby, not in the roster */
	bool changed; /* the others have not been told */
	bool let_in;  /* nor that he left the lobby */
	bool aware;   /* he himself knows: his welcome said it */
	enum room_presence presence;
	int64_t hand;      /* 0: down */
	int64_t lost_ms;   /* when, by clock_mono_ms */
	int64_t joined_us; /* of the stay, wall clock; 0: none begun here */
	void *conn;        /* the owner's; NULL when lost */
	char *text;        /* as others see it (room_text.h); NULL: anew */
	struct room *room;
	TAILQ_ENTRY(room_person) link; /* in order of arrival */
	UT_hash_handle hh;
};
TAILQ_HEAD(room_people, room_person);

/* Which run of the meeting it is, and what is known of the meeting. */
struct room_run {
	char meeting[CRYPTO_UUID_SIZE]; /* "": not known (yet) */
	char id[CRYPTO_UUID_SIZE];      /* "": none runs */
	int64_t no;                     /* of the last run */
	int64_t started_us;
	bool host_joined, others_joined;
};

struct room {
	char key[96]; /* "company/meeting", lower case */
	char *company;
	int64_t meeting;
	struct room_person *host;  /* NULL: none; one of the people */
	struct room_people people; /* who is in, lost ones too */
	struct room_people lobby;
	unsigned npeople, nlobby;
	bool locked, lobby_on;
	bool early; /* join before host */
	int64_t hands;
	struct room_chat chat;
	char *expelled[ROOM_EXPELLED]; /* a ring of ids */
	unsigned nexpelled;            /* ever */
	struct room_run run;
	struct room_person *table; /* all of them by id */
	char **gone;               /* ids that left and nobody was told of */
	unsigned ngone, gone_size;
	bool unsaid;      /* changed people or gone ones */
	bool dirty;       /* its row is older than it */
	int64_t saved_ms; /* when its row was written */
	void *owner;      /* the owner's */
	struct rooms *rooms;
	UT_hash_handle hh;
};

#endif
