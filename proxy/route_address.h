/* Where a service of a site listens. */
#ifndef PROXY_ROUTE_ADDRESS_H
#define PROXY_ROUTE_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"

struct route_address {
	struct sockaddr_storage addr;
	socklen_t len; /* 0: there is none */
	bool tls;
	char host[128]; /* what its certificate must be for */
	char text[128];
};

/* "HOST:PORT", "[V6]:PORT", "https://" before them; a name is looked up in the
 * foreground. */
int route_address_parse(const char *text, struct route_address *out,
			struct err *e) __attribute__((warn_unused_result));

#endif
