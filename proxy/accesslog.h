/*
 * The access log: workers fill buffers of their own, a writer thread writes
 * them. A slow disk loses lines, which are counted, and never stops a
 * request. A file that was renamed away is opened anew within a second.
 */
#ifndef PROXY_ACCESSLOG_H
#define PROXY_ACCESSLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "proxy/plane.h"

struct accesslog;
struct accesslog_feed;

/* path "-": stderr. NULL with e set when it cannot be opened. */
struct accesslog *accesslog_open(const char *path, enum plane_log_format format,
				 struct err *e)
    __attribute__((warn_unused_result));
/* All feeds must be gone. Writes what is there. */
void accesslog_close(struct accesslog **log);

/* Each worker's own end. lost counts lines that found no room. */
struct accesslog_feed *accesslog_feed_new(struct accesslog *log,
					  _Atomic uint64_t *lost);
void accesslog_feed_free(struct accesslog_feed **f);

/* Strings are borrowed. Times in microseconds; -1: not reached. */
struct accesslog_entry {
	int64_t wall_us;    /* UNIX time of the head */
	const char *client; /* address */
	struct span id;     /* empty: none yet */
	struct span method, target;
	const char *protocol;
	int status; /* 0: none */
	uint64_t bytes_in, bytes_out;
	const char *site, *service; /* NULL: none */
	uint64_t epoch;
	unsigned attempts;
	int64_t read_us, held_us, answer_us, total_us;
	const char *end; /* four letters */
};
void accesslog_add(struct accesslog_feed *f, const struct accesslog_entry *e);
/* Hands over what is there; called on every tick. */
void accesslog_flush(struct accesslog_feed *f);

/* One line into out (room for it: see .c); its length. Pure. */
#define ACCESSLOG_LINE_MAX 8192
size_t accesslog_line(enum plane_log_format format,
		      const struct accesslog_entry *e,
		      char out[static ACCESSLOG_LINE_MAX]);

#endif
