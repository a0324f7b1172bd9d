/* A bare TCP or unix client, to send servers what no library would. */
#ifndef TEST_PEER_H
#define TEST_PEER_H

#include <stdbool.h>
#include <stddef.h>

struct peer {
	int fd;
	char in[70000];
	size_t len;
	bool eof; /* or reset */
};

void peer_connect(struct peer *p, unsigned port);
void peer_connect_unix(struct peer *p, const char *path);
void peer_send(struct peer *p, const char *text);
void peer_send_bytes(struct peer *p, const char *at, size_t len);
void peer_close(struct peer *p);

/* Turns the loop until text has come / the end has come. */
void peer_await(struct peer *p, const char *text);
void peer_await_eof(struct peer *p);
/* How often text is in what came. */
unsigned peer_count(const struct peer *p, const char *text);

#endif
