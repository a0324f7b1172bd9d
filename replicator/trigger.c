/*
 * version = (greatest(stamp, (old >> 8) + 1) << 8) | site
 * v_row   =  greatest(stamp, (tombstone >> 8) + 1) << 8
 *
 * The tombstone is looked for after the insert: an insert that waited for an
 * uncommitted DELETE of its key has a snapshot without that tombstone before,
 * and one with it after. That needs READ COMMITTED, so others are refused.
 */
#include "replicator/trigger.h"

#include "replicator/sqlgen.h"

#define NOW                                                                 \
	"coalesce(nullif(current_setting('gsb.stamp', true), '')::bigint, " \
	"(date_part('epoch', clock_timestamp()) * 1000000)::bigint "        \
	"- 946684800000000)"

static void
begin_function(struct trigger_sql *s, const char *name, const char *options)
{
	strbuf_addf(s->out,
		    "CREATE OR REPLACE FUNCTION gsb.\"%s_%s\"() RETURNS "
		    "trigger\nLANGUAGE plpgsql %sAS $gsb$\nDECLARE\n",
		    s->table->rel, name, options);
}

static void
end_function(struct trigger_sql *s, const char *value)
{
	strbuf_addf(s->out, " RETURN %s;\nEND $gsb$", value);
}

#define DEFINER "SECURITY DEFINER SET search_path = pg_catalog, pg_temp "

static const char *const new_old[] = { "NEW", "OLD" };

static void
add_claim(struct trigger_sql *s, const struct unique *u)
{
	strbuf_addf(s->out, "  NEW.\"%s\" := ", u->column);
	sqlgen_fold(s->out, u, s->table, "NEW");
	strbuf_adds(s->out, ";\n");
}

/* All groups begin with the incarnation. */
static void
add_creation(struct trigger_sql *s)
{
	const struct table *t = s->table;

	strbuf_addf(s->out,
		    "  gsb_v := gsb_at << 8 | %d;\n"
		    "  NEW.\"gsb_v_row\" := gsb_at << 8;\n",
		    s->site);
	for (size_t g = 0; g < t->ngroups; g++)
		strbuf_addf(s->out, "  NEW.\"gsb_v_%s\" := gsb_v;\n",
			    t->groups[g].name);
}

/*
 * An UPDATE that makes an incarnation has to carry all of it: a value stored
 * out of line would come as "unchanged", unless it is made anew.
 */
static void
add_rewrite(struct trigger_sql *s)
{
	for (size_t i = 0; i < s->table->ncolumns; i++) {
		const struct column *c = &s->table->columns[i];

		if (c->role == COLUMN_VALUE && c->toastable)
			strbuf_addf(s->out,
				    "  NEW.\"%s\" := "
				    "(NEW.\"%s\"::text || '')::%s;\n",
				    c->name, c->name, c->type);
	}
}

static void
add_rank_order(struct trigger_sql *s, size_t g, const char *row)
{
	/* with the version of neither: (rank, ..., 0) */
	struct strbuf order = { 0 };

	sqlgen_order(&order, s->table, g, row);
	strbuf_cut(&order, (size_t)(strrchr(order.at, ',') - order.at));
	strbuf_addf(s->out, "%s, 0)", strbuf_text(&order));
	strbuf_fini(&order);
}

/*
 * A max group only rises, or the sites would disagree: what would lower it
 * raises its first counter, or is refused where there is none.
 */
static void
add_rise(struct trigger_sql *s, size_t g)
{
	const struct table *t = s->table;
	const struct group *group = &t->groups[g];
	const char *first;

	if (group->nranks == 0)
		return;
	first = t->columns[group->ranks[0].column].name;
	strbuf_adds(s->out, "   IF ");
	add_rank_order(s, g, "NEW");
	strbuf_adds(s->out, " < ");
	add_rank_order(s, g, "OLD");
	strbuf_adds(s->out, " THEN\n");
	if (group->ranks[0].labels.n == 0)
		strbuf_addf(s->out,
			    "    NEW.\"%s\" := coalesce(OLD.\"%s\", 0) + 1;\n",
			    first, first);
	else
		strbuf_addf(s->out,
			    "    RAISE check_violation USING MESSAGE = "
			    "'%s of %s can only rise';\n",
			    first, t->rel);
	strbuf_adds(s->out, "   END IF;\n");
}

