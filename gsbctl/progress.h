/*
 * What goes on, for an operator who waits: from the second second on, over
 * itself on a terminal, else a line now and then.
 */
#ifndef GSBCTL_PROGRESS_H
#define GSBCTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
	FILE *to;
	bool over;                 /* a terminal: each text replaces the last */
	bool shown;                /* and one stands there */
	int64_t begun_ms, next_ms; /* monotonic */
};

/* to: borrowed. at_once: does not wait for the second second. */
void progress_init(struct progress *p, FILE *to, bool at_once);

/* Without a line end; nothing is shown that comes too early. */
void progress_say(struct progress *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Before other words, and at the end: on a terminal it is gone. */
void progress_clear(struct progress *p);

/* How long it has been going on. */
int64_t progress_ms(const struct progress *p);

#endif
