/* What is sent to PostgreSQL in one go, and what comes back. A batch is a list
 * of statements with one SYNC at its end, so it is one implicit transaction
 * unless BEGIN and COMMIT stand inside. Needs no libpq above. */
#ifndef IO_PGBATCH_H
#define IO_PGBATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "base/strbuf.h"

struct pgbatch;

/*
 * A prepared statement: static, outlives every connection. It is prepared by
 * itself on first use under its name on each connection (one name, one text).
 */
struct pgstmt {
	const char *name;
	const char *sql;
	unsigned nparams;
	const uint32_t *types; /* oids, 0 = let the server infer; or NULL */
	bool binary;           /* results in binary format */
};

enum pgparam_kind { PGPARAM_NULL, PGPARAM_TEXT, PGPARAM_BINARY, PGPARAM_INT };

/* Spans are copied by pgbatch_add. NUL bytes end a text parameter. */
struct pgparam {
	enum pgparam_kind kind;
	struct span bytes;
	int64_t number; /* PGPARAM_INT, sent as text: fits any number type */
};
struct pgparam pgparam_null(void);
struct pgparam pgparam_text(const char *text); /* NULL gives SQL NULL */
struct pgparam pgparam_span(struct span text); /* at NULL gives SQL NULL */
struct pgparam pgparam_binary(struct span bytes);
struct pgparam pgparam_int(int64_t number);
struct pgparam pgparam_bool(bool value);

struct pgbatch *pgbatch_new(void);
void pgbatch_free(struct pgbatch **b);

/* params: stmt->nparams of them. Returns the statement's index in results. */
size_t pgbatch_add(struct pgbatch *b, const struct pgstmt *stmt,
		   const struct pgparam *params);

/* One statement without parameters, copied, not prepared; results as text. */
size_t pgbatch_add_sql(struct pgbatch *b, const char *sql);
/* With n of them: for texts of which there are too many to prepare them. */
size_t pgbatch_add_once(struct pgbatch *b, const char *sql, unsigned n,
			const struct pgparam *params);

/* "COPY ... FROM STDIN" and its *data (taken, empty after): alone in its batch
 * and on the wire, for libpq has no COPY in a pipeline. One result. */
void pgbatch_add_copy(struct pgbatch *b, const char *sql, struct strbuf *data);

/* A loss of the connection in it is ERR_UNCERTAIN: it writes and commits.
 * pgbatch_commit adds COMMIT and says so. */
void pgbatch_commits(struct pgbatch *b);
size_t pgbatch_commit(struct pgbatch *b);

/* It only looks up by keys: so it may go behind another one (pgpool.h). */
void pgbatch_quick(struct pgbatch *b);

size_t pgbatch_count(const struct pgbatch *b);

/* One statement's answer; valid until the callback that gave it returns. */
struct pgresult {
	void *pg; /* libpq's */
	/* Its COMMIT was waiting for the synchronous standby and the wait was
	 * cancelled: committed here, perhaps nowhere else. Set in every result
	 * of such a batch. */
	bool at_risk;
};

int pgresult_rows(const struct pgresult *r);
int pgresult_columns(const struct pgresult *r);
/* Index of the named column; asserts that there is one. */
int pgresult_column(const struct pgresult *r, const char *name);

/* Rows that INSERT, UPDATE, DELETE, MERGE or SELECT touched; else 0. */
int64_t pgresult_affected(const struct pgresult *r);

bool pgresult_is_null(const struct pgresult *r, int row, int col);
/* The bytes as they came; NULL gives the empty span with at NULL. */
struct span pgresult_bytes(const struct pgresult *r, int row, int col);
/* Text format: NUL-terminated, "" for NULL. */
const char *pgresult_text(const struct pgresult *r, int row, int col);
/*
 * Text or binary int2, int4, int8 (and oid); bool. NULL gives 0 and false; a
 * value of another type asserts: the statement's author knows its types.
 */
int64_t pgresult_int(const struct pgresult *r, int row, int col);
bool pgresult_bool(const struct pgresult *r, int row, int col);

#endif
