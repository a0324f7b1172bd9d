#include "replicator/catalog.h"

/*
 * An array of arrays does not exist, so the values of an array column go in
 * an array of a composite type with that one column, gsb."array_...".
 *
 * exact: types whose = is equality of bytes. keyable: those of them whose
 * text is the same in every session, for gsb.tombstone.key. named: enums,
 * whose bytes in the database are not the same on two sites.
 */
const struct pgstmt catalog_query = {
	.name = "gsb_catalog",
	.nparams = 1,
	.sql = "SELECT n.nspname, c.relname, c.oid, c.relkind, a.attname,\n"
	       " format_type(a.atttypid, -1), a.atttypid, t.typarray,\n"
	       " a.attnotnull, a.attgenerated <> '', a.attidentity = 'a',\n"
	       " a.attlen = -1 AND t.typstorage <> 'p',\n"
	       " a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype)\n"
	       "  AND a.atttypmod BETWEEN 4 AND 516\n"
	       "  OR a.atttypid = 'numeric'::regtype AND a.atttypmod >= 4,\n"
	       " x.same AND (a.attcollation = 0 OR o.collisdeterministic),\n"
	       " x.same AND (a.attcollation = 0 OR o.collisdeterministic)\n"
	       "  AND (t.typtype = 'e' OR a.atttypid IN ('bool'::regtype,\n"
	       "   'int2'::regtype, 'int4'::regtype, 'int8'::regtype,\n"
	       "   'oid'::regtype, 'uuid'::regtype, 'text'::regtype,\n"
	       "   'varchar'::regtype)),\n"
	       " coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0),\n"
	       " 'e' IN (t.typtype, coalesce(y.typtype, 'b')),\n"
	       " coalesce(y.oid, 0), b.name, coalesce(p.oid, 0),\n"
	       " coalesce(p.typarray, 0)\n"
	       "FROM pg_class c\n"
	       "JOIN pg_namespace n ON n.oid = c.relnamespace\n"
	       "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0\n"
	       " AND NOT a.attisdropped\n"
	       "JOIN pg_type t ON t.oid = a.atttypid\n"
	       "LEFT JOIN pg_collation o ON o.oid = a.attcollation\n"
	       "LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary\n"
	       "LEFT JOIN pg_type y ON y.oid = t.typelem AND t.typarray = 0\n"
	       "LEFT JOIN LATERAL (SELECT 'array_' ||\n"
	       "  md5(format_type(a.atttypid, -1)) AS name) b\n"
	       " ON y.oid IS NOT NULL\n"
	       "LEFT JOIN pg_type p ON p.typname = b.name\n"
	       " AND p.typnamespace = to_regnamespace('gsb')\n"
	       "CROSS JOIN LATERAL (SELECT t.typtype = 'e' OR a.atttypid IN (\n"
	       " 'bool'::regtype, 'int2'::regtype, 'int4'::regtype,\n"
	       " 'int8'::regtype, 'oid'::regtype, 'uuid'::regtype,\n"
	       " 'text'::regtype, 'varchar'::regtype, 'bytea'::regtype,\n"
	       " 'date'::regtype, 'time'::regtype, 'timestamp'::regtype,\n"
	       " 'timestamptz'::regtype) AS same) x\n"
	       "WHERE n.nspname || '.' || c.relname = ANY ($1::text[])\n"
	       "ORDER BY 1, 2, a.attnum",
};
