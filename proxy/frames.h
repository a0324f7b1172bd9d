/*
 * WebSocket frames (RFC 6455 5.2) of one direction, followed only as far as
 * it takes to know where one ends. Pure.
 */
#ifndef PROXY_FRAMES_H
#define PROXY_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frames {              /* { 0 } is the start */
	uint64_t left;       /* of the payload */
	uint64_t length;     /* read so far */
	uint8_t header_left; /* bytes of the header still to come */
	uint8_t length_left; /* of them, of the extended length */
	bool in_frame;
	bool closed; /* a close frame has begun: nothing may follow */
};

/*
 * Follows the bytes. stop: only up to the first end of a frame. Returns how
 * many were followed.
 */
size_t frames_follow(struct frames *f, const char *at, size_t len, bool stop);

/* A frame may begin here. */
bool frames_between(const struct frames *f);

/* An unmasked close frame (5.5.1), the server's; its length. */
#define FRAMES_CLOSE_MAX 64
size_t frames_close(int code, const char *reason,
		    char out[static FRAMES_CLOSE_MAX]);

#endif
