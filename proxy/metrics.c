#include "proxy/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const uint32_t bounds_us[] = { 500,     1000,    2500,    5000,
				      10000,   25000,   50000,   100000,
				      250000,  500000,  1000000, 2500000,
				      5000000, 10000000 };
static_assert(sizeof(bounds_us) / sizeof(bounds_us[0]) == METRICS_BUCKETS,
	      "one bound for each bucket");

struct group {
	const struct metrics *const *all;
	unsigned n;
	struct strbuf *out;
};

struct plain {
	const char *name;
	const char *type;
	const char *help;
	size_t offset;
};

#define PLAIN(name, type, field, help)                                         \
	{                                                                      \
		"gsb_proxy_" name, type, help, offsetof(struct metrics, field) \
	}
static const struct plain plains[] = {
	PLAIN("clients", "gauge", clients, "Connections of clients."),
	PLAIN("upstreams", "gauge", upstreams, "Connections to sites."),
	PLAIN("upstreams_idle", "gauge", idle, "Idle connections to sites."),
	PLAIN("accepted_total", "counter", accepted, "Connections accepted."),
	PLAIN("turned_away_total", "counter", turned_away,
	      "Connections closed at once, beyond a limit."),
	PLAIN("faults_total", "counter", faults,
	      "Malformed requests, refused."),
	PLAIN("tls_handshakes_total", "counter", tls_handshakes,
	      "TLS connections made, with clients and sites."),
	PLAIN("tls_resumed_total", "counter", tls_resumed,
	      "Of those, that went on with a session."),
	PLAIN("tls_failed_total", "counter", tls_failed,
	      "TLS connections that were not made."),
	PLAIN("h2_connections_total", "counter", h2_connections,
	      "Clients' connections that spoke HTTP/2."),
	PLAIN("h2_calmed_total", "counter", h2_calmed,
	      "Of those, closed because the client asked for too much."),
	PLAIN("connects_total", "counter", connects,
	      "New connections to sites."),
	PLAIN("reuses_total", "counter", reuses,
	      "Requests on a kept connection."),
	PLAIN("resent_total", "counter", resent, "Requests sent once more."),
	PLAIN("held_total", "counter", held, "Requests that had to wait."),
	PLAIN("hold_expired_total", "counter", hold_expired,
	      "Held requests answered 503 because their time ran out."),
	PLAIN("hold_refused_total", "counter", hold_refused,
	      "Requests answered 503 because the queue was full."),
	PLAIN("cut_total", "counter", cut, "Answers broken off by a site."),
	PLAIN("client_gone_total", "counter", client_gone,
	      "Requests whose client went away."),
	PLAIN("streamed_total", "counter", streamed,
	      "Requests too large to be resent."),
	PLAIN("log_lost_total", "counter", log_lost,
	      "Access log lines lost to a slow disk."),
	PLAIN("bytes_in_total", "counter", bytes_in,
	      "Bytes of request bodies."),
	PLAIN("bytes_out_total", "counter", bytes_out,
	      "Bytes sent to clients."),
};

static const char *
source_name(unsigned source)
{
	return source == METRICS_OWN ? "proxy" : route_site_name(source);
}

void
metrics_observe(struct metrics_histogram *h, int64_t us)
{
	unsigned i = 0;

	while (i < METRICS_BUCKETS && us > bounds_us[i])
		i++;
	metrics_add(&h->buckets[i], 1);
	metrics_add(&h->sum_us, (uint64_t)us);
}

static uint64_t
sum(const struct group *g, size_t offset)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < g->n; i++)
		total += metrics_read(
		    (const _Atomic uint64_t *)((const char *)g->all[i] +
					       offset));
	return total;
}

static void
head(const struct group *g, const char *name, const char *type,
     const char *help)
{
	strbuf_addf(g->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
		    type);
}

static void
add_plains(const struct group *g)
{
	for (size_t i = 0; i < sizeof(plains) / sizeof(plains[0]); i++) {
		const struct plain *p = &plains[i];

		head(g, p->name, p->type, p->help);
		strbuf_addf(g->out, "%s %" PRIu64 "\n", p->name,
			    sum(g, p->offset));
	}
}

static void
add_per_site(const struct group *g, const char *name, const char *help,
	     size_t offset)
{
	size_t n = strlen(name);
	bool total = n > 6 && strcmp(name + n - 6, "_total") == 0;

	head(g, name, total ? "counter" : "gauge", help);
	for (unsigned s = 0; s < ROUTE_SITES; s++)
		strbuf_addf(g->out, "%s{site=\"%s\"} %" PRIu64 "\n", name,
			    route_site_name(s),
			    sum(g, offset + s * sizeof(uint64_t)));
}

static void
add_answers(const struct group *g)
{
	head(g, "gsb_proxy_answers_total", "counter",
	     "Answers by where they came from and class of status; class "
	     "\"none\": the request ended without one.");
	for (unsigned s = 0; s < METRICS_SOURCES; s++)
		for (unsigned c = 0; c < METRICS_CLASSES; c++) {
			size_t at = offsetof(struct metrics, answers) +
				    (s * METRICS_CLASSES + c) *
					sizeof(uint64_t);
			char class[] = "0xx";

			class[0] = (char)('0' + c);
			strbuf_addf(g->out,
				    "gsb_proxy_answers_total{from=\"%s\","
				    "class=\"%s\"} %" PRIu64 "\n",
				    source_name(s), c == 0 ? "none" : class,
				    sum(g, at));
		}
}

