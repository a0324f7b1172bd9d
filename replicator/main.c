/* gsb-replicator: see --help. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/service.h"
#include "replicator/adopt.h"
#include "replicator/copy.h"
#include "replicator/install.h"
#include "replicator/run.h"

struct conf {
	int site;
	const char *local, *peer, *admin, *tables, *state_dir, *listen;
	int64_t stream_above, leap_above, spool_max;
	/* SIGHUP takes these over, and no others: */
	int sync;
	int64_t sync_timeout_ms, verify_ms, conflicts_age_ms, conflicts_kept;
	struct copy_conf copy;
};

static const char *const sites[] = { "primary", "backup", NULL };
static const char *const modes[] = { "off", "on", "remote_apply", NULL };

#define AT(field) offsetof(struct conf, field)
static const struct conf_key keys[] = {
	{ .section = "replicator",
	  .key = "site",
	  .kind = CONF_ENUM,
	  .offset = AT(site),
	  .names = sites,
	  .help = "which site's database is the local one" },
	{ .section = "replicator",
	  .key = "local",
	  .kind = CONF_STRING,
	  .offset = AT(local),
	  .help = "connection string of the local database; role "
		  "gsb_replicator, its password by passfile=" },
	{ .section = "replicator",
	  .key = "peer",
	  .kind = CONF_STRING,
	  .offset = AT(peer),
	  .help = "connection string of the peer's database, likewise" },
	{ .section = "replicator",
	  .key = "admin",
	  .kind = CONF_STRING,
	  .offset = AT(admin),
	  .def = "",
	  .help = "connection string of a superuser of the local database; "
		  "only install uses it" },
	{ .section = "replicator",
	  .key = "tables",
	  .kind = CONF_STRING,
	  .offset = AT(tables),
	  .help = "file that declares the replicated tables" },
	{ .section = "replicator",
	  .key = "sync",
	  .kind = CONF_ENUM,
	  .offset = AT(sync),
	  .def = "on",
	  .names = modes,
	  .help = "off, on (a commit waits until the peer has it durably) or "
		  "remote_apply" },
	{ .section = "replicator",
	  .key = "sync_timeout",
	  .kind = CONF_MS,
	  .offset = AT(sync_timeout_ms),
	  .def = "3s",
	  .min = 100,
	  .max = 3600000,
	  .help = "without the peer for so long, commits stop waiting" },
	{ .section = "replicator",
	  .key = "verify",
	  .kind = CONF_MS,
	  .offset = AT(verify_ms),
	  .def = "10m",
	  .min = 0,
	  .max = 2592000000,
	  .help = "how long after a digest of all tables the next one begins, "
		  "in the background; 0: none" },
	{ .section = "replicator",
	  .key = "conflicts_age",
	  .kind = CONF_MS,
	  .offset = AT(conflicts_age_ms),
	  .def = "30d",
	  .min = 0,
	  .max = 315360000000,
	  .help = "how long what lost in a conflict is kept" },
	{ .section = "replicator",
	  .key = "conflicts_kept",
	  .kind = CONF_INT,
	  .offset = AT(conflicts_kept),
	  .def = "100000",
	  .min = 0,
	  .max = 100000000,
	  .help = "how many conflicts at most" },
	{ .section = "replicator",
	  .key = "state_dir",
	  .kind = CONF_STRING,
	  .offset = AT(state_dir),
	  .def = "",
	  .help = "directory of the replicator's own files" },
	{ .section = "replicator",
	  .key = "stream_above",
	  .kind = CONF_BYTES,
	  .offset = AT(stream_above),
	  .def = "8MiB",
	  .min = 64 << 10,
	  .max = 1 << 30,
	  .help = "a transaction of the peer that takes more memory there "
		  "comes before its end, and small ones pass it by" },
	{ .section = "replicator",
	  .key = "leap_above",
	  .kind = CONF_BYTES,
	  .offset = AT(leap_above),
	  .def = "16MiB",
	  .min = 0,
	  .max = INT64_C(1) << 40,
	  .help = "a backlog of more log is made up for by reading what the "
		  "peer's rows are now, all at once; 0: never" },
	{ .section = "replicator",
	  .key = "spool_max",
	  .kind = CONF_BYTES,
	  .offset = AT(spool_max),
	  .def = "0",
	  .min = 0,
	  .max = INT64_C(1) << 40,
	  .help = "with sync = on: how many bytes of the peer's may be "
		  "acknowledged and not merged yet, in state_dir; 0: what is "
		  "acknowledged is merged" },
	{ .section = "status",
	  .key = "listen",
	  .kind = CONF_STRING,
	  .offset = AT(listen),
	  .def = "",
	  .help = "HOST:PORT of /status and /metrics; empty: none" },
	{ .section = "keys",
	  .key = "file",
	  .kind = CONF_STRING,
	  .offset = AT(copy.keys_file),
	  .def = "",
	  .help = "the pair's key ring; for the daily copy" },
	{ .section = "copy",
	  .key = "url",
	  .kind = CONF_STRING,
	  .offset = AT(copy.url),
	  .def = "",
	  .help = "of the primary's web, at the backup: the daily copy comes "
		  "from there; empty: none comes" },
	{ .section = "copy",
	  .key = "dir",
	  .kind = CONF_STRING,
	  .offset = AT(copy.dir),
	  .def = "",
	  .help = "where it goes: the site's [site] state_dir, /files" },
	{ .section = "copy",
	  .key = "socket",
	  .kind = CONF_STRING,
	  .offset = AT(copy.socket),
	  .def = "",
	  .help = "unix socket for gsbctl copy" },
	{ .section = "copy",
	  .key = "ca_file",
	  .kind = CONF_STRING,
	  .offset = AT(copy.ca_file),
	  .def = "",
	  .help = "trust these alone for an https url; empty: the system's" },
	{ .section = "copy",
	  .key = "at",
	  .kind = CONF_STRING,
	  .offset = AT(copy.at),
	  .def = "03:10",
	  .help = "local time of day" },
	{ .section = "copy",
	  .key = "jitter",
	  .kind = CONF_MS,
	  .offset = AT(copy.jitter_ms),
	  .def = "10m",
	  .min = 0,
	  .max = 12 * 3600000,
	  .help = "up to so much later" },
	{ .section = "copy",
	  .key = "bandwidth",
	  .kind = CONF_BYTES,
	  .offset = AT(copy.max_rate),
	  .def = "0",
	  .help = "bytes a second at most; 0: no limit" },
	{ .section = "copy",
	  .key = "keep",
	  .kind = CONF_INT,
	  .offset = AT(copy.keep),
	  .def = "3",
	  .min = 1,
	  .max = 100,
	  .help = "versions, for gsbctl copy rollback" },
};

