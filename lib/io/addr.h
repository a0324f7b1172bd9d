/* Addresses to listen on, as configurations write them. */
#ifndef IO_ADDR_H
#define IO_ADDR_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"

#define ADDR_TEXT_SIZE 64
#define ADDR_PATH_SIZE 108

struct addr {
	struct sockaddr_storage sa; /* unless path is set */
	char path[ADDR_PATH_SIZE];  /* of a unix socket, or "" */
};

/*
 * "HOST:PORT", "[V6]:PORT", ":PORT" (every address), "unix:/path". A name
 * is resolved in the foreground: for start-up only.
 */
int addr_parse(struct addr *a, const char *text, struct err *e)
    __attribute__((warn_unused_result));

/* The address alone, without the port. Returns buf. */
const char *addr_text(const struct sockaddr *sa, char buf[ADDR_TEXT_SIZE]);
unsigned addr_port(const struct sockaddr *sa);
/* Nobody on another machine can come by it. */
bool addr_is_loopback(const struct addr *a);

/* Removes a socket file that nobody listens on any more. */
void addr_unlink_stale(const char *path);

#endif
