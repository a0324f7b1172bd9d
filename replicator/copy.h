/*
 * The daily copy (G16 G17): the backup's replicator fetches the primary's
 * settings, pages and clients at a time of day, again and again until it
 * goes well, and when an operator says so. docs/copy.md.
 */
#ifndef REPLICATOR_COPY_H
#define REPLICATOR_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"

struct copy;

struct copy_conf {
	const char *url; /* of the primary's web; borrowed, as all */
	const char *dir; /* the site's files: [site] state_dir + "/files" */
	const char *keys_file;
	const char *ca_file; /* "": the system's */
	const char *socket;  /* for gsbctl copy */
	const char *at;      /* "03:10" */
	int64_t jitter_ms;
	int64_t max_rate; /* bytes a second; 0: no limit */
	int64_t keep;     /* versions */
};

/* "at" can be read, and what belongs together is there. */
int copy_check(const struct copy_conf *conf, struct err *e)
    __attribute__((warn_unused_result));

struct copy *copy_new(const struct copy_conf *conf, struct err *e)
    __attribute__((warn_unused_result));
/* What has come of a copy that runs stays for the next one. */
void copy_free(struct copy **c);

/* Appended. */
void copy_metrics(const struct copy *c, struct strbuf *out);

#endif
