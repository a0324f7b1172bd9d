/*
 * One-shot timers on the monotonic clock, on this thread's loop. A stopped
 * clock or a suspended machine never makes one fire early.
 */
#ifndef IO_TIMER_H
#define IO_TIMER_H

#include <stdint.h>

struct timer;

typedef void timer_fn(void *ctx);

/*
 * Calls fn once, from the loop, ms milliseconds from now (0: on the next
 * turn). The timer has ended when fn runs: its pointer is then dead, fn's
 * first act is to set it NULL.
 */
struct timer *timer_start(uint64_t ms, timer_fn *fn, void *ctx);

/* fn is not called any more. Accepts NULL in *t, sets *t NULL. */
void timer_cancel(struct timer **t);

#endif
