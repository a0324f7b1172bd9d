/*
 * The tables of the schema gsb. Each statement can run again; a later version
 * adds columns by further ALTER TABLE … ADD COLUMN IF NOT EXISTS.
 */
#include "replicator/install_script.h"

static const char *const tables[] = {
	"CREATE SCHEMA IF NOT EXISTS gsb",
	"CREATE TABLE IF NOT EXISTS gsb.node (\n"
	" one boolean PRIMARY KEY DEFAULT true CHECK (one),\n"
	" site text NOT NULL, number int NOT NULL, peer text NOT NULL,\n"
	" installed timestamptz NOT NULL DEFAULT now())",

	"CREATE TABLE IF NOT EXISTS gsb.tombstone (\n"
	" rel text, key text, v bigint NOT NULL, seen bigint NOT NULL,\n"
	" PRIMARY KEY (rel, key))",
	"COMMENT ON TABLE gsb.tombstone IS\n"
	" 'replicated: incarnations below v are deleted; seen: the newest "
	"version that the deleter knew'",

	"CREATE INDEX IF NOT EXISTS tombstone_newest ON gsb.tombstone (rel, v)",

	"CREATE TABLE IF NOT EXISTS gsb.sweep (\n"
	" rel text, key text, horizon xid8, PRIMARY KEY (rel, key))",
	"COMMENT ON TABLE gsb.sweep IS\n"
	" 'keys to look at again when the transactions below horizon have "
	"ended'",

	"CREATE TABLE IF NOT EXISTS gsb.conflict (\n"
	" id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n"
	" at timestamptz NOT NULL DEFAULT now(),\n"
	" rel text NOT NULL, key text NOT NULL,\n"
	" kind text NOT NULL, part text NOT NULL DEFAULT '',\n"
	" winner jsonb, loser jsonb,\n"
	" winner_v bigint NOT NULL, loser_v bigint NOT NULL,\n"
	" skew_us bigint GENERATED ALWAYS AS\n"
	"  ((winner_v >> 8) - (loser_v >> 8)) STORED,\n"
	" UNIQUE (rel, key, kind, part, loser_v, winner_v))",
	"ALTER TABLE gsb.conflict ADD COLUMN IF NOT EXISTS columns text[],\n"
	" ADD COLUMN IF NOT EXISTS undone timestamptz,\n"
	" ADD COLUMN IF NOT EXISTS undone_by text",
	"COMMENT ON COLUMN gsb.conflict.kind IS\n"
	" 'edit: whoever wrote the newer one had not seen it; tie: equal "
	"versions, other values; delete: an edit that the deleter had not "
	"seen; key: lost its unique value; dangling: what it refers to "
	"was deleted'",
	"COMMENT ON COLUMN gsb.conflict.part IS\n"
	" 'of edit and tie the column group, of key the unique, of "
	"dangling the ref'",

	"CREATE TABLE IF NOT EXISTS gsb.parked (\n"
	" id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n"
	" at timestamptz NOT NULL DEFAULT now(),\n"
	" rel text NOT NULL, key text NOT NULL, lsn pg_lsn,\n"
	" sqlstate text NOT NULL, message text NOT NULL,\n"
	" payload bytea, tries int NOT NULL DEFAULT 1,\n"
	" last timestamptz NOT NULL DEFAULT now())",

	"CREATE TABLE IF NOT EXISTS gsb.extra (\n"
	" rel text, key text, name text, value bytea, v bigint NOT NULL,\n"
	" PRIMARY KEY (rel, key, name))",

	"ALTER TABLE gsb.extra ADD COLUMN IF NOT EXISTS\n"
	" born bigint NOT NULL DEFAULT 0",
	"COMMENT ON TABLE gsb.extra IS\n"
	" 'values of columns that are unknown here, in binary form: of the "
	"incarnation born, and of the newest version v that came'",

	"CREATE TABLE IF NOT EXISTS gsb.adopted (\n"
	" rel text PRIMARY KEY, lines text NOT NULL, restore text[] NOT NULL,\n"
	" at timestamptz NOT NULL DEFAULT clock_timestamp(),\n"
	" shipped timestamptz)",
	"COMMENT ON TABLE gsb.adopted IS\n"
	" 'by gsb-replicator adopt: its lines in tables.ini, and the unique "
	"constraints that release makes again'",

	"CREATE TABLE IF NOT EXISTS gsb.barrier_mark (\n"
	" token text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())",

	"CREATE TABLE IF NOT EXISTS gsb.barrier_sent (\n"
	" token text NOT NULL, lsn pg_lsn NOT NULL,\n"
	" at timestamptz NOT NULL DEFAULT now())",
	"COMMENT ON TABLE gsb.barrier_sent IS\n"
	" 'for whoever does not read the log that a barrier stands in'",

	"CREATE TABLE IF NOT EXISTS gsb.peer (\n"
	" one boolean PRIMARY KEY DEFAULT true CHECK (one),\n"
	" system_id text, timeline int, lsn pg_lsn,\n"
	" at timestamptz NOT NULL DEFAULT now())",
	"COMMENT ON TABLE gsb.peer IS\n"
	" 'who the peer was when it was last streamed from'",

	"CREATE TABLE IF NOT EXISTS gsb.sync (\n"
	" one boolean PRIMARY KEY DEFAULT true CHECK (one),\n"
	" mode text NOT NULL CHECK (mode IN ('off', 'on', 'remote_apply')),\n"
	" state text NOT NULL CHECK (state IN\n"
	"  ('off', 'on', 'remote_apply', 'degraded')),\n"
	" since timestamptz NOT NULL DEFAULT now(), why text,\n"
	" degradations bigint NOT NULL DEFAULT 0)",
	"ALTER TABLE gsb.sync ADD COLUMN IF NOT EXISTS sure_xid bigint",
	"COMMENT ON COLUMN gsb.sync.sure_xid IS\n"
	" 'when it degraded, the peer had all that was committed below'",

	"CREATE TABLE IF NOT EXISTS gsb.heal (\n"
	" one boolean PRIMARY KEY DEFAULT true CHECK (one),\n"
	" why text NOT NULL, since timestamptz NOT NULL DEFAULT now())",
	"COMMENT ON TABLE gsb.heal IS\n"
	" 'there while rows may be missing that the stream will not bring'",

	"CREATE TABLE IF NOT EXISTS gsb.seen (\n"
	" one boolean PRIMARY KEY DEFAULT true CHECK (one),\n"
	" lsn pg_lsn NOT NULL)",
	"COMMENT ON TABLE gsb.seen IS\n"
	" 'of the peer''s log: so far it was merged here, also while the "
	"origin stays behind for a large transaction'",
	"CREATE TABLE IF NOT EXISTS gsb.spool (\n"
	" one boolean PRIMARY KEY DEFAULT true CHECK (one),\n"
	" pending boolean NOT NULL DEFAULT false)",
	"INSERT INTO gsb.spool DEFAULT VALUES ON CONFLICT DO NOTHING",
	"COMMENT ON TABLE gsb.spool IS\n"
	" 'pending: the peer may take something as durable here that is not "
	"merged yet'",

	/* What was true of another database is not of its copy. */
	"CREATE UNLOGGED TABLE IF NOT EXISTS gsb.digest (\n"
	" rel text PRIMARY KEY, verified timestamptz, healed timestamptz,\n"
	" rows bigint NOT NULL DEFAULT 0, different bigint NOT NULL DEFAULT 0,"
	"\n ms bigint NOT NULL DEFAULT 0)",
	"COMMENT ON TABLE gsb.digest IS\n"
	" 'when a table was last seen equal on both sites'",

	/* Written often, true only while the replicator lives. */
	"CREATE UNLOGGED TABLE IF NOT EXISTS gsb.status (\n"
	" one boolean PRIMARY KEY DEFAULT true CHECK (one),\n"
	" at timestamptz NOT NULL DEFAULT now(),\n"
	" in_state text NOT NULL, in_lag_ms bigint,\n"
	" applied pg_lsn, detail jsonb)",
};

void
install_schema(struct script *s, const struct install_site *site)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		script_add(s, NULL, tables[i]);
	script_addf(s, "schema gsb",
		    "INSERT INTO gsb.node AS n (site, number, peer)\n"
		    "VALUES ('%s', %d, '%s')\n"
		    "ON CONFLICT (one) DO UPDATE SET site = excluded.site,\n"
		    " number = excluded.number, peer = excluded.peer\n"
		    "WHERE (n.site, n.number, n.peer) IS DISTINCT FROM\n"
		    " (excluded.site, excluded.number, excluded.peer)",
		    site->name, site->number, site->peer);
	script_addf(s, NULL,
		    "INSERT INTO gsb.sync AS y (mode, state)\n"
		    "VALUES ('%s', '%s') ON CONFLICT (one) DO UPDATE\n"
		    "SET mode = excluded.mode, state = excluded.state,\n"
		    " since = now() WHERE y.mode <> excluded.mode",
		    site->sync,
		    strcmp(site->sync, "off") == 0 ? "off" : "degraded");
}
