/*
 * In one transaction, so that a declaration stands whole or not at all.
 */
#include "replicator/install_script.h"

#include <stdarg.h>

#include "base/crypto.h"
#include "base/strbuf.h"
#include "replicator/sqlgen.h"
#include "replicator/trigger.h"

void
script_add(struct script *s, const char *what, const char *sql)
{
	if (s->n == s->cap) {
		size_t cap = s->cap > 0 ? 2 * s->cap : 64;
		struct step *more = arena_array(s->arena, struct step, cap);

		if (s->n > 0)
			memcpy(more, s->steps, s->n * sizeof(*more));
		s->steps = more;
		s->cap = cap;
	}
	s->steps[s->n++] = (struct step){ arena_strdup(s->arena, what),
					  arena_strdup(s->arena, sql) };
}

void
script_addf(struct script *s, const char *what, const char *fmt, ...)
{
	STRBUF_AUTO sb = { 0 };
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&sb, fmt, ap);
	va_end(ap);
	script_add(s, what, strbuf_text(&sb));
}

/* What sb holds becomes a statement; sb is empty after. */
static void
take(struct script *s, const char *what, struct strbuf *sb)
{
	script_add(s, what, strbuf_text(sb));
	strbuf_reset(sb);
}

/* Rows that are there already begin at version 0: any edit is newer. */
static void
add_versions(struct script *s, const struct table *t)
{
	for (size_t g = 0; g <= t->ngroups; g++) {
		bool row = g == t->ngroups;
		const char *name = row ? "row" : t->groups[g].name;

		if ((row ? t->row : t->groups[g].version) != TABLE_NONE)
			continue;
		script_addf(
		    s,
		    arena_printf(s->arena, "%s: column gsb_v_%s", t->rel, name),
		    "ALTER TABLE %s ADD COLUMN \"gsb_v_%s\" bigint "
		    "NOT NULL DEFAULT 0",
		    t->quoted, name);
	}
	if (t->changed == TABLE_NONE)
		script_addf(s, NULL,
			    "ALTER TABLE %s ADD COLUMN IF NOT EXISTS "
			    "\"gsb_changed\" bigint",
			    t->quoted);
}

/* A value that could leave the row would come as "unchanged" with others. */
static void
add_storage(struct script *s, const struct table *t)
{
	for (size_t i = 0; i < t->ncolumns; i++) {
		const struct column *c = &t->columns[i];

		if (c->role == COLUMN_VALUE && c->toastable &&
		    t->groups[c->group].ncolumns > 1)
			script_addf(s, NULL,
				    "DO $gsb$ BEGIN\n"
				    " IF EXISTS (SELECT FROM pg_attribute "
				    "WHERE attrelid = '%s'::regclass "
				    "AND attname = '%s' "
				    "AND attstorage IN ('x', 'e')) THEN\n"
				    "  ALTER TABLE %s ALTER COLUMN \"%s\" "
				    "SET STORAGE MAIN;\n"
				    " END IF;\nEND $gsb$",
				    t->quoted, c->name, t->quoted, c->name);
	}
}

/* Whose version is smallest has the bare value, as in apply. */
static void
add_backfill(struct script *s, const struct table *t, const struct unique *u)
{
	STRBUF_AUTO sb = { 0 };

	strbuf_addf(&sb, "UPDATE %s t SET \"%s\" = x.key FROM (SELECT ",
		    t->quoted, u->column);
	sqlgen_columns(&sb, t, "o", t->key, t->nkey);
	strbuf_adds(&sb, ", ");
	sqlgen_fold(&sb, u, t, "o");
	strbuf_adds(&sb, " || CASE WHEN row_number() OVER (PARTITION BY ");
	for (size_t i = 0; i < u->nscope; i++)
		strbuf_addf(&sb, "o.\"%s\", ", t->columns[u->scope[i]].name);
	sqlgen_fold(&sb, u, t, "o");
	strbuf_addf(&sb, " ORDER BY o.\"gsb_v_%s\", ",
		    t->groups[t->columns[u->value].group].name);
	sqlgen_key_text(&sb, t, "o");
	strbuf_adds(&sb, " COLLATE \"C\") = 1 THEN '' ELSE '#' || ");
	sqlgen_key_text(&sb, t, "o");
	strbuf_addf(&sb, " END AS key FROM %s o) x\nWHERE ", t->quoted);
	sqlgen_key_equal(&sb, t, "t", "x");
	take(s, NULL, &sb);
}

