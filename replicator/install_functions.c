/*
 * The functions of the schema gsb that are the same for every declaration.
 */
#include "replicator/install_script.h"

#define DEFINER "SECURITY DEFINER SET search_path = pg_catalog, pg_temp\n"

static const char *const internal[] = {
	"CREATE OR REPLACE FUNCTION gsb.refuse_truncate() RETURNS trigger\n"
	"LANGUAGE plpgsql AS $gsb$\n"
	"BEGIN\n"
	" RAISE feature_not_supported USING MESSAGE = format("
	"'%s is replicated: TRUNCATE would stay on this site; use DELETE',\n"
	"  TG_RELID::regclass);\n"
	"END $gsb$",

	"CREATE OR REPLACE FUNCTION gsb.guard(expected pg_lsn) RETURNS void\n"
	"LANGUAGE plpgsql AS $gsb$\n"
	"DECLARE\n"
	" progress pg_lsn := "
	"coalesce(pg_replication_origin_session_progress(false), '0/0');\n"
	"BEGIN\n"
	" IF progress <> coalesce(expected, '0/0') THEN\n"
	"  RAISE EXCEPTION USING ERRCODE = 'GS001', MESSAGE =\n"
	"   format('applied up to %s, not %s', progress, expected);\n"
	" END IF;\n"
	"END $gsb$",
};

static const char *const for_site[] = {
	"CREATE OR REPLACE FUNCTION gsb.sync_state() RETURNS text\n"
	"LANGUAGE sql VOLATILE " DEFINER "AS $gsb$\n"
	" SELECT CASE WHEN mode = 'off' THEN 'off'\n"
	"  WHEN state IN ('on', 'remote_apply')\n"
	"   AND current_setting('synchronous_standby_names') <> ''\n"
	"  THEN state ELSE 'degraded' END FROM gsb.sync\n"
	"$gsb$",

	"CREATE OR REPLACE FUNCTION gsb.peer_dead() RETURNS void\n"
	"LANGUAGE sql VOLATILE " DEFINER "AS $gsb$\n"
	" SELECT pg_notify('gsb_peer', 'dead')\n"
	"$gsb$",

	"CREATE OR REPLACE FUNCTION gsb.barrier(token text) RETURNS pg_lsn\n"
	"LANGUAGE sql VOLATILE " DEFINER "AS $gsb$\n"
	" WITH old AS (DELETE FROM gsb.barrier_sent\n"
	"  WHERE at < now() - interval '1 hour')\n"
	" INSERT INTO gsb.barrier_sent (token, lsn) VALUES (token,\n"
	"  pg_logical_emit_message(true, 'gsb.barrier', token)) RETURNING lsn\n"
	"$gsb$",

	"CREATE OR REPLACE FUNCTION gsb.barrier_seen(token text)\n"
	"RETURNS boolean LANGUAGE sql VOLATILE " DEFINER "AS $gsb$\n"
	" SELECT EXISTS (SELECT FROM gsb.barrier_mark m\n"
	"  WHERE m.token = barrier_seen.token)\n"
	"$gsb$",

	"CREATE OR REPLACE FUNCTION gsb.health() RETURNS jsonb\n"
	"LANGUAGE sql VOLATILE " DEFINER "AS $gsb$\n"
	" SELECT jsonb_build_object(\n"
	"  'sync', gsb.sync_state(),\n"
	"  'oldest_commit_wait_ms', (SELECT coalesce(max(1000 * extract(\n"
	"    epoch FROM clock_timestamp() - a.query_start))::bigint, 0)\n"
	"   FROM pg_stat_activity a WHERE a.wait_event = 'SyncRep'),\n"
	"  'out', jsonb_build_object(\n"
	"   'state', coalesce(o.state, 'down'),\n"
	"   'lag_bytes', greatest(0, pg_current_wal_lsn() -\n"
	"    coalesce(o.replay_lsn, s.confirmed_flush_lsn)),\n"
	"   'retained_bytes', pg_current_wal_lsn() - s.restart_lsn,\n"
	"   'slot_safe_bytes', s.safe_wal_size, 'slot', s.wal_status,\n"
	"   'lag_ms', CASE WHEN o.state IS NOT NULL THEN\n"
	"    coalesce(1000 * extract(epoch FROM o.replay_lag), 0)::bigint "
	"END,\n"
	"   'at_risk', (i.detail #>> '{out,at_risk}')::bigint,\n"
	"   'at_risk_since_us',\n"
	"     (i.detail #>> '{out,at_risk_since_us}')::bigint),\n"
	"  'in', jsonb_build_object(\n"
	"   'state', CASE WHEN i.age_ms < 5000 THEN i.in_state\n"
	"    ELSE 'down' END,\n"
	"   'lag_ms', i.in_lag_ms, 'applied_lsn', i.applied,\n"
	"   'pending', p.pending::int + CASE WHEN i.age_ms < 5000 THEN\n"
	"     coalesce((i.detail #>> '{in,large,pending}')::bigint, 0) "
	"ELSE 0 END,\n"
	"   'acknowledged', p.pending::int),\n"
	"  'digest', jsonb_build_object(\n"
	"   'healing', EXISTS (SELECT FROM gsb.heal),\n"
	"   'verified_age_ms', (1000 * extract(epoch FROM clock_timestamp()\n"
	"    - (i.detail #>> '{digest,verified}')::timestamptz))::bigint),\n"
	"  'parked', (SELECT count(*) FROM gsb.parked),\n"
	"  'conflicts', (SELECT count(*) FROM\n"
	"   (SELECT FROM gsb.conflict LIMIT 10000) c),\n"
	"  'replicator_age_ms', i.age_ms)\n"
	" FROM gsb.node n CROSS JOIN gsb.spool p\n"
	" LEFT JOIN pg_replication_slots s ON s.slot_name = 'gsb_' || n.peer\n"
	" LEFT JOIN pg_stat_replication o ON o.pid = s.active_pid\n"
	" LEFT JOIN (SELECT *, (1000 * extract(epoch FROM\n"
	"   clock_timestamp() - t.at))::bigint AS age_ms\n"
	"  FROM gsb.status t) i ON true\n"
	"$gsb$",
};

void
install_functions(struct script *s)
{
	for (size_t i = 0; i < sizeof(internal) / sizeof(internal[0]); i++)
		script_add(s, NULL, internal[i]);
	for (size_t i = 0; i < sizeof(for_site) / sizeof(for_site[0]); i++)
		script_add(s, NULL, for_site[i]);
}
