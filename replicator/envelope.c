#include "replicator/envelope.h"

#include "base/json.h"
#include "base/strbuf.h"
#include "replicator/merge.h"

#define PROGRESS(lsn, us)                                                     \
	"pg_replication_origin_xact_setup(" lsn "::pg_lsn, "                  \
	"'2000-01-01 00:00:00+00'::timestamptz + " us "::int8 * "             \
	"'1 us'::interval), " /* what changes nothing would else not move the \
				 origin */                                    \
	"pg_logical_emit_message(true, 'gsb.progress', '')"

#define LAZY "set_config('synchronous_commit', 'off', true)"

/* What a crash would bring again was seen by whoever writes from now on. */
static void
add_seen(struct pgbatch *out, const struct batch *b, uint64_t to)
{
	static const struct pgstmt stmt = {
		.name = "seen",
		.sql = "INSERT INTO gsb.seen AS s (lsn) VALUES ($1::pg_lsn) "
		       "ON CONFLICT (one) DO UPDATE SET "
		       "lsn = greatest(s.lsn, excluded.lsn)",
		.nparams = 1
	};
	char end[DECODER_LSN_SIZE];

	if (b->end_lsn <= to || b->transactions == 0)
		return;
	pgbatch_add(
	    out, &stmt,
	    (struct pgparam[]){ pgparam_text(decoder_lsn(b->end_lsn, end)) });
}

void
envelope_whole(struct pgbatch *out, const struct batch *b, uint64_t from,
	       uint64_t to, bool lazy)
{
	static const struct pgstmt flushed = { .name = "whole",
					       .sql = MERGE_GUARD_SQL
					       ", " PROGRESS("$2", "$3"),
					       .nparams = 3 };
	static const struct pgstmt soon = { .name = "whole_lazy",
					    .sql = MERGE_GUARD_SQL
					    ", " PROGRESS("$2", "$3") ", " LAZY,
					    .nparams = 3 };
	char prev[DECODER_LSN_SIZE], end[DECODER_LSN_SIZE];

	pgbatch_add(out, lazy ? &soon : &flushed,
		    (struct pgparam[]){ pgparam_text(decoder_lsn(from, prev)),
					pgparam_text(decoder_lsn(to, end)),
					pgparam_int(b->time_us) });
	add_seen(out, b, to);
	pgbatch_commits(out);
}

uint64_t
envelope_lsn(const struct pgresult *res, int column)
{
	uint64_t lsn = 0;

	if (decoder_parse_lsn(span_of(pgresult_text(res, 0, column)), &lsn) !=
	    0)
		return 0;
	return lsn;
}

void
envelope_begin(struct pgbatch *out, uint64_t from)
{
	static const struct pgstmt stmt = { .name = "guard",
					    .sql = MERGE_GUARD_SQL,
					    .nparams = 1 };
	char prev[DECODER_LSN_SIZE];

	pgbatch_add_sql(out, "BEGIN");
	pgbatch_add(
	    out, &stmt,
	    (struct pgparam[]){ pgparam_text(decoder_lsn(from, prev)) });
}

void
envelope_commit(struct pgbatch *out, const struct batch *b, uint64_t to)
{
	static const struct pgstmt stmt = { .name = "progress",
					    .sql = "SELECT " PROGRESS("$1",
								      "$2"),
					    .nparams = 2 };
	char end[DECODER_LSN_SIZE];

	pgbatch_add(out, &stmt,
		    (struct pgparam[]){ pgparam_text(decoder_lsn(to, end)),
					pgparam_int(b->time_us) });
	add_seen(out, b, to);
	pgbatch_commit(out);
}

void
envelope_calm(struct pgbatch *out)
{
	static const struct pgstmt stmt = {
		.name = "calm",
		.sql = "SELECT 1 / (NOT EXISTS (SELECT FROM gsb.sweep))::int",
	};

	pgbatch_add(out, &stmt, NULL);
}

