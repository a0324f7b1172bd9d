/*
 * The few numbers that the workers of a plane share, and their way to
 * control's loop. Everything here is safe from any thread.
 */
#ifndef PROXY_SHARED_H
#define PROXY_SHARED_H

#include <stdatomic.h>
#include <uv.h>

#include "proxy/plane.h"

struct addresses;
struct introduction_trust;

/* One published snapshot; freed when the last worker lets go of it. */
struct edition {
	struct route_snapshot *snapshot;
	atomic_uint holders;
};
void edition_drop(struct edition **e);

struct shared {
	uv_async_t to_control;
	struct {
		atomic_uint n;
		_Atomic uint64_t epoch;
	} signals[ROUTE_SITES][ROUTE_SERVICES][PLANE_SIGNALS];
	atomic_uint_fast64_t held, held_bytes;
	atomic_uint connections;
	struct addresses *addresses;
	struct introduction_trust *trust; /* owned; never changes */
};

void shared_init(struct shared *s);
void shared_fini(struct shared *s);

/* A real request met this; control hears of it soon. */
void shared_signal(struct shared *s, const struct plane_event *event);

/* Counts a held request; false (and nothing counted) beyond *limit. */
bool shared_hold(struct shared *s, const struct plane_limits *limits,
		 size_t bytes, enum limit *limit);
void shared_release(struct shared *s, size_t bytes);

/* from NULL: of no address yet. Counts a connection; false (and nothing
 * counted) beyond *limit. */
bool shared_connect(struct shared *s, const struct plane_limits *limits,
		    const struct sockaddr *from, enum limit *limit);
void shared_disconnect(struct shared *s, const struct sockaddr *from);

#endif
