#include "proxy/conf.h"

#include <string.h>
#include <sys/stat.h>

#include "base/keyring.h"
#include "proxy/dashboard.h"
#include "proxy/introduction.h"
#include "proxy/notices.h"
#include "proxy/route.h"

/* sec, name, type: not the names of the members that they fill. */
#define KEY(sec, name, type, field, d, h)                           \
	{                                                           \
		.section = (sec), .key = (name), .kind = (type),    \
		.offset = offsetof(struct conf, field), .def = (d), \
		.help = (h)                                         \
	}
#define BOUND(sec, name, type, field, d, h, lo, hi)                 \
	{                                                           \
		.section = (sec), .key = (name), .kind = (type),    \
		.offset = offsetof(struct conf, field), .def = (d), \
		.help = (h), .min = (lo), .max = (hi)               \
	}
#define NAMES(sec, name, field, d, h, n)                            \
	{                                                           \
		.section = (sec), .key = (name), .kind = CONF_ENUM, \
		.offset = offsetof(struct conf, field), .def = (d), \
		.help = (h), .names = (n)                           \
	}
#define MS(sec, name, field, d, h, lo, hi) \
	BOUND(sec, name, CONF_MS, field, d, h, lo, hi)
/* 0: the data plane's own default. */
#define LIMIT(name, field, d, h, hi) \
	BOUND("limits", name, CONF_INT, field, d, h, 0, hi)
#define SIZE(name, field, d, h) \
	BOUND("limits", name, CONF_BYTES, field, d, h, 0, INT64_C(1) << 40)
#define YEAR_MS INT64_C(31622400000)
#define TIME(name, field, d, h) MS("limits", name, field, d, h, 0, 86400000)

static const char *const failback_names[] = { "auto", "window", "manual",
					      NULL };
static const char *const unknown_names[] = { "allow", "refuse", NULL };
static const char *const format_names[] = { "json", "common", NULL };

static const char *const tls_names[] = { "1.2", "1.3", NULL };
static const char *const client_names[] = { "off", "ask", "require", NULL };

