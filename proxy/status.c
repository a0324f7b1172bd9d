#include "proxy/status.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "proxy/decide.h"

static json_t *
replication_json(const struct report_replication *r)
{
	json_t *doc, *out, *in;

	if (!r->known)
		return json_null();
	doc = json_object();
	out = json_object();
	in = json_object();
	json_put_str(doc, "sync", report_sync_name(r->sync));
	json_put_int(doc, "oldest_commit_wait_ms", r->oldest_commit_wait_ms);
	json_put_str(out, "state", report_stream_name(r->out));
	json_put_int(out, "lag_bytes", r->out_lag_bytes);
	json_put_int(out, "lag_ms", r->out_lag_ms);
	if (r->at_risk >= 0)
		json_put_int(out, "at_risk", r->at_risk);
	json_put_int(out, "at_risk_since_us", r->at_risk_since_us);
	json_put_str(in, "state", report_stream_name(r->in));
	json_put_int(in, "lag_ms", r->in_lag_ms);
	json_put_int(in, "pending", r->in_pending);
	json_put_int(in, "acknowledged", r->in_acknowledged);
	json_put(doc, "out", out);
	json_put(doc, "in", in);
	json_put_int(doc, "parked", r->parked);
	json_put_int(doc, "conflicts", r->conflicts);
	json_put_int(doc, "replicator_age_ms", r->replicator_age_ms);
	return doc;
}

static json_t *
service_json(const struct control *c, enum route_site s, enum route_service k)
{
	const struct health_seen *seen = watch_seen(c->watch, s, k);
	int64_t now = c->view.now_ms;
	int64_t left = seen->lease.bound_ms - now;
	bool serves = k == ROUTE_WEB ? c->view.site[s].serving
				     : c->view.site[s].collab_serving;
	json_t *doc = json_object();

	json_put_str(doc, "health", judge_level_name(seen->reach.level));
	if (k == ROUTE_WEB) {
		json_put_str(doc, "db", judge_level_name(seen->db.level));
		json_put_str(doc, "files", judge_level_name(seen->files.level));
	}
	json_put_bool(doc, "serving", serves);
	json_put_int(doc, "epoch", (int64_t)seen->epoch);
	json_put(doc, "answer_age_ms",
		 seen->answered ? json_integer(now - seen->heard_ms)
				: json_null());
	json_put_int(doc, "lease_ms", serves && left > 0 ? left : 0);
	json_put_int(doc, "failures", seen->failures);
	if (seen->failures > 0)
		json_put_str(doc, "error", seen->error);
	if (!seen->answered)
		return doc;
	json_put_str(doc, "keys", seen->last.keys);
	json_put_str(doc, "version", seen->last.version);
	json_put_int(doc, "schema", seen->last.schema);
	json_put_int(doc, k == ROUTE_WEB ? "in_flight" : "rooms",
		     k == ROUTE_WEB ? seen->last.in_flight
				    : seen->last.sessions);
	return doc;
}

static json_t *
site_json(const struct control *c, enum route_site s)
{
	const struct view_site *v = &c->view.site[s];
	json_t *doc = json_object();
	json_t *services = json_object();
	json_t *traffic = json_object();

	json_put_str(doc, "verdict", judge_name(v->verdict));
	json_put_bool(doc, "active",
		      c->f.rec.epoch > 0 && s == c->f.rec.active);
	json_put(services, "web", service_json(c, s, ROUTE_WEB));
	json_put(services, "collab", service_json(c, s, ROUTE_COLLAB));
	json_put(doc, "services", services);
	json_put(doc, "replication", replication_json(&v->replication));
	json_put_int(traffic, "in_flight", (int64_t)v->in_flight);
	json_put_int(traffic, "failed_permille", c->share[s].permille);
	json_put_int(traffic, "may_write", (int64_t)v->may_write);
	json_put_int(traffic, "answers", (int64_t)v->answers);
	json_put_int(traffic, "failed", (int64_t)v->failed);
	json_put_int(traffic, "websockets", (int64_t)v->websockets);
	json_put(doc, "traffic", traffic);
	return doc;
}