void
envelope_barriers(struct pgbatch *out, const struct batch *b)
{
	static const struct pgstmt stmt = { .name = "barrier",
					    .sql = merge_barrier_sql,
					    .nparams = 1 };

	for (size_t i = 0; i < b->nbarriers; i++)
		pgbatch_add(out, &stmt,
			    (struct pgparam[]){ pgparam_span(b->barriers[i]) });
}

void
envelope_park(struct pgbatch *out, const struct batch_reject *rj, uint64_t lsn,
	      const char *sqlstate)
{
	static const struct pgstmt stmt = {
		.name = "park",
		.sql = "INSERT INTO gsb.parked (rel, key, lsn, sqlstate, "
		       "message, payload) VALUES ($1, $2, $3::pg_lsn, $4, $5, "
		       "convert_to($6, 'UTF8'))",
		.nparams = 6,
	};
	char end[DECODER_LSN_SIZE];

	pgbatch_add(out, &stmt,
		    (struct pgparam[]){
			pgparam_text(rj->rel),
			pgparam_text(rj->key),
			pgparam_text(decoder_lsn(lsn, end)),
			pgparam_text(sqlstate),
			pgparam_text(rj->why),
			pgparam_text(rj->payload),
		    });
}

const char *
envelope_payload(struct arena *a, const struct table *t,
		 const struct batch_row *row)
{
	JSON_AUTO obj = json_object();
	STRBUF_AUTO text = { 0 };

	for (size_t c = 0; c < t->ncolumns; c++) {
		STRBUF_AUTO hex = { 0 };

		if (row->absent != NULL && row->absent[c])
			continue;
		for (size_t i = 0; i < row->values[c].len; i++)
			strbuf_addf(&hex, "%02x",
				    (unsigned char)row->values[c].at[i]);
		json_put_str(obj, t->columns[c].name,
			     row->values[c].at != NULL ? strbuf_text(&hex)
						       : NULL);
	}
	json_write(obj, JSON_AS_MADE, &text);
	return arena_strdup(a, strbuf_text(&text));
}

/* The few types that keys are made of, as people write them. */
static void
add_key(struct strbuf *out, const struct column *c, struct span v)
{
	enum { INT8 = 20, INT4 = 23, TEXT = 25, VARCHAR = 1043, UUID = 2950 };
	uint64_t n = 0;

	if (c->type_oid == TEXT || c->type_oid == VARCHAR) {
		strbuf_add_span(out, v);
		return;
	}
	if ((c->type_oid == INT8 && v.len == 8) ||
	    (c->type_oid == INT4 && v.len == 4)) {
		for (size_t i = 0; i < v.len; i++)
			n = n << 8 | (unsigned char)v.at[i];
		strbuf_addf(out, "%lld",
			    v.len == 8 ? (long long)n
				       : (long long)(int32_t)(uint32_t)n);
		return;
	}
	for (size_t i = 0; i < v.len; i++)
		strbuf_addf(
		    out, "%s%02x",
		    c->type_oid == UUID && i >= 4 && i <= 10 && i % 2 == 0 ? "-"
									   : "",
		    (unsigned char)v.at[i]);
}

const char *
envelope_key(struct arena *a, const struct table *t,
	     const struct batch_row *row)
{
	STRBUF_AUTO text = { 0 };

	for (size_t i = 0; i < t->nkey; i++) {
		if (i > 0)
			strbuf_addc(&text, ' ');
		add_key(&text, &t->columns[t->key[i]], row->values[t->key[i]]);
	}
	return arena_strdup(a, strbuf_text(&text));
}

void
envelope_session(struct strbuf *out, const char *origin, bool makes)
{
	strbuf_addf(out,
		    "%s; SET statement_timeout = 0; "
		    "SET client_connection_check_interval = '2s'; ",
		    merge_session_sql);
	if (makes)
		strbuf_addf(out,
			    "SELECT pg_replication_origin_create('%s') WHERE "
			    "NOT EXISTS (SELECT FROM pg_replication_origin "
			    "WHERE roname = '%s'); ",
			    origin, origin);
	strbuf_addf(out, "SELECT pg_replication_origin_session_setup('%s')",
		    origin);
}