const struct conf_key conf_keys[] = {
	KEY("proxy", "listen", CONF_STRING, listen, "127.0.0.1:8080",
	    "where clients come: HOST:PORT, several by commas"),
	KEY("proxy", "tls_listen", CONF_STRING, tls_listen, "",
	    "the same for TLS; empty: none"),
	KEY("proxy", "proxy_protocol", CONF_STRING, proxy_protocol, "",
	    "networks whose connections begin with a PROXY header: balancers "
	    "before us"),
	BOUND("proxy", "workers", CONF_INT, workers, "1",
	      "threads that forward requests", 1, 256),
	KEY("proxy", "state_dir", CONF_STRING, state_dir, NULL,
	    "folder of the authority record, the audit log, spools"),
	KEY("proxy", "admin", CONF_STRING, admin, NULL,
	    "path of the operators' unix socket (gsbctl --connect)"),
	KEY("proxy", "metrics_listen", CONF_STRING, metrics_listen, "",
	    "HOST:PORT of /metrics for Prometheus; empty: none"),
	BOUND("proxy", "audit_bytes", CONF_BYTES, audit_bytes, "16MiB",
	      "of one file of the audit log; ten are kept", 4096,
	      INT64_C(1) << 40),
	KEY("proxy", "public_url", CONF_STRING, public_url, "",
	    "what users know; for people's messages"),
	KEY("keys", "file", CONF_STRING, keys_file, NULL,
	    "the pair's key ring, mode 0600, lines KEYID HEX64"),
	KEY("tls", "certificates", CONF_STRING, certificates, "",
	    "PEM files and folders of them, by commas; keys in NAME.key, OCSP "
	    "answers in NAME.ocsp"),
	NAMES("tls", "minimum", tls_minimum, "1.2", "1.2 or 1.3", tls_names),
	NAMES("tls", "client_certificates", client_certificates, "off",
	      "off, ask (must be valid if shown) or require", client_names),
	KEY("tls", "client_ca", CONF_STRING, client_ca, "",
	    "PEM file of the authorities of those"),
	KEY("sites", "ca_file", CONF_STRING, site_ca, "",
	    "PEM file of who is trusted as a site at https:// addresses; "
	    "empty: the system's"),
	KEY("sites", "certificate", CONF_STRING, site_certificate, "",
	    "PEM file that the proxy shows them, its key in it or in "
	    "NAME.key"),
	KEY("primary", "web", CONF_STRING, web[0], NULL,
	    "HOST:PORT, or https://HOST:PORT for TLS"),
	KEY("primary", "collab", CONF_STRING, collab[0], NULL, "HOST:PORT"),
	KEY("primary", "collab_health", CONF_STRING, collab_health[0], NULL,
	    "HOST:PORT"),
	KEY("backup", "web", CONF_STRING, web[1], NULL, "HOST:PORT"),
	KEY("backup", "collab", CONF_STRING, collab[1], NULL, "HOST:PORT"),
	KEY("backup", "collab_health", CONF_STRING, collab_health[1], NULL,
	    "HOST:PORT"),
	MS("health", "interval", interval_ms, "500ms",
	   "between two probes of a service", 10, 60000),
	MS("health", "suspect_interval", suspect_interval_ms, "100ms",
	   "the same while something changes", 10, 60000),
	MS("health", "timeout", timeout_ms, "700ms",
	   "a probe without an answer has failed", 10, 60000),
	MS("health", "ttl", ttl_ms, "2s", "how long a grant lets a site serve",
	   100, 10000),
	BOUND("health", "rise", CONF_INT, rise, "2",
	      "good probes in a row until it is up", 1, 100),
	BOUND("health", "fall", CONF_INT, fall, "2",
	      "failed probes in a row until it is down", 1, 100),
	MS("health", "staleness", staleness_ms, "1s",
	   "grants need a record that was confirmed within this", 100, 10000),
	KEY("failover", "automatic", CONF_BOOL, automatic, "yes",
	    "fail over without an operator (G6)"),
	NAMES("failover", "failback", failback, "auto",
	      "return to the primary: auto, within window, or manual",
	      failback_names),
	KEY("failover", "window", CONF_STRING, window, "",
	    "HH:MM-HH:MM UTC, for failback = window"),
	MS("failover", "stable", stable_ms, "60s",
	   "how long the primary is whole before a return", 0, 3600000),
	MS("failover", "max_hold", max_hold_ms, "5s",
	   "the longest that a switch-over holds requests", 100, 60000),
	MS("failover", "max_drain", max_drain_ms, "3s",
	   "the longest wait for writes in flight", 10, 60000),
	MS("failover", "fail_hold", fail_hold_ms, "10s",
	   "how long a request waits for an automatic fail-over", 100, 120000),
	MS("readiness", "lag", gates.lag_ms, "2s",
	   "how far the other site may be behind, either way", 0, 3600000),
	MS("readiness", "verified_within", gates.verified_ms, "24h",
	   "both sites were found equal since then; 0: not looked at", 0,
	   YEAR_MS),
	MS("readiness", "copy_within", gates.copy_ms, "24h",
	   "the daily copy is not older; 0: not looked at", 0, YEAR_MS),
	MS("readiness", "clock", gates.clock_ms, "1s",
	   "how far the machines' clocks may be apart", 1, 3600000),
	MS("readiness", "certificates", gates.certificates_ms, "168h",
	   "how long each certificate must be good for yet", 0, YEAR_MS),
	BOUND("readiness", "disk_free", CONF_INT, gates.disk_percent, "5",
	      "percent that must be free", 0, 100),
	BOUND("readiness", "parked", CONF_INT, gates.parked, "0",
	      "rows that may be parked at a site", 0, INT32_MAX),
	BOUND("readiness", "conflicts", CONF_INT, gates.conflicts, "0",
	      "conflicts of keys that may be open at a site", 0, INT32_MAX),
	NAMES("readiness", "unknown", unknown, "allow",
	      "what is not told bars an order (refuse) or not (allow)",
	      unknown_names),
	SIZE("head_bytes", head_bytes, "0", "of a request's head; 0: default"),
	LIMIT("fields", fields, "0", "of a request; 0: default", 100),
	SIZE("body_buffer", body_buffer, "1MiB",
	     "of a request's body, kept to be sent again"),
	SIZE("body_limit", body_limit, "0", "beyond it 413; 0: default"),
	LIMIT("held_requests", held_requests, "0",
	      "that wait at once; 0: default", INT32_MAX),
	SIZE("held_bytes", held_bytes, "0", "of those; 0: default"),
	LIMIT("connections", connections, "0", "of clients; 0: default",
	      INT32_MAX),
	LIMIT("connections_per_address", per_address, "0",
	      "of clients; 0: default", INT32_MAX),
	TIME("head_time", head_ms, "0", "for a whole head; 0: default"),
	TIME("idle_time", idle_ms, "0", "between requests; 0: default"),
	TIME("body_time", body_ms, "0",
	     "between two pieces of a body; 0: default"),
	TIME("connect_time", connect_ms, "0", "to a site; 0: default"),
	TIME("upstream_time", upstream_ms, "0",
	     "up to the head of a site's answer; 0: default"),
	TIME("tunnel_idle_time", tunnel_ms, "0",
	     "of a silent WebSocket; 0: default"),
	LIMIT("pool", pool, "0",
	      "idle connections per worker and service; 0: default", 65536),
	LIMIT("connection_requests", connection_requests, "0",
	      "on a client's connection; 0: default", INT32_MAX),
	LIMIT("body_rate", body_rate, "0",
	      "bytes in a second of a body, either way; 0: default", INT32_MAX),
	LIMIT("site_requests", site_requests, "0",
	      "at a service of a site, of a worker; 0: default", 65536),
	LIMIT("site_queue", site_queue, "0",
	      "requests that wait for that; 0: default", INT32_MAX),
	TIME("queue_time", queue_ms, "0", "how long they do; 0: default"),
	TIME("slow_start", slow_start_ms, "0",
	     "over which a site is loaded after a switch; 0: default"),
	SIZE("h2_buffer", h2_buffer, "0",
	     "kept for a connection of HTTP/2; 0: default"),
	KEY("notices", "webhooks", CONF_STRING, webhooks, "",
	    "https://HOST/PATH, several by commas: changes of state, alarms"),
	KEY("notices", "webhook_key_file", CONF_STRING, webhook_key_file, "",
	    "mode 0600; one line, the key of X-GSB-Signature"),
	KEY("notices", "mail_to", CONF_STRING, mail_to, "",
	    "NAME@HOST, several by commas: the same as mail"),
	KEY("notices", "mail_from", CONF_STRING, mail_from, "",
	    "NAME@HOST, with mail_to"),
	KEY("notices", "smtp", CONF_STRING, smtp, "",
	    "smtp://HOST:PORT or smtps://HOST:PORT, with mail_to"),
	KEY("notices", "smtp_starttls", CONF_BOOL, smtp_starttls, "no",
	    "smtp:// goes over to TLS, or fails"),
	KEY("notices", "smtp_user", CONF_STRING, smtp_user, "",
	    "empty: nobody logs in"),
	KEY("notices", "smtp_password_file", CONF_STRING, smtp_password_file,
	    "", "mode 0600; one line"),
	KEY("notices", "ca", CONF_STRING, notices_ca, "",
	    "PEM file of who is trusted; empty: the system's"),
	KEY("dashboard", "listen", CONF_STRING, dashboard_listen, "",
	    "HOST:PORT of the operators' page; empty: none"),
	KEY("dashboard", "token_file", CONF_STRING, dashboard_token_file, "",
	    "mode 0600; one line, who knows it is let in; empty: only gsbctl "
	    "dashboard lets in"),
	KEY("dashboard", "tls", CONF_BOOL, dashboard_tls, "no",
	    "with tls.certificates; needed beyond loopback"),
	KEY("dashboard", "url", CONF_STRING, dashboard_url, "",
	    "what browsers call it, with a / at its end; empty: made of "
	    "listen"),
	KEY("access_log", "file", CONF_STRING, access_log, "",
	    "- is stderr, empty is off"),
	NAMES("access_log", "format", access_format, "json", "json or common",
	      format_names),
};
const size_t conf_nkeys = sizeof(conf_keys) / sizeof(conf_keys[0]);

