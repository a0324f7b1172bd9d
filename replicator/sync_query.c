#include "replicator/sync_query.h"

const struct pgstmt sync_query_facts = {
	.name = "sync_facts",
	.sql = "SELECT r.pid IS NOT NULL, coalesce(r.flush_lsn, '0/0'), "
	       "pg_current_wal_flush_lsn(), EXISTS (SELECT FROM "
	       "pg_stat_activity WHERE wait_event = 'SyncRep'), "
	       "x.upto, CASE WHEN current_setting("
	       "'track_commit_timestamp') = 'on' THEN (SELECT count(*) "
	       "FROM generate_series($1::int8, x.upto - 1) i, "
	       "pg_xact_commit_timestamp_origin((i & 4294967295)::text"
	       "::xid) o WHERE i & 4294967295 > 2 AND " /* no such xids */
	       "o.timestamp IS NOT NULL AND o.roident = 0) "
	       "END, coalesce(r.replay_lsn, '0/0') "
	       "FROM (SELECT least(pg_snapshot_xmin("
	       "pg_current_snapshot())::text::int8, $2::int8) AS upto) "
	       "x LEFT JOIN pg_stat_replication r "
	       "ON r.application_name = $3::text "
	       "ORDER BY r.flush_lsn DESC NULLS LAST LIMIT 1",
	.nparams = 3,
};
