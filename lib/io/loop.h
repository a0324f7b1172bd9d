/*
 * The event loop: one per thread, found through the thread. Everything in
 * lib/io belongs to the loop of the thread that started it and calls back on
 * that thread; only loop_post may be called from another one.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

struct loop;
struct loop_call;
struct uv_loop_s;

typedef void loop_fn(void *ctx);

/* Makes this thread's loop. Once per thread, before anything else of io. */
void loop_open(void);

/*
 * Ends it. Whatever was started on it must have been freed or cancelled;
 * a handle that still lives is a bug and asserts. What was posted before runs
 * here at last; what was deferred and has not run is dropped.
 */
void loop_close(void);

/* Until loop_stop. May be called again after it returned. */
void loop_run(void);

/* loop_run returns after the present turn. From the loop's own thread. */
void loop_stop(void);

/* This thread's loop; asserts that there is one. */
struct loop *loop_current(void);

/* For lib/io and the proxy's data plane. */
struct uv_loop_s *loop_uv(void);

/*
 * Calls fn once on the next turn of this thread's loop. What start() finds
 * out at once is told through this, so that no callback comes before start
 * has returned. The call has ended when fn runs; cancel sets *c NULL.
 */
struct loop_call *loop_defer(loop_fn *fn, void *ctx);
void loop_defer_cancel(struct loop_call **c);

/*
 * From any thread: fn runs once on loop's thread, in order of posting.
 * Whoever posts must end before the loop is closed.
 */
void loop_post(struct loop *loop, loop_fn *fn, void *ctx);

#endif
