/*
 * A job in the thread pool (hashing, files), its end told on the loop.
 */
#ifndef IO_WORK_H
#define IO_WORK_H

#include <stdbool.h>
#include <stddef.h>

struct work;

/*
 * Runs in a pool thread with a private copy of the job. It may touch only
 * that copy and what the copy alone points to.
 */
typedef void work_fn(void *job);

/* On the loop; job is the copy as work_fn left it, valid in this call. */
typedef void work_done_fn(void *ctx, void *job);

/* Frees what the copy points to, not the copy. Always runs, on the loop. */
typedef void work_fini_fn(void *job);

/*
 * Copies size bytes of job; what they point to is taken (fini frees it).
 * fini may be NULL. Ends by done, then fini.
 */
struct work *work_start(work_fn *run, const void *job, size_t size,
			work_fini_fn *fini, work_done_fn *done, void *ctx);

/*
 * done does not come any more; a job that runs is finished in the
 * background, fini runs then, and the loop is not closed before. Sets *w
 * NULL.
 */
void work_cancel(struct work **w);

/* done does not come either; run has ended when this returns: it may block. */
void work_stop(struct work **w);

/*
 * Nobody waits any more for the job that runs in this thread: what takes long
 * looks between its steps and ends early, as if it had failed. Outside of a
 * job false.
 */
bool work_cancelled(void);

#endif
