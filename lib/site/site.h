/*
 * The site node: what its parts share, and its main. Both roles run this.
 */
#ifndef SITE_SITE_H
#define SITE_SITE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/queue.h>

#include "base/keyring.h"
#include "io/pgpool.h"
#include "site/gate.h"
#include "site/role.h"

struct api;
struct auth_checks;
struct auth_memory;
struct collab;
struct dbhealth;
struct files;
struct mail;
struct rate;
struct snapshot;
struct web;

struct site_conf {
	const char *public_url; /* "http://127.0.0.1:8080", no slash at end */
	const char *state_dir;
	const char *keys_file;
	const char *db_conninfo;
	int64_t db_pool;
	const char *web_listen; /* "" : no web here */
	int64_t web_body_limit, web_upload_limit;
	const char *web_scan; /* of uploads; "": none */
	int64_t web_rate;     /* requests a second of one account */
	const char *collab_listen, *collab_health_listen;
	int64_t collab_grace_s;
	const char *mail_smtp; /* "": no mail */
	const char *mail_from, *mail_user, *mail_password_file, *mail_ca_file;
	bool mail_starttls;
	int64_t mail_remind_ms;
};

struct site {
	const struct site_role *role;
	const struct site_conf *conf;
	struct keyring *keys;
	struct files *files; /* settings, pages, clients */
	struct pgpool *pool;
	struct dbhealth *health; /* NULL when web does not run here */
	struct auth_memory *memory;
	struct auth_checks *checks;
	struct rate *rate;
	struct gate *web_gate, *collab_gate; /* NULL: does not run here */
	struct mail *mail;                   /* NULL: web does not run here */
	struct snapshot *snapshot;           /* NULL: web does not run here */
	struct web *web;
	struct collab *collab;
	TAILQ_HEAD(, api) requests; /* not yet answered */
	unsigned in_flight;
};

/* What people and clients see is https: cookies and fields go by it. */
static inline bool
site_is_https(const struct site *s)
{
	return strncmp(s->conf->public_url, "https:", 6) == 0;
}

/* The whole program; returns its exit status. */
int site_main(int argc, char **argv, const struct site_role *role);

#endif
