/*
 * A row whose target was deleted on the other site meanwhile stays as it is,
 * and is noted in gsb.conflict as 'dangling': when the row comes (_refers),
 * or when the tombstone comes (refers_gone). The triggers fire where rows are
 * merged, and there alone: what people write is between them and their own
 * foreign keys.
 */
#include <string.h>

#include "base/strbuf.h"
#include "replicator/install_script.h"
#include "replicator/sqlgen.h"

static void
begin_function(struct strbuf *sb, const char *name)
{
	strbuf_addf(sb,
		    "CREATE OR REPLACE FUNCTION gsb.\"%s\"()\n"
		    "RETURNS trigger LANGUAGE plpgsql AS $gsb$\nBEGIN\n",
		    name);
}

static void
end_function(struct strbuf *sb)
{
	strbuf_adds(sb, " RETURN NULL;\nEND $gsb$");
}

/* alias: of the row that refers; d is the tombstone of its target. */
static void
add_note(struct strbuf *sb, const struct table *t, const struct ref *ref,
	 const char *alias)
{
	const struct column *c = &t->columns[ref->column];

	strbuf_adds(sb, " INSERT INTO gsb.conflict (rel, key, kind, part,\n"
			"  columns, loser, winner_v, loser_v)\n SELECT ");
	sqlgen_literal(sb, t->rel);
	strbuf_adds(sb, ", ");
	sqlgen_key_text(sb, t, alias);
	strbuf_adds(sb, ", 'dangling', ");
	sqlgen_literal(sb, ref->name);
	strbuf_adds(sb, ", ARRAY[");
	sqlgen_literal(sb, c->name);
	strbuf_addf(sb, "], to_jsonb(%s.*),\n  d.v, %s.\"gsb_v_%s\"\n", alias,
		    alias,
		    c->group != TABLE_NONE ? t->groups[c->group].name : "row");
}

/* It has not come again since. */
static void
add_is_gone(struct strbuf *sb, const struct table *target, const char *value)
{
	strbuf_addf(sb,
		    "NOT EXISTS (SELECT FROM %s g WHERE\n"
		    "   g.\"%s\" = %s AND g.\"gsb_v_row\" > d.v)",
		    target->quoted, target->columns[target->key[0]].name,
		    value);
}

static void
add_refers(struct script *s, struct strbuf *sb, const struct table *t,
	   const struct ref *ref, const struct table *target)
{
	const char *value = arena_printf(s->arena, "n.\"%s\"",
					 t->columns[ref->column].name);

	add_note(sb, t, ref, "n");
	strbuf_adds(sb, " FROM gsb_new n JOIN gsb.tombstone d ON d.rel = ");
	sqlgen_literal(sb, target->rel);
	strbuf_addf(sb, "\n  AND d.key = %s::text\n WHERE ", value);
	add_is_gone(sb, target, value);
	strbuf_adds(sb, "\n ON CONFLICT DO NOTHING;\n");
}

/* The row may be going too, by a tombstone that came along. */
static void
add_gone(struct script *s, struct strbuf *sb, const struct table *t,
	 const struct ref *ref, const struct table *target)
{
	const char *value = arena_printf(s->arena, "t.\"%s\"",
					 t->columns[ref->column].name);

	add_note(sb, t, ref, "t");
	strbuf_addf(sb,
		    " FROM gsb_new d JOIN %s t ON %s =\n  CASE WHEN d.rel = ",
		    t->quoted, value);
	sqlgen_literal(sb, target->rel);
	strbuf_addf(sb, " THEN d.key::%s END\n WHERE ",
		    target->columns[target->key[0]].type);
	add_is_gone(sb, target, value);
	strbuf_adds(sb, "\n  AND NOT EXISTS (SELECT FROM gsb.tombstone x\n"
			"   WHERE x.rel = ");
	sqlgen_literal(sb, t->rel);
	strbuf_adds(sb, " AND x.key = ");
	sqlgen_key_text(sb, t, "t");
	strbuf_adds(sb, " AND x.v > t.\"gsb_v_row\")\n"
			" ON CONFLICT DO NOTHING;\n");
}

/* Making one waits for whoever uses the table: once is enough. */
static void
add_triggers(struct script *s, const char *quoted, const char *function)
{
	static const char *const events[] = { "insert", "update" };

	for (int i = 0; i < 2; i++)
		script_addf(
		    s, NULL,
		    "DO $gsb$ BEGIN\n"
		    " IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = "
		    "'%s'::regclass AND tgname = 'gsb_refers_%s') THEN\n"
		    "  CREATE TRIGGER gsb_refers_%s AFTER %s ON %s\n"
		    "   REFERENCING NEW TABLE AS gsb_new FOR EACH STATEMENT\n"
		    "   EXECUTE FUNCTION gsb.\"%s\"();\n"
		    "  ALTER TABLE %s ENABLE REPLICA TRIGGER gsb_refers_%s;\n"
		    " END IF;\nEND $gsb$",
		    quoted, events[i], events[i], events[i], quoted, function,
		    quoted, events[i]);
}

static void
drop_triggers(struct script *s, const char *quoted)
{
	script_addf(s, NULL,
		    "DO $gsb$ DECLARE r text; BEGIN\n"
		    " FOR r IN SELECT tgname FROM pg_trigger WHERE tgrelid = "
		    "'%s'::regclass AND tgname LIKE 'gsb\\_refers\\_%%' LOOP\n"
		    "  EXECUTE format('DROP TRIGGER %%I ON %%s', r, '%s');\n"
		    " END LOOP;\nEND $gsb$",
		    quoted, quoted);
}

static const struct table *
target_of(const struct catalog *c, const struct ref *ref)
{
	size_t i = 0;

	while (strcmp(c->list[i].rel, ref->target) != 0)
		i++; /* tables.ini was checked for it */
	return &c->list[i];
}

static void
add_table(struct script *s, const struct catalog *c, const struct table *t,
	  struct strbuf *gone)
{
	const char *name = arena_printf(s->arena, "%s_refers", t->rel);
	STRBUF_AUTO sb = { 0 };

	if (t->nrefs == 0) {
		drop_triggers(s, t->quoted);
		return;
	}
	begin_function(&sb, name);
	for (size_t i = 0; i < t->nrefs; i++) {
		const struct table *target = target_of(c, &t->refs[i]);

		add_refers(s, &sb, t, &t->refs[i], target);
		add_gone(s, gone, t, &t->refs[i], target);
	}
	end_function(&sb);
	script_add(s, NULL, strbuf_text(&sb));
	add_triggers(s, t->quoted, name);
}

void
install_refs(struct script *s, const struct catalog *c)
{
	STRBUF_AUTO gone = { 0 };
	bool any = false;

	begin_function(&gone, "refers_gone");
	for (size_t i = 0; i < c->n; i++) {
		add_table(s, c, &c->list[i], &gone);
		any = any || c->list[i].nrefs > 0;
	}
	end_function(&gone);
	script_add(s, NULL, strbuf_text(&gone));
	if (any)
		add_triggers(s, "gsb.tombstone", "refers_gone");
	else
		drop_triggers(s, "gsb.tombstone");
}
