/* What heal knows, as JSON and as Prometheus text. */
#include <inttypes.h>

#include "base/clock.h"
#include "replicator/status.h"

static int64_t
age_ms(int64_t since_us)
{
	int64_t now = clock_wall_us();

	if (since_us == 0)
		return -1;
	return now > since_us ? (now - since_us) / 1000 : 0;
}

static void
put_when(json_t *obj, const char *key, int64_t us)
{
	char iso[CLOCK_ISO_SIZE];

	json_put_str(obj, key, us != 0 ? clock_iso(us, iso) : NULL);
}

static json_t *
table_json(const struct heal_table *t)
{
	json_t *one = json_object();

	json_put_str(one, "table", t->rel);
	put_when(one, "verified", t->verified_us);
	json_put_int(one, "verified_age_ms", age_ms(t->verified_us));
	json_put_int(one, "rows", t->rows);
	json_put_int(one, "different", (int64_t)t->different);
	json_put_int(one, "pulled", (int64_t)t->pulled);
	json_put_int(one, "pushed", (int64_t)t->pushed);
	json_put_int(one, "parked", (int64_t)t->parked);
	json_put_int(one, "unsettled", (int64_t)t->unsettled);
	json_put_int(one, "took_ms", t->ms);
	json_put_str(one, "failure", t->failure);
	return one;
}

json_t *
status_digest_json(const struct heal_status *h)
{
	json_t *all = json_object(), *tables = json_array();

	json_put_str(all, "state", heal_state_name(h->state));
	json_put_bool(all, "healing", h->healing);
	json_put_bool(all, "demanded", h->demanded);
	json_put_str(all, "why", h->healing ? h->why : NULL);
	put_when(all, "verified", h->oldest_us);
	json_put_int(all, "verified_age_ms", age_ms(h->oldest_us));
	json_put_str(all, "table", h->table);
	json_put_int(all, "rows", h->rows);
	json_put_int(all, "rows_estimated", h->estimated);
	json_put_int(all, "tries", h->tries);
	json_put_int(all, "passes", (int64_t)h->passes);
	json_put_int(all, "incidents", (int64_t)h->incidents);
	json_put_int(all, "different", (int64_t)h->different);
	json_put_int(all, "pulled", (int64_t)h->pulled);
	json_put_int(all, "pushed", (int64_t)h->pushed);
	json_put_int(all, "parked", (int64_t)h->parked);
	json_put_str(all, "failure", h->failure);
	for (size_t i = 0; i < h->n; i++)
		json_array_append_new(tables, table_json(&h->tables[i]));
	json_put(all, "tables", tables);
	return all;
}

void
status_digest_metrics(const struct heal_status *h, struct strbuf *out)
{
	static const char name[] = "gsb_replicator_digest";

	strbuf_addf(out,
		    "# HELP %s_verified_age_seconds Since the table was seen "
		    "equal on both sites; -1 never.\n"
		    "# TYPE %s_verified_age_seconds gauge\n",
		    name, name);
	for (size_t i = 0; i < h->n; i++)
		strbuf_addf(
		    out, "%s_verified_age_seconds{table=\"%s\"} %" PRId64 "\n",
		    name, h->tables[i].rel,
		    h->tables[i].verified_us != 0
			? age_ms(h->tables[i].verified_us) / 1000
			: -1);
	strbuf_addf(out,
		    "# HELP %s_healing Rows may be missing on a site.\n"
		    "# TYPE %s_healing gauge\n%s_healing %d\n",
		    name, name, name, h->healing);
	strbuf_addf(out,
		    "# HELP %s_rows_total Rows that differed, and what was "
		    "done.\n# TYPE %s_rows_total counter\n",
		    name, name);
	strbuf_addf(out, "%s_rows_total{kind=\"different\"} %" PRIu64 "\n",
		    name, h->different);
	strbuf_addf(out, "%s_rows_total{kind=\"pulled\"} %" PRIu64 "\n", name,
		    h->pulled);
	strbuf_addf(out, "%s_rows_total{kind=\"pushed\"} %" PRIu64 "\n", name,
		    h->pushed);
	strbuf_addf(out, "%s_rows_total{kind=\"parked\"} %" PRIu64 "\n", name,
		    h->parked);
	strbuf_addf(out,
		    "# HELP %s_incidents_total Times that the stream could "
		    "not bring all.\n# TYPE %s_incidents_total counter\n"
		    "%s_incidents_total %" PRIu64 "\n",
		    name, name, name, h->incidents);
}
