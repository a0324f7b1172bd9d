/* The insides of pgconn and pgcall, for these alone. */
#ifndef IO_PGINNER_H
#define IO_PGINNER_H

#include <libpq-fe.h>
#include <sys/queue.h>
#include <uthash.h>

#include "io/fdwatch.h"
#include "io/inner.h"
#include "io/pgaddr.h"
#include "io/pgcancel.h"
#include "io/pgconn.h"
#include "io/pgitem.h"

enum pgprep_state { PGPREP_NEW, PGPREP_SENT, PGPREP_READY };
struct pgprep {
	const char *name; /* the statement's */
	enum pgprep_state state;
	UT_hash_handle hh;
};

struct pgcall {
	TAILQ_ENTRY(pgcall) entry;
	struct pgcall_list *list; /* where it is: queued, sent or ending */
	struct pgconn *conn;
	struct pgbatch *batch;
	struct timer *deadline; /* abandoned: when to ask again */
	int64_t patience_ends;  /* clock_mono_ms; abandoned: till then */
	struct loop_call *end;  /* on list ending */
	pgcall_fn *fn;          /* NULL: abandoned */
	void *ctx;
	struct pgprep **preps; /* sent before it, with a SYNC of their own */
	size_t npreps, preps_read;
	bool prepared; /* that SYNC was read, or there was none */
	struct pgresult *results;
	size_t n;
	struct err err;
	bool failed; /* the server said so: surely rolled back */
	bool at_risk;
	unsigned resumed; /* how often what is behind COMMIT was resent */
};
TAILQ_HEAD(pgcall_list, pgcall);

enum pgconn_state {
	PGCONN_DOWN,
	PGCONN_RESOLVING,
	PGCONN_CONNECTING,
	PGCONN_SETUP,
	PGCONN_UP
};

struct pgconn {
	struct pgconn_conf conf; /* its strings are copies */
	enum pgconn_state state;
	PGconn *pg;
	struct pgaddr *addr;     /* RESOLVING */
	struct fdwatch *watch;   /* from CONNECTING on */
	struct timer *patience;  /* until UP */
	struct timer *retry;     /* DOWN */
	struct loop_call *down;  /* on_down is to be told */
	struct loop_call *again; /* there may be more in libpq's buffer */
	struct pgcancel *cancel; /* nothing is sent meanwhile */
	bool broken;             /* given up, but what came is read first */
	bool stale; /* its prepared statements are not good any more */
	struct pgcall_list queued, sent, ending;
	size_t bytes_out; /* of the calls in sent */
	struct pgprep *preps;
	unsigned failures; /* of connecting, in a row */
	struct err why;    /* of the last loss */
	struct err fatal;  /* what the server said before it hung up */
};

/* pgcall.c: what the connection needs of the calls. */
void pgcall_pump(struct pgconn *c);
/* Tells the owner how a call ended that was read, and frees it. */
void pgcall_end_read(struct pgcall *call);
void pgcall_end(struct pgcall *call, const struct err *err);
void pgcall_fail_all(struct pgconn *c, const struct err *why);
void pgcall_drop_all(struct pgconn *c);

/* pgread.c: the first call in sent if it has ended; NULL: not yet, or lost. */
struct pgcall *pgcall_read(struct pgconn *c);

/* pgconn.c: what calls need. The reason is for the log and the calls. */
void pgconn_lose(struct pgconn *c, const struct err *why);
void pgconn_go_on_soon(struct pgconn *c);
bool pgconn_in_transaction(const struct pgconn *c);
/* First line of libpq's words. */
void pgconn_error(const struct pgconn *c, struct err *e);

#endif