static json_t *
failback_json(const struct control *c)
{
	struct reasons_note note = { 0 };
	const char *why = reasons_why_not(&c->f, &c->view, &note);
	json_t *doc = json_object();

	json_put_bool(doc, "ready", why == NULL);
	json_put_str(doc, "why_not", why);
	json_put_int(doc, "stable_ms",
		     reasons_stable_ms(&c->f, c->view.wall_us));
	json_put_bool(doc, "asked", c->f.asked_return);
	return doc;
}

/* Could the other site take over now, by itself? */
static json_t *
failover_json(const struct control *c)
{
	const char *bar = c->f.rec.epoch > 0 ? reasons_bar(&c->f, &c->view)
					     : "no record";
	json_t *doc = json_object();

	json_put_str(doc, "to",
		     route_site_name(failover_other(c->f.rec.active)));
	json_put_bool(doc, "ready", bar == NULL);
	json_put_str(doc, "why_not", bar);
	return doc;
}

static json_t *
readiness_json(const struct control *c)
{
	const struct gates *g = &c->view.gates;
	json_t *doc = json_object();
	json_t *list = json_array();

	for (int i = 0; i < GATES_N; i++) {
		const struct gates_gate *gate = &g->gate[i];
		json_t *one = json_object();

		json_put_str(one, "gate", gates_name((enum gates_name)i));
		json_put_str(one, "verdict", gates_verdict_name(gate->verdict));
		json_put_bool(one, "bars", gates_bars(g, (enum gates_name)i));
		json_put_str(one, "value", gate->value);
		json_put_str(one, "limit", gate->limit);
		json_put_int(one, "since_ms", c->view.now_ms - gate->since_ms);
		json_array_append_new(list, one);
	}
	json_put_bool(doc, "ready", gates_first(g, GATES_SITES) == GATES_N);
	json_put(doc, "gates", list);
	return doc;
}

static void
put_record(const struct control *c, json_t *doc)
{
	const struct authority_record *r = &c->f.rec;

	json_put_int(doc, "epoch", (int64_t)r->epoch);
	json_put_str(doc, "active",
		     r->epoch > 0 ? route_site_name(r->active) : NULL);
	json_put_str(doc, "mode", r->held ? "held" : "automatic");
	json_put_bool(doc, "degraded", r->degraded);
	json_put(doc, "paused_until_us",
		 r->paused_until_us > 0 ? json_integer(r->paused_until_us)
					: json_null());
	json_put(doc, "redirects", redirects_json(&r->redirects));
	json_put_bool(doc, "observe", r->observe);
	json_put_int(doc, "maintained_us", r->maintained_us);
	json_put_int(doc, "maintained_until_us", r->maintained_until_us);
	json_put_str(doc, "who", r->who);
	json_put_str(doc, "why", r->why);
	json_put_int(doc, "when_us", r->when_us);
}

json_t *
status_json(const struct control *c)
{
	struct plane_counts counts;
	json_t *doc = json_object();
	json_t *sites = json_object();
	json_t *traffic = json_object();
	uint64_t order = orders_last(c->orders);

	plane_counts(c->plane, &counts);
	json_put_str(doc, "version", GSB_VERSION);
	json_put_str(doc, "public_url", c->conf->public_url);
	json_put_str(doc, "state", states_fsm.states[c->f.state]);
	json_put_int(doc, "state_ms", c->view.now_ms - c->f.since_ms);
	put_record(c, doc);
	json_put_bool(doc, "automatic", c->conf->automatic);
	json_put_str(doc, "routing", route_mode_name(c->plan.mode));
	json_put(doc, "failover", failover_json(c));
	json_put(doc, "failback", failback_json(c));
	json_put(doc, "readiness", readiness_json(c));
	json_put_str(doc, "signs", keyring_id(c->keys));
	json_put(sites, "primary", site_json(c, ROUTE_PRIMARY));
	json_put(sites, "backup", site_json(c, ROUTE_BACKUP));
	json_put(doc, "sites", sites);
	json_put_int(traffic, "held", (int64_t)counts.held);
	json_put_int(traffic, "held_bytes", (int64_t)counts.held_bytes);
	json_put_int(traffic, "connections", (int64_t)counts.connections);
	json_put(doc, "traffic", traffic);
	json_put(doc, "order",
		 order != 0 ? orders_json(c->orders, order) : json_null());
	json_put_int(doc, "last_event", (int64_t)events_last(c->events));
	json_put_int(doc, "wall_us", clock_wall_us());
	json_put_int(doc, "begun_us", c->begun_wall_us);
	json_put_int(doc, "pid", getpid());
	return doc;
}

