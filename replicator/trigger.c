/*
 * version = (greatest(stamp, (old >> 8) + 1) << 8) | site
 * v_row   =  greatest(stamp, (tombstone >> 8) + 1) << 8
 *
 * The tombstone is looked for after the insert: an insert that waited for an
 * uncommitted DELETE of its key has a snapshot without that tombstone before,
 * and one with it after. That needs READ COMMITTED, so others are refused.
 */
#include "base/mem.h"
#include "replicator/sqlgen.h"
#include "replicator/trigger_inner.h"

const char *const trigger_new_old[] = { "NEW", "OLD" };

void
trigger_begin(struct trigger_sql *s, const char *name, const char *options)
{
	strbuf_addf(s->out,
		    "CREATE OR REPLACE FUNCTION gsb.\"%s_%s\"() RETURNS "
		    "trigger\nLANGUAGE plpgsql %sAS $gsb$\nDECLARE\n",
		    s->table->rel, name, options);
}

void
trigger_end(struct trigger_sql *s, const char *value)
{
	strbuf_addf(s->out, " RETURN %s;\nEND $gsb$", value);
}

/* NEW and OLD differ in the value of u as people wrote it, or in scope. */
void
trigger_unique_changed(struct trigger_sql *s, const struct unique *u)
{
	const struct table *t = s->table;

	sqlgen_differ(s->out, t, &u->value, 1, trigger_new_old);
	for (size_t i = 0; i < u->nscope; i++) {
		strbuf_adds(s->out, " OR ");
		sqlgen_differ(s->out, t, &u->scope[i], 1, trigger_new_old);
	}
}

void
trigger_key_changed(struct trigger_sql *s)
{
	sqlgen_differ(s->out, s->table, s->table->key, s->table->nkey,
		      trigger_new_old);
}

#define DEFINER "SECURITY DEFINER SET search_path = pg_catalog, pg_temp "

/* gsb."..._reborn"(key): raises the row above a tombstone of its key. */
static void
add_reborn_call(struct trigger_sql *s)
{
	strbuf_addf(s->out, "  PERFORM gsb.\"%s_reborn\"(", s->table->rel);
	sqlgen_columns(s->out, s->table, "NEW", s->table->key, s->table->nkey);
	strbuf_adds(s->out, ");\n");
}

/* Anybody may call it: it does nothing to a row that is above. */
void
trigger_reborn(struct trigger_sql *s)
{
	const struct table *t = s->table;

	strbuf_addf(s->out, "CREATE OR REPLACE FUNCTION gsb.\"%s_reborn\"(",
		    t->rel);
	for (size_t i = 0; i < t->nkey; i++)
		strbuf_addf(s->out, "%s%s", i > 0 ? ", " : "",
			    t->columns[t->key[i]].type);
	strbuf_addf(s->out,
		    ") RETURNS void\nLANGUAGE sql " DEFINER "AS $gsb$\n"
		    " UPDATE %s t SET \"gsb_v_row\" = ((d.v >> 8) + 1) << 8\n"
		    " FROM gsb.tombstone d WHERE d.rel = ",
		    t->quoted);
	sqlgen_literal(s->out, t->rel);
	strbuf_adds(s->out, " AND d.key = ");
	sqlgen_key_text(s->out, t, "t");
	for (size_t i = 0; i < t->nkey; i++)
		strbuf_addf(s->out, "\n AND t.\"%s\" = $%zu",
			    t->columns[t->key[i]].name, i + 1);
	strbuf_adds(s->out, "\n AND d.v > t.\"gsb_v_row\"\n$gsb$");
}

#define ISOLATION "current_setting('transaction_isolation') <> 'read committed'"

static void
add_isolation(struct trigger_sql *s)
{
	strbuf_addf(s->out,
		    " IF " ISOLATION " THEN\n"
		    "  RAISE feature_not_supported USING MESSAGE = "
		    "'%s is replicated: write to it in READ COMMITTED';\n"
		    " END IF;\n",
		    s->table->rel);
}

/* Some version is not the one that its default gives beside gsb_v_row. */
static void
add_versions_differ(struct trigger_sql *s)
{
	const struct table *t = s->table;

	strbuf_adds(s->out, "(false");
	for (size_t g = 0; g < t->ngroups; g++)
		strbuf_addf(s->out,
			    " OR NEW.\"gsb_v_%s\" <> NEW.\"gsb_v_row\" | %d",
			    t->groups[g].name, s->site);
	strbuf_adds(s->out, ")");
}

