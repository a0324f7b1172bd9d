/*
 * The main of every daemon: options, configuration, log, signals, life.
 *
 *   -c/--config FILE  --check  --set section.key=value (repeatable)
 *   --pid-file FILE  --sample  --help  --version, and the program's own
 *
 * SIGTERM and SIGINT drain, a second one stops at once. SIGHUP reads the
 * configuration again; a bad one changes nothing and is logged with file and
 * line. SIGPIPE is ignored. $NOTIFY_SOCKET is told READY=1 and STOPPING=1.
 * The table must not have [log] level: service adds it.
 */
#ifndef IO_SERVICE_H
#define IO_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"

/* An option of the program's own, "--name" or "--name VALUE". */
struct service_option {
	const char *name;
	const char *value; /* what it is called in --help; NULL: no value */
	const char *help;
	const char **text; /* set to the value, ""  without one; NULL before */
};

struct service {
	const char *name;  /* "gsb-proxy" */
	const char *about; /* one line for --help */
	const struct conf_key *keys;
	size_t nkeys;
	size_t conf_size; /* of the structure that the keys fill */
	const struct service_option *options; /* up to a NULL name; or NULL */
	/* Checks beyond the table (files, combinations); may be NULL. */
	int (*check)(const void *conf, struct err *e);
	/*
	 * The loop is open, conf is read and lives until stop has returned (or
	 * a reload replaced it). words: arguments that are no options, up to a
	 * NULL; a program that wants none refuses them. -1: logged, exit 1.
	 */
	int (*start)(const void *conf, char *const *words, struct err *e);
	/*
	 * A new configuration that passed check; the old one is gone once this
	 * has returned 0. -1: the old one stays. NULL: SIGHUP does nothing.
	 */
	int (*reload)(const void *conf, struct err *e);
	/* Finish what runs, then call service_stopped. NULL: stops at once. */
	void (*drain)(void);
	/* Frees everything; the loop closes behind it. Also after a start
	 * that failed. May be NULL. */
	void (*stop)(void);
};

/* Returns the exit status: 0 done, 1 usage, configuration or start failed. */
int service_main(int argc, char **argv, const struct service *service);

/*
 * Ends the service from the loop, with that exit status: drained, or a verb
 * that has done its work (--migrate), or a failure that has been logged.
 */
void service_stopped(int status);

/*
 * What SIGHUP does, for who wants to know how it went: -1, all is as before
 * and e says FILE:LINE and what would be right.
 */
int service_reload(struct err *e) __attribute__((warn_unused_result));

/* Tells the service manager in words what goes on (STATUS=). */
void service_status(const char *text);

#endif
