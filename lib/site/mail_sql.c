#include "site/mail_sql.h"

/* clang-format off: SQL reads in its own lines */
#define US(of) "(extract(epoch FROM " of ") * 1000000)::bigint"
#define IS_TO_COME                      \
	"(m.recurrence IS NOT NULL OR " \
	"m.starts + m.duration * interval '1 minute' > now())"

/* $1 meetings */
static const struct pgstmt invite = {
	.name = "mail_invite",
	.sql = "INSERT INTO invitation AS i (id, company_id, meeting_id, "
	       "email, "
	       "wanted, sequence, remind, content) "
	       "SELECT md5(m.id || ' ' || lower(t.email))::uuid, m.company_id, "
	       "m.id, t.email, md5(c.content::text), "
	       "extract(epoch FROM m.modified - m.created)::bigint, "
	       "CASE WHEN m.starts > now() OR m.recurrence IS NOT NULL "
	       "THEN m.starts END, c.content "
	       "FROM meeting m LEFT JOIN account h ON h.id = m.host_id "
	       "JOIN attendee t ON t.meeting_id = m.id, "
	       "LATERAL (SELECT jsonb_strip_nulls(jsonb_build_object("
	       "'id', m.id, 'number', m.number, 'name', m.confname, "
	       "'agenda', m.agenda, 'password', m.password, "
	       "'starts_us', " US(
		   "m.starts") ", "
			       "'ends_us', " US(
				   "m.starts + m.duration * interval '1 "
				   "minute'") ", "
					      "'timezone_id', m.timezone_id, "
					      "'timezone', m.timezone, "
					      "'duration', m.duration, "
					      "'recurrence', m.recurrence, "
					      "'access_code', m.access_code, "
					      "'host', "
					      "coalesce(h.display_name, "
					      "h.webexid), "
					      "'host_email', h.email, "
					      "'created_us', " US(
						  "m.created") ")) AS content) "
							       "c "
							       "WHERE m.id = "
							       "ANY "
							       "($1::uuid[]) "
							       "AND " IS_TO_COME
							       " AND "
							       "coalesce(m."
							       "attendee_"
							       "options ->> "
							       "'emailInvitatio"
							       "ns', 'true') "
							       "<> "
							       "'false' "
							       "ON CONFLICT "
							       "(id) DO UPDATE "
							       "SET wanted = "
							       "excluded."
							       "wanted, "
							       "content = "
							       "excluded."
							       "content, "
							       "remind = "
							       "excluded."
							       "remind, "
							       "sequence = "
							       "greatest(i."
							       "sequence + 1, "
							       "excluded."
							       "sequence), "
							       "due = now(), "
							       "tries = 0 "
							       "WHERE i.wanted "
							       "<> "
							       "excluded."
							       "wanted",
	.nparams = 1,
};

/* $1 meetings: whoever is not invited any more */
static const struct pgstmt cancel = {
	.name = "mail_cancel",
	.sql =
	    "UPDATE invitation i SET wanted = 'cancelled', remind = NULL, "
	    "sequence = greatest(i.sequence + 1, "
	    "extract(epoch FROM now())::bigint - "
	    "(i.content ->> 'created_us')::bigint / 1000000), "
	    "due = now(), tries = 0 "
	    "WHERE i.meeting_id = ANY ($1::uuid[]) AND i.wanted <> 'cancelled' "
	    "AND (i.content ? 'recurrence' OR (i.content ->> "
	    "'ends_us')::bigint > " US(
		"now()") ") AND NOT EXISTS (SELECT FROM "
			 "attendee t WHERE t.meeting_id = i.meeting_id AND "
			 "lower(t.email) = "
			 "lower(i.email))",
	.nparams = 1,
};

#define COLUMNS(remind)                                                 \
	"i.id, i.email, c.name, i.sequence, i.told, "                   \
	"i.wanted = 'cancelled', i.tries, " remind ", i.content::text " \
	"FROM invitation i JOIN company c ON c.id = i.company_id "      \
	"AND NOT c.disabled "

/* $1 rows, $2 seconds */
static const struct pgstmt look = {
	.name = "mail_look",
	.sql = "(SELECT " COLUMNS(
	    "0::bigint") "WHERE i.told < i.sequence AND "
			 "i.due <= now() ORDER BY i.due LIMIT $1::bigint) "
			 "UNION ALL "
			 "(SELECT " COLUMNS(US(
			     "i.remind")) "WHERE i.remind IS NOT NULL "
					  "AND i.remind <= now() + $2::bigint "
					  "* interval '1 second' "
					  "ORDER BY i.remind LIMIT $1::bigint)",
	.nparams = 2,
};

static const struct pgstmt told = {
	.name = "mail_told",
	.sql = "UPDATE invitation SET told = greatest(told, $2::bigint) "
	       "WHERE id = $1::uuid",
	.nparams = 2,
};

static const struct pgstmt again = {
	.name = "mail_again",
	.sql = "UPDATE invitation SET tries = tries + 1, due = now() + "
	       "$2::bigint * interval '1 millisecond' WHERE id = $1::uuid",
	.nparams = 2,
};

/* $2 µs: NULL when there is none */
static const struct pgstmt reminded = {
	.name = "mail_reminded",
	.sql = "UPDATE invitation SET remind = 'epoch'::timestamptz + "
	       "$2::bigint * interval '1 microsecond' WHERE id = $1::uuid",
	.nparams = 2,
};

static const struct pgstmt purge = {
	.name = "mail_purge",
	.sql = "DELETE FROM invitation WHERE id IN (SELECT id FROM invitation "
	       "WHERE wanted = 'cancelled' AND told >= sequence AND "
	       "due < now() - interval '30 days' ORDER BY due "
	       "LIMIT $1::bigint)",
	.nparams = 1,
};
/* clang-format on */

void
mail_sql_add_touch(const char *meetings, struct pgbatch *b)
{
	struct pgparam p = pgparam_text(meetings);

	pgbatch_add(b, &invite, &p);
	pgbatch_add(b, &cancel, &p);
}

void
mail_sql_add_look(int64_t remind_s, struct pgbatch *b)
{
	const struct pgparam p[] = { pgparam_int(MAIL_SQL_MAX),
				     pgparam_int(remind_s) };

	pgbatch_add(b, &look, p);
}

static void
add(const struct pgstmt *s, const char *id, struct pgparam value,
    struct pgbatch *b)
{
	const struct pgparam p[] = { pgparam_text(id), value };

	pgbatch_add(b, s, p);
}

void
mail_sql_add_told(const char *id, int64_t sequence, struct pgbatch *b)
{
	add(&told, id, pgparam_int(sequence), b);
}

void
mail_sql_add_again(const char *id, int64_t ms, struct pgbatch *b)
{
	add(&again, id, pgparam_int(ms), b);
}

void
mail_sql_add_reminded(const char *id, int64_t next_us, struct pgbatch *b)
{
	add(&reminded, id, next_us > 0 ? pgparam_int(next_us) : pgparam_null(),
	    b);
}

size_t
mail_sql_add_purge(struct pgbatch *b)
{
	struct pgparam p = pgparam_int(MAIL_SQL_PURGE);

	return pgbatch_add(b, &purge, &p);
}