/*
 * Somebody wrote versions: rows of a dump, a row that is a copy of another.
 * The version trigger makes the row anew; but what has gone out with higher
 * versions would win.
 */
static void
add_written(struct trigger_sql *s)
{
	const struct table *t = s->table;

	strbuf_adds(s->out, "  IF ");
	add_versions_differ(s);
	strbuf_adds(s->out, " THEN\n   IF ");
	sqlgen_newest(s->out, t, "NEW");
	strbuf_addf(s->out,
		    " > gsb.begun(255) THEN\n"
		    "    RAISE check_violation USING MESSAGE = "
		    "'%s: versions ahead of the clock: leave the columns "
		    "gsb_v_... out';\n   END IF;\n"
		    "   UPDATE %s t SET \"gsb_v_row\" = "
		    "greatest(gsb.begun(0), NEW.\"gsb_v_row\" + 256)\n"
		    "    WHERE ",
		    t->rel, t->quoted);
	sqlgen_key_equal(s->out, t, "t", "NEW");
	strbuf_adds(s->out, ";\n  END IF;\n");
}

/*
 * With the rights of the writer and no setting of its own, for it is part of
 * every insert: those two are half of what such a function costs.
 */
void
trigger_born(struct trigger_sql *s)
{
	const struct table *t = s->table;

	/* the look-up apart: an expression with one in it is run as a query,
	 * and costs as much as a second one */
	trigger_begin(s, "born", "");
	strbuf_adds(s->out, "BEGIN\n IF " ISOLATION " OR ");
	add_versions_differ(s);
	strbuf_adds(s->out, " THEN\n");
	add_isolation(s);
	add_written(s);
	strbuf_adds(s->out, " END IF;\n PERFORM FROM gsb.tombstone d "
			    "WHERE d.rel = ");
	sqlgen_literal(s->out, t->rel);
	strbuf_adds(s->out, " AND d.key = ");
	sqlgen_key_text(s->out, t, "NEW");
	strbuf_adds(s->out, "\n  AND d.v > NEW.\"gsb_v_row\";\n"
			    " IF FOUND THEN\n");
	add_reborn_call(s);
	strbuf_adds(s->out, " END IF;\n");
	trigger_end(s, "NULL");
}

static void
add_tombstone(struct trigger_sql *s)
{
	const struct table *t = s->table;

	strbuf_adds(s->out, " gsb_seen := ");
	sqlgen_newest(s->out, t, "OLD");
	strbuf_adds(s->out, ";\n INSERT INTO gsb.tombstone AS d "
			    "(rel, key, v, seen) VALUES (");
	sqlgen_literal(s->out, t->rel);
	strbuf_adds(s->out, ", ");
	sqlgen_key_text(s->out, t, "OLD");
	strbuf_addf(s->out,
		    ",\n  greatest(" TRIGGER_NOW
		    ", (gsb_seen >> 8) + 1) << 8 | %d, "
		    "gsb_seen)\n"
		    " ON CONFLICT (rel, key) DO UPDATE SET v = excluded.v, "
		    "seen = excluded.seen\n  WHERE d.v < excluded.v;\n"
		    " INSERT INTO gsb.sweep (rel, key) VALUES (",
		    s->site);
	sqlgen_literal(s->out, t->rel);
	strbuf_adds(s->out, ", ");
	sqlgen_key_text(s->out, t, "OLD");
	strbuf_adds(s->out, ")\n ON CONFLICT (rel, key) DO UPDATE SET "
			    "horizon = NULL;\n");
}

/* Who has the bare value now; what a race leaves behind gsb.tidy() does. */
static void
add_settle(struct trigger_sql *s, const struct unique *u, const char *row)
{
	const struct table *t = s->table;
	STRBUF_AUTO only = { 0 };

	for (size_t i = 0; i < u->nscope; i++) {
		const char *name = t->columns[u->scope[i]].name;

		strbuf_addf(&only, " AND o.\"%s\" = %s.\"%s\"", name, row,
			    name);
	}
	strbuf_adds(&only, " AND ");
	sqlgen_fold(&only, u, t, "o");
	strbuf_adds(&only, " = ");
	sqlgen_fold(&only, u, t, row);
	strbuf_addf(s->out, " IF EXISTS (SELECT FROM %s o WHERE ", t->quoted);
	sqlgen_lost(s->out, u, t, "o");
	strbuf_addf(s->out, "%s) THEN\n BEGIN\n", strbuf_text(&only));
	sqlgen_demote(s->out, t, u, strbuf_text(&only));
	strbuf_adds(s->out, ";\n");
	sqlgen_promote(s->out, t, u, strbuf_text(&only));
	strbuf_adds(s->out, ";\n EXCEPTION WHEN unique_violation THEN NULL;\n"
			    " END;\n END IF;\n");
}

