/*
 * Runs another program in this thread: for jobs of the pool, for it blocks.
 */
#ifndef IO_PROGRAM_H
#define IO_PROGRAM_H

#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"

struct program_run {
	const char *command; /* words between blanks; the first one is a path.
			      * No shell: nothing in it is special. */
	int in;              /* its standard input, read from its position */
	uint32_t timeout_ms;
};

/*
 * Its exit status; out: the end of what it wrote, either way (1 KiB). It has
 * no other files of ours. -1: it could not be started, was killed by a signal
 * or, after timeout_ms or when nobody waits any more (work.h), by us.
 */
int program_run(const struct program_run *p, struct strbuf *out, struct err *e)
    __attribute__((warn_unused_result));

/* Whether its first word can be run. */
int program_check(const char *command, struct err *e)
    __attribute__((warn_unused_result));

#endif