static void
add_signals(const struct group *g)
{
	static const char *const names[] = { "refused", "reset", "timeout",
					     "5xx", "not_processed" };

	static_assert(sizeof(names) / sizeof(names[0]) == PLANE_SIGNALS,
		      "one name for each signal");
	head(g, "gsb_proxy_signals_total", "counter",
	     "What requests met at a site, by kind.");
	for (unsigned s = 0; s < ROUTE_SITES; s++)
		for (unsigned k = 0; k < PLANE_SIGNALS; k++)
			strbuf_addf(
			    g->out,
			    "gsb_proxy_signals_total{site=\"%s\",kind=\"%s\"} "
			    "%" PRIu64 "\n",
			    route_site_name(s), names[k],
			    sum(g, offsetof(struct metrics, signals) +
				       (s * PLANE_SIGNALS + k) *
					   sizeof(uint64_t)));
}

static void
add_limits(const struct group *g)
{
	static const char name[] = "gsb_proxy_limit_total";

	head(g, name, "counter",
	     "Connections and requests that met a limit, by its key.");
	for (unsigned i = 0; i < LIMITS; i++)
		strbuf_addf(g->out, "%s{limit=\"%s\"} %" PRIu64 "\n", name,
			    limit_name((enum limit)i),
			    sum(g, offsetof(struct metrics, limits) +
				       i * sizeof(uint64_t)));
}

/* label: such as from="primary", or "". */
static void
add_histogram(const struct group *g, const char *name, const char *label,
	      size_t offset)
{
	const char *comma = label[0] != '\0' ? "," : "";
	uint64_t count = 0;

	for (unsigned i = 0; i <= METRICS_BUCKETS; i++) {
		count += sum(g, offset + i * sizeof(uint64_t));
		strbuf_addf(g->out, "%s_bucket{%s%sle=\"", name, label, comma);
		if (i < METRICS_BUCKETS)
			strbuf_addf(g->out, "%g", bounds_us[i] / 1e6);
		else
			strbuf_adds(g->out, "+Inf");
		strbuf_addf(g->out, "\"} %" PRIu64 "\n", count);
	}
	offset += offsetof(struct metrics_histogram, sum_us);
	strbuf_addf(g->out, "%s_sum{%s} %.6f\n", name, label,
		    (double)sum(g, offset) / 1e6);
	strbuf_addf(g->out, "%s_count{%s} %" PRIu64 "\n", name, label, count);
}

static void
add_histograms(const struct group *g)
{
	static const char total[] = "gsb_proxy_request_seconds";
	static const char first[] = "gsb_proxy_first_byte_seconds";
	static const char hold[] = "gsb_proxy_hold_seconds";
	size_t size = sizeof(struct metrics_histogram);
	char label[32];

	head(g, total, "histogram", "From a whole head to the last byte.");
	for (unsigned s = 0; s < METRICS_SOURCES; s++) {
		snprintf(label, sizeof(label), "from=\"%s\"", source_name(s));
		add_histogram(g, total, label,
			      offsetof(struct metrics, total) + s * size);
	}
	head(g, first, "histogram",
	     "From sending to a site to the head of its answer.");
	for (unsigned s = 0; s < ROUTE_SITES; s++) {
		snprintf(label, sizeof(label), "site=\"%s\"",
			 route_site_name(s));
		add_histogram(g, first, label,
			      offsetof(struct metrics, first_byte) + s * size);
	}
	head(g, hold, "histogram", "How long held requests waited.");
	add_histogram(g, hold, "", offsetof(struct metrics, hold));
}

static void
add_gauge(const struct group *g, const char *name, const char *help,
	  uint64_t value)
{
	head(g, name, "gauge", help);
	strbuf_addf(g->out, "%s %" PRIu64 "\n", name, value);
}

void
metrics_render(const struct metrics *const *all, unsigned n,
	       const struct metrics_gauges *gauges, struct strbuf *out)
{
	struct group g = { .all = all, .n = n, .out = out };

	add_gauge(&g, "gsb_proxy_epoch", "Of the newest snapshot.",
		  gauges->epoch);
	if (gauges->active != NULL) {
		head(&g, "gsb_proxy_route", "gauge",
		     "The active site and the mode, as labels.");
		strbuf_addf(out,
			    "gsb_proxy_route{active=\"%s\",mode=\"%s\"} 1\n",
			    gauges->active, gauges->mode);
	}
	add_gauge(&g, "gsb_proxy_holding", "Requests held now.", gauges->held);
	add_gauge(&g, "gsb_proxy_holding_bytes", "Bytes of them.",
		  gauges->held_bytes);
	add_gauge(&g, "gsb_proxy_connections", "Connections of clients.",
		  gauges->connections);
	add_per_site(&g, "gsb_proxy_in_flight", "Requests at a site.",
		     offsetof(struct metrics, in_flight));
	add_per_site(&g, "gsb_proxy_may_write",
		     "Of those, that may write and are not yet answered.",
		     offsetof(struct metrics, may_write));
	add_per_site(&g, "gsb_proxy_queued",
		     "Requests that wait for a site that has enough to do.",
		     offsetof(struct metrics, queued));
	add_per_site(&g, "gsb_proxy_site_tls_failed_total",
		     "Connections to a site that TLS did not let come about.",
		     offsetof(struct metrics, site_tls_failed));
	add_per_site(&g, "gsb_proxy_websockets", "Tunnels to a site.",
		     offsetof(struct metrics, websockets));
	add_answers(&g);
	add_signals(&g);
	add_limits(&g);
	add_plains(&g);
	add_histograms(&g);
}
