/* The inside of heal, for heal.c and heal_pass.c alone. */
#ifndef REPLICATOR_HEAL_INNER_H
#define REPLICATOR_HEAL_INNER_H

#include "io/pgconn.h"
#include "io/timer.h"
#include "replicator/catalog.h"
#include "replicator/digest.h"
#include "replicator/heal.h"
#include "replicator/mend.h"
#include "replicator/statements.h"

enum heal_end { HEAL_LOCAL, HEAL_PEER, HEAL_MERGE, HEAL_ENDS };

struct heal {
	struct heal_conf conf;
	enum heal_state state;
	bool go;
	bool healing;        /* gsb.heal is there */
	char *why;           /* it says */
	char *since;         /* likewise, as text */
	bool demanded;       /* a pass at once, */
	char *demand;        /* of this table; NULL: all */
	bool running_demand; /* the pass that runs is one */
	struct timer *timer; /* IDLE: until the next pass */
	int64_t due_ms;      /* clock_mono_ms of the next background pass */
	unsigned failures;   /* in a row */
	struct err failure;

	/* of a pass */
	struct pgconn *ends[HEAL_ENDS];
	unsigned up;
	struct pgcall *call;
	struct arena *arena;
	struct catalog *catalog;
	struct statements *statements;
	struct digest *digest;
	struct mend *mend;
	struct pgstmt *fetch;    /* of the table; NULL: not made yet */
	struct digest_form form; /* likewise */
	bool *skip;              /* by number: was healed already, not wanted */
	bool pass_heals;         /* else it proves */
	size_t at;               /* table; 0: tombstones */
	unsigned tries;          /* of it */
	struct arena *keys_arena; /* of those found and not yet mended: */
	struct digest_found found;
	bool compared;         /* the table has no more of them */
	uint64_t found_in_try; /* rows that differ or do not settle */
	int64_t begun_ms, table_begun_ms;
	unsigned statements_made;

	struct tables *read; /* tables.ini, as the last pass read it; or NULL */
	const struct tables *decls; /* those, or conf's */
	struct heal_table *tables;  /* 0: tombstones; texts are the heap's */
	size_t ntables;
	struct heal_status total;
};

/* heal.c */
bool heal_is_due(const struct heal *h); /* a pass by time */
void heal_set_state(struct heal *h, enum heal_state to, const char *why);
/* The pass is over; err: it broke off. Frees what is of it. */
void heal_end_pass(struct heal *h, const struct err *err);
/* There was nothing to do. */
void heal_rest(struct heal *h);
/* Reads tables.ini anew; between passes. */
void heal_learn(struct heal *h);

/* heal_pass.c */
void heal_pass_begin(struct heal *h);
void heal_pass_free(struct heal *h);

#endif
