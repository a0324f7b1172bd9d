/*
 * Attendees in the XML API: elements <-> objects as the store takes and gives
 * them (store_attendee.h). Pure.
 */
#ifndef SITE_XMLAPI_ATTENDEES_H
#define SITE_XMLAPI_ATTENDEES_H

#include "base/err.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/xml.h"

#define XMLAPI_ATTENDEES_MAX 1000 /* of one request */

/* Given: one attendee, of <person> or its elements themselves and what stands
 * beside it; NULL: no e-mail, or not such values. */
json_t *xmlapi_attendee_read(const struct xml_node *node, struct err *e);

/* participants/attendees of a request into fields; absent: unchanged. */
int xmlapi_attendees_read(const struct xml_node *body, json_t *fields,
			  struct err *e) __attribute__((warn_unused_result));

/* <att:person> and what follows it. */
void xmlapi_attendee_write(const json_t *one, struct strbuf *out);

/* Name, e-mail and phones alone, with that prefix. */
void xmlapi_attendee_short(const json_t *one, const char *prefix,
			   struct strbuf *out);

/* An array of them (NULL: none) becomes "=attendees" of values. */
void xmlapi_attendees_put(const json_t *all, json_t *values);

#endif