static int
check_address(const char *section, const char *key, const char *text,
	      struct err *e)
{
	struct route_address address;

	if (route_address_parse(text, &address, e) < 0)
		return err_prefix(e, "%s.%s", section, key);
	return 0;
}

static int
check_sites(const struct conf *c, struct err *e)
{
	for (int s = 0; s < ROUTE_SITES; s++) {
		const char *name = route_site_name((enum route_site)s);

		if (check_address(name, "web", c->web[s], e) < 0 ||
		    check_address(name, "collab", c->collab[s], e) < 0 ||
		    check_address(name, "collab_health", c->collab_health[s],
				  e) < 0)
			return -1;
	}
	return 0;
}

static int
minute_of(struct span text)
{
	struct span hour;
	uint64_t h, m;

	if (!span_cut(&text, ':', &hour) || span_to_u64(hour, &h) < 0 ||
	    span_to_u64(text, &m) < 0 || h > 23 || m > 59)
		return -1;
	return (int)(h * 60 + m);
}

/* -1: not HH:MM-HH:MM. */
static int
parse_window(const char *text, int *from, int *to)
{
	struct span rest = span_of(text), first;

	if (!span_cut(&rest, '-', &first))
		return -1;
	*from = minute_of(first);
	*to = minute_of(rest);
	return *from < 0 || *to < 0 || *from == *to ? -1 : 0;
}