static void
add_bump(struct trigger_sql *s, size_t g)
{
	const struct group *group = &s->table->groups[g];

	strbuf_adds(s->out, "  IF ");
	sqlgen_differ(s->out, s->table, group->columns, group->ncolumns,
		      new_old);
	strbuf_adds(s->out, " THEN\n");
	add_rise(s, g);
	strbuf_addf(s->out,
		    "   NEW.\"gsb_v_%s\" := greatest(gsb_at, "
		    "(OLD.\"gsb_v_%s\" >> 8) + 1) << 8 | %d;\n"
		    "  END IF;\n",
		    group->name, group->name, s->site);
}

static bool
is_exact(const struct table *t, const struct group *g)
{
	for (size_t i = 0; i < g->ncolumns; i++)
		if (!t->columns[g->columns[i]].exact)
			return false;
	return true;
}

/* Whoever writes versions in an UPDATE does so in vain. */
static void
add_protection(struct trigger_sql *s)
{
	const struct table *t = s->table;

	strbuf_adds(s->out, "  IF NEW.\"gsb_v_row\" <> OLD.\"gsb_v_row\"");
	for (size_t g = 0; g < t->ngroups; g++)
		strbuf_addf(s->out, " OR NEW.\"gsb_v_%s\" <> OLD.\"gsb_v_%s\"",
			    t->groups[g].name, t->groups[g].name);
	strbuf_adds(s->out, " THEN\n"
			    "   NEW.\"gsb_v_row\" := OLD.\"gsb_v_row\";\n");
	for (size_t g = 0; g < t->ngroups; g++)
		strbuf_addf(s->out,
			    "   NEW.\"gsb_v_%s\" := OLD.\"gsb_v_%s\";\n",
			    t->groups[g].name, t->groups[g].name);
	strbuf_adds(s->out, "  END IF;\n");
}

/*
 * Comparing bytes is dear and large values change seldom: they are compared
 * all at once first.
 */
static void
add_bumps(struct trigger_sql *s)
{
	const struct table *t = s->table;
	const char *separator = "  IF record_image_ne(ROW(";
	size_t inexact = 0;

	for (size_t g = 0; g < t->ngroups; g++) {
		if (is_exact(t, &t->groups[g])) {
			add_bump(s, g);
			continue;
		}
		inexact++;
	}
	if (inexact == 0)
		return;
	for (int row = 0; row < 2; row++) {
		for (size_t g = 0; g < t->ngroups; g++) {
			if (is_exact(t, &t->groups[g]))
				continue;
			strbuf_adds(s->out, separator);
			sqlgen_columns(s->out, t, new_old[row],
				       t->groups[g].columns,
				       t->groups[g].ncolumns);
			separator = ", ";
		}
		separator = "), ROW(";
	}
	strbuf_adds(s->out, ")) THEN\n");
	for (size_t g = 0; g < t->ngroups; g++)
		if (!is_exact(t, &t->groups[g]))
			add_bump(s, g);
	strbuf_adds(s->out, "  END IF;\n");
}

/* NEW and OLD differ in the value of u as people wrote it, or in scope. */
static void
add_unique_changed(struct trigger_sql *s, const struct unique *u)
{
	const struct table *t = s->table;

	sqlgen_differ(s->out, t, &u->value, 1, new_old);
	for (size_t i = 0; i < u->nscope; i++) {
		strbuf_adds(s->out, " OR ");
		sqlgen_differ(s->out, t, &u->scope[i], 1, new_old);
	}
}

static void
add_key_changed(struct trigger_sql *s)
{
	sqlgen_differ(s->out, s->table, s->table->key, s->table->nkey, new_old);
}

void
trigger_version(struct trigger_sql *s)
{
	const struct table *t = s->table;

	begin_function(s, "version", "");
	strbuf_adds(s->out, " gsb_at bigint := " NOW ";\n gsb_v bigint;\n"
			    "BEGIN\n"
			    " IF TG_OP = 'INSERT' THEN\n");
	add_creation(s);
	for (size_t u = 0; u < t->nuniques; u++)
		add_claim(s, &t->uniques[u]);
	/* born raises it; a row under another key is another row */
	strbuf_adds(s->out, " ELSIF NEW.\"gsb_v_row\" > OLD.\"gsb_v_row\" OR ");
	add_key_changed(s);
	strbuf_adds(s->out, " THEN\n  gsb_at := greatest(gsb_at, "
			    "NEW.\"gsb_v_row\" >> 8, (");
	sqlgen_newest(s->out, t, "OLD");
	strbuf_adds(s->out, " >> 8) + 1);\n");
	add_creation(s);
	add_rewrite(s);
	strbuf_adds(s->out, " ELSE\n");
	add_protection(s);
	add_bumps(s);
	strbuf_adds(s->out, " END IF;\n");
	for (size_t u = 0; u < t->nuniques; u++) {
		strbuf_adds(s->out, " IF TG_OP = 'UPDATE' AND (");
		add_unique_changed(s, &t->uniques[u]);
		strbuf_adds(s->out, ") THEN\n");
		add_claim(s, &t->uniques[u]);
		strbuf_adds(s->out, " END IF;\n");
	}
	end_function(s, "NEW");
}

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