static void
add_unique(struct script *s, const struct table *t, const struct unique *u)
{
	STRBUF_AUTO sb = { 0 };

	if (u->effective == TABLE_NONE) {
		script_addf(
		    s,
		    arena_printf(s->arena, "%s: column %s", t->rel, u->column),
		    "ALTER TABLE %s ADD COLUMN \"%s\" text", t->quoted,
		    u->column);
		add_backfill(s, t, u);
	}
	strbuf_addf(&sb, "CREATE UNIQUE INDEX IF NOT EXISTS \"%s\" ON %s (",
		    u->index, t->quoted);
	sqlgen_columns(&sb, t, NULL, u->scope, u->nscope);
	strbuf_addf(&sb, "%s\"%s\")", u->nscope > 0 ? ", " : "", u->column);
	take(s, NULL, &sb);
	strbuf_addf(&sb,
		    "CREATE INDEX IF NOT EXISTS \"%s_%s_gsb_lost\" ON %s (",
		    t->name, u->name, t->quoted);
	sqlgen_columns(&sb, t, NULL, u->scope, u->nscope);
	strbuf_adds(&sb, u->nscope > 0 ? ", (" : "(");
	sqlgen_fold(&sb, u, t, NULL);
	strbuf_adds(&sb, ")) WHERE ");
	sqlgen_lost(&sb, u, t, NULL);
	take(s, NULL, &sb);
}

const struct pgstmt install_triggers_query = {
	.name = "gsb_triggers",
	.sql = "SELECT p.proname, d.description, (SELECT count(*) "
	       "FROM pg_trigger g WHERE g.tgname LIKE '%gsb\\_%' "
	       "AND g.tgenabled = 'O' "
	       "AND g.tgrelid = to_regclass(left(p.proname, -8))) "
	       "FROM pg_proc p "
	       "JOIN pg_namespace n ON n.oid = p.pronamespace "
	       "AND n.nspname = 'gsb' "
	       "JOIN pg_description d ON d.objoid = p.oid "
	       "AND d.classoid = 'pg_proc'::regclass "
	       "WHERE p.proname LIKE '%\\_version'",
};

static bool
in_place(const struct script *s, const char *function, const char *digest,
	 size_t n)
{
	for (int i = 0; s->triggers && i < pgresult_rows(s->triggers); i++)
		if (!strcmp(pgresult_text(s->triggers, i, 0), function) &&
		    !strcmp(pgresult_text(s->triggers, i, 1), digest) &&
		    pgresult_int(s->triggers, i, 2) == (int64_t)n)
			return true;
	return false;
}

static const char *
digest_of(struct arena *a, const struct script *steps)
{
	uint8_t sha[CRYPTO_SHA256_SIZE];
	STRBUF_AUTO all = { 0 };
	STRBUF_AUTO hex = { 0 };

	for (size_t i = 0; i < steps->n; i++)
		strbuf_adds(&all, steps->steps[i].sql);
	crypto_sha256(strbuf_span(&all), sha);
	crypto_hex(span_make((const char *)sha, sizeof(sha)), &hex);
	return arena_span(a, strbuf_span(&hex));
}

static void (*const functions[])(struct trigger_sql *s) = {
	trigger_defaults, trigger_creation, trigger_version, trigger_protect,
	trigger_reborn,   trigger_born,     trigger_moved,   trigger_gone
};

/*
 * Making a trigger waits for every open transaction on its table, and new
 * ones wait behind it: it is left out where nothing would change.
 */
static void
add_triggers(struct script *s, const struct table *t, int site)
{
	STRBUF_AUTO sb = { 0 };
	struct script own = { .arena = s->arena };
	struct trigger_sql sql = { .out = &sb, .table = t, .site = site };
	const char *function, *digest;

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		functions[i](&sql);
		take(&own, NULL, &sb);
	}
	for (size_t i = 0; trigger_create(&sql, i); i++)
		take(&own, NULL, &sb);
	function = arena_printf(s->arena, "%s_version", t->rel);
	digest = digest_of(s->arena, &own);
	if (in_place(s, function, digest, trigger_count(t)))
		return;
	for (size_t i = 0; i < own.n; i++)
		script_add(s, NULL, own.steps[i].sql);
	script_addf(s, arena_printf(s->arena, "%s: triggers", t->rel),
		    "COMMENT ON FUNCTION gsb.\"%s\"() IS '%s'", function,
		    digest);
}

/* See catalog_query: what the values of array columns are sent in. */
static void
add_boxes(struct script *s, const struct table *t)
{
	for (size_t i = 0; i < t->ncolumns; i++) {
		const struct column *c = &t->columns[i];

		if (c->element_oid != 0 && c->array_oid == 0)
			script_addf(s, NULL,
				    "DO $gsb$ BEGIN\n"
				    " CREATE TYPE %s AS (v %s);\n"
				    "EXCEPTION WHEN duplicate_object THEN "
				    "NULL;\nEND $gsb$",
				    c->item, c->type);
	}
}

