/*
 * The attendees that a meeting is created with: kept as the request had them
 * (column extra, member "attendees") and given back. Pure.
 */
#ifndef SITE_XMLAPI_ATTENDEES_H
#define SITE_XMLAPI_ATTENDEES_H

#include "base/err.h"
#include "base/json.h"
#include "base/xml.h"

/* participants/attendees of a request into fields; absent: unchanged. */
int xmlapi_attendees_read(const struct xml_node *body, json_t *fields,
			  struct err *e) __attribute__((warn_unused_result));

/* "extra.attendees" of flat values becomes "=attendees", as XML. */
void xmlapi_attendees_put(json_t *values);

#endif