static void
add_isolation(struct trigger_sql *s)
{
	strbuf_addf(s->out,
		    " IF current_setting('transaction_isolation') <> "
		    "'read committed' THEN\n"
		    "  RAISE feature_not_supported USING MESSAGE = "
		    "'%s is replicated: write to it in READ COMMITTED';\n"
		    " END IF;\n",
		    s->table->rel);
}

/*
 * With the rights of the writer and no setting of its own, for it is part of
 * every insert: those two are half of what such a function costs.
 */
void
trigger_born(struct trigger_sql *s)
{
	const struct table *t = s->table;

	begin_function(s, "born", "");
	strbuf_adds(s->out, " gsb_dead bigint;\nBEGIN\n");
	add_isolation(s);
	strbuf_adds(s->out, " SELECT d.v INTO gsb_dead FROM gsb.tombstone d "
			    "WHERE d.rel = ");
	sqlgen_literal(s->out, t->rel);
	strbuf_adds(s->out, " AND d.key = ");
	sqlgen_key_text(s->out, t, "NEW");
	strbuf_adds(s->out, ";\n IF gsb_dead > NEW.\"gsb_v_row\" THEN\n");
	add_reborn_call(s);
	strbuf_adds(s->out, " END IF;\n");
	end_function(s, "NULL");
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
		    ",\n  greatest(" NOW ", (gsb_seen >> 8) + 1) << 8 | %d, "
		    "gsb_seen)\n"
		    " ON CONFLICT (rel, key) DO UPDATE SET v = excluded.v, "
		    "seen = excluded.seen\n  WHERE d.v < excluded.v;\n",
		    s->site);
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

	begin_function(s, "moved", DEFINER);
	strbuf_adds(s->out, " gsb_seen bigint;\nBEGIN\n IF ");
	add_key_changed(s);
	strbuf_adds(s->out, " THEN\n");
	add_isolation(s);
	add_tombstone(s);
	add_reborn_call(s);
	strbuf_adds(s->out, " END IF;\n");
	for (size_t u = 0; u < t->nuniques; u++) {
		add_settle(s, &t->uniques[u], "OLD");
		add_settle(s, &t->uniques[u], "NEW");
	}
	end_function(s, "NULL");
}

void
trigger_gone(struct trigger_sql *s)
{
	const struct table *t = s->table;

	begin_function(s, "gone", DEFINER);
	strbuf_adds(s->out, " gsb_seen bigint;\nBEGIN\n");
	add_tombstone(s);
	for (size_t u = 0; u < t->nuniques; u++)
		add_settle(s, &t->uniques[u], "OLD");
	end_function(s, "NULL");
}

/* The names sort so that version comes behind other BEFORE triggers. */
bool
trigger_create(struct trigger_sql *s, size_t i)
{
	static const struct {
		const char *name, *when, *function;
	} list[] = {
		{ "zz_gsb_version", "BEFORE INSERT OR UPDATE", "version" },
		{ "gsb_born", "AFTER INSERT", "born" },
		{ "gsb_gone", "AFTER DELETE", "gone" },
		{ "gsb_moved", "AFTER UPDATE", "moved" },
		{ "gsb_truncate", "BEFORE TRUNCATE", NULL },
	};
	const struct table *t = s->table;

	if (i == sizeof(list) / sizeof(list[0]))
		return false;
	strbuf_addf(s->out, "CREATE OR REPLACE TRIGGER \"%s\" %s ON %s\n",
		    list[i].name, list[i].when, t->quoted);
	if (list[i].function == NULL) {
		strbuf_adds(s->out, "FOR EACH STATEMENT EXECUTE FUNCTION "
				    "gsb.refuse_truncate()");
		return true;
	}
	strbuf_adds(s->out, "FOR EACH ROW ");
	if (strcmp(list[i].function, "moved") == 0) {
		strbuf_adds(s->out, "WHEN (");
		add_key_changed(s);
		for (size_t u = 0; u < t->nuniques; u++) {
			strbuf_adds(s->out, " OR ");
			add_unique_changed(s, &t->uniques[u]);
		}
		strbuf_adds(s->out, ") ");
	}
	strbuf_addf(s->out, "EXECUTE FUNCTION gsb.\"%s_%s\"()", t->rel,
		    list[i].function);
	return true;
}