void
install_table(struct script *s, const struct table *t,
	      const struct install_site *site)
{
	add_versions(s, t);
	add_boxes(s, t);
	add_storage(s, t);
	for (size_t u = 0; u < t->nuniques; u++)
		add_unique(s, t, &t->uniques[u]);
	add_triggers(s, t, site->number);
	script_addf(s, NULL, "GRANT USAGE ON SCHEMA \"%s\" TO gsb_replicator",
		    t->schema);
	script_addf(s,
		    arena_printf(s->arena, "%s: %zu groups, %zu unique", t->rel,
				 t->ngroups, t->nuniques),
		    "GRANT SELECT, INSERT, UPDATE, DELETE ON %s "
		    "TO gsb_replicator",
		    t->quoted);
}

static void
add_publication(struct script *s, const struct catalog *c)
{
	STRBUF_AUTO sb = { 0 };

	script_add(s, NULL,
		   "DO $gsb$ BEGIN\n"
		   " IF NOT EXISTS (SELECT FROM pg_publication "
		   "WHERE pubname = 'gsb') THEN\n"
		   "  CREATE PUBLICATION gsb WITH "
		   "(publish = 'insert, update, delete');\n"
		   " END IF;\nEND $gsb$");
	strbuf_adds(&sb, "ALTER PUBLICATION gsb SET TABLE gsb.tombstone");
	for (size_t i = 0; i < c->n; i++)
		strbuf_addf(&sb, ", %s", c->list[i].quoted);
	take(s, "publication gsb", &sb);
}

/* Defaults and gsb_born run with the rights of whoever writes. */
static void
add_public_grants(struct script *s, const struct catalog *c)
{
	STRBUF_AUTO sb = { 0 };

	script_add(s, NULL, "GRANT USAGE ON SCHEMA gsb TO PUBLIC");
	script_add(s, NULL, "GRANT SELECT ON gsb.tombstone TO PUBLIC");
	script_add(s, NULL,
		   "GRANT EXECUTE ON FUNCTION gsb.begun(int) TO PUBLIC");
	for (size_t i = 0; i < c->n; i++) {
		const struct table *t = &c->list[i];

		strbuf_addf(&sb, "GRANT EXECUTE ON FUNCTION gsb.\"%s_reborn\"(",
			    t->rel);
		for (size_t k = 0; k < t->nkey; k++)
			strbuf_addf(&sb, "%s%s", k > 0 ? ", " : "",
				    t->columns[t->key[k]].type);
		strbuf_adds(&sb, ") TO PUBLIC");
		take(s, NULL, &sb);
	}
}

static const char *const grants[] = {
	"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA gsb FROM PUBLIC",
	"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA gsb "
	"TO gsb_replicator",
	"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA gsb TO gsb_replicator",
	"GRANT EXECUTE ON FUNCTION gsb.sync_state(), gsb.health(), "
	"gsb.peer_dead(), gsb.barrier(text), gsb.barrier_seen(text) "
	"TO gsb_site",
	"GRANT SET ON PARAMETER session_replication_role TO gsb_replicator",
	"GRANT ALTER SYSTEM ON PARAMETER synchronous_standby_names "
	"TO gsb_replicator",
	"GRANT EXECUTE ON FUNCTION pg_reload_conf(), "
	"pg_replication_origin_oid(text), "
	"pg_replication_origin_progress(text, boolean), "
	"pg_replication_origin_session_setup(text), "
	"pg_replication_origin_session_reset(), "
	"pg_replication_origin_session_is_setup(), "
	"pg_replication_origin_session_progress(boolean), "
	"pg_replication_origin_xact_setup(pg_lsn, timestamptz), "
	"pg_replication_origin_xact_reset(), "
	"pg_replication_origin_create(text), "
	"pg_replication_origin_advance(text, pg_lsn), "
	"pg_show_replication_origin_status() TO gsb_replicator",
	"GRANT pg_monitor TO gsb_replicator",
};

void
install_all(struct script *s, const struct catalog *c,
	    const struct install_site *site)
{
	STRBUF_AUTO sb = { 0 };

	script_add(s, NULL, "BEGIN");
	script_add(s, NULL, "SET LOCAL lock_timeout = '10s'");
	script_add(s, NULL, "SET LOCAL session_replication_role = replica");
	script_add(s, NULL, "SET LOCAL synchronous_commit = local");
	install_schema(s, site);
	install_functions(s);
	script_add(s, NULL, trigger_us);
	script_add(s, NULL, trigger_begun);
	install_conflicts(s);
	for (size_t i = 0; i < c->n; i++)
		install_table(s, &c->list[i], site);
	install_refs(s, c);
	trigger_tidy(&sb, c->list, c->n);
	take(s, NULL, &sb);
	add_publication(s, c);
	for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++)
		script_add(s, NULL, grants[i]);
	add_public_grants(s, c);
	for (size_t i = 0; s->more != NULL && s->more[i] != NULL; i++)
		script_add(s, NULL, s->more[i]);
	script_add(s, "grants to gsb_site and gsb_replicator", "COMMIT");
}