static int
check_failover(const struct conf *c, struct err *e)
{
	int from, to;

	if (c->failback == FAILOVER_WINDOW &&
	    parse_window(c->window, &from, &to) < 0)
		return err_set(e, ERR_INVALID,
			       "failover.window must be HH:MM-HH:MM (UTC), "
			       "such as 02:00-04:30, not \"%s\"",
			       c->window);
	if (c->staleness_ms >= c->ttl_ms)
		return err_set(e, ERR_INVALID,
			       "health.staleness must be less than health.ttl");
	if (c->interval_ms + c->timeout_ms >= c->ttl_ms)
		return err_set(e, ERR_INVALID,
			       "health.interval + health.timeout must be less "
			       "than health.ttl, or leases lapse between "
			       "probes");
	return 0;
}

static int
check_dir(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ERR_INVALID,
			       "proxy.state_dir: %s is not a folder", path);
	return 0;
}

static int
check_introducers(const struct conf *c, struct err *e)
{
	struct introduction_trust *t = introduction_trust_new(c->proxy_protocol,
							      e);

	if (t == NULL)
		return err_prefix(e, "proxy.proxy_protocol");
	introduction_trust_free(&t);
	return 0;
}

static int
check_tls(const struct conf *c, struct err *e)
{
	struct certs_conf tls;
	struct certs *certs;

	if (c->tls_listen[0] == '\0')
		return 0;
	conf_tls(c, &tls);
	certs = certs_load(&tls, e);
	if (certs == NULL)
		return err_prefix(e, "tls.certificates");
	certs_drop(&certs);
	return 0;
}

static int
check_trust(const struct conf *c, struct err *e)
{
	struct trust_conf conf;
	struct trust *t;

	conf_trust(c, &conf);
	conf.unused = true; /* the system's cannot be wrong */
	t = trust_load(&conf, e);
	if (t == NULL)
		return err_prefix(e, "sites");
	trust_drop(&t);
	return 0;
}

int
conf_check(const void *conf, struct err *e)
{
	const struct conf *c = conf;
	struct keyring *keys;

	if (check_sites(c, e) < 0 || check_failover(c, e) < 0 ||
	    check_dir(c->state_dir, e) < 0 || check_introducers(c, e) < 0 ||
	    check_tls(c, e) < 0 || check_trust(c, e) < 0 ||
	    notices_check(c, e) < 0 || dashboard_check(c, e) < 0)
		return -1;
	keys = keyring_load(c->keys_file, e);
	if (keys == NULL)
		return err_prefix(e, "keys.file");
	keyring_free(&keys);
	return 0;
}