#define NKEYS (sizeof(keys) / sizeof(keys[0]))

static const char *dry_run;
static const struct service_option options[] = {
	{ "dry-run", NULL, "install, adopt, release: print what would be done",
	  &dry_run },
	{ NULL, NULL, NULL, NULL }
};

static struct conf current; /* its texts are the heap's */
static struct tables *tables;
static struct run *running;
static struct copy *copying; /* NULL: no daily copy comes here */
static struct install *installing;
static struct adopt *adopting;

static void
on_installed(void *ctx, const struct err *err)
{
	if (err != NULL)
		log_error(ctx, "why=\"%s\"", err_text(err));
	service_stopped(err != NULL ? 1 : 0);
}

/* install, and adopt or release, which are more of it. */
static int
start_verb(const struct conf *c, char *const *words, struct err *e)
{
	struct install_conf conf = { .admin = c->admin,
				     .site = sites[c->site],
				     .sync = modes[c->sync],
				     .tables = tables,
				     .dry_run = dry_run != NULL,
				     .out = stdout };
	bool release = strcmp(words[0], "release") == 0;

	if (c->admin[0] == '\0')
		return err_set(e, ERR_INVALID,
			       "%s wants replicator.admin, the connection "
			       "string of a superuser of the local database",
			       words[0]);
	if (words[1] == NULL) {
		installing = install_start(&conf, on_installed, words[0]);
		return 0;
	}
	adopting = adopt_start(&(struct adopt_conf){ .install = conf,
						     .peer = c->peer,
						     .table = words[1],
						     .release = release },
			       on_installed, words[0], e);
	return adopting != NULL ? 0 : -1;
}

static void
copy_figures(struct strbuf *out)
{
	if (copying != NULL)
		copy_metrics(copying, out);
}

static struct run_conf
run_conf(const struct conf *c)
{
	return (struct run_conf){ .site = sites[c->site],
				  .local = c->local,
				  .peer = c->peer,
				  .state_dir = c->state_dir,
				  .stream_above = c->stream_above,
				  .leap_above = c->leap_above,
				  .spool_max = c->spool_max,
				  .listen = c->listen,
				  .sync = (enum sync_mode)c->sync,
				  .sync_timeout_ms = c->sync_timeout_ms,
				  .verify_ms = c->verify_ms,
				  .conflicts_age_ms = c->conflicts_age_ms,
				  .conflicts_kept = c->conflicts_kept,
				  .tables = tables,
				  .more_metrics = copy_figures };
}

static int
start_run(const struct conf *c, struct err *e)
{
	struct run_conf conf = run_conf(c);

	if (c->state_dir[0] == '\0')
		return err_set(e, ERR_INVALID,
			       "replicator.state_dir is missing: a directory "
			       "for the replicator's own files");
	running = run_new(&conf, e);
	if (running == NULL)
		return -1;
	if (c->copy.url[0] != '\0')
		copying = copy_new(&c->copy, e);
	return c->copy.url[0] == '\0' || copying != NULL ? 0 : -1;
}

