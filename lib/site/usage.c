#include "site/usage.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "site/made.h"

/* clang-format off */
static const struct pgstmt stay = {
	.name = "usage_stay",
	.sql =
	"INSERT INTO attendance AS t (id, company_id, session_id, site, "
	"participant, account_id, name, email, host, address, agent, joined, "
	"seen, left_at) SELECT $1::uuid, s.company_id, s.id, $3, left($4, "
	"64), $5::uuid, left(coalesce($6, a.display_name, "
	"btrim(concat(a.first_name, ' ', a.last_name)), ''), 130), "
	"left(coalesce($7, a.email, ''), 192), $8::boolean, left(coalesce($9, "
	"''), 64), left(coalesce($10, ''), 256), $11::timestamptz, "
	"$12::timestamptz, $13::timestamptz FROM session s LEFT JOIN account "
	"a ON a.id = $5::uuid WHERE s.id = $2::uuid ON CONFLICT (id) DO "
	"UPDATE SET seen = greatest(t.seen, excluded.seen), left_at = "
	"coalesce(t.left_at, excluded.left_at) WHERE t.left_at IS NULL",
	.nparams = 13,
};
/* clang-format on */

void
usage_session_id(const char *meeting_id, int64_t session_no,
		 char out[static CRYPTO_UUID_SIZE])
{
	char no[24];
	const struct made_from from = { .operation = "session",
					.key = meeting_id,
					.entity = no };

	snprintf(no, sizeof(no), "%" PRId64, session_no);
	made_uuid(&from, out);
}

static void
stay_id(const struct usage_stay *s, char out[static CRYPTO_UUID_SIZE])
{
	char entity[32];
	const struct made_from from = { .account = s->participant,
					.operation = "attendance",
					.key = s->session_id,
					.entity = entity };

	snprintf(entity, sizeof(entity), "%c/%" PRId64, s->site, s->joined_us);
	made_uuid(&from, out);
}

void
usage_add_stay(struct pgbatch *b, const struct usage_stay *s)
{
	const char site[2] = { s->site, '\0' };
	char id[CRYPTO_UUID_SIZE];
	char joined[CLOCK_ISO_SIZE], seen[CLOCK_ISO_SIZE];
	char left[CLOCK_ISO_SIZE];

	stay_id(s, id);
	pgbatch_add(
	    b, &stay,
	    (struct pgparam[]){
		pgparam_text(id),
		pgparam_text(s->session_id),
		pgparam_text(site),
		pgparam_text(s->participant),
		pgparam_text(s->account_id),
		pgparam_text(s->name),
		pgparam_text(s->email),
		pgparam_bool(s->host),
		pgparam_text(s->address),
		pgparam_text(s->agent),
		pgparam_text(clock_iso(s->joined_us, joined)),
		pgparam_text(clock_iso(
		    s->seen_us > s->left_us ? s->seen_us : s->left_us, seen)),
		pgparam_text(s->left_us != 0 ? clock_iso(s->left_us, left)
					     : NULL),
	    });
}
