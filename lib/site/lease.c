#include "site/lease.h"

#include <string.h>
#include <sys/statvfs.h>

#include "base/json.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "io/httpd.h"
#include "site/collab.h"
#include "site/dbhealth.h"
#include "site/files.h"
#include "site/gate.h"
#include "site/mail.h"
#include "site/site.h"

/* Lives in the request's arena. */
struct lease {
	struct site *site;
	struct gate *gate;
	struct httpd_req *http;
	struct dbhealth_ask *ask;
};

static void on_health(void *ctx, const struct dbhealth_report *r);
static void remind(const struct lease *l, const json_t *report);
static void report_web(const struct lease *l, const struct dbhealth_report *r,
		       json_t *out);
static void report_disk(const struct site *s, json_t *out);
static void report_mail(const struct site *s, json_t *out);
static void report_copy(const struct lease *l, json_t *out);
static void report_collab(const struct lease *l, json_t *out);
static void answer(struct httpd_req *http, json_t *report);

void
lease_handle(struct site *s, struct gate *gate, struct httpd_req *req)
{
	struct lease *l = arena_make(httpd_arena(req), struct lease);
	struct err e = { 0 };
	json_t *report;

	if (gate_receive(gate, httpd_body(req),
			 httpd_field(req, "GSB-Signature"), &e) < 0) {
		log_warn("lease", "address=%s refused=\"%s\"", httpd_peer(req),
			 err_text(&e));
		lease_refuse(req, e.code == ERR_REFUSED ? 403 : 400,
			     err_text(&e));
		return;
	}
	*l = (struct lease){ .site = s, .gate = gate, .http = req };
	if (gate == s->web_gate) {
		l->ask = dbhealth_ask(s->health, on_health, l);
		return;
	}
	report = gate_report(gate);
	report_collab(l, report);
	answer(req, report);
}

static void
on_health(void *ctx, const struct dbhealth_report *r)
{
	struct lease *l = ctx;
	json_t *report = gate_report(l->gate);

	l->ask = NULL;
	report_web(l, r, report);
	remind(l, report);
	answer(l->http, report);
}

/* The word that the peer is dead may have met a database that was away. */
static void
remind(const struct lease *l, const json_t *report)
{
	const char *sync = NULL;

	if (gate_peer_dead(l->gate) &&
	    json_get_str(report, "replication.sync", &sync, NULL) == 1 &&
	    (strcmp(sync, "on") == 0 || strcmp(sync, "remote_apply") == 0))
		dbhealth_peer_dead(l->site->health);
}

static void
report_web(const struct lease *l, const struct dbhealth_report *r, json_t *out)
{
	json_t *parts = json_object();
	json_t *replication = NULL;

	if (r->replication != NULL)
		replication = json_read(span_of(r->replication), NULL);
	json_put_str(parts, "web", "ok");
	json_put_str(parts, "db",
		     r->up && pgpool_up(l->site->pool) ? "ok" : "down");
	json_put_str(parts, "files", "ok");
	json_put(out, "components", parts);
	json_put_int(out, "schema", r->schema);
	json_put(out, "replication",
		 replication != NULL ? replication : json_null());
	json_put_int(out, "sessions", 0);
	json_put_int(out, "in_flight", l->site->in_flight);
	json_put_str(out, "companies", r->companies);
	report_disk(l->site, out);
	report_copy(l, out);
	report_mail(l->site, out);
}

/* What the daily copy has brought here, and when it was last known to be
 * the primary's; "never" is long ago (contracts 4). */
static void
report_copy(const struct lease *l, json_t *out)
{
	struct files *files = l->site->files;
	struct files_view *v = files_hold(files);
	const struct manifest *m = files_manifest(v);
	int64_t verified = files_verified_us(files);
	json_t *doc = json_object();

	if (!l->site->role->owns_configuration && verified >= 0)
		json_put_int(out, "copy_us", verified > 0 ? verified : 1);
	json_put_int(doc, "version", m->version);
	json_put_bool(doc, "overridden", m->override_reason != NULL);
	json_put(out, "copy", doc);
	files_release(&v);
}

static void
report_mail(const struct site *s, json_t *out)
{
	struct mail_counts counts = mail_counts(s->mail);
	json_t *doc = json_object();

	json_put_int(doc, "sent", (int64_t)counts.sent);
	json_put_int(doc, "failed_tries", (int64_t)counts.failed_tries);
	json_put_int(doc, "given_up", (int64_t)counts.given_up);
	json_put(out, "mail", doc);
}

/* Of the folder of spools and files. */
static void
report_disk(const struct site *s, json_t *out)
{
	struct statvfs st;

	if (statvfs(s->conf->state_dir, &st) == 0 && st.f_blocks > 0)
		json_put_int(out, "disk_free_permille",
			     (int64_t)(st.f_bavail * 1000 / st.f_blocks));
}

/* The rooms stand on their own: no word of the database here. */
static void
report_collab(const struct lease *l, json_t *out)
{
	json_t *parts = json_object();

	json_put_str(parts, "collab", "ok");
	json_put(out, "components", parts);
	json_put(out, "replication", json_null());
	json_put_int(out, "sessions", collab_rooms(l->site->collab));
	json_put_int(out, "in_flight", 0);
}

static void
answer(struct httpd_req *http, json_t *report)
{
	static const struct httpd_field fields[] = {
		{ "Content-Type", "application/json" },
		{ NULL, NULL },
	};
	STRBUF_AUTO text = { 0 };

	json_write(report, JSON_AS_MADE, &text);
	json_decref(report);
	httpd_reply(http, 200, fields, strbuf_span(&text));
}

void
lease_refuse(struct httpd_req *req, int status, const char *why)
{
	static const struct httpd_field fields[] = {
		{ "Content-Type", "application/json" },
		{ NULL, NULL },
	};
	JSON_AUTO doc = json_object();
	STRBUF_AUTO text = { 0 };

	json_put_str(doc, "message", why);
	json_write(doc, JSON_AS_MADE, &text);
	httpd_reply(req, status, fields, strbuf_span(&text));
}
