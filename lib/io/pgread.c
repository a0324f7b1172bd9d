/*
 * What libpq gives back, in the order in which the calls were sent: for each
 * statement one result and a NULL, for each Sync one result without a NULL.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "io/pginner.h"

static const char *
field(const PGresult *res, int code)
{
	const char *text = PQresultErrorField(res, code);

	return text != NULL ? text : "";
}

/* The first one counts. Without an SQLSTATE it is libpq's own word. */
static void
note_error(struct pgcall *call, const PGresult *res)
{
	const char *state = field(res, PG_DIAG_SQLSTATE);
	const char *severity = field(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	struct err *e = &call->err;

	if (*state == '\0' || e->code != ERR_NONE)
		return;
	call->failed = strcmp(severity, "ERROR") == 0;
	err_set(e, call->failed ? ERR_REFUSED : ERR_CLOSED, "database: %s (%s)",
		field(res, PG_DIAG_MESSAGE_PRIMARY), state);
	snprintf(e->sqlstate, sizeof(e->sqlstate), "%s", state);
	snprintf(e->detail, sizeof(e->detail), "%s",
		 field(res, PG_DIAG_CONSTRAINT_NAME));
	if (!call->failed)
		call->conn->fatal = *e;
	/* A table has changed under a plan, or DISCARD has run. */
	if (strcmp(field(res, PG_DIAG_SOURCE_FUNCTION),
		   "RevalidateCachedQuery") == 0 ||
	    strcmp(state, "26000") == 0)
		call->conn->stale = true;
}

static void
read_prep(struct pgcall *call, const PGresult *res)
{
	bool ok = PQresultStatus(res) == PGRES_COMMAND_OK;

	assert(call->preps_read < call->npreps);
	call->preps[call->preps_read++]->state = ok ? PGPREP_READY : PGPREP_NEW;
}

/* COMMIT of a transaction that had failed says ROLLBACK, and no error. */
static void
check_commit(struct pgcall *call, PGresult *res)
{
	if (call->n != call->batch->commit_at ||
	    strcmp(PQcmdStatus(res), "ROLLBACK") != 0 || call->failed)
		return;
	call->failed = true;
	err_set(&call->err, ERR_REFUSED,
		"database: the transaction had failed and was rolled back");
	call->batch->commits = false;
}

/* Takes res. True at the end of the call. */
static bool
take(struct pgcall *call, PGresult *res)
{
	bool synced = false;

	switch (PQresultStatus(res)) {
	case PGRES_PIPELINE_SYNC:
		synced = call->prepared;
		call->prepared = true;
		break;
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_EMPTY_QUERY:
		if (!call->prepared) {
			read_prep(call, res);
			break;
		}
		assert(call->n < call->batch->count);
		check_commit(call, res);
		call->results[call->n++].pg = res;
		return false;
	case PGRES_FATAL_ERROR:
	case PGRES_PIPELINE_ABORTED:
		note_error(call, res);
		if (!call->prepared &&
		    PQstatus(call->conn->pg) != CONNECTION_BAD)
			read_prep(call, res);
		break;
	default:
		call->conn->broken = true; /* COPY has no place here */
		break;
	}
	PQclear(res);
	return synced;
}

/* Takes res, of a COPY: its data may go, it has ended, or failed; NULL: that
 * was all. True at the end of the call. */
static bool
take_copy(struct pgcall *call, PGresult *res)
{
	struct pgconn *c = call->conn;
	struct strbuf *data = &call->batch->copy;

	if (res == NULL) {
		/* libpq's own word of a loss is no answer of the server */
		c->broken = PQstatus(c->pg) == CONNECTION_BAD ||
			    (call->n == 0 && !call->failed) ||
			    !PQenterPipelineMode(c->pg);
		return !c->broken;
	}
	if (PQresultStatus(res) == PGRES_COMMAND_OK && call->n == 0) {
		call->results[call->n++].pg = res;
		return false;
	}
	if (PQresultStatus(res) != PGRES_COPY_IN)
		note_error(call, res);
	else if (PQputCopyData(c->pg, strbuf_text(data), (int)data->len) < 0 ||
		 PQputCopyEnd(c->pg, NULL) < 0)
		c->broken = true;
	strbuf_fini(data); /* libpq has it */
	PQclear(res);
	return false;
}

struct pgcall *
pgcall_read(struct pgconn *c)
{
	struct pgcall *call;
	unsigned nulls = 0; /* one ends each statement */

	while (!c->broken && (call = TAILQ_FIRST(&c->sent)) != NULL &&
	       !PQisBusy(c->pg)) {
		PGresult *res = PQgetResult(c->pg);

		if (call->batch->copies) {
			if (take_copy(call, res))
				return call;
			continue;
		}
		if (res == NULL && ++nulls > 1) {
			c->broken = true; /* nothing where much should be */
		} else if (res != NULL) {
			nulls = 0;
			if (take(call, res))
				return call;
		}
	}
	return NULL;
}
