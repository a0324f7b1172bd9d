/* Where a request is in its life, and what it is for. */
#ifndef PROXY_REQUEST_STAGE_H
#define PROXY_REQUEST_STAGE_H

enum request_stage {
	REQUEST_READS,    /* its body comes */
	REQUEST_HELD,     /* waits for a site */
	REQUEST_QUEUES,   /* its site has enough to do */
	REQUEST_CONNECTS, /* waits for a connection */
	REQUEST_WAITS,    /* was sent */
	REQUEST_ANSWERS,  /* the answer has begun */
	REQUEST_TUNNELS   /* 101: bytes both ways */
};

enum request_kind {
	REQUEST_WEB,
	REQUEST_DETECT,
	REQUEST_ROOM /* a WebSocket to a collab */
};

#endif
