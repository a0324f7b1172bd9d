/*
 * The command line of a daemon, read by its table; part of service.
 */
#ifndef IO_OPTIONS_H
#define IO_OPTIONS_H

#include <stdbool.h>

#include "io/service.h"

struct options {
	const char *config;    /* or NULL */
	const char *pid_file;  /* or NULL */
	const char **settings; /* "section.key=value" up to a NULL; given */
	unsigned nsettings;
	bool check;
	char **words; /* in argv */
};

/* The key that every daemon has; its offset is for service to set. */
extern const struct conf_key options_log_level;

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_BAD };

/*
 * DONE: --help, --version or --sample was answered on stdout. BAD: the
 * mistake was told on stderr.
 */
enum options_result options_read(struct options *o, int argc, char **argv,
				 const struct service *service);
void options_fini(struct options *o);

#endif