void
conf_failover(const struct conf *c, struct failover_conf *out)
{
	memset(out, 0, sizeof(*out));
	out->automatic = c->automatic;
	out->back = (enum failover_back)c->failback;
	if (out->back == FAILOVER_WINDOW)
		(void)parse_window(c->window, &out->window_from_min,
				   &out->window_to_min);
	out->stable_ms = c->stable_ms;
	out->max_hold_ms = c->max_hold_ms;
	out->max_drain_ms = c->max_drain_ms;
	out->fail_hold_ms = c->fail_hold_ms;
}

void
conf_pace(const struct conf *c, struct health_pace *out)
{
	out->interval_ms = (uint32_t)c->interval_ms;
	out->fast_ms = (uint32_t)c->suspect_interval_ms;
	out->timeout_ms = (uint32_t)c->timeout_ms;
	out->ttl_ms = (uint32_t)c->ttl_ms;
	out->counts.rise = (unsigned)c->rise;
	out->counts.fall = (unsigned)c->fall;
}

void
conf_gates(const struct conf *c, struct gates_conf *out)
{
	*out = c->gates;
	out->unknown_bars = c->unknown == 1;
}

void
conf_limits(const struct conf *c, struct plane_limits *out)
{
	memset(out, 0, sizeof(*out));
	out->head_bytes = (uint32_t)c->head_bytes;
	out->fields = (uint32_t)c->fields;
	out->body_buffer_bytes = (uint64_t)c->body_buffer;
	out->body_limit_bytes = (uint64_t)c->body_limit;
	out->held_requests = (uint32_t)c->held_requests;
	out->held_bytes = (uint64_t)c->held_bytes;
	out->connections = (uint32_t)c->connections;
	out->connections_per_address = (uint32_t)c->per_address;
	out->head_ms = (uint32_t)c->head_ms;
	out->idle_ms = (uint32_t)c->idle_ms;
	out->body_ms = (uint32_t)c->body_ms;
	out->connect_ms = (uint32_t)c->connect_ms;
	out->upstream_ms = (uint32_t)c->upstream_ms;
	out->tunnel_idle_ms = (uint32_t)c->tunnel_ms;
	out->pool = (uint32_t)c->pool;
	out->connection_requests = (uint32_t)c->connection_requests;
	out->body_rate = (uint32_t)c->body_rate;
	out->site_requests = (uint32_t)c->site_requests;
	out->site_queue = (uint32_t)c->site_queue;
	out->queue_ms = (uint32_t)c->queue_ms;
	out->slow_start_ms = (uint32_t)c->slow_start_ms;
	out->h2_buffer_bytes = (uint64_t)c->h2_buffer;
}

void
conf_tls(const struct conf *c, struct certs_conf *out)
{
	*out = (struct certs_conf){
		.files = c->certificates,
		.client_ca = c->client_ca,
		.clients = (enum certs_clients)c->client_certificates,
		.minimum = c->tls_minimum == 0 ? TLS1_2_VERSION
					       : TLS1_3_VERSION,
	};
}

static bool
speaks_tls(const char *address)
{
	return span_starts(span_of(address), "https://");
}

void
conf_trust(const struct conf *c, struct trust_conf *out)
{
	bool tls = false;

	for (int s = 0; s < ROUTE_SITES; s++)
		tls = tls || speaks_tls(c->web[s]) || speaks_tls(c->collab[s]);
	*out = (struct trust_conf){ .ca_file = c->site_ca,
				    .certificate = c->site_certificate,
				    .unused = !tls };
}

void
conf_plane(const struct conf *c, struct plane_conf *out)
{
	conf_limits(c, &out->limits);
	conf_tls(c, &out->tls);
	out->introducers = c->proxy_protocol;
}
