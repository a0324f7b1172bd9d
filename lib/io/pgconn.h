/*
 * One asynchronous connection to PostgreSQL in pipeline mode. Names are
 * resolved before libpq sees them; every result is read, after an error up
 * to the SYNC; at most 1 MiB of batches is under way, the rest queues here.
 *
 * Failures of a call, by err->code:
 *   ERR_UNCERTAIN  a committing batch was sent and its end never heard
 *   ERR_CLOSED     the connection went; surely nothing was committed
 *   ERR_TIMEOUT    its deadline passed; surely nothing was committed
 *   ERR_REFUSED    the server said no: sqlstate, detail = constraint name
 *   ERR_LIMIT      (pool only) too many waiters
 */
#ifndef IO_PGCONN_H
#define IO_PGCONN_H

#include "base/err.h"
#include "io/pgbatch.h"

struct pgconn;
struct pgcall;

struct pgconn_conf {
	const char *conninfo;    /* copied */
	const char *application; /* application_name, copied; or NULL */
	const char *setup;   /* SQL run after each connect, copied; or NULL */
	uint32_t connect_ms; /* for the whole way to "up"; 0: 10 s */
	/*
	 * Reconnect by itself with back-off between these; both 0: it stays
	 * down after the first on_down, then pgconn_connect tries again.
	 */
	uint32_t retry_first_ms, retry_max_ms;
	void (*on_up)(void *ctx);
	/* Also for each failed attempt. Comes after the calls' own ends. */
	void (*on_down)(void *ctx, const struct err *why);
	/* After LISTEN. Strings are borrowed. May be NULL. */
	void (*on_notify)(void *ctx, const char *channel, const char *payload);
	void *ctx;
};

/* Begins to connect. Only conninfo, on_up and on_down must be given. */
struct pgconn *pgconn_new(const struct pgconn_conf *conf);

/* Closes; no callback comes any more, calls in flight just vanish. */
void pgconn_free(struct pgconn **c);

/* Only when it is down and does not reconnect by itself. */
void pgconn_connect(struct pgconn *c);

bool pgconn_is_up(const struct pgconn *c);

/* Calls given and not ended, abandoned ones included. */
unsigned pgconn_in_flight(const struct pgconn *c);

/*
 * results[0..n-1]: those statements that were done. err NULL: all of them.
 * On an error the statement number n is the one that failed (if the server
 * said so), and the whole implicit transaction was rolled back.
 */
typedef void pgcall_fn(void *ctx, const struct pgresult *results, size_t n,
		       const struct err *err);

/*
 * Takes *batch (sets it NULL). Calls run in order; while the connection is
 * down a call fails at once (from the loop). deadline_ms: a reading of
 * clock_mono_ms.
 */
struct pgcall *pgconn_run(struct pgconn *c, struct pgbatch **batch,
			  int64_t deadline_ms, pgcall_fn *fn, void *ctx);

/*
 * The callback does not come. Not yet sent: nothing is. Running alone: the
 * server is asked to cancel it (it may commit all the same); its results are
 * read and dropped before the next call starts. If that takes longer than
 * 5 s the connection is given up.
 */
void pgconn_cancel(struct pgcall **call);

/*
 * Asks the server to cancel what runs, if a COMMIT is pending: a wait for
 * the synchronous standby ends so, and the call succeeds with at_risk.
 */
void pgconn_cancel_commit(struct pgconn *c);

#endif