static json_t *
input_json(const struct view_site *s)
{
	json_t *doc = json_object();

	json_put_str(doc, "verdict", judge_name(s->verdict));
	json_put_bool(doc, "wavering", s->wavering);
	json_put_bool(doc, "serving", s->serving);
	json_put_bool(doc, "web_lease_over", s->web_over);
	json_put_bool(doc, "collab_lease_over", s->collab_over);
	json_put_bool(doc, "db_down", s->db_down);
	json_put_int(doc, "rooms", s->rooms);
	json_put_int(doc, "epoch", (int64_t)s->epoch);
	json_put_int(doc, "in_flight", (int64_t)s->in_flight);
	json_put_int(doc, "may_write", (int64_t)s->may_write);
	json_put_int(doc, "websockets", (int64_t)s->websockets);
	json_put(doc, "replication", replication_json(&s->replication));
	return doc;
}

json_t *
status_inputs(const struct view *v)
{
	json_t *doc = json_object();

	json_put(doc, "primary", input_json(&v->site[ROUTE_PRIMARY]));
	json_put(doc, "backup", input_json(&v->site[ROUTE_BACKUP]));
	json_put_bool(doc, "settled", v->settled);
	json_put_bool(doc, "barrier_there", v->barrier_there);
	json_put_bool(doc, "barrier_back", v->barrier_back);
	return doc;
}

static void
gauge(struct strbuf *out, const char *name, const char *help)
{
	strbuf_addf(out,
		    "# HELP gsb_control_%s %s\n# TYPE gsb_control_%s gauge\n",
		    name, help, name);
}

static void
state_metrics(const struct control *c, struct strbuf *out)
{
	gauge(out, "epoch", "Epoch of the authority record.");
	strbuf_addf(out, "gsb_control_epoch %llu\n",
		    (unsigned long long)c->f.rec.epoch);
	gauge(out, "active", "1 for the active site.");
	for (int s = 0; s < ROUTE_SITES; s++)
		strbuf_addf(out, "gsb_control_active{site=\"%s\"} %d\n",
			    route_site_name((enum route_site)s),
			    c->f.rec.epoch > 0 && s == (int)c->f.rec.active);
	gauge(out, "degraded", "1 while commits are on one site alone.");
	strbuf_addf(out, "gsb_control_degraded %d\n", c->f.rec.degraded);
	gauge(out, "paused", "1 while automation is paused.");
	strbuf_addf(out, "gsb_control_paused %d\n",
		    reasons_paused(&c->f, &c->view));
	gauge(out, "state", "1 for the state of the fail-over.");
	for (int s = 0; s < states_fsm.nstates; s++)
		strbuf_addf(out, "gsb_control_state{state=\"%s\"} %d\n",
			    states_fsm.states[s], s == (int)c->f.state);
}

