/*
 * What the schema gsb knows about conflicts: noting them (called from the
 * merge), putting back what was lost, forgetting what is old.
 */
#include "replicator/install_script.h"

static const char *const list[] = {
	"DROP FUNCTION IF EXISTS gsb.note_tie(text, text, jsonb, jsonb, bigint,"
	" bigint, boolean)",

	/* Called from a merge's WHERE: reports, and lets the row pass. groups:
	 * [[name, [column, ...]], ...], what: of each, see merge_set.c. */
	"CREATE OR REPLACE FUNCTION gsb.note(rel text, key text,\n"
	" here jsonb, there jsonb, groups jsonb, what text[])\n"
	"RETURNS boolean LANGUAGE sql VOLATILE AS $gsb$\n"
	" INSERT INTO gsb.conflict (rel, key, kind, part, columns,\n"
	"  winner, loser, winner_v, loser_v)\n"
	" SELECT rel, key, rtrim(w.what, '<>'), g.one ->> 0,\n"
	"  ARRAY(SELECT c FROM jsonb_array_elements_text(g.one -> 1) c\n"
	"   WHERE here -> c IS DISTINCT FROM there -> c),\n"
	"  r.winner, r.loser,\n"
	"  (r.winner ->> ('gsb_v_' || (g.one ->> 0)))::bigint,\n"
	"  (r.loser ->> ('gsb_v_' || (g.one ->> 0)))::bigint\n"
	" FROM unnest(what) WITH ORDINALITY AS w(what, n)\n"
	" JOIN jsonb_array_elements(groups) WITH ORDINALITY AS g(one, n)\n"
	"  USING (n)\n"
	" CROSS JOIN LATERAL (SELECT\n"
	"  CASE WHEN w.what = 'tie>' THEN there ELSE here END AS winner,\n"
	"  CASE WHEN w.what = 'tie>' THEN here ELSE there END AS loser) r\n"
	" WHERE w.what IS NOT NULL\n"
	" ON CONFLICT DO NOTHING;\n"
	" SELECT true\n"
	"$gsb$",

	/* The same for a row below a tombstone: it does not pass. */
	"CREATE OR REPLACE FUNCTION gsb.note_dead(rel text, key text,\n"
	" loser jsonb, tombstone bigint, newest bigint)\n"
	"RETURNS boolean LANGUAGE sql VOLATILE AS $gsb$\n"
	" INSERT INTO gsb.conflict\n"
	"  (rel, key, kind, loser, winner_v, loser_v)\n"
	" VALUES (rel, key, 'delete', loser, tombstone, newest)\n"
	" ON CONFLICT DO NOTHING;\n"
	" SELECT false\n"
	"$gsb$",

	"CREATE OR REPLACE FUNCTION gsb.own_column(name text)\n"
	"RETURNS boolean LANGUAGE sql IMMUTABLE AS $gsb$\n"
	" SELECT name LIKE 'gsb\\_v\\_%' OR name LIKE 'gsb\\_key\\_%'\n"
	"  OR name = 'gsb_changed'\n"
	"$gsb$",

	/* "t.a, t.b" of a table's key, or of what can be written in it. */
	"CREATE OR REPLACE FUNCTION gsb.column_list(rel regclass,\n"
	" alias text, only_key boolean)\n"
	"RETURNS text LANGUAGE sql STABLE AS $gsb$\n"
	" SELECT string_agg(alias || quote_ident(a.attname), ', '\n"
	"  ORDER BY a.attnum)\n"
	" FROM pg_attribute a\n"
	" LEFT JOIN pg_index i ON i.indrelid = rel AND i.indisprimary\n"
	" WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped\n"
	"  AND a.attgenerated = '' AND NOT gsb.own_column(a.attname)\n"
	"  AND (NOT only_key OR a.attnum = ANY (i.indkey))\n"
	"$gsb$",

	"CREATE OR REPLACE FUNCTION gsb.undo_edit(c gsb.conflict,\n"
	" force boolean)\n"
	"RETURNS text LANGUAGE plpgsql AS $gsb$\n"
	"DECLARE\n"
	" rel regclass := c.rel;\n"
	" names text := (SELECT string_agg(quote_ident(n), ', ')\n"
	"  FROM unnest(c.columns) n);\n"
	" done bigint;\n"
	"BEGIN\n"
	" EXECUTE format('UPDATE %s t SET (%s) = (SELECT %s FROM '\n"
	"   'jsonb_populate_record(NULL::%s, $1)) WHERE (%s) = (SELECT %s '\n"
	"   'FROM jsonb_populate_record(NULL::%s, $1)) AND '\n"
	"   '($2 OR t.%I = $3)', rel, names, names, rel,\n"
	"   gsb.column_list(rel, 't.', true), gsb.column_list(rel, '', true),\n"
	"   rel, 'gsb_v_' || c.part) USING c.loser, force, c.winner_v;\n"
	" GET DIAGNOSTICS done = ROW_COUNT;\n"
	" IF done = 0 THEN\n"
	"  RAISE EXCEPTION USING ERRCODE = 'GS002', MESSAGE = format(\n"
	"   '%s of %s %s is gone, or was written again since: look at it, '\n"
	"   'and say --force', names, c.rel, c.key);\n"
	" END IF;\n"
	" RETURN format('%s of %s %s is as the loser had it', names, c.rel,\n"
	"  c.key);\n"
	"END $gsb$",

	"CREATE OR REPLACE FUNCTION gsb.undo_delete(c gsb.conflict)\n"
	"RETURNS text LANGUAGE plpgsql AS $gsb$\n"
	"DECLARE\n"
	" rel regclass := c.rel;\n"
	" names text := gsb.column_list(rel, '', false);\n"
	" done bigint;\n"
	"BEGIN\n"
	" EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE '\n"
	"  'SELECT %s FROM jsonb_populate_record(NULL::%s, $1) '\n"
	"  'ON CONFLICT (%s) DO NOTHING', rel, names, names, rel,\n"
	"  gsb.column_list(rel, '', true)) USING c.loser;\n"
	" GET DIAGNOSTICS done = ROW_COUNT;\n"
	" IF done = 0 THEN\n"
	"  RAISE EXCEPTION USING ERRCODE = 'GS002', MESSAGE = format(\n"
	"   '%s %s is there again: nothing to put back', c.rel, c.key);\n"
	" END IF;\n"
	" RETURN format('%s %s is there again', c.rel, c.key);\n"
	"END $gsb$",

	/* A new edit, made here and now: it has a version and replicates. */
	"CREATE OR REPLACE FUNCTION gsb.undo(number bigint, who text,\n"
	" force boolean)\n"
	"RETURNS text LANGUAGE plpgsql AS $gsb$\n"
	"DECLARE\n"
	" c gsb.conflict;\n"
	" said text;\n"
	"BEGIN\n"
	" SELECT * INTO c FROM gsb.conflict WHERE id = number FOR UPDATE;\n"
	" IF NOT FOUND THEN\n"
	"  RAISE EXCEPTION USING ERRCODE = 'GS002', MESSAGE =\n"
	"   format('there is no conflict %s', number);\n"
	" ELSIF c.undone IS NOT NULL THEN\n"
	"  RAISE EXCEPTION USING ERRCODE = 'GS002', MESSAGE = format(\n"
	"   'conflict %s was undone by %s at %s', number, c.undone_by,\n"
	"   c.undone);\n"
	" ELSIF c.kind = 'delete' THEN\n"
	"  said := gsb.undo_delete(c);\n"
	" ELSIF c.kind = 'dangling' THEN\n"
	"  RAISE EXCEPTION USING ERRCODE = 'GS002', MESSAGE = format(\n"
	"   'nothing is lost: %s %s is kept, but what its %s names was '\n"
	"   'deleted; write another one, or delete it too', c.rel, c.key,\n"
	"   c.columns[1]);\n"
	" ELSIF cardinality(c.columns) > 0 THEN\n"
	"  said := gsb.undo_edit(c, force);\n"
	" ELSE\n"
	"  RAISE EXCEPTION USING ERRCODE = 'GS002', MESSAGE = format(\n"
	"   'nothing is lost: %s %s has its value still, but is not found by "
	"'\n"
	"   'it; give it or %s another one', c.rel, c.key,\n"
	"   coalesce(c.winner ->> 'id', 'the other row'));\n"
	" END IF;\n"
	" UPDATE gsb.conflict SET undone = clock_timestamp(), undone_by = who\n"
	"  WHERE id = number;\n"
	" RETURN said;\n"
	"END $gsb$",

	/* As many in one go as take no time. */
	"CREATE OR REPLACE FUNCTION gsb.forget_conflicts(age interval,\n"
	" kept bigint)\n"
	"RETURNS bigint LANGUAGE sql VOLATILE AS $gsb$\n"
	" WITH old AS (DELETE FROM gsb.conflict WHERE id IN (\n"
	"  SELECT id FROM gsb.conflict WHERE at < now() - age OR id <= (\n"
	"    SELECT id FROM gsb.conflict ORDER BY id DESC\n"
	"    OFFSET kept LIMIT 1)\n"
	"  ORDER BY id LIMIT 10000) RETURNING 1)\n"
	" SELECT count(*) FROM old\n"
	"$gsb$",
};

void
install_conflicts(struct script *s)
{
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		script_add(s, NULL, list[i]);
}
