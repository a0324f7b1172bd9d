/*
 * The XML API (docs/api.md): POST /WBXService/XMLService. One document, one
 * operation, always answered with a document.
 */
#ifndef SITE_XMLAPI_H
#define SITE_XMLAPI_H

#include "site/api.h"

/* How it says things; the web gives it to the request before it begins. */
extern const struct api_form xmlapi_form;

/* Reads the document (httpd_body) and runs its operation. */
void xmlapi_handle(struct api *a);

#endif
