/*
 * What the modules of lib/io share among themselves; not for others.
 */
#ifndef IO_INNER_H
#define IO_INNER_H

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <uv.h>

#include "io/loop.h"
#include "io/timer.h"

/* A call of libuv that fails only by a bug or without memory. */
static inline void
io_must(int rc)
{
	if (rc != 0)
		fprintf(stderr, "libuv: %s\n", uv_strerror(rc));
	assert(rc == 0);
}

/* What modules keep per loop, and how each ends it in loop_close. */
struct timer_pool;
struct transfer_multi;
struct smtpc_links;
struct loop_hooks {
	struct timer_pool *timers;
	void (*free_timers)(struct timer_pool **pool);
	struct transfer_multi *multi;
	void (*free_multi)(struct transfer_multi **multi);
	struct smtpc_links *links;
	void (*free_links)(struct smtpc_links **links);
};
struct loop_hooks *loop_hooks(void);

#endif
