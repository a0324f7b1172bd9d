/* The JSON API's form of answers, and what all forms share. */
#ifndef SITE_FORM_H
#define SITE_FORM_H

#include "base/json.h"
#include "site/api.h"

extern const struct api_form form_json; /* content is a JSON text */
extern const struct api_form form_csv;  /* content is a table (csv.h) */

/* Fields of every answer under https, up to a NULL name; else NULL. */
const struct httpd_field *form_https(const struct site *s);

/* Takes j; its text in the arena. */
struct span form_json_text(struct api *a, json_t *j);

/* {"message", "errors", "trackingId"}; given. */
json_t *form_json_failure(const char *text, const char *tracking);

#endif