static void
service_metrics(const struct control *c, struct strbuf *out)
{
	gauge(out, "up", "1 while the probes of a service are good.");
	for (int i = 0; i < ROUTE_SITES * ROUTE_SERVICES; i++) {
		enum route_site s = (enum route_site)(i / ROUTE_SERVICES);
		enum route_service k = (enum route_service)(i % ROUTE_SERVICES);

		strbuf_addf(
		    out, "gsb_control_up{site=\"%s\",service=\"%s\"} %d\n",
		    route_site_name(s), route_service_name(k),
		    watch_seen(c->watch, s, k)->reach.level == JUDGE_LEVEL_OK);
	}
	gauge(out, "lease_seconds", "How long a grant of ours may last yet.");
	for (int i = 0; i < ROUTE_SITES * ROUTE_SERVICES; i++) {
		enum route_site s = (enum route_site)(i / ROUTE_SERVICES);
		enum route_service k = (enum route_service)(i % ROUTE_SERVICES);
		int64_t left = watch_seen(c->watch, s, k)->lease.bound_ms -
			       c->view.now_ms;

		strbuf_addf(
		    out,
		    "gsb_control_lease_seconds{site=\"%s\",service=\"%s\"} "
		    "%.3f\n",
		    route_site_name(s), route_service_name(k),
		    left > 0 ? (double)left / 1000 : 0.0);
	}
}

static void
site_metrics(const struct control *c, struct strbuf *out)
{
	gauge(out, "verdict", "0 unknown 1 whole 2 partial 3 split 4 dead.");
	for (int s = 0; s < ROUTE_SITES; s++)
		strbuf_addf(out, "gsb_control_verdict{site=\"%s\"} %d\n",
			    route_site_name((enum route_site)s),
			    (int)c->view.site[s].verdict);
	gauge(out, "replication_lag_bytes", "Not yet confirmed by the peer.");
	for (int s = 0; s < ROUTE_SITES; s++)
		strbuf_addf(
		    out,
		    "gsb_control_replication_lag_bytes{from=\"%s\"} %lld\n",
		    route_site_name((enum route_site)s),
		    (long long)c->view.site[s].known.out_lag_bytes);
	gauge(out, "replication_lag_seconds", "Age of what the peer lacks.");
	for (int s = 0; s < ROUTE_SITES; s++)
		strbuf_addf(
		    out,
		    "gsb_control_replication_lag_seconds{from=\"%s\"} %.3f\n",
		    route_site_name((enum route_site)s),
		    (double)c->view.site[s].known.out_lag_ms / 1000);
	gauge(out, "commits_at_risk",
	      "Of this site, not flushed by the other; at most, -1 unknown.");
	for (int s = 0; s < ROUTE_SITES; s++)
		strbuf_addf(out,
			    "gsb_control_commits_at_risk{site=\"%s\"} %lld\n",
			    route_site_name((enum route_site)s),
			    (long long)(c->view.site[s].known.known
					    ? c->view.site[s].known.at_risk
					    : -1));
}

static void
mail_metric(const struct control *c, enum route_site s, const char *name,
	    size_t offset, struct strbuf *out)
{
	const struct health_seen *web = watch_seen(c->watch, s, ROUTE_WEB);
	int64_t n = *(const int64_t *)((const char *)&web->last.mail + offset);

	if (web->answered && n >= 0)
		strbuf_addf(out, "gsb_mail_%s_total{site=\"%s\"} %lld\n", name,
			    route_site_name(s), (long long)n);
}

static void
mail_metrics(const struct control *c, struct strbuf *out)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} counts[] = {
		{ "sent", "Invitations and reminders.",
		  offsetof(struct report_mail, sent) },
		{ "failed_tries", "Of them, not taken by the mail server.",
		  offsetof(struct report_mail, failed_tries) },
		{ "given_up", "Of them, not tried any more.",
		  offsetof(struct report_mail, given_up) },
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		strbuf_addf(out,
			    "# HELP gsb_mail_%s_total %s\n"
			    "# TYPE gsb_mail_%s_total counter\n",
			    counts[i].name, counts[i].help, counts[i].name);
		for (int s = 0; s < ROUTE_SITES; s++)
			mail_metric(c, (enum route_site)s, counts[i].name,
				    counts[i].offset, out);
	}
}

void
status_metrics(const struct control *c, struct strbuf *out)
{
	state_metrics(c, out);
	service_metrics(c, out);
	site_metrics(c, out);
	mail_metrics(c, out);
}
