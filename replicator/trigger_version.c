/*
 * The triggers that every write pays for. plpgsql prepares each expression
 * anew in each transaction, so there are few: one computes a bit for each
 * thing that may have changed, the others test bits, four at a time.
 */
#include <inttypes.h>

#include "replicator/sqlgen.h"
#include "replicator/trigger_inner.h"

/*
 * Bits of gsb_changed; those of groups and uniques follow. The column tells
 * the other site what this edit was, see merge_set.c.
 */
enum { BIT_CREATION, BIT_INEXACT, BIT_FIRST, CHUNK = 4 };

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

	strbuf_adds(s->out, "  NEW.\"gsb_v_row\" := gsb_at << 8;\n");
	for (size_t g = 0; g < t->ngroups; g++)
		strbuf_addf(s->out, "  NEW.\"gsb_v_%s\" := gsb_at << 8 | %d;\n",
			    t->groups[g].name, s->site);
}

/*
 * An UPDATE that makes an incarnation has to carry all of it: a value stored
 * out of line would come as "unchanged", unless it is made anew.
 */
static void
add_rewrite(struct trigger_sql *s)
{
	struct arena *a = arena_new();

	for (size_t i = 0; i < s->table->ncolumns; i++) {
		const struct column *c = &s->table->columns[i];

		if (c->role == COLUMN_VALUE && c->toastable)
			strbuf_addf(s->out, "  NEW.\"%s\" := %s;\n", c->name,
				    sqlgen_anew(a, c, "NEW"));
	}
	arena_free(&a);
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
add_bump(struct trigger_sql *s, size_t g, const char *at)
{
	const char *name = s->table->groups[g].name;

	add_rise(s, g);
	strbuf_addf(s->out,
		    "   NEW.\"gsb_v_%s\" := greatest(%s, "
		    "(OLD.\"gsb_v_%s\" >> 8) + 1) << 8 | %d;\n",
		    name, at, name, s->site);
}

static bool
is_exact(const struct table *t, const struct group *g)
{
	for (size_t i = 0; i < g->ncolumns; i++)
		if (!t->columns[g->columns[i]].exact)
			return false;
	return true;
}

static size_t
unique_bit(const struct table *t, size_t u)
{
	return BIT_FIRST + t->ngroups + u;
}

static void
add_if_bits(struct trigger_sql *s, uint64_t bits)
{
	strbuf_addf(s->out, " IF NEW.\"gsb_changed\" & %" PRIu64 " <> 0 THEN\n",
		    bits);
}

static void
end_bit(struct trigger_sql *s, size_t bit)
{
	strbuf_addf(s->out, " THEN %" PRIu64 "::bigint ELSE 0 END",
		    UINT64_C(1) << bit);
}

/* Comparing bytes is dear and large values change seldom: all at once. */
static void
add_inexact_bit(struct trigger_sql *s)
{
	const struct table *t = s->table;
	const char *separator = "\n | CASE WHEN record_image_ne(ROW(";
	bool any = false;

	for (int row = 0; row < 2; row++) {
		for (size_t g = 0; g < t->ngroups; g++) {
			if (is_exact(t, &t->groups[g]))
				continue;
			any = true;
			strbuf_adds(s->out, separator);
			sqlgen_columns(s->out, t, trigger_new_old[row],
				       t->groups[g].columns,
				       t->groups[g].ncolumns);
			separator = ", ";
		}
		separator = "), ROW(";
	}
	if (!any)
		return;
	strbuf_adds(s->out, "))");
	end_bit(s, BIT_INEXACT);
}

static void
add_changed(struct trigger_sql *s)
{
	const struct table *t = s->table;

	strbuf_adds(s->out,
		    " NEW.\"gsb_changed\" := CASE WHEN NEW.\"gsb_v_row\" > "
		    "OLD.\"gsb_v_row\" OR ");
	trigger_key_changed(s);
	end_bit(s, BIT_CREATION);
	add_inexact_bit(s);
	for (size_t g = 0; g < t->ngroups; g++) {
		if (!is_exact(t, &t->groups[g]))
			continue;
		strbuf_adds(s->out, "\n | CASE WHEN ");
		sqlgen_differ(s->out, t, t->groups[g].columns,
			      t->groups[g].ncolumns, trigger_new_old);
		end_bit(s, t->groups[g].bit);
	}
	for (size_t u = 0; u < t->nuniques; u++) {
		strbuf_adds(s->out, "\n | CASE WHEN ");
		trigger_unique_changed(s, &t->uniques[u]);
		end_bit(s, unique_bit(t, u));
	}
	strbuf_adds(s->out, ";\n");
}

/* Something has changed: nothing but this group can. */
static bool
is_alone(const struct table *t)
{
	return t->ngroups == 1 && t->nuniques == 0 &&
	       is_exact(t, &t->groups[0]);
}

static void
add_bump_if(struct trigger_sql *s, size_t g)
{
	if (!is_exact(s->table, &s->table->groups[g]))
		return;
	add_if_bits(s, UINT64_C(1) << s->table->groups[g].bit);
	add_bump(s, g, "gsb_at");
	strbuf_adds(s->out, "  END IF;\n");
}

static void
add_exact_bumps(struct trigger_sql *s)
{
	const struct table *t = s->table;
	size_t end;

	for (size_t from = 0; from < t->ngroups; from = end) {
		uint64_t bits = 0;

		end = from + CHUNK < t->ngroups ? from + CHUNK : t->ngroups;
		for (size_t g = from; g < end; g++)
			bits |= UINT64_C(1) << t->groups[g].bit;
		if (end > from + 1)
			add_if_bits(s, bits);
		for (size_t g = from; g < end; g++)
			add_bump_if(s, g);
		if (end > from + 1)
			strbuf_adds(s->out, " END IF;\n");
	}
}

static void
add_inexact_bumps(struct trigger_sql *s)
{
	const struct table *t = s->table;
	bool any = false;

	for (size_t g = 0; g < t->ngroups; g++) {
		const struct group *group = &t->groups[g];

		if (is_exact(t, group))
			continue;
		if (!any)
			add_if_bits(s, UINT64_C(1) << BIT_INEXACT);
		any = true;
		strbuf_adds(s->out, "  IF ");
		sqlgen_differ(s->out, t, group->columns, group->ncolumns,
			      trigger_new_old);
		strbuf_adds(s->out, " THEN\n");
		add_bump(s, g, "gsb_at");
		strbuf_addf(s->out,
			    "   NEW.\"gsb_changed\" := NEW.\"gsb_changed\" | "
			    "%" PRIu64 ";\n",
			    UINT64_C(1) << t->groups[g].bit);
		strbuf_adds(s->out, "  END IF;\n");
	}
	if (any)
		strbuf_adds(s->out, " END IF;\n");
}

/*
 * One function for all: of an expression that stood in each default the parts
 * would be looked up anew for every column of every INSERT.
 */
void
trigger_defaults(struct trigger_sql *s)
{
	const struct table *t = s->table;

	strbuf_addf(s->out,
		    "ALTER TABLE %s ALTER COLUMN \"gsb_v_row\" "
		    "SET DEFAULT gsb.begun(0)",
		    t->quoted);
	for (size_t g = 0; g < t->ngroups; g++)
		strbuf_addf(s->out,
			    ",\n ALTER COLUMN \"gsb_v_%s\" "
			    "SET DEFAULT gsb.begun(%d)",
			    t->groups[g].name, s->site);
}

/*
 * A timestamptz is microseconds since 2000 already: relabelled it is a stamp,
 * where each function that an expression calls is looked up anew in every
 * transaction. A type in between, for a cast to bigint itself would be
 * anybody's.
 */
const char trigger_us[] =
    "DO $gsb$ BEGIN\n IF to_regtype('gsb.us') IS NULL THEN\n"
    "  CREATE TYPE gsb.us;\n"
    "  CREATE FUNCTION gsb.us_in(cstring) RETURNS gsb.us\n"
    "  LANGUAGE internal IMMUTABLE STRICT AS 'int8in';\n"
    "  CREATE FUNCTION gsb.us_out(gsb.us) RETURNS cstring\n"
    "  LANGUAGE internal IMMUTABLE STRICT AS 'int8out';\n"
    "  CREATE TYPE gsb.us (INPUT = gsb.us_in, OUTPUT = gsb.us_out, "
    "LIKE = bigint);\n"
    "  CREATE CAST (timestamptz AS gsb.us) WITHOUT FUNCTION;\n"
    "  CREATE CAST (gsb.us AS bigint) WITHOUT FUNCTION;\n"
    " END IF;\nEND $gsb$";

/*
 * In apply sessions what does not come is as old as what was there before the
 * table was declared.
 */
const char trigger_begun[] =
    "CREATE OR REPLACE FUNCTION gsb.begun(site int) RETURNS bigint\n"
    "LANGUAGE plpgsql STABLE AS $gsb$\nBEGIN\n"
    " RETURN CASE WHEN current_setting('session_replication_role') = "
    "'replica'\n"
    "  THEN 0 ELSE " TRIGGER_STAMP("now()") " << 8 | site END;\nEND $gsb$";

void
trigger_creation(struct trigger_sql *s)
{
	const struct table *t = s->table;

	if (t->nuniques == 0) {
		strbuf_addf(s->out,
			    "DROP FUNCTION IF EXISTS gsb.\"%s_create\"() "
			    "CASCADE",
			    t->rel);
		return;
	}
	trigger_begin(s, "create", "");
	strbuf_adds(s->out, "BEGIN\n");
	for (size_t u = 0; u < t->nuniques; u++)
		add_claim(s, &t->uniques[u]);
	trigger_end(s, "NEW");
}

/* Where the row has lost its value, its place among those who want it. */
static void
add_place(struct trigger_sql *s, const struct unique *u)
{
	const struct table *t = s->table;

	strbuf_addf(s->out, "  NEW.\"%s\" := CASE WHEN ", u->column);
	sqlgen_lost(s->out, u, t, "OLD");
	strbuf_adds(s->out, " THEN ");
	sqlgen_fold(s->out, u, t, "NEW");
	strbuf_adds(s->out, " || '#' || ");
	sqlgen_key_text(s->out, t, "NEW");
	strbuf_addf(s->out, " ELSE OLD.\"%s\" END;\n", u->column);
}

/*
 * Nothing, or another incarnation: born has it raised; a row under another
 * key is another row.
 */
static void
add_rare(struct trigger_sql *s)
{
	strbuf_adds(s->out, "  IF NEW.\"gsb_changed\" = 0 THEN\n"
			    "   RETURN NEW;\n  END IF;\n"
			    "  gsb_at := greatest(" TRIGGER_NOW
			    ", NEW.\"gsb_v_row\" >> 8, (");
	sqlgen_newest(s->out, s->table, "OLD");
	strbuf_adds(s->out, " >> 8) + 1);\n");
	add_creation(s);
	add_rewrite(s);
	for (size_t u = 0; u < s->table->nuniques; u++)
		add_place(s, &s->table->uniques[u]);
}

/* Of a table with one group: two expressions, where nothing is rare. */
static void
add_alone(struct trigger_sql *s)
{
	strbuf_addf(s->out, " IF NEW.\"gsb_changed\" <> %" PRIu64 " THEN\n",
		    UINT64_C(1) << s->table->groups[0].bit);
	add_rare(s);
	strbuf_adds(s->out, " ELSE\n");
	add_bump(s, 0, TRIGGER_NOW);
	strbuf_adds(s->out, " END IF;\n");
}

static void
add_several(struct trigger_sql *s)
{
	const struct table *t = s->table;

	strbuf_addf(s->out,
		    " IF NEW.\"gsb_changed\" = 0 OR NEW.\"gsb_changed\" & "
		    "%" PRIu64 " <> 0 THEN\n",
		    UINT64_C(1) << BIT_CREATION);
	add_rare(s);
	strbuf_adds(s->out, " ELSE\n  gsb_at := " TRIGGER_NOW ";\n");
	add_exact_bumps(s);
	add_inexact_bumps(s);
	strbuf_adds(s->out, " END IF;\n");
	for (size_t u = 0; u < t->nuniques; u++) {
		add_if_bits(s, UINT64_C(1) << unique_bit(t, u));
		add_claim(s, &t->uniques[u]);
		strbuf_adds(s->out, " END IF;\n");
	}
}

/* Its last edit made here was of the same group: all that is to be said. */
static void
add_again(struct trigger_sql *s)
{
	const struct table *t = s->table;

	strbuf_addf(s->out,
		    " IF NEW.\"gsb_changed\" = %" PRIu64
		    " AND NEW.\"gsb_v_row\" <= OLD.\"gsb_v_row\" AND NOT (",
		    UINT64_C(1) << t->groups[0].bit);
	trigger_key_changed(s);
	strbuf_adds(s->out, ")\n  AND (");
	sqlgen_differ(s->out, t, t->groups[0].columns, t->groups[0].ncolumns,
		      trigger_new_old);
	strbuf_adds(s->out, ") THEN\n");
	add_bump(s, 0, TRIGGER_NOW);
	strbuf_adds(s->out, "  RETURN NEW;\n END IF;\n");
}

/* STABLE, as it reads NEW and OLD alone: else each look at the clock would
 * take a snapshot. */
void
trigger_version(struct trigger_sql *s)
{
	trigger_begin(s, "version", "STABLE ");
	strbuf_adds(s->out, " gsb_at bigint;\nBEGIN\n");
	if (is_alone(s->table))
		add_again(s);
	add_changed(s);
	if (is_alone(s->table))
		add_alone(s);
	else
		add_several(s);
	trigger_end(s, "NEW");
}

/* Whoever writes versions does so in vain; reborn alone raises a row. */
void
trigger_protect(struct trigger_sql *s)
{
	const struct table *t = s->table;

	trigger_begin(s, "protect", "");
	strbuf_adds(s->out, "BEGIN\n IF NEW.\"gsb_v_row\" > "
			    "OLD.\"gsb_v_row\" THEN\n"
			    "  RETURN NEW;\n END IF;\n"
			    "  NEW.\"gsb_v_row\" := OLD.\"gsb_v_row\";\n");
	for (size_t g = 0; g < t->ngroups; g++)
		strbuf_addf(s->out, "  NEW.\"gsb_v_%s\" := OLD.\"gsb_v_%s\";\n",
			    t->groups[g].name, t->groups[g].name);
	trigger_end(s, "NEW");
}
