/*
 * POST /gsb/lease (docs/contracts.md 4): takes the grant, answers with the
 * health of the service, deep and in time.
 */
#ifndef SITE_LEASE_H
#define SITE_LEASE_H

struct gate;
struct httpd_req;
struct site;

/* health: of the database is asked for and reported (web). */
void lease_handle(struct site *s, struct gate *gate, struct httpd_req *req);

/* The small answer of the /gsb paths: {"message": ...}. */
void lease_refuse(struct httpd_req *req, int status, const char *why);

#endif
