#include "site/site.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/httpd.h"
#include "io/program.h"
#include "io/service.h"
#include "site/auth_check.h"
#include "site/auth_memory.h"
#include "site/collab.h"
#include "site/dbhealth.h"
#include "site/files.h"
#include "site/files_publish.h"
#include "site/lease.h"
#include "site/mail.h"
#include "site/rate.h"
#include "site/schema.h"
#include "site/snapshot.h"
#include "site/web.h"

#define MODULE "site"

/*
 * For every connection of the pool. A site process that is stopped in the
 * middle of a transaction must not hold rows that the peer's changes wait
 * for; a statement that waits for a lock gives up before its request does.
 */
#define DB_SETUP                                                          \
	"SELECT set_config('idle_in_transaction_session_timeout', '5s', " \
	"false), set_config('lock_timeout', '5s', false), "               \
	"set_config('timezone', 'UTC', false), "                          \
	"set_config('datestyle', 'ISO', false), "                         \
	"set_config('jit', 'off', false)"
#define DB_WAITERS 2000
#define DB_SPARE 2 /* reads do not wait for commits that wait */

static struct {
	const struct site_role *role;
	const char *migrate, *publish, *only; /* options */
	struct site site;
	struct httpd *health; /* of collab */
	struct schema *schema;
	int draining; /* services that have not finished */
} self;

static int check(const void *conf, struct err *e);
static int reload(const void *conf, struct err *e);
static int start(const void *conf, char *const *words, struct err *e);
static int open_files(struct site *s, struct err *e);
static int publish(const struct site *s, struct err *e);
static int start_services(struct site *s, struct err *e);
static int start_collab(struct site *s, struct err *e);
static void on_migrated(void *ctx, int applied, const struct err *err);
static void on_peer(void *ctx, bool dead);
static void on_health(void *ctx, struct httpd_req *req);
static void drain(void);
static void on_drained(void *ctx);
static void stop(void);

#define KEY(section, key, kind, member, def, help)                           \
	{                                                                    \
		section, key, kind, offsetof(struct site_conf, member), def, \
		    help, 0, 0, NULL                                         \
	}

static const struct conf_key keys[] = {
	KEY("site", "public_url", CONF_STRING, public_url, NULL,
	    "what users know, like http://meet.example.com"),
	KEY("site", "state_dir", CONF_STRING, state_dir, NULL,
	    "spools and files of this site"),
	KEY("keys", "file", CONF_STRING, keys_file, NULL,
	    "the pair's key ring, mode 0600, equal on both sites and the "
	    "proxy"),
	KEY("db", "conninfo", CONF_STRING, db_conninfo, NULL,
	    "libpq connection string of role gsb_site; the password by "
	    "passfile="),
	{ "db", "pool", CONF_INT, offsetof(struct site_conf, db_pool), "8",
	  "connections to the database", 1, 200, NULL },
	KEY("web", "listen", CONF_STRING, web_listen, "127.0.0.1:8010",
	    "HOST:PORT of the web service"),
	{ "web", "body_limit", CONF_BYTES,
	  offsetof(struct site_conf, web_body_limit), "1MiB",
	  "the largest request body", 1024, 1 << 30, NULL },
	{ "web", "rate", CONF_INT, offsetof(struct site_conf, web_rate), "1000",
	  "requests a second of one account, twice as many at once; 0: no "
	  "limit",
	  0, 1000000, NULL },
	{ "web", "upload_limit", CONF_BYTES,
	  offsetof(struct site_conf, web_upload_limit), "1GiB",
	  "the largest page or client that may be uploaded", 1024,
	  INT64_C(1) << 40, NULL },
	KEY("web", "scan", CONF_STRING, web_scan, "",
	    "program, with its words, that judges uploads on its standard "
	    "input, such as /usr/bin/clamdscan --no-summary -; empty: none"),
	KEY("collab", "listen", CONF_STRING, collab_listen, "127.0.0.1:8011",
	    "HOST:PORT of the rooms (WebSocket)"),
	KEY("collab", "health_listen", CONF_STRING, collab_health_listen,
	    "127.0.0.1:8012", "HOST:PORT of the rooms' /gsb/lease"),
	{ "collab", "grace_s", CONF_INT,
	  offsetof(struct site_conf, collab_grace_s), "30",
	  "seconds in which who was cut off comes back as if he had stayed", 1,
	  600, NULL },
	KEY("mail", "smtp", CONF_STRING, mail_smtp, "",
	    "smtp://HOST:PORT or smtps://HOST:PORT that takes invitations and "
	    "reminders; empty: none are sent"),
	KEY("mail", "from", CONF_STRING, mail_from, "",
	    "address that they come from"),
	KEY("mail", "user", CONF_STRING, mail_user, "",
	    "who logs in there; empty: nobody"),
	KEY("mail", "password_file", CONF_STRING, mail_password_file, "",
	    "his password, mode 0600"),
	KEY("mail", "ca_file", CONF_STRING, mail_ca_file, "",
	    "who is trusted there; empty: the system's"),
	KEY("mail", "starttls", CONF_BOOL, mail_starttls, "no",
	    "smtp:// goes over to TLS, or no mail is sent"),
	KEY("mail", "remind", CONF_MS, mail_remind_ms, "15m",
	    "how long before a meeting people are reminded; 0: they are not"),
};

