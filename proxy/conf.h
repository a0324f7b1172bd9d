/*
 * The proxy's configuration (docs/contracts.md 2) as the table that service
 * reads, and what the parts of the program take from it.
 */
#ifndef PROXY_CONF_H
#define PROXY_CONF_H

#include "base/conf.h"
#include "proxy/failover.h"
#include "proxy/health.h"
#include "proxy/plane.h"
#include "proxy/trust.h"

struct conf {
	int64_t audit_bytes;
	const char *listen, *tls_listen, *proxy_protocol, *state_dir, *admin,
	    *metrics_listen, *public_url;
	int64_t workers;
	const char *keys_file;
	const char *certificates, *client_ca;
	const char *site_ca, *site_certificate;
	int client_certificates, tls_minimum;
	const char *web[ROUTE_SITES], *collab[ROUTE_SITES];
	const char *collab_health[ROUTE_SITES];
	int64_t interval_ms, suspect_interval_ms, timeout_ms, ttl_ms;
	int64_t rise, fall, staleness_ms;
	bool automatic;
	int failback;
	const char *window;
	int64_t stable_ms, max_hold_ms, max_drain_ms, fail_hold_ms;
	int64_t head_bytes, fields, body_buffer, body_limit;
	int64_t held_requests, held_bytes, connections, per_address;
	int64_t head_ms, idle_ms, body_ms, connect_ms, upstream_ms, tunnel_ms;
	int64_t pool, connection_requests, body_rate, h2_buffer;
	int64_t site_requests, site_queue, queue_ms, slow_start_ms;
	struct gates_conf gates;
	int unknown;
	const char *webhooks, *webhook_key_file;
	const char *mail_to, *mail_from, *smtp, *smtp_user;
	const char *smtp_password_file, *notices_ca;
	bool smtp_starttls;
	const char *dashboard_listen, *dashboard_token_file, *dashboard_url;
	bool dashboard_tls;
	const char *access_log;
	int access_format;
};

extern const struct conf_key conf_keys[];
extern const size_t conf_nkeys;

/* What the table cannot say: addresses, combinations, the key file. */
int conf_check(const void *conf, struct err *e)
    __attribute__((warn_unused_result));

void conf_failover(const struct conf *c, struct failover_conf *out);
void conf_pace(const struct conf *c, struct health_pace *out);
void conf_gates(const struct conf *c, struct gates_conf *out);
void conf_limits(const struct conf *c, struct plane_limits *out);
void conf_tls(const struct conf *c, struct certs_conf *out);
void conf_trust(const struct conf *c, struct trust_conf *out);
/* Both of these, and whom it believes about clients. */
void conf_plane(const struct conf *c, struct plane_conf *out);

#endif
