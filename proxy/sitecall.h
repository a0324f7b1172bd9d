/*
 * A signed call of the proxy to a service of a site (docs/contracts.md 4).
 */
#ifndef PROXY_SITECALL_H
#define PROXY_SITECALL_H

#include "base/keyring.h"
#include "io/httpc.h"

struct trust;

struct sitecall {
	const char *address; /* HOST:PORT or https://HOST:PORT */
	const char *path;    /* "/gsb/..." */
	const struct keyring *keys;
	uint32_t timeout_ms;
	const struct httpc_field *fields; /* more of them; or NULL */
};

/* How to trust sites over TLS from now on; held. NULL: as the system does. */
void sitecall_trust(struct trust *t);

/* POST with the body's signature; everything is copied. As httpc_start. */
struct httpc *sitecall_start(const struct sitecall *to, struct span body,
			     httpc_fn *fn, void *ctx);

/* 0, or -1 with e: err as it is, or "answered 403: what it said". */
int sitecall_check(const struct httpc_answer *answer, const struct err *err,
		   struct err *e) __attribute__((warn_unused_result));

#endif
