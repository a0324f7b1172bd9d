/* Answers beside the forms: a file. */
#ifndef SITE_API_STREAM_H
#define SITE_API_STREAM_H

#include "io/httpd_large.h"
#include "site/api.h"

/* An answer in no form: fields up to a NULL name, and a stream (taken; NULL:
 * no body). */
void api_answer_fields(struct api *a, int status,
		       const struct httpd_field *fields,
		       const struct httpd_source *body);

#endif
