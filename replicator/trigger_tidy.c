/*
 * gsb.tidy(): not a trigger, but generated beside them and for the same
 * reason.
 */
#include "replicator/sqlgen.h"
#include "replicator/trigger.h"

static void
tidy_unique(struct strbuf *out, const struct table *t, const struct unique *u)
{
	const char *group = t->groups[t->columns[u->value].group].name;

	strbuf_addf(out, " IF EXISTS (SELECT FROM %s o WHERE ", t->quoted);
	sqlgen_lost(out, u, t, "o");
	strbuf_adds(out, ") THEN\n BEGIN\n");
	sqlgen_demote(out, t, u, "");
	strbuf_adds(out, ";\n");
	sqlgen_promote(out, t, u, "");
	strbuf_adds(out, ";\n EXCEPTION WHEN unique_violation THEN NULL;\n"
			 " END;\n INSERT INTO gsb.conflict (rel, key, kind, "
			 "part, winner, loser, winner_v, loser_v)\n SELECT ");
	sqlgen_literal(out, t->rel);
	strbuf_adds(out, ", ");
	sqlgen_key_text(out, t, "o");
	strbuf_adds(out, ", 'key', ");
	sqlgen_literal(out, u->name);
	strbuf_addf(out,
		    ", to_jsonb(h.*), to_jsonb(o.*), h.\"gsb_v_%s\", "
		    "o.\"gsb_v_%s\"\n FROM %s o JOIN %s h ON ",
		    group, group, t->quoted, t->quoted);
	for (size_t i = 0; i < u->nscope; i++)
		strbuf_addf(out, "h.\"%s\" = o.\"%s\" AND ",
			    t->columns[u->scope[i]].name,
			    t->columns[u->scope[i]].name);
	strbuf_addf(out, "h.\"%s\" = ", u->column);
	sqlgen_fold(out, u, t, "o");
	strbuf_adds(out, " WHERE ");
	sqlgen_lost(out, u, t, "o");
	strbuf_adds(out, "\n ON CONFLICT DO NOTHING;\n END IF;\n");
}

/*
 * A local transaction that was open while a tombstone came may have brought
 * the key back below it. Keys wait in gsb.sweep until all have ended that
 * were open when the first tidy after that commit saw them.
 */
void
trigger_tidy(struct strbuf *out, const struct table *tables, size_t n)
{
	strbuf_adds(out,
		    "CREATE OR REPLACE FUNCTION gsb.tidy() RETURNS bigint\n"
		    "LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp "
		    "AS $gsb$\nDECLARE\n"
		    " ended xid8 := pg_snapshot_xmin(pg_current_snapshot());\n"
		    " waiting bigint := 0;\nBEGIN\n"
		    " IF EXISTS (SELECT FROM gsb.sweep) THEN\n"
		    " UPDATE gsb.sweep w SET horizon = "
		    "pg_snapshot_xmax(pg_current_snapshot())\n"
		    "  WHERE w.horizon IS NULL AND w.xmin <> "
		    "pg_current_xact_id()::xid;\n");
	for (size_t i = 0; i < n; i++) {
		STRBUF_AUTO from = { 0 };

		/* never the two joined by rel alone, as a plan without
		 * statistics does */
		strbuf_adds(&from, "gsb.sweep w JOIN ");
		sqlgen_tombstone(&from, &tables[i], "w.key");
		strbuf_adds(&from, " ON true\nWHERE w.rel = ");
		sqlgen_literal(&from, tables[i].rel);
		strbuf_adds(&from, " AND ");
		sqlgen_key_is(&from, &tables[i], "t", "w.key");
		sqlgen_sweep(out, &tables[i], strbuf_text(&from));
		strbuf_adds(out, ";\n");
	}
	strbuf_adds(out, " DELETE FROM gsb.sweep w WHERE w.horizon <= ended;\n"
			 " END IF;\n");
	for (size_t i = 0; i < n; i++)
		for (size_t u = 0; u < tables[i].nuniques; u++)
			tidy_unique(out, &tables[i], &tables[i].uniques[u]);
	strbuf_adds(out, " SELECT count(*) INTO waiting FROM gsb.sweep;\n"
			 " RETURN waiting;\nEND $gsb$");
}
