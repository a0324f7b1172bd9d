/*
 * Readiness of a file descriptor that another library owns (libpq, eventfd).
 * Level-triggered. Not for files.
 */
#ifndef IO_FDWATCH_H
#define IO_FDWATCH_H

struct fdwatch;

enum fdwatch_events { FDWATCH_READ = 1, FDWATCH_WRITE = 2 };

/* events: those that are ready; on an error of the descriptor, all asked. */
typedef void fdwatch_fn(void *ctx, unsigned events);

/* Calls fn as often as fd is ready for one of events, until the end. */
struct fdwatch *fdwatch_start(int fd, unsigned events, fdwatch_fn *fn,
			      void *ctx);

/* Other events for the same descriptor; cheap when they are the same. */
void fdwatch_set(struct fdwatch *w, unsigned events);

/* Before the descriptor is closed. Sets *w NULL. */
void fdwatch_cancel(struct fdwatch **w);

#endif
