/*
 * What a balancer before us says of a client: the PROXY protocol, versions 1
 * and 2 (haproxy.org, proxy-protocol.txt), and whom we believe it. Pure.
 */
#ifndef PROXY_INTRODUCTION_H
#define PROXY_INTRODUCTION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define INTRODUCTION_MAX 1024 /* what may come before it is whole */

union introduction_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct introduction {
	bool named; /* false: it speaks for itself, or does not know */
	union introduction_address from;
};

/* Bytes of the header; 0: more must come; -1: this is none. */
int introduction_parse(const char *at, size_t len, struct introduction *out);

/* Networks such as "10.0.0.0/8, ::1"; "" is none. Given; NULL: e says which. */
struct introduction_trust;
struct introduction_trust *introduction_trust_new(const char *list,
						  struct err *e)
    __attribute__((warn_unused_result));
void introduction_trust_free(struct introduction_trust **t);
bool introduction_trusts(const struct introduction_trust *t,
			 const struct sockaddr *who);

#endif
