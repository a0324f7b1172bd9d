/*
 * A plane in a thread of its own, two sites that misbehave as told, and a
 * blocking client. Included by the plane tests as a whole (rig.c), because
 * the folder's other tests stand on fakes.
 */
#ifndef UNIT_PROXY_RIG_H
#define UNIT_PROXY_RIG_H

#include "base/unit.h"
#include "proxy/plane.h"

/*
 * A site does what the path says: /c/<action>/<n>/... does the action for the
 * first n requests of exactly that target and answers "<site> <count>" after
 * that. /c/ok counts from the start; /c/echo gives the request back.
 *
 *   reset close half cut garbage 421 np unknown 500 503 slow early big huge
 *   chunked length0 nolength extra old interim silent204
 */
struct site;
struct site *site_start(const char *name, unsigned port); /* 0: any */
void site_stop(struct site **s);
unsigned site_port(const struct site *s);
/* Requests that came whole for that target. */
unsigned site_count(struct site *s, const char *target);
unsigned site_connections(struct site *s); /* accepted so far */
/* Those stuck in "slow" are answered from now on. */
void site_release(struct site *s);

struct rig_conf {
	struct plane_limits limits;
	const char *access_log;
	const char *certificate; /* with its key: TLS on rig.tls_port */
	unsigned workers;
};
struct rig {
	struct plane *plane;
	struct loop *loop;
	unsigned port, tls_port;
	struct site *site[ROUTE_SITES], *collab[ROUTE_SITES];
	struct route_snapshot next; /* what rig_publish sends */
	struct route_companies *companies;
	_Atomic unsigned signals[ROUTE_SITES][PLANE_SIGNALS];
	_Atomic unsigned settled;
	_Atomic bool drained;
};
extern struct rig rig;

/* Serving on the primary under epoch 7, both healthy, company "acme". */
void rig_start(const struct rig_conf *conf);
void rig_stop(void);
/* Publishes rig.next and waits until it is settled. */
void rig_publish(void);
/* The site's port answers no more / again, on the same one. */
void rig_site_down(enum route_site s);
void rig_site_up(enum route_site s);
void rig_counts(struct plane_counts *out);
void rig_metrics(struct strbuf *out);
void rig_close_websockets(enum route_site site, int code, uint32_t spread_ms);
void rig_drain(void);
void rig_set_limits(const struct plane_limits *l);
/* Listens on these from now on: "" or what is wrong. */
const char *rig_reload(const char *listen);
/* Until fn says yes, or the signal has come; at most 10 s. */
void rig_wait(bool (*fn)(void));
void rig_wait_signal(enum route_site s, enum plane_signal kind);

/* --- a client ---------------------------------------------------------- */

int client_open(void);
int client_open_at(unsigned port);
void client_send(int fd, const char *text);
void client_send_bytes(int fd, const char *at, size_t len);
/* One answer by its framing (or to the end of the connection). */
struct answer {
	int status; /* 0: the connection ended before a head */
	char head[32768];
	char *body; /* NUL-terminated; mem_free by answer_free */
	size_t len;
	bool whole;  /* as its framing says */
	bool closed; /* the connection ended with it */
};
void client_read(int fd, bool to_head, struct answer *out);
/* Reads until n bytes are there, or the end; the number. */
size_t client_read_bytes(int fd, char *out, size_t n);
/* True if the connection is at its end (waits for it, 5 s). */
bool client_at_end(int fd);
void answer_free(struct answer *a);
/* The value of a field of the head, "" if there is none. */
const char *answer_field(struct answer *a, const char *name);

/* A request on a connection of its own, "Connection: close". */
void client_get(const char *target, struct answer *out);
void client_post(const char *target, const char *body, struct answer *out);
/* In the background, for what is held; client_join gives the answer. */
struct client;
struct client *client_start(const char *method, const char *target);
void client_join(struct client **c, struct answer *out);

#endif
