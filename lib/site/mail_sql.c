#include "site/mail_sql.h"

#include "site/letter.h"

/* clang-format off */
#define US(of) "(extract(epoch FROM " of ") * 1000000)::bigint"
#define AT(us) "'epoch'::timestamptz + " us " * interval '1 microsecond'"
#define ENDS "m.starts + m.duration * interval '1 minute'"

/* $1 meetings */
static const struct pgstmt invite = {
	.name = "mail_invite",
	.sql =
	"INSERT INTO invitation AS i (id, company_id, meeting_id, email, "
	"wanted, sequence, remind, content) "
	"SELECT md5(m.id || ' ' || lower(t.email))::uuid, m.company_id, m.id, "
	"t.email, md5(c.content::text), "
	"extract(epoch FROM m.modified - m.created)::bigint, "
	"CASE WHEN m.starts > now() OR m.recurrence IS NOT NULL "
	"THEN m.starts END, c.content "
	"FROM meeting m LEFT JOIN account h ON h.id = m.host_id "
	"JOIN attendee t ON t.meeting_id = m.id, "
	"LATERAL (SELECT jsonb_strip_nulls(jsonb_build_object("
	"'id', m.id, 'number', m.number, 'name', m.confname, "
	"'agenda', m.agenda, 'password', m.password, "
	"'starts_us', " US("m.starts") ", 'ends_us', " US(ENDS) ", "
	"'timezone_id', m.timezone_id, 'timezone', m.timezone, "
	"'duration', m.duration, 'recurrence', m.recurrence, "
	"'access_code', m.access_code, "
	"'host', coalesce(h.display_name, h.webexid), 'host_email', h.email, "
	"'created_us', " US("m.created") ")) AS content) c "
	"WHERE m.id = ANY ($1::uuid[]) AND "
	"(m.recurrence IS NOT NULL OR " ENDS " > now()) AND "
	"coalesce(m.attendee_options ->> 'emailInvitations', 'true') "
	"<> 'false' "
	"ON CONFLICT (id) DO UPDATE SET wanted = excluded.wanted, "
	"content = excluded.content, remind = excluded.remind, "
	"sequence = greatest(i.sequence + 1, excluded.sequence), "
	"due = now(), tries = 0 WHERE i.wanted <> excluded.wanted",
	.nparams = 1,
};

/* $1 meetings: whoever is not invited any more */
static const struct pgstmt cancel = {
	.name = "mail_cancel",
	.sql =
	"UPDATE invitation i SET wanted = 'cancelled', remind = NULL, "
	"sequence = greatest(i.sequence + 1, extract(epoch FROM now())::bigint "
	"- (i.content ->> 'created_us')::bigint / 1000000), "
	"due = now(), tries = 0 "
	"WHERE i.meeting_id = ANY ($1::uuid[]) AND i.wanted <> 'cancelled' "
	"AND (i.content ? 'recurrence' OR "
	"(i.content ->> 'ends_us')::bigint > " US("now()") ") "
	"AND NOT EXISTS (SELECT FROM attendee t WHERE "
	"t.meeting_id = i.meeting_id AND lower(t.email) = lower(i.email))",
	.nparams = 1,
};

/* $1 rows, $2 seconds, $3 busy, $4 tries */
#define KEY "i.company_id || ' ' || lower(i.email)"
#define FOUND(remind, which)                                               \
	"(SELECT i.id, i.email, " KEY ", c.name, i.sequence, i.told, "     \
	"i.wanted = 'cancelled', i.tries, " remind ", i.content::text "    \
	"FROM invitation i JOIN company c ON c.id = i.company_id "         \
	"AND NOT c.disabled WHERE NOT $3::jsonb ? (" KEY ") AND " which    \
	" LIMIT $1::bigint)"
#define TO_BE_TOLD "i.told < i.sequence AND i.due <= now() AND "

static const struct pgstmt look = {
	.name = "mail_look",
	.sql =
	FOUND("0::bigint", TO_BE_TOLD "i.tries = 0 AND NOT EXISTS ("
	"SELECT FROM invitation o WHERE o.company_id = i.company_id AND "
	"lower(o.email) = lower(i.email) AND o.told < o.sequence AND "
	"o.tries > 0 AND o.tries < $4::int) ORDER BY i.due")
	" UNION ALL "
	FOUND(US("i.remind"), "i.remind IS NOT NULL AND "
	"i.remind <= now() + $2::bigint * interval '1 second' "
	"ORDER BY i.remind")
	" UNION ALL "
	FOUND("0::bigint", TO_BE_TOLD "i.tries > 0 ORDER BY i.due"),
	.nparams = 4,
};

static const struct pgstmt told = {
	.name = "mail_told",
	.sql =
	"UPDATE invitation SET told = greatest(told, $2::bigint) "
	"WHERE id = $1::uuid",
	.nparams = 2,
};

/* $3 tries, $4 ms */
static const struct pgstmt again = {
	.name = "mail_again",
	.sql =
	"UPDATE invitation SET tries = $3::int, "
	"due = now() + $4::bigint * interval '1 millisecond' "
	"WHERE id = $1::uuid AND sequence = $2::bigint",
	.nparams = 4,
};

/* $2 µs, that were reminded of; $3: to come, NULL when there is none */
static const struct pgstmt reminded = {
	.name = "mail_reminded",
	.sql =
	"UPDATE invitation SET remind = " AT("$3::bigint") " "
	"WHERE id = $1::uuid AND remind = " AT("$2::bigint"),
	.nparams = 3,
};

#define OLD                                                             \
	"AND told >= sequence AND due < now() - interval '30 days' "    \
	"ORDER BY due LIMIT $1::bigint"
static const struct pgstmt purge = {
	.name = "mail_purge",
	.sql =
	"DELETE FROM invitation WHERE id IN (("
	"SELECT id FROM invitation WHERE wanted = 'cancelled' " OLD ") "
	"UNION ALL ("
	"SELECT id FROM invitation WHERE wanted = 'account' " OLD "))",
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
mail_sql_add_look(int64_t remind_s, const char *busy, struct pgbatch *b)
{
	const struct pgparam p[] = { pgparam_int(MAIL_SQL_MAX),
				     pgparam_int(remind_s), pgparam_text(busy),
				     pgparam_int(MAIL_SQL_IN_ORDER) };

	pgbatch_add(b, &look, p);
}

void
mail_sql_add_told(const struct letter_of *of, struct pgbatch *b)
{
	const struct pgparam p[] = { pgparam_text(of->id),
				     pgparam_int(of->sequence) };

	pgbatch_add(b, &told, p);
}

void
mail_sql_add_again(const struct letter_of *of, int64_t ms, struct pgbatch *b)
{
	const struct pgparam p[] = { pgparam_text(of->id),
				     pgparam_int(of->sequence),
				     pgparam_int(of->tries + 1),
				     pgparam_int(ms) };

	pgbatch_add(b, &again, p);
}

void
mail_sql_add_reminded(const struct letter_of *of, int64_t next_us,
		      struct pgbatch *b)
{
	const struct pgparam p[] = { pgparam_text(of->id),
				     pgparam_int(of->remind_us),
				     next_us > 0 ? pgparam_int(next_us)
						 : pgparam_null() };

	pgbatch_add(b, &reminded, p);
}

size_t
mail_sql_add_purge(struct pgbatch *b)
{
	struct pgparam p = pgparam_int(MAIL_SQL_PURGE);

	return pgbatch_add(b, &purge, &p);
}
