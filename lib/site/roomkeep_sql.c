/* Records as statements: written again, or late, they change nothing. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "site/roomkeep_inner.h"

/* clang-format off */
/*
 * $1 id, $2 meeting, $3 no, $4 site, $5 state, $6 started, $7 ended,
 * $8 roster, $9 seen, $10 $11 who joined. A run that has ended stays so, and
 * an older picture never covers a newer one.
 */
static const struct pgstmt run = {
	.name = "roomkeep_run",
	.sql =
	"WITH s AS (INSERT INTO session AS s (id, company_id, meeting_id, "
	"number, session_no, host_id, site, state, started, ended, roster, "
	"seen, meeting_number, confname, type, timezone_id, timezone) SELECT "
	"$1::uuid, m.company_id, m.id, CASE WHEN EXISTS (SELECT FROM session "
	"WHERE id = $1::uuid) THEN 0 ELSE new_number('session') END, $3::int, "
	"m.host_id, $4, $5, $6::timestamptz, $7::timestamptz, $8::jsonb, "
	"$9::timestamptz, m.number, m.confname, m.type, m.timezone_id, "
	"m.timezone FROM meeting m WHERE m.id = $2::uuid ON CONFLICT (id) DO "
	"UPDATE SET site = excluded.site, state = excluded.state, ended = "
	"excluded.ended, roster = excluded.roster, seen = excluded.seen WHERE "
	"s.state <> 'ended' AND coalesce(s.seen <= excluded.seen, true) "
	"RETURNING s.id, s.number, s.company_id, xmax = 0 AS fresh), n AS "
	"(INSERT INTO number (kind, number, row_id, company_id) SELECT "
	"'session', number, id, company_id FROM s WHERE fresh) UPDATE meeting "
	"m SET session_no = $3::int, state = $5, site = $4, host_joined = "
	"$10::boolean, participants_joined = $11::boolean FROM s WHERE m.id = "
	"$2::uuid AND (m.session_no < $3::int OR (m.session_no = $3::int AND "
	"m.state <> 'ended')) AND (m.session_no, m.state, m.site, "
	"m.host_joined, m.participants_joined) IS DISTINCT FROM ($3::int, $5, "
	"$4, $10::boolean, $11::boolean)",
	.nparams = 11,
};

static const struct pgstmt line = {
	.name = "roomkeep_line",
	.sql =
	"INSERT INTO chat (id, company_id, session_id, n, from_id, from_name, "
	"to_id, said, content) SELECT $1::uuid, s.company_id, s.id, "
	"$3::bigint, left($4, 64), left($5, 130), left($6, 64), "
	"$7::timestamptz, $8 FROM session s WHERE s.id = $2::uuid ON CONFLICT "
	"(id) DO NOTHING",
	.nparams = 8,
};

/* As old as the picture is: one that comes late loses against the other
 * site's newer one. */
static const struct pgstmt stamp = {
	.name = "roomkeep_stamp",
	.sql =
	"SELECT set_config('gsb.stamp', $1, true)",
	.nparams = 1,
};
/* clang-format on */

static const char *
text_of(const json_t *j, const char *key)
{
	return json_string_value(json_object_get(j, key));
}

static int64_t
number_of(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

/* NULL for 0. */
static const char *
time_of(const json_t *j, const char *key, char buf[static CLOCK_ISO_SIZE])
{
	int64_t us = number_of(j, key);

	return us != 0 ? clock_iso(us, buf) : NULL;
}

static void
add_run(struct pgbatch *b, const json_t *j)
{
	char started[CLOCK_ISO_SIZE], ended[CLOCK_ISO_SIZE];
	char seen[CLOCK_ISO_SIZE], at[24];
	STRBUF_AUTO roster = { 0 };
	struct pgparam p;

	snprintf(at, sizeof(at), "%lld",
		 (long long)(number_of(j, "seen") - CLOCK_PG_EPOCH_US));
	p = pgparam_text(at);
	pgbatch_add(b, &stamp, &p);
	json_write(json_object_get(j, "roster"), JSON_AS_MADE, &roster);
	pgbatch_add(
	    b, &run,
	    (struct pgparam[]){
		pgparam_text(text_of(j, "id")),
		pgparam_text(text_of(j, "meeting")),
		pgparam_int(number_of(j, "no")),
		pgparam_text(text_of(j, "site")),
		pgparam_text(number_of(j, "ended") != 0 ? "ended"
							: "in_progress"),
		pgparam_text(time_of(j, "started", started)),
		pgparam_text(time_of(j, "ended", ended)),
		pgparam_span(strbuf_span(&roster)),
		pgparam_text(time_of(j, "seen", seen)),
		pgparam_bool(json_is_true(json_object_get(j, "host_joined"))),
		pgparam_bool(json_is_true(json_object_get(j, "others_joined"))),
	    });
}

static void
add_line(struct pgbatch *b, const json_t *j)
{
	char at[CLOCK_ISO_SIZE];

	pgbatch_add(b, &line,
		    (struct pgparam[]){
			pgparam_text(text_of(j, "id")),
			pgparam_text(text_of(j, "run")),
			pgparam_int(number_of(j, "n")),
			pgparam_text(text_of(j, "from")),
			pgparam_text(text_of(j, "name")),
			pgparam_text(text_of(j, "to")),
			pgparam_text(time_of(j, "at", at)),
			pgparam_text(text_of(j, "text")),
		    });
}

static void
add_stay(struct pgbatch *b, const json_t *j)
{
	const char *site = text_of(j, "site");
	const struct usage_stay stay = {
		.session_id = text_of(j, "run"),
		.participant = text_of(j, "participant"),
		.account_id = text_of(j, "account"),
		.name = text_of(j, "name"),
		.address = text_of(j, "address"),
		.host = json_is_true(json_object_get(j, "host")),
		.site = site != NULL ? site[0] : '?',
		.joined_us = number_of(j, "joined"),
		.seen_us = number_of(j, "seen"),
		.left_us = number_of(j, "left"),
	};

	if (stay.session_id != NULL && stay.participant != NULL)
		usage_add_stay(b, &stay);
}

bool
roomkeep_add_sql(struct pgbatch *b, const json_t *j)
{
	static const struct {
		const char *kind;
		void (*add)(struct pgbatch *b, const json_t *j);
	} kinds[] = { { "run", add_run },
		      { "line", add_line },
		      { "stay", add_stay } };
	const char *kind = text_of(j, "kind");

	for (size_t i = 0; kind != NULL && i < sizeof(kinds) / sizeof(kinds[0]);
	     i++)
		if (strcmp(kinds[i].kind, kind) == 0) {
			kinds[i].add(b, j);
			return true;
		}
	return false;
}