static const struct service_option options[] = {
	{ "migrate", NULL, "apply the schema's steps and end", &self.migrate },
	{ "publish", "DIR",
	  "make pages, clients and settings of DIR the next version and end",
	  &self.publish },
	{ "only", "SERVICE", "run one service alone: web or collab",
	  &self.only },
	{ NULL, NULL, NULL, NULL },
};

int
site_main(int argc, char **argv, const struct site_role *role)
{
	struct service service = {
		.name = role->program,
		.about = "one of the two sites of the pair",
		.keys = keys,
		.nkeys = sizeof(keys) / sizeof(keys[0]),
		.conf_size = sizeof(struct site_conf),
		.options = options,
		.check = check,
		.start = start,
		.reload = reload,
		.drain = drain,
		.stop = stop,
	};

	self.role = role;
	return service_main(argc, argv, &service);
}

static int
check(const void *conf, struct err *e)
{
	const struct site_conf *c = conf;
	size_t len = strlen(c->public_url);

	if ((strncmp(c->public_url, "http://", 7) != 0 &&
	     strncmp(c->public_url, "https://", 8) != 0) ||
	    c->public_url[len - 1] == '/')
		return err_set(e, ERR_INVALID,
			       "[site] public_url: \"%s\" must begin with "
			       "http:// or https:// and not end with a slash",
			       c->public_url);
	if (self.only != NULL && strcmp(self.only, "web") != 0 &&
	    strcmp(self.only, "collab") != 0)
		return err_set(e, ERR_INVALID, "--only %s: it is web or collab",
			       self.only);
	if (c->web_scan[0] != '\0' && program_check(c->web_scan, e) < 0)
		return err_prefix(e, "[web] scan");
	return mail_check(c, e);
}

static int
start(const void *conf, char *const *words, struct err *e)
{
	struct site *s = &self.site;

	if (words[0] != NULL)
		return err_set(e, ERR_INVALID, "\"%s\" is not an option",
			       words[0]);
	memset(s, 0, sizeof(*s));
	s->role = self.role;
	s->conf = conf;
	TAILQ_INIT(&s->requests);
	if (self.migrate != NULL) {
		self.schema = schema_start(s->conf->db_conninfo, s->role,
					   on_migrated, NULL);
		return 0;
	}
	if (self.publish != NULL)
		return publish(s, e);
	s->keys = keyring_load(s->conf->keys_file, e);
	if (s->keys == NULL || open_files(s, e) < 0)
		return -1;
	return start_services(s, e);
}

/* The keys, and what is read at each use; the rest waits for a restart. */
static int
reload(const void *conf, struct err *e)
{
	const struct site_conf *next = conf;
	struct site *s = &self.site;
	struct keyring *ring;

	if (s->keys == NULL)
		return err_set(e, ERR_INVALID, "it migrates");
	ring = keyring_load(next->keys_file, e);
	if (ring == NULL)
		return -1;
	keyring_replace(s->keys, &ring);
	s->conf = next;
	files_scan_by(s->files, next->web_scan);
	log_info(MODULE, "signs=%s", keyring_id(s->keys));
	return 0;
}

static int
open_files(struct site *s, struct err *e)
{
	char *dir = mem_printf("%s/files", s->conf->state_dir);

	s->files = files_open(dir, s->role->owns_configuration, e);
	mem_free(dir);
	if (s->files == NULL)
		return -1;
	files_scan_by(s->files, s->conf->web_scan);
	return 0;
}

static int
publish(const struct site *s, struct err *e)
{
	char *store = mem_printf("%s/files", s->conf->state_dir);
	int64_t version = 0;
	int rc = files_publish(store, s->role->owns_configuration, self.publish,
			       &version, e);

	mem_free(store);
	if (rc < 0)
		return -1;
	log_info(MODULE, "published=\"%s\" version=%lld", self.publish,
		 (long long)version);
	service_stopped(0);
	return 0;
}

