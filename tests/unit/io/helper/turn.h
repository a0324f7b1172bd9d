/* Waiting in tests: turns of the loop until something is so. */
#ifndef TEST_TURN_H
#define TEST_TURN_H

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "io/inner.h"

/* Keeps a timer going, so that no turn sleeps for long. */
static inline void
turn_awake(void *ctx)
{
	*(struct timer **)ctx = timer_start(50, turn_awake, ctx);
}

/* Ends the test program after 20 s: a wait that hangs must be seen. */
#define TURN_UNTIL(condition)                                            \
	do {                                                             \
		int64_t turn_end = clock_mono_ms() + 20000;              \
		struct timer *turn_timer;                                \
                                                                         \
		turn_awake(&turn_timer);                                 \
		while (!(condition)) {                                   \
			if (clock_mono_ms() > turn_end) {                \
				fprintf(stderr, "%s:%d: never: %s\n",    \
					__FILE__, __LINE__, #condition); \
				exit(1);                                 \
			}                                                \
			uv_run(loop_uv(), UV_RUN_ONCE);                  \
		}                                                        \
		timer_cancel(&turn_timer);                               \
	} while (0)

#endif
