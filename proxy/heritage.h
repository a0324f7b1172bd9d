/*
 * What a process gets from the one that started it to take its place: its
 * listening sockets and a line to it, named in the environment.
 */
#ifndef PROXY_HERITAGE_H
#define PROXY_HERITAGE_H

#include "proxy/listener.h"

#define HERITAGE_NAME "GSB_PROXY_HERITAGE"

struct heritage;

/* Of the old one: the line stands at `base`, the sockets behind it. The
 * caller frees the text. */
char *heritage_text(int base, const struct listener_socket *sockets,
		    unsigned n);

/* NULL: there is none. The environment names it no more. */
struct heritage *heritage_find(void);
/* Says that this process is ready; returns when the old one has let go. */
int heritage_take(struct heritage *h, struct err *e)
    __attribute__((warn_unused_result));
/* NULL and 0 without a heritage. */
const struct listener_socket *heritage_sockets(const struct heritage *h,
					       unsigned *n);
/* Tells the old one whether this one serves. NULL is fine. */
void heritage_end(struct heritage **h, bool serves);

#endif