static void
on_migrated(void *ctx, int applied, const struct err *err)
{
	self.schema = NULL;
	if (err != NULL)
		log_error(MODULE, "migrate=failed why=\"%s\"", err_text(err));
	else
		log_info(MODULE, "migrate=done applied=%d schema=%d", applied,
			 schema_latest());
	service_stopped(err != NULL);
}

static bool
wanted(const char *service)
{
	return self.only == NULL || strcmp(self.only, service) == 0;
}

static int
start_services(struct site *s, struct err *e)
{
	struct pgpool_conf pool = {
		.conninfo = s->conf->db_conninfo,
		.application = s->role->program,
		.setup = DB_SETUP,
		.size = wanted("web") ? (unsigned)s->conf->db_pool : 1,
		.spare = DB_SPARE,
		.max_waiters = DB_WAITERS,
		.connect_ms = 2000,
	};
	struct gate_conf gate = { .service = "web",
				  .site = s->role->name,
				  .keys = s->keys,
				  .on_peer = on_peer,
				  .ctx = s };

	/* The site to come gets everybody at once, in the moment of a switch.
	 */
	pool.ready = pool.size;
	s->pool = pgpool_open(&pool);
	if (wanted("collab") && start_collab(s, e) < 0)
		return -1;
	if (!wanted("web"))
		return 0;
	s->web_gate = gate_new(&gate);
	s->memory = auth_memory_new();
	s->checks = auth_checks_new(s->memory);
	s->rate = rate_new(s->conf->web_rate);
	s->health = dbhealth_new(s->conf->db_conninfo, s->role->program);
	s->snapshot = snapshot_new(s);
	s->mail = mail_open(s);
	s->web = web_open(s, e);
	return s->web != NULL ? 0 : -1;
}

static int
start_collab(struct site *s, struct err *e)
{
	struct gate_conf gate = { .service = "collab",
				  .site = s->role->name,
				  .keys = s->keys };
	struct httpd_conf health = {
		.listen = s->conf->collab_health_listen,
		.body_limit = 64 * 1024,
		.on_request = on_health,
		.ctx = s,
	};

	s->collab_gate = gate_new(&gate);
	self.health = httpd_open(&health, e);
	if (self.health == NULL)
		return -1;
	s->collab = collab_open(s, s->collab_gate, e);
	return s->collab != NULL ? 0 : -1;
}

static void
on_health(void *ctx, struct httpd_req *req)
{
	struct site *s = ctx;

	if (span_is(httpd_path(req), "/gsb/lease") &&
	    span_is(httpd_method(req), "POST"))
		lease_handle(s, s->collab_gate, req);
	else
		lease_refuse(req, 404, "no such path");
}

/*
 * Nobody may wait for a peer that the authority calls dead: the replicator
 * degrades at once, and whoever waits is released even if it is down too.
 */
static void
on_peer(void *ctx, bool dead)
{
	struct site *s = ctx;

	if (!dead)
		return;
	dbhealth_peer_dead(s->health);
	pgpool_cancel_commits(s->pool);
}

static void
drain(void)
{
	struct site *s = &self.site;

	if (self.schema != NULL) {
		service_stopped(1);
		return;
	}
	self.draining = 2 * (s->web != NULL) + (s->collab != NULL);
	if (s->web != NULL) {
		web_drain(s->web, on_drained, NULL);
		mail_drain(s->mail, on_drained, NULL);
	}
	if (s->collab != NULL)
		collab_drain(s->collab, on_drained, NULL);
}

static void
on_drained(void *ctx)
{
	assert(self.draining > 0);
	if (--self.draining == 0)
		service_stopped(0);
}

/* Whoever has a request under way goes before what it works with. */
static void
stop(void)
{
	struct site *s = &self.site;

	schema_cancel(&self.schema);
	web_close(&s->web);
	mail_close(&s->mail);
	collab_close(&s->collab);
	snapshot_free(&s->snapshot);
	files_close(&s->files);
	dbhealth_free(&s->health);
	pgpool_close(&s->pool);
	httpd_close(&self.health);
	auth_checks_free(&s->checks);
	auth_memory_free(&s->memory);
	rate_free(&s->rate);
	gate_free(&s->web_gate);
	gate_free(&s->collab_gate);
	keyring_free(&s->keys);
}
