/*
 * A read that goes to the database with the next query (api_query), before it
 * is known whether it may be answered: one round trip for two. Who declares
 * it keeps what came and answers from it when he is asked; else nobody has
 * seen it.
 */
#ifndef SITE_API_AHEAD_H
#define SITE_API_AHEAD_H

struct api;
struct loop_call;
struct pgbatch;
struct pgresult;

struct api_ahead {
	/* One statement, the last of the batch, and its result. */
	void (*add)(struct api *a, struct pgbatch *b);
	void (*take)(struct api *a, const struct pgresult *r);
	enum { API_AHEAD_NEW, API_AHEAD_SENT, API_AHEAD_TAKEN } state;
	struct loop_call *told; /* the answer from it; ends with the request */
};

#endif
