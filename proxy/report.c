#include "proxy/report.h"

#include <assert.h>
#include <string.h>

static const char *const sync_names[] = { "unknown", "off", "on",
					  "remote_apply", "degraded" };
static_assert(sizeof(sync_names) / sizeof(sync_names[0]) ==
		  REPORT_SYNC_DEGRADED + 1,
	      "one name for each mode");

static const char *const stream_names[] = { "unknown", "streaming", "catchup",
					    "down" };
static_assert(sizeof(stream_names) / sizeof(stream_names[0]) ==
		  REPORT_STREAM_DOWN + 1,
	      "one name for each state");

const char *
report_sync_name(enum report_sync s)
{
	return sync_names[s];
}

const char *
report_stream_name(enum report_stream s)
{
	return stream_names[s];
}

static int
name_index(const char *const *names, int n, const char *text)
{
	for (int i = 1; text != NULL && i < n; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	return 0;
}

static int
need_copy(const json_t *doc, const char *key, struct span into, struct err *e)
{
	const char *text;

	if (json_need_str(doc, key, &text, e) < 0)
		return -1;
	if (!span_copy(span_of(text), (char *)(uintptr_t)into.at, into.len))
		return err_set(e, ERR_INVALID, "%s is longer than %zu bytes",
			       key, into.len - 1);
	return 0;
}

/* Absent counts as `absent`; "ok" is ok; any other word is down. */
static int
get_level(const json_t *doc, const char *path, enum judge_level absent,
	  enum judge_level *out, struct err *e)
{
	const char *text;
	int got = json_get_str(doc, path, &text, e);

	if (got < 0)
		return -1;
	*out = got == 0                  ? absent
	       : strcmp(text, "ok") == 0 ? JUDGE_LEVEL_OK
					 : JUDGE_LEVEL_DOWN;
	return 0;
}

static int
read_names(const json_t *doc, struct report *out, struct err *e)
{
	const char *site, *service;

	if (json_need_str(doc, "site", &site, e) < 0 ||
	    json_need_str(doc, "service", &service, e) < 0)
		return -1;
	if (strcmp(site, "primary") != 0 && strcmp(site, "backup") != 0)
		return err_set(e, ERR_INVALID,
			       "site must be primary or backup, not %s", site);
	if (strcmp(service, "web") != 0 && strcmp(service, "collab") != 0)
		return err_set(e, ERR_INVALID,
			       "service must be web or collab, not %s",
			       service);
	out->site = site[0] == 'p' ? ROUTE_PRIMARY : ROUTE_BACKUP;
	out->service = service[0] == 'w' ? ROUTE_WEB : ROUTE_COLLAB;
	return 0;
}

static int
read_lease(const json_t *doc, struct report *out, struct err *e)
{
	int64_t v, epoch;

	if (json_need_int(doc, "v", &v, e) < 0)
		return -1;
	if (v != 1)
		return err_set(e, ERR_INVALID, "v must be 1, not %lld",
			       (long long)v);
	if (need_copy(doc, "boot", span_make(out->boot, sizeof(out->boot)), e) <
		0 ||
	    json_need_int(doc, "clock_us", &out->clock_us, e) < 0 ||
	    json_need_int(doc, "epoch", &epoch, e) < 0 ||
	    json_need_bool(doc, "serving", &out->serving, e) < 0)
		return -1;
	if (out->boot[0] == '\0')
		return err_set(e, ERR_INVALID, "boot must not be empty");
	/* Half of the range leaves room for sums. */
	if (epoch < 0 || epoch > INT64_MAX / 2 || out->clock_us <= 0 ||
	    out->clock_us > INT64_MAX / 2)
		return err_set(e, ERR_INVALID,
			       "epoch or clock_us is out of range");
	out->epoch = (uint64_t)epoch;
	return 0;
}

static int
read_components(const json_t *doc, struct report *out, struct err *e)
{
	bool web = out->service == ROUTE_WEB;
	enum judge_level need = JUDGE_LEVEL_DOWN;
	enum judge_level none = JUDGE_LEVEL_UNKNOWN;

	if (get_level(doc, "components.web", web ? need : none, &out->web, e) <
		0 ||
	    get_level(doc, "components.db", web ? need : none, &out->db, e) <
		0 ||
	    get_level(doc, "components.files", none, &out->files, e) < 0)
		return -1;
	return get_level(doc, "components.collab", web ? none : need,
			 &out->collab, e);
}

static int64_t
number_or(const json_t *doc, const char *path, int64_t none)
{
	int64_t n = 0;

	return json_get_int(doc, path, &n, NULL) == 1 ? n : none;
}

/* Absent, null or not a number: 0. These are for people and for lag. */
static int64_t
number(const json_t *doc, const char *path)
{
	return number_or(doc, path, 0);
}

static int
name_at(const json_t *doc, const char *path, const char *const *names, int n)
{
	const char *text = NULL;

	if (json_get_str(doc, path, &text, NULL) != 1)
		return 0;
	return name_index(names, n, text);
}

static void
read_replication(const json_t *doc, struct report_replication *out)
{
	json_t *r;

	if (json_get_object(doc, "replication", &r, NULL) != 1)
		return;
	out->known = true;
	out->sync = (enum report_sync)name_at(r, "sync", sync_names,
					      REPORT_SYNC_DEGRADED + 1);
	out->out = (enum report_stream)name_at(r, "out.state", stream_names,
					       REPORT_STREAM_DOWN + 1);
	out->in = (enum report_stream)name_at(r, "in.state", stream_names,
					      REPORT_STREAM_DOWN + 1);
	out->oldest_commit_wait_ms = number(r, "oldest_commit_wait_ms");
	out->out_lag_bytes = number(r, "out.lag_bytes");
	out->out_lag_ms = number(r, "out.lag_ms");
	out->in_lag_ms = number(r, "in.lag_ms");
	out->at_risk = number_or(r, "out.at_risk", -1);
	out->at_risk_since_us = number(r, "out.at_risk_since_us");
	out->in_pending = number(r, "in.pending");
	out->in_acknowledged = number(r, "in.acknowledged");
	out->key_conflicts = number_or(r, "key_conflicts", -1);
	out->verified_us = number(r, "verified_us");
	out->parked = number(r, "parked");
	out->conflicts = number(r, "conflicts");
	out->replicator_age_ms = number(r, "replicator_age_ms");
}

int
report_take(const json_t *doc, struct report *out, struct err *e)
{
	const char *text = NULL;

	memset(out, 0, sizeof(*out));
	if (!json_is_object(doc))
		return err_set(e, ERR_INVALID, "an object is needed");
	if (read_names(doc, out, e) < 0 || read_lease(doc, out, e) < 0 ||
	    read_components(doc, out, e) < 0)
		return -1;
	read_replication(doc, &out->replication);
	if (json_get_str(doc, "version", &text, NULL) == 1)
		(void)span_copy(span_of(text), out->version,
				sizeof(out->version));
	if (json_get_str(doc, "companies", &text, NULL) == 1)
		(void)span_copy(span_of(text), out->companies,
				sizeof(out->companies));
	if (json_get_str(doc, "keys", &text, NULL) == 1)
		(void)span_copy(span_of(text), out->keys, sizeof(out->keys));
	out->schema = number(doc, "schema");
	out->sessions = number(doc, "sessions");
	out->in_flight = number(doc, "in_flight");
	out->wall_us = number(doc, "wall_us");
	out->copy_us = number(doc, "copy_us");
	out->disk_permille = number_or(doc, "disk_free_permille", -1);
	out->mail.sent = number_or(doc, "mail.sent", -1);
	out->mail.failed_tries = number_or(doc, "mail.failed_tries", -1);
	out->mail.given_up = number_or(doc, "mail.given_up", -1);
	return 0;
}

int
report_read(struct span body, struct report *out, struct err *e)
{
	JSON_AUTO doc = json_read(body, e);

	return doc == NULL ? -1 : report_take(doc, out, e);
}
