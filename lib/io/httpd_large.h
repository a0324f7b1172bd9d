/*
 * Bodies that are too large for memory. Answers are made while they are sent,
 * piece by piece in the thread pool (two pieces of 256 KiB); bodies of
 * requests are spooled to a file.
 */
#ifndef IO_HTTPD_LARGE_H
#define IO_HTTPD_LARGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "io/httpd.h"

struct httpd_source {
	int64_t length; /* of all of it; -1: not known, it goes in chunks */
	/* In a pool thread, one call at a time: fills some of buf; 0 at the
	 * end; -1 cuts the connection, so that nobody takes it for whole. */
	ssize_t (*read)(void *job, char *buf, size_t size);
	void (*fini)(void *job); /* on the loop, once, whatever happens */
	void *job;               /* taken */
};

/* As httpd_reply. */
void httpd_reply_source(struct httpd_req *r, int status,
			const struct httpd_field *fields,
			const struct httpd_source *from);

/* In httpd_conf; copied. */
struct httpd_spool {
	/* Asked when the head has come: may this body have up to limit bytes?
	 * Beyond 256 KiB it goes to a file. What stands in the err answers
	 * a body that may not, 403 instead of 413. */
	bool (*may)(void *ctx, struct httpd_req *req, struct err *e);
	const char *dir;
	uint64_t limit;
};

/* The file of a body that was spooled, else NULL and httpd_body has it. It
 * goes with the request; who wants to keep it renames it before. */
const char *httpd_body_file(const struct httpd_req *r);

#endif
