/*
 * Signed operations of the pair (docs/contracts.md 4): POST /gsb/barrier and
 * /gsb/companies. Barriers and lists work without a lease; adding a company
 * is a write like any other.
 */
#ifndef SITE_SIGNED_H
#define SITE_SIGNED_H

#include "base/json.h"
#include "site/site.h"

struct httpd_req;

/* Given: the body, if it is ours and of now; else the request has been
 * answered and NULL comes. */
json_t *signed_read(struct site *s, struct httpd_req *req);
/* The same where bytes may stand behind the first line: they are *rest. */
json_t *signed_read_line(struct site *s, struct httpd_req *req,
			 struct span *rest);

/* body: borrowed. */
void signed_barrier(struct site *s, struct httpd_req *req, const json_t *body);
void signed_companies(struct site *s, struct httpd_req *req);

/* {"op":"add"} in a->body: a has passed the gate. (company.c) */
void signed_company_add(struct api *a);
/* {"op": "show" "set" "suspend" "resume" "delete"} (company_change.c) */
void signed_company_change(struct api *a, const char *op);

#endif