static int
check_words(char *const *words, struct err *e)
{
	size_t n = 0;
	bool table;

	while (words[n] != NULL)
		n++;
	if (n == 0 || (n == 1 && strcmp(words[0], "install") == 0))
		return 0;
	table = strcmp(words[0], "adopt") == 0 ||
		strcmp(words[0], "release") == 0;
	if (table && n == 2)
		return 0;
	if (table)
		return err_set(e, ERR_INVALID, "%s wants one SCHEMA.TABLE",
			       words[0]);
	return err_set(e, ERR_INVALID,
		       "unknown verb \"%s\": there is install, adopt "
		       "SCHEMA.TABLE, release SCHEMA.TABLE, and none to run",
		       words[n > 1 ? 1 : 0]);
}

static const char **
text_of(struct conf *c, const struct conf_key *k)
{
	return (const char **)((char *)c + k->offset);
}

/* What runs outlives what was read: a reload takes that away. */
static void
keep(const struct conf *c)
{
	current = *c;
	for (size_t i = 0; i < NKEYS; i++)
		if (keys[i].kind == CONF_STRING)
			*text_of(&current, &keys[i]) = mem_strdup(
			    *text_of(&current, &keys[i]));
}

static void
drop(void)
{
	for (size_t i = 0; i < NKEYS; i++)
		if (keys[i].kind == CONF_STRING)
			mem_free((void *)*text_of(&current, &keys[i]));
	current = (struct conf){ 0 };
}

static bool
is_same(const struct conf_key *k, const struct conf *a, const struct conf *b)
{
	const char *x = (const char *)a + k->offset;
	const char *y = (const char *)b + k->offset;

	switch (k->kind) {
	case CONF_STRING:
		return strcmp(*(const char *const *)x,
			      *(const char *const *)y) == 0;
	case CONF_ENUM:
		return *(const int *)x == *(const int *)y;
	case CONF_BOOL:
		return *(const bool *)x == *(const bool *)y;
	case CONF_INT:
	case CONF_MS:
	case CONF_BYTES:
		break;
	}
	return *(const int64_t *)x == *(const int64_t *)y;
}

static int
reload(const void *conf, struct err *e)
{
	const struct conf *c = conf;
	struct run_conf more;

	if (running == NULL)
		return err_set(e, ERR_INVALID, "this is no running replicator");
	for (size_t i = 0; i < NKEYS; i++) {
		const struct conf_key *k = &keys[i];

		if ((k->offset < AT(sync) || k->offset >= AT(copy)) &&
		    !is_same(k, &current, c))
			return err_set(e, ERR_INVALID,
				       "[%s] %s is another; it takes a restart "
				       "of gsb-replicator",
				       k->section, k->key);
	}
	current.sync = c->sync;
	current.sync_timeout_ms = c->sync_timeout_ms;
	current.verify_ms = c->verify_ms;
	current.conflicts_age_ms = c->conflicts_age_ms;
	current.conflicts_kept = c->conflicts_kept;
	more = run_conf(&current);
	run_reload(running, &more);
	return 0;
}

static int
start(const void *conf, char *const *words, struct err *e)
{
	const struct conf *c = &current;

	keep(conf);
	if (check_words(words, e) != 0)
		return -1;
	tables = tables_load(c->tables, e);
	if (tables == NULL)
		return -1;
	return words[0] != NULL ? start_verb(c, words, e) : start_run(c, e);
}

static int
check(const void *conf, struct err *e)
{
	const struct conf *c = conf;
	struct tables *t = tables_load(c->tables, e);

	if (t == NULL)
		return -1;
	tables_free(&t);
	return copy_check(&c->copy, e);
}

static void
on_drained(void *ctx)
{
	service_stopped(0);
}

static void
drain(void)
{
	if (running != NULL)
		run_drain(running, on_drained, NULL);
	else
		service_stopped(1);
}

static void
stop(void)
{
	install_cancel(&installing);
	adopt_cancel(&adopting);
	copy_free(&copying);
	run_free(&running);
	tables_free(&tables);
	drop();
}

int
main(int argc, char **argv)
{
	static const struct service service = {
		.name = "gsb-replicator",
		.about = "keeps a site's database equal to its peer's; verb "
			 "install prepares the local database, adopt and "
			 "release one table",
		.keys = keys,
		.nkeys = NKEYS,
		.conf_size = sizeof(struct conf),
		.options = options,
		.check = check,
		.start = start,
		.reload = reload,
		.drain = drain,
		.stop = stop,
	};

	return service_main(argc, argv, &service);
}