void
trigger_moved(struct trigger_sql *s)
{
	const struct table *t = s->table;

	trigger_begin(s, "moved", DEFINER);
	strbuf_adds(s->out, " gsb_seen bigint;\nBEGIN\n IF ");
	trigger_key_changed(s);
	strbuf_adds(s->out, " THEN\n");
	add_isolation(s);
	add_tombstone(s);
	add_reborn_call(s);
	strbuf_adds(s->out, " END IF;\n");
	for (size_t u = 0; u < t->nuniques; u++) {
		strbuf_adds(s->out, " IF ");
		trigger_unique_changed(s, &t->uniques[u]);
		strbuf_adds(s->out, " THEN\n");
		add_settle(s, &t->uniques[u], "OLD");
		add_settle(s, &t->uniques[u], "NEW");
		strbuf_adds(s->out, " END IF;\n");
	}
	trigger_end(s, "NULL");
}

void
trigger_gone(struct trigger_sql *s)
{
	const struct table *t = s->table;

	trigger_begin(s, "gone", DEFINER);
	strbuf_adds(s->out, " gsb_seen bigint;\nBEGIN\n");
	add_tombstone(s);
	for (size_t u = 0; u < t->nuniques; u++)
		add_settle(s, &t->uniques[u], "OLD");
	trigger_end(s, "NULL");
}

static void
add_version_columns(struct trigger_sql *s)
{
	strbuf_adds(s->out, " \"gsb_v_row\"");
	for (size_t g = 0; g < s->table->ngroups; g++)
		strbuf_addf(s->out, ", \"gsb_v_%s\"", s->table->groups[g].name);
}

/*
 * A list of columns costs nothing where they are not named; a WHEN would be
 * parsed anew for every UPDATE of the table.
 */
static void
add_moved_columns(struct trigger_sql *s)
{
	const struct table *t = s->table;
	bool *named = mem_array(bool, t->ncolumns);
	const char *separator = " ";

	for (size_t i = 0; i < t->nkey; i++)
		named[t->key[i]] = true;
	for (size_t u = 0; u < t->nuniques; u++) {
		named[t->uniques[u].value] = true;
		for (size_t i = 0; i < t->uniques[u].nscope; i++)
			named[t->uniques[u].scope[i]] = true;
	}
	for (size_t i = 0; i < t->ncolumns; i++) {
		if (!named[i])
			continue;
		strbuf_adds(s->out, separator);
		sqlgen_column(s->out, NULL, t->columns[i].name);
		separator = ", ";
	}
	mem_free(named);
}

/* The names sort so that create and version come behind other BEFORE triggers.
 */
static const struct {
	const char *name, *when, *function;
} triggers[] = {
	{ "zz_gsb_version", "BEFORE UPDATE", "version" },
	{ "zz_gsb_protect", "BEFORE UPDATE OF", "protect" },
	{ "gsb_born", "AFTER INSERT", "born" },
	{ "gsb_gone", "AFTER DELETE", "gone" },
	{ "gsb_moved", "AFTER UPDATE OF", "moved" },
	{ "gsb_truncate", "BEFORE TRUNCATE", NULL },
	{ "zz_gsb_create", "BEFORE INSERT", "create" },
};

size_t
trigger_count(const struct table *t)
{
	return sizeof(triggers) / sizeof(triggers[0]) -
	       (t->nuniques == 0 ? 1 : 0);
}

bool
trigger_create(struct trigger_sql *s, size_t i)
{
	const struct table *t = s->table;
	const char *function;

	if (i == trigger_count(t))
		return false;
	function = triggers[i].function;
	strbuf_addf(s->out, "CREATE OR REPLACE TRIGGER \"%s\" %s",
		    triggers[i].name, triggers[i].when);
	if (function != NULL && strcmp(function, "protect") == 0)
		add_version_columns(s);
	if (function != NULL && strcmp(function, "moved") == 0)
		add_moved_columns(s);
	strbuf_addf(s->out, " ON %s\n", t->quoted);
	if (function == NULL)
		strbuf_adds(s->out, "FOR EACH STATEMENT EXECUTE FUNCTION "
				    "gsb.refuse_truncate()");
	else
		strbuf_addf(s->out,
			    "FOR EACH ROW EXECUTE FUNCTION gsb.\"%s_%s\"()",
			    t->rel, function);
	return true;
}
